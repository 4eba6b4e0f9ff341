"""The loop of a scene over a hub at work: what turns it, and the list as it was judged last."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import narwhals as nw
import structlog

from hubtwin.base.clock import epoch_minute
from hubtwin.flow.guard import find_emergency
from hubtwin.flow.handle import propose_move
from hubtwin.flow.loop import Turn, Wheel, turn
from hubtwin.flow.timers import Clocks
from hubtwin.library.grants import Desk
from hubtwin.library.query import collect
from hubtwin.model.case import Case, CaseState, Evidence
from hubtwin.model.duty import Qualification
from hubtwin.model.finding import Finding, Flagged
from hubtwin.ports import CaseFilter, Scene, Tables
from hubtwin.rules.duty import list_able
from hubtwin.wiring.granted import ScenePass
from hubtwin.wiring.lists import MEETINGS, Ask, WarningList, list_of, params_of, patterns_of, refuse_unknown_stations
from hubtwin.wiring.plugs import load
from hubtwin.wiring.working import WorkingSet
from hubtwin.wiring.works import HORIZON_MIN, Works

JUDGE_MIN = 5  # ours: the list is judged anew at least this often, and at once where something was written
LANES_BACK_MIN = 3  # a lane counter that said nothing for longer is silent
RESULTS, LANES = "test_results", "lane_counts"
FEED = ("risk_snapshots", "risk_freezes", "risk_areas")  # what says how fresh the risk areas are
GATES = "hubtwin.scenes.epidemic.gates:list_full_exits"
PROPOSED: Mapping[tuple[CaseState, str, str], tuple[str, str]] = {  # state, kind, result -> move, kind of evidence
    (CaseState.ANTIGEN, "antigen", "negative"): ("antigen_result", "antigen"),
    (CaseState.ANTIGEN, "antigen", "positive"): ("antigen_result", "antigen"),
    (CaseState.ANTIGEN, "antigen", "invalid"): ("antigen_invalid", "invalid_test"),
    (CaseState.NUCLEIC, "nucleic", "negative"): ("nucleic_negative", "nucleic"),
    (CaseState.NUCLEIC, "nucleic", "positive"): ("nucleic_positive", "nucleic"),
    (CaseState.NUCLEIC, "nucleic", "invalid"): ("nucleic_invalid", "invalid_test"),
}
WAITING = tuple(dict.fromkeys(state for state, _, _ in PROPOSED))
_LOG = structlog.get_logger()


@dataclass
class Turning:
    """Turns the loop of one scene. One thread calls it; any may ask for `latest`."""

    works: Works
    scene: Scene
    rung: str = "auto"
    judge_min: int = JUDGE_MIN
    results: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)  # (pid, kind) -> newest result
    _judged_min: int | None = None
    _latest: WarningList | None = None
    _plan: Any = None
    _sensed_min: int = 0
    _flagged: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  # emergency -> persons flagged so far

    def __post_init__(self) -> None:
        """Prepare; nothing is read before the first turn."""
        access = self.works.access
        desk = Desk(access.grants, access.audit, lambda: epoch_minute(access.clock()))
        self.reader = ScenePass(desk, self.scene.name)
        self.working = WorkingSet(self.works.store, self.scene, self.reader)

    def __call__(self, now: datetime) -> Turn:
        """Turn once: clocks, then the trains if that is due, then who passed the gates, then results of tests."""
        now_min, works = epoch_minute(now), self.works
        ask = Ask(now, HORIZON_MIN, self.rung)
        params = params_of(works.settings, self.scene, ask)
        patterns = patterns_of(works.settings, now)
        if changed := self.working.changed(max(patterns)):
            self._sensed_min = now_min
        due = changed or self._judged_min is None or now_min - self._judged_min >= self.judge_min
        wheel = Wheel(
            self.scene,
            Clocks(works.clocks_min, works.roster, self._count_flagged),
            params,
            plan=lambda findings, at_min: self._plan_for(findings, params, at_min),
            flagged=lambda findings, at_min: self._flag(params, now),
            sensed=lambda found: self._sensed_min,
        )
        done = turn(works.ledger, wheel, lambda: self._tables(params, patterns, now), now, works.store, judges=due)
        if done.off:
            self._judged_min, self._latest = None, None
            self.results.clear()
            return done
        if due:
            self._judged_min = now_min
        if due and not done.failed:
            judged = (done.findings, self._plan)
            self._latest = list_of(works.settings, ask, self.working.held(), judged, made=self.scene.needs)
        self._propose(now)
        return done

    def latest(self) -> WarningList:
        """Return the list as it was judged last; an empty one while the scene is off. Raises Absent for a new hub."""
        if self._latest is not None:
            return self._latest
        works, now = self.works, self.works.clock()
        refuse_unknown_stations(works.settings, works.store.tables(("rail_stations",)))
        ask, nothing = Ask(now, HORIZON_MIN, self.rung), load("hubtwin.scenes.epidemic.meeting:Meetings")({}, ())
        return list_of(works.settings, ask, works.store.tables(FEED), ((), nothing), made=())

    def _tables(self, params: Mapping[str, Any], patterns: Mapping[date, date], now: datetime) -> Tables:
        """Return what the scene looks at. Raises Absent for a hub that no timetable knows."""
        tables = self.working.tables(params, patterns, now)
        refuse_unknown_stations(self.works.settings, tables)
        return tables

    def _plan_for(self, findings: Sequence[Finding], params: Mapping[str, Any], now_min: int) -> tuple[Any, Any]:
        """Return the staff plan, and the exits whose queue is or will be longer than people can be asked to wait."""
        hub, told = self.works.settings.hub, {**self.scene.params, **params}
        if self.works.roster is not None:
            hub = replace(hub, teams=tuple(list_able(hub.teams, self.works.roster, Qualification.MEET, now_min)))
        self._plan = load(MEETINGS)(hub, findings, told, now_min)
        wait_min = told["overflow_wait_min"]
        coming = [one for one in self._plan.overloads if one["longest_queue"] > wait_min * one["capacity_per_min"]]
        return self._plan.staff, [*load(GATES)(self._read_lanes(now_min), hub.exits, wait_min, now_min), *coming]

    def _read_lanes(self, now_min: int) -> Iterable[Mapping[str, Any]]:
        frame = self.works.store.tables((LANES,))[LANES]
        recent = frame.filter(nw.col("minute_min") > now_min - LANES_BACK_MIN, nw.col("minute_min") <= now_min)
        rows: list[Mapping[str, Any]] = collect(recent).to_pylist()
        return rows

    def _flag(self, params: Mapping[str, Any], now: datetime) -> Sequence[Flagged]:
        """Return who was flagged among those that nobody has looked at yet."""
        emergency, held = find_emergency(self.works.ledger, self.scene.name, epoch_minute(now)), self.working.held()
        if emergency is None or not held:
            return ()  # nothing was judged yet: who passed waits for the first list
        found: list[Flagged] = []
        for name in self.scene.watches:
            new = self.working.watched(name, now)
            if new is None:
                continue
            rows, last = new
            inside = rows.filter(nw.col("at_min") >= emergency.begins_min)
            for each in self.scene.flag({**held, name: inside}, {**self.scene.params, **params}, now):
                found += self._if_new(each, emergency.emergency_id)
            self.working.looked_at(name, last)
        return found

    def _if_new(self, flagged: Flagged, emergency_id: str) -> Sequence[Flagged]:
        """Return a flagged person unless a case was opened after that reading: rows are read again after a restart."""
        seen = self._flagged.setdefault(emergency_id, set())
        known = self.works.ledger.list_cases(CaseFilter(emergency_id=emergency_id, pid=flagged.pid))
        for case in known:
            if flagged.at_min is not None and case.opened_min >= flagged.at_min:
                seen.add((case.pid, case.train))
                return ()
        seen.add((flagged.pid, flagged.train))
        return (flagged,)

    def _count_flagged(self, emergency_id: str) -> int | None:
        """Return how many persons the sources flagged in an event; None before this process has looked."""
        seen = self._flagged.get(emergency_id)
        return None if seen is None else len(seen)

    def _propose(self, now: datetime) -> None:
        """File new results with the cases that wait for them; a person decides."""
        new = self.working.watched(RESULTS, now)
        if new is not None:
            rows, last = new
            for row in collect(rows.sort("specimen_min", "report_id")).to_pylist():
                self.results[row["pid"], row["kind"]] = row
            self.working.looked_at(RESULTS, last)
        if not self.results:
            return
        for case in self.works.ledger.list_cases(CaseFilter(scene=self.scene.name, states=WAITING, limit=10_000)):
            self._propose_for(case, epoch_minute(now))

    def _propose_for(self, case: Case, now_min: int) -> None:
        kind = case.state.value  # the states are named by the test that they wait for
        row = self.results.get((case.pid, kind))
        if row is None or row["specimen_min"] < case.opened_min:
            return
        command, piece = PROPOSED[case.state, kind, row["result"]]
        values = {name: row[name] for name in ("result", "specimen_min", "result_min")}
        evidence = Evidence(piece, row["report_id"], {**values, "synthetic": row["provenance"] == "synthetic"})
        if propose_move(self.works.ledger, case.case_id, command, evidence, at_min=now_min):
            _LOG.info("move_proposed", case=case.case_id, command=command)
