"""Which rows have a key that stands twice, and are not the one that stays: candidates from the runs, keys compared.

The one that stays is the one confirmed last, of several the one with the lowest number; in the hub's own datasets the
one that came last, and what is found are rows that are no records any more.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hubtwin.datasets.listing import Listing
from hubtwin.rules.quality_rules import Kind, QualityRule, RuleBook
from hubtwin.rules.quality_sql import SQL_TYPES, quoted
from hubtwin.stores.colour_scan import rows_of, stored_types
from hubtwin.stores.key_runs import Places, find_candidates, read_run
from hubtwin.stores.shelf_files import ShelfFile

AT_ONCE = 2  # rules of keys that are looked at side by side
RowNos = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Runs:
    """A file with its runs by the name of a rule, and the numbers of its rows."""

    file: ShelfFile
    runs: Mapping[str, Path]
    row_nos: "RowNosOf"


@dataclass(frozen=True, slots=True)
class RowNosOf:
    """The numbers of the rows of a file: from `first` on without a gap, or as they lie in the file."""

    file: ShelfFile
    first: int | None
    told: RowNos | None = None

    def at(self, places: Places) -> RowNos:
        """Return the numbers of the rows at some places."""
        if self.first is not None:
            return places + self.first
        if self.told is not None:
            return self.told[places]
        with duckdb.connect(config={"threads": 1}) as con:
            found: RowNos = con.execute(f"SELECT row_no FROM {rows_of([self.file])}").fetchnumpy()["row_no"]  # noqa: S608
        return np.sort(found)[places]


@dataclass(frozen=True, slots=True)
class Doubles:
    """What was found for one rule: places that were looked at in each file of both kinds, and the doubles in sum."""

    rule: QualityRule
    new: Sequence[Places]
    old: Sequence[Places]
    doubles: RowNos


def find_doubles(
    con: duckdb.DuckDBPyConnection,
    book: RuleBook,
    *,
    new: Sequence[Runs],
    old: Sequence[Runs],
    gone: Sequence[Mapping[str, Path]],
) -> list[Doubles]:
    """Return, for each rule of keys, which rows to look at again and which of them are doubles (numbers, sorted)."""

    def candidates(rule: QualityRule) -> tuple[QualityRule, list[Places], list[Places]]:
        # a row is superseded for good: the store merges all versions of a key at once, and erases all of them
        went = () if rule.kind is Kind.LATEST else gone
        lost = [read_run(runs[rule.name]) for runs in went if rule.name in runs and runs[rule.name].exists()]
        fresh, kept = ([read_run(each.runs[rule.name]) for each in some] for some in (new, old))
        return (rule, *find_candidates(fresh, kept, lost))

    with ThreadPoolExecutor(AT_ONCE) as pool:  # sorting lets other threads run
        looked = list(pool.map(candidates, book.unique))
    asked = {rule.bit: _row_nos((*new, *old), (*fresh, *kept)) for rule, fresh, kept in looked}
    wanted = [
        each.file
        for place, each in enumerate((*new, *old))
        if any(len((*fresh, *kept)[place]) for _, fresh, kept in looked)
    ]
    if wanted:
        _look(con, book, wanted, asked)
    return [
        Doubles(rule, fresh, kept, _compare(con, book.listing, rule) if len(asked[rule.bit]) else _NONE)
        for rule, fresh, kept in looked
    ]


_NONE: RowNos = np.empty(0, np.int64)


def _row_nos(files: Sequence[Runs], places: Sequence[Places]) -> RowNos:
    parts = [file.row_nos.at(some) for file, some in zip(files, places, strict=True) if len(some)]
    return np.concatenate(parts) if parts else _NONE


def _look(
    con: duckdb.DuckDBPyConnection, book: RuleBook, files: Sequence[ShelfFile], asked: Mapping[int, RowNos]
) -> None:
    """Make two tables: which row is asked about by which rule, and the keys of all those rows."""
    bits = np.concatenate([np.full(len(row_nos), bit, np.int32) for bit, row_nos in asked.items()])
    con.register("asked_rows", pa.table({"bit": bits, "row_no": np.concatenate(list(asked.values()))}))
    con.execute("CREATE OR REPLACE TEMP TABLE asked AS SELECT * FROM asked_rows")
    con.unregister("asked_rows")
    columns = {name for rule in book.unique for name in rule.columns} | {book.listing.confirmed_column} - {""}
    source = rows_of(files)
    stored = stored_types(con, source)
    told = ", ".join(typed(book.listing, name, stored) for name in sorted(columns))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE looked AS SELECT row_no, {told} FROM {source} AS r"  # noqa: S608
        " SEMI JOIN (SELECT DISTINCT row_no FROM asked) AS a USING (row_no)"
    )


def typed(listing: Listing, name: str, stored: Mapping[str, str]) -> str:
    """Return a column in its declared type, as SQL; empty where no file has it."""
    wanted, sql = SQL_TYPES[listing.dataset.by_name[name].type], quoted(name)
    if name not in stored:
        return f"NULL::{wanted} AS {sql}"
    return sql if stored[name] == wanted else f"TRY_CAST({sql} AS {wanted}) AS {sql}"


def survival(listing: Listing, *, latest: bool) -> str:
    """Return the order in which the row that stays comes first, as SQL; with `latest` it is the one that came last."""
    if latest:
        return "row_no DESC"
    confirmed = listing.confirmed_column
    return (f"{quoted(confirmed)} DESC NULLS LAST, " if confirmed else "") + "row_no"


def whole(listing: Listing, columns: Iterable[str]) -> str:
    """Return the condition that no part of a key is empty, as SQL."""
    told = []
    for name in columns:
        text = SQL_TYPES[listing.dataset.by_name[name].type] == "VARCHAR"
        told.append(f"trim({quoted(name)}) <> ''" if text else f"{quoted(name)} IS NOT NULL")
    return " AND ".join(told)


def _compare(con: duckdb.DuckDBPyConnection, listing: Listing, rule: QualityRule) -> RowNos:
    keys = ", ".join(quoted(name) for name in rule.columns)
    order = survival(listing, latest=rule.kind is Kind.LATEST)
    sql = (
        f"SELECT row_no FROM (SELECT row_no, row_number() OVER (PARTITION BY {keys} ORDER BY {order})"  # noqa: S608
        f" AS place FROM looked AS r SEMI JOIN (SELECT row_no FROM asked WHERE bit = {rule.bit}) AS a USING (row_no)"
        f" WHERE {whole(listing, rule.columns)}) WHERE place > 1 ORDER BY row_no"
    )
    found: RowNos = np.asarray(con.execute(sql).fetchnumpy()["row_no"], np.int64)
    return found
