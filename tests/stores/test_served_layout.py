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
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.datasets.listing import ROW_NO
from hubtwin.library.asking import ask
from hubtwin.library.views import COUNT, make_view
from hubtwin.model.colour import Colour
from hubtwin.model.sharing import Rows, Share
from hubtwin.stores import served_layout
from hubtwin.stores.served import SERVED, make_copies
from hubtwin.stores.served_layout import Layout, layout_of, parts_of
from hubtwin.stores.view_sql import view_sql
from tests.asking_kit import LISTINGS, Kit, make_kit, make_share, of_street, salt_of, write_dataset

LAYOUT = layout_of(LISTINGS[0])
SOUGHT, NOBODY = "330102196003070011", "330102196003070011x"  # the latter is between the least and the greatest
STREETS = st.sampled_from(["a", "b", "c", None])


def _file(folder: Path, streets: list[str | None], group: int) -> Path:
    numbers = pa.array(range(1, len(streets) + 1), pa.int64())
    table = pa.table({"street": pa.array(streets, pa.string()), ROW_NO: numbers})
    path = folder / "rows.parquet"
    pq.write_table(table, path, row_group_size=group)
    return path


@settings(deadline=None, max_examples=80)
@given(
    streets=st.lists(STREETS, min_size=1, max_size=60),
    group=st.integers(1, 20),
    barred=st.frozensets(st.integers(0, 59)),
)
def test_every_part_is_of_one_street_and_no_row_is_lost(
    tmp_path_factory: pytest.TempPathFactory, streets: list[str | None], group: int, barred: frozenset[int]
) -> None:
    file = _file(tmp_path_factory.mktemp("laid"), streets, group)
    places = np.array(sorted(place for place in barred if place < len(streets)), np.int64)
    with pq.ParquetFile(file) as rows:
        parts = [part for part in parts_of(rows, places, Layout("street")) if part.num_rows]
    told = [(set(part.column("street").to_pylist()), part.column(ROW_NO).to_pylist()) for part in parts]
    if len(set(streets)) > 1:
        assert all(len(found) == 1 for found, _ in told)
    assert all(numbers == sorted(numbers) for _, numbers in told)
    left = [number for _, numbers in told for number in numbers]
    assert sorted(left) == [place + 1 for place in range(len(streets)) if place not in places]


def test_rows_of_many_streets_stay_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_layout, "MOST_STREETS", 2)
    for streets, numbers in ((["b", "a", "c"], [1, 2, 3]), (["b", "a", "b"], [2, 1, 3])):
        with pq.ParquetFile(_file(tmp_path, list(streets), 3)) as rows:
            parts = list(parts_of(rows, np.array([], np.int64), Layout("street")))
        assert [number for part in parts for number in part.column(ROW_NO).to_pylist()] == numbers


def test_a_part_is_never_larger_than_what_memory_may_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_layout, "_TOGETHER", 2)
    with pq.ParquetFile(_file(tmp_path, ["b", "a"] * 10, 2)) as rows:
        parts = list(parts_of(rows, np.array([], np.int64), Layout("street")))
    assert [part.num_rows for part in parts] == [2] * 10  # of four rows at a time


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    people: list[Mapping[str, Any]] = [
        {"id": f"3301021960030700{number:02}", "name": "某", "street": "ab"[number % 2], "age": number}
        for number in range(40)
    ]
    made = make_kit(tmp_path, make_share())
    made.sources["residents"] = write_dataset(tmp_path, LISTINGS[0], people, [Colour.BLUE] * 40)
    source = made.sources["residents"]
    files = [piece.path for piece in source.pieces]
    assert make_copies(tmp_path, LISTINGS[0], source, lambda: files, least=1) == len(files)
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
            assert con.execute(probe, [str(copy), "330102196003070099"]).fetchall() == [(True,)]


@pytest.mark.parametrize("rows", [Rows(everything=True), of_street("a"), of_street("b"), of_street("x")])
def test_a_look_up_finds_what_is_given_and_nothing_else(kit: Kit, rows: Rows) -> None:
    kit.shares[:] = [make_share(rows=rows)]
    found = ask(kit.desk, kit.asked(f"SELECT age FROM residents WHERE id = '{SOUGHT}'")).table.column("age").to_pylist()
    assert found == ([11] if rows.everything or "b" in rows.values else [])


def _work(kit: Kit, folder: Path, shares: Sequence[Share], sought: str, columns: str) -> list[str]:
    """Return what the engine read to find one person in the view of shares, over the copies alone."""
    source = kit.sources["residents"]
    pieces = tuple(replace(piece, path=copy) for piece, copy in zip(source.pieces, _copies(folder), strict=True))
    view = make_view(LISTINGS[0], shares, frozenset(columns.split()), starred=False, salt_of=salt_of)
    with duckdb.connect(config={"threads": 1}) as con:  # two of them read a little more, or less
        con.execute(f"CREATE VIEW residents AS {view_sql(view, replace(source, pieces=pieces), None)}")
        (plan,) = con.execute(f"EXPLAIN ANALYZE SELECT * FROM residents WHERE id = '{sought}'").fetchall()
    return re.findall(r"Row Groups Scanned: \S+ / \S+|Data Read: +[\d.]+ \w+", plan[1])


NARROW = make_share(rows=of_street("a", "c"))
HIDING: Mapping[str, tuple[Sequence[Share], str]] = {
    "own street": ([NARROW], "id age"),
    "another column": ([make_share(rows=Rows(column="age", values=frozenset({"10", "12"})))], "id age"),
    "the rest under a mask": ([NARROW, make_share(share_id="s-2", masks=(("id", "hash"),))], "id age"),
    "a street under a mask": (
        [
            make_share(rows=of_street("b"), masks=(("id", "hash"),)),
            make_share(masks=(("name", "null"), ("age", "null"))),
        ],
        "id name age",
    ),
    "counts": ([make_share(columns="id age", count_floor=3)], f"id {COUNT}"),
}


def test_somebody_who_is_hidden_takes_the_same_reading_as_nobody(kit: Kit, tmp_path: Path) -> None:
    found, absent = (_work(kit, tmp_path, [make_share()], sought, "id age") for sought in (SOUGHT, NOBODY))
    assert found != absent  # it would show: here nothing is hidden
    for name, (shares, columns) in HIDING.items():
        hidden, nobody = (_work(kit, tmp_path, shares, sought, columns) for sought in (SOUGHT, NOBODY))
        assert hidden
        assert hidden == nobody, name
