"""Who was given which rows and columns of a dataset of the library, for what, and until when.

A share is looked at when the question is asked, never before: an end, a suspension or a revocation binds at the next
question. What is missing denies: no columns, no rows named, no purpose.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Delivery(StrEnum):
    """How a grantee takes what it was given."""

    QUERY = "query"
    API = "api"
    FILE = "file"
    CHANNEL = "channel"  # through the partners' channels


class Lane(StrEnum):
    """Which way an item of a basket went."""

    AUTOMATIC = "automatic"
    TEMPLATE = "template"  # automatic under a template that the owner has signed beforehand
    OWNER = "owner"
    AGGREGATE = "aggregate"  # L4: counts above a threshold only
    OPERATIONAL = "operational"  # a named scene on a legal basis of its own
    EMERGENCY = "emergency"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows: those whose `column` is one of `values`, none if that is empty. All of them must be asked for by
    `everything`."""

    everything: bool = False
    column: str = ""
    values: frozenset[str] = frozenset()

    @property
    def nothing(self) -> bool:
        """Return whether no row at all is meant."""
        return not self.everything and not (self.column and self.values)


@dataclass(frozen=True, slots=True)
class Share:
    """A grant of the library. `grantee` is `agency:<id>`, `user:<id>`, `scene:<name>` or `partner:<id>`.

    `masks` are (column, mask of `rules.masks`). `count_floor`: only counts leave, of at least so many rows; None: rows.
    `digest` is the shape of the dataset it was given for (`Listing.digest`): under another shape it does not hold.
    """

    share_id: str
    basket_id: str
    grantee: str
    dataset: str
    columns: frozenset[str]
    masks: tuple[tuple[str, str], ...]
    rows: Rows
    purpose: str
    legal_basis: str
    delivery: frozenset[Delivery]
    lane: Lane
    digest: str
    from_min: int
    until_min: int
    issued_by: str
    count_floor: int | None = None
    probed_min: int | None = None
    suspended_min: int | None = None
    suspended_why: str = ""
    revoked_min: int | None = None
    revoked_by: str = ""
    reviewed_min: int | None = None
    reviewed_by: str = ""
    justified: bool | None = None  # by the review; None where there was none, or where only the audit tells it
    review_note: str = ""
    ended_min: int | None = None  # the minute in which its end was told: a clock that is set back does not undo it

    def is_over(self, at_min: int) -> bool:
        """Return whether it has ended for good, by its time or by somebody's word."""
        return self.revoked_min is not None or self.ended_min is not None or at_min >= self.until_min

    def is_live(self, at_min: int, digest: str) -> bool:
        """Return whether it holds at a minute for a dataset of this shape."""
        standing = not self.is_over(at_min) and self.suspended_min is None and self.digest == digest
        return standing and self.probed_min is not None and self.from_min <= at_min


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What came of trying a share on the real path: a permitted question answered, a forbidden one refused."""

    ok: bool
    permitted_ok: bool
    forbidden_refused: bool
    why: str = ""


Probe = Callable[[Share], ProbeResult]
