"""The feed's wire bytes from plain values: the same form as the archived page, for tests, drills and demos."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from hubtwin.base.clock import from_epoch_minute
from hubtwin.connectors.risk_areas.codec import FEED_ZONE, INTERVALS, LISTS, feed_time
from hubtwin.connectors.risk_areas.mapper import Place

Areas = Mapping[str, Sequence[Place]]  # level -> places
NamedInterval = tuple[str, Place, int, int | None]  # level, place, first seen, gone by (epoch minutes)


def snapshot_json(updated: datetime, areas: Areas) -> bytes:
    """Return the snapshot of an aware time as the query page answers it. A level that is absent in `areas` has an
    empty list; `low` is then left out altogether, as before it was published."""
    data: dict[str, object] = {"end_update_time": feed_time(updated)}
    for level, (listed, count) in LISTS.items():
        if level == "low" and level not in areas:
            continue
        places = areas.get(level, ())
        data[count] = len(places)
        data[listed] = _entries(places)
    return json.dumps({"data": data, "code": 0, "msg": "查询成功"}, ensure_ascii=False).encode()


def snapshots_json(
    areas_by_time: Iterable[tuple[datetime, Areas]], *, zipped: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, bytes) of each snapshot, in the order given. Names sort by time; `zipped` gives gzip."""
    for updated, areas in areas_by_time:
        content = snapshot_json(updated, areas)
        name = updated.astimezone(FEED_ZONE).strftime("%Y%m%d%H.json")
        yield (f"{name}.gz", gzip.compress(content, mtime=0)) if zipped else (name, content)


def intervals_csv(intervals: Iterable[NamedInterval]) -> Iterator[bytes]:
    """Yield an interval table in pieces of one row, header first, times on the feed's clock."""
    yield _line([*INTERVALS.required, "closed"])
    for level, place, first_seen_min, gone_by_min in intervals:
        gone_by = "" if gone_by_min is None else _feed_minute(gone_by_min)
        yield _line([level, *place, _feed_minute(first_seen_min), gone_by, "1" if gone_by else "0"])


def replay(intervals: Iterable[NamedInterval], updates_min: Iterable[int]) -> Iterator[tuple[datetime, Areas]]:
    """Yield the snapshots that an interval table was made of, at the given update times (epoch minutes, rising)."""
    waiting = sorted(intervals, key=lambda interval: interval[2], reverse=True)
    standing: dict[tuple[str, Place], int | None] = {}
    for updated_min in updates_min:
        while waiting and waiting[-1][2] <= updated_min:
            level, place, _, gone_by_min = waiting.pop()
            standing[level, place] = gone_by_min
        for key in [
            key for key, gone_by_min in standing.items() if gone_by_min is not None and gone_by_min <= updated_min
        ]:
            del standing[key]
        areas: dict[str, list[Place]] = {level: [] for level in LISTS}
        for level, place in standing:
            areas[level].append(place)
        yield from_epoch_minute(updated_min), areas


def _entries(places: Iterable[Place]) -> list[dict[str, object]]:
    """Group places by county, as the page does."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for province, city, county, community in places:
        groups.setdefault((province, city, county), []).append(community)
    return [
        {
            "type": "2",
            "province": province,
            "city": city,
            "county": county,
            "area_name": f"{province} {city} {county}",
            "communitys": communities,
        }
        for (province, city, county), communities in groups.items()
    ]


def _feed_minute(minute: int) -> str:
    return from_epoch_minute(minute).astimezone(FEED_ZONE).strftime("%Y-%m-%dT%H:%M")


def _line(fields: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue().encode()
