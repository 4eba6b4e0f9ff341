"""Plain values out of text."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.connectors.common import values
from hubtwin.model.record import Provenance

ZONE = ZoneInfo("Asia/Shanghai")


def test_a_time_without_offset_is_in_the_zone_of_the_hub() -> None:
    nine = epoch_minute(datetime(2022, 10, 20, 1, 0, tzinfo=UTC))
    for wire in (
        "2022-10-20T09:00",
        "2022-10-20 09:00:59",
        "2022-10-20T09:00+08:00",
        "2022-10-20T01:00Z",
        "20221020T0900",
    ):
        assert values.read_minute(wire, ZONE, "as_of") == nine


@pytest.mark.parametrize(
    "wire",
    ["", "2022-10-20", "09:00", "2022-10-20T24:30", "0001-01-01T00:00", "9999-12-31T23:59", "20.10.2022 09:00", "１"],
)
def test_a_broken_time_is_malformed(wire: str) -> None:
    with pytest.raises(Malformed, match="as_of is no time"):
        values.read_minute(wire, ZONE, "as_of")


@pytest.mark.parametrize("wire", ["", "20221020", "2022-10-32", "2022-1-2", "0022-10-20", "２０２２-10-20"])
def test_a_broken_date_is_malformed(wire: str) -> None:
    with pytest.raises(Malformed, match="service_date is no date"):
        values.read_date(wire, "service_date")


@given(st.text(max_size=30))
@settings(max_examples=300)
def test_any_text_is_a_value_or_malformed(wire: str) -> None:
    for reader in (
        lambda: values.read_minute(wire, ZONE, "f"),
        lambda: values.read_date(wire, "f"),
        lambda: values.read_count(wire, "f", 0, 10),
        lambda: values.read_choice(wire, "f", ("a", "b")),
        lambda: values.read_text(wire, "f"),
        lambda: values.read_provenance(wire),
    ):
        with suppress(Malformed):
            reader()


def test_good_values_are_read() -> None:
    assert values.read_date("2022-10-20", "f") == date(2022, 10, 20)
    assert values.read_count("0", "f", 0, 5) == 0
    assert values.read_count("5", "f", 0, 5) == 5
    assert values.read_choice("a", "f", ("a",)) == "a"
    assert values.read_text("  x ", "f") == "x"
    assert values.read_provenance("synthetic").provenance is Provenance.SYNTHETIC


@pytest.mark.parametrize("wire", ["-1", "6", "1.5", "1e3", "", " 1", "+1", "٣", "9" * 16])
def test_a_count_out_of_bounds_or_no_number_is_malformed(wire: str) -> None:
    with pytest.raises(Malformed):
        values.read_count(wire, "booked", 0, 5)


def test_a_source_may_be_an_hour_ahead_and_no_more() -> None:
    now = datetime(2022, 10, 20, 1, 0, tzinfo=UTC)
    values.check_not_ahead(epoch_minute(now) + 60, now, "as_of")
    values.check_not_ahead(epoch_minute(now - timedelta(days=400)), now, "as_of")
    with pytest.raises(Malformed, match="480 minutes ahead"):
        values.check_not_ahead(epoch_minute(now) + 480, now, "as_of")


NUMBER = st.from_regex(r"[A-Z]{0,2}[0-9]{5,18}[0-9X]?", fullmatch=True)


@given(NUMBER, st.text(" ,-:/（）。", max_size=5))
def test_a_document_number_is_masked_and_dates_and_codes_are_not(number: str, around: str) -> None:
    assert number not in values.masked(around + number + around)
    for kept in ("2022-10-20T09:00", "G1201/G1204", "HGH", "12F", "T1"):
        assert values.masked(kept) == kept
