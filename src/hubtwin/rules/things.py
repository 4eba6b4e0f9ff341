"""Rows of the datasets of the panorama as things: what the map shows of a place or a moving object."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hubtwin.datasets.panorama import ZONE_COUNTS
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.model.thing import Thing, Value
from hubtwin.rules.crowding import Scale, density, level_of_service

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """A place of the venue as far as things need it: its point (WGS 84), code of its level, area and kind of area.
    What is not known is None or empty."""

    lon: float | None = None
    lat: float | None = None
    level: str = ""
    area_m2: float | None = None
    scale: Scale = "walkway"


UNKNOWN = Ground()
Grounds = Mapping[str, Ground]  # by venue code


def things_of(dataset: str, rows: Iterable[Row], source: str = "", grounds: Grounds | None = None) -> list[Thing]:
    """Return the things that rows of a dataset tell of, in their order; none for a dataset that tells of none.

    `rows` are stored rows with their system columns; `source` is the kind under which the source is polled, that of the
    rows where it is not given. `grounds` are the places of the venue, as far as there is one.
    """
    make = _MAKERS.get(dataset)
    if make is None:
        return []
    known = grounds or {}
    return [make(row, source or str(row["source"]), known) for row in rows]


def tells_of_things(dataset: str) -> bool:
    """Return whether rows of a dataset become things."""
    return dataset in _MAKERS


def marks_of(row: Row) -> Marks:
    """Return the marks of a stored row."""
    return Marks(Status(row["status"]), Provenance(row["provenance"]), bool(row["replayed"]))


def _placed(row: Row, source: str, ground: Ground, told: tuple[str, str, str], values: Mapping[str, Value]) -> Thing:
    """Return a thing that stands at a place; `told` are its kind, its id within the kind and the code of the place."""
    kind, name, place = told
    return Thing(
        *(f"{kind}:{name}", kind, int(row["at_s"]) * 1000, source, place, ground.lon, ground.lat, ground.level),
        values=values,
        marks=marks_of(row),
    )


def _zone(row: Row, source: str, grounds: Grounds) -> Thing:
    zone, people = str(row["zone"]), int(row["people"])
    ground = grounds.get(zone, UNKNOWN)
    found = row["density_per_m2"]
    if found is None and ground.area_m2:
        found = density(people, ground.area_m2)
    los = None if found is None else level_of_service(found, ground.scale)
    values: dict[str, Value] = {
        "people": people,
        "density_per_m2": None if found is None else round(found, 3),
        "los": los,
    }
    return _placed(row, source, ground, ("zone", zone, zone), values)


_MAKERS: Mapping[str, Callable[[Row, str, Grounds], Thing]] = {ZONE_COUNTS.name: _zone}
