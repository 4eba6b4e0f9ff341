"""The stored intervals with short gaps joined, as a table that can be read again: for analysts, not for warnings.

A warning never needs it: the freeze of `rules.snapshots` already holds what a broken snapshot dropped.
"""

import csv
import io
from collections.abc import Iterator

import numpy as np

from hubtwin.base.clock import from_epoch_minute
from hubtwin.connectors.risk_areas.codec import FEED_ZONE
from hubtwin.datasets.health import RISK_AREAS
from hubtwin.library.query import collect
from hubtwin.ports import Tables
from hubtwin.rules.snapshots import OPEN_MIN, repair

COLUMNS = ("level", "province", "city", "county", "community", "first_seen", "gone_by", "closed", "merged_gaps")


def repaired_lines(tables: Tables, max_gap_min: int) -> Iterator[tuple[str, int]]:
    """Yield (CSV line, gaps joined in it), the header first with 0; times on the feed's clock."""
    areas = collect(tables[RISK_AREAS.name])
    keys = areas.column("area_key").dictionary_encode().combine_chunks().indices.to_numpy().astype(np.int64)
    first = areas.column("first_seen_min").to_numpy().astype(np.int32)
    gone = areas.column("gone_by_min").fill_null(OPEN_MIN).to_numpy().astype(np.int32)
    found = repair(keys, first, gone, max_gap_min)
    names = [areas.column(name).take(found.kept).to_pylist() for name in COLUMNS[:5]]
    yield _line(COLUMNS), 0
    for *place, start, end, joined in zip(
        *names, first[found.kept].tolist(), found.gone_by_min.tolist(), found.joined.tolist(), strict=True
    ):
        is_open = end == OPEN_MIN
        yield _line((*place, _shown(start), "" if is_open else _shown(end), 0 if is_open else 1, joined)), joined


def _shown(minute: int) -> str:
    return from_epoch_minute(minute).astimezone(FEED_ZONE).strftime("%Y-%m-%dT%H:%M")


def _line(values: tuple[object, ...]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()
