"""What a street sends back to the source: rows that are missing, and values that it holds to be wrong.

A state table: sent -> accepted -> applied, or refused, or withdrawn by who sent it. One that has not come to its end
lapses where what it says was destroyed or its row is gone: it is withdrawn without the word of who sent it. What a row
says is personal and is kept sealed elsewhere; here stand the record's place, who said it, and when.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from hubtwin.base.errors import Denied, Malformed

MOST_CHARS = 500  # of a value or a reason: as a cell on the wire


class ReturnKind(StrEnum):
    """What is sent back."""

    ADDITION = "addition"  # a row that the source does not have
    DISPUTE = "dispute"  # a value of a row that is wrong


class ReturnState(StrEnum):
    """Where it stands."""

    SENT = "sent"
    ACCEPTED = "accepted"  # the source agrees; the row is not written yet
    APPLIED = "applied"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


MOVES: Mapping[ReturnState, frozenset[ReturnState]] = {
    ReturnState.SENT: frozenset({ReturnState.ACCEPTED, ReturnState.REFUSED, ReturnState.WITHDRAWN}),
    ReturnState.ACCEPTED: frozenset({ReturnState.APPLIED}),
    ReturnState.APPLIED: frozenset(),
    ReturnState.REFUSED: frozenset(),
    ReturnState.WITHDRAWN: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Return:
    """One thing sent back. `row_no` and `column` are those of a dispute; `street` is the street of the agency."""

    return_id: str
    kind: ReturnKind
    dataset: str
    agency: str
    street: str
    sent_by: str
    sent_min: int
    due_min: int
    row_no: int | None = None
    column: str = ""
    state: ReturnState = ReturnState.SENT
    answered_by: str = ""
    answered_min: int | None = None
    answer: str = ""

    def is_overdue(self, at_min: int) -> bool:
        """Return whether nobody answered in time."""
        return self.state is ReturnState.SENT and self.due_min <= at_min


@dataclass(frozen=True, slots=True)
class Said:
    """What is said: the values of a row, or the one value of a dispute; and why."""

    values: Mapping[str, str]
    reason: str


def move(one: Return, to: ReturnState, *, by: str, at_min: int, answer: str = "") -> Return:
    """Return it in another state. Raises Denied for a move that its state does not allow, and for an answer to
    oneself; Malformed for a refusal without a reason."""
    if to not in MOVES[one.state]:
        raise Denied("model.return_settled", state=one.state.value)
    if to in (ReturnState.ACCEPTED, ReturnState.REFUSED) and by == one.sent_by:
        raise Denied("model.return_to_oneself")
    if to is ReturnState.WITHDRAWN and by != one.sent_by:
        raise Denied("model.return_of_others")
    if to is ReturnState.REFUSED and not answer.strip():
        raise Malformed("model.return_without_reason")
    if to is ReturnState.APPLIED:
        return replace(one, state=to)
    return replace(one, state=to, answered_by=by, answered_min=at_min, answer=answer.strip()[:MOST_CHARS])


def lapse(one: Return, *, by: str, at_min: int) -> Return:
    """Return it withdrawn without the word of who sent it: what it says was destroyed, or its row is gone.

    Raises Denied for one that is settled.
    """
    if not MOVES[one.state]:
        raise Denied("model.return_settled", state=one.state.value)
    return replace(one, state=ReturnState.WITHDRAWN, answered_by=by, answered_min=at_min)


def refuse_bad_return(one: Return, said: Said) -> None:
    """Raise Malformed for something that says too little or too much."""
    if not said.reason.strip():
        raise Malformed("model.return_without_reason")
    if any(len(text) > MOST_CHARS for text in (*said.values.values(), said.reason)):
        raise Malformed("model.return_too_long", most=MOST_CHARS)
    if one.kind is ReturnKind.ADDITION and not any(text.strip() for text in said.values.values()):
        raise Malformed("model.return_empty")
    if one.kind is ReturnKind.DISPUTE and (one.row_no is None or set(said.values) != {one.column}):
        raise Malformed("model.return_one_value")
