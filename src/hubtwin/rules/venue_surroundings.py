"""What lies around a venue, as our extension of an archive tells it: a GeoJSON collection, read and checked here.

What is wrong in it breaks the picture only: the feature is left out, and the check says which and why.
"""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from hubtwin.model.venue import (
    EXTENSION,
    SURROUNDINGS,
    Basis,
    Severity,
    Surrounding,
    SurroundingKind,
    VenueFinding,
)
from hubtwin.rules.venue_shapes import BadShape, read_shape

MOST = 2_000
MOST_WIDTH_M = 1_000.0
MOST_TEXT = 200
LINE, AREA = ("LineString", "MultiLineString"), ("Polygon", "MultiPolygon")
AREAS_ONLY = (SurroundingKind.BLOCK, SurroundingKind.GREEN)


def read_surroundings(told: Any) -> tuple[tuple[Surrounding, ...], list[VenueFinding]]:
    """Return what can be drawn, and what is wrong with the rest. Total: any value gives an answer."""
    if told is None:
        return (), []
    features = told.get("features") if isinstance(told, dict) and told.get("type") == "FeatureCollection" else None
    if not isinstance(features, list):
        return (), [_say("collection")]
    found: dict[str, Surrounding] = {}
    findings = [_say("many", most=MOST)] if len(features) > MOST else []
    for place, feature in enumerate(features[:MOST]):
        try:
            one = _read(feature)
        except _WrongError as wrong:
            findings.append(_say("feature", place=place, wrong=str(wrong)))
            continue
        if found.setdefault(one.feature_id, one) is not one:
            findings.append(_say("feature", place=place, wrong="id"))
    return tuple(found.values()), findings


def check_surroundings(told: Any) -> Iterator[VenueFinding]:
    """Yield what is wrong with the collection."""
    yield from read_surroundings(told)[1]


class _WrongError(Exception):
    """Which member of a feature cannot be used."""


def _read(feature: Any) -> Surrounding:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict) or feature.get("type") != "Feature":
        raise _WrongError("properties")
    kind, basis = properties.get("kind"), properties.get("basis", "")
    if kind not in tuple(SurroundingKind):
        raise _WrongError("kind")
    if basis not in tuple(Basis):
        raise _WrongError("basis")
    source = _text(properties, "source")
    if basis == Basis.PUBLISHED and not source:
        raise _WrongError("source")
    try:
        shape = read_shape(feature.get("geometry"))
    except BadShape as bad:
        raise _WrongError("geometry") from bad
    is_line = shape.kind in LINE
    if shape.kind not in (*LINE, *AREA) or (is_line and kind in AREAS_ONLY):
        raise _WrongError("geometry")
    return Surrounding(
        feature_id=_text(feature, "id", needed=True),
        code=_text(properties, "code", needed=True),
        name=_names(properties.get("name")),
        basis=Basis(basis),
        source=source,
        kind=SurroundingKind(kind),
        shape=shape,
        width_m=_width_m(properties.get("width_m")) if is_line else None,
    )


def _text(told: dict[str, Any], name: str, *, needed: bool = False) -> str:
    value = told.get(name, "")
    if not isinstance(value, str) or (needed and not 0 < len(value) <= MOST_TEXT):
        raise _WrongError(name)
    return value


def _names(told: Any) -> dict[str, str] | None:
    if told is None:
        return None
    if not isinstance(told, dict) or not all(
        isinstance(tag, str) and isinstance(name, str) and 0 < len(name) <= MOST_TEXT for tag, name in told.items()
    ):
        raise _WrongError("name")
    return dict(told)


def _width_m(told: Any) -> float:
    number = isinstance(told, int | float) and not isinstance(told, bool) and isfinite(told)
    if not number or not 0 < told <= MOST_WIDTH_M:
        raise _WrongError("width_m")
    return float(told)


def _say(key: str, **values: object) -> VenueFinding:
    where = f"{EXTENSION}#{SURROUNDINGS}"
    return VenueFinding(Severity.WARNING, f"rules.venue_surroundings_{key}", where=where, values=values)
