"""The first list of a day: from the bytes of the shipped files to what is printed, beside a plain loop over them."""

import csv
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hubtwin.rules.places import resolver
from hubtwin.settings import find_data_dir, load_settings
from hubtwin.wiring import find_gazetteer
from tests.cli.kit import Hub

DATA = find_data_dir()
RAIL = DATA / "cn-rail-timetable-2016"
CHINA = timezone(timedelta(hours=8))
MIDNIGHT = datetime(2022, 10, 20, tzinfo=CHINA)
PATTERN = {date(2022, 10, 18 + n): date(2016, 3, 1 + n) for n in range(4)}  # Tuesday to Friday
HUB, WARNED = "HGH", 185  # of 339 arrivals; 184 are published for the county lock on the pattern of 2016-03-01
ASKED = ("collide", "--date", "2022-10-20", "--at", "00:00", "--horizon", "1440", "--rung", "counts")


class Call(NamedTuple):
    """A call as the file has it; minutes after the start of the service date."""

    seq: int
    station: str
    arrive_min: int | None
    depart_min: int | None


def lines(path: Path) -> Iterator[dict[str, str]]:
    body = path.read_bytes()
    text = (gzip.decompress(body) if path.suffix == ".gz" else body).decode("utf-8-sig")
    yield from csv.DictReader(io.StringIO(text))


def counties_of_stations() -> dict[str, str]:
    """Return station -> county: that of its address, else that of the nearest centre."""
    found = {row["telecode"]: row["county_code"] for row in lines(RAIL / "station_county_nearest.csv")}
    return found | {row["station_id"]: row["area_code"] for row in lines(RAIL / "station_areas.csv")}


def calls_by_trip() -> dict[str, list[Call]]:
    found = defaultdict(list)
    for row in lines(RAIL / "stops.csv.gz"):
        arrive, depart = (int(row[name]) if row[name] else None for name in ("arrive_min", "depart_min"))
        found[row["trip"]].append(Call(int(row["seq"]), row["telecode"], arrive, depart))
    return {trip: sorted(calls) for trip, calls in found.items()}


def codes_by_trip(day: date) -> dict[str, str]:
    """Return trip -> train code of the trips that run on a date."""
    return {
        row["trip"]: row["train_code"]
        for row in lines(RAIL / "trips.csv.gz")
        if row["run_dates"] == "ALL" or day.isoformat() in row["run_dates"].split("|")
    }


@cache
def known_intervals() -> dict[str, list[datetime | None]]:
    """Return county -> known end of each high or medium area published by midnight, by the rules for area texts."""
    resolve = resolver(find_gazetteer(load_settings("hangzhou-east", environ={})))
    found = defaultdict(list)
    for row in lines(DATA / "risk-areas/risk_area_intervals.csv.gz"):
        first = datetime.fromisoformat(row["first_seen"]).replace(tzinfo=CHINA)
        gone = datetime.fromisoformat(row["gone_by"]).replace(tzinfo=CHINA) if row["gone_by"] else None
        if row["level"] not in ("high", "medium") or first > MIDNIGHT:
            continue
        ends = gone if gone is not None and gone <= MIDNIGHT else None  # a later withdrawal is not known yet
        if ends is not None and ends < MIDNIGHT - timedelta(days=4):
            continue  # no train that arrives today was under way then
        code = resolve(row["province"], row["city"], row["county"], row["community"]).area_code
        if code:
            found[code].append(ends)
    return dict(found)


@cache
def warned_by_plain_loop() -> dict[tuple[str, str], set[str]]:
    """Return (trip, service date) -> stations in active areas, of every train that reaches the hub that day."""
    counties, calls, intervals = counties_of_stations(), calls_by_trip(), known_intervals()
    found: dict[tuple[str, str], set[str]] = {}
    for day, pattern in PATTERN.items():
        start = datetime.combine(day, datetime.min.time(), tzinfo=CHINA)
        for trip in codes_by_trip(pattern):
            for at_hub in calls.get(trip, ()):
                if at_hub.station != HUB or at_hub.arrive_min is None:
                    continue
                arrival = start + timedelta(minutes=at_hub.arrive_min)
                if not MIDNIGHT <= arrival < MIDNIGHT + timedelta(days=1):
                    continue
                met = set()
                for call in calls[trip]:
                    if call.seq >= at_hub.seq or call.depart_min is None:
                        continue
                    minute = call.depart_min if call.arrive_min is None else call.arrive_min
                    reached = start + timedelta(minutes=minute)
                    ends = intervals.get(counties.get(call.station, ""), ())
                    if any(end is None or end > reached for end in ends):
                        met.add(call.station)
                if met:
                    found[trip, day.isoformat()] = met
    return found


def test_the_list_of_a_day_is_that_of_a_plain_loop_over_the_files(reference: Hub) -> None:
    listed = json.loads(reference.done(*ASKED, "--format", "json"))
    assert listed["service_pattern"] == "2016-03-03"
    trains = {(t["trip_id"], t["service_date"]): {c["station_id"] for c in t["calls"]} for t in listed["trains"]}
    assert trains == warned_by_plain_loop()
    assert len(listed["trains"]) == len(trains) == WARNED
    assert not any(train["synthetic"] for train in listed["trains"]), "nobody simulated anything yet"
    codes = codes_by_trip(date(2016, 3, 2)) | codes_by_trip(date(2016, 3, 3))
    for train in listed["trains"]:
        assert train["train"] == codes[train["trip_id"]]
        arrival = datetime.fromisoformat(train["expected"])
        assert arrival.tzinfo == UTC or arrival.utcoffset() == timedelta(0)
        assert arrival - datetime.fromisoformat(listed["now"]) == timedelta(minutes=train["lead_min"])


def test_the_printed_list_names_every_train_of_it(reference: Hub) -> None:
    printed = reference.done(*ASKED, "--limit", "0", lang="zh")
    codes = {**codes_by_trip(date(2016, 3, 2)), **codes_by_trip(date(2016, 3, 3))}
    assert {codes[trip] for trip, _ in warned_by_plain_loop()} <= set(printed.split())
    assert f" {WARNED} " in printed


def test_a_small_simulated_day_gives_counts_to_the_trains_and_marks_them(shipped: Path, reference: Hub) -> None:
    assert len((shipped / "first.txt").read_text(encoding="utf-8").splitlines()) == 2, "both feeds, once"
    ran = reference("demo", "--list-only", "--date", "2022-10-20", "--at", "09:00", lang="zh")
    assert ran.code == 0, ran
    listed = json.loads(reference.done("collide", "--date", "2022-10-20", "--at", "09:00", "--format", "json"))
    counted = [train for train in listed["trains"] if train["persons"]["booked"] is not None]
    assert any(train["persons"]["booked"] for train in counted)
    assert all(train["synthetic"] for train in counted)
    assert "boarding_counts" in listed["synthetic"]
    warned = {trip for trip, _ in warned_by_plain_loop()}
    assert {train["trip_id"] for train in listed["trains"]} <= warned | {
        train["trip_id"] for train in listed["trains"] if _is_newer(train)
    }, "at nine no train is listed that was not at midnight, but by what was published meanwhile"


def _is_newer(train: dict[str, Any]) -> bool:
    return any(datetime.fromisoformat(call["newest"]) > MIDNIGHT for call in train["calls"])
