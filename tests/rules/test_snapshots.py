"""Listings to intervals, repairs, and the guard: against plain loops, and on the archived history."""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.clock import epoch_minute
from hubtwin.connectors.risk_areas import GUARD
from hubtwin.rules.snapshots import (
    OPEN_MIN,
    Freeze,
    Guard,
    History,
    Interval,
    LevelState,
    Minutes,
    Step,
    Whole,
    advance,
    build_intervals,
    judge_history,
    release,
    repair,
)

DATA = Path(__file__).parents[2] / "data" / "risk-areas"
ZONE = ZoneInfo("Asia/Shanghai")
TEN = frozenset("abcdefghij")

Listings = Sequence[tuple[int, frozenset[str]]]


def _run(listings: Listings, guard: Guard, level: str = "high") -> list[Step]:
    steps: list[Step] = []
    state = LevelState()
    for updated_min, listed in listings:
        steps.append(advance(state, level, updated_min, listed, guard))
        state = steps[-1].state
    return steps


def test_a_drop_of_exactly_a_fifth_passes_and_a_larger_one_raises_an_alarm() -> None:
    assert [step.verdict for step in _run([(0, TEN), (1, TEN - {"a", "b"})], Guard())] == ["normal", "normal"]
    dropped = _run([(0, TEN), (1, TEN - {"a", "b", "c"})], Guard())[1]
    assert dropped.verdict == "alarm"
    assert dropped.closed == {"a", "b", "c"}
    assert dropped.freezes == (Freeze("a", 1, None), Freeze("b", 1, None), Freeze("c", 1, None))


def test_a_later_snapshot_still_under_80_percent_confirms_the_drop() -> None:
    steps = _run([(0, TEN), (1, TEN - {"a", "b", "c"}), (2, TEN - {"a", "b", "c"})], Guard())
    assert steps[2].verdict == "confirmed"
    assert steps[2].freezes == (Freeze("a", 1, 2), Freeze("b", 1, 2), Freeze("c", 1, 2))
    assert steps[2].state.hold is None


def test_a_recovered_snapshot_ends_the_freeze_and_opens_the_areas_again() -> None:
    steps = _run([(0, TEN), (1, frozenset("a")), (2, TEN - {"j"})], Guard())
    assert [step.verdict for step in steps] == ["normal", "alarm", "recovered"]
    assert steps[2].opened == frozenset("bcdefghi")
    assert {freeze.until_min for freeze in steps[2].freezes} == {2}


def test_a_second_drop_while_frozen_ends_the_first_freeze_and_begins_its_own() -> None:
    steps = _run([(0, TEN), (1, frozenset("abcdef")), (2, frozenset("ab"))], Guard())
    assert [step.verdict for step in steps] == ["normal", "alarm", "alarm"]
    assert steps[2].freezes[:4] == tuple(Freeze(key, 1, 2) for key in "ghij")
    assert steps[2].freezes[4:] == tuple(Freeze(key, 2, None) for key in "cdef")


def test_an_announced_abolition_is_exempt_from_its_day_on() -> None:
    guard = Guard(abolished={"medium": 2})
    gone = _run([(0, TEN), (2, frozenset())], guard, "medium")[1]
    assert (gone.verdict, gone.freezes, gone.closed) == ("abolished", (), TEN)
    assert _run([(0, TEN), (1, frozenset())], guard, "medium")[1].verdict == "alarm"
    assert _run([(0, TEN), (2, frozenset())], guard, "high")[1].verdict == "alarm"


def test_an_empty_feed_raises_an_alarm_and_stays_frozen_until_the_next_snapshot() -> None:
    step = _run([(0, TEN), (1, frozenset())], Guard())[1]
    assert (step.verdict, len(step.freezes)) == ("alarm", 10)


def test_a_person_may_release_a_freeze() -> None:
    state = _run([(0, TEN), (1, frozenset("a"))], Guard())[1].state
    released = release(state, 5)
    assert released.verdict == "released"
    assert released.state == LevelState(1, frozenset("a"))
    assert {freeze.until_min for freeze in released.freezes} == {5}
    assert release(released.state, 6).freezes == ()


def test_an_older_snapshot_changes_nothing() -> None:
    state = _run([(0, TEN), (5, TEN)], Guard())[1].state
    late = advance(state, "high", 3, frozenset("xyz"), Guard())
    assert (late.verdict, late.state, late.opened, late.closed) == ("late", state, frozenset(), frozenset())


def test_a_snapshot_of_the_same_time_adds_areas_and_withdraws_none() -> None:
    state = _run([(0, TEN), (5, frozenset("a"))], Guard())[1].state
    again = advance(state, "high", 5, frozenset("ab"), Guard())
    assert (again.opened, again.closed, again.freezes) == (frozenset("b"), frozenset(), ())
    assert again.state.hold == state.hold
    assert advance(again.state, "high", 5, frozenset("ab"), Guard()).opened == frozenset()


LISTINGS = st.lists(
    st.tuples(st.integers(1, 400), st.frozensets(st.sampled_from("abcdefgh"), max_size=8)), min_size=1, max_size=14
).map(lambda steps: [(sum(gap for gap, _ in steps[: at + 1]), listed) for at, (_, listed) in enumerate(steps)])


def _arrays(intervals: Sequence[Interval]) -> tuple[Whole, Minutes, Minutes]:
    names = {key: number for number, key in enumerate(sorted({str(interval.key) for interval in intervals}))}
    return (
        np.array([names[str(interval.key)] for interval in intervals], dtype=np.int64),
        np.array([interval.first_seen_min for interval in intervals], dtype=np.int32),
        np.array([OPEN_MIN if i.gone_by_min is None else i.gone_by_min for i in intervals], dtype=np.int32),
    )


@given(LISTINGS)
def test_intervals_say_the_same_as_the_snapshots_they_were_built_of(listings: Listings) -> None:
    intervals = list(build_intervals(listings))
    for updated_min, listed in listings:
        standing = [
            i.key for i in intervals if i.first_seen_min <= updated_min and updated_min < (i.gone_by_min or OPEN_MIN)
        ]
        assert sorted(map(str, standing)) == sorted(listed)


def test_snapshots_out_of_order_build_no_intervals() -> None:
    with pytest.raises(ValueError, match="after that of 2"):
        list(build_intervals([(2, TEN), (2, TEN)]))


@given(LISTINGS, st.sampled_from([None, 0, 700]))
@settings(max_examples=150)
def test_the_whole_history_at_once_equals_one_snapshot_after_the_other(listings: Listings, since: int | None) -> None:
    guard = Guard(abolished={} if since is None else {"high": since})
    steps = _run(listings, guard)
    intervals = list(build_intervals(listings))
    _, first, gone = _arrays(intervals)
    updates = np.array([updated_min for updated_min, _ in listings], dtype=np.int32)
    history = judge_history("high", first, gone, guard, updates)
    assert history.verdicts.tolist() == [step.verdict for step in steps]
    assert history.listed.tolist() == [len(listed) for _, listed in listings]
    assert history.dropped.tolist() == [len(step.closed) for step in steps]
    expected: dict[tuple[str, int], int | None] = {}
    for step in steps:
        expected |= {(freeze.area_key, freeze.from_min): freeze.until_min for freeze in step.freezes}
    found = {
        (str(intervals[at].key), int(begin)): None if end == OPEN_MIN else int(end)
        for at, begin, end in zip(history.frozen, history.from_min, history.until_min, strict=True)
    }
    assert found == expected


def test_an_interval_between_the_snapshots_is_refused() -> None:
    minutes = np.array([5], dtype=np.int32)
    with pytest.raises(ValueError, match="between the snapshots"):
        judge_history("high", minutes, minutes + 1, Guard(), minutes)


def test_a_history_without_rows_has_no_snapshots() -> None:
    none = np.array([], dtype=np.int32)
    assert len(judge_history("high", none, none, Guard()).updated_min) == 0
    assert len(repair(none.astype(np.int64), none, none).kept) == 0


def _repair_slowly(intervals: Sequence[Interval], max_gap_min: int) -> list[tuple[str, int, int | None, int]]:
    joined: list[tuple[str, int, int | None, int]] = []
    for key, first, gone in sorted((str(i.key), i.first_seen_min, i.gone_by_min) for i in intervals):
        if joined and joined[-1][0] == key:
            _, start, end, count = joined[-1]
            if end is not None and first - end <= max_gap_min:
                joined[-1] = (key, start, gone, count + 1)
                continue
        joined.append((key, first, gone, 0))
    return joined


@given(LISTINGS, st.integers(0, 800))
def test_repair_equals_a_plain_loop(listings: Listings, max_gap_min: int) -> None:
    intervals = list(build_intervals(listings))
    place, first, gone = _arrays(intervals)
    repaired = repair(place, first, gone, max_gap_min)
    found = [
        (str(intervals[at].key), intervals[at].first_seen_min, None if end == OPEN_MIN else int(end), int(count))
        for at, end, count in zip(repaired.kept, repaired.gone_by_min, repaired.joined, strict=True)
    ]
    assert found == _repair_slowly(intervals, max_gap_min)


class Archive(NamedTuple):
    """The archived history as arrays: level, number of the place, first seen, gone by; and all update times."""

    level: np.ndarray[tuple[int], np.dtype[np.str_]]
    place: Whole
    first: Minutes
    gone: Minutes
    updates: Minutes

    def judge(self, level: str, guard: Guard) -> History:
        of = self.level == level
        return judge_history(level, self.first[of], self.gone[of], guard, self.updates)


def _minute(text: str) -> int:
    return epoch_minute(datetime.fromisoformat(text).replace(tzinfo=ZONE)) if text else OPEN_MIN


@pytest.fixture(scope="module")
def archive() -> Archive:
    content = gzip.decompress((DATA / "risk_area_intervals.csv.gz").read_bytes()).decode()
    rows = list(csv.reader(io.StringIO(content)))[1:]
    numbers: dict[tuple[str, ...], int] = {}
    minutes = {text: _minute(text) for row in rows for text in row[5:7]}
    with (DATA / "snapshot_counts.csv").open(encoding="utf-8") as stream:
        updates = [_minute(row["update_time"]) for row in csv.DictReader(stream)]
    return Archive(
        np.array([row[0] for row in rows]),
        np.array([numbers.setdefault(tuple(row[:5]), len(numbers)) for row in rows], dtype=np.int64),
        np.array([minutes[row[5]] for row in rows], dtype=np.int32),
        np.array([minutes[row[6]] for row in rows], dtype=np.int32),
        np.array(updates, dtype=np.int32),
    )


def test_repair_of_the_archive_joins_40461_gaps(archive: Archive) -> None:
    repaired = repair(archive.place, archive.first, archive.gone)
    assert (len(repaired.kept), int(repaired.joined.sum())) == (201_972, 40_461)


def test_intervals_of_the_archived_snapshots_are_those_of_the_archive(archive: Archive) -> None:
    chosen = archive.level == "medium"
    place, first, gone = archive.place[chosen], archive.first[chosen], archive.gone[chosen]
    snapshots = [
        (int(minute), place[(first <= minute) & (minute < gone)].tolist()) for minute in archive.updates.tolist()
    ]
    built = Counter(build_intervals(snapshots))
    expected = zip(place.tolist(), first.tolist(), gone.tolist(), strict=True)
    assert built == Counter(Interval(key, start, None if end == OPEN_MIN else end) for key, start, end in expected)


def _freezes(history: History, since: str) -> list[tuple[int, int]]:
    pairs = {(int(a), int(b)) for a, b in zip(history.from_min, history.until_min, strict=True)}
    return sorted(pair for pair in pairs if pair[0] >= _minute(since))


def test_the_three_broken_snapshots_of_december_2022_are_caught_and_end_with_the_next_one(archive: Archive) -> None:
    history = archive.judge("high", GUARD)
    verdict = dict(zip(history.updated_min.tolist(), history.verdicts.tolist(), strict=True))
    pairs = [
        ("2022-12-06T21:00", "2022-12-07T08:00"),
        ("2022-12-07T14:00", "2022-12-07T17:00"),
        ("2022-12-09T11:00", "2022-12-09T14:00"),
    ]
    for broken, after in pairs:
        assert (verdict[_minute(broken)], verdict[_minute(after)]) == ("alarm", "recovered")
        assert (_minute(broken), _minute(after)) in _freezes(history, "2022-12-06T00:00")
    assert int(history.dropped[history.updated_min == _minute("2022-12-09T11:00")][0]) == 15_535


def test_the_true_wind_down_passes(archive: Archive) -> None:
    history = archive.judge("high", GUARD)
    freezes = _freezes(history, "2022-12-10T00:00")
    assert max(end - begin for begin, end in freezes) <= 16 * 60  # one snapshot each, the longest over a night
    assert all(history.verdicts[history.updated_min > _minute("2022-12-10T00:00")] != "recovered")
    frozen_min = sum(end - begin for begin, end in freezes)
    assert frozen_min < 0.3 * (_minute("2022-12-24T15:00") - _minute("2022-12-10T00:00"))


def test_no_level_of_the_archive_is_frozen_longer_than_a_day_or_for_ever(archive: Archive) -> None:
    alarms = {}
    for level in ("high", "medium", "low"):
        history = archive.judge(level, GUARD)
        alarms[level] = int((history.verdicts == "alarm").sum())
        assert int((history.until_min.astype(np.int64) - history.from_min).max()) <= 24 * 60
    assert alarms == {"high": 30, "medium": 9, "low": 12}


def test_the_abolished_medium_level_goes_without_a_freeze(archive: Archive) -> None:
    history = archive.judge("medium", GUARD)
    after = history.updated_min >= _minute("2022-11-11T00:00")
    assert "alarm" not in history.verdicts[after]
    assert (history.verdicts == "abolished").sum() == 3
    assert (archive.judge("medium", Guard()).verdicts == "alarm").sum() == 12
