"""The way back over HTTP at a real hub: a street disputes a value, the owner answers, and nobody else sees it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.basket import Basket, Form
from hubtwin.model.returning import ReturnState
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from hubtwin.settings import load_settings
from hubtwin.web.real import RealDesk
from hubtwin.wiring.applying import open_baskets
from hubtwin.wiring.library_returns import ReturnClock, open_returns
from hubtwin.wiring.works import open_works
from tests.web.fake_desk import PASSWORD
from tests.web.served import serving

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
STREET, OTHER = "330102001", "330102003"


class Hub:
    def __init__(self, home: Path, stack: ExitStack) -> None:
        settings = replace(load_settings("hangzhou-east", home), district="shangcheng")
        opened = open_works(settings, clock=lambda: NOW, real_clock=lambda: NOW, clocks_min={})
        self.works = stack.enter_context(opened)
        assert self.works.library is not None
        self.library = self.works.library
        self.listing = next(
            each
            for each in self.library.catalogue().listings
            if each.street_column and each.library == "people" and "street" in each.street_column
        )
        self.column = next(
            each.name
            for each in self.listing.dataset.columns
            if each.type == "string" and each.name not in (*self.listing.dataset.key, self.listing.street_column)
        )
        streets = {code: agency for agency, code in self.library.catalogue().agency_streets.items()}
        self.people = {
            "sun": (streets[STREET], AgencyKind.STREET, Role.AGENCY_LIAISON),
            "other": (streets[OTHER], AgencyKind.STREET, Role.AGENCY_LIAISON),
            "owner": (self.listing.owner, AgencyKind.DEPARTMENT, Role.DATA_OWNER),
            "boss": ("command", AgencyKind.COMMAND, Role.DUTY_COMMANDER),
        }
        self._make_people()
        for number, street in enumerate((STREET, OTHER)):
            values = {self.listing.street_column: street, self.column: "as it was"}
            self.library.rows.add_row(self.listing, values, key=f"k{number}", source="test")
        book = open_baskets(self.works.access)
        for user in ("sun", "other"):
            given = share(self, user)
            form = Form(f"k-{user}", given.grantee, given.purpose, given.legal_basis, 0, 1 << 40, ())
            book.submit(Basket(given.basket_id, user, self.people[user][0], form, (), 0), [given])
        self.served = stack.enter_context(serving(RealDesk(self.works, (), "epidemic")))

    def _make_people(self) -> None:
        accounts = self.works.access.accounts
        for user, (agency, kind, role) in self.people.items():
            accounts.add_agency(Agency(agency, kind, agency, agency))
            accounts.create(Person(user, user, agency, kind, frozenset({role}), frozenset()), PASSWORD, by="setup")

    def ask(self, user: str, method: str, path: str, body: Any = None) -> Any:
        with self.served.client(user) as client:
            return client.request(method, f"/api/v1/library{path}", json=body)


def share(hub: Hub, user: str) -> Share:
    agency = hub.people[user][0]
    return Share(
        *(f"s-{user}", f"b-{user}", f"agency:{agency}", hub.listing.name, frozenset({hub.column}), ()),
        rows=Rows(column=hub.listing.street_column, values=frozenset({STREET if user == "sun" else OTHER})),
        purpose="x",
        legal_basis="law",
        delivery=frozenset({Delivery.QUERY}),
        lane=Lane.OWNER,
        digest=hub.listing.digest,
        from_min=0,
        until_min=1 << 40,
        issued_by="owner",
        probed_min=0,
    )


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with ExitStack() as stack:
        yield Hub(tmp_path, stack)


def _dispute(hub: Hub, **changed: Any) -> Any:
    told = {"key": "key-00000001", "dataset": hub.listing.name, "row_no": 1, "column": hub.column}
    return hub.ask("sun", "POST", "/disputes", {**told, "value": "as it is", "reason": "seen on site", **changed})


def test_a_dispute_travels_from_the_street_to_the_row(hub: Hub) -> None:
    sent = _dispute(hub).json()
    assert (sent["state"], sent["mine"], sent["answers"]) == ("sent", True, False)
    assert _dispute(hub).json()["return_id"] == sent["return_id"], "sent twice is one"
    waiting = hub.ask("owner", "GET", "/returns").json()["returns"]
    assert [(one["return_id"], one["answers"]) for one in waiting] == [(sent["return_id"], True)]
    content = hub.ask("owner", "GET", f"/returns/{sent['return_id']}/content").json()
    assert content == {
        "return_id": sent["return_id"],
        "values": {hub.column: "as it is"},
        "stands": {hub.column: "as it was"},
        "reason": "seen on site",
    }
    assert hub.ask("sun", "GET", f"/returns/{sent['return_id']}/content").json()["stands"] is None
    done = hub.ask("owner", "POST", f"/returns/{sent['return_id']}/answer", {"accept": True}).json()
    assert done["state"] == "applied"
    row = hub.library.rows.find_row(hub.listing, 1)
    assert row is not None
    assert row[hub.column] == "as it is"
    kinds = [entry.kind for entry in hub.works.access.audit.list_entries() if entry.kind.startswith("Return")]
    assert kinds == ["ReturnSent", "ReturnRead", "ReturnRead", "ReturnAccepted", "ReturnApplied"]


def test_who_is_neither_side_sees_and_does_nothing(hub: Hub) -> None:
    return_id = _dispute(hub).json()["return_id"]
    assert hub.ask("other", "GET", "/returns").json()["returns"] == []
    assert hub.ask("other", "GET", f"/returns/{return_id}/content").status_code == 403
    assert hub.ask("other", "POST", f"/returns/{return_id}/withdraw").status_code == 403
    assert hub.ask("boss", "POST", f"/returns/{return_id}/answer", {"accept": True}).status_code == 403
    assert hub.ask("sun", "POST", f"/returns/{return_id}/answer", {"accept": True}).status_code == 403
    assert _dispute(hub, key="key-00000002", row_no=2).status_code == 404, "a row of another street"
    assert _dispute(hub, key="key-00000003", value="x" * 501).status_code == 422


def test_what_was_accepted_before_a_crash_is_written_by_the_clock(hub: Hub) -> None:
    sent = _dispute(hub).json()
    open_returns(hub.works.access).settle(sent["return_id"], ReturnState.ACCEPTED, by="owner")
    ReturnClock(hub.works)(NOW)
    assert hub.ask("sun", "GET", "/returns").json()["returns"][0]["state"] == "applied"
    row = hub.library.rows.find_row(hub.listing, 1)
    assert row is not None
    assert row[hub.column] == "as it is"
