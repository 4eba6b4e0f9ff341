"""A building model becomes an archive that the check finds sound, as far as a model goes."""

from datetime import UTC, datetime
from math import cos, radians
from pathlib import Path

import pytest

pytest.importorskip("ifcopenshell", reason="the optional extra hubtwin[ifc] is not installed")

from hubtwin.base.errors import Malformed
from hubtwin.base.text import LANGUAGES
from hubtwin.connectors.ifc.archive import draw_building
from hubtwin.connectors.ifc.model import read_building
from hubtwin.connectors.imdf import make_venue
from hubtwin.model.venue import Archive, Severity, Venue
from hubtwin.rules.venue_check import check_archive
from hubtwin.rules.venue_shapes import Plane
from hubtwin.rules.walking import WalkingGraph
from hubtwin.settings import load_settings
from hubtwin.wiring.venues import read_archive
from tests.cli.kit import SECOND, hubtwin
from tests.connectors.ifc_kit import Model, small_building

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _draw(model: Model) -> Archive:
    return draw_building(read_building(model.written()), source="small.ifc", now=NOW)


def _venue(archive: Archive) -> Venue:
    venue, left_out = make_venue(archive)
    assert venue is not None
    assert left_out == []
    return venue


def test_storeys_spaces_and_doors_are_levels_units_and_openings_in_metres() -> None:
    venue = _venue(_draw(small_building()))
    assert {(level.code, level.ordinal, level.elevation_m) for level in venue.levels} == {
        ("EG", 0, 0.0),
        ("OG", 1, 4.0),
    }
    plane = Plane(10.25, 50.5)
    areas = {unit.code: round(plane.draw(unit.shape).area, 1) for unit in venue.units}
    assert areas == {f"{storey}-{side}": 80.0 for storey in ("EG", "OG") for side in ("WEST", "EAST")}
    assert {unit.code: unit.category for unit in venue.units}["EG-EAST"] == "parking"
    doors = {door.code: (door.category, round(plane.draw(door.shape).length, 1)) for door in venue.openings}
    assert doors["EG-D"] == ("pedestrian", 1.0)
    assert doors["STREET"] == ("pedestrian.principal", 2.0)


def test_the_archive_breaks_no_rule_of_the_standard_and_is_walked() -> None:
    archive = _draw(small_building())
    venue = _venue(archive)
    found = check_archive(archive, venue)
    assert [finding for finding in found if finding.severity is Severity.ERROR] == []
    assert {finding.code for finding in found} >= {"unreached", "no_capacity"}  # stairs are not imported
    way = WalkingGraph(venue).find_way("STREET", "EG-EAST")
    assert way is not None
    assert 10 < way.length_m < 20


def test_ids_stay_the_same_when_a_model_is_imported_again() -> None:
    model = small_building()
    assert _draw(model) == _draw(model)


def test_true_north_turns_the_building() -> None:
    straight, turned = (_venue(_draw(small_building(north=north))) for north in ((0.0, 1.0), (1.0, 0.0)))
    boxes = [Plane(10.25, 50.5).draw(venue.shape).bounds for venue in (straight, turned)]
    assert boxes[0] == pytest.approx((-0.5, -0.5, 20.7, 8.5), abs=0.05)
    assert boxes[1] == pytest.approx((-8.5, -0.5, 0.5, 20.7), abs=0.05)  # what lay east lies north


def test_where_a_model_stands_is_its_own_word_or_that_of_a_person() -> None:
    building = read_building(small_building().written())
    assert building.origin == pytest.approx((10.25, 50.5))
    nowhere = read_building(small_building(placed=False).written())
    with pytest.raises(Malformed, match="--origin"):
        draw_building(nowhere, source="x", now=NOW)
    moved = _venue(draw_building(nowhere, source="x", now=NOW, origin=(120.2, 30.3)))
    assert moved.point[0] == pytest.approx(120.2 + 10 / (111_195 * cos(radians(30.3))), abs=1e-5)


def test_what_has_no_shape_or_no_storey_is_left_out_and_named() -> None:
    model = small_building()
    model.file.by_type("IfcSpace")[0].Representation = None
    stray = model.door(model.site, "STRAY", (0, 0, 1, 0.2))
    assert stray.Name == "STRAY"
    building = read_building(model.written())
    assert building.skipped == ("IfcSpace EG-WEST", "IfcDoor STRAY")
    note = draw_building(building, source="x", now=NOW).extension["note"]
    assert all("IfcDoor STRAY" in note[lang] for lang in LANGUAGES)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"solid stl", b"\xff\xfe\x00"])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(Malformed, match="no IFC"):
        read_building(content)


def test_a_model_without_storeys_or_spaces_is_refused() -> None:
    with pytest.raises(Malformed, match="storey"):
        read_building(Model().written())
    empty = Model()
    empty.storey("EG", 0.0)
    with pytest.raises(Malformed, match="space"):
        _draw(empty)
    cut = small_building().written()
    with pytest.raises(Malformed, match="cut off"):
        read_building(cut[: len(cut) // 3])


def test_the_command_writes_an_archive_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "small.ifc").write_bytes(small_building().written())
    command = ("--hub", SECOND, "--lang", "en", "venue", "import-ifc", tmp_path / "small.ifc", "-o", tmp_path / "v.zip")
    ran = hubtwin(*command, "--origin", "8.0", "47.0")
    assert ran.code == 0, ran
    assert "2 levels, 4 units, 3 openings" in ran.out
    drawn = read_archive(tmp_path / "v.zip")
    assert drawn.findings == ()
    assert drawn.venue is not None
    assert drawn.venue.point == pytest.approx((8.0, 47.0), abs=0.001)
    (tmp_path / "small.ifc").write_bytes(b"nothing")
    ran = hubtwin(*command)
    assert ran.code == 1
    assert "no IFC file" in ran.err
    assert load_settings(str(SECOND), None, "en", {}).venue is None
