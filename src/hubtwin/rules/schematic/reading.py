"""A description of a schematic venue, as parsed from TOML, to a plan; whatever does not fit is named with its entry.

An entry with `each = [...]` stands for one element a row: the row's values on top of its own. An element may carry
`repeat = { from = 1, to = 7, step = [22.5, 0] }` (and `by = 2`): it then stands for as many elements, `{n}` in its
texts is the number, and every coordinate moves by `step` from one to the next. Every element says where it comes from:
`basis = "published"` with a `source` (of [sources]) and what it states as `fact` (zh, en), or `basis = "inferred"`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from hubtwin.base.errors import Malformed
from hubtwin.base.geo import gcj02_to_wgs84
from hubtwin.rules.schematic.capacity import GATE_PER_MIN, M2_PER_PERSON
from hubtwin.rules.schematic.entry import Entry
from hubtwin.rules.schematic.plane import ring_of, signed_area_m2
from hubtwin.rules.schematic.records import (
    LINK_KINDS,
    AmenityPlan,
    FixturePlan,
    LevelPlan,
    LinkPlan,
    OpeningPlan,
    Plan,
    Rect,
    Ring,
    UnitPlan,
)
from hubtwin.rules.schematic.surroundings import read_surrounding

BLOCKS = ("venue", "origin", "sources", "levels", "units", "openings", "links", "fixtures", "amenities", "surroundings")
OPENING_KINDS = ("passage", "door", "gates", "emergency")
_COORDINATES = ("rect", "rects", "at", "line", "ring", "path")
_LEAST_M2 = 0.01
_MOST = 1000  # elements that one entry may stand for
_Read = TypeVar("_Read")


def read_plan(told: Mapping[str, Any]) -> Plan:
    """Return the plan of a description. Raises Malformed, naming the entry, for anything missing, unknown or wrong."""
    for block in told:
        if block not in BLOCKS:
            raise Malformed("rules.schematic.unknown", entry=block)
    sources = Entry("sources", told.get("sources", {}), {}).titles()
    venue, origin = Entry("venue", told.get("venue", {}), sources), Entry("origin", told.get("origin", {}), sources)
    lon, lat = origin.number("lon"), origin.number("lat")
    if origin.choice("datum", ("WGS 84", "GCJ-02")) == "GCJ-02":
        lon, lat = gcj02_to_wgs84(lon, lat)
    levels = _each(told, "levels", sources, _level)
    units = _each(told, "units", sources, _unit)
    plan = Plan(
        code=venue.word("code"),
        name=venue.names("name"),
        note=venue.names("note"),
        category=venue.word("category", "trainstation"),
        address={key: str(value) for key, value in venue.table("address").items()},
        languages=("zh", "en"),
        lon=lon,
        lat=lat,
        bearing_deg=origin.number("bearing_deg"),
        created=venue.word("created"),
        levels=levels,
        units=units,
        openings=_each(told, "openings", sources, _opening),
        links=_each(told, "links", sources, _link),
        fixtures=_each(told, "fixtures", sources, _fixture),
        amenities=_each(told, "amenities", sources, _amenity),
        posts=tuple(venue.texts("posts", ())),
        surroundings=_each(told, "surroundings", sources, lambda entry: read_surrounding(entry, _ring)),
    )
    origin.basis()
    venue.done()
    origin.done()
    _refuse_unknown_names(plan)
    return plan


def _each(
    told: Mapping[str, Any], block: str, sources: Mapping[str, str], read: Callable[[Entry], _Read]
) -> tuple[_Read, ...]:
    """Read every element of a block, repeated ones as often as they say."""
    found: list[_Read] = []
    tables = told.get(block, [])
    if not isinstance(tables, list):
        raise Malformed("rules.schematic.wrong", entry=block, need="a list of tables")
    for position, table in enumerate(tables, start=1):
        rows = _rows(f"{block}[{position}]", table)
        for values in (one for row in rows for one in _repeated(f"{block}[{position}]", row)):
            entry = Entry(f"{block}.{values.get('code', position)}", values, sources)
            found.append(read(entry))
            entry.done()
    return tuple(found)


def _rows(where: str, table: Any) -> list[Mapping[str, Any]]:
    rows = table.get("each", [{}]) if isinstance(table, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise Malformed("rules.schematic.wrong", entry=where, need="a table; its `each` a list of tables")
    return [{key: value for key, value in {**table, **row}.items() if key != "each"} for row in rows]


def _repeated(where: str, table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "repeat" not in table:
        return [table]
    entry = Entry(f"{where}.repeat", table["repeat"], {})
    first, last, by = entry.whole("from", 1), entry.whole("to"), entry.whole("by", 1)
    step = entry.numbers("step", 2)
    entry.done()
    if not 0 <= last - first < _MOST or by < 1:
        raise Malformed("rules.schematic.wrong", entry=f"{where}.repeat", need=f"from <= to < from + {_MOST}, by >= 1")
    plain = {key: value for key, value in table.items() if key != "repeat"}
    return [
        {
            key: _moved(value, step, (n - first) // by) if key in _COORDINATES else _numbered(value, n)
            for key, value in plain.items()
        }
        for n in range(first, last + 1, by)
    ]


def _numbered(value: Any, n: int) -> Any:
    if isinstance(value, str):
        return value.replace("{n}", str(n)).replace("{n:02}", f"{n:02}")
    if isinstance(value, Mapping):
        return {key: _numbered(each, n) for key, each in value.items()}
    return [_numbered(each, n) for each in value] if isinstance(value, list) else value


def _moved(value: Any, step: Sequence[float], times: int) -> Any:
    """Move x and y of a flat list of coordinates, or of lists of them."""
    if isinstance(value, list) and value and all(isinstance(each, list) for each in value):
        return [_moved(each, step, times) for each in value]
    if isinstance(value, list) and all(isinstance(each, int | float) for each in value):
        return [each + step[i % 2] * times for i, each in enumerate(value)]
    return value


def _level(entry: Entry) -> LevelPlan:
    return LevelPlan(
        code=entry.word("code"),
        ordinal=entry.whole("ordinal"),
        name=entry.names("name"),
        short_name=entry.names("short_name"),
        elevation_m=entry.number("elevation_m"),
        height_m=entry.amount("height_m"),
        outdoor=entry.flag("outdoor"),
        category=entry.word("category", "unspecified"),
        rects=_rects(entry) if entry.has("rects") else (),
        basis=entry.basis(),
    )


def _unit(entry: Entry) -> UnitPlan:
    return UnitPlan(
        code=entry.word("code"),
        level=entry.word("level"),
        name=entry.names("name"),
        category=entry.word("category", "room"),
        ring=_ring(entry),
        persons=entry.count("persons") if entry.has("persons") else None,
        m2_per_person=entry.number("m2_per_person", M2_PER_PERSON),
        spaces=entry.count("spaces") if entry.has("spaces") else None,
        accessible=entry.flag("accessible", True),
        watched=entry.texts("watched", ()),
        basis=entry.basis(),
    )


def _rects(entry: Entry) -> tuple[Rect, ...]:
    return tuple((a, b, c, d) for a, b, c, d in entry.lists("rects", 4))


def _ring(entry: Entry) -> Ring:
    if entry.has("rect"):
        return ring_of(entry.rect("rect"))
    corners = entry.lists("ring", 2)
    ring = tuple((x, y) for x, y in corners)
    area_m2 = signed_area_m2(ring) if len(ring) > 2 else 0.0
    if abs(area_m2) < _LEAST_M2:
        raise Malformed("rules.schematic.wrong", entry=f"{entry.where}.ring", need="three corners around some room")
    return ring if area_m2 > 0 else ring[::-1]


def _opening(entry: Entry) -> OpeningPlan:
    joins = entry.texts("joins")
    return OpeningPlan(
        code=entry.word("code", "|".join(joins)),
        joins=joins,
        name=entry.names("name") if entry.has("name") else None,
        kind=entry.choice("kind", OPENING_KINDS),
        width_m=entry.amount("width_m"),
        gates=entry.count("gates", 0),
        gate_per_min=entry.amount("gate_per_min", GATE_PER_MIN),
        forward=entry.flag("forward"),
        at=entry.spot("at") if entry.has("at") else None,
        line=entry.rect("line", ordered=False) if entry.has("line") else None,
        basis=entry.basis(),
    )


def _link(entry: Entry) -> LinkPlan:
    units = entry.texts("units")
    rects = _rects(entry) if entry.has("rects") else (entry.rect("rect"),) * len(units)
    if len(rects) != len(units) or len(units) < 2:
        raise Malformed("rules.schematic.wrong", entry=entry.where, need="two units or more, a rect for each")
    return LinkPlan(
        code=entry.word("code"),
        kind=entry.choice("kind", LINK_KINDS),
        units=units,
        rects=rects,
        name=entry.names("name") if entry.has("name") else None,
        width_m=entry.amount("width_m"),
        persons_per_min=entry.amount("persons_per_min") if entry.has("persons_per_min") else None,
        forward=entry.flag("forward"),
        basis=entry.basis(),
    )


def _fixture(entry: Entry) -> FixturePlan:
    return FixturePlan(
        code=entry.word("code"),
        unit=entry.word("unit", ""),
        level=entry.word("level", ""),
        use=entry.word("use"),
        category=entry.word("category", "equipment"),
        name=entry.names("name") if entry.has("name") else None,
        rect=entry.rect("rect"),
        covers=entry.word("covers", ""),
        basis=entry.basis(),
    )


def _amenity(entry: Entry) -> AmenityPlan:
    return AmenityPlan(
        code=entry.word("code"),
        unit=entry.word("unit"),
        category=entry.word("category"),
        name=entry.names("name") if entry.has("name") else None,
        at=entry.spot("at"),
        accessible=entry.flag("accessible", True),
        basis=entry.basis(),
    )


def _refuse_unknown_names(plan: Plan) -> None:
    """Refuse a code given twice, and one that an element refers to and nobody has."""
    blocks = (plan.levels, plan.units, plan.openings, plan.links, plan.fixtures, plan.amenities, plan.surroundings)
    code, times = Counter(each.code for block in blocks for each in block).most_common(1)[0] if plan.units else ("", 0)
    if times > 1:
        raise Malformed("rules.schematic.twice", entry=code)
    levels, units = {each.code for each in plan.levels}, {each.code for each in plan.units}
    wanted = [(f"units.{u.code}.level", u.level, levels) for u in plan.units]
    wanted += [(f"openings.{o.code}.joins", unit, units) for o in plan.openings for unit in o.joins]
    wanted += [(f"links.{each.code}.units", unit, units) for each in plan.links for unit in each.units]
    wanted += [(f"amenities.{a.code}.unit", a.unit, units) for a in plan.amenities]
    wanted += [(f"fixtures.{f.code}.level", f.level, levels) for f in plan.fixtures if f.level or not f.unit]
    wanted += [(f"fixtures.{f.code}.unit", f.unit, units) for f in plan.fixtures if f.unit]
    wanted += [("venue.posts", post, units) for post in plan.posts]
    for entry, code, known in wanted:
        if code not in known:
            raise Malformed("rules.schematic.no_such", entry=entry, code=code)
