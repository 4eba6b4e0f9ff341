"""Which trips a change touches, so that only they are judged again.

A published or withdrawn area touches the trips that call in its county; a booking, a count, a delay or a hit touches
its trip; and whatever touches a trip touches the trips that it goes on as.
"""

from collections.abc import Collection
from typing import Any

import narwhals as nw

from hubtwin.rules.arrivals import list_parts


def list_touched(
    calls: nw.LazyFrame[Any],
    stations: nw.LazyFrame[Any],
    trips: nw.LazyFrame[Any],
    *,
    trip_ids: Collection[str] = (),
    area_codes: Collection[str] = (),
) -> nw.LazyFrame[Any]:
    """Return the ids (column trip_id) of the trips to be judged again; the arguments are datasets of the library."""
    inside = stations.filter(nw.col("area_code").is_in(list(area_codes))).select("station_id")
    calling = calls.join(inside, on="station_id", how="semi").select(part_id=nw.col("trip_id"))
    named = trips.filter(nw.col("trip_id").is_in(list(trip_ids))).select(part_id=nw.col("trip_id"))
    touched = nw.concat([calling, named])
    return list_parts(trips).join(touched, on="part_id", how="semi").select("trip_id").unique()
