"""The staff plan: nobody is in two places, nobody flies, and how far greedy stays behind the optimum."""

from itertools import pairwise, product
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.model.place import Exit, Team, Walk
from hubtwin.model.staff import Arrival, Assignment, Shortage, StaffPlan, StaffRules, Unmet, UnmetReason
from hubtwin.rules.staffing import Walks, find_overloads, find_walk, forecast_lanes, plan_staff, walk_minutes

NOW = 1_000
RULES = StaffRules(on_post_min=5, service_min=6, persons_per_member=30, stream_min=6)
PLACES = ["E1", "E2", "P1", "P2", "P3", "P4"]
WALKS = [Walk(a, b, 60 + 45 * (j - i)) for i, a in enumerate(PLACES) for j, b in enumerate(PLACES) if i < j]
EXITS = [Exit("E1", {"zh": "东", "en": "East"}, 2, 5.0), Exit("E2", {"zh": "西", "en": "West"}, 1, 5.0)]


def team(name: str, post: str = "E1", size: int = 2) -> Team:
    return Team(name, {"zh": name, "en": name}, post, size)


def train(key: str, door: int, persons: int = 10, platform: str | None = "P1", *, key_train: bool = True) -> Arrival:
    return Arrival(key, NOW + door, persons, key_train, platform, "E1")


def plan(
    arrivals: list[Arrival],
    teams: list[Team],
    rules: StaffRules = RULES,
    committed: tuple[Assignment, ...] = (),
    walks: list[Walk] = WALKS,
) -> StaffPlan:
    return plan_staff(arrivals, teams, walks, EXITS, rules=rules, now_min=NOW, committed=committed)


ARRIVALS = st.lists(
    st.builds(
        Arrival,
        train_key=st.uuids().map(str),
        door_min=st.integers(NOW - 3, NOW + 35),
        persons=st.integers(0, 150),
        is_key=st.booleans(),
        platform=st.none() | st.sampled_from(["P1", "P2", "P3", "P4", "P9"]),
        exit_id=st.none() | st.sampled_from(["E1", "E2"]),
    ),
    max_size=16,
)
TEAMS = st.lists(st.tuples(st.sampled_from(PLACES[:2]), st.integers(1, 4)), max_size=6).map(
    lambda found: [team(f"T{number}", post, size) for number, (post, size) in enumerate(found)]
)


@settings(max_examples=150, deadline=None)
@given(arrivals=ARRIVALS, teams=TEAMS)
def test_no_team_is_in_two_places_and_each_has_time_to_walk(arrivals: list[Arrival], teams: list[Team]) -> None:
    walks = walk_minutes(WALKS)
    for member in teams:
        here, since = member.post, NOW
        for order in [o for o in plan(arrivals, teams).assignments if o.team_id == member.team_id]:
            walk = find_walk(walks, here, order.to_place)
            assert walk is not None
            assert order.from_place == here
            assert order.leave_min + walk == order.on_post_min
            assert order.slack_min == order.leave_min - since >= 0
            here, since = order.to_place, order.free_min


@settings(max_examples=150, deadline=None)
@given(arrivals=ARRIVALS, teams=TEAMS)
def test_every_train_is_either_met_once_or_unmet_with_a_reason(arrivals: list[Arrival], teams: list[Team]) -> None:
    found = plan(arrivals, teams)
    by_key = {a.train_key: a for a in arrivals}
    first = [o.train_key for o in found.assignments if not o.extra]
    assert sorted([*first, *(u.train_key for u in found.unmet)]) == sorted(
        a.train_key for a in arrivals if a.door_min >= NOW
    )
    pairs = [(o.train_key, o.team_id) for o in found.assignments]
    assert len(set(pairs)) == len(pairs)
    for order in found.assignments:
        arrival = by_key[order.train_key]
        assert order.to_place == arrival.meeting_place
        assert order.on_post_min == arrival.door_min - RULES.on_post_min + order.late_min
        assert 0 <= order.late_min <= RULES.on_post_min
        assert order.free_min == arrival.door_min + RULES.service_min


@settings(max_examples=60, deadline=None)
@given(arrivals=ARRIVALS, teams=TEAMS, order=st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(arrivals: list[Arrival], teams: list[Team], order: object) -> None:
    chance = np.random.default_rng(len(arrivals))
    shuffled = [arrivals[i] for i in chance.permutation(len(arrivals))]
    assert plan(shuffled, teams[::-1]) == plan(arrivals, teams)


@settings(max_examples=60, deadline=None)
@given(arrivals=ARRIVALS, teams=TEAMS)
def test_given_orders_stand_when_the_plan_is_made_again(arrivals: list[Arrival], teams: list[Team]) -> None:
    first = plan(arrivals, teams)
    again = plan(arrivals, teams, committed=first.assignments[:3])
    assert set(first.assignments[:3]) <= set(again.assignments)
    walks = walk_minutes(WALKS)
    for member in teams:
        orders = [o for o in again.assignments if o.team_id == member.team_id]
        for one, following in pairwise(orders):
            onward = find_walk(walks, one.to_place, following.to_place)
            assert onward is not None
            assert one.free_min + onward <= following.on_post_min


def best(arrivals: list[Arrival], teams: list[Team]) -> int:
    """How many trains can be met on time at most: every way to give each train to a team or to nobody."""
    walks = walk_minutes(WALKS)
    ordered = sorted(arrivals, key=lambda a: a.door_min)
    most = 0
    for choice in product(range(-1, len(teams)), repeat=len(ordered)):
        met = sum(number >= 0 for number in choice)
        if met > most and all(_feasible(ordered, choice, n, t, walks) for n, t in enumerate(teams)):
            most = met
    return most


def _feasible(arrivals: list[Arrival], choice: tuple[int, ...], number: int, member: Team, walks: Walks) -> bool:
    here, since = member.post, NOW
    for arrival, chosen in zip(arrivals, choice, strict=True):
        if chosen != number:
            continue
        walk = find_walk(walks, here, arrival.meeting_place or "")
        if walk is None or since + walk > arrival.door_min - RULES.on_post_min:
            return False
        here, since = arrival.meeting_place or "", arrival.door_min + RULES.service_min
    return True


def on_time(found: StaffPlan) -> int:
    return sum(not o.extra and not o.late_min for o in found.assignments)


def test_greedy_stays_close_to_the_best_plan_of_small_cases() -> None:
    chance = np.random.default_rng(20221020)
    greedy = optimum = worst = 0
    for _ in range(150):
        doors = chance.integers(0, 40, 6)
        arrivals = [train(f"G{i}", int(door), 0, f"P{chance.integers(1, 5)}") for i, door in enumerate(doors)]
        teams = [team("T1", "E1"), team("T2", "E2")]
        ours, top = on_time(plan(arrivals, teams)), best(arrivals, teams)
        assert ours <= top
        greedy, optimum, worst = greedy + ours, optimum + top, max(worst, top - ours)
    assert greedy / optimum >= 0.97
    assert worst <= 1


@settings(max_examples=60, deadline=None)
@given(doors=st.lists(st.integers(0, 40), max_size=5))
def test_greedy_is_the_best_plan_where_all_walks_are_equal(doors: list[int]) -> None:
    places = [f"X{i}" for i in range(len(doors))]
    even = [Walk(a, b, 120) for a in (*places, "E1") for b in places if a != b]
    arrivals = [train(f"G{i}", door, 0, places[i]) for i, door in enumerate(doors)]
    teams = [team("T1"), team("T2")]
    found = plan_staff(arrivals, teams, even, [], rules=RULES, now_min=NOW)
    least = [d for d in sorted(doors) if d - RULES.on_post_min - 2 >= 0]
    free = [0, 0]
    met = 0
    for door in least:
        number = min((n for n in (0, 1) if free[n] + 2 <= door - RULES.on_post_min), default=None)
        if number is not None:
            free[number], met = door + RULES.service_min, met + 1
    assert on_time(found) == met


def test_a_team_is_on_post_five_minutes_before_the_doors_open() -> None:
    (order,) = plan([train("G1", 30)], [team("T1")]).assignments
    walk = find_walk(walk_minutes(WALKS), "E1", "P1")
    assert walk == ceil((60 + 45 * 2) / 60)
    assert (order.on_post_min, order.leave_min, order.free_min) == (NOW + 25, NOW + 25 - walk, NOW + 36)
    assert (order.slack_min, order.late_min) == (25 - walk, 0)


def test_key_trains_get_the_team_first() -> None:
    found = plan([train("G1", 20, key_train=False), train("G2", 21, platform="P2")], [team("T1")])
    assert [o.train_key for o in found.assignments] == ["G2"]
    assert found.unmet == (Unmet("G1", False, UnmetReason.NO_TEAM),)


def test_a_train_that_cannot_be_met_in_time_is_met_late_rather_than_not_at_all() -> None:
    (order,) = plan([train("G1", 6)], [team("T1")]).assignments
    assert order.late_min == 2
    assert order.on_post_min <= NOW + 6


@pytest.mark.parametrize(
    ("arrival", "reason"),
    [
        (train("G1", 1), UnmetReason.TOO_LATE),
        (train("G1", 30, platform="P99"), UnmetReason.NO_WALK),
        (Arrival("G1", NOW + 30, 10, True), UnmetReason.NO_PLACE),
    ],
)
def test_an_unmet_train_says_why(arrival: Arrival, reason: UnmetReason) -> None:
    assert plan([arrival], [team("T1")]).unmet == (Unmet("G1", True, reason),)


def test_without_teams_every_train_lacks_a_team() -> None:
    assert plan([train("G1", 30)], []).unmet == (Unmet("G1", True, UnmetReason.NO_TEAM),)


def test_a_train_without_a_platform_is_met_at_its_exit() -> None:
    (order,) = plan([train("G1", 30, platform=None)], [team("T1", "E2")]).assignments
    assert order.to_place == "E1"


def test_many_persons_bring_more_teams_and_what_is_missing_is_told() -> None:
    arrivals = [train("G1", 30, persons=100)]
    found = plan(arrivals, [team("T1"), team("T2", "E2")])
    assert [(o.team_id, o.extra) for o in found.assignments] == [("T2", False), ("T1", True)]
    assert found.shortages == ()
    assert plan(arrivals, [team("T1")]).shortages == (Shortage("G1", 2, 4),)


def test_help_never_takes_a_team_from_another_train() -> None:
    arrivals = [train("G1", 30, persons=100), train("G2", 30, platform="P4")]
    found = plan(arrivals, [team("T1"), team("T2")])
    assert found.unmet == ()
    assert found.shortages == (Shortage("G1", 2, 4),)


def test_sixteen_arrivals_in_half_an_hour_are_planned() -> None:
    arrivals = [train(f"G{i:02}", 10 + 2 * i, 20, f"P{1 + i % 4}") for i in range(16)]
    found = plan(arrivals, [team(f"T{i:02}", f"E{1 + i % 2}") for i in range(10)])
    assert on_time(found) == 16


def test_an_overload_is_told_before_it_happens() -> None:
    found = plan([train("G1", 20, 120), train("G2", 22, 120)], [team("T1")])
    (overload,) = found.overloads
    walk = find_walk(walk_minutes(WALKS), "P1", "E1")
    assert walk is not None
    assert overload.exit_id == "E1"
    assert overload.from_min == NOW + 20 + walk
    assert overload.lead_min == 20 + walk
    assert (overload.peak_per_min, overload.capacity_per_min) == (40.0, 10.0)
    # 240 persons at 10 a minute leave after 24 minutes; the last minute begins with nobody left waiting
    assert overload.until_min == overload.from_min + 23
    assert overload.longest_queue == pytest.approx(240 - 8 * 10)


def test_lanes_that_suffice_show_load_and_no_overload() -> None:
    found = plan([train("G1", 20, 60)], [team("T1")])
    assert [load.coming for load in found.loads] == [10.0] * 6
    assert found.overloads == ()


def test_everybody_who_comes_to_the_lanes_is_served_in_the_end() -> None:
    arrivals = [train("G1", 20, 75), Arrival("G2", NOW + 23, 10, False, "P2", "E1", screened=400)]
    loads = forecast_lanes(arrivals, walk_minutes(WALKS), EXITS, rules=RULES)
    served, waiting = 0.0, 0.0
    for load in loads:
        served += min(load.capacity, waiting + load.coming)
        waiting = load.waiting
    assert waiting == 0.0
    assert served == pytest.approx(475)


def test_lanes_without_capacity_are_an_overload_to_the_end_of_the_stream() -> None:
    closed = [Exit("E1", {"zh": "东", "en": "East"}, 0, 5.0)]
    loads = forecast_lanes([train("G1", 20, 60)], walk_minutes(WALKS), closed, rules=RULES)
    (overload,) = find_overloads(loads, NOW + 60)
    assert (overload.until_min - overload.from_min, overload.longest_queue, overload.lead_min) == (6, 60.0, 0)


def test_walks_hold_both_ways_and_round_up() -> None:
    walks = walk_minutes([Walk("a", "b", 61), Walk("b", "a", 200)])
    assert (find_walk(walks, "a", "b"), find_walk(walks, "b", "a"), find_walk(walks, "a", "a")) == (2, 2, 0)
    assert find_walk(walks, "a", "c") is None
