"""One person's rows in the library: found by an identifying element in every dataset that has it, erased, reported."""

from collections import Counter
from collections.abc import Mapping, Sequence

from hubtwin.base.errors import Absent, Denied
from hubtwin.base.ids import words_digest
from hubtwin.datasets.all import DATASETS
from hubtwin.model.agency import Person
from hubtwin.rules.permission import may
from hubtwin.stores.deletion import Keeping, report
from hubtwin.stores.erasure import Where, erase_lines, erase_shelf, person_digest
from hubtwin.stores.shelf_erasure import naming
from hubtwin.stores.uploads import Uploads
from hubtwin.wiring.keeping import keeping_of
from hubtwin.wiring.library_returns import open_returns
from hubtwin.wiring.library_sending import stop_sendings
from hubtwin.wiring.library_works import LibraryWorks
from hubtwin.wiring.works import Works

ERASURE = "library_erasure"  # the kind of its report


def forget_person(works: Works, element: str, value: str, *, by: Person, second: Person, reason: str) -> str:
    """Erase each row of the district's datasets whose column of a standard element has a value, each line of their
    quarantine that holds it, and what streets sent back about them that does; return the signed report, which names
    datasets and counts and never the value.

    What waits for a partner of these datasets is destroyed and goes without them when the share is sent again. A backup
    that is restored erases them again. Files that wait to be loaded are counted, not looked into: they go in a week.

    What is withheld stays. Raises Denied (not a steward and a security officer, a legal hold stands), Absent for an
    element that no column is bound to, Retry.
    """
    may(by, "retention.run")
    may(second, "basket.agree")
    if by.user_id == second.user_id:
        raise Denied("wiring.forget_two")
    if works.access.grants.list_holds():
        raise Denied("wiring.forget_hold")
    assert works.library is not None, "open_works opens the library"
    bound = _bound(works.library, element)
    if not bound:
        raise Absent("wiring.forget_element", element=element)
    told = {"element": element, "second": second.user_id}
    digest = {"reason_sha256": words_digest(reason, element)}  # the words stand in the report, which goes in its time
    works.access.audit.append("LibraryForgetting", by.user_id, {**told, **digest})
    keeping = keeping_of(works)
    body = {
        **told,
        "reason": reason,
        **_erase(works, keeping, bound, value.strip(), by.user_id),
        "uploads_not_looked_into": Uploads(works.library.shelves.directory).count(),
    }
    return report(keeping, ERASURE, by.user_id, body)


def _erase(
    works: Works, keeping: Keeping, bound: Sequence[tuple[str, str]], value: str, by: str
) -> Mapping[str, object]:
    """Erase a person from datasets; return what the report counts.

    What streets sent back and lines go first: what is accepted or released meanwhile would put the person on a shelf
    that was looked through before.
    """
    place, clock, only = keeping.store_dir, keeping.clock, frozenset({person_digest(value)})
    names = sorted(dict(bound))
    returns = open_returns(works.access).forget_naming(names, naming(only, value), by=by)
    lines = {name: erase_lines(place, name, [Where("", only=only)], clock=clock, value=value) for name in names}
    counts = Counter[str]()
    for name, column in bound:
        count = erase_shelf(place, name, [Where(column, only=only)], clock=clock, why=ERASURE, always=True)
        stop_sendings(works, {name} if count else ())
        counts[name] += count
    return {
        "rows": {name: count for name, count in counts.items() if count},
        "quarantined_lines": {name: count for name, count in lines.items() if count},
        "returns": dict(returns),
        "datasets": len(names),
    }


def _bound(library: LibraryWorks, element: str) -> list[tuple[str, str]]:
    """Return the datasets of the district and their columns that are bound to a standard element."""
    return [
        (listing.name, column.name)
        for listing in library.catalogue().listings
        if listing.name not in DATASETS
        for column in listing.dataset.columns
        if listing.trait(column.name).element == element
    ]
