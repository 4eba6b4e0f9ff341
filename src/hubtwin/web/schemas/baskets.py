"""Applications for the library on the wire: what is asked, what every lane says, who decides, what is shared.

Minutes and `_ms` are those of the real clock. `may` lists what the reader can do now, so that a page shows only what
can be pressed; the server asks again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hubtwin.model.agency import AgencyKind
from hubtwin.model.basket import MOST_COLUMNS, MOST_ITEMS, ItemState
from hubtwin.model.sharing import Delivery, Lane
from hubtwin.web.schemas.asked import Asked, Line, Short, one_of
from hubtwin.web.schemas.hub import Words

Key = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Note = Annotated[str, StringConstraints(min_length=2, max_length=500, strip_whitespace=True)]
Days = Annotated[int, Field(ge=1, le=365)]
Names = Annotated[list[Short], Field(max_length=MOST_COLUMNS)]
Masks = Annotated[list[Annotated[list[Short], Field(min_length=2, max_length=2)]], Field(max_length=500)]
Codes = Annotated[list[Short], Field(max_length=1000)]
DeliveryName = Annotated[str, *one_of(*(each.value for each in Delivery))]
KindName = Annotated[str, *one_of("sharing", "operational")]
AgencyKindName = Annotated[str, *one_of(*(each.value for each in AgencyKind))]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a lane is closed: the id of the policy, and what it says."""

    key: str
    text: Words


@dataclass(frozen=True, slots=True)
class LaneView:
    """What a lane says of an item."""

    lane: Lane
    open: bool
    reasons: Sequence[Reason]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column with its sensitivity, 1 to 4, and the mask that is put on it; no mask: empty."""

    column: str
    name: Words
    grade: int
    mask: str


@dataclass(frozen=True, slots=True)
class RowsView:
    """Which rows: all of them, or those whose `column` is one of `values`; neither: none."""

    everything: bool
    column: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class ItemView:
    """One dataset of a basket. `columns`, `rows` and `until_min` are what is given, once it is; before, what is asked.

    `waits_for` is `owner`, `authority`, `security_officer` or empty; `level` how often its clock ran out. `probe_why`
    tells why a share that exists is not active yet.
    """

    dataset: str
    title: Words
    owner: str
    owner_name: Words
    sharing: str
    grade: int
    columns: Sequence[ColumnView]
    rows: RowsView
    counts_only: bool
    lane: Lane
    lanes: Sequence[LaneView]
    state: ItemState
    template_id: str
    waits_for: str
    due_min: int | None
    level: int
    first_by: str
    decided_by: str
    decided_ms: int | None
    until_min: int
    note: str
    share_id: str
    active_ms: int | None
    probe_why: str
    may: Sequence[str]


@dataclass(frozen=True, slots=True)
class CheckReply:
    """What would become of a basket; nothing was stored. Numbers of items by what happens to them."""

    at_once: int
    by_key: int
    by_people: int
    refused: int
    items: Sequence[ItemView]


@dataclass(frozen=True, slots=True)
class BasketView:
    """An application with its items."""

    basket_id: str
    applicant: str
    agency: str
    agency_name: Words
    grantee: str
    kind: str
    purpose: str
    purpose_name: Words
    legal_basis: str
    legal_basis_name: Words
    from_min: int
    until_min: int
    delivery: Sequence[Delivery]
    reason: str
    state: str
    submitted_ms: int
    authorised_by: str
    authorised_ms: int | None
    now_min: int
    may: Sequence[str]
    items: Sequence[ItemView]


@dataclass(frozen=True, slots=True)
class BasketLine:
    """An application in a list. `states` counts its items; `due_min` is the next minute by which somebody decides."""

    basket_id: str
    applicant: str
    agency: str
    agency_name: Words
    purpose_name: Words
    kind: str
    state: str
    submitted_ms: int
    until_min: int
    items: int
    states: dict[str, int]
    due_min: int | None
    late: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class BasketsReply:
    """A page of applications, the newest first. `next` is `before` of the page after; null: there is none."""

    now_min: int
    baskets: Sequence[BasketLine]
    next: str | None


@dataclass(frozen=True, slots=True)
class ShareView:
    """What somebody was given. `live` is what counts now; `state` says why not: unprobed, not_yet, over, suspended,
    revoked, other_shape. `review_due_min` is null where nobody has to review it, or somebody has; `review_note` is
    for who took it and who watches over all."""

    share_id: str
    basket_id: str
    grantee: str
    dataset: str
    title: Words
    owner: str
    columns: Sequence[ColumnView]
    rows: RowsView
    count_floor: int | None
    purpose: str
    purpose_name: Words
    legal_basis: str
    delivery: Sequence[Delivery]
    lane: Lane
    from_min: int
    until_min: int
    issued_by: str
    live: bool
    state: str
    suspended_why: str
    revoked_min: int | None
    revoked_by: str
    review_due_min: int | None
    reviewed_min: int | None
    reviewed_by: str
    justified: bool | None
    review_note: str
    may: Sequence[str]


@dataclass(frozen=True, slots=True)
class SharesReply:
    """Shares, those that end last first."""

    now_min: int
    shares: Sequence[ShareView]


@dataclass(frozen=True, slots=True)
class TemplateView:
    """What an owner has signed beforehand."""

    template_id: str
    owner: str
    owner_name: Words
    dataset: str
    title: Words
    columns: Sequence[ColumnView]
    own_street: bool
    rows: RowsView
    purposes: Sequence[str]
    agencies: Sequence[str]
    kinds: Sequence[AgencyKind]
    max_days: int
    until_min: int
    alone: bool
    signed_by: str
    signed_min: int | None
    live: bool
    may: Sequence[str]


@dataclass(frozen=True, slots=True)
class TemplatesReply:
    """Templates by dataset."""

    now_min: int
    templates: Sequence[TemplateView]


@dataclass(frozen=True, slots=True)
class SpreadView:
    """Median and 95th percentile in milliseconds; null where there is nothing to tell."""

    count: int
    p50_ms: int | None
    p95_ms: int | None


@dataclass(frozen=True, slots=True)
class LaneTimes:
    """How long the items of one lane took."""

    lane: Lane
    took: SpreadView


@dataclass(frozen=True, slots=True)
class TimesReply:
    """From application to active over all baskets since a day: `machine` and `human` apart, `automatic_share` of the
    active items that no person decided, 0 to 1."""

    since_ms: int
    baskets: int
    whole: SpreadView
    items: SpreadView
    machine: SpreadView
    human: SpreadView
    automatic_share: float | None
    waiting: int
    late: int
    lanes: Sequence[LaneTimes]


@dataclass(frozen=True, slots=True)
class AgencyLine:
    """What an agency gave (datasets, to how many), was given (datasets, by how many) and used (questions, rows)."""

    agency: str
    name: Words
    gave: int
    gave_to: int
    given: int
    given_by: int
    asked: int
    rows: int


@dataclass(frozen=True, slots=True)
class AgenciesReply:
    """Agencies by id."""

    agencies: Sequence[AgencyLine]


class RowsIn(Asked):
    """Which rows; leaving them out means those of the own street."""

    everything: bool = False
    column: Annotated[str, StringConstraints(max_length=80)] = ""
    values: Codes = Field(default_factory=list)


class AskIn(Asked):
    """What is asked of one dataset."""

    dataset: Short
    columns: Names
    rows: RowsIn | None = None
    counts_only: bool = False


Asks = Annotated[list[AskIn], Field(min_length=1, max_length=MOST_ITEMS)]


class ApplyIn(Asked):
    """An application. `grantee` empty: the own agency. `key` makes sending it twice one application."""

    key: Key
    purpose: Short
    legal_basis: Short
    days: Days
    items: Asks
    grantee: Annotated[str, StringConstraints(max_length=200)] = ""
    delivery: Annotated[list[DeliveryName], Field(min_length=1, max_length=4)] = Field(
        default_factory=lambda: [Delivery.QUERY.value]
    )
    kind: KindName = "sharing"
    reason: Line = ""


class EmergencyIn(Asked):
    """What an emergency needs at once; it ends by itself and somebody else reviews it."""

    key: Key
    purpose: Short
    legal_basis: Short
    minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)]
    items: Asks
    reason: Note


class DecideOne(Asked):
    """What is decided of one item: given, perhaps narrower, or refused for a reason."""

    dataset: Short
    give: bool
    columns: Names | None = None
    rows: RowsIn | None = None
    days: Days | None = None
    masks: Masks | None = None
    reason: Line = ""


class DecideIn(Asked):
    """What an owner decides."""

    items: Annotated[list[DecideOne], Field(min_length=1, max_length=MOST_ITEMS)]


class AgreeIn(Asked):
    """For which datasets the second person agrees."""

    datasets: Annotated[list[Short], Field(min_length=1, max_length=MOST_ITEMS)]


class RenewIn(Asked):
    """For how many days from now a share is applied for again."""

    key: Key
    days: Days


class ReviewIn(Asked):
    """What somebody else thinks of an emergency access."""

    justified: bool
    note: Note


class TemplateIn(Asked):
    """What an owner signs; it holds for `days` and gives at most `max_days`. `rows`: beside the own street."""

    dataset: Short
    columns: Names
    masks: Masks = Field(default_factory=list)
    purposes: Annotated[list[Short], Field(max_length=100)] = Field(default_factory=list)
    agencies: Annotated[list[Short], Field(max_length=100)] = Field(default_factory=list)
    kinds: Annotated[list[AgencyKindName], Field(max_length=20)] = Field(default_factory=list)
    own_street: bool = True
    rows: RowsIn | None = None
    max_days: Days = 30
    days: Days = 180
    alone: bool = True


Which = Literal["all", "waiting", "mine"]
