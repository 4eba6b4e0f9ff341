"""Vehicles of the lines that leave in turns: on a straight line out from their place at the hub, and back in."""

from collections.abc import Iterator
from math import cos, radians, sin

from hubtwin.connectors.vehicle_positions.simulator import VehicleAt
from hubtwin.datasets.panorama import OCCUPANCIES
from hubtwin.rules.things import Ground
from hubtwin.sim.flows.plan import Line

SPEEDS_MPS = {"metro": 9.7, "bus": 4.6, "coach": 12.0}  # with stops; ours
REACH_S = 25 * 60  # how long a vehicle is followed out, and before it comes in; ours
M_PER_DEGREE = 111_195.0


def vehicles_at(line: Line, ground: Ground, second: int, load: float) -> Iterator[VehicleAt]:
    """Yield the vehicles of a line at a second of the hub's day; none where nobody knows where the line stands.

    A vehicle comes in along its direction, turns, and leaves again; `load` in [0, 1] is how full they are.
    """
    if ground.lon is None or ground.lat is None or not line.towards:
        return
    speed, status = SPEEDS_MPS.get(line.mode, 5.0), OCCUPANCIES[min(5, int(load * 5))]
    for number, leaves in enumerate(line.departures()):
        since = second - leaves
        if abs(since) > REACH_S:
            continue
        bearing = line.towards[number % len(line.towards)]
        metres = abs(since) * speed
        lat = ground.lat + metres * cos(radians(bearing)) / M_PER_DEGREE
        lon = ground.lon + metres * sin(radians(bearing)) / (M_PER_DEGREE * cos(radians(ground.lat)))
        heading = bearing if since >= 0 else (bearing + 180) % 360
        yield VehicleAt(
            *(line.mode, line.line, f"{line.mode[0].upper()}{line.line}-{number:03d}", round(lon, 6), round(lat, 6)),
            bearing=heading,
            speed_mps=speed if since else 0.0,
            stop=line.places[number % len(line.places)] if abs(since) < 60 else None,
            occupancy=status,
        )
