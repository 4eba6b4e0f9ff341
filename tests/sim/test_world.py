"""What a world takes from the datasets, and how its trains run."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.clock import epoch_minute, service_start
from hubtwin.base.errors import Absent
from hubtwin.sim.draws import cut_groups, pick, share_out, stream
from hubtwin.sim.recipe import load_recipe
from hubtwin.sim.small import small_world
from hubtwin.sim.trains import NEVER, observe, run_trains
from hubtwin.sim.world import World, build_world

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2022, 10, 20)

Stop = tuple[str, int | None, int | None]


def _tables(trips: dict[str, list[Stop]], days: dict[str, list[date]]) -> dict[str, pa.Table]:
    calls = [
        {"trip_id": trip, "seq": seq, "station_id": station, "code": trip, "arrive_min": arrive, "depart_min": depart}
        for trip, stops in trips.items()
        for seq, (station, arrive, depart) in enumerate(stops, start=1)
    ]
    start_min = epoch_minute(service_start(DAY, ZONE))
    areas = [
        _area("now", "110101", start_min - 5000, None),
        _area("long gone", "110101", start_min - 60 * 1440, start_min - 50 * 1440),
        _area("not yet", "110101", start_min + 3 * 1440, None),
        _area("nowhere", None, start_min - 5000, None),
    ]
    return {
        "rail_calls": pa.Table.from_pylist(calls),
        "rail_service_days": pa.Table.from_pylist(
            [{"trip_id": trip, "service_date": day} for trip, found in days.items() for day in found]
        ),
        "rail_stations": pa.table({"station_id": ["A", "B", "H"], "area_code": ["110101", None, "330104"]}),
        "risk_areas": pa.Table.from_pylist(areas),
    }


def _area(key: str, code: str | None, first_min: int, gone_min: int | None) -> dict[str, object]:
    return {
        "area_key": key,
        "level": "high",
        "area_code": code,
        "street_code": None,
        "community": key,
        "first_seen_min": first_min,
        "gone_by_min": gone_min,
    }


MORNING: list[Stop] = [("A", None, 400), ("B", 450, 452), ("H", 500, 505), ("A", 600, None)]


def _world(trips: dict[str, list[Stop]], days: dict[str, list[date]], **more: object) -> World:
    return build_world(_tables(trips, days), hub_stations=("H",), hub_date=DAY, zone=ZONE, **more)  # type: ignore[arg-type]


def test_a_trip_is_kept_with_its_calls_on_the_epoch_and_its_place_of_the_hub() -> None:
    (trip,) = _world({"T": MORNING}, {"T": [DAY]}).trips
    assert trip.hub_at == 2
    start_min = epoch_minute(service_start(DAY, ZONE))
    assert [call.arrive_min - start_min for call in trip.calls] == [400, 450, 500, 600]
    assert [call.depart_min - start_min for call in trip.calls] == [400, 452, 505, 600]


def test_an_overnight_run_of_the_day_before_arrives_today_and_one_of_today_tomorrow() -> None:
    overnight: list[Stop] = [("A", None, 1300), ("H", 1500, None)]
    world = _world({"N": overnight}, {"N": [DAY - timedelta(days=1), DAY]})
    assert [trip.service_date for trip in world.trips] == [DAY - timedelta(days=1)]


def test_trips_that_start_at_the_hub_or_do_not_call_are_left_out() -> None:
    trips: dict[str, list[Stop]] = {"T": MORNING, "S": [("H", None, 300), ("A", 400, None)]}
    trips["P"] = [("A", None, 300), ("B", 400, None)]
    assert [trip.trip_id for trip in _world(trips, {trip: [DAY] for trip in trips}).trips] == ["T"]


def test_a_later_date_runs_on_the_pattern_of_another() -> None:
    world = _world({"T": MORNING}, {"T": [date(2016, 3, 3)]}, pattern_of=lambda _: date(2016, 3, 3))
    assert {trip.service_date for trip in world.trips} == {DAY}


def test_no_arrival_at_all_is_an_error_that_says_what_to_check() -> None:
    with pytest.raises(Absent, match="service days"):
        _world({"T": MORNING}, {"T": [date(2016, 3, 3)]})


def test_only_areas_that_a_passenger_can_have_been_in_are_taken() -> None:
    assert [area.area_key for area in _world({"T": MORNING}, {"T": [DAY]}).listed] == ["now"]


def test_the_fingerprint_changes_with_the_part_that_changed_only() -> None:
    one = _world({"T": MORNING}, {"T": [DAY]}).fingerprint()
    two = _world({"T": MORNING, "U": MORNING}, {"T": [DAY], "U": [DAY]}).fingerprint()
    assert one["trips"] != two["trips"]
    assert one["risk_areas"] == two["risk_areas"]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_train_leaves_early_or_before_it_has_arrived_and_time_runs_forward(seed: int) -> None:
    runs = run_trains(small_world(), load_recipe(), stream(seed, "trains"))
    assert bool((runs.real_depart_s >= runs.plan_depart_s).all())
    assert bool((runs.real_depart_s >= runs.real_arrive_s).all())
    same = runs.trip_of_call[1:] == runs.trip_of_call[:-1]
    assert bool((runs.real_arrive_s[1:] > runs.real_depart_s[:-1])[same].all())


def test_most_trains_are_a_few_minutes_late_at_most_and_some_are_very_late() -> None:
    recipe, late = load_recipe(), []
    for seed in range(300):
        runs = run_trains(small_world(), recipe, stream(seed, "trains"))
        late += ((runs.real_arrive_s - runs.plan_arrive_s)[runs.hub] / 60).tolist()
    assert np.mean(np.array(late) < 5) > 0.8
    assert 10 < max(late) < 240


def test_observations_come_in_order_and_never_know_the_future() -> None:
    world, recipe = small_world(), load_recipe(delays={"incident": 0.5, "on_time": 0.0})
    runs = run_trains(world, recipe, stream(3, "trains"))
    seen = observe(world, runs, recipe)
    assert [found.observed_min for found in seen] == sorted(found.observed_min for found in seen)
    first = {trip: next(found for found in seen if found.trip == trip) for trip in range(len(world.trips))}
    assert all(call.departure_delay_s == 0 for found in first.values() for call in found.calls)


def test_a_cancelled_train_is_reported_until_then_and_as_cancelled_last() -> None:
    world, recipe = small_world(), load_recipe(delays={"cancelled": 1.0})
    runs = run_trains(world, recipe, stream(1, "trains"))
    last = {found.trip: found for found in observe(world, runs, recipe)}
    assert all(found.cancelled for found in last.values())
    assert [last[trip].observed_min for trip in range(2)] == runs.cancelled_min.tolist()


def test_a_skipped_call_is_told_before_the_train_gets_there_and_nobody_boards() -> None:
    world, recipe = small_world(), load_recipe(delays={"skipped": 0.9, "cancelled": 0.0})
    runs = run_trains(world, recipe, stream(2, "trains"))
    assert runs.skipped.any()
    assert not runs.skipped[runs.hub].any()
    told = runs.skip_known_min[runs.skipped]
    assert bool((told < runs.plan_arrive_s[runs.skipped] // 60).all())
    assert bool((told < NEVER).all())


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 500),
    st.lists(st.tuples(st.just(0.0) | st.floats(0.01, 10), st.integers(0, 60)), min_size=1, max_size=12),
)
def test_sharing_out_keeps_limits_and_adds_up(total: int, units: list[tuple[float, int]]) -> None:
    weights = np.array([weight for weight, _ in units])
    limits = np.array([limit for _, limit in units], dtype=np.int64)
    shares = share_out(total, weights, limits)
    room = int(limits[weights > 0].sum())
    assert int(shares.sum()) == min(total, room)
    assert bool((shares <= limits).all())
    assert bool((shares[weights == 0] == 0).all())


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 30), min_size=1, max_size=8))
def test_groups_stay_inside_their_unit_and_have_at_most_five(seed: int, totals: list[int]) -> None:
    group = cut_groups(stream(seed, "g"), np.array(totals), [0.5, 0.2, 0.1, 0.1, 0.1])
    unit = np.repeat(np.arange(len(totals)), totals)
    assert len(group) == sum(totals)
    assert len(set(zip(group.tolist(), unit.tolist(), strict=True))) == len(set(group.tolist()))
    assert np.bincount(group).max(initial=0) <= 5


def test_a_draw_by_weight_never_takes_what_has_no_weight() -> None:
    first, weights = np.array([0, 3, 6]), np.array([0.0, 1.0, 0.0, 2.0, 0.0, 1.0])
    drawn = pick(stream(1, "p"), np.repeat([0, 1], 1000), first, weights)
    assert set(drawn[:1000].tolist()) == {1}
    assert set(drawn[1000:].tolist()) == {3, 5}
