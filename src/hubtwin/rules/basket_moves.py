"""What becomes of a basket by each thing that is done to it: pure, so that a store can decide inside its transaction.

Every function returns the basket as it is afterwards, the shares that are to be written, and what the audit is told;
each raises Denied for a move that the table of `model.basket` does not know. Minutes are since 1970, `_ms` their
milliseconds.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hubtwin.base.errors import Denied, Malformed
from hubtwin.base.ids import stable_key, words_digest
from hubtwin.model.basket import (
    HELD,
    READABLE,
    WAITING,
    Basket,
    BasketItem,
    ItemState,
    advance,
    can_advance,
    narrower,
    refuse_same,
)
from hubtwin.model.sharing import Lane, ProbeResult, Rows, Share
from hubtwin.rules.masks import CLEAR

MS = 60_000


@dataclass(frozen=True, slots=True)
class BasketNote:
    """A row of the audit: no value of a person and no free text stands in it."""

    kind: str
    by: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Changed:
    """A basket afterwards, the shares to be written, what the audit is told."""

    basket: Basket
    shares: tuple[Share, ...] = ()
    notes: tuple[BasketNote, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What an owner gives of what was asked; None: as asked. It may be narrower, never wider. Masks are the owner's."""

    columns: frozenset[str] | None = None
    rows: Rows | None = None
    until_min: int | None = None
    masks: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms a share is made: the shape of its dataset, and the least count where only counts leave."""

    digest: str
    count_floor: int


def narrow(basket: Basket, item: BasketItem, given: Given) -> BasketItem:
    """Return an item cut down to what is given. Raises Malformed for anything wider than what was asked."""
    columns = item.columns if given.columns is None else given.columns
    rows = item.rows if given.rows is None else given.rows
    until_min = basket.form.until_min if given.until_min is None else given.until_min
    masks = dict(item.masks if given.masks is None else given.masks)
    if not columns or not columns <= item.columns or not narrower(rows, item.rows):
        raise Malformed("rules.basket_wider", dataset=item.dataset)
    if not basket.form.from_min < until_min <= basket.form.until_min:
        raise Malformed("rules.basket_longer", dataset=item.dataset)
    kept = tuple(sorted((column, mask) for column, mask in masks.items() if column in columns))
    return replace(item, columns=columns, rows=rows, until_min=until_min, masks=kept)


def join_masks(asked: Iterable[tuple[str, str]], now: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the masks of today, and those that an item came in with where there is none today: nothing is uncovered
    by waiting."""
    return tuple(sorted({**dict(asked), **dict(now)}.items()))


def make_share(basket: Basket, item: BasketItem, terms: Terms) -> Share:
    """Return the share of an approved item, not probed yet: nobody reads under it before."""
    form = basket.form
    return Share(
        stable_key("share", basket.basket_id, item.dataset),
        *(basket.basket_id, form.grantee, item.dataset, item.columns, item.masks, item.rows, form.purpose),
        *(form.legal_basis, form.delivery, item.lane, terms.digest, form.from_min),
        until_min=form.until_min if item.until_min is None else item.until_min,
        issued_by=item.decided_by,
        count_floor=terms.count_floor if item.counts_only or item.lane is Lane.AGGREGATE else None,
    )


def approve(
    basket: Basket, item: BasketItem, terms: Terms, *, by: str, at_ms: int
) -> tuple[BasketItem, Share, BasketNote]:
    """Return an item decided and provisioned, with its share and what the audit is told.

    `by` is a person, or `policy:<lane>`. Raises Denied for oneself and for a move that is not there.
    """
    if not by.startswith("policy:"):
        refuse_same(basket, item, by)
    if at_ms // MS >= (basket.form.until_min if item.until_min is None else item.until_min):
        raise Denied("rules.basket_over", dataset=item.dataset)
    decided = replace(advance(item, "approve"), decided_by=by, decided_ms=at_ms, due_min=None)
    share = make_share(basket, decided, terms)
    moved = replace(advance(decided, "provision"), share_id=share.share_id)
    note = BasketNote("ItemApproved", by, {**_about(basket, item), **_given(share), "first_by": item.first_by})
    return moved, share, note


def agree(basket: Basket, item: BasketItem, *, by: str) -> tuple[BasketItem, BasketNote]:
    """Return an item of a lane that takes two, with the yes of the first. Raises Denied."""
    refuse_same(basket, item, by)
    moved = replace(advance(item, "agree"), first_by=by)
    return moved, BasketNote("ItemAgreed", by, _about(basket, item))


def refuse(basket: Basket, item: BasketItem, *, by: str, at_ms: int, reason: str) -> tuple[BasketItem, BasketNote]:
    """Return an item refused, with a reason: nobody is refused without one. Raises Malformed, Denied."""
    if not reason.strip():
        raise Malformed("rules.basket_refused_without_reason")
    refuse_same(basket, item, by)
    moved = replace(advance(item, "refuse"), decided_by=by, decided_ms=at_ms, note=reason.strip(), due_min=None)
    return moved, BasketNote("ItemRefused", by, _about(basket, item))


def withdraw(basket: Basket, *, by: str) -> Changed:
    """Return a basket whose waiting items its applicant takes back. Raises Denied for somebody else, or too late."""
    if by != basket.applicant:
        raise Denied("rules.basket_of_another")
    waiting = [item for item in basket.items if can_advance(item, "withdraw")]
    if not waiting:
        raise Denied("rules.basket_nothing_waits")
    moved = [replace(advance(item, "withdraw"), due_min=None) for item in waiting]
    told = {"basket": basket.basket_id, "datasets": sorted(item.dataset for item in moved)}
    return Changed(basket.with_items(moved), notes=(BasketNote("BasketWithdrawn", by, told),))


def probed(basket: Basket, shares: Sequence[Share], results: Mapping[str, ProbeResult], *, at_ms: int) -> Changed:
    """Return a basket after its shares were tried: those that stood the trial are active, the others tell why not.

    `results` is share id -> what came of it. What was revoked or suspended meanwhile stays so.
    """
    by_id, items, written, notes = {each.share_id: each for each in shares}, list[BasketItem](), list[Share](), []
    for item in basket.items:
        result = results.get(item.share_id)
        if result is None or item.state is not ItemState.PROVISIONING:
            continue
        told = {**_about(basket, item), "share": item.share_id}
        if result.ok and result.permitted_ok and result.forbidden_refused:
            active = advance(advance(item, "probe"), "activate")
            items.append(replace(active, active_ms=at_ms, probe_why=""))
            written.append(replace(by_id[item.share_id], probed_min=at_ms // MS))
            notes.append(BasketNote("ShareActive", "system", told))
        elif item.probe_why != result.why or not item.probe_why:
            items.append(replace(item, probe_why=result.why or "-"))
            notes.append(BasketNote("ShareProbeFailed", "system", told))
    return Changed(basket.with_items(items), tuple(written), tuple(notes))


def revoke(basket: Basket, share: Share, *, by: str, at_min: int) -> Changed:
    """Return a basket one of whose shares ends now; twice is harmless.

    A share that has not ended yet is revoked also where its item is over, as a clock that was wrong for a while leaves
    it: what may be read is what the share says.
    """
    item = _item_of(basket, share)
    moves = can_advance(item, "revoke")
    if share.revoked_min is not None or (share.is_over(at_min) and not moves):
        return Changed(basket)
    ended = replace(share, revoked_min=at_min, revoked_by=by)
    note = BasketNote("ShareRevoked", by, {**_about(basket, item), "share": share.share_id, "grantee": share.grantee})
    return Changed(basket.with_items([advance(item, "revoke")] if moves else []), (ended,), (note,))


def is_withheld(shares: Iterable[Share], known: Collection[str]) -> bool:
    """Return whether something was revoked of a dataset that its owner has not given anew since: all of its columns
    (as far as they are `known` still) and rows, as rows where rows were ended. Giving something else says nothing."""
    found = list(shares)
    by_owner = [each for each in found if each.revoked_min is None and each.lane in {Lane.OWNER, Lane.AGGREGATE}]
    return any(
        not any(each.from_min >= share.revoked_min and _covers(each, share, known) for each in by_owner)
        for share in found
        if share.revoked_min is not None
    )


def _covers(given: Share, ended: Share, known: Collection[str]) -> bool:
    columns = ended.columns.intersection(known)
    hidden = {name for name, mask in given.masks if mask != CLEAR} & columns
    same_form = given.count_floor is None or ended.count_floor is not None
    return (
        same_form
        and columns <= given.columns
        and narrower(ended.rows, given.rows)
        and hidden <= dict(ended.masks).keys()
    )


def suspend(basket: Basket, share: Share, *, by: str, why: str, at_min: int) -> Changed:
    """Return a basket one of whose shares rests until somebody looks at it; twice is harmless. `why` is a word."""
    item = _item_of(basket, share)
    if not can_advance(item, "suspend"):
        return Changed(basket)
    rests = replace(share, suspended_min=at_min, suspended_why=why, probed_min=None)
    told = {**_about(basket, item), "share": share.share_id, "grantee": share.grantee, "why": why}
    note = BasketNote("ShareSuspended", by, told)
    return Changed(basket.with_items([advance(item, "suspend")]), (rests,), (note,))


def resume(basket: Basket, share: Share, *, by: str, digest: str) -> Changed:
    """Return a basket one of whose shares goes on, to be probed anew. Raises Denied under another shape."""
    item = _item_of(basket, share)
    if share.digest != digest:
        raise Denied("rules.basket_other_shape", dataset=share.dataset)
    goes_on = replace(share, suspended_min=None, suspended_why="", probed_min=None)
    note = BasketNote("ShareResumed", by, {**_about(basket, item), "share": share.share_id})
    return Changed(basket.with_items([replace(advance(item, "resume"), probe_why="")]), (goes_on,), (note,))


def aged(basket: Basket, shares: Iterable[Share], *, at_min: int, near_end_min: int) -> Changed:
    """Return a basket whose items say what the clock has made of their shares: expiring, or expired.

    Nobody waits for this to be refused: a share that is over does not hold from its minute on, told or not. What was
    told to be over stays so, whatever the clock says later.
    """
    by_dataset = {share.dataset: share for share in shares}
    items, ended, notes = [], [], []
    for item in basket.items:
        share = by_dataset.get(item.dataset)
        if item.state not in HELD or share is None:
            continue
        if at_min >= share.until_min:
            items.append(advance(item, "expire"))
            ended.append(replace(share, ended_min=at_min))
            notes.append(BasketNote("ShareExpired", "system", {**_about(basket, item), "share": item.share_id}))
        elif at_min >= share.until_min - near_end_min and can_advance(item, "near_end"):
            items.append(advance(item, "near_end"))
    return Changed(basket.with_items(items), tuple(ended), tuple(notes))


def escalated(basket: Basket, *, at_min: int, next_due_min: int) -> Changed:
    """Return a basket whose late items went up: first to the data authority, which may then decide in the owner's
    place; then as an alarm to everybody who watches; and once the time asked for is over, nothing waits any more."""
    items, notes, ends = [], [], basket.form.until_min
    for item in basket.items:
        if item.state not in WAITING or item.due_min is None or item.due_min > at_min:
            continue
        told = {**_about(basket, item), "level": item.level + 1, "due_min": item.due_min, "owner": item.owner}
        if at_min >= ends:
            items.append(replace(advance(item, "expire"), due_min=None))
            notes.append(BasketNote("ItemLapsed", "system", told))
            continue
        due_min = min(next_due_min, ends) if item.level == 0 else ends
        late_min = item.due_min if item.late_min is None else item.late_min
        items.append(replace(item, level=item.level + 1, due_min=due_min, late_min=late_min, up_min=at_min))
        notes.append(BasketNote("ItemEscalated" if item.level == 0 else "ItemOverdue", "system", told))
    return Changed(basket.with_items(items), notes=tuple(notes))


def reviewed(basket: Basket, share: Share, *, by: str, at_min: int, justified: bool, note: str) -> Changed:
    """Return what becomes of an emergency access that somebody else looked at: one that was not justified ends.

    The words of the review stand in the share, their digest in the audit. Raises Denied, Malformed.
    """
    if share.lane is not Lane.EMERGENCY or share.reviewed_min is not None:
        raise Denied("rules.share_nothing_to_review")
    if by in {basket.applicant, share.grantee.removeprefix("user:")}:
        raise Denied("rules.share_review_of_oneself")
    if not note.strip():
        raise Malformed("rules.share_review_without_note")
    words = note.strip()
    seen = replace(share, reviewed_min=at_min, reviewed_by=by, justified=justified, review_note=words)
    told = {"basket": basket.basket_id, "share": share.share_id, "justified": justified}
    told["note_sha256"] = words_digest(words, share.share_id)
    noted = Changed(basket, (seen,), (BasketNote("ShareReviewed", by, told),))
    if justified or at_min >= share.until_min:
        return noted
    ended = revoke(basket, seen, by=by, at_min=at_min)
    return Changed(ended.basket, ended.shares or noted.shares, noted.notes + ended.notes)


def is_readable(item: BasketItem) -> bool:
    """Return whether an item says that it can be read."""
    return item.state in READABLE


def _item_of(basket: Basket, share: Share) -> BasketItem:
    return basket.get_item(share.dataset)


def _about(basket: Basket, item: BasketItem) -> dict[str, object]:
    return {"basket": basket.basket_id, "dataset": item.dataset, "lane": item.lane.value}


def _given(share: Share) -> dict[str, object]:
    return {
        "share": share.share_id,
        "grantee": share.grantee,
        "columns": sorted(share.columns),
        "masks": [list(mask) for mask in share.masks],
        "purpose": share.purpose,
        "until_min": share.until_min,
    }
