"""Folding full listings into stored intervals: a store in memory, snapshots in order, out of order and repeated."""

import gzip
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.clock import epoch_minute, from_epoch_minute
from hubtwin.connectors.risk_areas import CONNECTOR, GUARD, MANIFEST, load_guard, make_connector
from hubtwin.connectors.risk_areas.fold import release_level
from hubtwin.connectors.risk_areas.history import judge_imported, parse_counts
from hubtwin.connectors.risk_areas.simulator import Areas, intervals_csv, replay, snapshot_json, snapshots_json
from hubtwin.datasets.all import DATASETS
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Connector, Page, ReadContext, Tables
from hubtwin.rules.quality import check
from hubtwin.rules.snapshots import Guard, build_intervals

DATA = Path(__file__).parents[2] / "data" / "risk-areas"
ZONE = ZoneInfo("Asia/Shanghai")
CONTEXT = ReadContext(zone=ZONE, now=datetime(2026, 1, 1, tzinfo=UTC))
START = epoch_minute(datetime(2022, 10, 1, 8, tzinfo=ZONE))
HOUR = 60


def _lazy(table: pa.Table, engine: str) -> nw.LazyFrame[Any]:
    native: Any = table
    if engine == "polars":
        native = pl.from_arrow(table)
    elif engine == "duckdb":
        native = duckdb.from_arrow(table)
    frame: Any = nw.from_native(native)
    lazy: nw.LazyFrame[Any] = frame.lazy()
    return lazy


class Memory:
    """A store in memory: the latest row of each key."""

    def __init__(self, engine: str = "pyarrow") -> None:
        self.rows: dict[str, dict[tuple[object, ...], Mapping[str, object]]] = {name: {} for name in MANIFEST.datasets}
        self._engine = engine

    def put(self, rows: Iterable[Row]) -> None:
        for row in rows:
            dataset = DATASETS[row.dataset]
            assert check(dataset, row.values) == []
            self.rows[row.dataset][tuple(row.values[name] for name in dataset.key)] = row.values

    def tables(self) -> Tables:
        found: dict[str, nw.LazyFrame[Any]] = {}
        for name, rows in self.rows.items():
            schema = pa.schema([column.arrow for column in DATASETS[name].columns])
            found[name] = _lazy(pa.Table.from_pylist(list(rows.values()), schema=schema), self._engine)
        return found

    def intervals(self) -> set[tuple[object, ...]]:
        names = ("level", "province", "city", "county", "community", "first_seen_min", "gone_by_min")
        return {tuple(row[name] for name in names) for row in self.rows["risk_areas"].values()}

    def verdicts(self, level: str = "high") -> list[object]:
        rows = [row for row in self.rows["risk_snapshots"].values() if row["level"] == level]
        return [row["verdict"] for row in sorted(rows, key=lambda row: str(row["updated_min"]))]

    def freezes(self) -> set[tuple[object, object]]:
        return {(row["from_min"], row["until_min"]) for row in self.rows["risk_freezes"].values()}


def _take(memory: Memory, content: bytes, connector: Connector = CONNECTOR) -> Sequence[Row]:
    rows: list[Row] = []
    for item in connector.read(Page("page", [content], "1"), CONTEXT):
        assert not isinstance(item, Quarantined), item
        rows.append(item)
    assert connector.fold is not None
    changes = list(connector.fold(rows, memory.tables()))
    memory.put(changes)
    return changes


def _areas(names: str) -> Areas:
    return {"high": [("浙江省", "杭州市", "上城区", name) for name in names], "medium": []}


def _snapshot(memory: Memory, hour: int, names: str) -> Sequence[Row]:
    return _take(memory, snapshot_json(from_epoch_minute(START + hour * HOUR), _areas(names)))


def _at(hour: int) -> int:
    return START + hour * HOUR


@pytest.mark.parametrize("engine", ["pyarrow", "polars", "duckdb"])
def test_listings_become_intervals_on_every_engine(engine: str) -> None:
    memory = Memory(engine)
    _snapshot(memory, 0, "abcdef")
    _snapshot(memory, 3, "abcdeg")
    _snapshot(memory, 6, "ag")
    _snapshot(memory, 9, "abcdefg")
    found = {(row[4], row[5], row[6]) for row in memory.intervals()}
    assert {("a", _at(0), None), ("f", _at(0), _at(3)), ("f", _at(9), None), ("g", _at(3), None)} <= found
    assert memory.verdicts() == ["normal", "normal", "alarm", "recovered"]
    judged = list(judge_imported(memory.tables(), GUARD))
    assert {(row.dataset, row.values["from_min"]) for row in judged} == {("risk_freezes", _at(6))}
    assert {str(row.values["area_key"]) for row in judged} == {str(key) for key, _ in memory.rows["risk_freezes"]}


def test_what_did_not_change_is_not_written_again() -> None:
    memory = Memory()
    _snapshot(memory, 0, "abcdef")
    changes = _snapshot(memory, 3, "abcdef")
    assert {row.dataset for row in changes} == {"risk_snapshots"}


def test_a_suspicious_drop_is_frozen_until_the_next_snapshot() -> None:
    memory = Memory()
    _snapshot(memory, 0, "abcdefghij")
    _snapshot(memory, 3, "abc")
    assert memory.freezes() == {(_at(3), None)}
    assert len(memory.rows["risk_freezes"]) == 7
    _snapshot(memory, 6, "abcdefghi")
    assert memory.freezes() == {(_at(3), _at(6))}
    _snapshot(memory, 9, "a")
    _snapshot(memory, 12, "a")
    assert memory.verdicts() == ["normal", "alarm", "recovered", "alarm", "confirmed"]
    assert memory.freezes() == {(_at(3), _at(6)), (_at(9), _at(12))}
    dropped = [row["dropped"] for row in memory.rows["risk_snapshots"].values() if row["level"] == "high"]
    assert dropped == [0, 7, 0, 8, 0]


def test_a_repeated_snapshot_does_no_harm() -> None:
    memory = Memory()
    for hour, names in ((0, "abcdefghij"), (3, "abc"), (3, "abc"), (6, "abcdefghij")):
        _snapshot(memory, hour, names)
    before = (memory.intervals(), memory.verdicts(), memory.freezes())
    for hour, names in ((0, "abcdefghij"), (3, "abc"), (6, "abcdefghij")):
        assert _snapshot(memory, hour, names) == []
    assert (memory.intervals(), memory.verdicts(), memory.freezes()) == before


def test_a_late_snapshot_is_noted_and_changes_nothing() -> None:
    memory = Memory()
    _snapshot(memory, 0, "abc")
    _snapshot(memory, 6, "abcd")
    before = memory.intervals()
    changes = _snapshot(memory, 3, "xyz")
    assert {row.dataset for row in changes} == {"risk_snapshots"}
    assert memory.intervals() == before
    assert memory.verdicts() == ["normal", "late", "normal"]
    _snapshot(memory, 9, "abcd")
    assert memory.intervals() == before


def test_a_corrected_snapshot_of_the_same_time_adds_and_withdraws_nothing() -> None:
    memory = Memory()
    _snapshot(memory, 0, "abcdef")
    _snapshot(memory, 0, "ag")
    assert {(row[4], row[6]) for row in memory.intervals()} == {(name, None) for name in "abcdefg"}
    assert memory.verdicts() == ["normal"]


def test_a_level_that_is_not_published_is_left_as_it_is() -> None:
    memory = Memory()
    places = [("浙江省", "杭州市", "上城区", "其他区域")]
    _take(memory, snapshot_json(from_epoch_minute(_at(0)), {"low": places}))
    _take(memory, snapshot_json(from_epoch_minute(_at(3)), {}))
    assert [(row[0], row[6]) for row in memory.intervals()] == [("low", None)]


def test_an_abolished_level_goes_without_a_freeze() -> None:
    memory = Memory()
    connector = make_connector(Guard(abolished={"high": _at(3)}))
    for hour, names in ((0, "abcdefghij"), (3, "")):
        _take(memory, snapshot_json(from_epoch_minute(_at(hour)), _areas(names)), connector)
    assert memory.verdicts() == ["normal", "abolished"]
    assert memory.freezes() == set()


def test_the_shipped_abolitions_are_those_that_were_announced() -> None:
    since = {
        level: from_epoch_minute(minute).astimezone(ZONE).date().isoformat()
        for level, minute in GUARD.abolished.items()
    }
    assert since == {"medium": "2022-11-11", "high": "2023-01-08", "low": "2023-01-08"}
    assert load_guard('[[abolition]]\nlevel = "low"\nin_force_from = 1970-01-01T08:00:00').abolished == {"low": 0}


def test_a_person_may_release_a_freeze() -> None:
    memory = Memory()
    _snapshot(memory, 0, "abcdefghij")
    _snapshot(memory, 3, "a")
    rows = release_level("high", _at(4), memory.tables())
    memory.put(rows)
    assert memory.freezes() == {(_at(3), _at(4))}
    assert memory.verdicts() == ["normal", "released"]
    assert release_level("high", _at(5), memory.tables()) == []
    _snapshot(memory, 6, "a")
    assert memory.verdicts() == ["normal", "released", "normal"]


def test_several_snapshots_in_one_batch_fold_as_if_they_came_alone() -> None:
    alone, together = Memory(), Memory()
    rows: list[Row] = []
    for hour, names in ((6, "ab"), (0, "abcdefghij"), (3, "abc"), (9, "abcd")):
        content = snapshot_json(from_epoch_minute(_at(hour)), _areas(names))
        rows += [item for item in CONNECTOR.read(Page("p", [content], "1"), CONTEXT) if isinstance(item, Row)]
    for hour, names in ((0, "abcdefghij"), (3, "abc"), (6, "ab"), (9, "abcd")):
        _snapshot(alone, hour, names)
    assert CONNECTOR.fold is not None
    together.put(list(CONNECTOR.fold(rows, together.tables())))
    assert together.rows == alone.rows


def test_an_interval_table_passes_as_it_is_and_live_snapshots_go_on_from_it() -> None:
    memory = Memory()
    place = ("浙江省", "杭州市", "上城区")
    table = [("high", (*place, "a"), _at(0), _at(3)), ("high", (*place, "b"), _at(0), None)]
    changes = _take(memory, b"".join(intervals_csv(table)))
    assert [row.dataset for row in changes] == ["risk_areas", "risk_areas"]
    _snapshot(memory, 2, "xyz")
    _snapshot(memory, 6, "abc")
    found = {(row[4], row[5], row[6]) for row in memory.intervals()}
    assert found == {
        ("a", _at(0), _at(3)),
        ("a", _at(6), None),
        ("b", _at(0), None),
        ("c", _at(6), None),
    }
    assert memory.verdicts() == ["late", "normal"]


LISTINGS = st.lists(st.frozensets(st.sampled_from("abcdefgh"), max_size=8), min_size=1, max_size=6)


@given(LISTINGS, st.data())
@settings(max_examples=25, deadline=None)
def test_folding_one_after_the_other_equals_building_intervals_and_judging_them_at_once(
    listings: list[frozenset[str]], data: st.DataObject
) -> None:
    live = Memory()
    for at, listed in enumerate(listings):
        _snapshot(live, at, "".join(sorted(listed)))
        if data.draw(st.booleans()):
            again = data.draw(st.integers(0, at))
            _snapshot(live, again, "".join(sorted(listings[again])))
    built = build_intervals((_at(at), sorted(listed)) for at, listed in enumerate(listings))
    assert {row[4:] for row in live.intervals()} == set(built)
    imported = Memory()
    imported.rows["risk_areas"] = dict(live.rows["risk_areas"])
    counts = {_at(at): len(listed) for at, listed in enumerate(listings)}
    declared = {"high": counts, "medium": dict.fromkeys(counts, 0), "low": {}}
    imported.put(judge_imported(imported.tables(), GUARD, declared))
    assert imported.rows == live.rows


def test_the_archived_drop_of_december_folds_as_it_was_recorded() -> None:
    content = gzip.decompress((DATA / "risk_area_intervals.csv.gz").read_bytes()).decode().splitlines()
    lines = [content[0]] + [line for line in content[1:] if line.startswith("high,天津市,")]
    items = CONNECTOR.read(Page("p", ["\n".join(lines).encode()], "1"), CONTEXT)
    chosen = [item.values for item in items if isinstance(item, Row)]
    updates = sorted(parse_counts((DATA / "snapshot_counts.csv").read_bytes())["high"])
    since, until = (epoch_minute(datetime(2022, 12, day, tzinfo=ZONE)) for day in (9, 11))
    names = ("province", "city", "county", "community")
    intervals: list[Any] = [
        ("high", tuple(row[name] for name in names), row["first_seen_min"], row["gone_by_min"]) for row in chosen
    ]
    memory = Memory()
    window = [minute for minute in updates if since <= minute < until]
    for _, page in snapshots_json(replay(intervals, window)):
        _take(memory, page)
    expected = {
        ("high", *place, max(first, window[0]), None if gone is None or gone > window[-1] else gone)
        for _, place, first, gone in intervals
        if first <= window[-1] and (gone is None or gone > window[0])
    }
    assert memory.intervals() == expected


def test_an_imported_history_without_counts_takes_the_times_of_its_intervals() -> None:
    memory = Memory()
    place = ("浙江省", "杭州市", "上城区")
    table = [("high", (*place, name), _at(0), _at(3) if name < "e" else None) for name in "abcdefghij"]
    table.append(("low", (*place, "z"), _at(5), None))
    _take(memory, b"".join(intervals_csv(table)))
    memory.put(judge_imported(memory.tables(), GUARD))
    assert memory.freezes() == {(_at(3), _at(5))}
    assert memory.verdicts() == ["normal", "alarm", "confirmed"]


def test_the_whole_archive_is_judged_with_its_declared_counts() -> None:
    memory = Memory()
    content = (DATA / "risk_area_intervals.csv.gz").read_bytes()
    items = CONNECTOR.read(Page("p", [content], "1"), CONTEXT)
    memory.rows["risk_areas"] = {
        (row.values["area_key"], row.values["first_seen_min"]): row.values for row in items if isinstance(row, Row)
    }
    assert len(memory.rows["risk_areas"]) == 242_433
    declared = parse_counts((DATA / "snapshot_counts.csv").read_bytes())
    rows = list(judge_imported(memory.tables(), GUARD, declared))
    datasets = [row.dataset for row in rows]
    assert (datasets.count("risk_snapshots"), datasets.count("risk_freezes")) == (
        3 * 1306 - 300,
        46_068 + 627 + 795,
    )  # the low level came 300 snapshots later
