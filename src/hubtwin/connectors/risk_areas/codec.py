"""Bytes of the risk-area feed: the snapshot of the public query page (JSON), and interval tables (CSV).

Snapshot: `{"data": {"end_update_time": "2022-10-20 09时", "hcount": …, "highlist": [{"type", "province", "city",
"county", "area_name", "communitys": […]}], …}, "code": 0, "msg": …}`; the low level came later and may be absent.
Intervals: one row per interval in which a place was listed; hubs elsewhere add `area_code`. Both gzip or plain.
"""

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.csvio import Form, Sheet, read_csv
from hubtwin.connectors.common.values import masked, read_minute
from hubtwin.ports import Page

FEED_ZONE = ZoneInfo("Asia/Shanghai")  # of the publisher, whatever the zone of the hub
SNAPSHOT_BYTES = 1 << 26  # the largest real snapshot (42,965 high-risk places) has under 8 MB
INTERVALS = Form(
    "risk area intervals",
    ("level", "province", "city", "county", "community", "first_seen", "gone_by"),
    ("closed", "area_code", "provenance"),
)
# level: list and declared count in a snapshot
LISTS: Mapping[str, tuple[str, str]] = {
    "high": ("highlist", "hcount"),
    "medium": ("middlelist", "mcount"),
    "low": ("lowlist", "lcount"),
}
_OPTIONAL_LEVELS = frozenset({"low"})
_TOP = frozenset({"data", "code", "msg"})
_DATA = frozenset({"end_update_time", *(name for names in LISTS.values() for name in names)})
_ENTRY = frozenset({"type", "province", "city", "county", "area_name", "communitys"})
_ENTRY_NEEDS = ("province", "city", "county", "communitys")
_HOUR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{1,2})时")
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """A decoded snapshot: update time (epoch minute), and per level the declared count and the listed entries."""

    updated_min: int
    declared: Mapping[str, int | None]
    entries: Mapping[str, list[Any]]


def decode(page: Page) -> Snapshot | Sheet:
    """Return what a page holds, told apart by its first character.

    Raises Malformed for a page that must be refused whole: empty, no text, damaged gzip, no JSON or too large, an
    unknown or missing field or column, a broken update time, an error answer of the feed.
    """
    pieces = _unzipped(page.chunks, page.name)
    held = bytearray()
    for piece in pieces:
        held += piece
        if held.removeprefix(b"\xef\xbb\xbf").strip():
            break
    start = bytes(held)
    first = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if not first:
        raise Malformed("connectors.common.empty_page", file=page.name)
    if first in {b"{", b"["}:
        return _snapshot(_whole(chain([start], pieces), page.name), page.name)
    return read_csv(chain([start], pieces), page.name, (INTERVALS,))


def _unzipped(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Yield the bytes, opened where they are gzip; in pieces of at most 1 MiB however well they were packed."""
    feed = iter(chunks)
    start = b""
    for chunk in feed:
        start += chunk
        if len(start) >= len(_GZIP):
            break
    if not start.startswith(_GZIP):
        yield start
        yield from feed
        return
    opener = zlib.decompressobj(wbits=31)
    try:
        for chunk in chain([start], feed):
            rest = chunk
            while rest:
                if opener.eof:  # a second member, as `cat a.gz b.gz` gives
                    opener = zlib.decompressobj(wbits=31)
                yield opener.decompress(rest, _PIECE)
                rest = opener.unused_data if opener.eof else opener.unconsumed_tail
    except zlib.error as problem:
        raise Malformed("connectors.common.gzip_broken", file=name) from problem
    if not opener.eof:
        raise Malformed("connectors.common.gzip_broken", file=name)


def _whole(pieces: Iterable[bytes], name: str) -> str:
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) > SNAPSHOT_BYTES:
            raise Malformed("connectors.risk_areas.too_large", file=name, limit_mb=SNAPSHOT_BYTES >> 20)
    try:
        return held.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        if problem.end == len(held):  # cut off inside a character
            raise Malformed("connectors.risk_areas.not_json", file=name) from problem
    try:
        return held.decode("gb18030")
    except UnicodeDecodeError as problem:
        raise Malformed("connectors.common.encoding_unknown", file=name) from problem


def _snapshot(text: str, name: str) -> Snapshot:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(found)
        if len(fields) < len(found):
            column = next(key for key in fields if sum(key == other for other, _ in found) > 1)
            raise Malformed("connectors.common.repeated_column", file=name, column=masked(column))
        return fields

    try:
        answer = json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as problem:
        raise Malformed("connectors.risk_areas.not_json", file=name) from problem
    _check_fields(answer, _TOP, ("data",), name)
    if answer.get("code", 0) != 0:
        raise Malformed("connectors.risk_areas.feed_error", file=name, code=masked(str(answer["code"])))
    data = answer["data"]
    _check_fields(data, _DATA, ("end_update_time",), name)
    levels = [level for level, (listed, _) in LISTS.items() if listed in data or level not in _OPTIONAL_LEVELS]
    entries: dict[str, list[Any]] = {}
    for level in levels:
        listed = data.get(LISTS[level][0])
        if not isinstance(listed, list):
            raise Malformed("connectors.risk_areas.missing_field", file=name, field=LISTS[level][0])
        for entry in listed:
            if isinstance(entry, dict):
                _check_fields(entry, _ENTRY, _ENTRY_NEEDS, name)
        entries[level] = listed
    declared = {level: _count(data.get(LISTS[level][1]), LISTS[level][1], name) for level in levels}
    return Snapshot(_update_min(data["end_update_time"]), declared, entries)


def _check_fields(found: object, known: frozenset[str], needed: tuple[str, ...], name: str) -> None:
    if not isinstance(found, dict):
        raise Malformed("connectors.risk_areas.not_snapshot", file=name)
    for field in found:
        if field not in known:
            raise Malformed("connectors.risk_areas.unknown_field", file=name, field=masked(field))
    for field in needed:
        if field not in found:
            raise Malformed("connectors.risk_areas.missing_field", file=name, field=field)


def _count(found: object, field: str, name: str) -> int | None:
    """Return the count that the feed declares; it may be absent."""
    if found is None:
        return None
    if isinstance(found, str) and re.fullmatch("[0-9]{1,9}", found):
        return int(found)
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 10**9:
        return found
    raise Malformed("connectors.common.broken_count", file=name, field=field, value=masked(str(found)[:80]))


def _update_min(found: object) -> int:
    """Return the epoch minute of `2022-10-20 09时` (also 24时) or an ISO time, on the feed's clock."""
    text = found if isinstance(found, str) else ""
    match = _HOUR.fullmatch(text.strip())
    if match is None:
        return read_minute(text.strip(), FEED_ZONE, "end_update_time")
    hours = int(match[2])
    if hours > 24:
        raise Malformed("connectors.common.broken_time", field="end_update_time", value=masked(text))
    return read_minute(f"{match[1]}T00:00", FEED_ZONE, "end_update_time") + hours * 60


def feed_time(moment: datetime) -> str:
    """Return an aware time as the feed writes update times: whole hours on its own clock."""
    return moment.astimezone(FEED_ZONE).strftime("%Y-%m-%d %H时")
