"""Copies that questions read: they hold what may be read and no more, and are gone when their file is."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Retry
from hubtwin.datasets.listing import ROW_NO
from hubtwin.library.asking import ask
from hubtwin.library.views import Piece, Source
from hubtwin.model.colour import Colour
from hubtwin.stores.erasure import Where
from hubtwin.stores.served import SERVED, copy_of, make_copies, places_of, sweep_copies
from hubtwin.stores.served_layout import layout_of
from hubtwin.stores.shelf_erasure import erase_from_shelves
from hubtwin.stores.shelves import LIBRARY_FOLDER, Shelves
from tests.asking_kit import LISTINGS, PEOPLE, TINTS, Kit, make_kit, make_share, write_dataset
from tests.stores.shelf_kit import LISTING, replace_part, rows

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    made = make_kit(tmp_path, make_share())
    yield made
    made.engine.close()


def _copy(kit: Kit, folder: Path) -> int:
    source = kit.sources["residents"]
    return make_copies(folder, LISTINGS[0], source, lambda: [piece.path for piece in source.pieces], least=1)


def _names(kit: Kit) -> list[str | None]:
    found = ask(kit.desk, kit.asked("SELECT name FROM residents")).table.column("name").to_pylist()
    return sorted(found, key=str)


def _copies(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{SERVED}/*/*.parquet"))


def test_an_answer_is_the_same_from_a_copy_and_the_copy_is_what_is_read(kit: Kit, tmp_path: Path) -> None:
    before = _names(kit)
    assert "赵六" not in before
    assert len(before) == 5
    assert _copy(kit, tmp_path) == 2  # the other file has no black row, and is laid out anew all the same
    copy = next(path for path in _copies(tmp_path) if pq.read_metadata(path).num_rows == 2)
    assert pq.read_table(copy).column("id").to_pylist() == ["HIDDEN-ID-4", "330102196003070059"]
    assert copy.stat().st_mode & 0o077 == 0
    assert copy.parent.stat().st_mode & 0o077 == 0
    assert _names(kit) == before
    altered = pq.read_table(copy).slice(0, 1)  # so that what is read can be told
    pq.write_table(altered, copy)
    assert _names(kit) == sorted(set(before) - {None}, key=str)


def test_a_row_that_is_withheld_after_the_copy_was_made_does_not_leave(kit: Kit, tmp_path: Path) -> None:
    _copy(kit, tmp_path)
    kit.sources["residents"] = replace(kit.sources["residents"], withheld=frozenset({4}))
    assert "王五" not in _names(kit)
    assert _copy(kit, tmp_path) == 1
    assert sorted(pq.read_table(path).num_rows for path in _copies(tmp_path)) == [1, 3]  # the old one is gone
    assert "王五" not in _names(kit)
    kit.sources["residents"] = replace(kit.sources["residents"], withheld=frozenset())
    assert "王五" in _names(kit)


def test_the_colour_of_a_row_is_told_from_a_copy_too(kit: Kit, tmp_path: Path) -> None:
    sql = "SELECT id, _colour FROM residents"
    before = sorted(map(str, ask(kit.desk, kit.asked(sql)).table.to_pylist()))
    assert _copy(kit, tmp_path) == 2
    assert sorted(map(str, ask(kit.desk, kit.asked(sql)).table.to_pylist())) == before


def test_a_file_of_black_rows_alone_and_one_without_all_colours_have_no_copy_and_no_rows(tmp_path: Path) -> None:
    black = write_dataset(tmp_path, LISTINGS[0], PEOPLE, [Colour.BLACK] * 3 + TINTS[3:])
    half = replace(black.pieces[1], colours=black.pieces[0].colours, rows=4)
    source = Source((black.pieces[0], half), coloured=True)
    assert places_of(half, source) is None
    assert make_copies(tmp_path, LISTINGS[0], source, list, least=1) == 0
    kit = make_kit(tmp_path / "kit", make_share())
    kit.sources["residents"] = source
    assert _names(kit) == []
    kit.engine.close()


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    black=st.frozensets(st.integers(0, 119)),
    withheld=st.frozensets(st.integers(1, 125)),
)
def test_a_copy_holds_exactly_what_is_not_barred(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], black: frozenset[int], withheld: frozenset[int]
) -> None:
    folder = tmp_path_factory.mktemp("copies")
    people: list[Mapping[str, Any]] = [{"id": str(number)} for number in range(1, sum(sizes) + 1)]
    tints = [Colour.BLACK if number in black else Colour.GREEN for number in range(sum(sizes))]
    source = replace(write_dataset(folder, LISTINGS[0], people, tints, split=len(sizes)), withheld=withheld)
    make_copies(folder, LISTINGS[0], source, lambda: [piece.path for piece in source.pieces], least=1)
    left = list[int]()
    for piece in source.pieces:
        places = places_of(piece, source)
        assert places is not None
        copy = copy_of(piece.path, places, layout_of(LISTINGS[0]))
        assert copy.exists() == (len(places) < piece.rows)
        if len(places) < piece.rows:
            left += pq.read_table(copy).column(ROW_NO).to_pylist()
    barred = withheld | {number + 1 for number in black}
    assert left == [number for number in range(1, sum(sizes) + 1) if number not in barred]


@pytest.fixture
def shelves(tmp_path: Path) -> Iterator[Shelves]:
    made = Shelves(tmp_path / LIBRARY_FOLDER, at_min=1)
    yield made
    made.close()


def _source(shelves: Shelves, *withheld: int) -> Source:
    pieces = tuple(Piece(file.path, file.rows) for file in shelves.files("residents"))
    return Source(pieces, coloured=False, withheld=frozenset(withheld))


def _make(shelves: Shelves, *withheld: int) -> int:
    known = [file.path for file in shelves.files("residents")]
    return make_copies(shelves.directory, LISTING, _source(shelves, *withheld), lambda: known, least=1)


def test_a_copy_goes_with_its_file_when_rows_are_erased(shelves: Shelves, tmp_path: Path) -> None:
    shelves.append(LISTING, "a", [rows("keep", "held", "erase")], key="a", at_min=1)
    shelves.append(LISTING, "b", [rows("x", "y")], key="b", at_min=1)
    assert _make(shelves, 2, 4) == 2
    named = frozenset({sha256(b"erase").hexdigest()})
    assert erase_from_shelves(tmp_path, "residents", [Where("id", only=named)], 2) == 1
    assert [path.name.split("-")[0] for path in _copies(shelves.directory)] == ["b"]


def test_a_copy_that_is_finished_after_its_file_was_replaced_does_not_stay(shelves: Shelves) -> None:
    shelves.append(LISTING, "a", [rows("keep", "erase")], key="a", at_min=1)
    source = _source(shelves, 2)
    assert make_copies(shelves.directory, LISTING, source, list, least=1) == 1
    assert _copies(shelves.directory) == []


def test_copies_of_files_that_went_with_a_crash_and_drafts_are_swept_when_the_shelves_open(shelves: Shelves) -> None:
    shelves.append(LISTING, "a", [rows("keep", "erase")], key="a", at_min=1)
    assert _make(shelves, 2) == 1
    (copy,) = _copies(shelves.directory)
    lost, draft = copy.with_name("gone-0000000009.0123456789abcdef.parquet"), copy.with_name("0a.draft")
    for path in (lost, draft):
        path.write_bytes(copy.read_bytes())
    Shelves(shelves.directory, at_min=2).close()
    assert sorted(path.name for path in copy.parent.iterdir()) == sorted([copy.name, "copies.lock"])
    assert sweep_copies(shelves.directory, "residents", [file.path for file in shelves.files("residents")]) == 0


def test_a_kill_in_the_middle_of_a_copy_leaves_a_draft_that_goes(tmp_path: Path, shelves: Shelves) -> None:
    shelves.append(LISTING, "a", [rows("keep", "erase")], key="a", at_min=1)
    code = (
        "from pathlib import Path; from tests.stores.arming import arm_kill; from tests.stores import test_served as t;"
        f"arm_kill('stores.served_written:1'); t._make(t.Shelves(Path({str(shelves.directory)!r}), at_min=1), 2)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(list(shelves.directory.glob(f"{SERVED}/*/*.draft"))) == 1
    assert _make(shelves, 2) == 1
    assert list(shelves.directory.glob(f"{SERVED}/*/*.draft")) == []
    (copy,) = _copies(shelves.directory)
    assert pq.read_table(copy).column("id").to_pylist() == ["keep"]


def test_only_so_many_grantees_ask_at_once_and_who_waits_too_long_is_told(tmp_path: Path) -> None:
    kit = make_kit(tmp_path, make_share(), make_share(grantee="agency:street-1"), busy_rooms=1, wait_s=0.2)
    inside, leave = Event(), Event()

    def hold() -> None:
        with kit.engine._entered("other"):
            inside.set()
            assert leave.wait(20)

    thread = Thread(target=hold)
    thread.start()
    assert inside.wait(20)
    with pytest.raises(Retry) as caught:
        _names(kit)
    assert caught.value.key == "library.ask_full"
    leave.set()
    thread.join()
    assert len(_names(kit)) == 5
    kit.engine.close()


def test_numbers_of_a_file_need_not_be_without_gaps(shelves: Shelves) -> None:
    shelves.append(LISTING, "a", [rows("1", "2", "3", "4", "5")], key="a", at_min=1)
    replace_part(shelves, LISTING, "a", [rows("1", "3", "5", numbers=[1, 3, 5])], at_min=2)
    (piece,) = _source(shelves).pieces
    found = places_of(piece, _source(shelves, 2, 3, 5, 9))
    assert found is not None
    assert np.array_equal(found, [1, 2])
