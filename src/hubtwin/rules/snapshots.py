"""Full listings to intervals, and the guard against a feed that drops areas by mistake.

The guard: a snapshot that lacks more than a fifth of a level's areas of the snapshot before raises an alarm, and the
withdrawal of those areas is frozen. The next snapshot ends the freeze either way: a count still under 80 % of the
one before the drop confirms it, any other has recovered. A person may release it earlier; an announced abolition
of a level is exempt. A freeze concerns trains only: intervals are written as the feed gives them.

Why a recovered snapshot ends the freeze: in the archived history (1,306 snapshots) 26,570 of the 26,585 areas that
came back within 12 hours of a suspicious drop were back in the very next snapshot, while waiting for a count under
80 % of that before the drop would have kept high-risk areas frozen for 3,154 hours from 2022-08-10 and medium-risk
areas for 3,299 hours from 2022-07-01. So a freeze lasts one snapshot: there 24 hours at most, 209 in all (high).
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

OPEN_MIN = int(np.iinfo(np.int32).max)  # gone_by of an interval that still stands, in arrays

Minutes = npt.NDArray[np.int32]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Guard:
    """`max_drop_percent`: how much of a level one snapshot may drop. `abolished`: level to the epoch minute from
    which its announced abolition is in force (data, with source)."""

    max_drop_percent: int = 20
    abolished: Mapping[str, int] = field(default_factory=dict)

    def is_exempt(self, level: str, updated_min: int) -> bool:
        """Return whether the level's abolition is in force at that time."""
        since = self.abolished.get(level)
        return since is not None and updated_min >= since


@dataclass(frozen=True, slots=True)
class Hold:
    """A suspicious drop that waits: since when, how many areas there were before it, which ones are missing."""

    from_min: int
    count_before: int
    areas: frozenset[str]


@dataclass(frozen=True, slots=True)
class LevelState:
    """What is known of a level after its latest snapshot: its time, the areas listed, and a hold if there is one."""

    updated_min: int | None = None
    listed: frozenset[str] = frozenset()
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    """The withdrawal of an area at `from_min` does not count for trains until `until_min` (None: it lasts)."""

    area_key: str
    from_min: int
    until_min: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """What a snapshot changed: areas opened and closed, the verdict, freezes that began or ended.

    Verdict: normal, alarm (a hold begins; an earlier one ends), confirmed, recovered, abolished, released; late for
    a snapshot that is older than the latest one and changes nothing.
    """

    state: LevelState
    verdict: str
    opened: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    freezes: tuple[Freeze, ...] = ()


def advance(state: LevelState, level: str, updated_min: int, listed: frozenset[str], guard: Guard) -> Step:
    """Return what a snapshot of a level changes.

    An older snapshot changes nothing. One of the same time may add areas (a correction) and withdraws none.
    """
    if state.updated_min is not None and updated_min < state.updated_min:
        return Step(state, "late")
    opened = listed - state.listed
    if updated_min == state.updated_min:
        return Step(LevelState(updated_min, state.listed | listed, state.hold), "normal", opened)
    closed = state.listed - listed
    suspicious = exceeds(len(closed), len(state.listed), guard)
    exempt = guard.is_exempt(level, updated_min)
    hold = Hold(updated_min, len(state.listed), closed) if suspicious and not exempt else None
    freezes = _ended(state.hold, updated_min) + _begun(hold)
    if hold:
        verdict = "alarm"
    elif suspicious:
        verdict = "abolished"
    elif state.hold:
        verdict = "confirmed" if is_confirmed(len(listed), state.hold.count_before, guard) else "recovered"
    else:
        verdict = "normal"
    return Step(LevelState(updated_min, listed, hold), verdict, opened, closed, freezes)


def release(state: LevelState, at_min: int) -> Step:
    """Return the state after a person has released the freeze of a level; nothing happens where there is none."""
    if state.hold is None:
        return Step(state, "normal")
    return Step(LevelState(state.updated_min, state.listed), "released", freezes=_ended(state.hold, at_min))


def exceeds(dropped: int, count_before: int, guard: Guard) -> bool:
    """Return whether a drop is more than the guard lets pass."""
    return 100 * dropped > guard.max_drop_percent * count_before


def is_confirmed(count: int, count_before: int, guard: Guard) -> bool:
    """Return whether a later count is still so low that the drop was real."""
    return 100 * count < (100 - guard.max_drop_percent) * count_before


def _begun(hold: Hold | None) -> tuple[Freeze, ...]:
    return tuple(Freeze(key, hold.from_min, None) for key in sorted(hold.areas)) if hold else ()


def _ended(hold: Hold | None, until_min: int) -> tuple[Freeze, ...]:
    return tuple(Freeze(key, hold.from_min, until_min) for key in sorted(hold.areas)) if hold else ()


class Interval(NamedTuple):
    """A maximal run of snapshots that list `key`: first one that lists it, first one without it (None: listed)."""

    key: Hashable
    first_seen_min: int
    gone_by_min: int | None


def build_intervals(snapshots: Iterable[tuple[int, Collection[Hashable]]]) -> Iterator[Interval]:
    """Yield the intervals of a sequence of (update time, keys listed), closed ones as they close, then open ones.

    Raises ValueError unless update times increase.
    """
    since: dict[Hashable, int] = {}
    latest: int | None = None
    for updated_min, keys in snapshots:
        if latest is not None and updated_min <= latest:
            raise ValueError(f"snapshot of minute {updated_min} after that of {latest}")
        latest = updated_min
        listed = set(keys)
        for key in [key for key in since if key not in listed]:
            yield Interval(key, since.pop(key), updated_min)
        for key in keys:
            since.setdefault(key, updated_min)
    for key, first_seen_min in since.items():
        yield Interval(key, first_seen_min, None)


@dataclass(frozen=True)
class Repaired:
    """Joined intervals: `kept` is the row of the first run of each, then its end and how many gaps were closed."""

    kept: Whole
    gone_by_min: Minutes
    joined: Whole


def repair(place: Whole, first_seen_min: Minutes, gone_by_min: Minutes, max_gap_min: int = 720) -> Repaired:
    """Join the runs of the same place (a number per level and place) that are at most `max_gap_min` apart.

    Arrays of one length, any order; OPEN_MIN in `gone_by_min` while listed. Runs of one place must not overlap.
    Result in the order of place, then time. With 12 hours the archived history of 242,433 rows becomes 201,972.
    """
    order = np.lexsort((first_seen_min, place))
    where, start, end = place[order], first_seen_min[order].astype(np.int64), gone_by_min[order].astype(np.int64)
    begins = np.ones(len(order), dtype=np.bool_)
    begins[1:] = (where[1:] != where[:-1]) | (start[1:] - end[:-1] > max_gap_min)
    at = np.flatnonzero(begins)
    last = np.append(at[1:], len(order)) - 1 if len(at) else at
    return Repaired(order[at], gone_by_min[order][last], last - at)


@dataclass(frozen=True)
class History:
    """What the guard makes of a whole interval table of one level.

    Per snapshot: `updated_min`, `listed`, `dropped`, `verdicts`. Per freeze: `frozen` (row of the interval table),
    `from_min`, `until_min` (OPEN_MIN while it lasts).
    """

    updated_min: Minutes
    listed: Whole
    dropped: Whole
    verdicts: npt.NDArray[np.str_]
    frozen: Whole
    from_min: Minutes
    until_min: Minutes


def judge_history(
    level: str, first_seen_min: Minutes, gone_by_min: Minutes, guard: Guard, updates_min: Minutes | None = None
) -> History:
    """Return what `advance` would have said of every snapshot, from the intervals of one level.

    `updates_min` are the update times of all snapshots; without them the times of the intervals stand in, and a
    freeze then lasts until the next snapshot that changed something. Raises ValueError where an interval begins or
    ends at a time that is no update time.
    """
    seen = np.union1d(first_seen_min, gone_by_min[gone_by_min != OPEN_MIN]).astype(np.int32)
    updates = seen if updates_min is None else np.unique(updates_min).astype(np.int32)
    if not np.isin(seen, updates).all():
        raise ValueError("an interval begins or ends between the snapshots")
    size = len(updates)
    closes_at = np.searchsorted(updates, gone_by_min)  # size for those that stand: after the last snapshot
    opened = np.bincount(np.searchsorted(updates, first_seen_min), minlength=size)
    dropped = np.bincount(closes_at, minlength=size + 1)[:size]
    listed = np.cumsum(opened - dropped)
    before = np.concatenate([np.zeros(1, dtype=np.int64), listed])[:size]
    suspicious = 100 * dropped > guard.max_drop_percent * before
    since = guard.abolished.get(level)
    exempt = np.zeros(size, dtype=np.bool_) if since is None else updates >= since
    alarmed = suspicious & ~exempt
    frozen = np.flatnonzero(np.append(alarmed, False)[closes_at])
    until = np.append(updates[1:], OPEN_MIN).astype(np.int32)[:size]
    verdicts = _verdicts(alarmed, suspicious & exempt, listed, before, guard)
    return History(
        updates, listed, dropped, verdicts, frozen, gone_by_min[frozen], until[closes_at[frozen]].astype(np.int32)
    )


def _verdicts(alarmed: Flags, abolished: Flags, listed: Whole, before: Whole, guard: Guard) -> npt.NDArray[np.str_]:
    held = np.append(False, alarmed)[:-1]
    low = 100 * listed < (100 - guard.max_drop_percent) * np.append(0, before)[:-1]
    return np.select(
        [alarmed, abolished, held & low, held], ["alarm", "abolished", "confirmed", "recovered"], default="normal"
    )
