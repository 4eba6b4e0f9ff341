"""The commands about the venue: what they print, in both languages, and how they end."""

import json
from pathlib import Path

import pytest

from tests.cli.kit import SECOND, Hub, hubtwin
from tests.venue_kit import station


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("venue") / "station.zip"
    path.write_bytes(station().packed())
    return path


def _run(*arguments: object, lang: str = "en") -> tuple[int, str]:
    ran = hubtwin("--hub", SECOND, "--lang", lang, "venue", *arguments)
    return ran.code, ran.out + ran.err


def test_a_sound_archive_ends_with_0(archive: Path) -> None:
    assert _run("check", archive) == (0, "station.zip: nothing found\n")
    assert _run("check", archive, lang="zh") == (0, "station.zip：没有发现问题。\n")


def test_a_fault_is_told_with_its_place_and_ends_with_1(tmp_path: Path) -> None:
    draft = station()
    draft.change("HALL", category="concourse")
    draft.extension["capacities"].pop(draft.find("D-SHOP").feature_id)
    (tmp_path / "v.zip").write_bytes(draft.packed())
    code, told = _run("check", tmp_path / "v.zip")
    assert code == 1
    assert "property_category  HALL" in told
    assert "D-SHOP has no capacity" in told
    assert told.endswith("v.zip: 1 errors, 1 warnings, 0 notes\n")
    code, told = _run("check", tmp_path / "v.zip", "--format", "json", lang="zh")
    found = json.loads(told)
    assert found["counts"] == {"error": 1, "warning": 1, "note": 0}
    assert [row["feature"] for row in found["findings"]] == ["HALL", "D-SHOP"]
    assert found["findings"][1]["sentence"] == "“D-SHOP”没有通行能力（每分钟人数）。"
    assert code == 1


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "v.zip").write_bytes(b"PK nothing")
    code, told = _run("check", tmp_path / "v.zip")
    assert code == 1
    assert "no zip file" in told
    for command in (("show",), ("way", "a", "b", "--file")):
        code, told = _run(*command, tmp_path / "v.zip")
        assert code == 1
        assert "hubtwin venue check" in told
    code, told = _run("check", tmp_path / "none.zip")
    assert code == 1
    assert "none.zip" in told


def test_show_prints_levels_units_links_and_their_basis(archive: Path) -> None:
    code, told = _run("show", archive)
    assert code == 0
    for part in ("No. V", "For tests", "platform", "3,000", "escalator", "1 published", "3 levels, 11 units"):
        assert part in told, told
    code, told = _run("show", archive, "--format", "json")
    figures = json.loads(told)
    hall = next(row for row in figures["units"] if row["category"] == "lobby")
    assert hall == {"category": "lobby", "units": 1, "area_m2": 3000, "capacity": 900}
    assert {row["kind"]: row["one_way"] for row in figures["links"]}["escalator"] == 1
    assert figures["counts"]["openings"] == 12


def test_a_way_is_printed_leg_by_leg(archive: Path) -> None:
    code, told = _run("way", "N1", "1", "--file", archive)
    assert (code, "escalator" in told, "78 s on foot" in told) == (0, True, True)
    code, told = _run("way", "N1", "P-1", "--step-free", "--file", archive, lang="zh")
    assert (code, "电梯" in told, "无台阶路线 158 秒" in told) == (0, True, True)
    code, told = _run("way", "N1", "P-1", "--file", archive, "--format", "json")
    way = json.loads(told)
    assert [leg["by"] for leg in way["legs"]] == ["walk", "escalator", "walk"]
    assert way["legs"][-1]["to"] == "P-1"
    code, told = _run("way", "N1", "P-77", "--file", archive)
    assert (code, "P-77" in told) == (1, True)


def test_where_no_way_leads_it_says_so_and_ends_with_1(tmp_path: Path) -> None:
    draft = station()
    draft.features = [each for each in draft.features if each.feature_id != draft.find("D-SHOP").feature_id]
    (tmp_path / "v.zip").write_bytes(draft.packed())
    code, told = _run("way", "N1", "SHOP", "--file", tmp_path / "v.zip")
    assert (code, told) == (1, "No way leads from N1 to SHOP.\n")


def test_a_hub_without_a_venue_asks_for_a_file(tiny: Hub) -> None:
    ran = tiny("venue", "check")
    assert ran.code == 1
    assert "[venue]" in ran.err
