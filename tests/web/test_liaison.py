"""The page that a link opens, over real stores: what it shows, what it takes, what it refuses, in both languages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from hubtwin.base.text import catalogue
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.event import EventKind
from hubtwin.model.partner import Contact
from hubtwin.rules.answers import LINK_MIN
from hubtwin.scenes.epidemic.disclosures import DISCLOSURES
from hubtwin.web.liaison import LOOKS, WRONG
from hubtwin.web.start import desk_of
from hubtwin.wiring.told import liaison_of
from tests.web.fake_desk import PASSWORD
from tests.web.served import Served, serving
from tests.wiring.partners_kit import BUS, HEALTH, NOW_MIN, POLICE, Hub, hub

PEOPLE = {
    "boss": ("command", AgencyKind.COMMAND, Role.DUTY_COMMANDER),
    "officer": ("command", AgencyKind.COMMAND, Role.SCENE_OFFICER),
    "staff": ("command", AgencyKind.COMMAND, Role.FIELD_STAFF),
    "auditor": ("audit", AgencyKind.AUDIT, Role.AUDITOR),
    "police_desk": (POLICE, AgencyKind.POLICE, Role.AGENCY_LIAISON),
    "depot_desk": (BUS, AgencyKind.TRANSPORT, Role.AGENCY_LIAISON),
}
ACCEPTED = {"said": "accepted", "expected_min": NOW_MIN + 25, "by": "Desk 3"}


@dataclass
class Here:
    """A served hub with partners."""

    hub: Hub
    served: Served

    def link(self, to: str = POLICE, message: str = "m1", **told: Any) -> str:
        with self.served.client("officer") as client:
            answer = client.post(f"/api/v1/partners/{to}/messages/{message}/links", json=told)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["path"])

    def open(self, path: str, lang: str = "en") -> httpx.Response:
        return httpx.get(self.served.url + path, headers={"accept-language": lang})

    def say(self, path: str, **told: Any) -> httpx.Response:
        headers = {"origin": "null", "sec-fetch-site": "same-origin", "accept-language": "en"}
        return httpx.post(self.served.url + path, data=told, headers=headers)


def make_people(made: Hub) -> None:
    """Make the accounts of `PEOPLE`."""
    accounts = made.works.access.accounts
    for user, (agency, kind, role) in PEOPLE.items():
        if agency not in {each.agency_id for each in accounts.list_agencies()}:
            accounts.add_agency(Agency(agency, kind, agency, agency))
        person = Person(user, user.title(), agency, kind, frozenset({role}), frozenset({"epidemic"}))
        accounts.create(person, PASSWORD, by="setup")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    with hub(tmp_path) as made:
        made.works = replace(
            made.works, settings=replace(made.works.settings, contact=Contact("Hub duty desk", "0571-1111", "24 h"))
        )
        make_people(made)
        made.tell(POLICE, "police")
        made.tell(BUS, "bus", "b1")
        with serving(desk_of(made.works)) as served:
            yield Here(made, served)


def _words(answer: httpx.Response) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", answer.text))


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ("Name", "合成旅客甲", "accompany", "SYNTHETIC DATA", "REPLAY", "purpose of police", "basis of police")),
        ("zh", ("姓名", "合成旅客甲", "陪同转运", "合成数据", "回放", "请于此前到达", "链接有效至")),
    ],
)
def test_the_page_says_what_the_message_says_in_words(here: Here, lang: str, said: tuple[str, ...]) -> None:
    answer = here.open(here.link(), lang)
    shown = _words(answer)
    for word in (*said, "Hub duty desk", "0571-1111", "2022-10-20 09:30 Asia/Shanghai", "2022-12-31"):
        assert word in shown, word
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert not re.search(r"\b(web|scenes)\.[a-z_.]+", shown), "an untranslated key"
    other = here.open(f"{answer.url.path}?lang={'zh' if lang == 'en' else 'en'}", lang)
    assert _words(other) != shown


def test_no_cache_keeps_it_no_search_finds_it_and_no_other_page_hears_of_it(here: Here) -> None:
    path = here.link()
    for answer in (here.open(path), here.open("/liaison/" + "x" * 43)):
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
    assert here.open("/liaison.css").headers["content-type"].startswith("text/css")
    assert here.open(path).headers["content-type"].startswith("text/html")


def test_an_answer_is_taken_once_and_the_case_tells(here: Here) -> None:
    path = here.link()
    told = {"said": "accepted", "expected": "09:25", "by": "Desk 3", "key": "tap"}
    for _ in range(2):
        answer = here.say(path, **told)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?lang=en&done=1")
    shown = _words(here.open(answer.headers["location"]))
    assert "Your answer has arrived" in shown
    assert "there at 09:25" in shown
    assert "Desk 3" in shown
    (stored,) = liaison_of(here.hub.works).list_answers(POLICE, "m1")
    assert (stored.expected_min, stored.through) == (NOW_MIN + 25, "link")
    with here.served.client("officer") as client:
        timeline = client.get(f"/api/v1/cases/{here.hub.case_id}").json()["timeline"]
        assert [line["kind"] for line in timeline].count(EventKind.PARTNER_ANSWERED) == 1
        told_to = client.get(f"/api/v1/cases/{here.hub.case_id}/told").json()["told"]
    police = next(one["message"] for one in told_to if one["message"]["partner_id"] == POLICE)
    assert police["answers"][0]["said"] == "accepted"
    assert {"path": "identity.name", "name": {"zh": "姓名", "en": "Name"}, "personal": True} in police["fields"]
    assert "合成旅客甲" not in str(told_to)


def test_the_desk_of_one_agency_reads_no_words_of_another(here: Here) -> None:
    here.say(here.link(), said="refused", note="nobody is free", by="Desk 3")

    def told(user: str) -> dict[str, Any]:
        with here.served.client(user) as client:
            rows = client.get(f"/api/v1/cases/{here.hub.case_id}/told").json()["told"]
        return {row["message"]["partner_id"]: row["message"] for row in rows}

    for user in ("officer", "police_desk"):
        (answer,) = told(user)[POLICE]["answers"]
        assert (answer["by"], answer["note"]) == ("Desk 3", "nobody is free"), user
        assert told(user)[POLICE]["links"], user
    for user in ("depot_desk", "staff"):
        row = told(user)[POLICE]
        assert [(one["said"], one["by"], one["note"]) for one in row["answers"]] == [("refused", "", "")], user
        assert (row["links"], row["fields"]) == ([], []), user


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(here: Here) -> None:
    path = here.link()
    done = here.say(path, said="done")
    assert (done.status_code, "accept it first" in _words(done)) == (409, True)
    refused = here.say(path, said="refused", note="   ", by="Desk <3>")
    assert (refused.status_code, "Say why" in _words(refused)) == (422, True)
    assert "Desk &lt;3&gt;" in refused.text
    wrong = here.say(path, said="accepted", expected="25:99")
    assert "Write the time like 14:35" in _words(wrong)
    assert 'value="25:99"' in wrong.text
    for odd in ({}, {"said": "maybe"}, {"said": "refused", "note": "x" * 501}, {"said": "received", "by": "\u202e"}):
        assert here.say(path, **odd).status_code == 422
    assert here.hub.works.ledger.list_events(kinds=[EventKind.PARTNER_ANSWERED]) == []


@pytest.mark.parametrize(
    "site", [{"origin": "https://evil.example"}, {"origin": "null", "sec-fetch-site": "cross-site"}]
)
def test_a_form_of_another_page_is_refused(here: Here, site: dict[str, str]) -> None:
    path = here.link()
    for target, body in ((path, {"data": {"said": "received"}}), (f"/api/v1{path}", {"json": {"said": "received"}})):
        assert httpx.post(here.served.url + target, headers=site, **body).status_code == 403  # type: ignore[arg-type]
    assert liaison_of(here.hub.works).list_answers() == []


def test_a_link_that_is_over_says_so_and_shows_nothing(here: Here) -> None:
    path, other = here.link(lasts_min=60), here.link()
    with here.served.client("officer") as client:
        links = client.get(f"/api/v1/partners/{POLICE}").json()["messages"][0]["links"]
        assert path not in str(links)
        assert client.post(f"/api/v1/links/{links[1]['link_id']}/revoke", json={}).status_code == 200
    here.hub.clocks.real += timedelta(minutes=60)
    for lost, words in ((path, "has expired"), (other, "revoked")):
        for answer in (here.open(lost), here.say(lost, said="received")):
            assert (answer.status_code, words in _words(answer)) == (410, True)
            assert "合成旅客甲" not in answer.text
        assert httpx.get(f"{here.served.url}/api/v1{lost}").status_code == 403
    here.hub.clocks.real += timedelta(minutes=LINK_MIN)
    unknown = here.open("/liaison/" + "A" * 43)
    assert (unknown.status_code, "copied whole" in _words(unknown)) == (404, True)


def test_a_program_answers_by_the_same_rules(here: Here) -> None:
    path = "/api/v1" + here.link(BUS, "b1")
    with httpx.Client(base_url=here.served.url, headers={"accept-language": "zh"}) as client:
        letter = client.get(path).json()
        assert {fact["path"] for fact in letter["facts"]} >= {"transport.persons", "transport.pickup_min"}
        assert here.hub.case_id not in str(letter)
        assert client.post(path, json={"said": "done"}).json()["key"] == "rules.answer_done_first"
        for _ in range(2):
            found = client.post(path, json={**ACCEPTED, "key": "k1"})
            assert found.status_code == 200, found.text
        assert found.json()["answerable"] == ["accepted", "refused", "done"]
        assert client.post(path, json={"said": "received", "who": "x"}).status_code == 422
    assert [one.through for one in liaison_of(here.hub.works).list_answers(BUS)] == ["api"]


def test_guessing_is_slowed_down_by_address(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    path = here.link()
    monkeypatch.setattr(here.served.edge.limiter, "_tick", lambda: 1e9)  # nothing comes back while it counts
    codes = [here.open(f"/liaison/{number:043d}").status_code for number in range(WRONG + 1)]
    assert codes == [404] * WRONG + [429]
    assert here.open(path).status_code == 429, "and a right one waits as well"
    assert LOOKS > WRONG


def test_an_agency_reads_and_answers_its_own_messages_only(here: Here) -> None:
    with here.served.client("police_desk") as police, here.served.client("depot_desk") as depot:
        mine = police.get("/api/v1/letters").json()
        assert [one["message_id"] for one in mine["messages"]] == ["m1"]
        assert "合成旅客甲" not in str(mine)
        assert "合成旅客甲" in police.get("/api/v1/letters/m1").text
        assert depot.get("/api/v1/letters/m1").status_code == 404
        assert depot.post("/api/v1/letters/m1/answers", json={"said": "received"}).status_code == 404
        said = police.post("/api/v1/letters/m1/answers", json={"said": "accepted", "by": "somebody else"})
        assert said.status_code == 200, said.text
        assert [one["partner_id"] for one in police.get("/api/v1/partners").json()["partners"]] == [POLICE]
        assert police.get(f"/api/v1/partners/{BUS}").status_code == 403
    (stored,) = liaison_of(here.hub.works).list_answers()
    assert (stored.by, stored.through) == ("Police_Desk", "page")
    opened = here.hub.works.access.audit.list_entries(kind="MessageOpened")
    assert [entry.by for entry in opened] == ["police_desk"]


def test_the_page_of_a_partner_adds_up(here: Here) -> None:
    here.hub.clocks.hub += timedelta(minutes=33)
    with here.served.client("officer") as officer, here.served.client("auditor") as auditor:
        rows = {row["partner_id"]: row for row in officer.get("/api/v1/partners").json()["partners"]}
        assert set(rows) == {POLICE, BUS, HEALTH}
        assert (rows[POLICE]["late"], rows[POLICE]["waiting"], rows[POLICE]["agreement"]) == (1, 1, "in_force")
        assert rows[HEALTH]["given"] == 0
        found = auditor.get(f"/api/v1/partners/{POLICE}").json()
        assert (found["messages"][0]["late_min"], found["given"][0]["waiting"]) == (13, 1)
        assert found["given"][0]["day"] == "2022-10-20"
        assert found["agreements"][0]["days_left"] == 72
        assert "合成旅客甲" not in str(found)
        assert found["may_link"] is False
        assert auditor.post(f"/api/v1/partners/{POLICE}/messages/m1/links", json={}).status_code == 403
        check = auditor.post(f"/api/v1/partners/{POLICE}/verify", json={}).json()
        assert (check["whole"], check["entries"], check["problems"]) == (True, 1, [])
        assert officer.get("/api/v1/partners/nobody").status_code == 404
    with here.served.client("staff") as staff:
        assert staff.get("/api/v1/partners").status_code == 403


def test_every_fact_and_every_code_has_words_in_both_languages() -> None:
    for field in DISCLOSURES.facts:
        assert f"scenes.epidemic.fact_{field.path.replace('[]', '').replace('.', '_')}" in catalogue(), field.path
        for code in field.kind.removeprefix("code:").split(",") if field.kind.startswith("code:") else ():
            assert f"scenes.epidemic.code_{code}" in catalogue(), code
    for name in DISCLOSURES.profiles:
        assert f"scenes.epidemic.profile_{name}" in catalogue(), name
