"""Times as partners write them: repaired where one meaning is possible, refused with a reason otherwise."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.rules.message_times import AHEAD, read_time

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2022, 10, 21, 2, 0, tzinfo=UTC)  # 10:00 at the hub


@pytest.mark.parametrize(
    ("text", "at", "repair"),
    [
        ("2022-10-21T01:30:00Z", "2022-10-21T01:30", ""),
        ("2022-10-21T09:30:00+08:00", "2022-10-21T01:30", ""),
        ("2022-10-21 09:30+0800", "2022-10-21T01:30", ""),
        ("2022-10-20T25:10:00+08:00", "2022-10-20T17:10", "hour_over_24"),
        ("2022-10-20 25:10", "2022-10-20T17:10", "hour_over_24 no_zone"),
        ("2022-10-21T09:30:00", "2022-10-21T01:30", "no_zone"),
        ("2022-10-21T10:00:00Z", "2022-10-21T02:00", "local_as_utc"),
        ("2022-10-21T09:52:00+00:00", "2022-10-21T01:52", "local_as_utc"),
        ("2022-10-20T24:00:00+08:00", "2022-10-20T16:00", "hour_over_24"),
        ("2022-10-21T01:30:00.5Z", "2022-10-21T01:30:00.500", ""),
    ],
)
def test_a_time_with_one_meaning_is_read(text: str, at: str, repair: str) -> None:
    found = read_time(text, ZONE, NOW)
    assert found.at == datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert found.repair == repair


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2022-10-21", "2022-02-30T10:00Z", "2022-10-20T48:00Z", "2022-10-20T10:60Z"),
        *("0001-01-01T00:00+08:00", "9999-12-31T30:00Z", "2022-10-20T10:00+99:99", "٢٠٢٢-10-20T10:00Z"),
        "2022-10-21T10:00:00Z\n2022",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_time(text, ZONE, NOW)
    assert refused.value.key == "rules.broken_time"


@pytest.mark.parametrize("text", ["2022-10-21T04:00:00Z", "2022-10-21T12:00:00+08:00", "2022-10-22T10:00:00Z"])
def test_a_future_that_no_zone_explains_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_time(text, ZONE, NOW)
    assert refused.value.key == "rules.future_time"


def test_a_late_message_is_not_moved() -> None:
    late = read_time("2022-10-20T18:00:00Z", ZONE, NOW)
    assert (late.at, late.repair) == (NOW - timedelta(hours=8), "")


def test_a_planned_time_may_lie_ahead_and_follows_the_habit_of_its_sender() -> None:
    day = timedelta(days=2)
    assert read_time("2022-10-21T12:00:00Z", ZONE, NOW, ahead=day).repair == ""
    moved = read_time("2022-10-21T12:00:00Z", ZONE, NOW, ahead=day, writes_local=True)
    assert moved.at == datetime(2022, 10, 21, 4, tzinfo=UTC)
    with pytest.raises(Malformed):
        read_time("2022-10-24T12:00:00Z", ZONE, NOW, ahead=day)


@given(st.text(max_size=40) | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?", fullmatch=True))
def test_any_text_is_a_moment_that_has_been_or_is_refused(text: str) -> None:
    try:
        found = read_time(text, ZONE, NOW)
    except Malformed:
        return
    assert found.at <= NOW + timedelta(minutes=20)
    assert found.at.tzinfo is UTC
    assert timedelta(minutes=20) > AHEAD
