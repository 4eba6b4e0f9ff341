"""A simulated day as a whole: the same twice, nothing of the truth on the wire, what the recipe promises."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.sim.day import DOCUMENT, HubDay, simulate
from hubtwin.sim.folder import TRUTH_FILE, truth_csv, write_day
from hubtwin.sim.people import Kind
from hubtwin.sim.places import STILL
from hubtwin.sim.recipe import load_recipe
from hubtwin.sim.small import PERSONS, small_day, small_world
from hubtwin.sim.wire import list_pages

_DIGEST = """
from hashlib import sha256
from hubtwin.sim.folder import truth_csv
from hubtwin.sim.small import small_day
from hubtwin.sim.wire import list_pages
day = small_day(7, 300)
found = sha256(truth_csv(day))
for name, page in list_pages(day):
    found.update(name.encode() + page)
print(found.hexdigest())
"""


def _digest(hash_seed: str) -> str:
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, "-c", _DIGEST], env=env, capture_output=True, text=True, check=True)
    return done.stdout


def test_two_processes_with_different_hash_seeds_make_the_same_bytes() -> None:
    assert _digest("1") == _digest("2")


def test_another_seed_makes_another_day() -> None:
    assert dict(list_pages(small_day(1))) != dict(list_pages(small_day(2)))


def test_a_folder_holds_pages_truth_and_a_manifest_with_hashes(tmp_path: Path) -> None:
    day = small_day()
    manifest = write_day(day, tmp_path / "day")
    written = json.loads((tmp_path / "day" / "manifest.json").read_text(encoding="utf-8"))
    assert written == manifest
    assert written["synthetic"] is True
    assert written["seed"] == day.seed
    assert written["counts"]["arrivals"] == PERSONS
    for name, digest in written["files"].items():
        assert sha256((tmp_path / "day" / name).read_bytes()).hexdigest() == digest
    assert TRUTH_FILE in written["files"]


def test_a_folder_with_contents_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(Malformed, match="not empty"):
        write_day(small_day(), tmp_path)
    assert [found.name for found in tmp_path.iterdir()] == ["mine.txt"]


def test_no_page_carries_the_truth() -> None:
    day = small_day(3, 200)
    sent = b"".join(page for _, page in list_pages(day))
    assert day.truth.exposed.any()
    for key in day.places.interval_key:
        assert f",{key},".encode() not in sent
    assert b"infectious" not in sent
    assert b"exposed" not in sent


def test_every_booking_page_says_that_it_is_synthetic() -> None:
    for name, page in list_pages(small_day()):
        if name.endswith(".csv"):
            header, *lines = page.decode().splitlines()
            assert header.endswith(",provenance")
            assert lines
            assert all(line.endswith(",synthetic") for line in lines)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), persons=st.integers(0, 900))
def test_exactly_the_asked_number_arrives_and_no_seat_is_sold_twice_on_a_segment(seed: int, persons: int) -> None:
    day = small_day(seed, persons)
    bookings = day.bookings
    assert int((bookings.kind == Kind.ARRIVES).sum()) == persons
    assert bool((bookings.alight > bookings.board).all())
    assert bool((bookings.order[:-1] <= bookings.order[1:]).all())
    taken: Counter[tuple[int, ...]] = Counter()
    columns = (bookings.trip, bookings.carriage, bookings.row, bookings.letter, bookings.board, bookings.alight)
    for trip, car, row, letter, board, alight in zip(*(column.tolist() for column in columns), strict=True):
        taken.update((trip, car, row, letter, call) for call in range(board, alight))
    assert max(taken.values(), default=1) == 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_who_is_on_one_order_shares_train_carriage_and_ride_and_sits_together(seed: int) -> None:
    bookings = small_day(seed, 500).bookings
    for order in np.unique(bookings.order):
        mine = np.flatnonzero(bookings.order == order)
        assert 1 <= len(mine) <= 5
        for column in (bookings.trip, bookings.carriage, bookings.board, bookings.alight, bookings.booked_min):
            assert len(set(column[mine].tolist())) == 1
        assert int(bookings.row[mine].max() - bookings.row[mine].min()) <= 2  # first class has rows of four


def test_full_trains_carry_whom_they_can_and_say_how_many() -> None:
    counts = small_day(1, 100_000).counts()
    assert counts["arrivals_asked"] == 100_000
    assert 500 < counts["arrivals"] < 2_400


def test_a_cancelled_train_brings_nobody() -> None:
    day = simulate(small_world(), 5, 40, load_recipe(delays={"cancelled": 1.0}))
    assert set(day.bookings.kind.tolist()) == {int(Kind.CANCELLED)}
    assert bool((day.bookings.boarded_min == STILL).all())
    assert day.counts()["arrivals"] == 0


def test_seats_are_used_again_on_the_way() -> None:
    bookings = small_day(4, 600).bookings
    seats = list(zip(bookings.trip, bookings.carriage, bookings.row, bookings.letter, strict=True))
    assert len(set(seats)) < len(seats)


def test_documents_are_unique_valid_and_of_an_area_that_does_not_exist() -> None:
    day = small_day(2, 500)
    assert DOCUMENT == "syn"
    assert len(set(day.documents)) == len(day.bookings)
    for number in day.documents:
        assert number.startswith("99")
        total = sum((1 << (17 - at)) % 11 * int(digit) for at, digit in enumerate(number[:17]))
        assert "10X98765432"[total % 11] == number[17]  # ISO 7064 MOD 11-2


def test_booked_share_that_does_not_come_is_as_the_recipe_says() -> None:
    recipe = load_recipe(delays={"cancelled": 0.0})
    counts = simulate(small_world(), 11, 1_500, recipe).counts()
    assert 0.01 < counts["no_shows"] / (counts["arrivals"] + counts["no_shows"]) < 0.06


def test_nobody_is_in_two_places_at_once_and_stays_end_before_boarding() -> None:
    day = small_day(6, 800)
    stays = day.stays
    same = stays.person[1:] == stays.person[:-1]
    assert bool((stays.out_min > stays.in_min).all())
    assert bool((stays.in_min[1:][same] >= stays.out_min[:-1][same]).all())
    leave_min = day.runs.plan_depart_s[day.bookings.board] // 60
    assert bool((stays.out_min <= leave_min[stays.person]).all())
    assert bool((stays.in_min >= leave_min[stays.person] - 15 * 1440).all())
    assert set(stays.person.tolist()) == set(range(len(day.bookings)))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_truth_equals_a_slow_loop_over_stays_and_intervals(seed: int) -> None:
    day = small_day(seed, 120)
    stays, places, truth = day.stays, day.places, day.truth
    slow = set()
    for stay in range(len(stays)):
        for interval, place in enumerate(places.interval_place):
            start = max(stays.in_min[stay], places.interval_from[interval])
            end = min(stays.out_min[stay], places.interval_until[interval])
            if stays.community[stay] == place and start < end:
                slow.add((int(stays.person[stay]), interval, int(start), int(end)))
    columns = (truth.person, truth.interval, truth.from_min, truth.until_min)
    assert set(zip(*(column.tolist() for column in columns), strict=True)) == slow


def test_there_are_persons_of_the_same_community_street_and_county_to_tell_apart() -> None:
    day = small_day(8, 300)
    stays, places = day.stays, day.places
    exposed = day.truth.exposed
    street_only = county_only = 0
    for stay in range(len(stays)):
        for interval, place in enumerate(places.interval_place):
            meets = (
                stays.in_min[stay] < places.interval_until[interval]
                and stays.out_min[stay] > places.interval_from[interval]
                and stays.county[stay] == places.county_of[place]
                and not exposed[stays.person[stay]]
            )
            street_only += meets and stays.street[stay] == places.street_of[place]
            county_only += meets and stays.street[stay] != places.street_of[place]
    assert exposed.sum() > 10
    assert street_only > 10
    assert county_only > 10


def test_the_truth_file_has_a_line_for_each_exposure() -> None:
    day = small_day(9, 200)
    lines = truth_csv(day).decode().splitlines()
    alone = int((day.truth.infectious & ~day.truth.exposed).sum())
    assert len(lines) == 1 + len(day.truth.person) + alone
    assert all(line.endswith(",synthetic") for line in lines[1:])


def test_a_world_without_counties_has_passengers_but_no_stays() -> None:
    world = replace(small_world(), station_areas={}, listed=(), streets={})
    day = simulate(world, 1, 30)
    assert day.counts()["arrivals"] == 30
    assert day.counts()["stays"] == 0


def test_a_world_without_risk_areas_exposes_nobody() -> None:
    day = simulate(replace(small_world(), listed=()), 1, 200)
    assert not day.truth.exposed.any()


def test_a_recipe_entry_that_does_not_exist_is_named() -> None:
    with pytest.raises(Malformed, match="no_shows"):
        load_recipe(passengers={"no_shows": 0.1})


def test_a_recipe_without_a_block_is_refused_by_its_name(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[passengers]\n", encoding="utf-8")
    with pytest.raises(Malformed, match="delays"):
        load_recipe(recipe)


def test_a_change_of_one_part_leaves_the_chances_of_the_others_alone() -> None:
    def ridden(day: HubDay) -> list[int]:
        return [int(call) for call in day.bookings.board]

    calm = simulate(small_world(), 1, 100, load_recipe(infection={"high": 0.0}))
    wild = simulate(small_world(), 1, 100, load_recipe(infection={"high": 1.0}))
    assert ridden(calm) == ridden(wild)
