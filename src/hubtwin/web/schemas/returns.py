"""What streets send back to the source: additions and disputes, and the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from hubtwin.model.returning import MOST_CHARS, ReturnKind, ReturnState
from hubtwin.web.schemas.asked import Asked, Line, Short
from hubtwin.web.schemas.hub import Words

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Cell = Annotated[str, StringConstraints(max_length=MOST_CHARS)]
Why = Annotated[str, StringConstraints(min_length=2, max_length=MOST_CHARS, strip_whitespace=True)]
RowNo = Annotated[int, Field(ge=1, le=2**53)]


@dataclass(frozen=True, slots=True)
class ReturnView:
    """Something that was sent back. Its minutes are those of the real clock. `mine`: the own agency sent it; `answers`:
    the one who asks may answer it. `overdue`: nobody answered in time."""

    return_id: str
    kind: ReturnKind
    dataset: str
    dataset_name: Words
    agency: str
    street: str
    sent_by: str
    sent_min: int
    due_min: int
    row_no: int | None
    column: str | None
    column_name: Words | None
    state: ReturnState
    answered_by: str | None
    answered_min: int | None
    answer: str | None
    overdue: bool
    mine: bool
    answers: bool


@dataclass(frozen=True, slots=True)
class ReturnsReply:
    """What the own agency sent, and what is about its datasets, newest first. `now` is the real clock."""

    now: int
    returns: Sequence[ReturnView]


@dataclass(frozen=True, slots=True)
class ReturnContent:
    """What was said, by column; null where it was destroyed. `stands` is the value that a dispute is about, for the
    owner of the dataset only."""

    return_id: str
    values: Mapping[str, str] | None
    stands: Mapping[str, str] | None
    reason: str | None


class SendAddition(Asked):
    """A row that the source does not have, as texts by column. `key` makes sending it twice harmless."""

    key: Key
    dataset: Short
    values: Annotated[Mapping[Short, Cell], Field(min_length=1, max_length=200)]
    reason: Why


class SendDispute(Asked):
    """A value that is wrong, and what it should be."""

    key: Key
    dataset: Short
    row_no: RowNo
    column: Short
    value: Cell
    reason: Why


class AnswerReturn(Asked):
    """The answer of the source; a refusal says why."""

    accept: bool
    answer: Line = ""
