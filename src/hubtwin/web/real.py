"""The desk of a hub at work: what pages ask is answered from its ledger, stores and accounts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, Literal

from hubtwin import __version__
from hubtwin.base.clock import DAY_MIN, PacedClock, epoch_minute
from hubtwin.base.errors import Absent, Denied, HubError, Retry
from hubtwin.library.grants import UNMASK, digest_of, look_up
from hubtwin.library.grants import Desk as LookUpDesk
from hubtwin.model.agency import Person
from hubtwin.model.case import Case
from hubtwin.model.event import Event, EventKind, is_alarm
from hubtwin.model.grant import VAULT, LookUp, Purpose
from hubtwin.model.task import Task
from hubtwin.ports import CaseFilter as Cases
from hubtwin.ports import TaskFilter as Tasks
from hubtwin.rules.permission import is_allowed, may
from hubtwin.web import shown
from hubtwin.web.change import Change
from hubtwin.web.desk import CaseFilter, TaskFilter
from hubtwin.web.real_access import RealAccess
from hubtwin.web.real_alarms import RealAlarms
from hubtwin.web.real_baskets import RealBaskets
from hubtwin.web.real_board import LAG_MIN, RealBoard, balance_of
from hubtwin.web.real_catalogue import open_real_catalogue
from hubtwin.web.real_cotravel import ask_along, show_cotravel
from hubtwin.web.real_emergency import RealEmergency
from hubtwin.web.real_field import RealField
from hubtwin.web.real_loads import RealLoads
from hubtwin.web.real_lookups import LookUps
from hubtwin.web.real_loop import RealLoop
from hubtwin.web.real_map import RealMap
from hubtwin.web.real_notices import RealNotices
from hubtwin.web.real_partners import RealPartners
from hubtwin.web.real_past import RealPast
from hubtwin.web.real_quality import RealQuality
from hubtwin.web.real_queries import RealQueries
from hubtwin.web.real_returns import RealReturns
from hubtwin.web.real_sendings import RealSendings
from hubtwin.web.real_venue import RealVenue
from hubtwin.web.real_wire import RealWire
from hubtwin.web.schemas import hub as h
from hubtwin.web.schemas import loop as lo
from hubtwin.web.schemas import trains as tr
from hubtwin.web.schemas.asked import Reveal
from hubtwin.wiring.applied import applying_of
from hubtwin.wiring.asked import Asking
from hubtwin.wiring.governing import governing_of
from hubtwin.wiring.library_sending import stop_sendings
from hubtwin.wiring.plugs import DISCLOSURES, load
from hubtwin.wiring.works import Works

LAST = 1 << 53


class RealDesk:
    """`web.desk.Desk` of a hub at work."""

    def __init__(self, works: Works, diseases: Sequence[h.Disease], scene: str) -> None:
        """Take an open hub. `scene` is what an event is declared for, `diseases` what it may be declared about."""
        self.works, self._scene = works, scene
        self._map, self._board = RealMap(works), RealBoard(works)
        loop, event = RealLoop(works, scene, self._board.board), RealEmergency(works, diseases, scene)
        self._pulsed: dict[tuple[str, str], Any] = {}
        self._listed, self._listed_min = dict[tuple[str, str], Any](), -1
        self._unmasking = Lock()
        self.areas, self.stations, self.positions = self._map.areas, self._map.stations, self._map.positions
        self.districts = self._map.districts
        self.board, self.repairs, self.sources = self._board.board, self._board.repairs, self._board.sources
        self.case, self.move_case = loop.case, loop.move_case
        self.lodge_appeal, self.decide_appeal = loop.lodge_appeal, loop.decide_appeal
        self.cotravel, self.ask_cotravel = partial(show_cotravel, works), partial(ask_along, works)
        heard = RealAlarms(works, self._board)
        self.alarm_answers, self.acknowledge, self.shelve = heard.answers, heard.acknowledge, heard.shelve
        self.begin_overflow, self.end_overflow = loop.begin_overflow, loop.end_overflow
        self.emergency, self.declare = event.emergency, event.declare
        self.end_emergency, self.destroy_data = event.end_emergency, event.destroy_data
        self.access, self.panorama, self.venue = RealAccess(works), works.panorama, RealVenue(works.settings)
        self.field = RealField(works, scene)
        self.catalogue = open_real_catalogue(works)
        asking = Asking(works)
        applying, stop = applying_of(works, asking), partial(stop_sendings, works)
        self.baskets, self.notices = RealBaskets(works.access, applying, stop), RealNotices(works, applying)
        self.returns, self.sendings = RealReturns(works), RealSendings(works)
        self.loads = RealLoads(works)
        self.task, self.move_task = self.field.task, self.field.move_task
        self.past = RealPast(works, self, scene)
        self.take_messages = RealWire(works).take_messages
        self.queries = RealQueries(asking, LookUps(works))
        self.quality = RealQuality(partial(governing_of, works))
        self.partners = RealPartners(works, scene, load(DISCLOSURES))

    def sign_in(self, user: str, password: str) -> tuple[str, Person]:
        """Open a session."""
        return self.works.access.accounts.sign_in(user, password)

    def vouch(self, user: str, password: str) -> Person:
        """Return the person that a password proves; the session that this begins ends at once."""
        token, person = self.works.access.accounts.sign_in(user, password)
        self.works.access.accounts.sign_out(token)
        return person

    def session(self, token: str) -> Person:
        """Return the person of a session."""
        return self.works.access.accounts.get_session(token)

    def sign_out(self, token: str) -> None:
        """End a session."""
        self.works.access.accounts.sign_out(token)

    def now(self) -> datetime:
        """Return the time of the hub."""
        return self.works.clock()

    def hub(self) -> h.HubView:
        """Return the hub and its clock."""
        hub, now = self.works.settings.hub, self.works.clock()
        return h.HubView(
            *(hub.hub_id, shown.named(hub.name), hub.zone.key, hub.stations, now.isoformat(), epoch_minute(now)),
            *(self.works.mode, self.works.pace(), self.works.mode != "live", self.rev()),
            exits=[h.ExitView(each.exit_id, shown.named(each.name), each.lanes) for each in hub.exits],
            teams=[h.TeamView(each.team_id, shown.named(each.name), each.post, each.size) for each in hub.teams],
            status=self.works.store.status,
            map=shown.base_map(self.works.settings.map),
        )

    def set_speed(self, who: Person, speed: float) -> h.HubView:
        """Let a replay run at another speed."""
        may(who, "emergency.declare", scene=self._scene)
        if self.works.mode != "replay" or not isinstance(self.works.clock, PacedClock):
            raise Denied("web.no_replay")
        self.works.clock.run(speed)
        return self.hub()

    def trains(self) -> tr.TrainsReply:
        """Return the present list."""
        found, ledger = self.works.latest(), self.works.ledger
        times = {each.subject: each for each in ledger.list_times(since_min=self._now_min() - DAY_MIN)}
        subjects = tuple(item.finding.subject for item in found.trains)
        orders: dict[str, list[str]] = {}
        for task in ledger.list_tasks(Tasks(subjects=subjects, open_only=True, limit=LAST)) if subjects else ():
            orders.setdefault(task.subject, []).append(task.task_id)
        lines = [
            shown.train(rank, item, shown.times(times.get(name)), orders.get(name, ()), self._cases_of(name))
            for rank, item in enumerate(found.trains, 1)
            for name in [item.finding.subject]
        ]
        return tr.TrainsReply(
            *(epoch_minute(found.now), found.service_date.isoformat(), found.pattern_date.isoformat()),
            synthetic=found.synthetic,
            overloads=[shown.take(tr.OverloadView, each) for each in found.overloads],
            trains=lines,
        )

    def cases(self, who: Person, chosen: CaseFilter) -> lo.CasesReply:
        """Return a page of cases of the scenes of a person."""
        rev, ledger, rows, total = self.rev(), self.works.ledger, list[Case](), 0
        for scene in self._scenes(who, "case.read", chosen.scene):
            where = Cases(
                scene=scene,
                states=(chosen.state,) if chosen.state else (),
                train=chosen.train,
                open_only=chosen.state is None,
                overdue_at_min=self._now_min() if chosen.overdue else None,
                order="deadline",
                limit=chosen.limit,
                after=chosen.after,
            )
            rows += ledger.list_cases(where)
            total += sum(ledger.count_cases(where).values())
        rows.sort(key=lambda case: (LAST if case.deadline_min is None else case.deadline_min, case.case_id))
        page = rows[: chosen.limit]
        return lo.CasesReply(rev, total, [shown.case_row(case) for case in page], _next(page, chosen.limit, _case_id))

    def tasks(self, who: Person, chosen: TaskFilter) -> lo.TasksReply:
        """Return a page of tasks of the scenes of a person, or of the own team."""
        rev, ledger, rows, total = self.rev(), self.works.ledger, list[Task](), 0
        for scene in self._scenes(who, "task.read", chosen.scene):
            where = Tasks(
                scene=scene,
                states=(chosen.state,) if chosen.state else (),
                teams=(who.team or "-",) if chosen.mine else (),
                open_only=chosen.state is None,
                order="deadline",
                limit=chosen.limit,
                after=chosen.after,
            )
            rows += ledger.list_tasks(where)
            total += sum(ledger.count_tasks(where).values())
        rows.sort(key=lambda task: (LAST if task.deadline_min is None else task.deadline_min, task.task_id))
        page = rows[: chosen.limit]
        return lo.TasksReply(rev, total, [shown.task_row(task) for task in page], _next(page, chosen.limit, _task_id))

    def staff(self) -> tr.StaffReply:
        """Return who is on duty with what, and which trains nobody meets."""
        found, now_min = self.works.latest(), self._now_min()
        orders: dict[str, list[str]] = {}
        for task in self.works.ledger.list_tasks(Tasks(open_only=True, limit=LAST)):
            orders.setdefault(task.team, []).append(task.task_id)
        names = {team.team_id: shown.named(team.name) for team in self.works.settings.hub.teams}
        duty = self.works.roster.on_duty(now_min) if self.works.roster else ()
        teams = [
            tr.TeamDuty(
                *(shift.team, names.get(shift.team, h.Words(shift.team, shift.team)), shift.place, shift.size),
                *(shift.until_min, sorted(shift.qualifications), orders.get(shift.team, ())),
            )
            for shift in duty
        ]
        unmet = [
            tr.UnmetView(item.finding.subject, bool(item.finding.evidence["key_train"]), item.staff["reason"])
            for item in found.trains
            if item.staff is not None and not item.staff["team"]
        ]
        return tr.StaffReply(now_min, teams, unmet, [shown.take(tr.OverloadView, each) for each in found.overloads])

    def reveal(self, who: Person, asked: Reveal, second: Person | None) -> h.RevealReply:
        """Unmask persons under a live grant, on a second person's word, or by breaking the glass."""
        access, purpose = self.works.access, Purpose(asked.purpose)
        may(who, "person.reveal", scene=asked.scene)
        question = LookUp(
            *(who.user_id, asked.scene, purpose, VAULT, tuple(asked.fields), asked.about, tuple(asked.pids))
        )
        if asked.break_glass and not self._holds_glass(who, asked.scene, purpose):
            may(who, "glass.break", scene=asked.scene)
            access.grants.break_glass(who.user_id, asked.scene, [purpose], reason=asked.reason)
        if second is not None:
            may(second, "person.reveal_second", scene=asked.scene)
            word_id = access.grants.ask_word(UNMASK, digest_of(question), by=who.user_id, reason=asked.reason)
            access.grants.give_word(word_id, by=second.user_id)
            question = replace(question, word_id=word_id)
        desk = LookUpDesk(access.grants, access.audit, lambda: epoch_minute(access.clock()), self._belongs)
        with self._unmasking:  # what is counted must not change before it is written down
            found = look_up(desk, question, access.vault.reveal)
        head = access.audit.head()
        return h.RevealReply([h.Revealed(pid, told) for pid, told in found.items()], head.seq if head else 0)

    def _belongs(self, asked: LookUp) -> bool:
        """Return whether the persons of a look-up are that of its case, or of cases of its train."""
        ledger = self.works.ledger
        named = ledger.find_case(asked.about)
        where = Cases(scene=asked.scene, train=asked.about, limit=LAST)
        cases = ledger.list_cases(where) if named is None else [named]
        return set(asked.pids) <= {case.pid for case in cases if case.scene == asked.scene}

    def _holds_glass(self, who: Person, scene: str, purpose: Purpose) -> bool:
        """Return whether a glass stands broken for this: a question asked again breaks no second one."""
        now_min = epoch_minute(self.works.access.clock())
        held = (each for each in self.works.access.grants.list_grants(who.user_id) if each.glass)
        return any(each.is_live(now_min) and each.scene == scene and purpose in each.purposes for each in held)

    def rev(self) -> int:
        """Return the number of the last event."""
        return self.works.ledger.last_seq()

    def events_after(self, seq: int, limit: int) -> Sequence[Change]:
        """Return what the events after a number mean for a page; what one batch names twice is read once."""
        known: dict[tuple[str, str], Any] = {}
        return [self._change(event, known) for event in self.works.ledger.list_events(seq, limit=limit)]

    def alarms(self) -> Sequence[Change]:
        """Return the alarms that stand."""
        return [self._change(event, {}) for event in self._board.list_alarms()]

    def pulse(self) -> Sequence[Change]:
        """Return the positions, list lines, sources, areas and repairs that changed since the last call, and which are
        gone."""
        rev, now_min = self.rev(), self._now_min()
        now: dict[tuple[str, str], Any] = {("source", source.name): source for source in self.sources().sources}
        now |= {("area", area.properties.area_code): area for area in self.areas().features}
        with suppress(Absent):  # a hub without a timetable has no trains, but sources that are late
            now |= {("train", line.subject): line for line in self.trains().trains}
            now |= {("position", place.subject): place for place in self.positions().trains}
        now |= self._to_repair(now_min)
        before, self._pulsed = self._pulsed, now
        gone = dict.fromkeys(before.keys() - now.keys())
        changed = {key: value for key, value in now.items() if before.get(key) != value}
        return [
            Change(rev, now_min, "Moved", topic, key, self._scene if topic == "train" else "", value)
            for (topic, key), value in [*changed.items(), *gone.items()]
        ]

    def _to_repair(self, now_min: int) -> dict[tuple[str, str], Any]:
        """Return what a person must fix, counted once a minute, and broken glasses at once; what was known before while
        the rows of access do not answer: trains and sources are told all the same."""
        try:
            unreviewed = self.works.access.grants.list_unreviewed()
            if now_min != self._listed_min:
                found = (each for each in self._board.repairs().repairs if each.kind != "glass")
                self._listed, self._listed_min = {("repair", each.key): each.count for each in found}, now_min
        except Retry:
            return {key: told for key, told in self._pulsed.items() if key[0] == "repair"}
        return self._listed | {("repair", f"glass {grant.grant_id}"): grant.from_min for grant in unreviewed}

    def health(self) -> h.Health:
        """Return whether the hub works."""
        try:
            lag_min = self._board.timers_lag_min()
            late = [source for source, _ in self._board.list_late_sources()]
        except HubError:
            return h.Health("down", False, 0.0, [], __version__)
        state: Literal["ok", "degraded"] = "degraded" if late or lag_min >= LAG_MIN else "ok"
        return h.Health(state, True, lag_min * 60.0, late, __version__, self.past.health())

    def _change(self, event: Event, known: dict[tuple[str, str], Any]) -> Change:
        topic, key = _topic(event)
        if (topic, key) not in known:
            known[topic, key] = self._standing(topic, key, event)
        value, alarm = known[topic, key], is_alarm(event.kind, event.payload)
        return Change(event.seq, event.at_min, event.kind, topic, key, event.scene, value, alarm=alarm)

    def _standing(self, topic: str, key: str, event: Event) -> Any:
        """Return the thing of an event as it stands now, None where it is gone."""
        ledger = self.works.ledger
        readers: Mapping[str, tuple[Callable[[str], Any], Callable[[Any], Any]]] = {
            "case": (ledger.find_case, shown.case_row),
            "task": (ledger.find_task, shown.task_row),
            "alert": (ledger.find_alert, shown.alert),
            "overflow": (ledger.find_overflow, shown.overflow),
        }
        if topic in readers:
            find, show = readers[topic]
            found = find(key)
            return None if found is None or getattr(found, "is_on", True) is False else show(found)
        if topic == "balance":
            return balance_of(event)
        return self.emergency() if topic == "emergency" else event.payload

    def _cases_of(self, train: str) -> int:
        return sum(self.works.ledger.count_cases(Cases(train=train, open_only=True)).values())

    def _scenes(self, who: Person, action: str, scene: str | None) -> list[str]:
        if scene is not None:
            may(who, action, scene=scene)
            return [scene]
        return [each for each in sorted(who.scenes) if is_allowed(who, action, scene=each)]

    def _now_min(self) -> int:
        return epoch_minute(self.works.clock())


def _topic(event: Event) -> tuple[str, str]:
    """Return which thing of a page an event is about; ("", "") where none."""
    kind, payload = event.kind, event.payload
    of_case = kind == EventKind.PARTNER_DATA_USED and "case" in payload
    if of_case or kind in (EventKind.APPEAL_LODGED, EventKind.APPEAL_DECIDED, EventKind.PARTNER_ANSWERED):
        return "case", str(payload.get("case", event.subject))
    if kind in (EventKind.OVERFLOW_PROPOSED, EventKind.HELP_ASKED):
        return "task", event.subject
    if kind in (EventKind.LOOP_RECONCILED, EventKind.LOOP_DIFFERS):
        return "balance", event.subject
    if kind in (EventKind.SCENE_FAILED, EventKind.TIMER_FAILED):
        return "repair", event.subject
    for start, topic in (
        ("Case", "case"),
        ("Task", "task"),
        ("Alert", "alert"),
        ("Overflow", "overflow"),
        ("Alarm", "alarm"),
        ("Disclosure", "case"),
    ):
        if kind.startswith(start):
            return topic, event.subject
    return ("emergency", event.subject) if kind.startswith("Emergency") else ("", "")


def _case_id(case: Case) -> str:
    return case.case_id


def _task_id(task: Task) -> str:
    return task.task_id


def _next(page: Sequence[Any], limit: int, key: Callable[[Any], str]) -> str | None:
    return key(page[-1]) if len(page) == limit else None
