"""Positions and administrative codes as partners write them, and what can be made of the wrong ones.

Repaired, because only one meaning is possible: longitude and latitude in each other's place, GCJ-02 where it was
declared or where the named place says so, the code of a county that was merged or renamed. A code that nobody knows is
kept as it was told, with a mark: what it names may be newer than our table. All else is refused with a reason.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hubtwin.base.errors import Malformed
from hubtwin.base.geo import distance_m, gcj02_to_wgs84, shifted_in_gcj02

WGS84, GCJ02 = "WGS84", "GCJ-02"
SHIFT_M = (300.0, 700.0)  # how far GCJ-02 lies from WGS 84 within the mainland
FITS_M = 100.0  # so near to where the place is counts as there: half of a station building
_CODE = re.compile(r"(\d{6})(\d{3}|\d{6})?(?:\.0)?", re.ASCII)
_MOST = 20  # steps from a former county to the present one


@dataclass(frozen=True, slots=True)
class Positioned:
    """A position in WGS 84, degrees, and how it was repaired: "", or words out of `swapped gcj02 gcj02_found
    wgs84_found`."""

    lon: float
    lat: float
    repair: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """A present administrative code, and how it was repaired: "", `former_area`, `unknown_area`."""

    code: str
    repair: str = ""


def read_position(lon: object, lat: object, datum: str = WGS84, named: tuple[float, float] | None = None) -> Positioned:
    """Return where a partner means. Raises Malformed for what is no position.

    `datum` is what the partner declares; `named` is (lon, lat) of the place that the message names, if we know it. A
    point that lies 300 to 700 m from there and fits after conversion is taken for GCJ-02 whatever was declared, and one
    that fits as it is for WGS 84.
    """
    x, y, swapped = *_degrees(lon, lat), ""
    if abs(y) > 90 and abs(x) <= 90:
        x, y, swapped = y, x, "swapped"
    if abs(x) > 180 or abs(y) > 90:
        raise Malformed("rules.broken_position", value=f"{lon!s:.20}, {lat!s:.20}")
    if not shifted_in_gcj02(x, y):
        return Positioned(x, y, swapped)
    converted, repair = gcj02_to_wgs84(x, y), "gcj02" if datum == GCJ02 else ""
    if named is not None:
        as_told, as_converted = distance_m(x, y, *named), distance_m(*converted, *named)
        if datum != GCJ02 and SHIFT_M[0] <= as_told <= SHIFT_M[1] and as_converted <= FITS_M:
            repair = "gcj02_found"
        elif datum == GCJ02 and SHIFT_M[0] <= as_converted <= SHIFT_M[1] and as_told <= FITS_M:
            repair = "wgs84_found"
    x, y = converted if repair.startswith("gcj02") else (x, y)
    return Positioned(x, y, " ".join(filter(None, (swapped, repair))))


def read_area(told: object, successors: Mapping[str, str], known: Collection[str]) -> Area:
    """Return the present code of a county, street or village (6, 9 or 12 digits). Raises Malformed for no such code.

    `successors` lead from former county codes to those of the table, `known` holds the present counties; of a street of
    a former county only the county is kept, for streets got new numbers with it.
    """
    found = _CODE.fullmatch(str(told).strip()) if isinstance(told, str | int | float) else None
    if found is None or isinstance(told, bool):
        raise Malformed("rules.broken_area", value=str(told)[:20])
    county, rest = found[1], found[2] or ""
    if county in known:
        return Area(county + rest)
    present = county
    for _ in range(_MOST):
        if present not in successors or present in known:
            break
        present = successors[present]
    if present != county:
        return Area(present, "former_area")
    return Area(county + rest, "unknown_area" if known and not _is_whole(county, known) else "")


def _is_whole(code: str, known: Collection[str]) -> bool:
    """Tell whether a code is that of a province or city of which a county is known."""
    head = code.removesuffix("00").removesuffix("00")
    return len(head) < len(code) and any(each.startswith(head) for each in known)


def _degrees(*told: object) -> tuple[float, float]:
    try:
        if any(isinstance(value, bool) for value in told):
            raise ValueError
        lon, lat = (float(str(value).strip()) for value in told)
        if not abs(lon) + abs(lat) < float("inf"):
            raise ValueError
    except ValueError as error:
        raise Malformed("rules.broken_position", value=", ".join(f"{value!s:.20}" for value in told)) from error
    return lon, lat
