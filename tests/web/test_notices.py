"""The published rule, and escalations that reach people: at a real hub whose clock is moved, each of four clocks."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hubtwin.library.applying import submit
from hubtwin.library.deciding import Decision, decide_items, review_share, take_emergency
from hubtwin.library.governing import OrderState
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.basket import Ask, BasketKind, Form
from hubtwin.model.returning import Return, ReturnKind, ReturnState, Said
from hubtwin.model.sharing import Rows
from hubtwin.web.real_notices import RealNotices
from hubtwin.web.schemas.notices import NoticeView
from hubtwin.wiring.applied import applying_of
from hubtwin.wiring.governing import governing_of
from hubtwin.wiring.library_returns import open_returns
from hubtwin.wiring.running import make_running
from hubtwin.wiring.works import Works
from tests.wiring.test_applied import AUTHORITY, LIAISON, NOW_MIN, OWNER, At, form, opened

K, R = AgencyKind, Role
DAY = 24 * 60


def person(user: str, agency: str, kind: AgencyKind, role: Role) -> Person:
    return Person(user, user.title(), agency, kind, frozenset({role}), frozenset({"epidemic"}))


OTHER_OWNER = person("he", "civil-affairs", K.DEPARTMENT, R.DATA_OWNER)
STEWARD = person("du", "public-security", K.DEPARTMENT, R.DATA_STEWARD)
GUARD = person("wu", "data", K.DATA, R.SECURITY_OFFICER)
AUDITOR = person("feng", "audit", K.AUDIT, R.AUDITOR)
COMMANDER = person("wang", "command", K.COMMAND, R.DUTY_COMMANDER)
FIELD = person("bo", "command", K.COMMAND, R.FIELD_STAFF)
ALL = (AUTHORITY, OWNER, OTHER_OWNER, STEWARD, GUARD, AUDITOR, COMMANDER, FIELD, LIAISON)


class Hub:
    """An open hub, its notices, and its service step by step."""

    def __init__(self, works: Works, clock: At) -> None:
        self.works, self.clock = works, clock
        self.applying = applying_of(works)
        self.desk = RealNotices(works, self.applying)
        self._service = make_running(works, {}).service

    def wait(self, **by: float) -> None:
        self.clock.now += timedelta(**by)
        self._service.step(self.clock.now)

    def told(self, who: Person) -> list[NoticeView]:
        return list(self.desk.notices(who).notices)

    def of(self, who: Person) -> list[tuple[str, int, bool, str]]:
        return [(each.kind, each.step, each.acts, each.place) for each in self.told(who)]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with opened(tmp_path) as (works, clock):
        yield Hub(works, clock)


def test_the_rule_is_published_with_its_calendar(hub: Hub) -> None:
    told = hub.desk.terms(LIAISON)
    assert (told.automatic_days, told.template_days, told.emergency_hours, told.review_hours) == (180, 90, 24, 24)
    assert (told.authority_days, told.owner_days, told.unpublished_days, told.source_days) == (2, 5, 10, 5)
    assert (told.zone, list(told.calendar_years)) == ("Asia/Shanghai", [2025, 2026])
    assert "国办发明电" in told.calendar


def test_a_decision_that_is_late_reaches_the_authority_then_those_who_watch(hub: Hub) -> None:
    basket = submit(hub.applying, LIAISON, form(Ask("residents", frozenset({"sex"}))))
    due_min = basket.items[0].due_min
    assert {who.user_id: hub.told(who) for who in ALL if hub.told(who)} == {}
    hub.wait(days=15)
    (notice,) = hub.told(AUTHORITY)
    assert (notice.kind, notice.id, notice.dataset, notice.agency) == (
        *("decision", basket.basket_id, "residents", OWNER.agency),
    )
    assert (notice.since_min, notice.up_min, notice.acts, notice.place) == (
        *(due_min, hub.applying.now_min(), True, "authority"),
    )
    assert notice.agency_name.zh
    assert hub.of(OWNER) == [("decision", 1, True, "owner")]
    assert [who.user_id for who in ALL if hub.told(who)] == ["shen", "xu", "du"]
    hub.wait(days=7)  # nobody moves
    assert hub.of(GUARD) == hub.of(AUDITOR) == [("decision", 2, False, "authority")]
    (later,) = hub.told(AUTHORITY)
    assert (later.since_min, later.up_min) == (due_min, hub.applying.now_min())
    assert later.key != notice.key
    decide_items(hub.applying, AUTHORITY, basket.basket_id, [Decision("residents", give=True)], LIAISON)
    hub.wait(seconds=6)
    assert [who.user_id for who in ALL if hub.told(who)] == []


def test_who_applied_and_who_said_yes_already_is_not_the_one_to_act(hub: Hub) -> None:
    listings = hub.applying.catalogue().listings
    one, column = next(
        (each.name, column.name)
        for each in listings
        for column in each.dataset.columns
        if each.owner == OWNER.agency and each.street_column and column.grade == 4 and each.sharing != "not_shared"
    )
    counted = Ask(one, frozenset({column}), counts_only=True)
    basket = submit(hub.applying, LIAISON, form(counted))
    decide_items(hub.applying, OWNER, basket.basket_id, [Decision(one, give=True)], LIAISON)
    hub.wait(days=15)
    assert hub.of(GUARD) == [("decision", 1, True, "authority")]
    assert hub.of(OWNER) == [("decision", 1, False, "owner")]
    assert hub.of(AUTHORITY) == [("decision", 1, False, "authority")]


def test_a_work_order_that_nobody_answers_reaches_its_owner_and_the_authority(hub: Hub) -> None:
    assert hub.works.library is not None
    listing = hub.works.library.catalogue().get("residents")
    hub.works.library.rows.add_row(listing, {str(listing.street_column): "330102001"}, key="k", source="test")
    governing = governing_of(hub.works)
    assert governing is not None
    governing.govern("residents", "xu")
    order = next(each for each in governing.orders() if each.agency == OWNER.agency)
    hub.wait(minutes=(order.due_min - NOW_MIN) + 1)
    found = next(each for each in hub.told(OWNER) if each.id == order.order_id)
    assert (found.kind, found.since_min, found.acts, found.place) == ("order", order.due_min, True, "owner")
    assert next(each for each in hub.told(STEWARD) if each.id == order.order_id).place == "quality"
    assert {each.acts for each in hub.told(AUTHORITY)} == {False}
    assert hub.told(OTHER_OWNER) == hub.told(COMMANDER) == []
    for each in governing.orders():
        if each.agency == OWNER.agency:
            governing.answer(OWNER, each.order_id, OrderState.FIXED, "")
    hub.wait(seconds=6)
    assert hub.told(OWNER) == []


def test_an_answer_that_a_street_waits_for_reaches_the_source(hub: Hub) -> None:
    sent = Return(
        *("", ReturnKind.DISPUTE, "residents", LIAISON.agency, "330102001", LIAISON.user_id, NOW_MIN, NOW_MIN + DAY),
        row_no=1,
        column="sex",
    )
    one = open_returns(hub.works.access).send(sent, Said({"sex": "2"}, "she says so"), key="k")
    hub.wait(hours=23)
    assert hub.told(OWNER) == []
    hub.wait(hours=2)
    assert hub.of(OWNER) == [("return", 1, True, "owner")]
    assert [each.since_min for each in hub.told(AUTHORITY)] == [NOW_MIN + DAY]
    open_returns(hub.works.access).settle(one.return_id, ReturnState.REFUSED, by="xu", answer="no")
    hub.wait(seconds=6)
    assert hub.told(OWNER) == []


def test_a_review_that_is_late_reaches_those_who_review_but_not_who_took_it(hub: Hub) -> None:
    asks = (Ask("residents", frozenset({"sex"}), Rows(everything=True)),)
    told = ("e", "user:wang", "grassroots_service", "public_data_regulation", NOW_MIN, NOW_MIN + 60, asks)
    taken = take_emergency(hub.applying, COMMANDER, Form(*told, kind=BasketKind.EMERGENCY, reason="flood"))
    assert taken.items[0].share_id
    hub.wait(hours=25)
    assert hub.of(GUARD) == hub.of(AUDITOR) == [("review", 1, True, "authority")]
    assert hub.of(AUTHORITY) == [("review", 1, False, "authority")]
    assert hub.told(COMMANDER) == hub.told(OWNER) == []
    assert [each.since_min for each in hub.told(GUARD)] == [NOW_MIN + DAY]
    review_share(hub.applying, GUARD, taken.items[0].share_id, justified=True, note="flood")
    hub.wait(seconds=6)
    assert hub.told(GUARD) == []
