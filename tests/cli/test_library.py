"""The commands about the library: what is listed, described and found, in both languages."""

import io
import json
from pathlib import Path

import pytest
import yaml

from tests.cli.kit import Ran, hubtwin


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
    assert told.endswith("77 of 77 datasets of the catalogue.\n")
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
    assert _run(home, "search", "zebra") == (1, "0 of 77 datasets of the catalogue.\n")


def test_what_is_not_listed_is_told(home: Path) -> None:
    code, told = _run(home, "show", "nothing")
    assert code == 1
    assert "hubtwin library list" in told


def test_a_contract_leaves_as_a_file_and_what_it_changes_is_shown(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "penalties.yaml"
    code, told = _run(home, "contract", "export", "penalties", "-o", file)
    assert (code, "Written to" in told) == (0, True)
    assert _run(home, "contract", "check", "penalties", file) == (0, "0 differences (contract version 1.0.0).\n")
    content = file.read_text(encoding="utf-8").replace("version: 1.0.0", "version: 1.1.0").replace("- fine\n", "")
    file.write_text(content, encoding="utf-8")
    code, told = _run(home, "contract", "check", "penalties", file, "--format", "json")
    assert [each["where"] for each in json.loads(told)["changes"]] == ["contract", "keywords"]
    told = yaml.safe_load(content)
    told["schema"][0]["quality"] = [{"type": "sql", "query": "SELECT 1", "mustBe": 1}]
    file.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    code, shown = _run(home, "contract", "check", "penalties", file)
    assert "1 rules of the contract were not understood and are not checked" in shown
    assert "queries of others are not run here" in " ".join(shown.split())
    code, shown = _run(home, "contract", "check", "penalties", file, "--format", "json", lang="zh")
    (one,) = json.loads(shown)["unchecked"]
    assert (one["column"], one["rule"], "SQL" in one["why"]) == ("", "SELECT 1", True)
    file.write_bytes(b"x" * (2 << 20))
    code, told = _run(home, "contract", "check", "penalties", file, lang="zh")
    assert code == 1
    assert "1048576" in told


def test_a_steward_of_the_owner_publishes_a_contract(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def typed(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
        return hubtwin("--hub", "palo-alto", "--home", home, *arguments, "--password-stdin")

    told = ("--name", "S", "--role", "data_steward", "--agency", "transport", "--kind", "data")
    assert typed("account", "steward", *told).code == 0
    file = tmp_path / "c.yaml"
    _run(home, "contract", "export", "queue_counts", "-o", file, hub="palo-alto")
    content = file.read_text(encoding="utf-8").replace("version: 0.0.0", "version: 1.0.0")
    file.write_text(content.replace("status: draft", "status: active"), encoding="utf-8")
    ran = typed("library", "contract", "import", "queue_counts", file, "--by", "steward")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Version 1.0.0 of the contract of queue_counts is published.")
    shown = json.loads(_run(home, "show", "queue_counts", "--format", "json", hub="palo-alto")[1])
    assert shown["contract"] == "1.0.0"
    assert "version: 1.0.0" in _run(home, "contract", "export", "queue_counts", hub="palo-alto")[1]
    _run(home, "contract", "export", "rail_calls", "-o", file, hub="palo-alto")
    ran = typed("library", "contract", "import", "rail_calls", file, "--by", "steward")
    assert (ran.code, "belongs to railway" in ran.err) == (1, True)


def test_the_catalogue_is_printed_in_dcat(home: Path) -> None:
    code, told = _run(home, "dcat", "--base", "https://hub.example/")
    assert code == 0
    assert json.loads(told)["@graph"][0]["@id"] == "https://hub.example/api/v1/library"


def test_registers_are_made_and_their_faults_are_told(home: Path, tmp_path: Path) -> None:
    asked = ("simulate", "--rows", 30, "--out", tmp_path / "out", "--dataset", "penalties", "--faults", 2)
    code, told = _run(home, *asked, "--now", "2026-11-01T00:00")
    assert code == 0, told
    assert "--synthetic" in told
    truth = json.loads((tmp_path / "out" / "truth.json").read_text(encoding="utf-8"))
    assert truth["penalties"]["planted"] == {"red": 2, "orange": 2, "yellow": 2, "brown": 2, "grey": 2}
    files = {path.name for path in (tmp_path / "out" / "rows").iterdir()}
    assert files == {
        f"{each}.csv" for each in ("communities", "addresses", "legal_entities", "inspections", "penalties")
    }
