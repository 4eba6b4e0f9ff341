"""GTFS: what feeds in the wild do, one thing at a time."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.base.text import catalogue
from hubtwin.connectors.rail_timetable import CONNECTOR, gtfs_links
from hubtwin.connectors.rail_timetable.codec import bundle
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2022, 10, 20, tzinfo=UTC)
FEED = {
    "agency.txt": "agency_timezone,agency_name\nEurope/Berlin,Bahn\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,platform_code\n"
        "A,Alpha,50,10,1,,\nA1,Alpha 1,50,10,0,A,1\nA1b,bay,50,10,4,A1,\nB,Beta,51,11,,,2\nC,Gamma,52,12,0,,\n"
        "E,Entrance,50,10,2,A,\n"
    ),
    "routes.txt": "route_id,route_short_name,route_type\nR,RE 4,2\n",
    "trips.txt": "route_id,service_id,trip_id,trip_short_name,block_id\nR,S,T1,501,\nR,S,T2,,\n",
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "T1,8:00:00,08:00:30,A1,10\nT1,08:30:59,,B,20\nT1,,,A,25\nT1,24:10:00,24:10:00,C,30\n"
        "T2,09:00:00,09:00:00,C,1\nT2,10:00:00,10:00:00,A1b,2\n"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nS,20221020,1\n",
}


def sense(zone: str = "Europe/Berlin", **changes: str | None) -> tuple[list[Row], list[Quarantined]]:
    """Read the feed with files changed: `stop_times="…"`; None leaves the file out, a leading + adds lines."""
    files = dict(FEED)
    for name, content in changes.items():
        file = f"{name}.txt"
        if content is None:
            del files[file]
        else:
            files[file] = files[file] + content[1:] if content.startswith("+") else content
    page = bundle({name: [content.encode()] for name, content in files.items()})
    items = list(CONNECTOR.read(Page("feed.zip", [page], "1"), ReadContext(ZoneInfo(zone), NOW)))
    return [item for item in items if isinstance(item, Row)], [item for item in items if isinstance(item, Quarantined)]


def calls(rows: list[Row], trip: str) -> list[tuple[object, ...]]:
    names = ("seq", "station_id", "arrive_min", "depart_min", "platform")
    return [
        tuple(row.values[name] for name in names)
        for row in rows
        if row.dataset == "rail_calls" and row.values["trip_id"] == trip
    ]


def values(rows: list[Row], dataset: str, column: str) -> list[object]:
    return [row.values[column] for row in rows if row.dataset == dataset]


def days(rows: list[Row], trip: str = "T1") -> list[object]:
    return [
        row.values["service_date"]
        for row in rows
        if row.dataset == "rail_service_days" and row.values["trip_id"] == trip
    ]


def reasons(problems: list[Quarantined]) -> list[tuple[str, str]]:
    return [(problem.locator, problem.reason.rsplit(".", 1)[1]) for problem in problems]


def links(rows: list[Row]) -> dict[object, object]:
    return {row.values["trip_id"]: row.values["continues_as"] for row in rows if row.dataset == "rail_trips"}


def test_calls_stand_at_stations_run_past_midnight_and_nothing_is_interpolated() -> None:
    rows, problems = sense()
    assert problems == []
    assert calls(rows, "T1") == [
        (10, "A", None, 480, "1"),
        (20, "B", 510, None, "2"),
        (25, "A", None, None, None),
        (30, "C", 1450, None, None),
    ]
    assert calls(rows, "T2") == [(1, "C", None, 540, None), (2, "A", 600, None, None)]
    assert values(rows, "rail_stations", "station_id") == ["A", "B", "C"]
    assert values(rows, "rail_trips", "code") == ["501", "RE 4"]
    assert values(rows, "rail_trips", "train_no") == ["501", None]


def test_a_calendar_is_changed_by_its_exceptions() -> None:
    week = (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "S,1,1,0,0,0,0,0,20221017,20221031\n"
    )
    exceptions = "service_id,date,exception_type\nS,20221018,2\nS,20221020,1\n"
    rows, problems = sense(calendar=week, calendar_dates=exceptions)
    assert problems == []
    assert [day.day for day in days(rows) if isinstance(day, date)] == [17, 20, 24, 25, 31]
    assert len(days(sense(calendar=week, calendar_dates=None)[0])) == 5


def test_a_calendar_without_an_end_is_clipped_and_says_so() -> None:
    week = (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "S,1,1,1,1,1,1,1,20221017,20991231\n"
    )
    rows, problems = sense(calendar=week, calendar_dates=None)
    assert len(days(rows)) == 1_100
    assert reasons(problems) == [("calendar.txt:2", "calendar_clipped")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("S,20221340,1", "broken_day"),
        ("S,20221021,3", "unknown_value"),
        (",20221021,1", "missing_value"),
        ("S,20221021", "wrong_fields"),
    ],
)
def test_a_broken_calendar_line_costs_that_line(line: str, reason: str) -> None:
    rows, problems = sense(calendar_dates=f"+{line}\n")
    assert reasons(problems) == [("calendar_dates.txt:3", reason)]
    assert days(rows) == [date(2022, 10, 20)]


def test_a_trip_of_an_unknown_service_is_kept_and_said() -> None:
    rows, problems = sense(trips="+R,Q,T3,1,\n", stop_times="+T3,1:00:00,1:00:00,A,1\n")
    assert reasons(problems) == [("trips.txt:4", "unknown_service")]
    assert "T3" in links(rows)
    assert days(rows, "T3") == []


def test_lines_without_their_trip_or_stop_or_with_broken_times_are_put_aside() -> None:
    bad = "+T9,1:00:00,1:00:00,A,1\nT2,10:10:00,10:10:00,Z,3\nT2,10:70:00,,A,4\nT2,11:00:00,10:59:59,A,5\nT2,,,A,six\n"
    rows, problems = sense(stop_times=bad)
    assert sorted(reasons(problems)) == [
        ("stop_times.txt:10", "broken_time"),
        ("stop_times.txt:11", "departs_before_arrival"),
        ("stop_times.txt:12", "broken_count"),
        ("stop_times.txt:8", "unknown_trip"),
        ("stop_times.txt:9", "unknown_stop"),
    ]
    assert len(calls(rows, "T2")) == 2
    assert calls(rows, "T2")[-1][3] == 600  # the last good call is not the last that the feed has


def test_an_unknown_parent_leaves_a_station_of_its_own() -> None:
    rows, problems = sense(stops="+D,Delta,north,12,0,nowhere,\n")
    assert reasons(problems) == [("stops.txt:8", "unknown_parent"), ("stops.txt:8", "broken_place")]
    assert values(rows, "rail_stations", "station_id")[-1] == "D"
    assert values(rows, "rail_stations", "lon")[-1] is None


def test_parents_in_a_circle_end() -> None:
    rows, _ = sense(stops="+X,X,50,10,0,Y,\nY,Y,50,10,0,X,\n")
    assert values(rows, "rail_stations", "station_id") == ["A", "B", "C", "X", "Y"]


def test_repeated_ids_keep_the_first_line() -> None:
    rows, problems = sense(stops="+A,Other,1,1,1,,\n", trips="+R,S,T1,777,\n")
    assert reasons(problems) == [("stops.txt:8", "repeated_id"), ("trips.txt:4", "repeated_id")]
    assert values(rows, "rail_trips", "code")[0] == "501"


def test_byte_order_mark_unknown_columns_and_unknown_files_are_legal() -> None:
    stops = "\ufeff" + FEED["stops.txt"].replace("platform_code", "platform_code,mood").replace("\n", ",x\n").replace(
        "mood,x", "mood"
    )
    rows, problems = sense(stops=stops, moods="anything at all\n")
    assert problems == []
    assert rows == sense()[0]


@pytest.mark.parametrize("file", ["agency", "stops", "routes", "trips", "stop_times", "calendar_dates"])
def test_a_missing_required_file_is_named(file: str) -> None:
    changes: dict[str, str | None] = {file: None}
    with pytest.raises(Malformed, match=rf"{file}\.txt"):
        sense("Europe/Berlin", **changes)


def test_an_empty_file_is_a_missing_file() -> None:
    assert sense(transfers="")[0] == sense()[0]
    with pytest.raises(Malformed, match=r"routes\.txt"):
        sense(routes="")


def test_minutes_are_moved_to_the_hubs_zone_where_the_difference_is_fixed() -> None:
    rows, _ = sense(zone="Europe/London")  # one hour behind Berlin on every day of the year
    assert calls(rows, "T1")[0] == (10, "A", None, 420, "1")
    assert sense(zone="Europe/Paris")[0] == sense()[0]


def test_a_difference_of_zones_that_changes_is_refused() -> None:
    assert sense(zone="Asia/Shanghai")[0]  # on one date it cannot change
    with pytest.raises(Malformed, match="changes within"):
        sense(zone="Asia/Shanghai", calendar_dates="+S,20221120,1\n")


@pytest.mark.parametrize("agency", ["agency_timezone\nMars/Phobos\n", "agency_timezone\n", "agency_timezone\n../x\n",
                                    "agency_timezone\nEurope/Berlin\nEurope/Paris\n"])  # fmt: skip
def test_an_unknown_or_ambiguous_zone_is_refused(agency: str) -> None:
    with pytest.raises(Malformed):
        sense(agency=agency)


IN_SEAT = "from_stop_id,to_stop_id,transfer_type,from_trip_id,to_trip_id\n"


def test_an_in_seat_transfer_says_what_a_trip_continues_as() -> None:
    rows, problems = sense(transfers=IN_SEAT + ",,4,T1,T2\nA,B,2,,\n")
    assert problems == []
    assert links(rows) == {"T1": "T2", "T2": None}


def test_contradictory_and_unknown_transfers_are_put_aside() -> None:
    rows, problems = sense(transfers=IN_SEAT + ",,4,T1,T2\n,,4,T1,T1\n,,4,T9,T1\n")
    assert reasons(problems) == [("transfers.txt:3", "continues_twice"), ("transfers.txt:4", "unknown_trip")]
    assert links(rows)["T1"] == "T2"


def block(*trips: tuple[str, str, str], dates: str = "") -> dict[str, str]:
    """Trips of one block: id, service, "HH:MM:SS A HH:MM:SS B"."""
    lines, times = "", ""
    for trip_id, service, run in trips:
        leaves, start, arrives, end = run.split()
        lines += f"R,{service},{trip_id},,K\n"
        times += f"{trip_id},{leaves},{leaves},{start},1\n{trip_id},{arrives},{arrives},{end},2\n"
    return {"trips": "+" + lines, "stop_times": "+" + times, "calendar_dates": "+" + dates}


def test_the_next_trip_of_a_block_is_what_a_trip_continues_as() -> None:
    two = ("K1", "S", "10:00:00 A 11:00:00 B"), ("K2", "S", "11:05:00 B 12:00:00 C")
    assert links(sense(**block(*two))[0])["K1"] == "K2"
    forbidden = {**block(*two), "transfers": IN_SEAT + ",,5,K1,K2\n"}
    assert links(sense(**forbidden)[0])["K1"] is None


@pytest.mark.parametrize(
    "second", ["11:05:00 C 12:00:00 B", "12:30:00 B 13:00:00 C", "11:05:00 B 12:00:00 A", "10:30:00 B 12:00:00 C"]
)
def test_a_vehicle_that_moves_waits_turns_back_or_overlaps_carries_nobody_on(second: str) -> None:
    found = links(sense(**block(("K1", "S", "10:00:00 A 11:00:00 B"), ("K2", "S", second)))[0])
    assert found["K1"] is None


def test_a_block_that_differs_by_day_is_ambiguous_and_said() -> None:
    changes = block(
        ("K1", "S", "10:00:00 A 11:00:00 B"),
        ("K2", "S2", "11:05:00 B 12:00:00 C"),
        ("K3", "S3", "11:06:00 B 12:00:00 C"),
        dates="S,20221021,1\nS2,20221020,1\nS3,20221021,1\n",
    )
    rows, problems = sense(**changes)
    assert links(rows)["K1"] is None
    assert reasons(problems) == [("trips.txt:4", "block_ambiguous")]


FREQUENT = "trip_id,start_time,end_time,headway_secs,exact_times\n"


def test_a_trip_at_a_headway_becomes_its_runs() -> None:
    rows, problems = sense(frequencies=FREQUENT + "T2,06:00:00,07:00:00,1800,0\n")
    assert problems == []
    assert list(links(rows)) == ["T1", "T2@06:00:00", "T2@06:30:00"]
    assert calls(rows, "T2@06:30:00") == [(1, "C", None, 390, None), (2, "A", 450, None, None)]
    assert days(rows, "T2@06:30:00") == [date(2022, 10, 20)]


def test_broken_headways_are_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "T9,06:00:00,07:00:00,600,\nT2,06:00:00,07:00:00,0,\nT2,06:00:00,99:00:00,1,\nT2,,07:00:00,600,\n"
    rows, problems = sense(frequencies=FREQUENT + lines)
    assert [reason for _, reason in reasons(problems)] == [
        "unknown_trip", "count_out_of_range", "too_many_runs", "broken_time",
    ]  # fmt: skip
    assert "T2" in links(rows)  # no line was good: the trip stays as it is
    monkeypatch.setattr(gtfs_links, "MAX_ALL_RUNS", 3)
    _, problems = sense(frequencies=FREQUENT + "T2,06:00:00,07:00:00,1800,\nT1,06:00:00,07:00:00,1800,\n")
    assert reasons(problems) == [("frequencies.txt:3", "too_many_runs")]


def test_overlapping_headways_give_each_start_once() -> None:
    lines = "T2,06:00:00,07:00:00,1800,\nT2,06:30:00,07:30:00,1800,\n"
    rows, problems = sense(frequencies=FREQUENT + lines)
    assert len(links(rows)) == 1 + 3
    assert reasons(problems) == [("frequencies.txt:3", "repeated_id")]


def test_the_real_caltrain_feed_is_read_without_a_loss_and_its_areas_are_complete() -> None:
    folder = ROOT / "data" / "gtfs-caltrain-2017"
    page = bundle({file.name: [file.read_bytes()] for file in folder.glob("*.txt")})
    mapping = (ROOT / "examples" / "second-hub" / "station_areas.csv").read_bytes()
    context = ReadContext(ZoneInfo("America/Los_Angeles"), NOW)
    items = list(CONNECTOR.read(Page("caltrain.zip", [page], "1"), context))
    rows = [item for item in items if isinstance(item, Row)]
    assert len(rows) == len(items)
    assert len(values(rows, "rail_calls", "seq")) == 2_697
    assert len(values(rows, "rail_trips", "code")) == 188
    assert {line.split(",")[0] for line in mapping.decode().splitlines()[1:]} == set(
        values(rows, "rail_stations", "station_id")
    )
    lasts = [minute for minute in values(rows, "rail_calls", "arrive_min") if isinstance(minute, int)]
    assert max(lasts) > 24 * 60


pieces = st.sampled_from(("T1", "A", "S", "", "24:00:00", "1", "20221020", "4", "Europe/Berlin", '"', ",", "\n", "é"))


@given(name=st.sampled_from(sorted({*FEED, "transfers.txt", "frequencies.txt"})), parts=st.lists(pieces, max_size=30))
@settings(max_examples=150, deadline=None)
def test_a_feed_with_any_file_spoiled_gives_rows_or_a_refusal(name: str, parts: list[str]) -> None:
    header = {
        "transfers.txt": IN_SEAT,
        "frequencies.txt": FREQUENT,
    }.get(name, FEED.get(name, "").split("\n")[0] + "\n")
    refused = ""
    try:
        sense(**{name.removesuffix(".txt"): header + ",".join(parts)})
    except Malformed as refusal:
        refused = refusal.key
    assert not refused or refused in catalogue()


def test_a_long_feed_of_dates_stays_in_order() -> None:
    lines = "".join(f"S,{date(2022, 1, 1) + timedelta(days=step):%Y%m%d},1\n" for step in range(99, -1, -1))
    rows, _ = sense(calendar_dates="service_id,date,exception_type\n" + lines)
    assert days(rows) == sorted(days(rows), key=str)
