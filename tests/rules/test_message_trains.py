"""Which run a partner means by a number and a date."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.rules.message_trains import Named, Run, read_numbers, resolve_train

DAY = date(2022, 10, 20)
BEGINS_MIN = 27_769_440  # midnight of DAY in Shanghai


def _run(trip: str, code: str, hours: tuple[float, float], *, day: int = 0, vehicle: str = "", more: str = "") -> Run:
    numbers = frozenset([*code.split("/"), *more.split()])
    begins = BEGINS_MIN + day * 1440
    first, last = (begins + int(hour * 60) for hour in hours)
    return Run(trip, DAY + timedelta(days=day), code, numbers, first, last, vehicle)


RUNS = (
    _run("pair", "C2901/C2904", (7, 9)),
    _run("changes", "G20", (10, 15), more="G21"),
    *(_run("night", "Z7", (18, 31), day=day) for day in (-1, 0)),
    _run("late", "D5", (20, 25.5), day=-1),
    _run("first", "K101", (8, 12), vehicle="v"),
    _run("second", "K102", (12.2, 16), vehicle="v"),
    _run("north", "T1", (6, 9)),
    _run("south", "T1/T4", (12, 15)),
)


def runs_of(number: str, day: date) -> Iterable[Run]:
    named = [run for run in RUNS if run.service_date == day and number in run.numbers]
    vehicles = {run.vehicle for run in named} - {""}
    return [run for run in RUNS if run in named or (run.vehicle in vehicles and run.service_date == day)]


def resolve(told: str, hour: float | None = None, day: int = 0) -> tuple[str | None, str]:
    """Return trip and repair; `hour` is counted from the midnight of DAY."""
    at_min = None if hour is None else BEGINS_MIN + int(hour * 60)
    found = resolve_train(told, DAY + timedelta(days=day), runs_of, BEGINS_MIN + day * 1440, at_min)
    return found.run.trip_id if found.run else None, found.repair


@pytest.mark.parametrize(
    ("told", "numbers"),
    [
        ("G20", ("G20",)),
        (" g 20 次", ("G20",)),
        ("Ｇ２０", ("G20",)),
        ("C2901/C2904", ("C2901", "C2904")),
        ("C2901/4", ("C2901", "C2904")),
        ("C2901/04", ("C2901", "C2904")),
        ("1461/1464", ("1461", "1464")),
        ("1461/4", ("1461", "1464")),
        ("G20/G20", ("G20",)),
    ],
)
def test_numbers_as_they_are_written(told: str, numbers: tuple[str, ...]) -> None:
    assert read_numbers(told) == numbers


@pytest.mark.parametrize("told", ["", "/", "高铁", "G", "G123456", "20G", "G20;DROP"])
def test_what_is_no_number_is_refused(told: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_numbers(told)
    assert refused.value.key == "rules.broken_train"


def test_a_train_is_found_by_any_of_its_numbers() -> None:
    assert resolve("C2901/C2904") == ("pair", "")
    assert resolve("C2904") == resolve("c2901") == ("pair", "other_number")
    assert resolve("C2901/4") == ("pair", "")
    assert resolve("G21") == ("changes", "other_number"), "it changes on the way"
    assert resolve("G20") == ("changes", "")


def test_after_midnight_a_train_is_of_the_date_on_which_it_set_out() -> None:
    assert resolve("D5") == ("late", "service_date"), "it does not run on this date"
    assert resolve("Z7", 0.7) == ("night", "service_date"), "the one of yesterday is under way"
    assert resolve("Z7", 20) == ("night", ""), "today's"
    assert resolve("Z7") == ("night", ""), "without a moment the date is believed"
    found = resolve_train("Z7", DAY, runs_of, BEGINS_MIN, BEGINS_MIN + 42)
    assert found.run is not None
    assert found.run.service_date == DAY - timedelta(days=1)


def test_of_the_trips_of_one_vehicle_the_moment_decides() -> None:
    assert resolve("K101", 9) == ("first", "")
    assert resolve("K101", 14) == ("second", "other_number"), "by then it is K102"
    assert resolve("K101") == ("first", "")


def test_several_that_fit_are_refused_and_the_moment_or_the_whole_number_settles_it() -> None:
    with pytest.raises(Malformed) as refused:
        resolve("T1")
    assert refused.value.key == "rules.train_ambiguous"
    assert resolve("T1", 7) == ("north", "")
    assert resolve("T1", 13) == ("south", "other_number")
    assert resolve("T1/T4") == ("south", "")


def test_an_unknown_number_is_kept_with_a_mark() -> None:
    assert resolve("G999") == (None, "unknown_train")
    assert resolve("D5", day=1) == (None, "unknown_train"), "over by then"
    assert resolve_train("G1", DAY, lambda number, day: (), BEGINS_MIN) == Named(None, "unknown_train")


@given(st.sampled_from([number for run in RUNS for number in sorted(run.numbers)]), st.none() | st.floats(-12, 36))
def test_what_is_found_carries_the_number_or_goes_on_from_one_that_does(number: str, hour: float | None) -> None:
    at_min = None if hour is None else BEGINS_MIN + int(hour * 60)
    try:
        found = resolve_train(number, DAY, runs_of, BEGINS_MIN, at_min)
    except Malformed:
        return
    if found.run is not None:
        assert number in found.run.numbers or found.run.vehicle == "v"
        assert found.run.service_date in (DAY, DAY - timedelta(days=1))
        assert (found.run.code == number) == ("other_number" not in found.repair)
