"""The template: loaded whole or not at all, tied to a profile, filled with facts, judged by column in two languages."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Bug, Malformed
from hubtwin.rules.cells import judge, natural_key, newest_of, render, tidy
from hubtwin.rules.disclosure import Profile, disclose
from hubtwin.rules.template import Template, bind, read_template
from tests.rules.report_story import FOLDER, PROFILE, facts, template
from tests.rules.test_disclosure import NAMES, TREES

ZONE = ZoneInfo("Asia/Shanghai")
TEXT = (FOLDER / "persons-1.toml").read_text(encoding="utf-8")


def _cells(told: Template, **cells: str) -> list[str]:
    made = dict(zip((column.key for column in told.columns), render(told, facts(1), ZONE), strict=True))
    return tidy(told, {**made, **cells})


def _wrong(told: Template, lang: str = "en", **cells: str) -> dict[str, str]:
    return {key: problem.message(lang) for key, problem in judge(told, _cells(told, **cells))}


def test_facts_become_the_cells_of_the_template() -> None:
    told = template()
    cells = dict(zip((column.key for column in told.columns), render(told, facts(1), ZONE), strict=True))
    assert cells["arrived_at"] == "2022-10-20 08:00", "the zone of the hub"
    assert cells["exposed_from"] == "20221016"
    assert cells["destination_code"] == "330102000", "filled up"
    assert (cells["exposure_level"], cells["id_type"]) == ("1", "01"), "their codes"
    assert (cells["test_kind"], cells["sampled_at"]) == ("H", "2022-10-20 08:20"), "the newest test"
    assert judge(told, list(cells.values())) == []
    assert natural_key(told, list(cells.values())) == ("01", cells["id_no"])
    assert newest_of(told, list(cells.values())) == "2022-10-20T09:00:00"


def test_a_new_version_renames_codes_and_asks_for_more() -> None:
    told = template(2)
    cells = render(told, facts(1), ZONE)
    assert cells[told.places["exposure_level"]] == "G"
    assert cells[told.places["destination_code"]] == "330102000000"
    assert judge(told, cells) == []
    bare = facts(1)
    del bare["exposure"]["kind"]
    assert [key for key, _ in judge(told, render(told, bare, ZONE))] == ["exposure_kind"], "new and required"
    assert judge(template(1), render(template(1), bare, ZONE)) == []
    assert "exposure_level" in _wrong(told, exposure_level="1"), "an old code is no code any more"


GOLDEN = [
    ({"name": ""}, "name", "必填，现为空；请补填。", "is required and empty; fill it in"),
    ({"name": "长" * 61}, "name", "太长；最多 60 个字符，请缩短。", "is too long; shorten it to 60 characters at most"),
    (
        {"name": "a\u202eb"},
        "name",
        "含有不可见的控制字符；请重新输入。",
        "holds invisible control characters; type it anew",
    ),
    (
        {"id_no": "11010519491231002"},
        "id_no",
        "不是居民身份证号码；应为 17 位数字加一位数字或 X（GB 11643）。",
        "is no citizen number; it has 17 digits and a digit or X (GB 11643)",
    ),
    (
        {"id_no": "110105194912310021"},
        "id_no",
        "身份证号码的校验码不对；多半是抄错了一位，请对照证件核对。",
        "has a wrong check character, most likely one digit was copied wrongly; compare it with the document",
    ),
    (
        {"exposure_level": "?low"},
        "exposure_level",
        "不是模板的代码；请填其中之一：1, 2, 3。",
        "is no code of the template; use one of 1, 2, 3",
    ),
    (
        {"arrived_at": "2022-10-20 24:00"},
        "arrived_at",
        "不是有效的日期或时间；请写成 2022-10-20 08:05 的样子。",
        "is no valid date or time; write it like 2022-10-20 08:05",
    ),
    (
        {"destination_code": "33010"},
        "destination_code",
        "不是 9 位行政区划代码；请核对（前两位应是省级代码）。",
        "is no administrative code of 9 digits that begins with a province; check it",
    ),
    (
        {"test_result": ""},
        "test_result",
        "已填“检测方式”，此项也必填（needed with Kind of test）。",
        "is needed because “Kind of test”（检测方式） is given; fill it in",
    ),
    (
        {"exposed_until": "20221001"},
        "exposed_until",
        "早于“暴露开始日期”（Exposed from）；请核对两个时间。",
        "lies before “Exposed from”（暴露开始日期）; check both times",
    ),
]


@pytest.mark.parametrize(("cells", "column", "zh", "en"), GOLDEN, ids=lambda value: str(value)[:20])
def test_errors_say_in_both_languages_what_to_do(cells: dict[str, str], column: str, zh: str, en: str) -> None:
    assert _wrong(template(), "zh", **cells) == {column: zh}
    assert _wrong(template(), "en", **cells) == {column: en}


def test_all_errors_of_a_row_are_told_at_once() -> None:
    found = _wrong(template(), name="", phone="123", id_no="x", exposed_from="1")
    assert list(found) == ["name", "id_no", "phone", "exposed_from"]
    assert judge(template(), ["x"])[0][1].key == "rules.cell_number"
    assert _wrong(template(), id_type="03", id_no="E12345678") == {}, "a passport has no check character"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "persons"', 'name = "Persons!"'),
        ("version = 1", 'version = "1"'),
        ("version = 1", "version = true"),
        ('key = ["id_type", "id_no"]', 'key = ["nobody"]'),
        ('newest_by = "verified_at"', 'newest_by = "name"'),
        ('kind = "phone"', 'kind = "telephone"'),
        ('format = "%Y%m%d"', 'format = "%c"'),
        ('format = "%Y%m%d"', "max = 9"),
        ("digits = 9", "digits = 7"),
        ('high = "1", medium = "2"', 'high = "1", medium = "1"'),
        ('citizen = "01"', 'citizen = "77"'),
        ('pattern = "[A-Z]?[0-9]{1,5}"', 'pattern = "["'),
        ('rule = "needs"', 'rule = "wants"'),
        ('other = "arrived_at"', 'other = "name"'),
        ("required = true", 'obliged = "yes"'),
        ("[[columns]]", "[[columns"),
        ('key = "name"', 'key = "phone"'),
        ("[[conditions]]", "[extra]\nx = 1\n[[conditions]]"),
    ],
)
def test_a_template_that_cannot_be_trusted_is_refused_whole(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(Malformed) as caught:
        bind(read_template(TEXT.replace(old, new, 1)), PROFILE)
    assert caught.value.message("zh") != caught.value.message("en")


@pytest.mark.parametrize("fact", ["health.symptoms", "place.now", "remarks", "transport.persons", "no.such"])
def test_a_template_asks_for_nothing_beyond_the_profile(fact: str) -> None:
    told = read_template(TEXT.replace('fact = "identity.name"', f'fact = "{fact}"'))
    with pytest.raises(Malformed, match=fact):
        bind(told, PROFILE)
    with pytest.raises(Malformed, match="profile"):
        bind(read_template(TEXT), replace(PROFILE, name="bus"))
    with pytest.raises(Bug):
        render(told, facts(1), ZONE)


def test_a_code_for_which_the_template_has_no_word_is_refused_with_the_template() -> None:
    with pytest.raises(Malformed, match="exposure_level"):
        bind(read_template(TEXT.replace(', low = "3"', "")), PROFILE)


@pytest.mark.parametrize("version", [1, 2])
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(told=st.dictionaries(NAMES, TREES, max_size=8))
def test_whatever_the_facts_hold_nothing_leaves_that_the_profile_keeps(version: int, told: dict[str, Any]) -> None:
    """The cells of facts are those of what `disclose` lets out of them."""
    made: Template = template(version)
    assert render(made, told, ZONE) == render(made, disclose(PROFILE, told), ZONE)


def test_a_profile_that_shrinks_takes_the_template_with_it() -> None:
    less = Profile(PROFILE.name, 2, "p", "b", PROFILE.fields[:-1])
    with pytest.raises(Malformed, match="verified_at"):
        bind(read_template(TEXT), less)
