"""What a venue holds, in figures: levels, units by category, links by kind, and what all of it rests on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from hubtwin.model.venue import Basis, LinkKind, Unit, Venue
from hubtwin.rules.venue_shapes import Plane


def summarise(venue: Venue) -> dict[str, Any]:
    """Return tables of levels, units and links, counts of features, and how many are published, inferred, unknown.

    Areas in square metres; a capacity is the sum of the units of which it is known, None where none is.
    """
    plane = Plane(*venue.point)
    areas = {unit.feature_id: float(plane.draw(unit.shape).area) for unit in venue.units}
    levels = [
        {
            "level": level.code,
            "named": level.name or {},
            "ordinal": level.ordinal,
            "elevation_m": level.elevation_m,
            **_sums([unit for unit in venue.units if unit.level_id == level.feature_id], areas),
        }
        for level in sorted(venue.levels, key=lambda level: (-level.ordinal, level.code))
    ]
    categories = sorted({unit.category for unit in venue.units})
    bases = Counter(feature.basis for feature in venue.list_features())
    groups = ("levels", "units", "openings", "links", "fixtures", "amenities", "kiosks", "sections", "surroundings")
    return {
        "name": dict(venue.name or {}),
        "schematic": venue.schematic,
        "levels": levels,
        "units": [
            {"category": each, **_sums([unit for unit in venue.units if unit.category == each], areas)}
            for each in categories
        ],
        "links": [_links(venue, kind) for kind in LinkKind if any(link.kind is kind for link in venue.links)],
        "counts": {name: len(getattr(venue, name)) for name in groups},
        "basis": {(basis.value or "unknown"): bases[basis] for basis in Basis},
    }


def _sums(units: Sequence[Unit], areas: dict[str, float]) -> dict[str, Any]:
    area = round(sum(areas[unit.feature_id] for unit in units))
    return {"units": len(units), "area_m2": area, "capacity": _sum(unit.persons for unit in units)}


def _sum(figures: Iterable[float | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return round(sum(known)) if known else None


def _links(venue: Venue, kind: LinkKind) -> dict[str, Any]:
    links = [link for link in venue.links if link.kind is kind]
    one_way = sum(not link.both for link in links)
    return {
        "kind": kind.value,
        "links": len(links),
        "one_way": one_way,
        "per_min": _sum(link.persons_per_min for link in links),
    }
