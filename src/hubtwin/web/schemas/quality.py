"""The quality of the library on the wire: colours as words and counts, rules, trends, rows that fail, work orders.

Minutes are those of the real clock. A share is None where there is no record: no data is not zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints

from hubtwin.web.schemas.asked import Asked, Line, one_of
from hubtwin.web.schemas.hub import Words

Key = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ColourCount:
    """How many records have a colour; its word stands beside it, and who acts."""

    colour: str
    word: Words
    records: int
    responsible: str


@dataclass(frozen=True, slots=True)
class StandingView:
    """How a dataset stands after its last run. `rating` is one of five levels, 5 the best."""

    dataset: str
    title: Words
    library: str
    owner: str
    colour: str | None
    rating: int | None
    score: float | None
    ended_min: int
    contract: str
    rows: int
    unreadable: int
    governed: int
    repaired: int
    skipped: Sequence[str]
    colours: Sequence[ColourCount]


@dataclass(frozen=True, slots=True)
class LibraryScore:
    """The share of clean records of a library."""

    library: str
    records: int
    score: float | None


@dataclass(frozen=True, slots=True)
class GradeProposal:
    """A grade that scale has put into question; a person decides."""

    dataset: str
    rows: int
    grade: int
    at_min: int


@dataclass(frozen=True, slots=True)
class QualityReply:
    """All that was governed."""

    now_min: int
    governed: int
    repaired: int
    score: float | None
    colours: Sequence[ColourCount]
    libraries: Sequence[LibraryScore]
    datasets: Sequence[StandingView]
    proposals: Sequence[GradeProposal]


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule of a dataset, and how many rows passed and failed it in the last run."""

    rule: str
    colour: str
    dimension: str
    columns: Sequence[str]
    asks: Words
    passed: int | None
    failed: int | None


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """Successes beside failures of a rule in a run."""

    ended_min: int
    rule: str
    passed: int
    failed: int


@dataclass(frozen=True, slots=True)
class DatasetQuality:
    """A dataset with its rules; `standing` is None before its first run. `may` lists what the reader can do now."""

    now_min: int
    dataset: str
    standing: StandingView | None
    rules: Sequence[RuleView]
    trend: Sequence[TrendPoint]
    may: Sequence[str]


@dataclass(frozen=True, slots=True)
class RowView:
    """A row that fails, its columns masked by their grade."""

    row_no: int
    colour: str
    failed: Sequence[str]
    values: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class RowsReply:
    """A few rows that fail; `after` is what to ask on with, None at the end."""

    rows: Sequence[RowView]
    after: int | None


@dataclass(frozen=True, slots=True)
class OrderView:
    """A work order. `may_answer`: the reader is of the agency it went to."""

    order_id: str
    dataset: str
    rule: str
    colour: str
    agency: str
    role: str
    state: str
    failing: int
    first_failing: int
    opened_min: int
    due_min: int
    reason: str
    reopened: int
    escalated: int
    may_answer: bool


@dataclass(frozen=True, slots=True)
class OrdersReply:
    """Work orders, what is due first."""

    now_min: int
    orders: Sequence[OrderView]


class AnswerOrder(Asked):
    """The answer of who is responsible; a dispute needs a reason."""

    order_id: Key
    answer: Annotated[str, *one_of("fixed", "disputed")]
    reason: Line = ""
