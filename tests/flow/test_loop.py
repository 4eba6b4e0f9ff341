"""One turn: off without an emergency, the same twice, and a scene that fails stops nobody else."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.flow.loop import Wheel, turn
from hubtwin.model.finding import Finding, Flagged
from hubtwin.ports import Scene, Tables
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import CLOCKS, NOW, SCENE, declared, finding, kinds

MOMENT = from_epoch_minute(NOW)


def no_tables() -> Tables:
    return {}


def two_trains(tables: Tables, params: Mapping[str, Any], now: datetime) -> Sequence[Finding]:
    return [finding("G1 2022-10-20"), finding("G2 2022-10-20", in_min=90)]


def plan(findings: Sequence[Finding], now_min: int) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    met = {"team": ["TA"], "platform": "P4", "exit": "E1", "on_post_min": NOW + 35}
    return {findings[0].key: met, findings[1].key: {"team": [], "reason": "no_team"}}, [
        {"exit": "E1", "from_min": NOW + 40, "until_min": NOW + 50, "longest_queue": 10}
    ]


def flagged(findings: Sequence[Finding], now_min: int) -> list[Flagged]:
    return [Flagged("p1", "G1 2022-10-20", "hit 1"), Flagged("p2", "G1 2022-10-20", "hit 2")]


WHEEL = Wheel(Scene(SCENE, (), {}, two_trains), CLOCKS, plan=plan, flagged=flagged)


def test_without_an_emergency_nothing_is_read_and_nothing_is_judged() -> None:
    ledger = MemoryLedger()

    def read() -> Tables:
        raise AssertionError("collected without an emergency")

    assert turn(ledger, WHEEL, read, MOMENT).off
    assert ledger.last_seq() == 0


def test_a_turn_warns_opens_cases_and_gives_orders_and_the_same_turn_again_does_nothing() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    done = turn(ledger, WHEEL, no_tables, MOMENT)
    assert [len(part) for part in (done.findings, done.alerts, done.cases, done.tasks)] == [2, 2, 2, 3]
    assert [task.kind for task in done.tasks] == ["meet_train", "unmet_train", "decide_overflow"]
    before = ledger.last_seq()
    again = turn(ledger, WHEEL, no_tables, MOMENT)
    assert [len(part) for part in (again.alerts, again.cases, again.tasks)] == [0, 0, 0]
    assert ledger.last_seq() == before


def test_a_scene_that_fails_writes_it_down_once_an_hour_and_the_clocks_go_on() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    turn(ledger, WHEEL, no_tables, MOMENT)

    def fail(tables: Tables, params: Mapping[str, Any], now: datetime) -> Sequence[Finding]:
        raise KeyError("13800000000")

    broken = Wheel(Scene(SCENE, (), {}, fail), CLOCKS)
    for minute in (1, 2, 21, 70):
        assert turn(ledger, broken, no_tables, MOMENT + timedelta(minutes=minute)).failed
    failures = ledger.list_events(kinds=["SceneFailed"])
    assert [event.payload["cause"] for event in failures] == ["KeyError", "KeyError"]
    assert "CaseEscalated" in kinds(ledger)
    assert len(ledger.list_alerts(active_only=True)) == 2, "a scene that cannot judge takes nothing back"


def test_a_failure_with_a_key_is_named_by_it() -> None:
    ledger = MemoryLedger()
    declared(ledger)

    def fail(tables: Tables, params: Mapping[str, Any], now: datetime) -> Sequence[Finding]:
        raise Malformed("stores.wrong_status", found="x", status="y")

    turn(ledger, Wheel(Scene(SCENE, (), {}, fail), CLOCKS), no_tables, datetime(2022, 10, 20, 1, tzinfo=UTC))
    (event,) = ledger.list_events(kinds=["SceneFailed"])
    assert event.payload == {"scene": SCENE, "cause": "stores.wrong_status"}
