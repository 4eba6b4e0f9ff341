"""What the guard would have said of an imported interval table: its snapshots with verdict, and its freezes."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import narwhals as nw
import numpy as np

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.values import read_count, read_minute
from hubtwin.connectors.risk_areas.codec import FEED_ZONE, LISTS
from hubtwin.datasets.health import RISK_AREAS, RISK_FREEZES, RISK_SNAPSHOTS
from hubtwin.model.record import UNMARKED, Marks, Row
from hubtwin.ports import Tables
from hubtwin.rules.snapshots import OPEN_MIN, Guard, History, judge_history

MOST_AREAS = 10**9  # as in a snapshot
Declared = Mapping[str, Mapping[int, int]]  # level -> update time (epoch minute) -> declared count


def parse_counts(content: bytes) -> Declared:
    """Return the counts of a `snapshot_counts.csv`: update_time, hcount, mcount, lcount (others are not read).

    An empty count means that the snapshot had no list of that level, which is not an empty list.

    Raises Malformed for a missing column, a broken time and a broken count.
    """
    found: dict[str, dict[int, int]] = {level: {} for level in LISTS}
    lines = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")))
    for column in ("update_time", *(count for _, count in LISTS.values())):
        if column not in (lines.fieldnames or ()):
            raise Malformed("connectors.common.missing_column", file="risk_counts", column=column, form="counts")
    for row in lines:
        updated_min = read_minute(row["update_time"], FEED_ZONE, "update_time")
        for level, (_, count) in LISTS.items():
            if row[count]:
                found[level][updated_min] = read_count(row[count], count, 0, MOST_AREAS)
    return found


def judge_imported(
    tables: Tables, guard: Guard, declared: Declared | None = None, marks: Marks = UNMARKED
) -> Iterator[Row]:
    """Yield the RISK_SNAPSHOTS and RISK_FREEZES rows that the stored intervals imply, level by level.

    `declared` holds the update times of all snapshots and what they declared; without it the times of the intervals
    stand in, of all levels together, and a level without intervals has no snapshots. Snapshots that are stored
    already are left as they are. Raises ValueError where an interval begins or ends at no update time. Run it after
    an import of intervals, before live snapshots.
    """
    columns = ["level", "area_key", "first_seen_min", "gone_by_min"]
    areas = tables[RISK_AREAS.name].select(columns).collect()
    stored = set(tables[RISK_SNAPSHOTS.name].select("level", "updated_min").collect().rows())
    every = None if declared else _times(areas)
    for level in LISTS:
        counts = declared[level] if declared else {}
        found = areas.filter(nw.col("level") == level)
        if not declared and not len(found):
            continue
        first, gone = _minutes(found["first_seen_min"]), _minutes(found["gone_by_min"])
        updates = np.array(sorted(counts), dtype=np.int32) if declared else every
        history = judge_history(level, first, gone, guard, updates)
        yield from _snapshot_rows(level, history, counts, stored, marks)
        keys = found["area_key"].to_list()
        for at, from_min, until_min in zip(
            history.frozen.tolist(), history.from_min.tolist(), history.until_min.tolist(), strict=True
        ):
            until = None if until_min == OPEN_MIN else until_min
            values = {"area_key": keys[at], "from_min": from_min, "until_min": until}
            yield Row(RISK_FREEZES.name, values, marks=marks)


def _snapshot_rows(
    level: str, history: History, counts: Mapping[int, int], stored: set[tuple[Any, ...]], marks: Marks
) -> Iterator[Row]:
    for updated_min, listed, dropped, verdict in zip(
        history.updated_min.tolist(),
        history.listed.tolist(),
        history.dropped.tolist(),
        history.verdicts.tolist(),
        strict=True,
    ):
        if (level, updated_min) not in stored:
            values = {
                "updated_min": updated_min,
                "level": level,
                "declared": counts.get(updated_min),
                "listed": listed,
                "dropped": dropped,
                "verdict": verdict,
            }
            yield Row(RISK_SNAPSHOTS.name, values, marks=marks)


def _minutes(column: nw.Series[Any]) -> np.ndarray[Any, np.dtype[np.int32]]:
    return column.fill_null(OPEN_MIN).to_numpy().astype(np.int32)


def _times(areas: nw.DataFrame[Any]) -> np.ndarray[Any, np.dtype[np.int32]]:
    first, gone = _minutes(areas["first_seen_min"]), _minutes(areas["gone_by_min"])
    return np.union1d(first, gone[gone != OPEN_MIN]).astype(np.int32)
