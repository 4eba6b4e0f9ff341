"""Public train numbers. A train whose number changes on the way is written with all of them: C2901/C2904."""

from typing import Any

import narwhals as nw

SEPARATOR = "/"


def split_codes(code: str) -> tuple[str, ...]:
    """Return the numbers of a code, in order."""
    return tuple(part for part in code.split(SEPARATOR) if part)


def has_code(number: str, column: str = "code") -> nw.Expr:
    """Return the condition that `number` is one of the numbers in `column`; C2901/C2904 has C2901, not C290."""
    framed = nw.concat_str([nw.lit(SEPARATOR), nw.col(column), nw.lit(SEPARATOR)])
    return framed.str.contains(f"{SEPARATOR}{number}{SEPARATOR}", literal=True)


def find_trips(trips: nw.LazyFrame[Any], number: str) -> nw.LazyFrame[Any]:
    """Return the rows of `trips` (or calls) that carry the train number, alone or beside others."""
    return trips.filter(has_code(number))
