"""Who was in a risk area: a person's stays and boardings against the intervals in which areas were listed.

A person is exposed by what the person did, never by where the person comes from. There are two kinds of evidence:

- `stayed_in`: a stay in the area overlaps the time it was listed, inside the look-back, for at least the
  profile's shortest stay;
- `boarded_in`: the person boarded a train in a county while an area there was listed. A call that is passed
  aboard is no evidence: the doors open for others. It counts for the train (`rules.collision`), not for persons.

All intervals are half open, [from, until), in epoch minutes; a boarding occupies the one minute in which the train
leaves. The table expressions are portable: DuckDB and Polars give the same rows.
"""

from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw

from hubtwin.base.clock import DAY_MIN

Precision = Literal["county", "street", "community"]

# What must be equal besides the county. A station is known by its county only, so a boarding has no finer match.
FINER: dict[Precision, tuple[str, ...]] = {"county": (), "street": ("street_code",), "community": ("community",)}

EVIDENCE = (
    "pid",
    "via_pid",
    "kind",
    "area_key",
    "level",
    "area_code",
    "resolution",
    "listed_from_min",
    "listed_until_min",
    "from_min",
    "until_min",
    "shared_from_min",
    "overlap_min",
    "trip_id",
    "service_date",
    "seq",
    "station_id",
    "synthetic",
)


@dataclass(frozen=True, slots=True)
class ExposureRule:
    """What counts: days of look-back, shortest overlap of a stay in hours, how exactly a place must match, levels.

    `precision` is exact in both directions: at `street` an area that was resolved to its county only matches
    nothing. That is what makes precision and recall of the three comparable.
    """

    lookback_d: int
    min_stay_h: float = 0.0
    precision: Precision = "county"
    levels: tuple[str, ...] = ("high", "medium")


def list_boardings(
    bookings: nw.LazyFrame[Any], calls: nw.LazyFrame[Any], stations: nw.LazyFrame[Any]
) -> nw.LazyFrame[Any]:
    """Return where and when each passenger boarded: pid, trip_id, service_date, seq, station_id, area_code, board_min,
    synthetic.

    `calls` needs trip_id, service_date, seq, station_id, expected_depart_min (epoch minute), as from
    `rules.delays.expected_calls`; `stations` is RAIL_STATIONS. A cancelled booking and a station without a county
    are left out.
    """
    boarded = bookings.filter(nw.col("state") != "cancelled").select(
        "pid", "trip_id", "service_date", seq="board_seq", synthetic=nw.col("provenance") == "synthetic"
    )
    left = calls.filter(~nw.col("expected_depart_min").is_null()).select(
        "trip_id", "service_date", "seq", "station_id", board_min="expected_depart_min"
    )
    placed = stations.filter(~nw.col("area_code").is_null()).select("station_id", "area_code")
    return boarded.join(left, on=["trip_id", "service_date", "seq"]).join(placed, on="station_id").unique()


def expose(
    stays: nw.LazyFrame[Any],
    boardings: nw.LazyFrame[Any],
    areas: nw.LazyFrame[Any],
    links: nw.LazyFrame[Any],
    *,
    rule: ExposureRule,
    reference_min: int,
) -> nw.LazyFrame[Any]:
    """Return the evidence, one row for each (person, stay or boarding, listed interval); columns `EVIDENCE`.

    `stays`, `areas`, `links` are STAYS, RISK_AREAS, PSEUDONYM_LINKS; `boardings` as from `list_boardings`. Only
    what lies in [reference - look-back, reference) counts, and an area that stands is taken to stand until the
    reference. `pid` is the person under the pseudonym to look for, `via_pid` the one under which the evidence is
    stored: the same, or an earlier one of a link that has not expired. `overlap_min` counts the shared minutes,
    from `shared_from_min` on. `synthetic` is true where the presence or the area was made.
    """
    since_min = reference_min - rule.lookback_d * DAY_MIN
    listed = _listed(areas, rule, since_min, reference_min)
    shortest_min = max(1, round(rule.min_stay_h * 60))
    found = _overlap(_stayed(stays, rule), listed, FINER[rule.precision], since_min, reference_min)
    found = found.filter(nw.col("overlap_min") >= shortest_min)
    if rule.precision == "county":
        boarded = _overlap(_boarded(boardings), listed, (), since_min, reference_min)
        found = nw.concat([found, boarded.filter(nw.col("overlap_min") >= 1)])
    return _resolve(found, links, reference_min)


def sum_up(evidence: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return one row a person: pid, level (highest), first_min (earliest shared minute), overlap_min, pieces,
    synthetic.

    `overlap_min` adds the pieces of evidence: two areas over the same hour count twice, as in the evidence itself.
    """
    is_high = nw.when(nw.col("level") == "high").then(nw.lit(2))
    rank = is_high.otherwise(nw.when(nw.col("level") == "medium").then(nw.lit(1)).otherwise(nw.lit(0)))
    made = nw.when(nw.col("synthetic")).then(nw.lit(1)).otherwise(nw.lit(0))
    top = nw.col("rank")
    return (
        evidence.with_columns(rank=rank, made=made)
        .group_by("pid")
        .agg(
            rank=nw.col("rank").max(),
            first_min=nw.col("shared_from_min").min(),
            overlap_min=nw.col("overlap_min").cast(nw.Int64).sum().cast(nw.Int64),
            pieces=nw.len().cast(nw.Int64),
            synthetic=nw.col("made").max() > 0,
        )
        .with_columns(
            level=nw.when(top == 2)
            .then(nw.lit("high"))
            .otherwise(nw.when(top == 1).then(nw.lit("medium")).otherwise(nw.lit("low")))
        )
        .drop("rank")
    )


def _listed(areas: nw.LazyFrame[Any], rule: ExposureRule, since_min: int, reference_min: int) -> nw.LazyFrame[Any]:
    """Return the intervals of the rule's levels that touch the look-back."""
    return areas.filter(
        nw.col("level").is_in(list(rule.levels)),
        ~nw.col("area_code").is_null(),
        nw.col("first_seen_min") < reference_min,
        nw.col("gone_by_min").is_null() | (nw.col("gone_by_min") > since_min),
    ).select(
        "area_key",
        "level",
        "area_code",
        "street_code",
        "community",
        "resolution",
        listed_from_min=nw.col("first_seen_min").cast(nw.Int64),
        listed_until_min=nw.col("gone_by_min").cast(nw.Int64),
        area_synthetic=nw.col("provenance") == "synthetic",
    )


def _stayed(stays: nw.LazyFrame[Any], rule: ExposureRule) -> nw.LazyFrame[Any]:
    """Return the stays in the columns that both kinds of evidence share."""
    return stays.select(
        "area_code",
        *FINER[rule.precision],
        via_pid=nw.col("pid"),
        kind=nw.lit("stayed_in"),
        from_min=nw.col("in_min").cast(nw.Int64),
        until_min=nw.col("out_min").cast(nw.Int64),
        trip_id=nw.lit(None).cast(nw.String),
        service_date=nw.lit(None).cast(nw.Date),
        seq=nw.lit(None).cast(nw.Int64),
        station_id=nw.lit(None).cast(nw.String),
        synthetic=nw.col("provenance") == "synthetic",
    )


def _boarded(boardings: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the boardings in the columns that both kinds of evidence share."""
    minute = nw.col("board_min").cast(nw.Int64)
    return boardings.select(
        "area_code",
        "synthetic",
        via_pid=nw.col("pid"),
        kind=nw.lit("boarded_in"),
        from_min=minute,
        until_min=minute + 1,
        trip_id=nw.col("trip_id"),
        service_date=nw.col("service_date").cast(nw.Date),
        seq=nw.col("seq").cast(nw.Int64),
        station_id=nw.col("station_id"),
    )


def _overlap(
    presence: nw.LazyFrame[Any],
    listed: nw.LazyFrame[Any],
    finer: tuple[str, ...],
    since_min: int,
    reference_min: int,
) -> nw.LazyFrame[Any]:
    """Return presence x listed interval at the same place with the minutes they share inside the look-back."""
    places = listed.drop([name for name in ("street_code", "community") if name not in finer])
    # an equality join never matches null with null: an area without a street is no place to be in
    pairs = presence.join(places, on=["area_code", *finer])
    start = nw.max_horizontal("from_min", "listed_from_min", nw.lit(since_min).cast(nw.Int64))
    listed_end = nw.coalesce("listed_until_min", nw.lit(reference_min).cast(nw.Int64))
    end = nw.min_horizontal(nw.col("until_min"), listed_end, nw.lit(reference_min).cast(nw.Int64))
    made = nw.col("synthetic") | nw.col("area_synthetic")
    shared = pairs.with_columns(shared_from_min=start, overlap_min=end - start, synthetic=made)
    return shared.select(*[name for name in EVIDENCE if name != "pid"])


def _resolve(found: nw.LazyFrame[Any], links: nw.LazyFrame[Any], reference_min: int) -> nw.LazyFrame[Any]:
    """Return the evidence under its own pseudonym and under each later one that a valid link gives.

    Both stay: a booking made before the keys changed still bears the earlier pseudonym.
    """
    valid = links.filter(nw.col("expires_min") > reference_min, nw.col("pid") != nw.col("earlier_pid"))
    later = found.join(valid.select("pid", via_pid="earlier_pid").unique(), on="via_pid")
    itself = found.with_columns(pid=nw.col("via_pid"))
    return nw.concat([itself.select(*EVIDENCE), later.select(*EVIDENCE)])
