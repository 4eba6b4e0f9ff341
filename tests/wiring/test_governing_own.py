"""The hub's own datasets are governed where they lie: of each key the latest row is the record, and has one colour."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from hubtwin.base.errors import Denied
from hubtwin.datasets.all import DATASETS
from hubtwin.library.ingest import Target, ingest
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.colour import Colour
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Batch, Page
from hubtwin.settings import load_settings
from hubtwin.stores.asking import COLUMNS
from hubtwin.wiring.colouring import OWN_EVERY_MIN, ColouringClock
from hubtwin.wiring.governing import Governing, governing_of, main_dataset, opened_governing
from hubtwin.wiring.works import Works, open_works

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
OWNER = Person("li", "李", "railway", AgencyKind.RAILWAY, frozenset({Role.DATA_OWNER}), frozenset())
Told = dict[str, Any]


class Hub:
    """An open hub whose store takes rows, and whose real clock a test turns."""

    def __init__(self, works: Works, times: dict[str, datetime]) -> None:
        self.works, self.times, self._batch = works, times, 0
        governing = governing_of(works)
        assert governing is not None
        self.governing: Governing = governing

    def take(self, name: str, *rows: Told) -> None:
        store, dataset = self.works.store, DATASETS[name]
        marks = {"hub_id": store.hub_id, "source": "s", "status": "Actual", "provenance": "real", "replayed": False}
        self._batch += 1
        whole = [dict.fromkeys(dataset.by_name) | row | marks for row in rows]
        table = pa.Table.from_pylist(whole, schema=dataset.schema)
        store.write(Batch(f"k{self._batch}", "s", {name: table}))

    def colours(self, name: str) -> dict[str, int]:
        run = self.governing.govern(name, "test")
        return {colour.name.lower(): count for colour, count in run.colours.colours.items()}


@contextmanager
def opened(home: Path) -> Iterator[Hub]:
    times = {"now": NOW}
    settings = load_settings("hangzhou-east", home)
    with open_works(settings, clock=lambda: times["now"], real_clock=lambda: times["now"], clocks_min={}) as works:
        yield Hub(works, times)


def _station(name: str) -> Told:
    return {"station_id": name, "name": name, "area_basis": "unknown"}


def _trip(trip: str, origin: str, code: str = "G1") -> Told:
    return {"trip_id": trip, "code": code, "origin": origin, "destination": "HGH"}


def _call(trip: str, seq: int, station: str) -> Told:
    return {"trip_id": trip, "seq": seq, "station_id": station, "code": "G1"}


def test_of_each_key_the_latest_row_is_the_record_and_nothing_of_the_store_is_changed(tmp_path: Path) -> None:
    with opened(tmp_path) as hub:
        hub.take("rail_stations", _station("HGH"), _station("SHH"))
        hub.take("rail_trips", _trip("T1", "SHH"), _trip("T2", "lost"), _trip("T3", "HGH"))
        assert hub.colours("rail_trips") == {"brown": 1, "blue": 2}
        before = _files(hub)
        hub.take("rail_trips", _trip("T2", "SHH"), _trip("T3", "lost"), _trip("T4", "SHH"))
        run = hub.governing.govern("rail_trips", "test")
        assert (run.rows, run.colours.colours) == (4, {Colour.BROWN: 1, Colour.BLUE: 3})
        assert run.repaired == 1, "T2 came again and is right now"
        (order,) = hub.governing.orders(dataset="rail_trips")
        assert (order.rule, order.agency, order.role, order.failing) == (
            "refers_to:origin",
            "data",
            "library_steward",
            1,
        )
        hub.works.store.compact("rail_trips")  # its rows lie elsewhere and are the same records
        assert hub.governing.list_uncoloured() == ["rail_stations", "rail_trips"]
        assert hub.colours("rail_trips") == {"brown": 1, "blue": 3}
        hub.take("rail_trips", _trip("T3", "HGH"))
        hub.works.store.compact("rail_trips")
        last = hub.governing.govern("rail_trips", "test")
        assert (last.repaired, last.colours.colours) == (1, {Colour.BLUE: 4}), "also where it was merged meanwhile"
        assert hub.governing.orders(dataset="rail_trips") == []
        assert {row.failed for row in hub.governing.trend("rail_trips") if row.rule == "latest:trip_id"} == {0}
        assert before <= _files(hub), "nothing of the store was changed"


def test_a_run_scans_only_what_came_and_a_reference_that_is_told_again_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as hub:
        hub.take("rail_stations", _station("HGH"))
        hub.take("rail_trips", _trip("T1", "HGH"))
        hub.take("rail_calls", _call("T1", 1, "HGH"), _call("T1", 2, "HGH"))
        assert hub.governing.govern("rail_calls", "test").evaluated == 2
        hub.take("rail_calls", _call("T1", 2, "HGH"))
        hub.take("rail_stations", _station("HGH"))
        run = hub.governing.govern("rail_calls", "test")
        assert (run.rows, run.evaluated, run.changed) == (2, 1, 1), "the row before it is no record any more"
        hub.take("rail_stations", _station("SHH"))
        assert hub.governing.govern("rail_calls", "test").evaluated == 3, "what is a reference was widened"
        assert hub.governing.govern("rail_calls", "test").evaluated == 0


def _files(hub: Hub) -> set[tuple[str, bytes]]:
    folder = hub.works.store.directory / COLUMNS
    return {(path.name, path.read_bytes()) for path in folder.rglob("*.parquet")}


def test_what_is_no_record_any_more_is_not_shown_and_the_rest_masked_to_its_owner_only(tmp_path: Path) -> None:
    with opened(tmp_path) as hub:
        hub.take("rail_stations", _station("HGH"))
        booking = {"service_date": NOW.date(), "pid": "0" * 32, "board_seq": 1, "alight_seq": 2, "as_of_min": 1}
        booking["order_ref"] = "1" * 32
        states = DATASETS["bookings"].by_name["state"].values
        hub.take("rail_trips", _trip("T1", "HGH"))
        hub.take(
            "bookings",
            {"trip_id": "lost", **booking, "state": states[0]},
            {"trip_id": "T1", **booking, "state": states[0]},
        )
        hub.take("bookings", {"trip_id": "lost", **booking, "state": states[1], "as_of_min": 2})
        assert hub.colours("bookings") == {"brown": 1, "blue": 1}
        (row,) = hub.governing.look(OWNER, "bookings", rule="refers_to:trip_id")
        assert (row.colour, row.values["as_of_min"]) == (Colour.BROWN, 2)
        assert (row.values["state"], "pid" in row.values) == ("***", False), "masked by their grades"
        with pytest.raises(Denied):
            hub.governing.look(Person(**_other()), "bookings", rule="refers_to:trip_id")
        kinds = [entry.kind for entry in hub.works.access.audit.list_entries(by="li")]
        assert kinds == ["QualityRowsRead"]


def _other() -> Told:
    told = {name: getattr(OWNER, name) for name in ("user_id", "name", "roles", "scenes") if hasattr(OWNER, name)}
    return {**told, "agency": "transport", "agency_kind": AgencyKind.TRANSPORT}


def test_rows_in_quarantine_are_its_black_records(tmp_path: Path) -> None:
    with opened(tmp_path) as hub:
        store = hub.works.store
        rows: list[Row | Quarantined] = [
            Row("rail_stations", _station("HGH"), "stops.txt:2"),
            Row("rail_stations", {**_station("SHH"), "lat": 91.0}, "stops.txt:3"),
            Row("rail_trips", {"trip_id": "T1"}, "trips.txt:2"),
            Quarantined("stops.txt:4", "connectors.common.repeated_row", {}, "X,Y"),
        ]
        ingest(rows, Page("feed", (b"",), "1"), Target(store, store.hub_id, "rail_timetable"))
        assert main_dataset("rail_timetable") == "rail_stations"
        assert hub.colours("rail_stations") == {"black": 2, "blue": 1}, "one refused, one that was no row of anything"
        assert hub.governing.held() == ["rail_stations"]


def test_a_record_of_a_moment_does_not_grow_stale_and_a_station_that_nobody_told_again_does(tmp_path: Path) -> None:
    with opened(tmp_path) as hub:
        hub.take("rail_stations", _station("HGH"))
        hub.take("lane_counts", {"exit_id": "E", "lane": 1, "minute_min": 5, "passed": 1, "waiting": 0})
        assert hub.colours("rail_stations") == {"blue": 1}
        hub.times["now"] += timedelta(days=400)
        assert hub.colours("lane_counts") == {"blue": 1}
        assert hub.colours("rail_stations") == {"grey": 1}
        hub.take("rail_stations", _station("HGH"))
        assert hub.colours("rail_stations") == {"blue": 1}


def test_the_clock_colours_the_hubs_own_once_an_hour(tmp_path: Path) -> None:
    with opened(tmp_path) as hub:
        clock = ColouringClock(hub.governing, lambda: hub.times["now"].astimezone(ZONE))
        clock.start()

        def runs(after_min: int) -> int:
            hub.times["now"] += timedelta(minutes=after_min)
            clock(hub.times["now"])
            clock.wait()
            return len(hub.governing.quality.runs("rail_stations", 100))

        hub.take("rail_stations", _station("HGH"))
        assert runs(1) == 1
        hub.take("rail_stations", _station("SHH"))
        assert runs(1) == 1, "its sources write all the time"
        assert runs(OWN_EVERY_MIN) == 2
        assert runs(OWN_EVERY_MIN) == 2, "nothing is new"


def test_the_command_governs_them_beside_a_hub_at_work(tmp_path: Path) -> None:
    with opened(tmp_path) as hub:
        hub.take("rail_stations", _station("HGH"))
        with opened_governing(hub.works.settings, lambda: NOW) as governing:
            assert governing.held() == ["rail_stations"]
            assert governing.govern("rail_stations", "cli").rows == 1


@pytest.mark.parametrize("seed", range(6))
def test_whatever_comes_merges_and_goes_the_colours_are_those_of_the_latest_rows(tmp_path: Path, seed: int) -> None:
    """Against a slow loop over what the store itself says stands."""
    chance = random.Random(seed)
    with opened(tmp_path) as hub:
        hub.take("rail_stations", _station("HGH"), _station("SHH"))
        hub.take("rail_trips", *(_trip(f"T{n}", "HGH") for n in range(4)))
        for _ in range(12):
            calls = {
                (f"T{chance.randrange(6)}", chance.randrange(4)): chance.choice(("HGH", "SHH", "lost"))
                for _ in range(chance.randrange(1, 9))
            }
            hub.take("rail_calls", *(_call(trip, seq, station) for (trip, seq), station in calls.items()))
            if chance.random() < 0.3:
                hub.works.store.compact("rail_calls")
            if chance.random() < 0.6:
                rows = hub.works.store.tables(["rail_calls"])["rail_calls"].collect().rows(named=True)
                trips = {f"T{n}" for n in range(4)}
                bad = sum(row["trip_id"] not in trips or row["station_id"] == "lost" for row in rows)
                found = {k: v for k, v in {"brown": bad, "blue": len(rows) - bad}.items() if v}
                assert hub.colours("rail_calls") == found
