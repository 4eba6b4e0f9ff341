"""An application for many datasets of the library in one basket, and how each item of it moves.

One purpose, one legal basis, one time and one form for everything in the basket; each item goes its own way, so that
what can be given at once does not wait for what a person must decide. An item is *active* only after its share exists
and was probed on the real path; nothing here lets it be so before (reference governance 1.4: "approved" shown before
anything was granted is the most copied mistake of the field).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.agency import AgencyKind
from hubtwin.model.sharing import Delivery, Lane, Rows

MOST_ITEMS = 500  # in one basket: somebody has to be able to read it before signing
MOST_COLUMNS = 500  # of one item
NO_ROWS = Rows()
LONGEST_MIN = 365 * 24 * 60  # nothing is given for longer than a year at a time


class BasketKind(StrEnum):
    """On what an application rests: sharing between agencies, a scene's own task, or an emergency."""

    SHARING = "sharing"
    OPERATIONAL = "operational"  # a named scene on a legal basis of its own, apart from sharing
    EMERGENCY = "emergency"


class ItemState(StrEnum):
    """Where an item of a basket is."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    AGREED = "agreed"  # the first of two persons said yes
    APPROVED = "approved"
    PROVISIONING = "provisioning"  # its share exists, and was not probed yet: nobody can read under it
    PROBED = "probed"
    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


I = ItemState  # noqa: E741 - the table reads better
MOVES: Mapping[tuple[ItemState, str], ItemState] = {
    (I.DRAFT, "submit"): I.SUBMITTED,
    (I.DRAFT, "withdraw"): I.WITHDRAWN,
    (I.SUBMITTED, "agree"): I.AGREED,
    (I.SUBMITTED, "approve"): I.APPROVED,
    (I.SUBMITTED, "refuse"): I.REFUSED,
    (I.SUBMITTED, "withdraw"): I.WITHDRAWN,
    (I.SUBMITTED, "expire"): I.EXPIRED,  # nobody decided before the time asked for was over
    (I.AGREED, "approve"): I.APPROVED,
    (I.AGREED, "refuse"): I.REFUSED,
    (I.AGREED, "withdraw"): I.WITHDRAWN,
    (I.AGREED, "expire"): I.EXPIRED,
    (I.APPROVED, "provision"): I.PROVISIONING,
    (I.APPROVED, "withdraw"): I.WITHDRAWN,
    (I.PROVISIONING, "probe"): I.PROBED,
    (I.PROVISIONING, "suspend"): I.SUSPENDED,
    (I.PROVISIONING, "revoke"): I.REVOKED,
    (I.PROVISIONING, "expire"): I.EXPIRED,
    (I.PROBED, "activate"): I.ACTIVE,
    (I.ACTIVE, "near_end"): I.EXPIRING,
    (I.ACTIVE, "expire"): I.EXPIRED,
    (I.ACTIVE, "revoke"): I.REVOKED,
    (I.ACTIVE, "suspend"): I.SUSPENDED,
    (I.EXPIRING, "expire"): I.EXPIRED,
    (I.EXPIRING, "revoke"): I.REVOKED,
    (I.EXPIRING, "suspend"): I.SUSPENDED,
    (I.SUSPENDED, "resume"): I.PROVISIONING,  # and is probed anew
    (I.SUSPENDED, "revoke"): I.REVOKED,
    (I.SUSPENDED, "expire"): I.EXPIRED,
}
COMMANDS: tuple[str, ...] = tuple(sorted({command for _, command in MOVES}))
ENDED = frozenset({I.EXPIRED, I.REVOKED, I.REFUSED, I.WITHDRAWN})
WAITING = frozenset({I.SUBMITTED, I.AGREED})
HELD = frozenset({I.PROVISIONING, I.ACTIVE, I.EXPIRING, I.SUSPENDED})  # a share stands behind it
READABLE = frozenset({I.ACTIVE, I.EXPIRING})


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of one dataset. `rows` None: the rows of the own street. `counts_only`: only counts, no rows."""

    dataset: str
    columns: frozenset[str]
    rows: Rows | None = None
    counts_only: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """An application as it is filled in; it lasts from `from_min` until before `until_min`.

    `key` makes sending it twice one application. `grantee` is who shall read: `agency:<id>`, `user:<id>`,
    `scene:<name>` or `partner:<id>`.
    """

    key: str
    grantee: str
    purpose: str
    legal_basis: str
    from_min: int
    until_min: int
    asks: tuple[Ask, ...]
    delivery: frozenset[Delivery] = frozenset({Delivery.QUERY})
    kind: BasketKind = BasketKind.SHARING
    reason: str = ""

    @property
    def minutes(self) -> int:
        """Return how long it is to last, in minutes."""
        return self.until_min - self.from_min


@dataclass(frozen=True, slots=True)
class Said:
    """What a lane says of an item: open, or the reasons why not (keys of texts)."""

    lane: Lane
    reasons: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Return whether the item may go this way."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class BasketItem:
    """One dataset of a basket. What is given may be narrower than what was asked, never wider.

    `owner` is the agency that decides. `masks` are (column, mask). `first_by` is the first of two persons,
    `decided_by` who decided (`policy:<lane>` where the rules did), `due_min` until when somebody should, `level` how
    often that went by, `late_min` since when it is late, `up_min` when it went up last. Times in `_ms` are milliseconds
    since 1970, because a machine decides in a few of them.
    """

    dataset: str
    owner: str
    columns: frozenset[str]
    rows: Rows
    grade: int
    lane: Lane
    state: ItemState = ItemState.DRAFT
    counts_only: bool = False
    masks: tuple[tuple[str, str], ...] = ()
    said: tuple[Said, ...] = ()
    template_id: str = ""
    until_min: int | None = None
    first_by: str = ""
    decided_by: str = ""
    decided_ms: int | None = None
    note: str = ""
    due_min: int | None = None
    level: int = 0
    share_id: str = ""
    active_ms: int | None = None
    probe_why: str = ""
    late_min: int | None = None
    up_min: int | None = None

    @property
    def by_person(self) -> bool:
        """Return whether a person decided it."""
        return bool(self.decided_by) and not self.decided_by.startswith("policy:")


@dataclass(frozen=True, slots=True)
class Basket:
    """A submitted application with its items. `agency` is that of the applicant."""

    basket_id: str
    applicant: str
    agency: str
    form: Form
    items: tuple[BasketItem, ...]
    submitted_ms: int
    authorised_by: str = ""
    authorised_ms: int | None = None

    def get_item(self, dataset: str) -> BasketItem:
        """Return an item. Raises Malformed where the basket holds no such dataset."""
        for item in self.items:
            if item.dataset == dataset:
                return item
        raise Malformed("model.basket_without", dataset=dataset)

    def with_items(self, changed: Iterable[BasketItem]) -> "Basket":
        """Return the basket with items in the place of those of the same dataset."""
        new = {item.dataset: item for item in changed}
        return replace(self, items=tuple(new.get(item.dataset, item) for item in self.items))

    @property
    def state(self) -> str:
        """Return where the whole of it is: waiting, partial, active, refused, over, or under way."""
        states = {item.state for item in self.items}
        if states <= ENDED:
            return "refused" if states <= {I.REFUSED, I.WITHDRAWN} else "over"
        if states & WAITING:
            return "partial" if states & READABLE else "waiting"
        return "active" if states & READABLE else "under_way"


@dataclass(frozen=True, slots=True)
class Template:
    """What the owner of a dataset has signed beforehand: a fitting item needs nobody's decision any more.

    `own_street`: the rows of the applicant's own street may go, besides `rows`. `alone`: it applies as soon as an item
    comes in; otherwise the data authority's key does. Empty `purposes`, or neither agency nor kind, fit nobody.
    """

    template_id: str
    owner: str
    dataset: str
    columns: frozenset[str]
    masks: tuple[tuple[str, str], ...]
    purposes: frozenset[str]
    agencies: frozenset[str]
    kinds: frozenset[AgencyKind]
    max_days: int
    until_min: int
    own_street: bool = True
    rows: Rows = NO_ROWS
    alone: bool = True
    signed_by: str = ""
    signed_min: int | None = None
    withdrawn_min: int | None = None
    withdrawn_by: str = ""

    def is_live(self, at_min: int) -> bool:
        """Return whether it holds at a minute: signed, not withdrawn, not over."""
        signed = self.signed_min is not None and self.signed_min <= at_min
        return signed and self.withdrawn_min is None and at_min < self.until_min


def advance(item: BasketItem, command: str) -> BasketItem:
    """Return the item moved on. Raises Denied for a move that the table does not know."""
    target = MOVES.get((item.state, command))
    if target is None:
        raise Denied("model.basket_move", dataset=item.dataset, state=item.state.value, command=command)
    return replace(item, state=target)


def can_advance(item: BasketItem, command: str) -> bool:
    """Return whether the table knows a move."""
    return (item.state, command) in MOVES


def refuse_bad_form(form: Form) -> None:
    """Raise Malformed for an application that says too little, too much, or lasts too long."""
    if not (form.key.strip() and form.grantee and form.purpose and form.legal_basis and form.delivery):
        raise Malformed("model.basket_empty")
    if not form.asks:
        raise Malformed("model.basket_no_items")
    if len(form.asks) > MOST_ITEMS:
        raise Malformed("model.basket_too_large", items=len(form.asks), most=MOST_ITEMS)
    if len({ask.dataset for ask in form.asks}) < len(form.asks):
        raise Malformed("model.basket_twice")
    if any(not ask.columns or len(ask.columns) > MOST_COLUMNS for ask in form.asks):
        raise Malformed("model.basket_columns", most=MOST_COLUMNS)
    if not 0 < form.minutes <= LONGEST_MIN:
        raise Malformed("model.basket_too_long", days=LONGEST_MIN // 1440)
    if form.kind is not BasketKind.SHARING and not form.reason.strip():
        raise Malformed("model.grant_without_reason")


def refuse_same(basket: Basket, item: BasketItem, by: str) -> None:
    """Raise Denied where who decides is who applied, who would read, or who decided already: two are two persons."""
    if by in {basket.applicant, basket.form.grantee.removeprefix("user:"), ""}:
        raise Denied("model.basket_of_oneself")
    if by == item.first_by:
        raise Denied("model.basket_needs_two")


def narrower(rows: Rows, than: Rows) -> bool:
    """Return whether `rows` are all among `than`; no rows at all are narrower than nothing that is given."""
    if rows.nothing or than.nothing:
        return False
    if than.everything:
        return True
    return not rows.everything and rows.column == than.column and rows.values <= than.values
