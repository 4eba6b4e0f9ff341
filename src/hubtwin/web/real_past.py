"""The past of a hub at work: what pages were shown goes into its journal, and is shown again from there."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Protocol

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.model.record import Mode
from hubtwin.ports import CaseFilter, TaskFilter
from hubtwin.stores.journal import Entry, Item, Journal, Key, Mark, Picture
from hubtwin.web import shown
from hubtwin.web.change import Audience, Change, View
from hubtwin.web.recorder import OVER
from hubtwin.web.schemas import hub as h
from hubtwin.web.schemas import loop as lo
from hubtwin.web.schemas import trains as tr
from hubtwin.web.schemas.past import PastChange, PastChanges, PastMark, PastRange, PastReply, PastThings
from hubtwin.web.schemas.things import ThingReply
from hubtwin.web.things import PEOPLE, view_of
from hubtwin.wiring.works import Works

SPAN_MS = 10 * 60_000  # of one answer about changes
CHANGES, MOVES = 5_000, 50_000  # of one answer
LISTED = 500  # cases or tasks of a picture, as a page asks for them
MARKS = 2_000
HISTORY, LOOK_BACK = 120, 5_000  # points of a thing, from so many entries
LAST = 1 << 53
TOPIC_OF = {"hub": "emergency", "trains": "train"}  # what only the journal hears, and whose it is


class Desk(Protocol):
    """What a hub shows, as the past needs it."""

    def hub(self) -> h.HubView:
        """Return the hub."""
        ...

    def emergency(self) -> h.EmergencyReply:
        """Return the event."""
        ...

    def trains(self) -> tr.TrainsReply:
        """Return the list."""
        ...

    def positions(self) -> tr.PositionsReply:
        """Return where trains are."""
        ...

    def areas(self) -> tr.AreasReply:
        """Return the counties with risk areas in force."""
        ...

    def board(self) -> lo.Board:
        """Return the figures."""
        ...

    def sources(self) -> h.SourcesReply:
        """Return the sources."""
        ...

    def alarms(self) -> Sequence[Change]:
        """Return what stands."""
        ...

    def rev(self) -> int:
        """Return the last event."""
        ...


class RealPast:
    """`web.desk.PastDesk` over a journal."""

    def __init__(self, works: Works, desk: Desk, scene: str) -> None:
        """Take an open hub; `scene` is whose trains are warned of."""
        self._works, self._desk, self._scene = works, desk, scene
        self._told: dict[tuple[str, str, str], Any] = {}
        self._lock = Lock()

    @property
    def _journal(self) -> Journal:
        if self._works.journal is None:
            raise Absent("web.no_journal")
        return self._works.journal

    def erased(self) -> int:
        """Return how often something was erased from the journal."""
        return self._journal.erased()

    def health(self) -> h.JournalView | None:
        """Return how much of the past is kept."""
        journal = self._works.journal
        if journal is None:
            return None
        bounds = journal.bounds()
        since_min = None if bounds is None else bounds[0] // 60_000
        return h.JournalView(since_min, round(journal.size() / (1 << 30), 3), self._works.settings.journal.max_gb)

    def start(self) -> Mark:
        """Return what the timeline marks where a recording begins: how the hub runs."""
        mode: Mode = self._works.mode
        return Mark(0, "Started", "hub", "", mode, self._works.store.status.value)

    def record(self, entries: Sequence[Entry], erased: int) -> bool:
        """Append what was shown; False where something was erased since."""
        return self._journal.append(entries, erased)

    def picture(self) -> Sequence[Change]:
        """Return everything that is shown now, and as gone what was recorded last and is not shown any more."""
        rev, now_min = self._desk.rev(), self._now_min()
        with self._lock:
            self._told = self._frame()
            found = dict(self._told)
        with suppress(Absent):
            found |= {("train", self._scene, line.subject): line for line in self._desk.trains().trains}
            found |= {("position", "", place.subject): place for place in self._desk.positions().trains}
        found["board", "", "board"] = self._desk.board()
        found |= {("source", "", source.name): source for source in self._desk.sources().sources}
        found |= {("area", "", area.properties.area_code): area for area in self._desk.areas().features}
        cases, tasks = (CaseFilter(open_only=True, limit=LAST), TaskFilter(open_only=True, limit=LAST))
        found |= {("case", c.scene, c.case_id): shown.case_row(c) for c in self._works.ledger.list_cases(cases)}
        found |= {("task", t.scene, t.task_id): shown.task_row(t) for t in self._works.ledger.list_tasks(tasks)}
        gone = dict.fromkeys(self._recorded() - found.keys())
        return [_change(rev, now_min, key, value) for key, value in (found | gone).items()]

    def _recorded(self) -> set[Key]:
        """Return what the last picture of the journal shows; nothing where it has none, or a damaged one."""
        bounds = self._journal.bounds()
        with suppress(Absent, Malformed):
            return set() if bounds is None else set(self._journal.picture(bounds[1]).items)
        return set()

    def pulse(self) -> Sequence[Change]:
        """Return what only the journal hears, as far as it changed since the last call."""
        rev, now_min = self._desk.rev(), self._now_min()
        with self._lock:
            before, now = self._told, self._frame()
            self._told = now
        changed = {key: value for key, value in now.items() if before.get(key) != value}
        changed |= dict.fromkeys(before.keys() - now.keys())
        return [_change(rev, now_min, key, value) for key, value in changed.items()]

    def range(self, view: View) -> PastRange:
        """Return from when until when the past is known."""
        bounds = self._journal.bounds()
        if bounds is None:
            return PastRange(None, None, [], more=False)
        found = self._journal.list_marks(MARKS)
        marks = [PastMark(m.at_ms, m.kind, m.subject, m.severity) for m in found if _may(view, m.topic, m.scene)]
        return PastRange(bounds[0], max(bounds[1], self._now_ms()), marks, more=len(found) == MARKS)

    def at(self, view: View, at_ms: int) -> PastReply:
        """Return what was shown at a moment. Raises Absent before the first, Malformed in the future."""
        self._refuse(at_ms)
        picture = self._journal.picture(at_ms)
        return _reply(picture, view, at_ms)

    def changes(self, view: View, from_ms: int, to_ms: int) -> PastChanges:
        """Return what was told after a moment and until another. Raises as `at` does."""
        if to_ms < from_ms:
            raise Malformed("web.past_backwards")
        self._refuse(from_ms)
        last_ms = max(self._now_ms(), (self._journal.bounds() or (0, 0))[1])
        until_ms = min(to_ms, from_ms + SPAN_MS, last_ms)
        more = until_ms < min(to_ms, last_ms)
        changes, things, moves = list[PastChange](), list[PastThings](), 0
        for entry in self._journal.list_shown(from_ms, until_ms):
            is_full = len(changes) + len(entry.items) > CHANGES or moves + len(entry.things) > MOVES
            if is_full and (changes or things):
                return PastChanges(from_ms, entry.at_ms - 1, changes, things, more=True)
            changes += [_told(entry.at_ms, item) for item in entry.items if _hears(view, item)]
            told, gone = _of(view.audience, entry.things), _of(view.audience, entry.gone)
            moves += len(told)
            if told or gone:
                things.append(PastThings(entry.at_ms, told, gone))
        return PastChanges(from_ms, until_ms, changes, things, more)

    def thing(self, view: View, thing_id: str, until_ms: int | None = None) -> ThingReply:
        """Return a thing with its newest states, or with those up to a past moment. Raises Absent, and Denied for
        people at work; for a moment as `at` does."""
        if view.audience is not Audience.ALL and thing_id.partition(":")[0] in PEOPLE:
            raise Denied("rules.not_permitted", action="staff.read", roles="-", agency="-")
        if until_ms is not None:
            return self._thing_then(thing_id, until_ms)
        found = self._works.panorama.find(thing_id)
        if found is None:
            raise Absent("web.no_thing", thing=thing_id)
        sources = {source.name: source for source in self._desk.sources().sources}
        points = self._journal.history(thing_id, LOOK_BACK)[-HISTORY:]
        if not points or points[-1][0] < found.at_ms:
            points = [*points[1 - HISTORY :], (found.at_ms, dict(found.values))]
        return ThingReply(view_of(found), sources.get(found.source), points)

    def _thing_then(self, thing_id: str, at_ms: int) -> ThingReply:
        self._refuse(at_ms)
        picture = self._journal.picture(at_ms)
        found: Any = picture.things.get(thing_id)
        if found is None:
            raise Absent("web.no_thing", thing=thing_id)
        source = picture.items.get(("source", "", found["source"]))
        points = self._journal.history(thing_id, LOOK_BACK, at_ms)[-HISTORY:]
        then: Any = None if source is None else source.change["value"]
        return ThingReply(found, then, points)

    def _frame(self) -> dict[tuple[str, str, str], Any]:
        """Return what only the journal hears: the hub, the event, the head of the list, the alarms that stand."""
        hub = replace(self._desk.hub(), now="", now_min=0, rev=0)
        found: dict[tuple[str, str, str], Any] = {("hub", "", "hub"): hub}
        found["emergency", "", ""] = self._desk.emergency()
        with suppress(Absent):
            found["trains", self._scene, "trains"] = replace(self._desk.trains(), trains=())
        for alarm in self._desk.alarms():
            found["standing", alarm.scene, f"{alarm.kind} {alarm.topic} {alarm.key}"] = alarm.shown()
        return found

    def _refuse(self, at_ms: int) -> None:
        bounds = self._journal.bounds()
        if bounds is None or at_ms < bounds[0]:
            raise Absent("web.past_unknown")
        if at_ms > max(bounds[1], self._now_ms()):
            raise Malformed("web.past_future")

    def _now_ms(self) -> int:
        return int(self._works.clock().timestamp() * 1000)

    def _now_min(self) -> int:
        return epoch_minute(self._works.clock())


def _change(rev: int, now_min: int, key: tuple[str, str, str], value: Any) -> Change:
    topic, scene, name = key
    return Change(rev, now_min, "Shown", topic, name, scene, value)


def _may(view: View, topic: str, scene: str) -> bool:
    return view.hears(Change(0, 0, "", TOPIC_OF.get(topic, topic), "", scene, None))


def _hears(view: View, item: Item) -> bool:
    change = item.change
    topic = change["value"]["topic"] if change["topic"] == "standing" and change["value"] else change["topic"]
    return _may(view, topic if topic != "standing" else change["key"].split(" ")[1], item.scene)


def _of(audience: Audience, told: Sequence[Any]) -> Sequence[Any]:
    """Return what an audience may hear of things, told whole, in short, or gone."""
    if audience is Audience.NOBODY:
        return []
    return told if audience is Audience.ALL else [each for each in told if _kind(each) not in PEOPLE]


def _kind(told: Any) -> str:
    name = told if isinstance(told, str) else told["id"] if isinstance(told, dict) else told[0]
    return str(name).partition(":")[0]


def _told(at_ms: int, item: Item) -> PastChange:
    told = item.change
    return PastChange(
        *(at_ms, told["topic"], told["key"], told["rev"], told["at_min"], told["kind"], told["value"]), item.alarm
    )


def _reply(picture: Picture, view: View, at_ms: int) -> PastReply:
    """Return a picture as a view may see it. Its records are those of the wire already."""
    heard = [item for item in picture.items.values() if _hears(view, item)]
    by_topic: dict[str, list[Any]] = {}
    for item in heard:
        by_topic.setdefault(item.change["topic"], []).append(item.change["value"])
    rev, at_min = max((item.change["rev"] for item in picture.items.values()), default=0), at_ms // 60_000
    hub, head = _first(by_topic, "hub"), _first(by_topic, "trains")
    if hub is None:
        raise Malformed("stores.journal_damaged", detail="hub")
    now: Any = {**hub, "now": from_epoch_ms(at_ms), "now_min": at_min, "rev": rev}
    trains = sorted(by_topic.get("train", ()), key=lambda line: line["rank"])
    told: Any = None if head is None else {**head, "trains": trains}
    areas = sorted(by_topic.get("area", ()), key=lambda area: area["properties"]["area_code"])
    return PastReply(
        at_ms=at_ms,
        shown_ms=picture.at_ms,
        next_ms=at_ms,
        replay=True,
        rev=rev,
        hub=now,
        emergency=_first(by_topic, "emergency"),
        trains=told,
        positions=tr.PositionsReply(at_min, by_topic.get("position", [])) if view.has("position") else None,
        areas=tr.AreasReply(at_min, areas) if view.has("area") else None,
        board=_first(by_topic, "board"),
        alarms=sorted(by_topic.get("standing", ()), key=lambda alarm: alarm["rev"]),
        things=_of(view.audience, list(picture.things.values())),
        sources=by_topic.get("source", []) if view.has("source") else None,
        cases=_listed(by_topic.get("case", ()), "case_id", "case") if view.has("case") else None,
        tasks=_listed(by_topic.get("task", ()), "task_id", "task") if view.has("task") else None,
    )


def _first(by_topic: Mapping[str, list[Any]], topic: str) -> Any:
    return next(iter(by_topic.get(topic, ())), None)


def _listed(rows: Sequence[Any], name: str, topic: str) -> list[Any]:
    """Return the rows that a list shows, by deadline."""
    still = [row for row in rows if row["state"] not in OVER[topic]]
    return sorted(still, key=lambda row: (LAST if row["deadline_min"] is None else row["deadline_min"], row[name]))[
        :LISTED
    ]


def from_epoch_ms(at_ms: int) -> str:
    """Return a moment as the hub tells it: ISO 8601, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
