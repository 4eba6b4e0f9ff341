"""The working set follows the store by what is new, and holds what one that is made anew would."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from hubtwin.datasets.all import DATASETS
from hubtwin.library.query import collect
from hubtwin.model.record import Status
from hubtwin.ports import Batch, Tables
from hubtwin.scenes.epidemic.scene import SCENE
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.wiring.granted import ScenePass, columns_of
from hubtwin.wiring.working import WorkingSet
from tests.scenes.epidemic.story import DAY, MARKS, NOW, PARAMS, Story, area, count, morning, with_persons

PATTERNS = {DAY - timedelta(days=1): DAY - timedelta(days=1), DAY: DAY}


class Reads(ScenePass):
    """A pass that lets everybody read, except what is told."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self.closed: set[str] = set()
        self.asked: list[str] = []

    def read(self, name: str, rows: Callable[[], pa.Table], about: str) -> pa.Table:
        self.asked.append(name)
        self.refused.pop(name, None)
        if name in self.closed:
            self.refused[name] = "closed"
            return DATASETS[name].schema.empty_table().select(columns_of(name))
        return rows().select(columns_of(name))


class Library:
    """A store that is written to in small batches."""

    def __init__(self, place: Path) -> None:
        self.store = EmbeddedStore.open(place, "hub", clock=lambda: NOW, status=Status.ACTUAL, threads=1)
        self.number = 0

    def write(self, story: Story) -> None:
        self.number += 1
        tables = {name: _table(name, rows) for name, rows in story.items() if rows}
        self.store.write(Batch(f"k{self.number}", "s", tables))


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    filled = [{column.name: _some(column) for column in DATASETS[name].columns} | MARKS | row for row in rows]
    return pa.Table.from_pylist(filled, schema=DATASETS[name].schema)


def _some(column: Any) -> Any:
    if column.nullable:
        return None
    blank: dict[str, Any] = {"int": 0, "minute": 0, "float": 0.0, "bool": False}
    return column.values[0] if column.values else blank.get(column.type, "")


def contents(found: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: sorted(repr(row) for row in collect(frame).to_pylist()) for name, frame in found.items()}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path)
    made.write(with_persons(morning()))
    yield made
    made.store.close()


def look(working: WorkingSet, now: datetime = NOW) -> dict[str, list[str]]:
    return contents(working.tables(PARAMS, PATTERNS, now))


def anew(library: Library, now: datetime = NOW) -> dict[str, list[str]]:
    return look(WorkingSet(library.store, SCENE, Reads()), now)


def test_what_is_new_is_added_replaces_and_ends_what_was_held(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = WorkingSet(library.store, SCENE, Reads())
    assert look(working) == anew(library)
    made = list[int]()
    tables = library.store.tables

    def counted(names: Iterable[str]) -> Tables:
        made.append(1)
        return tables(names)

    monkeypatch.setattr(library.store, "tables", counted)
    steps: list[Story] = [
        {"boarding_counts": [count("g1", "AAA", 33, 32, 402), count("none", "AAA", 1, 1, 402)]},
        {"risk_areas": [area("new", "330303", "high", 530), area("high in A", "110101", "low", 0)]},
        {"risk_areas": [area("medium in B", "220202", "medium", -1440 * 7, -1440 * 40)]},
        {"running_information": [{**morning()["running_information"][0], "departure_delay_s": 0, "observed_min": 1}]},
        {"bookings": [{**with_persons(morning())["bookings"][0], "state": "cancelled"}], "stays": []},
        {"stays": [{"pid": "p9", "area_code": "110101", "in_min": 1, "out_min": 2}]},
    ]
    for step in steps:
        library.write(step)
        before = len(made)
        found = look(working)
        assert len(made) == before, "the rest of the store is not read again"
        assert found == anew(library)
    assert any("new" in row for row in found["risk_areas"])
    assert not any("high in A" in row or "medium in B" in row for row in found["risk_areas"])


def test_where_files_were_merged_or_the_timetable_changed_everything_is_read_again(library: Library) -> None:
    working = WorkingSet(library.store, SCENE, Reads())
    look(working)
    library.write({"boarding_counts": [count("g1", "AAA", 34, 33, 403)]})
    library.store.compact("boarding_counts")
    assert look(working) == anew(library)
    library.write({"boarding_counts": [count("late", "AAA", 7, 7, 404)]})
    assert not any("late" in row for row in look(working)["boarding_counts"])
    morning_calls = [{**call, "trip_id": "late", "code": "L"} for call in morning()["rail_calls"][:3]]
    library.write({"rail_calls": morning_calls, "rail_trips": [{"trip_id": "late", "code": "L"}]})
    library.write({"rail_service_days": [{"trip_id": "late", "service_date": DAY}]})
    found = look(working)
    assert found == anew(library)
    assert any("late" in row for row in found["boarding_counts"]), "it matters now, though it was written before"


def test_without_a_grant_nothing_is_held_and_with_one_again_all_of_it_is_there(library: Library) -> None:
    reads = Reads()
    working = WorkingSet(library.store, SCENE, reads)
    whole = look(working)
    assert whole["bookings"]
    reads.closed = {"bookings"}
    assert look(working)["bookings"] == []
    library.write({"bookings": [{**with_persons(morning())["bookings"][0], "pid": "p8", "order_ref": "o8"}]})
    assert look(working)["bookings"] == []
    reads.closed = set()
    assert look(working) == anew(library)
    assert len(look(working)["bookings"]) == len(whole["bookings"]) + 1
    reads.asked.clear()
    look(working)
    assert {"bookings", "stays"} <= set(reads.asked), "asked again although nothing came"


def test_a_new_day_is_read_anew(library: Library) -> None:
    working = WorkingSet(library.store, SCENE, Reads())
    look(working)
    later = NOW + timedelta(days=1)
    patterns = {DAY: DAY, DAY + timedelta(days=1): DAY}
    found = contents(working.tables(PARAMS, patterns, later))
    assert found == contents(WorkingSet(library.store, SCENE, Reads()).tables(PARAMS, patterns, later))
