"""Masks: what is left of a value when somebody may not have all of it; in Python and as SQL, with the same result.

A mask is named by a word, some with figures: `keep_last_4`, `keep_first_6`, `keep_ends_3_4`, `bucket_10`. `hash` is
keyed by the salt of a share, so that one share's rows join with each other and with nobody else's. The kind of a
column stays what it was, except that a hash is always text. What a mask cannot be put on becomes nothing.
"""

import hashlib
import math
import re
from datetime import date, timedelta

from hubtwin.base.clock import DAY_MIN, EPOCH
from hubtwin.datasets.table import Column, ColumnType, Grade

CLEAR, NULL, HIDDEN, SURNAME, YEAR, MONTH, HASH = "clear", "null", "hidden", "surname", "year", "month", "hash"
STARS = "***"
_FIGURED = re.compile(r"(keep_last|keep_first|keep_ends|bucket)_([0-9]{1,9})(?:_([0-9]{1,2}))?\Z")
_TEXT: frozenset[ColumnType] = frozenset({"string", "pid"})
_EXACT: frozenset[ColumnType] = frozenset({"string", "pid", "int", "date", "minute", "second"})
_TIMES: frozenset[ColumnType] = frozenset({"date", "minute", "second"})
_ALL: frozenset[ColumnType] = _EXACT | {"float", "bool"}
_PLAIN = {CLEAR: _ALL, NULL: _ALL, HIDDEN: _TEXT, SURNAME: _TEXT, YEAR: _TIMES, MONTH: _TIMES, HASH: _EXACT}
ALIASES = {  # what listings call the usual masks
    "name": SURNAME,
    "phone": "keep_ends_3_4",
    "plate": "keep_first_2",
    "address": "keep_first_6",
    "round": "bucket_1000",
}
_EPOCH_DAY, _DAY_S = EPOCH.date(), 86_400
MAX_DAYS = 2_000_000  # after 1970, and a quarter before: four-digit years hold them all; beyond there is nothing
# Family names of two characters (Hundred Family Surnames and those that are common today).
COMPOUND = (
    *("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "宇文", "长孙", "司徒", "司空"),
    *("夏侯", "轩辕", "端木", "百里", "呼延", "南宫", "独孤", "闻人", "申屠", "太史", "澹台", "公冶", "宗政", "濮阳"),
    *("淳于", "单于", "钟离", "鲜于", "闾丘", "赫连", "西门"),
)
BY_FORMAT = {  # the default mask by the format of the standard element
    "citizen_id": "keep_last_4",
    "social_credit_code": "keep_last_4",
    "phone": "keep_ends_3_4",
    "plate": "keep_first_2",
    "admin_code": "keep_first_6",
    "name": SURNAME,
}

Value = str | int | float | bool | date | None


def is_mask(name: str, kind: ColumnType) -> bool:
    """Tell whether a mask of this name exists and can be put on a column of this kind."""
    name = ALIASES.get(name, name)
    if name in _PLAIN:
        return kind in _PLAIN[name]
    found = _FIGURED.match(name)
    if found is None:
        return False
    word, first, second = found[1], int(found[2]), found[3]
    if word == "bucket":
        return second is None and first > 0 and kind in {"int", "float"}
    return (second is not None) == (word == "keep_ends") and first <= 99 and kind in _TEXT


def default_mask(column: Column, form: str = "") -> str:
    """Return the mask that an automatic lane puts on a column by its grade, its kind and the format of its element.

    L1 and L2 are clear, L4 never leaves as a value; between them as much stays as is usual for the kind.
    """
    if column.grade <= Grade.L2:
        return CLEAR
    if column.grade >= Grade.L4:
        return NULL
    if (told := BY_FORMAT.get(form, "")) and is_mask(told, column.type):
        return told
    by_kind = {"string": HIDDEN, "pid": HASH, "date": YEAR, "minute": MONTH, "second": MONTH, "int": "bucket_10"}
    return by_kind.get(column.type, "bucket_10" if column.type == "float" else NULL)


def mask(name: str, value: Value, kind: ColumnType, salt: str = "") -> Value:
    """Return what is left of a value. An unknown mask, or one that is not for the kind, leaves nothing."""
    name = ALIASES.get(name, name)
    if value is None or name == NULL or not is_mask(name, kind):
        return None
    if name == CLEAR:
        return value
    if name == HASH:
        return hashlib.sha256(f"{salt}{value}".encode()).hexdigest()[:32]
    if name in (YEAR, MONTH):
        return _rounded(value, kind, whole_year=name == YEAR)
    if (found := _FIGURED.match(name)) is not None and found[1] == "bucket":
        assert isinstance(value, int | float)
        return _bucket(value, int(found[2]))
    return _shortened(name, str(value))


def sql_mask(name: str, expression: str, kind: ColumnType, salt: str = "") -> str:
    """Return SQL of DuckDB for `mask` over an SQL expression; `salt` must be letters and digits."""
    name = ALIASES.get(name, name)
    if name == NULL or not is_mask(name, kind):
        return f"CAST(NULL AS {SQL_TYPES[kind]})"
    if name == CLEAR:
        return expression
    if name == HASH:
        assert salt.isalnum() or not salt
        return f"left(sha256('{salt}' || CAST({expression} AS VARCHAR)), 32)"
    if name in (YEAR, MONTH):
        return _sql_rounded(name, expression, kind)
    if (found := _FIGURED.match(name)) is not None and found[1] == "bucket":
        return _sql_bucket(expression, kind, int(found[2]))
    return f"CASE WHEN {expression} IS NOT NULL THEN {_sql_shortened(name, expression)} END"


SQL_TYPES: dict[ColumnType, str] = {
    "string": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "minute": "INTEGER",
    "second": "BIGINT",
    "pid": "VARCHAR",
}


def _shortened(name: str, value: str) -> str:
    if name == HIDDEN:
        return STARS
    if name == SURNAME:
        return (value[:2] if value.startswith(COMPOUND) and len(value) > 2 else value[:1]) + "**"
    found = _FIGURED.match(name)
    assert found is not None
    head, tail = _kept(found[1], int(found[2]), int(found[3] or 0))
    if len(value) <= head + tail:
        return STARS
    return value[:head] + STARS + (value[-tail:] if tail else "")


def _sql_shortened(name: str, expression: str) -> str:
    if name == HIDDEN:
        return f"'{STARS}'"
    if name == SURNAME:
        compound = ", ".join(f"'{each}'" for each in COMPOUND)
        two = f"left({expression}, 2) IN ({compound}) AND length({expression}) > 2"
        return f"left({expression}, CASE WHEN {two} THEN 2 ELSE 1 END) || '**'"
    found = _FIGURED.match(name)
    assert found is not None
    head, tail = _kept(found[1], int(found[2]), int(found[3] or 0))
    kept = f"left({expression}, {head}) || '{STARS}' || right({expression}, {tail})"
    return f"CASE WHEN length({expression}) <= {head + tail} THEN '{STARS}' ELSE {kept} END"


def _kept(word: str, first: int, second: int) -> tuple[int, int]:
    """Return how many characters stay at the head and at the tail."""
    return {"keep_first": (first, 0), "keep_last": (0, first), "keep_ends": (first, second)}[word]


def _rounded(value: Value, kind: ColumnType, *, whole_year: bool) -> Value:
    """Return the beginning of the year or the month, in the kind of the column; nothing beyond any calendar."""
    if kind == "date":
        assert isinstance(value, date)
        return value.replace(month=1 if whole_year else value.month, day=1)
    assert isinstance(value, int)
    unit = DAY_MIN if kind == "minute" else _DAY_S
    days = value // unit
    if not -MAX_DAYS // 4 < days < MAX_DAYS:
        return None
    day = _EPOCH_DAY + timedelta(days=days)
    return (day.replace(month=1 if whole_year else day.month, day=1) - _EPOCH_DAY).days * unit


def _sql_rounded(name: str, expression: str, kind: ColumnType) -> str:
    if kind == "date":
        return f"CAST(date_trunc('{name}', {expression}) AS DATE)"
    unit, held = (DAY_MIN if kind == "minute" else _DAY_S), SQL_TYPES[kind]
    days = f"CAST(({expression} - ((CAST({expression} AS BIGINT) % {unit}) + {unit}) % {unit}) // {unit} AS INTEGER)"
    start = f"CAST(date_trunc('{name}', DATE '1970-01-01' + {days}) AS DATE) - DATE '1970-01-01'"
    bounds = f"{expression} >= {(-MAX_DAYS // 4 + 1) * unit} AND {expression} < {MAX_DAYS * unit}"
    return f"CASE WHEN {bounds} THEN CAST(({start}) * {unit} AS {held}) END"


def _bucket(value: float, width: int) -> int | float | None:
    """Return the lower end of the bucket; the lowest bucket of 64 bits, which is cut, has none."""
    if isinstance(value, float):
        return math.floor(value / width) * float(width) if math.isfinite(value) else None
    found = value - value % width
    return found if found >= -(2**63) else None


def _sql_bucket(expression: str, kind: ColumnType, width: int) -> str:
    if kind == "float":
        return f"CASE WHEN isfinite({expression}) THEN floor({expression} / {width}) * {width}.0::DOUBLE END"
    rest = f"(({expression} % {width}) + {width}) % {width}"
    return f"CASE WHEN {expression} >= {-(2**63)} + {rest} THEN {expression} - {rest} END"
