"""The hub's own thematic database, which the scenes read: shapes from code, what is said of them from data."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hubtwin.base.errors import Bug
from hubtwin.datasets import all as declared
from hubtwin.datasets.listing import Catalogue, Library, LibraryKind, Listing, Sharing, Trait
from hubtwin.datasets.table import Dataset
from hubtwin.library.declared import Entry
from hubtwin.library.district_entries import read_agency

HUB_LIBRARY = "hub"
FILE = Path(declared.__file__).with_name("hub_library.toml")
_KNOWN = (
    *("owner", "steward", "sharing", "about", "contract", "update_every_min", "confirmed_column", "retain_days"),
    *("purposes", "parents", "keywords", "refers_to"),
)


@cache
def hub_catalogue() -> Catalogue:
    """Return the catalogue of a hub without a district: every declared dataset, in the library `hub`.

    Raises Bug where a dataset is declared and nothing is said of it, or the other way round.
    """
    told = Entry(FILE.name, "", tomllib.loads(FILE.read_text(encoding="utf-8")))
    told.know("library", "agencies", "purposes", "legal_bases", "grades", "datasets")
    library, datasets, grades = told.table("library"), told.table("datasets"), told.table("grades")
    if set(datasets.block) != set(declared.DATASETS):
        raise Bug("library.hub_not_said", datasets=", ".join(sorted(set(datasets.block) ^ set(declared.DATASETS))))
    reasons = {int(name): grades.names(name) for name in grades.block}
    purposes, bases = told.table("purposes"), told.table("legal_bases")
    return Catalogue(
        libraries=(Library(HUB_LIBRARY, LibraryKind.HUB, library.names("title")),),
        listings=tuple(
            _listing(shape, datasets.table(name), reasons, library.line("source"))
            for name, shape in declared.DATASETS.items()
        ),
        agencies=tuple(read_agency(each) for each in told.tables("agencies", "id")),
        purposes={name: purposes.names(name) for name in purposes.block},
        legal_bases={name: bases.names(name) for name in bases.block},
    )


def _listing(shape: Dataset, entry: Entry, reasons: Mapping[int, Any], source: str) -> Listing:
    entry.know(*_KNOWN)
    refers = entry.table("refers_to") if "refers_to" in entry.block else None
    to = {name: refers.line(name) for name in refers.block} if refers else {}
    if not to.keys() <= shape.by_name.keys():
        raise Bug("library.hub_not_said", datasets=f"{shape.name}: {', '.join(to.keys() - shape.by_name.keys())}")
    return Listing(
        shape,
        HUB_LIBRARY,
        entry.line("owner"),
        entry.choice("sharing", Sharing),
        entry.names("about", {"zh": shape.zh, "en": shape.en}),
        steward=entry.line("steward", ""),
        purposes=entry.texts("purposes"),
        contract=entry.line("contract", ""),
        update_every_min=entry.number("update_every_min", 1),
        confirmed_column=entry.line("confirmed_column", ""),
        retain_days=entry.number("retain_days", 1),
        parents=entry.texts("parents"),
        keywords=entry.texts("keywords"),
        traits={
            column.name: Trait(
                reason=reasons[column.grade],
                required=not column.nullable,
                source=source,
                refers_to=to.get(column.name, ""),
            )
            for column in shape.columns
        },
    )
