"""What comes wrong from partners, repaired before it has an effect: times, positions, train numbers, codes of areas.

Which fields hold what is declared by type of message. A field that is missing is left alone; what was repaired is noted
by field; what can mean two things is refused.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hubtwin.base.clock import epoch_minute, local, service_start
from hubtwin.base.errors import Malformed
from hubtwin.model.message import Envelope
from hubtwin.rules.message_places import WGS84, read_area, read_position
from hubtwin.rules.message_times import Timed, read_time
from hubtwin.rules.message_trains import RunsOf, resolve_train

_DATA_AHEAD = timedelta(days=31)  # what a message plans may lie so far ahead
_CLOCK = re.compile(r"\d\d?:\d\d(:\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PositionFields:
    """The fields of a position, the field that names its place (a station, an exit) if there is one, and the datum that
    the partner has declared: "WGS84" or "GCJ-02"."""

    lon: str = "lon"
    lat: str = "lat"
    place: str = ""
    datum: str = WGS84


@dataclass(frozen=True, slots=True)
class TrainFields:
    """The fields of a train: its number, its service date, the moment that the message is about, and the field that the
    run gets when it is found."""

    number: str = "train"
    service_date: str = "service_date"
    at: str = ""
    trip: str = "trip_id"


@dataclass(frozen=True, slots=True)
class Known:
    """What the hub knows: where places are (lon, lat in WGS 84), which runs carry a number on a service date, present
    county codes and what former ones became."""

    place_of: Callable[[str], tuple[float, float] | None] = lambda name: None
    runs_of: RunsOf = lambda number, day: ()
    counties: Collection[str] = frozenset()
    successors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the fields of one type of message hold."""

    times: tuple[str, ...] = ()
    positions: tuple[PositionFields, ...] = ()
    trains: tuple[TrainFields, ...] = ()
    areas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repaired:
    """The time of a message, its data as they are meant, and how they were repaired, by field."""

    at: datetime
    data: Mapping[str, object]
    repairs: Mapping[str, str]


def repair(envelope: Envelope, declared: Declared, known: Known, zone: ZoneInfo, now: datetime) -> Repaired:
    """Return a message as it is meant. Raises Malformed for what means nothing or several things."""
    sent = read_time(envelope.time, zone, now)
    work = _Work(dict(envelope.data), {"time": sent.repair}, known, zone)
    for name in declared.times:
        work.read_time(name, sent, now)
    for where in declared.positions:
        work.read_position(where)
    for train in declared.trains:
        work.read_train(train, sent.at)
    for name in declared.areas:
        work.read_area(name)
    return Repaired(sent.at, work.data, {name: how for name, how in work.repairs.items() if how})


@dataclass(frozen=True, slots=True)
class _Work:
    """The data of a message while they are repaired, and the repairs so far."""

    data: dict[str, object]
    repairs: dict[str, str]
    known: Known
    zone: ZoneInfo

    def read_time(self, name: str, sent: Timed, now: datetime) -> None:
        told = self.data.get(name)
        if told is None:
            return
        if isinstance(told, str) and _CLOCK.fullmatch(told):  # a time of a service date
            told = f"{self.data.get('service_date')} {told}"
        writes_local = "local_as_utc" in sent.repair
        found = read_time(str(told), self.zone, now, ahead=_DATA_AHEAD, writes_local=writes_local)
        self.data[name], self.repairs[name] = found.at.isoformat(), found.repair

    def read_position(self, where: PositionFields) -> None:
        lon, lat = self.data.get(where.lon), self.data.get(where.lat)
        if lon is None and lat is None:
            return
        place = self.data.get(where.place) if where.place else None
        found = read_position(lon, lat, where.datum, None if place is None else self.known.place_of(str(place)))
        self.data[where.lon], self.data[where.lat], self.repairs[where.lon] = found.lon, found.lat, found.repair

    def read_train(self, train: TrainFields, sent: datetime) -> None:
        told = self.data.get(train.number)
        if told is None:
            return
        moment = self.data.get(train.at) if train.at else None
        at = None if moment is None else read_time(str(moment), self.zone, sent, ahead=_DATA_AHEAD).at
        day = _service_date(self.data.get(train.service_date), at or sent, self.zone)
        begins_min = epoch_minute(service_start(day, self.zone))
        found = resolve_train(str(told), day, self.known.runs_of, begins_min, None if at is None else epoch_minute(at))
        self.repairs[train.number] = found.repair
        if found.run is not None:
            run = found.run
            self.data[train.number], self.data[train.trip] = run.code, run.trip_id
            self.data[train.service_date] = run.service_date.isoformat()

    def read_area(self, name: str) -> None:
        if self.data.get(name) is not None:
            area = read_area(self.data[name], self.known.successors, self.known.counties)
            self.data[name], self.repairs[name] = area.code, area.repair


def _service_date(told: object, at: datetime, zone: ZoneInfo) -> date:
    if told is None:
        return local(at, zone).date()
    try:
        return date.fromisoformat(str(told)[:10])
    except ValueError as error:
        raise Malformed("rules.broken_service_date", value=str(told)[:20]) from error
