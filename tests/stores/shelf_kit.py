"""A listing and tables for the tests of the shelves."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from hubtwin.datasets.listing import ROW_NO, Listing, Sharing
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.stores.shelves import Shelves

RESIDENTS = Dataset(
    "residents",
    "居民",
    "residents",
    ("id",),
    (
        Column("id", "string", "证件号码", "citizen id", Grade.L4),
        Column("name", "string", "姓名", "name", Grade.L3, nullable=True),
        Column("born", "date", "出生日期", "date of birth", Grade.L3, nullable=True),
        Column("floor", "int", "楼层", "floor", nullable=True),
    ),
)
LISTING = Listing(RESIDENTS, "people", "civil_affairs", Sharing.RESTRICTED, {"zh": "居民", "en": "residents"})
MARKS = {"hub_id": "here", "source": "f.csv", "status": "Actual", "provenance": "synthetic", "replayed": False}


def rows(*ids: str | None, numbers: Sequence[int] = ()) -> pa.Table:
    """Return a table with a row an id; `numbers` are row numbers it already has."""
    schema = LISTING.schema if numbers else pa.schema([field for field in LISTING.schema if field.name != ROW_NO])
    made: list[Mapping[str, object]] = [{"id": each, **MARKS} for each in ids]
    if numbers:
        made = [{**row, ROW_NO: number} for row, number in zip(made, numbers, strict=True)]
    return pa.Table.from_pylist(made, schema=schema)


def replace_part(shelves: Shelves, listing: Listing, part: str, tables: Iterable[pa.Table], *, at_min: int) -> None:
    """Put other rows in the place of a part, whatever is in it."""
    with shelves.held_part(listing.name, part, at_min=at_min) as held:
        held.replace(listing, tables)
