"""The steps of a case, told from its events: each of the six, its branches, its second attempts."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.model.case import MOVES, Case, CaseCommand, CaseState, Evidence, advance, list_moves
from hubtwin.model.event import Event, EventKind, Filed
from hubtwin.rules.steps import GOES_ON, RESULTS, SIX, STEP_OF, Step, StepRow, trace_steps

CLOCKS = {move.clock: 30 for move in MOVES if move.clock}
Told = tuple[str, dict[str, str]]


def story(*commands: str | Told, by: str = "li") -> tuple[list[Event], list[Filed], Case]:
    """Return what the ledger would hold of a case after commands, one every ten minutes from minute 10 on."""
    case = Case("c", "epidemic", "e", "p", "G1", opened_min=0, deadline_min=30)
    events = [Event(1, 0, EventKind.CASE_OPENED, {"deadline_min": 30, "version": 0}, subject="c")]
    filed = [Filed("c", 0, "system", 0, Evidence("finding", "f"))]
    for number, told in enumerate(commands, 1):
        command, values = (told, {}) if isinstance(told, str) else told
        needs = next(move.needs for move in list_moves(case.state) if move.command == command)
        pieces = [Evidence(kind, f"{kind} {number}", values) for kind in needs]
        moved = advance(case, CaseCommand("c", command, by, number * 10, pieces), CLOCKS)
        payload = {"command": command, "from": case.state.value, "to": moved.state.value, "by": by}
        payload |= {"deadline_min": moved.deadline_min, "version": moved.version}  # type: ignore[dict-item]
        kind = EventKind.CASE_CLOSED if moved.state is CaseState.CLOSED else EventKind.CASE_MOVED
        events.append(Event(number + 1, number * 10, kind, payload, subject="c"))
        filed += [Filed("c", moved.version, by, number * 10, piece) for piece in pieces]
        case = moved
    return events, filed, case


def trace(*commands: str | Told) -> list[StepRow]:
    events, filed, _ = story(*commands)
    return trace_steps(events, filed)


def names(rows: Sequence[StepRow]) -> list[tuple[str, str]]:
    return [(row.step.value, row.standing) for row in rows]


def test_a_new_case_stands_in_its_first_step_and_the_others_lie_ahead() -> None:
    rows = trace()
    assert names(rows) == [("report", "now"), *((step.value, "ahead") for step in SIX[1:])]
    assert (rows[0].started_min, rows[0].deadline_min, rows[0].owner, rows[0].next) == (0, 30, None, None)


def test_a_step_knows_who_moved_it_on_how_it_came_out_and_what_followed() -> None:
    rows = trace("report", "take_antigen", ("antigen_result", {"result": "negative"}), "release", "close")
    assert names(rows) == [
        *(("report", "done"), ("antigen", "done"), ("review", "done"), ("nucleic", "skipped")),
        *(("transfer", "skipped"), ("feedback", "done")),
    ]
    assert [row.result for row in rows] == ["reported", "negative", "released", None, None, "told"]
    assert [row.next for row in rows] == ["antigen", "review", "feedback", None, None, "closed"]
    antigen = rows[1]
    assert (antigen.started_min, antigen.finished_min, antigen.owner) == (10, 30, "li")
    assert antigen.deadline_min == 50  # the clock of the result, not the one of the sample


def test_a_result_that_nobody_stated_is_only_recorded() -> None:
    assert trace("report", "take_antigen", "antigen_result")[1].result == "recorded"


def test_an_invalid_test_begins_its_step_once_more() -> None:
    rows = trace("report", "take_antigen", "antigen_invalid", "take_antigen")
    assert [(row.step, row.attempt, row.standing, row.result) for row in rows[1:3]] == [
        (Step.ANTIGEN, 1, "done", "invalid"),
        (Step.ANTIGEN, 2, "now", None),
    ]


def test_a_transfer_has_left_and_not_arrived_until_the_other_side_signs() -> None:
    way = ("report", "take_antigen", "antigen_result", "take_nucleic", "nucleic_positive")
    waiting = trace(*way)[4]
    assert waiting.transfer is None
    assert waiting.deadline_min == 80
    left = trace(*way, "depart")[4]
    assert left.transfer is not None
    assert (left.transfer.vehicle, left.transfer.receiving_site) == ("vehicle 6", "receiving_site 6")
    assert (left.transfer.signature_out, left.transfer.signature_in) == ("signature_out 6", None)
    assert (left.transfer.left_min, left.transfer.arrived_min, left.deadline_min) == (60, None, 90)
    done = trace(*way, "depart", "arrive")[4]
    assert done.transfer is not None
    assert (done.transfer.vehicle, done.transfer.signature_in, done.transfer.arrived_min) == (
        *("vehicle 6", "signature_in 7", 70),
    )
    assert (done.standing, done.result, done.next) == ("done", "arrived", "feedback")


def test_branches_stand_where_they_were_taken() -> None:
    rows = trace("report", "refuse", "consent", "take_antigen", "overflow", "follow_up_clear", "close")
    assert [row.step.value for row in rows if row.standing == "done"] == [
        *("report", "antigen", "refusal", "antigen", "follow_up", "feedback"),
    ]
    assert [row.result for row in rows if row.standing == "done"] == [
        *("reported", "refused", "consented", "let_go", "clear", "told"),
    ]


def test_a_flag_that_was_wrong_ends_the_step_it_was_in() -> None:
    rows = trace("report", "correct")
    assert (rows[1].result, rows[1].next) == ("corrected", "closed")
    assert {row.standing for row in rows[2:]} == {"skipped"}


def test_what_is_not_a_move_changes_nothing_and_nothing_at_all_is_six_steps_ahead() -> None:
    events, filed, _ = story("report")
    late = Event(9, 50, EventKind.CASE_ESCALATED, {"case": "c"}, subject="c")
    assert trace_steps([*events, late], filed) == trace_steps(events, filed)
    assert names(trace_steps([], [])) == [(step.value, "ahead") for step in SIX]


def test_every_command_ends_a_step_or_goes_on_in_it() -> None:
    for move in MOVES:
        within = move.command in GOES_ON
        assert within == (move.command not in RESULTS)
        if within:
            assert STEP_OF[move.from_state] is STEP_OF[move.to_state]


@given(st.data())
def test_whatever_way_a_case_takes_its_steps_join_without_gap(data: st.DataObject) -> None:
    commands: list[str] = []
    state = CaseState.FOUND
    for _ in range(data.draw(st.integers(0, 14))):
        if state is CaseState.CLOSED:
            break
        move = data.draw(st.sampled_from(list_moves(state)))
        commands.append(move.command)
        state = move.to_state
    events, filed, case = story(*commands)
    rows = trace_steps(events, filed)
    taken = [row for row in rows if row.started_min is not None]
    assert {row.step for row in rows} >= set(SIX)
    assert taken[0].started_min == 0
    for row, after in pairwise(taken):
        assert row.finished_min == after.started_min
        assert row.next == after.step.value
    last = taken[-1]
    if case.is_open:
        assert (last.standing, last.step, last.deadline_min) == ("now", STEP_OF[case.state], case.deadline_min)
    else:
        assert (last.standing, last.next) == ("done", "closed")
        assert not any(row.standing == "ahead" for row in rows)


@pytest.mark.parametrize("state", [state for state in CaseState if state is not CaseState.CLOSED])
def test_every_open_state_belongs_to_a_step(state: CaseState) -> None:
    assert state in STEP_OF
