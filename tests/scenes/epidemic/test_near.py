"""The working set of the scene: fewer rows, the same findings; and who is flagged at the gates, and why."""

from datetime import date, timedelta
from typing import Any

import narwhals as nw
import pyarrow as pa
import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.datasets.all import DATASETS
from hubtwin.library.query import collect
from hubtwin.model.partner_data import AreasTold, AreaTold
from hubtwin.model.place import Exit
from hubtwin.rules.told_areas import fold_told
from hubtwin.scenes.epidemic.gates import flag, list_full_exits
from hubtwin.scenes.epidemic.near import AHEAD_MIN, NEAR_MIN, narrow
from hubtwin.scenes.epidemic.profiles import PROFILES
from hubtwin.scenes.epidemic.scene import SCENE, judge
from hubtwin.wiring.granted import lazy
from tests.engines.frames import ENGINES
from tests.scenes.epidemic.story import NOW, PARAMS, morning, tables, with_persons

NOW_MIN = epoch_minute(NOW)
SYSTEM = {"hub_id": "here", "source": "gates", "status": "Actual", "provenance": "synthetic", "replayed": True}


def gate_row(pid: str, **told: Any) -> dict[str, Any]:
    return {
        "at_min": NOW_MIN,
        "exit_id": "N1",
        "gate_id": "N1-01",
        "lane": 1,
        "pid": pid,
        "health_code": "green",
        "itinerary_code": "green",
        "test_age_h": 12,
        "temperature_c": 36.4,
        "origin_area": None,
        "document_kind": "citizen",
        "desk": False,
        **SYSTEM,
        **told,
    }


COMES_FROM_THERE = gate_row("red", health_code="red", origin_area="550505")


def frame(dataset: str, rows: list[dict[str, Any]]) -> nw.LazyFrame[Any]:
    table = pa.Table.from_pylist(rows, schema=DATASETS[dataset].schema)
    return lazy(table)


def flagged(*rows: dict[str, Any]) -> dict[str, Any]:
    given = {**tables("polars", morning()), "gate_screenings": frame("gate_screenings", list(rows))}
    return {each.pid: each for each in flag(given, {**SCENE.params, **PARAMS}, NOW)}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("later_min", [0, 7, 61, 180])
def test_the_narrowed_tables_give_the_same_findings(later_min: int, engine: str) -> None:
    whole = tables(engine, with_persons(morning()))
    params = {**SCENE.params, **PARAMS}
    near = narrow(whole, params, NOW)
    moment = NOW + timedelta(minutes=later_min)
    assert later_min <= AHEAD_MIN
    assert judge(near, params, moment) == judge(whole, params, moment)
    assert len(collect(near["rail_service_days"])) <= len(collect(whole["rail_service_days"]))


def test_no_look_back_of_any_pathogen_reaches_beyond_what_is_near() -> None:
    longest = max(profile.area_lookback_d.value for profile in PROFILES)
    assert longest * 24 * 60 + 2 * 24 * 60 < NEAR_MIN


def test_a_code_a_fever_and_a_hit_flag_and_an_ordinary_passage_does_not() -> None:
    found = flagged(
        gate_row("plain"),
        gate_row("red", health_code="red"),
        gate_row("orange", itinerary_code="orange"),
        gate_row("warm", temperature_c=38.2),
        gate_row("no phone", health_code="none", itinerary_code="none", desk=True),
        gate_row("foreign", document_kind="passport", desk=True, health_code="none", itinerary_code="none"),
    )
    assert set(found) == {"red", "orange", "warm"}
    red = found["red"]
    assert (red.train, red.at_min, red.values["exit_id"]) == ("", NOW_MIN, "N1")
    assert red.marks.provenance.value == "synthetic"
    assert red.values["reasons_zh"]
    assert len(red.values["reasons_en"]) == len(red.values["reasons_zh"])
    assert red.values["version"], "which version of which rule decided is kept with it"


def test_the_gates_go_by_an_area_that_a_partner_told_and_say_who_did() -> None:
    told = AreasTold(NOW_MIN - 60, (AreaTold("550505", None, "county", ("", "", ""), level="high"),))
    rows = [{**row, **SYSTEM} for row in fold_told(told, (), "city", "m1")]
    given = {**tables("polars", morning()), "gate_screenings": frame("gate_screenings", [COMES_FROM_THERE])}
    (before,) = flag(given, {**SCENE.params, **PARAMS}, NOW)
    assert before.values["origin"] == "elsewhere"
    assert "told_by" not in before.values
    (found,) = flag({**given, "told_areas": frame("told_areas", rows)}, {**SCENE.params, **PARAMS}, NOW)
    assert (found.values["origin"], found.values["told_by"]) == ("high_risk", "city")


def test_a_hit_names_the_train_it_was_matched_on() -> None:
    given = dict(tables("polars", morning()))
    calls = collect(given["rail_calls"].filter(nw.col("station_id") == PARAMS["stations"][0])).to_pylist()
    trip = calls[0]
    hit = {"trip_id": trip["trip_id"], "service_date": date(2022, 10, 20), "pid": "hit", "board_station": "X"}
    hit |= {"level": "high", "as_of_min": NOW_MIN - 60, **SYSTEM}
    given["risk_hits"] = frame("risk_hits", [hit])
    given["gate_screenings"] = frame("gate_screenings", [gate_row("hit"), gate_row("other")])
    (found,) = flag(given, {**SCENE.params, **PARAMS}, NOW)
    assert (found.pid, found.train, found.values["level"]) == ("hit", f"{trip['code']} 2022-10-20", "high")
    given["risk_hits"] = frame("risk_hits", [{**hit, "gone_min": NOW_MIN}])
    assert flag(given, {**SCENE.params, **PARAMS}, NOW) == []


def test_an_exit_is_full_when_its_queue_takes_longer_than_people_can_be_asked_to_wait() -> None:
    exits = [Exit("N1", {"zh": "北一", "en": "N1"}, 2, 10.0), Exit("S1", {"zh": "南一", "en": "S1"}, 2, 10.0)]
    old = {"exit_id": "N1", "lane": 1, "minute_min": NOW_MIN - 2, "passed": 10, "waiting": 900}
    rows = [old, {**old, "minute_min": NOW_MIN - 1, "waiting": 150}, {**old, "lane": 2, "waiting": 160}]
    (full,) = list_full_exits(rows, exits, wait_min=15, now_min=NOW_MIN)
    assert (full["exit"], full["longest_queue"], full["from_min"]) == ("N1", 310, NOW_MIN)
    assert list_full_exits(rows, exits, wait_min=16, now_min=NOW_MIN) == []
    assert list_full_exits([], exits, wait_min=15, now_min=NOW_MIN) == [], "no counter is no queue, and no alarm"
