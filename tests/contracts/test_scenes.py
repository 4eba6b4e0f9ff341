"""Every scene passes the suite of its contract, and ten seeded mutants of one do not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from hubtwin.model.finding import Finding
from hubtwin.model.record import UNMARKED
from hubtwin.ports import Scene, Tables
from hubtwin.scenes.epidemic.scene import SCENE
from tests.contracts.scene_suite import CHECKS, Case, new_rows_are_narrowed_by_themselves
from tests.scenes.epidemic.story import NOW, PARAMS, area, at, booking, morning, tables
from tests.scenes.epidemic.story import count as counted

LATER = {
    "risk_areas": [area("new in C", "330303", "high", 541)],
    "boarding_counts": [counted("g1", "AAA", 900, 900, 545)],
    "bookings": [booking("g1", "p9", 1, 3, as_of_min=at(541))],
    "running_information": [
        {
            "trip_id": "g1",
            "service_date": morning()["rail_service_days"][0]["service_date"],
            "seq": 2,
            "arrival_delay_s": 7200,
            "relation": "SCHEDULED",
            "observed_min": at(541),
        }
    ],
}
EPIDEMIC = Case(SCENE, morning(), LATER, PARAMS, NOW, ("G1 2022-10-20", "G2 2022-10-20"), tables)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_the_epidemic_scene_keeps_its_promises(check: Callable[[Case], None]) -> None:
    check(EPIDEMIC)


def test_a_scene_that_forgets_new_rows_fails_the_suite() -> None:
    def forgets(tables: Tables, params: Mapping[str, Any], now: datetime) -> Tables:
        near = SCENE.narrow(tables, params, now)
        return {**near, "boarding_counts": near["boarding_counts"].head(3)}

    assert not _holds(new_rows_are_narrowed_by_themselves, replace(EPIDEMIC, scene=replace(SCENE, narrow=forgets)))


Judge = Callable[[Tables, Mapping[str, Any], datetime], Sequence[Finding]]
_serial = count()


def _all(change: Callable[[Finding], Finding]) -> Judge:
    return lambda tables, params, now: [change(f) for f in SCENE.judge(tables, params, now)]


def _row_order(tables: Tables, params: Mapping[str, Any], now: datetime) -> Sequence[Finding]:
    rows = tables["boarding_counts"].collect("pyarrow").to_native().to_pylist()
    return [replace(f, score=f.score + (rows[0]["booked"] if rows else 0)) for f in SCENE.judge(tables, params, now)]


MUTANTS: dict[str, Judge] = {
    "finds twice": lambda t, p, n: [f for f in SCENE.judge(t, p, n) for _ in (0, 1)],
    "finds nothing": lambda t, p, n: [],
    "loses the last one": lambda t, p, n: list(SCENE.judge(t, p, n))[:-1],
    "turns the ranking": lambda t, p, n: list(SCENE.judge(t, p, n))[::-1],
    "knows the future": lambda t, p, n: [
        replace(f, found_min=f.found_min - 60) for f in SCENE.judge(t, p, n + timedelta(hours=1))
    ],
    "calls everything real": _all(lambda f: replace(f, marks=UNMARKED)),
    "forgets its thresholds": _all(lambda f: replace(f, params={})),
    "makes a new key each time": _all(lambda f: replace(f, key=f"{f.key}{next(_serial)}")),
    "depends on the order of rows": _row_order,
    "finds something in nothing": lambda t, p, n: SCENE.judge(t, p, n) or [_ghost()],
}


def _ghost() -> Finding:
    return replace(EPIDEMIC.judge(morning())[0], key="ghost")


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_scene_fails_the_suite(name: str) -> None:
    mutant = replace(EPIDEMIC, scene=Scene(SCENE.name, SCENE.needs, SCENE.params, MUTANTS[name]))
    assert not all(_holds(check, mutant) for check in CHECKS), f"the suite does not notice a scene that {name}"


def _holds(check: Callable[[Case], None], case: Case) -> bool:
    try:
        check(case)
    except AssertionError:
        return False
    return True
