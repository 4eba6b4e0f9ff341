"""What an entry of the feed means: rows of RISK_AREAS and RISK_SNAPSHOTS, or the reason why there is none."""

from collections.abc import Iterator, Mapping
from functools import partial

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.base.ids import stable_key
from hubtwin.connectors.common.csvio import CsvProblem, Sheet
from hubtwin.connectors.common.lines import shown
from hubtwin.connectors.common.repeats import Repeats
from hubtwin.connectors.common.values import check_not_ahead, masked, read_choice, read_minute, read_provenance
from hubtwin.connectors.risk_areas.codec import FEED_ZONE, LISTS, Snapshot, decode
from hubtwin.datasets.health import RISK_AREAS, RISK_SNAPSHOTS
from hubtwin.model.place import Resolved
from hubtwin.model.record import UNMARKED, Quarantined, Row
from hubtwin.ports import Page, ReadContext
from hubtwin.rules.places import has_exception

_LEVELS = tuple(LISTS)
_UNRESOLVED = Resolved(None, None, "none")
_CODE_CHARS = 32

Place = tuple[str, str, str, str]  # province, city, county, community in the publisher's words


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield the rows of a page: of a snapshot, level by level, a RISK_SNAPSHOTS row and then every place listed; of
    an interval table its intervals. A place that a snapshot lists twice counts once; of two intervals that contradict
    each other the earlier stands.

    A snapshot is a full listing: its rows mean something only after `fold`, which needs all rows of the page.
    Raises Malformed for a page that must be refused whole, as `codec.decode` does, and for a snapshot whose update
    time is more than an hour ahead of the hub.
    """
    decoded = decode(page)
    if isinstance(decoded, Snapshot):
        check_not_ahead(decoded.updated_min, context.now, "end_update_time")
        for level in decoded.entries:
            *places, snapshot = _read_level(decoded, level, page.name, context)
            yield snapshot
            yield from places
    else:
        yield from _read_intervals(decoded, page.name, context)


def _read_level(snapshot: Snapshot, level: str, name: str, context: ReadContext) -> Iterator[Row | Quarantined]:
    listed, declared = LISTS[level][0], snapshot.declared[level]
    keys: set[str] = set()
    found = 0
    for number, entry in enumerate(snapshot.entries[level]):
        at = f"{name}:{listed}[{number}]"
        places = _list_places(entry)
        if isinstance(places, str):
            yield Quarantined(at, places, {"field": listed}, shown(masked(str(entry)[:500])))
            continue
        found += len(places)
        for spot, place in enumerate(places):
            row = _area(f"{at}.communitys[{spot}]", level, place, snapshot.updated_min, context)
            if isinstance(row, Row):
                key = str(row.values["area_key"])
                if key in keys:
                    yield Quarantined(row.locator, "connectors.common.repeated_row", {}, shown(",".join(place)))
                    continue
                keys.add(key)
            yield row
    if declared is not None and declared != found:
        counts = {"field": listed, "declared": declared, "found": found}
        yield Quarantined(f"{name}:{listed}", "connectors.risk_areas.count_differs", counts)
    yield Row(
        RISK_SNAPSHOTS.name,
        {
            "updated_min": snapshot.updated_min,
            "level": level,
            "declared": declared,
            "listed": len(keys),
            "dropped": 0,
            "verdict": "normal",
        },
        f"{name}:{listed}",
    )


def _list_places(entry: object) -> list[Place] | str:
    """Return the places of an entry, or why it has none (text key). No communities means the county as a whole."""
    if not isinstance(entry, dict):
        return "connectors.risk_areas.not_entry"
    names = [entry["province"], entry["city"], entry["county"]]
    communities = entry["communitys"]
    if not isinstance(communities, list) or not all(isinstance(text, str) for text in names + communities):
        return "connectors.risk_areas.not_entry"
    province, city, county = (text.strip() for text in names)
    return [(province, city, county, text.strip()) for text in communities or [""]]


def _area(locator: str, level: str, place: Place, updated_min: int, context: ReadContext) -> Row | Quarantined:
    """Return a place that a snapshot lists, as an interval that begins with the snapshot."""
    resolved = context.resolve(*place) if context.resolve else _UNRESOLVED
    try:
        return Row(RISK_AREAS.name, _values(level, place, resolved, updated_min, None), locator)
    except Malformed as problem:
        return Quarantined(locator, problem.key, problem.values, shown(repr(place)))


def _values(
    level: str, place: Place, resolved: Resolved, first_seen_min: int, gone_by_min: int | None
) -> Mapping[str, object]:
    """Return the columns of RISK_AREAS. Raises Malformed for a place that has no name, or no valid text."""
    province, city, county, community = place
    if not province and not county:
        raise Malformed("connectors.common.missing_value", field="county")
    joined = "".join(place)
    if not joined.isprintable() and any(ord(sign) < 32 and sign not in "\t\r\n" for sign in joined):
        raise Malformed("connectors.risk_areas.control_character")
    try:
        key = stable_key(level, province, city, county, community)
    except UnicodeEncodeError as problem:
        raise Malformed("connectors.risk_areas.control_character") from problem
    return {
        "area_key": key,
        "level": level,
        "province": province,
        "city": city,
        "county": county,
        "community": community,
        "area_code": resolved.area_code,
        "street_code": resolved.street_code,
        "resolution": resolved.resolution,
        "has_exception": has_exception(community),
        "first_seen_min": first_seen_min,
        "gone_by_min": gone_by_min,
    }


def _read_intervals(sheet: Sheet, name: str, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Naive times are on the feed's clock; in the form with codes, which other countries use, on the hub's."""
    zone = context.zone if "area_code" in sheet.columns else FEED_ZONE
    moment, now_min = partial(read_minute, zone=zone), epoch_minute(context.now)
    repeats = Repeats()
    empty = True
    for line in sheet.lines:
        empty = False
        if isinstance(line, CsvProblem):
            yield Quarantined(f"{name}:{line.line_no}", line.reason, line.values, line.raw)
            continue
        number, fields = line
        locator = f"{name}:{number}"
        try:
            marks = read_provenance(fields["provenance"]) if "provenance" in fields else UNMARKED
            values = _interval(fields, moment, now_min, context)
        except Malformed as problem:
            yield Quarantined(locator, problem.key, problem.values, shown(",".join(fields.values())))
            continue
        said = (values["gone_by_min"], values["area_code"], marks.provenance)
        reason = repeats.find_reason((values["area_key"], values["first_seen_min"]), said)
        if reason:
            yield Quarantined(locator, reason, {}, shown(",".join(fields.values())))
        else:
            yield Row(RISK_AREAS.name, values, locator, marks)
    if empty:
        yield Quarantined(f"{name}:1", "connectors.risk_areas.empty_table")


def _interval(
    fields: Mapping[str, str], moment: "partial[int]", now_min: int, context: ReadContext
) -> Mapping[str, object]:
    level = read_choice(fields["level"], "level", _LEVELS)
    first_seen_min = moment(fields["first_seen"], field="first_seen")
    gone_by_min = moment(fields["gone_by"], field="gone_by") if fields["gone_by"] else None
    if first_seen_min > now_min or (gone_by_min or 0) > now_min:
        check_not_ahead(first_seen_min, context.now, "first_seen")
        check_not_ahead(gone_by_min or 0, context.now, "gone_by")
    if gone_by_min is not None and gone_by_min <= first_seen_min:
        raise Malformed("connectors.risk_areas.ends_before_start")
    if fields.get("closed", "") not in {"", "1" if fields["gone_by"] else "0"}:
        raise Malformed("connectors.risk_areas.closed_differs", closed=masked(fields["closed"]))
    place = (
        fields["province"].strip(),
        fields["city"].strip(),
        fields["county"].strip(),
        fields["community"].strip(),
    )
    code = fields.get("area_code", "").strip()
    if code:
        if len(code) > _CODE_CHARS or not code.isalnum() or not code.isascii():
            raise Malformed("connectors.risk_areas.broken_code", value=masked(code))
        resolved = Resolved(code, None, "county")
    else:
        resolved = context.resolve(*place) if context.resolve else _UNRESOLVED
    return _values(level, place, resolved, first_seen_min, gone_by_min)
