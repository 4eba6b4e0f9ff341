"""The check of an archive: a sound station has no finding, and each fault that is put into it is found."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hubtwin.base.text import LANGUAGES, catalogue, text
from hubtwin.connectors.imdf import make_venue
from hubtwin.model.venue import Severity, SurroundingKind, VenueFinding
from hubtwin.rules.venue_check import check_archive, count_by_severity
from hubtwin.rules.venue_surroundings import read_surroundings
from tests.venue_kit import Draft, at, box, id_of, line, polygon, station, words

SOUND = station()
Spoil = Callable[[Draft], object]


def _findings(draft: Draft) -> list[VenueFinding]:
    archive = draft.archive()
    return check_archive(archive, make_venue(archive)[0])


def _drop(code: str) -> Spoil:
    return lambda draft: draft.features.remove(draft.find(code))


def _lose(code: str, name: str) -> Spoil:
    return lambda draft: draft.put(code, properties={k: v for k, v in draft.find(code).properties.items() if k != name})


def _change(code: str, **properties: object) -> Spoil:
    return lambda draft: draft.change(code, **properties)


def _shape(code: str, geometry: object) -> Spoil:
    return lambda draft: draft.put(code, geometry=geometry)


def _tell(table: str, code: str, value: object) -> Spoil:
    return lambda draft: draft.extension[table].update({id_of(code): value})


def _forget(table: str, code: str) -> Spoil:
    return lambda draft: draft.extension[table].pop(id_of(code))


def _manifest(**told: object) -> Spoil:
    return lambda draft: draft.manifest.update(told)


def _both(*spoils: Spoil) -> Spoil:
    return lambda draft: [spoil(draft) for spoil in spoils]


E, W, N = Severity.ERROR, Severity.WARNING, Severity.NOTE
BOWTIE = polygon([(0, 30), (20, 40), (20, 30), (0, 40)])
ROAD_SAID: dict[str, Any] = {"code": "ROAD", "kind": "road", "width_m": 12.0, "basis": "inferred"}
ROAD: dict[str, Any] = {
    "type": "Feature",
    "id": "road",
    "geometry": line((0, 60), (80, 60)),
    "properties": ROAD_SAID,
}


def _surround(*features: Any) -> Spoil:
    return lambda draft: draft.extension.update(surroundings={"type": "FeatureCollection", "features": list(features)})


MUTANTS: dict[str, tuple[Severity, str, Spoil]] = {
    "another version": (E, "manifest_version", _manifest(version="2.0.0")),
    "a date without an offset": (E, "manifest_created", _manifest(created="2026-01-01")),
    "no language": (E, "manifest_lacks", _manifest(language=None)),
    "a language that is none": (E, "manifest_language", _manifest(language="中文")),
    "two venues": (E, "not_one", lambda d: d.add("venue", "V2", SOUND.find("VENUE").geometry)),
    "no address": (E, "none_of", _drop("ADDRESS")),
    "no footprint": (W, "none_of", _drop("FOOT")),
    "an id that is no UUID": (E, "id_no_uuid", lambda d: d.put("HELP", feature_id="help")),
    "no category": (E, "property_missing", _lose("HALL", "category")),
    "a property that may be null": (N, "property_missing", _lose("HALL", "alt_name")),
    "a category of our own": (E, "property_category", _change("HALL", category="concourse")),
    "a fixture's category on a unit": (E, "property_category", _change("HALL", category="desk")),
    "an accessibility that is unknown": (E, "property_category", _change("HALL", accessibility=["blind"])),
    "an opening as fire exit": (E, "property_category", _change("N1", category="fire")),
    "a door of paper": (E, "property_category", _change("N1", door={"type": "sliding", "material": "paper"})),
    "a text for an ordinal": (E, "property_wrong", _change("L1", ordinal="1")),
    "a name without a language": (E, "property_wrong", _change("L1", name="Upper level")),
    "a name in another language": (W, "no_default_label", _change("L1", name={"zh": "上层"})),
    "a level that does not exist": (E, "property_dangling", _change("SHOP", level_id=id_of("L7"))),
    "a unit as a level": (E, "property_other_type", _change("SHOP", level_id=id_of("HALL"))),
    "a relationship to nothing": (E, "property_dangling", _change("LIFT", origin={"id": "x", "feature_type": "unit"})),
    "a relationship with one end": (W, "relationship_open", _change("LIFT", origin=None)),
    "a relationship with itself": (
        W,
        "relationship_loop",
        _change("LIFT", origin=SOUND.find("LIFT").properties["destination"]),
    ),
    "no geometry": (E, "geometry_missing", _shape("SHOP", None)),
    "a point for a unit": (E, "geometry_type", _shape("SHOP", {"type": "Point", "coordinates": at(1, 31)})),
    "an area for an opening": (E, "geometry_type", _shape("D-SHOP", box(8, 29, 10, 31))),
    "a ring that is open": (
        E,
        "shape_open_ring",
        _shape("SHOP", {"type": "Polygon", "coordinates": [[at(0, 30), at(20, 30), at(20, 40), at(0, 40)]]}),
    ),
    "latitude first": (E, "shape_off_globe", _shape("HELP", {"type": "Point", "coordinates": [30.2, 120.2]})),
    "a line of one point": (E, "shape_short_line", _shape("D-SHOP", line((8, 30), (8, 30)))),
    "a bow tie": (E, "crosses_itself", _shape("SHOP", BOWTIE)),
    "another town": (W, "too_wide", _shape("FOOT", box(0, 0, 30_000, 10))),
    "no ground level": (
        W,
        "no_ground",
        _both(_change("L0", ordinal=2), _change("L1", ordinal=3), _change("G", ordinal=4)),
    ),
    "two levels of one ordinal": (E, "same_ordinal", _change("L1", ordinal=0)),
    "a cellar in the air": (W, "elevation_order", _tell("levels", "L1", {"elevation_m": -6.0})),
    "a unit beyond its level": (E, "outside_level", _shape("SHOP", box(-5, 30, 20, 40))),
    "a door in the air": (E, "off_edge", _shape("D-SHOP", line((8, 35), (10, 35)))),
    "a shop in the hall": (W, "overlap", _shape("SHOP", box(0, 25, 20, 40))),
    "a label beside": (
        E,
        "display_point_outside",
        _change("SHOP", display_point={"type": "Point", "coordinates": at(50, 5)}),
    ),
    "an anchor elsewhere": (E, "outside_unit", _shape("ANCHOR", {"type": "Point", "coordinates": at(50, 5)})),
    "an amenity elsewhere": (E, "outside_unit", _shape("HELP", {"type": "Point", "coordinates": at(50, -30)})),
    "no extension": (N, "no_extension", lambda d: d.extension.clear()),
    "another extension": (W, "extension_version", lambda d: d.extension.update(version=2)),
    "no note": (W, "extension_note", lambda d: d.extension.update(note={"en": "Only this"})),
    "a table that nobody reads": (N, "extension_unknown", lambda d: d.extension.update(colours={})),
    "a table that is a list": (W, "extension_no_table", lambda d: d.extension.update(basis=[])),
    "a code of nothing": (W, "extension_dangling", _tell("codes", "NOTHING", "X")),
    "a capacity of a level": (W, "extension_dangling", _tell("capacities", "L0", {"persons": 1})),
    "a capacity below zero": (W, "extension_value", _tell("capacities", "HALL", {"persons": -1})),
    "a rope ladder": (W, "extension_value", _tell("links", "LIFT", {"kind": "rope"})),
    "a one-way lift that goes both ways": (W, "link_direction", _change("LIFT", direction="directed")),
    "stairs that move": (W, "link_kind", _tell("links", "STAIRS", {"kind": "escalator", "direction": "both"})),
    "surroundings that are a list": (W, "surroundings_collection", lambda d: d.extension.update(surroundings=[])),
    "surroundings without end": (W, "surroundings_many", _surround(*[ROAD] * 2_001)),
    "a road without a width": (W, "surroundings_feature", _surround({**ROAD, "properties": {"kind": "road"}})),
    "a code twice": (W, "code_twice", _tell("codes", "SHOP", "HALL")),
    "published by nobody": (W, "no_source", _forget("sources", "HALL")),
    "a lift to the roof": (W, "link_to_nowhere", _drop("LIFT1")),
    "a room without a door": (W, "unreached", _drop("D-SHOP")),
    "no exit": (W, "no_exit", _both(*(_drop(code) for code in ("GATE", "N1", "N2", "SQUARE-N1", "SQUARE-N2")))),
    "a platform that is left by lift only": (W, "lift_only", _drop("STAIRS")),
    "stairs only": (W, "platform_not_step_free", _drop("LIFT")),
    "an exit behind a step": (W, "exit_not_step_free", _change("SQUARE", category="steps")),
    "a hall with one door": (W, "dead_end", _both(_drop("STAIRS"), _tell("capacities", "SHOP", {"persons": 80}))),
    "a door of unknown width": (W, "no_capacity", _forget("capacities", "D-SHOP")),
    "a stair of unknown width": (W, "no_capacity", _forget("capacities", "STAIRS")),
    "a hall of unknown size": (N, "units_without_capacity", _forget("capacities", "HALL")),
}


def test_a_sound_station_has_no_finding() -> None:
    assert _findings(SOUND) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_found_and_said_in_both_languages(name: str) -> None:
    severity, code, spoil = MUTANTS[name]
    draft = SOUND.copy()
    spoil(draft)
    found = _findings(draft)
    assert (severity, code) in {(finding.severity, finding.code) for finding in found}, found
    for finding in found:
        assert finding.key in catalogue()
        sentences = {text(finding.key, lang, **finding.values) for lang in LANGUAGES}
        assert len(sentences) == len(LANGUAGES)
        assert not any(re.search(r"{[a-z_]+}", sentence) for sentence in sentences)


def test_every_finding_that_the_rules_know_has_a_mutant_or_is_told_why_not() -> None:
    keys = {key.removeprefix("rules.venue_") for key in catalogue() if key.startswith("rules.venue_")}
    rare = {
        "shape_no_coordinates", "shape_not_finite", "shape_empty", "shape_too_many_points",
        "opens_nothing", "no_way_out", "link_on_one_level",
    }  # fmt: skip
    of_the_hub = {"hub_place", "hub_closed"}  # tests/wiring/test_venues.py
    assert keys - {code for _, code, _ in MUTANTS.values()} == rare | of_the_hub


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("shape_not_finite", _shape("HELP", {"type": "Point", "coordinates": ["1", 2]})),
        ("shape_empty", _shape("SHOP", {"type": "Polygon", "coordinates": []})),
        ("shape_no_coordinates", _shape("SHOP", {"type": "Polygon", "coordinates": 7})),
        ("shape_too_many_points", _shape("D-SHOP", line(*((9 + n * 1e-6, 30) for n in range(100_001))))),
        ("opens_nothing", _shape("D-SHOP", line((8, 35), (8, 36)))),
        ("no_way_out", lambda draft: draft.link("TRAP", "escalator", ("SQUARE", "SHOP"), both=False)),
        ("link_on_one_level", lambda draft: draft.link("R", "ramp", ("HALL", "SHOP"))),
    ],
)
def test_rarer_faults(code: str, spoil: Spoil) -> None:
    draft = SOUND.copy()
    if code == "no_way_out":
        _drop("D-SHOP")(draft)
    if code == "opens_nothing":
        _change("SHOP", category="structure")(draft)
    spoil(draft)
    assert code in {finding.code for finding in _findings(draft)}


def test_the_worst_is_told_first_and_counted() -> None:
    draft = SOUND.copy()
    for spoil in (_lose("HALL", "alt_name"), _forget("capacities", "D-SHOP"), _change("N1", category="fire")):
        spoil(draft)
    found = _findings(draft)
    assert [finding.severity for finding in found] == sorted((each.severity for each in found), key=[E, W, N].index)
    assert count_by_severity(found) == {"error": 1, "warning": 1, "note": 1}


def test_a_road_beside_the_station_is_drawn_and_no_place_of_it() -> None:
    draft = SOUND.copy()
    _surround(ROAD)(draft)
    assert _findings(draft) == []
    (road,), wrong = read_surroundings(draft.extension["surroundings"])
    assert wrong == []
    assert (road.kind, road.width_m, road.shape.kind) == (SurroundingKind.ROAD, 12.0, "LineString")


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("kind", {"kind": "river"}),
        ("basis", {"basis": "heard"}),
        ("source", {"basis": "published"}),
        ("geometry", {"kind": "block"}),
        ("code", {"code": ""}),
        ("name", {"name": {"zh": 7}}),
        ("width_m", {"width_m": -1}),
        ("width_m", {"width_m": float("nan")}),
    ],
)
def test_what_cannot_be_drawn_is_left_out_and_named(member: str, change: Mapping[str, Any]) -> None:
    bad = {**ROAD, "id": "bad", "properties": {**ROAD_SAID, **change}}
    found, findings = read_surroundings({"type": "FeatureCollection", "features": [bad, ROAD, ROAD]})
    assert [each.code for each in found] == ["ROAD"]
    assert [(each.values["place"], each.values["wrong"]) for each in findings] == [(0, member), (2, "id")]


def test_names_of_one_language_with_a_script_are_names_of_the_language() -> None:
    draft = SOUND.copy()
    draft.change("HALL", name={"zh-Hans": "大厅", "en-GB": "Hall"})
    hall = next(unit for unit in draft.venue().units if unit.code == "HALL")
    assert hall.name is not None
    assert (hall.name["zh"], hall.name["en"]) == ("大厅", "Hall")
    assert words("A") == {"zh": "A号", "en": "No. A"}
