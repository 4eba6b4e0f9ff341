"""How the lines of a hub take people away: persons who come in each minute to persons who leave in each minute.

A rank has a stock of vehicles: they come at a rate, more when people wait (a dispatch calls empty taxis when supply and
demand fall apart, 都市快报 2020-06-09), and each takes a party away.
"""

from dataclasses import dataclass

import numpy as np

from hubtwin.sim.flows.plan import Line
from hubtwin.sim.recipe import Floats, Ints

PARTY = 1.5  # persons in a vehicle; ours
CALLED = 1.6  # how much faster vehicles come while people wait; ours
CROWD = 30  # persons who wait before vehicles are called; ours


@dataclass(frozen=True)
class Served:
    """What became of a line, by minute: persons who came, who left, who wait at the end, vehicles and free spaces."""

    came: Ints
    left: Ints
    waiting: Ints
    vehicles: Ints
    free: Ints


def serve(line: Line, came: Ints, entering: Ints, open_min: int) -> Served:
    """Serve a line. `came` are persons by minute from `open_min` of the hub's day on, `entering` those it brings."""
    if line.mode == "garage":
        return _garage(line, came, entering)
    if line.headway_s:
        return _in_turns(line, came, open_min)
    return _rank(line, came)


def _in_turns(line: Line, came: Ints, open_min: int) -> Served:
    room = np.zeros(len(came), dtype=np.int64)
    minutes = np.array([second // 60 - open_min for second in line.departures()], dtype=np.int64)
    inside = minutes[(minutes >= 0) & (minutes < len(came))]
    np.add.at(room, inside, line.capacity)
    left, waiting = _let_go(came, room)
    nothing = np.zeros(len(came), dtype=np.int64)
    return Served(came, left, waiting, nothing, nothing)


def _rank(line: Line, came: Ints) -> Served:
    left, waiting, stock = (np.zeros(len(came), dtype=np.int64) for _ in range(3))
    queue, vehicles, owed = 0, float(line.vehicles), 0.0
    for minute, more in enumerate(came.tolist()):
        queue += more
        owed = min(owed + line.per_min, queue, vehicles * PARTY)
        gone = int(owed)
        owed -= gone
        queue -= gone
        inflow = 0.7 * line.per_min / PARTY * (CALLED if queue > CROWD else 1.0)
        vehicles = min(float(line.vehicles), vehicles - gone / PARTY + inflow)
        left[minute], waiting[minute], stock[minute] = gone, queue, int(vehicles)
    busy = np.minimum(line.spaces, np.ceil(left / PARTY).astype(np.int64))
    return Served(came, left, waiting, stock, line.spaces - busy)


def _garage(line: Line, came: Ints, entering: Ints) -> Served:
    left, waiting = _let_go(came, np.full(len(came), int(line.per_min), dtype=np.int64))
    cars = 0.6 * line.spaces + np.cumsum((entering - left) / PARTY)
    free = np.clip(line.spaces - np.rint(cars), 0, line.spaces).astype(np.int64)
    return Served(came, left, waiting, np.zeros(len(came), dtype=np.int64), free)


def _let_go(came: Ints, room: Ints) -> tuple[Ints, Ints]:
    """Return who leaves and who waits, where each minute has room for so many of those who are there."""
    left, waiting = np.zeros(len(came), dtype=np.int64), np.zeros(len(came), dtype=np.int64)
    queue = 0
    for minute, (more, places) in enumerate(zip(came.tolist(), room.tolist(), strict=True)):
        queue += more
        gone = min(queue, places)
        queue -= gone
        left[minute], waiting[minute] = gone, queue
    return left, waiting


def rate_per_min(served: Served, minute: int, window_min: int = 10) -> float:
    """Return persons served in a minute, over the last minutes."""
    past: Floats = served.left[max(0, minute - window_min + 1) : minute + 1].astype(np.float64)
    return float(past.mean()) if len(past) else 0.0


def leaving_min(served: Served, arrive_min: Ints) -> Ints:
    """Return the minute in which each person leaves, first come first served; `len(came)` for who never does.

    `arrive_min` are the minutes of the persons, in the order in which they came.
    """
    gone = np.cumsum(served.left)
    ranks = np.arange(1, len(arrive_min) + 1)
    found: Ints = np.searchsorted(gone, ranks, side="left").astype(np.int64)
    return np.maximum(found, arrive_min)
