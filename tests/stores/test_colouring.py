"""Colours of files against a slow loop over all rows, whatever came, went, aged or was withheld in between."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.datasets.listing import Catalogue
from hubtwin.rules.quality_rules import Kind, colour_of, list_rules
from hubtwin.stores.colouring import Colouring, PartState, Task, colours_sql
from hubtwin.stores.shelf_files import ShelfFile
from tests.rules.quality_oracle import Oracle, make_catalogue
from tests.rules.test_quality_sql import NOW_MIN, ROW, STREETS

FIELDS = {name: [file.arrow for file in make_catalogue().get(name).dataset.columns] for name in ("people", "streets")}
_FILES = st.lists(st.lists(ROW, min_size=1, max_size=6), min_size=1, max_size=3)


class Shelf:
    """Files of rows as the shelves write them, without the shelves."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.next_row_no, self.number = folder, 1, 0
        self.files: dict[str, ShelfFile] = {}
        self.rows: dict[str, Sequence[dict[str, Any]]] = {}

    def put(self, dataset: str, rows: Sequence[dict[str, Any]], *, numbered: bool = False) -> ShelfFile:
        told = []
        for row in rows:
            told.append(row if numbered else {**row, "row_no": self.next_row_no})
            self.next_row_no += not numbered
        self.number += 1
        number = self.number
        path = self.folder / f"{dataset}-{number:010}.parquet"
        schema = pa.schema([f.with_nullable(True) for f in FIELDS[dataset]] + [pa.field("row_no", pa.int64())])
        pq.write_table(pa.Table.from_pylist(told, schema=schema), path, row_group_size=2)
        numbers = (len(told), told[0]["row_no"], number, path.stat().st_size)
        file = ShelfFile(path, dataset, "all", *numbers, f"sha{number}", "digest", NOW_MIN, 0)
        self.files[path.name], self.rows[path.name] = file, told
        return file

    def of(self, dataset: str) -> list[ShelfFile]:
        return [file for file in self.files.values() if file.dataset == dataset]


class Governed:
    """A dataset that is coloured again and again, as the store of quality does it."""

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        folder.mkdir(exist_ok=True)
        self.shelf, self.catalogue = Shelf(folder), catalogue
        self.colouring = Colouring(folder / "colours", threads=1)
        self.shelf.put("streets", STREETS[:], numbered=True)
        self.known: dict[str, PartState] = {}
        self.changes, self.run_id = "", 0
        self.withheld: list[int] = []

    def run(self, now_min: int = NOW_MIN) -> Any:
        self.run_id += 1
        book = list_rules(self.catalogue.get("people"), self.catalogue)
        held = np.array(sorted(self.withheld), np.int64)
        files = self.shelf.of("people")
        task = Task(*(book, self.catalogue, files, self.known, self.changes, held, self.shelf.of, now_min, self.run_id))
        done = self.colouring.colour(task)
        self.known, self.changes = {state.file.path.name: state for state in done.states}, done.changes
        self.check(now_min)
        return done

    def check(self, now_min: int) -> None:
        book = list_rules(self.catalogue.get("people"), self.catalogue)
        rows = [row for file in self.shelf.of("people") for row in self.shelf.rows[file.path.name]]
        oracle = Oracle(book, self.catalogue, rows, {"streets": STREETS}, now_min)
        (withheld,) = book.by_kind(Kind.WITHHELD)
        wanted = {
            row["row_no"]: oracle.failed(row) | (withheld.mask if row["row_no"] in self.withheld else 0) for row in rows
        }
        sql = colours_sql(self.colouring.directory / "people", list(self.known.values()), self.changes)
        found = duckdb.connect(config={"threads": 1}).execute(sql).fetchall()
        assert len(found) == len(rows)
        assert {row_no: failed for row_no, _, failed in found} == wanted
        assert all(colour_of(book.rules, failed) == colour for _, colour, failed in found)
        counted = [state.counted for state in self.known.values()]
        for colour in range(1, 10):
            assert sum(each.colours.get(colour, 0) for each in counted) == sum(c == colour for _, c, _ in found)
        for rule in book.rules:
            assert sum(each.failed.get(rule.bit, 0) for each in counted) == sum(bool(f & rule.mask) for *_, f in found)


@settings(max_examples=6, deadline=None)
@given(
    first=_FILES,
    second=_FILES,
    lost=st.integers(0, 2),
    later=st.sampled_from([0, 1, 1440, 5000]),
    held=st.integers(0, 8),
)
def test_every_row_has_the_colour_that_a_slow_loop_gives_it(
    tmp_path_factory: Any, first: Any, second: Any, lost: int, later: int, held: int
) -> None:
    governed = Governed(tmp_path_factory.mktemp("shelf"), make_catalogue())
    for rows in first:
        governed.shelf.put("people", rows)
    assert governed.run().evaluated == sum(map(len, first))
    assert governed.run().evaluated == 0  # nothing came, nothing is scanned
    governed.withheld = [held] if held else []
    for rows in second:
        governed.shelf.put("people", rows)
    governed.run(NOW_MIN + later)
    names = [file.path.name for file in governed.shelf.of("people")]
    gone = names[min(lost, len(names) - 1)]
    rows = governed.shelf.rows[gone]
    del governed.shelf.files[gone]
    governed.run(NOW_MIN + later)
    if len(rows) > 1:  # the part comes back without some row: what is left keeps its number
        governed.shelf.put("people", rows[::2], numbered=True)
        governed.run(NOW_MIN + later)


def _row(**told: Any) -> dict[str, Any]:
    names = [field.name for field in FIELDS["people"]]
    return dict.fromkeys(names) | {"street": "a", "street_name": "A", "confirmed_min": NOW_MIN} | told


def test_a_daily_file_scans_only_itself_and_finds_doubles_in_older_ones(tmp_path: Path) -> None:
    governed = Governed(tmp_path, make_catalogue())
    governed.shelf.put("people", [_row(person_no=number, confirmed_min=NOW_MIN - 5) for number in range(300)])
    governed.run()
    governed.shelf.put("people", [_row(person_no=7), _row(person_no=9, confirmed_min=NOW_MIN - 9), _row(person_no=999)])
    done = governed.run()
    assert done.evaluated == 3
    assert done.changed == 1  # number 7 was confirmed later in the new file; number 9 stays where it was
    assert done.changes


def test_many_changes_go_into_the_files_of_colours(tmp_path: Path) -> None:
    governed = Governed(tmp_path, make_catalogue())
    governed.shelf.put("people", [_row(person_no=number, confirmed_min=NOW_MIN - number) for number in range(100)])
    governed.run()
    done = governed.run(NOW_MIN + 1441)
    assert done.evaluated == 0
    assert done.changed
    assert not done.changes
    assert governed.run(NOW_MIN + 1441).changed == 0


def test_a_corrected_part_counts_what_was_repaired(tmp_path: Path) -> None:
    governed = Governed(tmp_path, make_catalogue(traits={}))
    rows = [_row(person_no=number, age=200 if number < 3 else 20) for number in range(10)]
    file = governed.shelf.put("people", rows)
    governed.run()
    told = [row | {"age": 30} if row["person_no"] < 2 else row for row in governed.shelf.rows[file.path.name]]
    governed.shelf.put("people", told, numbered=True)
    del governed.shelf.files[file.path.name]
    assert governed.run().repaired == 2


def test_what_is_not_held_cannot_be_evaluated_and_is_said(tmp_path: Path) -> None:
    governed = Governed(tmp_path, make_catalogue())
    governed.shelf.files = {}
    governed.shelf.put("people", [_row(person_no=1, street="nowhere")])
    governed.run_id += 1
    book = list_rules(governed.catalogue.get("people"), governed.catalogue)
    task = Task(
        *(book, governed.catalogue, governed.shelf.of("people"), {}, "", np.empty(0, np.int64)),
        *(governed.shelf.of, NOW_MIN, 1),
    )
    done = governed.colouring.colour(task)
    assert done.skipped == ("refers_to:street",)
    assert replace(done.states[0]).counted.failed.get(book.get("refers_to:street").bit, 0) == 0
