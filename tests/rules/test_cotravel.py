"""Co-travel: the vectorised comparison equals a plain double loop; the rules of the profiles on small runs."""

from dataclasses import replace
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Absent
from hubtwin.model.pathogen import Cotravel, Evidence, Figure, Scope, Source, Tier, Weights
from hubtwin.rules.cotravel import Contact, Ride, Run, infectious_window, list_rides, trace, weigh_position
from hubtwin.rules.seats import FIRST, SECOND, Layout, infer_layout, seats_apart
from hubtwin.scenes.epidemic.profiles import PROFILES, get_profile

SOURCE = Source("test", "made for this test")


def fig(value: Any) -> Figure[Any]:
    return Figure(value, SOURCE, Evidence.REMEMBERED)


def tier(scope: Scope, shortest: int = 0, reach: int = 0, *, across: bool = False) -> Tier:
    return Tier(fig(scope), fig(shortest), reach, across)


def rule(*tiers: Tier, weights: Weights | None = None) -> Cotravel:
    return Cotravel(tiers, fig(False), weights)


HU = PROFILES[0].cotravel.weights
# five calls, ten minutes of stop, 60 minutes between departures
CALLS: dict[int, tuple[int | None, int | None]] = {
    1: (None, 0),
    2: (50, 60),
    3: (110, 120),
    4: (170, 180),
    5: (230, None),
}


def run(*rides: Ride, layouts: dict[int, Layout] | None = None) -> Run:
    return Run(rides, CALLS, layouts if layouts is not None else {1: SECOND, 2: SECOND})


def ride(pid: str, seat: str | None = None, legs: tuple[int, int] = (1, 5), **extra: Any) -> Ride:
    """Return a ride; `seat` is like 1-12F (carriage, row, letter) or 1 (the carriage only)."""
    carriage, row, letter = None, None, None
    if seat is not None:
        car, _, place = seat.partition("-")
        carriage = int(car)
        row, letter = (int(place[:-1]), place[-1]) if place else (None, None)
    values = {"order_ref": f"order of {pid}", "carriage": carriage, "seat_row": row, "seat_letter": letter}
    return Ride(pid=pid, board_seq=legs[0], alight_seq=legs[1], **(values | extra))


def oracle(train: Run, cases: set[str], cotravel: Cotravel, air_min: int) -> dict[tuple[str, str], dict[str, Any]]:
    """The same by a plain double loop: relations, certainty, minutes and order for each case and passenger."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    if any(t.scope.value is Scope.NONE for t in cotravel.tiers):
        return found
    letters: dict[int, set[str]] = {}
    for r in train.rides:
        if r.carriage is not None:
            letters.setdefault(r.carriage, set()).update(r.seat_letter or "")
    layouts = {car: train.layouts.get(car) or infer_layout(used) for car, used in letters.items()}
    for case in train.rides:
        for other in train.rides:
            if case.pid not in cases or other.pid in cases:
                continue
            sure, maybe = _oracle_pair(case, other, cotravel, layouts)
            gap = _minute(other.board_seq, 1) - _minute(case.alight_seq, 0)
            if air_min and other.board_seq >= case.alight_seq and 0 <= gap <= air_min:
                if None in (case.carriage, other.carriage):
                    maybe.add("residual_air")
                elif case.carriage == other.carriage:
                    sure.add("residual_air")
            if not sure and not maybe:
                continue
            empty = {"relations": set(), "certain": False, "shared_min": 0, "same_order": False}
            entry = found.setdefault((case.pid, other.pid), empty)
            entry["relations"] |= sure | maybe
            entry["certain"] |= bool(sure)
            entry["shared_min"] += _shared(case, other) or 0
            entry["same_order"] |= case.order_ref == other.order_ref
    return found


def _minute(seq: int, first: int) -> int:
    value = CALLS[seq][first] if CALLS[seq][first] is not None else CALLS[seq][1 - first]
    assert value is not None
    return value


def _shared(one: Ride, other: Ride) -> int | None:
    board, alight = max(one.board_seq, other.board_seq), min(one.alight_seq, other.alight_seq)
    return max(0, _minute(alight, 0) - _minute(board, 1)) if board < alight else None


def _oracle_pair(case: Ride, other: Ride, cotravel: Cotravel, layouts: dict[int, Layout]) -> tuple[set[str], set[str]]:
    sure: set[str] = set()
    maybe: set[str] = set()
    shared = _shared(case, other)
    for t in cotravel.tiers:
        scope, shortest = t.scope.value, t.min_shared_min.value
        if scope is Scope.ORDER:
            long_enough = shortest == 0 or (shared is not None and shared >= shortest)
            if case.order_ref == other.order_ref and long_enough:
                sure.add(scope)
            continue
        if scope is Scope.TURNOVER:
            place = (case.carriage, case.seat_row, case.seat_letter)
            same = place == (other.carriage, other.seat_row, other.seat_letter) and None not in place
            if same and other.board_seq >= case.alight_seq:
                sure.add(scope)
            continue
        if shared is None or shared < shortest:
            continue
        near = True if scope is Scope.TRAIN else _near(case, other, t, layouts)
        if near is None:
            maybe.add(scope)
        elif near:
            sure.add(scope)
    return sure, maybe


def _near(case: Ride, other: Ride, t: Tier, layouts: dict[int, Layout]) -> bool | None:
    """None: cannot be ruled out."""
    if case.carriage is None or other.carriage is None:
        return None
    if case.carriage != other.carriage or t.scope.value is Scope.CARRIAGE:
        return case.carriage == other.carriage
    if case.seat_row is None or other.seat_row is None:
        return None
    layout = layouts[case.carriage]
    rows = abs(case.seat_row - other.seat_row)
    if t.scope.value is Scope.ROWS:
        return rows <= t.reach
    if t.scope.value is Scope.BAY:
        return abs(layout.bay(case.seat_row) - layout.bay(other.seat_row)) <= t.reach
    if rows > (t.reach if t.scope.value is Scope.AROUND else 0):
        return False
    if case.seat_letter is None or other.seat_letter is None:
        return None
    if case.seat_letter not in layout.position or other.seat_letter not in layout.position:
        return None
    apart = seats_apart(layout, case.seat_letter, other.seat_letter, across_aisle=t.across_aisle)
    return apart is not None and apart <= t.reach


PIDS = ["p1", "p2", "p3", "p4", "p5", "p6"]
LEGS = st.tuples(st.integers(1, 5), st.integers(1, 5)).filter(lambda legs: legs[0] < legs[1])
RIDES = st.builds(
    lambda pid, order, legs, car, row, letter: Ride(pid, order, legs[0], legs[1], car, row, letter),
    st.sampled_from(PIDS),
    st.sampled_from(["o1", "o2", "o3"]),
    LEGS,
    st.none() | st.integers(1, 2),
    st.none() | st.integers(1, 6),
    st.none() | st.sampled_from("ABCDF"),
)
TIERS = st.builds(
    lambda scope, shortest, reach, across: tier(scope, shortest, max(1, reach), across=across),
    st.sampled_from([s for s in Scope if s is not Scope.NONE]),
    st.sampled_from([0, 1, 50, 120]),
    st.integers(1, 3),
    st.booleans(),
)
RULES = st.lists(TIERS, min_size=1, max_size=3).map(lambda tiers: rule(*tiers, weights=HU))
LAYOUTS = st.sampled_from([{}, {1: SECOND}, {1: FIRST, 2: Layout("facing", ("AB", "DF"), bay_rows=2)}])


@settings(max_examples=150, deadline=None)
@given(
    rides=st.lists(RIDES, max_size=9),
    cotravel=RULES,
    cases=st.sets(st.sampled_from(PIDS), min_size=1, max_size=2),
    air_min=st.sampled_from([0, 10, 120]),
    layouts=LAYOUTS,
)
def test_the_arrays_find_what_the_double_loop_finds(
    rides: list[Ride], cotravel: Cotravel, cases: set[str], air_min: int, layouts: dict[int, Layout]
) -> None:
    train = run(*rides, layouts=layouts)
    contacts = trace(train, cases, cotravel, residual_air_min=air_min)
    assert len({(c.case_pid, c.pid) for c in contacts}) == len(contacts)
    plain = {
        (c.case_pid, c.pid): {
            "relations": set(c.relations),
            "certain": c.certain,
            "shared_min": c.shared_min,
            "same_order": c.same_order,
        }
        for c in contacts
    }
    assert plain == oracle(train, cases, cotravel, air_min)


@settings(max_examples=60, deadline=None)
@given(rides=st.lists(RIDES, max_size=9), cotravel=RULES, order=st.randoms(use_true_random=False))
def test_the_order_of_rides_changes_nothing(rides: list[Ride], cotravel: Cotravel, order: Any) -> None:
    shuffled = order.sample(rides, len(rides))
    assert trace(run(*shuffled), {"p1"}, cotravel) == trace(run(*rides), {"p1"}, cotravel)


@settings(max_examples=60, deadline=None)
@given(rides=st.lists(RIDES, max_size=9), cotravel=RULES)
def test_weights_rank_and_never_exclude(rides: list[Ride], cotravel: Cotravel) -> None:
    weighed = trace(run(*rides), {"p1", "p2"}, cotravel)
    unweighed = trace(run(*rides), {"p1", "p2"}, replace(cotravel, weights=None))
    assert {(c.case_pid, c.pid) for c in weighed} == {(c.case_pid, c.pid) for c in unweighed}


def only(train: Run, cotravel: Cotravel, **extra: Any) -> Contact:
    (contact,) = trace(train, {"case"}, cotravel, **extra)
    return contact


def test_two_are_together_only_between_the_later_boarding_and_the_earlier_alighting() -> None:
    train = run(ride("case", "1-5A", (1, 4)), ride("p", "1-9F", (2, 5)))
    contact = only(train, rule(tier(Scope.CARRIAGE)))
    assert (contact.from_seq, contact.until_seq, contact.shared_min) == (2, 4, 170 - 60)


def test_who_boards_where_the_case_alights_was_never_together_with_it() -> None:
    train = run(ride("case", "1-5A", (1, 3)), ride("p", "1-5B", (3, 5)))
    assert trace(train, {"case"}, rule(tier(Scope.CARRIAGE), tier(Scope.TRAIN))) == []


def test_the_same_order_is_a_relation_of_its_own_even_in_another_carriage() -> None:
    train = run(ride("case", "1-5A", order_ref="o"), ride("p", "2-9F", order_ref="o"), ride("q", "2-9D"))
    contact = only(train, rule(tier(Scope.CARRIAGE), tier(Scope.ORDER)))
    assert (contact.pid, contact.relations, contact.same_order) == ("p", ("order",), True)
    assert contact.position == "elsewhere"


def test_adjacent_seats_do_not_cross_the_aisle() -> None:
    train = run(ride("case", "1-5C"), ride("same-side", "1-5B"), ride("across", "1-5D"), ride("behind", "1-6C"))
    assert only(train, rule(tier(Scope.ADJACENT, reach=1))).pid == "same-side"
    around = trace(train, {"case"}, rule(tier(Scope.AROUND, reach=1, across=True)))
    assert {c.pid for c in around} == {"same-side", "across", "behind"}


def test_a_seat_used_after_the_case_is_turnover_without_shared_minutes() -> None:
    train = run(ride("case", "1-5A", (1, 3)), ride("next", "1-5A", (3, 5)), ride("before", "1-5A", (1, 2)))
    cotravel = rule(tier(Scope.TURNOVER), weights=HU)
    later = trace(run(*train.rides[:2]), {"case"}, cotravel)[0]
    assert (later.pid, later.shared_min, later.position, later.weight_pct) == ("next", 0, "turnover", 0.075)
    assert [c.pid for c in trace(train, {"case"}, cotravel)] == ["next"]


def test_the_air_stays_infectious_for_those_who_board_soon_after() -> None:
    measles = get_profile(PROFILES, "measles", date(2022, 10, 20))
    train = run(
        ride("case", "1-5A", (1, 2)),
        ride("soon", "1-9F", (2, 5)),
        ride("later", "1-9D", (4, 5)),
        ride("other-car", "2-1A", (2, 5)),
    )
    contacts = trace(train, {"case"}, measles.cotravel, residual_air_min=measles.residual_air_min.value)
    assert [(c.pid, c.relations, c.shared_min) for c in contacts] == [("soon", ("residual_air",), 0)]


def test_an_unknown_seat_cannot_clear_anybody() -> None:
    train = run(ride("case", "1-5A"), ride("car-only", "1"), ride("nothing"), ride("far", "1-15A"))
    contacts = trace(train, {"case"}, rule(tier(Scope.ADJACENT, reach=1)))
    assert {(c.pid, c.certain, c.position) for c in contacts} == {
        ("car-only", False, "unknown"),
        ("nothing", False, "unknown"),
    }


def test_a_rule_of_none_traces_nobody_even_in_the_next_seat() -> None:
    dengue = get_profile(PROFILES, "dengue", date(2022, 10, 20))
    assert trace(run(ride("case", "1-5A"), ride("p", "1-5B")), {"case"}, dengue.cotravel) == []


def test_mpox_reaches_one_seat_on_short_rides_and_two_on_rides_over_three_hours() -> None:
    mpox = get_profile(PROFILES, "mpox", date(2022, 10, 20))
    short = run(ride("case", "1-5A", (1, 4)), ride("b", "1-5B", (1, 4)), ride("c", "1-5C", (1, 4)))
    assert [c.pid for c in trace(short, {"case"}, mpox.cotravel)] == ["b"]
    long = run(ride("case", "1-5A"), ride("b", "1-5B"), ride("c", "1-7C"), ride("d", "1-8A"))
    assert {c.pid for c in trace(long, {"case"}, mpox.cotravel)} == {"b", "c"}


def test_tuberculosis_needs_eight_hours_together() -> None:
    tb = get_profile(PROFILES, "tuberculosis-pulmonary", date(2022, 10, 20))
    near = (ride("case", "1-5A", (1, 2)), ride("p", "1-7A", (1, 2)), ride("q", "1-8A", (1, 2)))
    brief = Run(near, {1: (None, 0), 2: (479, None)}, {1: SECOND})
    assert trace(brief, {"case"}, tb.cotravel) == []
    night = Run(near, {1: (None, 0), 2: (480, None)}, {1: SECOND})
    assert [c.pid for c in trace(night, {"case"}, tb.cotravel)] == ["p"]


def test_published_attack_rates_rank_nearer_seats_first() -> None:
    covid = get_profile(PROFILES, "covid-19-9th", date(2022, 10, 20))
    train = run(
        ride("case", "1-5A"),
        ride("adjacent", "1-5B"),
        ride("row", "1-5F"),
        ride("three-rows", "1-8A"),
        ride("far", "1-15A"),
        ride("companion", "2-1A", order_ref="order of case"),
    )
    contacts = trace(train, {"case"}, covid.cotravel)
    assert [c.pid for c in contacts] == ["companion", "adjacent", "row", "three-rows", "far"]
    hours = 230 / 60
    assert [c.weight_pct for c in contacts[1:]] == pytest.approx(
        [3.5 + 1.3 * hours, 1.5 + 0.15 * hours, 0.14 + 0.15 * hours, 0.0]
    )


def test_more_time_together_never_lowers_a_weight() -> None:
    for position in ("adjacent", "same_row", "other_rows", "turnover", "same_carriage"):
        weights = [weigh_position(HU, position, minutes) for minutes in (0, 60, 480)]
        assert weights == sorted(weights)


def test_a_case_that_changes_seats_has_both_neighbourhoods() -> None:
    train = run(ride("case", "1-5A", (1, 3)), ride("case", "1-9F", (3, 5)), ride("p", "1-5B"), ride("q", "1-9D"))
    contacts = trace(train, {"case"}, rule(tier(Scope.ADJACENT, reach=1)))
    assert {(c.pid, c.shared_min) for c in contacts} == {("p", 110), ("q", 110)}


def test_two_cases_are_not_each_others_contacts() -> None:
    train = run(ride("p1", "1-5A"), ride("p2", "1-5B"), ride("p3", "1-5C"))
    contacts = trace(train, {"p1", "p2"}, rule(tier(Scope.CARRIAGE)))
    assert {(c.case_pid, c.pid) for c in contacts} == {("p1", "p3"), ("p2", "p3")}


def test_a_full_train_is_traced() -> None:
    chance = np.random.default_rng(1)
    rides = [
        ride(f"p{car}-{row}{letter}", f"{car}-{row}{letter}", tuple(sorted(chance.choice([1, 2, 3, 4, 5], 2, False))))
        for car in range(1, 17)
        for row in range(1, 18)
        for letter in "ABCDF"
    ]
    covid = get_profile(PROFILES, "covid-19-9th", date(2022, 10, 20))
    contacts = trace(Run(rides, CALLS, {}), {"p3-5A"}, covid.cotravel)
    assert 20 <= len(contacts) <= 84
    assert all(c.pid.startswith("p3-") for c in contacts)


def test_the_infectious_window_counts_from_the_anchor_and_ends_with_isolation() -> None:
    measles = get_profile(PROFILES, "measles", date(2022, 10, 20))
    assert infectious_window(measles, 100_000, 200_000) == (100_000 - 4 * 1440, 100_000 + 4 * 1440)
    covid = get_profile(PROFILES, "covid-19-9th", date(2022, 10, 20))
    assert infectious_window(covid, 100_000, 101_000) == (100_000 - 2 * 1440, 101_000)


def test_rides_come_from_bookings_without_the_cancelled_ones() -> None:
    columns = ["pid", "order_ref", "carriage", "seat_row", "seat_letter", "board_seq", "alight_seq", "state"]
    rows = [("b", "o", 3, 12, "F", 1, 4, "booked"), ("a", "o", None, None, None, 2, 4, "boarded")]
    rows += [("c", "o", 3, 12, "D", 1, 4, "cancelled"), ("b", "o", 3, 12, "F", 1, 4, "booked")]
    frame = nw.from_native(pl.DataFrame(rows, schema=columns, orient="row").lazy())
    assert list_rides(frame) == [Ride("a", "o", 2, 4), Ride("b", "o", 1, 4, 3, 12, "F")]


def test_a_ride_to_an_unknown_call_is_an_error() -> None:
    with pytest.raises(Absent, match="call 9"):
        trace(run(ride("case", "1-5A", (1, 9))), {"case"}, rule(tier(Scope.CARRIAGE)))
    with pytest.raises(Absent, match="call 1"):
        trace(Run([ride("case", "1-5A", (1, 2))], {1: (None, None), 2: (1, 2)}, {}), {"case"}, rule(tier(Scope.TRAIN)))
