"""CSV files as sources: the fast way and the exact way see the same records, from any place, in any encoding."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.connectors.tables import blocks, csv_file
from hubtwin.connectors.tables.blocks import Form, cut, parse
from hubtwin.connectors.tables.csv_file import CsvFile, CsvTold

FORM = Form("utf-8", ",", ("a", "b"))
PIECES = st.sampled_from(
    ['"', '""', ",", "\n", "\r\n", "\r", "a", "张", " ", '"x"', '",\n"', "\0", "a,b\n", '"a","b"\n']
)


def _seen(found: blocks.Parsed) -> Any:
    rows = list(zip(*(column.to_pylist() for column in found.columns.values()), strict=True))
    raws = [found.raws[place] for place in range(len(rows))]
    broken = sorted((bad.line_no, bad.raw, bad.problems[0].key) for bad in found.broken)
    return rows, list(found.line_nos), raws, broken, found.used_bytes, found.used_lines


@given(st.lists(PIECES, min_size=1, max_size=12))
@settings(max_examples=600, deadline=None)
def test_where_the_fast_way_dares_it_sees_what_the_exact_way_sees(pieces: list[str]) -> None:
    data = "".join(pieces).encode() + b"\n"
    fast = blocks._fast(data, FORM)
    if fast is not None:
        assert _seen(fast) == _seen(blocks._exact(data, FORM, last=True))


def test_the_fast_way_is_taken_for_plain_and_for_quoted_files() -> None:
    plain = b"1,2\n3,4\nonly\n5,6\n"
    quoted = b'"1","a ""b"" c"\r\n"3","two\nlines"\r\n'
    for data, count in ((plain, 3), (quoted, 2)):
        found = blocks._fast(data, FORM)
        assert found is not None
        assert len(found.line_nos) == count
    assert blocks._fast(b'1,a"b\n', FORM) is None


@given(st.lists(st.lists(st.text(max_size=6), min_size=2, max_size=2), min_size=1, max_size=20), st.integers(128, 300))
@settings(max_examples=100, deadline=None)
def test_a_file_cut_anywhere_gives_every_record_once(rows: list[list[str]], size: int) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(
        [cell.replace("\0", "").replace("\r", "") for cell in row] for row in rows
    )
    data = out.getvalue().encode("utf-8", "replace")
    at = line = 0
    found: list[object] = []
    while at < len(data):
        held = size
        while not (used := cut(data[at : at + held], "utf-8")) and at + held < len(data):
            held += size
        part = parse(data[at : at + (used or held)], FORM, last=at + (used or held) >= len(data))
        found += list(zip(*(column.to_pylist() for column in part.columns.values()), strict=True))
        assert not part.broken
        at, line = at + part.used_bytes, line + part.used_lines
    expected = [tuple(row) for row in csv.reader(io.StringIO(data.decode(), newline=""), strict=True)]
    assert found == expected
    assert line == data.count(b"\n")


TEXT = '证件号,姓名,note\n330102,张三,"a,b"\n330103,李四,x\n\n330104,王五\n330105,赵六,"open\n330106,孙七,y\n'
ENCODED = {name: TEXT.encode(name) for name in ("utf-8", "utf-8-sig", "gb18030")}
ENCODED |= {"utf-16-le": b"\xff\xfe" + TEXT.encode("utf-16-le"), "utf-16-be": b"\xfe\xff" + TEXT.encode("utf-16-be")}


@pytest.mark.parametrize("encoding", sorted(ENCODED))
@pytest.mark.parametrize("block", [40, 62, 1 << 20])
def test_every_encoding_gives_the_same_rows_lines_and_places_to_go_on(
    encoding: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", block)
    path = tmp_path / "f.csv"
    path.write_bytes(ENCODED[encoding])
    source = CsvFile(path, CsvTold(), ["证件号", "姓名"])
    assert (source.encoding, source.delimiter, source.columns) == (encoding, ",", ("证件号", "姓名", "note"))
    rows: list[Any] = []
    bad: list[Any] = []
    cursors = [""]
    for chunk in source.chunks("", source.columns):
        cells = zip(*(chunk.columns[name].to_pylist() for name in source.columns), strict=True)
        rows += [(line, *row) for line, row in zip(chunk.line_nos, cells, strict=True)]
        bad += [(each.line_no, each.raw, each.problems[0].key) for each in chunk.broken]
        cursors.append(chunk.cursor)
    assert rows == [(2, "330102", "张三", "a,b"), (3, "330103", "李四", "x"), (7, "330106", "孙七", "y")]
    assert sorted(bad) == [
        (5, "330104,王五", blocks.WRONG_FIELDS),
        (6, '330105,赵六,"open', blocks.BROKEN_QUOTES),
    ]
    assert source.total == len(ENCODED[encoding])
    for cursor in cursors:
        again = [row for chunk in source.chunks(cursor, ["姓名"]) for row in chunk.columns["姓名"].to_pylist()]
        assert again == [row[2] for row in rows][len(rows) - len(again) :]


def test_lines_that_are_no_text_cost_themselves_only(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes("id,name\n1,张\n".encode() + b"2,\xff\xfe\xff\n3,a\0b\n" + "4,李\n".encode() * 20)
    (chunk,) = CsvFile(path, CsvTold(), []).chunks("", ["id"])
    assert [bad.line_no for bad in chunk.broken] == [3, 4]
    assert chunk.columns["id"].to_pylist() == ["1", *["4"] * 20]


def test_a_header_below_a_title_none_at_all_and_a_wrong_one(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("登记表\n\nid\tname\n1\ta\n", encoding="utf-8")
    source = CsvFile(path, CsvTold(), ["id", "name"])
    assert (source.columns, source.delimiter) == (("id", "name"), "\t")
    (chunk,) = source.chunks("", ["id"])
    assert (chunk.columns["id"].to_pylist(), list(chunk.line_nos)) == (["1"], [4])
    path.write_text("330102,a\n330103,b\n", encoding="utf-8")
    source = CsvFile(path, CsvTold(), ["id"])
    assert source.columns == ("column_1", "column_2")
    assert [len(chunk.line_nos) for chunk in source.chunks("", [])] == [2]
    assert CsvFile(path, CsvTold(header=1), []).columns == ("330102", "a")
    for content, told in (("a,a\n1,2\n", CsvTold(header=1)), ("  \n", CsvTold()), ("a,b\n", CsvTold(header=7))):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(Malformed):
            CsvFile(path, told, ["a"])
    path.write_bytes("姓名,b\n".encode("gb18030"))
    with pytest.raises(Malformed) as refused:
        CsvFile(path, CsvTold(encoding="utf-8"), [])
    assert refused.value.values["found"] == "gb18030"
