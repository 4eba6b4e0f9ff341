"""Epidemic control: trains on their way are collided with risk areas, so that staff stand ready.

To lock a train (锁定) means to pinpoint it so that staff meet it: nothing and nobody is stopped by a place. Three
rungs, by what a partner may give: `counts` (per train and boarding station, no persons), `hits` (of a matcher
that runs where the manifests are; of a train for which it names nobody, how many), `manifest` (bookings and stays:
drills and synthetic data only).
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import narwhals as nw

from hubtwin.base.clock import epoch_minute, from_epoch_minute
from hubtwin.library.query import collect, marks_of
from hubtwin.model.finding import Finding
from hubtwin.ports import Scene, Tables
from hubtwin.rules.arrivals import RUN, list_arrivals, list_parts, list_upstream
from hubtwin.rules.collision import bound_areas, collide, gather_calls, weigh
from hubtwin.rules.delays import expected_calls, service_starts
from hubtwin.rules.exposure import ExposureRule
from hubtwin.rules.told_areas import join_told
from hubtwin.scenes.epidemic.checklists import CHECKLISTS
from hubtwin.scenes.epidemic.disclosures import DISCLOSURES
from hubtwin.scenes.epidemic.facts import facts_of
from hubtwin.scenes.epidemic.gates import NEW, flag
from hubtwin.scenes.epidemic.near import GROW, narrow
from hubtwin.scenes.epidemic.persons import Weighing, count_boarding, count_exposed, count_hits, sum_counts
from hubtwin.scenes.epidemic.profiles import PROFILES, get_plan_in_force
from hubtwin.scenes.epidemic.warning import Run, assess

NEEDS = (
    "rail_stations",
    "rail_trips",
    "rail_service_days",
    "rail_calls",
    "running_information",
    "boarding_counts",
    "risk_areas",
    "told_areas",
    "risk_freezes",
    "risk_hits",
    "risk_counts",
    "bookings",
    "stays",
    "pseudonym_links",
)
RUNGS = ("counts", "hits", "manifest")


def judge(tables: Tables, params: Mapping[str, Any], now: datetime) -> Sequence[Finding]:
    """Return one finding for each arriving run that passes an active area, most urgent first.

    `params` holds the values of params.toml and, of the hub, `stations` (ids) and `zone` (IANA name); `rung` is
    "auto" or one of RUNGS; with `trips` only these are judged, after a change (`rules.touching`). The score is
    persons concerned x level x freshness; key trains come first.
    """
    now_min, tables = epoch_minute(now), {**tables, "risk_areas": join_told(tables)}
    calls = _expected(tables, params, now_min)
    arrivals = list_arrivals(calls, tuple(params["stations"]), now_min, now_min + int(params["horizon_min"]))
    if "trips" in params:
        arrivals = arrivals.filter(nw.col("trip_id").is_in(list(params["trips"])))
    upstream = list_upstream(arrivals, calls, list_parts(tables["rail_trips"]))
    at_calls = _collect_calls(upstream, tables, params, now_min)
    persons = _collect_persons(arrivals, calls, tables, params, now_min)
    marks = marks_of(tables, ("rail_calls", "running_information"))
    runs = [
        Run(train, sorted(at_calls[key], key=_call_order), persons[key[:2]], marks)
        for train in _rows(arrivals)
        if (key := (train["trip_id"], train["service_date"], train["hub_seq"])) in at_calls
    ]
    findings = [found for run in runs if (found := assess(run, params, now_min)) is not None]
    return sorted(findings, key=lambda f: (not f.evidence["key_train"], -f.score, f.evidence["expected_min"], f.key))


def _expected(tables: Tables, params: Mapping[str, Any], now_min: int) -> nw.LazyFrame[Any]:
    """Return the expected calls of those trips only that reach the hub, under any of their numbers."""
    reach = tables["rail_calls"].filter(nw.col("station_id").is_in(list(params["stations"]))).select("trip_id")
    if "trips" in params:
        reach = reach.filter(nw.col("trip_id").is_in(list(params["trips"])))
    parts = list_parts(tables["rail_trips"]).join(reach, on="trip_id", how="semi")
    concerned = parts.select(trip_id=nw.col("part_id")).unique()
    needed = ("rail_calls", "rail_service_days", "running_information")
    calls, days, running = (tables[name].join(concerned, on="trip_id", how="semi") for name in needed)
    starts = service_starts(from_epoch_minute(now_min), ZoneInfo(params["zone"]))
    return expected_calls(calls, days, running, starts, now_min)


def _collect_calls(
    upstream: nw.LazyFrame[Any], tables: Tables, params: Mapping[str, Any], now_min: int
) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """Return the upstream calls of each run with the areas that they lie in and the persons that board there."""
    stations = tables["rail_stations"].select("station_id", "name", "area_code", "area_basis")
    placed = upstream.join(stations, on="station_id", how="left")
    areas = bound_areas(tables["risk_areas"], tables["risk_freezes"], tuple(params["levels"]), now_min)
    pairs = weigh(collide(placed, areas), params["level_weights"], int(params["freshness_half_life_min"]), now_min)
    key = [*RUN, "hub_seq", "part_id", "seq"]
    at_risk = gather_calls(pairs).drop("station_id", "area_code", "arrive_min", "depart_min")
    boarding = count_boarding(tables["boarding_counts"], now_min)
    of_part = ["trip_id", "service_date", "station_id"]
    joined = placed.join(at_risk, on=key, how="left").join(
        boarding, left_on=["part_id", "service_date", "station_id"], right_on=of_part, how="left"
    )
    found: defaultdict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(joined):
        found[row["trip_id"], row["service_date"], row["hub_seq"]].append(row)
    return found


def _collect_persons(
    arrivals: nw.LazyFrame[Any], calls: nw.LazyFrame[Any], tables: Tables, params: Mapping[str, Any], now_min: int
) -> defaultdict[tuple[Any, ...], dict[str, Any]]:
    """Return per run what the upper rungs say: `hits`, `exposed`, whether synthetic, and the rung to go by; with
    `hits_least` where hits are a range.
    """
    rung = params.get("rung", "auto")
    found: defaultdict[tuple[Any, ...], dict[str, Any]] = defaultdict(dict)
    if rung in ("auto", "hits"):
        found |= _collect_hits(tables, params["level_weights"], now_min)
    if rung in ("auto", "manifest"):
        today = from_epoch_minute(now_min).astimezone(ZoneInfo(params["zone"])).date()
        profile = get_plan_in_force(PROFILES, params["disease"], today)
        rule = ExposureRule(
            lookback_d=profile.area_lookback_d.value,
            min_stay_h=profile.min_stay_h.value,
            precision=params["match"],
            levels=tuple(params["levels"]),
        )
        weighing = Weighing(
            params["level_weights"], params["match_weights"], int(params["freshness_half_life_min"]), now_min
        )
        for row in _rows(count_exposed(tables, arrivals, calls, rule, weighing=weighing)):
            found[row["trip_id"], row["service_date"]] |= {
                "exposed": row["persons"],
                "rung": "manifest",
                "weight": row["weight"],
                "synthetic": row["synthetic"],
            }
    return found


def _collect_hits(
    tables: Tables, level_weights: Mapping[str, float], now_min: int
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return per run what a matcher found: who was named, else how many, as the upper end and `hits_least`."""
    found = {}
    counted = _rows(sum_counts(tables, level_weights, now_min)) if "risk_counts" in tables else []
    for row in (*counted, *_rows(count_hits(tables, level_weights, now_min))):
        told = {"hits": row.get("most", row.get("persons")), "rung": "hits"}
        if row.get("least", told["hits"]) != told["hits"]:
            told["hits_least"] = row["least"]
        found[row["trip_id"], row["service_date"]] = {**told, "weight": row["weight"], "synthetic": row["synthetic"]}
    return found


def _rows(frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
    """Collect a frame as plain rows; the only places where `judge` leaves the engine."""
    return [dict(row) for row in collect(frame).to_pylist()]


def _call_order(call: Mapping[str, Any]) -> tuple[int, int]:
    return call["depart_min"], call["seq"]


def _read_params() -> dict[str, Any]:
    """Return the thresholds of params.toml, value by name; the sources stay in the file."""
    told = tomllib.loads((Path(__file__).parent / "params.toml").read_text(encoding="utf-8"))
    return {name: entry["value"] for name, entry in told.items()}


SCENE = Scene(
    "epidemic",
    NEEDS,
    _read_params(),
    judge,
    narrow=narrow,
    flag=flag,
    watches=(NEW,),
    grow=GROW,
    disclosures=DISCLOSURES,
    facts=facts_of,
    checklists=CHECKLISTS,
)
