"""The panorama holds the newest of each thing and says what changed, whatever the order in which things come."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hubtwin.model.thing import Thing
from hubtwin.wiring import panorama
from hubtwin.wiring.panorama import PASSED_MS, Panorama


def thing(name: str, at_ms: int, people: int = 0, *, kind: str = "zone", gone: bool = False) -> Thing:
    return Thing(f"{kind}:{name}", kind, at_ms, "counters", values={"people": people}, gone=gone)


def test_older_never_replaces_newer_and_the_same_is_no_change() -> None:
    held = Panorama()
    assert held.take([thing("a", 10, 1), thing("b", 10, 1)]) == 2
    assert held.take([thing("a", 9, 7), thing("b", 10, 1)]) == 0
    assert held.take([thing("a", 10, 2)]) == 1  # the source corrected itself
    found = held.find("zone:a")
    assert found is not None
    assert found.values == {"people": 2}
    assert held.rev == 3


def test_a_source_that_makes_up_names_ends_somewhere_and_hurts_nothing_that_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(panorama, "MOST", 3)
    held = Panorama()
    with capture_logs() as logs:
        assert held.take([thing(str(number), 10) for number in range(9)]) == 3
    assert [(each["event"], each["source"]) for each in logs] == [("panorama_full", "counters")]
    assert held.take([thing("0", 20, 1), thing("9", 20)]) == 1
    assert held.take([thing("1", 30, gone=True), thing("9", 30)]) == 2
    assert sorted(each.thing_id for each in held.list_things()) == ["zone:0", "zone:2", "zone:9"]
    others = [replace(thing(name, 40), source="roster") for name in "abcde0"]
    assert held.take(others) == 4, "another source has its own room, and may take over what a full one told"
    assert held.take([thing("8", 50)]) == 1


def test_what_left_is_told_and_does_not_come_back_from_a_late_message() -> None:
    held = Panorama()
    held.take([thing("a", 10)])
    rev = held.rev
    held.take([thing("a", 20, gone=True), thing("a", 15), thing("never", 1, gone=True)])
    told = held.since(rev)
    assert told is not None
    assert (told.things, told.gone) == ((), ("zone:a",))
    held.take([thing("a", 30)])
    told = held.since(rev)
    assert told is not None
    assert ([each.at_ms for each in told.things], told.gone) == ([30], ())


def test_a_vehicle_that_was_not_heard_for_long_leaves_and_a_silent_zone_stays() -> None:
    held = Panorama()
    held.take([thing("hall", 0), thing("bus", 0, kind="vehicle"), thing("near", 1, kind="vehicle")])
    assert held.sweep(PASSED_MS) == 0
    assert held.sweep(PASSED_MS + 1) == 1
    assert {each.thing_id for each in held.list_things()} == {"zone:hall", "vehicle:near"}


def test_a_warning_that_nobody_cancelled_leaves_when_it_expires() -> None:
    held = Panorama()
    lasting = replace(thing("fog", 0, kind="warning"), values={"expires_min": None})
    held.take([replace(thing("rain", 0, kind="warning"), values={"expires_min": 60}), lasting])
    assert (held.sweep(60 * 60_000 - 1), held.sweep(60 * 60_000)) == (0, 1)
    assert [each.thing_id for each in held.list_things()] == ["warning:fog"]


def test_a_revision_that_is_not_known_is_said_to_be_unknown() -> None:
    held = Panorama(first_rev=5 << 32)
    held.take([thing("a", 1)])
    assert held.since(0) is None  # of an earlier run
    assert held.since(held.rev + 1) is None  # of a later one
    assert held.since(5 << 32) is not None


def test_only_so_many_leavings_are_remembered() -> None:
    held, most = Panorama(), panorama.GONE
    for number in range(most + 1):
        held.take([thing(f"{number}", 1)])
        held.take([thing(f"{number}", 2, gone=True)])
    assert held.since(1) is None
    told = held.since(2)
    assert told is not None
    assert len(told.gone) == most


STEP = st.tuples(st.sampled_from("abcd"), st.integers(0, 6), st.integers(0, 3), st.booleans())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(STEP, max_size=6), max_size=8), st.integers(0, 7))
def test_what_is_held_at_a_revision_and_the_changes_since_make_what_is_held_now(
    batches: list[list[tuple[str, int, int, bool]]], left_at: int
) -> None:
    held, copy, rev = Panorama(), dict[str, Thing](), 0
    for number, batch in enumerate(batches):
        if number == left_at:
            copy, rev = {each.thing_id: each for each in held.list_things()}, held.rev
        held.take(thing(name, at_ms, people, gone=gone) for name, at_ms, people, gone in batch)
    if left_at >= len(batches):
        copy, rev = {}, 0
    told = held.since(rev)
    assert told is not None
    assert not {each.thing_id for each in told.things} & {*told.gone}
    copy |= {each.thing_id: each for each in told.things}
    for name in told.gone:
        copy.pop(name, None)
    assert copy == {each.thing_id: replace(each) for each in held.list_things()}
