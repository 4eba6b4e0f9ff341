"""What the map shows of a hub at work: risk areas by county, stations, the warned trains on their way."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from threading import Lock
from typing import Any

import narwhals as nw

from hubtwin.base.clock import epoch_minute
from hubtwin.base.geo import gcj02_to_wgs84
from hubtwin.library.query import collect
from hubtwin.rules.delays import expected_calls, service_starts
from hubtwin.rules.positions import Stop, locate
from hubtwin.rules.service import project_days
from hubtwin.rules.told_areas import join_told
from hubtwin.web.schemas import trains as tr
from hubtwin.wiring.feeds import find_gazetteer
from hubtwin.wiring.works import Works

CENTROIDS = "cn-admin/adcodes_lonlat_2020.csv"
COUNTY_DIGITS = 6
DISTRICTS = 12  # that one answer tells; more letters narrow it down
LEVELS = ("high", "medium")
AREAS = ("risk_areas", "told_areas")


@dataclass
class RealMap:
    """The map of a hub. What changes with the hub's minute is computed once a minute."""

    works: Works

    def __post_init__(self) -> None:
        """Nothing is known yet."""
        self._lock = Lock()
        self._areas: tuple[tuple[int, int], tr.AreasReply] | None = None
        self._stops: tuple[tuple[str, ...], int, dict[str, list[Stop]]] | None = None

    def areas(self) -> tr.AreasReply:
        """Return the counties with high or medium areas in force at the hub's minute."""
        now_min, files = epoch_minute(self.works.clock()), sum(map(self._files, AREAS))
        with self._lock:
            if self._areas is None or self._areas[0] != (now_min, files):
                self._areas = ((now_min, files), self._read_areas(now_min) if files else tr.AreasReply(now_min, []))
            return self._areas[1]

    def districts(self, named: str) -> list[tr.DistrictView]:
        """Return districts of which the name or the code holds a text, those of the hub's city and province first."""
        home, text = self.works.settings.hub.area_code, named.replace(" ", "")
        known = ((code, names) for names, code in find_gazetteer(self.works.settings).counties.items())
        found = [(code, " ".join(names)) for code, names in known if text in "".join(names) or code.startswith(text)]
        found.sort(key=lambda one: (one[0][:4] != home[:4], one[0][:2] != home[:2], one[0]))
        return [tr.DistrictView(code, name) for code, name in found[:DISTRICTS]]

    def stations(self) -> list[tr.StationView]:
        """Return the stations with a known place."""
        return [
            tr.StationView(row["station_id"], row["name"], row["lon"], row["lat"], row["station_id"] in self._hub)
            for row in self._stations.values()
        ]

    def positions(self) -> tr.PositionsReply:
        """Return where the trains of the list are: on the line between two calls, by expected times."""
        now = self.works.clock()
        at_min, shown = now.timestamp() / 60, []
        listed = self.works.latest().trains
        stops = self._stops_of(listed)
        for item in listed:
            found = dict[str, Any](item.finding.evidence)
            where = locate(stops.get(item.finding.subject, ()), at_min)
            if where is not None:
                shown.append(
                    tr.Position(
                        *(item.finding.subject, found["train"], round(where.lon, 5), round(where.lat, 5)),
                        *(round(where.bearing, 1), where.from_station, where.to_station, found["expected_min"]),
                        level=found["level"],
                        key_train=found["key_train"],
                        inferred=True,
                    )
                )
        return tr.PositionsReply(epoch_minute(now), shown)

    @property
    def _hub(self) -> Sequence[str]:
        return self.works.settings.hub.stations

    def _files(self, dataset: str) -> int:
        held = self.works.store.held().get(dataset)
        return held.files if held else 0

    @cached_property
    def _stations(self) -> dict[str, dict[str, Any]]:
        if not self._files("rail_stations"):
            return {}
        frame = self.works.store.tables(("rail_stations",))["rail_stations"]
        placed = frame.filter(~nw.col("lon").is_null(), ~nw.col("lat").is_null()).sort("station_id")
        return {row["station_id"]: row for row in collect(placed).to_pylist()}

    @cached_property
    def _centroids(self) -> dict[str, tuple[str, float, float]]:
        """Return county code -> name and centroid in WGS 84; the shipped table is in GCJ-02."""
        path = self.works.settings.data_dir / CENTROIDS
        if not path.is_file():
            return {}
        with path.open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["longitude"]]
        return {
            row["adcode"][:COUNTY_DIGITS]: (
                row["name"],
                *gcj02_to_wgs84(float(row["longitude"]), float(row["latitude"])),
            )
            for row in rows
        }

    def _read_areas(self, now_min: int) -> tr.AreasReply:
        in_force = (
            join_told(self.works.store.tables(AREAS))
            .filter(
                nw.col("level").is_in(list(LEVELS)),
                ~nw.col("area_code").is_null(),
                nw.col("first_seen_min") <= now_min,
                nw.col("gone_by_min").is_null() | (nw.col("gone_by_min") > now_min),
            )
            .select("area_code", "level", "county", "first_seen_min", "provenance", "told_by")
        )
        counties: dict[str, list[dict[str, Any]]] = {}
        for row in collect(in_force).to_pylist():
            counties.setdefault(row["area_code"], []).append(row)
        known = ((code, rows) for code, rows in sorted(counties.items()) if code in self._centroids)
        return tr.AreasReply(now_min, [_area(code, rows, self._centroids[code]) for code, rows in known])

    def _stops_of(self, listed: Sequence[Any]) -> Mapping[str, list[Stop]]:
        """Return the expected calls of the listed trains, read anew when the list or the minute changes."""
        now_min = epoch_minute(self.works.clock())
        subjects = tuple(sorted(item.finding.key for item in listed))
        with self._lock:
            if self._stops is None or self._stops[:2] != (subjects, now_min):
                self._stops = (subjects, now_min, self._read_stops(listed, now_min) if listed else {})
            return self._stops[2]

    def _read_stops(self, listed: Sequence[Any], now_min: int) -> dict[str, list[Stop]]:
        runs = {
            (item.finding.evidence["trip_id"], date.fromisoformat(item.finding.evidence["service_date"])): (
                item.finding.subject,
                item.finding.evidence["hub_station"],
            )
            for item in listed
        }
        settings, tables = self.works.settings, self._tables()
        starts = service_starts(self.works.clock(), settings.hub.zone)
        trips = [trip for trip, _ in runs]
        days = project_days(tables["rail_service_days"], {day: settings.pattern_of(day) for day in starts})
        calls = tables["rail_calls"].filter(nw.col("trip_id").is_in(trips))
        running = tables["running_information"].filter(nw.col("trip_id").is_in(trips))
        expected = expected_calls(calls, days, running, starts, now_min).filter(~nw.col("cancelled"))
        found: dict[str, list[Stop]] = {}
        for row in collect(expected.sort("trip_id", "service_date", "seq")).to_pylist():
            run, station = runs.get((row["trip_id"], row["service_date"])), self._stations.get(row["station_id"])
            if run is None or station is None:
                continue
            arrive, depart = row["expected_arrive_min"], row["expected_depart_min"]
            if arrive is None and depart is None:
                continue
            first, last = arrive if arrive is not None else depart, depart if depart is not None else arrive
            stops = found.setdefault(run[0], [])
            if not stops or stops[-1].station_id != run[1]:  # beyond the hub it concerns us no more
                stops.append(Stop(row["station_id"], station["lon"], station["lat"], first, max(first, last)))
        return found

    def _tables(self) -> Mapping[str, nw.LazyFrame[Any]]:
        return self.works.store.tables(("rail_calls", "rail_service_days", "running_information"))


def _area(code: str, rows: Sequence[Mapping[str, Any]], place: tuple[str, float, float]) -> tr.Area:
    name, lon, lat = place
    facts = tr.AreaFacts(
        code,
        name,
        high=sum(row["level"] == "high" for row in rows),
        medium=sum(row["level"] == "medium" for row in rows),
        newest_min=max(row["first_seen_min"] for row in rows),
        synthetic=any(row["provenance"] == "synthetic" for row in rows),
        geometry_basis="centroid",
        told_by=sorted({row["told_by"] for row in rows} - {""}),
    )
    return tr.Area(tr.Point((round(lon, 4), round(lat, 4))), facts)
