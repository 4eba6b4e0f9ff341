"""Every ledger passes the suite of ledgers; ten with one fault each do not, or it is no suite."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.base.errors import Denied, HubError
from hubtwin.model.case import Case, Evidence
from hubtwin.model.event import Event, LoopStep, Timer
from hubtwin.model.record import UNMARKED
from hubtwin.model.task import Task
from hubtwin.ports import EVERY_CASE, CaseFilter, Ledger
from hubtwin.stores.ledger import SqliteLedger, SqliteUnit
from tests.contracts.ledger_suite import CHECKS, NOW, Opener, notices
from tests.contracts.memory_ledger import MemoryLedger, State


def _memory() -> Opener:
    states: dict[Path, State] = {}
    return lambda path: MemoryLedger(states.setdefault(path, State()))


@pytest.fixture
def sqlite() -> Iterator[Callable[[type[SqliteLedger]], Opener]]:
    opened: list[SqliteLedger] = []

    def of(kind: type[SqliteLedger]) -> Opener:
        def open_ledger(path: Path) -> Ledger:
            opened.append(kind(path, "here", at_min=NOW))
            return opened[-1]

        return open_ledger

    yield of
    for ledger in opened:
        ledger.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_ledger_of_the_embedded_store_keeps_the_contract(
    check: Callable[[Opener, Path], None], sqlite: Callable[[type[SqliteLedger]], Opener], tmp_path: Path
) -> None:
    check(sqlite(SqliteLedger), tmp_path)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_ledger_in_memory_keeps_the_contract(check: Callable[[Opener, Path], None], tmp_path: Path) -> None:
    check(_memory(), tmp_path)


class _Mutant(SqliteLedger):
    """A ledger whose units have one fault; without one it is faithful."""

    fault: type[SqliteUnit] = SqliteUnit

    @contextmanager
    def unit(self, at_min: int) -> Iterator[SqliteUnit]:
        with self._writing.transaction() as con:
            unit = self.fault(con, at_min, self.status)
            try:
                yield unit
            finally:
                unit.end()


class _OverwritesAnyVersion(SqliteUnit):
    def save_case(self, case: Case) -> None:
        known = self.find_case(case.case_id)
        super().save_case(replace(case, version=known.version + 1 if known else 0))


class _OpensACaseTwice(SqliteUnit):
    def save_case(self, case: Case) -> None:
        twin = self.list_cases(CaseFilter(pid=case.pid, train=case.train, emergency_id=case.emergency_id))
        again = bool(twin) and case.case_id != twin[0].case_id
        super().save_case(replace(case, pid=f"{case.pid}'") if again else case)


class _LosesMarks(SqliteUnit):
    def save_case(self, case: Case) -> None:
        super().save_case(replace(case, marks=UNMARKED))


class _SwallowsAStaleTask(SqliteUnit):
    def save_task(self, task: Task) -> None:
        if task.version and task.state == "accepted":
            return
        super().save_task(task)


class _FilesOnePieceOfEvidence(SqliteUnit):
    def add_evidence(self, case: Case, by: str, evidence: Sequence[Evidence]) -> None:
        super().add_evidence(case, by, evidence[:1])


class _TakesEveryKey(SqliteUnit):
    def once(self, key: str, digest: str) -> bool:
        try:
            super().once(key, digest)
        except Denied:
            return True
        return True


class _KeepsTheFirstTimer(SqliteUnit):
    def set_timer(self, subject: str, name: str, due_min: int, scene: str = "") -> None:
        if all((timer.subject, timer.name) != (subject, name) for timer in self.list_timers()):
            super().set_timer(subject, name, due_min, scene)


class _SendsAgain(SqliteUnit):
    def put_outbox(self, key: str, channel: str, payload: Mapping[str, object]) -> None:
        super().put_outbox(key, channel, payload)
        self._run("UPDATE outbox SET sent_min = NULL WHERE key = ?", key)


class _MeasuresTheLastTime(SqliteUnit):
    def mark_time(self, scene: str, subject: str, step: LoopStep, at_min: int | None = None) -> None:
        self._run(f"UPDATE loop_times SET {step.value} = NULL WHERE subject = ?", subject)
        super().mark_time(scene, subject, step, at_min)


class _ForgetsTheSubjectOfAnEvent(SqliteUnit):
    def append(self, kind: str, subject: str, payload: Mapping[str, object], scene: str = "") -> int:
        return super().append(kind, "", payload, scene)


class _CommitsInSpiteOfAnError(_Mutant):
    @contextmanager
    def unit(self, at_min: int) -> Iterator[SqliteUnit]:
        failed: HubError | None = None
        with self._writing.transaction() as con:
            unit = SqliteUnit(con, at_min, self.status)
            try:
                yield unit
            except HubError as error:
                failed = error
            unit.end()
        if failed:
            raise failed


class _StaysOpen(_Mutant):
    @contextmanager
    def unit(self, at_min: int) -> Iterator[SqliteUnit]:
        with self._writing.transaction() as con:
            yield SqliteUnit(con, at_min, self.status)


class _GivesTimersLatestFirst(SqliteLedger):
    def list_timers(self, until_min: int | None = None, limit: int | None = None) -> list[Timer]:
        return super().list_timers(until_min)[::-1][:limit]


class _RepeatsTheEventItWasAskedAfter(SqliteLedger):
    def list_events(
        self,
        after_seq: int = 0,
        kinds: Sequence[str] | None = None,
        subject: str | None = None,
        limit: int | None = None,
    ) -> list[Event]:
        return super().list_events(max(0, after_seq - 1), kinds, subject, limit)


class _PagesFromTheStart(SqliteLedger):
    def list_cases(self, where: CaseFilter = EVERY_CASE) -> list[Case]:
        return super().list_cases(replace(where, after=None))


UNITS = (
    _OverwritesAnyVersion,
    _OpensACaseTwice,
    _LosesMarks,
    _SwallowsAStaleTask,
    _FilesOnePieceOfEvidence,
    _TakesEveryKey,
    _KeepsTheFirstTimer,
    _SendsAgain,
    _MeasuresTheLastTime,
    _ForgetsTheSubjectOfAnEvent,
)
LEDGERS = (
    _CommitsInSpiteOfAnError,
    _StaysOpen,
    _GivesTimersLatestFirst,
    _RepeatsTheEventItWasAskedAfter,
    _PagesFromTheStart,
)


def test_the_mutants_start_from_a_faithful_ledger(
    sqlite: Callable[[type[SqliteLedger]], Opener], tmp_path: Path
) -> None:
    assert notices(sqlite(_Mutant), tmp_path) == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda kind: kind.__name__)
def test_a_faulty_unit_fails_the_suite(
    unit: type[SqliteUnit], sqlite: Callable[[type[SqliteLedger]], Opener], tmp_path: Path
) -> None:
    assert notices(sqlite(type("Mutant", (_Mutant,), {"fault": unit})), tmp_path)


@pytest.mark.parametrize("kind", LEDGERS, ids=lambda kind: kind.__name__)
def test_a_faulty_ledger_fails_the_suite(
    kind: type[SqliteLedger], sqlite: Callable[[type[SqliteLedger]], Opener], tmp_path: Path
) -> None:
    assert notices(sqlite(kind), tmp_path)
