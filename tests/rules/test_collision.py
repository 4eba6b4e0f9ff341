"""The collision of trains with risk areas equals a slow loop, on every engine."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.datasets.health import RISK_AREAS, RISK_FREEZES
from hubtwin.rules.collision import bound_areas, collide, gather_calls, weigh
from tests.engines.frames import ENGINES, make_frame, rows_of

UPSTREAM = pa.schema(
    [
        ("trip_id", pa.string()),
        ("service_date", pa.string()),
        ("hub_seq", pa.int64()),
        ("part_id", pa.string()),
        ("seq", pa.int64()),
        ("station_id", pa.string()),
        ("area_code", pa.string()),
        ("arrive_min", pa.int32()),
        ("depart_min", pa.int32()),
    ]
)
NOW = 500
CODES = st.sampled_from(["330100", "330200", "420100"])
MINUTE = st.integers(0, 1000)


@st.composite
def calls(draw: st.DrawFn) -> list[dict[str, Any]]:
    drawn = draw(st.lists(st.tuples(CODES | st.none(), MINUTE, st.integers(0, 9)), max_size=8))
    return [
        {
            "trip_id": f"t{n % 3}",
            "service_date": "2022-10-20",
            "hub_seq": 99,
            "part_id": f"t{n % 3}",
            "seq": n,
            "station_id": f"s{n}",
            "area_code": code,
            "arrive_min": arrive,
            "depart_min": arrive + wait,
        }
        for n, (code, arrive, wait) in enumerate(drawn)
    ]


@st.composite
def areas(draw: st.DrawFn) -> list[dict[str, Any]]:
    levels = st.sampled_from(["high", "medium", "low"])
    ends = st.none() | st.integers(1, 400)
    drawn = draw(st.lists(st.tuples(CODES | st.none(), levels, MINUTE, ends), max_size=8))
    return [
        {
            "area_key": f"a{n}",
            "level": level,
            "area_code": code,
            "county": "x",
            "resolution": "county",
            "has_exception": False,
            "first_seen_min": first,
            "gone_by_min": None if lasts is None else first + lasts,
            "provenance": "real",
        }
        for n, (code, level, first, lasts) in enumerate(drawn)
    ]


@st.composite
def freezes(draw: st.DrawFn, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    gone = [area for area in listed if area["gone_by_min"] is not None]
    chosen = draw(st.lists(st.sampled_from(gone), unique_by=lambda a: a["area_key"])) if gone else []
    lasting = draw(st.lists(st.none() | st.integers(1, 300), min_size=len(chosen), max_size=len(chosen)))
    return [
        {
            "area_key": area["area_key"],
            "from_min": area["gone_by_min"],
            "until_min": None if lasts is None else area["gone_by_min"] + lasts,
        }
        for area, lasts in zip(chosen, lasting, strict=True)
    ]


def slow_collide(
    calls: list[dict[str, Any]], areas: list[dict[str, Any]], freezes: list[dict[str, Any]]
) -> set[tuple[int, str]]:
    """The same in plain words: known by now, and standing when the train arrives there or later."""
    found = set()
    for call in calls:
        for area in areas:
            if area["level"] == "low" or area["first_seen_min"] > NOW or area["area_code"] is None:
                continue
            end = area["gone_by_min"] if area["gone_by_min"] is not None and area["gone_by_min"] <= NOW else None
            for freeze in freezes:
                if end is not None and freeze["area_key"] == area["area_key"] and freeze["from_min"] == end:
                    end = freeze["until_min"] if (freeze["until_min"] or NOW + 1) <= NOW else None
                    break
            if call["area_code"] == area["area_code"] and (end is None or end > call["arrive_min"]):
                found.add((call["seq"], area["area_key"]))
    return found


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_collide_equals_a_slow_loop(engine: str, data: st.DataObject) -> None:
    some_calls, some_areas = data.draw(calls()), data.draw(areas())
    some_freezes = data.draw(freezes(some_areas))
    bound = bound_areas(
        make_frame(engine, RISK_AREAS.schema, some_areas),
        make_frame(engine, RISK_FREEZES.schema, some_freezes),
        ("high", "medium"),
        NOW,
    )
    pairs = rows_of(collide(make_frame(engine, UPSTREAM, some_calls), bound))
    assert {(p["seq"], p["area_key"]) for p in pairs} == slow_collide(some_calls, some_areas, some_freezes)
    assert len(pairs) == len({(p["seq"], p["area_key"]) for p in pairs})


@pytest.mark.parametrize("engine", ENGINES)
def test_a_call_gathers_its_areas_and_the_freshest_high_one_weighs_most(engine: str) -> None:
    call = {
        "trip_id": "t", "service_date": "2022-10-20", "hub_seq": 3, "part_id": "t", "seq": 1, "station_id": "s",
        "area_code": "420100", "arrive_min": 100, "depart_min": 102,
    }  # fmt: skip
    listed = [
        {"area_key": k, "level": level, "area_code": "420100", "county": "c", "resolution": how, "has_exception": e,
         "first_seen_min": first, "gone_by_min": None, "provenance": made}
        for k, level, how, e, first, made in (
            ("a", "high", "county", False, 400, "real"),
            ("b", "high", "street", True, 500, "synthetic"),
            ("c", "medium", "zone", False, 500, "real"),
        )
    ]  # fmt: skip
    bound = bound_areas(
        make_frame(engine, RISK_AREAS.schema, listed),
        make_frame(engine, RISK_FREEZES.schema, []),
        ("high", "medium"),
        NOW,
    )
    pairs = collide(make_frame(engine, UPSTREAM, [call]), bound)
    weighed = weigh(pairs, {"high": 1.0, "medium": 0.3}, 100, NOW)
    assert {p["area_key"]: round(p["weight"], 9) for p in rows_of(weighed)} == {"a": 0.5, "b": 1.0, "c": 0.3}
    (row,) = rows_of(gather_calls(weighed))
    assert (row["areas"], row["high_areas"], row["with_exception"], row["county_only"]) == (3, 2, 1, 2)
    assert (row["newest_min"], row["weight"], row["area_synthetic"]) == (500, 1.0, True)
