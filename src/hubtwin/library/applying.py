"""Applying for data of the library: what every lane would say, one basket sent in, what needs nobody decided at once.

The times that a person waits for are those of other people: what the rules allow is decided, provisioned, probed and
active while the applicant still looks at the page. Without a probe nothing becomes active.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Denied, HubError, Malformed
from hubtwin.base.ids import stable_key
from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.library.policy import Policies, shipped_policies
from hubtwin.model.agency import Person
from hubtwin.model.basket import (
    Ask,
    Basket,
    BasketItem,
    BasketKind,
    Form,
    ItemState,
    Said,
    Template,
    advance,
    refuse_bad_form,
)
from hubtwin.model.sharing import Lane, Probe, ProbeResult, Share
from hubtwin.rules.basket_moves import BasketNote, Changed, Terms, approve, probed
from hubtwin.rules.lanes import (
    BY_POLICY,
    Applicant,
    Limits,
    Setting,
    asked_rows,
    choose,
    facts_of,
    masks_of,
    see_template,
    takes_masks,
)
from hubtwin.rules.permission import may
from hubtwin.rules.working_days import WorkingDays

NO_PROBE = "no_probe"


class Book(Protocol):
    """Where baskets and shares are kept. What a method has returned from survives kill -9."""

    def submit(self, basket: Basket, shares: Sequence[Share] = (), notes: Sequence[BasketNote] = ()) -> Basket:
        """Store an application, once by its key. Raises Denied."""
        ...

    def is_known(self, applicant: str, key: str) -> bool:
        """Return whether somebody has sent an application in under a key."""
        ...

    def change(self, basket_id: str, decide: Callable[..., Changed]) -> Basket:
        """Let a function of the basket and its shares decide, in one transaction. Raises Absent."""
        ...

    def get(self, basket_id: str) -> Basket:
        """Return a basket. Raises Absent."""
        ...

    def get_share(self, share_id: str) -> Share:
        """Return a share. Raises Absent."""
        ...

    def shares_of(self, basket_id: str) -> list[Share]:
        """Return the shares that came of a basket."""
        ...

    def was_revoked(self, agency: str, dataset: str, known: Collection[str]) -> bool:
        """Return whether somebody ended what an agency had of a dataset, and its owner has not given it anew; `known`
        are the columns that it still has."""
        ...

    def list_unreviewed_of(self, grantee: str, applicant: str) -> list[Share]:
        """Return emergency accesses that were given to somebody, or taken by somebody, and nobody has reviewed."""
        ...

    def get_template(self, template_id: str) -> Template:
        """Return a template. Raises Absent."""
        ...

    def list_templates(self, dataset: str | None = None) -> list[Template]:
        """Return the templates of a dataset, or of all."""
        ...

    def put_template(self, template: Template, *, by: str) -> None:
        """Store a template that was signed or withdrawn."""
        ...


@dataclass(frozen=True)
class Applying:
    """What applying needs. `stored_rows` tells how many rows a dataset has, `probe` tries a share on the real path."""

    book: Book
    catalogue: Callable[[], Catalogue]
    clock: Clock
    zone: ZoneInfo
    probe: Probe | None = None
    stored_rows: Callable[[str], int | None] = lambda _: None
    limits: Limits = field(default_factory=Limits)
    calendar: WorkingDays = field(default_factory=WorkingDays)
    policies: Policies = field(default_factory=shipped_policies)

    def now_min(self) -> int:
        """Return the minute."""
        return epoch_minute(self.clock())

    def now_ms(self) -> int:
        """Return the millisecond."""
        return ms_of(self.clock())

    def due_min(self, lane: Lane, listing: Listing) -> int:
        """Return until when somebody should have decided an item, in working days of the hub's zone."""
        limits = self.limits
        days = limits.owner_days if listing.contract else limits.unpublished_days
        if lane in {Lane.AUTOMATIC, Lane.TEMPLATE}:
            days = limits.authority_days
        return self.calendar.due_min(self.now_min(), days, self.zone)


@dataclass(frozen=True, slots=True)
class ItemCheck:
    """What would become of one item: the lane it takes, what every lane says, what would be given."""

    listing: Listing
    item: BasketItem
    waits: bool  # for a person

    @property
    def template_id(self) -> str:
        """Return the template it would go under, empty where none."""
        return self.item.template_id


def check(applying: Applying, who: Person, form: Form) -> tuple[ItemCheck, ...]:
    """Return what every lane would say of each item; nothing is stored. Raises Denied, Malformed, Absent."""
    may(who, "share.emergency" if form.kind is BasketKind.EMERGENCY else "basket.apply")
    refuse_bad_form(form)
    catalogue = applying.catalogue()
    _refuse_grantee(who, form)
    return tuple(
        look_at(applying, catalogue, setting_of(applying, catalogue, who, form), form, ask) for ask in form.asks
    )


def submit(applying: Applying, who: Person, form: Form) -> Basket:
    """Send a basket in; return it with what could be decided at once already active.

    The same key twice is one application. Raises Denied, Malformed, Absent.
    """
    checked = check(applying, who, form)
    now_ms = applying.now_ms()
    basket = Basket(
        *(stable_key("basket", who.user_id, form.key), who.user_id, who.agency, form),
        tuple(advance(each.item, "submit") for each in checked),
        now_ms,
    )
    told = {
        "basket": basket.basket_id,
        "kind": form.kind.value,
        "datasets": sorted(ask.dataset for ask in form.asks),
        "grantee": form.grantee,
        "purpose": form.purpose,
        "legal_basis": form.legal_basis,
        "until_min": form.until_min,
    }
    decided = _decide_at_once(applying, basket, checked, now_ms)
    notes = (BasketNote("BasketSubmitted", who.user_id, told), *decided.notes)
    stored = applying.book.submit(decided.basket, decided.shares, notes)
    return activate(applying, stored.basket_id)


def activate(applying: Applying, basket_id: str) -> Basket:
    """Probe what is provisioned; what stands the trial is active. Return the basket. Raises Absent.

    Probes run outside the transaction: they read data. What was revoked meanwhile stays revoked.
    """
    basket = applying.book.get(basket_id)
    waiting = {item.share_id for item in basket.items if item.state is ItemState.PROVISIONING}
    if not waiting:
        return basket
    shares = [share for share in applying.book.shares_of(basket_id) if share.share_id in waiting]
    results = {share.share_id: _try(applying.probe, share) for share in shares}
    return applying.book.change(
        basket_id,
        lambda now, by_id: probed(
            now,
            [by_id[name] for name in results],
            {name: result for name, result in results.items() if _unchanged(by_id[name], shares)},
            at_ms=applying.now_ms(),
        ),
    )


def setting_of(applying: Applying, catalogue: Catalogue, who: Person, form: Form) -> Setting:
    """Return what an application says of all its items at once."""
    applicant = Applicant(
        *(who.user_id, frozenset(role.value for role in who.roles), who.agency, who.agency_kind),
        who.scenes,
        catalogue.street_of(who.agency),
    )
    known = form.purpose in catalogue.purposes, form.legal_basis in catalogue.legal_bases
    return Setting(applicant, form.grantee, form.purpose, *known, form.minutes, applying.now_min(), applying.limits)


def look_at(applying: Applying, catalogue: Catalogue, setting: Setting, form: Form, ask: Ask) -> ItemCheck:
    """Return what would become of one item now. Raises Absent for a dataset that is not listed, Malformed."""
    listing, street = catalogue.get(ask.dataset), setting.applicant.street
    rows = asked_rows(listing, ask, street)
    stored = applying.stored_rows(listing.name) if rows.everything else None
    facts = facts_of(listing, ask, setting, rows, stored_rows=stored)
    revoked = applying.book.was_revoked(setting.applicant.agency, listing.name, listing.dataset.by_name)
    facts = replace(facts, revoked=revoked)
    if form.kind is BasketKind.EMERGENCY:
        taken = list_taken(applying, setting.applicant.user_id, form.grantee)
        facts = replace(facts, unreviewed=taken.is_over, emergency_since_min=taken.since_min)
    templates = {
        each.template_id: each
        for each in applying.book.list_templates(listing.name)
        if _counts(each, listing, setting, form)
    }
    seen = [see_template(each, listing, ask, rows, street) for each in templates.values()]
    said = applying.policies.say(facts, form.kind, applying.limits, seen)
    lane = choose(form.kind, said)
    fits = applying.policies.fitting(facts, applying.limits, seen) if lane is Lane.TEMPLATE else None
    template = templates[fits.template_id] if fits else None
    item = BasketItem(
        *(listing.name, listing.owner, ask.columns, rows, facts.grade, lane),
        counts_only=ask.counts_only,
        masks=_masks(lane, listing, ask, template),
        said=said,
        template_id=template.template_id if template else "",
    )
    return ItemCheck(listing, item, waits=lane not in BY_POLICY or (template is not None and not template.alone))


@dataclass(frozen=True, slots=True)
class Taken:
    """Emergency accesses that nobody has reviewed: those that are over, and minutes since the first of all began."""

    over: tuple[Share, ...] = ()
    since_min: int = 0

    @property
    def is_over(self) -> bool:
        """Return whether one of them is over."""
        return bool(self.over)


def list_taken(applying: Applying, applicant: str, grantee: str) -> Taken:
    """Return what a grantee, or who applies, took in emergencies and nobody has reviewed."""
    now_min, shares = applying.now_min(), applying.book.list_unreviewed_of(grantee, applicant)
    over = tuple(share for share in shares if share.is_over(now_min))
    return Taken(over, max((now_min - share.from_min for share in shares), default=0))


def ms_of(moment: datetime) -> int:
    """Return the milliseconds since 1970 of a moment."""
    return int(moment.timestamp() * 1000)


def _decide_at_once(applying: Applying, basket: Basket, checked: Sequence[ItemCheck], now_ms: int) -> Changed:
    items, shares, notes = [], [], []
    for each in checked:
        item = basket.get_item(each.item.dataset)
        if item.lane is Lane.REFUSED:
            why = ",".join(_why(item.said))
            items.append(replace(advance(item, "refuse"), decided_by="policy:refused", decided_ms=now_ms, note=why))
            told = {"basket": basket.basket_id, "dataset": item.dataset, "lane": "refused"}
            notes.append(BasketNote("ItemRefused", "system", told))
        elif each.waits:
            due_min = min(applying.due_min(item.lane, each.listing), basket.form.until_min)
            items.append(replace(item, due_min=due_min))
        else:
            terms = Terms(each.listing.digest, applying.limits.count_floor)
            moved, share, note = approve(basket, item, terms, by=f"policy:{item.lane.value}", at_ms=now_ms)
            items.append(moved)
            shares.append(share)
            notes.append(note)
    return Changed(basket.with_items(items), tuple(shares), tuple(notes))


def _masks(lane: Lane, listing: Listing, ask: Ask, template: Template | None) -> tuple[tuple[str, str], ...]:
    """Return the masks of an item: those of its template, those of the listing; none where a scene or an emergency
    needs to see, and none in counts."""
    if lane in {Lane.OPERATIONAL, Lane.EMERGENCY, Lane.AGGREGATE} or ask.counts_only:
        return ()
    masks = dict(masks_of(listing, ask.columns))
    if template is not None:
        masks |= {column: mask for column, mask in template.masks if column in ask.columns}
    return tuple(sorted(masks.items()))


def _why(said: Sequence[Said]) -> list[str]:
    """Return the reasons of the lane that was nearest to open."""
    return list(min(said, key=lambda each: len(each.reasons)).reasons) if said else []


def _counts(template: Template, listing: Listing, setting: Setting, form: Form) -> bool:
    """Return whether a template may speak for an item: live, of the owner, not signed by who would gain by it, and of
    a dataset of which every column that it masks is still there and takes its mask."""
    gains = {setting.applicant.user_id, form.grantee.removeprefix("user:")}
    meant = template.owner == listing.owner and takes_masks(listing, template.masks)
    return meant and template.is_live(setting.now_min) and template.signed_by not in gains


def _refuse_grantee(who: Person, form: Form) -> None:
    """Raise Denied for a grantee that this person may not apply for."""
    kind, _, name = form.grantee.partition(":")
    if not name:
        raise Malformed("library.grantee_unknown", grantee=form.grantee)
    allowed = {
        "user": name == who.user_id,
        "agency": name == who.agency,
        "scene": name in who.scenes and form.kind is BasketKind.OPERATIONAL,
        "partner": form.kind is BasketKind.SHARING,
    }
    if kind not in allowed:
        raise Malformed("library.grantee_unknown", grantee=form.grantee)
    if kind == "partner":
        may(who, "share.send")
    if not allowed[kind]:
        raise Denied("library.grantee_of_another", grantee=form.grantee)


def _try(probe: Probe | None, share: Share) -> ProbeResult:
    if probe is None:
        return ProbeResult(False, False, False, NO_PROBE)
    try:
        return probe(share)
    except HubError as error:  # a probe that cannot say is one that failed, and is tried again
        return ProbeResult(False, False, False, error.key)


def _unchanged(now: Share, probed_ones: Sequence[Share]) -> bool:
    """Return whether a share is the one that was probed: not narrowed, ended or suspended meanwhile."""
    return now in probed_ones


def find_listing(catalogue: Catalogue, dataset: str) -> Listing | None:
    """Return a listing, None where the dataset is not listed any more."""
    try:
        return catalogue.get(dataset)
    except Absent:
        return None
