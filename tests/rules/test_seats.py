"""Seat geometry: who sits beside whom."""

import pytest

from hubtwin.rules.seats import BUSINESS, FIRST, LAYOUTS, SECOND, Layout, infer_layout, seats_apart


@pytest.mark.parametrize(
    ("layout", "one", "other", "apart"),
    [
        (SECOND, "A", "B", 1),
        (SECOND, "A", "C", 2),
        (SECOND, "D", "F", 1),
        (SECOND, "C", "D", None),
        (SECOND, "A", "F", None),
        (SECOND, "B", "B", 0),
        (FIRST, "A", "C", 1),
        (FIRST, "D", "F", 1),
        (FIRST, "C", "D", None),
        (FIRST, "A", "B", None),
        (BUSINESS, "A", "C", 1),
        (BUSINESS, "C", "F", None),
    ],
)
def test_neighbourhood_does_not_cross_the_aisle(layout: Layout, one: str, other: str, apart: int | None) -> None:
    assert seats_apart(layout, one, other) == apart
    assert seats_apart(layout, other, one) == apart


def test_across_the_aisle_the_aisle_counts_as_nothing() -> None:
    assert seats_apart(SECOND, "C", "D", across_aisle=True) == 1
    assert seats_apart(SECOND, "A", "F", across_aisle=True) == 4
    assert seats_apart(SECOND, "A", "E", across_aisle=True) is None


def test_no_layout_has_a_seat_e() -> None:
    assert all("E" not in layout.position for layout in LAYOUTS.values())


def test_the_letters_in_use_tell_the_layout() -> None:
    assert infer_layout("AB") is SECOND
    assert infer_layout("AD") is FIRST
    assert infer_layout("ACF") is BUSINESS
    assert infer_layout("") is BUSINESS


@pytest.mark.parametrize("true", LAYOUTS.values(), ids=lambda layout: layout.layout_id)
def test_a_guessed_layout_never_moves_two_seats_further_apart(true: Layout) -> None:
    letters = "".join(true.blocks)
    for one in letters:
        for other in letters:
            guessed = infer_layout({one, other})
            real, guess = seats_apart(true, one, other), seats_apart(guessed, one, other)
            assert real is None or (guess is not None and guess <= real)


def test_rows_make_bays_where_seats_face_each_other() -> None:
    facing = Layout("facing", ("AB", "DF"), bay_rows=2)
    assert [facing.bay(row) for row in (1, 2, 3, 4, 5)] == [1, 1, 2, 2, 3]
    assert [SECOND.bay(row) for row in (1, 2)] == [1, 2]
