"""The rule that the library shares by, and what has gone up, of a hub at work.

What is late is read once for all readers, every few seconds: pages ask again and again, so that who is concerned sees
it on whichever page they are.
"""

from threading import Lock

from hubtwin.base.clock import DAY_MIN
from hubtwin.library.applying import Applying
from hubtwin.library.escalations import (
    Escalation,
    Late,
    acts,
    by_age,
    is_told,
    late_decisions,
    late_orders,
    late_returns,
    late_reviews,
)
from hubtwin.model.agency import Person, Role
from hubtwin.model.returning import ReturnState
from hubtwin.rules.permission import is_allowed, may
from hubtwin.stores.baskets import BasketFilter
from hubtwin.web.schemas import notices as n
from hubtwin.web.schemas.hub import Words
from hubtwin.web.shown_baskets import BasketShower
from hubtwin.wiring.applying import open_baskets
from hubtwin.wiring.governing import governing_of
from hubtwin.wiring.library_returns import open_returns
from hubtwin.wiring.works import Works

FRESH_MS = 5_000
MOST = 10_000


class RealNotices:
    """`web.desk_notices.NoticesDesk` of a hub at work."""

    def __init__(self, works: Works, applying: Applying) -> None:
        """Take an open hub, and what is applied with."""
        self._works, self._applying = works, applying
        self._lock = Lock()
        self._held: tuple[int, list[Escalation]] = (-1, [])

    def terms(self, who: Person) -> n.TermsView:
        """Return the rule."""
        may(who, "catalogue.read")
        limits, calendar = self._applying.limits, self._applying.calendar
        return n.TermsView(
            *(limits.automatic_min // DAY_MIN, limits.template_min // DAY_MIN),
            *(limits.emergency_min // 60, limits.review_min // 60, limits.near_end_min // DAY_MIN),
            *(limits.count_floor, limits.scale_rows, limits.authority_days, limits.owner_days),
            *(limits.unpublished_days, limits.source_days),
            calendar=calendar.source,
            calendar_years=calendar.years,
            zone=self._applying.zone.key,
        )

    def notices(self, who: Person) -> n.NoticesReply:
        """Return what has gone up to a person."""
        may(who, "catalogue.read")
        told = [each for each in self._late() if is_told(who, each)]
        shower = BasketShower(self._applying, who) if told else None
        shown = [_view(who, each, shower) for each in told] if shower else []
        return n.NoticesReply(self._applying.now_min(), shown)

    def _late(self) -> list[Escalation]:
        now_ms = self._applying.now_ms()
        with self._lock:
            if not 0 <= now_ms - self._held[0] < FRESH_MS:
                self._held = (now_ms, self._read())
            return self._held[1]

    def _read(self) -> list[Escalation]:
        applying, access, now_min = self._applying, self._works.access, self._applying.now_min()
        book = open_baskets(access)
        sent = open_returns(access).list_returns(state=ReturnState.SENT, limit=MOST)
        governing = governing_of(self._works)
        late = [
            *late_decisions(book.list_baskets(BasketFilter(waiting=True, limit=MOST))),
            *late_orders(governing.orders() if governing else ()),
            *(late_returns(sent, applying.catalogue(), now_min) if sent else ()),
            *late_reviews(book.list_unreviewed(), applying.limits.review_min, now_min),
        ]
        return by_age(late)


def _view(who: Person, late: Escalation, shower: BasketShower) -> n.NoticeView:
    listing = shower.catalogue.by_name.get(late.dataset)
    title = Words(listing.dataset.zh, listing.dataset.en) if listing else Words(late.dataset, late.dataset)
    agency = shower.agency_name(late.agency) if late.agency else Words("", "")
    return n.NoticeView(
        *(late.key, late.kind.value, late.id, late.dataset, title, late.agency, agency),
        *(late.since_min, late.up_min, late.step, acts(who, late), _place(who, late)),
    )


def _place(who: Person, late: Escalation) -> str:
    """Return the section of the library on which a person finds it."""
    if late.kind is Late.ORDER and not (who.agency == late.agency and Role.DATA_OWNER in who.roles):
        return "quality"
    owner = Role.DATA_OWNER in who.roles and who.agency == late.agency
    return "owner" if owner else "authority" if is_allowed(who, "basket.read") else "quality"
