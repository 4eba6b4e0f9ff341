"""CSV as every source of ours reads it: streamed, exact about its columns, and losing nothing but what is broken.

`read_csv(chunks, name, forms)` gives a Sheet: which of the forms the header matches, and its lines: a pair
(line number, values by column) or a CsvProblem. A quote that is never closed costs its own line only.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.lines import BadLine, shown, text_lines
from hubtwin.connectors.common.values import masked

MAX_RECORD_LINES = 200  # a quoted field may hold line ends; beyond this a quote was forgotten


@dataclass(frozen=True)
class Form:
    """A CSV form by its header: columns in any order. `is_open` lets unknown columns pass (GTFS says so)."""

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class CsvProblem:
    """A line that is no record of its sheet: where, why (text key and values), and the line itself.

    `raw` is as it came: a source with personal fields masks it (`values.masked`) before it goes to quarantine.
    """

    line_no: int
    reason: str
    values: Mapping[str, object] = field(default_factory=dict)
    raw: str = ""


CsvLine = tuple[int, dict[str, str]] | CsvProblem


@dataclass(frozen=True)
class Sheet:
    """A CSV page whose header was accepted. `lines` may be read once; line numbers count from 1, the header."""

    form: Form
    columns: tuple[str, ...]
    lines: Iterator[CsvLine]


def read_csv(chunks: Iterable[bytes], name: str, forms: Sequence[Form]) -> Sheet:
    """Return the sheet that the bytes of page `name` hold; only its header has been read on return.

    Raises Malformed for a page without any line, a header that cannot be read, and an unknown, missing or
    repeated column, naming file and column.
    """
    feed = Feed(text_lines(chunks, name))
    columns = _header(feed, name)
    form = _match(columns, name, forms)
    return Sheet(form, columns, _records(feed, columns))


class BrokenRecord(Exception):
    """A record that is still open (a quote) cannot go on: the next line is no text, or it is too long."""


class Feed:
    """Gives csv.reader one line after the other; remembers those of the record being read, to read them again."""

    def __init__(self, lines: Iterator[str | BadLine]) -> None:
        """Take the lines; they are numbered from 1."""
        self._lines = enumerate(lines, 1)
        self._again: deque[tuple[int, str | BadLine]] = deque()
        self.taken: list[tuple[int, str]] = []
        self.problems: list[CsvProblem] = []

    def __iter__(self) -> "Feed":
        return self

    def __next__(self) -> str:
        while True:
            number, line = self._again.popleft() if self._again else next(self._lines)
            bad = isinstance(line, BadLine)
            if self.taken and (bad or len(self.taken) >= MAX_RECORD_LINES):
                self._again.appendleft((number, line))
                raise BrokenRecord
            if isinstance(line, BadLine):
                self.problems.append(CsvProblem(number, line.reason, {}, line.raw))
                continue
            self.taken.append((number, line))
            return line

    def give_up(self, reason: str, **values: object) -> CsvProblem:
        """Return the first line of the record as a problem; its other lines are read again as their own."""
        (number, line), *others = self.taken
        self._again.extendleft(reversed(others))
        self.taken = []
        return CsvProblem(number, reason, values, shown(line))


def _records(feed: Feed, columns: tuple[str, ...]) -> Iterator[CsvLine]:
    reader = csv.reader(feed, strict=True)
    width = len(columns)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            yield from feed.problems
            return
        except (csv.Error, BrokenRecord):
            found: CsvLine = feed.give_up("connectors.common.broken_quotes")
        else:
            taken = feed.taken
            if len(fields) == width:
                found = (taken[0][0], dict(zip(columns, fields, strict=True)))
                taken.clear()
            elif not fields:  # an empty line says nothing
                taken.clear()
                continue
            else:
                found = feed.give_up("connectors.common.wrong_fields", expected=width, found=len(fields))
        if feed.problems:
            yield from feed.problems
            feed.problems.clear()
        yield found


def _header(feed: Feed, name: str) -> tuple[str, ...]:
    reader = csv.reader(feed, strict=True)
    fields: list[str] = []
    try:
        while not fields and not feed.problems:
            fields = next(reader)
            feed.taken.clear()
    except StopIteration:
        if not feed.problems:
            raise Malformed("connectors.common.empty_page", file=name) from None
    except (csv.Error, BrokenRecord):
        raise Malformed("connectors.common.header_unreadable", file=name) from None
    if feed.problems:
        raise Malformed("connectors.common.header_unreadable", file=name)
    return tuple(fields)


def _match(columns: tuple[str, ...], name: str, forms: Sequence[Form]) -> Form:
    """Return the form of a header; the nearest form is the one an error speaks of."""
    seen: set[str] = set()
    for column in columns:
        if column in seen:
            raise Malformed("connectors.common.repeated_column", file=name, column=masked(shown(column)))
        seen.add(column)
    nearest = min(forms, key=lambda form: _distance(form, seen))
    unknown = [column for column in columns if column not in nearest.required + nearest.optional]
    if unknown and not nearest.is_open:
        raise Malformed(
            "connectors.common.unknown_column", file=name, column=masked(shown(unknown[0])), form=nearest.name
        )
    missing = [column for column in nearest.required if column not in seen]
    if missing:
        raise Malformed("connectors.common.missing_column", file=name, column=missing[0], form=nearest.name)
    return nearest


def _distance(form: Form, seen: set[str]) -> tuple[int, int]:
    """Return how many columns are too many or too few, then how few are right."""
    required = set(form.required)
    return len(seen - required - set(form.optional)) + len(required - seen), -len(required & seen)
