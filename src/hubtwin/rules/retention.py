"""What has been kept long enough: a table of data, and a pure answer to "what is due now".

The table is `retention.toml` beside this module, each figure with its source. Aggregates whose cells are at least
five are not in it: they are of no person.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hubtwin.base.clock import DAY_MIN, epoch_minute, from_epoch_minute, service_start
from hubtwin.base.errors import Absent, Malformed
from hubtwin.datasets.all import DATASETS

DELETE, PSEUDONYMISE = "delete", "pseudonymise"


@dataclass(frozen=True, slots=True)
class RecordRule:
    """A kind of record about a person: what happens to it, and how many days after its `since`.

    With `incubations` it is due on the first working day of the month after so many incubation periods; `days`
    is the latest then.
    """

    kind: str
    action: str
    days: int
    source: str
    incubations: int = 0


@dataclass(frozen=True, slots=True)
class RowsRule:
    """A dataset whose rows go by their age: those whose `column` lies more than `days` back are deleted."""

    dataset: str
    column: str
    days: int
    source: str


@dataclass(frozen=True, slots=True)
class Retention:
    """The whole table, as it is shown on screen."""

    records: tuple[RecordRule, ...]
    rows: tuple[RowsRule, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A record about a person that is kept, and since when its time runs. `parent` is the record it belongs to.

    `pid` may be empty where the record is of nobody in the vault; `done` are the actions it has been through.
    """

    item_id: str
    kind: str
    pid: str
    since_min: int
    emergency_id: str = ""
    parent: str = ""
    done: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Due:
    """A record whose time is over, what happens to it, and since when that was due."""

    item: Kept
    action: str
    due_min: int


@dataclass(frozen=True)
class Times:
    """What a due date depends on beside the table: the hub's zone, its holidays, the incubation period."""

    zone: ZoneInfo
    incubation_d: int
    holidays: frozenset[date] = frozenset()


def read_retention(content: str) -> Retention:
    """Return the table that a TOML text holds. Raises Malformed for anything that is not as it should be."""
    try:
        told = tomllib.loads(content)
        records = tuple(_record(entry) for entry in told["record"])
        rows = tuple(_rows(entry) for entry in told["rows"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise Malformed("rules.retention_unreadable", detail=str(error)) from error
    return Retention(records, rows)


def due_min(rule: RecordRule, since_min: int, times: Times) -> int:
    """Return the minute from which a record is due under a rule."""
    latest = since_min + rule.days * DAY_MIN
    if not rule.incubations:
        return latest
    ends = from_epoch_minute(since_min + rule.incubations * times.incubation_d * DAY_MIN).astimezone(times.zone)
    day = (ends.date().replace(day=1) + timedelta(days=32)).replace(day=1)
    while day.weekday() >= 5 or day in times.holidays:
        day += timedelta(days=1)
    return min(latest, epoch_minute(service_start(day, times.zone)))


def due_for_deletion(kept: Iterable[Kept], now: datetime, table: Retention, times: Times) -> list[Due]:
    """Return what is due at `now`, children before their parents, then the longest overdue first.

    A parent waits for nothing: a child of a parent that is due to be deleted is due with it, whatever its own
    rule says, because it must not outlive it. Raises Absent for a kind that the table does not know.
    """
    items = {item.item_id: item for item in kept}
    at_min, found = epoch_minute(now), dict[str, Due]()
    for item in items.values():
        if (due := _own_due(item, at_min, table, times)) is not None:
            found[item.item_id] = due
    for item in items.values():
        for above in _ancestors(item, items):
            due = found.get(above.item_id)
            own = found.get(item.item_id)
            if due and due.action == DELETE and (own is None or own.action != DELETE):
                found[item.item_id] = Due(item, DELETE, due.due_min)
    return sorted(found.values(), key=lambda due: (-_depth(due.item, items), due.due_min, due.item.item_id))


def rows_cut(rule: RowsRule, now: datetime, zone: ZoneInfo) -> int | date:
    """Return the value of the rule's column below which rows are due: epoch minute, second, or date of the hub."""
    return cut_of(DATASETS[rule.dataset].by_name[rule.column].type, rule.days, now, zone)


def cut_of(kind: str, days: int, now: datetime, zone: ZoneInfo) -> int | date:
    """Return the value of a column of some type ("date", "minute", "second") below which a row is older than `days`."""
    if kind == "date":
        return now.astimezone(zone).date() - timedelta(days=days)
    cut_min = epoch_minute(now) - days * DAY_MIN
    return cut_min * 60 if kind == "second" else cut_min


def _own_due(item: Kept, at_min: int, table: Retention, times: Times) -> Due | None:
    """Return the gravest thing that is due: deleting leaves nothing to be pseudonymised."""
    rules = [rule for rule in table.records if rule.kind == item.kind]
    if not rules:
        raise Absent("rules.retention_unknown_kind", kind=item.kind)
    reached = [Due(item, rule.action, due_min(rule, item.since_min, times)) for rule in rules]
    now_due = [due for due in reached if due.due_min <= at_min and due.action not in item.done]
    return min(now_due, key=lambda due: due.action != DELETE, default=None)


def _ancestors(item: Kept, items: Mapping[str, Kept]) -> Sequence[Kept]:
    chain: list[Kept] = []
    while (above := items.get(item.parent)) is not None and above not in chain:
        chain.append(above)
        item = above
    return chain


def _depth(item: Kept, items: Mapping[str, Kept]) -> int:
    return len(_ancestors(item, items))


def _record(entry: Mapping[str, Any]) -> RecordRule:
    rule = RecordRule(**entry)
    if rule.action not in (DELETE, PSEUDONYMISE) or not _is_days(rule.days) or not rule.source:
        raise Malformed("rules.retention_wrong", entry=rule.kind)
    return rule


def _rows(entry: Mapping[str, Any]) -> RowsRule:
    rule = RowsRule(**entry)
    column = DATASETS[rule.dataset].by_name[rule.column]
    if column.type not in ("date", "minute", "second") or column.nullable or not _is_days(rule.days) or not rule.source:
        raise Malformed("rules.retention_wrong", entry=rule.dataset)
    return rule


def _is_days(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


RETENTION = read_retention(Path(__file__).with_name("retention.toml").read_text(encoding="utf-8"))
