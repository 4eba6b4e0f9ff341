"""What sources that give row by row share: cells as texts, and chunks of rows."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice

import pyarrow as pa

from hubtwin.library.loading import Chunk, storable

CHUNK_ROWS = 20_000
_EXACT = 10**15  # a spreadsheet keeps 15 digits of a number; what is behind them was lost before it came here


def cell_text(value: object, *, sheet: bool = False) -> str | None:
    """Return a cell as the text that a person would have written. `sheet` says that it was a number of a spreadsheet:
    one of more than 15 digits is written as what it is, shortened."""
    if value is None:
        return None
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int | float):
        text = _number(value, sheet=sheet)
    elif isinstance(value, datetime):
        text = value.isoformat(" ") if value.time() != time() or value.tzinfo else value.date().isoformat()
    elif isinstance(value, date | time):
        text = value.isoformat()
    elif isinstance(value, bytes | bytearray | memoryview):
        text = bytes(value).hex()
    else:
        text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
    return storable(text)


def _number(value: float, *, sheet: bool) -> str:
    if sheet and math.isfinite(value) and abs(value) >= _EXACT:
        return f"{value:.5E}"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value)


def chunks_of(
    rows: Iterable[tuple[int, Sequence[str | None], str]],
    columns: Sequence[str],
    wanted: Sequence[str],
    cursor: Callable[[int], str],
) -> Iterator[Chunk]:
    """Yield chunks of (line number, cells in the order of `columns`, the row as it came).

    `cursor` makes of the number of a row where to go on behind it; `at` is that number.
    """
    reading = iter(rows)
    places = [(name, columns.index(name)) for name in wanted]
    while part := list(islice(reading, CHUNK_ROWS)):
        last = part[-1][0]
        arrays = {name: pa.array([cells[place] for _, cells, _ in part], pa.string()) for name, place in places}
        raws = [raw for _, _, raw in part]
        yield Chunk(arrays, [number for number, _, _ in part], raws.__getitem__, cursor(last), last)


def joined(cells: Iterable[str | None]) -> str:
    """Return a row for a steward's eyes."""
    return "\t".join(cell or "" for cell in cells)
