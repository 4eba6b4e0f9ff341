"""What the sources of a simulated hub tell, minute by minute, in their own wire forms. All of it is synthetic."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.connectors.crowd_counters import TOPIC
from hubtwin.connectors.crowd_counters.simulator import ZoneCount
from hubtwin.connectors.crowd_counters.simulator import message as zone_message
from hubtwin.connectors.devices.simulator import DeviceState
from hubtwin.connectors.devices.simulator import page as device_page
from hubtwin.connectors.onward.simulator import Queue, Supply
from hubtwin.connectors.onward.simulator import page as onward_page
from hubtwin.connectors.staff_positions.simulator import TeamAt
from hubtwin.connectors.staff_positions.simulator import page as staff_page
from hubtwin.connectors.vehicle_positions.simulator import make_feed
from hubtwin.sim.draws import stream
from hubtwin.sim.flows.faults import Faults
from hubtwin.sim.flows.plan import FlowPlan, Line
from hubtwin.sim.flows.service import rate_per_min
from hubtwin.sim.flows.site import Site
from hubtwin.sim.flows.sky import EVERY_MIN, Sky
from hubtwin.sim.flows.traffic import vehicles_at
from hubtwin.sim.flows.walk import Flows

COUNTS, ONWARD, VEHICLES = "crowd_counters", "onward", "vehicle_positions"
STAFF, DEVICES, WEATHER = "staff_positions", "devices", "weather"
SOURCES = (COUNTS, ONWARD, VEHICLES, STAFF, DEVICES, WEATHER)
DEVICES_MIN = 5  # devices are told of every five minutes
FAULTY, FAULT_MIN = 0.02, (40, 180)  # share of devices that fail in a day, and for how long; ours
WALK_S = 240  # a team needs so long to any place; ours
LATEST_MIN = 10  # after a longer pause, or at a high speed, only the last minutes are told


class Order(NamedTuple):
    """What a team has to do: where, since which epoch minute it is on its way, whether it is there."""

    place: str
    since_min: int
    there: bool


class Told(NamedTuple):
    """What a source gives: a page, or a message under its topic."""

    source: str
    body: bytes
    topic: str = ""


Orders = Callable[[], Mapping[str, Order]]


@dataclass
class Teller:
    """Tells what happens in a simulated hub. `orders` gives what the teams have to do now."""

    flows: Flows
    site: Site
    plan: FlowPlan
    hub_id: str
    day_start_min: int
    zone: ZoneInfo
    seed: int
    faults: Faults
    orders: Orders = dict

    def __post_init__(self) -> None:
        """Draw what fails, and the weather."""
        rng = stream(self.seed, f"devices {self.day_start_min}")
        devices = self.site.devices
        begin = rng.integers(0, 1440, size=len(devices)) + self.day_start_min
        last = rng.integers(*FAULT_MIN, size=len(devices))
        fails = rng.random(len(devices)) < FAULTY
        self._faulty = {
            one.code: (int(begin[at]), int(begin[at] + last[at])) for at, one in enumerate(devices) if fails[at]
        }
        self._sky, self._warnings = None, list[tuple[datetime, bytes]]()
        if self.plan.weather:
            rng = stream(self.seed, f"weather {self.day_start_min}")
            self._sky = Sky(self._local(self.day_start_min), dict(self.plan.weather), rng)
            self._warnings = list(self._sky.warnings())

    def begin(self, minute: int) -> Iterator[Told]:
        """Yield how things stand at the minute at which somebody begins to listen, warnings of the day included."""
        at = self._local(minute)
        told = [Told(DEVICES, device_page(self._devices(minute, at)))] if self.site.devices else []
        told += [Told(WEATHER, body) for sent, body in self._warnings if sent <= at]
        yield from (one for one in told if not self.faults.is_silent(one.source, minute))

    def tell(self, from_min: int, until_min: int) -> Iterator[Told]:
        """Yield what is told in the minutes after `from_min` until `until_min` (epoch), a silent source left out."""
        since = max(from_min, until_min - LATEST_MIN)
        for minute in range(since + 1, until_min + 1):
            yield from (told for told in self._minute(minute) if not self.faults.is_silent(told.source, minute))
        for at, body in self._warnings:  # those that a longer pause has passed over are told too
            minute = int(at.timestamp()) // 60
            if from_min < minute <= until_min and not self.faults.is_silent(WEATHER, minute):
                yield Told(WEATHER, body)
        if not self.faults.is_silent(VEHICLES, until_min) and until_min > from_min:
            yield Told(VEHICLES, self._vehicles(until_min))

    def is_faulty(self, device: str, minute: int) -> bool:
        """Return whether a device does not work at an epoch minute."""
        begin, end = self._faulty.get(device, (0, 0))
        return begin <= minute < end or self.faults.is_broken(device, minute)

    def _minute(self, minute: int) -> Iterator[Told]:
        at = self._local(minute)
        yield from self._counts(minute, at)
        if self.plan.lines:
            yield Told(ONWARD, onward_page(self._onward(minute, at)))
        if self.site.homes:
            yield Told(STAFF, staff_page(self._teams(minute, at)))
        if self.site.devices and minute % DEVICES_MIN == 0:
            yield Told(DEVICES, device_page(self._devices(minute, at)))
        if self._sky is not None and minute % EVERY_MIN == 0:
            here = self.site.ground(self.site.platforms[0])
            yield Told(WEATHER, self._sky.observation(at, here.lon, here.lat))

    def _counts(self, minute: int, at: datetime) -> Iterator[Told]:
        people, crowds = self.flows.people_at(minute), self.faults.crowds_at(minute)
        for zone, counter in sorted(self.site.counted.items()):
            if not (counter and self.is_faulty(counter, minute)):
                count = ZoneCount(at, zone, crowds.get(zone, people.get(zone, 0)))
                yield Told(COUNTS, zone_message(count), TOPIC.format(hub_id=self.hub_id, zone=zone))

    def _onward(self, minute: int, at: datetime) -> Iterator[Queue | Supply]:
        now, day_min = self.flows.at(minute), minute - self.day_start_min
        place_told: set[str] = set()
        for line in self.plan.lines:
            served, place = self.flows.served[line.key], line.places[0]
            waiting, rate = int(served.waiting[now]), rate_per_min(served, now)
            if place not in place_told and line.mode != "garage":
                place_told.add(place)
                wait_s = _wait_s(line, day_min, waiting, rate)
                stock = int(served.vehicles[now]) if line.vehicles else None
                yield Queue(at, place, line.mode, waiting, wait_s, stock, round(rate, 2))
            yield self._supply(line, at, day_min, now)

    def _supply(self, line: Line, at: datetime, day_min: int, now: int) -> Supply:
        served, place = self.flows.served[line.key], line.places[0]
        if line.headway_s:
            after = _next_s(line, day_min)
            return Supply(
                *(at, line.mode, line.line, place),
                capacity=round(line.capacity * 3600 / line.headway_s),
                next=None if after is None else self._local(self.day_start_min + after // 60),
                headway_s=line.headway_s,
                last=self._local(self.day_start_min + line.last_min),
                state="ended" if after is None or after > (day_min + 60) * 60 else "running",
            )
        free = int(served.free[now])
        stock = int(served.vehicles[now]) if line.vehicles else None
        state = "full" if line.mode == "garage" and not free else "open"
        return Supply(at, line.mode, line.line, place, stock, free, line.spaces or None, state=state)

    def _vehicles(self, minute: int) -> bytes:
        second, now = (minute - self.day_start_min) * 60, self.flows.at(minute)
        found = []
        for line in self.plan.lines:
            load = min(
                1.0, rate_per_min(self.flows.served[line.key], now, 30) * line.headway_s / 60 / (line.capacity or 1)
            )
            found += list(vehicles_at(line, self.site.ground(line.places[0]), second, load))
        return make_feed(found, from_epoch_minute(minute))

    def _teams(self, minute: int, at: datetime) -> Iterator[TeamAt]:
        orders = self.orders()
        for team, home in sorted(self.site.homes.items()):
            order = orders.get(team)
            if order is None:
                yield self._team_at(at, (team, "post"), (home, home), 1.0)
            else:
                share = 1.0 if order.there else min(1.0, max(0.0, (minute - order.since_min) * 60 / WALK_S))
                state = "at_work" if order.there else "on_way"
                yield self._team_at(at, (team, state), (home, order.place), share)

    def _team_at(self, at: datetime, who: tuple[str, str], way: tuple[str, str], share: float) -> TeamAt:
        (team, state), (start, end) = who, way
        here, there = self.site.ground(start), self.site.ground(end)
        place = self.site.code(end if share >= 0.5 else start)
        level = (there if share >= 0.5 else here).level or None
        if None in (here.lon, here.lat, there.lon, there.lat):
            return TeamAt(at, team, state, place, level)
        lon = here.lon + share * (there.lon - here.lon)  # type: ignore[operator]
        lat = here.lat + share * (there.lat - here.lat)  # type: ignore[operator]
        return TeamAt(at, team, state, place, level, round(lon, 7), round(lat, 7))

    def _devices(self, minute: int, at: datetime) -> Iterator[DeviceState]:
        for one in self.site.devices:
            state = "faulty" if self.is_faulty(one.code, minute) else "working"
            yield DeviceState(at, one.code, one.kind, state, one.covers or None)

    def _local(self, minute: int) -> datetime:
        return local(from_epoch_minute(minute), self.zone)


def _next_s(line: Line, day_min: int) -> int | None:
    """Return the second of the hub's day of the next departure; after midnight the evening before comes first."""
    seconds = np.array(line.departures(), dtype=np.int64)
    for shift in (86_400, 0):
        later = seconds[seconds >= day_min * 60 + shift] - shift
        if len(later) and (shift == 0 or later[0] <= line.last_min * 60 - shift):
            return int(later[0])
    return None


def _wait_s(line: Line, day_min: int, waiting: int, rate: float) -> int | None:
    """Return the expected wait of who joins now; None where nobody is served and nothing is due."""
    if line.headway_s:
        after = _next_s(line, day_min)
        if after is None:
            return None
        turns = waiting // line.capacity
        return min(86_400, after - day_min * 60 + turns * line.headway_s)
    if not waiting:
        return 0
    return min(86_400, round(waiting / rate * 60)) if rate > 0 else None
