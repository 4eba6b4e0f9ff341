"""Rows of the datasets of the panorama as things: what the map shows of a place or a moving object."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hubtwin.datasets.panorama import (
    DEVICE_STATES,
    QUEUE_COUNTS,
    STAFF_POSITIONS,
    SUPPLY_COUNTS,
    VEHICLE_POSITIONS,
    WEATHER_OBSERVATIONS,
    WEATHER_WARNINGS,
    ZONE_COUNTS,
)
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.model.thing import KINDS, Thing
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
    return [thing for row in rows for thing in make(row, source or str(row["source"]), known)]


def tells_of_things(dataset: str) -> bool:
    """Return whether rows of a dataset become things."""
    return dataset in _MAKERS


def marks_of(row: Row) -> Marks:
    """Return the marks of a stored row."""
    return Marks(Status(row["status"]), Provenance(row["provenance"]), bool(row["replayed"]))


def _thing(row: Row, source: str, kind: str, name: str, told: Mapping[str, Any]) -> Thing:
    """Return the thing of a row: its values are the columns of its kind, `told` the rest of its fields."""
    values = told.get("values") or {value: row[value] for value in KINDS[kind] if value in row}
    return Thing(
        *(f"{kind}:{name}", kind, int(row["at_s"]) * 1000, source),
        **{**told, "values": values},
        marks=marks_of(row),
    )


def _standing(ground: Ground, place: str) -> dict[str, Any]:
    return {"place": place, "lon": ground.lon, "lat": ground.lat, "level": ground.level}


def _zone(row: Row, source: str, grounds: Grounds) -> list[Thing]:
    zone, people = str(row["zone"]), int(row["people"])
    ground = grounds.get(zone, UNKNOWN)
    found = row["density_per_m2"]
    if found is None and ground.area_m2:
        found = density(people, ground.area_m2)
    los = None if found is None else level_of_service(found, ground.scale)
    values = {"people": people, "density_per_m2": None if found is None else round(found, 3), "los": los}
    return [_thing(row, source, "zone", zone, {**_standing(ground, zone), "values": values})]


def _queue(row: Row, source: str, grounds: Grounds) -> list[Thing]:
    place = str(row["place"])
    return [_thing(row, source, "queue", place, _standing(grounds.get(place, UNKNOWN), place))]


def _supply(row: Row, source: str, grounds: Grounds) -> list[Thing]:
    place = str(row["place"] or "")
    told = _standing(grounds.get(place, UNKNOWN), place)
    return [_thing(row, source, "supply", f"{row['mode']}:{row['line']}", told)]


def _vehicle(row: Row, source: str, grounds: Grounds) -> list[Thing]:
    told = {"lon": row["lon"], "lat": row["lat"]}
    return [_thing(row, source, "vehicle", f"{row['mode']}:{row['vehicle']}", told)]


def _staff(row: Row, source: str, grounds: Grounds) -> list[Thing]:
    told = _standing(grounds.get(str(row["place"] or ""), UNKNOWN), str(row["place"] or ""))
    if row["lon"] is not None:
        told |= {"lon": row["lon"], "lat": row["lat"]}
    return [_thing(row, source, "staff", str(row["team"]), {**told, "level": row["level"] or told["level"]})]


def _device(row: Row, source: str, grounds: Grounds) -> list[Thing]:
    device, kind = str(row["device"]), str(row["kind"])
    ground = grounds.get(device) or grounds.get(str(row["covers"] or ""), UNKNOWN)
    return [_thing(row, source, kind if kind in KINDS else "device", device, _standing(ground, device))]


def _weather(row: Row, source: str, grounds: Grounds) -> list[Thing]:
    return [_thing(row, source, "weather", str(row["station"]), {"lon": row["lon"], "lat": row["lat"]})]


def _warning(row: Row, source: str, grounds: Grounds) -> list[Thing]:
    """Return the warning, gone where it is not in force, and those that it takes the place of, gone."""
    values = {**{value: row[value] for value in KINDS["warning"] if value in row}, "status": row["status"]}
    gone = [_thing(row, source, "warning", earlier, {"gone": True}) for earlier in str(row["supersedes"] or "").split()]
    return [
        *gone,
        _thing(row, source, "warning", str(row["warning_id"]), {"values": values, "gone": not row["in_force"]}),
    ]


_MAKERS: Mapping[str, Callable[[Row, str, Grounds], list[Thing]]] = {
    ZONE_COUNTS.name: _zone,
    QUEUE_COUNTS.name: _queue,
    SUPPLY_COUNTS.name: _supply,
    VEHICLE_POSITIONS.name: _vehicle,
    STAFF_POSITIONS.name: _staff,
    DEVICE_STATES.name: _device,
    WEATHER_OBSERVATIONS.name: _weather,
    WEATHER_WARNINGS.name: _warning,
}
