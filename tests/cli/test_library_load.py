"""The commands that load: a register of a district is looked at, loaded, gone on with, corrected; each in the audit."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.kit import Ran, Town, hubtwin

HEADER = "公民身份号码,姓名,性别,出生日期,街道代码,联系电话,备注\n"
GOOD = "110101199003071233,测试甲,male,1990年3月7日,330102001,13800000000,x\n"
BAD = "1.10101E+17,测试乙,male,1990-02-30,330102001,,y\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "居民.csv"
    made.write_bytes((HEADER + GOOD + BAD + GOOD).encode("gb18030"))
    return made


def _run(home: Path, *arguments: object, lang: str = "en") -> Ran:
    return hubtwin("--hub", "hangzhou-east", "--home", home, "--lang", lang, "library", *arguments)


def test_a_preview_says_what_a_load_would_do_and_stores_nothing(home: Path, file: Path) -> None:
    ran = _run(home, "preview", file, "--dataset", "residents")
    assert ran.code == 0, ran
    for part in (
        "gb18030",
        "citizen_id",
        "birth_date",
        "(nowhere)",
        "Columns that the file does not have",
        "3 rows looked at",
    ):
        assert part in ran.out, part
    assert "no date that exists" in ran.out
    found = json.loads(_run(home, "preview", file, "--dataset", "residents", "--format", "json").out)
    assert found["columns"][0] == {
        "name": "公民身份号码",
        "type": "string",
        "empty": 0,
        "target": "citizen_id",
        "notes": ["rules.note_digits_lost"],
    }
    assert (found["sampled"], found["problems"]) == (3, {"rules.digits_lost": 1, "rules.no_date": 1})
    assert found["bad"][0]["line"] == 3
    assert "Nothing was loaded yet." in _run(home, "loads").out


def test_a_file_is_loaded_once_corrected_and_every_step_is_in_the_audit(town: Town, file: Path) -> None:
    ran = town.library("load", file, "--dataset", "residents", "--synthetic", "--part", "p1")
    assert ran.code == 0, ran
    assert "2 rows, 1 in quarantine" in ran.err
    ran = town.library("load", file, "--dataset", "residents", "--synthetic", "--part", "p1")
    assert "was loaded before" in ran.err
    listed = town.library("quarantine", "list")
    assert "residents" in listed.out
    assert "测试乙" not in listed.out
    shown = town.library("quarantine", "show", 1, lang="zh").out
    assert "1.10101E+17,测试乙" in shown
    still = town.library("quarantine", "release", 1, "--set", "citizen_id=110101199003071233")
    assert (still.code, "no date that exists" in still.err) == (1, True)
    told = ("--set", "citizen_id=110101199003071233", "--set", "birth_date=1990-03-07")
    assert "1 rows were released." in town.library("quarantine", "release", 1, *told).out
    assert town.library("quarantine", "release", 1, *told).code == 1
    assert "No row is in quarantine." in town.library("quarantine", "list").out
    rows = [
        row
        for path in sorted((town.home / "hangzhou-east" / "library" / "rows" / "residents").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    assert [(row["person_name"], row["provenance"], row["row_no"]) for row in rows] == [
        *(("测试甲", "synthetic", 1), ("测试甲", "synthetic", 2)),
        ("测试乙", "synthetic", 3),
    ]
    audit = town.audit()
    for kind in ("LibraryLoadBegun", "LibraryLoaded", "LibraryQuarantineRead", "LibraryRowReleased"):
        assert sum(kind in row for row in audit) == 1, kind
    assert not any("测试" in row or "110101199003071233" in row for row in audit)
    (load,) = json.loads(town.library("loads", "--format", "json").out)
    assert (load["rows"], load["quarantined"], load["part"], load["synthetic"]) == (2, 1, "p1", True)
    again = town.library("load", file, "--dataset", "residents", "--synthetic", "--again")
    assert "2 rows, 1 in quarantine" in again.err
    assert town.run("check").code in {0, 1}


def test_what_cannot_be_loaded_says_why(home: Path, file: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (("load", file, "--dataset", "nothing"), "nothing"),
        (("load", file, "--dataset", "bookings"), "hubtwin import"),
        (("load", tmp_path / "absent.csv", "--dataset", "residents"), "absent.csv"),
        (("load", file, "--dataset", "residents", "--encoding", "utf-8"), "looks like gb18030"),
        (("load", file, "--dataset", "residents", "--map", "备注=nothing"), "nothing"),
        (("load", "--dataset", "residents", "--database", "HUBTWIN_NOWHERE", "--table", "t"), "HUBTWIN_NOWHERE"),
        (("load-folder", tmp_path / "absent"), "absent"),
        (("quarantine", "show", 7), "7"),
    ):
        ran = _run(home, *arguments)
        assert (ran.code, said in ran.err) == (1, True), ran
    assert _run(home, "load", "--dataset", "residents").code == 2
    assert _run(home, "load", file, "--dataset", "residents", "--map", "x").code == 2


def test_a_folder_is_loaded_file_by_file(home: Path, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "registers"
    folder.mkdir()
    (folder / "residents.csv").write_bytes(file.read_bytes())
    (folder / "家庭户.json").write_text('[{"household_no": "h1", "persons": 3}]', encoding="utf-8")
    (folder / "unknown.csv").write_text("a\n1\n", encoding="utf-8")
    (folder / "communities.csv").write_bytes(b"\x1f\x8b")
    ran = _run(home, "load-folder", folder, "--synthetic")
    assert ran.code == 1
    for part in ("unknown.csv: no dataset", "communities.csv was not loaded", "1 rows, 0 in quarantine"):
        assert part in ran.err, ran.err
    held = json.loads(_run(home, "list", "--library", "people", "--format", "json").out)
    assert [row["rows"] for row in held[:2]] == [2, 1]
