"""What the fake desk knows of applications: it asks the table of permissions, and keeps nothing."""

from hubtwin.base.errors import Absent
from hubtwin.model.agency import Person
from hubtwin.model.basket import ItemState
from hubtwin.model.sharing import Delivery, Lane
from hubtwin.rules.permission import may
from hubtwin.web.schemas import baskets as b
from hubtwin.web.schemas import notices as n
from hubtwin.web.schemas.hub import Words

BOTH = Words("商铺", "shops")
ROWS = b.RowsView(False, "street", ["330102001"])
COLUMN = b.ColumnView("phone", BOTH, 3, "phone")
LANE = b.LaneView(Lane.AUTOMATIC, False, [b.Reason("above_l2", BOTH)])
ITEM = b.ItemView(
    *("shops", BOTH, "civil-affairs", BOTH, "restricted", 3, [COLUMN], ROWS, False, Lane.OWNER, [LANE]),
    state=ItemState.SUBMITTED,
    template_id="",
    waits_for="owner",
    due_min=9,
    level=0,
    first_by="",
    decided_by="",
    decided_ms=None,
    until_min=99,
    note="",
    share_id="",
    active_ms=None,
    probe_why="",
    may=["give", "refuse"],
)
BASKET = b.BasketView(
    *("basket-1", "lin", "street-1", BOTH, "agency:street-1", "sharing", "care", BOTH, "law", BOTH, 1, 99),
    *([Delivery.QUERY], "", "waiting", 60_000, "", None, 2, [], [ITEM]),
)
LINE = b.BasketLine(
    *("basket-1", "lin", "street-1", BOTH, BOTH, "sharing", "waiting", 60_000, 99, 1, {"submitted": 1}, 9, False, True)
)
SHARE = b.ShareView(
    *("share-1", "basket-1", "agency:street-1", "shops", BOTH, "civil-affairs", [COLUMN], ROWS, None, "care", BOTH),
    legal_basis="law",
    delivery=[Delivery.QUERY],
    lane=Lane.OWNER,
    from_min=1,
    until_min=99,
    issued_by="xu",
    live=True,
    state="live",
    suspended_why="",
    revoked_min=None,
    revoked_by="",
    review_due_min=None,
    reviewed_min=None,
    reviewed_by="",
    justified=None,
    review_note="",
    may=[],
)
TEMPLATE = b.TemplateView(
    *("template-1", "civil-affairs", BOTH, "shops", BOTH, [COLUMN], True, ROWS, ["care"], [], [], 30, 99, True, "xu"),
    *(1, True, []),
)
SPREAD = b.SpreadView(1, 20, 20)


class FakeBaskets:
    """`web.desk_baskets.BasketsDesk` beside a fake desk."""

    def check(self, who: Person, asked: b.ApplyIn) -> b.CheckReply:
        may(who, "basket.apply")
        return b.CheckReply(0, 0, 1, 0, [ITEM])

    def apply(self, who: Person, asked: b.ApplyIn) -> b.BasketView:
        return self._basket(who, "basket.apply", "basket-1")

    def baskets(self, who: Person, which: b.Which, before: str | None, limit: int) -> b.BasketsReply:
        may(who, "catalogue.read")
        return b.BasketsReply(2, [LINE], None)

    def basket(self, who: Person, basket_id: str) -> b.BasketView:
        return self._basket(who, "catalogue.read", basket_id)

    def authorise(self, who: Person, basket_id: str) -> b.BasketView:
        return self._basket(who, "basket.authorise", basket_id)

    def agree(self, who: Person, basket_id: str, asked: b.AgreeIn) -> b.BasketView:
        return self._basket(who, "basket.agree", basket_id)

    def decide(self, who: Person, basket_id: str, asked: b.DecideIn) -> b.BasketView:
        return self._basket(who, "basket.decide", basket_id)

    def withdraw(self, who: Person, basket_id: str) -> b.BasketView:
        return self._basket(who, "basket.apply", basket_id)

    def shares(self, who: Person, dataset: str | None, *, live: bool) -> b.SharesReply:
        may(who, "catalogue.read")
        return b.SharesReply(2, [SHARE])

    def revoke(self, who: Person, share_id: str) -> b.ShareView:
        return self._share(who, "share.revoke", share_id)

    def resume(self, who: Person, share_id: str) -> b.ShareView:
        return self._share(who, "share.revoke", share_id)

    def renew(self, who: Person, share_id: str, asked: b.RenewIn) -> b.BasketView:
        self._share(who, "basket.apply", share_id)
        return BASKET

    def review(self, who: Person, share_id: str, asked: b.ReviewIn) -> b.ShareView:
        return self._share(who, "share.review", share_id)

    def templates(self, who: Person, dataset: str | None) -> b.TemplatesReply:
        may(who, "catalogue.read")
        return b.TemplatesReply(2, [TEMPLATE])

    def sign(self, who: Person, asked: b.TemplateIn) -> b.TemplateView:
        may(who, "template.sign")
        return TEMPLATE

    def withdraw_template(self, who: Person, template_id: str) -> b.TemplateView:
        may(who, "template.sign")
        if template_id != TEMPLATE.template_id:
            raise Absent("stores.no_template", template=template_id)
        return TEMPLATE

    def times(self, who: Person, days: int) -> b.TimesReply:
        may(who, "basket.read")
        lanes = [b.LaneTimes(Lane.AUTOMATIC, SPREAD)]
        return b.TimesReply(0, 1, SPREAD, SPREAD, SPREAD, SPREAD, 0.5, 1, 0, lanes)

    def agencies(self, who: Person) -> b.AgenciesReply:
        may(who, "basket.read")
        return b.AgenciesReply([b.AgencyLine("civil-affairs", BOTH, 1, 1, 0, 0, 3, 9)])

    def take_emergency(self, who: Person, asked: b.EmergencyIn) -> b.BasketView:
        return self._basket(who, "share.emergency", "basket-1")

    def _basket(self, who: Person, action: str, basket_id: str) -> b.BasketView:
        may(who, action)
        if basket_id != BASKET.basket_id:
            raise Absent("stores.no_basket", basket=basket_id)
        return BASKET

    def _share(self, who: Person, action: str, share_id: str) -> b.ShareView:
        may(who, action)
        if share_id != SHARE.share_id:
            raise Absent("stores.no_share", share=share_id)
        return SHARE


class FakeNotices:
    """`web.desk_notices.NoticesDesk` beside a fake desk."""

    def terms(self, who: Person) -> n.TermsView:
        may(who, "catalogue.read")
        return n.TermsView(180, 90, 24, 24, 7, 10, 1_000_000, 2, 5, 10, 5, "notice", [2026], "Asia/Shanghai")

    def notices(self, who: Person) -> n.NoticesReply:
        may(who, "catalogue.read")
        late = ("decision/b/shops/1", "decision", "b", "shops", BOTH, "civil-affairs", BOTH, 1, 1, 1, True, "authority")
        return n.NoticesReply(2, [n.NoticeView(*late)])
