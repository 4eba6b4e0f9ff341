"""A simulated day against the clock: every page with the minute from which its partner can give it, for a replay.

The railway's matcher is part of the simulation: it stands where manifests and stays are and knows both. The hub gets
pseudonyms, levels and boarding stations of its hits, and nothing of anybody else.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.base.errors import Malformed
from hubtwin.connectors.bookings import simulator as bookings_wire
from hubtwin.connectors.bookings.simulator import HitLine, Line
from hubtwin.connectors.gate_screening.codec import TOPIC as GATE_TOPIC
from hubtwin.connectors.gate_screening.simulator import message as gate_message
from hubtwin.connectors.lane_counters import TOPIC as LANE_TOPIC
from hubtwin.connectors.lane_counters.simulator import message as lane_message
from hubtwin.datasets.health import RISK_HITS
from hubtwin.rules.privacy import moment_min
from hubtwin.sim.day import HubDay
from hubtwin.sim.people import Kind
from hubtwin.sim.screening import Gates, list_counts, list_passages
from hubtwin.sim.wire import LINES, list_feeds, list_lines, name_page

BOOKINGS, RUNNING, GATES = "bookings", "running", "gates"  # the sources of a replay
KINDS = ("counts", "hits", "running")
MATCHED_MIN = 60  # a train's manifest is matched this long before its planned arrival
_EVERY_KIND = (*LINES, "hits", "running", "gates")
_LEVELS = RISK_HITS.by_name["level"].values  # the highest first

PidOf = Callable[[str, int], str]  # document number, epoch minute that decides the key epoch -> pseudonym


class Timed(NamedTuple):
    """What a source gives from epoch minute `at_min` on; `name` is that of a page, or the topic of a message."""

    at_min: int
    source: str
    name: str
    body: bytes


def list_timed(
    day: HubDay,
    gates: Gates,
    *,
    hub_id: str,
    pid_of: PidOf,
    kinds: Collection[str] = KINDS,
    page_min: int = 5,
) -> Iterator[Timed]:
    """Yield what the partners of a day give, in order of time; of the same minute in the order of `kinds`.

    `counts`, `hits` (and, in drills, `manifest` and `stays`) are pages of the source "bookings", `page_min` minutes of
    the clock long, given at their end and named by it; what is known at `day.snapshot_min` comes at that very minute.
    `running` gives a message of "running" every few minutes. `gates` gives the messages of gates and lanes under their
    topics of the hub `hub_id`, at the end of their minute, as `list_minutes` does. Raises Malformed for another kind.
    """
    for kind in kinds:
        if kind not in _EVERY_KIND:
            raise Malformed("sim.kind_unknown", kind=kind, kinds=", ".join(_EVERY_KIND))
    streams = [_list_kind(day, kind, pid_of, page_min) for kind in kinds if kind != GATES]
    if GATES in kinds:
        streams.append(_list_messages(day, gates, hub_id))
    return merge(*streams, key=attrgetter("at_min"))


def list_written(day: HubDay, kinds: Collection[str], page_min: int) -> Iterator[Timed]:
    """Yield the pages of some kinds of lines in order of time, as `list_timed` does: what needs no pseudonym."""
    return merge(
        *(_cut(day, kind, LINES[kind], list_lines(day, kind), page_min) for kind in kinds), key=attrgetter("at_min")
    )


def list_hits(day: HubDay, pid_of: PidOf) -> list[tuple[int, HitLine]]:
    """Return (epoch minute from which it is known, hit) of every exposed person who arrives or stays away.

    A hit is known an hour before the planned arrival, or when a later booking is made; it carries the highest level of
    the listed intervals that the person met, and the pseudonym of the key epoch of a row of RISK_HITS.
    """
    truth, bookings, trips = day.truth, day.bookings, day.world.trips
    levels = np.array([_LEVELS.index(level) for level in day.places.interval_level], dtype=np.int64)
    highest = np.full(len(bookings), len(_LEVELS), dtype=np.int64)
    np.minimum.at(highest, truth.person, levels[truth.interval])
    coming = np.isin(bookings.kind, (Kind.ARRIVES, Kind.NO_SHOW))
    persons = np.flatnonzero((highest < len(_LEVELS)) & coming)
    planned = day.runs.plan_arrive_s[day.runs.hub[bookings.trip[persons]]] // 60
    known = np.maximum(planned - MATCHED_MIN, bookings.booked_min[persons])
    stations = [call.station_id for trip in trips for call in trip.calls]
    order = np.lexsort((persons, known))
    found = []
    for person, minute in zip(persons[order].tolist(), known[order].tolist(), strict=True):
        trip = trips[bookings.trip[person]]
        decides = moment_min(RISK_HITS, {"trip_id": trip.trip_id, "service_date": trip.service_date})
        assert decides is not None, "a hit has its service date in its key"
        whose = pid_of(day.documents[person], decides)
        told = (stations[bookings.board[person]], _LEVELS[highest[person]])
        moment = local(from_epoch_minute(minute), day.world.zone)
        found.append((minute, HitLine(trip.trip_id, trip.code, trip.service_date, whose, *told, moment)))
    return found


def list_minutes(day: HubDay, gates: Gates, hub_id: str) -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    """Yield (epoch minute at whose end they are published, [(topic, payload)]) of gates and lanes, in order of time.

    Minutes in which nothing is said are left out. Nothing is held but the minute at hand.
    """
    passages = (
        (int(one.at.timestamp()) // 60, GATE_TOPIC.format(hub_id=hub_id, gate_id=one.gate_id), gate_message(one))
        for one in list_passages(day, gates)
    )
    counts = (
        (
            int(one.minute.timestamp()) // 60,
            LANE_TOPIC.format(hub_id=hub_id, exit_id=one.exit_id, lane=one.lane),
            lane_message(one),
        )
        for one in list_counts(day, gates)
    )
    for minute, said in groupby(merge(passages, counts, key=lambda one: one[0]), key=lambda one: one[0]):
        yield minute, [(topic, payload) for _, topic, payload in said]


def _list_kind(day: HubDay, kind: str, pid_of: PidOf, page_min: int) -> Iterator[Timed]:
    if kind == "running":
        return (Timed(minute, RUNNING, name_page(day, kind, minute), body) for minute, body in list_feeds(day))
    if kind == "hits":
        return _cut(day, kind, HitLine, list_hits(day, pid_of), page_min)
    return _cut(day, kind, LINES[kind], list_lines(day, kind), page_min)


def _cut(day: HubDay, kind: str, form: type[Line], lines: Iterable[tuple[int, Line]], page_min: int) -> Iterator[Timed]:
    """Yield pages of lines; a slot ends with the minute that it is named by, so that nothing waits for the next."""

    def end_of(line: tuple[int, Line]) -> int:
        return day.snapshot_min if line[0] <= day.snapshot_min else -(-line[0] // page_min) * page_min

    for end, found in groupby(lines, key=end_of):
        body = bookings_wire.page(form, (line for _, line in found))
        yield Timed(end, BOOKINGS, name_page(day, kind, end), body)


def _list_messages(day: HubDay, gates: Gates, hub_id: str) -> Iterator[Timed]:
    for minute, said in list_minutes(day, gates, hub_id):
        yield from (Timed(minute + 1, GATES, topic, payload) for topic, payload in said)
