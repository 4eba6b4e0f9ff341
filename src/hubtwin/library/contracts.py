"""Publishing a contract: what a file proposes is compared with the listing, checked as the district's folder is, and
then stands in the place of the listing.

A version is three numbers. It grows with each publication, and by its first number when somebody who relied on the
contract before could be let down: a column gone, renamed or no longer promised. The type of a column never changes
under its name: rows of the old type lie on the shelves.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Catalogue, LibraryKind, Listing
from hubtwin.library.declared import Entry
from hubtwin.library.district_checks import check_catalogue
from hubtwin.library.district_entries import Bound, Told
from hubtwin.library.odcs import Change, compare
from hubtwin.library.odcs_read import listing_of, read_contract

VERSION = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")


@dataclass(frozen=True)
class Proposed:
    """What a contract would change: the listing under it, and each difference to the listing of now."""

    listing: Listing
    changes: tuple[Change, ...]
    breaking: tuple[str, ...]  # columns that somebody may have relied on


def number_of(version: str) -> tuple[int, ...]:
    """Return a version as three numbers, (0, 0, 0) where there is none. Raises Malformed."""
    if not version:
        return (0, 0, 0)
    found = VERSION.fullmatch(version)
    if found is None:
        raise Malformed("library.contract_no_version", version=version[:40])
    return tuple(map(int, found.groups()))


def propose(content: bytes, name: str, catalogue: Catalogue) -> Proposed:
    """Return what a contract of a dataset would change.

    Raises Absent where the dataset is not listed, Malformed, saying what is wrong, where it cannot be published.
    """
    listed = catalogue.get(name)
    found, entry = _read(content, listed, catalogue)
    changes = tuple(compare(listed, found))
    breaking = _breaking(listed, found)
    if [each for each in changes if each.where != "contract"]:
        _refuse_version(listed, found, breaking)
    elif number_of(found.contract) < number_of(listed.contract):
        raise Malformed("library.contract_older", version=found.contract, now=listed.contract)
    check_catalogue(_with(catalogue, found), {("dataset", name): entry})
    return Proposed(found, changes, breaking)


def _read(content: bytes, listed: Listing, catalogue: Catalogue) -> tuple[Listing, Entry]:
    elements = {each.name: Bound(each, None, {}, "", ()) for each in catalogue.elements}
    found, entry = listing_of(read_contract(content), listed, Told(elements))
    library = catalogue.library_by_name[listed.library]
    if library.kind is LibraryKind.HUB and found.dataset != listed.dataset:
        raise Malformed("library.contract_of_the_hub", dataset=listed.name)
    for column in found.dataset.columns:
        before = listed.dataset.by_name.get(column.name)
        if before is not None and before.type != column.type:
            raise Malformed("library.contract_type", column=column.name, before=before.type, after=column.type)
    return found, entry


def _breaking(before: Listing, after: Listing) -> tuple[str, ...]:
    """Return the columns that are gone, or no longer promised to be filled; the key if it is another."""
    found = [
        each.name
        for each in before.dataset.columns
        if each.name not in after.dataset.by_name
        or (before.trait(each.name).required and not after.trait(each.name).required)
    ]
    return (*found, *(() if before.dataset.key == after.dataset.key else ("key",)))


def _refuse_version(before: Listing, after: Listing, breaking: tuple[str, ...]) -> None:
    old, new = number_of(before.contract), number_of(after.contract)
    if new <= old:
        raise Malformed("library.contract_older", version=after.contract or "-", now=before.contract or "-")
    if breaking and old[0] and new[0] == old[0]:
        raise Malformed("library.contract_breaks", columns=", ".join(breaking), needed=f"{old[0] + 1}.0.0")


def _with(catalogue: Catalogue, listing: Listing) -> Catalogue:
    listings = tuple(listing if each.name == listing.name else each for each in catalogue.listings)
    return replace(catalogue, listings=listings)


def apply_contracts(catalogue: Catalogue, published: Mapping[str, Iterable[bytes]]) -> Catalogue:
    """Return the catalogue under its published contracts: of each dataset the newest, where it is newer than what the
    folder of the district declares itself. A contract of a dataset that is no longer listed counts for nothing.

    Raises Malformed where a contract no longer fits what the folder declares.
    """
    for name, contents in published.items():
        if name not in catalogue.by_name:
            continue
        listed = catalogue.get(name)
        read = [_read(content, listed, catalogue) for content in contents]
        if not read:
            continue
        found, entry = max(read, key=lambda each: number_of(each[0].contract))
        if number_of(found.contract) > number_of(listed.contract):
            catalogue = _with(catalogue, found)
            check_catalogue(catalogue, {("dataset", name): entry})
    return catalogue
