"""Over real stores and HTTP: one basket, one key, owners, two persons, and nothing of others' to a stranger."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.stores.accounts import Accounts
from hubtwin.web.desk_baskets import BasketsDesk
from hubtwin.web.start import desk_of
from hubtwin.wiring.applied import applying_of
from hubtwin.wiring.stage_library import DISTRICT_CAST, sign_shipped
from tests.web.fake_desk import PASSWORD
from tests.web.served import serving
from tests.wiring.test_applied import opened

MORE = {
    "wu": ("data", Role.SECURITY_OFFICER),
    "wang": ("command", Role.DUTY_COMMANDER),
    "feng": ("audit", Role.AUDITOR),
}
STREET_COLUMNS = {
    "meal_services": ["street_code"],
    "residents": ["sex", "street_code"],
    "elderly_persons": ["lives_alone", "street_code"],
    "grid_events": ["kind"],
    "staff_positions": ["team"],
}


class There:
    """A served hub with the district's cast."""

    def __init__(self, desk: Any, clients: dict[str, httpx.Client]) -> None:
        self.desk, self.clients = desk, clients

    def get(self, user: str, path: str, status: int = 200) -> Any:
        answer = self.clients[user].get(f"/api/v1/library{path}")
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, user: str, path: str, body: object, status: int = 200) -> Any:
        answer = self.clients[user].post(f"/api/v1/library{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[There]:
    with opened(tmp_path) as (hub, _), ExitStack() as stack:
        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        access = hub.access
        accounts = Accounts(access.database, access.audit, clock=access.clock, hasher=weak)
        works = replace(hub, access=replace(access, accounts=accounts))
        assert works.library is not None
        agencies = {each.agency_id: each for each in works.library.catalogue().agencies}
        cast = {part.user: (part.agency, part.role) for part in DISTRICT_CAST} | MORE
        people = []
        for agency in {agency for agency, _ in cast.values()}:
            kind = agencies[agency].kind if agency in agencies else AgencyKind(agency)
            accounts.add_agency(Agency(agency, kind, agency, agency))
        for user, (agency, role) in cast.items():
            kinds = {each.agency_id: each.kind for each in accounts.list_agencies()}
            person = Person(user, user.title(), agency, kinds[agency], frozenset({role}), frozenset({"epidemic"}))
            accounts.create(person, PASSWORD, by="setup")
            people.append(person)
        sign_shipped(works, applying_of(works), people)
        desk = desk_of(works)
        served = stack.enter_context(serving(desk))
        yield There(desk, {user: stack.enter_context(served.client(user)) for user in cast})


def apply(**more: object) -> dict[str, object]:
    items = [{"dataset": name, "columns": columns} for name, columns in STREET_COLUMNS.items()]
    told = {
        "key": "one",
        "purpose": "elderly_care",
        "legal_basis": "public_data_regulation",
        "days": 30,
        "items": items,
    }
    return {**told, **more}


def test_one_basket_from_the_form_to_what_is_shared(there: There) -> None:
    part: BasketsDesk = there.desk.baskets
    assert part is there.desk.baskets
    asked = apply()
    found = there.post("lin", "/baskets/check", asked)
    assert (found["at_once"], found["by_key"], found["by_people"], found["refused"]) == (2, 1, 1, 1)
    assert there.get("lin", "/baskets")["baskets"] == []
    made = there.post("lin", "/baskets", asked)
    assert {item["dataset"]: item["state"] for item in made["items"]} == {
        "meal_services": "active",
        "residents": "active",
        "elderly_persons": "submitted",
        "grid_events": "submitted",
        "staff_positions": "refused",
    }
    refused = made["items"][4]
    assert {reason["key"] for lane in refused["lanes"] for reason in lane["reasons"]} >= {"not_shared"}
    assert all(reason["text"]["zh"] for lane in refused["lanes"] for reason in lane["reasons"])
    path = f"/baskets/{made['basket_id']}"
    assert there.post("lin", "/baskets", asked)["basket_id"] == made["basket_id"]

    there.get("tang", path, 404)  # another street has no business with it
    there.post("tang", f"{path}/withdraw", {}, 404)
    assert there.get("tang", "/baskets")["baskets"] == []
    assert there.get("tang", "/shares")["shares"] == []
    for watcher in ("shen", "wu", "feng", "he", "xu"):
        (line,) = there.get(watcher, "/baskets")["baskets"]
        assert (line["basket_id"], line["mine"], line["items"]) == (made["basket_id"], False, 5)
    assert there.get("shen", path)["may"] == ["authorise"]
    (kept,) = [item for item in there.get("shen", path)["items"] if item["dataset"] == "elderly_persons"]
    assert (kept["waits_for"], kept["lane"]) == ("authority", "template")

    done = there.post("shen", f"{path}/authorise", {})
    assert {item["dataset"]: item["state"] for item in done["items"]}["elderly_persons"] == "active"
    assert done["authorised_by"] == "shen"
    there.post("he", f"{path}/decide", {"items": [{"dataset": "grid_events", "give": True}]}, 403)  # not its owner
    shares = there.get("lin", "/shares?live=true")["shares"]
    assert {share["dataset"] for share in shares} == {"meal_services", "residents", "elderly_persons"}
    assert all(share["may"] == ["renew"] for share in shares)
    (masked,) = [share for share in shares if share["dataset"] == "elderly_persons"]
    assert {column["column"]: column["mask"] for column in masked["columns"]} == {
        "lives_alone": "null",
        "street_code": "",
    }
    stopped = list[str]()
    baskets: Any = there.desk.baskets
    baskets._stop = lambda: stopped.append("what waits for partners")
    gone = there.post("he", f"/shares/{masked['share_id']}/revoke", {})
    assert stopped
    assert (gone["live"], gone["state"], gone["revoked_by"]) == (False, "revoked", "he")
    assert len(there.get("lin", "/shares?live=true")["shares"]) == 2
    assert there.post("lin", f"{path}/withdraw", {})["items"][3]["state"] == "withdrawn"

    times = there.get("shen", "/times")
    assert (times["baskets"], times["items"]["count"], times["human"]["count"]) == (1, 3, 1)
    assert times["automatic_share"] == pytest.approx(2 / 3)
    lines = {line["agency"]: line for line in there.get("feng", "/agencies")["agencies"]}
    assert lines["street-330102001"]["given"] == 2
    assert (lines["public-security"]["gave"], lines["civil-affairs"]["gave"]) == (1, 1)


def test_an_emergency_a_template_and_a_renewal(there: There) -> None:
    item = {"dataset": "shelters", "columns": ["street_code"], "rows": {"everything": True}}
    flood = {"key": "f", "purpose": "emergency_response", "legal_basis": "emergency_response_law", "reason": "flood"}
    made = there.post("wang", "/emergency", {**flood, "minutes": 60, "items": [item]})
    assert (made["kind"], made["items"][0]["lane"], made["items"][0]["state"]) == ("emergency", "emergency", "active")
    there.post("wang", "/emergency", {**flood, "key": "g", "minutes": 1441, "items": [item]}, 422)
    (share,) = there.get("feng", "/shares")["shares"]
    assert (share["may"], share["review_due_min"]) == (["review"], share["from_min"] + 1440)
    assert share["grantee"] == "user:wang", "the person alone, not the whole command"
    seen = there.post("feng", f"/shares/{share['share_id']}/review", {"justified": True, "note": "it was needed"})
    assert (seen["reviewed_by"], seen["review_due_min"]) == ("feng", None)
    notes = {who: there.get(who, "/shares")["shares"][0]["review_note"] for who in ("wang", "feng", "shen")}
    assert set(notes.values()) == {"it was needed"}
    assert not any("needed" in str(row.payload) for row in there.desk.works.access.audit.list_entries())

    signed = {"dataset": "low_income_persons", "columns": ["person_name", "street_code"], "purposes": ["elderly_care"]}
    there.post("he", "/templates", {**signed, "kinds": ["street"]}, 422)  # a name is not masked
    told = {**signed, "kinds": ["street"], "masks": [["person_name", "surname"]]}
    there.post("xu", "/templates", told, 403)
    template = there.post("he", "/templates", told)
    assert (template["live"], template["may"]) == (True, ["withdraw"])
    one = {"dataset": "low_income_persons", "columns": ["person_name"]}
    basket = there.post("lin", "/baskets", apply(items=[one], key="two"))
    assert basket["items"][0]["template_id"] == template["template_id"]
    share_id = basket["items"][0]["share_id"]
    again = there.post("lin", f"/shares/{share_id}/renew", {"key": "three", "days": 20})
    assert again["items"][0]["state"] == "active"
    there.post("tang", f"/shares/{share_id}/renew", {"key": "four", "days": 20}, 403)
    assert there.post("he", f"/templates/{template['template_id']}/withdraw", {})["live"] is False
    waits = there.post("lin", f"/shares/{share_id}/renew", {"key": "five", "days": 20})
    assert waits["items"][0]["state"] == "submitted"
    decided = there.post(
        *("he", f"/baskets/{waits['basket_id']}/decide"),
        {"items": [{"dataset": "low_income_persons", "give": False, "reason": "no longer needed"}]},
    )
    assert (decided["items"][0]["state"], decided["items"][0]["note"]) == ("refused", "no longer needed")
    listed = {who: there.get(who, "/templates?dataset=low_income_persons")["templates"] for who in ("lin", "he")}
    assert [len(each) for each in listed.values()] == [0, 1], "withdrawn: for its owner only"


def test_a_template_is_seen_in_full_by_its_owner_and_by_who_watches(there: There) -> None:
    told = {
        "dataset": "low_income_persons",
        "columns": ["street_code"],
        "purposes": ["elderly_care"],
        "kinds": ["department"],
        "agencies": ["street-330102001", "street-330102004"],
        "rows": {"column": "street_code", "values": ["330102004"]},
    }
    template = there.post("he", "/templates", told)

    def seen(who: str) -> list[dict[str, Any]]:
        return [each for each in there.get(who, "/templates")["templates"] if each["dataset"] == told["dataset"]]

    for who in ("he", "shen", "wu", "feng"):
        (whole,) = seen(who)
        assert (whole["agencies"], whole["signed_by"]) == (told["agencies"], "he")
        assert (whole["rows"]["values"], whole["kinds"]) == (["330102004"], ["department"])
    (part,) = seen("lin")
    assert (part["template_id"], part["purposes"], part["max_days"]) == (template["template_id"], ["elderly_care"], 30)
    assert (part["agencies"], part["kinds"], part["rows"]["values"]) == (["street-330102001"], [], [])
    assert (part["signed_by"], part["signed_min"], part["may"]) == ("", None, [])
    assert seen("tang") == [], "another street, that it is not for"
    assert seen("wang") == seen("xu") == [], "who applies for nothing, and another owner"
