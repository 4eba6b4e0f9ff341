"""What follows from listings: whether a promise of freshness is kept, what was made from what."""

from collections.abc import Mapping
from enum import StrEnum

from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.library.catalogue import Held


class Freshness(StrEnum):
    """How a dataset stands to its promise."""

    EMPTY = "empty"  # nothing is held of it
    UNPROMISED = "unpromised"  # nobody promised an update
    KEPT = "kept"
    LATE = "late"


def freshness(listing: Listing, held: Held | None, now_min: int) -> Freshness:
    """Return how a dataset stands to its promise: late when its last load is older than the promised interval."""
    if held is None or not held.rows:
        return Freshness.EMPTY
    if listing.update_every_min is None:
        return Freshness.UNPROMISED
    return Freshness.LATE if now_min - held.updated_min > listing.update_every_min else Freshness.KEPT


def list_children(catalogue: Catalogue, name: str) -> tuple[str, ...]:
    """Return which datasets were made from this one, directly."""
    return tuple(each.name for each in catalogue.listings if name in each.parents)


def list_origins(catalogue: Catalogue, name: str) -> tuple[str, ...]:
    """Return every dataset that this one was made from, over all steps, the nearest first. Raises Absent."""
    found: dict[str, None] = {}
    waiting = list(catalogue.get(name).parents)
    while waiting:
        parent = waiting.pop(0)
        if parent not in found:
            found[parent] = None
            waiting += catalogue.get(parent).parents
    return tuple(found)


def list_referring(catalogue: Catalogue, name: str) -> Mapping[str, tuple[str, ...]]:
    """Return which columns of which datasets refer to this one or are compared with it: dataset -> columns."""
    found = {}
    for listing in catalogue.listings:
        columns = tuple(
            column
            for column, trait in listing.traits.items()
            if name in (trait.refers_to.partition(".")[0], trait.same_as.partition(".")[0])
        )
        if columns:
            found[listing.name] = columns
    return found
