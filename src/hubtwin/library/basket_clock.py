"""What the clock does to baskets, in each step of the service: escalates, probes again, suspends, lets expire, alarms.

None of this is what makes an end bind: a share is asked whether it holds when somebody reads. It is what makes the rows
say so, and what makes sure that somebody is told.
"""

from dataclasses import dataclass
from typing import Protocol

from hubtwin.library.applying import Applying, activate, find_listing
from hubtwin.model.basket import Basket
from hubtwin.model.sharing import Share
from hubtwin.rules.basket_moves import aged, escalated

CHANGED_SHAPE, NOT_LISTED = "other_shape", "not_listed"


class ClockBook(Protocol):
    """What the clock asks of where baskets are kept."""

    def list_late(self, at_min: int) -> list[str]:
        """Return the baskets with an item whose minute has come without a decision."""
        ...

    def list_unprobed(self) -> list[str]:
        """Return the baskets with a share that was not probed with success yet."""
        ...

    def list_held(self) -> list[tuple[str, Share]]:
        """Return every share that stands behind an item, with the id of its basket."""
        ...

    def alarm_overdue(self, review_min: int) -> list[Share]:
        """Write an alarm for each emergency access that nobody reviewed in time, once."""
        ...

    def suspend(self, share_id: str, why: str, by: str = "system") -> Basket:
        """Let a share rest."""
        ...


@dataclass(frozen=True, slots=True)
class Swept:
    """What one look at the clock did, in numbers."""

    escalated: int = 0
    activated: int = 0
    suspended: int = 0
    aged: int = 0
    alarmed: int = 0


def sweep(applying: Applying, book: ClockBook) -> Swept:
    """Do everything about baskets that is due by now; doing it again changes nothing. Raises Retry."""
    return Swept(
        _escalate(applying, book), _probe_again(applying, book), *_follow(applying, book), _alarm(applying, book)
    )


def _escalate(applying: Applying, book: ClockBook) -> int:
    """Send late items up: first to the data authority with a clock of its own, then as an alarm."""
    now_min = applying.now_min()
    late = book.list_late(now_min)
    if late:
        next_due_min = applying.calendar.due_min(now_min, applying.limits.authority_days, applying.zone)
    for basket_id in late:
        applying.book.change(basket_id, lambda basket, _: escalated(basket, at_min=now_min, next_due_min=next_due_min))
    return len(late)


def _probe_again(applying: Applying, book: ClockBook) -> int:
    done = 0
    for basket_id in book.list_unprobed():
        before = {item.dataset for item in applying.book.get(basket_id).items if item.active_ms is not None}
        after = {item.dataset for item in activate(applying, basket_id).items if item.active_ms is not None}
        done += len(after - before)
    return done


def _follow(applying: Applying, book: ClockBook) -> tuple[int, int]:
    """Suspend what was given for another shape of its dataset, never widening it; let the rest grow old."""
    now_min, catalogue, near = applying.now_min(), applying.catalogue(), applying.limits.near_end_min
    suspended, aging = 0, set()
    for basket_id, share in book.list_held():
        listing = find_listing(catalogue, share.dataset)
        if now_min >= share.until_min - near:
            aging.add(basket_id)
        if (
            now_min < share.until_min
            and share.suspended_min is None
            and (listing is None or listing.digest != share.digest)
        ):
            book.suspend(share.share_id, NOT_LISTED if listing is None else CHANGED_SHAPE)
            suspended += 1
    changed = 0
    for basket_id in sorted(aging):
        shares = applying.book.shares_of(basket_id)
        before = applying.book.get(basket_id)
        if aged(before, shares, at_min=now_min, near_end_min=near).basket == before:
            continue  # told already: no transaction for nothing
        applying.book.change(
            basket_id, lambda basket, by_id: aged(basket, by_id.values(), at_min=now_min, near_end_min=near)
        )
        changed += 1
    return suspended, changed


def _alarm(applying: Applying, book: ClockBook) -> int:
    return len(book.alarm_overdue(applying.limits.review_min))
