"""JSON as a source of rows: a file of one object a line, or one array of objects of any length.

Columns are the keys of the first objects. The cursor of lines is "byte offset:line", that of an array the number of
the last object.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from hubtwin.base.errors import Malformed
from hubtwin.connectors.tables.rows import CHUNK_ROWS, cell_text, chunks_of
from hubtwin.library.loading import Chunk, storable
from hubtwin.library.loads import NewBad
from hubtwin.rules.quality import Problem

SAMPLE = 1_000  # objects whose keys are the columns
MAX_OBJECT = 16 << 20  # characters of one object, and bytes of one line
_BLOCK = 1 << 20
_NO_JSON = Problem("connectors.tables.no_object")


class JsonLines:
    """`library.loading.Source` over a file of one JSON object a line."""

    def __init__(self, path: Path) -> None:
        """Look at the first lines. Raises Malformed where none of them is an object."""
        self._path, self.total = path, path.stat().st_size
        keys = dict[str, None]()
        for _, _, line in self._lines(0, 0, SAMPLE):
            found = _object(line)
            keys.update(dict.fromkeys(found or ()))
        if not keys:
            raise Malformed("connectors.tables.no_objects", file=path.name)
        self.columns = tuple(keys)

    def chunks(self, cursor: str, wanted: Sequence[str]) -> Iterator[Chunk]:
        """Yield the objects behind a cursor; a line that is none is broken."""
        offset, number = (int(part) for part in (cursor or "0:0").split(":"))
        while True:
            rows, numbers, raws, broken = list[dict[str, object]](), list[int](), list[str](), list[NewBad]()
            for at, behind, line in self._lines(offset, number, CHUNK_ROWS):
                number, offset = at, behind
                found = _object(line)
                raw = storable(line.decode("utf-8", "replace").strip())
                if found is not None:
                    rows.append(found)
                    numbers.append(number)
                    raws.append(raw)
                elif raw:
                    broken.append(NewBad(number, raw, (_NO_JSON,)))
            if not rows and not broken:
                return
            columns = {name: pa.array([cell_text(row.get(name)) for row in rows], pa.string()) for name in wanted}
            yield Chunk(columns, numbers, raws.__getitem__, f"{offset}:{number}", offset, broken)

    def _lines(self, offset: int, number: int, most: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield up to `most` lines behind a place: number, where the next one begins, the line."""
        with self._path.open("rb") as stream:
            stream.seek(offset)
            for _ in range(most):
                line = stream.readline(MAX_OBJECT)
                if not line:
                    return
                number, offset = number + 1, offset + len(line)
                yield number, offset, line.removeprefix(b"\xef\xbb\xbf")


class JsonArray:
    """`library.loading.Source` over a file that is one JSON array of objects."""

    def __init__(self, path: Path) -> None:
        """Look at the first objects. Raises Malformed where there is none, or no array of them."""
        self._path, self.total = path, 0
        keys = dict[str, None]()
        for number, (found, _) in enumerate(self._objects()):
            keys.update(dict.fromkeys(found))
            if number >= SAMPLE:
                break
        if not keys:
            raise Malformed("connectors.tables.no_objects", file=path.name)
        self.columns = tuple(keys)

    def chunks(self, cursor: str, wanted: Sequence[str]) -> Iterator[Chunk]:
        """Yield the objects behind a cursor. Raises Malformed where the array is damaged further down."""
        after = int(cursor or 0)
        rows = (
            (number, [cell_text(found.get(name)) for name in self.columns], raw)
            for number, (found, raw) in enumerate(self._objects(), start=1)
            if number > after
        )
        yield from chunks_of(rows, self.columns, wanted, str)

    def _objects(self) -> Iterator[tuple[dict[str, object], str]]:
        decoder = json.JSONDecoder()
        try:
            with self._path.open(encoding="utf-8-sig") as stream:
                text, place = stream.read(_BLOCK).lstrip()[1:], 0
                while True:
                    while place < len(text) and text[place] in " \t\r\n,":
                        place += 1
                    if text[place : place + 1] == "]":
                        return
                    try:
                        found, end = decoder.raw_decode(text, place)
                        whole = end < len(text)  # a number may go on behind the end
                    except ValueError:
                        whole = False
                    if whole:
                        yield (found if isinstance(found, dict) else {"value": found}), storable(text[place:end])
                        place = end
                        continue
                    more = stream.read(_BLOCK)
                    text, place = text[place:] + more, 0
                    if not more or len(text) > MAX_OBJECT + _BLOCK:
                        raise Malformed("connectors.tables.bad_json", file=self._path.name)
        except (UnicodeDecodeError, RecursionError) as error:
            raise Malformed("connectors.tables.bad_json", file=self._path.name) from error


def _object(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
