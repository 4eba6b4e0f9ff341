"""Applying at an open hub: the shipped district, its real probe, questions under what was given, the clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import HubError
from hubtwin.library.applying import submit
from hubtwin.library.asking import Asked, ask, grantees_of
from hubtwin.library.deciding import Decision, authorise, decide_items, revoke_share
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.basket import Ask, Basket, Form, ItemState
from hubtwin.model.sharing import Rows
from hubtwin.settings import load_settings
from hubtwin.stores.quality import Source as Held
from hubtwin.wiring.applied import applying_of, basket_clock_of
from hubtwin.wiring.applying import BasketClock, uses_of
from hubtwin.wiring.asked import Asking
from hubtwin.wiring.running import make_running
from hubtwin.wiring.works import Works, open_works

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
NOW_MIN = epoch_minute(NOW)
STREET = "330102001"
LIAISON = Person("lin", "Lin", f"street-{STREET}", AgencyKind.STREET, frozenset({Role.AGENCY_LIAISON}), frozenset())
OWNER = Person("xu", "Xu", "public-security", AgencyKind.DEPARTMENT, frozenset({Role.DATA_OWNER}), frozenset())
AUTHORITY = Person("shen", "Shen", "data", AgencyKind.DATA, frozenset({Role.DATA_AUTHORITY}), frozenset())


class At:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def opened(home: Path) -> Iterator[tuple[Works, At]]:
    settings, clock = replace(load_settings("hangzhou-east", home), district="shangcheng"), At()
    with open_works(settings, clock=clock, real_clock=clock, clocks_min={}) as works:
        yield works, clock


def form(*asks: Ask, key: str = "k") -> Form:
    grantee, law = f"agency:{LIAISON.agency}", "public_data_regulation"
    return Form(key, grantee, "grassroots_service", law, NOW_MIN, NOW_MIN + 30 * 1440, asks)


def states(basket: Basket) -> dict[str, ItemState]:
    return {item.dataset: item.state for item in basket.items}


def fill(works: Works) -> None:
    """Put two streets' communities and residents on the shelves, and let the quality rules run over them."""
    library = works.library
    assert library is not None
    catalogue, none = library.catalogue(), list[int]()
    held = Held(library.shelves.files, lambda _: none, lambda _: 0)
    for dataset, column in (("communities", "community_code"), ("residents", "citizen_id")):
        listing = catalogue.get(dataset)
        for number, street in enumerate((STREET, STREET, "330102003")):
            row = {column: f"{number}", listing.street_column: street}
            library.rows.add_row(listing, row, key=f"{dataset} {number}", source="test")
        library.quality.govern(listing, catalogue, held, now_min=NOW_MIN, by="zheng")


def test_what_the_lanes_give_can_be_asked_and_what_is_revoked_cannot(tmp_path: Path) -> None:
    with opened(tmp_path) as (works, _):
        fill(works)
        asking = Asking(works)
        applying = applying_of(works, asking)
        wanted = form(Ask("communities", frozenset({"community_code"})), Ask("residents", frozenset({"sex"})))
        basket = submit(applying, LIAISON, wanted)
        assert states(basket) == {"communities": ItemState.ACTIVE, "residents": ItemState.SUBMITTED}
        question = Asked(
            LIAISON, grantees_of(LIAISON), "grassroots_service", "SELECT community_code FROM communities ORDER BY 1"
        )
        found = ask(asking(), question)
        assert found.table.to_pydict() == {"community_code": ["0", "1"]}  # of the own street
        for wrong in (
            replace(question, purpose="statistics"),
            replace(question, sql="SELECT street_code FROM communities"),
            replace(question, sql="SELECT sex FROM residents"),
            replace(question, grantees=("agency:street-330102003",)),
        ):
            with pytest.raises(HubError):
                ask(asking(), wrong)
        share_id = basket.get_item("communities").share_id
        (use,) = uses_of(works.access).values()
        assert (list(uses_of(works.access)), use.asked, use.rows) == ([share_id], 1, 2)
        revoke_share(applying, AUTHORITY, share_id)
        with pytest.raises(HubError):
            ask(asking(), question)
        done = decide_items(applying, OWNER, basket.basket_id, [Decision("residents", True)], LIAISON)
        assert states(done)["residents"] is ItemState.ACTIVE
        told = ask(asking(), replace(question, sql="SELECT sex FROM residents"))
        assert told.table.num_rows == 2
        assert not works.access.audit.verify().problems


def test_every_dataset_that_the_rules_give_to_a_street_stands_the_real_probe(tmp_path: Path) -> None:
    with opened(tmp_path) as (works, _):
        applying = applying_of(works)
        catalogue = applying.catalogue()
        asks = [
            Ask(one.name, frozenset(c.name for c in one.dataset.columns if c.grade <= 2), Rows(everything=True))
            for one in catalogue.listings
            if one.sharing == "unconditional" and "statistics" in one.purposes
        ]
        agency = replace(LIAISON, agency="civil-affairs", agency_kind=AgencyKind.DEPARTMENT)
        wanted = replace(form(*asks), purpose="statistics", grantee="agency:civil-affairs")
        basket = submit(applying, agency, wanted)
        assert len(basket.items) > 5
        assert {item.dataset: item.probe_why for item in basket.items if item.state is not ItemState.ACTIVE} == {}


def test_the_clock_of_the_service_escalates_for_real(tmp_path: Path) -> None:
    with opened(tmp_path) as (works, clock):
        running = make_running(works, {})
        (basket_clock,) = [each for each in running.service.after if isinstance(each, BasketClock)]
        applying = applying_of(works)
        basket = submit(applying, LIAISON, form(Ask("residents", frozenset({"sex"}))))
        assert basket.items[0].level == 0
        clock.now = NOW + timedelta(days=15)
        running.service.step(clock.now)
        assert basket_clock.swept.escalated == 1
        assert applying.book.get(basket.basket_id).items[0].level == 1
        assert "ItemEscalated" in [entry.kind for entry in works.access.audit.list_entries()]
        yes = [Decision("residents", True)]
        done = decide_items(applying, AUTHORITY, basket.basket_id, yes, LIAISON)
        assert states(done) == {"residents": ItemState.ACTIVE}
        clock.now = NOW + timedelta(days=31)
        basket_clock_of(works)(clock.now)
        assert states(applying.book.get(basket.basket_id)) == {"residents": ItemState.EXPIRED}


def test_a_share_that_was_not_probed_before_a_crash_is_probed_by_the_service(tmp_path: Path) -> None:
    with opened(tmp_path) as (works, clock):
        blind = replace(applying_of(works), probe=None)
        basket = submit(blind, LIAISON, form(Ask("communities", frozenset({"community_code"}))))
        assert states(basket) == {"communities": ItemState.PROVISIONING}
    with opened(tmp_path) as (works, clock):
        basket_clock_of(works)(clock.now)
        assert states(applying_of(works).book.get(basket.basket_id)) == {"communities": ItemState.ACTIVE}
        assert authorise(applying_of(works), AUTHORITY, basket.basket_id, LIAISON).authorised_by == "shen"
