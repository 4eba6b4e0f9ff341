"""Entered = released + transferred + open, every hour; and a message is sent until it is acknowledged."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hubtwin.base.errors import Malformed, Retry
from hubtwin.flow.dispatch import Order, dispatch
from hubtwin.flow.feedback import balance, deliver, loop_times, reconcile
from hubtwin.flow.handle import handle_case, handle_task
from hubtwin.flow.timers import Clocks, tick
from hubtwin.flow.warn import raise_alerts
from hubtwin.model.case import Case, Evidence
from hubtwin.model.event import LoopTimes, Message
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import (
    CLOCKS_MIN,
    NOW,
    SCENE,
    anyone,
    case_command,
    declared,
    finding,
    kinds,
    opened,
    task_command,
)

RELEASED = ("report", "take_antigen", "antigen_result", "release", "close")


def walk(ledger: MemoryLedger, case: Case, *names: str) -> Case:
    for name in names:
        case = handle_case(ledger, case_command(case, name, NOW + 5), CLOCKS_MIN, anyone)
    return case


def test_everybody_who_entered_was_released_transferred_or_is_open() -> None:
    ledger = MemoryLedger()
    emergency = declared(ledger).emergency_id
    cases = opened(ledger, *(f"p{number}" for number in range(5)))
    walk(ledger, cases[0], *RELEASED)
    walk(ledger, cases[1], "report", "take_antigen", "antigen_result", "take_nucleic", "nucleic_positive", "depart")
    walk(ledger, cases[2], "refuse", "hand_over", "close")
    walk(ledger, cases[3], "correct")
    found = reconcile(ledger, emergency, NOW + 60, flagged=5)
    assert (found.entered, found.released, found.transferred, found.open) == (5, 2, 1, 2)
    assert (found.agrees, kinds(ledger)[-1]) == (True, "LoopReconciled")


@pytest.mark.parametrize("fault", ["a case without its event", "a closed case that is lost", "a flag without a case"])
def test_a_difference_is_an_alarm(fault: str) -> None:
    ledger = MemoryLedger()
    emergency = declared(ledger).emergency_id
    first, second = opened(ledger, "p1", "p2")
    closed = walk(ledger, second, *RELEASED)
    if fault == "a case without its event":
        with ledger.unit(NOW) as unit:
            unit.save_case(replace(first, case_id="x", pid="p9"))
    elif fault == "a closed case that is lost":
        del ledger.state.cases[closed.case_id]
    found = reconcile(ledger, emergency, NOW + 60, flagged=3 if fault == "a flag without a case" else None)
    assert not found.agrees
    assert kinds(ledger)[-1] == "LoopDiffers"
    assert balance(ledger, "another").agrees


def test_the_loop_is_reconciled_every_hour_and_once_for_hours_in_which_nobody_ran() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    (case,) = opened(ledger)
    walk(ledger, case, *RELEASED)
    clocks = Clocks(CLOCKS_MIN, flagged=lambda emergency_id: 1)
    for minute in (59, 60, 61, 120, 121, 400, 419, 420):
        tick(ledger, NOW + minute, clocks)
    hours = [event.at_min - NOW for event in ledger.list_events(kinds=["LoopReconciled"])]
    assert hours == [60, 120, 400, 420]


def test_the_times_of_the_loop_are_measured_from_sensed_to_closed() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    train = "G1 2022-10-20"
    raise_alerts(ledger, [finding(train)], CLOCKS_MIN, scene=SCENE, now_min=NOW + 1, sensed=lambda found: NOW - 2)
    order = Order("meet_train", train, "P4", "TA", NOW + 35)
    (task,) = dispatch(ledger, [order], CLOCKS_MIN, scene=SCENE, now_min=NOW + 2)
    for minute, name in ((3, "accept"), (33, "arrive")):
        handle_task(ledger, task_command(task, name, NOW + minute), CLOCKS_MIN, anyone)
    (case,) = opened(ledger)
    walk(ledger, case, *RELEASED)
    assert loop_times(ledger, train) == LoopTimes(
        train, SCENE, NOW - 2, NOW + 1, NOW + 2, NOW + 3, NOW + 33, closed=NOW + 5
    )
    assert loop_times(ledger, "G9") is None


def test_messages_go_out_in_order_until_the_receiver_fails_and_then_go_on() -> None:
    ledger = MemoryLedger()
    with ledger.unit(NOW) as unit:
        for number in range(3):
            unit.put_outbox(f"m{number}", "orders", {})
    received: list[str] = []

    def send(message: Message) -> None:
        if len(received) == 1 and message.key == "m1" and not received.count("tried"):
            received.append("tried")
            raise Retry("stores.busy", path="x", seconds=1)
        received.append(message.key)

    assert deliver(ledger, send, NOW) == 1
    assert deliver(ledger, send, NOW) == 2
    assert received == ["m0", "tried", "m1", "m2"]
    assert deliver(ledger, send, NOW) == 0


def test_many_messages_go_out_at_once_and_one_by_one_where_one_of_them_is_not_taken() -> None:
    ledger = MemoryLedger()
    with ledger.unit(NOW) as unit:
        for number in range(4):
            unit.put_outbox(f"m{number}", "orders", {})
    batches: list[list[str]] = []
    alone: list[str] = []

    def send_many(messages: Sequence[Message]) -> None:
        batches.append([message.key for message in messages])
        if "m1" in batches[-1] and len(batches) == 1:
            raise Malformed("channels.long_event", limit_kib=1)

    def send(message: Message) -> None:
        if message.key == "m1" and not alone.count("m1"):
            alone.append("m1")
            raise Retry("stores.busy", path="x", seconds=1)
        alone.append(message.key)

    assert deliver(ledger, send, NOW, send_many=send_many) == 1
    assert alone == ["m0", "m1"]
    assert deliver(ledger, send, NOW, send_many=send_many) == 3
    assert batches == [["m0", "m1", "m2", "m3"], ["m1", "m2", "m3"]]
    assert alone == ["m0", "m1"], "the rest went together"
    assert deliver(ledger, send, NOW, send_many=send_many) == 0


def test_evidence_of_a_kind_that_was_not_asked_for_is_kept_too() -> None:
    ledger = MemoryLedger()
    declared(ledger)
    (case,) = opened(ledger)
    more = replace(case_command(case, "report", NOW), evidence=[Evidence("scan", "s"), Evidence("photo", "ph 1")])
    handle_case(ledger, more, CLOCKS_MIN, anyone)
    assert [filed.evidence.kind for filed in ledger.list_evidence(case.case_id)] == ["finding", "scan", "photo"]
