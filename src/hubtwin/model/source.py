"""What is agreed about a source: whom to ring, when it is maintained, and what it promised to deliver."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """The office that answers for a source, in both languages; its phone and hours as it gave them. No person."""

    office: Mapping[str, str]
    phone: str
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Weekly:
    """A maintenance window on days of the week (0: Monday), in minutes of the venue's clock.

    `until_min` is above 1440 where it ends after midnight: the day is the one on which it begins.
    """

    days: frozenset[int]
    from_min: int
    until_min: int


@dataclass(frozen=True, slots=True)
class Once:
    """A maintenance window that is announced for one time: moments of the venue's clock, without a zone."""

    begins: datetime
    ends: datetime


Window = Weekly | Once


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a source promised; None: nothing was agreed, so nothing can fail.

    `cadence_s`: a page at least so often. `rows_per_hour`: at least so many in each full hour without maintenance.
    `delay_p95_min`: 95 of 100 rows arrive within so many minutes. `refused_share` and `duplicate_share` of all rows,
    `gaps`: at most.
    """

    cadence_s: int | None = None
    rows_per_hour: int | None = None
    delay_p95_min: int | None = None
    refused_share: float | None = None
    duplicate_share: float | None = None
    gaps: int | None = None


NOTHING_AGREED = Agreed()


@dataclass(frozen=True, slots=True)
class Care:
    """How a hub looks after a source."""

    contact: Contact | None = None
    windows: tuple[Window, ...] = ()
    agreed: Agreed = NOTHING_AGREED


NO_CARE = Care()
