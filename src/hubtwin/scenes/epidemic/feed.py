"""How fresh the risk-area feed is, and what of it is held back: a list is worth no more than its feed."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from hubtwin.library.query import collect
from hubtwin.ports import Tables

STALE_MIN = 6 * 60  # two cadences of the feed: its snapshots come every 3 hours at the median
SILENT_MIN = 48 * 60  # ours: the longest gap of the archived feed was 27 hours


@dataclass(frozen=True)
class Feed:
    """The state of the feed at a moment, epoch minutes. `updated_min` is the latest update known by then.

    `frozen` counts areas whose withdrawal is held back, by level; `frozen_from_min` is the update that dropped them.
    """

    first_min: int | None
    last_min: int | None
    updated_min: int | None
    age_min: int | None
    frozen: dict[str, int]
    frozen_from_min: int | None

    @property
    def is_silent(self) -> bool:
        """Return whether nothing can be said: no update yet, or none for two days."""
        return self.age_min is None or self.age_min > SILENT_MIN

    @property
    def is_stale(self) -> bool:
        """Return whether the feed is later than two of its cadences."""
        return self.age_min is not None and self.age_min > STALE_MIN


def describe_feed(tables: Tables, now_min: int) -> Feed:
    """Return the state of the feed at `now_min`; `tables` holds risk_snapshots, risk_areas and risk_freezes."""
    times = tables["risk_snapshots"].filter(nw.col("verdict") != "late").select("updated_min").unique()
    updates = sorted(row["updated_min"] for row in collect(times).to_pylist())
    known = [minute for minute in updates if minute <= now_min]
    held = tables["risk_freezes"].filter(
        nw.col("from_min") <= now_min, nw.col("until_min").is_null() | (nw.col("until_min") > now_min)
    )
    frozen: Counter[str] = Counter()
    from_min = None
    levels = _levels(tables["risk_areas"], held.select("area_key", "from_min"))
    for row in levels:
        frozen[row["level"]] += 1
        from_min = max(from_min or 0, row["from_min"])
    return Feed(
        first_min=updates[0] if updates else None,
        last_min=updates[-1] if updates else None,
        updated_min=known[-1] if known else None,
        age_min=now_min - known[-1] if known else None,
        frozen=dict(frozen),
        frozen_from_min=from_min,
    )


def _levels(areas: nw.LazyFrame[Any], held: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
    named = areas.select("area_key", "level").unique()
    return [dict(row) for row in collect(held.join(named, on="area_key")).to_pylist()]
