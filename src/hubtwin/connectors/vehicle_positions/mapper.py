"""GTFS-Realtime VehiclePositions as rows of VEHICLE_POSITIONS (gtfs.org, reference of the realtime feed).

The format does not say what kind of vehicle it is: a route id of the form "bus:28" does, as agreed with our sources;
of any other the mode is unknown. Other kinds of entity (trip updates, alerts) are not ours and pass without a row.
"""

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.gtfs_realtime import decode, enum_of, made_s, says, text_of
from hubtwin.connectors.common.lines import shown
from hubtwin.connectors.common.values import CLOCK_TOLERANCE_MIN
from hubtwin.datasets.panorama import VEHICLE_POSITIONS
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext

_KEY = "connectors.vehicle_positions."
_COLUMNS = VEHICLE_POSITIONS.by_name
_UNKNOWN = "unknown"
_ROUTE = re.compile(rf"({'|'.join(_COLUMNS['mode'].values)}):(.+)")
OLD_S = 3600  # a position that was taken an hour before the feed was made is no position of now


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield a row for every vehicle of a feed, in its order; an empty feed gives none.

    Raises Malformed for bytes that are no feed, and for a header whose time is missing or more than an hour after
    `context.now`. A vehicle that is wrong is quarantined alone.
    """
    feed = decode(page)
    if not feed.entity:
        return
    feed_s = made_s(feed, page, context)
    seen: dict[tuple[object, ...], tuple[object, ...]] = {}
    for number, entity in enumerate(feed.entity):
        locator = f"entity {number + 1}"
        try:
            if entity.is_deleted:
                raise Malformed("connectors.common.gtfs_deleted_entity", entity=text_of(entity.id)[:80])
            if not entity.HasField("vehicle"):
                continue
            values = _vehicle(entity, feed_s)
            _check_new(values, seen)
            yield Row(VEHICLE_POSITIONS.name, values, locator)
        except Malformed as error:
            yield Quarantined(locator, error.key, error.values, shown(" ".join(str(entity).split())))


def _check_new(values: dict[str, object], seen: dict[tuple[object, ...], tuple[object, ...]]) -> None:
    key, content = tuple(values[name] for name in VEHICLE_POSITIONS.key), tuple(values.values())
    if key in seen:
        raise Malformed(f"connectors.common.{'repeated' if seen[key] == content else 'conflicting'}_row")
    seen[key] = content


def _vehicle(entity: Any, feed_s: int) -> dict[str, object]:
    told = entity.vehicle
    vehicle = text_of(told.vehicle.id) or text_of(entity.id)
    if not vehicle.strip():
        raise Malformed(_KEY + "no_vehicle")
    if not told.HasField("position"):
        raise Malformed(_KEY + "no_position", vehicle=vehicle[:80])
    route = text_of(told.trip.route_id)
    found = _ROUTE.fullmatch(route)
    return {
        "mode": found[1] if found else _UNKNOWN,
        "vehicle": vehicle[:64],
        "at_s": _at_s(told, feed_s, vehicle),
        "line": (found[2] if found else route)[:64] or None,
        "lon": _bounded(told.position.longitude, "lon", vehicle),
        "lat": _bounded(told.position.latitude, "lat", vehicle),
        "bearing": _bounded(told.position.bearing, "bearing", vehicle) if told.position.HasField("bearing") else None,
        "speed_mps": _bounded(told.position.speed, "speed_mps", vehicle) if told.position.HasField("speed") else None,
        "stop": text_of(told.stop_id)[:64] or None,
        "occupancy": _occupancy(told),
    }


def _at_s(told: Any, feed_s: int, vehicle: str) -> int:
    if not told.timestamp:
        return feed_s
    if told.timestamp > feed_s + CLOCK_TOLERANCE_MIN * 60 or told.timestamp < feed_s - OLD_S:
        raise Malformed(_KEY + "wrong_time", vehicle=vehicle[:80], off_min=(int(told.timestamp) - feed_s) // 60)
    return int(told.timestamp)


def _bounded(value: float, name: str, vehicle: str) -> float:
    column = _COLUMNS[name]
    low, high = float(column.minimum or 0), float(column.maximum or 0)
    if not isfinite(value) or not low <= value <= high:
        raise Malformed(_KEY + "out_of_range", field=name, vehicle=vehicle[:80], low=low, high=high)
    return round(float(value), 6)  # the wire has 32 bits, about a metre


def _occupancy(told: Any) -> str | None:
    if not says(told, "occupancy_status"):
        return None
    status, allowed = enum_of(told, "occupancy_status"), _COLUMNS["occupancy"].values
    if status not in allowed:
        raise Malformed(
            "connectors.common.unknown_value", field="occupancy_status", value=status, allowed=", ".join(allowed)
        )
    return status
