"""Full listings to changes: what a snapshot means against the intervals, snapshots and freezes that are stored.

A page of intervals is changes already and passes as it is, row by row; a listing begins with a RISK_SNAPSHOTS row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import narwhals as nw

from hubtwin.datasets.health import RISK_AREAS, RISK_FREEZES, RISK_SNAPSHOTS
from hubtwin.model.record import Row
from hubtwin.ports import Tables
from hubtwin.rules.snapshots import Freeze, Guard, Hold, LevelState, advance, release

Values = Mapping[str, Any]

_AREA_COLUMNS = [column.name for column in RISK_AREAS.columns]
_FREEZE_COLUMNS = [column.name for column in RISK_FREEZES.columns]


def fold(rows: Iterable[Row], tables: Tables, guard: Guard) -> Iterable[Row]:
    """Return the changes that a page means: a list for a listing, the rows themselves, one by one, for intervals."""
    coming = iter(rows)
    first = next(coming, None)
    if first is None:
        return []
    together = chain((first,), coming)
    return fold_listing(list(together), tables, guard) if first.dataset == RISK_SNAPSHOTS.name else together


def fold_listing(rows: Sequence[Row], tables: Tables, guard: Guard) -> Sequence[Row]:
    """Return the rows to store: opened areas, closed areas with `gone_by_min`, snapshots with verdict, freezes.

    `rows` holds whole pages of `mapper.read`, in any order: a snapshot of which a part is missing would close the
    rest. `tables` holds the manifest's datasets. A snapshot that is older than the latest one of its level is noted
    as late and changes nothing; one of the same time adds what it lists and withdraws nothing.
    """
    snapshots = sorted(
        (row for row in rows if row.dataset == RISK_SNAPSHOTS.name),
        key=lambda row: (row.values["updated_min"], row.values["level"]),
    )
    listed: dict[tuple[object, object], dict[str, Row]] = {}
    for row in rows:
        if row.dataset == RISK_AREAS.name:
            values = row.values
            listed.setdefault((values["first_seen_min"], values["level"]), {})[str(values["area_key"])] = row
    stored = _Stored(tables)
    found: list[Row] = []
    for snapshot in snapshots:
        place = (snapshot.values["updated_min"], snapshot.values["level"])
        found += _fold_level(snapshot, listed.get(place, {}), stored, guard)
    return found


def release_level(level: str, at_min: int, tables: Tables) -> Sequence[Row]:
    """Return the rows that end the freeze of a level by a person's decision: freezes with their end, and the
    snapshot that raised the alarm with verdict `released`. Nothing where no freeze lasts."""
    stored = _Stored(tables)
    state = stored.level(level).state
    if state.hold is None:
        return []
    rows = _freeze_rows(release(state, at_min).freezes, Row(RISK_FREEZES.name, {}))
    alarm = stored.find_snapshot(level, state.hold.from_min)
    if alarm:
        rows.append(Row(RISK_SNAPSHOTS.name, {**alarm, "verdict": "released"}))
    return rows


@dataclass
class _Level:
    """A level while a page is folded: its state, and the rows of the areas that are open."""

    state: LevelState
    open_areas: dict[str, Values]


def _fold_level(snapshot: Row, listed: Mapping[str, Row], stored: "_Stored", guard: Guard) -> list[Row]:
    level, updated_min = str(snapshot.values["level"]), int(str(snapshot.values["updated_min"]))
    known = stored.level(level)
    again = known.state.updated_min is not None and updated_min == known.state.updated_min
    step = advance(known.state, level, updated_min, frozenset(listed), guard)
    if step.verdict == "late" and stored.find_snapshot(level, updated_min):
        return []
    found = [listed[key] for key in sorted(step.opened)]
    found += [
        replace(snapshot, dataset=RISK_AREAS.name, values={**known.open_areas.pop(key), "gone_by_min": updated_min})
        for key in sorted(step.closed)
    ]
    found += _freeze_rows(step.freezes, snapshot)
    known.open_areas.update({key: listed[key].values for key in step.opened})
    known.state = step.state
    if not again:
        noted = {**snapshot.values, "dropped": len(step.closed), "verdict": step.verdict}
        stored.note(noted)
        found.append(replace(snapshot, values=noted))
    return found


def _freeze_rows(freezes: Iterable[Freeze], like: Row) -> list[Row]:
    return [
        replace(
            like,
            dataset=RISK_FREEZES.name,
            values={"area_key": freeze.area_key, "from_min": freeze.from_min, "until_min": freeze.until_min},
        )
        for freeze in freezes
    ]


class _Stored:
    """What the store knows, read once per fold and kept up to date while the snapshots of a page are folded."""

    def __init__(self, tables: Tables) -> None:
        self._areas = tables[RISK_AREAS.name]
        self._freezes = _rows(tables[RISK_FREEZES.name].filter(nw.col("until_min").is_null()).select(_FREEZE_COLUMNS))
        columns = [column.name for column in RISK_SNAPSHOTS.columns]
        self._snapshots: dict[tuple[str, int], Values] = {
            (row["level"], row["updated_min"]): row for row in _rows(tables[RISK_SNAPSHOTS.name].select(columns))
        }
        self._levels: dict[str, _Level] = {}

    def find_snapshot(self, level: str, updated_min: int) -> Values | None:
        """Return the RISK_SNAPSHOTS row of a level and time."""
        return self._snapshots.get((level, updated_min))

    def note(self, snapshot: Values) -> None:
        """Remember a snapshot of the page that is being folded."""
        self._snapshots[snapshot["level"], snapshot["updated_min"]] = snapshot

    def level(self, level: str) -> _Level:
        """Return the state of a level, from what is stored where it is asked for the first time."""
        if level not in self._levels:
            self._levels[level] = self._load(level)
        return self._levels[level]

    def _load(self, level: str) -> _Level:
        areas = self._areas.filter(nw.col("level") == level)
        is_open = _rows(areas.filter(nw.col("gone_by_min").is_null()).select(_AREA_COLUMNS))
        latest = _rows(areas.select(nw.col("first_seen_min").max(), nw.col("gone_by_min").max()))
        times = [value for row in latest for value in row.values() if value is not None]
        times += [at for (of, at), row in self._snapshots.items() if of == level and row["verdict"] != "late"]
        open_areas: dict[str, Values] = {str(row["area_key"]): row for row in is_open}
        hold = self._hold(areas)
        return _Level(LevelState(max(times, default=None), frozenset(open_areas), hold), open_areas)

    def _hold(self, areas: nw.LazyFrame[Any]) -> Hold | None:
        """Return the hold of a level: freezes that last, of areas whose interval ended as they began."""
        if not self._freezes:
            return None
        from_min = max(row["from_min"] for row in self._freezes)
        ended = _rows(areas.filter(nw.col("gone_by_min") == from_min).select("area_key"))
        keys = {row["area_key"] for row in ended} & {row["area_key"] for row in self._freezes}
        if not keys:
            return None
        before = areas.filter(
            nw.col("first_seen_min") < from_min,
            nw.col("gone_by_min").is_null() | (nw.col("gone_by_min") >= from_min),
        )
        (count,) = _rows(before.select(nw.len().alias("count")))
        return Hold(from_min, int(count["count"]), frozenset(keys))


def _rows(frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
    return frame.collect().rows(named=True)
