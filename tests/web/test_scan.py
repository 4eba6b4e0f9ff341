"""A document that is read at the gate: sealed for the person of the case, refused for anybody else, in no answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubtwin.library.grants import Desk, look_up
from hubtwin.model.grant import VAULT, VAULT_FIELDS, Grant, LookUp, Purpose
from tests.walk.town import DOCUMENT, PASSWORD, Town, town
from tests.web.served import Served, serving

SCAN = {"command": "report", "evidence": [{"kind": "scan", "ref": "scan 1"}]}
PERSON = {"id_type": DOCUMENT[0], "id_no": DOCUMENT[1], "name": "Nobody Real", "phone": "000-0000"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[tuple[Town, Served, str]]:
    with town(tmp_path) as made:
        made.step(0)
        made.step(52)
        made.pass_gate()
        (case,) = made.step(53).cases
        with serving(made.desk) as served:
            yield made, served, case.case_id


def test_the_person_of_the_case_is_sealed_and_can_be_looked_up_under_a_grant(here: tuple[Town, Served, str]) -> None:
    made, served, case_id = here
    with served.client("qian", PASSWORD) as client:
        answer = client.post(f"/api/v1/cases/{case_id}/moves", json={**SCAN, "person": PERSON})
    assert answer.status_code == 200, answer.text
    assert DOCUMENT[1] not in answer.text
    assert "Nobody" not in answer.text
    access, now_min = made.works.access, int(made.works.access.clock().timestamp() // 60)
    access.grants.issue(
        Grant(
            *("", "li", VAULT, frozenset(VAULT_FIELDS), frozenset({Purpose.TRACE}), "epidemic", now_min - 1),
            until_min=now_min + 60,
            issued_by="zhou",
            approved_by="wu",
            reason="call the person",
        )
    )
    asked = LookUp("li", "epidemic", Purpose.TRACE, VAULT, ("name", "id_no"), case_id, (made.pid(),))
    found = look_up(Desk(access.grants, access.audit, lambda: now_min), asked, access.vault.reveal)
    assert found == {made.pid(): {"name": "Nobody Real", "id_no": DOCUMENT[1]}}
    (read,) = [entry for entry in access.audit.list_entries() if entry.kind == "PersonScanned"]
    assert (read.by, read.payload["case"]) == ("qian", case_id)
    assert "Nobody" not in str(read.payload)


def test_the_document_of_somebody_else_moves_nothing(here: tuple[Town, Served, str]) -> None:
    made, served, case_id = here
    other = {**PERSON, "id_no": "990000199001010999"}
    with served.client("qian", PASSWORD) as client:
        answer = client.post(f"/api/v1/cases/{case_id}/moves", json={**SCAN, "person": other})
        assert (answer.status_code, answer.json()["key"]) == (403, "web.other_person")
        assert "999" not in answer.text
        late = {"command": "refuse", "evidence": [{"kind": "refusal", "ref": "r"}], "person": PERSON}
        assert client.post(f"/api/v1/cases/{case_id}/moves", json=late).json()["key"] == "web.no_scan"
    assert made.works.ledger.get_case(case_id).version == 0
    assert made.works.access.vault.list_people() == []
    assert "OtherPersonScanned" in [entry.kind for entry in made.works.access.audit.list_entries()]


def test_a_move_that_is_refused_changes_nothing_that_is_sealed(here: tuple[Town, Served, str]) -> None:
    made, served, case_id = here
    path, other_name = f"/api/v1/cases/{case_id}/moves", {**PERSON, "name": "Somebody Else"}
    with served.client("qian", PASSWORD) as client:
        assert client.post(path, json={**SCAN, "evidence": [], "person": PERSON}).status_code == 422
        assert client.post(path, json={**SCAN, "expects": 7, "person": PERSON}).status_code == 409
        assert made.works.access.vault.list_people() == []
        first = {**SCAN, "key": "one", "person": PERSON}
        assert client.post(path, json=first).status_code == client.post(path, json=first).status_code == 200
        assert client.post(path, json={**SCAN, "person": other_name}).json()["key"] == "model.illegal_move"
    assert made.works.access.vault.reveal(made.pid(), "test")["name"] == "Nobody Real"
    with served.client("li", PASSWORD) as client:
        corrected = {"command": "correct", "evidence": [{"kind": "correction", "ref": "c"}]}
        assert client.post(path, json=corrected).status_code == 200
    made.works.access.vault.forget(made.pid())
    with served.client("qian", PASSWORD) as client:
        assert client.post(path, json={**SCAN, "person": PERSON}).status_code == 409
        client.post(path, json=first)
    assert made.works.access.vault.list_people() == [], "a case that is over takes nobody in any more"


def test_who_may_not_report_reads_no_document(here: tuple[Town, Served, str]) -> None:
    made, served, case_id = here
    with served.client("sun", PASSWORD) as client:
        answer = client.post(f"/api/v1/cases/{case_id}/moves", json={**SCAN, "person": PERSON})
    assert answer.status_code == 403
    assert made.works.access.vault.list_people() == []
