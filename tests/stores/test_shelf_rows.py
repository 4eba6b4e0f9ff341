"""Single rows on the shelves: found, added once, corrected in their place, taken from partners once by key."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hubtwin.base.errors import Absent
from hubtwin.datasets.listing import Listing, Sharing
from hubtwin.datasets.table import Column, Dataset
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.stores.shelf_rows import Landing, ShelfRows
from hubtwin.stores.shelves import Shelves

SHAPE = Dataset(
    *("shops", "商户", "shops", ("number",)),
    columns=(
        Column("number", "string", "编号", "number"),
        Column("rooms", "int", "房间", "rooms", nullable=True),
    ),
)
LISTING = Listing(SHAPE, "trade", "market-bureau", Sharing.RESTRICTED, {})
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC)


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.shelves = Shelves(folder, at_min=0)
        self.rows = ShelfRows(self.shelves, "here", Status.ACTUAL, clock=lambda: datetime(2026, 11, 27, tzinfo=UTC))

    def held(self) -> dict[int, tuple[str, Any, str, str]]:
        found = {}
        for file in self.shelves.files("shops"):
            for row in pq.read_table(file.path).to_pylist():
                found[row["row_no"]] = (row["number"], row["rooms"], row["source"], row["provenance"])
        return found


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.shelves.close()


def _came(*told: tuple[str, int, str, int]) -> list[Landing]:
    return [Landing(key, revision, {"number": number, "rooms": rooms}) for key, revision, number, rooms in told]


def test_a_row_is_added_once_and_corrected_in_its_place(shelf: Shelf) -> None:
    for key in ("k1", "k1", "k2"):
        shelf.rows.add_row(LISTING, {"number": key, "rooms": 2}, key=key, source="street-1")
    shelf.rows.correct(LISTING, 2, "rooms", 5, key="k3")
    assert shelf.held() == {1: ("k1", 2, "street-1", "real"), 2: ("k2", 5, "street-1", "real")}
    assert (shelf.rows.find_row(LISTING, 2) or {})["rooms"] == 5
    with pytest.raises(Absent):
        shelf.rows.correct(LISTING, 9, "rooms", 5, key="k4")
    assert shelf.rows.find_row(LISTING, 9) is None


def test_a_row_that_is_withheld_is_not_found(shelf: Shelf) -> None:
    shelf.rows.add_row(LISTING, {"number": "a"}, key="k1", source="street-1")
    shelf.shelves.withhold("shops", [1], "legal hold", "wu", 0)
    assert shelf.rows.find_row(LISTING, 1) is None


def test_rows_of_a_partner_land_once_by_key_and_revision(shelf: Shelf) -> None:
    rows = _came(("a", 1, "x", 1), ("b", 1, "y", 2))
    assert shelf.rows.land(LISTING, "market", rows, "m1", SYNTHETIC) == [True, True]
    assert shelf.rows.land(LISTING, "market", rows, "m1", SYNTHETIC) == [False, False], "the same message"
    assert shelf.rows.land(LISTING, "market", rows, "m2", SYNTHETIC) == [False, False], "another attempt"
    again = _came(("a", 2, "x", 7), ("b", 1, "y", 2), ("c", 1, "z", 3), ("c", 2, "z", 4))
    assert shelf.rows.land(LISTING, "market", again, "m3", SYNTHETIC) == [True, False, False, True]
    source = "partner:market"
    assert shelf.held() == {
        1: ("x", 7, source, "synthetic"),
        2: ("y", 2, source, "synthetic"),
        3: ("z", 4, source, "synthetic"),
    }
    assert shelf.rows.land(LISTING, "other", _came(("a", 1, "x", 1)), "m1", SYNTHETIC) == [True], "another partner"


def test_what_a_street_adds_to_synthetic_rows_is_synthetic(shelf: Shelf) -> None:
    shelf.rows.land(LISTING, "market", _came(("a", 1, "x", 1)), "m1", SYNTHETIC)
    shelf.rows.add_row(LISTING, {"number": "b"}, key="k1", source="street-1")
    assert shelf.held()[2] == ("b", None, "street-1", "synthetic")


def test_a_row_from_before_a_contract_added_a_column_is_corrected_in_it(shelf: Shelf) -> None:
    floor = Column("floor", "int", "楼层", "floor", nullable=True)
    wider = replace(LISTING, dataset=replace(SHAPE, columns=(SHAPE.columns[0], floor, SHAPE.columns[1])))
    shelf.rows.add_row(LISTING, {"number": "a", "rooms": 2}, key="k1", source="street-1")
    shelf.rows.add_row(wider, {"number": "b", "rooms": 3, "floor": 7}, key="k2", source="street-1")
    assert (shelf.rows.find_row(wider, 1) or {})["floor"] is None
    shelf.rows.correct(wider, 1, "floor", 4, key="k3")
    found = [(shelf.rows.find_row(wider, number) or {}) for number in (1, 2)]
    assert [(row["number"], row["rooms"], row["floor"]) for row in found] == [("a", 2, 4), ("b", 3, 7)]
