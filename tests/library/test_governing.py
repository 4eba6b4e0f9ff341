"""What governing counts, by definition."""

from hubtwin.datasets.table import Grade
from hubtwin.library.governing import Histogram, add_up, dataset_colour, proposed_grade, rating
from hubtwin.model.colour import Colour
from tests.rules.quality_oracle import make_catalogue


def test_the_colour_of_a_dataset_is_the_worst_that_more_than_a_share_of_its_records_have() -> None:
    assert dataset_colour(Histogram({})) is None
    told = Histogram({Colour.RED: 5, Colour.GREY: 20, Colour.GREEN: 975})
    assert dataset_colour(told) is Colour.GREY  # 0.5 % is not more than 0.5 %
    assert dataset_colour(told, share=0.004) is Colour.RED
    assert dataset_colour(told, least_rows=21) is Colour.GREEN
    assert dataset_colour(Histogram({Colour.BLUE: 3, Colour.GREEN: 2})) is Colour.BLUE


def test_the_score_is_the_share_of_blue_and_green_and_unreadable_records_are_black() -> None:
    told = Histogram({Colour.BLUE: 1, Colour.GREEN: 1, Colour.RED: 1}).with_unreadable(1)
    assert told.colours[Colour.BLACK] == 1
    assert told.score == 0.5
    assert add_up([told, told]).rows == 8
    assert Histogram({}).score is None


def test_five_levels_by_the_share_of_clean_records() -> None:
    shares = (100, 99, 95, 90, 80, 79)
    assert [rating(Histogram({Colour.GREEN: n, Colour.RED: 100 - n})) for n in shares] == [5, 5, 4, 3, 2, 1]
    assert rating(Histogram({})) is None


def test_scale_proposes_a_grade_once_when_a_threshold_is_crossed() -> None:
    people = make_catalogue().get("people")
    assert proposed_grade(people, 10_000, 9_999) is Grade.L4
    assert proposed_grade(people, 20_000, 10_000) is None
    assert proposed_grade(make_catalogue().get("streets"), 10_000, 0) is None  # open data stays open
