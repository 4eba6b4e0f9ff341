"""The collision: stays of persons against risk intervals of areas, exact to the minute.

A stay [t_in, t_out) and an interval [start, end) of the same area meet where t_in < end and t_out > start.

Stays are kept sorted by (area, t_in), with the longest stay of each area. Then only the areas at risk are touched,
and in them two kinds of stays meet a joined interval: those that begin inside it, which are one contiguous slice
and need no test at all, and those that began before it, at most the longest stay earlier, whose t_out is looked
at. Columns may be memory-mapped; nothing here reads or writes files. `linkage_portable` is the oracle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hubtwin.base.errors import Absent, Malformed
from hubtwin.rules.linkage_risk import (
    AREA_LIMIT,
    PERSON_LIMIT,
    Ints,
    Merged,
    Minutes,
    Risk,
    index_risk,
    to_minutes,
    to_slots,
)

_BLOCK = 1 << 16  # rows


class Partition(NamedTuple):
    """The stays of one area, sorted by t_in; columns of one length. `longest_min` bounds t_out - t_in."""

    stay_id: Ints
    person: Ints
    t_in: Minutes
    t_out: Minutes
    longest_min: int


@dataclass(frozen=True, eq=False)
class Stays:
    """Stays sorted by (area, t_in), in columns of one length n, in memory or memory-mapped.

    `offsets` (areas + 1): the stays of slot a are rows offsets[a] to offsets[a + 1]. `longest_min` (areas): longest
    stay. Persons are numbers below `person_count`. `person_rows` (n) holds the rows of person p from
    person_offsets[p] to person_offsets[p + 1].
    """

    stay_id: Ints
    person: Ints
    t_in: Minutes
    t_out: Minutes
    offsets: NDArray[np.int64]
    longest_min: Minutes
    person_offsets: Ints
    person_rows: Ints

    @property
    def area_count(self) -> int:
        """Return the number of slots."""
        return len(self.longest_min)

    @property
    def person_count(self) -> int:
        """Return the number of persons, with or without a stay."""
        return len(self.person_offsets) - 1

    def partition(self, area: int) -> Partition:
        """Return the stays of a slot as views; none for a slot that is not in the index."""
        if not 0 <= area < self.area_count:
            return Partition(self.stay_id[:0], self.person[:0], self.t_in[:0], self.t_out[:0], 0)
        cut = slice(int(self.offsets[area]), int(self.offsets[area + 1]))
        return Partition(
            self.stay_id[cut], self.person[cut], self.t_in[cut], self.t_out[cut], int(self.longest_min[area])
        )


class Exposed(NamedTuple):
    """Exposed stays, each once, with their persons: by area, then by the joined interval that is met first."""

    stay_id: Ints
    person: Ints


class Pairs(NamedTuple):
    """Every (stay, interval) that meets, by (area, start, end, interval)."""

    stay_id: Ints
    interval: NDArray[np.int32]


class Persons(NamedTuple):
    """Exposed persons, ascending: highest level and first exposed minute of each."""

    person: Ints
    level: NDArray[np.uint8]
    first_min: Minutes


class Evidence(NamedTuple):
    """What a person's exposure rests on, one row per (stay, interval): exposed from `from_min` until `until_min`."""

    stay_id: NDArray[np.int64]
    area: NDArray[np.int64]
    interval: NDArray[np.int64]
    level: NDArray[np.uint8]
    from_min: Minutes
    until_min: Minutes


class Touch(NamedTuple):
    """Stays of a partition that meet a joined interval and none before it.

    Rows [first, last) begin inside it; `earlier` (rows) began before it and are there at `start_min`.
    """

    start_min: int
    first: int
    last: int
    earlier: NDArray[np.intp]


def index_stays(
    area: ArrayLike,
    person: ArrayLike,
    t_in: ArrayLike,
    t_out: ArrayLike,
    *,
    stay_id: ArrayLike | None = None,
    person_count: int = 0,
    area_count: int = 0,
) -> Stays:
    """Return an index in memory of stays given in any order, all of shape (n,).

    `area` and `person` are numbers from 0, times whole minutes, `stay_id` the caller's number, 0, 1, 2 … where not
    given. Counts grow with what occurs. Raises Malformed where lengths differ, a number does not fit or a stay
    does not end after it begins.
    """
    slots, who = to_slots(area, "area", AREA_LIMIT), to_slots(person, "person", PERSON_LIMIT)
    begins, ends = to_minutes(t_in, "t_in"), to_minutes(t_out, "t_out")
    names = to_slots(stay_id if stay_id is not None else np.arange(len(slots)), "stay_id")
    if len({len(column) for column in (slots, who, begins, ends, names)}) != 1:
        raise Malformed("rules.linkage_lengths_differ")
    if wrong := int(np.count_nonzero(ends <= begins)):
        raise Malformed("rules.linkage_not_positive", count=wrong)
    order = np.lexsort((begins, slots))
    slots, who, begins, ends, names = slots[order], who[order], begins[order], ends[order], names[order]
    area_count = max(area_count, int(slots[-1]) + 1 if len(slots) else 0)
    offsets = np.searchsorted(slots, np.arange(area_count + 1))
    longest = np.zeros(area_count, np.int64)
    np.maximum.at(longest, slots, ends.astype(np.int64) - begins)
    counts = np.bincount(who, minlength=person_count)
    return Stays(
        stay_id=names,
        person=who,
        t_in=begins,
        t_out=ends,
        offsets=offsets.astype(np.int64),
        longest_min=to_minutes(longest, "t_out"),
        person_offsets=np.append(0, np.cumsum(counts)),
        person_rows=np.argsort(who, kind="stable"),
    )


def collide(stays: Stays, risk: Risk) -> Exposed:
    """Return the exposed stays with their persons. Dtypes are those of the index."""
    ids: list[Ints] = [stays.stay_id[:0]]
    persons: list[Ints] = [stays.person[:0]]
    for part, touch in _touches(stays, risk.merged):
        ids += part.stay_id[touch.earlier], part.stay_id[touch.first : touch.last]
        persons += part.person[touch.earlier], part.person[touch.first : touch.last]
    return Exposed(np.concatenate(ids), np.concatenate(persons))


def touch_partition(part: Partition, starts: Minutes, ends: Minutes) -> Iterator[Touch]:
    """Yield the stays that meet disjoint ascending intervals, each stay once, at the first interval it meets."""
    first = np.searchsorted(part.t_in, starts, "left")
    last = np.searchsorted(part.t_in, ends, "left")
    earliest = np.searchsorted(part.t_in, _earlier(starts, part.longest_min), "right")
    # what began before the end of the interval before this one was seen there, or meets neither
    earliest[1:] = np.maximum(earliest[1:], last[:-1])
    for at, start in enumerate(starts):
        back, begin = int(earliest[at]), int(first[at])
        earlier = np.flatnonzero(part.t_out[back:begin] > start)
        earlier += back
        yield Touch(int(start), begin, int(last[at]), earlier)


def _touches(stays: Stays, merged: Merged) -> Iterator[tuple[Partition, Touch]]:
    for area, starts, ends in merged.by_area():
        part = stays.partition(area)
        for touch in touch_partition(part, starts, ends):
            yield part, touch


def _earlier(starts: Minutes, by_min: int) -> Minutes:
    return np.maximum(starts.astype(np.int64) - by_min, np.iinfo(np.int32).min).astype(np.int32)


def pair(stays: Stays, risk: Risk) -> Pairs:
    """Return every (stay, interval) that meets; `interval` as int32. Raises Malformed for larger names."""
    if len(risk.interval) and risk.interval.max() > np.iinfo(np.int32).max:
        raise Malformed("rules.linkage_not_slots", column="interval")
    pieces: list[Ints] = [stays.stay_id[:0]]
    counts = np.zeros(len(risk.interval), np.int64)
    for area, rows in risk.rows_by_area.items():
        part = stays.partition(area)
        starts, ends = risk.start[rows], risk.end[rows]
        first = np.searchsorted(part.t_in, starts, "left").tolist()
        last = np.searchsorted(part.t_in, ends, "left").tolist()
        earliest = np.searchsorted(part.t_in, _earlier(starts, part.longest_min), "right").tolist()
        seen, earlier = None, part.stay_id[:0]
        for at, start in enumerate(starts.tolist()):
            if start != seen:  # intervals of one start share the look back
                cut = slice(earliest[at], first[at])
                seen, earlier = start, part.stay_id[cut][part.t_out[cut] > starts[at]]
            inside = part.stay_id[first[at] : last[at]]
            pieces += earlier, inside
            counts[rows.start + at] = len(earlier) + len(inside)
    return Pairs(np.concatenate(pieces), np.repeat(risk.interval.astype(np.int32), counts))


def rank_persons(stays: Stays, risk: Risk) -> Persons:
    """Return highest level and first exposed minute of every exposed person."""
    keys = _keys(stays, risk.merged)
    keys.sort()
    found = _first_of_each(keys)
    person = (found >> 32).astype(stays.person.dtype)
    level = np.full(len(person), risk.levels[0] if risk.levels else 0, np.uint8)
    for threshold in risk.levels[1:]:  # ascending: a higher level overwrites a lower one
        reached = np.zeros(stays.person_count, np.bool_)
        for part, touch in _touches(stays, risk.merged_from(threshold)):
            for rows in (touch.earlier, slice(touch.first, touch.last)):
                reached[part.person[rows].astype(np.intp)] = True  # twice as fast as an index that numpy converts
        level[np.flatnonzero(reached[person])] = threshold
    minute = found.astype(np.uint32) ^ np.uint32(1 << 31)  # the low half, with the sign as it was
    return Persons(person, level, minute.view(np.int32))


def _keys(stays: Stays, merged: Merged) -> NDArray[np.int64]:
    """Return person << 32 | first exposed minute of each exposed stay; the minute's sign bit is flipped to sort."""
    touches = list(_touches(stays, merged))
    keys = np.empty(sum(len(touch.earlier) + touch.last - touch.first for _, touch in touches), np.int64)
    at = 0
    for part, touch in touches:
        for rows, minutes in (
            (touch.earlier, np.int64(touch.start_min)),
            (slice(touch.first, touch.last), part.t_in[touch.first : touch.last]),
        ):
            persons = part.person[rows]
            cut = keys[at : at + len(persons)]
            cut[:] = persons
            cut <<= 32
            cut += minutes
            cut += 2**31
            at += len(persons)
    return keys


def _first_of_each(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the smallest key of each person, of sorted keys."""
    pieces = [keys[:1]]
    for at in range(0, len(keys) - 1, _BLOCK):  # blocks stay in the cache
        before = keys[at : at + _BLOCK]
        after = keys[at + 1 : at + 1 + _BLOCK]
        pieces.append(after.compress((after ^ before[: len(after)]) > 0xFFFF_FFFF))
    return np.concatenate(pieces)


def trace_area(stays: Stays, area: int, start_min: int, end_min: int) -> Ints:
    """Return the persons exposed by one interval of one area: distinct, ascending."""
    interval = index_risk([area], [start_min], [end_min])
    part = stays.partition(area)
    (touch,) = touch_partition(part, interval.start, interval.end)
    return distinct(np.concatenate((part.person[touch.earlier], part.person[touch.first : touch.last])))


def distinct(persons: Ints) -> Ints:
    """Return the distinct numbers, ascending. Sorts `persons` in place: give it what you own."""
    persons.sort()
    if not len(persons):
        return persons
    new = np.empty(len(persons), np.bool_)
    new[0] = True
    np.not_equal(persons[1:], persons[:-1], out=new[1:])
    return persons[new]


def trace_person(stays: Stays, risk: Risk, person: int) -> Evidence:
    """Return every (stay, interval) of one person that meets, by stay, then interval.

    Raises Absent for a number that the index does not hold.
    """
    if not 0 <= person < stays.person_count:
        raise Absent("rules.linkage_no_person", person=person, count=stays.person_count)
    rows = np.sort(stays.person_rows[int(stays.person_offsets[person]) : int(stays.person_offsets[person + 1])])
    areas = np.searchsorted(stays.offsets, rows, "right") - 1
    found: list[tuple[NDArray[Any], ...]] = []
    for row, area in zip(rows.tolist(), areas.tolist(), strict=True):
        cut = risk.rows_by_area.get(area)
        if cut is None:
            continue
        t_in, t_out = stays.t_in[row], stays.t_out[row]
        met = np.flatnonzero((risk.start[cut] < t_out) & (risk.end[cut] > t_in)) + cut.start
        same = np.ones(len(met), np.int64)
        begin, end = np.maximum(risk.start[met], t_in), np.minimum(risk.end[met], t_out)
        found.append((same * int(stays.stay_id[row]), same * area, risk.interval[met], risk.level[met], begin, end))
    if not found:
        none, minutes = np.zeros(0, np.int64), np.zeros(0, np.int32)
        return Evidence(none, none, none, np.zeros(0, np.uint8), minutes, minutes)
    return Evidence(*(np.concatenate(column) for column in zip(*found, strict=True)))
