"""What of the library matters around a moment: the same answer from far fewer rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import narwhals as nw

from hubtwin.base.clock import epoch_minute
from hubtwin.ports import Tables
from hubtwin.rules.arrivals import list_parts
from hubtwin.rules.delays import service_starts

NEAR_MIN = 30 * 24 * 60  # an area that is gone for longer is beyond every look-back and every run under way
AHEAD_MIN = 24 * 60
_AREAS = ("risk_areas", "told_areas")
_OF_RUNS = ("running_information", "boarding_counts", "risk_hits", "risk_counts", "bookings")
GROW = (*_AREAS, *_OF_RUNS, "risk_freezes", "stays", "pseudonym_links")


def narrow(tables: Tables, params: Mapping[str, Any], now: datetime) -> Tables:
    """Return the tables with what `judge` and `flag` look at from `now` until AHEAD_MIN later, on the same service
    dates; `params` as for `judge`. Tables that are not narrowed are handed on.
    """
    now_min, dates = epoch_minute(now), list(service_starts(now, ZoneInfo(params["zone"])))
    reach = tables["rail_calls"].filter(nw.col("station_id").is_in(list(params["stations"]))).select("trip_id")
    parts = list_parts(tables["rail_trips"]).join(reach, on="trip_id", how="semi")
    concerned = parts.select(trip_id=nw.col("part_id")).unique()
    near = dict(tables)
    for name in ("rail_calls", "rail_trips"):
        near[name] = tables[name].join(concerned, on="trip_id", how="semi")
    near["rail_service_days"] = _on(tables["rail_service_days"], dates).join(concerned, on="trip_id", how="semi")
    for name in _OF_RUNS:
        if name in tables:
            near[name] = _on(tables[name], dates).join(concerned, on="trip_id", how="semi")
    oldest = now_min - NEAR_MIN
    for name in _AREAS:
        if name in tables:
            near[name] = tables[name].filter(
                nw.col("level").is_in(list(params["levels"])),
                nw.col("gone_by_min").is_null() | (nw.col("gone_by_min") > oldest),
                nw.col("first_seen_min") <= now_min + AHEAD_MIN,
            )
    near["risk_freezes"] = tables["risk_freezes"].filter(
        nw.col("from_min") > oldest, nw.col("from_min") <= now_min + AHEAD_MIN
    )
    if "stays" in tables:
        near["stays"] = tables["stays"].filter(nw.col("out_min") > oldest)
    return near


def _on(frame: nw.LazyFrame[Any], dates: list[Any]) -> nw.LazyFrame[Any]:
    return frame.filter(nw.col("service_date").is_in(dates))
