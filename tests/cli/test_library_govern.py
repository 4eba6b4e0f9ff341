"""The commands that govern: a register is loaded, coloured, looked at by rule; orders go to its owner."""

import io
import json
from pathlib import Path

import pytest

from hubtwin.base.clock import system_clock
from hubtwin.settings import load_settings
from hubtwin.web.start import open_desk
from hubtwin.wiring.stage_library import make_district_accounts
from tests.cli.kit import Ran, Town

PASSWORD = "correct horse battery"
DISPUTED = ("--answer", "disputed")

HEADER = "公民身份号码,姓名,性别,出生日期,街道代码,联系电话\n"
ROWS = (
    "11010519491231002X,测试甲,female,1949-12-31,330102001,13800000000\n"
    "11010519491231002X,测试甲,female,1949-12-31,330102001,13800000000\n"
    "110105194912310021,测试乙,female,1949-12-31,330102001,1380000\n"
)


@pytest.fixture
def filled(town: Town, tmp_path: Path) -> Town:
    file = tmp_path / "residents.csv"
    file.write_text(HEADER + ROWS, encoding="utf-8")
    ran = town.library("load", file, "--dataset", "residents", "--synthetic")
    assert ran.code == 0, ran
    return town


def test_a_register_is_coloured_and_says_how_it_stands(filled: Town) -> None:
    assert filled.library("quality").code == 1
    ran = filled.library("govern", "residents")
    assert ran.code == 0, ran
    assert "3 rows, 3 scanned" in ran.out
    assert "red (invalid) 1" in ran.out
    (run,) = json.loads(filled.library("govern", "--all", "--format", "json").out)
    assert (run["dataset"], run["evaluated"], run["colours"]["red"]) == ("residents", 0, 1)
    told = json.loads(filled.library("quality", "residents", "--format", "json").out)
    by_rule = {each["rule"]: each for each in told["rules"]}
    assert (by_rule["format:citizen_id"]["passed"], by_rule["format:citizen_id"]["failed"]) == (2, 1)
    assert by_rule["key:citizen_id"]["failed"] == 1
    assert "红（不合规）" in filled.library("quality", "residents", lang="zh").out
    ran = filled.library("quality")
    assert (ran.code, "records governed" in ran.out) == (0, True)


def test_orders_go_to_the_owner_and_the_audit_knows(filled: Town) -> None:
    assert filled.library("govern", "residents").code == 0
    orders = json.loads(filled.library("orders", "list", "--format", "json").out)
    assert "format:citizen_id" in {each["rule"] for each in orders}
    assert filled.library("orders", "list", "--dataset", "residents").code == 0
    assert "0 overdue" in filled.library("orders", "escalate").out
    told = filled.audit()
    assert any("QualityRun" in row for row in told)
    assert any("QualityOrderOpened" in row for row in told)
    assert not any("11010519491231002" in row for row in told)


def test_an_order_is_answered_by_its_agency_from_the_command_line(
    filled: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_desk(load_settings(str(filled.hub), filled.home), clock=system_clock, real_clock=system_clock) as desk:
        make_district_accounts(desk.works, password=PASSWORD, lang="en")

    def answer(user: str, *arguments: object, lang: str = "en") -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        return filled.library("orders", "answer", *arguments, "--by", user, "--password-stdin", lang=lang)

    assert filled.library("govern", "residents").code == 0
    orders = json.loads(filled.library("orders", "list", "--agency", "public-security", "--format", "json").out)
    first, second = (each["order_id"] for each in orders[:2])
    assert answer("xu", first).code == 2, "which answer?"
    assert answer("he", first, "--answer", "fixed").code == 1, "another agency's"
    refused = answer("xu", first, "--answer", "disputed")
    assert (refused.code, "only with a reason" in refused.err) == (1, True)
    done = answer("xu", first, *DISPUTED, "--reason", "Zhang San says so", "--format", "json")
    assert (done.code, json.loads(done.out)["state"]) == (0, "disputed")
    assert "已答复修复" in answer("xu", second, "--answer", "fixed", lang="zh").out
    now = json.loads(filled.library("orders", "list", "--format", "json").out)
    assert {each["order_id"]: (each["state"], each["answered_by"]) for each in now if each["answered_by"]} == {
        first: ("disputed", "xu"),
        second: ("fixed", "xu"),
    }
    told = [row for row in filled.audit() if "QualityOrderAnswered" in row]
    assert len(told) == 2
    assert not any("Zhang" in row for row in told), "words stand with the order"


def test_what_is_asked_for_wrongly_is_said(town: Town) -> None:
    for arguments in (("govern",), ("govern", "residents", "--all"), ("govern", "nothing")):
        assert town.library(*arguments).code
