"""The exit rules as shipped, and what is refused."""

import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.rules.screening import CELLS, Passage, Risk, choose_table, decide, list_gaps
from hubtwin.scenes.epidemic import exit_rules
from hubtwin.scenes.epidemic.exit_rules import EXIT_RULES, list_versions, read_exit_rules

TEXT = (Path(exit_rules.__file__).parent / "exit_rules.toml").read_text(encoding="utf-8")
ZONE = ZoneInfo("Asia/Shanghai")
ONE = """
[[table]]
station = "HGH"
version = "v1"
valid_from = 2022-10-01T00:00:00+08:00
valid_until = 2022-10-08T00:00:00+08:00
source = "a test"
codes = true
fever_c = 37.3
fever_source = "a test"
hit_levels = ["high"]

[[table.rule]]
id = "red"
origins = ["any"]
health = ["red", "yellow"]
itinerary = ["any"]
flag = true
measures = ["register"]

[[table.rule]]
id = "rest"
origins = ["any"]
health = ["green", "none"]
itinerary = ["any"]
flag = false
measures = ["codes"]
max_test_age_h = 48
without_test = ["nucleic"]
"""


def at(text: str) -> int:
    return epoch_minute(datetime.fromisoformat(text).replace(tzinfo=ZONE))


def test_the_shipped_tables_cover_every_case_once_and_leave_no_gap_in_time() -> None:
    assert len(EXIT_RULES) == 4
    assert list_gaps(EXIT_RULES) == []
    assert all(len(table.by_cell) == len(CELLS) and table.source for table in EXIT_RULES)
    assert [table.version[:7] for table in list_versions(EXIT_RULES, "*")] == [
        "2022-04",
        "2022-06",
        "2022-11",
        "2022-12",
    ]


@pytest.mark.parametrize(
    ("day", "version", "flag", "measures"),
    [
        ("2022-05-01", "2022-04 strict", True, {"advise_return", "handover"}),
        ("2022-10-20", "2022-06 ninth plan", True, {"handover", "nucleic"}),
        ("2022-11-20", "2022-11 twenty measures", True, {"nucleic"}),
        ("2022-12-10", "2022-12 no checks", False, set()),
    ],
)
def test_the_version_in_force_decides_and_is_kept(day: str, version: str, flag: bool, measures: set[str]) -> None:
    passage = Passage(at(day), "S2-03", "a" * 32, "green", "green", 20, 36.5, "110101", False)
    table = choose_table(EXIT_RULES, "HGH", passage.at_min)
    found = decide(passage, table, Risk({"110101": "high"}, home="330102"), {})
    assert (found.version, found.flag) == (version, flag)
    assert measures <= set(found.measures)


def test_a_table_of_a_station_is_read() -> None:
    (table,) = read_exit_rules(ONE)
    assert (table.station, table.version, table.fever_c) == ("HGH", "v1", 37.3)
    assert (table.valid_from_min, table.valid_until_min) == (at("2022-10-01"), at("2022-10-08"))
    assert table.rules[1].max_test_age_h == 48


def _twice(text: str) -> str:
    return text + text.replace('"v1"', '"v2"')


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.replace("station", "statoin", 1), "table[1].statoin is not known"),
        (lambda t: t.replace('station = "HGH"\n', ""), "table[1].station is missing"),
        (lambda t: t.replace("+08:00", "", 1), "table[1].valid_from has no zone"),
        (lambda t: t.replace("2022-10-08", "2022-10-01"), "table[1].valid_until is not after"),
        (lambda t: t.replace("37.3", "373"), "between 35.0 and 42.0"),
        (lambda t: t.replace("codes = true", 'codes = "yes"'), "table[1].codes must be true or false"),
        (lambda t: t.replace("fever_c = 37.3", "fever_c = true"), "table[1].fever_c must be a number"),
        (lambda t: t.replace('["high"]', '["severe"]'), "severe in table[1].hit_levels is not known"),
        (lambda t: t.replace('["register"]', '["arrest"]'), "arrest in table[1].rule[1].measures is not known"),
        (lambda t: t.replace('["register"]', '["codes", "codes"]'), "occurs twice in table[1].rule[1].measures"),
        (lambda t: t.replace('["red", "yellow"]', "[]"), "table[1].rule[1].health must be any"),
        (lambda t: t.replace('["red", "yellow"]', '["any", "red"]'), "table[1].rule[1].health must be any"),
        (
            lambda t: t.replace('["red", "yellow"]', '["red"]'),
            "says nothing of one case (origin high_risk, health yellow",
        ),
        (lambda t: t.replace('["green", "none"]', '["any"]'), "red and rest of table[1].rule both cover one case"),
        (
            lambda t: t.replace("flag = false", "flag = true"),
            "rest of table[1].rule would flag a person without a ground",
        ),
        (lambda t: t.replace("max_test_age_h = 48\n", ""), "max_test_age_h and without_test belong together"),
        (lambda t: t.replace('"rest"', '"red"'), "two rules of table[1].rule are called red"),
        (lambda t: t + t, "has the version v1 twice"),
        (_twice, "v1 and v2 of station HGH are in force at the same time"),
        (lambda t: t.replace('id = "red"', "id = 7"), "table[1].rule[1].id must be a text"),
        (lambda t: "table = 7", "table must be a list of tables"),
        (lambda t: "table = [7]", "table[1] must be a table"),
        (lambda t: "table = []", "table is missing"),
        (lambda t: t + "]", "no valid TOML"),
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused_by_name(change: Callable[[str], str], says: str) -> None:
    assert change(ONE) != ONE
    with pytest.raises(Malformed) as problem:
        read_exit_rules(change(ONE))
    assert says in str(problem.value)
    assert "{" not in problem.value.message("zh")


def test_every_figure_of_the_shipped_file_names_its_source() -> None:
    tables: list[dict[str, Any]] = tomllib.loads(TEXT)["table"]
    assert all(table["source"].strip() and table["fever_source"].strip() for table in tables)
