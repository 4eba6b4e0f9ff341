"""The exit rules of `exit_rules.toml` as tables, checked entry by entry.

A file that cannot be trusted is refused whole, with the path of the entry that is wrong: rules that overlap, that leave
a combination open, that flag without a ground, or two tables of a station in force at the same time.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.rules.screening import (
    HEALTH,
    ITINERARY,
    LEVELS,
    MEASURES,
    Cell,
    ExitRule,
    ExitTable,
    Origin,
    find_clash,
    find_groundless,
    find_overlap,
    find_uncovered,
)

ANY = "any"
ORIGINS = tuple(origin.value for origin in Origin)
FEVER_C = (35.0, 42.0)  # outside, a limit is a slip of the pen
TEST_AGE_H = (1, 720)
_TABLE = ("station", "version", "valid_from", "valid_until", "source", "codes", "fever_c", "fever_source", "hit_levels")
_RULE = ("id", "origins", "health", "itinerary", "flag", "measures", "max_test_age_h", "without_test")


def read_exit_rules(text: str) -> tuple[ExitTable, ...]:
    """Return the tables of an `exit_rules.toml`, in its order. Raises Malformed naming the entry that is wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise Malformed("scenes.epidemic.exit_not_toml", problem=str(problem)) from problem
    _Entry("", document).allow("table")
    tables = tuple(_table(entry) for entry in _Entry("", document).tables("table"))
    versions = [(table.station, table.version) for table in tables]
    for station, version in versions:
        if versions.count((station, version)) > 1:
            raise Malformed("scenes.epidemic.exit_version_twice", station=station, version=version)
    clash = find_clash(tables)
    if clash:
        first, second = (table.version for table in clash)
        raise Malformed("scenes.epidemic.exit_clash", station=clash[0].station, first=first, second=second)
    return tables


def list_versions(tables: Sequence[ExitTable], station: str) -> list[ExitTable]:
    """Return the tables of a station, oldest first."""
    return sorted((table for table in tables if table.station == station), key=lambda table: table.valid_from_min)


class _Entry:
    """A table of the file and its path for messages."""

    def __init__(self, path: str, data: Any) -> None:
        self.path, self.data = path, data
        if not isinstance(data, Mapping):
            self.refuse("scenes.epidemic.exit_wrong_kind", "", kind="a table")

    def refuse(self, key: str, name: str, **values: object) -> NoReturn:
        path = ".".join(part for part in (self.path, name) if part)
        raise Malformed(key, entry=path or "exit_rules.toml", **values)

    def allow(self, *names: str) -> None:
        for name in self.data:
            if name not in names:
                self.refuse("scenes.epidemic.exit_unknown_entry", name, allowed=", ".join(names))

    def get(self, name: str, kind: type | tuple[type, ...], shown: str) -> Any:
        if name not in self.data:
            self.refuse("scenes.epidemic.exit_lacks", name)
        value = self.data[name]
        wanted = kind if isinstance(kind, tuple) else (kind,)
        if type(value) not in wanted:  # a bool is no number here
            self.refuse("scenes.epidemic.exit_wrong_kind", name, kind=shown)
        return value

    def word(self, name: str) -> str:
        found = str(self.get(name, str, "a text"))
        if not found.strip():
            self.refuse("scenes.epidemic.exit_lacks", name)
        return found

    def number(self, name: str, low: float, high: float) -> float:
        found = float(self.get(name, (int, float), "a number"))
        if not low <= found <= high:
            self.refuse("scenes.epidemic.exit_out_of_range", name, low=low, high=high)
        return found

    def moment(self, name: str) -> int:
        found: datetime = self.get(name, datetime, "a date and time")
        if found.tzinfo is None:
            self.refuse("scenes.epidemic.exit_no_zone", name)
        return epoch_minute(found)

    def words(self, name: str, allowed: Sequence[str]) -> tuple[str, ...]:
        found = self.get(name, list, "a list")
        for word in found:
            if word not in allowed:
                self.refuse("scenes.epidemic.exit_unknown_word", name, word=str(word), allowed=", ".join(allowed))
        if len(set(found)) < len(found):
            self.refuse("scenes.epidemic.exit_word_twice", name)
        return tuple(found)

    def choices(self, name: str, allowed: Sequence[str]) -> frozenset[str]:
        found = self.words(name, (ANY, *allowed))
        if not found or (ANY in found and len(found) > 1):
            self.refuse("scenes.epidemic.exit_no_choice", name)
        return frozenset(allowed if ANY in found else found)

    def tables(self, name: str) -> list["_Entry"]:
        found = self.get(name, list, "a list of tables")
        if not found:
            self.refuse("scenes.epidemic.exit_lacks", name)
        path = f"{self.path}.{name}" if self.path else name
        return [_Entry(f"{path}[{number}]", data) for number, data in enumerate(found, start=1)]


def _table(entry: _Entry) -> ExitTable:
    entry.allow(*_TABLE, "rule")
    since = entry.moment("valid_from")
    until = entry.moment("valid_until") if "valid_until" in entry.data else None
    if until is not None and until <= since:
        entry.refuse("scenes.epidemic.exit_ends_first", "valid_until")
    rules = tuple(_rule(rule) for rule in entry.tables("rule"))
    _check_rules(entry, rules)
    entry.word("fever_source")
    return ExitTable(
        station=entry.word("station"),
        version=entry.word("version"),
        valid_from_min=since,
        valid_until_min=until,
        rules=rules,
        codes=bool(entry.get("codes", bool, "true or false")),
        fever_c=entry.number("fever_c", *FEVER_C),
        hit_levels=frozenset(entry.words("hit_levels", LEVELS)),
        source=entry.word("source"),
    )


def _rule(entry: _Entry) -> ExitRule:
    entry.allow(*_RULE)
    limit = int(entry.number("max_test_age_h", *TEST_AGE_H)) if "max_test_age_h" in entry.data else None
    without = entry.words("without_test", MEASURES) if "without_test" in entry.data else ()
    if (limit is None) != (not without):
        entry.refuse("scenes.epidemic.exit_half_a_test", "max_test_age_h")
    return ExitRule(
        rule_id=entry.word("id"),
        origins=entry.choices("origins", ORIGINS),
        health=entry.choices("health", HEALTH),
        itinerary=entry.choices("itinerary", ITINERARY),
        flag=bool(entry.get("flag", bool, "true or false")),
        measures=entry.words("measures", MEASURES),
        max_test_age_h=limit,
        without_test=without,
    )


def _check_rules(entry: _Entry, rules: Sequence[ExitRule]) -> None:
    names = [rule.rule_id for rule in rules]
    for name in names:
        if names.count(name) > 1:
            entry.refuse("scenes.epidemic.exit_rule_twice", "rule", rule=name)
    overlap = find_overlap(rules)
    if overlap:
        one, two, cell = overlap
        entry.refuse("scenes.epidemic.exit_overlap", "rule", one=one.rule_id, two=two.rule_id, cell=_shown(cell))
    gap = find_uncovered(rules)
    if gap:
        entry.refuse("scenes.epidemic.exit_gap", "rule", cell=_shown(gap))
    groundless = find_groundless(rules)
    if groundless:
        rule, cell = groundless
        entry.refuse("scenes.epidemic.exit_groundless", "rule", rule=rule.rule_id, cell=_shown(cell))


def _shown(cell: Cell) -> str:
    return f"origin {cell[0]}, health {cell[1]}, itinerary {cell[2]}"


EXIT_RULES = read_exit_rules((Path(__file__).parent / "exit_rules.toml").read_text(encoding="utf-8"))
