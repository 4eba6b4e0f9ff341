"""A CSV or TSV file as a source of rows: any size in bounded memory, from any place where one stopped.

The cursor is "byte offset:line number". Encodings: UTF-8 with or without byte order mark, GB 18030, UTF-16.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubtwin.base.errors import Malformed
from hubtwin.connectors.tables.blocks import Form, cut, parse
from hubtwin.library.loading import Chunk
from hubtwin.library.loads import NewBad
from hubtwin.rules.guess import HEADER_ROWS, guess_delimiter, guess_encoding, guess_header

BLOCK_BYTES = 8 << 20
HEAD_BYTES, PIECE_BYTES, PIECES = 256 << 10, 64 << 10, 16
MAX_COLUMNS = 2_000
_BOM_BYTES = {"utf-8-sig": 3, "utf-16-le": 2, "utf-16-be": 2}
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class CsvTold:
    """What was told of a file, or nothing: encoding, delimiter, and in which line the header stands (0: nowhere)."""

    encoding: str = ""
    delimiter: str = ""
    header: int | None = None


class CsvFile:
    """`library.loading.Source` over a CSV file."""

    def __init__(self, path: Path, told: CsvTold, names: Sequence[str]) -> None:
        """Look at a file: its encoding, its delimiter, its header by the `names` that are known.

        Raises Malformed for an empty file, one that is no text, a wrong declaration, a header with a name twice.
        """
        self._path, self.total = path, path.stat().st_size
        samples = _samples(path)
        if not samples[0].strip():
            raise Malformed("connectors.tables.empty", file=path.name)
        self.encoding = guess_encoding(samples, told.encoding)
        bom = _BOM_BYTES.get(self.encoding, 0) if samples[0].startswith(_BOMS) else 0
        codec = "utf-8" if self.encoding == "utf-8-sig" else self.encoding  # which would write another mark
        head = samples[0][bom:].decode(codec, "replace")
        lines = io.StringIO(head, newline="\n").readlines()
        lines = lines[:-1] if len(lines) > 1 and self.total > HEAD_BYTES else lines
        self.delimiter = told.delimiter or guess_delimiter(lines[:200])
        rows = _records(lines, self.delimiter)
        if not rows:
            raise Malformed("connectors.tables.empty", file=path.name)
        place = guess_header([row for row, _ in rows], names) if told.header is None else told.header - 1
        if place is None or place < 0:
            width = max(len(row) for row, _ in rows)
            self.header, self.columns, skipped = 0, tuple(f"column_{n}" for n in range(1, width + 1)), 0
        elif place < len(rows):
            self.header, self.columns, skipped = place + 1, named(rows[place][0], path.name), rows[place][1]
        else:
            raise Malformed("connectors.tables.no_header", file=path.name, row=place + 1)
        self._form = Form(codec, self.delimiter, self.columns)
        passed = "".join(lines[:skipped]).encode(codec, "replace")
        self._begin = f"{bom + len(passed)}:{skipped}"

    def chunks(self, cursor: str, wanted: Sequence[str]) -> Iterator[Chunk]:
        """Yield the records behind a cursor. Raises OSError where the file is gone."""
        offset, line = (int(part) for part in (cursor or self._begin).split(":"))
        with self._path.open("rb") as stream:
            stream.seek(offset)
            held, ended = b"", False
            while held or not ended:
                more = b"" if ended else stream.read(BLOCK_BYTES)
                ended = ended or len(more) < BLOCK_BYTES
                held += more
                size = len(held) if ended else cut(held, self._form.encoding)
                if not size and not ended and len(held) < 2 * BLOCK_BYTES:
                    continue
                data = held[: size or len(held)]
                if not data:
                    return
                found = parse(data, self._form, last=ended and len(data) == len(held))
                held = held[found.used_bytes :]
                offset, start, line = offset + found.used_bytes, line, line + found.used_lines
                broken = [NewBad(each.line_no + start + 1, each.raw, each.problems) for each in found.broken]
                columns = {name: found.columns[name] for name in wanted}
                yield Chunk(
                    columns, found.line_nos + (start + 1), found.raws.__getitem__, f"{offset}:{line}", offset, broken
                )


def _samples(path: Path) -> list[bytes]:
    """Return the head of a file and pieces of the rest: one that begins in ASCII shows later what it is."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        found = [stream.read(HEAD_BYTES)]
        for number in range(1, PIECES + 1):
            place = size * number // (PIECES + 1) // 2 * 2
            if place > HEAD_BYTES:
                stream.seek(place)
                piece = stream.read(PIECE_BYTES)
                found.append(piece[piece.find(b"\n") + 1 :])
    return found


def _records(lines: Sequence[str], delimiter: str) -> list[tuple[list[str], int]]:
    """Return the first records, each with how many lines were read until then."""
    reader, found = csv.reader(iter(lines), delimiter=delimiter), list[tuple[list[str], int]]()
    try:
        for row in reader:
            if row:
                found.append((row, reader.line_num))
            if len(found) > HEADER_ROWS:
                break
    except csv.Error:  # a field of 131,072 characters and more is none; what came before it is a beginning
        return found
    return found


def named(cells: Sequence[str], file: str) -> tuple[str, ...]:
    """Return the names of a header; a column without one is named by its place. Raises Malformed for one twice."""
    names = tuple(cell.strip().strip("\ufeff") or f"column_{place}" for place, cell in enumerate(cells, start=1))
    if len(names) > MAX_COLUMNS:
        raise Malformed("connectors.tables.too_wide", file=file, count=len(names), most=MAX_COLUMNS)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Malformed("connectors.common.repeated_column", file=file, column=twice[:80])
    return names
