"""Things on their way to pages: whatever the pace, a page ends up with what the panorama holds."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.model.agency import Role
from hubtwin.model.record import Marks, Provenance
from hubtwin.model.thing import Thing, Value
from hubtwin.web.change import ANY, Audience, View, view_of
from hubtwin.web.edge import Edge, Options
from hubtwin.web.feed import Feed
from hubtwin.web.frames import read_revs
from hubtwin.web.limits import Limiter
from hubtwin.web.live import Live
from hubtwin.web.metrics import Meters
from hubtwin.web.page import Page
from hubtwin.web.things import short_of
from hubtwin.wiring.panorama import Panorama
from tests.web.fake_desk import PEOPLE, FakeDesk
from tests.web.page_state import PageState

MAP = View(frozenset({("thing", ANY), ("staff", ANY)}))
PLACES = View(frozenset({("thing", ANY)}))
VALUES: dict[str, Value] = {"line": "7", "bearing": 90, "delay_s": None}
BUS = Thing("vehicle:bus:7", "vehicle", 1_000, "buses", lon=120.2, lat=30.3, values=VALUES)


def wanted(panorama: Panorama, *, staff: bool = True) -> dict[str, dict[str, Any]]:
    """Return what a page should hold, made without the code under test."""
    return {
        thing.thing_id: {
            "id": thing.thing_id,
            "kind": thing.kind,
            "at_ms": thing.at_ms,
            "source": thing.source,
            "place": thing.place,
            "lon": thing.lon,
            "lat": thing.lat,
            "level": thing.level,
            "values": dict(thing.values),
            "synthetic": thing.marks.provenance is Provenance.SYNTHETIC,
        }
        for thing in panorama.list_things()
        if staff or thing.kind != "staff"
    }


@dataclass
class Ear:
    """A page of the feed and what it makes of what it hears."""

    feed: Feed
    page: Page
    state: PageState

    def take(self) -> None:
        self.state.hear(self.page.take()[0])

    def open(self, last_id: str | None = None) -> None:
        """Do what the route does first."""
        self.state.hear(asyncio.run(open_page(self.feed, self.page, last_id)))


async def open_page(feed: Feed, page: Page, last_id: str | None) -> bytes:
    feed._snapshotting, feed._threads = asyncio.Lock(), None  # of this loop
    edge = Edge(feed._desk, Options(), feed._meters, Limiter(), Limiter(), feed)
    return await Live(edge, page, "", read_revs(last_id or ""))._opening()


def make_feed(panorama: Panorama | None = None) -> Feed:
    desk = FakeDesk()
    desk.panorama = panorama or desk.panorama
    feed = Feed(desk, Meters(), 0.05)
    feed.is_running = True
    return feed


def join(feed: Feed, view: View = MAP) -> Ear:
    ear = Ear(feed, feed.join(view), PageState())
    ear.open()
    return ear


def test_a_move_is_told_in_short_and_anything_else_whole() -> None:
    moved = replace(BUS, at_ms=2_000, lon=120.21, values={**BUS.values, "bearing": 95})
    assert short_of(BUS, moved) == ("vehicle:bus:7", 2_000, 120.21, 30.3, {"bearing": 95})
    for whole in (
        replace(moved, level="B1"),
        replace(moved, source="radar"),
        replace(moved, values={"line": "7"}),  # a value that is gone is not unknown
        replace(moved, marks=Marks(provenance=Provenance.SYNTHETIC)),
    ):
        assert not isinstance(short_of(BUS, whole), tuple)
    assert short_of(BUS, replace(moved, values={**BUS.values, "delay_s": 0}))[4] == {"delay_s": 0}  # type: ignore[index]


def test_pages_of_one_audience_share_the_bytes_of_a_tick() -> None:
    feed = make_feed()
    one, two, other = join(feed), join(feed), join(feed, PLACES)
    feed._desk.panorama.take([BUS, Thing("staff:T01", "staff", 1, "roster", values={"team": "T01", "state": "busy"})])
    feed.flush()
    assert one.page.tick is two.page.tick is not None
    assert other.page.tick is not one.page.tick
    for ear in (one, two, other):
        ear.take()
    assert one.state.things == two.state.things == wanted(feed._desk.panorama)
    assert other.state.things == wanted(feed._desk.panorama, staff=False)
    assert join(feed, PLACES).state.things == other.state.things


def test_who_may_not_see_the_map_hears_of_nothing() -> None:
    feed = make_feed()
    ear = join(feed, View(frozenset()))
    feed._desk.panorama.take([BUS])
    feed.flush()
    assert ear.page.take()[0] == b""
    assert view_of(PEOPLE["auditor"]).audience is Audience.PLACES
    assert view_of(PEOPLE[Role.DUTY_COMMANDER.value]).audience is Audience.ALL


def test_a_page_that_resumes_is_told_what_it_missed_and_no_more() -> None:
    feed = make_feed()
    panorama = feed._desk.panorama
    still, leaves = replace(BUS, thing_id="vehicle:bus:8"), replace(BUS, thing_id="vehicle:bus:9")
    panorama.take([BUS, still, leaves])
    feed.flush()
    ear = join(feed)
    panorama.take([replace(BUS, at_ms=2_000), replace(leaves, at_ms=2_000, gone=True)])
    feed.flush()
    ear.page = feed.join(MAP)
    ear.open(ear.state.last_id)
    assert ear.state.names == ["snapshot", "delta"]
    assert ear.state.things == wanted(panorama)
    ear.open(ear.state.last_id)  # nothing happened since
    assert ear.state.things == wanted(panorama)


@pytest.mark.parametrize(
    "last_id",
    ["0", "0.", "0.1", "0.99.0.V", "0.1.5.V", "0.1.-1.V", "x.y.z.V", "0.1.0", "0.1.0.0", "0.1.0.V.0", f"0.1.{9:030}.V"],
)
def test_a_revision_that_is_not_ours_gets_everything(last_id: str) -> None:
    feed = make_feed()
    feed._desk.panorama.take([BUS])
    feed.flush()
    ear = Ear(feed, feed.join(MAP), PageState())
    ear.open(last_id.replace("V", str(MAP.number)))
    assert ear.state.names == ["snapshot"]
    assert ear.state.things == wanted(feed._desk.panorama)


def test_after_a_restart_a_page_is_never_led_to_believe_that_it_knows() -> None:
    before = make_feed(Panorama(1 << 32))
    before._desk.panorama.take([BUS])
    before.flush()
    ear = join(before)
    after = make_feed(Panorama(2 << 32))  # same count of changes, other things
    after._desk.panorama.take([replace(BUS, thing_id="vehicle:bus:1")])
    after.flush()
    ear.feed, ear.page = after, after.join(MAP)
    ear.open(ear.state.last_id)
    assert ear.state.names == ["snapshot", "snapshot"]
    assert ear.state.things == wanted(after._desk.panorama)


def test_a_page_far_behind_is_told_of_each_thing_once() -> None:
    feed = make_feed()
    slow, panorama = join(feed), feed._desk.panorama
    for at_ms in range(1, 101):
        panorama.take(replace(BUS, thing_id=f"vehicle:bus:{number}", at_ms=at_ms) for number in range(50))
        feed.flush()
    frames = slow.page.take()[0]
    assert frames.count(b'"kind":"vehicle"') == 50
    slow.state.hear(frames)
    assert slow.state.things == wanted(panorama)
    assert slow.page.closed == ""


ACTS = st.one_of(
    st.tuples(
        st.just("sense"), st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 3), st.sampled_from(["", "B1", "-"])
    ),
    st.tuples(st.sampled_from(["flush", "quick", "slow", "join", "resume", "sweep"])),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTS, max_size=30))
def test_whatever_the_order_every_page_ends_with_what_the_panorama_holds(acts: list[tuple[Any, ...]]) -> None:
    feed = make_feed()
    panorama = feed._desk.panorama
    ears = {"quick": join(feed), "slow": join(feed)}
    for act, *told in acts:
        if act == "sense":
            name, at_ms, speed, level = told
            values = {"speed_mps": speed} if speed else {}
            thing = replace(BUS, thing_id=f"vehicle:{name}", at_ms=at_ms * 400_000, lon=float(speed), values=values)
            panorama.take([replace(thing, gone=True) if level == "-" else replace(thing, level=level)])
        elif act == "flush":
            feed.flush()
        elif act == "sweep":
            panorama.sweep(2_500_000)
        elif act == "join":
            ears["slow"] = join(feed)
        elif act == "resume":
            ears["slow"].page = feed.join(MAP)
            ears["slow"].open(ears["slow"].state.last_id)
        else:
            ears[act].take()
    feed.flush()
    for ear in ears.values():
        ear.take()
        assert ear.state.things == wanted(panorama)


def test_the_snapshot_of_the_wire_is_json_of_its_record() -> None:
    feed = make_feed()
    feed._desk.panorama.take([BUS])
    feed.flush()
    ear = join(feed, View(frozenset({("thing", ANY), ("emergency", ANY)})))
    assert ear.state.snapshot["emergency"] is not None
    assert [each["id"] for each in ear.state.snapshot["things"]] == ["vehicle:bus:7"]
    assert orjson.loads(feed.things.all(Audience.PLACES)) == ear.state.snapshot["things"]
