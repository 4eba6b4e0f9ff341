"""What has gone up because a clock of people ran out, and whom it is brought before.

Four clocks run in the library: decisions on applications, work orders of quality, answers to what streets send back,
reviews of emergency accesses. Each writes its step into the audit; here is what makes people see it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hubtwin.datasets.listing import Catalogue
from hubtwin.library.governing import Order, OrderState
from hubtwin.model.agency import Person, Role
from hubtwin.model.basket import WAITING, Basket
from hubtwin.model.returning import Return
from hubtwin.model.sharing import Share
from hubtwin.rules.permission import is_allowed

WATCHING = frozenset({Role.SECURITY_OFFICER, Role.AUDITOR})


class Late(StrEnum):
    """Which clock ran out."""

    DECISION = "decision"
    ORDER = "order"
    RETURN = "return"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Escalation:
    """Something late. `agency` is whose clock ran out; `since_min` is when, `up_min` when it went up, None where that
    was not noted; `step` how often. `by` are those who must not act on it: it is theirs."""

    kind: Late
    id: str
    dataset: str
    agency: str
    since_min: int | None
    up_min: int | None
    step: int
    by: frozenset[str] = frozenset()
    by_agency: str = ""
    needs_second: bool = False

    @property
    def key(self) -> str:
        """Return what tells it apart from itself one step before."""
        return f"{self.kind.value}/{self.id}/{self.dataset}/{self.step}"


def late_decisions(baskets: Iterable[Basket]) -> list[Escalation]:
    """Return the items that went up: first to the data authority, then to everybody who watches."""
    return [
        Escalation(
            *(Late.DECISION, basket.basket_id, item.dataset, item.owner, item.late_min, item.up_min, item.level),
            by=frozenset({basket.applicant, basket.form.grantee.removeprefix("user:"), item.first_by} - {""}),
            by_agency="" if basket.agency == item.owner else basket.agency,
            needs_second=bool(item.first_by),
        )
        for basket in baskets
        for item in basket.items
        if item.state in WAITING and item.level > 0
    ]


def late_orders(orders: Iterable[Order]) -> list[Escalation]:
    """Return the work orders that went up and still wait for an answer."""
    return [
        Escalation(Late.ORDER, each.order_id, each.dataset, each.agency, each.late_min, each.up_min, each.escalated)
        for each in orders
        if each.state is OrderState.OPEN and each.up_min is not None
    ]


def late_returns(returns: Iterable[Return], catalogue: Catalogue, now_min: int) -> list[Escalation]:
    """Return what streets sent back and no source answered in time."""
    return [
        Escalation(
            *(Late.RETURN, each.return_id, each.dataset, catalogue.by_name[each.dataset].owner),
            *(each.due_min, each.due_min, 1),
            by=frozenset({each.sent_by}),
        )
        for each in returns
        if each.is_overdue(now_min) and each.dataset in catalogue.by_name
    ]


def late_reviews(shares: Iterable[Share], review_min: int, now_min: int) -> list[Escalation]:
    """Return the emergency accesses that nobody has reviewed in time. `shares` are those not reviewed."""
    return [
        Escalation(
            *(Late.REVIEW, share.share_id, share.dataset, "", due_min, due_min, 1),
            by=frozenset({share.grantee.removeprefix("user:")}),
        )
        for share in shares
        if (due_min := share.from_min + review_min) <= now_min
    ]


def is_told(who: Person, late: Escalation) -> bool:
    """Return whether an escalation is brought before a person: who can end it, whose clock ran out, who watches.

    What nobody decided goes to the data authority and tells the owner; at the second step, and for what concerns
    emergencies, those who watch over everybody hear of it too.
    """
    if acts(who, late):
        return True
    authority = Role.DATA_AUTHORITY in who.roles and is_allowed(who, "basket.read")
    watches = bool(WATCHING & who.roles) and is_allowed(who, "basket.read")
    if late.kind is Late.REVIEW:
        return authority or watches
    theirs = who.agency == late.agency and bool({Role.DATA_OWNER, Role.DATA_STEWARD} & who.roles)
    return theirs or authority or (watches and late.kind is Late.DECISION and late.step > 1)


def acts(who: Person, late: Escalation) -> bool:
    """Return whether a person is one of those who can end it."""
    if who.user_id in late.by:
        return False
    own = who.agency == late.agency
    if late.kind is Late.REVIEW:
        return is_allowed(who, "share.review")
    if late.kind is Late.ORDER:
        return own and is_allowed(who, "order.answer")
    if late.kind is Late.RETURN:
        return own and is_allowed(who, "addition.answer")
    if late.needs_second:
        return is_allowed(who, "basket.agree")
    in_place = is_allowed(who, "basket.authorise") and who.agency != late.by_agency
    return in_place or (own and Role.DATA_OWNER in who.roles and is_allowed(who, "basket.decide"))


def by_age(found: Iterable[Escalation]) -> list[Escalation]:
    """Return escalations, what is late for longest first; those of which nobody noted it come before."""
    return sorted(found, key=lambda each: (each.since_min or 0, each.key))
