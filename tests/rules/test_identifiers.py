"""Chinese identifiers: known good and bad ones, and that Python and SQL say the same of every text."""

from collections.abc import Callable

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.rules.documents import citizen_check
from hubtwin.rules.identifiers import (
    CREDIT_CHARACTERS,
    FORMATS,
    FORMULAS,
    VALIDATORS,
    credit_check,
    is_admin_code,
    one_of,
)

# the examples of the standards themselves, and made-up ones with a computed check; nobody's numbers
GOOD = {
    "citizen_id": ["11010519491231002X", "440524188001010014", "330102200002290012"],
    "social_credit_code": ["91350100M000100Y43", "12100000400006666C"],
    "mobile": ["13800138000", "19912345678"],
    "landline": ["0571-87654321", "01062345678", "0571-87654321-801", "020-81234567"],
    "phone": ["13800138000", "0571-87654321"],
    "plate": ["浙A12345", "浙AD12345", "浙A12345D", "粤Z1234港", "京A1234警", "浙AFA1234"],
    "admin_code": ["330102", "330102001", "330102001003"],
}
BAD = {
    "citizen_id": [
        *("11010519491231002x", "110105194912310021", "11010519490231002X", "1101051949123100", " 10105194912310021"),
        *(
            "990105194912310028",
            "330102199001e10016",
            "33010219900101e003",
            "+10105194912310022",
            "１1010519491231002X",
        ),
    ],
    "social_credit_code": ["91350100M000100Y44", "91350100I000100Y43", "9135010M0000100Y43", "", "91350100M000100Y4"],
    "mobile": [
        "12800138000",
        "1380013800",
        "138001380000",
        "+8613800138000",
        " 3800138000",
        "1.38e10",
        "138001380e2",
        "138001380 2",
        "１3800138000",
    ],
    "landline": ["87654321", "0571-1654321", "0571-8765432a", "0571--87654321"],
    "phone": ["110", "hello", "0571"],
    "plate": ["浙I12345", "A12345", "浙A1234", "浙A1234O", "浙AL12345", "浙A·12345"],
    "admin_code": ["33010", "990102", "3301a2", "3301020010030"],
}


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def _sql(con: duckdb.DuckDBPyConnection, name: str, values: list[str]) -> list[bool]:
    rows = con.execute(FORMULAS[name].select("x", "(SELECT unnest(?) AS x)"), [values]).fetchall()
    return [good for (good,) in rows]


@pytest.mark.parametrize("name", FORMATS)
def test_known_good_and_bad_ones(name: str, con: duckdb.DuckDBPyConnection) -> None:
    check = {"citizen_id": citizen_check, "social_credit_code": credit_check}.get(name)
    for told in GOOD[name]:
        value = told[:17] + check(told[:17]) if check else told
        assert VALIDATORS[name](value), value
        assert _sql(con, name, [value]) == [True], value
    for value in BAD[name]:
        assert not VALIDATORS[name](value), value
        assert _sql(con, name, [value]) == [False], value


def test_the_examples_of_the_standards_carry_the_check_that_is_computed() -> None:
    assert citizen_check("11010519491231002") == "X"  # GB 11643, 4.2
    assert citizen_check("44052418800101001") == "4"
    assert credit_check("91350100M000100Y4") == "3"  # GB 32100, its example


def test_an_administrative_code_against_a_given_set(con: duckdb.DuckDBPyConnection) -> None:
    codes = frozenset({"330102", "a'b{x}"})
    values = ["330102", "330103", "a'b{x}"]
    assert [is_admin_code(value, codes) for value in values] == [True, False, True]
    rows = con.execute(one_of(codes).select("x", "(SELECT unnest(?) AS x)"), [values]).fetchall()
    assert [good for (good,) in rows] == [True, False, True]


_DAY = st.dates().map(lambda day: f"{day:%Y%m%d}".zfill(8)) | st.from_regex("[0-9]{8}", fullmatch=True)
_CITIZEN = st.builds(
    lambda region, day, serial: (body := f"{region}{day}{serial:03}") + citizen_check(body),
    st.sampled_from(["330102", "110105", "540102", "990101"]), _DAY, st.integers(0, 999),
)  # fmt: skip
_CREDIT = st.builds(
    lambda first, region, rest: (body := first + region + rest) + credit_check(body),
    st.sampled_from(["91", "12", "5A", "N9", "Q1"]), st.from_regex("[0-9]{6}", fullmatch=True),
    st.text(CREDIT_CHARACTERS, min_size=9, max_size=9),
)  # fmt: skip
_DIGITS = st.from_regex(r"[0-9]{5,20}", fullmatch=True)
_PLATES = st.from_regex(r"[浙京A][A-Z][A-Z0-9]{4,6}[挂警港0-9D]", fullmatch=True)
_PHONES = st.from_regex(r"(1[0-9]{10}|0[0-9]{2,3}-?[0-9]{6,8}(-[0-9]{1,7})?)", fullmatch=True)
_ANY = st.text(max_size=20).filter(lambda value: "\x00" not in value)
_NOISE = "0123456789XxeE+-. _'ABIOZ１０浙\n\t"
_VALUE = st.one_of(
    _CITIZEN,
    _CREDIT,
    _DIGITS,
    _PLATES,
    _PHONES,
    _ANY,
    st.sampled_from([each for some in GOOD.values() for each in some]),
)


def _mutated(value: str, place: int, sign: str, how: Callable[[str, int, str], str]) -> str:
    return how(value, place % (len(value) + 1), sign)


_MUTATIONS = st.sampled_from(
    [
        lambda value, at, sign: value,
        lambda value, at, sign: value[:at] + sign + value[at + 1 :],
        lambda value, at, sign: value[:at] + sign + value[at:],
        lambda value, at, sign: value[:at] + value[at + 1 :],
        lambda value, at, sign: value[:at] + value[at : at + 2][::-1] + value[at + 2 :],
    ]
)
_TEXTS = st.lists(
    st.builds(_mutated, _VALUE, st.integers(0, 30), st.sampled_from(_NOISE), _MUTATIONS), min_size=1, max_size=60
)


@settings(max_examples=25, deadline=None)
@given(values=_TEXTS)
def test_python_and_sql_agree_on_random_and_mutated_values(values: list[str]) -> None:
    with duckdb.connect(config={"threads": 1}) as con:
        for name in FORMATS:
            assert _sql(con, name, values) == [VALIDATORS[name](value) for value in values], name
