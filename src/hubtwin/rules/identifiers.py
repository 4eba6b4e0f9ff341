"""Chinese identifiers: whether a text is one, in Python for one value and as SQL for a column of them.

Both say the same of every text; a property test holds them together. The SQL is made of plain expressions that
DuckDB runs on whole vectors, no function of Python in between. Nothing is repaired here: a number with a blank or a
small x is not the number that the standard writes.

Sources: GB 11643-1999 (citizen identification number, check digit by ISO 7064 MOD 11-2), GB 32100-2015 (unified social
credit code, check character modulo 31), GB/T 2260 (codes of provinces), GA 36-2018 (plates), the national numbering
plan for telephones.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from hubtwin.rules.documents import citizen_check

PROVINCES = frozenset(
    {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46}
    | {50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83}  # 81 to 83: residence permits of the same shape
)
FIRST_YEAR, LAST_YEAR = 1850, 2099  # a birth outside these is a slip, whatever day it is
CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_CREDIT = re.compile(r"[1-9ANY][0-9A-HJ-NP-RTUWXY][0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}")
_LANDLINE = r"(?:010|02[0-9]|0[3-9][0-9]{2})-?[2-8][0-9]{6,7}(?:-[0-9]{1,6})?"
_PROVINCE_SIGNS = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_SERIAL = "A-HJ-NP-Z0-9"
_PLATE = (
    f"[{_PROVINCE_SIGNS}][A-HJ-NP-Z]"
    f"(?:[{_SERIAL}]{{4}}[{_SERIAL}挂学警港澳使领]|[A-HJK][{_SERIAL}][0-9]{{4}}|[0-9]{{5}}[A-HJK])"
)
_LANDLINE_RE, _PLATE_RE = re.compile(_LANDLINE), re.compile(_PLATE)
_DIGITS = re.compile(r"[0-9]+")


def is_citizen_id(value: str) -> bool:
    """Return whether a text is a citizen identification number: province, a day that exists, check digit."""
    if len(value) != 18 or not _DIGITS.fullmatch(value[:17]) or value[17] not in "0123456789X":
        return False
    if int(value[:2]) not in PROVINCES or not _is_day(int(value[6:10]), int(value[10:12]), int(value[12:14])):
        return False
    return value[17] == citizen_check(value[:17])


def is_credit_code(value: str) -> bool:
    """Return whether a text is a unified social credit code: its shape and its check character."""
    return bool(_CREDIT.fullmatch(value)) and value[17] == credit_check(value[:17])


def credit_check(body: str) -> str:
    """Return the check character of the first 17 characters: weights are powers of three modulo 31."""
    total = sum(CREDIT_CHARACTERS.index(sign) * weight for sign, weight in zip(body, _CREDIT_WEIGHTS, strict=True))
    return CREDIT_CHARACTERS[-total % 31]


def is_mobile(value: str) -> bool:
    """Return whether a text is a mobile number: 11 digits from 13 to 19."""
    return bool(re.fullmatch("1[3-9][0-9]{9}", value))


def is_landline(value: str) -> bool:
    """Return whether a text is a landline number with its area code, a hyphen or none, an extension or none."""
    return bool(_LANDLINE_RE.fullmatch(value))


def is_phone(value: str) -> bool:
    """Return whether a text is a mobile or a landline number."""
    return is_mobile(value) or is_landline(value)


def is_plate(value: str) -> bool:
    """Return whether a text is the number of a plate: five places, or six for new energy (large: letter last)."""
    return bool(_PLATE_RE.fullmatch(value))


def is_admin_code(value: str, codes: frozenset[str] | None = None) -> bool:
    """Return whether a text is an administrative code of 6, 9 or 12 digits; one of `codes` where they are given."""
    if codes is not None:
        return value in codes
    return len(value) in {6, 9, 12} and bool(_DIGITS.fullmatch(value)) and int(value[:2]) in PROVINCES


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        return FIRST_YEAR <= date(year, month, day).year <= LAST_YEAR
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Formula:
    """A condition over a text column in SQL.

    Each layer names expressions over the column and over layers before it; `{x}` stands for the column, `{p}` for a
    prefix of the names, so that several formulas fit into one query. `holds` is true of a good value, false or NULL of
    any other that is not NULL.
    """

    layers: tuple[Mapping[str, str], ...]
    holds: str

    def over(self, column: str, prefix: str) -> "Formula":
        """Return the formula for a column (as SQL text), its names under a prefix (letters, digits, underscores)."""
        layers = tuple(
            {f"{prefix}{name}": sql.format(x=column, p=prefix) for name, sql in layer.items()} for layer in self.layers
        )
        return Formula(layers, self.holds.format(x=column, p=prefix))

    def select(self, column: str, source: str) -> str:
        """Return a query for one boolean a row of `source`, NULL where the column is: for tests and single looks."""
        told = self.over(column, "_f")
        for layer in told.layers:
            names = "".join(f", {sql} AS {name}" for name, sql in layer.items())
            source = f"(SELECT *{names} FROM {source})"  # noqa: S608 - our own text
        return f"SELECT CASE WHEN {column} IS NOT NULL THEN coalesce({told.holds}, false) END AS good FROM {source}"  # noqa: S608


def _literal(sql: str) -> str:
    return sql.replace("{", "{{").replace("}", "}}")  # a Formula is a template


def _matches(pattern: str) -> str:
    return f"regexp_full_match({{x}}, '{_literal(pattern)}')"


def _binary(side: str, places: int) -> str:
    """Return SQL for the digits of a number as a polynomial in 2.

    With q(k) = number // 10^k a digit is q(k) - 10 q(k+1), so the sum of 2^k digit(k) is number - 8 (q1 + 2 q2 + ...):
    no text function for each digit. The number is a DOUBLE plus one half and q(k) is floor(number * 10^-k): exact, as
    with the half nothing comes nearer to a whole number than half of 10^-k, and many times faster than whole division.
    """
    parts = " + ".join(f"{1 << (k - 1)} * {{p}}{side}{k}" for k in range(1, places))
    return f"({{p}}{side} - 0.5::DOUBLE - 8 * ({parts}))"


def _shifted(side: str, places: int) -> dict[str, str]:
    return {f"{side}{k}": f"floor({{p}}{side} * 1e-{k})" for k in range(1, places)}


_PROVINCE_LIST = "[" + ", ".join("true" if code in PROVINCES else "false" for code in range(100)) + "]"
_CITIZEN = Formula(
    (
        {"v": "TRY_CAST({x} AS BIGINT)"},
        {
            "n": "CASE WHEN {p}v IS NOT NULL THEN {p}v // 10 WHEN suffix({x}, 'X')"
            " THEN TRY_CAST(substr({x}, 1, 17) AS BIGINT) END",
            "c": "CASE WHEN {p}v IS NULL THEN 10 ELSE {p}v % 10 END::DOUBLE",
        },
        {"h": "({p}n // 1000000000)::DOUBLE + 0.5", "l": "({p}n % 1000000000)::DOUBLE + 0.5"},  # 8 digits and 9
        _shifted("h", 8) | _shifted("l", 9),
        {
            "s": f"1024 * {_binary('h', 8)} + 2 * {_binary('l', 9)} + {{p}}c",  # 1 modulo 11
            "y": "100 * ({p}h - 0.5 - 100 * {p}h2) + {p}l7",
            "m": "{p}l5 - 100 * {p}l7",
            "d": "{p}l3 - 100 * {p}l5",
        },
    ),
    "strlen({x}) = 18 AND {x} >= '1' AND {p}h >= 10000000 AND {p}h < 100000000"
    f" AND {{p}}s - 11 * floor(({{p}}s + 0.5) / 11) = 1 AND {_PROVINCE_LIST}[{{p}}h6::INTEGER + 1]"
    f" AND {{p}}y BETWEEN {FIRST_YEAR} AND {LAST_YEAR} AND {{p}}m BETWEEN 1 AND 12 AND {{p}}d >= 1"
    " AND CASE WHEN {p}d <= 28 THEN true WHEN {p}m = 2"
    " THEN {p}d = 29 AND {p}y % 4 = 0 AND ({p}y % 100 <> 0 OR {p}y % 400 = 0)"
    " WHEN {p}m IN (4, 6, 9, 11) THEN {p}d <= 30 ELSE {p}d <= 31 END"
    # a cast reads exponents too; such a text of this length stands for a number that ends in zeros, and only those are
    # written back to be compared (signs, blanks and points leave too few digits, other bases begin with 0)
    " AND CASE WHEN {p}n % 10 <> 0 THEN true WHEN {p}v IS NULL THEN {p}n::VARCHAR || 'X' = {x}"
    " ELSE {p}v::VARCHAR = {x} END",
)
_CREDIT_SUM = " + ".join(
    f"{weight} * (strpos('{CREDIT_CHARACTERS}', substr({{x}}, {place + 1}, 1)) - 1)"
    for place, weight in enumerate((*_CREDIT_WEIGHTS, 1))  # with its check character the sum is 0 modulo 31
)
_CREDIT_CODE = Formula(
    (),
    f"CASE WHEN {_matches(_CREDIT.pattern)} THEN ({_CREDIT_SUM}) % 31 = 0 ELSE false END",
)


_MOBILE_LAYER = {"v": "TRY_CAST({x} AS BIGINT)"}
_MOBILE_HOLDS = (
    "coalesce({p}v BETWEEN 13000000000 AND 19999999999 AND strlen({x}) = 11 AND {x} >= '1'"
    " AND CASE WHEN {p}v % 100 <> 0 THEN true ELSE {p}v::VARCHAR = {x} END, false)"
)
_ADMIN = "strlen({x}) IN (6, 9, 12) AND " + _matches("[0-9]+")
FORMULAS: Mapping[str, Formula] = {
    "citizen_id": _CITIZEN,
    "social_credit_code": _CREDIT_CODE,
    "mobile": Formula((_MOBILE_LAYER,), _MOBILE_HOLDS),
    "landline": Formula((), _matches(_LANDLINE)),
    "phone": Formula((_MOBILE_LAYER,), f"CASE WHEN {_MOBILE_HOLDS} THEN true ELSE {_matches(_LANDLINE)} END"),
    "plate": Formula((), _matches(_PLATE)),
    "admin_code": Formula(
        (), f"CASE WHEN {_ADMIN} THEN {_PROVINCE_LIST}[substr({{x}}, 1, 2)::INTEGER + 1] ELSE false END"
    ),
}
VALIDATORS: Mapping[str, Callable[[str], bool]] = {
    "citizen_id": is_citizen_id,
    "social_credit_code": is_credit_code,
    "mobile": is_mobile,
    "landline": is_landline,
    "phone": is_phone,
    "plate": is_plate,
    "admin_code": is_admin_code,
}
FORMATS: tuple[str, ...] = tuple(VALIDATORS)  # what `Element.format` may name


def one_of(codes: frozenset[str]) -> Formula:
    """Return the condition that a value is one of a given set of administrative codes."""
    listed = ", ".join("'" + code.replace("'", "''") + "'" for code in sorted(codes))
    return Formula((), "{x} IN (" + _literal(listed) + ")")
