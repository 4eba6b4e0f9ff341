"""What governing counts, by definition: colours of a dataset and a library, what is governed and repaired, work orders.

Pure: whoever asks brings the figures and the minute. The colours are our own definition (`hubtwin.model.colour`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.errors import Denied
from hubtwin.datasets.listing import Listing
from hubtwin.datasets.table import Grade
from hubtwin.model.colour import CLEAN, Colour
from hubtwin.rules.quality_rules import QualityRule

SHARE, LEAST_ROWS = 0.005, 1  # a colour counts for a dataset from more than this share, and at least so many rows
RATING: tuple[tuple[float, int], ...] = ((0.99, 5), (0.95, 4), (0.90, 3), (0.80, 2))  # share of clean rows -> level
SCALE_ROWS: tuple[int, ...] = (10_000, 1_000_000)  # rows from which the scale of a dataset may raise its grade
DUE_DAYS: Mapping[Colour, int] = {Colour.BLACK: 2, Colour.RED: 10, Colour.ORANGE: 10}  # working time to answer
DEFAULT_DUE_DAYS, OVERDUE_STEP_DAYS = 15, 5
ACTED_ON = tuple(colour for colour in Colour if colour not in CLEAN)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many records have each colour. Records that could not be read at all are among the black ones."""

    colours: Mapping[Colour, int]

    @property
    def rows(self) -> int:
        """Return how many records there are."""
        return sum(self.colours.values())

    @property
    def clean(self) -> int:
        """Return how many are blue or green."""
        return sum(self.colours.get(colour, 0) for colour in CLEAN)

    @property
    def score(self) -> float | None:
        """Return the share of blue and green, None where there is no record: no data is not zero."""
        return self.clean / self.rows if self.rows else None

    def with_unreadable(self, count: int) -> "Histogram":
        """Return it with records that were quarantined when they were loaded."""
        return Histogram({**self.colours, Colour.BLACK: self.colours.get(Colour.BLACK, 0) + count}) if count else self


def add_up(parts: Sequence[Histogram]) -> Histogram:
    """Return the colours of several datasets as one."""
    return Histogram({colour: n for colour in Colour if (n := sum(part.colours.get(colour, 0) for part in parts))})


def dataset_colour(told: Histogram, *, share: float = SHARE, least_rows: int = LEAST_ROWS) -> Colour | None:
    """Return the worst colour that more than a share of the records and at least so many have; None without records.

    Where only crumbs are worse, it is the most frequent clean colour.
    """
    if not told.rows:
        return None
    for colour in ACTED_ON:
        count = told.colours.get(colour, 0)
        if count > share * told.rows and count >= least_rows:
            return colour
    return max(CLEAN, key=lambda colour: told.colours.get(colour, 0))


def rating(told: Histogram) -> int | None:
    """Return one of five levels by the share of clean records, 5 the best: for comparison, as DB11/T 2317 rates.

    None without records. The standard's own formula is not public; the steps are ours.
    """
    score = told.score
    return None if score is None else next((level for share, level in RATING if score >= share), 1)


def is_governed(listing: Listing, skipped: Sequence[str]) -> bool:
    """Return whether its records count as governed: evaluated by all rules of a published contract version."""
    return bool(listing.contract) and not skipped


def proposed_grade(listing: Listing, rows: int, before: int) -> Grade | None:
    """Return the grade to propose to a person, since the number of rows has crossed a threshold; else None.

    Many rows tell more than one (GB/T 43697 names scale as a factor). Data of grade L1 stays open at any number.
    """
    crossed = any(before < threshold <= rows for threshold in SCALE_ROWS)
    grade = listing.dataset.grade
    return Grade(grade + 1) if crossed and Grade.L1 < grade < Grade.L4 else None


class OrderState(StrEnum):
    """Where a work order stands."""

    OPEN = "open"
    FIXED = "fixed"  # the owner says so; the next run says whether it is
    DISPUTED = "disputed"  # the owner says the rule is wrong or the value right
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Order:
    """A work order: rows of a dataset fail a rule, and somebody is to act. One at most is open for each of the two."""

    order_id: str
    dataset: str
    rule: str
    colour: Colour
    agency: str
    role: str
    failing: int
    opened_min: int
    due_min: int
    state: OrderState = OrderState.OPEN
    answered_min: int | None = None
    answered_by: str = ""
    reason: str = ""
    closed_min: int | None = None
    reopened: int = 0
    escalated: int = 0
    first_failing: int = 0
    late_min: int | None = None  # since when nobody has answered in time
    up_min: int | None = None  # when it went up last

    @property
    def is_open(self) -> bool:
        """Return whether somebody still has to do something."""
        return self.state is not OrderState.CLOSED


@dataclass(frozen=True, slots=True)
class Moved:
    """What happened to an order, as the audit tells it: `kind` is that of the audit row."""

    order: Order
    kind: str
    told: Mapping[str, object] = field(default_factory=dict)


def due_days(colour: Colour) -> int:
    """Return how many days an owner has."""
    return DUE_DAYS.get(colour, DEFAULT_DUE_DAYS)


def open_order(order_id: str, listing: Listing, rule: QualityRule, failing: int, *, role: str, at_min: int) -> Order:
    """Return a new order to who answers for a colour: the steward for doubles and orphans, else the owner."""
    steward = rule.colour in {Colour.YELLOW, Colour.BROWN} and listing.steward
    agency = listing.steward if steward else listing.owner
    due_min = at_min + due_days(rule.colour) * DAY_MIN
    parts = (order_id, listing.name, rule.name, rule.colour, agency, role, failing, at_min, due_min)
    return Order(*parts, first_failing=failing)


def rechecked(order: Order, failing: int, at_min: int) -> Moved | None:
    """Return what a run makes of an order: closed where nothing fails, opened again where it was said to be fixed.

    None where nothing has changed but the count, if that.
    """
    if not order.is_open:
        return None
    if failing == 0:
        done = replace(order, state=OrderState.CLOSED, failing=0, closed_min=at_min)
        return Moved(done, "QualityOrderClosed", {"was": order.failing})
    if order.state is OrderState.FIXED:
        due_min = at_min + due_days(order.colour) * DAY_MIN
        fresh = replace(order, state=OrderState.OPEN, failing=failing, due_min=due_min, late_min=None, up_min=None)
        again = replace(fresh, reopened=order.reopened + 1)
        return Moved(again, "QualityOrderReopened", {"failing": failing})
    return None


def answered(order: Order, state: OrderState, reason: str, *, by: str, at_min: int) -> Moved:
    """Return an order with its owner's answer. Raises Denied where it is closed, or disputed without a reason."""
    if not order.is_open:
        raise Denied("library.order_closed", order=order.order_id)
    if state not in {OrderState.FIXED, OrderState.DISPUTED}:
        raise Denied("library.order_answer", order=order.order_id)
    if state is OrderState.DISPUTED and not reason.strip():
        raise Denied("library.order_reason", order=order.order_id)
    told = replace(order, state=state, reason=reason.strip(), answered_by=by, answered_min=at_min)
    return Moved(told, "QualityOrderAnswered", {"answer": state.value})


def escalated(order: Order, now_min: int) -> Moved | None:
    """Return an overdue order that nobody answered, one step further up and with a new date; None where it has time."""
    if order.state is not OrderState.OPEN or now_min < order.due_min:
        return None
    late_min = now_min - order.due_min
    due_min = now_min + OVERDUE_STEP_DAYS * DAY_MIN
    since = order.due_min if order.late_min is None else order.late_min
    told = replace(order, due_min=due_min, escalated=order.escalated + 1, late_min=since, up_min=now_min)
    return Moved(told, "QualityOrderEscalated", {"late_min": late_min, "step": told.escalated})
