"""The case of a flagged person as a table of moves: six steps, their branches, and nothing beside the table.

Steps: scan and report, antigen test, review, nucleic-acid test, controlled transfer, result feedback. `advance` is
the only way to a new state. The machine proposes, a named person decides: each move names who did it, and each move
needs evidence of its kinds. A clock runs in every open state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.record import UNMARKED, Marks


class CaseState(StrEnum):
    """Where a case stands. All but CLOSED are open."""

    FOUND = "found"  # flagged; a human reviewer must look within 30 minutes
    REPORTED = "reported"  # step 1 done: scanned and reported
    ANTIGEN = "antigen"  # step 2: sample taken, result awaited
    REVIEW = "review"  # step 3: a person compares the evidence
    NUCLEIC = "nucleic"  # step 4: sample taken, result awaited
    TRANSFER = "transfer"  # step 5: ordered, waits for its vehicle
    UNDER_WAY = "under_way"  # step 5: left, not arrived
    FEEDBACK = "feedback"  # step 6: the result is told to the person and the district
    FOLLOW_UP = "follow_up"  # overflow: let go, followed up by data
    REFUSED = "refused"  # the person refuses a step; an officer decides
    CLOSED = "closed"


class Outcome(StrEnum):
    """How a case ended, or will end once its result is fed back."""

    RELEASED = "released"  # nothing found; released with advice
    TRANSFERRED = "transferred"  # handed over to a receiving site against signature
    FOLLOWED_UP = "followed_up"  # released in overflow, followed up by data to a result
    HANDED_OVER = "handed_over"  # refused; handed over to the authority that may decide
    CORRECTED = "corrected"  # the flag was wrong and has been taken back


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence: its kind, a reference (never a name), and values that may be shown."""

    kind: str
    ref: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Move:
    """A line of the table. `needs` are kinds of evidence; `clock` names the deadline of the new state in params."""

    command: str
    from_state: CaseState
    to_state: CaseState
    needs: tuple[str, ...]
    clock: str | None = None
    outcome: Outcome | None = None


S, O = CaseState, Outcome  # noqa: E741 - the table reads better with one letter each
MOVES: tuple[Move, ...] = (
    Move("report", S.FOUND, S.REPORTED, ("scan",), "antigen_min"),
    Move("report_at_desk", S.FOUND, S.REPORTED, ("desk_form",), "antigen_min"),
    Move("take_antigen", S.REPORTED, S.ANTIGEN, ("sample",), "antigen_result_min"),
    Move("antigen_result", S.ANTIGEN, S.REVIEW, ("antigen",), "review_min"),
    Move("antigen_invalid", S.ANTIGEN, S.REPORTED, ("invalid_test",), "antigen_min"),
    Move("release", S.REVIEW, S.FEEDBACK, ("negative", "review"), "feedback_min", O.RELEASED),
    Move("take_nucleic", S.REVIEW, S.NUCLEIC, ("sample", "review"), "nucleic_result_min"),
    Move("nucleic_negative", S.NUCLEIC, S.FEEDBACK, ("nucleic",), "feedback_min", O.RELEASED),
    Move("nucleic_positive", S.NUCLEIC, S.TRANSFER, ("nucleic",), "transfer_min"),
    Move("nucleic_invalid", S.NUCLEIC, S.REVIEW, ("invalid_test",), "review_min"),
    Move("depart", S.TRANSFER, S.UNDER_WAY, ("vehicle", "receiving_site", "signature_out"), "arrive_min"),
    Move("arrive", S.UNDER_WAY, S.FEEDBACK, ("signature_in",), "feedback_min", O.TRANSFERRED),
    Move("close", S.FEEDBACK, S.CLOSED, ("feedback",)),
    *(
        Move("correct", state, S.CLOSED, ("correction",), outcome=O.CORRECTED)
        for state in (S.FOUND, S.REPORTED, S.ANTIGEN, S.REVIEW, S.NUCLEIC, S.FOLLOW_UP, S.REFUSED)
    ),
    *(
        Move("refuse", state, S.REFUSED, ("refusal",), "refused_min")
        for state in (S.FOUND, S.REPORTED, S.ANTIGEN, S.REVIEW, S.NUCLEIC, S.TRANSFER)
    ),
    Move("consent", S.REFUSED, S.REPORTED, ("consent",), "antigen_min"),
    Move("hand_over", S.REFUSED, S.FEEDBACK, ("authority", "signature_in"), "feedback_min", O.HANDED_OVER),
    *(
        Move("overflow", state, S.FOLLOW_UP, ("overflow_order",), "follow_up_min")
        for state in (S.FOUND, S.REPORTED, S.ANTIGEN, S.REVIEW)
    ),
    Move("follow_up_clear", S.FOLLOW_UP, S.FEEDBACK, ("follow_up",), "feedback_min", O.FOLLOWED_UP),
    Move("follow_up_recall", S.FOLLOW_UP, S.REPORTED, ("follow_up",), "antigen_min"),
)
TABLE: Mapping[tuple[CaseState, str], Move] = {(move.from_state, move.command): move for move in MOVES}
COMMANDS: tuple[str, ...] = tuple(dict.fromkeys(move.command for move in MOVES))


@dataclass(frozen=True, slots=True)
class Case:
    """The case of one flagged person, known by pseudonym only. Minutes are epoch minutes.

    `deadline_min` is when the clock of the present state runs out; None once closed. `version` counts moves.
    """

    case_id: str
    scene: str
    emergency_id: str
    pid: str
    train: str
    opened_min: int
    state: CaseState = CaseState.FOUND
    since_min: int = 0
    deadline_min: int | None = None
    owner: str | None = None
    outcome: Outcome | None = None
    version: int = 0
    marks: Marks = UNMARKED

    @property
    def is_open(self) -> bool:
        """Return whether anything is still to be done."""
        return self.state is not CaseState.CLOSED


@dataclass(frozen=True, slots=True)
class CaseCommand:
    """What a named person wants done with a case: who, when, on what evidence; `expects` is the version seen."""

    case_id: str
    command: str
    by: str
    at_min: int
    evidence: Sequence[Evidence]
    expects: int | None = None


def advance(case: Case, command: CaseCommand, clocks_min: Mapping[str, int]) -> Case:
    """Return the case after a command.

    `clocks_min` gives minutes by the clock names of the table. Raises Denied for a move that the table does not
    have or for a version that is no longer the present one, Malformed where evidence of a needed kind is missing.
    """
    move = TABLE.get((case.state, command.command))
    if move is None:
        raise Denied("model.illegal_move", command=command.command, state=case.state.value)
    if command.expects is not None and command.expects != case.version:
        raise Denied("model.case_moved_on", seen=command.expects, now=case.version)
    missing = [kind for kind in move.needs if kind not in {piece.kind for piece in command.evidence}]
    if missing:
        raise Malformed("model.evidence_missing", command=command.command, kinds=", ".join(missing))
    deadline = None if move.clock is None else command.at_min + clocks_min[move.clock]
    return replace(
        case,
        state=move.to_state,
        since_min=command.at_min,
        deadline_min=deadline,
        owner=command.by,
        outcome=move.outcome or (None if move.to_state is CaseState.REPORTED else case.outcome),
        version=case.version + 1,
    )


def list_moves(state: CaseState) -> list[Move]:
    """Return the moves that lead out of a state, in the order of the table."""
    return [move for move in MOVES if move.from_state is state]
