"""What must hold of a catalogue as a whole: everything that is named exists, and no grade falls without a reason."""

from collections.abc import Callable, Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.datasets.table import ColumnType
from hubtwin.library.declared import Entry
from hubtwin.rules.quality_checks import plain_condition

Places = Mapping[tuple[str, str], Entry]
REFUSED = (exp.Query, exp.Parameter, exp.Placeholder, exp.Star, exp.Command, exp.AggFunc, exp.Anonymous, exp.Window)
LONGEST_CONDITION = 1000  # characters of a rule across columns


def check_catalogue(catalogue: Catalogue, places: Places) -> None:
    """Refuse a catalogue that does not hold together.

    `places` says where ("dataset", name) was declared; only what stands there is judged, the rest was before. Raises
    Malformed for the first mistake, naming file and entry.
    """
    for library in catalogue.libraries:
        entry = places.get(("library", library.name))
        if entry is not None and library.street and ("street", library.street) not in places:
            raise entry.wrong("street", "unknown", what=library.street)
    told = [(each, places["dataset", each.name]) for each in catalogue.listings if ("dataset", each.name) in places]
    for check in (_check_owner, _check_library, _check_columns, _check_parents):
        for listing, entry in told:
            check(catalogue, listing, entry)
    for listing, entry in told:
        _check_lineage(catalogue, listing, entry)
        _check_conditions(listing, entry)


def _check_owner(catalogue: Catalogue, listing: Listing, entry: Entry) -> None:
    known = {each.agency_id for each in catalogue.agencies}
    for name, agency in (("owner", listing.owner), ("steward", listing.steward)):
        if agency and agency not in known:
            raise entry.wrong(name, "unknown", what=agency)
    for purpose in listing.purposes:
        if purpose not in catalogue.purposes:
            raise entry.wrong("purposes", "unknown", what=purpose)


def _check_library(catalogue: Catalogue, listing: Listing, entry: Entry) -> None:
    library = catalogue.library_by_name.get(listing.library)
    if library is None:
        raise entry.wrong("library", "unknown", what=listing.library)
    grade = listing.dataset.grade
    if grade > library.ceiling:
        raise entry.wrong("", "above_ceiling", grade=grade.name, library=library.name, ceiling=library.ceiling.name)


def _check_columns(catalogue: Catalogue, listing: Listing, entry: Entry) -> None:
    needed: tuple[tuple[str, str, ColumnType], ...] = (
        ("confirmed_column", listing.confirmed_column, "minute"),
        ("street_column", listing.street_column, "string"),
    )
    for name, said, kind in needed:
        if said and said not in listing.dataset.by_name:
            raise entry.wrong(name, "unknown", what=said)
        if said and listing.dataset.by_name[said].type != kind:
            raise entry.wrong(name, "column_type", what=said, needed=kind)
    for column in listing.dataset.columns:
        trait = listing.trait(column.name)
        for name, target in (("refers_to", trait.refers_to), ("same_as", trait.same_as)):
            if target:
                _check_target(catalogue, listing, entry, (f"columns.{column.name}.{name}", target, column.type))


def _check_target(catalogue: Catalogue, listing: Listing, entry: Entry, told: tuple[str, str, ColumnType]) -> None:
    """Check that "dataset.column" exists and can be compared with a column of that type."""
    where, target, kind = told
    dataset, _, name = target.partition(".")
    other = catalogue.by_name.get(dataset)
    if other is None or name not in other.dataset.by_name:
        raise entry.wrong(where, "unknown", what=target)
    if other.dataset.by_name[name].type != kind:
        raise entry.wrong(where, "column_type", what=target, needed=kind)
    if where.endswith("same_as") and not set(other.dataset.key) <= set(listing.dataset.by_name):
        raise entry.wrong(where, "same_as_key", what=target, columns=", ".join(other.dataset.key))


def _check_parents(catalogue: Catalogue, listing: Listing, entry: Entry) -> None:
    for parent in listing.parents:
        if parent not in catalogue.by_name:
            raise entry.wrong("parents", "unknown", what=parent)
    if listing.lowered is not None or not listing.parents:
        return
    above = max((catalogue.by_name[parent] for parent in listing.parents), key=lambda each: each.dataset.grade)
    if listing.dataset.grade < above.dataset.grade:
        values = {"grade": listing.dataset.grade.name, "parent": above.name, "needed": above.dataset.grade.name}
        raise entry.wrong("", "below_parent", **values)


def _check_lineage(catalogue: Catalogue, listing: Listing, entry: Entry) -> None:
    path = find_cycle(lambda name: catalogue.by_name[name].parents, listing.name)
    if path:
        raise entry.wrong("parents", "cycle", path=" -> ".join(path))


def find_cycle(parents: Callable[[str], Sequence[str]], start: str) -> tuple[str, ...]:
    """Return a way from a name over its parents back to itself, empty where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for parent in parents(way[-1]):
            if parent == start:
                return (*way, parent)
            if parent not in seen:
                seen.add(parent)
                ways.append((*way, parent))
    return ()


def _check_conditions(listing: Listing, entry: Entry) -> None:
    for place, check in enumerate(listing.checks):
        if check.name in [each.name for each in listing.checks[:place]]:
            raise entry.wrong(f"checks.{check.name}", "twice", other=entry.where)
        problem = judge_condition(check.holds, listing.dataset.by_name)
        if problem:
            raise entry.wrong(f"checks.{check.name}.holds", "condition", problem=problem)
        try:
            plain_condition(check.holds, listing.dataset, check.name)  # as the quality rules will read it
        except Malformed as error:
            told = [str(value) for name, value in error.values.items() if name not in ("dataset", "check")]
            problem = ", ".join(told) or check.holds[:80]
            raise entry.wrong(f"checks.{check.name}.holds", "condition", problem=problem) from error


def judge_condition(condition: str, columns: Mapping[str, object]) -> str:
    """Return what is wrong with an SQL condition over columns, empty where nothing is.

    One expression of the dialect of DuckDB; no query inside, no parameter, no remark, no column that is not named, and
    no function that the parser does not know: the condition becomes part of a longer statement.
    """
    if any(mark in condition for mark in ("--", "/*", ";")):
        return "-- /* ;"
    if len(condition) > LONGEST_CONDITION:
        return f"> {LONGEST_CONDITION}"
    try:
        parsed = sqlglot.parse_one(condition, dialect="duckdb", into=exp.Condition)
    except (SqlglotError, RecursionError) as error:
        return str(error).splitlines()[0][:200] or "SQL"
    for node in parsed.walk():
        if isinstance(node, REFUSED):
            return node.sql(dialect="duckdb")[:80]
        if isinstance(node, exp.Column) and (node.table or node.name not in columns):
            return node.sql(dialect="duckdb")[:80]
    return ""
