"""What partners send, once it was read: traces of cases, areas at risk, things to do, corrections, answers."""

from dataclasses import dataclass
from enum import StrEnum

from hubtwin.model.partner import Said


class TraceResult(StrEnum):
    """What tracing of the person of a case has come to."""

    REACHED = "reached"
    NOT_FOUND = "not_found"
    ELSEWHERE = "elsewhere"  # the person is in another place than was thought
    CLEAR = "clear"  # followed up to a result: nothing found
    RECALL = "recall"  # followed up to a result: the person must be tested again


class Ground(StrEnum):
    """Why a partner says that a flag was wrong."""

    IDENTITY = "identity"
    AREA = "area"
    TEST = "test"
    OTHER = "other"


class Wish(StrEnum):
    """What a partner may ask to be done."""

    MEET = "meet"
    VISIT = "visit"
    SEARCH = "search"
    INFORM = "inform"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class TraceTold:
    """`case` is the name of the case as the partner was told it, `ref` the partner's own name of its report."""

    case: str
    result: TraceResult
    at_min: int
    ref: str
    area_code: str = ""


@dataclass(frozen=True, slots=True)
class AreaTold:
    """A county or street, or a place in it, at a level from a minute on. `area_code` has 6 digits, `street_code` 9.

    `level` and `from_min` are empty for an area that is no longer at risk; without `place` such a one stands for all
    places that the partner has told in it.
    """

    area_code: str
    street_code: str | None
    resolution: str
    names: tuple[str, str, str]  # province, city, county, as told; empty where only a code was told
    place: str = ""
    level: str = ""
    from_min: int = 0


@dataclass(frozen=True, slots=True)
class AreasTold:
    """What a partner published at a minute: areas at risk, and areas that are no longer."""

    published_min: int
    areas: tuple[AreaTold, ...] = ()
    gone: tuple[AreaTold, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskAsked:
    """Something to be done until a minute. `what` and `place` are the partner's words."""

    kind: Wish
    what: str
    due_min: int
    ref: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class CorrectionTold:
    """The partner's word that the flag of a case was wrong. `text` is free."""

    case: str
    ground: Ground
    ref: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class AnswerTold:
    """An answer to the message `message_id`, as `model.partner.Answer`."""

    message_id: str
    said: Said
    by: str = ""
    note: str = ""
    expected_min: int | None = None


Content = TraceTold | AreasTold | TaskAsked | CorrectionTold | AnswerTold
