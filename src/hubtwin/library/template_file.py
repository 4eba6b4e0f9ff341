"""Templates as a file tells them: for a district that wants to begin with what its owners agree to beforehand.

What is read was signed by nobody. It holds only once the owner of the dataset has signed it: `deciding.sign_template`.
"""

from collections.abc import Mapping
from typing import Any

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Catalogue
from hubtwin.library.declared import Entry
from hubtwin.model.agency import AgencyKind
from hubtwin.model.basket import Template
from hubtwin.model.sharing import Rows
from hubtwin.rules.lanes import masks_of

FIELDS = (
    "dataset",
    "columns",
    "masks",
    "purposes",
    "agencies",
    "kinds",
    "max_days",
    "days",
    "own_street",
    "all_rows",
    "alone",
)


def read_templates(file: str, told: Mapping[str, Any], catalogue: Catalogue, *, now_min: int) -> tuple[Template, ...]:
    """Return the templates of a parsed file, unsigned; each holds for its `days` from `now_min`.

    Masks that the listing puts on sensitive columns need not be written again. Raises Malformed, naming the entry, and
    Absent for a dataset that is not listed.
    """
    top = Entry(file, "", told)
    top.know("templates")
    return tuple(_read(entry, catalogue, now_min) for entry in top.tables("templates", "dataset"))


def _read(entry: Entry, catalogue: Catalogue, now_min: int) -> Template:
    entry.know(*FIELDS)
    listing = catalogue.get(entry.line("dataset"))
    columns = frozenset(entry.texts("columns", needed=True))
    if not columns <= listing.dataset.by_name.keys():
        raise Malformed("library.template_empty")
    masks = dict(masks_of(listing, columns))
    if entry.has("masks"):
        own = entry.table("masks")
        masks |= {name: own.line(name) for name in own.block}
    kinds = entry.texts("kinds")
    if not set(kinds) <= set(AgencyKind):
        raise entry.wrong("kinds", "known", known=", ".join(AgencyKind))
    return Template(
        *("", listing.owner, listing.name, columns, tuple(sorted(masks.items())), frozenset(entry.texts("purposes"))),
        *(frozenset(entry.texts("agencies")), frozenset(map(AgencyKind, kinds))),
        max_days=entry.number("max_days", low=1, high=365) or 30,
        until_min=now_min + (entry.number("days", low=1, high=365) or 180) * DAY_MIN,
        own_street=entry.flag("own_street", default=True),
        rows=Rows(everything=entry.flag("all_rows")),
        alone=entry.flag("alone", default=True),
    )
