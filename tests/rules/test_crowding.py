"""Level of service: the boundaries of Fruin's scales, and what has no area."""

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.rules.crowding import CROWDING, SCALES, density, level_of_service, read_crowding, scale_of


@pytest.mark.parametrize(
    ("scale", "square_feet"),
    [("walkway", (35, 25, 15, 10, 5)), ("stairs", (20, 15, 10, 7, 4)), ("queue", (13, 10, 7, 3, 2))],
)
def test_the_metres_are_the_square_feet_of_the_source(scale: str, square_feet: tuple[int, ...]) -> None:
    metres = [round(feet * 0.3048**2, 2) for feet in square_feet]
    told = [level.least_m2 for name, levels in CROWDING.levels.items() if name == scale for level in levels]
    assert told == pytest.approx(metres, abs=0.01)


def test_a_level_begins_exactly_at_its_room_and_the_next_just_below() -> None:
    for scale in SCALES:
        levels = CROWDING.levels[scale]
        for level, worse in zip(levels, [*(each.letter for each in levels[1:]), "F"], strict=True):
            assert level_of_service(1 / level.least_m2, scale) == level.letter
            assert level_of_service(1 / (level.least_m2 - 0.001), scale) == worse
        assert level_of_service(0, scale) == "A"
        assert level_of_service(20, scale) == "F"


def test_where_people_wait_the_same_crowd_is_less_bad_than_where_they_walk() -> None:
    assert [level_of_service(1.2, scale) for scale in SCALES] == ["E", "D", "C"]
    assert [scale_of(category) for category in ("platform", "stairs", "room", "never heard of")] == [
        *("queue", "stairs", "walkway", "walkway")
    ]


def test_density_needs_an_area() -> None:
    assert density(30, 60) == 0.5
    for area in (0, -1, float("nan")):
        with pytest.raises(Malformed):
            density(1, area)


@pytest.mark.parametrize(
    "content", ["", "[walkway", "[walkway]\nA = 3", '[walkway]\nA = { least_m2 = "x", source = "s" }']
)
def test_a_table_that_is_none_is_refused(content: str) -> None:
    with pytest.raises(Malformed):
        read_crowding(content)


def test_a_table_that_does_not_fall_is_refused() -> None:
    step = '{ least_m2 = 1.0, source = "s" }'
    twice = "\n".join(f"[{scale}]\nA = {step}\nB = {step}" for scale in SCALES)
    with pytest.raises(Malformed) as caught:
        read_crowding(f"{twice}\n[categories]\n")
    assert caught.value.key == "rules.crowding_wrong"
