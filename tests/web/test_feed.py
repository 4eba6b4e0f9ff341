"""The lanes of one page: changes are conflated, alarms are not, and what arrives is what stands."""

import re

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Retry
from hubtwin.model.agency import Role
from hubtwin.web import feed as feed_module
from hubtwin.web.change import ANY, TOPICS, Change, View, view_of
from hubtwin.web.feed import Feed
from hubtwin.web.frames import Part, Revs
from hubtwin.web.metrics import Meters
from hubtwin.web.page import ALARMS, PENDING, Page
from hubtwin.web.things import Things
from hubtwin.wiring.panorama import Panorama
from tests.web.fake_desk import NOW_MIN, PEOPLE, FakeDesk

EVERYTHING = View(frozenset((topic, ANY) for topic in TOPICS))
CASES = View(frozenset({("case", "epidemic"), ("case", "")}))


def change(rev: int, key: str, *, topic: str = "case", scene: str = "epidemic", alarm: bool = False) -> Change:
    return Change(rev, NOW_MIN, "CaseMoved", topic, key, scene, {"at": rev}, alarm)


def heard(frames: bytes) -> list[tuple[str, dict[str, object]]]:
    """Return the events of some bytes as (name, data)."""
    found = re.findall(rb"event: (\w+)\ndata: (.*)\n", frames)
    return [(name.decode(), orjson.loads(data)) for name, data in found]


def make_feed() -> tuple[Feed, Meters]:
    meters = Meters()
    feed = Feed(FakeDesk(), meters, 0.05)
    feed.is_running = True
    return feed, meters


def test_a_page_that_keeps_up_hears_every_tick_and_the_bytes_are_shared() -> None:
    feed, _ = make_feed()
    one, two = feed.join(EVERYTHING), feed.join(EVERYTHING)
    feed.hand_in([change(1, "a")])
    feed.flush()
    assert one.tick is two.tick is not None
    assert heard(one.take()[0]) == heard(two.take()[0])
    assert one.take() == (b"", 0.0, 0.0)


def test_one_person_does_not_take_the_feed_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "PAGES_OF_ONE", 3)
    feed, _ = make_feed()
    pages = [feed.join(EVERYTHING, "chen") for _ in range(3)]
    with pytest.raises(Retry):
        feed.join(EVERYTHING, "chen")
    feed.join(EVERYTHING, "wang")
    feed.leave(pages[0])
    feed.join(EVERYTHING, "chen")


def test_a_slow_page_hears_the_newest_state_of_each_key_and_every_alarm() -> None:
    feed, meters = make_feed()
    slow = feed.join(EVERYTHING)
    for rev in range(1, 31):
        feed.hand_in([change(rev, f"case-{rev % 3}", alarm=rev % 10 == 0)])
        feed.flush()
    events = heard(slow.take()[0])
    alarms = [data["rev"] for name, data in events if name == "alarm"]
    (delta,) = [data for name, data in events if name == "delta"]
    assert alarms == [10, 20, 30]
    assert delta["rev"] == 30
    assert {c["key"]: c["rev"] for c in delta["changes"]} == {"case-0": 30, "case-1": 28, "case-2": 29}  # type: ignore[attr-defined]
    feed.leave(slow)
    assert meters.registry.get_sample_value("hubtwin_live_conflated_changes_total") == 27
    assert meters.registry.get_sample_value("hubtwin_live_clients") == 0


def test_a_page_that_is_too_far_behind_is_cut_off_instead_of_losing_an_alarm() -> None:
    page = Page(EVERYTHING, Things(Panorama()))
    for rev in range(ALARMS + 1):
        page.alarm(Part(rev, b"{}"), 1.0)
    assert page.closed == "far_behind"
    assert len(page.alarms) == ALARMS + 1
    feed, _ = make_feed()
    page = feed.join(EVERYTHING)
    for start in (0, PENDING):
        feed.hand_in([change(start + n + 1, f"case-{start + n}") for n in range(PENDING)])
        feed.flush()
    assert page.closed == "far_behind"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.sampled_from(["flush", "take", "both", ""]))))
def test_whatever_the_pace_the_last_state_of_each_key_and_all_alarms_arrive(
    steps: list[tuple[str, bool, str]],
) -> None:
    feed, _ = make_feed()
    page, stands, alarms, told = feed.join(EVERYTHING), {}, [], []
    for rev, (key, alarm, act) in enumerate(steps, 1):
        feed.hand_in([change(rev, key, alarm=alarm)])
        stands[key] = rev
        alarms += [rev] if alarm else []
        if act in ("flush", "both"):
            feed.flush()
        if act in ("take", "both"):
            told += heard(page.take()[0])
    feed.flush()
    told += heard(page.take()[0])
    shown: dict[str, int] = {}
    for name, data in told:
        if name == "delta":
            for c in data["changes"]:  # type: ignore[attr-defined]
                assert c["rev"] > shown.get(c["key"], 0)
                shown[c["key"]] = c["rev"]
    assert shown == stands
    assert [data["rev"] for name, data in told if name == "alarm"] == alarms


def test_an_alarm_is_told_before_the_delta_that_lets_a_page_resume_behind_it() -> None:
    feed, _ = make_feed()
    page = feed.join(EVERYTHING)
    feed.hand_in([change(1, "a"), change(2, "b", alarm=True)])
    frames = page.take()[0]
    assert heard(frames)[0][0] == "alarm"
    assert b"id:" not in frames
    feed.flush()
    assert page.take()[0].startswith(b"id: 2.0.0.%d\nevent: delta" % EVERYTHING.number)


def test_a_page_hears_only_what_its_view_allows() -> None:
    feed, _ = make_feed()
    page = feed.join(CASES)
    feed.hand_in([change(1, "x", topic="task", alarm=True), change(2, "y", scene="fire", alarm=True), change(3, "z")])
    feed.flush()
    assert [(name, data["rev"]) for name, data in heard(page.take()[0])] == [("delta", 3)]


def test_the_view_follows_the_table_of_permissions() -> None:
    officer, auditor = (view_of(PEOPLE[role.value]) for role in (Role.SCENE_OFFICER, Role.AUDITOR))
    assert officer.hears(change(1, "a"))
    assert not officer.hears(change(1, "a", scene="fire"))
    assert not auditor.hears(change(1, "a"))
    assert auditor.hears(change(1, "a", topic="position"))
    assert not auditor.has("board")
    assert officer.has("board")
    assert officer.hears(change(1, "board", topic="board", scene=""))


def test_changes_that_an_opening_has_told_are_not_told_again() -> None:
    feed, _ = make_feed()
    page = feed.join(EVERYTHING)
    feed.hand_in([change(1, "a", alarm=True), change(2, "b")])
    feed.flush()
    page.forget(Revs(1, 0, 0, 0), alarms=True)
    events = heard(page.take()[0])
    assert [name for name, _ in events] == ["delta"]
    assert [c["key"] for c in events[0][1]["changes"]] == ["b"]  # type: ignore[attr-defined]


def test_a_feed_that_does_not_run_takes_no_pages() -> None:
    feed = Feed(FakeDesk(), Meters(), 0.05)
    with pytest.raises(Retry):
        feed.join(EVERYTHING)
