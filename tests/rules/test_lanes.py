"""Which facts the policies are given: rows by default, the grade of what is asked for, and what scale does to it."""

from dataclasses import replace

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Listing, Sharing, Trait
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.model.agency import AgencyKind
from hubtwin.model.basket import Ask, Template
from hubtwin.model.sharing import Rows
from hubtwin.rules.lanes import Applicant, Setting, asked_rows, facts_of, grade_of, masks_of, see_template

COLUMNS = (
    Column("id", "string", "编号", "id"),
    Column("street", "string", "街道", "street", nullable=True),
    Column("kind", "string", "类别", "kind", Grade.L2, nullable=True),
    Column("phone", "string", "电话", "phone", Grade.L3, nullable=True),
    Column("visit", "string", "就诊", "visit", Grade.L4, nullable=True),
)
LISTING = Listing(
    *(Dataset("d", "数据", "data", ("id",), COLUMNS), "people", "owner", Sharing.UNCONDITIONAL, {}),
    purposes=("care",),
    street_column="street",
    traits={"phone": Trait(mask="keep_last_4")},
)
OWN = Rows(column="street", values=frozenset({"330102001"}))
STREET = Applicant("p", frozenset({"agency_liaison"}), "s1", AgencyKind.STREET, street="330102001")
SETTING = Setting(STREET, "agency:s1", "care", True, True, 1440, 0)


def test_the_own_street_is_what_is_meant_where_nothing_is_said() -> None:
    ask = Ask("d", frozenset({"id"}))
    assert asked_rows(LISTING, ask, "330102001") == OWN
    assert asked_rows(LISTING, ask, "").nothing  # an agency of no street must name rows
    assert asked_rows(replace(LISTING, street_column=""), ask, "").everything
    assert asked_rows(LISTING, replace(ask, rows=Rows()), "330102001").nothing  # an empty filter is no filter
    with pytest.raises(Malformed):
        asked_rows(LISTING, replace(ask, rows=Rows(column="nowhere", values=frozenset({"1"}))), "")


def test_the_columns_asked_for_decide_the_grade() -> None:
    assert [grade_of(LISTING, {"id", name}) for name in ("street", "kind", "phone", "visit")] == [1, 2, 3, 4]
    assert masks_of(LISTING, {"id", "phone"}) == (("phone", "keep_last_4"),)
    with pytest.raises(Malformed):
        grade_of(LISTING, {"id", "nothing"})


@pytest.mark.parametrize(
    ("column", "rows", "stored", "grade", "scaled"),
    [
        ("kind", Rows(True), 999_999, 2, False),
        ("kind", Rows(True), 1_000_000, 3, True),
        ("kind", OWN, 1_000_000, 2, False),
        ("kind", Rows(True), None, 2, False),
        ("id", Rows(True), 5_000_000, 1, False),
        ("phone", Rows(True), 5_000_000, 3, True),
    ],
)
def test_scale_raises_the_grade(column: str, rows: Rows, stored: int | None, grade: int, scaled: bool) -> None:
    facts = facts_of(LISTING, Ask("d", frozenset({column}), rows), SETTING, rows, stored_rows=stored)
    assert (facts.grade, facts.scaled) == (grade, scaled)


def test_a_street_that_asks_for_more_than_its_own_rows_asks_for_much() -> None:
    ask = Ask("d", frozenset({"id"}))
    assert not facts_of(LISTING, ask, SETTING, OWN).wide
    assert facts_of(LISTING, ask, SETTING, Rows(True)).wide
    assert facts_of(LISTING, ask, SETTING, replace(OWN, values=OWN.values | {"330102002"})).wide
    assert not facts_of(LISTING, ask, replace(SETTING, applicant=replace(STREET, street="")), Rows(True)).wide


def test_a_template_fits_rows_of_the_own_street_and_what_it_masks() -> None:
    template = Template(
        *("t", "owner", "d", frozenset({"id", "phone"}), (("phone", "keep_last_4"),), frozenset({"care"}), frozenset()),
        *(frozenset({AgencyKind.STREET}), 30, 100),
    )
    ask = Ask("d", frozenset({"id", "phone"}))
    seen = see_template(template, LISTING, ask, OWN, STREET.street)
    assert (seen.rows_fit, seen.masked, seen.longest_min) == (True, True, 30 * 1440)
    assert not see_template(template, LISTING, ask, Rows(True), STREET.street).rows_fit
    assert not see_template(replace(template, own_street=False), LISTING, ask, OWN, STREET.street).rows_fit
    assert not see_template(replace(template, masks=()), LISTING, ask, OWN, STREET.street).masked


@pytest.mark.parametrize(("column", "grade"), [("id", 1), ("street", 1), ("kind", 2), ("phone", 3), ("visit", 4)])
def test_who_chooses_rows_by_a_column_asks_for_the_column(column: str, grade: int) -> None:
    """Otherwise rows of a harmless column, chosen by a guessed phone number, would tell whose number it is."""
    rows = Rows(column=column, values=frozenset({"x"}))
    assert facts_of(LISTING, Ask("d", frozenset({"id"}), rows), SETTING, rows).grade == grade


def test_the_street_a_dataset_is_divided_by_is_no_column_that_is_asked_for() -> None:
    listing = replace(LISTING, street_column="phone")
    rows = Rows(column="phone", values=frozenset({"x"}))
    assert facts_of(listing, Ask("d", frozenset({"id"}), rows), SETTING, rows).grade == 1


@pytest.mark.parametrize(
    ("by", "columns", "fits"),
    [
        ("kind", {"id", "kind"}, True),
        ("kind", {"id"}, False),  # the template does not give it
        ("phone", {"id", "phone"}, False),  # a mask hides the column, and not by what rows were chosen
    ],
)
def test_a_template_for_all_rows_is_not_one_for_guesses(by: str, columns: set[str], fits: bool) -> None:
    template = Template(
        *("t", "owner", "d", frozenset(columns), (("phone", "keep_last_4"),), frozenset({"care"}), frozenset()),
        *(frozenset({AgencyKind.STREET}), 30, 100),
        rows=Rows(True),
    )
    rows, ask = Rows(column=by, values=frozenset({"x"})), Ask("d", frozenset({"id"}))
    assert see_template(template, LISTING, ask, rows, STREET.street).rows_fit is fits
    named = replace(template, rows=replace(rows, values=frozenset({"x", "y"})))
    assert see_template(named, LISTING, ask, rows, STREET.street).rows_fit  # the owner signed just these
