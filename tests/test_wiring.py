"""Wiring: service days, station areas, known trains; a hub is configuration and nothing of one stands in the code."""

import re
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent
from hubtwin.library.query import collect
from hubtwin.settings import Settings, find_data_dir, load_settings
from hubtwin.wiring import Ask, ImportJob, get_connector, import_files, known_trains, open_store, prepare, warn
from tests.cli.kit import SECOND, Hub, make_tiny_hub

ROOT = Path(__file__).parents[1]
NOW = datetime(2022, 3, 3, tzinfo=UTC)
AT = datetime(2022, 3, 1, 0, 10, tzinfo=UTC)  # 08:10 in Shanghai


@pytest.fixture
def tiny(tmp_path: Path) -> Hub:
    return make_tiny_hub(tmp_path / "tiny")


def settings_of(hub: Hub) -> Settings:
    return load_settings(str(hub.hub), hub.home, "en", {})


def prepared(hub: Hub) -> Settings:
    settings = settings_of(hub)
    with open_store(settings, lambda: NOW) as store:
        prepare(settings, store, NOW, lambda kind, file: lambda progress: None)
    return settings


def trains(settings: Settings, now: datetime, pattern: date | None = None) -> list[tuple[str, str]]:
    with open_store(settings, lambda: NOW) as store:
        found = warn(settings, store, Ask(now, horizon_min=120, pattern=pattern))
    return [(str(w.finding.evidence["trip_id"]), str(w.finding.evidence["service_date"])) for w in found.trains]


def test_no_python_file_names_a_shipped_hub_its_city_or_its_stations() -> None:
    words = {"杭州", "Hangzhou", "HGH", "Caltrain", "San Francisco", "旧金山"}
    for file in [*(ROOT / "data/hubs").glob("*/hub.toml"), SECOND / "hub.toml"]:
        hub = tomllib.loads(file.read_text(encoding="utf-8"))["hub"]
        words |= {*hub["name"].values(), *hub["stations"]}
    pattern = re.compile(
        "|".join(rf"(?<!\w){re.escape(word)}(?!\w)|{word if not word.isascii() else '(?!)'}" for word in words)
    )
    named = {
        str(path.relative_to(ROOT)): found[0]
        for path in (ROOT / "src/hubtwin").rglob("*.py")
        if (found := pattern.search(path.read_text(encoding="utf-8")))
    }
    assert named == {}


def test_a_hub_of_one_folder_starts_without_a_python_change(tiny: Hub) -> None:
    assert trains(prepared(tiny), AT) == [("T1", "2022-03-01")]


def test_prepare_brings_each_feed_in_once(tiny: Hub) -> None:
    settings = settings_of(tiny)
    begun: list[str] = []
    with open_store(settings, lambda: NOW) as store:
        for expected in (["gtfs", "risk-areas"], []):
            reports = prepare(settings, store, NOW, lambda kind, file: begun.append(kind))
            assert [kind for kind, _ in reports] == expected
    assert begun == ["gtfs", "risk-areas"]


def test_station_areas_of_the_hub_reach_the_stations_and_say_so(tiny: Hub) -> None:
    settings = prepared(tiny)
    with open_store(settings, lambda: NOW) as store:
        rows = collect(store.tables(("rail_stations",))["rail_stations"]).to_pylist()
    areas = {row["station_id"]: (row["area_code"], row["area_basis"]) for row in rows}
    assert areas == {"A1": ("330102", "given"), "B1": ("330103", "given"), "HUB": ("330104", "given")}


def test_a_station_without_an_area_meets_none(tiny: Hub) -> None:
    (tiny.hub.parent / "areas.csv").write_text("station_id,area_code\nB1,330103\n", encoding="utf-8")
    assert trains(prepared(tiny), AT) == []


def test_known_trains_are_the_calls_in_order_with_their_planned_minutes(tiny: Hub) -> None:
    settings = prepared(tiny)
    with open_store(settings, lambda: NOW) as store:
        known = known_trains(store)
    assert known["stations"] == {"A1", "B1", "HUB"}
    ((trip, calls),) = known["calls"].items()
    assert (trip, [station for _, station in calls]) == ("T1", ["A1", "B1", "HUB"])
    assert [known["scheduled"](trip, seq) for seq, _ in calls] == [(None, 480), (510, 512), (570, None)]
    assert known["scheduled"]("T1", 99) == (None, None)


def test_an_empty_library_knows_no_train(tiny: Hub) -> None:
    with open_store(settings_of(tiny), lambda: NOW) as store:
        known = known_trains(store)
    assert (known["stations"], known["calls"]) == (frozenset(), {})


def test_service_days_are_their_own_where_published_and_those_of_the_pattern_behind(tiny: Hub) -> None:
    later = AT.replace(day=8)  # a Tuesday too, a week behind the feed
    assert trains(prepared(tiny), later) == []
    with tiny.hub.open("a", encoding="utf-8") as told:
        told.write("[timetable]\npattern_week = 2022-02-28\nlast_published = 2022-03-02\n")
    settings = settings_of(tiny)
    assert trains(settings, later) == [("T1", "2022-03-08")]
    assert trains(settings, later.replace(day=10)) == [], "no train ran on that Thursday"
    assert trains(settings, later.replace(day=10), date(2022, 3, 2)) == [("T1", "2022-03-10")], "told: as on Wednesday"


def test_an_unknown_kind_and_a_missing_file_are_named(tiny: Hub) -> None:
    with pytest.raises(Absent) as told:
        get_connector("tea-leaves")
    assert "tea-leaves" in told.value.message("en")
    settings = settings_of(tiny)
    with open_store(settings, lambda: NOW) as store, pytest.raises(Absent) as told:
        import_files(settings, store, ImportJob("bookings", (Path("none.csv"),), NOW))
    assert "none.csv" in told.value.message("zh")


def test_every_shipped_hub_names_feeds_that_exist() -> None:
    for hub in [*(find_data_dir() / "hubs").iterdir(), SECOND]:
        for files in load_settings(str(hub), environ={}).feeds.values():
            assert all(file.exists() for file in files), files
