"""Whether our extension of an archive (`hubtwin.json`) says what it may, of features that exist.

What is wrong in it breaks a use of ours, never the standard: other readers do not know it.
"""

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

from hubtwin.model.venue import EXTENSION, SURROUNDINGS, Archive, LinkKind, Severity, Venue, VenueFinding
from hubtwin.rules.venue_surroundings import check_surroundings

VERSION = 1
LANGUAGES = ("zh", "en")
TABLES: Mapping[str, tuple[str, ...]] = {  # of which features each table may speak; empty: of all
    "codes": (),
    "levels": ("level",),
    "capacities": ("unit", "opening", "relationship"),
    "basis": (),
    "sources": (),
    "links": ("relationship",),
    "uses": ("fixture",),
    "covers": ("fixture",),
    "spaces": ("unit",),
}
NAMED = ("stairs", "escalator", "elevator", "ramp")  # kinds that IMDF and we call the same
OTHERS = ("version", "note", "schematic", "$comment", SURROUNDINGS)


def check_extension(archive: Archive, venue: Venue) -> Iterator[VenueFinding]:
    """Yield what is wrong with the extension; one note where there is none."""
    told = archive.extension
    if not told:
        yield VenueFinding(Severity.NOTE, "rules.venue_no_extension")
        return
    if told.get("version") != VERSION:
        yield _say("extension_version", told=str(told.get("version"))[:40], known=VERSION)
    note = told.get("note")
    if not isinstance(note, dict) or not all(isinstance(note.get(lang), str) and note[lang] for lang in LANGUAGES):
        yield _say("extension_note")
    for name in told:
        if name not in TABLES and name not in OTHERS:
            yield VenueFinding(
                Severity.NOTE, "rules.venue_extension_unknown", where=EXTENSION, values={"name": name[:60]}
            )
    types = {feature.feature_id: feature.feature_type for feature in archive.features}
    for name, of in TABLES.items():
        yield from _table(name, told.get(name, {}), of, types)
    yield from _codes(told.get("codes"))
    yield from _sources(venue)
    yield from _links(archive, told.get("links"))
    yield from check_surroundings(told.get(SURROUNDINGS))


def _links(archive: Archive, links: Any) -> Iterator[VenueFinding]:
    """What the extension says of a link is not the opposite of what the relationship says."""
    for feature in archive.features:
        told = links.get(feature.feature_id) if isinstance(links, dict) else None
        if feature.feature_type != "relationship" or not isinstance(told, dict):
            continue
        directed = feature.properties.get("direction") == "directed"
        if told.get("direction") in ("both", "forward") and directed is (told["direction"] == "both"):
            yield _say("link_direction", feature.feature_id, id=feature.feature_id, told=told["direction"])
        category = feature.properties.get("category")
        if category in NAMED and told.get("kind") in NAMED and told["kind"] != category:
            yield _say("link_kind", feature.feature_id, id=feature.feature_id, told=told["kind"], category=category)


def _say(key: str, feature_id: str = "", **values: object) -> VenueFinding:
    return VenueFinding(Severity.WARNING, f"rules.venue_{key}", feature_id, EXTENSION, values)


def _table(name: str, table: Any, of: tuple[str, ...], types: Mapping[str, str]) -> Iterator[VenueFinding]:
    if not isinstance(table, dict):
        yield _say("extension_no_table", table=name)
        return
    for feature_id, value in table.items():
        kind = types.get(feature_id)
        if kind is None or (of and kind not in of):
            yield _say("extension_dangling", feature_id, table=name, id=feature_id[:60])
        elif not CHECKS[name](value):
            yield _say("extension_value", feature_id, table=name, told=str(value)[:80])


def _codes(codes: Any) -> Iterator[VenueFinding]:
    first: dict[str, str] = {}
    for feature_id, code in codes.items() if isinstance(codes, dict) else ():
        if isinstance(code, str) and first.setdefault(code, feature_id) != feature_id:
            yield _say("code_twice", feature_id, code=code, other=first[code])


def _sources(venue: Venue) -> Iterator[VenueFinding]:
    for feature in venue.list_features():
        if feature.basis == "published" and not feature.source:
            yield _say("no_source", feature.feature_id, code=feature.code)


def _is_amount(value: Any, *, zero: bool = True) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return number and (value >= 0 if zero else value > 0)


def _is_level(value: Any) -> bool:
    if not isinstance(value, dict) or not set(value) <= {"elevation_m", "height_m"}:
        return False
    elevation = value.get("elevation_m", 0.0)
    return _is_amount(abs(elevation) if isinstance(elevation, int | float) else None) and _is_amount(
        value.get("height_m", 1.0), zero=False
    )


def _is_capacity(value: Any) -> bool:
    if not isinstance(value, dict) or not value or not set(value) <= {"persons", "persons_per_min"}:
        return False
    return all(_is_amount(each) for each in value.values())


def _is_link(value: Any) -> bool:
    if not isinstance(value, dict) or not set(value) <= {"kind", "length_m", "direction"}:
        return False
    kind, direction = value.get("kind"), value.get("direction", "both")
    length = value.get("length_m", 1.0)
    return kind in tuple(LinkKind) and direction in ("both", "forward") and _is_amount(length, zero=False)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= 60


CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "codes": _is_word,
    "levels": _is_level,
    "capacities": _is_capacity,
    "basis": lambda value: value in ("published", "inferred"),
    "sources": lambda value: isinstance(value, str) and bool(value.strip()),
    "links": _is_link,
    "uses": _is_word,
    "covers": _is_word,
    "spaces": lambda value: isinstance(value, int) and _is_amount(value),
}
