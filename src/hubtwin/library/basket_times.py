"""How long it takes from application to active, people's time apart from the machine's; and who gave, got and used.

The original's "from two or three working days to five minutes" is time of people and of organisations; a machine
decides in milliseconds. So both are told apart, and beside them how large a share needed nobody.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hubtwin.datasets.listing import Catalogue
from hubtwin.model.basket import READABLE, WAITING, Basket, BasketItem
from hubtwin.model.sharing import Lane, Share


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and 95th percentile of some times in milliseconds; None where there are none."""

    count: int
    p50_ms: int | None
    p95_ms: int | None


@dataclass(frozen=True, slots=True)
class Times:
    """How long baskets and items took. `automatic_share` is the share of active items that no person decided."""

    baskets: int
    whole: Spread  # from application until everything that was given of a basket is active
    items: Spread
    machine: Spread
    human: Spread  # of the items that a person decided
    automatic_share: float | None
    waiting: int
    late: int
    by_lane: Mapping[Lane, Spread]


@dataclass(frozen=True, slots=True)
class AgencyUse:
    """What an agency gave, was given and used: datasets under live shares, questions asked and rows read."""

    agency: str
    gave: int
    gave_to: int
    given: int
    given_by: int
    asked: int
    rows: int


@dataclass(frozen=True, slots=True)
class Use:
    """What was asked under one share: how many questions, how many rows."""

    asked: int = 0
    rows: int = 0


def times(baskets: Iterable[Basket]) -> Times:
    """Return how long baskets took. An item that a person decided took that person's time until the decision, the
    machine's from there until it was active."""
    listed = list(baskets)
    done = [(basket, item) for basket in listed for item in basket.items if item.active_ms is not None]
    whole = [
        max(ms) - basket.submitted_ms
        for basket in listed
        if (ms := [item.active_ms for item in basket.items if item.active_ms is not None])
        and not any(item.state in WAITING for item in basket.items)
    ]
    people = [(basket, item) for basket, item in done if item.by_person]
    by_lane: dict[Lane, list[int]] = {}
    for basket, item in done:
        by_lane.setdefault(item.lane, []).append(_took(basket, item))
    waiting = [item for basket in listed for item in basket.items if item.state in WAITING]
    return Times(
        len(listed),
        spread(whole),
        spread([_took(basket, item) for basket, item in done]),
        spread([_took(basket, item) - _human(basket, item) for basket, item in done]),
        spread([_human(basket, item) for basket, item in people]),
        (len(done) - len(people)) / len(done) if done else None,
        len(waiting),
        sum(item.level > 0 for item in waiting),
        {lane: spread(took) for lane, took in by_lane.items()},
    )


def spread(took_ms: Sequence[int]) -> Spread:
    """Return median and 95th percentile: the smallest time that so many of the times do not exceed."""
    ordered = sorted(took_ms)

    def at(share: int) -> int | None:
        return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else None

    return Spread(len(ordered), at(50), at(95))


def agency_uses(
    catalogue: Catalogue,
    shares: Iterable[Share],
    uses: Mapping[str, Use],
    agency_of: Callable[[Share], str],
    now_min: int,
) -> list[AgencyUse]:
    """Return per agency what it gave, was given and used. `uses` is share id -> what was asked under it; `agency_of`
    tells whose a share is. Only what is live now counts as given; what was used counts all the same."""
    gave: dict[str, set[tuple[str, str]]] = {}
    given: dict[str, set[tuple[str, str]]] = {}
    used: dict[str, Use] = {}
    for share in shares:
        listing, agency = catalogue.by_name.get(share.dataset), agency_of(share)
        before, more = used.get(agency, Use()), uses.get(share.share_id, Use())
        used[agency] = Use(before.asked + more.asked, before.rows + more.rows)
        if listing is not None and share.is_live(now_min, listing.digest):
            gave.setdefault(listing.owner, set()).add((share.dataset, agency))
            given.setdefault(agency, set()).add((share.dataset, listing.owner))
    return [
        AgencyUse(
            agency,
            *(len({dataset for dataset, _ in gave.get(agency, ())}), len({to for _, to in gave.get(agency, ())})),
            *(len({dataset for dataset, _ in given.get(agency, ())}), len({by for _, by in given.get(agency, ())})),
            *(used.get(agency, Use()).asked, used.get(agency, Use()).rows),
        )
        for agency in sorted(gave.keys() | given.keys() | used.keys() | {each.agency_id for each in catalogue.agencies})
    ]


def is_active(item: BasketItem) -> bool:
    """Return whether an item can be read by what its row says."""
    return item.state in READABLE


def _took(basket: Basket, item: BasketItem) -> int:
    return max(0, (item.active_ms or 0) - basket.submitted_ms)


def _human(basket: Basket, item: BasketItem) -> int:
    return max(0, (item.decided_ms or basket.submitted_ms) - basket.submitted_ms) if item.by_person else 0
