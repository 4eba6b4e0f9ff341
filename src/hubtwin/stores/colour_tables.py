"""The tables that rows are held against: values that must be there, and what the authoritative source says."""

from collections.abc import Callable, Sequence
from hashlib import sha256

import duckdb

from hubtwin.datasets.listing import Catalogue
from hubtwin.rules.quality_rules import Kind, QualityRule, RuleBook, shared_key, stands_latest
from hubtwin.rules.quality_sql import SQL_TYPES, quoted
from hubtwin.stores.colour_doubles import survival, typed, whole
from hubtwin.stores.colour_scan import rows_of, stored_types
from hubtwin.stores.shelf_files import ShelfFile

FilesOf = Callable[[str], Sequence[ShelfFile]]


def make_tables(
    con: duckdb.DuckDBPyConnection, book: RuleBook, catalogue: Catalogue, files_of: FilesOf
) -> tuple[dict[str, str], str]:
    """Make a table for each rule that holds a value against another dataset; return their names by the rule's name,
    and what tells these tables from others: the values that are there, or the files that say what is right. A file that
    tells again what was known lets the rows that refer to it stand.

    There is none for a dataset of which nothing is held: that a value is not found would say nothing.
    """
    tables, told = {}, []
    for rule in book.by_kind(Kind.REFERS_TO, Kind.SAME_AS):
        files = files_of(rule.told.partition(".")[0])
        if files:
            tables[rule.name] = f"known_{rule.bit}"
            make = _known if rule.kind is Kind.REFERS_TO else _authoritative
            make(con, book, rule, catalogue, files)
        said = ",".join(file.sha256 for file in files)
        told.append(f"{rule.name}={_mark(con, rule) if files and rule.kind is Kind.REFERS_TO else said}")
    return tables, sha256("|".join(told).encode()).hexdigest()[:32]


def _mark(con: duckdb.DuckDBPyConnection, rule: QualityRule) -> str:
    """Return what tells the values of a table from others, in whatever order they lie."""
    sql = f"SELECT count(*), bit_xor(hash(v)), sum(hash(v)::HUGEINT) FROM known_{rule.bit}"  # noqa: S608 - a number
    return "-".join(map(str, con.execute(sql).fetchall()[0]))


def _known(
    con: duckdb.DuckDBPyConnection,
    book: RuleBook,
    rule: QualityRule,
    _catalogue: Catalogue,
    files: Sequence[ShelfFile],
) -> None:
    column = rule.told.partition(".")[2]
    wanted = SQL_TYPES[book.listing.dataset.by_name[rule.columns[0]].type]
    source = rows_of(files)
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
    source = rows_of(files)
    stored = stored_types(con, source)
    columns = {*theirs, column, listing.confirmed_column} - {""}
    told = ", ".join(typed(listing, name, stored) for name in sorted(columns))
    keys = ", ".join(quoted(name) for name in theirs)
    shown = ", ".join(
        f"TRY_CAST({quoted(name)} AS {SQL_TYPES[own[mine].type]}) AS k{n}" for n, (mine, name) in enumerate(pairs)
    )
    value = f"TRY_CAST({quoted(column)} AS {SQL_TYPES[own[rule.columns[0]].type]}) AS v"
    order = survival(listing, latest=stands_latest(listing, catalogue))
    con.execute(
        f"CREATE TABLE known_{rule.bit} AS SELECT {shown}, {value} FROM (SELECT *, row_number() OVER"  # noqa: S608
        f" (PARTITION BY {keys} ORDER BY {order}) AS place FROM (SELECT row_no, {told} FROM {source})"
        f" WHERE {whole(listing, theirs)}) WHERE place = 1"
    )
