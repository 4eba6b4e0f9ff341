"""A block of a CSV file to columns of text: fast where it is plain, exact where it is not.

`cut` finds where a block ends, so that no record is torn. `parse` reads it by Arrow where the block leaves no doubt (it
checks that Arrow sees the records that the quotes say there are), else line by line by `connectors.common.csvio`, which
loses nothing but what is broken. Both give the same, so where a load stopped does not depend on which way it went.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv as arrow_csv

from hubtwin.connectors.common.csvio import MAX_RECORD_LINES, BrokenRecord, Feed
from hubtwin.connectors.common.lines import BadLine, shown
from hubtwin.library.loading import storable
from hubtwin.library.loads import NewBad
from hubtwin.rules.quality import Problem

Places = npt.NDArray[np.int64]
_WIDE = {"utf-16-le": "<u2", "utf-16-be": ">u2"}
_LINE_END, _RETURN, _QUOTE = 10, 13, 34
_EMPTY_LINE = re.compile(rb"(\A|\n)\r?\n")
_LONE_RETURN = re.compile(rb"\r(?!\n)")
WRONG_FIELDS, BROKEN_QUOTES = "connectors.common.wrong_fields", "connectors.common.broken_quotes"


@dataclass(frozen=True)
class Form:
    """How the records of a file are written: its encoding, its delimiter, the names of its columns."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Spans:
    """The records of a block as slices of its bytes."""

    data: bytes
    starts: Places
    ends: Places

    def __getitem__(self, place: int) -> str:
        """Return a record as it came, without its line end."""
        return self.data[self.starts[place] : self.ends[place]].decode("utf-8", "replace").rstrip("\r\n")


@dataclass(frozen=True)
class Parsed:
    """The records of a block. `line_nos` counts from the beginning of the block, from 0; `used` are the bytes and lines
    of the block that were read: the rest belongs to the next one."""

    columns: dict[str, pa.Array]
    line_nos: Places
    raws: Sequence[str] | Spans
    broken: list[NewBad]
    used_bytes: int
    used_lines: int


def cut(data: bytes, encoding: str) -> int:
    """Return how many bytes of a block to read as one: up to the last line end that stands outside of quotes.

    Where every line end stands inside of quotes, a quote was forgotten: up to the last line end. 0 without any.
    """
    width = 2 if encoding in _WIDE else 1
    units = np.frombuffer(data[: len(data) // width * width], dtype=_WIDE.get(encoding, "u1"))
    ends, quotes = np.flatnonzero(units == _LINE_END), np.flatnonzero(units == _QUOTE)
    if not len(ends):
        return 0
    outside = ends[np.searchsorted(quotes, ends) % 2 == 0] if len(quotes) else ends
    return int((outside if len(outside) else ends)[-1] + 1) * width


def parse(data: bytes, form: Form, *, last: bool) -> Parsed:
    """Return the records of a block that `cut` found. `last` says that nothing follows it in the file."""
    try:
        plain = data if form.encoding == "utf-8" else data.decode(form.encoding).encode()
    except UnicodeDecodeError:
        plain = b""
    if last and plain and not plain.endswith(b"\n"):
        plain += b"\n"
    found = _fast(plain, form) if plain else None
    if found is None:
        return _exact(data, form, last=last)
    return Parsed(found.columns, found.line_nos, found.raws, found.broken, len(data), found.used_lines)


def _fast(data: bytes, form: Form) -> Parsed | None:
    """Return the records as Arrow reads them; None where it might see others than `_exact`."""
    if b"\0" in data or _EMPTY_LINE.search(data) or _LONE_RETURN.search(data):
        return None
    units = np.frombuffer(data, dtype="u1")
    line_ends = np.flatnonzero(units == _LINE_END)
    ends = line_ends
    if quoted := b'"' in data:
        quotes = np.flatnonzero(units == _QUOTE)
        if len(quotes) % 2 or not _are_plain(quotes, units, form.delimiter):
            return None
        ends = line_ends[np.searchsorted(quotes, line_ends) % 2 == 0]
        if int(np.max(np.diff(np.searchsorted(line_ends, ends), prepend=-1), initial=0)) > MAX_RECORD_LINES:
            return None
    table, skipped = _arrow(data, form, quoted=quoted)
    if table is None or table.num_rows + len(skipped) != len(ends):
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    lines = np.searchsorted(line_ends, starts)
    spans = Spans(data, starts, ends)
    broken = []
    if skipped:
        places = np.array([number - 1 for number, _ in skipped])
        for place, (_, width) in zip(places, skipped, strict=True):
            broken.append(_broken(int(lines[place]), spans[place], WRONG_FIELDS, len(form.columns), width))
        keep = np.setdiff1d(np.arange(len(ends)), places)
        starts, ends, lines = starts[keep], ends[keep], lines[keep]
        spans = Spans(data, starts, ends)
    columns = {name: table.column(place).combine_chunks() for place, name in enumerate(form.columns)}
    return Parsed(columns, lines, spans, broken, len(data), len(line_ends))


def _arrow(data: bytes, form: Form, *, quoted: bool) -> tuple[pa.Table | None, list[tuple[int, int]]]:
    skipped: list[tuple[int, int]] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        skipped.append((row.number, row.actual_columns))
        return "skip"

    names = [str(place) for place in range(len(form.columns))]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
            arrow_csv.ParseOptions(
                delimiter=form.delimiter,
                quote_char='"' if quoted else False,
                newlines_in_values=quoted,
                ignore_empty_lines=False,
                invalid_row_handler=skip,
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=True
            ),
        )
    except pa.ArrowInvalid:
        return None, []
    return table, skipped


def _are_plain(quotes: Places, units: npt.NDArray[np.uint8], delimiter: str) -> bool:
    """Tell whether every quote opens a field, closes one, or is doubled inside of one: on others readers disagree."""
    around = np.concatenate(([_LINE_END], units, [_LINE_END]))  # place p of the block is p + 1 here
    apart = [ord(delimiter), _LINE_END, _RETURN, _QUOTE]
    before, after = around[quotes[0::2]], around[quotes[1::2] + 2]
    doubled = np.diff(quotes)[1::2] == 1  # a closing quote, then an opening one
    beside = (before[1:] == _QUOTE) == doubled
    return bool(np.isin(before, apart).all() and np.isin(after, apart).all() and beside.all() and before[0] != _QUOTE)


def _exact(data: bytes, form: Form, *, last: bool) -> Parsed:
    """Return the records as `csvio` reads them, line by line."""
    lines = list(_lines(data, form.encoding))
    feed = Feed(iter(text for text, _ in lines))
    reader = csv.reader(feed, delimiter=form.delimiter, strict=True)
    rows, raws, line_nos = list[list[str]](), list[str](), list[int]()
    broken, width, used = list[NewBad](), len(form.columns), len(lines)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            break
        except (csv.Error, BrokenRecord):
            number, count = feed.taken[0][0] - 1, len(feed.taken)
            if number and not last and number + count == len(lines) and count < MAX_RECORD_LINES:
                used = number  # a record that goes on in the next block
                break
            problem = feed.give_up(BROKEN_QUOTES)
            broken.append(_broken(problem.line_no - 1, problem.raw, problem.reason))
            continue
        number, raw = feed.taken[0][0] - 1, "".join(line for _, line in feed.taken).rstrip("\r\n")
        feed.taken.clear()
        if len(fields) == width:
            rows.append(fields)
            raws.append(raw)
            line_nos.append(number)
        elif fields:
            broken.append(_broken(number, raw, WRONG_FIELDS, width, len(fields)))
    broken += [_broken(each.line_no - 1, each.raw, each.reason) for each in feed.problems if each.line_no <= used]
    columns = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(form.columns)}
    return Parsed(columns, np.array(line_nos, np.int64), raws, broken, sum(size for _, size in lines[:used]), used)


def _lines(data: bytes, encoding: str) -> Iterator[tuple[str | BadLine, int]]:
    """Yield every line of a block with the number of its bytes, a BadLine for one that is no text."""
    end = "\n".encode(encoding)
    start = 0
    while start < len(data):
        stop = data.find(end, start)
        while stop >= 0 and (stop - start) % len(end):
            stop = data.find(end, stop + 1)
        stop = len(data) if stop < 0 else stop + len(end)
        line = data[start:stop]
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError:
            yield BadLine("connectors.common.not_text", shown(line)), len(line)
        else:
            nul = BadLine("connectors.common.nul_byte", shown(text))
            yield nul if "\0" in text else text, len(line)
        start = stop


def _broken(line: int, raw: str, reason: str, expected: int = 0, found: int = 0) -> NewBad:
    values = {"expected": expected, "found": found} if expected else {}
    return NewBad(line, storable(raw), (Problem(reason, values),))
