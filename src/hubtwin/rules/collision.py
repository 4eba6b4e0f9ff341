"""The collision of trains with risk areas: an equality join on the area, then a range filter on time."""

from collections.abc import Mapping
from typing import Any

import narwhals as nw

_CALL = (
    *("trip_id", "service_date", "hub_seq", "part_id", "seq"),
    *("station_id", "area_code", "arrive_min", "depart_min"),
)


def bound_areas(
    areas: nw.LazyFrame[Any], freezes: nw.LazyFrame[Any], levels: tuple[str, ...], now_min: int
) -> nw.LazyFrame[Any]:
    """Return the risk areas as they are known at `now_min`, with `ends_min`: null while they stand.

    What was published or withdrawn after `now_min` is not known. The withdrawal of a frozen area does not count
    for trains until its freeze ends. Columns: area_key, level, area_code, county, resolution, has_exception,
    first_seen_min, ends_min, provenance, told_by
    (as from `rules.told_areas.join_told`; empty where `areas` does not say it).
    """
    if "told_by" not in areas.collect_schema().names():
        areas = areas.with_columns(told_by=nw.lit(""))
    held = freezes.filter(nw.col("from_min") <= now_min).select(
        "area_key",
        "from_min",
        held_until_min=nw.when(nw.col("until_min") <= now_min).then(nw.col("until_min")).otherwise(nw.lit(None)),
        held=nw.lit(True),
    )
    known = areas.filter(
        nw.col("first_seen_min") <= now_min, nw.col("level").is_in(list(levels)), ~nw.col("area_code").is_null()
    ).with_columns(
        ends_min=nw.when(nw.col("gone_by_min") <= now_min).then(nw.col("gone_by_min")).otherwise(nw.lit(None))
    )
    kept = known.join(held, left_on=["area_key", "ends_min"], right_on=["area_key", "from_min"], how="left")
    return kept.with_columns(
        ends_min=nw.when(nw.col("held").is_null()).then(nw.col("ends_min")).otherwise(nw.col("held_until_min"))
    ).select(
        "area_key",
        "level",
        "area_code",
        "county",
        "resolution",
        "has_exception",
        "first_seen_min",
        "ends_min",
        "provenance",
        "told_by",
    )


def collide(upstream: nw.LazyFrame[Any], areas: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return each (upstream call, risk area) where the area stands at the call or was published after it.

    `upstream` as from `rules.arrivals.list_upstream` with `area_code` of the station; `areas` as from
    `bound_areas`. An area that ended before the train arrived there is left out. An area that was published
    after the train had left is kept: its passengers were there just before.
    """
    pairs = upstream.join(areas, on="area_code")
    return pairs.filter(nw.col("ends_min").is_null() | (nw.col("ends_min") > nw.col("arrive_min")))


def level_weight(level_weights: Mapping[str, float]) -> nw.Expr:
    """Return the weight of the column `level`; 0 for a level without one."""
    weight = nw.lit(0.0)
    for name, value in level_weights.items():
        weight = nw.when(nw.col("level") == name).then(nw.lit(value)).otherwise(weight)
    return weight


def weigh(
    pairs: nw.LazyFrame[Any], level_weights: Mapping[str, float], half_life_min: int, now_min: int
) -> nw.LazyFrame[Any]:
    """Add `weight` = weight of the level x freshness to (call, area) pairs.

    Freshness is 2 ** -(age / half life), age since the area was first listed: 1 for a new area, 0.5 after
    `half_life_min` minutes. The choice of form is ours: it ranks, it never excludes.
    """
    age_min = (nw.lit(now_min) - nw.col("first_seen_min")).cast(nw.Float64)
    return pairs.with_columns(
        weight=level_weight(level_weights) * (age_min * (-0.6931471805599453 / half_life_min)).exp()
    )


def gather_calls(weighed: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return one row per call that lies in areas: how many of which level, how fresh, the highest weight.

    Columns: the run, part_id, seq, station_id, area_code, county, arrive_min, depart_min, areas, high_areas,
    with_exception, county_only, areas_since (published after the train left), newest_min, weight, area_synthetic,
    told_areas (of them told by partners), told_first and told_last (of those partners, by name; null where none is).
    """
    high = nw.when(nw.col("level") == "high").then(nw.lit(1)).otherwise(nw.lit(0))
    except_count = nw.when(nw.col("has_exception")).then(nw.lit(1)).otherwise(nw.lit(0))
    county_level = nw.when(nw.col("resolution") == "street").then(nw.lit(0)).otherwise(nw.lit(1))
    later = nw.when(nw.col("first_seen_min") > nw.col("depart_min")).then(nw.lit(1)).otherwise(nw.lit(0))
    made = nw.when(nw.col("provenance") == "synthetic").then(nw.lit(1)).otherwise(nw.lit(0))
    is_told = nw.col("told_by") != ""
    told, teller = nw.when(is_told).then(nw.lit(1)).otherwise(nw.lit(0)), nw.when(is_told).then(nw.col("told_by"))
    flags = {"is_high": high, "excepts": except_count, "coarse": county_level, "made": made, "later": later}
    return (
        weighed.with_columns(**flags, told=told, teller=teller)
        .group_by(*_CALL)
        .agg(
            county=nw.col("county").min(),
            areas=nw.len().cast(nw.Int64),
            high_areas=nw.col("is_high").cast(nw.Int64).sum().cast(nw.Int64),
            with_exception=nw.col("excepts").cast(nw.Int64).sum().cast(nw.Int64),
            county_only=nw.col("coarse").cast(nw.Int64).sum().cast(nw.Int64),
            areas_since=nw.col("later").cast(nw.Int64).sum().cast(nw.Int64),
            newest_min=nw.col("first_seen_min").max(),
            weight=nw.col("weight").max(),
            area_synthetic=nw.col("made").max() > 0,
            told_areas=nw.col("told").cast(nw.Int64).sum().cast(nw.Int64),
            told_first=nw.col("teller").min(),
            told_last=nw.col("teller").max(),
        )
    )
