"""Looking at rows that fail: few, masked by the grade of their columns, never those that are withheld."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from hubtwin.model.colour import Colour
from hubtwin.rules.masks import sql_mask
from hubtwin.rules.quality_rules import NO_RECORD, Kind, RuleBook
from hubtwin.rules.quality_sql import quoted
from hubtwin.stores.colour_doubles import typed
from hubtwin.stores.colour_scan import rows_of, stored_types, unreadable
from hubtwin.stores.quality import Quality

MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class FailingRow:
    """A row that fails something: its colour, the names of all rules it fails, its values under masks."""

    row_no: int
    colour: Colour
    failed: tuple[str, ...]
    values: Mapping[str, Any]


def look_at(
    quality: Quality,
    book: RuleBook,
    masks: Mapping[str, str],
    *,
    rule: str = "",
    colour: Colour | None = None,
    after: int = 0,
    limit: int = 20,
) -> list[FailingRow]:
    """Return rows that fail a rule or have a colour, by number, after one; at most 100.

    `masks` names a mask for every column that is shown; a column without one is not. Raises Malformed for a rule that
    the dataset does not have, Absent where its files were replaced since the run.
    """
    states = quality.states(book.listing.name)
    if not states:
        return []
    (held,) = book.by_kind(Kind.WITHHELD)
    wanted = [f"row_no > {int(after)}", f"failed & {held.mask} = 0", f"colour <> {NO_RECORD}"]
    wanted += [f"failed & {book.get(rule).mask} <> 0"] if rule else []
    wanted += [f"colour = {int(colour)}"] if colour else []
    chosen = (
        f"SELECT row_no, colour, failed FROM ({quality.colours_sql(book.listing.name)})"  # noqa: S608 - numbers of ours
        f" WHERE {' AND '.join(wanted)} ORDER BY row_no LIMIT {min(limit, MOST_ROWS)}"
    )
    source = rows_of([state.file for state in states])
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": "false"}) as con:
        try:
            return _rows(con, book, masks, chosen=chosen, source=source)
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise unreadable(error) from error


def _rows(
    con: duckdb.DuckDBPyConnection, book: RuleBook, masks: Mapping[str, str], *, chosen: str, source: str
) -> list[FailingRow]:
    stored, columns = stored_types(con, source), book.listing.dataset.by_name
    told = "".join(f", {typed(book.listing, name, stored)}" for name in masks)
    shown = "".join(f", {sql_mask(mask, quoted(name), columns[name].type, 'look')}" for name, mask in masks.items())
    con.execute(f"CREATE TEMP TABLE chosen AS {chosen}")
    rows = con.execute(
        f"SELECT c.row_no, c.colour, c.failed{shown} FROM chosen AS c JOIN (SELECT row_no{told} FROM {source}) AS r"  # noqa: S608
        " USING (row_no) ORDER BY c.row_no"
    ).fetchall()
    return [
        FailingRow(row_no, Colour(colour), _names(book, failed), dict(zip(masks, values, strict=True)))
        for row_no, colour, failed, *values in rows
    ]


def _names(book: RuleBook, failed: int) -> tuple[str, ...]:
    return tuple(rule.name for rule in book.rules if failed & rule.mask)
