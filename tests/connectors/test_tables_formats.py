"""Files of every format as sources: the same rows, from any place, and archives that would do harm are refused."""

import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from hubtwin.base.errors import Absent, HubError, Malformed
from hubtwin.connectors.tables import archives, json_file, parquet_file, rows, sqlite_table
from hubtwin.connectors.tables.archives import Limits, opened_zip
from hubtwin.connectors.tables.csv_file import MAX_COLUMNS
from hubtwin.connectors.tables.opened import Told, kind_of, open_file
from hubtwin.connectors.tables.postgres_table import PostgresTable
from hubtwin.connectors.tables.rows import cell_text
from hubtwin.library.loading import as_text

NAMES = ["证件号", "姓名", "出生日期", "楼层"]
ROWS: list[tuple[Any, ...]] = [
    ("0330102", "张三", date(1990, 1, 2), 3),
    ("330103", None, None, 4),
    ("330104", '引"号', date(2000, 2, 3), None),
]
EXPECTED: list[list[str | None]] = [
    ["0330102", "张三", "1990-01-02", "3"],
    ["330103", None, None, "4"],
    ["330104", '引"号', "2000-02-03", None],
]


def _excel(path: Path) -> None:
    book = Workbook()
    sheet: Any = book.active
    sheet.append(["居民登记表"])
    sheet.append(NAMES)
    for row in ROWS:
        sheet.append(row)
    book.create_sheet("second").append(["a"])
    book.save(path)


def _parquet(path: Path) -> None:
    table = pa.table([pa.array(column) for column in zip(*ROWS, strict=True)], names=NAMES)
    pq.write_table(table, path, row_group_size=2)


def _json(path: Path) -> None:
    told = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
    path.write_text(json.dumps(told, ensure_ascii=False, default=str), encoding="utf-8")


def _jsonl(path: Path) -> None:
    lines = [json.dumps(dict(zip(NAMES, row, strict=True)), ensure_ascii=False, default=str) for row in ROWS]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as con:
        con.execute('CREATE TABLE "表""1" (证件号 TEXT, 姓名 TEXT, 出生日期 TEXT, 楼层 INTEGER)')
        con.executemany('INSERT INTO "表""1" VALUES (?, ?, ?, ?)', [(a, b, c and str(c), d) for a, b, c, d in ROWS])
        con.commit()


def _zip(path: Path) -> None:
    lines = [NAMES, *([cell or "" for cell in row] for row in EXPECTED)]
    text = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("feed/stops.txt", text.encode("gb18030"))
        archive.writestr("feed/other.txt", "a,b\n1,2\n")


MAKERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "f.xlsx": (_excel, "excel"),
    "f.parquet": (_parquet, "parquet"),
    "f.json": (_json, "json"),
    "f.jsonl": (_jsonl, "jsonl"),
    "f.db": (_sqlite, "sqlite"),
    "f.zip": (_zip, "zip/csv"),
}


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_every_format_gives_the_same_rows_and_goes_on_from_any_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (rows, json_file):
        monkeypatch.setattr(module, "CHUNK_ROWS", 1)
    monkeypatch.setattr(parquet_file, "BATCH_ROWS", 1)
    make, kind = MAKERS[name]
    make(tmp_path / name)
    told = Told(table="stops") if name.endswith("zip") else Told()
    opened = open_file(tmp_path / name, told, NAMES, tmp_path)
    assert (opened.format, list(opened.source.columns)) == (kind, NAMES)
    cursors, found, raws = [""], list[list[str | None]](), list[str]()
    for chunk in opened.source.chunks("", NAMES):
        cells = [as_text(chunk.columns[column]).to_pylist() for column in NAMES]
        found += [[cell or None for cell in row] for row in zip(*cells, strict=True)]
        raws += [chunk.raw(place) for place in range(len(chunk.line_nos))]
        cursors.append(chunk.cursor)
    assert found == EXPECTED
    assert all("330" in raw for raw in raws)
    for skipped, cursor in enumerate(cursors if len(cursors) == 4 else cursors[:1]):
        again = [
            cell for chunk in opened.source.chunks(cursor, ["证件号"]) for cell in chunk.columns["证件号"].to_pylist()
        ]
        assert again == [row[0] for row in EXPECTED][skipped:]


def test_numbers_that_a_sheet_has_shortened_are_seen_and_exact_ones_are_kept(tmp_path: Path) -> None:
    assert cell_text(330106199001011230, sheet=True) == "3.30106E+17"
    assert cell_text(330106199001011230) == "330106199001011230"
    assert (cell_text(12.0, sheet=True), cell_text(1.5), cell_text(True)) == ("12", "1.5", "true")
    assert cell_text(datetime(2022, 10, 20, 8, tzinfo=UTC)) == "2022-10-20 08:00:00+00:00"
    assert cell_text({"a": "中"}) == '{"a": "中"}'


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\x1f\x8b\x08rest", "refused_kind"),
        (b"\xd0\xcf\x11\xe0", "refused_kind"),
        (b"PAR1 and no more", "bad_parquet"),
        (b"SQLite format 3\0 and no more", "bad_database"),
        (b"PK\x03\x04 and no more", "bad_archive"),
        (b'[{"a": 1}, {"a": ', "bad_json"),
        (b'{"a": \n', "no_objects"),
        (b"[]", "no_objects"),
        (b"", "empty"),
    ],
)
def test_files_that_are_none_are_refused_with_what_to_do(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    path.write_bytes(content)
    with pytest.raises(HubError) as refused:
        for _ in open_file(path, Told(), [], tmp_path).source.chunks("", []):
            pass
    assert refused.value.key in {f"connectors.tables.{problem}", "connectors.tables.bad_book"}


def _archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_archives_that_would_do_harm_are_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    bombs = {
        "bomb": {"a.csv": b"\0" * (5 << 20)},
        "path_outside": {"../a.csv": b"a\n1\n"},
        "nested": {"a.csv": b"a\n1\n", "inner.zip": b"PK"},
        "which_table": {"a.csv": b"a\n1\n", "b.csv": b"a\n1\n"},
        "bad_archive": {},
    }
    for problem, members in bombs.items():
        packed = _archive(tmp_path / f"{problem}.zip", members, zipfile.ZIP_LZMA if not members else 8)
        if not members:
            _archive(packed, {"a.csv": b"a\n1\n"}, zipfile.ZIP_BZIP2)
        with pytest.raises(Malformed) as refused:
            open_file(packed, Told(), [], folder)
        assert refused.value.key == f"connectors.tables.{problem}"
    many = _archive(tmp_path / "many.zip", {f"{number}.csv": b"a" for number in range(5)})
    with pytest.raises(Malformed), opened_zip(many, Limits(files=4)):
        pass
    assert list(folder.iterdir()) == []


def test_a_member_that_lies_about_its_size_is_not_unpacked_beyond_it(tmp_path: Path) -> None:
    packed = _archive(tmp_path / "lie.zip", {"a.csv": b"a,b\n" * 100_000})
    content = bytearray(packed.read_bytes())
    real = (400_000).to_bytes(4, "little")
    while real in content:
        place = content.index(real)
        content[place : place + 4] = (40).to_bytes(4, "little")
    packed.write_bytes(content)
    with pytest.raises(Malformed):
        archives.unpack(packed, "", tmp_path)
    assert not (tmp_path / "a.csv").exists() or (tmp_path / "a.csv").stat().st_size <= 40


def test_a_workbook_with_entities_or_without_sheets_is_refused(tmp_path: Path) -> None:
    _excel(tmp_path / "good.xlsx")
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'
    for number, evil in enumerate((bomb, bomb.decode().encode("utf-16"), b" " * 2_000_000 + bomb)):
        out = io.BytesIO()
        with zipfile.ZipFile(tmp_path / "good.xlsx") as good, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for name in good.namelist():
                archive.writestr(name, evil if name.endswith("sheet1.xml") else good.read(name))
        path = tmp_path / f"evil{number}.xlsx"
        path.write_bytes(out.getvalue())
        with pytest.raises(Malformed) as refused:
            open_file(path, Told(), [], tmp_path)
        assert refused.value.key == "connectors.tables.bad_xml"
    with pytest.raises(Malformed):
        open_file(tmp_path / "good.xlsx", Told(table="nowhere"), [], tmp_path)
    assert open_file(tmp_path / "good.xlsx", Told(table="second"), [], tmp_path).source.columns == ("a",)


def test_lines_that_are_no_objects_cost_themselves_only(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(b'{"a": 1}\nnothing\n[1]\n\n{"a": "\xff"}\n{"a": 2.0, "b": [1]}\n')
    source = open_file(path, Told(), [], tmp_path).source
    (chunk,) = source.chunks("", ["a", "b"])
    assert chunk.columns["a"].to_pylist() == ["1", "2"]
    assert chunk.columns["b"].to_pylist() == [None, "[1]"]
    assert ([bad.line_no for bad in chunk.broken], list(chunk.line_nos)) == ([2, 3, 5], [1, 6])


def test_views_and_tables_without_rowids_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "f.db"
    with closing(sqlite3.connect(path)) as con:
        con.execute("CREATE TABLE t (k TEXT PRIMARY KEY, rowid TEXT) WITHOUT ROWID")
        con.executemany("INSERT INTO t VALUES (?, ?)", [("b", "2"), ("a", "1")])
        con.execute("CREATE VIEW v AS SELECT k || '!' AS k FROM t")
        con.commit()
    for table, first in (("t", "a"), ("v", "a!")):
        source = open_file(path, Told(table=table), [], tmp_path).source
        assert next(cell for chunk in source.chunks("", ["k"]) for cell in chunk.columns["k"].to_pylist()) == first
        assert next(cell for chunk in source.chunks("1", ["k"]) for cell in chunk.columns["k"].to_pylist())[0] == "b"
    with pytest.raises(Malformed):
        open_file(path, Told(table="t; DROP TABLE t"), [], tmp_path)


@pytest.mark.parametrize(
    "endless",
    [
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n AS k FROM t",
        "SELECT a.k FROM t a, t b, t c, t d, t e, t f, t g WHERE a.k || b.k || c.k || d.k || e.k || f.k || g.k = ''",
    ],
)
def test_a_view_without_an_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endless: str) -> None:
    """Counting its rows took a thread for ever, of a file of some kilobytes."""
    monkeypatch.setattr(sqlite_table, "VIEW_S", 0.2)
    path = tmp_path / "f.db"
    with closing(sqlite3.connect(path)) as con:
        con.execute("CREATE TABLE t (k TEXT)")
        con.executemany("INSERT INTO t VALUES (?)", [(str(n),) for n in range(200)])
        con.execute(f"CREATE VIEW v AS {endless}")
        con.commit()
    with pytest.raises(Malformed) as refused:
        open_file(path, Told(table="v"), [], tmp_path)
    assert refused.value.key == "connectors.tables.slow_view"


def test_a_parquet_file_with_two_columns_of_one_name_or_far_too_many_is_refused(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    wide = pa.table({f"c{n}": [1] for n in range(MAX_COLUMNS + 1)})
    for table, key in ((twice, "connectors.common.repeated_column"), (wide, "connectors.tables.too_wide")):
        pq.write_table(table, tmp_path / "f.parquet")
        with pytest.raises(Malformed) as refused:
            open_file(tmp_path / "f.parquet", Told(), [], tmp_path)
        assert refused.value.key == key


def test_where_a_database_is_stands_in_the_environment_and_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Absent):
        PostgresTable("HUBTWIN_TEST_NOWHERE", "t")
    monkeypatch.setenv("HUBTWIN_TEST_NOWHERE", "postgresql://steward:topsecret@127.0.0.1:1/registers")
    with pytest.raises(HubError) as refused:
        PostgresTable("HUBTWIN_TEST_NOWHERE", "t")
    said = repr(refused.value.values) + refused.value.message() + repr(refused.value.__cause__)
    assert "topsecret" not in said
    assert "steward" not in said


def test_the_kind_of_a_file_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for content, kind in ((b"a,b\n", "csv"), (b"[1] note,b\n", "csv"), (b' [ {"a":1}]', "json"), (b'{"a":1}', "jsonl")):
        path.write_bytes(content)
        assert kind_of(path) == kind


@pytest.mark.parametrize(
    "content",
    [b"x" * 500_000, b"," * 200_000 + b"\n", b"[" * 200_000, b"a;b\n" + b"y," * 100_000 + b";1\n"],
    ids=["one word", "commas", "brackets", "a long field"],
)
def test_a_line_without_end_is_refused_or_read_and_no_failure_of_ours(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "endless"
    path.write_bytes(content)
    try:
        opened = open_file(path, Told(), ("a", "b"), tmp_path)
    except Malformed:
        return
    assert opened.source.columns


def test_a_date_that_python_cannot_hold_is_shown_as_text(tmp_path: Path) -> None:
    days = pa.array([4_000_000, -1_000_000, None, 0], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"a": days}), tmp_path / "x.parquet")
    (chunk,) = parquet_file.ParquetFile(tmp_path / "x.parquet").chunks("", ("a",))
    assert [chunk.raw(place) for place in range(4)] == ["12921-08-18", "-0768-02-04", "", "1970-01-01"]


def test_cells_far_out_in_a_sheet_cost_no_more_than_their_rows(tmp_path: Path) -> None:
    _excel(tmp_path / "good.xlsx")
    head = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
    head += '<c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row>'
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="XFD{n}"><v>{n}</v></c></row>' for n in range(2, 500))
    evil = tmp_path / "evil.xlsx"
    with zipfile.ZipFile(tmp_path / "good.xlsx") as good, zipfile.ZipFile(evil, "w", zipfile.ZIP_STORED) as archive:
        for name in good.namelist():
            told = f"{head}{rows}</sheetData></worksheet>".encode()
            archive.writestr(name, told if name.endswith("sheet1.xml") else good.read(name))
    source = open_file(evil, Told(header=1), [], tmp_path).source
    (chunk,) = source.chunks("", source.columns[:2])
    assert len(chunk.line_nos) == 498
    assert len(chunk.raw(0)) < 3 * len(source.columns)
    assert source.columns[:2] == ("a", "b")
