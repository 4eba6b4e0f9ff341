"""Single questions, in a process of its own: an area, a person, a stay, and increments beside the whole; as JSON."""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._collision_data import SEED, WINDOW, Scale, connect, read_risk
from benchmarks.common import peak_rss_gib
from hubtwin.base.clock import epoch_minute
from hubtwin.rules.linkage import Stays, collide, index_stays, rank_persons, trace_area, trace_person
from hubtwin.rules.linkage_collider import Collider
from hubtwin.rules.linkage_risk import Risk, find_exposure, index_risk
from hubtwin.stores.stay_index import open_stays

HALF_DAY_MIN, WEEK_MIN = 12 * 60, 7 * 24 * 60  # a week: the median of the real high-risk areas under the 9th plan
_AREA_SQL = """
    select distinct person from stays where area = ? and t_in < ?::int and t_out > ?::int
"""


def _times(questions: list[Callable[[], object]]) -> NDArray[np.float64]:
    """Return the wall milliseconds of each question, asked once before to warm its pages."""
    spent = []
    for ask in questions:
        ask()
        began = time.perf_counter()
        ask()
        spent.append((time.perf_counter() - began) * 1000)
    return np.array(spent)


def _spread(spent_ms: NDArray[np.float64]) -> dict[str, float]:
    p50, p95 = np.percentile(spent_ms, (50, 95))
    return {"p50": float(p50), "p95": float(p95), "max": float(spent_ms.max()), "asked": len(spent_ms)}


def _areas(scale: Scale, stays: Stays, length_min: int) -> dict[str, Any]:
    rng = np.random.default_rng(SEED + 3)
    begin, end = (epoch_minute(moment) for moment in WINDOW)
    starts = rng.integers(begin + 2 * 24 * 60, end - length_min, stays.area_count).tolist()
    largest = int(np.argmax(np.diff(stays.offsets)))
    every = [lambda area=area, at=at: trace_area(stays, area, at, at + length_min) for area, at in enumerate(starts)]
    same = [lambda at=at: trace_area(stays, largest, at, at + length_min) for at in starts[:15]]
    answer = {
        "every area": _spread(_times([*every])),
        "largest area": _spread(_times([*same])),
        "largest stays": int(np.diff(stays.offsets).max()),
        "largest persons": len(trace_area(stays, largest, starts[0], starts[0] + length_min)),
    }
    if (scale.folder / "stays.duckdb").exists():
        answer["duckdb"] = _duckdb_areas(scale, stays, length_min, starts, largest)
    return answer


def _duckdb_areas(scale: Scale, stays: Stays, length_min: int, starts: list[int], largest: int) -> dict[str, Any]:
    chosen = np.random.default_rng(SEED + 4).choice(stays.area_count, 60, replace=False).tolist()
    with connect(scale.folder / "stays.duckdb", threads=2) as con:
        statement = con

        def ask(area: int, at: int) -> NDArray[Any]:
            given = [area, at + length_min, at]
            persons: NDArray[Any] = statement.execute(_AREA_SQL, given).fetchnumpy()["person"]
            return persons

        for area in [*chosen[:5], largest]:
            ours = trace_area(stays, area, starts[area], starts[area] + length_min)
            assert np.array_equal(np.sort(ask(area, starts[area])), ours), area
        some = [lambda area=area: ask(area, starts[area]) for area in chosen]
        same = [lambda at=at: ask(largest, at) for at in starts[:5]]
        return {"every area": _spread(_times([*some])), "largest area": _spread(_times([*same]))}


def _persons(stays: Stays, risk: Risk) -> dict[str, Any]:
    exposed = collide(stays, risk).person
    chosen = np.random.default_rng(SEED + 5).choice(exposed, 2000).tolist()
    trace_person(stays, risk, chosen.pop())  # what the risk set derives once
    cold = []
    for person in chosen:
        began = time.perf_counter()
        trace_person(stays, risk, person)
        cold.append((time.perf_counter() - began) * 1000)
    again = _times([partial(trace_person, stays, risk, person) for person in chosen])
    rows = [len(trace_person(stays, risk, person).stay_id) for person in chosen]
    return {
        "first asked": _spread(np.array(cold)),
        "asked again": _spread(again),
        "evidence rows p50": float(np.median(rows)),
        "max": max(rows),
    }


def _single(stays: Stays, risk: Risk) -> dict[str, Any]:
    """One new stay against the risk set: half of the stays in areas at risk, so that no empty area flatters."""
    rng = np.random.default_rng(SEED + 6)
    count = 100_000
    rows = rng.integers(0, len(stays.t_in), count)
    area = np.where(
        np.arange(count) % 2, rng.choice(risk.area, count), np.searchsorted(stays.offsets, rows, "right") - 1
    ).tolist()
    t_in, t_out = stays.t_in[rows].tolist(), stays.t_out[rows].tolist()
    find_exposure(risk, area[0], t_in[0], t_out[0])
    began = time.perf_counter()
    found = [find_exposure(risk, *stay) for stay in zip(area, t_in, t_out, strict=True)]
    spent_us = (time.perf_counter() - began) / count * 1e6
    exposed = sum(first is not None for first in found)
    return {"us": spent_us, "asked": count, "exposed": exposed}


def _increments(stays: Stays, risk: Risk) -> dict[str, Any]:
    """A sample of 2 million stays and 600 intervals in 60 steps, at the end beside everything at once."""
    rng = np.random.default_rng(SEED + 7)
    rows = np.sort(rng.choice(len(stays.t_in), min(2_000_000, len(stays.t_in)), replace=False))
    area = np.searchsorted(stays.offsets, rows, "right") - 1
    who, sample_ids = np.unique(stays.person[rows], return_inverse=True)[1], np.arange(len(rows))
    known = rng.random(len(rows)) < 0.99
    columns = (area, who, stays.t_in[rows], stays.t_out[rows])
    collider = Collider(index_stays(*(column[known] for column in columns), stay_id=sample_ids[known]))
    late = np.array_split(np.flatnonzero(~known), 20)
    chosen = np.array_split(rng.permutation(len(risk.area))[:600], 20)
    for step in range(20):
        at = chosen[step]
        collider.publish(
            index_risk(risk.area[at], risk.start[at], risk.end[at], risk.level[at], interval=risk.interval[at])
        )
        collider.add(*(column[late[step]] for column in columns), stay_id=sample_ids[late[step]])
        collider.withdraw(risk.interval[chosen[step // 2]][::7].tolist())
    whole = index_stays(*columns, stay_id=sample_ids)
    full, held = rank_persons(whole, collider.risk()), collider.list_persons()
    equal = all(np.array_equal(getattr(full, name), getattr(held, name)) for name in full._fields)
    ids = np.array_equal(np.sort(collide(whole, collider.risk()).stay_id), np.sort(collider.list_exposed().stay_id))
    return {"stays": len(rows), "steps": 60, "exposed persons": len(full.person), "equal": bool(equal and ids)}


def main() -> None:
    """Ask everything of one data set and print JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stays", type=int, required=True)
    parser.add_argument("--zipf", type=float, required=True)
    given = parser.parse_args()
    scale = Scale(given.stays, given.zipf)
    stays, risk = open_stays(scale.folder / "index"), read_risk()
    answer: dict[str, Any] = {
        "12 h": _areas(scale, stays, HALF_DAY_MIN),
        "7 days": _areas(scale, stays, WEEK_MIN),
        "person": _persons(stays, risk),
        "stay": _single(stays, risk),
        "peak_gib": peak_rss_gib(),
        "increments": _increments(stays, risk),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
