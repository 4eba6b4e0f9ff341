"""CSV: nothing valid is lost, nothing broken raises, whatever the encoding and the chunks."""

import csv
import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.base.text import text
from hubtwin.connectors.common.csvio import MAX_RECORD_LINES, CsvLine, CsvProblem, Form, read_csv
from hubtwin.connectors.common.lines import BLOCK_BYTES
from hubtwin.connectors.common.repeats import Repeats

PAIR = Form("pair", ("a", "b"))
LONGER = Form("longer", ("a", "b", "c", "d"), optional=("e",))
OPEN = Form("open", ("a",), ("b",), is_open=True)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def lines(data: bytes, size: int = 1 << 20, *forms: Form) -> list[CsvLine]:
    return list(read_csv(cut(data, size), "x.csv", forms or (PAIR, LONGER)).lines)


def good(found: list[CsvLine]) -> list[tuple[str, ...]]:
    return [tuple(line[1].values()) for line in found if not isinstance(line, CsvProblem)]


def reasons(found: list[CsvLine]) -> list[tuple[int, str]]:
    return [(line.line_no, line.reason.rpartition(".")[2]) for line in found if isinstance(line, CsvProblem)]


FIELD = st.text(
    st.one_of(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), st.sampled_from('",\r\n')), max_size=8
)
CHINESE = st.text(st.sampled_from("杭州东站高风险区县街道社区，楼"), min_size=1, max_size=8)


@given(st.lists(st.tuples(FIELD, FIELD), max_size=12), st.sampled_from((1, 2, 5, 1 << 20)), st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_a_csv_writer_writes_is_read_back(rows: list[tuple[str, str]], size: int, bom: bool) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *rows])
    found = lines(out.getvalue().encode("utf-8-sig" if bom else "utf-8"), size)
    assert reasons(found) == []
    assert good(found) == rows


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@given(rows=st.lists(st.tuples(CHINESE, CHINESE), min_size=1), size=st.sampled_from((1, 3, 1 << 20)))
@settings(max_examples=40, deadline=None)
def test_chinese_is_read_in_each_encoding(encoding: str, rows: list[tuple[str, str]], size: int) -> None:
    data = "\n".join(["a,b", *(",".join(row) for row in rows)]).encode(encoding)
    assume(encoding != "gb18030" or not _is_utf_8(data))  # some Chinese in GB 18030 is as good in UTF-8: 楼 and ¥
    assert good(lines(data, size)) == rows


BROKEN = st.sampled_from([b"1", b"1,2,3", b"\xff\xfe,1", b"\0,1", b'"1,2', b'"1"2,3'])


@given(st.lists(st.one_of(BROKEN, st.integers(0, 9**9).map(lambda n: b"%d,ok" % n)), max_size=30))
@settings(max_examples=150, deadline=None)
def test_a_broken_line_costs_only_itself(parts: list[bytes]) -> None:
    found = lines(b"a,b\n" + b"\n".join(parts))
    assert [row[0] for row in good(found)] == [part[:-3].decode() for part in parts if part.endswith(b",ok")]
    assert len(found) == len(parts)
    assert [line.line_no if isinstance(line, CsvProblem) else line[0] for line in found] == [*range(2, len(parts) + 2)]


@given(st.binary(max_size=300), st.sampled_from((1, 4, 1 << 20)))
@settings(max_examples=300, deadline=None)
def test_reading_lines_is_total_and_does_not_depend_on_the_chunks(data: bytes, size: int) -> None:
    page = b"a,b\n" + data
    assert lines(page, size) == lines(page)


def test_every_problem_has_its_line_its_reason_and_its_start() -> None:
    data = b'a,b\n1,"x\ny"\n3\n4,"zz\n5,6\n7,8\x00\n9,"1""0"\n\n1,\xff\n11,12'
    found = lines(data)
    assert reasons(found) == [(4, "wrong_fields"), (5, "broken_quotes"), (7, "nul_byte"), (10, "not_text")]
    assert good(found) == [("1", "x\ny"), ("5", "6"), ("9", '1"0'), ("11", "12")]
    assert [line.raw for line in found if isinstance(line, CsvProblem)] == [
        "3",
        '4,"zz',
        "7,8␀",
        "1,\N{REPLACEMENT CHARACTER}",
    ]
    for line in found:
        if isinstance(line, CsvProblem):
            assert "{" not in text(line.reason, "zh", **line.values) + text(line.reason, "en", **line.values)


def test_half_a_last_line_is_a_problem_and_a_last_line_without_end_is_not() -> None:
    assert reasons(lines(b"a,b\n1,2\n3")) == [(3, "wrong_fields")]
    assert good(lines(b"a,b\n1,2\n3,4")) == [("1", "2"), ("3", "4")]


def test_a_forgotten_quote_does_not_swallow_the_rest_of_the_file() -> None:
    rows = [b"%d,x" % number for number in range(3 * MAX_RECORD_LINES)]
    found = lines(b'a,b\n0,"x\n' + b"\n".join(rows))
    assert reasons(found) == [(2, "broken_quotes")]
    assert len(good(found)) == len(rows)


def test_a_line_without_end_is_dropped_and_the_next_one_is_read() -> None:
    data = b"a,b\n1,2\n" + b"x" * (3 * BLOCK_BYTES) + b"\n3,4\n"
    for size in (1000, 1 << 20, 1 << 24):
        found = lines(data, size)
        assert reasons(found) == [(3, "line_too_long")]
        assert good(found) == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "nothing in it"),
        (b"\n\n", "nothing in it"),
        (b"a\n1\n", "column b is missing"),
        (b"a,b,phone\n", "unknown column phone"),
        (b"a,b,c,dd\n", "unknown column dd (read as longer)"),
        (b"a,b,a\n", "column a occurs twice"),
        (b'"a,b\n', "header cannot be read"),
        (b"a,b\0\n", "header cannot be read"),
        ("a,b\n".encode("utf-16"), "UTF-8"),
    ],
)
def test_a_page_is_refused_by_name(data: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=r"x\.csv") as refusal:
        lines(data)
    assert says in str(refusal.value)


def test_columns_come_in_any_order_and_optional_ones_may_come() -> None:
    sheet = read_csv([b"e,d,c,b,a\n1,2,3,4,5\n"], "x.csv", (PAIR, LONGER))
    assert sheet.form is LONGER
    assert [*sheet.lines] == [(2, {"e": "1", "d": "2", "c": "3", "b": "4", "a": "5"})]


def test_an_open_form_lets_unknown_columns_pass() -> None:
    sheet = read_csv([b"a,wheelchair\n1,2\n"], "stops.txt", (OPEN,))
    assert [*sheet.lines] == [(2, {"a": "1", "wheelchair": "2"})]


def test_a_large_page_is_streamed() -> None:
    block = (b"1," + b"2" * 1000 + b"\n") * 1000
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_csv((b"a,b\n" if n == 0 else block for n in range(41)), "x.csv", (PAIR,)).lines)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 40_000
    assert peak < 12 * BLOCK_BYTES  # of 40 MB


def test_repeats_are_told_from_conflicts_and_memory_is_bounded() -> None:
    repeats = Repeats(window=10)
    assert repeats.find_reason("k", 1) is None
    assert repeats.find_reason("k", 1) == "connectors.common.repeated_row"
    assert repeats.find_reason("k", 2) == "connectors.common.conflicting_row"
    assert [repeats.find_reason(number, 0) for number in range(15)] == [None] * 15
    assert repeats.find_reason("k", 1) == "connectors.common.repeated_row"
    assert [repeats.find_reason(number, 0) for number in range(100, 130)] == [None] * 30
    assert repeats.find_reason("k", 2) is None
    assert repeats.contradicts("k", 3)
    assert not repeats.contradicts("k", 2)


def test_the_cut_of_chunks_has_no_meaning_at_the_ends_of_blocks_either() -> None:
    numbers = range(BLOCK_BYTES // 8)
    data = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n % 97) if n % 1000 else b'%d,"x\ny"\n' % n for n in numbers)
    whole = lines(data, 1 << 30)
    assert len(whole) == len(numbers)
    assert lines(data, 70_001) == whole
    assert lines(data, BLOCK_BYTES) == whole
