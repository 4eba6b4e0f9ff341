"""Who may read and write what: every route asks for a session, a permission, and the origin of a write."""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from hubtwin.base.errors import Denied
from hubtwin.model.agency import Role
from hubtwin.rules.permission import may_somewhere
from hubtwin.web.app import describe
from hubtwin.web.auth import TRIES
from hubtwin.web.edge import Options
from hubtwin.web.limits import REMEMBERED, Limiter, TooMany
from hubtwin.web.live import OPENINGS
from hubtwin.web.past import PICTURES
from tests.web.fake_desk import PASSWORD, PEOPLE, FakeDesk
from tests.web.served import Served, serving

MOVE = {"command": "report", "evidence": [{"kind": "scan", "ref": "r"}]}
WHY = {"scene": "epidemic", "fields": ["name"], "purpose": "trace", "about": "case-0", "reason": "call them"}
SECOND = {"user": "security_officer", "password": PASSWORD}
TO_WHOM = {"grantee": "scene_officer", "scene": "epidemic", "dataset": "vault", "columns": ["name"]}
GRANT = {**TO_WHOM, "purposes": ["trace"], "days": 7, "reason": "outbreak", "second": SECOND}
ITEMS = [{"dataset": "shops", "columns": ["no"]}]
APPLY = {"key": "k5", "purpose": "care", "legal_basis": "law", "days": 30, "items": ITEMS}
URGENT = {"key": "k7", "purpose": "care", "legal_basis": "law", "minutes": 60, "items": ITEMS, "reason": "flood"}
RETURN = {"key": "key-00000001", "dataset": "residents", "reason": "seen on site"}
WRITES: dict[tuple[str, str], tuple[str, object]] = {  # route -> action that it asks for, a body that is as declared
    ("post", "/emergency"): (
        "emergency.declare",
        {"disease": "covid-19", "legal_basis": "9th plan", "ends_on": "2022-12-31"},
    ),
    ("post", "/emergency/end"): ("emergency.end", {"second": SECOND}),
    ("post", "/emergency/destroy"): ("emergency.end", {"second": SECOND, "emergency_id": "e1"}),
    ("post", "/cases/case-0/moves"): ("case.report", MOVE),
    ("post", "/tasks/task-1/moves"): ("task.accept", {"command": "accept"}),
    ("post", "/cases/case-0/appeals"): ("case.read", {"ground": "form-1"}),
    ("post", "/appeals/appeal-case-1/decision"): ("case.correct", {"upheld": False, "ref": "D1"}),
    ("post", "/clock"): ("emergency.declare", {"speed": 10.0}),
    ("post", "/overflow"): ("overflow.switch", {"place": "N1", "reason": "lanes are full"}),
    ("post", "/overflow/o1/end"): ("overflow.switch", {}),
    ("post", "/alarms/acknowledge"): ("alarm.acknowledge", {"seqs": [1]}),
    ("post", "/alarms/shelve"): ("alarm.shelve", {"kind": "TaskEscalated", "minutes": 30, "reason": "drill"}),
    ("post", "/reveal"): ("person.reveal", {**WHY, "pids": ["pid-1"]}),
    ("post", "/grants"): ("grant.issue", GRANT),
    ("post", "/grants/grant-1/revoke"): ("grant.revoke", {}),
    ("post", "/grants/glass-1/review"): ("glass.review", {"justified": True, "note": "called them at once"}),
    ("post", "/holds"): ("hold.set", {"emergency_id": "e1", "reason": "a court asked"}),
    ("post", "/holds/hold-1/lift"): ("hold.lift", {}),
    ("post", "/audit/verify"): ("audit.verify", {}),
    ("post", "/partners/agency-health/verify"): ("partner.read", {}),
    ("post", "/partners/agency-health/messages/m1/links"): ("partner.link", {"lasts_min": 60}),
    ("post", "/links/link-1/revoke"): ("partner.link", {}),
    ("post", "/cases/case-0/cotravel"): ("cotravel.ask", {"reason": "confirmed an hour ago"}),
    ("post", "/letters/m1/answers"): ("partner.answer", {"said": "received"}),
    ("post", "/tasks"): ("task.assign", {"key": "k0", "place": "N1"}),
    ("post", "/help"): ("help.ask", {"key": "k1"}),
    ("post", "/position"): ("position.share", {"lon": 120.2, "lat": 30.3}),
    ("post", "/tasks/task-1/checks"): ("task.report", {"item": "arrived", "done": True, "key": "k2"}),
    ("post", "/tasks/task-1/notes"): ("task.report", {"kind": "note", "text": "all calm", "key": "k3"}),
    ("post", "/tasks/task-1/photos?key=k4"): ("task.report", "no photo"),
    ("put", "/library/datasets/cars/contract"): ("contract.write", "no contract"),
    ("post", "/library/baskets/check"): ("basket.apply", APPLY),
    ("post", "/library/baskets"): ("basket.apply", APPLY),
    ("post", "/library/baskets/basket-1/authorise"): ("basket.authorise", {}),
    ("post", "/library/baskets/basket-1/agree"): ("basket.agree", {"datasets": ["shops"]}),
    ("post", "/library/baskets/basket-1/decide"): ("basket.decide", {"items": [{"dataset": "shops", "give": True}]}),
    ("post", "/library/baskets/basket-1/withdraw"): ("basket.apply", {}),
    ("post", "/library/additions"): ("addition.send", {**RETURN, "values": {"name": "x"}}),
    ("post", "/library/disputes"): ("addition.send", {**RETURN, "row_no": 7, "column": "name", "value": "x"}),
    ("post", "/library/returns/r1/answer"): ("addition.answer", {"accept": True}),
    ("post", "/library/returns/r1/withdraw"): ("addition.send", {}),
    ("post", "/library/shares/share-1/send"): ("share.send", {}),
    ("post", "/library/sendings/batch-1/corrections?file=f.csv"): ("share.send", "row"),
    ("post", "/library/sendings/batch-1/again"): ("share.send", {}),
    ("post", "/library/shares/share-1/revoke"): ("share.revoke", {}),
    ("post", "/library/shares/share-1/resume"): ("share.revoke", {}),
    ("post", "/library/shares/share-1/renew"): ("basket.apply", {"key": "k6", "days": 30}),
    ("post", "/library/shares/share-1/review"): ("share.review", {"justified": True, "note": "it was needed"}),
    ("post", "/library/templates"): ("template.sign", {"dataset": "shops", "columns": ["no"]}),
    ("post", "/library/templates/template-1/withdraw"): ("template.sign", {}),
    ("post", "/library/emergency"): ("share.emergency", URGENT),
    ("post", "/library/quality/residents/run"): ("quality.run", {}),
    ("post", "/library/orders"): ("order.answer", {"order_id": "o", "answer": "fixed"}),
    ("post", "/library/ask"): ("library.query", {"sql": "SELECT 1", "purpose": "care"}),
    ("post", "/library/ask/file"): ("library.query", {"sql": "SELECT 1", "purpose": "care", "format": "csv"}),
    ("post", "/library/ask/arrow"): ("library.query", {"sql": "SELECT 1", "purpose": "care"}),
    ("post", "/library/uploads?file=f.csv"): ("library.load", "a,b"),
    ("delete", "/library/uploads/upload-1"): ("library.load", {}),
    ("post", "/library/loads/preview"): ("library.load", {"upload_id": "upload-1", "dataset": "residents"}),
    ("post", "/library/loads"): ("library.load", {"upload_id": "upload-1", "dataset": "residents"}),
    ("post", "/library/loads/load-1/release"): ("library.load", {"rows": [1], "corrections": {"id": "1"}}),
}
READS: dict[tuple[str, str], str] = {
    ("get", "/hub"): "hub.read",
    ("get", "/emergency"): "hub.read",
    ("get", "/trains"): "alert.read",
    ("get", "/areas"): "map.read",
    ("get", "/stations"): "map.read",
    ("get", "/positions"): "map.read",
    ("get", "/past/range"): "hub.read",
    ("get", "/past?at_ms=1"): "hub.read",
    ("get", "/past/changes?from_ms=1&to_ms=2"): "hub.read",
    ("get", "/things/zone:hall"): "map.read",
    ("get", "/venue"): "map.read",
    ("get", "/venue/way?from=N1&to=P-1"): "map.read",
    ("get", "/cases"): "case.read",
    ("get", "/cases/case-1"): "case.read",
    ("get", "/tasks"): "task.read",
    ("get", "/tasks/task-1"): "task.read",
    ("get", "/board"): "board.read",
    ("get", "/staff"): "staff.read",
    ("get", "/repairs"): "repairs.read",
    ("get", "/sources"): "hub.read",
    ("get", "/alarms"): "hub.read",
    ("get", "/grants"): "grant.read",
    ("get", "/grants/mine"): "person.reveal",
    ("get", "/grants/options"): "grant.issue",
    ("get", "/holds"): "retention.read",
    ("get", "/reports"): "retention.read",
    ("get", "/audit"): "audit.read",
    ("get", "/partners"): "partner.read",
    ("get", "/partners/agency-health"): "partner.read",
    ("get", "/cases/case-1/told"): "case.read",
    ("get", "/cases/case-1/cotravel"): "case.read",
    ("get", "/districts?named=x"): "case.read",
    ("get", "/letters"): "partner.answer",
    ("get", "/letters/m1"): "partner.answer",
    ("get", "/phone"): "task.report",
    ("get", "/teams/near?place=N1"): "task.assign",
    ("get", "/tasks/task-1/photos/piece-1"): "task.read",
    ("get", "/library"): "catalogue.read",
    ("get", "/library/datasets"): "catalogue.read",
    ("get", "/library/datasets/cars"): "catalogue.read",
    ("get", "/library/datasets/cars/contract"): "catalogue.read",
    ("get", "/library/dcat"): "catalogue.read",
    ("get", "/library/baskets"): "catalogue.read",
    ("get", "/library/baskets/basket-1"): "catalogue.read",
    ("get", "/library/shares"): "catalogue.read",
    ("get", "/library/templates"): "catalogue.read",
    ("get", "/library/terms"): "catalogue.read",
    ("get", "/library/notices"): "catalogue.read",
    ("get", "/library/times"): "basket.read",
    ("get", "/library/agencies"): "basket.read",
    ("get", "/library/shares/share-1/sendings"): "share.send",
    ("get", "/library/sendings/batch-1/errors"): "share.send",
    ("get", "/library/returns"): "catalogue.read",
    ("get", "/library/returns/r1/content"): "catalogue.read",
    ("get", "/library/quality"): "quality.read",
    ("get", "/library/quality/residents"): "quality.read",
    ("get", "/library/quality/residents/rows"): "quality.rows",
    ("get", "/library/orders"): "quality.read",
    ("get", "/library/mine"): "library.query",
    ("get", "/library/lookups"): "catalogue.read",
    ("get", "/library/data/residents?purpose=care"): "library.query",
    ("get", "/library/uploads"): "library.load",
    ("get", "/library/loads"): "library.load",
    ("get", "/library/loads/load-1"): "library.load",
    ("get", "/library/loads/load-1/quarantine"): "library.load",
    ("get", "/library/loads/load-1/quarantine/1"): "library.load",
}
BY_LINK = {("get", "/api/v1/liaison/{token}"), ("post", "/api/v1/liaison/{token}")}  # the token is the right
BY_SIGNATURE = {("post", "/api/v1/wire")}  # who sends is proven message by message
OPEN = {("post", "/api/v1/session"), ("delete", "/api/v1/session"), ("get", "/health"), *BY_LINK, *BY_SIGNATURE}
FOR_ANYBODY_SIGNED_IN = {("get", "/api/v1/me"), ("get", "/api/v1/live")}
ROUTES = [*READS, *WRITES]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(FakeDesk()) as running:
        yield running


@pytest.fixture(scope="module")
def clients(served: Served) -> Iterator[dict[str, httpx.Client]]:
    with ExitStack() as stack:
        yield {user: stack.enter_context(served.client(user)) for user in PEOPLE}


def _ask(client: httpx.Client, route: tuple[str, str], **options: object) -> httpx.Response:
    method, path = route
    body = WRITES[route][1] if route in WRITES else None
    return client.request(method, f"/api/v1{path}", json=body, **options)  # type: ignore[arg-type]


def _pattern(path: str) -> str:
    path = path.partition("?")[0]
    path = path.replace("grant-1", "{grant_id}").replace("glass-1", "{grant_id}").replace("hold-1", "{hold_id}")
    path = path.replace("zone:hall", "{thing_id}").replace("/cars", "/{name}")
    path = path.replace("/returns/r1", "/returns/{return_id}")
    path = path.replace("/quarantine/1", "/quarantine/{row}")
    for kind in ("basket", "share", "template", "load", "upload", "batch"):
        path = path.replace(f"/{kind}-1", f"/{{{kind}_id}}")
    path = path.replace("zone:hall", "{thing_id}").replace("/residents", "/{dataset}")
    path = path.replace("appeal-case-1", "{appeal_id}").replace("/o1/", "/{overflow_id}/")
    path = path.replace("agency-health", "{partner_id}").replace("link-1", "{link_id}").replace("/m1", "/{message_id}")
    return (
        path.replace("case-0", "{case_id}")
        .replace("case-1", "{case_id}")
        .replace("task-1", "{task_id}")
        .replace("piece-1", "{piece_id}")
    )


def test_every_route_of_the_document_stands_in_this_test() -> None:
    document = {(method, path) for path, found in describe()["paths"].items() for method in found}
    listed = {(method, f"/api/v1{_pattern(path)}") for method, path in ROUTES}
    assert document == listed | OPEN | FOR_ANYBODY_SIGNED_IN


@pytest.mark.parametrize("route", [*ROUTES, ("get", "/me"), ("get", "/live")], ids=str)
def test_a_route_refuses_who_is_not_signed_in(served: Served, route: tuple[str, str]) -> None:
    with served.client() as client:
        for cookie in ("", "hubtwin_session=forged", "hubtwin_session="):
            answer = _ask(client, route, headers={"cookie": cookie} if cookie else {})
            assert answer.status_code == 401
            assert answer.json()["key"] == "web.no_session"


@pytest.mark.parametrize("role", Role, ids=str)
@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_refuses_the_wrong_role(clients: dict[str, httpx.Client], route: tuple[str, str], role: Role) -> None:
    action = READS[route] if route in READS else WRITES[route][0]
    try:
        may_somewhere(PEOPLE[role.value], action)
        allowed = True
    except Denied:
        allowed = False
    answer = _ask(clients[role.value], route)
    refused = answer.status_code == 403 and answer.json()["key"] == "rules.not_permitted"
    assert refused != allowed, answer.text


def test_nobody_sees_a_case_of_a_scene_that_is_not_theirs(clients: dict[str, httpx.Client]) -> None:
    assert clients["outsider"].get("/api/v1/cases").json()["cases"] == []
    assert clients["outsider"].get("/api/v1/cases/case-1").status_code == 403
    assert clients["outsider"].post("/api/v1/cases/case-1/moves", json=MOVE).status_code == 403


@pytest.mark.parametrize("route", [*WRITES, ("post", "/session"), ("delete", "/session")], ids=str)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://[", "http://127.0.0.1", "http://127.0.0.1:1", ""]
)
def test_a_write_from_another_page_is_refused(
    served: Served, clients: dict[str, httpx.Client], route: tuple[str, str], origin: str
) -> None:
    answer = _ask(clients["duty_commander"], route, headers={"origin": origin})
    assert (answer.status_code, answer.json()["key"]) == (403, "web.foreign_origin")


def test_a_write_that_does_not_say_where_from_is_refused_unless_the_browser_says_our_own_page(served: Served) -> None:
    with httpx.Client(base_url=served.url) as client:
        body = {"user": "analyst", "password": PASSWORD}
        assert client.post("/api/v1/session", json=body).json()["key"] == "web.no_origin"
        assert client.post("/api/v1/session", json=body, headers={"sec-fetch-site": "cross-site"}).status_code == 403
        assert client.post("/api/v1/session", json=body, headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_no_script_can_read_the_session_and_no_other_page_can_use_it(served: Served) -> None:
    with served.client() as client:
        cookie = client.post("/api/v1/session", json={"user": "analyst", "password": PASSWORD}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie


def test_under_tls_the_session_is_tied_to_tls_and_to_this_host() -> None:
    with serving(FakeDesk(), Options(tls=True)) as served, served.client() as client:
        answer = client.post("/api/v1/session", json={"user": "analyst", "password": PASSWORD})
        assert answer.headers["set-cookie"].startswith("__Host-hubtwin_session=")
        assert "Secure" in answer.headers["set-cookie"]
        assert "max-age" in answer.headers["strict-transport-security"]


def test_signing_out_ends_the_session_on_the_server(served: Served) -> None:
    with served.client("analyst") as client:
        cookie = {"cookie": "; ".join(f"{k}={v}" for k, v in client.cookies.items())}
        assert client.delete("/api/v1/session").status_code == 204
        assert client.get("/api/v1/me", headers=cookie).status_code == 401
        assert client.delete("/api/v1/session").status_code == 204


def test_me_lists_what_is_allowed_and_nothing_else(clients: dict[str, httpx.Client]) -> None:
    found = clients["scene_officer"].get("/api/v1/me").json()
    assert found["user"] == "scene_officer"
    assert "hub.read" in found["may"]
    assert "case.release:epidemic" in found["may"]
    assert not any(line.startswith("emergency.declare") for line in found["may"])
    assert "task.accept:epidemic" in clients["field_staff"].get("/api/v1/me").json()["may"]


def test_wrong_passwords_and_names_look_the_same_and_are_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = FakeDesk()
    with serving(desk) as served, served.client() as client:
        monkeypatch.setattr(served.edge.limiter, "_tick", lambda: 1e9)  # nothing comes back while it counts
        for user in ("nobody", "analyst"):
            answers = [
                client.post("/api/v1/session", json={"user": user, "password": "wrong"}) for _ in range(TRIES + 1)
            ]
            assert [a.status_code for a in answers] == [401] * TRIES + [429]
            assert answers[0].json()["key"] == "stores.sign_in_failed"
            assert int(answers[-1].headers["retry-after"]) > 0
        assert len(desk.tries) == 2 * TRIES
        right = {"user": "analyst", "password": PASSWORD}
        assert client.post("/api/v1/session", json=right).status_code == 429
        assert client.post("/api/v1/session", json={**right, "user": "auditor"}).status_code == 200


def test_two_person_acts_need_the_password_of_somebody_else(clients: dict[str, httpx.Client]) -> None:
    commander = clients["duty_commander"]
    end = "/api/v1/emergency/end"
    assert commander.post(end, json={"second": {**SECOND, "password": "guess"}}).status_code == 403
    own = {"user": "duty_commander", "password": PASSWORD}
    assert commander.post(end, json={"second": own}).json()["key"] == "web.same_person"
    not_entitled = {"user": "analyst", "password": PASSWORD}
    assert commander.post(end, json={"second": not_entitled}).json()["key"] == "rules.not_permitted"
    assert commander.post(end, json={"second": SECOND}).status_code == 200
    many = {**WHY, "pids": [f"pid-{n}" for n in range(21)]}
    assert commander.post("/api/v1/reveal", json=many).status_code == 403
    assert commander.post("/api/v1/reveal", json={**many, "second": SECOND}).status_code == 200


def test_guessing_the_second_password_is_slowed_down_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(FakeDesk()) as served, served.client("duty_commander") as client:
        monkeypatch.setattr(served.edge.limiter, "_tick", lambda: 1e9)  # nothing comes back while it counts
        wrong = {"second": {**SECOND, "password": "guess"}}
        codes = [client.post("/api/v1/emergency/end", json=wrong).status_code for _ in range(TRIES + 1)]
        assert codes == [403] * TRIES + [429]


def test_one_session_may_ask_for_the_past_and_open_the_feed_only_so_often() -> None:
    with serving(FakeDesk()) as served, served.client("duty_commander") as client:
        path = "/api/v1/past/range"
        codes = [client.get(path).status_code for _ in range(PICTURES + 20)]
        assert codes.index(429) >= PICTURES
        refused = client.get(path)
        assert (refused.status_code, refused.json()["key"]) == (429, "web.too_often")
        assert int(refused.headers["retry-after"]) >= 1
        assert "live" not in refused.json()["message"]
        assert client.get("/api/v1/hub").status_code == 200
        with served.client("duty_commander") as other:
            assert other.get(path).status_code == 200
        for _ in range(OPENINGS):
            with client.stream("GET", "/api/v1/live") as opened:
                assert opened.status_code == 200
        assert client.get("/api/v1/live").json()["key"] == "web.too_often"


def test_a_bucket_refills_and_forgets_those_that_were_quiet_longest() -> None:
    now = [0.0]
    limiter = Limiter(60, lambda: now[0])
    limiter.take("a", 2)
    limiter.take("a", 2)
    with pytest.raises(TooMany) as refused:
        limiter.take("a", 2)
    assert refused.value.values["seconds"] == 30
    now[0] = 30.0
    limiter.take("a", 2)
    limiter.give_back("a", 2)
    limiter.take("a", 2)
    for number in range(REMEMBERED):
        limiter.take(f"other {number}", 2)
    limiter.take("a", 2)
    assert len(limiter._held) == REMEMBERED
