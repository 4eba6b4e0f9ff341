"""The timetable as the kit sees it: one page in the CSV form, one GTFS feed."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hubtwin.connectors import rail_timetable
from hubtwin.connectors.common.serve import garble
from hubtwin.connectors.rail_timetable.codec import bundle
from hubtwin.model.record import Row
from hubtwin.ports import ReadContext
from tests.contracts.connector_kit import Bad, Source

CONTEXT = ReadContext(zone=ZoneInfo("Asia/Shanghai"), now=datetime(2022, 10, 20, 0, 15, tzinfo=UTC))
DAY = date(2022, 10, 20)

CSV_FORM = {
    "stations.csv": "name,telecode,lon,lat\n甲站,AAA,,\n乙站,BBB,,\n",
    "trips.csv": "trip,train_code,train_no,run_dates\nT1,G1/G4,24000,2022-10-20\n",
    "stops.csv": "trip,seq,telecode,arrive_min,depart_min\nT1,1,AAA,,1430\nT1,2,BBB,1500,\n",
}
GTFS = {
    "agency.txt": "agency_name,agency_url,agency_timezone\nA,https://a.example,Asia/Shanghai\n",
    "routes.txt": "route_id,route_short_name,route_type\nR,D,2\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\nS1,One,30.1,120.1\nS2,Two,30.2,120.2\n",
    "trips.txt": "route_id,service_id,trip_id,trip_short_name\nR,W,X,D31\n",
    "stop_times.txt": (
        "trip_id,stop_id,stop_sequence,arrival_time,departure_time\nX,S1,0,,23:50:00\nX,S2,1,24:20:00,\n"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nW,20221020,1\n",
}


def _page(files: Mapping[str, str], **changes: tuple[str, str]) -> bytes:
    """Return a page; a change replaces a text in the file of that name without its ending."""
    changed = dict(files)
    for name, (old, new) in changes.items():
        file = next(file for file in files if file.startswith(name + "."))
        assert old in files[file], old
        changed[file] = files[file].replace(old, new, 1)
    return bundle({name: [text.encode()] for name, text in changed.items()})


def _station(station_id: str, name: str, lon: float | None, lat: float | None) -> Row:
    place = {"station_id": station_id, "name": name, "lon": lon, "lat": lat}
    return Row("rail_stations", {**place, "area_code": None, "area_basis": "unknown"})


def _trip(trip_id: str, code: str, train_no: str, ends: tuple[str, str]) -> Row:
    names = {"trip_id": trip_id, "code": code, "train_no": train_no}
    return Row("rail_trips", {**names, "origin": ends[0], "destination": ends[1], "continues_as": None})


def _call(trip: tuple[str, str], seq: int, station_id: str, arrive: int | None, depart: int | None) -> Row:
    where = {"trip_id": trip[0], "seq": seq, "station_id": station_id, "code": trip[1], "platform": None}
    return Row("rail_calls", {**where, "arrive_min": arrive, "depart_min": depart})


def _day(trip_id: str) -> Row:
    return Row("rail_service_days", {"trip_id": trip_id, "service_date": DAY})


ROWS = (
    (
        _station("AAA", "甲站", None, None),
        _station("BBB", "乙站", None, None),
        _trip("T1", "G1/G4", "24000", ("AAA", "BBB")),
        _day("T1"),
        _call(("T1", "G1/G4"), 1, "AAA", None, 1430),
        _call(("T1", "G1/G4"), 2, "BBB", 1500, None),
    ),
    (
        _station("S1", "One", 120.1, 30.1),
        _station("S2", "Two", 120.2, 30.2),
        _trip("X", "D31", "D31", ("S1", "S2")),
        _day("X"),
        _call(("X", "D31"), 0, "S1", None, 1430),
        _call(("X", "D31"), 1, "S2", 1460, None),
    ),
)

SOURCE = Source(
    name="rail_timetable",
    connector=rail_timetable.CONNECTOR,
    context=CONTEXT,
    pages=(_page(CSV_FORM), _page(GTFS)),
    rows=ROWS,
    garbage=Bad(_page(CSV_FORM, stops=("T1,2", "\0\x07 garbage\nT1,2")), kept=6, says=("damaged",)),
    half_frame=Bad(_page(GTFS)[:-30], refused=True, says=("ends early",)),
    unknown_enum=Bad(_page(GTFS, calendar_dates=(",1\n", ",1\nW,20221021,7\n")), kept=6, says=("exception_type", "7")),
    added_field=Bad(
        _page(CSV_FORM, trips=("run_dates\n", "run_dates,colour\n")), refused=True, says=("colour", "trips")
    ),
    removed_field=Bad(_page(GTFS, stop_times=("stop_sequence", "x_sequence")), refused=True, says=("stop_sequence",)),
    clock_ahead=None,  # a timetable does not say when it was made; its days may be in the future
    more={
        "an extension of GTFS": Bad(
            _page(GTFS, trips=("short_name\nR,W,X,D31", "short_name,bikes\nR,W,X,D31,1")), kept=6, quarantined=0
        ),
        "unknown station": Bad(_page(CSV_FORM, stops=("BBB", "ZZZ")), kept=5, says=("ZZZ",), new=True),
        "unknown trip": Bad(_page(CSV_FORM, stops=("T1,2", "T9,2")), kept=5, says=("T9",), new=True),
        "a broken date": Bad(
            _page(CSV_FORM, trips=("2022-10-20", "2022-10-20|2022-10-32")), kept=6, says=("run_dates",)
        ),
        "a broken time": Bad(_page(GTFS, stop_times=("24:20:00", "24:99:00")), kept=5, says=("24:99:00",), new=True),
        "a missing file": Bad(bundle({"agency.txt": [GTFS["agency.txt"].encode()]}), refused=True, says=("stops.txt",)),
        "a damaged archive": Bad(_page(GTFS)[50:], refused=True),
        "nothing at all": Bad(b"", refused=True),
    },
    garbler=garble,
)
