"""What the past shows is what was shown: a short simulated hour, recorded live and looked back on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa
import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied, HubError, Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.flow.emergency import Declaration, declare_emergency
from hubtwin.model.case import Case, CaseState
from hubtwin.model.event import EventKind
from hubtwin.model.record import Marks, Provenance
from hubtwin.model.task import Task, TaskState
from hubtwin.model.thing import Thing
from hubtwin.ports import Batch
from hubtwin.settings import load_settings
from hubtwin.stores.erasure import Where, erase_shown
from hubtwin.web.change import ANY, TOPICS, Change, View
from hubtwin.web.feed import Feed, take_snapshot
from hubtwin.web.metrics import Meters
from hubtwin.web.page import Page
from hubtwin.web.real import RealDesk
from hubtwin.web.start import desk_of
from hubtwin.web.wire import encode
from hubtwin.wiring import Warned, WarningList
from hubtwin.wiring.panorama import Panorama, recall
from hubtwin.wiring.works import Works, open_works
from tests.scenes.epidemic.story import area
from tests.web.page_state import PageState, apply_things
from tests.web.test_real import FOUND, NOW, the_list

EVERYTHING = View(frozenset((topic, ANY) for topic in TOPICS))
MAP = View(frozenset({("thing", ANY), ("position", ANY), ("emergency", ANY), ("source", ANY)}))
MINUTES = 30  # of which each stands for two
ROWS = (("case", "case_id"), ("task", "task_id"))


def plain(value: Any) -> Any:
    """Return what a page makes of a reply."""
    return orjson.loads(encode(value))


@dataclass
class Day:
    """A hub, its feed driven by hand, and one page that hears everything."""

    works: Works
    clock: list[datetime]
    desk: RealDesk = field(init=False)
    feed: Feed = field(init=False)
    page: Page = field(init=False)
    erased: int = 0

    def __post_init__(self) -> None:
        self.desk = desk_of(replace(self.works, latest=self.latest))
        self.feed = Feed(self.desk, Meters(), 0.05)
        self.feed.is_running = True
        self.page, self.state = self.feed.join(EVERYTHING), PageState()
        self.begin()

    @property
    def now_ms(self) -> int:
        return int(self.clock[0].timestamp() * 1000)

    def latest(self) -> WarningList:
        """Return a list that changes with the minute, and from which the train vanishes in the end."""
        minute = epoch_minute(self.clock[0])
        key = replace(
            FOUND, evidence={**FOUND.evidence, "lead_min": minute % 7, "key_train": minute > epoch_minute(NOW) + 10}
        )
        items = [] if minute % 20 == 19 else [Warned(key, None)]
        return replace(the_list(), now=self.clock[0], trains=items)

    def begin(self) -> None:
        self.erased = self.desk.past.erased()
        self.feed.recorder.begin(self.desk.past.picture(), self.desk.past.start())
        self.beat()

    def beat(self) -> None:
        """Do what the jobs of the feed do, once."""
        feed, desk = self.feed, self.desk
        feed.hand_in(desk.events_after(feed.rev, 1_000))
        feed.see(desk.pulse())
        for change in desk.past.pulse():
            feed.recorder.take(change)
        if feed._board_due:
            board, feed._board_due = desk.board(), False
            feed.see([Change(board.rev, board.now_min, "BoardChanged", "board", "board", "", board)])
        feed.flush()
        self.state.hear(self.page.take()[0])
        entries = feed.recorder.drain()
        if entries and not desk.past.record(entries, self.erased):
            feed.recorder.start_again()
            self.begin()

    def act(self, minute: int) -> None:
        """Let something happen in a minute."""
        now_min, ledger = epoch_minute(self.clock[0]), self.works.ledger
        if minute == 12:
            self.list_area("published", "330103", now_min, None)
        case = Case(f"case-{minute % 6}", "epidemic", "e1", f"pid-{minute % 6}", "G1", now_min, version=minute // 6)
        task = Task(f"task-{minute % 4}", "epidemic", "meet_train", "G1", "6", "T01", now_min, now_min + 5)
        with ledger.unit(now_min) as unit:
            state = CaseState.CLOSED if minute % 11 == 10 else CaseState.ANTIGEN
            unit.save_case(replace(case, state=state, since_min=now_min))
            unit.append(EventKind.CASE_MOVED, case.case_id, {"case": case.case_id, "by": "x"}, "epidemic")
            late = TaskState.ESCALATED if minute % 3 == 0 else TaskState.DONE if minute % 7 == 6 else TaskState.ACCEPTED
            unit.save_task(replace(task, state=late, version=minute // 4))
            kind = EventKind.TASK_ESCALATED if late is TaskState.ESCALATED else EventKind.TASK_ACCEPTED
            unit.append(kind, task.task_id, {"task": task.task_id, "by": "system"}, "epidemic")
        synthetic = Marks(provenance=Provenance.SYNTHETIC)
        self.works.panorama.take(
            [
                *(
                    Thing(
                        f"vehicle:bus:{n}", "vehicle", self.now_ms, "buses", lon=120 + minute / 1e3, lat=30.0 + n / 1e3
                    )
                    for n in range(minute % 3, 5)
                ),
                Thing("zone:hall", "zone", self.now_ms, "counters", "H", values={"people": minute, "los": None}),
                Thing("staff:T01", "staff", self.now_ms, "roster", values={"state": "busy"}, marks=synthetic),
                Thing("vehicle:bus:4", "vehicle", self.now_ms + 1, "buses", gone=minute % 10 == 9, lon=1.0, lat=2.0),
            ]
        )

    def list_area(self, key: str, code: str, first_min: int, gone_min: int | None) -> None:
        """Let an area be published."""
        marks = {
            "hub_id": self.works.store.hub_id,
            "source": "risk-areas",
            "status": "Actual",
            "provenance": "synthetic",
            "replayed": False,
        }
        row = {**area(key, code, "high", 0), "first_seen_min": first_min, "gone_by_min": gone_min, **marks}
        table = pa.Table.from_pylist([row], schema=DATASETS["risk_areas"].schema)
        self.works.store.write(Batch(key, "risk-areas", {"risk_areas": table}))

    def shown(self) -> dict[str, Any]:
        """Return what the page shows now, of what it heard and of what it reads at once."""
        live, desk = plain(take_snapshot(self.desk, EVERYTHING)), self.desk
        held = {key: change["value"] for key, change in self.state.held.items()}
        rows: dict[str, list[Any]] = {"case": [], "task": []}
        for (topic, _), value in sorted(held.items()):
            if topic in rows and value["state"] not in ("closed", "done"):
                rows[topic].append(value)
        return {
            "hub": live["hub"],
            "emergency": live["emergency"],
            "trains": live["trains"],
            "positions": live["positions"],
            "areas": plain(desk.areas()),
            "board": held.get(("board", "board"), live["board"]),
            "alarms": sorted(live["alarms"], key=lambda alarm: alarm["rev"]),
            "things": dict(self.state.things),
            "sources": plain(desk.sources().sources),
            "cases": rows["case"],
            "tasks": rows["task"],
        }


def of_past(told: Any) -> dict[str, Any]:
    """Return a picture of the past in the form of `Day.shown`."""
    found = plain(told)
    return {
        **{name: found[name] for name in ("hub", "emergency", "trains", "positions", "areas", "board")},
        **{name: found[name] for name in ("alarms", "sources")},
        "things": {each["id"]: each for each in found["things"]},
        "cases": sorted(found["cases"], key=lambda row: row["case_id"]),
        "tasks": sorted(found["tasks"], key=lambda row: row["task_id"]),
    }


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Day]]:
    """Give what opens a hub in a folder of its own; all are closed at the end."""
    open_hubs: list[Any] = []

    def make(name: str) -> Day:
        clock = [NOW]
        settings = load_settings(home=tmp_path_factory.mktemp(name), environ={})
        opening = open_works(
            settings, clock=lambda: clock[0], real_clock=lambda: clock[0], clocks_min={}, mode="replay", speed=60.0
        )
        works = opening.__enter__()
        open_hubs.append(opening)
        declare(works)
        return Day(works, clock)

    yield make
    for opening in open_hubs:
        opening.__exit__(None, None, None)


def declare(works: Works) -> None:
    begins = epoch_minute(NOW)
    said = Declaration("epidemic", "covid-19", "第九版", "wang", begins, begins + 10_000, Marks())
    declare_emergency(works.ledger, said, lambda *told, **more: None)


@pytest.fixture(scope="module")
def hour(opened: Callable[[str], Day]) -> tuple[Day, dict[int, dict[str, Any]]]:
    """Return a hub after an hour, and what its page showed at the end of each minute."""
    day, shown, begins = opened("hour"), dict[int, dict[str, Any]](), epoch_minute(NOW)
    day.list_area("listed", "330102", begins - 60, begins + 40)
    day.list_area("coming", "330102", begins + 20, None)
    day.feed.recorder._key_due = True
    for minute in range(MINUTES):
        day.clock[0] += timedelta(minutes=2)
        day.act(minute)
        day.beat()
        day.feed.recorder._key_due = minute % 7 == 6
        shown[day.now_ms] = day.shown()
    return day, shown


def test_every_minute_of_the_past_is_what_was_shown_live(hour: tuple[Day, dict[int, dict[str, Any]]]) -> None:
    day, shown = hour
    assert len({orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in shown.values()}) == MINUTES
    assert any(each["trains"]["trains"] for each in shown.values())
    assert {len(each["alarms"]) for each in shown.values()} == {1, 2}
    assert {sum(a["properties"]["high"] for a in each["areas"]["features"]) for each in shown.values()} == {1, 2, 3}
    for at_ms, live in shown.items():
        past = of_past(day.desk.past.at(EVERYTHING, at_ms))
        past["hub"]["rev"] = live["hub"]["rev"] = 0  # an event that no page shows moves it
        for name, told in live.items():
            assert past[name] == told, (name, (at_ms - day.now_ms) // 60_000)


def test_the_past_played_forward_is_the_past_jumped_to(hour: tuple[Day, dict[int, dict[str, Any]]]) -> None:
    day, shown = hour
    start, *_, end = shown
    first, last = day.desk.past.at(EVERYTHING, start), plain(day.desk.past.at(EVERYTHING, end))
    things = {each["id"]: each for each in plain(first)["things"]}
    cases = {each["case_id"]: each for each in plain(first)["cases"]}
    areas = {each["properties"]["area_code"]: each for each in plain(first)["areas"]["features"]}
    standing = {(each["kind"], each["key"]) for each in plain(first)["alarms"]}
    at_ms, asked = start, 0
    while at_ms < end:
        part = plain(day.desk.past.changes(EVERYTHING, at_ms, end))
        assert part["more"] == (part["to_ms"] < end)
        for tick in part["things"]:
            assert at_ms < tick["at_ms"] <= part["to_ms"]
            apply_things(things, tick["things"], tick["gone"])
        for change in part["changes"]:
            value = change["value"]
            if change["topic"] == "case":
                cases[change["key"]] = value
            elif change["topic"] == "area":
                areas[change["key"]] = value
            elif change["topic"] == "standing" and value is None:
                standing = {each for each in standing if f"{each[0]} task {each[1]}" != change["key"]}
            elif change["topic"] == "standing":
                standing.add((value["kind"], value["key"]))
        at_ms, asked = part["to_ms"], asked + 1
    assert asked == 6  # ten minutes an answer
    assert things == {each["id"]: each for each in last["things"]}
    assert [area for _, area in sorted(areas.items())] == last["areas"]["features"]
    assert [case for case in cases.values() if case["state"] == "closed" and case in last["cases"]] == []
    assert {case["case_id"] for case in cases.values() if case["state"] != "closed"} == {
        case["case_id"] for case in last["cases"]
    }
    assert standing == {(each["kind"], each["key"]) for each in last["alarms"]}


def test_the_past_played_across_a_restart_is_the_past_jumped_to(opened: Callable[[str], Day]) -> None:
    day = opened("restart")
    for minute in range(4):
        day.clock[0] += timedelta(minutes=2)
        day.act(minute)
        day.beat()
    start = day.now_ms
    for minute in range(4, 11):  # nobody serves it meanwhile
        day.clock[0] += timedelta(minutes=1)
        day.act(minute)
    day.clock[0] += timedelta(minutes=1)
    again = Day(day.works, day.clock)
    past, end = again.desk.past, again.now_ms
    first, last = plain(past.at(EVERYTHING, start)), of_past(past.at(EVERYTHING, end))
    told = plain(past.changes(EVERYTHING, start, end))["changes"]
    assert {each["at_ms"] for each in told} == {end}
    rows = {(topic, row[name]): row for topic, name in ROWS for row in first[f"{topic}s"]}
    standing = {f"{each['kind']} {each['topic']} {each['key']}": each for each in first["alarms"]}
    for change in told:
        if (change["topic"], change["key"]) in rows or change["topic"] in dict(ROWS):
            rows[change["topic"], change["key"]] = change["value"]
        elif change["topic"] == "standing":
            standing[change["key"]] = change["value"]
    for topic, name in ROWS:
        kept = [row for (of, _), row in sorted(rows.items()) if of == topic and row is not None]
        kept = [row for row in kept if row["state"] not in ("closed", "done")]
        assert kept == sorted(last[f"{topic}s"], key=lambda row: row[name])
    assert [each for each in standing.values() if each is not None] == last["alarms"]
    assert (first["cases"], first["alarms"]) != (last["cases"], last["alarms"])
    assert None in standing.values()


def test_alarms_that_come_while_a_picture_is_read_are_kept_and_marked(opened: Callable[[str], Day]) -> None:
    day = opened("early")
    recorder = day.feed.recorder
    day.clock[0] += timedelta(minutes=2)
    day.act(2)
    recorder.start_again()
    for number in (0, 3):
        day.act(number)
        day.feed.hand_in(day.desk.events_after(day.feed.rev, 1_000))
    day.begin()
    marks = [mark.kind for mark in day.desk.past.range(EVERYTHING).marks]
    assert marks.count("TaskEscalated") == 2
    assert marks[-3:] == ["Started", "TaskEscalated", "TaskEscalated"]


def test_a_view_sees_of_the_past_what_it_heard_live(hour: tuple[Day, dict[int, dict[str, Any]]]) -> None:
    day, shown = hour
    at_ms = list(shown)[20]
    told = plain(day.desk.past.at(MAP, at_ms))
    assert (told["cases"], told["tasks"], told["board"], told["trains"], told["alarms"]) == (None, None, None, None, [])
    kinds = {each["kind"] for each in told["things"]}
    assert kinds == {"zone", "vehicle"}
    assert told["hub"]["mode"] == "replay"
    changes = plain(day.desk.past.changes(MAP, at_ms, at_ms + 300_000))
    assert {each["topic"] for each in changes["changes"]} <= {"position", "area", "emergency", "source", "hub"}
    assert "staff:T01" not in orjson.dumps(changes["things"]).decode()
    topics = {mark.kind for mark in day.desk.past.range(MAP).marks}
    assert topics == {"Started"}
    nothing = plain(day.desk.past.at(View(frozenset({("emergency", ANY)})), at_ms))
    assert (nothing["things"], nothing["positions"], nothing["sources"]) == ([], None, None)


def test_the_timeline_marks_alarms_key_trains_and_how_the_hub_ran(hour: tuple[Day, Any]) -> None:
    day, _ = hour
    found = day.desk.past.range(EVERYTHING)
    assert found.first_ms == int(NOW.timestamp() * 1000)
    assert found.last_ms == day.now_ms
    assert {"Started", "KeyTrain", "TaskEscalated"} <= {mark.kind for mark in found.marks}
    assert [mark.at_ms for mark in found.marks] == sorted(mark.at_ms for mark in found.marks)
    (start,) = [mark for mark in found.marks if mark.kind == "Started"]
    assert (start.subject, start.severity) == ("replay", "Actual")


@pytest.mark.parametrize(
    ("ask", "kind", "key"),
    [
        (lambda past, first, now: past.at(EVERYTHING, first - 1), Absent, "web.past_unknown"),
        (lambda past, first, now: past.at(EVERYTHING, now + 60_000), Malformed, "web.past_future"),
        (lambda past, first, now: past.changes(EVERYTHING, first, first - 1), Malformed, "web.past_backwards"),
        (lambda past, first, now: past.changes(EVERYTHING, first - 5, now), Absent, "web.past_unknown"),
        (lambda past, first, now: past.thing(EVERYTHING, "zone:none"), Absent, "web.no_thing"),
        (lambda past, first, now: past.thing(MAP, "staff:T01"), Denied, "rules.not_permitted"),
    ],
)
def test_what_cannot_be_shown_is_said_clearly(
    hour: tuple[Day, Any], ask: Callable[[Any, int, int], Any], kind: type[HubError], key: str
) -> None:
    day, _ = hour
    with pytest.raises(kind) as error:
        ask(day.desk.past, int(NOW.timestamp() * 1000), day.now_ms)
    assert error.value.key == key


def test_a_thing_tells_its_newest_states(hour: tuple[Day, Any]) -> None:
    day, _ = hour
    told = plain(day.desk.past.thing(EVERYTHING, "zone:hall"))
    assert told["thing"]["values"] == {"people": MINUTES - 1, "los": None}
    assert told["source"] is None  # nobody polls it here
    values = [values["people"] for _, values in told["history"]]
    assert values == list(range(values[0], MINUTES))
    assert len(values) > 20
    assert plain(day.desk.past.thing(EVERYTHING, "staff:T01"))["thing"]["synthetic"] is True


def test_a_thing_of_a_past_minute_tells_nothing_of_what_came_after(hour: tuple[Day, dict[int, dict[str, Any]]]) -> None:
    day, shown = hour
    for at_ms in list(shown)[3::7]:
        told = plain(day.desk.past.thing(EVERYTHING, "zone:hall", at_ms))
        assert told["thing"] == shown[at_ms]["things"]["zone:hall"]
        assert told["history"][-1] == [told["thing"]["at_ms"], told["thing"]["values"]]
        assert [values["people"] for _, values in told["history"]] == list(range(told["thing"]["values"]["people"] + 1))
    with pytest.raises(Denied):
        day.desk.past.thing(MAP, "staff:T01", day.now_ms)
    with pytest.raises(Absent):
        day.desk.past.thing(EVERYTHING, "zone:hall", int(NOW.timestamp() * 1000))


def test_a_hub_that_starts_again_shows_what_it_last_sensed(hour: tuple[Day, Any]) -> None:
    day, _ = hour
    again = Panorama(7 << 32)
    assert day.works.journal is not None
    recall(again, day.works.journal, day.now_ms, day.works.store.status)
    assert {each.thing_id: replace(each) for each in again.list_things()} == {
        each.thing_id: replace(each) for each in day.works.panorama.list_things()
    }


def test_what_was_destroyed_comes_back_neither_from_disk_nor_from_memory(opened: Callable[[str], Day]) -> None:
    day = opened("destroyed")
    for minute in range(6):
        day.clock[0] += timedelta(minutes=1)
        day.act(minute)
        day.beat()
    at_ms = day.now_ms
    assert plain(day.desk.past.at(EVERYTHING, at_ms))["cases"]
    with day.works.ledger.unit(epoch_minute(day.clock[0])) as unit:
        for number in range(6):
            found = day.works.ledger.find_case(f"case-{number}")
            assert found is not None
            unit.save_case(replace(found, state=CaseState.CLOSED, version=found.version + 1))
            unit.append(EventKind.CASE_CLOSED, found.case_id, {"case": found.case_id, "by": "x"}, "epidemic")
    begins = epoch_minute(NOW)
    erase_shown(day.works.store.directory, Where("at_ms", begins), clock=lambda: day.clock[0], why="emergency e1")
    day.clock[0] += timedelta(minutes=1)
    day.beat()
    day.beat()
    journal = day.works.journal
    assert journal is not None
    for shown in journal.list_shown(0, day.now_ms):
        assert not [each for each in shown.items if "pid-" in repr(each.change)]
    assert "pid-" not in repr(journal.picture(day.now_ms).items)
    then = plain(day.desk.past.at(EVERYTHING, at_ms))
    assert (then["cases"], then["tasks"], then["alarms"]) == ([], [], [])
    assert then["things"]
