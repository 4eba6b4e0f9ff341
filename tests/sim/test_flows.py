"""People on their way through a simulated hub: nobody is lost, the same day is the same bytes, faults obey."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from hubtwin.base.errors import Malformed
from hubtwin.connectors import crowd_counters, devices, onward, staff_positions, vehicle_positions, weather
from hubtwin.model.place import Exit
from hubtwin.model.record import Provenance, Row
from hubtwin.ports import Connector, Page, ReadContext
from hubtwin.rules.things import Ground
from hubtwin.settings import find_data_dir
from hubtwin.sim.flows.faults import Faults, read_faults
from hubtwin.sim.flows.plan import NO_PLAN, FlowPlan, Line, load_plan
from hubtwin.sim.flows.routes import straight
from hubtwin.sim.flows.service import leaving_min, serve
from hubtwin.sim.flows.site import Device, Site
from hubtwin.sim.flows.tell import SOURCES, Order, Teller, Told
from hubtwin.sim.flows.walk import Flows, simulate_flows
from hubtwin.sim.screening import simulate_gates
from hubtwin.sim.small import ZONE, small_day

EXITS = (Exit("E1", {"zh": "一", "en": "one"}, 3, 12.0), Exit("E2", {"zh": "二", "en": "two"}, 2, 6.0))
DAY = small_day(1, 300)
GATES = simulate_gates(DAY, EXITS)
METRO = Line("metro", "1", ("M",), 300, 1467, headway_s=300, capacity=40, towards=(45.0,))
TAXI = Line("taxi", "T", ("T",), per_min=1.0, vehicles=3, spaces=8)
GARAGE = Line("garage", "G", ("G",), per_min=10.0, spaces=200)
TOLD = {"station": "W1", "sender": "某区气象台", "area": "某区"}
PLAN = FlowPlan({"metro": 0.6, "taxi": 0.3, "garage": 0.1}, (METRO, TAXI, GARAGE), ("W",), (30.0, 0.5), TOLD)
START_MIN = DAY.world.day_start_min
READERS: dict[str, Connector] = {
    module.CONNECTOR.manifest.name: module.CONNECTOR
    for module in (crowd_counters, devices, onward, staff_positions, vehicle_positions, weather)
}


def flows(plan: FlowPlan = PLAN, seed: int = 1) -> Flows:
    day = small_day(seed, 300)
    return simulate_flows(day, simulate_gates(day, EXITS), ("A", "B"), plan, straight)


FLOWS = flows()


def test_nobody_is_lost_on_the_way() -> None:
    assert (FLOWS.people.sum(axis=1) == FLOWS.came - FLOWS.left).all()
    assert FLOWS.people.min() == 0
    assert FLOWS.came[-1] == 600, "those who arrive, and as many who depart"
    assert FLOWS.left[-1] == 600, "at the end of the night everybody has gone"
    assert set(FLOWS.zones) == {"A", "B", "E1", "E2", "M", "T", "G", "W"}


def test_the_exits_hold_who_stands_in_their_lanes() -> None:
    minutes = range(int(GATES.joined_s.min()) // 60, int(GATES.at_s.max()) // 60)
    second = 60 * max(minutes, key=lambda minute: ((GATES.joined_s <= minute * 60) & (GATES.at_s > minute * 60)).sum())
    people = FLOWS.people_at(second // 60)
    here = (GATES.joined_s <= second) & (GATES.at_s > second)
    near = (GATES.joined_s <= second + 1) & (GATES.at_s > second - 100)  # they walk on inside it
    assert here.sum() > 0
    for number, exit_ in enumerate(EXITS):
        inside = GATES.exit == number
        assert (here & inside).sum() <= people[exit_.exit_id] <= (near & inside).sum()


def test_without_lines_people_leave_at_the_exits() -> None:
    found = flows(NO_PLAN)
    assert (found.came[-1], found.left[-1], found.lines) == (300, 300, ())
    assert set(found.zones) == {"A", "B", "E1", "E2"}


def test_a_line_serves_first_come_first_served_and_keeps_who_finds_no_room() -> None:
    came = np.zeros(30, dtype=np.int64)
    came[[0, 1, 9]] = 50, 30, 5
    line = Line("metro", "1", ("M",), 4, 14, headway_s=300, capacity=40)
    served = serve(line, came, np.zeros_like(came), 0)
    assert served.left.nonzero()[0].tolist() == [4, 9, 14]
    assert served.left[[4, 9, 14]].tolist() == [40, 40, 5]
    assert served.waiting[[3, 4, 9, 14]].tolist() == [80, 40, 5, 0]
    minutes = leaving_min(served, np.repeat(np.arange(30), came))
    assert [int((minutes == minute).sum()) for minute in (4, 9, 14)] == [40, 40, 5]
    assert (np.diff(minutes) >= 0).all()


def test_a_rank_runs_out_of_vehicles_and_recovers() -> None:
    came = np.zeros(120, dtype=np.int64)
    came[:10] = 6
    served = serve(TAXI, came, np.zeros_like(came), 0)
    assert served.waiting.max() > 20
    assert served.vehicles.min() == 0
    assert served.left.sum() == 60
    assert (served.waiting[-1], served.vehicles[-1]) == (0, 3)


def test_after_the_last_train_people_take_what_still_runs() -> None:
    early = replace(METRO, last_min=500)
    found = flows(replace(PLAN, lines=(early, TAXI, GARAGE)))
    late = found.served[("metro", "1")].came[found.at(START_MIN + 530) :].sum()
    assert late == 0
    assert found.served[("taxi", "T")].came.sum() > FLOWS.served[("taxi", "T")].came.sum()
    assert (found.people.sum(axis=1) == found.came - found.left).all()


def test_the_same_day_gives_the_same_flows_and_another_seed_others() -> None:
    again, other = flows(), flows(seed=2)
    assert (again.people == FLOWS.people).all()
    assert not (other.people == FLOWS.people).all()


SITE = Site(
    ("A", "B"),
    straight,
    {"A": "CNT-A", "E1": "CNT-E1", "M": "CNT-M"},
    (Device("CAM-A", "camera", "A"), Device("CNT-A", "counter", "A"), Device("LIFT-1@F1", "lift", "")),
    {place: Ground(120.2 + at / 1000, 30.3, "F1") for at, place in enumerate(("A", "B", "E1", "M", "T", "G"))},
    {"T1": "E1", "T2": "E1"},
)


def teller(faults: Faults | None = None, orders: dict[str, Order] | None = None) -> Teller:
    told = (FLOWS, SITE, PLAN, "tiny", START_MIN, ZONE, 1, faults or Faults())
    return Teller(*told, orders=lambda: orders or {})


def rows(told: list[Told]) -> dict[str, list[Row]]:
    """Return what the connectors make of what was told, by source."""
    found: dict[str, list[Row]] = {}
    context = ReadContext(zone=ZONE, now=datetime(2022, 10, 21, tzinfo=UTC))
    for one in told:
        items = list(READERS[one.source].read(Page("p", (one.body,), "1"), context))
        assert all(isinstance(item, Row) for item in items), items
        found.setdefault(one.source, []).extend(item for item in items if isinstance(item, Row))
    return found


NOON = START_MIN + 560


def test_every_source_is_understood_by_its_connector() -> None:
    found = rows([*teller().begin(NOON - 1), *teller().tell(NOON - 1, NOON)])
    assert set(found) == set(SOURCES)
    people = FLOWS.people_at(NOON)
    assert {row.values["zone"]: row.values["people"] for row in found["crowd_counters"]} == {
        zone: people[zone] for zone in SITE.counted
    }
    lines = {(row.values["mode"], row.values["line"]) for row in found["onward"] if row.dataset == "supply_counts"}
    assert lines == {line.key for line in PLAN.lines}
    assert {row.values["place"] for row in found["onward"] if row.dataset == "queue_counts"} == {"M", "T"}
    assert {row.values["mode"] for row in found["vehicle_positions"]} == {"metro"}
    assert [row.values["state"] for row in found["staff_positions"]] == ["post", "post"]
    assert {row.values["device"] for row in found["devices"]} == {"CAM-A", "CNT-A", "LIFT-1@F1"}
    synthetic = {name for name, told in found.items() if told[0].marks.provenance is Provenance.SYNTHETIC}
    assert synthetic == set(SOURCES) - {"vehicle_positions", "weather"}, "of these the page is marked"


def test_the_same_teller_tells_the_same_bytes() -> None:
    assert list(teller().tell(NOON - 5, NOON)) == list(teller().tell(NOON - 5, NOON))


def test_a_silent_source_says_nothing_until_it_speaks_again() -> None:
    faults = Faults()
    faults.silence("onward", NOON + 1)
    told = teller(faults)
    assert "onward" in {one.source for one in told.tell(NOON - 1, NOON)}
    assert "onward" not in {one.source for one in told.tell(NOON, NOON + 2)}
    faults.speak("onward")
    assert "onward" in {one.source for one in told.tell(NOON + 2, NOON + 3)}


def test_a_crowded_zone_is_counted_so_and_a_broken_counter_counts_nothing() -> None:
    faults = Faults()
    faults.crowd("E1", 500, NOON + 1)
    faults.break_device("CNT-A", NOON + 1)
    told = teller(faults)
    before, after = (rows(list(told.tell(at - 1, at)))["crowd_counters"] for at in (NOON, NOON + 1))
    assert {row.values["zone"] for row in before} == {"A", "E1", "M"}
    assert {row.values["zone"]: row.values["people"] for row in after} == {
        "E1": 500,
        "M": FLOWS.people_at(NOON + 1)["M"],
    }
    (state,) = (
        row.values["state"] for row in rows(list(told.begin(NOON + 1)))["devices"] if row.values["device"] == "CNT-A"
    )
    assert state == "faulty"
    faults.calm("E1")
    faults.mend("CNT-A")
    assert len(rows(list(told.tell(NOON + 1, NOON + 2)))["crowd_counters"]) == 3


def test_a_team_walks_to_its_task_and_works_there() -> None:
    walking = teller(orders={"T1": Order("B", NOON - 2, there=False)})
    (team, idle) = rows([one for one in walking.tell(NOON - 1, NOON) if one.source == "staff_positions"])[
        "staff_positions"
    ]
    assert (team.values["state"], idle.values["state"]) == ("on_way", "post")
    assert 120.201 < float(str(team.values["lon"])) < 120.202
    there = teller(orders={"T1": Order("B", NOON - 2, there=True)})
    (team, _) = rows([one for one in there.tell(NOON - 1, NOON) if one.source == "staff_positions"])["staff_positions"]
    assert (team.values["state"], team.values["place"], team.values["lon"]) == ("at_work", "B", 120.201)


def test_the_warnings_of_the_day_follow_each_other() -> None:
    told = rows([one for one in teller().tell(START_MIN - 1, START_MIN + 1439) if one.source == "weather"])["weather"]
    warnings = [row.values for row in told if row.dataset == "weather_warnings"]
    assert [each["msg_type"] for each in warnings] == ["Alert", "Cancel", "Alert", "Update", "Cancel"]
    assert warnings[1]["supersedes"] == warnings[0]["warning_id"]
    assert [each["colour"] for each in warnings] == ["yellow", None, "blue", "yellow", None]


def test_faults_are_read_and_what_is_none_is_refused() -> None:
    faults = read_faults(
        ["weather@09:30"], ["HALL-N=500"], ["LIFT-1@F1@10:00", "CAM-A"], day_start_min=START_MIN, sources=SOURCES
    )
    assert not faults.is_silent("weather", START_MIN + 569)
    assert faults.is_silent("weather", START_MIN + 570)
    assert faults.crowds_at(0) == {"HALL-N": 500}
    assert [faults.is_broken("LIFT-1@F1", START_MIN + minute) for minute in (599, 600)] == [False, True]
    assert faults.is_broken("CAM-A", 0)
    for silences, crowds, broken in ((["nobody"], [], []), ([], ["HALL"], []), ([], [], ["a b"])):
        with pytest.raises(Malformed):
            read_faults(silences, crowds, broken, day_start_min=0, sources=SOURCES)


def test_the_shipped_plan_names_places_of_the_shipped_venue(tmp_path: Path) -> None:
    folder = find_data_dir() / "hubs" / "hangzhou-east"
    plan, drawn = load_plan(folder / "flows.toml"), (folder / "venue.toml").read_text(encoding="utf-8")
    places = {place for line in plan.lines for place in line.places} | set(plan.waiting)
    assert all(f'"{place}"' in drawn for place in places), places
    (first,) = (line for line in plan.lines if line.key == ("metro", "1"))
    assert first.last_min == 24 * 60 + 27
    assert sum(line.spaces for line in plan.lines if line.mode == "taxi") == 48
    for content in ("", "[share]\nwalk = { value = 1 }", json.dumps({"share": 1}), "share = 1"):
        (tmp_path / "flows.toml").write_text(content, encoding="utf-8")
        with pytest.raises(Malformed):
            load_plan(tmp_path / "flows.toml")
