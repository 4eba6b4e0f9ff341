"""The commands about the library: what is listed, described and found, in both languages."""

import json
from pathlib import Path

import pytest

from tests.cli.kit import hubtwin


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def _run(home: Path, *arguments: object, lang: str = "en", hub: str = "hangzhou-east") -> tuple[int, str]:
    ran = hubtwin("--hub", hub, "--home", home, "--lang", lang, "library", *arguments)
    return ran.code, ran.out + ran.err


def test_the_whole_catalogue_is_listed(home: Path) -> None:
    code, told = _run(home, "list")
    assert code == 0
    assert "street_330102018_additions" in told
    assert "bookings" in told
    assert told.endswith("77 datasets of 77 in the catalogue.\n")
    code, told = _run(home, "list", "--library", "people", "--format", "json")
    rows = json.loads(told)
    assert [row["name"] for row in rows] == ["residents", "households", "addresses", "low_income_persons"]
    assert rows[0]["title"] == {"zh": "常住人口", "en": "residents"}
    assert (rows[0]["rows"], rows[0]["updated"], rows[0]["grade"]) == (0, None, "L4")


def test_a_hub_without_a_district_lists_its_own_datasets(home: Path) -> None:
    code, told = _run(home, "list", "--format", "json", hub="palo-alto")
    assert {row["library"] for row in json.loads(told)} == {"hub"}
    assert code == 0


def test_a_dataset_is_described_in_both_languages(home: Path) -> None:
    code, told = _run(home, "show", "residents", lang="zh")
    assert code == 0
    for part in (
        "常住人口",
        "区公安分局",
        "受限共享",
        "基层治理与服务",
        "直接识别自然人",
        "citizen_id*",
        "elderly_persons",
    ):
        assert part in told, part
    code, told = _run(home, "show", "street_330102001_residents")
    assert "Graded below its parents: names, documents" in told
    assert "Made from: residents" in told
    code, told = _run(home, "show", "elderly_persons", "--format", "json")
    found = json.loads(told)
    assert found["parents"] == ["residents"]
    assert found["columns"][0]["refers_to"] == "residents.citizen_id"
    assert found["columns"][1]["same_as"] == "residents.person_name"
    assert len(found["digest"]) == 32


def test_a_search_ends_with_1_where_nothing_is_found(home: Path) -> None:
    code, told = _run(home, "search", "独居", "老人", "--format", "json")
    assert code == 0
    assert json.loads(told)[0]["name"] == "elderly_persons"
    assert _run(home, "search", "zebra") == (1, "0 datasets of 77 in the catalogue.\n")


def test_what_is_not_listed_is_told(home: Path) -> None:
    code, told = _run(home, "show", "nothing")
    assert code == 1
    assert "hubtwin library list" in told
