"""A sheet of an Excel workbook as a source of rows, read without loading the book.

The cursor is the number of the last row. Formulas give the value that was saved with them; none is computed.
"""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from hubtwin.base.errors import Malformed
from hubtwin.connectors.tables.archives import SHEET_LIMITS, opened_zip, refuse_bad_xml
from hubtwin.connectors.tables.csv_file import MAX_COLUMNS, named
from hubtwin.connectors.tables.rows import cell_text, chunks_of, joined
from hubtwin.library.loading import Chunk
from hubtwin.rules.guess import HEADER_ROWS, guess_header

MAX_SHARED_BYTES = (
    128 << 20
)  # texts that all sheets share are held in memory, where a short one takes ten times as much
_BROKEN = (
    *(InvalidFileException, zipfile.BadZipFile, zlib.error, EOFError, ParseError),
    *(KeyError, ValueError, TypeError, AttributeError, IndexError, AssertionError),
)


class ExcelFile:
    """`library.loading.Source` over a sheet."""

    def __init__(self, path: Path, sheet: str, header: int | None, names: Sequence[str]) -> None:
        """Look at a workbook: the sheet (the first one where none is named) and its header.

        Raises Malformed for what is no workbook, is built to blow up, or has no such sheet.
        """
        self._path = path
        with opened_zip(path, SHEET_LIMITS) as archive:
            refuse_bad_xml(archive, path.name)
            shared = sum(info.file_size for info in archive.infolist() if info.filename.endswith("sharedStrings.xml"))
        if shared > MAX_SHARED_BYTES:
            raise Malformed("connectors.tables.bomb", file=path.name, member="sharedStrings.xml", size=shared)
        with self._book() as book:
            sheets = list(book.sheetnames)
            if sheet and sheet not in sheets:
                known = ", ".join(sheets)[:400]
                raise Malformed("connectors.tables.which_table", file=path.name, known=known)
            self.sheet = sheet or sheets[0]
            rows = book[self.sheet].iter_rows(values_only=True)
            head = [self._texts(row[:MAX_COLUMNS]) for row in islice(rows, HEADER_ROWS + 1)]
            self.total = int(book[self.sheet].max_row or 0)
        if not any(any(row) for row in head):
            raise Malformed("connectors.tables.empty", file=path.name)
        place = guess_header([[cell or "" for cell in row] for row in head], names) if header is None else header - 1
        if place is not None and place >= len(head):
            raise Malformed("connectors.tables.no_header", file=path.name, row=place + 1)
        if place is None or place < 0:
            self.header, self.columns = 0, tuple(f"column_{n}" for n in range(1, max(map(len, head)) + 1))
        else:
            cells = [cell or "" for cell in head[place]]
            while cells and not cells[-1]:
                cells.pop()
            self.header, self.columns = place + 1, named(cells, path.name)

    def chunks(self, cursor: str, wanted: Sequence[str]) -> Iterator[Chunk]:
        """Yield the rows behind a cursor. Raises Malformed where the sheet is damaged further down."""
        yield from chunks_of(self._rows(int(cursor or self.header)), self.columns, wanted, str)

    def _rows(self, after: int) -> Iterator[tuple[int, list[str | None], str]]:
        width = len(self.columns)
        with self._book() as book:
            # not beyond the columns: a sheet may claim 16,384 cells in each of a million rows
            rows = book[self.sheet].iter_rows(min_row=after + 1, max_col=width, values_only=True)
            for number, row in enumerate(rows, start=after + 1):
                cells = self._texts(row)
                if any(cells):  # an empty row says nothing
                    raw = joined(cells)
                    yield number, (cells + [None] * width)[:width], raw

    @staticmethod
    def _texts(row: Sequence[object]) -> list[str | None]:
        return [cell_text(cell, sheet=True) for cell in row]

    @contextmanager
    def _book(self) -> Iterator[Any]:
        try:
            with self._path.open("rb") as held:  # by its bytes: an uploaded file has no ending of its name to go by
                book = load_workbook(held, read_only=True, data_only=True, keep_links=False)
                try:
                    yield book
                finally:
                    book.close()
        except _BROKEN as error:
            raise Malformed("connectors.tables.bad_book", file=self._path.name) from error
