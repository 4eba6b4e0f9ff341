"""Text to values: the cells of a file, as people and systems write them, typed as a column declares.

`read_cell` is the reference and says of one cell what it is or why it is nothing; `read_column` gives the same answer
for a whole Arrow column, looking at single cells only where they are not written in the plain form of their type. What
a value means is not judged here (ranges, code lists, what must not be empty): a row that can be typed is stored, and
its colour says the rest. A problem names the column and never the value.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import isfinite
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from hubtwin.base.clock import EPOCH
from hubtwin.datasets.table import Column, ColumnType
from hubtwin.rules.quality import Problem

EMPTY = ("NULL", "null", r"\N", "(null)")  # what exports write for nothing, beside nothing
FIRST_YEAR, LAST_YEAR = 1800, 2200  # outside, a date is a slip of the pen
# a number of 12 digits or more that a spreadsheet has shortened: 3.30106E+17
SHORTENED = r"^[+-]?[0-9](\.[0-9]+)?[Ee]\+?(1[1-9]|[2-9][0-9])$"
_PLAIN: Mapping[ColumnType, str] = {
    "int": r"^-?[0-9]{1,18}$",
    "second": r"^-?[0-9]{1,11}$",
    "minute": r"^-?[0-9]{1,9}$",
    "float": r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$",
    "pid": r"^[0-9a-f]{32}$",
}
# a moment in the one form that most systems write; days that not every month has are left to `read_cell`
_CALENDAR = r"(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31"
_MOMENT = rf"^(1[89]|2[01])[0-9][0-9]-({_CALENDAR})[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
_WORDS = {"是": True, "true": True, "yes": True, "y": True, "t": True, "1": True}
_WORDS |= {"否": False, "false": False, "no": False, "n": False, "f": False, "0": False}
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_INT = re.compile(r"[+-]?\d+(\.0*)?")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([Ee][+-]?\d{1,3})?")
_DAY = re.compile(r"(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|年(\d{1,2})月(\d{1,2})[日号]|(\d{2})(\d{2}))(?:[T ]+(.+))?")
_DAY_AND_TIME = re.compile(r"(\d{4}年\d{1,2}月\d{1,2}[日号])(\S.*)")
_HOUR = re.compile(
    r"(\d{1,2})(?::|时|点)(\d{2})(?:(?::|分)?(?:(\d{2})(?:\.\d+)?秒?)?)?\s*(Z|[+-]\d{2}:?\d{2})?",
)
_NUMERALS = str.maketrans("〇○零一二三四五六七八九", "000123456789")
_TENS = re.compile(r"(\d?)十(\d?)")
_HINTS: Mapping[ColumnType, str] = {
    "int": "rules.no_whole_number",
    "float": "rules.no_number",
    "bool": "rules.no_yes_or_no",
    "date": "rules.no_date",
    "minute": "rules.no_moment",
    "second": "rules.no_moment",
    "pid": "rules.no_pseudonym",
}


@dataclass(frozen=True)
class Typed:
    """A column of values and what is wrong with the cells that have none, by place. `values` is null there."""

    values: pa.Array
    problems: Mapping[int, Problem]


def read_column(column: Column, cells: pa.Array, zone: ZoneInfo) -> Typed:
    """Return the values of an Arrow column of texts. Equals `read_cell` cell by cell."""
    text = tidy(cells)
    if column.type == "string":
        wrong = pc.match_substring_regex(text, SHORTENED)
        if not pc.any(wrong).as_py():
            return Typed(text, {})
        places = pc.indices_nonzero(pc.fill_null(wrong, False)).to_pylist()
        problem = Problem("rules.digits_lost", {"column": column.name})
        return Typed(pc.if_else(wrong, None, text), dict.fromkeys(places, problem))
    if column.type not in _PLAIN:
        return _by_value(column, text, zone)
    plain = pc.match_substring_regex(text, _PLAIN[column.type])
    values = pc.cast(pc.if_else(plain, text, None), column.arrow.type)
    if pc.all(plain).as_py() is not False:
        return Typed(values, {})
    text = pc.if_else(plain, None, text)
    if column.type in {"minute", "second"}:
        moments = _plain_moments(column, text, zone)
        text, values = pc.if_else(pc.is_valid(moments), None, text), pc.coalesce(values, moments)
        if text.null_count == len(text):
            return Typed(values, {})
    rest = _by_value(column, text, zone)
    return Typed(pc.coalesce(values, rest.values), rest.problems)


def _plain_moments(column: Column, text: pa.Array, zone: ZoneInfo) -> pa.Array:
    """Return the moments that are written plainly; null for the others, and for all where a clock was put back or
    forward among them."""
    plain = pc.if_else(pc.match_substring_regex(text, _MOMENT), text, None)
    try:
        local = pc.assume_timezone(pc.cast(plain, pa.timestamp("s")), zone.key)
        passed = pc.cast(pc.cast(local, pa.timestamp("s", "UTC")), pa.int64())
    except pa.ArrowInvalid:
        return pa.nulls(len(text), column.arrow.type)
    if column.type == "minute":
        away = pc.is_null(passed)
        passed = pa.array(pc.fill_null(passed, 0).to_numpy() // 60, mask=away.to_numpy(zero_copy_only=False))
    return pc.cast(passed, column.arrow.type)


def tidy(cells: pa.Array) -> pa.Array:
    """Return texts without surrounding blanks; what says that there is nothing is null."""
    text = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.is_in(text, value_set=pa.array(["", *EMPTY])), None, text)


def read_cell(column: Column, text: str, zone: ZoneInfo) -> tuple[object, Problem | None]:
    """Return the value of a cell (None for an empty one), or what is wrong with it.

    A time without an offset is in `zone`. A number is taken with grouping commas and full-width digits.
    """
    text = text.strip()
    if not text or text in EMPTY:
        return None, None
    if re.match(SHORTENED, text) and column.type in {"string", "int"}:
        return None, Problem("rules.digits_lost", {"column": column.name})
    value = text if column.type == "string" else _value(column.type, unicodedata.normalize("NFKC", text), zone)
    return value, Problem(_HINTS[column.type], {"column": column.name}) if value is None else None


def _by_value(column: Column, text: pa.Array, zone: ZoneInfo) -> Typed:
    """Read each different text once."""
    coded = pc.dictionary_encode(text)
    read = [read_cell(column, each, zone) for each in coded.dictionary.to_pylist()]
    values = pa.array([value for value, _ in read], column.arrow.type).take(coded.indices)
    wrong = {place: problem for place, (_, problem) in enumerate(read) if problem}
    if not wrong:
        return Typed(values, {})
    codes = coded.indices
    places = pc.indices_nonzero(pc.fill_null(pc.is_in(codes, pa.array(list(wrong), codes.type)), False))
    return Typed(values, {place: wrong[codes[place].as_py()] for place in places.to_pylist()})


@lru_cache(maxsize=65_536)
def _value(kind: ColumnType, text: str, zone: ZoneInfo) -> object:
    if kind == "bool":
        return _WORDS.get(text.casefold())
    if kind == "date":
        found = _read_moment(text, zone)
        return found[0] if found else None
    if kind in {"minute", "second"}:
        return _moment(kind, text, zone)
    if kind == "pid":
        return text if re.fullmatch(_PLAIN["pid"], text) else None
    return _number(kind, text)


def _number(kind: ColumnType, text: str) -> int | float | None:
    plain = text.replace(",", "") if _GROUPED.fullmatch(text) else text
    if kind == "int":
        whole = int(plain.partition(".")[0]) if _INT.fullmatch(plain) else None
        return whole if whole is not None and -(2**63) <= whole < 2**63 else None
    real = float(plain) if _FLOAT.fullmatch(plain) else None
    return real if real is not None and isfinite(real) else None


def _moment(kind: ColumnType, text: str, zone: ZoneInfo) -> int | None:
    """Return epoch minutes or seconds: of digits that are so already, or of a date and time."""
    if re.fullmatch(r"-?\d{1,11}", text):
        number = int(text)
        return number if kind == "second" or abs(number) < 2**31 else None
    if re.fullmatch(r"\d{12}|\d{14}", text):  # yyyyMMddHHmm[ss]
        text = f"{text[:8]} {text[8:10]}:{text[10:12]}" + (f":{text[12:]}" if len(text) == 14 else "")
    found = _read_moment(text, zone)
    if found is None:
        return None
    day, moment = found
    moment = moment or datetime(day.year, day.month, day.day, tzinfo=zone)
    passed = moment.astimezone(UTC) - EPOCH
    number = passed // timedelta(minutes=1) if kind == "minute" else passed // timedelta(seconds=1)
    return number if kind == "second" or abs(number) < 2**31 else None


def _read_moment(text: str, zone: ZoneInfo) -> tuple[date, datetime | None] | None:
    """Return a date, and the moment where a time stands behind it."""
    plain = _TENS.sub(lambda m: f"{m[1] or 1}{m[2] or 0}", text.translate(_NUMERALS)) if "年" in text else text
    if glued := _DAY_AND_TIME.fullmatch(plain):
        plain = f"{glued[1]} {glued[2].strip()}"
    found = _DAY.fullmatch(plain)
    if not found:
        return None
    year, *months_and_days, rest = found.groups()
    month, day = (int(part) for part in months_and_days if part)
    hour = _HOUR.fullmatch(rest.strip()) if rest else None
    if (rest and not hour) or not FIRST_YEAR <= int(year) < LAST_YEAR:
        return None
    try:
        when = date(int(year), month, day)
        if not hour:
            return when, None
        at = datetime(when.year, month, day, int(hour[1]), int(hour[2]), int(hour[3] or 0), tzinfo=zone)
        if hour[4]:
            at = datetime.fromisoformat(f"{at:%Y-%m-%dT%H:%M:%S}{hour[4]}")
        return when, at
    except ValueError:
        return None
