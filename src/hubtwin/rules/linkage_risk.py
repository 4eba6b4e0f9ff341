"""Risk intervals in columns: who is at risk when, sorted for searching and merged per area and level.

Times are whole minutes (int32) and intervals half-open, [start, end). An area is a slot: a small number that the
caller gives to a code. A level is a small number, higher is worse.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hubtwin.base.errors import Malformed

Ints = NDArray[np.signedinteger[Any] | np.unsignedinteger[Any]]
Minutes = NDArray[np.int32]

OPEN_MIN = int(np.iinfo(np.int32).max)  # end of an interval that nobody has ended yet
AREA_LIMIT = 1 << 30  # an area shares 64 bits with a minute where intervals are merged
PERSON_LIMIT = 1 << 31  # a person shares 64 bits with a minute where persons are ranked
NUMBER_LIMIT = 1 << 63
_FIRST_MIN = int(np.iinfo(np.int32).min)


def to_minutes(values: ArrayLike, name: str) -> Minutes:
    """Return whole minutes as int32. Raises Malformed for fractions and for what does not fit."""
    given = np.asarray(values)
    if given.dtype == np.int32:
        return given
    if given.size and (given.dtype.kind not in "iu" or given.min() < _FIRST_MIN or given.max() > OPEN_MIN):
        raise Malformed("rules.linkage_not_minutes", column=name)
    return given.astype(np.int32)


def to_slots(values: ArrayLike, name: str, limit: int = NUMBER_LIMIT) -> NDArray[np.int64]:
    """Return numbers from 0 and below `limit` as int64. Raises Malformed for anything else."""
    given = np.asarray(values)
    if given.size and (given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= limit):
        raise Malformed("rules.linkage_not_slots", column=name)
    return given.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Merged:
    """Disjoint intervals of some areas: those of `areas[i]` are rows `offsets[i]` to `offsets[i + 1]`, ascending."""

    areas: NDArray[np.int64]
    offsets: NDArray[np.int64]
    start: Minutes
    end: Minutes

    def by_area(self) -> Iterator[tuple[int, Minutes, Minutes]]:
        """Yield (area, starts, ends), areas ascending."""
        for at, area in enumerate(self.areas.tolist()):
            cut = slice(self.offsets[at], self.offsets[at + 1])
            yield area, self.start[cut], self.end[cut]


@dataclass(frozen=True, eq=False)
class Risk:
    """Risk intervals, sorted by (area, start, end, interval). Made by `index_risk`; columns of one length.

    `interval` (int64) is what the caller calls the interval, for example a row number.
    """

    interval: NDArray[np.int64]
    area: NDArray[np.int64]
    start: Minutes
    end: Minutes
    level: NDArray[np.uint8]

    @cached_property
    def levels(self) -> list[int]:
        """Return the levels that occur, ascending."""
        return [int(level) for level in np.unique(self.level)]

    @cached_property
    def merged(self) -> Merged:
        """Return the intervals of all levels, joined where they overlap or touch."""
        return merge(self.area, self.start, self.end)

    def merged_from(self, level: int) -> Merged:
        """Return the joined intervals of this level and above."""
        kept = self.level >= level
        return merge(self.area[kept], self.start[kept], self.end[kept])

    @cached_property
    def rows_by_area(self) -> Mapping[int, slice]:
        """Return the rows of each area that has any."""
        areas, first = np.unique(self.area, return_index=True)
        bounds = np.append(first, len(self.area)).tolist()
        return {area: slice(bounds[at], bounds[at + 1]) for at, area in enumerate(areas.tolist())}

    @cached_property
    def lists_by_area(self) -> Mapping[int, tuple[list[int], list[int]]]:
        """Return the joined starts and ends of each area as plain lists: a single search is fastest on those."""
        return {area: (starts.tolist(), ends.tolist()) for area, starts, ends in self.merged.by_area()}


def index_risk(
    area: ArrayLike,
    start: ArrayLike,
    end: ArrayLike,
    level: ArrayLike | None = None,
    *,
    interval: ArrayLike | None = None,
) -> Risk:
    """Return risk intervals ready for the collision.

    `area` holds slots; `start` and `end` whole minutes, `OPEN_MIN` for no end yet; `level` 0 to 255, 1 where not
    given; `interval` the caller's numbers, 0, 1, 2 … where not given. All have shape (n,). Raises Malformed where
    lengths differ, a number does not fit, or an interval does not end after it starts.
    """
    slots, starts, ends = to_slots(area, "area", AREA_LIMIT), to_minutes(start, "start"), to_minutes(end, "end")
    levels = to_slots(level if level is not None else np.ones(len(slots), np.uint8), "level", 256)
    names = to_slots(interval if interval is not None else np.arange(len(slots)), "interval")
    if len({len(column) for column in (slots, starts, ends, levels, names)}) != 1:
        raise Malformed("rules.linkage_lengths_differ")
    if wrong := int(np.count_nonzero(ends <= starts)):
        raise Malformed("rules.linkage_not_positive", count=wrong)
    order = np.lexsort((names, ends, starts, slots))
    return Risk(names[order], slots[order], starts[order], ends[order], levels[order].astype(np.uint8))


def merge(area: NDArray[np.int64], start: Minutes, end: Minutes) -> Merged:
    """Return the intervals, sorted by (area, start) already, joined where they overlap or touch.

    Joining touching ones loses nothing: a stay is longer than zero minutes, so it never fits between them.
    """
    if not len(area):
        nothing = np.zeros(0, np.int32)
        return Merged(np.zeros(0, np.int64), np.zeros(1, np.int64), nothing, nothing)
    # one running maximum for all areas: each area's minutes are lifted above those of the areas before it
    lift = area << 33
    reach = np.maximum.accumulate(end.astype(np.int64) + lift)
    new = np.append(True, (start[1:].astype(np.int64) + lift[1:]) > reach[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(area)) - 1
    areas, offsets = np.unique(area[first], return_index=True)
    joined_end = (reach[last] - lift[last]).astype(np.int32)
    return Merged(areas, np.append(offsets, len(first)), start[first], joined_end)


def find_exposure(risk: Risk, area: int, t_in: int, t_out: int) -> int | None:
    """Return the first exposed minute of one stay [t_in, t_out), or None where it meets no interval."""
    found = risk.lists_by_area.get(area)
    if found is None:
        return None
    starts, ends = found
    at = bisect_right(ends, t_in)
    if at == len(starts) or starts[at] >= t_out:
        return None
    return max(t_in, starts[at])
