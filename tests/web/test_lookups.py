"""What of the audit of look-ups somebody is told: their own and those under what their agency was given, no others."""

from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, HubError
from hubtwin.library.applying import submit
from hubtwin.library.asking import Asked, ask, grantees_of
from hubtwin.library.deciding import take_emergency
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.basket import Ask, BasketKind
from hubtwin.model.sharing import Rows
from hubtwin.web.real_lookups import LookUps
from hubtwin.web.shown_baskets import BasketShower
from hubtwin.wiring.applied import applying_of, basket_clock_of
from hubtwin.wiring.asked import Asking
from tests.wiring.test_applied import AUTHORITY, LIAISON, NOW, fill, form, opened

PURPOSE = "grassroots_service"
COLLEAGUE = replace(LIAISON, user_id="sun")
STRANGER = replace(LIAISON, user_id="tang", agency="street-330102003")
COMMANDER = Person("wang", "W", "command", AgencyKind.COMMAND, frozenset({Role.DUTY_COMMANDER}), frozenset())
OFFICER = Person("wu", "W", "data", AgencyKind.DATA, frozenset({Role.SECURITY_OFFICER}), frozenset())


def _asked(who: Person, sql: str = "SELECT community_code FROM communities") -> Asked:
    return Asked(who, grantees_of(who), PURPOSE, sql)


def test_look_ups_are_told_to_who_asked_and_to_the_agency_page_by_page(tmp_path: Path) -> None:
    with opened(tmp_path) as (works, _):
        fill(works)
        asking, told = Asking(works), LookUps(works)
        basket = submit(applying_of(works, asking), LIAISON, form(Ask("communities", frozenset({"community_code"}))))
        for who in (LIAISON, COLLEAGUE, LIAISON):
            ask(asking(), _asked(who))
        with pytest.raises(HubError):
            ask(asking(), _asked(LIAISON, "SELECT street_code FROM communities"))
        first = told(LIAISON, None, None, 2)
        assert [(each.by, each.mine, each.rows, each.why is None) for each in first.lookups] == [
            ("lin", True, 0, False),
            ("lin", True, 2, True),
        ]
        (looked,) = first.lookups[1].datasets
        assert (looked.dataset, [one.en for one in looked.columns]) == ("communities", ["code of a community"])
        rest = told(LIAISON, None, first.next, 2)
        assert [each.by for each in rest.lookups] == ["sun", "lin"]
        assert told(LIAISON, None, rest.next, 2).lookups == []
        assert [each.mine for each in told(COLLEAGUE, None, None, 9).lookups] == [False, True, False]
        assert told(STRANGER, None, None, 9).lookups == []
        share_id = basket.items[0].share_id
        assert len(told(COLLEAGUE, share_id, None, 9).lookups) == 3
        for who in (STRANGER, OFFICER):
            with pytest.raises(Absent):
                told(who, share_id, None, 9)


def test_who_reviews_an_emergency_sees_what_was_looked_up_under_it(tmp_path: Path) -> None:
    with opened(tmp_path) as (works, _):
        fill(works)
        asking, told = Asking(works), LookUps(works)
        wanted = form(Ask("communities", frozenset({"community_code"}), Rows(everything=True)))
        urgent = replace(wanted, grantee="user:wang", kind=BasketKind.EMERGENCY, reason="flood")
        short = replace(urgent, until_min=urgent.from_min + 60)
        basket = take_emergency(applying_of(works, asking), COMMANDER, short)
        ask(asking(), _asked(COMMANDER))
        share_id = basket.items[0].share_id
        assert [(each.by, each.rows) for each in told(OFFICER, share_id, None, 9).lookups] == [("wang", 3)]
        assert told(OFFICER, None, None, 9).lookups == []
        with pytest.raises(Absent):
            told(AUTHORITY, share_id, None, 9)


def test_an_authority_is_offered_nothing_of_its_own_agency_that_an_owner_is_late_with(tmp_path: Path) -> None:
    with opened(tmp_path) as (works, clock):
        applying = applying_of(works)
        steward = Person("zheng", "Z", "data", AgencyKind.DATA, frozenset({Role.DATA_STEWARD}), frozenset())
        asked = form(Ask("residents", frozenset({"sex"}), Rows(everything=True)))
        basket = submit(applying, steward, replace(asked, grantee="agency:data"))
        clock.now = NOW.replace(month=12, day=15)
        basket_clock_of(works)(clock.now)
        basket = applying.book.get(basket.basket_id)
        assert basket.items[0].level > 0
        own = BasketShower(applying, AUTHORITY).item(basket, basket.items[0])
        assert (list(own.may), own.waits_for) == ([], "owner")
        other = BasketShower(applying, replace(AUTHORITY, agency="city-data")).item(basket, basket.items[0])
        assert (list(other.may), other.waits_for) == (["give", "refuse"], "authority")
