"""Places to codes: small tables for each rule, and the whole shipped history for the share resolved."""

import csv
import gzip
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.connectors.risk_areas.gazetteer import ADMIN_FILES, parse_gazetteer
from hubtwin.model.place import Resolved
from hubtwin.rules.places import AdminTables, Gazetteer, Resolve, build_gazetteer, has_exception, resolver

DATA = Path(__file__).parents[2] / "data"

PROVINCES = [{"code": "11", "name": "北京市"}, {"code": "33", "name": "浙江省"}, {"code": "37", "name": "山东省"}]
CITIES = [
    {"code": "1101", "name": "市辖区", "provinceCode": "11"},
    {"code": "3301", "name": "杭州市", "provinceCode": "33"},
    {"code": "3302", "name": "宁波市", "provinceCode": "33"},
    {"code": "3701", "name": "济南市", "provinceCode": "37"},
]
COUNTIES = [
    ("110115", "大兴区", "1101"),
    ("330102", "上城区", "3301"),
    ("330110", "余杭区", "3301"),
    ("330281", "余姚市", "3302"),
    ("370102", "历下区", "3701"),
    ("370112", "历城区", "3701"),
    ("370176", "济南高新技术产业开发区", "3701"),
]
STREETS = [
    ("110115006", "旧宫地区", "110115"),
    ("330102001", "清波街道", "330102"),
    ("330102002", "四季青街道", "330102"),
    ("330110109", "径山镇", "330110"),
    ("330110110", "城关镇", "330110"),
    ("330110111", "城关街道", "330110"),
    ("370102005", "智远街道", "370102"),
    ("370176003", "孙村街道", "370176"),
]
ZONES = [
    ("山东省", "济南市", "高新区", "370112", "370102"),
    ("北京市", "经济开发区", "", "110115", ""),
    ("新疆生产建设兵团", "新疆生产建设兵团", "第四师", "659008", ""),
]


def _tables() -> AdminTables:
    return AdminTables(
        provinces=PROVINCES,
        cities=CITIES,
        counties=[{"code": c, "name": n, "cityCode": p, "provinceCode": c[:2]} for c, n, p in COUNTIES],
        streets=[{"code": c, "name": n, "areaCode": a} for c, n, a in STREETS],
        zones=[dict(zip(("province", "city", "name", "county_code", "also"), zone, strict=True)) for zone in ZONES],
        former=[
            {
                "province": "浙江省",
                "city": "杭州市",
                "name": "江干区",
                "former_code": "330104",
                "county_code": "330102",
            }
        ],
        aliases=[{"alias": "甬", "level": "city", "sheng": "浙江省", "shi": "宁波市", "qu": ""}],
    )


RESOLVE = resolver(build_gazetteer(_tables()))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("浙江省", "杭州市", "余杭区", "某小区"), Resolved("330110", None, "county")),
        (("浙江省", "杭州市", "余杭区", "径山镇某村"), Resolved("330110", "330110109", "street")),
        (("浙江省", "杭州市", "上城区", "杭州市上城区清波街道办事处1号"), Resolved("330102", "330102001", "street")),
        (("浙江省", "余姚市", "余姚市", "某村"), Resolved("330281", None, "county")),
        (("浙江省", "甬", "余姚市", "某村"), Resolved("330281", None, "county")),
        (("浙江省", "杭州市", "江干区", "四季青街道某号"), Resolved("330102", "330102002", "street")),
        (("浙江省", "杭州市", "上城区(虚拟)", "某号"), Resolved("330102", None, "county")),
        (("北京市", "大兴区", "旧宫（地区）镇", "某园2号楼"), Resolved("110115", "110115006", "street")),
        (("北京市", "大兴区", "无此镇", "某园2号楼"), Resolved("110115", None, "county")),
        (("北京市", "经济开发区", "旧宫(地区)镇", "某园"), Resolved("110115", "110115006", "street")),
        (("北京市", "经济开发区", "某街道", "某园"), Resolved("110115", None, "zone")),
        (("山东省", "济南市", "高新区", "某路1号"), Resolved("370112", None, "zone")),
        (("山东省", "济南市", "高新区", "智远街道某路"), Resolved("370102", "370102005", "street")),
        (("山东省", "济南市", "高新区", "孙村街道某路"), Resolved("370112", "370176003", "zone")),
        (("山东省", "济南市", "济南高新技术产业开发区", "某路"), Resolved("370176", None, "zone")),
        (("山东省", "济南市", "无此区", "某路"), Resolved(None, None, "city")),
        (("新疆生产建设兵团",) * 3 + ("除已划分以外第四师六十二团",), Resolved("659008", None, "zone")),
        (("新疆生产建设兵团",) * 3 + ("某团",), Resolved(None, None, "none")),
        (("无此省", "无此市", "无此区", "某路"), Resolved(None, None, "none")),
    ],
)
def test_each_rule_resolves_what_it_is_for(place: tuple[str, str, str, str], expected: Resolved) -> None:
    assert RESOLVE(*place) == expected


def test_a_bare_name_that_two_streets_share_is_resolved_by_the_full_name_only() -> None:
    assert RESOLVE("浙江省", "杭州市", "余杭区", "城关镇东路").street_code == "330110110"
    assert RESOLVE("浙江省", "杭州市", "余杭区", "城关街道东路").street_code == "330110111"
    assert RESOLVE("浙江省", "杭州市", "余杭区", "城关办事处东路").street_code is None


def test_a_name_deep_in_the_text_or_that_ends_as_a_road_is_no_street() -> None:
    assert RESOLVE("浙江省", "杭州市", "余杭区", "某小区3栋（近径山镇）").street_code is None
    assert RESOLVE("浙江省", "杭州市", "上城区", "清波街12号").street_code is None


def test_tables_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(KeyError):
        build_gazetteer(AdminTables([], CITIES, []))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("小区（除9号楼）", True),
        ("除高风险区以外的其他区域", True),
        ("小区（不含1单元）", True),
        ("5号楼以外片区", True),
        ("拆除工地", False),
        ("全域", False),
    ],
)
def test_an_exception_is_a_text_that_takes_a_part_out(text: str, *, expected: bool) -> None:
    assert has_exception(text) is expected


def _plain_county(province: str, city: str, county: str) -> str | None:
    """The county rules by looking through the rows, one after the other."""
    names = {row["code"]: row["name"] for row in PROVINCES}
    city_names = {row["code"]: (names[row["provinceCode"]], row["name"]) for row in CITIES}
    for code, name, parent in COUNTIES:
        if (*city_names[parent], name) == (province, city, county):
            return code
    for wanted in (county, city):
        found = [code for code, name, parent in COUNTIES if (city_names[parent][0], name) == (province, wanted)]
        if len(found) == 1:
            return found[0]
    return None


_WORDS = sorted(
    {row["name"] for row in PROVINCES + CITIES} | {name for _, name, _ in COUNTIES} | {"某地"},
)


@given(st.sampled_from(_WORDS), st.sampled_from(_WORDS), st.sampled_from(_WORDS))
@settings(max_examples=200)
def test_counties_equal_a_plain_loop_over_the_rows(province: str, city: str, county: str) -> None:
    assert RESOLVE(province, city, county, "").area_code == _plain_county(province, city, county)


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.text(max_size=40))
@settings(max_examples=200)
def test_resolving_is_total_and_says_the_same_twice(province: str, city: str, county: str, community: str) -> None:
    found = RESOLVE(province, city, county, community)
    assert found == RESOLVE(province, city, county, community)
    assert found.resolution in {"street", "county", "zone", "city", "none"}
    assert (found.resolution == "street") <= (found.street_code is not None)


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return parse_gazetteer({name: (DATA / "cn-admin" / name).read_bytes() for name in ADMIN_FILES.values()})


@pytest.fixture(scope="module")
def resolve(gazetteer: Gazetteer) -> Resolve:
    return resolver(gazetteer)


def test_at_least_99_percent_of_the_archived_rows_resolve_to_a_county(resolve: Resolve) -> None:
    content = gzip.decompress((DATA / "risk-areas" / "risk_area_intervals.csv.gz").read_bytes()).decode()
    rows = [row[1:5] for row in csv.reader(io.StringIO(content))][1:]
    found = Counter(resolve(*row).resolution for row in rows)
    assert len(rows) == 242_433
    assert found["none"] + found["city"] <= 27
    assert found["street"] >= 0.70 * len(rows)
    assert found["zone"] <= 0.03 * len(rows)
    assert sum(has_exception(row[3]) for row in rows) >= 12_049


def test_the_shipped_zone_table_names_true_counties_only(gazetteer: Gazetteer) -> None:
    codes = {code for place, code in gazetteer.counties.items() if code[4] != "7"}
    assert len(gazetteer.zones) == 285
    for zone in gazetteer.zones.values():
        assert {zone.county_code, *zone.also} <= codes


def test_former_counties_lead_to_their_successor(gazetteer: Gazetteer, resolve: Resolve) -> None:
    assert gazetteer.successors["330104"] == "330102"
    assert resolve("浙江省", "杭州市", "江干区", "某路").area_code == "330102"
    assert resolve("浙江省", "杭州市", "下城区", "某路").area_code == "330105"
    assert set(gazetteer.successors.values()) <= set(gazetteer.counties.values())
