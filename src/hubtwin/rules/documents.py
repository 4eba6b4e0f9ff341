"""Numbers that identify: the citizen number of GB 11643, telephone numbers, administrative codes.

A citizen number is checked as far as arithmetic goes: its form, its date of birth, its check character (ISO 7064
MOD 11-2). Its first six digits are not looked up: divisions come and go, and made numbers use 99, which is none.
"""

import re
from datetime import date
from operator import mul

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_CITIZEN = re.compile(r"[1-9]\d{16}[\dX]", re.ASCII)
_OTHER = re.compile(r"[A-Z0-9][A-Z0-9()/-]{3,29}", re.ASCII)
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_LANDLINE = re.compile(r"0\d{2,3}-?\d{7,8}(-\d{1,6})?", re.ASCII)
_ABROAD = re.compile(r"\+(?!86)[1-9]\d{6,14}", re.ASCII)
_AREA = re.compile(r"(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12]|99)\d*", re.ASCII)


def citizen_check(body: str) -> str:
    """Return the check character for the first 17 digits of a citizen number."""
    return _CHECKS[sum(map(mul, map(int, body), _WEIGHTS)) % 11]


def citizen_fault(number: str) -> str:
    """Return what is wrong with a citizen number: "form", "birth", "check", or nothing."""
    if not _CITIZEN.fullmatch(number):
        return "form"
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return "birth"
    if born.year < 1880:
        return "birth"
    return "" if citizen_check(number[:17]) == number[17] else "check"


def is_other_document(number: str) -> bool:
    """Tell whether a number can be that of a passport or permit: 4 to 30 capitals, digits, hyphens, brackets."""
    return _OTHER.fullmatch(number) is not None


def is_phone(number: str) -> bool:
    """Tell whether a number is a mobile or landline number of the mainland, or one abroad with + and country."""
    return any(form.fullmatch(number) for form in (_MOBILE, _LANDLINE, _ABROAD))


def tidy_phone(number: str) -> str:
    """Return a telephone number without blanks, brackets and the country code of the mainland."""
    plain = re.sub(r"[\s()（）]", "", number)
    plain = re.sub(r"^(\+86|0086)-?", "", plain)
    return plain.replace("-", "") if plain.startswith(("1", "+")) else plain


def is_area(code: str, digits: int) -> bool:
    """Tell whether a code has so many digits and begins with a province of GB/T 2260, or with 99, which is made."""
    return len(code) == digits and _AREA.fullmatch(code) is not None
