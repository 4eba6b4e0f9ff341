"""Errors, texts, clock, geography and keys."""

import pickle
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.clock import at_service_minute, epoch_minute, from_epoch_minute, service_start, system_clock
from hubtwin.base.errors import Absent, HubError, Malformed
from hubtwin.base.geo import distance_m, gcj02_to_wgs84, wgs84_to_gcj02
from hubtwin.base.ids import stable_key
from hubtwin.base.text import printable

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def test_an_error_speaks_both_languages_and_survives_a_process_boundary() -> None:
    error = Absent("settings_no_hub", hub="X", shipped="Y")
    assert "X" in error.message("zh")
    assert error.message("zh") != error.message("en") == str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.key, again.values) == (Absent, error.key, error.values)
    assert issubclass(Malformed, HubError)


def test_minute_zero_of_a_service_date_is_noon_minus_twelve_hours() -> None:
    assert service_start(date(2022, 10, 20), SHANGHAI) == datetime(2022, 10, 19, 16, tzinfo=UTC)
    # In Berlin clocks go forward on 2019-03-31: noon is 10:00Z, so minute 0 is 22:00Z of the day before.
    assert service_start(date(2019, 3, 31), BERLIN) == datetime(2019, 3, 30, 22, tzinfo=UTC)
    assert at_service_minute(date(2022, 10, 20), 1500, SHANGHAI) == datetime(2022, 10, 20, 17, tzinfo=UTC)


@given(st.integers(min_value=0, max_value=2**31 - 1))
def test_an_epoch_minute_goes_both_ways(minute: int) -> None:
    assert epoch_minute(from_epoch_minute(minute)) == minute


def test_a_naive_time_has_no_place_on_the_clock() -> None:
    with pytest.raises(ValueError, match="zone"):
        epoch_minute(datetime(2022, 10, 20, 9))  # noqa: DTZ001
    assert system_clock().tzinfo is UTC


@given(st.floats(min_value=75, max_value=130), st.floats(min_value=18, max_value=53))
def test_gcj02_goes_both_ways_within_a_centimetre(lon: float, lat: float) -> None:
    back = gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat))
    assert distance_m(lon, lat, *back) < 0.01


def test_the_gcj02_offset_at_hangzhou_is_some_hundred_metres() -> None:
    assert 300 < distance_m(120.21, 30.29, *wgs84_to_gcj02(120.21, 30.29)) < 700


def test_a_stable_key_depends_on_parts_and_their_borders() -> None:
    assert stable_key("ab", "c") != stable_key("a", "bc")
    assert len(stable_key("high", 1)) == 32


@given(st.text())
def test_what_is_printable_holds_nothing_that_a_terminal_obeys(content: str) -> None:
    shown = printable(content)
    assert printable(shown) == shown
    assert not any((ord(c) < 0x20 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0 for c in shown)
    shown.encode()


def test_a_value_from_outside_stays_on_the_line_of_its_sentence() -> None:
    told = Absent("wiring_no_file", files="a\nb\x1b[2J\u202ec\ud800").message("en")
    assert "a␊b␛[2J\\u202ec\\ud800" in told
