"""The six steps of a case and the branches that were taken, told from its events and its evidence. Pure.

A step is a stretch of states: it begins when the case comes into one of them and ends when it leaves them all. A test
that was invalid, or a person called back, begins a step once more; each time is a row of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from hubtwin.model.case import CaseState
from hubtwin.model.event import Event, EventKind, Filed


class Step(StrEnum):
    """The six steps in order, then the two branches."""

    REPORT = "report"
    ANTIGEN = "antigen"
    REVIEW = "review"
    NUCLEIC = "nucleic"
    TRANSFER = "transfer"
    FEEDBACK = "feedback"
    REFUSAL = "refusal"
    FOLLOW_UP = "follow_up"


SIX = tuple(Step)[:6]
CLOSED = "closed"  # what comes after the last step
STEP_OF: Mapping[CaseState, Step] = {
    CaseState.FOUND: Step.REPORT,
    CaseState.REPORTED: Step.ANTIGEN,
    CaseState.ANTIGEN: Step.ANTIGEN,
    CaseState.REVIEW: Step.REVIEW,
    CaseState.NUCLEIC: Step.NUCLEIC,
    CaseState.TRANSFER: Step.TRANSFER,
    CaseState.UNDER_WAY: Step.TRANSFER,
    CaseState.FEEDBACK: Step.FEEDBACK,
    CaseState.REFUSED: Step.REFUSAL,
    CaseState.FOLLOW_UP: Step.FOLLOW_UP,
}
GOES_ON = frozenset({"take_antigen", "depart"})  # commands inside a step: the other ones end it
RESULTS: Mapping[str, str] = {  # how a step ended, by the command that ended it
    "report": "reported",
    "report_at_desk": "reported_at_desk",
    "antigen_result": "recorded",
    "antigen_invalid": "invalid",
    "release": "released",
    "take_nucleic": "to_nucleic",
    "nucleic_negative": "negative",
    "nucleic_positive": "positive",
    "nucleic_invalid": "invalid",
    "arrive": "arrived",
    "close": "told",
    "correct": "corrected",
    "refuse": "refused",
    "consent": "consented",
    "hand_over": "handed_over",
    "overflow": "let_go",
    "follow_up_clear": "clear",
    "follow_up_recall": "called_back",
}
STATED = frozenset({"antigen_result"})  # the evidence says how it came out, the command does not


@dataclass(frozen=True, slots=True)
class Transfer:
    """What is known of a transfer, as references: never a name. Left and not arrived: `arrived_min` is None."""

    vehicle: str | None = None
    receiving_site: str | None = None
    signature_out: str | None = None
    signature_in: str | None = None
    left_min: int | None = None
    arrived_min: int | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """One time that a step was taken, or a step that was not taken (yet).

    `owner` is who moved the case into the step, or on inside or out of it, whoever was last. `deadline_min` is the
    last clock that ran in it. `next` is the step after it, "closed", or None while it lasts. `attempt` counts from 1.
    """

    step: Step
    standing: Literal["done", "now", "ahead", "skipped"]
    attempt: int = 1
    owner: str | None = None
    started_min: int | None = None
    finished_min: int | None = None
    result: str | None = None
    next: str | None = None
    deadline_min: int | None = None
    transfer: Transfer | None = None


def trace_steps(events: Iterable[Event], filed: Sequence[Filed]) -> list[StepRow]:
    """Return the rows of a case in the order of time, steps that were not taken in their place among the six.

    `events` are those of one case in order, others in between are passed over; `filed` is its evidence. A case
    without a first event has six rows ahead.
    """
    taken: list[StepRow] = []
    closed = False
    for event in events:
        if event.kind == EventKind.CASE_OPENED:
            taken = [StepRow(Step.REPORT, "now", started_min=event.at_min, deadline_min=_minute(event))]
        elif event.kind in (EventKind.CASE_MOVED, EventKind.CASE_CLOSED) and taken:
            given = {piece.evidence.kind: piece for piece in filed if piece.version == event.payload.get("version")}
            taken = _move(taken, event, given)
            closed = event.kind == EventKind.CASE_CLOSED
    return _with_gaps(taken, closed=closed)


def _move(taken: list[StepRow], event: Event, given: Mapping[str, Filed]) -> list[StepRow]:
    """Return the rows after a move: the last one goes on, or ends and another begins."""
    command, by, last = str(event.payload.get("command", "")), str(event.payload.get("by", "")), taken[-1]
    last = replace(last, owner=by or last.owner, transfer=_carry(last, event, given))
    if command in GOES_ON:
        return [*taken[:-1], replace(last, deadline_min=_minute(event))]
    to_state = CaseState(str(event.payload["to"]))
    after = STEP_OF.get(to_state)
    ended = replace(
        last,
        standing="done",
        finished_min=event.at_min,
        result=_result(command, given),
        next=CLOSED if after is None else after.value,
    )
    if after is None:
        return [*taken[:-1], ended]
    attempt = 1 + sum(row.step is after for row in taken)
    begun = StepRow(after, "now", attempt, by or None, event.at_min, deadline_min=_minute(event))
    return [*taken[:-1], ended, begun]


def _carry(row: StepRow, event: Event, given: Mapping[str, Filed]) -> Transfer | None:
    """Return what a transfer knows after a move."""
    if row.step is not Step.TRANSFER:
        return None
    known = row.transfer or Transfer()

    def ref(kind: str, before: str | None) -> str | None:
        return given[kind].evidence.ref if kind in given else before

    command = event.payload.get("command")
    return Transfer(
        ref("vehicle", known.vehicle),
        ref("receiving_site", known.receiving_site),
        ref("signature_out", known.signature_out),
        ref("signature_in", known.signature_in),
        left_min=event.at_min if command == "depart" else known.left_min,
        arrived_min=event.at_min if command == "arrive" else known.arrived_min,
    )


def _result(command: str, given: Mapping[str, Filed]) -> str:
    """Return how a step ended: as the evidence states it where the command leaves it open."""
    if command in STATED:
        for piece in given.values():
            stated = piece.evidence.values.get("result")
            if isinstance(stated, str) and stated:
                return stated
    return RESULTS.get(command, command)


def _with_gaps(taken: Sequence[StepRow], *, closed: bool) -> list[StepRow]:
    """Add those of the six that were not taken: skipped where a later one was taken or the case is closed."""
    reached = [SIX.index(row.step) for row in taken if row.step in SIX]
    rows = list(taken)
    for place, step in enumerate(SIX):
        if place in reached:
            continue
        later = next((at for at, row in enumerate(rows) if row.step in SIX and SIX.index(row.step) > place), None)
        if later is None:
            rows.append(StepRow(step, "skipped" if closed else "ahead"))
        else:
            rows.insert(later, StepRow(step, "skipped"))
    return rows


def _minute(event: Event) -> int | None:
    found = event.payload.get("deadline_min")
    return found if isinstance(found, int) else None
