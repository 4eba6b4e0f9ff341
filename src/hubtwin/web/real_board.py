"""The loop of a hub at work in figures, its standing alarms, and what a person must repair."""

from collections import deque
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Literal

import numpy as np

from hubtwin.base.clock import DAY_MIN, epoch_minute
from hubtwin.base.errors import Absent
from hubtwin.base.text import text
from hubtwin.flow.emergency import DECIDE_OVERFLOW
from hubtwin.flow.feedback import balance
from hubtwin.model.case import CaseState
from hubtwin.model.event import ALARMS, Event, EventKind, LoopStep, LoopTimes, is_alarm
from hubtwin.model.task import TaskState
from hubtwin.ports import CaseFilter, TaskFilter
from hubtwin.web import shown, shown_loop
from hubtwin.web.real_sources import list_sources, with_office
from hubtwin.web.schemas import hub as h
from hubtwin.web.schemas import loop as lo
from hubtwin.wiring.works import Works

OPEN_CASES = tuple(state for state in CaseState if state is not CaseState.CLOSED)
RATE_MIN = 10
# EEMUA 191, alarms per operator and ten minutes: below 1 acceptable, 2 manageable, up to 10 demanding, more a flood
BANDS: tuple[tuple[float, Literal["acceptable", "manageable", "demanding"]], ...] = (
    (1, "acceptable"),
    (2, "manageable"),
    (10, "demanding"),
)
STANDS_MIN = 60  # alarms about a moment (a failed timer, a failed scene) stand for an hour
REMEMBERED = 1_000
LAG_MIN, UNDELIVERED_MIN = 2, 5
_KINDS = (*sorted(ALARMS), EventKind.LOOP_RECONCILED.value)


class RealBoard:
    """Figures of a hub. It follows the ledger by number, so that a board costs no look at the whole past."""

    def __init__(self, works: Works) -> None:
        """Create it; nothing is read before somebody asks."""
        self.works, self._lock = works, Lock()
        self._seq, self._alarms, self._room = 0, deque[Event](), REMEMBERED
        self._balance: Event | None = None
        self._held: tuple[int, int, lo.Board] | None = None

    def board(self) -> lo.Board:
        """Return the board; it is counted anew when an event or a minute has come."""
        ledger, now_min = self.works.ledger, epoch_minute(self.works.clock())
        rev = ledger.last_seq()
        with self._lock:
            if self._held is None or self._held[:2] != (rev, now_min):
                self._follow(rev)
                self._held = (rev, now_min, self._count(rev, now_min))
            return self._held[2]

    def list_alarms(self) -> list[Event]:
        """Return the alarms that stand, oldest first, one for each thing."""
        now_min = epoch_minute(self.works.clock())
        with self._lock:
            self._follow(self.works.ledger.last_seq())
            # An appeal about a case is another thing than the case.
            newest = {(event.kind, event.subject, event.payload.get("appeal")): event for event in self._alarms}
            return [event for event in newest.values() if self._stands(event, now_min)]

    def timers_lag_min(self) -> int:
        """Return for how many hub minutes the oldest due timer waits."""
        now_min = epoch_minute(self.works.clock())
        due = self.works.ledger.list_timers(now_min, 1)
        return now_min - due[0].due_min if due else 0

    def sources(self) -> h.SourcesReply:
        """Return the sources and how they stand."""
        return list_sources(self.works.sources(), epoch_minute(self.works.clock()), self.works.settings.hub.zone)

    def list_late_sources(self) -> list[tuple[str, int]]:
        """Return sources that are late or fail, with the minutes since they told something; 0 where they never did.

        The published list of risk areas counts by its own age as well: a source that is read in time may say nothing.
        """
        found = self.sources()
        late = {
            source.name: 0 if source.last_read_min is None else found.now_min - source.last_read_min
            for source in found.sources
            if source.state in ("late", "failed")
        }
        try:
            feed = self.works.latest().feed
        except Absent:  # a new hub: nothing has been brought in
            return [*late.items(), ("timetable", 0)]
        if feed.is_stale or feed.is_silent:
            late.setdefault("risk-areas", feed.age_min or 0)
        return list(late.items())

    def repairs(self) -> h.RepairsReply:
        """Return what a person must fix."""
        now_min = epoch_minute(self.works.clock())
        return h.RepairsReply(now_min, [*self._of_data(now_min), *self._of_people(), *self._of_loop(now_min)])

    def _of_data(self, now_min: int) -> Iterable[h.Repair]:
        failing = {source.name: source for source in self.sources().sources if source.state == "failed"}
        for broken in failing.values():
            title, why = broken.title, broken.error or h.Words("", "")
            detail = h.Words(
                text("web.detail_source_failed", "zh", source=title.zh, error=why.zh),
                text("web.detail_source_failed", "en", source=title.en, error=why.en),
            )
            yield _repair("source_failed", broken.name, with_office(detail, broken.contact), broken.last_read_min)
        for name, age_min in self.list_late_sources():
            if name not in failing:
                since = now_min - age_min if age_min else None
                yield _repair("source_late", name, self._lateness(name, age_min), since)
        found: dict[tuple[str, str], int] = self.works.store.count_quarantine()
        for (source, reason), count in found.items():
            detail = _both("web.detail_quarantined", source=source, count=count, reason=reason)
            yield _repair("quarantine", f"{source} {reason}", detail, None, count)
        waiting = self.works.ledger.list_outbox(limit=100)
        if waiting and now_min - waiting[0].at_min >= UNDELIVERED_MIN:
            detail = _both("web.detail_undelivered", minutes=now_min - waiting[0].at_min)
            yield _repair("delivery", waiting[0].channel, detail, waiting[0].at_min, len(waiting))

    def _lateness(self, name: str, age_min: int) -> h.Words:
        found = next((each for each in self.sources().sources if each.name == name), None)
        title = h.Words(name, name) if found is None else found.title
        key = "web.detail_late" if age_min else "web.detail_silent"
        told = h.Words(
            text(key, "zh", source=title.zh, minutes=age_min), text(key, "en", source=title.en, minutes=age_min)
        )
        return told if found is None else with_office(told, found.contact)

    def _of_people(self) -> Iterable[h.Repair]:
        for grant in self.works.access.grants.list_unreviewed():
            yield _repair("glass", grant.grant_id, _both("web.detail_unreviewed", by=grant.grantee), grant.from_min)

    def _of_loop(self, now_min: int) -> Iterable[h.Repair]:
        if (lag := self.timers_lag_min()) >= LAG_MIN:
            yield _repair("timer", "timers", _both("web.detail_timers_lag", minutes=lag), now_min - lag)
        for event in self.list_alarms():
            if event.kind == EventKind.SCENE_FAILED:
                detail = _both("web.detail_failed", cause=event.payload.get("cause", ""))
                yield _repair("scene", event.subject, detail, event.at_min)

    def _follow(self, rev: int) -> None:
        """Read the alarms and reconciliations that came since the last time."""
        for event in self.works.ledger.list_events(self._seq, _KINDS):
            if event.kind in (EventKind.LOOP_RECONCILED, EventKind.LOOP_DIFFERS):
                self._balance = event
            if is_alarm(event.kind, event.payload):
                self._alarms.append(event)
            rev = max(rev, event.seq)
        self._seq = max(self._seq, rev)  # who asks beside us may have read further
        if len(self._alarms) > self._room:
            self._forget_old()

    def _forget_old(self) -> None:
        """Forget alarms that neither stand nor count; those that stand are kept, however many they are."""
        now_min = epoch_minute(self.works.clock())
        kept = (each for each in self._alarms if now_min - each.at_min < RATE_MIN or self._stands(each, now_min))
        self._alarms = deque(kept)
        self._room = max(REMEMBERED, 2 * len(self._alarms))

    def _stands(self, event: Event, now_min: int) -> bool:
        ledger, kind = self.works.ledger, event.kind
        if kind == EventKind.ALERT_RAISED:
            alert = ledger.find_alert(event.subject)
            return alert is not None and alert.is_active
        if kind == EventKind.TASK_ESCALATED:
            task = ledger.find_task(event.subject)
            return task is not None and task.state is TaskState.ESCALATED
        if kind == EventKind.CASE_ESCALATED:
            return self._case_is_late(event)
        if kind == EventKind.LOOP_DIFFERS:
            return event is self._balance
        if kind in (EventKind.OVERFLOW_PROPOSED, EventKind.HELP_ASKED):
            task = ledger.find_task(event.subject)
            return task is not None and task.is_open
        return now_min - event.at_min < STANDS_MIN

    def _case_is_late(self, event: Event) -> bool:
        """Return whether what was late still is: an appeal waits, or the case is where its clock ran out."""
        told, case = event.payload, self.works.ledger.find_case(event.subject)
        if (appeal_id := told.get("appeal")) is not None:
            appeal = self.works.ledger.find_appeal(str(appeal_id))
            return appeal is not None and appeal.is_open
        return case is not None and case.is_open and (case.state, case.since_min) == (told["state"], told["since_min"])

    def _count(self, rev: int, now_min: int) -> lo.Board:
        ledger = self.works.ledger
        counts = ledger.count_cases(CaseFilter(open_only=True))
        late = ledger.count_cases(CaseFilter(open_only=True, overdue_at_min=now_min))
        tasks = ledger.count_tasks(TaskFilter(open_only=True))
        tasks_late = ledger.count_tasks(TaskFilter(open_only=True, overdue_at_min=now_min))
        recent = sum(now_min - event.at_min < RATE_MIN for event in self._alarms)
        emergencies = ledger.list_emergencies()
        return lo.Board(
            rev=rev,
            now_min=now_min,
            by_state=[
                lo.StateCount(state, counts.get(state, 0), late.get(state, 0), self._next_min(state, counts))
                for state in OPEN_CASES
            ],
            open=sum(counts.values()),
            overdue=sum(late.values()),
            tasks_open=sum(tasks.values()),
            tasks_late=sum(tasks_late.values()),
            balance=self._read_balance(),
            loop_times=list_steps(ledger.list_times(since_min=now_min - DAY_MIN)),
            overflow=[shown.overflow(order) for order in ledger.list_overflows(on_only=True)],
            overflow_proposals=self._list_proposals(),
            alarm_rate=lo.AlarmRate(recent, next((name for most, name in BANDS if recent <= most), "flood")),
            synthetic=any(shown.is_synthetic(found.marks) for found in emergencies[-1:]),
        )

    def _list_proposals(self) -> list[lo.OverflowProposal]:
        """Return what the commander is asked about exits that will fill, the soonest first, with its figures."""
        ledger = self.works.ledger
        found = []
        for task in ledger.list_tasks(TaskFilter(kind=DECIDE_OVERFLOW, open_only=True)):
            told = ledger.list_events(kinds=(EventKind.OVERFLOW_PROPOSED,), subject=task.task_id)
            found.append(shown_loop.overflow_proposal(task, told[-1].payload if told else {}))
        return sorted(found, key=lambda each: (each.from_min or 0, each.place))

    def _next_min(self, state: CaseState, counts: dict[CaseState, int]) -> int | None:
        if not counts.get(state):
            return None
        first = self.works.ledger.list_cases(CaseFilter(states=(state,), order="deadline", limit=1))
        return first[0].deadline_min if first else None

    def _read_balance(self) -> lo.BalanceView:
        if self._balance is not None:
            return balance_of(self._balance)
        emergencies = self.works.ledger.list_emergencies()
        if not emergencies:
            return lo.BalanceView(None, 0, 0, 0, 0, 0)
        now = balance(self.works.ledger, emergencies[-1].emergency_id)
        return lo.BalanceView(None, now.entered, now.released, now.transferred, now.open, now.difference)


def balance_of(event: Event) -> lo.BalanceView:
    """Return what a reconciliation wrote down."""
    told = [int(str(event.payload[k])) for k in ("entered", "released", "transferred", "open", "difference")]
    return lo.BalanceView(event.at_min, *told)


def list_steps(found: Sequence[LoopTimes]) -> list[lo.StepTime]:
    """Return median and 95th percentile of the minutes from each step of the loop to the next one that was measured."""
    spent: dict[str, list[int]] = {step.value: [] for step in LoopStep}
    for times in found:
        before: int | None = None
        for step in LoopStep:
            at_min = getattr(times, step.value)
            if at_min is None:
                continue
            if before is not None:
                spent[step.value].append(at_min - before)
            before = at_min
    return [_step(name, minutes) for name, minutes in list(spent.items())[1:]]


def _step(name: str, minutes: list[int]) -> lo.StepTime:
    if not minutes:
        return lo.StepTime(name, 0, None, None)
    p50, p95 = np.percentile(minutes, (50, 95))
    return lo.StepTime(name, len(minutes), round(float(p50), 1), round(float(p95), 1))


_Kind = Literal["source_late", "source_failed", "quarantine", "delivery", "glass", "timer", "scene"]


def _repair(kind: _Kind, key: str, detail: h.Words, since_min: int | None, count: int = 1) -> h.Repair:
    return h.Repair(f"{kind} {key}", kind, shown.words(f"web.repair_{kind}"), detail, since_min, count)


def _both(key: str, **values: object) -> h.Words:
    return h.Words(text(key, "zh", **values), text(key, "en", **values))
