"""Exposure of persons: the portable expression equals a plain loop, on both engines."""

from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.rules.exposure import EVIDENCE, ExposureRule, Precision, expose, list_boardings, sum_up

Rows = list[dict[str, Any]]
DAY = date(2022, 10, 20)
REFERENCE = 20_000
SCHEMAS: dict[str, dict[str, Any]] = {
    "stays": {
        "pid": pl.String,
        "area_code": pl.String,
        "street_code": pl.String,
        "community": pl.String,
        "in_min": pl.Int32,
        "out_min": pl.Int32,
        "provenance": pl.String,
    },
    "bookings": {
        "pid": pl.String,
        "trip_id": pl.String,
        "service_date": pl.Date,
        "board_seq": pl.Int64,
        "state": pl.String,
        "provenance": pl.String,
    },
    "calls": {
        "trip_id": pl.String,
        "service_date": pl.Date,
        "seq": pl.Int64,
        "station_id": pl.String,
        "expected_depart_min": pl.Int32,
    },
    "stations": {"station_id": pl.String, "area_code": pl.String},
    "areas": {
        "area_key": pl.String,
        "level": pl.String,
        "area_code": pl.String,
        "street_code": pl.String,
        "community": pl.String,
        "resolution": pl.String,
        "first_seen_min": pl.Int32,
        "gone_by_min": pl.Int32,
        "provenance": pl.String,
    },
    "links": {"pid": pl.String, "earlier_pid": pl.String, "expires_min": pl.Int32},
}
World = dict[str, Rows]
Loader = Callable[[pl.DataFrame], nw.LazyFrame[Any]]


def _polars(frame: pl.DataFrame) -> nw.LazyFrame[Any]:
    return nw.from_native(frame.lazy())


def _duckdb(frame: pl.DataFrame) -> nw.LazyFrame[Any]:
    return nw.from_native(_CONNECTION.from_arrow(frame.to_arrow()))


_CONNECTION = duckdb.connect()
ENGINES = pytest.mark.parametrize("load", [_polars, _duckdb], ids=["polars", "duckdb"])


def stay(pid: str, area: str, start: int, end: int, **extra: Any) -> dict[str, Any]:
    row = {"pid": pid, "area_code": area, "street_code": None, "community": None, "in_min": start, "out_min": end}
    return row | {"provenance": "synthetic"} | extra


def area(key: str, code: str | None, start: int, end: int | None, **extra: Any) -> dict[str, Any]:
    row = {"area_key": key, "level": "high", "area_code": code, "street_code": None, "community": "x"}
    return row | {"resolution": "county", "first_seen_min": start, "gone_by_min": end, "provenance": "real"} | extra


def booking(pid: str, trip: str, seq: int, state: str = "booked") -> dict[str, Any]:
    row = {"pid": pid, "trip_id": trip, "service_date": DAY, "board_seq": seq, "state": state}
    return row | {"provenance": "synthetic"}


def call(trip: str, seq: int, station: str, depart: int | None) -> dict[str, Any]:
    row = {"trip_id": trip, "service_date": DAY, "seq": seq, "station_id": station}
    return row | {"expected_depart_min": depart}


def found(world: World, rule: ExposureRule, load: Loader = _polars) -> Rows:
    frames = {name: load(pl.DataFrame(world.get(name, []), schema=SCHEMAS[name])) for name in SCHEMAS}
    evidence = expose(
        frames["stays"],
        list_boardings(frames["bookings"], frames["calls"], frames["stations"]),
        frames["areas"],
        frames["links"],
        rule=rule,
        reference_min=REFERENCE,
    )
    return _sorted(evidence.collect("pyarrow").to_native().to_pylist())


def _sorted(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: tuple(str(row[name]) for name in EVIDENCE))


def oracle(world: World, rule: ExposureRule) -> Rows:
    """The same by plain loops over persons, presences and areas."""
    since = REFERENCE - rule.lookback_d * 1440
    presences = [
        (s["pid"], "stayed_in", s, s["in_min"], s["out_min"], (None, None, None, None)) for s in world.get("stays", [])
    ]
    if rule.precision == "county":
        presences += _oracle_boardings(world)
    rows = []
    for via, kind, place, start, end, ride in presences:
        for a in world.get("areas", []):
            if a["level"] not in rule.levels or a["area_code"] is None or a["area_code"] != place["area_code"]:
                continue
            if rule.precision == "street" and (a["street_code"] is None or a["street_code"] != place["street_code"]):
                continue
            if rule.precision == "community" and a["community"] != place["community"]:
                continue
            until = REFERENCE if a["gone_by_min"] is None else a["gone_by_min"]
            shared = range(max(start, a["first_seen_min"], since), min(end, until, REFERENCE))
            shortest = max(1, round(rule.min_stay_h * 60)) if kind == "stayed_in" else 1
            if len(shared) < shortest:
                continue
            pids = {via} | {
                link["pid"]
                for link in world.get("links", [])
                if link["earlier_pid"] == via and link["expires_min"] > REFERENCE
            }
            synthetic = "synthetic" in (place["provenance"], a["provenance"])
            for pid in pids:
                values: tuple[Any, ...] = (pid, via, kind, a["area_key"], a["level"], a["area_code"], a["resolution"])
                values += (a["first_seen_min"], a["gone_by_min"], start, end, shared.start, len(shared))
                rows.append(dict(zip(EVIDENCE, (*values, *ride, synthetic), strict=True)))
    return _sorted(rows)


def _oracle_boardings(world: World) -> list[Any]:
    seen = []
    for b in world.get("bookings", []):
        for c in world.get("calls", []):
            same = (c["trip_id"], c["service_date"], c["seq"]) == (b["trip_id"], b["service_date"], b["board_seq"])
            if not same or b["state"] == "cancelled" or c["expected_depart_min"] is None:
                continue
            for s in world.get("stations", []):
                if s["station_id"] == c["station_id"] and s["area_code"] is not None:
                    minute = c["expected_depart_min"]
                    ride = (c["trip_id"], c["service_date"], c["seq"], c["station_id"])
                    place = s | {"provenance": b["provenance"]}
                    entry = (b["pid"], "boarded_in", place, minute, minute + 1, ride)
                    if entry not in seen:
                        seen.append(entry)
    return seen


PIDS = st.sampled_from(["p1", "p2", "p3", "p4"])
CODES = st.sampled_from(["330104", "330106", "420102"])
STREETS = st.sampled_from([None, "330104001", "330104002"])
TEXTS = st.sampled_from(["x", "y"])
MINUTES = st.integers(REFERENCE - 4000, REFERENCE + 500)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    def spans(nullable: bool) -> tuple[int, int | None]:
        start = draw(MINUTES)
        end = start + draw(st.integers(1, 3000))
        return start, None if nullable and draw(st.booleans()) else end

    stays = []
    for _ in range(draw(st.integers(0, 5))):
        start, end = spans(nullable=False)
        assert end is not None
        place = {"street_code": draw(STREETS), "community": draw(st.none() | TEXTS)}
        stays.append(stay(draw(PIDS), draw(CODES), start, end, **place))
    areas = []
    for number in range(draw(st.integers(0, 4))):
        start, gone = spans(nullable=True)
        level = draw(st.sampled_from(["high", "medium", "low"]))
        place = {"street_code": draw(STREETS), "community": draw(TEXTS), "level": level}
        areas.append(area(f"k{number}", draw(st.none() | CODES), start, gone, **place))
    states = st.sampled_from(["booked", "boarded", "cancelled"])
    bookings = [
        booking(pid, "t1", draw(st.integers(1, 4)), draw(states))
        for pid in draw(st.lists(PIDS, max_size=3, unique=True))
    ]
    calls = [call("t1", seq, f"S{seq}", draw(st.none() | MINUTES)) for seq in range(1, 4)]
    stations = [{"station_id": f"S{seq}", "area_code": draw(st.none() | CODES)} for seq in range(1, 4)]
    pairs = draw(st.lists(st.tuples(PIDS, PIDS).filter(lambda p: p[0] != p[1]), max_size=3, unique=True))
    links = [{"pid": a, "earlier_pid": b, "expires_min": REFERENCE + draw(st.integers(-5, 5))} for a, b in pairs]
    tables = {"stays": stays, "areas": areas, "bookings": bookings, "calls": calls}
    return tables | {"stations": stations, "links": links}


RULES = st.builds(
    ExposureRule,
    lookback_d=st.integers(1, 3),
    min_stay_h=st.sampled_from([0.0, 1.0, 4.0]),
    precision=st.sampled_from(["county", "street", "community"]),
    levels=st.sampled_from([("high", "medium"), ("high",)]),
)


@ENGINES
@settings(max_examples=30, deadline=None)
@given(world=worlds(), rule=RULES)
def test_the_expression_finds_what_the_slow_loop_finds(load: Loader, world: World, rule: ExposureRule) -> None:
    assert found(world, rule, load) == oracle(world, rule)


@settings(max_examples=30, deadline=None)
@given(world=worlds(), rule=RULES, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(world: World, rule: ExposureRule, order: Any) -> None:
    shuffled = {name: order.sample(rows, len(rows)) for name, rows in world.items()}
    assert found(shuffled, rule) == found(world, rule)


@settings(max_examples=30, deadline=None)
@given(world=worlds(), rule=RULES, names=st.permutations(["p1", "p2", "p3", "p4"]))
def test_renaming_persons_changes_only_their_names(world: World, rule: ExposureRule, names: list[str]) -> None:
    """A pseudonym comes from the document number, whose first digits tell the home region: neither may count."""
    new = dict(zip(["p1", "p2", "p3", "p4"], names, strict=True))

    def rename(row: dict[str, Any]) -> dict[str, Any]:
        return {k: new[v] if k in ("pid", "earlier_pid", "via_pid") else v for k, v in row.items()}

    renamed = {name: [rename(row) for row in rows] for name, rows in world.items()}
    assert found(renamed, rule) == _sorted([rename(row) for row in found(world, rule)])


@settings(max_examples=20, deadline=None)
@given(world=worlds(), rule=RULES)
def test_without_stay_and_boarding_nobody_is_exposed(world: World, rule: ExposureRule) -> None:
    assert found(world | {"stays": [], "bookings": []}, rule) == []


@ENGINES
def test_evidence_names_the_stay_the_interval_and_the_minutes_they_share(load: Loader) -> None:
    world = {
        "stays": [stay("p1", "330104", REFERENCE - 300, REFERENCE - 100)],
        "areas": [area("k", "330104", REFERENCE - 200, None)],
    }
    (row,) = found(world, ExposureRule(7), load)
    assert row["kind"] == "stayed_in"
    assert (row["area_key"], row["level"], row["resolution"]) == ("k", "high", "county")
    assert (row["listed_from_min"], row["listed_until_min"]) == (REFERENCE - 200, None)
    assert (row["from_min"], row["until_min"]) == (REFERENCE - 300, REFERENCE - 100)
    assert (row["shared_from_min"], row["overlap_min"]) == (REFERENCE - 200, 100)
    assert row["synthetic"] is True


def test_a_stay_that_ends_when_the_area_is_listed_is_no_exposure() -> None:
    world = {"stays": [stay("p1", "1", 100, 19_000)], "areas": [area("k", "1", 19_000, None)]}
    assert found(world, ExposureRule(14)) == []
    world["stays"][0]["out_min"] = 19_001
    assert found(world, ExposureRule(14))[0]["overlap_min"] == 1


def test_only_the_part_inside_the_look_back_counts() -> None:
    since = REFERENCE - 7 * 1440
    world = {"stays": [stay("p1", "1", 0, since + 90)], "areas": [area("k", "1", 0, None)]}
    assert found(world, ExposureRule(7))[0]["overlap_min"] == 90
    assert found(world, ExposureRule(7, min_stay_h=1.5)) != []
    assert found(world, ExposureRule(7, min_stay_h=2)) == []


def test_boarding_in_the_county_counts_and_passing_through_aboard_does_not() -> None:
    world = {
        "bookings": [booking("boards-there", "t1", 2), booking("passes", "t1", 1)],
        "calls": [call("t1", 1, "S1", 19_000), call("t1", 2, "S2", 19_060)],
        "stations": [{"station_id": "S1", "area_code": "safe"}, {"station_id": "S2", "area_code": "risk"}],
        "areas": [area("k", "risk", 18_000, None)],
    }
    (row,) = found(world, ExposureRule(7))
    assert (row["pid"], row["kind"], row["overlap_min"]) == ("boards-there", "boarded_in", 1)
    assert (row["trip_id"], row["service_date"], row["seq"], row["station_id"]) == ("t1", DAY, 2, "S2")


def test_a_boarding_that_is_still_to_come_is_no_exposure() -> None:
    world = {
        "bookings": [booking("p1", "t1", 1)],
        "calls": [call("t1", 1, "S1", REFERENCE)],
        "stations": [{"station_id": "S1", "area_code": "risk"}],
        "areas": [area("k", "risk", 18_000, None)],
    }
    assert found(world, ExposureRule(7)) == []


@pytest.mark.parametrize(
    ("precision", "expected"),
    [
        ("county", {"same-county", "same-street", "same-place"}),
        ("street", {"same-street", "same-place"}),
        ("community", {"same-place"}),
    ],
)
def test_a_finer_precision_finds_fewer_persons(precision: Precision, expected: set[str]) -> None:
    span = (REFERENCE - 500, REFERENCE - 100)
    world = {
        "stays": [
            stay("elsewhere", "330106", *span),
            stay("same-county", "330104", *span, street_code="330104002", community="y"),
            stay("same-street", "330104", *span, street_code="330104001", community="y"),
            stay("same-place", "330104", *span, street_code="330104001", community="x"),
        ],
        "areas": [area("k", "330104", 0, None, street_code="330104001", community="x")],
    }
    assert {row["pid"] for row in found(world, ExposureRule(7, precision=precision))} == expected


def test_an_area_without_a_street_matches_no_stay_at_street_precision() -> None:
    world = {
        "stays": [stay("p1", "1", REFERENCE - 500, REFERENCE)],
        "areas": [area("k", "1", 0, None)],
    }
    assert found(world, ExposureRule(7, precision="street")) == []


def test_a_stay_under_an_earlier_pseudonym_is_found_until_the_link_expires() -> None:
    world = {
        "stays": [stay("before", "1", REFERENCE - 500, REFERENCE)],
        "areas": [area("k", "1", 0, None)],
        "links": [{"pid": "after", "earlier_pid": "before", "expires_min": REFERENCE + 1}],
    }
    rows = found(world, ExposureRule(7))
    assert [(row["pid"], row["via_pid"]) for row in rows] == [("after", "before"), ("before", "before")]
    world["links"][0]["expires_min"] = REFERENCE
    assert {row["pid"] for row in found(world, ExposureRule(7))} == {"before"}


@ENGINES
def test_the_sum_of_a_person_has_the_highest_level_and_the_first_minute(load: Loader) -> None:
    world = {
        "stays": [stay("p1", "1", 15_000, 16_000), stay("p1", "2", 17_000, 17_100, provenance="real")],
        "areas": [area("k1", "1", 15_500, 15_600, level="medium"), area("k2", "2", 0, None)],
    }
    frame = load(pl.DataFrame(found(world, ExposureRule(7)), infer_schema_length=None))
    (row,) = sum_up(frame).collect("pyarrow").to_native().to_pylist()
    expected = {"pid": "p1", "level": "high", "first_min": 15_500, "overlap_min": 200, "pieces": 2, "synthetic": True}
    assert row == expected
