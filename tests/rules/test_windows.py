"""Maintenance windows against a slow oracle: a clock on the wall that is read every few minutes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.model.source import Once, Weekly
from hubtwin.rules.windows import Span, cut_span, find_span, join_spans, list_spans, second_of

SHANGHAI, NEW_YORK, LORD_HOWE = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")
ZONES = (SHANGHAI, NEW_YORK, LORD_HOWE, ZoneInfo("Europe/London"))
DAYS = st.frozensets(st.integers(0, 6), min_size=1)
WEEKLY = st.builds(
    lambda days, start, length: Weekly(days, start, start + length), DAYS, st.integers(0, 1439), st.integers(1, 1439)
)
wall = datetime.fromisoformat  # a clock on the wall has no zone
MOMENTS = st.datetimes(wall("2022-01-03T00:00"), wall("2023-12-30T00:00")).map(
    lambda at: at.replace(second=0, microsecond=0, tzinfo=UTC)
)
SPANS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)).map(lambda t: Span(t[0], t[0] + t[1])), max_size=8)


def _is_within(window: Weekly, at: datetime) -> bool:
    """Tell by the wall clock alone whether a window is on: it began today or yesterday."""
    minute = at.hour * 60 + at.minute
    today = at.weekday() in window.days and window.from_min <= minute < window.until_min
    return today or ((at.weekday() - 1) % 7 in window.days and minute + 1440 < window.until_min)


def _is_changed_near(moment: datetime, zone: ZoneInfo) -> bool:
    offsets = {(moment + timedelta(hours=h)).astimezone(zone).utcoffset() for h in range(-30, 31, 1)}
    return len(offsets) > 1


@settings(deadline=None)
@given(WEEKLY, MOMENTS, st.sampled_from(ZONES))
def test_a_weekly_window_is_on_when_the_clock_on_the_wall_says_so(
    window: Weekly, moment: datetime, zone: ZoneInfo
) -> None:
    found = find_span([window], zone, moment)
    if not _is_changed_near(moment, zone):
        assert (found is not None) == _is_within(window, moment.astimezone(zone).replace(tzinfo=None))
    if found is not None:
        assert found.begin_s <= second_of(moment) < found.end_s


@settings(deadline=None)
@given(st.lists(WEEKLY, max_size=3), MOMENTS, st.integers(1, 400), st.sampled_from(ZONES))
def test_spans_are_in_order_apart_and_those_that_are_asked_for(
    windows: list[Weekly], since: datetime, hours: int, zone: ZoneInfo
) -> None:
    until = since + timedelta(hours=hours)
    spans = list_spans(windows, zone, since, until)
    for span in spans:
        assert span.begin_s < span.end_s
        assert span.end_s > second_of(since)
        assert span.begin_s < second_of(until)
    assert all(one.end_s < other.begin_s for one, other in pairwise(spans))
    for minute in range(0, hours * 60, 197):
        at = since + timedelta(minutes=minute)
        is_on = any(span.begin_s <= second_of(at) < span.end_s for span in spans)
        if not _is_changed_near(at, zone):
            shown = at.astimezone(zone).replace(tzinfo=None)
            assert is_on == any(_is_within(window, shown) for window in windows)


@settings(deadline=None)
@given(SPANS, st.integers(0, 300), st.integers(0, 200))
def test_cutting_parts_a_span_exactly(holes: list[Span], begin: int, length: int) -> None:
    whole, joined = Span(begin, begin + length), join_spans(holes)
    outside, inside = cut_span(whole, joined)
    covered = {s for hole in holes for s in range(hole.begin_s, hole.end_s)}
    seconds = set(range(whole.begin_s, whole.end_s))
    assert [s for part in outside for s in range(part.begin_s, part.end_s)] == sorted(seconds - covered)
    assert [s for part in inside for s in range(part.begin_s, part.end_s)] == sorted(seconds & covered)


@pytest.mark.parametrize(
    ("zone", "begins", "ends", "hours"),
    [
        (SHANGHAI, wall("2022-10-20T23:00"), wall("2022-10-21T03:00"), 4.0),
        (NEW_YORK, wall("2022-03-13T01:00"), wall("2022-03-13T04:00"), 2.0),  # the hour from 2 to 3 is not there
        (NEW_YORK, wall("2022-11-06T00:00"), wall("2022-11-06T03:00"), 4.0),  # the hour from 1 to 2 comes twice
        (NEW_YORK, wall("2022-11-06T01:30"), wall("2022-11-06T01:45"), 1.25),  # the longer one
        (NEW_YORK, wall("2022-03-13T02:15"), wall("2022-03-13T02:45"), 1.5),  # never empty
        (LORD_HOWE, wall("2022-04-03T00:00"), wall("2022-04-03T06:00"), 6.5),  # half an hour
    ],
)
def test_a_window_over_midnight_or_a_change_of_the_clock(
    zone: ZoneInfo, begins: datetime, ends: datetime, hours: float
) -> None:
    noon = begins.replace(hour=12, minute=0, tzinfo=zone)
    (span,) = list_spans([Once(begins, ends)], zone, noon - timedelta(days=1), noon + timedelta(days=1))
    assert (span.end_s - span.begin_s) / 3600 == hours


def test_windows_that_touch_are_one_and_its_end_is_told() -> None:
    nightly = Weekly(frozenset(range(7)), 23 * 60, 25 * 60)
    longer = Once(wall("2022-10-21T01:00"), wall("2022-10-21T05:00"))
    at = datetime(2022, 10, 20, 23, 30, tzinfo=SHANGHAI)
    found = find_span([nightly, longer], SHANGHAI, at)
    assert found == Span(
        second_of(datetime(2022, 10, 20, 23, tzinfo=SHANGHAI)), second_of(datetime(2022, 10, 21, 5, tzinfo=SHANGHAI))
    )
    assert find_span([nightly, longer], SHANGHAI, datetime(2022, 10, 21, 5, tzinfo=SHANGHAI)) is None
    assert find_span([], SHANGHAI, at) is None
