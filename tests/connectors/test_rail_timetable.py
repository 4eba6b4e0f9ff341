"""The timetable connector on real data, in both forms, and on bundles that are wrong."""

import gzip
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.base.geo import distance_m
from hubtwin.base.text import catalogue
from hubtwin.connectors.rail_timetable import CONNECTOR, codec
from hubtwin.connectors.rail_timetable.codec import bundle
from hubtwin.connectors.rail_timetable.mapper import read_station_areas
from hubtwin.connectors.rail_timetable.records import Call, forwards
from hubtwin.connectors.rail_timetable.simulator import Place, Stop, Train, make_csv, make_gtfs
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext

DATA = Path(__file__).resolve().parents[2] / "data" / "cn-rail-timetable-2016"
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2022, 10, 20, tzinfo=UTC)
STATIONS = b"name,telecode,lon,lat\nA,AAA,120.0,30.0\nB,BBB,121.0,31.0\nC,CCC,122.0,32.0\n"
TRIPS = b"trip,train_code,train_no,run_dates\n1,G1,x,ALL\n"
STOPS = b"trip,seq,telecode,arrive_min,depart_min\n1,1,AAA,,60\n1,2,BBB,90,95\n1,3,CCC,120,\n"


def sense(page: bytes, context: ReadContext | None = None) -> tuple[list[Row], list[Quarantined]]:
    items = list(CONNECTOR.read(Page("t.zip", [page], "1"), context or ReadContext(SHANGHAI, NOW)))
    return [item for item in items if isinstance(item, Row)], [item for item in items if isinstance(item, Quarantined)]


def of(rows: list[Row], dataset: str) -> list[Row]:
    return [row for row in rows if row.dataset == dataset]


def csv_page(stations: bytes = STATIONS, trips: bytes = TRIPS, stops: bytes = STOPS) -> bytes:
    return bundle({"a.csv": [stations], "b.csv": [trips], "c.csv": [stops]})


def reasons(problems: list[Quarantined]) -> list[tuple[str, str]]:
    return [(problem.locator, problem.reason.rsplit(".", 1)[1]) for problem in problems]


@pytest.fixture(scope="module")
def real_rows() -> list[Row]:
    rows, problems = sense(bundle({file.name: [file.read_bytes()] for file in DATA.glob("*.csv*")}))
    assert problems == []
    return rows


def test_the_real_timetable_is_read_without_a_loss(real_rows: list[Row]) -> None:
    assert Counter(row.dataset for row in real_rows) == {
        "rail_stations": 672,
        "rail_trips": 4_458,
        "rail_calls": 34_647,
        "rail_service_days": 231_245,
    }


def test_the_real_day_of_the_reference_hub_has_337_arrivals(real_rows: list[Row]) -> None:
    running = {
        row.values["trip_id"]
        for row in of(real_rows, "rail_service_days")
        if row.values["service_date"] == date(2016, 3, 1)
    }
    calls = [
        row.values
        for row in of(real_rows, "rail_calls")
        if row.values["station_id"] == "HGH" and row.values["trip_id"] in running
    ]
    assert len(running) == 3_814
    assert len(calls) == 375
    assert sum(call["arrive_min"] is not None for call in calls) == 337


def test_chinese_coordinates_are_converted_to_wgs_84(real_rows: list[Row]) -> None:
    hub = next(row.values for row in of(real_rows, "rail_stations") if row.values["station_id"] == "HGH")
    lon, lat = hub["lon"], hub["lat"]
    assert isinstance(lon, float)
    assert isinstance(lat, float)
    assert distance_m(lon, lat, 120.2085, 30.2935) < 30
    assert 400 < distance_m(lon, lat, 120.213041, 30.291089) < 600  # as the source has it
    assert (hub["area_code"], hub["area_basis"]) == ("330102", "given"), "the address says Jianggan, now Shangcheng"


def test_a_given_area_stands_before_the_nearest_centroid() -> None:
    context = ReadContext(SHANGHAI, NOW, station_areas={"AAA": ("330104", "given")})
    rows, _ = sense(csv_page(), context)
    areas = [(row.values["area_code"], row.values["area_basis"]) for row in of(rows, "rail_stations")]
    assert areas == [("330104", "given"), (None, "unknown"), (None, "unknown")]


def test_station_areas_come_from_a_mapping_file_that_must_be_whole() -> None:
    good = b"station_id,area_code\nAAA,06075\n"
    assert read_station_areas(Page("areas.csv", [good], "1")) == {"AAA": ("06075", "given")}
    with pytest.raises(Malformed):
        read_station_areas(Page("areas.csv", [good + b"BBB,\n"], "1"))


def test_all_means_every_day_of_the_collection_or_of_what_the_trips_name() -> None:
    rows, _ = sense(csv_page())
    days = [row.values["service_date"] for row in of(rows, "rail_service_days")]
    assert (days[0], days[-1], len(days)) == (date(2016, 1, 30), date(2016, 3, 29), 60)
    later = TRIPS + b"2,G2,x,2022-10-20|2022-10-22\n"
    rows, _ = sense(csv_page(trips=later))
    days = [row.values["service_date"] for row in of(rows, "rail_service_days") if row.values["trip_id"] == "1"]
    assert days == [date(2022, 10, 20), date(2022, 10, 21), date(2022, 10, 22)]


def test_a_broken_run_date_costs_that_date_only() -> None:
    rows, problems = sense(csv_page(trips=TRIPS.replace(b"ALL", b"2016-03-01|soon|2016-03-02")))
    assert len(of(rows, "rail_service_days")) == 2
    assert reasons(problems) == [("b.csv:2", "broken_date")]


def test_broken_calls_are_put_aside_with_file_and_line() -> None:
    bad = (
        STOPS + b"9,1,AAA,1,2\n1,4,ZZZ,130,131\n1,x,AAA,1,2\n1,5,AAA,150,149\n1,3,CCC,120,\n1,3,CCC,121,\n1,6,AAA,-5,\n"
    )
    rows, problems = sense(csv_page(stops=bad))
    assert len(of(rows, "rail_calls")) == 3
    assert sorted(reasons(problems)) == [
        ("c.csv:10", "conflicting_row"),
        ("c.csv:11", "count_out_of_range"),
        ("c.csv:5", "unknown_trip"),
        ("c.csv:6", "unknown_stop"),
        ("c.csv:7", "broken_count"),
        ("c.csv:8", "departs_before_arrival"),
        ("c.csv:9", "repeated_row"),
    ]


def test_one_wild_time_costs_one_call() -> None:
    rows, problems = sense(csv_page(stops=STOPS.replace(b"1,1,AAA,,60", b"1,1,AAA,,6000")))
    assert [row.values["seq"] for row in of(rows, "rail_calls")] == [2, 3]
    assert reasons(problems) == [("c.csv:2", "runs_backwards")]
    assert of(rows, "rail_calls")[0].values["arrive_min"] == 90  # its neighbour is no start of the trip


def test_a_trip_without_any_call_is_put_aside() -> None:
    rows, problems = sense(csv_page(trips=TRIPS + b"2,G2,x,ALL\n"))
    assert [row.values["trip_id"] for row in of(rows, "rail_trips")] == ["1"]
    assert reasons(problems) == [("b.csv:3", "trip_without_calls")]


def test_a_place_that_is_none_costs_the_coordinates_not_the_station() -> None:
    rows, problems = sense(csv_page(stations=STATIONS.replace(b"120.0,30.0", b"n/a,30.0")))
    assert of(rows, "rail_stations")[0].values["lon"] is None
    assert len(of(rows, "rail_calls")) == 3
    assert reasons(problems) == [("a.csv:2", "broken_place")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_encodings_are_recognised(encoding: str) -> None:
    rows, problems = sense(csv_page(stations=STATIONS.decode().replace("\nA,", "\n杭州东,").encode(encoding)))
    assert of(rows, "rail_stations")[0].values["name"] == "杭州东"
    assert problems == []


def test_files_may_be_gzip_and_single_files_are_refused_by_what_is_missing() -> None:
    page = bundle({"a.csv.gz": [gzip.compress(STATIONS)], "b.csv": [TRIPS], "c.csv": [STOPS]})
    assert sense(page)[0] == sense(csv_page())[0]
    with pytest.raises(Malformed, match="trips"):
        sense(STATIONS)


def test_a_damaged_gzip_file_is_refused() -> None:
    broken = gzip.compress(STATIONS)[:-12]
    for content in (broken, gzip.compress(STATIONS).replace(b"\x1f\x8b", b"\x1f\x8b\xff\xff", 1)):
        with pytest.raises(Malformed):
            sense(bundle({"a.csv.gz": [content], "b.csv": [TRIPS], "c.csv": [STOPS]}))


def test_a_bomb_is_refused_by_its_declared_and_by_its_real_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_FEED_BYTES", 10_000)
    zeros = bytes(20_000)
    for files in ({"a.csv": [zeros]}, {"a.csv.gz": [gzip.compress(zeros)]}):
        with pytest.raises(Malformed) as refusal:
            sense(bundle(files))
        assert refusal.value.key.endswith("archive_too_large")
    monkeypatch.setattr(codec, "MAX_PAGE_BYTES", 10)
    with pytest.raises(Malformed):
        sense(csv_page())


def test_too_many_files_and_one_file_twice_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Malformed, match="twice"):
        sense(bundle({"x/a.csv": [STATIONS], "y/a.csv": [STATIONS]}))
    monkeypatch.setattr(codec, "MAX_FILES", 2)
    with pytest.raises(Malformed):
        sense(csv_page())


def test_folders_and_hidden_files_of_an_archive_do_not_count() -> None:
    page = bundle({"t/a.csv": [STATIONS], "t/b.csv": [TRIPS], "t/c.csv": [STOPS], "__MACOSX/t/a.csv": [b"?"]})
    assert sense(page)[0] == sense(csv_page())[0]


def test_equal_files_make_equal_bundles() -> None:
    assert bundle({"b": [b"1", b"2"], "a": [b"3"]}) == bundle({"a": [b"3"], "b": [b"12"]})


times = st.one_of(st.none(), st.integers(0, 40))
spans = st.lists(st.tuples(times, times), max_size=7)


@given(spans=spans)
@settings(max_examples=150)
def test_no_longer_part_of_a_trip_runs_forwards(spans: list[tuple[int | None, int | None]]) -> None:
    calls = [
        Call(seq, "A", None, *((a, d) if a is None or d is None or a <= d else (d, a)), "")
        for seq, (a, d) in enumerate(spans)
    ]
    kept = forwards(calls)
    assert _runs_forwards(kept)
    subsets = ([call for bit, call in enumerate(calls) if mask >> bit & 1] for mask in range(1 << len(calls)))
    assert len(kept) == max(len(subset) for subset in subsets if _runs_forwards(subset))


def _runs_forwards(calls: list[Call]) -> bool:
    seen = [time for call in calls for time in (call.arrive_s, call.depart_s) if time is not None]
    return seen == sorted(seen)


trains = st.lists(
    st.builds(
        lambda number, stops, days: (number, stops, tuple(sorted(days))),
        st.integers(1, 9),
        st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 200), st.integers(0, 20)), min_size=2, max_size=5),
        st.sets(st.dates(date(2022, 10, 1), date(2022, 10, 9)), min_size=1),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda train: train[0],
)


@given(drawn=trains)
@settings(max_examples=40, deadline=None)
def test_both_forms_mean_the_same(drawn: list[tuple[int, list[tuple[str, int, int]], tuple[date, ...]]]) -> None:
    places = tuple(Place(name, name, 120 + number, 30.5) for number, name in enumerate("ABC"))
    made = [Train(str(number), f"G{number}", _stops(stops), days) for number, stops, days in drawn]
    rows, problems = sense(make_csv(places, made))
    others, other_problems = sense(make_gtfs(places, made, "Asia/Shanghai"))
    assert problems == other_problems == []
    assert [_plain(row) for row in rows] == [_plain(row) for row in others]


def _stops(drawn: list[tuple[str, int, int]]) -> tuple[Stop, ...]:
    clock, stops = 0, []
    for name, ride, wait in drawn:
        clock += ride
        stops.append(Stop(name, clock, clock + wait))
        clock += wait
    return tuple(stops)


def _plain(row: Row) -> tuple[str, dict[str, object]]:
    return row.dataset, {**row.values, "train_no": None}


FILES = ("stations.csv", "trips.txt", "stops.txt", "stop_times.txt", "agency.txt", "calendar.txt", "routes.txt")


@given(
    files=st.dictionaries(st.sampled_from(FILES), st.one_of(st.binary(max_size=60), st.sampled_from((STATIONS, STOPS))))
)
@settings(max_examples=120, deadline=None)
def test_any_files_give_rows_or_a_refusal_that_speaks(files: dict[str, bytes]) -> None:
    keys: set[str] = set()
    try:
        _, problems = sense(bundle({name: [data] for name, data in files.items()}))
        keys.update(problem.reason for problem in problems)
    except Malformed as refusal:
        keys.add(refusal.key)
    assert keys <= catalogue().keys()
