"""The message log: every way of changing it is seen, alone or with the heads that the other side keeps."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.channels.log import compare, entry_after, start_of, verify
from hubtwin.model.message import Direction, Entry, Head

ME, YOU = "/hubs/a", "/partners/b"


def _log(owner: str, partner: str, *told: tuple[Direction, str], at_ms: int = 5) -> list[Entry]:
    head, found = Head(owner, partner, 0, ""), list[Entry]()
    for way, key in told:
        found.append(entry_after(head, way, key, f"digest of {key}", at_ms + len(found)))
        head = Head(owner, partner, found[-1].seq, found[-1].hash)
    return found


def _head(log: list[Entry], seq: int) -> Head:
    return Head(ME, YOU, seq, log[seq - 1].hash)


OUT, IN = Direction.OUT, Direction.IN
MINE = _log(ME, YOU, (OUT, "a"), (OUT, "b"), (IN, "r"), (OUT, "c"))
THEIRS = _log(YOU, ME, (IN, "b"), (IN, "a"), (OUT, "r"), (IN, "c"), at_ms=99)


def test_a_log_verifies_with_every_head_it_had() -> None:
    assert verify(MINE, ME, YOU, [Head(ME, YOU, 0, ""), *(_head(MINE, seq) for seq in (1, 2, 3, 4))]) == []
    assert verify([], ME, YOU) == []


@given(st.integers(0, 3), st.sampled_from(["id", "digest", "at_ms", "direction", "seq", "before", "hash"]))
def test_a_changed_entry_breaks_the_chain(place: int, name: str) -> None:
    value: object = {"at_ms": 77, "direction": IN if MINE[place].direction is OUT else OUT, "seq": 9}.get(name, "ff")
    log = [replace(one, **{name: value}) if n == place else one for n, one in enumerate(MINE)]  # type: ignore[arg-type]
    assert {problem.key for problem in verify(log, ME, YOU)} == {"channels.log_broken"}


def test_a_removed_moved_or_added_entry_breaks_the_chain() -> None:
    assert verify(MINE[1:], ME, YOU)
    assert verify(MINE[:1] + MINE[2:], ME, YOU)
    assert verify([MINE[1], MINE[0], *MINE[2:]], ME, YOU)
    assert verify([*MINE, MINE[-1]], ME, YOU)
    assert verify(MINE, YOU, ME), "a log of somebody else"


def test_what_is_cut_off_or_written_anew_contradicts_a_head() -> None:
    assert verify(MINE[:3], ME, YOU) == [], "alone it looks whole"
    assert [one.key for one in verify(MINE[:3], ME, YOU, [_head(MINE, 4)])] == ["channels.log_other_head"]
    anew = _log(ME, YOU, (OUT, "a"), (OUT, "x"), (IN, "r"), (OUT, "c"))
    assert verify(anew, ME, YOU) == []
    assert len(verify(anew, ME, YOU, [_head(MINE, 1), _head(MINE, 4)])) == 1
    assert verify(MINE, ME, YOU, [replace(_head(MINE, 2), owner=YOU)])
    assert start_of(ME, YOU) != start_of(YOU, ME)


def test_logs_that_agree_agree_in_any_order() -> None:
    assert compare(MINE, THEIRS) == []
    assert compare(THEIRS, MINE) == []


@pytest.mark.parametrize(
    ("mine", "theirs", "key"),
    [
        (MINE, THEIRS[:3], "channels.log_lost"),
        (MINE[:3], THEIRS, "channels.log_never_sent"),
        (MINE, [*THEIRS, THEIRS[0]], "channels.log_twice"),
        (MINE, [replace(THEIRS[0], digest="other"), *THEIRS[1:]], "channels.log_altered"),
    ],
)
def test_a_difference_is_named(mine: list[Entry], theirs: list[Entry], key: str) -> None:
    assert [one.key for one in compare(mine, theirs)] == [key]


def test_what_was_refused_need_not_stand_with_the_receiver() -> None:
    assert compare(MINE, THEIRS[:3], [MINE[3].digest]) == []
