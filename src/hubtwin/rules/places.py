"""Where a published text lies: province, city, county and community to administrative codes.

`build_gazetteer` makes an index of the tables in `data/cn-admin`; `resolver` gives the function that looks texts
up in it. A place is text, not geometry: the answer always says how far the text could be resolved.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hubtwin.model.place import Resolved

Resolve = Callable[[str, str, str, str], Resolved]
Row = Mapping[str, str]
Triple = tuple[str, str, str]  # province, city, county as published

_UNRESOLVED = Resolved(None, None, "none")
_CITY_ONLY = Resolved(None, None, "city")
_STATISTICAL_ZONE = "7"  # tens digit of a county code: the statistics bureau's own numbers for zones (…71 to …79)
_SUFFIX = re.compile(r"街道办事处|街道办|街道|街办|地区办事处|办事处|(?:（地区）|地区)[镇乡]?|镇|乡|苏木|街")
_REMARK = re.compile(r"（[^（）]*）$")
_EXCEPTION = re.compile(r"(?<![拆解清消])除|不含|不包括|以外")
_UNIT_ENDS = frozenset("省市区县旗州盟城")  # what may stand before a street's name: the names of units above it
_STREET_WITHIN = 24  # characters; a name later in the text is a landmark, not the start of an address
_REMEMBERED = 50_000  # texts of one feed are 2,130; a hostile one must not fill the memory
_SHORT_STREETS = "12"  # Tianjin writes 李七庄街 for 李七庄街道; elsewhere 街 is a road


@dataclass(frozen=True)
class AdminTables:
    """Rows of the tables in `data/cn-admin`, by column name.

    provinces: code, name. cities: code, name, provinceCode. counties: code, name, cityCode, provinceCode. streets:
    code, name, areaCode. zones: province, city, name (empty: any), county_code, also (codes, blank between).
    former: province, city, name, county_code. aliases: alias, level (city or area), sheng, shi, qu.
    """

    provinces: Iterable[Row]
    cities: Iterable[Row]
    counties: Iterable[Row]
    streets: Iterable[Row] = ()
    zones: Iterable[Row] = ()
    former: Iterable[Row] = ()
    aliases: Iterable[Row] = ()


@dataclass(frozen=True)
class Zone:
    """A development zone: the county of its administration, and other counties that it reaches into."""

    county_code: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gazetteer:
    """Administrative names to codes. Counties and streets of one edition; former counties lead to their successor.

    `counties` by (province, city, county); `in_province` by (province, county) where the province has that name
    once; `zones` as counties; `cities` to four-digit prefixes by (province, city); `streets` of a county code, name
    to code; `statistical` the county codes in use for zones by city prefix; `successors` of former county codes.
    """

    counties: Mapping[Triple, str]
    in_province: Mapping[tuple[str, str], str]
    zones: Mapping[Triple, Zone]
    cities: Mapping[tuple[str, str], str]
    streets: Mapping[str, Mapping[str, str]]
    statistical: Mapping[str, tuple[str, ...]]
    successors: Mapping[str, str]


def has_exception(community: str) -> bool:
    """Return whether a text takes a part of its place out: 除…, 不含…, 不包括…, …以外."""
    return _EXCEPTION.search(community) is not None


def build_gazetteer(tables: AdminTables) -> Gazetteer:
    """Return the index of the tables. Raises KeyError where a row lacks a column or names an unknown parent code."""
    provinces = {row["code"]: row["name"] for row in tables.provinces}
    cities = {row["code"]: (provinces[row["provinceCode"]], row["name"]) for row in tables.cities}
    counties: dict[Triple, str] = {}
    once: dict[tuple[str, str], set[str]] = defaultdict(set)
    statistical: dict[str, tuple[str, ...]] = {}
    for row in tables.counties:
        code, name = row["code"], _tidy(row["name"])
        province, city = cities[row["cityCode"]]
        counties[province, city, name] = code
        once[province, name].add(code)
        if _is_statistical(code):
            statistical[code[:4]] = (*statistical.get(code[:4], ()), code)
    former = [((row["province"], row["city"], _tidy(row["name"])), row["county_code"]) for row in tables.former]
    former_once: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (province, city, name), code in former:
        counties.setdefault((province, city, name), code)
        if (province, name) not in once:
            former_once[province, name].add(code)
    place_of = {place: code for code, place in cities.items()}
    in_province = {place: min(codes) for place, codes in (once | former_once).items() if len(codes) == 1}
    _add_aliases(tables.aliases, counties, place_of)
    return Gazetteer(
        counties=counties,
        in_province=in_province,
        zones={_triple(row): Zone(row["county_code"], tuple(row["also"].split())) for row in tables.zones},
        cities={place: code[:4] for place, code in place_of.items()},
        streets=_index_streets(tables.streets),
        statistical=statistical,
        successors={row["former_code"]: row["county_code"] for row in tables.former},
    )


def resolver(gazetteer: Gazetteer) -> Resolve:
    """Return `resolve(province, city, county, community)`, total on any texts.

    Tried in order, the first that holds: a development zone by name; the exact county; a county whose name the
    province has once; a municipality's row, which holds the county in `city` and the street in `county`; a former
    county; then the city alone. Then a street or town that the community text starts with, within that county.
    Resolution: street, county, zone (hand-made table; the county is that of the zone's administration), city, none.
    """
    known: dict[Triple, _Base] = {}

    def resolve(province: str, city: str, county: str, community: str) -> Resolved:
        triple = (province, city, county)
        base = known.get(triple)
        if base is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            base = known[triple] = _find_base(gazetteer, _tidy(province), _tidy(city), _tidy(county))
        if base.by_community:
            base = _find_division(base, community)
        return (base.streets and _find_street(base, community)) or base.resolved

    return resolve


@dataclass(frozen=True, slots=True)
class _Base:
    """What a (province, city, county) means: the answer without a street, and the answer by street name.

    `by_community` holds zones that the community text names, because the county field does not.
    """

    resolved: Resolved
    streets: Mapping[str, Resolved]
    by_community: Mapping[str, "_Base"]


def _find_base(gazetteer: Gazetteer, province: str, city: str, county: str) -> _Base:
    for name in dict.fromkeys((county, _REMARK.sub("", county))):
        zone = gazetteer.zones.get((province, city, name))
        if zone:
            return _zone_base(gazetteer, zone)
        code = gazetteer.counties.get((province, city, name)) or gazetteer.in_province.get((province, name))
        if code:
            return _county_base(gazetteer, code)
    zone = gazetteer.zones.get((province, city, ""))
    if zone:
        return _narrowed(_zone_base(gazetteer, zone), county)
    code = gazetteer.in_province.get((province, city))
    if code:
        return _narrowed(_county_base(gazetteer, code), county)
    if (province, city) in gazetteer.cities:
        return _Base(_CITY_ONLY, {}, {})
    named = {
        name: _zone_base(gazetteer, zone)
        for (p, c, name), zone in gazetteer.zones.items()
        if (p, c) == (province, city)
    }
    return _Base(_UNRESOLVED, {}, named)


def _narrowed(base: _Base, street: str) -> _Base:
    """Return the base of a row whose county field holds a street: that street, where it is known."""
    found = _find_street(base, street)
    return _Base(found, {}, {}) if found else base


def _county_base(gazetteer: Gazetteer, code: str) -> _Base:
    if _is_statistical(code):
        streets = _streets(gazetteer, code, code, "zone")
        return _Base(Resolved(code, None, "zone"), streets, {})
    return _Base(Resolved(code, None, "county"), _streets(gazetteer, code, code, "street"), {})


def _zone_base(gazetteer: Gazetteer, zone: Zone) -> _Base:
    """A street of a county that the zone touches is that county's; one of a zone's own number stays with the zone."""
    streets: dict[str, Resolved] = {}
    for code in gazetteer.statistical.get(zone.county_code[:4], ()):
        streets |= _streets(gazetteer, code, zone.county_code, "zone")
    for code in (*zone.also, zone.county_code):
        streets |= _streets(gazetteer, code, code, "street")
    return _Base(Resolved(zone.county_code, None, "zone"), streets, {})


def _streets(gazetteer: Gazetteer, streets_of: str, area_code: str, resolution: str) -> dict[str, Resolved]:
    found = gazetteer.streets.get(streets_of, {})
    return {name: Resolved(area_code, code, resolution) for name, code in found.items()}


def _find_division(base: _Base, community: str) -> _Base:
    name = max((name for name in base.by_community if name in community), key=len, default=None)
    return base if name is None else base.by_community[name]


def _find_street(base: _Base, text: str) -> Resolved | None:
    """Return the street that `text` starts with, with or without the names of the units above it."""
    streets = base.streets
    start = _tidy(text[:_STREET_WITHIN])
    for suffix in _SUFFIX.finditer(start):
        stem, ending = start[: suffix.start()], suffix.group()
        if ending == "街" and not (base.resolved.area_code or "").startswith(_SHORT_STREETS):
            continue
        for name in _names(stem):
            found = streets.get(name + ending) or streets.get(name)
            if found:
                return found
    return None


def _names(stem: str) -> Iterator[str]:
    yield stem
    for at in range(1, len(stem) - 1):
        if stem[at - 1] in _UNIT_ENDS:
            yield stem[at:]


def _index_streets(rows: Iterable[Row]) -> dict[str, dict[str, str]]:
    """Return county code -> name -> street code, by full name and, where it is one street's only, by bare name."""
    full: dict[str, dict[str, str]] = defaultdict(dict)
    bare: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        area, name, code = row["areaCode"], _tidy(row["name"]), row["code"]
        full[area][name] = code
        endings = [suffix for suffix in _SUFFIX.finditer(name) if suffix.end() == len(name)]
        if endings and endings[0].start() >= 1:
            bare[area][name[: endings[0].start()]].add(code)
    return {
        area: {name: min(codes) for name, codes in bare[area].items() if len(codes) == 1} | names
        for area, names in full.items()
    }


def _add_aliases(rows: Iterable[Row], counties: dict[Triple, str], place_of: dict[tuple[str, str], str]) -> None:
    """Add short names of cities and counties beside the full ones."""
    by_city: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for (province, city, county), code in counties.items():
        by_city[province, city].append((county, code))
    for row in rows:
        province, city, alias = row["sheng"], row["shi"], row["alias"]
        for county, code in by_city[province, city]:
            if row["level"] == "city":
                counties.setdefault((province, alias, county), code)
            elif county == row["qu"]:
                counties.setdefault((province, city, alias), code)
        if row["level"] == "city" and (province, city) in place_of:
            place_of.setdefault((province, alias), place_of[province, city])


def _triple(row: Row) -> Triple:
    return _tidy(row["province"]), _tidy(row["city"]), _tidy(row["name"])


def _is_statistical(code: str) -> bool:
    return code[4:5] == _STATISTICAL_ZONE


def _tidy(name: str) -> str:
    return name.strip().replace("(", "（").replace(")", "）").replace(" ", "")
