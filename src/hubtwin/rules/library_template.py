"""A share of the library as a template of batches: what is shared leaves by the way on which reports leave.

Signature, receipt, key of a row, error file and sending again are those of batches; nothing about them is written
twice. A row is known by its number on the shelf, which is never used again, or in a dataset of the hub's own by a
digest of its key, so a corrected row goes as its next revision and an unchanged one does not go at all.
"""

from collections.abc import Mapping
from datetime import date

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Listing
from hubtwin.datasets.table import Column
from hubtwin.model.sharing import Share
from hubtwin.rules.template import MAX_CELL, RESERVED, Template, TemplateColumn

RECORD = "record_no"
VERSION = 1
_SOURCE = "the share as it was granted"


def name_of(share: Share) -> str:
    """Return the name of the template of a share: dataset, point, share. No template of a file has a point."""
    return f"{share.dataset}.{share.share_id}"


def share_id_of(name: str) -> str:
    """Return whose template a name is, empty for one of a file."""
    return name.partition(".")[2]


def dataset_of(schema: str) -> str:
    """Return which dataset rows are for, by their `dataschema`; empty where they are for none."""
    kind, _, name = schema.rpartition(":")[0].rpartition(":")
    return name.partition(".")[0] if kind == "urn:hubtwin:template" else ""


def template_of(listing: Listing, share: Share) -> Template:
    """Return the template of a share of rows: the number of the record, then the shared columns in their order.

    Raises Malformed for a share of counts: those leave as a file.
    """
    if share.count_floor is not None:
        raise Malformed("rules.share_of_counts", share=share.share_id)
    columns = [_column(each) for each in listing.dataset.columns if each.name in share.columns]
    record = TemplateColumn(RECORD, "记录号", "record number", RECORD, "text", required=True, fact_kind="text")
    title = {"zh": listing.dataset.zh, "en": listing.dataset.en}
    return Template(
        *(name_of(share), VERSION, date.min, share.purpose, _SOURCE, title, (RECORD,), RECORD),
        columns=(record, *columns),
        conditions=(),
    )


def facts_of(listing: Listing, record: str, values: Mapping[str, object]) -> dict[str, str]:
    """Return a row as texts: dates as ISO 8601, times in UTC; what is missing is left out.

    Raises Malformed for a value that is too long for the wire: nothing is cut off or left out in silence.
    """
    told = {RECORD: record}
    for name, value in values.items():
        if value is not None and name in listing.dataset.by_name:
            text = text_of(listing.dataset.by_name[name], value)
            if len(text) > MAX_CELL:
                raise Malformed("rules.share_cell_long", row=record, column=name, most=MAX_CELL)
            told[_key(name)] = text
    return told


def values_of(listing: Listing, columns: list[str], cells: tuple[str, ...]) -> dict[str, str]:
    """Return the texts of a row that came, by column of the dataset; empty ones are left out. Raises Malformed for a
    column that the dataset does not have."""
    names = {_key(each.name): each.name for each in listing.dataset.columns}
    unknown = [key for key in columns if key != RECORD and key not in names]
    if unknown or len(columns) != len(cells):
        raise Malformed("rules.rows_other_columns", dataset=listing.name, columns=", ".join(unknown)[:200])
    return {names[key]: cell for key, cell in zip(columns, cells, strict=True) if key != RECORD and cell}


def text_of(column: Column, value: object) -> str:
    """Return a value as it stands on the wire."""
    if column.type == "minute" and isinstance(value, int):
        return f"{from_epoch_minute(value):%Y-%m-%dT%H:%MZ}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _column(column: Column) -> TemplateColumn:
    key = _key(column.name)
    return TemplateColumn(key, column.zh, column.en, key, "text", max=MAX_CELL, fact_kind="text")


def _key(name: str) -> str:
    """Return the key of a column: some names stand for something else in the file of errors."""
    return f"{name}_" if name in RESERVED | {RECORD} else name
