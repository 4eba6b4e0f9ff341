"""What a lane is asked about an item of a basket, and which of the open lanes it takes.

The answers themselves are policies (`hubtwin.library.policy`); here are the facts they are given: the grade of the
columns asked for, whether rows are named at all, whether what is sensitive is masked, what the owner signed before.
Limits are settings of a hub; those shipped are of reference governance 1.8(3): 180 days and L2 automatic, 90 days and
masked under a template.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Listing, Sharing
from hubtwin.datasets.table import Grade
from hubtwin.model.agency import AgencyKind
from hubtwin.model.basket import Ask, BasketKind, Said, Template, narrower
from hubtwin.model.sharing import Lane, Rows
from hubtwin.rules.masks import CLEAR, is_mask

LANES_OF: Mapping[BasketKind, tuple[Lane, ...]] = {  # the first open one is taken
    BasketKind.SHARING: (Lane.AUTOMATIC, Lane.TEMPLATE, Lane.AGGREGATE, Lane.OWNER),
    BasketKind.OPERATIONAL: (Lane.OPERATIONAL,),
    BasketKind.EMERGENCY: (Lane.EMERGENCY,),
}
TWO_PERSONS = frozenset({Lane.AGGREGATE, Lane.OPERATIONAL})  # the owner, and the security officer as another person
BY_POLICY = frozenset({Lane.AUTOMATIC, Lane.TEMPLATE, Lane.EMERGENCY})  # nobody's decision is waited for


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the lanes go, and how long people may take (in working days, hub-facts 3.1): the one published rule."""

    automatic_min: int = 180 * DAY_MIN
    template_min: int = 90 * DAY_MIN
    emergency_min: int = DAY_MIN
    review_min: int = DAY_MIN  # after an emergency access began, somebody else has looked at it
    count_floor: int = 10  # a count of fewer rows never leaves
    scale_rows: int = 1_000_000  # all rows of a dataset this large are more sensitive than a row of it
    authority_days: int = 2
    owner_days: int = 5
    unpublished_days: int = 10  # of the owner where the dataset has no published contract yet
    source_days: int = 5  # in which a source answers what a street sends back: rule of Gaoping 2024 for providers
    near_end_min: int = 7 * DAY_MIN


@dataclass(frozen=True, slots=True)
class Seen:
    """A template as the policies see it for one item."""

    template_id: str
    columns: frozenset[str]
    purposes: frozenset[str]
    agencies: frozenset[str]
    kinds: frozenset[str]
    longest_min: int
    until_min: int
    rows_fit: bool
    masked: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the policies are told of one item. `grade` is that of the columns, raised where scale raises it."""

    dataset: str
    applicant: str
    roles: frozenset[str]
    agency: str
    agency_kind: str
    sharing: str
    grade: int
    scaled: bool
    purpose: str
    purposes: frozenset[str]
    purpose_known: bool
    basis_known: bool
    minutes: int
    now_min: int
    columns: frozenset[str]
    rows_named: bool
    wide: bool
    counts_only: bool
    scene: bool
    own_scene: bool
    template: Seen | None = None
    chosen: bool = False  # rows are chosen by the values of a sensitive column, which may say whose they are
    revoked: bool = False  # what the agency had of it was ended by somebody, and the owner has not given it anew
    unreviewed: bool = False  # an emergency access of theirs is over and nobody has reviewed it
    emergency_since_min: int = 0  # minutes since the first of their emergency accesses began that nobody has reviewed


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who applies, as far as the rules ask. `street` is the code of the street the agency is of, empty otherwise."""

    user_id: str
    roles: frozenset[str]
    agency: str
    kind: AgencyKind
    scenes: frozenset[str] = frozenset()
    street: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What an application says of all its items at once."""

    applicant: Applicant
    grantee: str
    purpose: str
    purpose_known: bool
    basis_known: bool
    minutes: int
    now_min: int
    limits: Limits = field(default_factory=Limits)


def asked_rows(listing: Listing, ask: Ask, street: str) -> Rows:
    """Return the rows that an item means: those asked for, else the own street's, else none.

    All rows of a dataset that knows streets must be asked for; where a dataset knows none, all is what there is.
    Raises Malformed for rows by a column that the dataset does not have.
    """
    if ask.rows is not None:
        if ask.rows.column and ask.rows.column not in listing.dataset.by_name:
            raise Malformed("rules.lane_row_column", dataset=listing.name, column=ask.rows.column)
        return ask.rows
    if not listing.street_column:
        return Rows(everything=True)
    return Rows(column=listing.street_column, values=frozenset({street} if street else ()))


def grade_of(listing: Listing, columns: Iterable[str]) -> Grade:
    """Return the grade of the most sensitive column asked for. Raises Malformed for a column that is not there."""
    known = listing.dataset.by_name
    missing = sorted(set(columns) - known.keys())
    if missing:
        raise Malformed("rules.lane_columns", dataset=listing.name, columns=", ".join(missing))
    return max((known[name].grade for name in columns), default=Grade.L4)


def row_columns(listing: Listing, rows: Rows) -> frozenset[str]:
    """Return the column that rows are chosen by, as a set; empty for all rows, and for those of a street.

    Who may name the values of a column learns which rows have them, so that it is graded like a column asked for; no
    mask hides it.
    """
    chosen = rows.column if not rows.everything and rows.column in listing.dataset.by_name else ""
    return frozenset({chosen} - {"", listing.street_column})


def masks_of(listing: Listing, columns: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the masks that the listing puts on sensitive columns, by column."""
    known = listing.dataset.by_name
    wanted = [name for name in sorted(columns) if known[name].grade >= Grade.L3 and listing.trait(name).mask]
    return tuple((name, listing.trait(name).mask) for name in wanted)


def facts_of(listing: Listing, ask: Ask, setting: Setting, rows: Rows, *, stored_rows: int | None = None) -> Facts:
    """Return what the policies are told of an item, without a template. `stored_rows`: how many the dataset holds.

    Scale raises: all rows of a large dataset graded L2 count as L3. Rows are `wide` where a street office asks for
    more than those of its own street.
    """
    chosen = row_columns(listing, rows)
    who, graded = setting.applicant, grade_of(listing, ask.columns | chosen)
    scaled = rows.everything and stored_rows is not None and stored_rows >= setting.limits.scale_rows
    own = Rows(column=listing.street_column, values=frozenset({who.street}))
    scene = setting.grantee.startswith("scene:")
    return Facts(
        dataset=listing.name,
        applicant=who.user_id,
        roles=who.roles,
        agency=who.agency,
        agency_kind=who.kind.value,
        sharing=listing.sharing.value,
        grade=int(Grade.L3 if scaled and graded is Grade.L2 else graded),
        scaled=scaled and graded >= Grade.L2,
        purpose=setting.purpose,
        purposes=frozenset(listing.purposes),
        purpose_known=setting.purpose_known,
        basis_known=setting.basis_known,
        minutes=setting.minutes,
        now_min=setting.now_min,
        columns=ask.columns,
        rows_named=not rows.nothing,
        wide=bool(listing.street_column and who.street) and not narrower(rows, own),
        counts_only=ask.counts_only,
        scene=scene,
        own_scene=scene and setting.grantee.removeprefix("scene:") in who.scenes,
        chosen=bool(chosen) and grade_of(listing, chosen) >= Grade.L3,
    )


def see_template(template: Template, listing: Listing, ask: Ask, rows: Rows, street: str) -> Seen:
    """Return how a template looks for an item."""
    own = Rows(column=listing.street_column, values=frozenset({street} if street else ()))
    masked = hidden_by(listing, template.masks)
    known, by_rows = listing.dataset.by_name, row_columns(listing, rows)
    sensitive = {name for name in ask.columns if known[name].grade >= Grade.L3}
    open_to_all = all(name in template.columns and known[name].grade < Grade.L3 for name in by_rows)
    meant = open_to_all or by_rows <= {template.rows.column}  # the owner named the column itself
    return Seen(
        template.template_id,
        template.columns,
        template.purposes,
        template.agencies,
        frozenset(kind.value for kind in template.kinds),
        template.max_days * DAY_MIN,
        template.until_min,
        rows_fit=meant and (narrower(rows, template.rows) or (template.own_street and narrower(rows, own))),
        masked=ask.counts_only or sensitive <= masked,
    )


def takes_masks(listing: Listing, masks: Iterable[tuple[str, str]]) -> bool:
    """Return whether every mask exists for the kind of its column: a contract may have taken the column away."""
    known = listing.dataset.by_name
    return all(column in known and is_mask(mask, known[column].type) for column, mask in masks)


def hidden_by(listing: Listing, masks: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the columns of which masks leave less than the whole: a mask that leaves all of it hides nothing.

    Raises Malformed for a mask that does not exist, or not for the kind of its column.
    """
    hidden = set()
    for column, mask in masks:
        if not takes_masks(listing, [(column, mask)]):
            raise Malformed("rules.lane_mask", dataset=listing.name, column=column, mask=mask)
        if mask != CLEAR:
            hidden.add(column)
    return frozenset(hidden)


def choose(kind: BasketKind, said: Sequence[Said]) -> Lane:
    """Return the first open lane in the order of its kind, or that it is refused."""
    open_lanes = {each.lane for each in said if each.is_open}
    return next((lane for lane in LANES_OF[kind] if lane in open_lanes), Lane.REFUSED)


def is_shared(listing: Listing) -> bool:
    """Return whether a dataset may leave its owner at all."""
    return listing.sharing is not Sharing.NOT_SHARED
