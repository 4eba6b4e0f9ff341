"""A desk in memory: the real tables of moves and permissions, cases and tasks in dictionaries, no store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import RLock

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.model.agency import ROLE_AGENCIES, AgencyKind, Person, Role
from hubtwin.model.case import Case, CaseCommand, CaseState, Evidence, advance, list_moves
from hubtwin.model.grant import ALONE
from hubtwin.model.message import Signed
from hubtwin.model.task import Task, TaskCommand, advance_task, list_task_moves
from hubtwin.rules.permission import is_allowed, may
from hubtwin.web.change import Change
from hubtwin.web.desk import CaseFilter, TaskFilter
from hubtwin.web.schemas import hub as h
from hubtwin.web.schemas import loop as lo
from hubtwin.web.schemas import trains as tr
from hubtwin.web.schemas.alarms import AlarmsReply
from hubtwin.web.schemas.asked import (
    Acknowledge,
    BeginOverflow,
    DecideAppeal,
    Declare,
    MoveCase,
    MoveTask,
    Reveal,
    ShelveAlarms,
)
from hubtwin.web.schemas.cotravel import CotravelReply, CotravelView, RunAsked
from hubtwin.wiring.panorama import Panorama
from tests.web.fake_access import FakeAccess
from tests.web.fake_baskets import FakeBaskets, FakeNotices
from tests.web.fake_catalogue import FakeCatalogue
from tests.web.fake_field import FakeField
from tests.web.fake_loads import FakeLoads
from tests.web.fake_partners import FakePartners
from tests.web.fake_past import FakePast
from tests.web.fake_quality import FakeQuality
from tests.web.fake_queries import FakeQueries
from tests.web.fake_returns import FakeReturns
from tests.web.fake_sendings import FakeSendings
from tests.web.fake_venue import FakeVenue

NOW = datetime(2022, 10, 20, 1, 0, tzinfo=UTC)
NOW_MIN = epoch_minute(NOW)
PASSWORD = "correct horse battery"
CLOCKS = dict.fromkeys(("answer", "done", "escalated"), 30)
BOTH = h.Words("杭州东站", "Hangzhou East")
NOBODY_KIND = {role: sorted(kinds)[0] for role, kinds in ROLE_AGENCIES.items()}


def person(role: Role, *, scenes: frozenset[str] = frozenset({"epidemic"}), kind: AgencyKind | None = None) -> Person:
    """Return somebody with one role."""
    kind = kind or (AgencyKind.HEALTH if AgencyKind.HEALTH in ROLE_AGENCIES[role] else NOBODY_KIND[role])
    return Person(role.value, f"王{role.value}", f"agency-{kind.value}", kind, frozenset({role}), scenes, "T01")


PEOPLE = {each.user_id: each for each in (person(role) for role in Role)}
PEOPLE["outsider"] = replace(person(Role.SCENE_OFFICER, scenes=frozenset({"fire"})), user_id="outsider")
PEOPLE["officer_two"] = replace(person(Role.SCENE_OFFICER), user_id="officer_two")


class FakeDesk:
    """`web.desk.Desk` in memory. `append` is the ledger of the tests."""

    def __init__(self, cases: int = 3) -> None:
        self.lock = RLock()
        self.sessions: dict[str, str] = {}
        self.changes: list[Change] = []
        self.panorama = Panorama()
        self.past = FakePast(self.panorama)
        self.people = dict(PEOPLE)
        self.access = FakeAccess(self.find_person)
        self.partners = FakePartners()
        self.venue = FakeVenue()
        self.queries = FakeQueries()
        self.quality = FakeQuality()
        self.field = FakeField(self)
        self.baskets = FakeBaskets()
        self.notices = FakeNotices()
        self.catalogue = FakeCatalogue()
        self.returns, self.sendings = FakeReturns(), FakeSendings()
        self.loads = FakeLoads()
        self.tries: list[str] = []
        self.seen: list[str] = []
        self.failing: Exception | None = None
        self.found: dict[str, Case] = {}
        self.orders: dict[str, Task] = {}
        for number in range(cases):
            self.found[f"case-{number}"] = Case(
                f"case-{number}", "epidemic", "e1", f"pid-{number}", "G1 2022-10-20", NOW_MIN - 5, deadline_min=NOW_MIN
            )
        self.orders["task-1"] = Task(
            "task-1", "epidemic", "meet_train", "G1 2022-10-20", "6", "T01", NOW_MIN, NOW_MIN + 20
        )

    def append(self, topic: str, key: str, value: object, *, scene: str = "epidemic", alarm: bool = False) -> int:
        """Add an event."""
        with self.lock:
            rev = self.rev() + 1
            self.changes.append(Change(rev, NOW_MIN, "Happened", topic, key, scene, value, alarm))
            return rev

    def find_person(self, user: str) -> Person:
        if user not in self.people:
            raise Absent("stores.no_account", user=user)
        return self.people[user]

    def take_messages(self, headers: Mapping[str, str], body: bytes) -> Signed:
        raise Absent("web.no_partners")

    def sign_in(self, user: str, password: str) -> tuple[str, Person]:
        who = self.vouch(user, password)
        token = f"token-{user}-{len(self.sessions)}"
        self.sessions[token] = user
        return token, who

    def vouch(self, user: str, password: str) -> Person:
        self.tries.append(user)
        if user not in self.people or password != PASSWORD:
            raise Denied("stores.sign_in_failed")
        return self.people[user]

    def session(self, token: str) -> Person:
        if token not in self.sessions:
            raise Denied("stores.session_over")
        return self.people[self.sessions[token]]

    def sign_out(self, token: str) -> None:
        self.sessions.pop(token, None)

    def now(self) -> datetime:
        return NOW

    def hub(self) -> h.HubView:
        if self.failing:
            raise self.failing
        exits, teams = [h.ExitView("N1", BOTH, 10)], [h.TeamView("T01", BOTH, "N1", 2)]
        now = NOW.isoformat()
        return h.HubView(
            "hangzhou-east", BOTH, "Asia/Shanghai", ["HGH"], now, NOW_MIN, "replay", 1.0, True, self.rev(), exits, teams
        )

    def set_speed(self, who: Person, speed: float) -> h.HubView:
        return replace(self.hub(), speed=speed)

    def emergency(self) -> h.EmergencyReply:
        one = h.EmergencyView("e1", "epidemic", "covid-19", "第九版", "boss", NOW_MIN, NOW_MIN + 9, None, True, True)
        return h.EmergencyReply(one, [h.Disease("covid-19", BOTH)])

    def declare(self, who: Person, asked: Declare) -> h.EmergencyReply:
        may(who, "emergency.declare", scene="epidemic")
        self.append("emergency", "epidemic", self.emergency())
        return self.emergency()

    def end_emergency(self, who: Person, reason: str, second: Person) -> h.EmergencyReply:
        may(who, "emergency.end", scene="epidemic")
        may(second, "emergency.end_second", scene="epidemic")
        return self.emergency()

    def destroy_data(self, who: Person, emergency_id: str, reason: str, second: Person) -> h.EmergencyReply:
        if emergency_id != "e1":
            raise Absent("flow.no_such_emergency", emergency_id=emergency_id)
        return self.end_emergency(who, reason, second)

    def trains(self) -> tr.TrainsReply:
        cover = tr.Coverage(1, 2, 0.5, None, NOW_MIN)
        call = tr.TrainCall(
            "上海虹桥", "AOH", "310107", "nearest", "普陀区", None, NOW_MIN, 3, 0, 0, 0, NOW_MIN, 411, None
        )
        persons = tr.Persons("counts", 411, 411, None, 0, None, None)
        lists, staff = tr.Lists("final", cover, cover, cover), tr.Staff(["T01"])
        train = tr.Train(
            *("key", "G1 2022-10-20", 1, 68.6, True, "3351", "2022-10-20", "G1", "HGH", None, NOW_MIN, NOW_MIN, 2),
            level="medium",
            key_train=True,
            persons=persons,
            lists=lists,
            calls=[call],
            staff=staff,
            times=tr.Times(),
            task_ids=["task-1"],
            cases=3,
        )
        load = tr.OverloadView("N1", NOW_MIN, NOW_MIN + 5, 130.0, 120.0, 40, 5)
        return tr.TrainsReply(NOW_MIN, "2022-10-20", "2016-03-03", ["boarding_counts"], [load], [train])

    def areas(self) -> tr.AreasReply:
        facts = tr.AreaFacts("310107", "普陀区", 0, 3, None, False, "centroid")
        return tr.AreasReply(NOW_MIN, [tr.Area(tr.Point((121.39, 31.24)), facts)])

    def districts(self, named: str) -> Sequence[tr.DistrictView]:
        return [tr.DistrictView("330106", "浙江省 杭州市 西湖区")]

    def stations(self) -> Sequence[tr.StationView]:
        return [tr.StationView("HGH", "杭州东", 120.2, 30.3, True)]

    def positions(self) -> tr.PositionsReply:
        one = tr.Position("G1 2022-10-20", "G1", 120.0, 30.0, 90.0, "AOH", "HGH", NOW_MIN, "medium", True, True)
        return tr.PositionsReply(NOW_MIN, [one])

    def cases(self, who: Person, chosen: CaseFilter) -> lo.CasesReply:
        rows = [_row(case) for case in self.found.values() if is_allowed(who, "case.read", scene=case.scene)]
        return lo.CasesReply(self.rev(), len(rows), rows[: chosen.limit], None)

    def case(self, who: Person, case_id: str) -> lo.CaseReply:
        if case_id not in self.found:
            raise Absent("stores.no_case", case_id=case_id)
        case = self.found[case_id]
        may(who, "case.read", scene=case.scene)
        moves = [
            lo.CaseMoveView(move.command, move.to_state, move.needs, move.clock, 30, BOTH)
            for move in list_moves(case.state)
            if is_allowed(who, f"case.{move.command}", scene=case.scene)
        ]
        past = [lo.Happened(1, NOW_MIN, "CaseOpened", "system", {"case": case_id})]
        evidence = [lo.EvidenceView("finding", "ref", {}, NOW_MIN, "system")]
        van = lo.TransferView("浙A1", "site-1", "sig-1", None, NOW_MIN, None)
        step = lo.StepView("transfer", "now", 1, "boss", NOW_MIN, None, None, None, NOW_MIN + 30, van)
        idea = lo.ProposalView("report", "scan", "R1", {"health_code": "green"}, NOW_MIN)
        return lo.CaseReply(
            _row(case), past, evidence, moves, tr.Times(), [step], [idea], [self._appeal(who, case_id, None)]
        )

    def _appeal(self, who: Person, case_id: str, upheld: bool | None) -> lo.AppealView:
        told = (None, None, None, None) if upheld is None else (who.user_id, NOW_MIN, "D1", None)
        by, at_min, ref, note = told
        return lo.AppealView(
            *(f"appeal-{case_id}", "form-1", "staff", NOW_MIN - 5, NOW_MIN + 115, upheld, by, at_min, ref, note),
            may_decide=upheld is None and is_allowed(who, "case.correct", scene="epidemic"),
        )

    def lodge_appeal(self, who: Person, case_id: str, ground: str) -> lo.CaseReply:
        found = self.case(who, case_id)
        return replace(found, appeals=[replace(self._appeal(who, case_id, None), ground=ground)])

    def cotravel(self, who: Person, case_id: str) -> CotravelReply:
        case = self.case(who, case_id).case
        runs, may_ask = [RunAsked("T1", "2022-10-20")], is_allowed(who, "cotravel.ask", scene=case.scene)
        return CotravelReply(case_id, may_ask=may_ask, why_not=None, runs=runs, matchers=["rail"], most=2000, asked=[])

    def ask_cotravel(self, who: Person, case_id: str, reason: str) -> CotravelReply:
        found = self.cotravel(who, case_id)
        may(who, "cotravel.ask", scene="epidemic")
        told = ("T1", "2022-10-20", "rail", who.user_id, NOW_MIN)
        one = CotravelView(*told, "answered", None, NOW_MIN, "2", {"adjacent": 2}, traced=True)
        return replace(found, asked=[one])

    def decide_appeal(self, who: Person, appeal_id: str, asked: DecideAppeal) -> lo.CaseReply:
        case_id = appeal_id.removeprefix("appeal-")
        found = self.case(who, case_id)
        may(who, "case.correct", scene=found.case.scene)
        return replace(found, appeals=[replace(self._appeal(who, case_id, asked.upheld), ref=asked.ref)])

    def alarm_answers(self) -> AlarmsReply:
        return AlarmsReply(NOW_MIN, [], [])

    def acknowledge(self, who: Person, asked: Acknowledge) -> AlarmsReply:
        may(who, "alarm.acknowledge")
        return self.alarm_answers()

    def shelve(self, who: Person, asked: ShelveAlarms) -> AlarmsReply:
        may(who, "alarm.shelve")
        return self.alarm_answers()

    def begin_overflow(self, who: Person, asked: BeginOverflow) -> lo.Board:
        may(who, "overflow.switch", scene="epidemic")
        if asked.place != "N1":
            raise Absent("web.no_exit", place=asked.place, exits="N1")
        return self.board()

    def end_overflow(self, who: Person, overflow_id: str) -> lo.Board:
        may(who, "overflow.switch", scene="epidemic")
        if overflow_id != "o1":
            raise Absent("flow.no_such_overflow", overflow_id=overflow_id)
        return replace(self.board(), overflow=[])

    def sources(self) -> h.SourcesReply:
        ok = h.SourceView("risk_areas", BOTH, 3600, NOW_MIN, None, 7, "live", None, None)
        bad = h.SourceView("bookings", BOTH, 60, None, None, 0, "failed", "web.bug", BOTH)
        return h.SourcesReply(NOW_MIN, [ok, bad])

    def move_case(self, who: Person, case_id: str, asked: MoveCase) -> lo.CaseReply:
        with self.lock:
            case = self.case(who, case_id).case
            may(who, f"case.{asked.command}", scene=case.scene)
            pieces = [Evidence(each.kind, each.ref, each.values) for each in asked.evidence]
            clocks = {move.clock: 30 for state in CaseState for move in list_moves(state) if move.clock}
            command = CaseCommand(case_id, asked.command, who.user_id, NOW_MIN, pieces, asked.expects)
            self.found[case_id] = advance(self.found[case_id], command, clocks)
            self.append("case", case_id, _row(self.found[case_id]))
        return self.case(who, case_id)

    def tasks(self, who: Person, chosen: TaskFilter) -> lo.TasksReply:
        rows = [_task(task) for task in self.orders.values() if not chosen.mine or task.team == who.team]
        return lo.TasksReply(self.rev(), len(rows), rows, None)

    def task(self, who: Person, task_id: str) -> lo.TaskReply:
        if task_id not in self.orders:
            raise Absent("stores.no_task", task_id=task_id)
        task = self.orders[task_id]
        may(who, "task.read", scene=task.scene)
        moves = [
            lo.TaskMoveView(move.command, move.to_state, move.reason, move.team, BOTH)
            for move in list_task_moves(task.state)
            if is_allowed(who, f"task.{move.command}", scene=task.scene, team=task.team)
        ]
        return lo.TaskReply(_task(task), [], moves)

    def move_task(self, who: Person, task_id: str, asked: MoveTask) -> lo.TaskReply:
        task = self.task(who, task_id).task
        may(who, f"task.{asked.command}", scene=task.scene, team=task.team)
        command = TaskCommand(
            task_id, asked.command, who.user_id, NOW_MIN, asked.reason, asked.team, expects=asked.expects
        )
        self.orders[task_id] = advance_task(self.orders[task_id], command, CLOCKS)
        self.append("task", task_id, _task(self.orders[task_id]))
        return self.task(who, task_id)

    def board(self) -> lo.Board:
        counts = [lo.StateCount(CaseState.FOUND, len(self.found), 0, NOW_MIN)]
        balance = lo.BalanceView(NOW_MIN, 3, 0, 0, 3, 0)
        steps = [lo.StepTime("warned", 0, None, None)]
        flow = [lo.OverflowView("o1", "N1", NOW_MIN, "boss", "lanes")]
        rate = lo.AlarmRate(0.5, "acceptable")
        idea = lo.OverflowProposal("t9", "N1", NOW_MIN, NOW_MIN + 3, NOW_MIN, NOW_MIN + 5, 40.0, 130.0, 120.0)
        return lo.Board(self.rev(), NOW_MIN, counts, 3, 0, 1, 0, balance, steps, flow, [idea], rate, True)

    def staff(self) -> tr.StaffReply:
        team = tr.TeamDuty("T01", BOTH, "N1", 2, None, ["meet"], ["task-1"])
        return tr.StaffReply(NOW_MIN, [team], [tr.UnmetView("G2", False, "too_late")], [])

    def repairs(self) -> h.RepairsReply:
        return h.RepairsReply(NOW_MIN, [h.Repair("bookings", "source_late", BOTH, BOTH, NOW_MIN, 1)])

    def reveal(self, who: Person, asked: Reveal, second: Person | None) -> h.RevealReply:
        may(who, "person.reveal", scene="epidemic")
        if len(asked.pids) > ALONE and second is None:
            raise Denied("model.word_missing")
        if not asked.reason:
            raise Malformed("model.reason_missing", command="reveal")
        self.seen += asked.pids
        return h.RevealReply([h.Revealed(pid, {"id_no": "330102199001011234"}) for pid in asked.pids], len(self.seen))

    def rev(self) -> int:
        return self.changes[-1].rev if self.changes else 0

    def events_after(self, seq: int, limit: int) -> Sequence[Change]:
        if self.failing:
            raise self.failing
        with self.lock:
            return [change for change in self.changes[-limit * 2 :] if change.rev > seq][:limit]

    def alarms(self) -> Sequence[Change]:
        return [change for change in self.changes if change.alarm]

    def pulse(self) -> Sequence[Change]:
        return ()

    def health(self) -> h.Health:
        return h.Health("down" if self.failing else "ok", not self.failing, 0.0, [], "test")


def _row(case: Case) -> lo.CaseRow:
    return lo.CaseRow(
        *(case.case_id, case.scene, case.emergency_id, case.pid, case.train, case.opened_min, case.state),
        *(case.since_min, case.deadline_min, case.owner, case.outcome, case.version, True),
    )


def _task(task: Task) -> lo.TaskRow:
    return lo.TaskRow(
        *(task.task_id, task.scene, task.kind, task.subject, task.place, task.team, task.created_min, task.due_min),
        *(task.state, task.since_min, task.deadline_min, task.reason, task.version, True),
    )
