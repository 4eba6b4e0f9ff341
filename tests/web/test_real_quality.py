"""The quality of the library as a page reads it: words beside colours, what one may do, others are refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubtwin.base.errors import Denied
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.web.real_quality import RealQuality
from hubtwin.web.schemas.quality import AnswerOrder
from tests.wiring.test_governing import Hub


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[RealQuality]:
    hub = Hub(tmp_path / "library")
    yield RealQuality(lambda: hub.governing)
    hub.quality.close()
    hub.shelves.close()


def _person(agency: str, *roles: Role, kind: AgencyKind = AgencyKind.DEPARTMENT) -> Person:
    return Person("li", "李", agency, kind, frozenset(roles), frozenset())


STEWARD = _person("owner", Role.DATA_STEWARD)
OTHER = _person("others", Role.DATA_STEWARD)


def test_a_run_by_who_owns_the_dataset_and_what_the_pages_show_then(desk: RealQuality) -> None:
    before = desk.dataset(STEWARD, "people")
    assert (before.standing, before.trend) == (None, [])
    assert set(before.may) == {"quality.run", "quality.rows", "order.answer"}
    with pytest.raises(Denied):
        desk.run(OTHER, "people")
    with pytest.raises(Denied):
        desk.run(_person("owner", Role.DATA_OWNER), "people")
    told = desk.run(STEWARD, "people")
    assert told.standing is not None
    assert (told.standing.colour, told.standing.rows) == ("red", 5)
    red = told.standing.colours[1]
    assert (red.colour, red.word.zh, red.records, red.responsible) == ("red", "红（不合规）", 5, "source")
    by_rule = {rule.rule: rule for rule in told.rules}
    assert (by_rule["format:cert_no"].passed, by_rule["format:cert_no"].failed) == (0, 5)
    whole = desk.quality(STEWARD)
    assert (whole.score, whole.datasets[0].dataset, len(whole.colours)) == (0, "people", 9)
    assert desk.dataset(OTHER, "people").may == []
    assert desk.run(_person("data", Role.DATA_STEWARD, kind=AgencyKind.DATA), "people").standing


def test_rows_come_in_pages_and_orders_are_answered_by_their_agency(desk: RealQuality) -> None:
    desk.run(STEWARD, "people")
    page = desk.rows(STEWARD, "people", rule="format:cert_no", colour="red", after=0, limit=3)
    assert ([row.row_no for row in page.rows], page.after) == ([1, 2, 3], 3)
    assert desk.rows(STEWARD, "people", rule="", colour="", after=3, limit=3).after is None
    with pytest.raises(Denied):
        desk.rows(OTHER, "people", rule="", colour="", after=0, limit=3)
    orders = desk.orders(STEWARD, "people", mine=True, closed=False).orders
    assert all(order.may_answer for order in orders)
    assert not desk.orders(OTHER, "people", mine=True, closed=False).orders
    asked = AnswerOrder(order_id=orders[0].order_id, answer="disputed", reason="the value is right")
    with pytest.raises(Denied):
        desk.answer(OTHER, asked)
    assert desk.answer(STEWARD, asked).state == "disputed"
