"""Deciding on baskets: the data authority's one key, owners, the second of two persons, and what ends or goes on.

Nobody decides on what they applied for, would read, or have decided already. An owner decides on datasets of the own
agency; once the clock of an owner ran out, the data authority may decide in the owner's place. Everything is decided
inside the transaction of the store, on the basket as it is at that moment.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.errors import Denied, Malformed
from hubtwin.base.ids import stable_key
from hubtwin.datasets.listing import Catalogue
from hubtwin.library.applying import Applying, activate, find_listing, list_taken, look_at, setting_of, submit
from hubtwin.model.agency import Person, Role
from hubtwin.model.basket import WAITING, Ask, Basket, BasketItem, BasketKind, Form, ItemState, Template
from hubtwin.model.sharing import Lane, Share
from hubtwin.rules.basket_moves import (
    BasketNote,
    Changed,
    Given,
    Terms,
    agree,
    approve,
    join_masks,
    narrow,
    refuse,
    resume,
    reviewed,
    revoke,
    withdraw,
)
from hubtwin.rules.lanes import TWO_PERSONS, hidden_by
from hubtwin.rules.permission import is_allowed, may

AS_ASKED = Given()
LONGEST_TEMPLATE_MIN = 365 * DAY_MIN


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decides of one item: given, perhaps narrower, or refused for a reason."""

    dataset: str
    give: bool
    given: Given = AS_ASKED
    reason: str = ""


def authorise(applying: Applying, who: Person, basket_id: str, applicant: Person) -> Basket:
    """Turn the one key: activate everything that the rules allow by now, leave the rest with its owners.

    `applicant` is who applied, as the person is now. Raises Denied for the applicant, Absent.
    """
    may(who, "basket.authorise")

    def decide(basket: Basket, _: object) -> Changed:
        if who.user_id in {basket.applicant, basket.form.grantee.removeprefix("user:")}:
            raise Denied("model.basket_of_oneself")
        items, shares, notes = [], [], []
        for item, terms in _allowed_now(applying, basket, applicant):
            moved, share, note = approve(basket, item, terms, by=who.user_id, at_ms=applying.now_ms())
            items.append(moved)
            shares.append(share)
            notes.append(note)
        told = {"basket": basket.basket_id, "authorised": sorted(item.dataset for item in items)}
        key = replace(basket, authorised_by=who.user_id, authorised_ms=applying.now_ms())
        notes.append(BasketNote("BasketAuthorised", who.user_id, told))
        return Changed(key.with_items(items), tuple(shares), tuple(notes))

    applying.book.change(basket_id, decide)
    return activate(applying, basket_id)


def decide_items(
    applying: Applying, who: Person, basket_id: str, decisions: Sequence[Decision], applicant: Person
) -> Basket:
    """Decide items as their owner; what is given is active once it was probed. Where a lane takes two persons, the
    owner's yes is the first of them.

    Raises Denied for somebody else's dataset, oneself, or a lane that is not open any more; Malformed for something
    wider than what was asked, or a refusal without a reason; Absent.
    """
    may(who, "basket.decide")
    if len({each.dataset for each in decisions}) < len(decisions):
        raise Malformed("model.basket_twice")

    def decide(basket: Basket, _: object) -> Changed:
        done = [_decide_one(applying, who, basket, each, applicant) for each in decisions]
        items, shares, notes = zip(*done, strict=True) if done else ((), (), ())
        return Changed(basket.with_items(items), tuple(s for s in shares if s is not None), tuple(notes))

    applying.book.change(basket_id, decide)
    return activate(applying, basket_id)


def agree_items(applying: Applying, who: Person, basket_id: str, datasets: Iterable[str], applicant: Person) -> Basket:
    """Agree as the second person, where the owner has said yes before. Raises Denied, Absent."""
    may(who, "basket.agree")
    named = sorted(set(datasets))

    def decide(basket: Basket, _: object) -> Changed:
        items, shares, notes = [], [], []
        for item in map(basket.get_item, named):
            if item.state is not ItemState.AGREED:
                raise Denied("library.owner_first", dataset=item.dataset)
            now, terms = _as_now(applying, basket, item, applicant)
            if now.grade > item.grade:  # the owner said yes to something less sensitive
                raise Denied("library.lane_closed", dataset=item.dataset, lane=item.lane.value)
            moved, share, note = approve(basket, item, terms, by=who.user_id, at_ms=applying.now_ms())
            items.append(moved)
            shares.append(share)
            notes.append(note)
        return Changed(basket.with_items(items), tuple(shares), tuple(notes))

    applying.book.change(basket_id, decide)
    return activate(applying, basket_id)


def withdraw_basket(applying: Applying, who: Person, basket_id: str) -> Basket:
    """Take back what still waits of the own application. Raises Denied, Absent."""
    return applying.book.change(basket_id, lambda basket, _: withdraw(basket, by=who.user_id))


def revoke_share(applying: Applying, who: Person, share_id: str) -> Basket:
    """End a share; it binds at the next question. Twice is harmless. Raises Denied for an owner of something else."""
    may(who, "share.revoke")
    return _of_owner(applying, who, share_id, lambda b, s: revoke(b, s, by=who.user_id, at_min=applying.now_min()))


def resume_share(applying: Applying, who: Person, share_id: str) -> Basket:
    """Let a suspended share go on after it was probed anew. Raises Denied under another shape than it was given for."""
    may(who, "share.revoke")
    share = applying.book.get_share(share_id)
    listing = find_listing(applying.catalogue(), share.dataset)
    digest = listing.digest if listing else ""
    basket = _of_owner(applying, who, share_id, lambda b, s: resume(b, s, by=who.user_id, digest=digest))
    return activate(applying, basket.basket_id)


def renew_share(applying: Applying, who: Person, share_id: str, *, minutes: int, key: str) -> Basket:
    """Apply for what a share gives once more, from now on: it goes the lanes of today. Raises Denied for another's."""
    share = applying.book.get_share(share_id)
    basket = applying.book.get(share.basket_id)
    if who.agency != basket.agency:
        raise Denied("library.share_of_another")
    if share.lane is Lane.EMERGENCY:
        raise Denied("library.emergency_not_renewed")
    now_min = applying.now_min()
    ask = Ask(share.dataset, share.columns, share.rows, counts_only=share.count_floor is not None)
    form = replace(basket.form, key=key, from_min=now_min, until_min=now_min + minutes, asks=(ask,))
    return submit(applying, who, form)


def take_emergency(applying: Applying, who: Person, form: Form) -> Basket:
    """Take what an emergency needs without anybody's word; it ends by itself and somebody else must review it.

    What is taken before a review ends with the first of it, and after that end nothing more is taken: otherwise one
    would follow the other for ever. Raises Denied, Malformed without a reason or for longer than such access may last.
    """
    if form.kind is not BasketKind.EMERGENCY:
        raise Malformed("library.no_emergency")
    if form.minutes > applying.limits.emergency_min:
        raise Malformed("library.emergency_too_long", hours=applying.limits.emergency_min // 60)
    if not applying.book.is_known(who.user_id, form.key):  # sending it twice is one application
        _refuse_unreviewed(applying, who, form)
    return submit(applying, who, form)


def _refuse_unreviewed(applying: Applying, who: Person, form: Form) -> None:
    taken = list_taken(applying, who.user_id, form.grantee)
    if taken.is_over:
        raise Denied("library.emergency_unreviewed", dataset=taken.over[0].dataset, share=taken.over[0].share_id)
    left_min = applying.limits.emergency_min - taken.since_min
    if taken.since_min and form.minutes > left_min:
        raise Denied("library.emergency_beyond", minutes=max(0, left_min))


def review_share(applying: Applying, who: Person, share_id: str, *, justified: bool, note: str) -> Basket:
    """Write down what somebody else thinks of an emergency access. Raises Denied for oneself, Malformed, Absent."""
    may(who, "share.review")
    share = applying.book.get_share(share_id)
    return applying.book.change(
        share.basket_id,
        lambda basket, shares: reviewed(
            *(basket, shares[share_id]), by=who.user_id, at_min=applying.now_min(), justified=justified, note=note
        ),
    )


def sign_template(applying: Applying, who: Person, template: Template) -> Template:
    """Sign beforehand what may go of an own dataset; return it as it is stored.

    Raises Denied for another agency's dataset, Malformed for one that says too little, fits nobody, leaves a sensitive
    column unmasked or lasts for more than a year.
    """
    may(who, "template.sign")
    listing = applying.catalogue().get(template.dataset)
    if listing.owner != who.agency:
        raise Denied("library.dataset_of_another", dataset=template.dataset, owner=listing.owner)
    now_min, known = applying.now_min(), listing.dataset.by_name
    if not template.columns or not template.columns <= known.keys() or not template.purposes:
        raise Malformed("library.template_empty")
    if not (template.agencies or template.kinds) or not (template.own_street or not template.rows.nothing):
        raise Malformed("library.template_for_nobody")
    if not now_min < template.until_min <= now_min + LONGEST_TEMPLATE_MIN or template.max_days < 1:
        raise Malformed("library.template_too_long")
    masked = hidden_by(listing, template.masks)
    grades = {name: known[name].grade for name in template.columns}
    if any(grade >= 4 for grade in grades.values()) or any(g == 3 and n not in masked for n, g in grades.items()):
        raise Malformed("library.template_unmasked")
    name = template.template_id or stable_key(
        "template", who.user_id, template.dataset, now_min, *sorted(template.columns)
    )
    signed = replace(
        template, template_id=name, owner=who.agency, signed_by=who.user_id, signed_min=now_min, withdrawn_min=None
    )
    applying.book.put_template(signed, by=who.user_id)
    return signed


def withdraw_template(applying: Applying, who: Person, template_id: str) -> Template:
    """Withdraw a template; what was given under it stands until it is revoked. Raises Denied, Absent."""
    may(who, "template.sign")
    template = applying.book.get_template(template_id)
    if template.owner != who.agency:
        raise Denied("library.dataset_of_another", dataset=template.dataset, owner=template.owner)
    ended = replace(template, withdrawn_min=applying.now_min(), withdrawn_by=who.user_id)
    applying.book.put_template(ended, by=who.user_id)
    return ended


def may_decide(who: Person, item: BasketItem) -> bool:
    """Return whether a person may decide an item: its owner, or the authority once the owner's clock ran out."""
    return item.state is ItemState.SUBMITTED and _is_entitled(who, item)


def _is_entitled(who: Person, item: BasketItem) -> bool:
    owns = Role.DATA_OWNER in who.roles and is_allowed(who, "basket.decide") and who.agency == item.owner
    return owns or (item.level > 0 and is_allowed(who, "basket.authorise"))


def _decide_one(
    applying: Applying, who: Person, basket: Basket, decision: Decision, applicant: Person
) -> tuple[BasketItem, Share | None, BasketNote]:
    item, at_ms = basket.get_item(decision.dataset), applying.now_ms()
    if item.state in WAITING and not _is_entitled(who, item):  # also after the first of two persons has said yes
        raise Denied("library.dataset_of_another", dataset=item.dataset, owner=item.owner)
    if who.agency == basket.agency != item.owner:  # the authority gives its own agency nothing in an owner's place
        raise Denied("model.basket_of_oneself")
    if not decision.give:
        moved, note = refuse(basket, item, by=who.user_id, at_ms=at_ms, reason=decision.reason)
        return moved, None, note
    cut = narrow(basket, item, decision.given)
    now, terms = _as_now(applying, basket, cut, applicant)
    masks = cut.masks if decision.given.masks is not None else join_masks(cut.masks, now.masks)
    cut = replace(cut, masks=masks, grade=now.grade, said=now.said)
    hidden_by(applying.catalogue().get(item.dataset), cut.masks)
    if item.lane in TWO_PERSONS:
        moved, note = agree(basket, cut, by=who.user_id)
        return moved, None, note
    return approve(basket, cut, terms, by=who.user_id, at_ms=at_ms)


def _allowed_now(applying: Applying, basket: Basket, applicant: Person) -> Iterable[tuple[BasketItem, Terms]]:
    """Yield the waiting items that the rules of this moment allow, as they are given.

    One whose columns are gone meanwhile holds up none of the others."""
    catalogue = applying.catalogue()
    for item in basket.items:
        listing = find_listing(catalogue, item.dataset)
        if item.state is not ItemState.SUBMITTED or listing is None:
            continue
        try:
            found = _look_again(applying, catalogue, basket, item, applicant)
        except Malformed:
            continue
        if found.lane in {Lane.AUTOMATIC, Lane.TEMPLATE}:
            lane = replace(item, lane=found.lane, grade=found.grade, masks=found.masks)
            allowed = replace(lane, template_id=found.template_id, said=found.said)
            yield allowed, Terms(listing.digest, applying.limits.count_floor)


def _as_now(applying: Applying, basket: Basket, item: BasketItem, applicant: Person) -> tuple[BasketItem, Terms]:
    """Return an item as it would come in now, with the grade and masks of today, and the terms under which it is given.

    Raises Denied where its lane is not open any more.
    """
    catalogue = applying.catalogue()
    listing = catalogue.get(item.dataset)
    found = _look_again(applying, catalogue, basket, item, applicant)
    if not any(said.is_open for said in found.said if said.lane is item.lane):
        raise Denied("library.lane_closed", dataset=item.dataset, lane=item.lane.value)
    return found, Terms(listing.digest, applying.limits.count_floor)


def _look_again(
    applying: Applying, catalogue: Catalogue, basket: Basket, item: BasketItem, applicant: Person
) -> BasketItem:
    setting = setting_of(applying, catalogue, applicant, basket.form)
    ask = Ask(item.dataset, item.columns, item.rows, item.counts_only)
    return look_at(applying, catalogue, setting, basket.form, ask).item


def _of_owner(applying: Applying, who: Person, share_id: str, decide: Callable[[Basket, Share], Changed]) -> Basket:
    """Change a share as its owner, or as somebody who watches over all of them. Raises Denied."""
    share = applying.book.get_share(share_id)
    watches = {Role.DATA_AUTHORITY, Role.SECURITY_OFFICER} & who.roles
    owner = applying.book.get(share.basket_id).get_item(share.dataset).owner
    if not watches and owner != who.agency:
        raise Denied("library.dataset_of_another", dataset=share.dataset, owner=owner)
    return applying.book.change(share.basket_id, lambda basket, shares: decide(basket, shares[share_id]))


def waits_for(item: BasketItem) -> str:
    """Return who an item waits for: `owner`, `authority`, `security_officer`, empty for nobody."""
    if item.state not in WAITING:
        return ""
    if item.state is ItemState.AGREED:
        return "security_officer"
    return "authority" if item.level > 0 or item.lane in {Lane.AUTOMATIC, Lane.TEMPLATE} else "owner"
