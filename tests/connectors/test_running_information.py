"""Running information: what TripUpdates say, one thing at a time."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.transit import gtfs_realtime_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

import hubtwin
from hubtwin.base.clock import EPOCH, at_service_minute, epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.base.text import text
from hubtwin.connectors.common import gtfs_realtime
from hubtwin.connectors.running_information import CONNECTOR
from hubtwin.connectors.running_information.simulator import Delay, make_feed
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext

FIXTURES = Path(hubtwin.__file__).parent / "connectors" / "running_information" / "fixtures"
DAY = date(2022, 10, 20)
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2022, 10, 20, 2, 0, tzinfo=UTC)
SCHEDULE = {("T1", 1): (None, 540), ("T1", 2): (600, 602), ("T1", 5): (660, None), ("LOOP", 1): (None, 500)}
CONTEXT = ReadContext(
    ZONE,
    NOW,
    calls={
        "T1": ((1, "AAA"), (2, "BBB"), (5, "CCC")),
        "LOOP": ((1, "AAA"), (2, "BBB"), (3, "AAA")),
        "F@06:30:00": ((1, "AAA"),),
        "LONG": ((1, "AAA"), (2, "BBB")),
    },
    scheduled=lambda trip_id, seq: SCHEDULE.get((trip_id, seq), (None, None)),
)
Edit = Callable[[Any], None]


def page(*edits: Edit, trip_id: str = "T1", start_date: str = "20221020", made_at: datetime = NOW) -> bytes:
    """Return a feed with one trip update, changed by `edits` in turn."""
    message = gtfs_realtime_pb2.FeedMessage()
    message.ParseFromString(make_feed((), made_at))
    entity = message.entity.add()
    entity.id = "1"
    entity.trip_update.trip.trip_id = trip_id
    if start_date:
        entity.trip_update.trip.start_date = start_date
    for edit in edits:
        edit(entity.trip_update)
    return bytes(message.SerializeToString())


def stop(seq: int | None = None, stop_id: str = "", relation: str = "", **events: dict[str, int]) -> Edit:
    def edit(update: Any) -> None:
        added = update.stop_time_update.add()
        if seq is not None:
            added.stop_sequence = seq
        if stop_id:
            added.stop_id = stop_id
        if relation:
            kinds = gtfs_realtime_pb2.TripUpdate.StopTimeUpdate.ScheduleRelationship
            added.schedule_relationship = kinds.Value(relation)
        for name, values in events.items():
            for field, value in values.items():
                setattr(getattr(added, name), field, value)

    return edit


def at(minute: int) -> int:
    return int((at_service_minute(DAY, minute, ZONE) - EPOCH).total_seconds())


def read(data: bytes, context: ReadContext = CONTEXT) -> tuple[list[Row], list[Quarantined]]:
    items = list(CONNECTOR.read(Page("trips.pb", [data], "1"), context))
    return [item for item in items if isinstance(item, Row)], [item for item in items if isinstance(item, Quarantined)]


def said(rows: Iterable[Row]) -> list[tuple[object, ...]]:
    return [
        tuple(row.values[name] for name in ("seq", "arrival_delay_s", "departure_delay_s", "relation")) for row in rows
    ]


def reasons(problems: Iterable[Quarantined]) -> list[str]:
    return [problem.reason.rsplit(".", 1)[1] for problem in problems]


def test_bytes_that_we_did_not_make_are_read() -> None:
    lines = (FIXTURES / "trip_updates.hex").read_text("utf-8").splitlines()
    data = bytes.fromhex("".join(line.split("#")[0] for line in lines))
    rows, problems = read(data, ReadContext(ZONE, NOW))
    assert problems == []
    assert said(rows) == [(3, 5, None, "SCHEDULED"), (8, None, -60, "SCHEDULED"), (10, None, None, "NO_DATA")]
    assert {row.values["service_date"] for row in rows} == {DAY}
    assert {row.values["observed_min"] for row in rows} == {epoch_minute(datetime(2022, 10, 19, 23, 45, tzinfo=UTC))}
    assert rows[1].locator == "entity 1, stop time update 2"


def test_a_delay_of_the_whole_trip_stands_at_its_first_call() -> None:
    rows, _ = read(page(lambda update: setattr(update, "delay", 240)))
    assert said(rows) == [(1, 240, 240, "SCHEDULED")]


@pytest.mark.parametrize("relation", ["CANCELED", "DELETED"])
def test_a_cancelled_trip_stands_at_its_first_call(relation: str) -> None:
    kinds = gtfs_realtime_pb2.TripDescriptor.ScheduleRelationship
    rows, _ = read(page(lambda update: setattr(update.trip, "schedule_relationship", kinds.Value(relation))))
    assert said(rows) == [(1, None, None, "CANCELED")]


@pytest.mark.parametrize("relation", ["ADDED", "UNSCHEDULED", "REPLACEMENT", "DUPLICATED", "NEW"])
def test_other_relations_of_a_trip_are_put_aside(relation: str) -> None:
    kinds = gtfs_realtime_pb2.TripDescriptor.ScheduleRelationship
    rows, problems = read(page(lambda update: setattr(update.trip, "schedule_relationship", kinds.Value(relation))))
    assert rows == []
    assert reasons(problems) == ["trip_relation"]
    assert problems[0].values["relation"] == relation


def test_skipped_and_unknown_calls_carry_no_delay() -> None:
    rows, problems = read(page(stop(2, relation="SKIPPED", arrival={"delay": 9}), stop(5, relation="NO_DATA")))
    assert said(rows) == [(2, None, None, "SKIPPED"), (5, None, None, "NO_DATA")]
    assert problems == []
    assert reasons(read(page(stop(2, relation="UNSCHEDULED")))[1]) == ["stop_relation"]


def test_a_time_is_compared_with_the_schedule_of_the_feed_or_of_the_timetable() -> None:
    own = stop(2, arrival={"time": at(600) + 90, "scheduled_time": at(600)}, departure={"time": at(602) - 30})
    rows, problems = read(page(own))
    assert (said(rows), problems) == ([(2, 90, -30, "SCHEDULED")], [])


def test_a_time_without_a_schedule_is_put_aside_and_the_other_time_stays() -> None:
    both = stop(5, arrival={"time": at(661)}, departure={"time": at(662)})
    rows, problems = read(page(both))
    assert said(rows) == [(5, 60, None, "SCHEDULED")]
    assert reasons(problems) == ["time_without_schedule"]
    rows, problems = read(page(both), replace(CONTEXT, scheduled=None))
    assert rows == []
    assert reasons(problems) == ["time_without_schedule"] * 2


def test_a_delay_that_is_given_stands_before_a_time() -> None:
    rows, _ = read(page(stop(2, arrival={"delay": 30, "time": at(700)})))
    assert said(rows) == [(2, 30, None, "SCHEDULED")]


def test_a_stop_is_looked_up_where_only_its_id_is_given() -> None:
    rows, problems = read(page(stop(stop_id="BBB", arrival={"delay": 1}), stop(stop_id="QQQ", arrival={"delay": 1})))
    assert said(rows) == [(2, 1, None, "SCHEDULED")]
    assert reasons(problems) == ["unknown_stop"]
    unknown = ReadContext(ZONE, NOW)
    assert reasons(read(page(stop(stop_id="BBB", arrival={"delay": 1})), unknown)[1]) == ["unknown_stop"]


def test_a_stop_that_a_trip_calls_at_twice_is_ambiguous() -> None:
    rows, problems = read(page(stop(stop_id="AAA", arrival={"delay": 1}), trip_id="LOOP"))
    assert rows == []
    assert reasons(problems) == ["stop_twice"]
    assert said(read(page(stop(3, "AAA", arrival={"delay": 1}), trip_id="LOOP"))[0]) == [(3, 1, None, "SCHEDULED")]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (stop(3, arrival={"delay": 1}), "unknown_seq"),
        (stop(2), "says_nothing"),
        (stop(2, arrival={"uncertainty": 1}), "says_nothing"),
        (stop(2, arrival={"delay": 700_000}), "absurd_delay"),
        (stop(2, arrival={"time": 2**62}), "absurd_delay"),
        (lambda update: None, "says_nothing"),
        (lambda update: setattr(update.trip, "start_date", "20221399"), "broken_start_date"),
        (lambda update: setattr(update.trip, "start_date", "20-10-22"), "broken_start_date"),
        (lambda update: setattr(update.trip, "trip_id", "T9"), "unknown_trip"),
        (lambda update: setattr(update.trip, "trip_id", ""), "no_trip_id"),
    ],
)
def test_what_cannot_be_used_is_put_aside_with_its_reason(edit: Edit, reason: str) -> None:
    rows, problems = read(page(edit))
    assert (rows, reasons(problems)) == ([], [reason])
    assert problems[0].locator.startswith("entity 1")
    assert problems[0].raw


def test_text_that_is_no_utf_8_is_put_aside() -> None:
    rows, problems = read(page(stop(2, arrival={"delay": 1})).replace(b"T1", b"T\xff"))
    assert (rows, reasons(problems)) == ([], ["gtfs_not_text"])


def test_the_same_call_twice_is_kept_once() -> None:
    rows, problems = read(
        page(stop(2, arrival={"delay": 1}), stop(2, arrival={"delay": 1}), stop(2, arrival={"delay": 2}))
    )
    assert said(rows) == [(2, 1, None, "SCHEDULED")]
    assert reasons(problems) == ["repeated_row", "conflicting_row"]


def test_a_deleted_entity_is_put_aside() -> None:
    message = gtfs_realtime_pb2.FeedMessage()
    message.ParseFromString(page())
    message.entity[0].is_deleted = True
    assert reasons(read(message.SerializeToString())[1]) == ["gtfs_deleted_entity"]


def test_a_run_of_a_repeated_trip_is_known_by_its_start_time() -> None:
    def starts(update: Any) -> None:
        update.trip.start_time = "6:30:00"

    rows, _ = read(page(starts, stop(1, departure={"delay": 5}), trip_id="F"))
    assert rows[0].values["trip_id"] == "F@06:30:00"


def test_a_missing_start_date_is_derived_where_only_one_fits() -> None:
    late = stop(2, arrival={"delay": 60})
    rows, problems = read(page(late, start_date=""))
    assert ([row.values["service_date"] for row in rows], problems) == ([DAY], [])
    evening = page(late, start_date="", made_at=NOW - timedelta(hours=10))  # 00:00, nine hours before it starts
    assert reasons(read(evening)[1]) == ["start_date_unknown"]
    assert reasons(read(page(late, start_date=""), replace(CONTEXT, scheduled=None))[1]) == ["start_date_unknown"]


def test_a_missing_start_date_is_not_guessed_for_a_run_of_many_hours() -> None:
    long = replace(CONTEXT, scheduled=lambda trip_id, seq: (600, 610) if seq == 1 else (600 + 1500, None))
    rows, problems = read(page(stop(2, arrival={"delay": 60}), start_date="", trip_id="LONG"), long)
    assert rows == []
    assert problems[0].values["candidates"] == 2


def test_an_overnight_run_belongs_to_the_day_it_started_on() -> None:
    overnight = replace(CONTEXT, scheduled=lambda trip_id, seq: (1300, 1310) if seq == 1 else (1640, None))
    after_midnight = datetime(2022, 10, 19, 18, 0, tzinfo=UTC)  # 02:00 on the 20th
    rows, _ = read(
        page(stop(2, arrival={"delay": 60}), start_date="", trip_id="LONG", made_at=after_midnight), overnight
    )
    assert [row.values["service_date"] for row in rows] == [date(2022, 10, 19)]


def test_a_feed_from_the_future_is_refused_and_a_late_one_is_read() -> None:
    delays = (Delay("T1", DAY, 1, None, 60),)
    with pytest.raises(Malformed, match=r"480 minutes \(8.0 hours\)"):
        read(make_feed(delays, NOW + timedelta(hours=8)))
    assert len(read(make_feed(delays, NOW + timedelta(minutes=60)))[0]) == 1
    assert len(read(make_feed(delays, NOW - timedelta(hours=8)))[0]) == 1


@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff" * 40, b"{}", make_feed((Delay("T", DAY, 1, 1),), NOW)[:-2]])
def test_what_is_no_feed_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match=r"trips\.pb"):
        read(data)


def test_a_feed_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gtfs_realtime, "MAX_PAGE_BYTES", 10)
    with pytest.raises(Malformed, match="too much"):
        read(page())


def test_equal_delays_make_equal_bytes() -> None:
    delays = [Delay("T1", DAY, 2, 5, 6), Delay("T1", DAY, 1, None, 4), Delay("T2", DAY, 1, relation="CANCELED")]
    assert make_feed(delays, NOW) == make_feed(list(delays), NOW)


delays_of_runs = st.lists(
    st.builds(
        Delay,
        st.sampled_from(("T", "Ü")),
        st.dates(date(2022, 10, 19), date(2022, 10, 20)),
        st.integers(0, 40),
        st.one_of(st.none(), st.integers(-3600, 86_400)),
        st.integers(-3600, 86_400),
    ),
    max_size=12,
    unique_by=lambda delay: (delay.trip_id, delay.service_date, delay.seq),
)


@given(delays=delays_of_runs)
@settings(max_examples=60, deadline=None)
def test_what_the_simulator_says_is_what_is_read(delays: list[Delay]) -> None:
    rows, problems = read(make_feed(delays, NOW), ReadContext(ZONE, NOW))
    assert problems == []
    found = {(row.values["trip_id"], row.values["service_date"], *said([row])[0]) for row in rows}
    assert found == {
        (one.trip_id, one.service_date, one.seq, one.arrival_delay_s, one.departure_delay_s, "SCHEDULED")
        for one in delays
    }


GOOD = page(stop(2, arrival={"delay": 60}, departure={"time": at(603)}), stop(stop_id="CCC", relation="SKIPPED"))


@given(flips=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=250, deadline=None)
def test_reading_is_total_on_damaged_feeds(flips: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD)
    for place, value in flips:
        data[place] = value
    try:
        _, problems = read(bytes(data))
    except Malformed:
        return
    assert all(text(problem.reason, "zh", **problem.values) != problem.reason for problem in problems)
