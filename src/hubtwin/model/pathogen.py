"""A pathogen as data: when it is infectious, whom a case on a train concerns, what follows.

Every figure carries where it comes from and how sure that is, so that a page can show it and a physician can
correct it without touching code. A profile is versioned: a case of an earlier date is traced by the plan that was
in force then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Evidence(StrEnum):
    """How a figure is known: read in its source, measured by us, or remembered and still to be checked."""

    SEEN = "seen"
    MEASURED = "measured"
    REMEMBERED = "remembered"


class Anchor(StrEnum):
    """The moment from which the infectious window is counted."""

    ONSET = "onset"
    RASH = "rash"
    SAMPLING = "sampling"


class Scope(StrEnum):
    """Who aboard is concerned.

    `none` is a valid rule: do not trace co-travellers. `adjacent`: the same row within `reach` seats. `around`:
    within `reach` seats in any direction. `rows`: the same row and `reach` rows before and after. `bay`: the same
    bay and `reach` bays beside it. `carriage` and `train`: everybody there. `order`: who is on the same order.
    `turnover`: who used the seat after the case.
    """

    NONE = "none"
    ADJACENT = "adjacent"
    AROUND = "around"
    ROWS = "rows"
    BAY = "bay"
    CARRIAGE = "carriage"
    TRAIN = "train"
    ORDER = "order"
    TURNOVER = "turnover"


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures come from. `url` is empty for what has no public page."""

    source_id: str
    title: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Figure(Generic[T]):
    """A value with its source and its evidence mark. `note` says what the value leaves out, zh and en."""

    value: T
    source: Source
    evidence: Evidence
    note: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """One clause of a co-travel rule. A passenger is concerned if any clause holds.

    `reach` counts rows, seats or bays by scope; `min_shared_min` is the shortest time together aboard;
    `across_aisle` lets neighbourhood cross the aisle.
    """

    scope: Figure[Scope]
    min_shared_min: Figure[int]
    reach: int = 0
    across_aisle: bool = False


@dataclass(frozen=True, slots=True)
class Weights:
    """Published attack rates by position, in percent: they rank contacts and never exclude one.

    `per_hour_adjacent` and `per_hour` are percentage points for each hour together.
    """

    table_id: str
    adjacent: Figure[float]
    same_row: Figure[float]
    other_rows: Figure[float]
    other_rows_reach: Figure[int]
    turnover: Figure[float]
    per_hour_adjacent: Figure[float]
    per_hour: Figure[float]


@dataclass(frozen=True, slots=True)
class Cotravel:
    """Whom to look for aboard. `by_decision`: only when a named officer asks for it in this case."""

    tiers: tuple[Tier, ...]
    by_decision: Figure[bool]
    weights: Weights | None = None


@dataclass(frozen=True, slots=True)
class Pathogen:
    """A pathogen profile: of one plan (`pathogen_id`) for one disease, in the version valid from a date.

    Names of figures end in their unit; None means: the source sets no such figure.
    """

    pathogen_id: str
    disease: str
    name: Mapping[str, str]
    valid_from: Figure[date]
    incubation_days: Figure[tuple[float, float]]
    infectious_before_d: Figure[float]
    infectious_after_d: Figure[float | None]
    anchor: Figure[Anchor]
    residual_air_min: Figure[int]
    cotravel: Cotravel
    area_lookback_d: Figure[int]
    min_stay_h: Figure[float]
    followup_d: Figure[int]
    vulnerable: Figure[tuple[str, ...]]
    pep_deadline_h: Figure[int | None]
    steps: Figure[tuple[str, ...]]
    report_deadline_min: Figure[int]

    @property
    def traces_cotravellers(self) -> bool:
        """Return False for a profile that says: do not trace who travelled along."""
        return all(tier.scope.value is not Scope.NONE for tier in self.cotravel.tiers)
