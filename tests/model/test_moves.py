"""Cases and tasks move by their tables only: the cross product of every state and command."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.case import COMMANDS, MOVES, TABLE, Case, CaseCommand, CaseState, Evidence, advance, list_moves
from hubtwin.model.task import (
    TASK_COMMANDS,
    TASK_MOVES,
    TASK_TABLE,
    Task,
    TaskCommand,
    TaskState,
    advance_task,
    list_task_moves,
)

CLOCKS = {move.clock: 15 for move in MOVES if move.clock}
TASK_CLOCKS = {"answer": 3, "done": 30, "escalated": 5}
# The legal moves, written by hand a second time: a change of the table must be a change here.
LEGAL = {
    "found": "report report_at_desk correct refuse overflow",
    "reported": "take_antigen correct refuse overflow",
    "antigen": "antigen_result antigen_invalid correct refuse overflow",
    "review": "release take_nucleic correct refuse overflow",
    "nucleic": "nucleic_negative nucleic_positive nucleic_invalid correct refuse",
    "transfer": "depart refuse",
    "under_way": "arrive",
    "feedback": "close",
    "follow_up": "follow_up_clear follow_up_recall correct",
    "refused": "consent hand_over correct",
    "closed": "",
}
TASK_LEGAL = {
    "assigned": "accept decline reassign escalate cancel",
    "accepted": "decline arrive finish escalate cancel",
    "on_post": "finish cancel",
    "done": "",
    "declined": "reassign escalate cancel",
    "escalated": "accept reassign cancel",
    "cancelled": "",
}


def case(state: CaseState) -> Case:
    return Case("c1", "epidemic", "e1", "p" * 32, "G1 2022-10-20", 100, state, 100)


def command(name: str, *kinds: str, expects: int | None = None) -> CaseCommand:
    return CaseCommand("c1", name, "officer", 200, [Evidence(kind, "ref") for kind in kinds], expects)


@pytest.mark.parametrize("state", CaseState)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_case_makes_a_legal_move_and_refuses_every_other(state: CaseState, name: str) -> None:
    move = TABLE.get((state, name))
    assert (move is not None) == (name in LEGAL[state.value].split())
    if move is None:
        with pytest.raises(Denied, match="not possible"):
            advance(case(state), command(name), CLOCKS)
        return
    moved = advance(case(state), command(name, *move.needs), CLOCKS)
    assert (moved.state, moved.since_min, moved.owner, moved.version) == (move.to_state, 200, "officer", 1)
    assert moved.deadline_min == (None if move.clock is None else 215)


@pytest.mark.parametrize("move", MOVES, ids=lambda m: f"{m.from_state.value}-{m.command}")
def test_no_status_changes_without_its_evidence(move: object) -> None:
    assert isinstance(move, type(MOVES[0]))
    assert move.needs, "every move needs evidence"
    for missing in move.needs:
        given_kinds = [kind for kind in move.needs if kind != missing]
        with pytest.raises(Malformed, match=missing):
            advance(case(move.from_state), command(move.command, *given_kinds), CLOCKS)


def test_a_command_that_saw_an_older_version_is_refused() -> None:
    with pytest.raises(Denied, match="Somebody else"):
        advance(case(CaseState.FOUND), command("report", "scan", expects=7), CLOCKS)


def test_every_open_state_has_a_way_out_and_reaches_the_end() -> None:
    reached = {CaseState.CLOSED}
    while more := {m.from_state for m in MOVES if m.to_state in reached} - reached:
        reached |= more
    assert reached == set(CaseState)
    assert list_moves(CaseState.CLOSED) == []
    assert all(move.clock for move in MOVES if move.to_state is not CaseState.CLOSED), (
        "a clock runs in every open state"
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(COMMANDS), max_size=30))
def test_whatever_is_commanded_a_closed_case_has_an_outcome(names: list[str]) -> None:
    now = case(CaseState.FOUND)
    for name in names:
        move = TABLE.get((now.state, name))
        if move:
            now = advance(now, command(name, *move.needs), CLOCKS)
    assert now.is_open or now.outcome is not None
    assert now.is_open == (now.deadline_min is not None) or now.version == 0


def task(state: TaskState) -> Task:
    return Task("t1", "epidemic", "meet_train", "G1", "4", "T01", 100, 300, state, 100)


@pytest.mark.parametrize("state", TaskState)
@pytest.mark.parametrize("name", TASK_COMMANDS)
def test_a_task_makes_a_legal_move_and_refuses_every_other(state: TaskState, name: str) -> None:
    move = TASK_TABLE.get((state, name))
    assert (move is not None) == (name in TASK_LEGAL[state.value].split())
    order = TaskCommand("t1", name, "me", 200, reason="because", team="T02")
    if move is None:
        with pytest.raises(Denied):
            advance_task(task(state), order, TASK_CLOCKS)
        return
    moved = advance_task(task(state), order, TASK_CLOCKS)
    assert (moved.state, moved.version) == (move.to_state, 1)
    expected = {None: None, "on_post": 300, "answer": 203, "done": 230, "escalated": 205}[move.clock]
    assert moved.deadline_min == expected


@pytest.mark.parametrize("move", TASK_MOVES, ids=lambda m: f"{m.from_state.value}-{m.command}")
def test_a_task_needs_its_reason_or_team(move: object) -> None:
    assert isinstance(move, type(TASK_MOVES[0]))
    if move.reason or move.team:
        with pytest.raises(Malformed):
            advance_task(task(move.from_state), TaskCommand("t1", move.command, "me", 200), TASK_CLOCKS)
    else:
        advance_task(task(move.from_state), TaskCommand("t1", move.command, "me", 200), TASK_CLOCKS)


def test_every_open_task_can_still_be_moved() -> None:
    assert {state for state in TaskState if not list_task_moves(state)} == {TaskState.DONE, TaskState.CANCELLED}
