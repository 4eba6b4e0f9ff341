"""Applying and authorising from the command line: each person proves who it is, the rules are those of the page."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.clock import system_clock
from hubtwin.settings import load_settings
from hubtwin.web.start import open_desk
from hubtwin.wiring.stage_library import make_district_accounts
from tests.cli.kit import Ran, Town

PASSWORD = "correct horse battery"
WANTED = ("--purpose", "elderly_care", "--basis", "public_data_regulation", "--key", "k")
TEMPLATE = """
[[templates]]
dataset = "elderly_persons"
columns = ["person_name", "street_code"]
masks = { person_name = "surname" }
purposes = ["elderly_care"]
kinds = ["street"]
alone = false
"""


@pytest.fixture
def run(town: Town, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    with open_desk(load_settings(str(town.hub), town.home), clock=system_clock, real_clock=system_clock) as desk:
        make_district_accounts(desk.works, password=PASSWORD, lang="en")

    def ask(user: str, *arguments: object, lang: str = "en") -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        return town.library(*arguments, "--by", user, "--password-stdin", lang=lang)

    return ask


def test_a_basket_is_applied_for_signed_authorised_and_ended(
    run: Callable[..., Ran], town: Town, tmp_path: Path
) -> None:
    def told(user: str, *arguments: object) -> Any:
        ran = run(user, *arguments, "--format", "json")
        assert ran.code == 0, ran
        return json.loads(ran.out)

    file = tmp_path / "signed.toml"
    file.write_text(TEMPLATE, encoding="utf-8")
    assert [each["dataset"] for each in told("he", "template", "--sign", file)] == ["elderly_persons"]
    datasets = ("--dataset", "meal_services=street_code", "--dataset", "elderly_persons=person_name,street_code")
    made = told("lin", "apply", *datasets, *WANTED)
    assert [item["state"] for item in made["items"]] == ["active", "submitted"]
    table = run("shen", "authorise", made["basket_id"], lang="zh")
    assert (table.code, table.out.count("已生效")) == (0, 3)  # the basket and both its items
    shares = told("lin", "shares")
    assert {each["dataset"]: each["live"] for each in shares} == {"meal_services": True, "elderly_persons": True}
    assert {each["dataset"] for each in told("lin", "mine")} == {"meal_services", "elderly_persons"}
    question = "SELECT count(*) AS n FROM meal_services"
    assert told("lin", "ask", question, "--purpose", "elderly_care")["rows"] == [{"n": 0}]
    assert run("lin", "ask", "SELECT * FROM residents", "--purpose", "elderly_care").code == 1
    assert run("lin", "revoke", shares[0]["share_id"]).code == 1  # not the applicant's to do
    assert run("shen", "revoke", shares[0]["share_id"]).code == 0
    assert len(told("lin", "shares")) == 1
    assert told("shen", "times")["human"]["count"] == 1
    assert run("he", "decide", made["basket_id"]).code == 2
    for kind in ("BasketSubmitted", "TemplateSigned", "ShareActive", "ShareRevoked"):
        assert any(kind in row for row in town.audit()), kind
    file.write_text("templates = 1", encoding="utf-8")
    assert run("he", "template", "--sign", file).code == 1


def test_a_slip_in_a_purpose_or_a_basis_stores_nothing_and_names_what_there_is(run: Callable[..., Ran]) -> None:
    for slip, given in (("--purpose", "elderly_caer"), ("--basis", "public_data_regulatoin")):
        told = run("lin", "apply", "--dataset", "meal_services=street_code", *WANTED, slip, given)
        assert (told.code, given in told.err, WANTED[WANTED.index(slip) + 1] in told.err) == (1, True, True), told
    assert json.loads(run("lin", "baskets", "--format", "json").out) == []


def test_only_what_is_given_to_a_partner_is_sent(run: Callable[..., Ran]) -> None:
    made = run(
        "lin", "apply", "--dataset", "meal_services=street_code", *WANTED, "--delivery", "file", "--format", "json"
    )
    assert json.loads(made.out)["delivery"] == ["file"]
    share_id = json.loads(made.out)["items"][0]["share_id"]
    assert run("lin", "send", share_id).code == 1, "a liaison sends nothing"
    refused = run("du", "send", share_id)
    assert (refused.code, "applied for" in refused.err) == (1, True), refused


def test_the_rule_and_what_is_late_are_printed(run: Callable[..., Ran], town: Town) -> None:
    told = json.loads(town.library("terms", "--format", "json").out)
    assert (told["automatic_days"], told["emergency_hours"], told["owner_days"]) == (180, 24, 5)
    assert "所有者（工作日）" in town.library("terms", lang="zh").out
    assert "nothing that is late" in run("shen", "late").out
    assert json.loads(run("shen", "late", "--format", "json").out) == []
