"""Who is told: the partner whose jurisdiction holds the destination, the nearest one of each profile.

Jurisdictions and destinations are administrative codes of GB/T 2260 and its streets: 2 digits province, 4 city,
6 district or county, 9 street; trailing pairs of zeros of a six-digit code mean the level above. Nobody gets facts
that no person has verified.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.partner import Partner

_CODE = re.compile(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}", re.ASCII)
_LEVELS = (9, 6, 4, 2)  # digits: street, district, city, province


@dataclass(frozen=True, slots=True)
class Office:
    """A partner with a jurisdiction and the disclosure profile under which it is told."""

    partner: str
    profile: str
    jurisdiction: str


@dataclass(frozen=True, slots=True)
class Routed:
    """Which partner is told under each profile, and the profiles for which nobody is there."""

    offices: tuple[Office, ...]
    nobody: tuple[str, ...] = ()


def covering(code: str) -> tuple[str, ...]:
    """Return a code and those of the levels above it, the nearest first. Raises Malformed for no code.

    "330102004" -> ("330102004", "330102", "3301", "33"); "330100" -> ("3301", "33").
    """
    if not _CODE.fullmatch(code):
        raise Malformed("rules.no_area_code", code=code[:20])
    short = code[:9]
    while len(short) in (4, 6) and short.endswith("00"):
        short = short[:-2]
    return tuple(short[:digits] for digits in _LEVELS if digits <= len(short))


def offices_on(partners: Iterable[Partner], day: date) -> dict[tuple[str, str], Office]:
    """Return the offices that agreements make on a day, as `check_offices`; an expired agreement makes none."""
    return check_offices(
        Office(one.partner_id, profile, code)
        for one in partners
        for profile in sorted(one.profiles(day))
        for code in one.jurisdictions
    )


def check_offices(offices: Iterable[Office]) -> dict[tuple[str, str], Office]:
    """Return offices by profile and jurisdiction. Raises Malformed where two claim the same: one must answer for it."""
    found: dict[tuple[str, str], Office] = {}
    for office in offices:
        place = (office.profile, covering(office.jurisdiction)[0])
        if found.setdefault(place, office).partner != office.partner:
            raise Malformed("rules.two_offices", code=office.jurisdiction, profile=office.profile)
    return found


def route(destination: str, offices: Mapping[tuple[str, str], Office], profiles: Sequence[str]) -> Routed:
    """Return who is told of a destination under each of the profiles: street before district, city, province.

    `offices` are those of `check_offices`. Raises Malformed for no code.
    """
    levels, told, nobody = covering(destination), list[Office](), list[str]()
    for profile in profiles:
        nearest = next((offices[profile, code] for code in levels if (profile, code) in offices), None)
        if nearest is None:
            nobody.append(profile)
        else:
            told.append(nearest)
    return Routed(tuple(told), tuple(nobody))


def require_verified(verified_by: str | None) -> str:
    """Return who verified facts. Raises Denied where nobody has: what a machine found goes to no partner."""
    if not (verified_by or "").strip():
        raise Denied("rules.not_verified")
    return str(verified_by)
