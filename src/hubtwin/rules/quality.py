"""Whether a row is what its dataset declares.

`check` says of one row everything that is wrong with it and is the reference; `screen` gives the same answer for
many rows at once, on Arrow columns, and looks at single rows only where a column as a whole is suspect.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import isfinite

import pyarrow as pa
import pyarrow.compute as pc

from hubtwin.base.text import text
from hubtwin.datasets.table import Column, ColumnType, Dataset
from hubtwin.model.record import Identity

_PSEUDONYM = re.compile(r"[0-9a-f]{32}\Z")
_PLAIN: dict[ColumnType, frozenset[type]] = {
    "string": frozenset({str}),
    "int": frozenset({int}),
    "float": frozenset({float, int}),
    "bool": frozenset({bool}),
    "date": frozenset({date}),
    "minute": frozenset({int}),
    "second": frozenset({int}),
}
_WIDTH: dict[ColumnType, tuple[int, int]] = {
    "int": (-(2**63), 2**63 - 1),
    "minute": (-(2**31), 2**31 - 1),
    "second": (-(2**63), 2**63 - 1),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong: a text key and its values; `message` says what to do about it."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def message(self, lang: str = "en") -> str:
        """Return the sentence in `lang` ("zh" or "en")."""
        return text(self.key, lang, **self.values)


@dataclass(frozen=True)
class Screened:
    """What `screen` found: the columns of the good rows (all but pseudonyms), where those rows stood in the
    input, in order, and the problems of the others by their place."""

    columns: Mapping[str, pa.Array]
    kept: Sequence[int]
    problems: Mapping[int, list[Problem]]


def check(dataset: Dataset, values: Mapping[str, object]) -> list[Problem]:
    """Return everything that is wrong with one row, in the order of the columns; an empty list if nothing is.

    A column that is absent counts as empty. A pseudonym column takes an Identity or 32 hex digits.
    """
    found = [
        Problem("rules.unknown_column", {"dataset": dataset.name, "column": name})
        for name in values
        if name not in dataset.by_name
    ]
    for column in dataset.columns:
        problem = _problem(column, values.get(column.name))
        if problem:
            found.append(problem)
    return found


def screen(dataset: Dataset, records: Sequence[Mapping[str, object]]) -> Screened:
    """Sort rows into good ones, as Arrow columns, and bad ones with all their problems. Equals `check` row by row."""
    known = dataset.by_name.keys()
    suspects = {place for place, values in enumerate(records) if not values.keys() <= known}
    columns: dict[str, pa.Array] = {}
    for column in dataset.columns:
        cells = [values.get(column.name) for values in records]
        if column.type == "pid":
            suspects.update(place for place, cell in enumerate(cells) if _problem(column, cell))
            continue
        array = _plain_array(column, cells)
        if array is None:
            suspects.update(place for place, cell in enumerate(cells) if _problem(column, cell))
        else:
            columns[column.name] = array
            suspects.update(_suspects(column, array))
    problems = {place: found for place in sorted(suspects) if (found := check(dataset, records[place]))}
    kept = [place for place in range(len(records)) if place not in problems]
    if problems or len(columns) < sum(column.type != "pid" for column in dataset.columns):
        columns = build(dataset, [records[place] for place in kept])
    return Screened(columns, kept, problems)


def build(dataset: Dataset, records: Sequence[Mapping[str, object]]) -> dict[str, pa.Array]:
    """Return the Arrow columns, all but pseudonyms, of rows that `check` accepts."""
    columns = {}
    for column in dataset.columns:
        if column.type == "pid":
            continue
        cells: Iterable[object] = (values.get(column.name) for values in records)
        if column.type == "float":
            cells = (float(cell) if isinstance(cell, int) else cell for cell in cells)
        columns[column.name] = pa.array(list(cells), type=column.arrow.type)
    return columns


def _plain_array(column: Column, cells: list[object]) -> pa.Array | None:
    """Return the column, or None where a cell is not exactly of a plain type: Arrow would round or cast it."""
    if not set(map(type, cells)) <= _PLAIN[column.type] | {type(None)}:
        return None
    try:
        return pa.array(cells, type=column.arrow.type)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return None


def _suspects(column: Column, array: pa.Array) -> list[int]:
    masks = []
    if not column.nullable and array.null_count:
        masks.append(pc.is_null(array))
    if column.values:
        masks.append(pc.and_(pc.is_valid(array), pc.invert(pc.is_in(array, value_set=pa.array(column.values)))))
    if column.type == "float":
        masks.append(pc.invert(pc.is_finite(array)))
    if column.minimum is not None:
        masks.append(pc.less(array, column.minimum))
    if column.maximum is not None:
        masks.append(pc.greater(array, column.maximum))
    found: list[int] = []
    for mask in masks:
        if pc.any(mask).as_py():
            found += pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()
    return found


def _problem(column: Column, cell: object) -> Problem | None:
    if cell is None:
        return None if column.nullable else Problem("rules.missing_value", {"column": column.name})
    return _TYPED[column.type](column, cell)


def _wrong_type(column: Column, cell: object) -> Problem:
    shown = repr(cell)[:80] if column.type != "pid" else type(cell).__name__
    return Problem("rules.wrong_type", {"column": column.name, "type": column.type, "value": shown})


def _string(column: Column, cell: object) -> Problem | None:
    if not isinstance(cell, str):
        return _wrong_type(column, cell)
    try:
        cell.encode()
    except UnicodeEncodeError:
        return Problem("rules.not_text", {"column": column.name})
    if column.values and cell not in column.values:
        listed = ", ".join(column.values)
        return Problem("rules.not_listed", {"column": column.name, "value": cell[:80], "listed": listed})
    return None


def _whole(column: Column, cell: object) -> Problem | None:
    if not isinstance(cell, int) or isinstance(cell, bool):
        return _wrong_type(column, cell)
    return _bounds(column, cell, *_WIDTH[column.type])


def _float(column: Column, cell: object) -> Problem | None:
    if not isinstance(cell, int | float) or isinstance(cell, bool):
        return _wrong_type(column, cell)
    try:
        number = float(cell)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        return Problem("rules.not_finite", {"column": column.name})
    return _bounds(column, number, number, number)


def _bounds(column: Column, number: float, low: float, high: float) -> Problem | None:
    low = column.minimum if column.minimum is not None else low
    high = column.maximum if column.maximum is not None else high
    if number < low:
        return Problem("rules.below_minimum", {"column": column.name, "value": number, "minimum": low})
    if number > high:
        return Problem("rules.above_maximum", {"column": column.name, "value": number, "maximum": high})
    return None


def _bool(column: Column, cell: object) -> Problem | None:
    return None if isinstance(cell, bool) else _wrong_type(column, cell)


def _date(column: Column, cell: object) -> Problem | None:
    return None if isinstance(cell, date) and not isinstance(cell, datetime) else _wrong_type(column, cell)


def _pid(column: Column, cell: object) -> Problem | None:
    if isinstance(cell, Identity):
        return None if cell.id_no.strip() else Problem("rules.missing_value", {"column": column.name})
    if isinstance(cell, str):
        return None if _PSEUDONYM.match(cell) else Problem("rules.bad_pseudonym", {"column": column.name})
    return _wrong_type(column, cell)


_TYPED: dict[ColumnType, Callable[[Column, object], Problem | None]] = {
    "string": _string,
    "int": _whole,
    "float": _float,
    "bool": _bool,
    "date": _date,
    "minute": _whole,
    "second": _whole,
    "pid": _pid,
}
