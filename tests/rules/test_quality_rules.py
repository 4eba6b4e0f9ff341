"""The rules of a listing: their order, their words, what a condition may say."""

from dataclasses import replace
from typing import Any

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Check, Sharing, Trait
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.library.districts import read_district
from hubtwin.library.hub_listings import hub_catalogue
from hubtwin.model.colour import Colour
from hubtwin.rules.quality_checks import plain_condition
from hubtwin.rules.quality_rules import Kind, colour_of, list_rules, stands_latest
from hubtwin.settings import find_data_dir
from tests.rules.quality_oracle import PEOPLE, TRAITS, ZH_EN, make_catalogue


def test_the_rules_stand_in_the_order_of_the_colours_and_are_always_the_same() -> None:
    catalogue = make_catalogue()
    book = list_rules(catalogue.get("people"), catalogue)
    assert [rule.bit for rule in book.rules] == list(range(len(book.rules)))
    assert [rule.colour for rule in book.rules] == sorted(rule.colour for rule in book.rules)
    assert len({rule.name for rule in book.rules}) == len(book.rules)
    assert book.digest == list_rules(catalogue.get("people"), catalogue).digest
    assert [rule.name for rule in book.unique] == ["key:person_no", "unique:cert_no"]


def test_every_rule_says_what_it_asks_for_in_both_languages() -> None:
    catalogue = make_catalogue(traits=TRAITS | {"street_name": Trait(same_as="streets.title")}, dataset=_with_code())
    book = list_rules(catalogue.get("people"), catalogue)
    for rule in book.rules:
        for lang in ("zh", "en"):
            said = rule.sentence(lang, book.listing)
            assert said
            assert "{" not in said
            assert not said.startswith("rules.")


def _with_code() -> Dataset:
    return replace(PEOPLE, columns=(*PEOPLE.columns, Column("code", "string", "代码", "code", nullable=True)))


def test_the_first_problem_wins_and_a_row_without_any_is_green() -> None:
    catalogue = make_catalogue()
    rules = list_rules(catalogue.get("people"), catalogue).rules
    by_name = {rule.name: rule for rule in rules}
    assert colour_of(rules, 0) is Colour.GREEN
    assert colour_of(rules, by_name["stale:confirmed_min"].mask) is Colour.GREY
    both = by_name["stale:confirmed_min"].mask | by_name["format:phone"].mask
    assert colour_of(rules, both) is Colour.RED


def test_what_is_not_unconditional_or_above_l2_or_without_owner_or_contract_is_blue() -> None:
    open_people = replace(PEOPLE, columns=tuple(replace(column, grade=Grade.L1) for column in PEOPLE.columns))
    cases: tuple[dict[str, Any], ...] = (
        {},
        {"sharing": Sharing.RESTRICTED},
        {"owner": ""},
        {"contract": ""},
        {"dataset": PEOPLE},
    )
    for told, wanted in zip(cases, (0, 1, 1, 1, 1), strict=True):
        catalogue = make_catalogue(**({"dataset": open_people} | told))
        book = list_rules(catalogue.get("people"), catalogue)
        assert book.constant_mask.bit_count() == wanted, told
        assert colour_of(book.rules, book.constant_mask) is (Colour.BLUE if wanted else Colour.GREEN)


def test_an_ungraded_column_and_one_above_the_ceiling_make_a_dataset_black() -> None:
    ungraded = make_catalogue(traits=TRAITS | {"age": Trait(graded_by="")})
    above = make_catalogue()
    above = replace(above, libraries=(replace(above.libraries[0], ceiling=Grade.L2),))
    nowhere = replace(above, libraries=())
    for catalogue in (ungraded, above, nowhere):
        book = list_rules(catalogue.get("people"), catalogue)
        assert colour_of(book.rules, book.constant_mask) is Colour.BLACK


def test_a_listing_that_cannot_be_read_is_refused() -> None:
    wrong = (
        {"traits": {"street": Trait(refers_to="nothing.code")}},
        {"traits": {"street": Trait(refers_to="streets.nothing")}},
        {"checks": (Check("bad", ZH_EN, Colour.PURPLE, "nothing > 1"),)},
        {"checks": tuple(Check(f"c{n}", ZH_EN, Colour.PURPLE, "age > 1") for n in range(64))},
    )
    for told in wrong:
        catalogue = make_catalogue(**told)
        with pytest.raises(Malformed):
            list_rules(catalogue.get("people"), catalogue)


@pytest.mark.parametrize(
    "told",
    [
        "age > 1; DROP TABLE x",
        "age > (SELECT 1)",
        "age IN (SELECT 1)",
        "1 = 1 FROM read_parquet('x')",
        "read_text('/etc/passwd') = ''",
        "getenv('HOME') = ''",
        "age > 1 UNION SELECT 2",
        "error('x')",
        "age::int > 1",
        "CAST(phone AS INT) > 1",
        "people.age > 1",
        "age > 1 ORDER BY age",
        "age > 1 LIMIT 1",
        "hash(age) = 1",
        "age = ?",
        "age = $1",
        "nothing = 1",
        "age > ",
        "",
        "row_number() OVER () = 1",
        " OR ".join(["age = 1"] * 120),
        "(" * 3000 + "age = 1" + ")" * 3000,
        "TRY_CAST(phone AS BLOB) = ''",
        "EXISTS (FROM people)",
        "COLUMNS(*) = 1",
    ],
)
def test_a_condition_that_says_more_than_a_comparison_is_refused(told: str) -> None:
    with pytest.raises(Malformed):
        plain_condition(told, PEOPLE, "bad")


def test_a_condition_is_written_anew_from_what_was_understood() -> None:
    condition = plain_condition("age > 1 /* a remark */ AND street LIKE '33%' -- more", PEOPLE, "good")
    assert condition.sql == '"age" > 1 AND "street" LIKE \'33%\''
    assert condition.columns == ("age", "street")
    for told in (
        "born <= died",
        "length(phone) BETWEEN 3 AND 20",
        "coalesce(sex, 'F') IN ('F', 'M')",
        "year(born) > 1900",
    ):
        assert plain_condition(told, PEOPLE, "good").columns


def test_every_listing_that_is_shipped_has_rules() -> None:
    catalogue = read_district(find_data_dir() / "districts" / "shangcheng", hub_catalogue())
    for listing in catalogue.listings:
        book = list_rules(listing, catalogue)
        kinds = {rule.kind for rule in book.rules}
        key = Kind.LATEST if stands_latest(listing, catalogue) else Kind.KEY
        assert {Kind.WITHHELD, Kind.TYPE, key, Kind.CONTRACT} <= kinds
