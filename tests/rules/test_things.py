"""Rows as things: what the map is told, and what it is not told because nobody knows it."""

from typing import Any

import pytest

from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.model.thing import KINDS, Thing
from hubtwin.rules.things import Ground, things_of

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


@pytest.mark.parametrize("found", things_of("zone_counts", [zone("hall", 1)], "k", GROUNDS), ids=lambda one: one.kind)
def test_a_thing_has_the_values_of_its_kind(found: Thing) -> None:
    assert tuple(found.values) == KINDS[found.kind]
