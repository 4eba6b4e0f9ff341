"""A sheet for partners who have nothing better: written by the hub, filled in by hand, read back with errors by row.

The first row says what the sheet is (its schema and version, synthetic or real), the second has the keys of the
columns, the third their titles; rows begin at the fourth. All texts are text cells: nothing that somebody
typed is a formula.
Reading never runs a formula: a cell that holds one is an error of its row, as is a value that is not of its column.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Literal

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from hubtwin.base.errors import Malformed
from hubtwin.channels.sheet import begins_like_formula
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.quality import Problem

MAX_BYTES, MAX_UNPACKED_BYTES, MAX_ROWS = 8 << 20, 32 << 20, 20_000
MAX_TEXT = 2_000
FIRST_ROW = 4
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # XML 1.0 cannot hold them
# what a reader of zip and XML says about bytes that are none; a ParseError of XML is a SyntaxError
_BROKEN = (
    *(InvalidFileException, zipfile.BadZipFile, zlib.error, LookupError, ValueError, TypeError, AttributeError),
    *(ArithmeticError, OSError, EOFError, RuntimeError, SyntaxError, AssertionError),
)
Kind = Literal["text", "number", "choice"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key, its titles, what it holds. `required` cells may not be empty, `key` cells name the row."""

    key: str
    zh: str
    en: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    required: bool = False
    names_row: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """What a sheet is: schema with version, and its columns."""

    schema: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read: good rows by row number of the sheet, and what is wrong with the others, by row number."""

    rows: Mapping[int, Mapping[str, str | float]]
    problems: Sequence[tuple[int, Problem]] = field(default_factory=tuple)


def write_sheet(form: Form, rows: Sequence[Mapping[str, object]], marks: Marks) -> bytes:
    """Return an .xlsx with the rows of a form. Columns that the form does not have are left out."""
    book = Workbook()
    sheet: Any = book.active
    for number, text in enumerate((form.schema, marks.status.value, marks.provenance.value), start=1):
        _fill(sheet, 1, number, text)
    if marks.provenance is Provenance.SYNTHETIC:
        sheet.title = "合成 synthetic"
    for number, column in enumerate(form.columns, start=1):
        _fill(sheet, 2, number, column.key)
        _fill(sheet, 3, number, f"{column.zh} {column.en}")
        for row, values in enumerate(rows, start=FIRST_ROW):
            _fill(sheet, row, number, values.get(column.key))
    sheet.freeze_panes = f"A{FIRST_ROW}"
    sheet.row_dimensions[2].hidden = True
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_schema(content: bytes) -> str:
    """Return what a sheet that came back says it is. Raises Malformed for no .xlsx, and for one that is too large."""
    return str(_first_sheet(content).cell(1, 1).value)


def read_sheet(content: bytes, form: Form) -> Sheet:
    """Return the rows of a sheet that came back. Raises Malformed where it is no such sheet: another schema, columns
    missing, too large, no .xlsx at all."""
    sheet = _first_sheet(content)
    if sheet.cell(1, 1).value != form.schema:
        raise Malformed("channels.no_sheet", what=form.schema)
    if sheet.max_row > MAX_ROWS:
        raise Malformed("channels.no_sheet", what=f"<= {MAX_ROWS}")
    places = {sheet.cell(2, number).value: number for number in range(1, min(sheet.max_column, 200) + 1)}
    missing = [column.key for column in form.columns if column.key not in places]
    if missing:
        raise Malformed("channels.no_sheet", what=", ".join(missing))
    rows, problems, seen = dict[int, Mapping[str, str | float]](), list[tuple[int, Problem]](), dict[object, int]()
    for number in range(FIRST_ROW, sheet.max_row + 1):
        cells = {column: sheet.cell(number, places[column.key]) for column in form.columns}
        if all(cell.value is None for cell in cells.values()):
            continue
        values, wrong = _row(cells)
        key = tuple(values.get(column.key) for column in form.columns if column.names_row)
        if key and not wrong and seen.setdefault(key, number) != number:
            wrong = [Problem("channels.row_twice", {"row": seen[key]})]
        problems += [(number, problem) for problem in wrong]
        if not wrong:
            rows[number] = values
    return Sheet(rows, tuple(problems))


def _first_sheet(content: bytes) -> Any:
    _refuse_bomb(content)
    try:
        book = load_workbook(io.BytesIO(content), data_only=False, read_only=False, keep_links=False)
        return book.worksheets[0]
    except _BROKEN as error:
        raise Malformed("channels.no_sheet", what=".xlsx") from error


def _row(cells: Mapping[Column, Any]) -> tuple[dict[str, str | float], list[Problem]]:
    values, wrong = dict[str, str | float](), list[Problem]()
    for column, cell in cells.items():
        try:
            found = _value(column, cell)
        except Malformed as error:
            wrong.append(Problem(error.key, error.values))
        else:
            if found is not None:
                values[column.key] = found
    return values, wrong


def _value(column: Column, cell: Any) -> str | float | None:
    """Return what a cell holds, None for nothing. Raises Malformed."""
    value = cell.value
    if value is None or value == "":
        if column.required:
            raise Malformed("channels.cell_empty", column=column.key)
        return None
    if cell.data_type in {"f", "e"}:
        raise Malformed("channels.cell_formula", column=column.key)
    if column.kind == "number":
        return _number(column, value)
    if isinstance(value, datetime | date | time):
        value = value.isoformat()
    text = (f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)).strip()
    if len(text) > MAX_TEXT or (column.choices and text not in column.choices):
        raise Malformed("channels.cell_wrong", column=column.key, value=text[:40])
    return text


def _number(column: Column, value: object) -> float:
    try:
        found = float(str(value))
    except ValueError:
        found = float("nan")
    if isinstance(value, bool) or not abs(found) < float("inf"):
        raise Malformed("channels.cell_wrong", column=column.key, value=str(value)[:40])
    return found


def _fill(sheet: Any, row: int, number: int, value: object) -> None:
    """Write a cell: numbers as numbers, everything else as text that stays text when somebody edits it."""
    cell = sheet.cell(row, number)
    if value is None:
        return
    if isinstance(value, int | float) and not isinstance(value, bool):
        cell.value = value
        return
    text = _FORBIDDEN.sub("�", str(value))[:32_000]
    cell.value = text
    cell.data_type = "s"
    cell.number_format = "@"
    cell.quotePrefix = begins_like_formula(text)


def _refuse_bomb(content: bytes) -> None:
    """Refuse what is too large, packed or unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
    except _BROKEN as error:
        raise Malformed("channels.no_sheet", what=".xlsx") from error
    if len(content) > MAX_BYTES or unpacked > MAX_UNPACKED_BYTES:
        raise Malformed("channels.no_sheet", what=f"<= {MAX_BYTES >> 20} MB")
