"""How copies are laid out: parts of one street, filters of their values, and no question that uses one of them for rows
which are not given."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtwin.datasets.listing import ROW_NO
from hubtwin.library.asking import ask
from hubtwin.library.views import make_view
from hubtwin.model.colour import Colour
from hubtwin.model.sharing import Rows, Share
from hubtwin.stores import served_layout
from hubtwin.stores.served import SERVED, make_copies
from hubtwin.stores.served_layout import Layout, layout_of, parts_of, reads_copies
from hubtwin.stores.view_sql import view_sql
from tests.asking_kit import LISTINGS, Kit, make_kit, make_share, of_street, salt_of, write_dataset

LAYOUT = layout_of(LISTINGS[0])
ID, MANY = "33010219600307{:06}", 20_000
SOUGHT = ID.format(11)
STREETS = st.sampled_from(["a", "b", "c", None])


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a part be as small as a test needs."""
    monkeypatch.setattr(served_layout, "LEAST_PART", 1)


def _file(folder: Path, streets: Sequence[str | None], group: int) -> Path:
    numbers = pa.array(range(1, len(streets) + 1), pa.int64())
    table = pa.table({"street": pa.array(streets, pa.string()), ROW_NO: numbers})
    path = folder / "rows.parquet"
    pq.write_table(table, path, row_group_size=group)
    return path


def _parts(folder: Path, streets: Sequence[str | None], group: int, places: Sequence[int] = ()) -> list[pa.Table]:
    with pq.ParquetFile(_file(folder, streets, group)) as rows:
        found = parts_of(rows, np.array(places, np.int64), Layout("street"))
        return [part for part in found if part.num_rows]


def _numbers(parts: list[pa.Table]) -> list[list[int]]:
    return [part.column(ROW_NO).to_pylist() for part in parts]


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    streets=st.lists(STREETS, min_size=1, max_size=60),
    group=st.integers(1, 20),
    barred=st.frozensets(st.integers(0, 59)),
)
def test_every_part_is_of_one_street_and_no_row_is_lost(
    tmp_path_factory: pytest.TempPathFactory, streets: list[str | None], group: int, barred: frozenset[int]
) -> None:
    places = sorted(place for place in barred if place < len(streets))
    parts = _parts(tmp_path_factory.mktemp("laid"), streets, group, places)
    if len(set(streets)) > 1:
        assert all(len(set(part.column("street").to_pylist())) == 1 for part in parts)
    assert all(numbers == sorted(numbers) for numbers in _numbers(parts))
    left = [number for numbers in _numbers(parts) for number in numbers]
    assert sorted(left) == [place + 1 for place in range(len(streets)) if place not in places]


def test_rows_of_many_streets_stay_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_layout, "LEAST_PART", 2)
    assert _numbers(_parts(tmp_path, ["b", "a", "c", "a"], 4)) == [[1, 2, 3, 4]]
    assert _numbers(_parts(tmp_path, ["b", "a", "b", "a"], 4)) == [[2, 4], [1, 3]]


def test_memory_holds_so_many_rows_and_small_groups_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_layout, "TOGETHER", 4)
    assert [part.num_rows for part in _parts(tmp_path, ["b", "a"] * 10, 2)] == [2] * 10  # of four rows at a time
    assert [part.num_rows for part in _parts(tmp_path, ["a"] * 20, 2)] == [20]


def _make_kit(folder: Path, count: int, files: int) -> Kit:
    """Return a library of so many residents of two streets in turns, with copies of its files."""
    people: list[Mapping[str, Any]] = [
        {"id": ID.format(number), "name": "某", "street": "ab"[number % 2], "age": number} for number in range(count)
    ]
    made = make_kit(folder, make_share())
    source = write_dataset(folder, LISTINGS[0], people, [Colour.BLUE] * count, split=files)
    made.sources["residents"] = source
    paths = [piece.path for piece in source.pieces]
    assert make_copies(folder, LISTINGS[0], source, lambda: paths, least=1) == files
    return made


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    made = _make_kit(tmp_path, 40, 2)
    yield made
    made.engine.close()


def _copies(folder: Path) -> list[Path]:
    return sorted((folder / SERVED / "residents").glob("*.parquet"))


def test_a_filter_knows_what_a_part_holds_of_the_columns_that_name_a_record(kit: Kit, tmp_path: Path) -> None:
    assert Layout("street", ("id",)) == LAYOUT
    with duckdb.connect() as con:
        for copy in _copies(tmp_path):
            told = con.execute(
                "SELECT path_in_schema, bloom_filter_offset FROM parquet_metadata(?)", [str(copy)]
            ).fetchall()
            assert {name for name, offset in told if offset is not None} == {"id"}
            held = pq.read_table(copy).column("id").to_pylist()
            probe = "SELECT bool_and(bloom_filter_excludes) FROM parquet_bloom_probe(?, 'id', ?)"
            assert [con.execute(probe, [str(copy), name]).fetchall() for name in held] == [[(False,)]] * len(held)
            assert con.execute(probe, [str(copy), ID.format(99)]).fetchall() == [(True,)]


@pytest.mark.parametrize("rows", [Rows(everything=True), of_street("a"), of_street("b"), of_street("x")])
def test_a_look_up_finds_what_is_given_and_nothing_else(kit: Kit, rows: Rows) -> None:
    kit.shares[:] = [make_share(rows=rows)]
    found = ask(kit.desk, kit.asked(f"SELECT age FROM residents WHERE id = '{SOUGHT}'")).table.column("age").to_pylist()
    assert found == ([11] if rows.everything or "b" in rows.values else [])


def _work(kit: Kit, folder: Path, shares: Sequence[Share], sought: str, how: str = "VIEW") -> list[str]:
    """Return what the engine read to find one person in the view of shares, over the copies alone."""
    source = kit.sources["residents"]
    pieces = tuple(replace(piece, path=copy) for piece, copy in zip(source.pieces, _copies(folder), strict=True))
    view = make_view(LISTINGS[0], shares, frozenset({"id", "age"}), starred=False, salt_of=salt_of)
    assert reads_copies(view)
    with duckdb.connect(config={"threads": 1}) as con:  # two of them read a little more, or less
        con.execute(f"CREATE {how} residents AS {view_sql(view, replace(source, pieces=pieces), None)}")
        (plan,) = con.execute(f"EXPLAIN ANALYZE SELECT * FROM residents WHERE id = '{sought}'").fetchall()
    return re.findall(r"Row Groups Scanned: \S+ / \S+|Data Read: +[\d.]+ \w+", plan[1])


@pytest.mark.parametrize("how", ["VIEW", "SECURE VIEW"])  # the latter says less of what it reads, and is what is used
def test_by_street_the_same_is_read_whoever_is_sought(tmp_path: Path, how: str) -> None:
    """Somebody of the own street or another, the least and the greatest number of the file, and nobody at all."""
    kit = _make_kit(tmp_path, MANY, 1)
    people = [ID.format(number) for number in (1_000, 1_001, 0, 1, MANY - 2, MANY - 1)]
    every = [*people, f"{people[0]}x", ID.format(MANY)]
    assert len({tuple(_work(kit, tmp_path, [make_share()], sought, how)) for sought in every}) > 1, "it would show"
    narrow = make_share(rows=of_street("a", "c"))
    masked = make_share(share_id="s-2", rows=of_street("b"), masks=(("id", "hash"),))
    for shares in ([narrow], [narrow, masked]):
        read = {sought: tuple(_work(kit, tmp_path, shares, sought, how)) for sought in every}
        assert len(set(read.values())) == 1, read
    kit.engine.close()


def test_a_view_that_hides_otherwise_than_by_street_reads_no_copy(kit: Kit, tmp_path: Path) -> None:
    """The parts of a copy are of one street each: how long it takes to find none would say who lives in which."""
    for copy in _copies(tmp_path):
        pq.write_table(pq.read_table(copy).slice(0, 0), copy)  # so that what is read can be told
    narrow = make_share(rows=of_street("a"))
    by_age = make_share(rows=Rows(column="age", values=frozenset({"10", "11"})))
    masked = make_share(share_id="s-2", masks=(("id", "hash"),))
    for shares, rows in (([make_share()], 0), ([narrow], 0), ([by_age], 2), ([narrow, masked], 40)):
        kit.shares[:] = shares
        assert ask(kit.desk, kit.asked("SELECT id FROM residents")).table.num_rows == rows
    kit.shares[:] = [make_share(columns="street", count_floor=3)]
    assert ask(kit.desk, kit.asked("SELECT street, _count FROM residents")).table.num_rows == 2
