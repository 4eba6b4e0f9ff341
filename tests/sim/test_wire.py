"""The pages of a simulated day, read back by the connectors that real pages go through."""

import csv
import io
from datetime import UTC, datetime

import narwhals as nw
import numpy as np
import polars as pl

from hubtwin.base.clock import epoch_minute, from_epoch_minute
from hubtwin.connectors.bookings.mapper import read
from hubtwin.connectors.running_information.mapper import read as read_running
from hubtwin.model.record import Provenance, Quarantined, Row
from hubtwin.ports import Page, ReadContext
from hubtwin.rules.delays import expected_calls
from hubtwin.sim.day import HubDay, simulate
from hubtwin.sim.people import Kind
from hubtwin.sim.recipe import load_recipe
from hubtwin.sim.small import HUB_DATE, ZONE, small_day, small_world
from hubtwin.sim.wire import KINDS, list_pages


def _context(day: HubDay) -> ReadContext:
    calls = {trip.trip_id: tuple((call.seq, call.station_id) for call in trip.calls) for trip in day.world.trips}
    stations = frozenset(call.station_id for trip in day.world.trips for call in trip.calls)
    return ReadContext(zone=ZONE, now=datetime(2022, 10, 21, tzinfo=UTC), stations=stations, calls=calls)


def _rows(day: HubDay, form: str, until_min: int | None = None) -> list[Row]:
    found = []
    for name, page in list_pages(day, until_min):
        if name.startswith(f"bookings/{form}-"):
            for row in read(Page(name, [page], ""), _context(day)):
                assert not isinstance(row, Quarantined), row
                found.append(row)
    return found


def _lines(day: HubDay, form: str, until_min: int | None = None) -> list[dict[str, str]]:
    pages = [page for name, page in list_pages(day, until_min) if name.startswith(f"bookings/{form}-")]
    return [line for page in pages for line in csv.DictReader(io.StringIO(page.decode()))]


def test_the_connector_keeps_every_row_of_every_form_and_marks_it_synthetic() -> None:
    day = small_day(1, 300)
    for form in ("counts", "manifest", "stays"):
        rows = _rows(day, form)
        assert len(rows) == len(_lines(day, form)) > 0
        assert {row.marks.provenance for row in rows} == {Provenance.SYNTHETIC}


def test_the_last_state_of_every_booking_is_what_happened() -> None:
    day = small_day(2, 300)
    last = {line["id_no"]: line["state"] for line in _lines(day, "manifest")}
    final = {Kind.ARRIVES: "boarded", Kind.THROUGH: "boarded", Kind.EARLIER: "boarded", Kind.NO_SHOW: "booked"}
    for number, kind in zip(day.documents, day.bookings.kind.tolist(), strict=True):
        assert last.get(number, "cancelled") == final.get(Kind(kind), "cancelled")


def test_the_last_counts_add_up_to_who_came_and_boarded_never_exceeds_booked() -> None:
    day = small_day(3, 400)
    last = {(line["trip_id"], line["boarding_station"]): line for line in _lines(day, "counts")}
    assert sum(int(line["boarded"]) for line in last.values()) == 400
    for line in _lines(day, "counts"):
        assert not line["boarded"] or int(line["boarded"]) <= int(line["booked"])


def test_counts_equal_a_slow_count_over_the_bookings() -> None:
    day = small_day(4, 150)
    bookings = day.bookings
    stations = [call.station_id for trip in day.world.trips for call in trip.calls]
    for line in _lines(day, "counts"):
        as_of = epoch_minute(datetime.fromisoformat(line["as_of"]))
        booked = sum(
            day.world.trips[bookings.trip[person]].trip_id == line["trip_id"]
            and stations[bookings.board[person]] == line["boarding_station"]
            and bookings.kind[person] not in (Kind.THROUGH, Kind.EARLIER)
            and bookings.booked_min[person] <= as_of < bookings.cancelled_min[person]
            for person in range(len(bookings))
        )
        assert int(line["booked"]) == booked


def test_what_is_known_half_an_hour_before_differs_from_the_end() -> None:
    day = small_day(5, 800)
    arrival_min = min(int(found) for found in day.runs.plan_arrive_s[day.runs.hub] // 60)
    early = _lines(day, "manifest", arrival_min - 30)
    assert 0 < len(early) < len(_lines(day, "manifest"))


def test_pages_until_a_minute_say_nothing_that_is_not_known_then() -> None:
    day = small_day(6, 300)
    until_min = epoch_minute(datetime(2022, 10, 20, 8, 0, tzinfo=ZONE))
    for form in ("counts", "manifest"):
        moments = [epoch_minute(datetime.fromisoformat(line["as_of"])) for line in _lines(day, form, until_min)]
        assert max(moments) <= until_min
        everything = _lines(day, form)
        assert moments == sorted(moments)
        assert everything[: len(moments)] == _lines(day, form, until_min)
    assert all(
        epoch_minute(datetime.fromisoformat(line["to"])) <= until_min for line in _lines(day, "stays", until_min)
    )


def test_stays_on_the_wire_cover_the_same_minutes_as_the_day_itself() -> None:
    day = small_day(7, 200)
    spans = [(datetime.fromisoformat(x["from"]), datetime.fromisoformat(x["to"])) for x in _lines(day, "stays")]
    sent_min = sum(epoch_minute(end) - epoch_minute(start) for start, end in spans)
    assert sent_min == int(np.sum(day.stays.out_min - day.stays.in_min))
    assert len(spans) > len(day.stays)  # the stay during which the first snapshot was taken comes in two parts


def test_some_stays_lack_their_street_or_community_on_the_wire() -> None:
    lines = _lines(small_day(8, 800), "stays")
    assert 0.85 < np.mean([line["community"] != "" for line in lines]) < 0.95
    assert 0.94 < np.mean([line["street_code"] != "" for line in lines]) < 1.0


def _running(day: HubDay) -> list[Row]:
    found = []
    for name, page in list_pages(day):
        if name.startswith("running_information/"):
            for row in read_running(Page(name, [page], ""), _context(day)):
                assert not isinstance(row, Quarantined), row
                found.append(row)
    return found


def test_the_connector_keeps_all_running_information() -> None:
    day = small_day(9)
    rows = _running(day)
    assert len(rows) > 50
    assert {row.values["service_date"] for row in rows} == {HUB_DATE}


def test_delays_as_the_rules_read_them_are_those_that_happened_upstream() -> None:
    day = simulate(small_world(), 12, 10, load_recipe(delays={"on_time": 0.0, "cancelled": 0.0, "skipped": 0.3}))
    running = pl.DataFrame([dict(row.values) for row in _running(day)], infer_schema_length=None)
    start_min = day.world.day_start_min
    calls = [
        {"trip_id": trip.trip_id, "seq": call.seq, "station_id": call.station_id, "code": trip.code, "platform": None}
        | {"arrive_min": call.arrive_min - start_min, "depart_min": call.depart_min - start_min}
        for trip in day.world.trips
        for call in trip.calls
    ]
    days = [{"trip_id": trip.trip_id, "service_date": trip.service_date} for trip in day.world.trips]
    frames = (nw.from_native(pl.LazyFrame(calls)), nw.from_native(pl.LazyFrame(days)), nw.from_native(running.lazy()))
    expected = expected_calls(*frames, {HUB_DATE: start_min}, start_min + 2880).collect().rows(named=True)
    known = {(row["trip_id"], row["seq"]): row for row in expected}
    runs = day.runs
    for call, trip in enumerate(runs.trip_of_call.tolist()):
        row = known[day.world.trips[trip].trip_id, int(runs.seq[call])]
        assert row["cancelled"] == bool(runs.skipped[call])
        if call < runs.hub[trip] and not runs.skipped[call]:
            assert row["expected_depart_min"] == runs.real_depart_s[call] // 60
        if call == runs.hub[trip]:
            assert row["expected_arrive_min"] == runs.real_arrive_s[call] // 60


def test_a_cancelled_train_is_cancelled_in_the_feed() -> None:
    day = simulate(small_world(), 5, 40, load_recipe(delays={"cancelled": 1.0}))
    assert {row.values["trip_id"] for row in _running(day) if row.values["relation"] == "CANCELED"} == {"T1", "T2"}


def test_only_the_kinds_asked_for_are_made() -> None:
    day = small_day(13)
    names = [name for name, _ in list_pages(day, kinds=("counts", "running"))]
    assert {name.split("-")[0].split("/2")[0] for name in names} == {"bookings/counts", "running_information"}
    assert [name for kind in KINDS for name, _ in list_pages(day, kinds=(kind,))] == [
        name for name, _ in list_pages(day)
    ]


def test_page_names_follow_the_clock_of_the_hub() -> None:
    day = small_day(11)
    first = next(name for name, _ in list_pages(day))
    assert first == f"bookings/counts-{from_epoch_minute(day.snapshot_min).astimezone(ZONE):%Y%m%dT%H}00.csv"
