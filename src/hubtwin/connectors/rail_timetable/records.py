"""What every form of timetable comes down to before it is rows: stations, trips, calls, and what was refused.

Times are seconds after the start of the service date, as the source gives them; the mapper makes minutes of them.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from hubtwin.model.record import Quarantined

_KEY = "connectors.rail_timetable."
_LAST_SEQ = 1_000_000


@dataclass(frozen=True, slots=True)
class Station:
    """A station, its place in WGS 84 and its county, where the source gives them."""

    station_id: str
    name: str
    lon: float | None
    lat: float | None
    area_code: str | None = None
    area_basis: str = "unknown"
    locator: str = ""


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip and the days it runs on; `block_id` groups trips of one vehicle (GTFS)."""

    trip_id: str
    code: str
    train_no: str | None
    dates: tuple[date, ...]
    locator: str
    block_id: str = ""
    continues_as: str | None = None


class Call(NamedTuple):
    """A call; a time that the source does not give is None and is never interpolated."""

    seq: int
    station_id: str
    platform: str | None
    arrive_s: int | None
    depart_s: int | None
    locator: str


@dataclass
class Timetable:
    """A timetable as it is being read. `ends` are the first and last seq that a trip's lines name, broken or not."""

    stations: dict[str, Station] = field(default_factory=dict)
    trips: dict[str, Trip] = field(default_factory=dict)
    calls: dict[str, list[Call]] = field(default_factory=dict)
    ends: dict[str, tuple[int, int]] = field(default_factory=dict)
    problems: list[Quarantined] = field(default_factory=list)

    def refuse(self, locator: str, reason: str, raw: str = "", **values: object) -> None:
        """Put an input line aside; `reason` is a text key of this connector, or a full one."""
        key = reason if reason.startswith("connectors.") else _KEY + reason
        self.problems.append(Quarantined(locator, key, values, raw))

    def see_seq(self, trip_id: str, seq: int) -> None:
        """Remember that a line of this trip names `seq`, so that a broken end does not make its neighbour one."""
        low, high = self.ends.get(trip_id, (_LAST_SEQ, -1))
        self.ends[trip_id] = (min(low, seq), max(high, seq))

    def tidy(self) -> None:
        """Sort every trip's calls, put repeated and backward ones aside, and open its ends.

        A source may repeat the departure of the first call as its arrival; a run does not arrive where it starts,
        nor depart where it ends, so these two are None afterwards.
        """
        for trip_id, calls in self.calls.items():
            single = list(self._once(sorted(calls, key=lambda call: call.seq)))
            kept = forwards(single)
            if len(kept) < len(single):
                keep = {call.seq for call in kept}
                for call in single:
                    if call.seq not in keep:
                        self.refuse(call.locator, "runs_backwards", _shown(call), trip_id=trip_id, seq=call.seq)
            self.calls[trip_id] = _open_ends(kept, self.ends[trip_id])

    def _once(self, calls: Sequence[Call]) -> Iterator[Call]:
        last: Call | None = None
        for call in calls:
            if last is not None and call.seq == last.seq:
                same = call[:-1] == last[:-1]
                self.refuse(
                    call.locator, f"connectors.common.{'repeated' if same else 'conflicting'}_row", _shown(call)
                )
                continue
            last = call
            yield call


def forwards(calls: Sequence[Call]) -> list[Call]:
    """Return the longest part of `calls` (by seq) whose times never run backwards; calls without a time stay.

    One wild time costs one call, not all that follow it. Longest chain by the tails method, O(n log n).
    """
    spans = [(_first(call), _last(call)) for call in calls]
    tails: list[int] = []  # the earliest end of a chain of each length
    ends: list[int] = []  # and the call it ends with
    before: dict[int, int] = {}
    for index, (low, high) in enumerate(spans):
        if low is None or high is None:
            continue
        at = bisect_right(tails, low)
        if at and ends:
            before[index] = ends[at - 1]
        if at == len(tails):
            tails.append(high)
            ends.append(index)
        elif high < tails[at]:
            tails[at], ends[at] = high, index
    chain: set[int] = set()
    index_or_none = ends[-1] if ends else None
    while index_or_none is not None:
        chain.add(index_or_none)
        index_or_none = before.get(index_or_none)
    return [call for index, call in enumerate(calls) if spans[index][0] is None or index in chain]


def _first(call: Call) -> int | None:
    return call.depart_s if call.arrive_s is None else call.arrive_s


def _last(call: Call) -> int | None:
    return call.arrive_s if call.depart_s is None else call.depart_s


def _open_ends(calls: Sequence[Call], ends: tuple[int, int]) -> list[Call]:
    found = list(calls)
    if len(found) > 1 and found[0].seq == ends[0] and found[0].depart_s is not None:
        found[0] = found[0]._replace(arrive_s=None)
    if len(found) > 1 and found[-1].seq == ends[1] and found[-1].arrive_s is not None:
        found[-1] = found[-1]._replace(depart_s=None)
    return found


def _shown(call: Call) -> str:
    return f"seq={call.seq} station={call.station_id} arrive_s={call.arrive_s} depart_s={call.depart_s}"
