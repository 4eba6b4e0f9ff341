"""What no event tells of, on its way to pages: it hides no event, and a page that comes back hears what it missed."""

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubtwin.web import watched as watched_module
from hubtwin.web.change import ANY, TOPICS, Change, View
from hubtwin.web.feed import Feed
from hubtwin.web.metrics import Meters
from hubtwin.web.page import Page
from hubtwin.web.schemas import trains as tr
from hubtwin.web.watched import Watched
from tests.web.fake_desk import NOW_MIN, FakeDesk
from tests.web.page_state import PageState
from tests.web.served import serving
from tests.web.test_live import Ear
from tests.web.test_things import open_page

EVERYTHING = View(frozenset((topic, ANY) for topic in TOPICS))
CASES = View(frozenset({("case", ANY)}))
PLACE = FakeDesk().positions().trains[0]


class Railway(FakeDesk):
    """A desk with trains that move without an event, as they do."""

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[str, float] = {}
        self.told: dict[str, tr.Position] = {}

    def positions(self) -> tr.PositionsReply:
        return tr.PositionsReply(NOW_MIN, [replace(PLACE, subject=name, lon=lon) for name, lon in self.places.items()])

    def pulse(self) -> list[Change]:
        before, self.told = self.told, {place.subject: place for place in self.positions().trains}
        now: dict[str, tr.Position | None] = {**dict.fromkeys(before), **self.told}
        moved = {name: place for name, place in now.items() if before.get(name) != place}
        return [Change(self.rev(), NOW_MIN, "Moved", "position", name, "", place) for name, place in moved.items()]


class Racing(Railway):
    """A desk where something happens each time just before it is looked at."""

    def pulse(self) -> list[Change]:
        self.append("task", f"task-{self.rev()}", {"state": "escalated"}, alarm=True)
        return [Change(self.rev(), NOW_MIN, "Moved", "position", "G1", "", PLACE)]


@dataclass
class Reader:
    """A page of a feed and what it makes of what it hears."""

    feed: Feed
    page: Page
    state: PageState = field(default_factory=PageState)

    def open(self) -> None:
        self.state.hear(asyncio.run(open_page(self.feed, self.page, self.state.last_id)))

    def take(self) -> None:
        self.state.hear(self.page.take()[0])

    @property
    def places(self) -> dict[str, float]:
        """Where the page shows trains: as its picture had them, and as it was told since."""
        shown = {place["subject"]: place["lon"] for place in self.state.snapshot["positions"]["trains"]}
        for (topic, name), change in self.state.held.items():
            if topic == "position":
                shown.pop(name, None)
                if change["value"] is not None:
                    shown[name] = change["value"]["lon"]
        return shown

    @property
    def alarms(self) -> set[int]:
        return {alarm["rev"] for alarm in [*self.state.snapshot["alarms"], *self.state.alarms]}


def make_feed(desk: FakeDesk) -> Feed:
    feed = Feed(desk, Meters(), 0.05)
    feed.is_running = True
    return feed


def join(feed: Feed) -> Reader:
    reader = Reader(feed, feed.join(EVERYTHING))
    reader.open()
    return reader


def test_what_is_looked_at_leads_nobody_past_an_event_that_was_not_read() -> None:
    desk = FakeDesk()
    feed = make_feed(desk)
    reader = join(feed)
    desk.append("task", "task-1", {}, alarm=True)
    board = desk.board()
    feed.see([Change(board.rev, NOW_MIN, "BoardChanged", "board", "board", "", board)])
    feed.flush()
    reader.take()
    assert (
        reader.state.last_id == f"0.0.1.{EVERYTHING.number}"
    )  # cut off now, it is told of the event when it comes back
    feed.hand_in(desk.events_after(feed.rev, 10))
    reader.take()
    assert reader.alarms == {1}


def test_every_alarm_comes_though_something_is_seen_in_the_same_moment() -> None:
    desk = Racing()
    with serving(desk) as served, served.listen(served.token("scene_officer")) as sock:
        ear = Ear(sock)
        alarms = {alarm["rev"] for alarm in ear.until("snapshot")[-1][2]["alarms"]}  # type: ignore[attr-defined]
        end = time.monotonic() + 20
        while len(alarms) < 3 and time.monotonic() < end:
            alarms.add(ear.until("alarm", 8)[-1][2]["rev"])
        assert alarms >= {1, 2, 3}


def test_a_page_that_comes_back_hears_what_moved_and_what_is_gone() -> None:
    desk = Railway()
    feed = make_feed(desk)
    desk.places = {"G1": 1.0, "G2": 2.0, "G3": 3.0}
    feed.see(desk.pulse())
    feed.flush()
    reader = join(feed)
    desk.places = {"G1": 1.0, "G2": 2.5}
    feed.see(desk.pulse())
    feed.flush()
    reader.page = feed.join(EVERYTHING)
    reader.open()
    assert reader.state.names == ["snapshot", "delta"]
    assert {key for _, key in reader.state.held} == {"G2", "G3"}  # and not what stood still
    assert reader.places == desk.places


def test_a_picture_that_pages_share_is_never_older_than_what_was_told_before_they_came() -> None:
    desk = Railway()
    feed = make_feed(desk)
    desk.places = {"G1": 1.0}
    join(feed)
    desk.places = {"G1": 2.0}
    feed.see(desk.pulse())
    feed.flush()
    assert join(feed).places == desk.places


def test_what_was_seen_while_a_picture_was_taken_is_told_after_it() -> None:
    desk = Railway()
    feed = make_feed(desk)
    desk.places = {"G1": 1.0}
    reader = Reader(feed, feed.join(EVERYTHING))
    take = desk.positions

    def slowly() -> tr.PositionsReply:
        found = take()
        desk.positions = take  # type: ignore[method-assign]
        desk.places = {"G1": 2.0}
        feed.see(desk.pulse())
        feed.flush()
        return found

    desk.positions = slowly  # type: ignore[method-assign]
    reader.open()
    assert reader.places == {"G1": 1.0}
    reader.take()
    assert reader.places == {"G1": 2.0}


def test_numbers_that_are_not_known_any_more_are_answered_with_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_module, "KEPT", 3)
    watched = Watched(100)
    for number in range(5):
        watched.take(Change(1, NOW_MIN, "Moved", "position", f"G{number}", "", number))
    assert watched.missed(99, EVERYTHING) is None
    assert watched.missed(101, EVERYTHING) is None
    assert watched.missed(106, EVERYTHING) is None
    found = watched.missed(102, EVERYTHING)
    assert found is not None
    assert [key for _, _, key in found] == ["G2", "G3", "G4"]
    assert watched.missed(102, CASES) == {}
    assert watched.missed(105, EVERYTHING) == {}


ACTS = st.one_of(
    st.tuples(st.just("move"), st.sampled_from("abc")),
    st.tuples(st.just("leave"), st.sampled_from("abc")),
    st.tuples(st.sampled_from(["alarm", "read", "see", "board", "flush", "take", "join", "resume", "picture"])),
)


@settings(max_examples=200, deadline=None)
@example([("alarm",), ("see",), ("read",), ("flush",), ("take",)])
@example([("flush",), ("take",), ("move", "a"), ("see",), ("flush",), ("resume",)])
@example([("alarm",), ("read",), ("join",)])
@given(st.lists(ACTS, max_size=40))
def test_whatever_the_order_a_page_ends_with_what_stands_and_has_heard_every_alarm(acts: list[tuple[Any, ...]]) -> None:
    desk = Railway()
    feed = make_feed(desk)
    reader = join(feed)
    for step, (act, *told) in enumerate(acts):
        if act == "move":
            desk.places = {**desk.places, told[0]: float(step)}
        elif act == "leave":
            feed.see(desk.pulse())  # a train that comes and goes between two looks is seen by nobody
            desk.places = {name: lon for name, lon in desk.places.items() if name != told[0]}
        elif act == "alarm":
            desk.append("task", "task-1", {}, alarm=True)
        elif act == "read":
            feed.hand_in(desk.events_after(feed.rev, 10))
        elif act == "see":
            feed.see(desk.pulse())
        elif act == "board":
            feed.see([Change(desk.rev(), NOW_MIN, "BoardChanged", "board", "board", "", desk.board())])
        elif act == "flush":
            feed.flush()
        elif act == "take":
            reader.take()
        elif act == "join":
            reader = join(feed)
        elif act == "picture":  # somebody else's, which pages that come later may share
            join(feed)
        else:
            reader.page = feed.join(EVERYTHING)
            reader.open()
    feed.hand_in(desk.events_after(feed.rev, 100))
    feed.see(desk.pulse())
    feed.flush()
    reader.take()
    assert reader.places == desk.places
    assert reader.alarms == {change.rev for change in desk.alarms()}
