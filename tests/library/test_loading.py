"""Loading: what can be typed is stored, what cannot is kept apart, and an interrupted load goes on where it stopped."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubtwin.base.errors import Malformed, Retry
from hubtwin.connectors.tables import csv_file
from hubtwin.connectors.tables.csv_file import CsvFile, CsvTold
from hubtwin.library.loading import Chunk, Plan, Progress, Running, retype, run, sample
from hubtwin.library.loads import Load
from hubtwin.model.record import Marks, Provenance
from hubtwin.stores.shelves import Shelves
from tests.stores.shelf_kit import LISTING

ROOT = Path(__file__).parents[2]
MAPPING = {"id": "id", "name": "name", "born": "born", "floor": "floor"}
PLAN = Plan(
    LISTING, MAPPING, ZoneInfo("Asia/Shanghai"), "here", "residents.csv", Marks(provenance=Provenance.SYNTHETIC)
)
LOAD = Load("L1", "residents", "p", "residents.csv", "0" * 64, {}, "steward", 1)


def _line(number: int) -> str:
    born = "2022-02-30" if number % 50 == 7 else "1990-01-02"
    return f"{number:018d},n{number},{born},{number % 30}\n"


def _write(path: Path, count: int) -> CsvFile:
    path.write_text("id,name,born,floor\n" + "".join(map(_line, range(count))), encoding="utf-8")
    return CsvFile(path, CsvTold(), list(MAPPING))


def _held(shelves: Shelves) -> list[dict[str, object]]:
    return [row for file in shelves.files() for row in pq.ParquetFile(file.path).read().to_pylist()]


def _expect_whole(shelves: Shelves, count: int) -> None:
    held, bad = _held(shelves), shelves.quarantined("residents", limit=count)
    good = [f"{number:018d}" for number in range(count) if number % 50 != 7]
    assert [row["id"] for row in held] == good
    assert [row["row_no"] for row in held] == list(range(1, len(good) + 1))
    assert [row.line_no for row in bad] == [number + 2 for number in range(count) if number % 50 == 7]
    load = shelves.loads.get("L1")
    assert (load.rows, load.quarantined, load.ended_min) == (len(good), len(bad), 9)


@pytest.fixture
def shelves(tmp_path: Path) -> Shelves:
    return Shelves(tmp_path / "library", at_min=1)


def test_a_file_is_loaded_and_what_cannot_be_typed_is_kept_with_line_text_and_problems(
    shelves: Shelves, tmp_path: Path
) -> None:
    path = tmp_path / "residents.csv"
    path.write_text(
        "id,name,born,floor\n001,张三,1990年1月2日,3\n3.30106E+17,李四,never,x\n,,,\n2,b\n5,,,\n", encoding="utf-8"
    )
    source = CsvFile(path, CsvTold(), [])
    told: list[Progress] = []
    load = run(source, PLAN, LOAD, Running(shelves, shelves.loads, 9, progress=told.append))
    assert (load.rows, load.quarantined, load.ended_min) == (3, 2, 9)
    first, empty, last = _held(shelves)
    assert (first["id"], first["name"], first["born"], first["floor"]) == ("001", "张三", date(1990, 1, 2), 3)
    assert (first["hub_id"], first["source"], first["provenance"]) == ("here", "residents.csv", "synthetic")
    assert empty["id"] is None, "incomplete is stored and coloured, not lost"
    assert (last["id"], last["row_no"]) == ("5", 3)
    short, wrong = sorted(shelves.quarantined("residents"), key=lambda row: -row.line_no)
    assert (short.line_no, short.raw, short.problems[0].key) == (5, "2,b", "connectors.common.wrong_fields")
    assert (wrong.line_no, wrong.raw) == (3, "3.30106E+17,李四,never,x")
    assert [(each.key, each.values["column"]) for each in wrong.problems] == [
        ("rules.digits_lost", "id"),
        ("rules.no_date", "born"),
        ("rules.no_whole_number", "floor"),
    ]
    assert wrong.cells == {"id": "3.30106E+17", "name": "李四", "born": "never", "floor": "x"}
    assert told == [Progress(3, 2, 1.0)]
    assert run(source, PLAN, LOAD, Running(shelves, shelves.loads, 10)) == load, "a load that ended does nothing"
    assert len(_held(shelves)) == 3


def test_columns_that_are_missing_are_empty_and_those_that_go_nowhere_are_left_out(
    shelves: Shelves, tmp_path: Path
) -> None:
    path = tmp_path / "f.csv"
    path.write_text("whatever,id\nx,1\n", encoding="utf-8")
    plan = Plan(LISTING, {"id": "id"}, PLAN.zone, "here", "f.csv", PLAN.marks)
    run(CsvFile(path, CsvTold(), ["id"]), plan, LOAD, Running(shelves, shelves.loads, 9))
    assert [(row["id"], row["name"]) for row in _held(shelves)] == [("1", None)]


def test_a_sample_shows_good_and_bad_rows_and_stores_nothing(tmp_path: Path) -> None:
    source = _write(tmp_path / "f.csv", 100)
    found = sample(source, PLAN, limit=20)
    assert (found.rows, found.good.num_rows, found.counted) == (20, 19, {"rules.no_date": 1})
    assert found.bad[0].line_no == 9
    assert found.cells["floor"][:3] == ["0", "1", "2"]


@pytest.mark.parametrize("batch_rows", [60, 10_000])
def test_a_load_interrupted_between_batches_goes_on_without_loss_or_doubles(
    shelves: Shelves, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 1500)
    source = _write(tmp_path / "f.csv", 500)
    stops = iter([False, True, True])

    def unchanged() -> None:
        if next(stops, False):
            raise Retry("stores.disk", path="f", detail="unplugged")

    running = Running(shelves, shelves.loads, 9, unchanged=unchanged, batch_rows=batch_rows)
    stopped = 0
    while True:
        try:
            run(source, PLAN, LOAD, running)
            break
        except Retry:
            stopped += 1
            problem = shelves.loads.get("L1").problem
            assert problem is not None
            assert problem.key == "stores.disk"
    assert stopped == (2 if batch_rows == 60 else 0)
    _expect_whole(shelves, 500)


def test_two_processes_that_load_the_same_file_store_it_once(
    shelves: Shelves, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 1500)
    source = _write(tmp_path / "f.csv", 300)
    other = Shelves(shelves.directory, at_min=1)
    turns: list[int] = []

    def overtaken() -> None:
        if not turns:
            turns.append(1)
            run(source, PLAN, LOAD, Running(other, other.loads, 9, batch_rows=60))

    run(source, PLAN, LOAD, Running(shelves, shelves.loads, 9, unchanged=overtaken, batch_rows=60))
    _expect_whole(shelves, 300)


def test_a_load_that_is_killed_goes_on_in_another_process(shelves: Shelves, tmp_path: Path) -> None:
    shelves.close()
    path = tmp_path / "f.csv"
    _write(path, 2_000)
    for step in ("stores.shelf_synced:3", "stores.shelf_after_commit:2", ""):
        done = subprocess.run(
            [sys.executable, "-m", "tests.library.loading_killed", str(shelves.directory), str(path), step],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == (-signal.SIGKILL if step else 0), done.stderr
    _expect_whole(Shelves(shelves.directory, at_min=1), 2_000)


def test_the_memory_of_a_load_does_not_grow_with_its_file(tmp_path: Path) -> None:
    told = [sys.executable, "-m", "tests.library.loading_memory", str(tmp_path)]
    done = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (tmp_path / "200000.csv").stat().st_size > 80 << 20
    assert int(done.stdout) < 50, "MiB more for a file that is 90 MB larger"


class _Typed:
    """A source of typed columns, as Parquet and databases give them."""

    total = 1

    def __init__(self, table: pa.Table) -> None:
        self.columns = tuple(table.schema.names)
        self._table = table

    def chunks(self, cursor: str, wanted: Sequence[str]) -> Iterator[Chunk]:
        columns = {name: self._table.column(name).combine_chunks() for name in wanted}
        yield Chunk(columns, range(1, self._table.num_rows + 1), str, "end", 1)


def test_typed_columns_are_taken_as_they_are_and_lost_digits_are_seen(shelves: Shelves) -> None:
    table = pa.table(
        {
            "id": pa.array([330106199001011234.0, 7.0, None]),
            "name": pa.array(["a", "b", "c"]).dictionary_encode(),
            "born": pa.array([None, 0, 86_400_000_000], pa.timestamp("us")),
            "floor": pa.array([1, 2, 3], pa.int16()),
        }
    )
    load = run(_Typed(table), PLAN, LOAD, Running(shelves, shelves.loads, 9))
    assert (load.rows, load.quarantined) == (2, 1)
    assert [(row["id"], row["name"], row["born"], row["floor"]) for row in _held(shelves)] == [
        ("7", "b", date(1970, 1, 1), 2),
        (None, "c", date(1970, 1, 2), 3),
    ]


def test_a_corrected_row_is_typed_again() -> None:
    table, problems = retype(PLAN, {"id": "1", "born": "2022-02-30"})
    assert (table.num_rows, [problem.key for problem in problems]) == (0, ["rules.no_date"])
    table, problems = retype(PLAN, {"id": "1", "born": "2022-02-28"})
    assert (table.num_rows, problems) == (1, [])
    with pytest.raises(Malformed):
        retype(PLAN, {"nothing": "1"})
