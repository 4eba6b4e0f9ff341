"""The booking source: its fixtures, its simulator, and what a steward sees of a person."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.connectors import bookings
from hubtwin.connectors.bookings.codec import FORMS
from hubtwin.connectors.bookings.simulator import (
    CountLine,
    HitCountLine,
    HitLine,
    Line,
    ManifestLine,
    StayLine,
    page,
    pages,
)
from hubtwin.connectors.common.files import FileTransport
from hubtwin.model.record import Identity, Provenance, Quarantined, Row
from hubtwin.ports import Page, ReadContext
from tests.contracts.source_bookings import CONTEXT, COUNTS, HITS, MANIFEST, ONE, PID, STAYS, edited

FIXTURES = Path(bookings.__file__).parent / "fixtures"
ZONE = ZoneInfo("Asia/Shanghai")
AFTER = replace(CONTEXT, now=datetime(2022, 10, 20, 1, 0, tzinfo=UTC))


def read(data: bytes, context: ReadContext = CONTEXT) -> list[Row | Quarantined]:
    return list(bookings.CONNECTOR.read(Page("b.csv", iter((data,)), "1"), context))


def only_reason(data: bytes, context: ReadContext = CONTEXT) -> str:
    (found,) = [item for item in read(data, context) if isinstance(item, Quarantined)]
    return found.reason


def test_the_fixtures_are_read_whole() -> None:
    items = [item for page in FileTransport((FIXTURES,)).pages(None) for item in bookings.CONNECTOR.read(page, AFTER)]
    assert not [item for item in items if isinstance(item, Quarantined)]
    rows = [item for item in items if isinstance(item, Row)]
    assert Counter(row.dataset for row in rows) == {"boarding_counts": 3, "bookings": 3, "stays": 2, "risk_hits": 2}
    assert [row.locator for row in rows if row.marks.provenance is Provenance.REAL] == ["counts.csv:4"]
    assert rows[-2].values["community"] == "东华门街道某小区1号楼,2单元"  # GB 18030


def test_a_hub_without_timetable_takes_counts_and_refuses_manifests() -> None:
    unknown = ReadContext(zone=ZONE, now=CONTEXT.now)
    assert len(read(COUNTS, unknown)) == 3
    assert len(read(HITS, unknown)) == 2
    with pytest.raises(Malformed, match="Import the timetable first"):
        read(MANIFEST, unknown)


def test_a_train_that_calls_twice_is_boarded_at_the_first_call_and_left_at_the_next() -> None:
    circle = replace(CONTEXT, calls={"T1": ((4, "DDD"), (5, "BBB"), (6, "CCC"), (7, "DDD"), (8, "BBB"), (9, "DDD"))})
    rows = [item for item in read(MANIFEST, circle) if isinstance(item, Row)]
    assert [(row.values["board_seq"], row.values["alight_seq"]) for row in rows] == [(5, 7), (6, 7)]


def test_an_identical_repeat_is_left_out_and_counted() -> None:
    items = read(HITS + HITS.partition(b"\n")[2])
    assert [type(item) for item in items] == [Row, Row, Quarantined, Quarantined]
    assert [item.locator for item in items] == ["b.csv:2", "b.csv:3", "b.csv:4", "b.csv:5"]
    assert only_reason(HITS + HITS.splitlines()[1]) == "connectors.common.repeated_row"


def test_a_later_state_of_a_booking_in_the_same_page_is_no_duplicate() -> None:
    second = MANIFEST.splitlines(keepends=True)[1]
    later = edited(edited(second, "boarded", "cancelled"), "T08:10", "T08:15")
    assert [type(item) for item in read(MANIFEST + later)] == [Row, Row, Row]
    same_time = edited(second, "boarded", "cancelled")
    assert only_reason(MANIFEST + same_time) == "connectors.common.conflicting_row"


@pytest.mark.parametrize(
    ("wire", "row", "letter"),
    [("12F", 12, "F"), ("012F", 12, "F"), ("01A", 1, "A"), ("1A", 1, "A"), ("40D", 40, "D"), ("", None, None)],
)
def test_seats_are_read(wire: str, row: int | None, letter: str | None) -> None:
    found = read(edited(MANIFEST, "12F", wire))[0]
    assert isinstance(found, Row)
    assert (found.values["seat_row"], found.values["seat_letter"]) == (row, letter)


@pytest.mark.parametrize(
    "wire", ["12", "F12", "12f", "0F", "00F", "0012F", "41A", "12E", "-1A", "12FF", "１2F", "无座"]
)
def test_a_seat_of_another_form_is_quarantined(wire: str) -> None:
    assert only_reason(edited(MANIFEST, "12F", wire)) == "connectors.bookings.broken_seat"


@pytest.mark.parametrize(
    "number", ["11010119000101001X", "H12345678(9)", "１１０１０１１９０００１０１００１５", "110 101 1900"]
)
def test_document_numbers_of_any_spelling_are_kept_as_they_come(number: str) -> None:
    found = read(edited(MANIFEST, ONE, number))[0]
    assert isinstance(found, Row)
    assert found.values["pid"] == Identity("CITIZEN", number)
    assert number not in repr(found)


@given(st.binary(max_size=60), st.integers(0, 400), st.sampled_from((MANIFEST, STAYS, HITS)))
@settings(max_examples=200, deadline=None)
def test_no_document_number_is_in_quarantine_whatever_breaks(noise: bytes, place: int, good: bytes) -> None:
    header, _, lines = good.partition(b"\n")
    cut = place % (len(lines) + 1)
    try:
        items = read(header + b"\n" + lines[:cut] + noise + lines[cut:])
    except Malformed as refusal:
        pytest.fail(f"the header was good: {refusal}")
    shown = " ".join(repr(item) for item in items if isinstance(item, Quarantined))
    assert ONE not in shown
    assert PID not in shown


def test_a_long_document_number_is_refused_quickly() -> None:
    assert only_reason(edited(MANIFEST, ONE, "-" * 100_000)) == "connectors.bookings.broken_id_no"


def test_times_of_another_zone_are_the_same_minute() -> None:
    utc = edited(COUNTS, "T08:10+08:00", "T00:10Z", 9)
    naive = edited(COUNTS, "T08:10+08:00", " 08:10:30", 9)
    assert read(utc) == read(COUNTS) == read(naive)


TRAIN = ("T1", "G1", date(2022, 10, 20))
WHEN = datetime(2022, 10, 20, 8, 0, tzinfo=ZONE)
COUNT = st.builds(
    CountLine,
    *map(st.just, TRAIN),
    st.sampled_from(("AAA", "BBB", "CCC")),
    st.integers(100, 5000),
    st.none() | st.integers(0, 100),
    st.integers(0, 10**6).map(lambda minutes: WHEN - timedelta(minutes=minutes)),
)


@given(st.lists(COUNT, max_size=30, unique_by=lambda line: (line.boarding_station, line.as_of)), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_what_the_simulator_says_is_what_the_reader_hears(lines: list[CountLine], page_lines: int) -> None:
    rows = [row for data in pages(CountLine, lines, page_lines) for row in read(data)]
    heard = []
    for row in rows:
        assert isinstance(row, Row)
        assert row.marks.provenance is Provenance.SYNTHETIC
        heard.append((row.values["station_id"], row.values["booked"], row.values["boarded"]))
    assert heard == [(line.boarding_station, line.booked, line.boarded) for line in lines]


@pytest.mark.parametrize(
    ("kind", "form"), [*zip((CountLine, ManifestLine, StayLine, HitLine, HitCountLine), FORMS, strict=True)]
)
def test_the_simulator_writes_the_header_of_each_form(kind: type[Line], form: object) -> None:
    assert page(kind, []).decode() == ",".join(getattr(form, "required")) + "\n"  # noqa: B009
    assert list(pages(kind, [])) == []


def test_the_manifest_declares_its_datasets() -> None:
    about_persons = {"bookings", "stays", "risk_hits"}
    assert set(bookings.CONNECTOR.manifest.datasets) == {"boarding_counts", "risk_counts"} | about_persons
    assert set(bookings.MATCHER.manifest.datasets) == {"risk_hits", "risk_counts"}
    assert set(bookings.CONNECTOR.manifest.title) == {"zh", "en"}
