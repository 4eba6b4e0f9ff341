"""Rows as things: what the map is told, and what it is not told because nobody knows it."""

from typing import Any

import pytest

from hubtwin.datasets.all import DATASETS
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.model.thing import KINDS, Thing
from hubtwin.rules.things import Ground, tells_of_things, things_of

AT_S = 1_666_224_600
SYSTEM = {"hub_id": "h", "source": "s", "status": "Actual", "provenance": "synthetic", "replayed": True}
MARKS = Marks(Status.ACTUAL, Provenance.SYNTHETIC, replayed=True)
GROUNDS = {
    "hall": Ground(120.2, 30.3, "F1", 1000.0, "walkway"),
    "stairs": Ground(120.3, 30.4, "F2", 20.0, "stairs"),
}


def zone(name: str, people: int, density: float | None = None) -> dict[str, Any]:
    return {"zone": name, "at_s": AT_S, "people": people, "density_per_m2": density, **SYSTEM}


def test_a_zone_has_its_density_and_level_of_service_where_its_area_is_known() -> None:
    (hall,) = things_of("zone_counts", [zone("hall", 250)], "crowd_counters", GROUNDS)
    assert hall == Thing(
        *("zone:hall", "zone", AT_S * 1000, "crowd_counters", "hall", 120.2, 30.3, "F1"),
        values={"people": 250, "density_per_m2": 0.25, "los": "A"},
        marks=MARKS,
    )
    (stairs,) = things_of("zone_counts", [zone("stairs", 30)], "crowd_counters", GROUNDS)
    assert stairs.values == {"people": 30, "density_per_m2": 1.5, "los": "D"}


def test_what_the_counter_measured_itself_goes_before_the_plan() -> None:
    (hall,) = things_of("zone_counts", [zone("hall", 250, 3.0)], "crowd_counters", GROUNDS)
    assert (hall.values["density_per_m2"], hall.values["los"]) == (3.0, "F")


def test_a_zone_that_no_plan_knows_has_people_and_no_level() -> None:
    (found,) = things_of("zone_counts", [zone("nowhere", 0)])
    assert (found.source, found.lon, found.level) == ("s", None, "")
    assert found.values == {"people": 0, "density_per_m2": None, "los": None}


def test_rows_about_anything_else_are_no_things() -> None:
    assert things_of("lane_counts", [zone("hall", 1)]) == []


def row(dataset: str, **told: Any) -> dict[str, Any]:
    """Return a stored row with None for what is not told."""
    return {**{column.name: told.get(column.name) for column in DATASETS[dataset].columns}, "at_s": AT_S, **SYSTEM}


ROWS: dict[str, dict[str, Any]] = {
    "queue_counts": row("queue_counts", place="hall", mode="taxi", waiting=4),
    "supply_counts": row("supply_counts", mode="metro", line="1", place="hall", headway_s=210),
    "vehicle_positions": row("vehicle_positions", mode="bus", vehicle="B7", lon=120.0, lat=30.0, line="28"),
    "staff_positions": row("staff_positions", team="T01", state="post", place="hall"),
    "weather_observations": row("weather_observations", station="K1", temperature_c=17.5),
}
IDS = ("queue:hall", "supply:metro:1", "vehicle:bus:B7", "staff:T01", "weather:K1")


def test_every_dataset_of_the_panorama_tells_of_things_and_no_other() -> None:
    told = {name for name, dataset in DATASETS.items() if tells_of_things(name)}
    assert told == {name for name, dataset in DATASETS.items() if "at_s" in dataset.key}


@pytest.mark.parametrize(("dataset", "name"), list(zip(ROWS, IDS, strict=True)))
def test_a_thing_has_values_of_its_kind_and_none_for_what_was_not_sensed(dataset: str, name: str) -> None:
    (found,) = things_of(dataset, [ROWS[dataset]], "kind", GROUNDS)
    assert (found.thing_id, found.at_ms, found.source, found.gone) == (name, AT_S * 1000, "kind", False)
    assert set(found.values) <= set(KINDS[found.kind])
    assert 0 not in found.values.values()
    assert found.values == {value: ROWS[dataset][value] for value in found.values}


def test_a_thing_stands_where_its_place_is_unless_it_says_a_point() -> None:
    at_post, walking = ROWS["staff_positions"], {**ROWS["staff_positions"], "lon": 1.0, "lat": 2.0, "level": "B1"}
    found = things_of("staff_positions", [at_post, walking], "kind", GROUNDS)
    assert [(thing.lon, thing.lat, thing.level, thing.place) for thing in found] == [
        (120.2, 30.3, "F1", "hall"),
        (1.0, 2.0, "B1", "hall"),
    ]


@pytest.mark.parametrize(
    ("kind", "thing"), [("camera", "camera"), ("counter", "counter"), ("lift", "lift"), ("escalator", "device")]
)
def test_a_device_is_of_its_kind_and_stands_where_it_is_or_what_it_covers(kind: str, thing: str) -> None:
    told = row("device_states", device="X1", kind=kind, state="faulty", covers="hall")
    (found,) = things_of("device_states", [told], "devices", GROUNDS)
    assert (found.thing_id, found.place, found.lon) == (f"{thing}:X1", "X1", 120.2)
    assert found.values == {"state": "faulty", "covers": "hall"}


def warning(name: str, **told: Any) -> dict[str, Any]:
    return row(
        "weather_warnings", warning_id=name, msg_type="Alert", event="暴雨", severity="Severe", in_force=True, **told
    )


def test_a_warning_takes_the_place_of_those_before_it_and_a_cancelled_one_is_gone() -> None:
    first, second = things_of("weather_warnings", [warning("b", supersedes="a")], "weather")
    assert (first.thing_id, first.gone, second.thing_id, second.gone) == ("warning:a", True, "warning:b", False)
    assert (second.values["event"], second.values["status"], second.values["colour"]) == ("暴雨", "Actual", None)
    gone = things_of("weather_warnings", [{**warning("c", supersedes="b"), "in_force": False}], "weather")
    assert [(thing.thing_id, thing.gone) for thing in gone] == [("warning:b", True), ("warning:c", True)]
