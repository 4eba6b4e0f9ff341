"""Shipped schematic venues: made from their descriptions, each element with its origin, no dead end, step-free."""

import tomllib
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.connectors.imdf import read_zip, write_archive, write_zip
from hubtwin.model.venue import Archive, Basis, RawFeature
from hubtwin.rules.schematic import Plan, draw, read_plan
from hubtwin.rules.schematic.plane import Plane, box_of, overlap
from hubtwin.rules.venue_surroundings import read_surroundings

HUBS = Path(__file__).parents[2] / "data" / "hubs"
DESCRIPTIONS = sorted(HUBS.glob("*/venue.toml"))
CROWD = 50  # persons: from so many on a zone has two ways out


def _name(path: Path) -> str:
    return path.parent.name


@pytest.fixture(scope="module", params=DESCRIPTIONS, ids=_name)
def told(request: pytest.FixtureRequest) -> tuple[Path, Plan, Archive]:
    with request.param.open("rb") as stream:
        plan = read_plan(tomllib.load(stream))
    return request.param, plan, draw(plan)


@pytest.fixture(scope="module")
def hangzhou() -> tuple[Plan, Archive]:
    with (HUBS / "hangzhou-east" / "venue.toml").open("rb") as stream:
        plan = read_plan(tomllib.load(stream))
    return plan, draw(plan)


def _ways(plan: Plan, *, step_free: bool = False) -> dict[str, list[str]]:
    """Return where one gets from each unit, once for every opening and link; "" is the outside."""
    ways: dict[str, list[str]] = defaultdict(list)
    for opening in plan.openings:
        first, last = opening.joins[0], opening.joins[1] if len(opening.joins) > 1 else ""
        ways[first].append(last)
        if not opening.forward and last:
            ways[last].append(first)
    for link in plan.links:
        if step_free and link.kind in ("stairs", "escalator"):
            continue
        for here, there in zip(link.units, link.units[1:], strict=False):
            ways[here].append(there)
            if not link.forward:
                ways[there].append(here)
    return ways


def _reached(ways: dict[str, list[str]], start: str) -> set[str]:
    found, open_ = {start}, [start]
    while open_:
        for there in ways[open_.pop()]:
            if there not in found:
                found.add(there)
                open_.append(there)
    return found


def _of(drawing: Archive, *kinds: str) -> list[RawFeature]:
    return [feature for feature in drawing.features if feature.feature_type in kinds]


def test_the_shipped_archive_is_what_the_description_makes(told: tuple[Path, Plan, Archive]) -> None:
    path, _, drawing = told
    members, findings = read_zip((path.parent / "venue.imdf.zip").read_bytes())
    assert members == write_archive(drawing), "run hubtwin venue build again"  # how hard it is pressed is zlib's matter
    assert not findings


def test_every_element_says_where_it_comes_from(told: tuple[Path, Plan, Archive]) -> None:
    _, _, drawing = told
    extension = drawing.extension
    for feature in drawing.features:
        basis = extension["basis"][feature.feature_id]
        assert basis in ("published", "inferred")
        assert (basis == "published") == bool(extension["sources"].get(feature.feature_id, "").strip())
    assert set(extension["note"]) == {"zh", "en"}
    assert "surveyed" in extension["note"]["en"]


def test_codes_and_ids_are_unique_and_every_capacity_is_known(told: tuple[Path, Plan, Archive]) -> None:
    _, _, drawing = told
    codes, capacities = drawing.extension["codes"], drawing.extension["capacities"]
    assert len(set(codes.values())) == len(codes) == len(drawing.features)
    for feature in _of(drawing, "unit"):
        assert capacities[feature.feature_id]["persons"] >= 0
    for feature in _of(drawing, "opening", "relationship"):
        assert capacities[feature.feature_id]["persons_per_min"] > 0


def test_from_every_unit_there_is_a_way_out_and_two_where_a_crowd_fits(told: tuple[Path, Plan, Archive]) -> None:
    _, plan, drawing = told
    ways = _ways(plan)
    persons = {
        drawing.extension["codes"][key]: c.get("persons", 0) for key, c in drawing.extension["capacities"].items()
    }
    for unit in plan.units:
        assert "" in _reached(ways, unit.code), f"no way out of {unit.code}"
        assert len(ways[unit.code]) >= (2 if persons[unit.code] > CROWD else 1), f"{unit.code} is a dead end"


def test_every_exit_is_reached_step_free_from_every_platform_and_hall(told: tuple[Path, Plan, Archive]) -> None:
    path, plan, _ = told
    ways = _ways(plan, step_free=True)
    hub = tomllib.loads((path.parent / "hub.toml").read_text(encoding="utf-8"))
    exits = [one["id"] for one in hub["exits"]]
    where = {unit.code: unit.code for unit in plan.units} | {each.code: each.joins[0] for each in plan.openings}
    codes = set(where)
    assert set(exits) <= codes
    assert {f"P-{one}" for group in hub["platforms"] for one in group["ids"]} <= codes
    for unit in plan.units:
        reached = _reached(ways, unit.code)
        if unit.category in ("platform", "waitingroom", "lobby"):
            assert "" in reached, f"no step-free way out of {unit.code}"
            assert {where[one] for one in exits} <= reached, unit.code


def test_zones_of_a_level_lie_beside_each_other(told: tuple[Path, Plan, Archive]) -> None:
    _, plan, _ = told
    units = sorted(plan.units, key=lambda unit: unit.code)
    for i, one in enumerate(units):
        for other in units[i + 1 :]:
            assert one.level != other.level or not overlap(box_of(one.ring), box_of(other.ring))


def test_hangzhou_east_has_what_is_published(hangzhou: tuple[Plan, Archive]) -> None:
    plan, _ = hangzhou
    kinds: dict[str, int] = defaultdict(int)
    for fixture in plan.fixtures:
        kinds[fixture.use] += 1
    assert (kinds["track"], kinds["check_gate"], kinds["taxi_bay"]) == (30, 40, 48)
    codes = {unit.code for unit in plan.units}
    assert {f"P-{n}" for n in range(1, 16)} | {f"P{n}" for n in range(1, 7)} <= codes
    assert {f"TAXI-{side}{n}" for side in "NS" for n in (1, 2, 3)} | {f"TAXI-ZONE-{n}" for n in range(1, 5)} <= codes
    assert {unit.spaces for unit in plan.units if unit.code in ("P1", "P2", "P3", "P4")} == {363, 256, 674, 666}
    assert 0 < len([u for u in plan.units if "counter" in u.watched]) < len(plan.units)
    assert (round(plan.lon, 4), round(plan.lat, 4)) == (120.2085, 30.2935)  # WGS 84, 510 m from the GCJ-02 of the table


@pytest.mark.parametrize(
    ("platforms", "persons"),
    [(group, 1800) for group in [{f"P-{n}"} for n in range(1, 16)]]  # a train of 1,200 and 600 who wait: ours
    + [(group, 2400) for group in ({"METRO-1-A", "METRO-4-A"}, {"METRO-1-B", "METRO-4-B"}, {"METRO-6"}, {"METRO-19"})],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else str(value),
)
def test_a_platform_of_hangzhou_east_is_left_in_four_minutes(
    hangzhou: tuple[Plan, Archive], platforms: set[str], persons: int
) -> None:
    """GB 51298-2018 5.1.1: 0.9 (A1 (N - 1) + A2 B) in 4 minutes, one escalator out of service; lifts do not count."""
    plan, drawing = hangzhou
    codes, capacities = drawing.extension["codes"], drawing.extension["capacities"]
    rates = {codes[key]: told["persons_per_min"] for key, told in capacities.items() if "persons_per_min" in told}
    ways: dict[str, list[float]] = defaultdict(list)
    for link in plan.links:
        if platforms & {link.units[0], *(() if link.forward else link.units)}:
            ways[link.kind].append(rates[link.code])
    working = sum(ways["stairs"]) + sum(sorted(ways["escalator"])[:-1])
    assert 0.9 * working * 4 >= persons


def test_drawing_twice_gives_the_same_bytes_and_stairs_with_a_door_on_either_level() -> None:
    drawing = draw(read_plan(_small()))
    assert write_zip(write_archive(drawing)) == write_zip(write_archive(draw(read_plan(_small()))))
    assert len(_of(drawing, "unit")) == 4  # two zones, and the stairs on either level
    assert len(_of(drawing, "opening")) == 3  # the one told, and two doors of the stairs
    (stairs,) = _of(drawing, "relationship")
    assert stairs.properties["origin"]["id"] != stairs.properties["destination"]["id"]
    (link,) = drawing.extension["links"].values()
    assert link == {"kind": "stairs", "length_m": 8.9, "direction": "both"}  # a rise of 4 m at 150 x 300 mm


def _road(**change: Any) -> dict[str, Any]:
    return {"code": "R", "kind": "road", "path": [[-50, 20], [50, 20]], "width_m": 9, "basis": "inferred", **change}


def test_what_lies_around_stands_in_the_extension_and_is_no_feature_of_the_standard() -> None:
    told = _small()
    block = {"code": "K", "kind": "block", "rect": [20, 30, 40, 60], "basis": "inferred"}
    plain, around = draw(read_plan(told)), draw(read_plan({**told, "surroundings": [_road(), block]}))
    assert around.features == plain.features
    assert "surroundings" not in plain.extension
    found, wrong = read_surroundings(around.extension["surroundings"])
    assert wrong == []
    assert [(each.code, each.shape.kind, each.width_m) for each in found] == [
        ("R", "LineString", 9.0),
        ("K", "Polygon", None),
    ]


def test_the_shipped_venues_have_surroundings_each_with_its_origin(told: tuple[Path, Plan, Archive]) -> None:
    _, plan, archive = told
    found, wrong = read_surroundings(archive.extension["surroundings"])
    assert wrong == []
    assert len(found) == len(plan.surroundings) > 15
    assert all(each.basis is Basis.INFERRED or each.source for each in found)


def test_the_plane_keeps_metres_and_turns_by_the_bearing() -> None:
    lon, lat = Plane(0.0, 0.0, 90.0).degrees((0.0, 111_195.0))  # y points east
    assert (round(lon, 3), round(lat, 6)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda t: t["units"][0].pop("basis"), "missing"),
        (lambda t: t["units"][0].update(basis="published"), "missing"),
        (lambda t: t["units"][0].update(basis="published", source=["no"], fact={"zh": "甲", "en": "x"}), "no_such"),
        (lambda t: t["units"][0].update(basis="published", source=[], fact={"zh": "甲", "en": "x"}), "wrong"),
        (lambda t: t["units"][0].update(colour="red"), "unknown"),
        (lambda t: t.update(rooms=[]), "unknown"),
        (lambda t: t["units"][0].update(rect=[0, 0, 0, 5]), "wrong"),
        (lambda t: t["units"][0].update(rect=[0, 0, float("nan"), 5]), "wrong"),
        (lambda t: t["units"][1].update(level="up"), "no_such"),
        (lambda t: t["units"][1].update(code="A"), "twice"),
        (lambda t: t["links"][0].update(rect=[9.0, 1.0, 11.0, 2.0]), "outside"),
        (lambda t: t["openings"][0].update(line=[1.0, 1.0, 3.0, 1.0]), "apart"),
        (lambda t: t["openings"][0].update(joins=[]), "wrong"),
        (lambda t: t["openings"][0].update(joins=["A", "B"]), "wrong"),
        (lambda t: t["units"][1].update(level="0"), "overlapping"),
        (lambda t: t["units"][0].update(repeat={"from": 5, "to": 1, "step": [0, 0]}), "wrong"),
        (lambda t: t["venue"].update(name={"zh": "站"}), "wrong"),
        (lambda t: t["units"][0].update(watched=["nose"]), "no_such"),
        (lambda t: t.update(surroundings=[_road(kind="block")]), "wrong"),
        (lambda t: t.update(surroundings=[_road(path=[[0, 0], [0, 0]])]), "wrong"),
        (lambda t: t.update(surroundings=[_road(width_m=0)]), "wrong"),
        (lambda t: t.update(surroundings=[_road(code="A")]), "twice"),
    ],
)
def test_a_slip_in_a_description_is_named(change: Any, key: str) -> None:
    told = _small()
    change(told)
    with pytest.raises(Malformed) as raised:
        draw(read_plan(told))
    assert raised.value.key == f"rules.schematic.{key}"
    assert "{" not in raised.value.message("zh")


def _small() -> dict[str, Any]:
    names = {"zh": "厅", "en": "Hall"}
    known = {"name": names, "rect": [0.0, 0.0, 10.0, 10.0], "basis": "inferred"}
    level = {"name": names, "short_name": names, "height_m": 4.0, "basis": "inferred"}
    return {
        "venue": {
            "code": "small",
            "name": names,
            "note": {"zh": "示意", "en": "Not surveyed"},
            "created": "2020-01-01T00:00:00Z",
            "address": {"address": "1", "locality": "X", "country": "US"},
        },
        "origin": {"lon": 1.0, "lat": 2.0, "datum": "WGS 84", "bearing_deg": 0.0, "basis": "inferred"},
        "levels": [
            {"code": "0", "ordinal": 0, "elevation_m": 0.0, **level},
            {"code": "1", "ordinal": 1, "elevation_m": 4.0, **level},
        ],
        "units": [{"code": "A", "level": "0", **known}, {"code": "B", "level": "1", **known}],
        "openings": [
            {
                "code": "OUT",
                "joins": ["A"],
                "line": [0.0, 2.0, 0.0, 4.0],
                "width_m": 2.0,
                "kind": "door",
                "basis": "inferred",
            }
        ],
        "links": [
            {
                "code": "S",
                "kind": "stairs",
                "units": ["A", "B"],
                "rect": [2.0, 2.0, 4.0, 8.0],
                "width_m": 2.0,
                "basis": "inferred",
            }
        ],
    }


FIELDS = st.sampled_from(
    [(block, name) for block in ("units", "openings", "links", "levels") for name in _small()[block][0]]
    + [
        ("venue", "name"),
        ("venue", "address"),
        ("origin", "lat"),
        ("sources", "x"),
        ("units", "ring"),
        ("units", "each"),
    ]
    + [("units", "repeat"), ("units", "watched"), ("fixtures", "rect"), ("amenities", "at"), ("links", "rects")]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(["A", "0", "up"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["zh", "en", "to", "step"]), inner),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(FIELDS, VALUES), min_size=1, max_size=3), st.booleans())
def test_whatever_a_description_says_is_drawn_or_refused(
    changes: list[tuple[tuple[str, str], Any]], whole: bool
) -> None:
    told = _small()
    for (block, name), value in changes:
        if whole:
            told[block] = value
        elif isinstance(told.get(block), list):
            told[block][0][name] = value
        else:
            told.setdefault(block, {})[name] = value
    with suppress(Malformed):
        assert write_archive(draw(read_plan(told)))
