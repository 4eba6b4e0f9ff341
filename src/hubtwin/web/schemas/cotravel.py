"""Co-travellers of a confirmed case: what would be asked of whom, and how far it is. Persons are numbers here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hubtwin.web.schemas.hub import Words


@dataclass(frozen=True, slots=True)
class RunAsked:
    """A run of the train of the case that calls here."""

    trip_id: str
    service_date: str


@dataclass(frozen=True, slots=True)
class CotravelView:
    """A question to one matcher about one run. `persons` is "<5" where the railway gives counts only; `positions` are
    seats as seen from the case (adjacent, same_row, other_rows, same_carriage, elsewhere, unknown, turnover, apart);
    `traced` is false where the plan says not to trace.
    """

    trip_id: str
    service_date: str
    matcher: str
    asked_by: str
    asked_min: int
    state: Literal["waiting", "answered", "refused"]
    error: Words | None
    answered_min: int | None
    persons: str
    positions: Mapping[str, int]
    traced: bool


@dataclass(frozen=True, slots=True)
class CotravelReply:
    """What a case can be asked about. `why_not` says why nobody can be asked now; `runs` and `matchers` are what a
    question goes to; `most` is how many persons an answer may name at most.
    """

    case_id: str
    may_ask: bool
    why_not: Words | None
    runs: Sequence[RunAsked]
    matchers: Sequence[str]
    most: int
    asked: Sequence[CotravelView]
