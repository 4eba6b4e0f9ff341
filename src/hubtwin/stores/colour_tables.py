"""The tables that rows are held against: values that must be there, and what the authoritative source says."""

from collections.abc import Callable, Sequence
from hashlib import sha256

import duckdb

from hubtwin.datasets.listing import Catalogue
from hubtwin.rules.quality_rules import Kind, QualityRule, RuleBook, shared_key
from hubtwin.rules.quality_sql import SQL_TYPES, quoted
from hubtwin.stores.colour_doubles import survival, typed, whole
from hubtwin.stores.colour_scan import source_of, stored_types
from hubtwin.stores.shelf_files import ShelfFile

FilesOf = Callable[[str], Sequence[ShelfFile]]


def make_tables(
    con: duckdb.DuckDBPyConnection, book: RuleBook, catalogue: Catalogue, files_of: FilesOf
) -> tuple[dict[str, str], str]:
    """Make a table for each rule that holds a value against another dataset; return their names by the rule's name,
    and what tells these tables from others.

    There is none for a dataset of which nothing is held: that a value is not found would say nothing.
    """
    tables, told = {}, []
    for rule in book.by_kind(Kind.REFERS_TO, Kind.SAME_AS):
        files = files_of(rule.told.partition(".")[0])
        told.append(f"{rule.name}={','.join(file.sha256 for file in files)}")
        if files:
            tables[rule.name] = f"known_{rule.bit}"
            make = _known if rule.kind is Kind.REFERS_TO else _authoritative
            make(con, book, rule, catalogue, files)
    return tables, sha256("|".join(told).encode()).hexdigest()[:32]


def _known(
    con: duckdb.DuckDBPyConnection,
    book: RuleBook,
    rule: QualityRule,
    _catalogue: Catalogue,
    files: Sequence[ShelfFile],
) -> None:
    column = rule.told.partition(".")[2]
    wanted = SQL_TYPES[book.listing.dataset.by_name[rule.columns[0]].type]
    source = source_of([file.path for file in files], ", union_by_name = true")
    value = quoted(column) if column in stored_types(con, source) else "NULL"
    con.execute(
        f"CREATE TABLE known_{rule.bit} AS SELECT DISTINCT TRY_CAST({value} AS {wanted}) AS v FROM {source}"  # noqa: S608
        f" WHERE TRY_CAST({value} AS {wanted}) IS NOT NULL"
    )


def _authoritative(
    con: duckdb.DuckDBPyConnection,
    book: RuleBook,
    rule: QualityRule,
    catalogue: Catalogue,
    files: Sequence[ShelfFile],
) -> None:
    """Make a table of what the source says by its key; of several rows of a key the one that stays counts."""
    name, _, column = rule.told.partition(".")
    listing = catalogue.get(name)
    own = book.listing.dataset.by_name
    pairs = shared_key(book.listing, listing)
    theirs = tuple(dict.fromkeys(name for _, name in pairs))
    source = source_of([file.path for file in files], ", union_by_name = true")
    stored = stored_types(con, source)
    columns = {*theirs, column, listing.confirmed_column} - {""}
    told = ", ".join(typed(listing, name, stored) for name in sorted(columns))
    keys = ", ".join(quoted(name) for name in theirs)
    shown = ", ".join(
        f"TRY_CAST({quoted(name)} AS {SQL_TYPES[own[mine].type]}) AS k{n}" for n, (mine, name) in enumerate(pairs)
    )
    value = f"TRY_CAST({quoted(column)} AS {SQL_TYPES[own[rule.columns[0]].type]}) AS v"
    con.execute(
        f"CREATE TABLE known_{rule.bit} AS SELECT {shown}, {value} FROM (SELECT *, row_number() OVER"  # noqa: S608
        f" (PARTITION BY {keys} ORDER BY {survival(listing)}) AS place FROM (SELECT row_no, {told} FROM {source})"
        f" WHERE {whole(listing, theirs)}) WHERE place = 1"
    )
