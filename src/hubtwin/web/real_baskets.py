"""Applying and authorising at a hub at work. Which rows concern a person is decided here; what a person may do, by the
functions of `library.deciding` inside the transaction."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.errors import Absent, HubError
from hubtwin.datasets.listing import Catalogue
from hubtwin.library import deciding
from hubtwin.library.applying import Applying, check, ms_of, submit
from hubtwin.library.basket_times import agency_uses, times
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.basket import Ask, Basket, BasketKind, Form, Template
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from hubtwin.rules.basket_moves import Given
from hubtwin.rules.permission import is_allowed, may
from hubtwin.stores.baskets import BasketFilter, Baskets, Origin
from hubtwin.web.schemas import baskets as b
from hubtwin.web.shown_baskets import WATCHING, BasketShower, is_seen, times_view
from hubtwin.wiring.applying import open_baskets, person_of, uses_of
from hubtwin.wiring.works import Access

MOST = 10_000


class RealBaskets:
    """`web.desk_baskets.BasketsDesk` of a hub at work."""

    def __init__(self, access: Access, applying: Applying, stop: Callable[[], object] = lambda: None) -> None:
        """Take who is who, what is applied with, and what stops the sendings of shares that have ended."""
        self._access, self._applying, self._stop = access, applying, stop
        self._book: Baskets = open_baskets(access)

    def check(self, who: Person, asked: b.ApplyIn) -> b.CheckReply:
        """Return what every lane would say."""
        form = self._form(who, asked)
        found = check(self._applying, who, form)
        lanes = [(each.item.lane, each.waits) for each in found]
        refused = sum(lane is Lane.REFUSED for lane, _ in lanes)
        by_key = sum(lane is Lane.TEMPLATE and waits for lane, waits in lanes)
        at_once = sum(not waits for lane, waits in lanes)
        shower = self._shower(who)
        items = [shower.item(None, each.item, form.until_min) for each in found]
        return b.CheckReply(at_once, by_key, len(lanes) - refused - by_key - at_once, refused, items)

    def apply(self, who: Person, asked: b.ApplyIn) -> b.BasketView:
        """Send an application in."""
        return self._view(who, submit(self._applying, who, self._form(who, asked)))

    def baskets(self, who: Person, which: b.Which, before: str | None, limit: int) -> b.BasketsReply:
        """Return applications that concern a person."""
        where = BasketFilter(
            applicant=who.user_id if which == "mine" else None,
            waiting=which == "waiting",
            before=before,
            limit=limit,
        )
        where = self._reach(who, where)
        found = self._book.list_baskets(where)
        shower = self._shower(who)
        return b.BasketsReply(
            shower.now_min,
            [shower.line(basket) for basket in found],
            found[-1].basket_id if len(found) == limit else None,
        )

    def basket(self, who: Person, basket_id: str) -> b.BasketView:
        """Return an application."""
        return self._view(who, self._seen(who, basket_id))

    def authorise(self, who: Person, basket_id: str) -> b.BasketView:
        """Turn the data authority's one key."""
        basket = self._seen(who, basket_id)
        return self._view(who, deciding.authorise(self._applying, who, basket_id, self._applicant(basket)))

    def agree(self, who: Person, basket_id: str, asked: b.AgreeIn) -> b.BasketView:
        """Agree as the second person."""
        applicant = self._applicant(self._seen(who, basket_id))
        return self._view(who, deciding.agree_items(self._applying, who, basket_id, asked.datasets, applicant))

    def decide(self, who: Person, basket_id: str, asked: b.DecideIn) -> b.BasketView:
        """Decide items as their owner."""
        basket = self._seen(who, basket_id)
        decisions = [self._decision(basket, each) for each in asked.items]
        done = deciding.decide_items(self._applying, who, basket_id, decisions, self._applicant(basket))
        return self._view(who, done)

    def withdraw(self, who: Person, basket_id: str) -> b.BasketView:
        """Take back what still waits."""
        self._seen(who, basket_id)
        return self._view(who, deciding.withdraw_basket(self._applying, who, basket_id))

    def shares(self, who: Person, dataset: str | None, *, live: bool) -> b.SharesReply:
        """Return shares that concern a person."""
        shower, origins = self._shower(who), self._book.list_origins()
        shown = []
        for share in self._book.list_all_shares(dataset=dataset, limit=MOST):
            origin = origins[share.basket_id]
            if self._concerns(who, share, origin, shower.catalogue):
                view = shower.share(share, origin)
                shown += [view] if view.live or not live else []
        return b.SharesReply(shower.now_min, shown)

    def revoke(self, who: Person, share_id: str) -> b.ShareView:
        """End a share, and what still waits for a partner under it."""
        basket = deciding.revoke_share(self._applying, who, share_id)
        with suppress(HubError):  # the share has ended all the same, and the service stops it in its next step
            self._stop()
        return self._share_view(who, share_id, basket)

    def resume(self, who: Person, share_id: str) -> b.ShareView:
        """Let a suspended share go on."""
        return self._share_view(who, share_id, deciding.resume_share(self._applying, who, share_id))

    def renew(self, who: Person, share_id: str, asked: b.RenewIn) -> b.BasketView:
        """Apply for what a share gives once more."""
        minutes = asked.days * DAY_MIN
        return self._view(who, deciding.renew_share(self._applying, who, share_id, minutes=minutes, key=asked.key))

    def review(self, who: Person, share_id: str, asked: b.ReviewIn) -> b.ShareView:
        """Review an emergency access."""
        done = deciding.review_share(self._applying, who, share_id, justified=asked.justified, note=asked.note)
        return self._share_view(who, share_id, done)

    def templates(self, who: Person, dataset: str | None) -> b.TemplatesReply:
        """Return templates, of each as much as a person has to do with."""
        may(who, "catalogue.read")
        shower = self._shower(who)
        found = map(shower.find_template, self._book.list_templates(dataset))
        return b.TemplatesReply(shower.now_min, [each for each in found if each is not None])

    def sign(self, who: Person, asked: b.TemplateIn) -> b.TemplateView:
        """Sign beforehand what may go of an own dataset."""
        template = Template(
            *("", who.agency, asked.dataset, frozenset(asked.columns), _masks(asked.masks), frozenset(asked.purposes)),
            *(frozenset(asked.agencies), frozenset(map(AgencyKind, asked.kinds)), asked.max_days),
            until_min=self._applying.now_min() + asked.days * DAY_MIN,
            own_street=asked.own_street,
            rows=_rows(asked.rows) or Rows(),
            alone=asked.alone,
        )
        return self._shower(who).template(deciding.sign_template(self._applying, who, template))

    def withdraw_template(self, who: Person, template_id: str) -> b.TemplateView:
        """Withdraw a template."""
        return self._shower(who).template(deciding.withdraw_template(self._applying, who, template_id))

    def times(self, who: Person, days: int) -> b.TimesReply:
        """Return how long it takes from application to active."""
        may(who, "basket.read")
        since_ms = ms_of(self._access.clock()) - days * DAY_MIN * 60_000
        return times_view(times(self._book.list_baskets(BasketFilter(since_ms=since_ms, limit=MOST))), since_ms)

    def agencies(self, who: Person) -> b.AgenciesReply:
        """Return what each agency gave, was given and used."""
        may(who, "basket.read")
        shower, shares = self._shower(who), self._book.list_all_shares(limit=MOST)
        of = self._book.list_origins()
        uses = agency_uses(
            *(shower.catalogue, shares, uses_of(self._access), lambda share: of[share.basket_id].agency, shower.now_min)
        )
        return b.AgenciesReply([shower.agency(use) for use in uses])

    def take_emergency(self, who: Person, asked: b.EmergencyIn) -> b.BasketView:
        """Take what an emergency needs, for the person alone: colleagues have not said why they would read it."""
        now_min = self._applying.now_min()
        form = Form(
            *(asked.key, f"user:{who.user_id}", asked.purpose, asked.legal_basis, now_min, now_min + asked.minutes),
            asks=_asks(asked.items),
            kind=BasketKind.EMERGENCY,
            reason=asked.reason,
        )
        return self._view(who, deciding.take_emergency(self._applying, who, form))

    def _form(self, who: Person, asked: b.ApplyIn) -> Form:
        now_min = self._applying.now_min()
        return Form(
            *(asked.key, asked.grantee or f"agency:{who.agency}", asked.purpose, asked.legal_basis),
            *(now_min, now_min + asked.days * DAY_MIN),
            asks=_asks(asked.items),
            delivery=frozenset(map(Delivery, asked.delivery)),
            kind=BasketKind(asked.kind),
            reason=asked.reason,
        )

    def _decision(self, basket: Basket, asked: b.DecideOne) -> deciding.Decision:
        given = Given(
            None if asked.columns is None else frozenset(asked.columns),
            _rows(asked.rows),
            None if asked.days is None else basket.form.from_min + asked.days * DAY_MIN,
            None if asked.masks is None else _masks(asked.masks),
        )
        return deciding.Decision(asked.dataset, asked.give, given, asked.reason)

    def _seen(self, who: Person, basket_id: str) -> Basket:
        """Return a basket that concerns a person; who has no business with it is told that there is none."""
        basket = self._book.get(basket_id)
        if not is_seen(who, _origin(basket), {item.owner for item in basket.items}):
            raise Absent("stores.no_basket", basket=basket_id)
        return basket

    def _reach(self, who: Person, where: BasketFilter) -> BasketFilter:
        """Return a filter narrowed to what concerns a person."""
        if WATCHING & who.roles and is_allowed(who, "basket.read"):
            return where
        owner = Role.DATA_OWNER in who.roles and is_allowed(who, "basket.read")
        return replace(where, concerns=who.agency) if owner else replace(where, agency=who.agency)

    def _concerns(self, who: Person, share: Share, origin: Origin, catalogue: Catalogue) -> bool:
        own = share.grantee in {
            f"user:{who.user_id}",
            f"agency:{who.agency}",
            *(f"scene:{name}" for name in who.scenes),
        }
        listing = catalogue.by_name.get(share.dataset)
        return own or is_seen(who, origin, () if listing is None else (listing.owner,))

    def _applicant(self, basket: Basket) -> Person:
        return person_of(self._access, basket.applicant)

    def _share_view(self, who: Person, share_id: str, basket: Basket) -> b.ShareView:
        return self._shower(who).share(self._book.get_share(share_id), _origin(basket))

    def _view(self, who: Person, basket: Basket) -> b.BasketView:
        return self._shower(who).basket(basket)

    def _shower(self, who: Person) -> BasketShower:
        return BasketShower(self._applying, who)


def _asks(items: Sequence[b.AskIn]) -> tuple[Ask, ...]:
    return tuple(Ask(each.dataset, frozenset(each.columns), _rows(each.rows), each.counts_only) for each in items)


def _rows(asked: b.RowsIn | None) -> Rows | None:
    return None if asked is None else Rows(asked.everything, asked.column, frozenset(asked.values))


def _masks(asked: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((column, mask) for column, mask in asked)


def _origin(basket: Basket) -> Origin:
    return Origin(basket.applicant, basket.agency)
