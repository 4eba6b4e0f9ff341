"""Records of applying as pages show them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hubtwin.base.text import LANGUAGES, text
from hubtwin.datasets.listing import Listing
from hubtwin.library.applying import Applying, find_listing
from hubtwin.library.basket_times import AgencyUse, Spread, Times
from hubtwin.library.deciding import may_decide, waits_for
from hubtwin.model.agency import Person, Role
from hubtwin.model.basket import (
    READABLE,
    WAITING,
    Basket,
    BasketItem,
    Said,
    Template,
    can_advance,
)
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from hubtwin.rules.lanes import BY_POLICY
from hubtwin.rules.permission import is_allowed
from hubtwin.stores.baskets import Origin
from hubtwin.web.schemas import baskets as b
from hubtwin.web.schemas.hub import Words

WATCHING = frozenset({Role.DATA_AUTHORITY, Role.SECURITY_OFFICER, Role.AUDITOR})


class BasketShower:
    """Turns baskets, shares and templates into what one reader sees of them now."""

    def __init__(self, applying: Applying, who: Person) -> None:
        """Take what is applied with, and who reads."""
        self.catalogue, self.who = applying.catalogue(), who
        self.now_min, self._review_min = applying.now_min(), applying.limits.review_min

    def basket(self, basket: Basket) -> b.BasketView:
        """Return an application with its items."""
        form = basket.form
        return b.BasketView(
            basket_id=basket.basket_id,
            applicant=basket.applicant,
            agency=basket.agency,
            agency_name=self.agency_name(basket.agency),
            grantee=form.grantee,
            kind=form.kind.value,
            purpose=form.purpose,
            purpose_name=self._purpose(form.purpose),
            legal_basis=form.legal_basis,
            legal_basis_name=self._titled(self.catalogue.legal_bases, form.legal_basis),
            from_min=form.from_min,
            until_min=form.until_min,
            delivery=sorted(form.delivery),
            reason=form.reason,
            state=basket.state,
            submitted_ms=basket.submitted_ms,
            authorised_by=basket.authorised_by,
            authorised_ms=basket.authorised_ms,
            now_min=self.now_min,
            may=self._basket_moves(basket),
            items=[self.item(basket, item) for item in basket.items],
        )

    def line(self, basket: Basket) -> b.BasketLine:
        """Return an application as a line of a list."""
        waiting = [item for item in basket.items if item.state in WAITING]
        return b.BasketLine(
            *(basket.basket_id, basket.applicant, basket.agency, self.agency_name(basket.agency)),
            *(self._purpose(basket.form.purpose), basket.form.kind.value, basket.state, basket.submitted_ms),
            *(basket.form.until_min, len(basket.items), dict(Counter(item.state.value for item in basket.items))),
            due_min=min((item.due_min for item in waiting if item.due_min is not None), default=None),
            late=any(item.level for item in waiting),
            mine=basket.applicant == self.who.user_id,
        )

    def item(self, basket: Basket | None, item: BasketItem, until_min: int | None = None) -> b.ItemView:
        """Return an item; `basket` None: of an application that was not sent in, which lasts until `until_min`."""
        listing = find_listing(self.catalogue, item.dataset)
        ends = item.until_min or (basket.form.until_min if basket else until_min) or 0
        return b.ItemView(
            dataset=item.dataset,
            title=self._title(listing, item.dataset),
            owner=item.owner,
            owner_name=self.agency_name(item.owner),
            sharing=listing.sharing.value if listing else "",
            grade=item.grade,
            columns=self.columns(listing, item.columns, item.masks),
            rows=rows_view(item.rows),
            counts_only=item.counts_only,
            lane=item.lane,
            lanes=[lane_view(said) for said in item.said],
            state=item.state,
            template_id=item.template_id,
            waits_for=self._waits_for(basket, item),
            due_min=item.due_min,
            level=item.level,
            first_by=item.first_by,
            decided_by=item.decided_by,
            decided_ms=item.decided_ms,
            until_min=ends,
            note=self._note(item),
            share_id=item.share_id,
            active_ms=item.active_ms,
            probe_why=item.probe_why,
            may=self._item_moves(basket, item) if basket else [],
        )

    def share(self, share: Share, origin: Origin) -> b.ShareView:
        """Return a share; `origin` tells who applied for it."""
        listing = find_listing(self.catalogue, share.dataset)
        owner = listing.owner if listing else ""
        reviewed = share.lane is not Lane.EMERGENCY or share.reviewed_min is not None
        state = state_of(share, listing, self.now_min)
        return b.ShareView(
            share_id=share.share_id,
            basket_id=share.basket_id,
            grantee=share.grantee,
            dataset=share.dataset,
            title=self._title(listing, share.dataset),
            owner=owner,
            columns=self.columns(listing, share.columns, share.masks),
            rows=rows_view(share.rows),
            count_floor=share.count_floor,
            purpose=share.purpose,
            purpose_name=self._purpose(share.purpose),
            legal_basis=share.legal_basis,
            delivery=sorted(share.delivery),
            lane=share.lane,
            from_min=share.from_min,
            until_min=share.until_min,
            issued_by=share.issued_by,
            live=state == "live",
            state=state,
            suspended_why=share.suspended_why,
            revoked_min=share.revoked_min,
            revoked_by=share.revoked_by,
            review_due_min=None if reviewed else share.from_min + self._review_min,
            reviewed_min=share.reviewed_min,
            reviewed_by=share.reviewed_by,
            justified=share.justified,
            review_note=share.review_note if self._reads_review(share, origin) else "",
            may=self._share_moves(share, owner, origin, reviewed=reviewed),
        )

    def find_template(self, template: Template) -> b.TemplateView | None:
        """Return as much of a template as the reader has to do with, None where that is nothing.

        The agency that signed it and those who watch over all see it in full; an agency that it is for, what it may
        have under it while it holds: not for whom else it is, nor who signed.
        """
        who, shown = self.who, self.template(template)
        if who.agency == template.owner or (WATCHING & who.roles and is_allowed(who, "basket.read")):
            return shown
        agencies, kinds = {who.agency} & template.agencies, {who.agency_kind} & template.kinds
        if not shown.live or not (agencies or kinds) or not is_allowed(who, "basket.apply"):
            return None
        rows = b.RowsView(template.rows.everything, "", [])
        return replace(
            shown, agencies=sorted(agencies), kinds=sorted(kinds), rows=rows, signed_by="", signed_min=None, may=[]
        )

    def _reads_review(self, share: Share, origin: Origin) -> bool:
        """Return whether the reader may read the words of a review: who took the access, who watches over all."""
        theirs = self.who.user_id in {origin.applicant, share.grantee.removeprefix("user:"), share.reviewed_by}
        return theirs or (bool(WATCHING & self.who.roles) and is_allowed(self.who, "basket.read"))

    def template(self, template: Template) -> b.TemplateView:
        """Return a template."""
        listing = find_listing(self.catalogue, template.dataset)
        own = template.owner == self.who.agency and is_allowed(self.who, "template.sign")
        live = template.is_live(self.now_min)
        return b.TemplateView(
            template_id=template.template_id,
            owner=template.owner,
            owner_name=self.agency_name(template.owner),
            dataset=template.dataset,
            title=self._title(listing, template.dataset),
            columns=self.columns(listing, template.columns, template.masks),
            own_street=template.own_street,
            rows=rows_view(template.rows),
            purposes=sorted(template.purposes),
            agencies=sorted(template.agencies),
            kinds=sorted(template.kinds),
            max_days=template.max_days,
            until_min=template.until_min,
            alone=template.alone,
            signed_by=template.signed_by,
            signed_min=template.signed_min,
            live=live,
            may=["withdraw"] if own and live else [],
        )

    def agency(self, use: AgencyUse) -> b.AgencyLine:
        """Return what an agency gave, was given and used."""
        name = self.agency_name(use.agency)
        return b.AgencyLine(
            *(use.agency, name, use.gave, use.gave_to, use.given, use.given_by, use.asked, use.rows),
        )

    def columns(
        self, listing: Listing | None, names: Iterable[str], masks: Sequence[tuple[str, str]]
    ) -> list[b.ColumnView]:
        """Return columns with their grades and masks, in the order of the dataset."""
        known, masked = listing.dataset.by_name if listing else {}, dict(masks)
        ordered = [name for name in known if name in set(names)] + sorted(set(names) - known.keys())
        return [
            b.ColumnView(
                name,
                Words(known[name].zh, known[name].en) if name in known else Words(name, name),
                int(known[name].grade) if name in known else 4,
                masked.get(name, ""),
            )
            for name in ordered
        ]

    def agency_name(self, agency_id: str) -> Words:
        """Return the name of an agency, its id where nobody knows it."""
        found = next((each for each in self.catalogue.agencies if each.agency_id == agency_id), None)
        return Words(found.zh, found.en) if found else Words(agency_id, agency_id)

    def _basket_moves(self, basket: Basket) -> list[str]:
        who, moves = self.who, []
        own = who.user_id in {basket.applicant, basket.form.grantee.removeprefix("user:")}
        if is_allowed(who, "basket.authorise") and not own and any(item.state in WAITING for item in basket.items):
            moves.append("authorise")
        if basket.applicant == who.user_id and any(can_advance(item, "withdraw") for item in basket.items):
            moves.append("withdraw")
        return moves

    def _waits_for(self, basket: Basket | None, item: BasketItem) -> str:
        """Return who an item waits for; a late one of the reader's own agency stays with its owner."""
        waits = waits_for(item)
        own = basket is not None and self.who.agency == basket.agency != item.owner
        mine = own and is_allowed(self.who, "basket.authorise")
        return "owner" if mine and waits == "authority" and item.lane not in BY_POLICY else waits

    def _item_moves(self, basket: Basket, item: BasketItem) -> list[str]:
        who = self.who
        if who.agency == basket.agency != item.owner:  # as `deciding` does: nothing in an owner's place for oneself
            return []
        if who.user_id in {basket.applicant, basket.form.grantee.removeprefix("user:"), item.first_by}:
            return []
        moves = ["give", "refuse"] if may_decide(who, item) else []
        if item.state.value == "agreed" and is_allowed(who, "basket.agree"):
            moves.append("agree")
        return moves

    def _share_moves(self, share: Share, owner: str, origin: Origin, *, reviewed: bool) -> list[str]:
        who, moves = self.who, []
        watches = bool({Role.DATA_AUTHORITY, Role.SECURITY_OFFICER} & who.roles) or owner == who.agency
        over = share.is_over(self.now_min)
        if is_allowed(who, "share.revoke") and watches and not over:
            moves += ["revoke", "resume"] if share.suspended_min is not None else ["revoke"]
        if origin.agency == who.agency and is_allowed(who, "basket.apply"):
            moves += [] if share.lane is Lane.EMERGENCY else ["renew"]
        if not reviewed and is_allowed(who, "share.review") and origin.applicant != who.user_id:
            moves.append("review")
        if _leaves(share) and origin.agency == who.agency and is_allowed(who, "share.send"):
            moves += ["sendings"] if over or share.suspended_min is not None else ["sendings", "send"]
        return moves

    def _note(self, item: BasketItem) -> str:
        """Return why an item was refused; ids of policies are told by the lanes."""
        return "" if item.decided_by == "policy:refused" else item.note

    def _title(self, listing: Listing | None, name: str) -> Words:
        return Words(listing.dataset.zh, listing.dataset.en) if listing else Words(name, name)

    def _purpose(self, purpose: str) -> Words:
        return self._titled(self.catalogue.purposes, purpose)

    def _titled(self, known: Mapping[str, Mapping[str, str]], name: str) -> Words:
        found = known.get(name, {})
        return Words(found.get("zh", name), found.get("en", name))


def state_of(share: Share, listing: Listing | None, now_min: int) -> str:
    """Return what a share is now: live, or the first reason why not."""
    reasons = {
        "revoked": share.revoked_min is not None,
        "over": share.is_over(now_min),
        "suspended": share.suspended_min is not None,
        "other_shape": listing is None or listing.digest != share.digest,
        "unprobed": share.probed_min is None,
        "not_yet": now_min < share.from_min,
    }
    return next((state for state, holds in reasons.items() if holds), "live")


def lane_view(said: Said) -> b.LaneView:
    """Return what a lane says, in both languages."""
    texts = [[text(f"library.why_{reason}", lang) for lang in LANGUAGES] for reason in said.reasons]
    reasons = [b.Reason(reason, Words(*words)) for reason, words in zip(said.reasons, texts, strict=True)]
    return b.LaneView(said.lane, said.is_open, reasons)


def rows_view(rows: Rows) -> b.RowsView:
    """Return which rows."""
    return b.RowsView(rows.everything, rows.column, sorted(rows.values))


def times_view(found: Times, since_ms: int) -> b.TimesReply:
    """Return how long it took."""
    return b.TimesReply(
        *(since_ms, found.baskets, _spread(found.whole), _spread(found.items), _spread(found.machine)),
        *(_spread(found.human), found.automatic_share, found.waiting, found.late),
        [b.LaneTimes(lane, _spread(took)) for lane, took in sorted(found.by_lane.items())],
    )


def is_seen(who: Person, origin: Origin, owners: Iterable[str]) -> bool:
    """Return whether an application, or a share, concerns a person: of the own agency, about datasets of it (`owners`
    are the agencies whose datasets it is about), or by watching all."""
    if who.agency == origin.agency or who.user_id == origin.applicant:
        return True
    watching = WATCHING & who.roles
    owns = Role.DATA_OWNER in who.roles and who.agency in owners
    return (bool(watching) or owns) and is_allowed(who, "basket.read")


def is_given(item: BasketItem) -> bool:
    """Return whether an item can be read."""
    return item.state in READABLE


def _leaves(share: Share) -> bool:
    """Return whether a share leaves through the channel of a partner; counts leave as a file."""
    return share.grantee.startswith("partner:") and Delivery.CHANNEL in share.delivery and share.count_floor is None


def _spread(spread: Spread) -> b.SpreadView:
    return b.SpreadView(spread.count, spread.p50_ms, spread.p95_ms)
