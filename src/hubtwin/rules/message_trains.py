"""Trains as partners name them, and which run of the timetable is meant.

A train has several numbers: both of a pair (C2901/C2904), those it changes to on the way, those of the trips that its
vehicle goes on as. After midnight it is still of the service date on which it set out. One run that fits is taken;
several are refused, because a wrong train is worse than none; a number that the timetable does not know is kept as
told, with a mark, for it may run in addition.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from hubtwin.base.errors import Malformed
from hubtwin.rules.train_codes import SEPARATOR, split_codes

EARLY_MIN, LATE_MIN = 60, 360  # a train is spoken of before it sets out, and while it is late; ours, no source
_NUMBER = re.compile(r"([A-Z]{0,2})(\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Run:
    """A train on a service date: `code` as the timetable writes it, all its numbers, from first to last call in epoch
    minutes. `vehicle` is the same for all runs that one vehicle goes on as."""

    trip_id: str
    service_date: date
    code: str
    numbers: frozenset[str]
    from_min: int
    until_min: int
    vehicle: str = ""


RunsOf = Callable[[str, date], Iterable[Run]]  # number, service date -> runs that carry it, with all of their vehicles


@dataclass(frozen=True, slots=True)
class Named:
    """The run that is meant, or None where the timetable does not know the number, and how that was found: "", or words
    out of `other_number service_date unknown_train`."""

    run: Run | None
    repair: str = ""


def read_numbers(told: str) -> tuple[str, ...]:
    """Return the numbers of a text: `g20`, `G20次`, `C2901/C2904`, and `C2901/4` for the same. Raises Malformed."""
    text = unicodedata.normalize("NFKC", told).upper().replace(" ", "").removesuffix("次")
    numbers = list[str]()
    for part in split_codes(text.replace("、", SEPARATOR)):
        found = _NUMBER.fullmatch(part)
        if found is None:
            raise Malformed("rules.broken_train", value=told[:20])
        letters, digits = found[1], found[2]
        if numbers and not letters:
            before = _NUMBER.fullmatch(numbers[0])
            assert before is not None
            letters, digits = before[1], before[2][: -len(digits)] + digits if len(digits) < len(before[2]) else digits
        numbers.append(letters + digits)
    if not numbers:
        raise Malformed("rules.broken_train", value=told[:20])
    return tuple(dict.fromkeys(numbers))


def resolve_train(told: str, service_date: date, runs_of: RunsOf, begins_min: int, at_min: int | None = None) -> Named:
    """Return the run that a number and a date name.

    `begins_min` is the first minute of the date at the hub, `at_min` the moment that the message is about, if it says
    one: with it the train is found that is under way then. Raises Malformed for what is no number, and where several
    runs fit.
    """
    numbers = read_numbers(told)
    days = (service_date, service_date - timedelta(days=1))
    found = [run for day in days for number in numbers for run in runs_of(number, day)]
    near = [run for run in dict.fromkeys(found) if not run.numbers.isdisjoint(numbers)]
    fits = _of_moment(near, found, at_min) if at_min is not None else []
    fits = fits or [run for run in near if run.service_date == service_date] or _past_midnight(near, begins_min)
    best = [run for run in fits if set(numbers) <= run.numbers] or fits
    if not best:
        return Named(None, "unknown_train")
    if len({run.trip_id for run in best}) > 1:
        raise Malformed(
            "rules.train_ambiguous", number=told[:20], runs=", ".join(sorted(run.code for run in best))[:60]
        )
    (run, *_), notes = best, list[str]()
    if set(numbers) != set(split_codes(run.code)):
        notes.append("other_number")
    if run.service_date != service_date:
        notes.append("service_date")
    return Named(run, " ".join(notes))


def _of_moment(near: Sequence[Run], found: Sequence[Run], at_min: int) -> list[Run]:
    """Return the runs that are under way at a moment, also those that the vehicles of the named ones go on as."""
    vehicles = {run.vehicle for run in near if run.vehicle}
    linked = [run for run in dict.fromkeys(found) if run in near or run.vehicle in vehicles]
    exact = [run for run in linked if run.from_min <= at_min <= run.until_min]
    return exact or [run for run in near if run.from_min - EARLY_MIN <= at_min <= run.until_min + LATE_MIN]


def _past_midnight(near: Sequence[Run], begins_min: int) -> list[Run]:
    """Return the runs of the day before that are still under way when the date begins."""
    return [run for run in near if run.until_min >= begins_min]
