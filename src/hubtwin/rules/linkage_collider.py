"""The collision kept up to date: a published area touches its partition, a withdrawn one recomputes that area only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hubtwin.base.errors import Malformed
from hubtwin.rules.linkage import Partition, Persons, Stays, distinct, touch_partition
from hubtwin.rules.linkage_risk import AREA_LIMIT, PERSON_LIMIT, Ints, Minutes, Risk, index_risk, to_minutes, to_slots

_NEVER_MIN = np.iinfo(np.int32).max


class ExposedStays(NamedTuple):
    """Exposed stays: person, highest level and first exposed minute of each."""

    stay_id: Ints
    person: Ints
    level: NDArray[np.uint8]
    first_min: Minutes


class Change(NamedTuple):
    """Persons (distinct, ascending) who became exposed, and who no longer are."""

    entered: Ints
    left: Ints


@dataclass(frozen=True)
class _Interval:
    area: int
    start: int
    end: int
    level: int


class Rated(NamedTuple):
    """Rows of a partition that are exposed, ascending, with level and first minute."""

    part: Partition
    rows: NDArray[np.intp]
    level: NDArray[np.uint8]
    first_min: Minutes


def rate_partition(part: Partition, risk: Risk) -> Rated:
    """Return the exposed stays of one area; `risk` must hold the intervals of that area only."""
    level = np.zeros(len(part.t_in), np.uint8)
    first_min = np.full(len(part.t_in), _NEVER_MIN, np.int32)
    for threshold in risk.levels:  # ascending: a higher level overwrites a lower one
        for _, starts, ends in risk.merged_from(threshold).by_area():
            for touch in touch_partition(part, starts, ends):
                inside = slice(touch.first, touch.last)
                level[touch.earlier] = level[inside] = threshold
                if threshold == risk.levels[0]:
                    first_min[touch.earlier] = touch.start_min
                    first_min[inside] = part.t_in[inside]
    rows = np.flatnonzero(first_min != _NEVER_MIN)
    return Rated(part, rows, level[rows], first_min[rows])


def _differ(old: Rated | None, new: Rated | None) -> tuple[Ints, Ints]:
    """Return the persons (one per stay) of stays that are exposed no longer, and of stays that are now."""
    none = np.zeros(0, np.int64)
    # a partition of the index never changes and one of added stays only grows, so one size means the same rows
    if old is None or new is None or len(old.part.t_in) != len(new.part.t_in):
        gone = old.part.person[old.rows] if old else none
        return gone, new.part.person[new.rows] if new else none
    seen = np.zeros(len(new.part.t_in), np.uint8)
    seen[old.rows] = 1
    seen[new.rows] += 2
    return new.part.person[np.flatnonzero(seen == 1)], new.part.person[np.flatnonzero(seen == 2)]


class Collider:
    """Who is exposed now, under publishing, withdrawing and new stays; the same answer as all at once.

    Everything may be given twice: an interval published again under its number replaces the first one (so a
    withdrawal that only ends an interval is the same interval published with its end), one withdrawn again changes
    nothing, and a stay added again is not counted again. Holds one count per person and what is exposed, beside
    the index it was given, which it never changes.
    """

    def __init__(self, stays: Stays) -> None:
        self._base = stays
        self._added: dict[int, Partition] = {}
        self._added_ids: set[int] = set()
        self._intervals: dict[int, _Interval] = {}
        self._names: dict[int, set[int]] = {}  # area -> its intervals
        self._found: dict[tuple[int, bool], Rated] = {}  # (area, of added stays)
        self._counts = np.zeros(stays.person_count, np.int32)  # exposed stays of each person

    def publish(self, risk: Risk) -> Change:
        """Add intervals, or replace those of the same number; recompute their areas."""
        touched = set()
        for name, area, start, end, level in zip(
            risk.interval.tolist(),
            risk.area.tolist(),
            risk.start.tolist(),
            risk.end.tolist(),
            risk.level.tolist(),
            strict=True,
        ):
            touched |= self._forget(name)
            self._intervals[name] = _Interval(area, start, end, level)
            self._names.setdefault(area, set()).add(name)
            touched.add(area)
        return self._recompute([(area, added) for area in touched for added in (False, True)])

    def withdraw(self, intervals: Iterable[int]) -> Change:
        """Take intervals back as if never published; recompute their areas. Unknown numbers change nothing."""
        touched = {area for name in intervals for area in self._forget(name)}
        return self._recompute([(area, added) for area in touched for added in (False, True)])

    def add(
        self, area: ArrayLike, person: ArrayLike, t_in: ArrayLike, t_out: ArrayLike, *, stay_id: ArrayLike
    ) -> Change:
        """Add stays, all of shape (n,). Numbers must be new to the index; one that was added before is left out.

        Raises Malformed where lengths differ, a number does not fit or a stay does not end after it begins.
        """
        slots, who = to_slots(area, "area", AREA_LIMIT), to_slots(person, "person", PERSON_LIMIT)
        names = to_slots(stay_id, "stay_id")
        begins, ends = to_minutes(t_in, "t_in"), to_minutes(t_out, "t_out")
        if len({len(column) for column in (slots, who, begins, ends, names)}) != 1:
            raise Malformed("rules.linkage_lengths_differ")
        if wrong := int(np.count_nonzero(ends <= begins)):
            raise Malformed("rules.linkage_not_positive", count=wrong)
        new = []
        for at, name in enumerate(names.tolist()):
            if name not in self._added_ids:
                self._added_ids.add(name)
                new.append(at)
        self._grow(int(who.max(initial=-1)) + 1)
        kept = np.array(new, np.int64)
        areas = np.unique(slots[kept]).tolist()
        for slot in areas:
            here = kept[slots[kept] == slot]
            self._extend(slot, Partition(names[here], who[here], begins[here], ends[here], 0))
        return self._recompute([(slot, True) for slot in areas])

    def list_exposed(self) -> ExposedStays:
        """Return every exposed stay once, by area."""
        found = [rate_partition(self._base.partition(-1), index_risk([], [], []))]  # the dtypes, where there is none
        found += [self._found[key] for key in sorted(self._found)]
        return ExposedStays(
            np.concatenate([one.part.stay_id[one.rows] for one in found]),
            np.concatenate([one.part.person[one.rows] for one in found]),
            np.concatenate([one.level for one in found]),
            np.concatenate([one.first_min for one in found]),
        )

    def list_persons(self) -> Persons:
        """Return highest level and first exposed minute of every exposed person."""
        found = self.list_exposed()
        person, place = np.unique(found.person, return_inverse=True)
        level = np.zeros(len(person), np.uint8)
        first_min = np.full(len(person), _NEVER_MIN, np.int32)
        np.maximum.at(level, place, found.level)
        np.minimum.at(first_min, place, found.first_min)
        return Persons(person, level, first_min)

    def is_exposed(self, person: int) -> bool:
        """Return whether a person has an exposed stay now."""
        return 0 <= person < len(self._counts) and bool(self._counts[person] > 0)

    def risk(self) -> Risk:
        """Return the intervals that stand now."""
        names = list(self._intervals)
        held = [self._intervals[name] for name in names]
        return index_risk(
            np.array([one.area for one in held], np.int64),
            np.array([one.start for one in held], np.int64),
            np.array([one.end for one in held], np.int64),
            np.array([one.level for one in held], np.int64),
            interval=np.array(names, np.int64),
        )

    def _forget(self, name: int) -> set[int]:
        held = self._intervals.pop(name, None)
        if held is None:
            return set()
        self._names[held.area].discard(name)
        return {held.area}

    def _extend(self, area: int, more: Partition) -> None:
        old = self._added.get(area, Partition(more.stay_id[:0], more.person[:0], more.t_in[:0], more.t_out[:0], 0))
        ids, who, begins, ends = (np.concatenate(pair) for pair in zip(old[:4], more[:4], strict=True))
        order = np.argsort(begins, kind="stable")
        longest = int((ends.astype(np.int64) - begins).max(initial=0))
        self._added[area] = Partition(ids[order], who[order], begins[order], ends[order], longest)

    def _grow(self, person_count: int) -> None:
        if person_count > len(self._counts):
            self._counts = np.append(self._counts, np.zeros(person_count - len(self._counts), np.int32))

    def _recompute(self, keys: list[tuple[int, bool]]) -> Change:
        gone, come = [], []
        for key in keys:
            area, added = key
            part = self._added.get(area) if added else self._base.partition(area)
            names = self._names.get(area)
            new = rate_partition(part, self._area_risk(names)) if part and names else None
            left, entered = _differ(self._found.pop(key, None), new)
            gone.append(left)
            come.append(entered)
            if new is not None and len(new.rows):
                self._found[key] = new
        return self._count(gone, come)

    def _area_risk(self, names: set[int]) -> Risk:
        held = [self._intervals[name] for name in sorted(names)]
        return index_risk(
            [one.area for one in held],
            [one.start for one in held],
            [one.end for one in held],
            [one.level for one in held],
            interval=sorted(names),
        )

    def _count(self, gone: list[Ints], come: list[Ints]) -> Change:
        touched = distinct(np.concatenate([np.zeros(0, np.int64), *gone, *come]))
        before = self._counts[touched] > 0
        for persons in gone:
            np.subtract.at(self._counts, persons, 1)
        for persons in come:
            np.add.at(self._counts, persons, 1)
        after = self._counts[touched] > 0
        return Change(touched[after & ~before], touched[before & ~after])
