"""The commands that govern: a register is loaded, coloured, looked at by rule; orders go to its owner."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.kit import Ran, hubtwin

HEADER = "公民身份号码,姓名,性别,出生日期,街道代码,联系电话\n"
ROWS = (
    "11010519491231002X,测试甲,female,1949-12-31,330102001,13800000000\n"
    "11010519491231002X,测试甲,female,1949-12-31,330102001,13800000000\n"
    "110105194912310021,测试乙,female,1949-12-31,330102001,1380000\n"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("govern")
    file = folder / "residents.csv"
    file.write_text(HEADER + ROWS, encoding="utf-8")
    ran = _run(folder / "home", "load", file, "--dataset", "residents", "--synthetic")
    assert ran.code == 0, ran
    return folder / "home"


def _run(home: Path, *arguments: object, lang: str = "en") -> Ran:
    return hubtwin("--hub", "hangzhou-east", "--home", home, "--lang", lang, "library", *arguments)


def test_a_register_is_coloured_and_says_how_it_stands(home: Path) -> None:
    assert _run(home, "quality").code == 1
    ran = _run(home, "govern", "residents")
    assert ran.code == 0, ran
    assert "3 rows, 3 scanned" in ran.out
    assert "red (invalid) 1" in ran.out
    (run,) = json.loads(_run(home, "govern", "--all", "--format", "json").out)
    assert (run["dataset"], run["evaluated"], run["colours"]["red"]) == ("residents", 0, 1)
    told = json.loads(_run(home, "quality", "residents", "--format", "json").out)
    by_rule = {each["rule"]: each for each in told["rules"]}
    assert (by_rule["format:citizen_id"]["passed"], by_rule["format:citizen_id"]["failed"]) == (2, 1)
    assert by_rule["key:citizen_id"]["failed"] == 1
    assert "红（不合规）" in _run(home, "quality", "residents", lang="zh").out
    ran = _run(home, "quality")
    assert (ran.code, "records governed" in ran.out) == (0, True)


def test_orders_go_to_the_owner_and_the_audit_knows(home: Path) -> None:
    orders = json.loads(_run(home, "orders", "list", "--format", "json").out)
    assert "format:citizen_id" in {each["rule"] for each in orders}
    assert _run(home, "orders", "list", "--dataset", "residents").code == 0
    assert "0 overdue" in _run(home, "orders", "escalate").out
    with closing(sqlite3.connect(home / "hangzhou-east" / "access.sqlite")) as con:
        told = [str(row) for row in con.execute("SELECT * FROM audit")]
    assert any("QualityRun" in row for row in told)
    assert any("QualityOrderOpened" in row for row in told)
    assert not any("11010519491231002" in row for row in told)


def test_what_is_asked_for_wrongly_is_said(home: Path) -> None:
    for arguments in (("govern",), ("govern", "residents", "--all"), ("govern", "nothing")):
        assert _run(home, *arguments).code
