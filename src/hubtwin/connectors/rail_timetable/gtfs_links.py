"""What ties GTFS trips together: in-seat transfers, blocks of one vehicle, and trips repeated at a headway."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.csvio import Form
from hubtwin.connectors.common.values import read_count
from hubtwin.connectors.rail_timetable.codec import Archive, raw_of, records
from hubtwin.connectors.rail_timetable.records import Call, Timetable, Trip
from hubtwin.connectors.rail_timetable.times import read_required_time, show_time

MAX_BLOCK_WAIT_S = 3600  # after an hour at the platform nobody is taken to have stayed in the seat
MAX_RUNS = 1_500  # of one line of frequencies.txt: one a minute for 25 hours
MAX_ALL_RUNS = 100_000  # of all lines: a few bytes must not become gigabytes
_TRANSFERS = Form("transfers.txt", ("transfer_type",), is_open=True)
_FREQUENCIES = Form("frequencies.txt", ("trip_id", "start_time", "end_time", "headway_secs"), is_open=True)
_IN_SEAT, _NOT_IN_SEAT = "4", "5"
_Links = dict[str, set[str]]


def read_transfers(archive: Archive, timetable: Timetable) -> frozenset[tuple[str, str]]:
    """Set `continues_as` from transfer_type 4; return the pairs that transfers.txt decides, type 5 included."""
    decided: set[tuple[str, str]] = set()
    if _TRANSFERS.name not in archive.files:
        return frozenset()
    for locator, values in records(archive.sheet(_TRANSFERS.name, (_TRANSFERS,)), _TRANSFERS.name, timetable):
        if values["transfer_type"] not in (_IN_SEAT, _NOT_IN_SEAT):
            continue
        earlier, later = values.get("from_trip_id", ""), values.get("to_trip_id", "")
        unknown = [trip_id for trip_id in (earlier, later) if trip_id not in timetable.trips]
        if unknown:
            timetable.refuse(locator, "unknown_trip", raw_of(values), trip_id=unknown[0][:80])
            continue
        decided.add((earlier, later))
        trip = timetable.trips[earlier]
        if values["transfer_type"] == _NOT_IN_SEAT:
            continue
        if trip.continues_as in (None, later):
            timetable.trips[earlier] = replace(trip, continues_as=later)
        else:
            timetable.refuse(locator, "continues_twice", raw_of(values), trip_id=earlier, other=trip.continues_as)
    return frozenset(decided)


def link_blocks(timetable: Timetable, decided: frozenset[tuple[str, str]]) -> None:
    """Set `continues_as` of trips whose vehicle goes on as another trip of the same block.

    The next trip of the block on the same service date counts if it leaves from where the trip ended within
    MAX_BLOCK_WAIT_S and does not turn back to a station it came through. A trip that continues as different trips
    on different days gets none and is put aside with the reason. What transfers.txt says stands.
    """
    blocks: dict[str, list[Trip]] = {}
    for trip in timetable.trips.values():
        if trip.block_id and timetable.calls.get(trip.trip_id):
            blocks.setdefault(trip.block_id, []).append(trip)
    for trips in blocks.values():
        for trip_id, later in _next_trips(trips, timetable).items():
            trip = timetable.trips[trip_id]
            later = {other for other in later if (trip_id, other) not in decided}  # noqa: PLW2901
            if trip.continues_as is not None or not later:
                continue
            if len(later) > 1:
                values = {"trip_id": trip_id, "others": ", ".join(sorted(later))[:200]}
                timetable.refuse(trip.locator, "block_ambiguous", "", **values)
            else:
                timetable.trips[trip_id] = replace(trip, continues_as=later.pop())


def _next_trips(trips: Sequence[Trip], timetable: Timetable) -> _Links:
    """Return trip -> the trips its vehicle goes on as, on any day. Days with the same trips are looked at once."""
    starts = {trip.trip_id: _span(timetable.calls[trip.trip_id])[0] for trip in trips}
    ordered = sorted(trips, key=lambda trip: (starts[trip.trip_id], trip.trip_id))
    links: _Links = {}
    for running in _running_sets(ordered):
        for earlier, later in pairwise(running):
            if _goes_on(timetable.calls[earlier], timetable.calls[later]):
                links.setdefault(earlier, set()).add(later)
    return links


def _running_sets(trips: Sequence[Trip]) -> set[tuple[str, ...]]:
    by_day: dict[date, list[str]] = {}
    for trip in trips:
        for day in trip.dates:
            by_day.setdefault(day, []).append(trip.trip_id)
    return {tuple(running) for running in by_day.values()}


def _goes_on(earlier: Sequence[Call], later: Sequence[Call]) -> bool:
    wait_s = _span(later)[0] - _span(earlier)[1]
    if earlier[-1].station_id != later[0].station_id or not 0 <= wait_s <= MAX_BLOCK_WAIT_S:
        return False
    return {call.station_id for call in earlier[:-1]}.isdisjoint(call.station_id for call in later[1:])


def _span(calls: Sequence[Call]) -> tuple[int, int]:
    """Return the first and last second that calls name; a trip without any time starts before all others."""
    times = [time for call in calls for time in (call.arrive_s, call.depart_s) if time is not None]
    return (min(times), max(times)) if times else (-1, -1)


def read_frequencies(archive: Archive, timetable: Timetable) -> None:
    """Replace each trip of frequencies.txt by its runs, `<trip id>@<start time>` as GTFS-Realtime names them.

    With exact_times 0 the starts are approximate; the schedule has nothing better. Links between trips are for
    single runs, so a repeated trip has none.
    """
    if _FREQUENCIES.name not in archive.files:
        return
    templates: dict[str, Trip] = {}
    left = MAX_ALL_RUNS
    for locator, values in records(archive.sheet(_FREQUENCIES.name, (_FREQUENCIES,)), _FREQUENCIES.name, timetable):
        trip = timetable.trips.get(values["trip_id"])
        if trip is None or not timetable.calls.get(trip.trip_id):
            timetable.refuse(locator, "unknown_trip", raw_of(values), trip_id=values["trip_id"][:80])
            continue
        try:
            starts = _starts(values, min(MAX_RUNS, left))
        except Malformed as error:
            timetable.refuse(locator, error.key, raw_of(values), **error.values)
            continue
        templates[trip.trip_id] = trip
        left -= len(starts)
        for run in _runs(trip, timetable, starts):
            if run.trip_id in timetable.trips:
                timetable.refuse(locator, "repeated_id", raw_of(values), field="start_time", value=run.trip_id[:80])
            else:
                timetable.trips[run.trip_id] = run
    for trip_id in templates:
        del timetable.trips[trip_id], timetable.calls[trip_id]
    for trip_id, trip in timetable.trips.items():
        if trip.continues_as in templates:
            timetable.trips[trip_id] = replace(trip, continues_as=None)


def _starts(values: dict[str, str], limit: int) -> range:
    first = read_required_time(values["start_time"], "start_time")
    end = read_required_time(values["end_time"], "end_time")
    headway_s = read_count(values["headway_secs"], "headway_secs", 1, 24 * 3600)
    starts = range(first, end, headway_s)
    if len(starts) > limit:
        raise Malformed("connectors.rail_timetable.too_many_runs", count=len(starts), limit=limit)
    return starts


def _runs(trip: Trip, timetable: Timetable, starts: range) -> Iterator[Trip]:
    calls = timetable.calls[trip.trip_id]
    zero_s = max(0, _span(calls)[0])
    for start_s in starts:
        trip_id = f"{trip.trip_id}@{show_time(start_s)}"
        timetable.calls.setdefault(trip_id, [_moved(call, start_s - zero_s) for call in calls])
        yield replace(trip, trip_id=trip_id, continues_as=None, block_id="")


def _moved(call: Call, by_s: int) -> Call:
    return call._replace(
        arrive_s=None if call.arrive_s is None else call.arrive_s + by_s,
        depart_s=None if call.depart_s is None else call.depart_s + by_s,
    )
