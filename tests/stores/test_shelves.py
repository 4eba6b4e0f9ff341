"""The shelves of the library: rows are numbered once, kept once by key, and a kill leaves all of a batch or nothing."""

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hubtwin.base.errors import Denied, Malformed, Retry
from hubtwin.library.loads import Load, NewBad
from hubtwin.rules.quality import Problem
from hubtwin.stores.backup import backup, restore
from hubtwin.stores.check import check, mend
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.shelves import Shelves
from tests.stores.shelf_kit import LISTING, RESIDENTS, replace_part, rows

ROOT = Path(__file__).parents[2]


def _clock() -> datetime:
    return datetime(2022, 10, 20, 1, tzinfo=UTC)


def _held(shelves: Shelves) -> list[tuple[str | None, int]]:
    """Return id and number of every row that counts, in order."""
    found: list[tuple[str | None, int]] = []
    for file in shelves.files("residents"):
        table = pq.ParquetFile(file.path).read()
        assert table.schema.equals(LISTING.schema)
        assert (table.num_rows, table.column("row_no")[0].as_py()) == (file.rows, file.first_row_no)
        found += zip(table.column("id").to_pylist(), table.column("row_no").to_pylist(), strict=True)
    return found


@pytest.fixture
def shelves(tmp_path: Path) -> Shelves:
    return Shelves(tmp_path / "library", at_min=1)


def test_a_batch_is_stored_once_by_its_key_and_its_rows_are_numbered_once(shelves: Shelves) -> None:
    made = shelves.append(LISTING, "2022-10", [rows("a", None), rows("a")], key="k1", at_min=5)
    assert made is not None
    assert (made.rows, made.first_row_no, made.digest, made.loaded_min, made.synthetic_rows) == (
        *(3, 1, LISTING.digest),
        *(5, 3),
    )
    assert shelves.append(LISTING, "2022-10", [rows("never read")], key="k1", at_min=6) is None
    second = shelves.append(LISTING, "2022-11", [rows("b")], key="k2", at_min=7)
    assert second is not None
    assert shelves.files("residents") == [made, second]
    assert _held(shelves) == [("a", 1), (None, 2), ("a", 3), ("b", 4)]
    held = shelves.held()["residents"]
    assert (held.rows, held.synthetic_rows, held.files, held.updated_min) == (4, 4, 2, 7)
    assert made.path.stat().st_mode & 0o077 == 0


def test_what_fails_midway_leaves_nothing_and_the_same_key_can_be_tried_again(shelves: Shelves) -> None:
    def broken() -> object:
        yield rows("a")
        raise OSError(28, "No space left on device")

    with pytest.raises(Retry):
        shelves.append(LISTING, "p", broken(), key="k", at_min=1)  # type: ignore[arg-type]
    with pytest.raises(Malformed):
        shelves.append(LISTING, "p", [rows("a").drop_columns(["name"])], key="k", at_min=1)
    with pytest.raises(Malformed):
        shelves.append(LISTING, "../p", [rows("a")], key="k", at_min=1)
    assert shelves.files() == []
    assert not list(shelves.directory.rglob("*.parquet"))
    assert shelves.append(LISTING, "p", [rows("a")], key="k", at_min=1) is not None


def test_an_empty_batch_is_known_by_its_key_and_makes_no_file(shelves: Shelves) -> None:
    told: list[int] = []
    for _ in range(2):
        made = shelves.append(LISTING, "p", [rows()], key="k", at_min=1, beside=lambda con: told.append(1))
        assert made is None
    assert (shelves.files(), told) == ([], [1])


def test_a_replaced_part_keeps_the_numbers_of_what_stays_and_unlinks_what_goes(shelves: Shelves) -> None:
    shelves.append(LISTING, "p", [rows("a", "b", "c")], key="k1", at_min=1)
    other = shelves.append(LISTING, "q", [rows("d")], key="k2", at_min=1)
    old = shelves.files("residents")[0].path
    replace_part(shelves, LISTING, "p", [rows("a", "c", numbers=[1, 3]), rows("new")], at_min=2)
    assert not old.exists()
    assert other in shelves.files("residents")
    assert sorted(_held(shelves), key=lambda row: row[1]) == [("a", 1), ("c", 3), ("d", 4), ("new", 5)]
    replace_part(shelves, LISTING, "p", [], at_min=3)
    assert _held(shelves) == [("d", 4)]
    shelves.append(LISTING, "p", [rows("later")], key="k3", at_min=4)
    assert _held(shelves)[-1] == ("later", 6), "a number is never given twice"


@pytest.mark.parametrize("numbers", [[2, 1], [1, 1], [1, 9]])
def test_numbers_that_do_not_rise_or_were_never_given_are_refused(shelves: Shelves, numbers: list[int]) -> None:
    shelves.append(LISTING, "p", [rows("a", "b")], key="k", at_min=1)
    with pytest.raises(Malformed):
        replace_part(shelves, LISTING, "p", [rows("a", "b", numbers=numbers)], at_min=2)
    assert _held(shelves) == [("a", 1), ("b", 2)]


def test_threads_that_load_one_dataset_never_share_a_number(shelves: Shelves) -> None:
    def load(number: int) -> None:
        shelves.append(LISTING, f"p{number % 2}", [rows(*"abc")], key=f"k{number}", at_min=1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load, range(8)))
    assert [number for _, number in _held(shelves)] == list(range(1, 25))


def test_withholding_and_giving_back_is_told_to_the_audit_first(tmp_path: Path) -> None:
    told: list[tuple[str, object]] = []
    shelves = Shelves(tmp_path, at_min=1, audit=lambda kind, what: told.append((kind, what["rows"])))
    assert shelves.withhold("residents", [3, 1, 3], "court order", "officer", 5) == 2
    assert shelves.withhold("residents", [1, 2], "court order", "officer", 6) == 1
    assert shelves.release("residents", [1], "lifted", "officer", 7) == 1
    assert [(each.row_no, each.at_min) for each in shelves.withheld("residents")] == [(2, 6), (3, 5)]
    assert told == [("LibraryWithheld", 2), ("LibraryWithheld", 1), ("LibraryReleased", 1)]

    def full(kind: str, what: object) -> None:
        raise Retry("stores.disk", path="access.sqlite", detail="full")

    refusing = Shelves(tmp_path, at_min=1, audit=full)
    with pytest.raises(Retry):
        refusing.release("residents", [2], "lifted", "officer", 8)
    assert [each.row_no for each in refusing.withheld("residents")] == [2, 3], "nothing happens that is not written"


def test_bad_rows_and_the_place_to_go_on_are_written_with_the_batch_or_not_at_all(shelves: Shelves) -> None:
    load = shelves.loads.begin(Load("L1", "residents", "p", "f.csv", "0" * 64, {"format": "csv"}, "steward", 1))
    bad = [NewBad(7, "x" * 70_000, [Problem("library.no_date", {"column": "born"})], {"born": "tomorrow"})]

    def beside(con: object) -> None:
        shelves.loads.advance(con, load, bad, cursor="100", rows=1, at_min=2)  # type: ignore[arg-type]

    shelves.append(LISTING, "p", [rows("a")], key="L1:0", at_min=2, beside=beside)
    shelves.append(LISTING, "p", [rows("a")], key="L1:0", at_min=2, beside=beside)
    found = shelves.loads.get("L1")
    assert (found.cursor, found.batches, found.rows, found.quarantined, found.ended_min) == ("100", 1, 1, 1, None)
    (row,) = shelves.quarantined("residents")
    assert (row.line_no, len(row.raw), row.is_cut, row.cells) == (7, 65_536, True, {"born": "tomorrow"})
    assert row.problems == (Problem("library.no_date", {"column": "born"}),)
    assert shelves.count_quarantined() == {"residents": 1}
    with shelves.database.transaction() as con:
        shelves.loads.release(con, [row.seq], "steward", 9)
    assert shelves.count_quarantined() == {}
    assert shelves.loads.get_bad(row.seq).raw == ""
    with pytest.raises(Denied), shelves.database.transaction() as con:
        shelves.loads.release(con, [row.seq], "steward", 9)
    with pytest.raises(Denied):
        shelves.loads.begin(Load("L1", "residents", "p", "f.csv", "1" * 64, {}, "steward", 1))
    assert shelves.loads.end("L1", 9).ended_min == 9


def _run(directory: Path, step: str, failpoint: str = "") -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.stores.shelves_killed", str(directory), step],
        cwd=ROOT,
        env={**os.environ, "HUBTWIN_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (-signal.SIGKILL if failpoint else 0), done.stderr
    return done.stdout.split()


STEPS = ["shelf_renamed", "shelf_synced", "shelf_before_commit", "shelf_after_commit"]


@pytest.mark.parametrize("step", STEPS)
def test_an_append_killed_anywhere_loses_nothing_confirmed_and_doubles_nothing(step: str, tmp_path: Path) -> None:
    said = _run(tmp_path / "library", "append", f"stores.{step}:2")
    shelves = Shelves(tmp_path / "library", at_min=2)
    whole = 2 if step == "shelf_after_commit" else 1
    assert said == ["a"]
    assert len(shelves.files("residents")) == whole
    assert len(list(shelves.directory.rglob("*.parquet"))) == whole, "orphans are swept"
    for batch in ("a", "b"):
        shelves.append(LISTING, "p", [rows(batch + "1"), rows(batch + "2")], key=batch, at_min=2)
    assert _held(shelves) == [("a1", 1), ("a2", 2), ("b1", 3), ("b2", 4)]


def test_a_first_file_that_was_never_put_in_its_place_is_swept(tmp_path: Path) -> None:
    _run(tmp_path / "library", "append", "stores.shelf_written:1")
    assert len(list((tmp_path / "library").rglob("*.parquet"))) == 1
    assert Shelves(tmp_path / "library", at_min=2).files() == []
    assert list((tmp_path / "library").rglob("*.parquet")) == [], "its dataset has no folder yet"


@pytest.mark.parametrize("step", ["shelf_before_commit", "shelf_after_commit"])
def test_a_replacement_killed_anywhere_is_all_or_nothing(step: str, tmp_path: Path) -> None:
    shelves = Shelves(tmp_path / "library", at_min=1)
    shelves.append(LISTING, "p", [rows("a1"), rows("a2")], key="a", at_min=2)
    shelves.close()
    _run(tmp_path / "library", "replace", f"stores.{step}:1")
    shelves = Shelves(tmp_path / "library", at_min=3)
    done = step == "shelf_after_commit"
    assert _held(shelves) == ([("a2", 2), ("c1", 3)] if done else [("a1", 1), ("a2", 2)])
    assert len(list(shelves.directory.rglob("*.parquet"))) == 1, "what was erased is gone after the next opening"


def test_backup_and_check_include_the_shelves(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, "here", clock=_clock, threads=1)
    store.close()
    shelves = Shelves(store.directory / "library", at_min=1)
    shelves.append(LISTING, "p", [rows("a", "b")], key="k", at_min=1)
    shelves.loads.begin(Load("L1", "residents", "p", "f.csv", "0" * 64, {}, "steward", 1))
    assert check(store.directory).problems == ()
    assert {notice.key for notice in check(store.directory).notices} >= {"stores.load_open"}
    backup(store.directory, tmp_path / "copy", clock=_clock)
    restore(tmp_path / "copy", tmp_path / "new", clock=_clock)
    again = Shelves(tmp_path / "new" / "library", at_min=1)
    assert _held(again) == _held(shelves) == [("a", 1), ("b", 2)]
    assert check(tmp_path / "new").problems == ()
    place = shelves.files()[0].path
    shutil.copy(place, place.with_name("p-0000000099.parquet"))
    assert "stores.orphans" in {notice.key for notice in check(store.directory).notices}
    assert mend(store.directory, clock=_clock).problems == ()
    assert not place.with_name("p-0000000099.parquet").exists()
    place.write_bytes(place.read_bytes()[:-9] + b"x" * 9)
    assert [problem.key for problem in check(store.directory).problems] == ["stores.file_altered"]
    with pytest.raises(Malformed):
        backup(store.directory, tmp_path / "copy2", clock=_clock)
    (store.directory / "library" / "shelves.sqlite").unlink()
    assert [problem.key for problem in check(store.directory).problems] == ["stores.rows_lost"]
    with pytest.raises(Malformed):
        Shelves(store.directory / "library", at_min=1)


def test_a_dataset_of_the_kit_is_as_declared() -> None:
    assert LISTING.schema.names[: len(RESIDENTS.columns)] == [column.name for column in RESIDENTS.columns]
    assert [field.name for field in LISTING.schema if not field.nullable] == ["row_no"]
