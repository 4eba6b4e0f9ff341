"""The archive of a venue: what is written is read again, and no bytes make the reader fail."""

import io
import tracemalloc
import zipfile

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtwin.base.text import catalogue
from hubtwin.connectors.imdf import Limits, codec, make_venue, parse_archive, read_zip, write_archive, write_zip
from hubtwin.model.venue import Basis, LinkKind, Severity, VenueFinding
from hubtwin.rules.venue_standard import check_features
from tests.venue_kit import id_of, station

STATION = station()
MEMBERS = STATION.members()


def _codes(findings: list[VenueFinding]) -> set[str]:
    assert all(finding.key in catalogue() for finding in findings)
    return {finding.code for finding in findings}


def _read(members: dict[str, bytes]) -> set[str]:
    archive, findings = parse_archive(members)
    return _codes(findings + make_venue(archive)[1] + check_features(archive))


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_an_archive_that_is_written_is_read_again_and_written_the_same() -> None:
    members, wrong = read_zip(STATION.packed())
    archive, faults = parse_archive(members)
    assert (wrong, faults) == ([], [])
    assert {each.feature_id for each in archive.features} == {each.feature_id for each in STATION.features}
    assert write_zip(write_archive(archive)) == STATION.packed()


def test_a_venue_holds_what_the_extension_says_of_its_features() -> None:
    venue = STATION.venue()
    hall = next(unit for unit in venue.units if unit.code == "HALL")
    assert (hall.persons, hall.basis, hall.source) == (900, Basis.PUBLISHED, "Station guide, page 3")
    assert hall.name == {"zh": "HALL号", "en": "No. HALL"}
    links = {link.code: link for link in venue.links}
    assert (links["STAIRS"].both, links["STAIRS"].length_m, links["STAIRS"].kind) == (True, 12.0, LinkKind.STAIRS)
    assert (links["ESCALATOR"].both, links["LIFT"].length_m) == (False, None)
    assert {level.code: level.elevation_m for level in venue.levels} == {"L0": 0.0, "L1": 6.0, "G": 0.0}
    assert venue.schematic
    assert venue.note == {"zh": "测试用", "en": "For tests"}


def test_a_plain_archive_is_a_venue_with_ids_as_codes_and_storeys_of_one_height() -> None:
    members = {name: content for name, content in MEMBERS.items() if name != "hubtwin.json"}
    venue, findings = make_venue(parse_archive(members)[0])
    assert venue is not None
    assert findings == []
    assert all(feature.code == feature.feature_id for feature in venue.list_features())
    assert {level.ordinal: level.elevation_m for level in venue.levels} == {0: 0.0, 1: 6.0}
    assert all(unit.persons is None for unit in venue.units)
    assert not next(link for link in venue.links if link.feature_id == id_of("ESCALATOR")).both


def _spoilt(name: str, content: bytes) -> dict[str, bytes]:
    return {**MEMBERS, name: content}


UNITS = MEMBERS["unit.geojson"]
SPOILT = {
    "no_manifest": {name: content for name, content in MEMBERS.items() if name != "manifest.json"},
    "manifest_lacks": _spoilt("manifest.json", b'{"version": "1.0.0"}'),
    "no_object": _spoilt("manifest.json", b"[]"),
    "not_json": _spoilt("unit.geojson", UNITS[:-20]),
    "byte_order_mark": _spoilt("unit.geojson", b"\xef\xbb\xbf" + UNITS),
    "not_utf8": _spoilt("unit.geojson", UNITS.decode().encode("gb18030")),
    "not_text": _spoilt("unit.geojson", b"\xff\xfe\xff" + UNITS),
    "no_collection": _spoilt("unit.geojson", b'{"type": "Feature"}'),
    "no_feature": _spoilt("unit.geojson", b'{"type": "FeatureCollection", "features": [7, {"type": "Point"}]}'),
    "no_id": _spoilt("unit.geojson", UNITS.replace(f'"{id_of("HALL")}"'.encode(), b"17", 1)),
    "id_twice": _spoilt("kiosk.geojson", UNITS),
    "other_type": _spoilt("kiosk.geojson", UNITS),
    "no_properties": _spoilt("unit.geojson", UNITS.replace(b'"properties"', b'"props"', 1)),
    "unknown_file": _spoilt("zone.geojson", b"{}"),
    "no_venue": {name: content for name, content in MEMBERS.items() if name != "venue.geojson"},
    "left_out": _spoilt("unit.geojson", UNITS.replace(b'"Polygon"', b'"Circle"', 1)),
}


@pytest.mark.parametrize("code", SPOILT)
def test_a_spoilt_file_is_told_and_costs_no_more_than_itself(code: str) -> None:
    if code in ("id_twice", "other_type"):
        members = {**SPOILT[code], "kiosk.geojson": UNITS if code == "id_twice" else UNITS.replace(b"-", b"0", 1)}
        assert code in _read(members)
        return
    assert code in _read(SPOILT[code])
    venue, _ = make_venue(parse_archive(SPOILT[code])[0])
    assert code == "no_venue" or (venue is not None and len(venue.openings) == len(STATION.venue().openings))


def test_a_file_in_the_encoding_of_the_office_is_read_and_told() -> None:
    archive, findings = parse_archive(SPOILT["not_utf8"])
    assert [finding.severity for finding in findings] == [Severity.ERROR]
    venue, _ = make_venue(archive)
    assert venue is not None
    assert {"zh": "HALL号", "en": "No. HALL"} in [unit.name for unit in venue.units]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999", b"-1e999", b"null", b'"10"', b"true"])
def test_a_coordinate_that_is_no_number_costs_the_feature_or_the_file(number: bytes) -> None:
    start = UNITS.index(b'"coordinates":[[[') + len(b'"coordinates":[[[')
    spoilt = UNITS[:start] + number + UNITS[UNITS.index(b",", start) :]
    found = _read(_spoilt("unit.geojson", spoilt))
    assert found & {"not_json", "shape_not_finite", "shape_no_coordinates"}


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = _zip({**MEMBERS, "unit.geojson": b" " * 5_000_000})
    members, findings = read_zip(bomb, Limits(file=1_000_000))
    assert _codes(findings) == {"file_too_large"}
    assert set(members) == set(MEMBERS) - {"unit.geojson"}
    many = _zip({f"{n}.geojson": b" " * 400_000 for n in range(10)})
    members, findings = read_zip(many, Limits(total=1_000_000))
    assert sum(map(len, members.values())) <= 1_000_000
    assert "file_too_large" in _codes(findings)
    assert _codes(read_zip(many, Limits(files=3))[1]) == {"too_many_files"}
    assert _codes(read_zip(many, Limits(packed=10))[1]) == {"too_large"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_unpacks_without_bound_is_not_unpacked(method: int) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("unit.geojson", b" " * 30_000_000)
    tracemalloc.start()
    members, findings = read_zip(packed.getvalue(), Limits(file=1_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (members, _codes(findings)) == ({}, {"other_packing"})
    assert peak < 5_000_000


def test_features_are_counted_however_broken_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MOST_FEATURES", 5)
    many = b'{"type":"FeatureCollection","features":[' + b"0," * 99 + b"0]}"
    _, findings = parse_archive({**MEMBERS, "footprint.geojson": many, "kiosk.geojson": many})
    told = [finding.key.rpartition(".")[2] for finding in findings]
    assert told.count("no_feature") <= 5
    assert told.count("too_many_features") == 1


@pytest.mark.parametrize("name", ["../unit.geojson", "/unit.geojson", "a/../../unit.geojson", "C:unit.geojson"])
def test_a_path_out_of_the_archive_is_not_followed(name: str) -> None:
    members, findings = read_zip(_zip({name: UNITS}))
    assert members == {}
    assert "path_outside" in _codes(findings)


def test_a_second_file_of_a_name_a_folder_and_the_clutter_of_desktops() -> None:
    files = {"S/unit.geojson": UNITS, "T/unit.geojson": b"{}", "__MACOSX/unit.geojson": b"x", "S/.DS_Store": b"x"}
    members, findings = read_zip(_zip(files))
    assert members == {"unit.geojson": UNITS}
    assert _codes(findings) == {"file_twice", "in_folder"}


def test_a_damaged_or_encrypted_archive_is_told() -> None:
    packed = bytearray(STATION.packed())
    assert _codes(read_zip(b"no zip at all")[1]) == {"no_zip"}
    assert _codes(read_zip(bytes(packed[:-30]))[1]) == {"no_zip"}
    packed[200] ^= 0xFF
    assert "damaged" in _codes(read_zip(bytes(packed))[1])
    locked = bytearray(_zip({"unit.geojson": UNITS}))
    for signature, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        locked[locked.index(signature) + place] |= 1
    assert _codes(read_zip(bytes(locked))[1]) == {"encrypted"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_change_of_bytes_makes_the_reader_fail(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(MEMBERS)))
    content = bytearray(MEMBERS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    _read({**MEMBERS, name: bytes(content)})
    packed = bytearray(STATION.packed())
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    read_zip(bytes(packed))


ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    1e300,
    "",
    "unit",
    [],
    [[]],
    {},
    {"id": 7},
    {"type": "Point", "coordinates": [1e9, 0]},
    [None],
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_value_in_the_place_of_another_makes_the_reader_fail(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(MEMBERS)))
    content = orjson.loads(MEMBERS[name])
    spot = content
    while isinstance(spot, dict | list) and spot and (spot is content or data.draw(st.booleans())):
        keys = sorted(spot) if isinstance(spot, dict) else list(range(len(spot)))
        holder, key = spot, data.draw(st.sampled_from(keys))
        spot = holder[key]
    holder[key] = data.draw(st.sampled_from(ODD))
    _read({**MEMBERS, name: orjson.dumps(content)})
