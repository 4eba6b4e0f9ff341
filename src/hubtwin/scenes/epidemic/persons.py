"""How many persons of each run are concerned, by what a partner gives: counts, hits, or manifest and stays."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from hubtwin.ports import Tables
from hubtwin.rules.arrivals import RUN
from hubtwin.rules.collision import level_weight, weigh
from hubtwin.rules.exposure import ExposureRule, Precision, expose, list_boardings

PRECISIONS: tuple[Precision, ...] = ("county", "street", "community")


@dataclass(frozen=True)
class Weighing:
    """How a person's evidence weighs: by level, by age (half after `half_life_min`), by precision of the match."""

    levels: Mapping[str, float]
    precisions: Mapping[str, float]
    half_life_min: int
    now_min: int


def count_boarding(counts: nw.LazyFrame[Any], now_min: int) -> nw.LazyFrame[Any]:
    """Return the latest known counts per run and boarding station: booked, boarded, count_synthetic."""
    key = (*RUN, "station_id")
    known = counts.filter(nw.col("as_of_min") <= now_min)
    newest = known.group_by(*key).agg(as_of_min=nw.col("as_of_min").max())
    return known.join(newest, on=[*key, "as_of_min"]).select(
        *key, "booked", "boarded", count_synthetic=nw.col("provenance") == "synthetic"
    )


def count_hits(tables: Tables, level_weights: Mapping[str, float], now_min: int) -> nw.LazyFrame[Any]:
    """Return per run the persons that a matcher has found: trip_id, service_date, persons, weight, synthetic.

    A hit says the level and no more, so it weighs as much as its level. What was withdrawn by `now_min` is left out.
    """
    known = standing(tables["risk_hits"], now_min)
    weight = level_weight(level_weights)
    return _count(known.select(*RUN, "pid", weight=weight, made=_as_number(nw.col("provenance") == "synthetic")))


def sum_counts(tables: Tables, level_weights: Mapping[str, float], now_min: int) -> nw.LazyFrame[Any]:
    """Return per run how many a matcher has counted: trip_id, service_date, least, most, weight, synthetic.

    A range weighs as much as its upper end: an unknown person is not taken for nobody.
    """
    made = _as_number(nw.col("provenance") == "synthetic")
    known = standing(tables["risk_counts"], now_min).with_columns(
        weight=level_weight(level_weights) * nw.col("persons_most"), made=made
    )
    return known.group_by(*RUN).agg(
        least=nw.col("persons_least").sum(),
        most=nw.col("persons_most").sum(),
        weight=nw.col("weight").sum(),
        synthetic=nw.col("made").max() > 0,
    )


def standing(found: nw.LazyFrame[Any], now_min: int) -> nw.LazyFrame[Any]:
    """Return the rows that a matcher had told and not withdrawn by `now_min`."""
    gone = nw.col("gone_min")
    return found.filter(nw.col("as_of_min") <= now_min, gone.is_null() | (gone > now_min))


def count_exposed(
    tables: Tables, arrivals: nw.LazyFrame[Any], calls: nw.LazyFrame[Any], rule: ExposureRule, *, weighing: Weighing
) -> nw.LazyFrame[Any]:
    """Return per arriving run its exposed passengers: trip_id, service_date, persons, weight, synthetic.

    Passengers are those booked to alight at the hub. Each one counts once a run, whatever the evidence, and weighs
    as much as the best piece of it: level x freshness x how exactly the place matches.
    """
    now_min = weighing.now_min
    here = arrivals.select(*RUN, alight_seq=nw.col("hub_seq"))
    known = tables["bookings"].filter(nw.col("as_of_min") <= now_min, nw.col("state") != "cancelled")
    aboard = known.join(here, on=[*RUN, "alight_seq"], how="semi")
    boardings = list_boardings(aboard, calls, tables["rail_stations"])
    stays = tables["stays"]
    links = tables["pseudonym_links"]
    areas = tables["risk_areas"]
    pieces = []
    for precision in PRECISIONS[PRECISIONS.index(rule.precision) :]:
        sharper = replace(rule, precision=precision)
        evidence = expose(stays, boardings, areas, links, rule=sharper, reference_min=now_min)
        weighed = weigh(
            evidence.rename({"listed_from_min": "first_seen_min"}), weighing.levels, weighing.half_life_min, now_min
        )
        factor = weighing.precisions[precision]
        pieces.append(weighed.select("pid", weight=nw.col("weight") * factor, made=_as_number(nw.col("synthetic"))))
    exposed = nw.concat(pieces).group_by("pid").agg(weight=nw.col("weight").max(), made=nw.col("made").max())
    return _count(aboard.select(*RUN, "pid").unique().join(exposed, on="pid"))


def _count(persons: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    once = persons.group_by(*RUN, "pid").agg(weight=nw.col("weight").max(), made=nw.col("made").max())
    return once.group_by(*RUN).agg(
        persons=nw.len().cast(nw.Int64), weight=nw.col("weight").sum(), synthetic=nw.col("made").max() > 0
    )


def _as_number(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))
