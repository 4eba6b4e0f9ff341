"""What others write to a part while it is being rewritten is not lost, and what they erased does not come back."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pyarrow.parquet as pq
import pytest

from hubtwin.base.errors import Retry
from hubtwin.model.record import Status
from hubtwin.stores import shelf_erasure
from hubtwin.stores.erasure import Where, person_digest
from hubtwin.stores.shelf_erasure import erase_from_shelves
from hubtwin.stores.shelf_rows import ShelfRows
from hubtwin.stores.shelves import LIBRARY_FOLDER, Shelves
from tests.stores.shelf_kit import LISTING, replace_part, rows

PART = "returned"
OTHERS_S = 1.0  # long enough for what another does to be done, where nothing keeps it waiting


@dataclass
class Town:
    store: Path
    shelves: Shelves
    rows: ShelfRows
    others: list[Thread] = field(default_factory=list)

    def held(self) -> dict[str, object]:
        tables = [pq.read_table(file.path) for file in self.shelves.files("residents")]
        return {row["id"]: row["floor"] for table in tables for row in table.to_pylist()}

    def meanwhile(self, write: Callable[[ShelfRows], object]) -> None:
        """Begin what another does to the same part; go on when it is done, or waits for the lock."""

        def run() -> None:
            with closing(Shelves(self.store / LIBRARY_FOLDER, at_min=0)) as shelves:
                write(_rows(shelves))

        self.others.append(Thread(target=run))
        self.others[-1].start()
        self.others[-1].join(OTHERS_S)

    def wait(self) -> None:
        for each in self.others:
            each.join()


def _rows(shelves: Shelves) -> ShelfRows:
    return ShelfRows(shelves, "here", Status.ACTUAL, clock=lambda: datetime(2026, 11, 27, tzinfo=UTC))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    shelves = Shelves(tmp_path / LIBRARY_FOLDER, at_min=0)
    shelves.append(LISTING, PART, [rows("a", "b", "c")], key="k1", at_min=1)
    yield Town(tmp_path, shelves, _rows(shelves))
    shelves.close()


def _append(shelf: ShelfRows) -> None:
    shelf.add_row(LISTING, {"id": "late"}, key="k2", source="street-1")


def _erase(store: Path, name: str) -> int:
    return erase_from_shelves(store, "residents", [Where("id", only=frozenset({person_digest(name)}))], 2)


def _after_reading(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, then: Callable[[], None]) -> None:
    """Call something once, when a part has been read for the first time."""
    read, done = getattr(module, name), Event()

    def reading(*args: Any, **named: Any) -> Any:
        found = read(*args, **named)
        if named.get("filters") is None and not done.is_set():
            done.set()
            then()
        return found

    monkeypatch.setattr(module, name, reading)


def test_a_batch_that_comes_during_a_correction_stays(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    _after_reading(monkeypatch, pq, "read_table", lambda: town.meanwhile(_append))
    town.rows.correct(LISTING, 2, "floor", 5, key="c1")
    town.wait()
    assert town.held() == {"a": None, "b": 5, "c": None, "late": None}


def test_whoever_is_erased_during_a_correction_does_not_come_back(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    _after_reading(monkeypatch, pq, "read_table", lambda: town.meanwhile(lambda _: _erase(town.store, "a")))
    town.rows.correct(LISTING, 2, "floor", 5, key="c1")
    town.wait()
    assert town.held() == {"b": 5, "c": None}


def test_two_corrections_of_a_part_at_once_both_stand(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    other = lambda shelf: shelf.correct(LISTING, 3, "floor", 7, key="c2")  # noqa: E731
    _after_reading(monkeypatch, pq, "read_table", lambda: town.meanwhile(other))
    town.rows.correct(LISTING, 2, "floor", 5, key="c1")
    town.wait()
    assert town.held() == {"a": None, "b": 5, "c": 7}


def test_what_comes_during_an_erasure_stays(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    _after_reading(monkeypatch, shelf_erasure, "_schema_of", lambda: town.meanwhile(_append))
    assert _erase(town.store, "a") == 1
    town.wait()
    assert town.held() == {"b": None, "c": None, "late": None}


def test_what_came_when_an_erasure_had_looked_is_looked_at_too(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(shelf: ShelfRows) -> None:
        shelf.add_row(LISTING, {"id": "a", "floor": 9}, key="k2", source="street-1")

    _after_reading(monkeypatch, shelf_erasure, "_count", lambda: town.meanwhile(again))
    assert _erase(town.store, "a") == 2
    town.wait()
    assert town.held() == {"b": None, "c": None}


def test_a_part_that_is_replaced_while_an_erasure_looks_is_erased_from(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = town.shelves.files("residents")
    monkeypatch.setattr(shelf_erasure, "_count", _gone)
    assert _erase(town.store, "a") == 1
    assert town.held() == {"b": None, "c": None}
    assert not files[0].path.exists()


def _gone(*_: object) -> int:
    raise FileNotFoundError


def test_a_row_is_found_though_its_part_is_replaced_as_it_is_looked_for(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = town.shelves.files
    old, left = listed("residents"), [2]

    def late(dataset: str = "") -> Any:
        left[0] -= 1
        return old if left[0] >= 0 else listed(dataset)

    replace_part(town.shelves, LISTING, PART, [rows("a", "b", numbers=[1, 2])], at_min=2)
    monkeypatch.setattr(town.shelves, "files", late)
    assert (town.rows.find_row(LISTING, 2) or {})["id"] == "b"
    left[0] = 3
    with pytest.raises(Retry):
        town.rows.find_row(LISTING, 2)
