"""A simulated day as its partners would send it: pages of bytes in the wire formats of the connectors.

Pages come in order of time; `until_min` cuts what is not known yet, so that a day can be replayed to any minute.
What is true but not known to a partner (`HubDay.truth`) is on no page.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

import numpy as np

from hubtwin.base.clock import HOUR_MIN, from_epoch_minute, local
from hubtwin.connectors.bookings import simulator as bookings_wire
from hubtwin.connectors.bookings.simulator import CountLine, ManifestLine, StayLine
from hubtwin.connectors.bookings.simulator import Line as BookingLine
from hubtwin.connectors.running_information.simulator import Delay, make_feed
from hubtwin.sim.day import DOCUMENT, HubDay
from hubtwin.sim.people import Kind
from hubtwin.sim.places import NOWHERE, OTHER
from hubtwin.sim.recipe import LETTERS, Ints
from hubtwin.sim.trains import NEVER, Observation

KINDS = ("counts", "manifest", "stays", "running")
LEADS_MIN = (60, 30)  # counts are sent this long before the planned arrival, besides the evening before
FEED_EVERY_MIN = 5
_AFTER_ARRIVAL_MIN = 30  # a train stays in the feed this long after its last observation
_CALLS_KEPT = 3  # calls that a train has left stay in the feed, so that a reader every few minutes sees them all
LINES: Mapping[str, type[BookingLine]] = {"counts": CountLine, "manifest": ManifestLine, "stays": StayLine}


def list_pages(
    day: HubDay, until_min: int | None = None, kinds: Collection[str] = KINDS, page_min: int = HOUR_MIN
) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, bytes) of every page of the day, with what is known at `until_min` (None: all of it).

    Of the `kinds` asked for, in the order of KINDS; within each, in order of time. A page of bookings holds the lines
    of `page_min` minutes of the clock and is named by the first of them: `bookings/counts-20221020T0800.csv`.
    """
    for kind in KINDS:
        if kind not in kinds:
            continue
        if kind == "running":
            yield from ((name_page(day, kind, minute), body) for minute, body in list_feeds(day, until_min))
            continue
        for slot, found in groupby(list_lines(day, kind, until_min), key=lambda line: line[0] // page_min):
            body = bookings_wire.page(LINES[kind], (line for _, line in found))
            yield name_page(day, kind, slot * page_min), body


def list_lines(day: HubDay, kind: str, until_min: int | None = None) -> Iterator[tuple[int, BookingLine]]:
    """Yield (epoch minute from which it is known, line) of a kind of LINES, in order of time."""
    end_min = NEVER if until_min is None else until_min
    if kind == "counts":
        return _count_lines(day, end_min)
    return _manifest_lines(day, end_min) if kind == "manifest" else _stay_lines(day, end_min)


def list_feeds(day: HubDay, until_min: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield (epoch minute at which it is made, bytes) of every message with running information."""
    return _feed(day, NEVER if until_min is None else until_min)


def name_page(day: HubDay, kind: str, minute: int) -> str:
    """Return the name of a page by a minute on the hub's clock."""
    stamp = local(from_epoch_minute(minute), day.world.zone).strftime("%Y%m%dT%H%M")
    return f"running_information/{stamp}.pb" if kind == "running" else f"bookings/{kind}-{stamp}.csv"


class _Moments(dict[int, datetime]):
    """Epoch minute -> the moment on the hub's clock; made once for each minute."""

    def __init__(self, day: HubDay) -> None:
        super().__init__()
        self._zone = day.world.zone

    def __missing__(self, minute: int) -> datetime:
        self[minute] = local(from_epoch_minute(minute), self._zone)
        return self[minute]


# ---------------------------------------------------------------------------------------------------- counts


def _count_lines(day: HubDay, end_min: int) -> Iterator[tuple[int, CountLine]]:
    call, as_of = _count_moments(day, end_min)
    booked, boarded = _count(day, call, as_of)
    moment, trip_of = _Moments(day), day.runs.trip_of_call
    calls = [found for trip in day.world.trips for found in trip.calls]
    for at, minute, sold, came in zip(call.tolist(), as_of.tolist(), booked.tolist(), boarded.tolist(), strict=True):
        trip = day.world.trips[trip_of[at]]
        known = None if came < 0 else came
        yield (
            minute,
            CountLine(trip.trip_id, trip.code, trip.service_date, calls[at].station_id, sold, known, moment[minute]),
        )


def _count_moments(day: HubDay, end_min: int) -> tuple[Ints, Ints]:
    """Return (call, as_of): all upstream calls at the agreed moments, and each call after its own departure."""
    runs = day.runs
    trip_of = runs.trip_of_call
    upstream = np.flatnonzero(np.arange(len(runs.seq)) < runs.hub[trip_of])
    arrival = runs.plan_arrive_s[runs.hub][trip_of[upstream]] // 60
    word = runs.cancelled_min[trip_of[upstream]]
    asked = [np.full(len(upstream), day.snapshot_min), *(arrival - lead for lead in LEADS_MIN), word]
    left = _boarded_known(day)[upstream]
    call = np.concatenate([upstream] * (len(asked) + 1))
    as_of = np.concatenate([*asked, left])
    keep = (as_of >= day.snapshot_min) & (as_of <= end_min) & (as_of < NEVER)
    pairs = np.unique(np.stack([as_of[keep], call[keep]], axis=1), axis=0)
    return pairs[:, 1], pairs[:, 0]


def _boarded_known(day: HubDay) -> Ints:
    """Return by call when it is known who boarded there; NEVER where no train called."""
    runs = day.runs
    left = -(-runs.real_depart_s // 60) + day.recipe.passengers["board_known_min"]
    return np.where(runs.skipped | runs.cancelled[runs.trip_of_call], NEVER, left)


def _count(day: HubDay, call: Ints, as_of: Ints) -> tuple[Ints, Ints]:
    """Return booked and boarded persons (-1: not known yet) for the hub at each (call, moment)."""
    bookings = day.bookings
    here = np.isin(bookings.kind, (Kind.ARRIVES, Kind.NO_SHOW, Kind.CANCELLED))
    made = _so_far(bookings.board[here], bookings.booked_min[here], call, as_of)
    gone = _so_far(bookings.board[here], bookings.cancelled_min[here], call, as_of)
    came = np.bincount(bookings.board[bookings.kind == Kind.ARRIVES], minlength=len(day.runs.seq))
    return made - gone, np.where(_boarded_known(day)[call] <= as_of, came[call], -1)


def _so_far(place: Ints, minute: Ints, call: Ints, as_of: Ints) -> Ints:
    """Return how many events at `call` have happened by `as_of`: one binary search in (place, minute)."""
    width = 2**32
    keys = np.sort(place * width + minute)
    found = np.searchsorted(keys, call * width + as_of, side="right") - np.searchsorted(keys, call * width)
    return found.astype(np.int64)


# -------------------------------------------------------------------------------------------------- manifests


def _manifest_lines(day: HubDay, end_min: int) -> Iterator[tuple[int, ManifestLine]]:
    """Yield each booking when it is made, given back, used; what was given back before the first snapshot is not."""
    bookings, snapshot = day.bookings, day.snapshot_min
    shown = bookings.cancelled_min > snapshot
    events = [
        (np.where(shown, np.maximum(bookings.booked_min, snapshot), NEVER), "booked"),
        (np.where(shown, bookings.cancelled_min, NEVER), "cancelled"),
        (bookings.boarded_min, "boarded"),
    ]
    minutes = np.concatenate([minute for minute, _ in events])
    order = np.lexsort((np.tile(np.arange(len(bookings)), len(events)), minutes))
    order = order[minutes[order] <= min(end_min, NEVER - 1)]
    tickets, moment = _tickets(day), _Moments(day)
    for at in order.tolist():
        state, person = divmod(at, len(bookings))
        minute = int(minutes[at])
        yield minute, tickets[person]._replace(state=events[state][1], as_of=moment[minute])


def _tickets(day: HubDay) -> list[ManifestLine]:
    """Return each booking as it stands at the first snapshot."""
    bookings, trips = day.bookings, day.world.trips
    stations = [call.station_id for trip in trips for call in trip.calls]
    heads = [(trip.trip_id, trip.code, trip.service_date) for trip in trips]
    prefix, as_of = f"SYN{day.world.hub_date:%y%m%d}", from_epoch_minute(day.snapshot_min)
    columns = (bookings.trip, bookings.order, bookings.carriage, bookings.row, bookings.letter)
    lists = (column.tolist() for column in (*columns, bookings.board, bookings.alight))
    lines = []
    for number, trip, order, car, row, letter, on, off in zip(day.documents, *lists, strict=True):
        seat, order_ref = f"{row}{LETTERS[letter]}", f"{prefix}{order:07d}"
        ride = (stations[on], stations[off])
        whose = (order_ref, DOCUMENT, number)
        lines.append(ManifestLine._make((*heads[trip], *whose, car, seat, *ride, "booked", as_of)))
    return lines


# ------------------------------------------------------------------------------------------------------ stays


def _stay_lines(day: HubDay, end_min: int) -> Iterator[tuple[int, StayLine]]:
    """Yield each stay when it is over; one that spans the first snapshot is told in two parts."""
    stays, places, cut = day.stays, day.places, day.snapshot_min
    spans = np.flatnonzero((stays.in_min < cut) & (stays.out_min > cut))
    at = np.concatenate([np.arange(len(stays)), spans])
    since = np.concatenate([stays.in_min, np.full(len(spans), cut)])
    until = np.concatenate([stays.out_min, stays.out_min[spans]])
    until[spans] = cut
    told = np.maximum(until, cut)
    order = np.lexsort((since, stays.person[at], told))
    order = order[told[order] <= end_min]
    at, moment = at[order], _Moments(day)
    columns = (stays.person[at], stays.county[at], stays.wire_street[at], stays.wire_community[at])
    times = (told[order], since[order], until[order])
    for person, county, street, community, minute, start, end in zip(
        *(column.tolist() for column in columns + times), strict=True
    ):
        street_code = "" if street == NOWHERE else places.streets[street]
        yield (
            minute,
            StayLine(
                DOCUMENT,
                day.documents[person],
                places.counties[county],
                street_code,
                _community(places.community, community),
                moment[start],
                moment[end],
            ),
        )


def _community(listed: Sequence[str], community: int) -> str:
    if community == NOWHERE:
        return ""
    return listed[community] if community >= 0 else f"模拟小区{OTHER - community + 1:02d}"


# ------------------------------------------------------------------------------------------ running information


def _feed(day: HubDay, end_min: int) -> Iterator[tuple[int, bytes]]:
    """Yield a full GTFS-Realtime message every few minutes, as long as anything is running."""
    seen = day.observations
    if not seen:
        return
    first = -(-seen[0].observed_min // FEED_EVERY_MIN) * FEED_EVERY_MIN
    latest: dict[int, Observation] = {}
    upcoming = 0
    for minute in range(first, min(seen[-1].observed_min + _AFTER_ARRIVAL_MIN, end_min) + 1, FEED_EVERY_MIN):
        while upcoming < len(seen) and seen[upcoming].observed_min <= minute:
            latest[seen[upcoming].trip] = seen[upcoming]
            upcoming += 1
        latest = {trip: known for trip, known in latest.items() if _is_shown(day, known, minute)}
        made_at = local(from_epoch_minute(minute), day.world.zone)
        if latest:
            said = (delay for trip in sorted(latest) for delay in _say(day, latest[trip]))
            yield minute, make_feed(said, made_at)


def _is_shown(day: HubDay, known: Observation, minute: int) -> bool:
    hub = day.runs.hub[known.trip]
    over_s = day.runs.plan_arrive_s[hub] if known.cancelled else day.runs.real_arrive_s[hub]
    return minute <= max(int(over_s) // 60, known.observed_min) + _AFTER_ARRIVAL_MIN


def _say(day: HubDay, known: Observation) -> Iterator[Delay]:
    """Yield what a feed says of a trip: from the last calls it left on, and only where a delay is not just carried on.

    Forecasts are in whole minutes, as feeds give them.
    """
    trip = day.world.trips[known.trip]
    if known.cancelled:
        yield Delay(trip.trip_id, trip.service_date, trip.calls[0].seq, relation="CANCELED")
        return
    first, now_s = int(day.runs.first[known.trip]), known.observed_min * 60
    left = int((day.runs.real_depart_s[first : first + len(known.calls)] <= now_s).sum())
    came = int((day.runs.real_arrive_s[first : first + len(known.calls)] <= now_s).sum())
    carried: int | None = None
    for place, call in enumerate(known.calls):
        if place < left - _CALLS_KEPT:
            continue
        if call.arrival_delay_s is None or call.departure_delay_s is None:
            yield Delay(trip.trip_id, trip.service_date, call.seq, relation="SKIPPED")
            continue
        arrive = call.arrival_delay_s if place < came else round(call.arrival_delay_s / 60) * 60
        depart = call.departure_delay_s if place < left else round(call.departure_delay_s / 60) * 60
        if (arrive, depart) != (carried, carried):
            yield Delay(trip.trip_id, trip.service_date, call.seq, arrive, depart)
        carried = depart
