"""The rules of a dataset as one query: each row once, with the mask of what it fails and a hash for each key.

Everything a row can be held to alone, or against a table that is held, is in this one scan. What it cannot say is
whether a key stands twice: it gives the hashes from which that is found (`hubtwin.stores.key_runs`).

The mask is put together only for rows that fail something; for all others it is a constant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Catalogue
from hubtwin.datasets.table import Column, ColumnType
from hubtwin.rules.identifiers import FORMULAS, Formula
from hubtwin.rules.quality_rules import Kind, QualityRule, RuleBook, shared_key

SQL_TYPES: Mapping[ColumnType, str] = {
    "string": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "minute": "INTEGER",
    "second": "BIGINT",
    "pid": "VARCHAR",
}
_PID = Formula((), "regexp_full_match({x}, '[0-9a-f]{{32}}')")
DEPTH = max(len(formula.layers) for formula in FORMULAS.values())


@dataclass(frozen=True)
class Against:
    """What rows are held against: the minute, the types that lie in the files, tables by the name of a rule.

    A table of `refers_to` has the column v; one of `same_as` has k0, k1, ... and v, each key once. A rule whose table
    is not there is not evaluated. `loaded_min` stands for the confirmation where a dataset has no column of it.
    """

    now_min: int
    stored: Mapping[str, str]  # column -> SQL type in the files; one that is not there counts as empty
    tables: Mapping[str, str] = field(default_factory=dict)
    loaded_min: int = 0


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def scan_sql(book: RuleBook, source: str, against: Against, catalogue: Catalogue, *, hashed: bool = True) -> str:
    """Return the query over `source` (a relation in FROM): row_no, failed (UBIGINT), and k<bit> for each unique rule
    if `hashed`.

    Bits of `withheld` and of unique rules are left at 0.
    """
    made = _Query(book, against, catalogue)
    fails = {rule.bit: made.fails(rule) for rule in book.rules}
    told = {bit: sql for bit, sql in fails.items() if sql}
    unique = book.unique if hashed else ()
    keys = "".join(f", {made.hash(rule)} AS k{rule.bit}" for rule in unique)
    inner = made.base(source)
    for layer in made.layers:
        inner = f"(SELECT *{''.join(f', {sql} AS {name}' for name, sql in layer.items())} FROM {inner})"  # noqa: S608
    flags = "".join(f", {sql} AS f{bit}" for bit, sql in told.items())
    inner = f"(SELECT row_no{flags}{keys} FROM {inner})"  # noqa: S608
    names = "".join(f", k{rule.bit}" for rule in unique)
    return f"SELECT row_no, {_mask(book.constant_mask, list(told))} AS failed{names} FROM {inner}"  # noqa: S608


def skipped(book: RuleBook, against: Against) -> tuple[QualityRule, ...]:
    """Return the rules that cannot be evaluated, since what they refer to is not held."""
    return tuple(r for r in book.by_kind(Kind.REFERS_TO, Kind.SAME_AS) if r.name not in against.tables)


def stale_before(book: RuleBook, now_min: int) -> int | None:
    """Return the value of the confirmed column (in its own unit) below which a row is older than promised.

    None where nothing is promised or the dataset has no such column. A day counts to its end.
    """
    listing = book.listing
    if listing.update_every_min is None or not listing.confirmed_column:
        return None
    limit, kind = now_min - listing.update_every_min, listing.dataset.by_name[listing.confirmed_column].type
    if kind == "date":
        return -((DAY_MIN - limit) // DAY_MIN)  # days since 1970 whose end is not before the limit, rounded up
    return limit * 60 if kind == "second" else limit


def _mask(constant: int, bits: list[int]) -> str:
    if not bits:
        return f"{constant}::UBIGINT"
    some = " OR ".join(f"f{bit}" for bit in bits)
    parts = " | ".join(f"CASE WHEN f{bit} THEN {1 << bit}::UBIGINT ELSE 0::UBIGINT END" for bit in bits)
    return f"CASE WHEN {some} THEN {constant}::UBIGINT | {parts} ELSE {constant}::UBIGINT END"


class _Query:
    """The query as it grows: layers of named expressions, one upon the other."""

    def __init__(self, book: RuleBook, against: Against, catalogue: Catalogue) -> None:
        self._book, self._against, self._catalogue = book, against, catalogue
        self._columns = {column.name: column for column in book.listing.dataset.columns}
        self.layers: list[dict[str, str]] = [{} for _ in range(DEPTH)]
        self._joins: dict[str, str] = {}
        self._place = {name: place for place, name in enumerate(self._columns)}

    def base(self, source: str) -> str:
        """Return the rows with each column in its declared type; one that is not stored is empty."""
        parts = ["t.row_no"]
        for name, column in self._columns.items():
            sql, wanted = quoted(name), SQL_TYPES[column.type]
            stored = self._against.stored.get(name)
            if stored is None:
                parts.append(f"NULL::{wanted} AS {sql}")
            elif stored == wanted:
                parts.append(f"t.{sql}")
            else:
                parts.append(f"TRY_CAST(t.{sql} AS {wanted}) AS {sql}, t.{sql} AS _o{self._place[name]}")
        joins = "".join(f" LEFT JOIN {table} ON {on}" for table, on in self._joins.items())
        same = "".join(f", {table}.v AS _v{table}" for table in self._joins)
        return f"(SELECT {', '.join(parts)}{same} FROM {source} AS t{joins})"  # noqa: S608

    def fails(self, rule: QualityRule) -> str:
        """Return when a row fails a rule, never NULL; empty where no row can, or none by itself."""
        by_kind = {
            Kind.TYPE: self._type,
            Kind.FORMAT: self._format,
            Kind.VALUES: self._values,
            Kind.RANGE: self._range,
            Kind.REQUIRED: lambda rule: self._missing(rule.columns[0]),
            Kind.REFERS_TO: self._refers,
            Kind.SAME_AS: self._same,
            Kind.CHECK: lambda rule: f"coalesce(TRY(NOT ({rule.told})), false)",
            Kind.STALE: self._stale,
        }
        return by_kind[rule.kind](rule) if rule.kind in by_kind else ""

    def hash(self, rule: QualityRule) -> str:
        """Return the hash of a key; rows whose key is not whole are told apart by their number."""
        names = [quoted(name) for name in rule.columns]
        empty = " OR ".join(self._missing(name) for name in rule.columns)
        return f"CASE WHEN {empty} THEN hash(row_no, 'no key') ELSE hash({', '.join(names)}) END"

    def _missing(self, column: str) -> str:
        """Return the name of the flag that a value is empty: none, or blanks only."""
        name, x = f"_m{self._place[column]}", quoted(column)
        if SQL_TYPES[self._columns[column].type] == "VARCHAR":  # the first sign is looked at before the whole text
            sql = f"CASE WHEN {x} IS NULL THEN true WHEN {x} < '!' THEN trim({x}) = '' ELSE false END"
        else:
            sql = f"{x} IS NULL"
        self.layers[0][name] = sql
        return name

    def _type(self, rule: QualityRule) -> str:
        other = [
            f"(_o{self._place[name]} IS NOT NULL AND {quoted(name)} IS NULL)"
            for name in rule.columns
            if self._against.stored.get(name, SQL_TYPES[self._columns[name].type])
            != SQL_TYPES[self._columns[name].type]
        ]
        return " OR ".join(other)

    def _present(self, column: str, bad: str) -> str:
        return f"CASE WHEN {self._missing(column)} THEN false ELSE {bad} END"

    def _format(self, rule: QualityRule) -> str:
        formula = _PID if rule.told == "pid" else FORMULAS[rule.told]
        over = formula.over(quoted(rule.columns[0]), f"_q{rule.bit}")
        for depth, layer in enumerate(over.layers):
            self.layers[depth].update(layer)
        return self._present(rule.columns[0], f"NOT coalesce({over.holds}, false)")

    def _values(self, rule: QualityRule) -> str:
        column = self._columns[rule.columns[0]]
        x = quoted(column.name)
        listed = ", ".join(literal(value) for value in column.values)
        return self._present(column.name, f"{x}::VARCHAR NOT IN ({listed})")

    def _range(self, rule: QualityRule) -> str:
        column = self._columns[rule.columns[0]]
        x, bad = quoted(column.name), []
        if column.type == "float":
            bad.append(f"NOT isfinite({x})")
        bad += [f"{x} < {_number(column, column.minimum)}"] if column.minimum is not None else []
        bad += [f"{x} > {_number(column, column.maximum)}"] if column.maximum is not None else []
        return f"coalesce({' OR '.join(bad)}, false)"

    def _refers(self, rule: QualityRule) -> str:
        table = self._against.tables.get(rule.name)
        if not table:
            return ""
        x, name = quoted(rule.columns[0]), f"_r{rule.bit}"
        self.layers[0][name] = f"{x} IN (SELECT v FROM {table})"  # noqa: S608 - a table the store has made
        return self._present(rule.columns[0], f"NOT {name}")

    def _same(self, rule: QualityRule) -> str:
        table = self._against.tables.get(rule.name)
        if not table:
            return ""
        source = self._catalogue.get(rule.told.partition(".")[0])
        pairs = shared_key(self._book.listing, source)
        self._joins[table] = " AND ".join(f"t.{quoted(own)} = {table}.k{n}" for n, (own, _) in enumerate(pairs))
        return self._present(rule.columns[0], f"coalesce({quoted(rule.columns[0])} <> _v{table}, false)")

    def _stale(self, rule: QualityRule) -> str:
        listing, now_min = self._book.listing, self._against.now_min
        if not rule.columns:
            late = now_min - (listing.update_every_min or 0) > self._against.loaded_min
            return "true" if late else ""
        x, limit = quoted(rule.columns[0]), stale_before(self._book, now_min)
        kind = self._columns[rule.columns[0]].type
        if kind == "date":
            return f"coalesce({x} < DATE '1970-01-01' + {limit}, true)"
        if kind not in {"minute", "second", "int"}:
            raise Malformed("rules.confirmed_type", dataset=listing.name, column=rule.columns[0])
        return f"coalesce({x} < {limit}, true)"


def _number(column: Column, bound: float | None) -> str:
    """Return a bound as SQL: whole numbers stay whole, so that no column is widened to compare it."""
    assert bound is not None
    return str(int(bound)) if column.type != "float" and float(bound).is_integer() else repr(float(bound))
