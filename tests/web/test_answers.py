"""What an answer looks like when something is wrong, and what every answer carries."""

import json
from collections.abc import Iterator

import httpx
import pytest
import structlog

from hubtwin.base.errors import Bug, Retry
from hubtwin.web.edge import Options
from tests.web.fake_desk import PASSWORD, FakeDesk
from tests.web.served import Served, serving

SECRET = "no-log-may-hold-this"


def scanned(told: bytes) -> bytes:
    return b'{"command": "report", "evidence": [{"kind": "scan", "ref": %s}]}' % told


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def served(desk: FakeDesk) -> Iterator[Served]:
    with serving(desk, Options(body_bytes=2000)) as running:
        yield running


@pytest.fixture
def officer(served: Served) -> Iterator[httpx.Client]:
    with served.client("scene_officer") as client:
        yield client


def test_an_error_is_a_key_and_a_sentence_in_the_language_of_the_reader(officer: httpx.Client) -> None:
    for header, cookie, word in (
        ("zh-CN,zh;q=0.9", "", "没有"),
        ("en-GB", "", "there is no"),
        ("fr, zh", "", "没有"),
        ("fr", "", "there is no"),
        ("en", "zh", "没有"),
        ("zh", "nonsense", "没有"),
    ):
        officer.cookies.delete("lang") if "lang" in officer.cookies else None
        if cookie:
            officer.cookies.set("lang", cookie)
        answer = officer.get("/api/v1/cases/nope", headers={"accept-language": header})
        assert answer.status_code == 404
        assert set(answer.json()) == {"key", "message"}
        assert word in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "status", "key"),
    [
        (b"{", 400, "web.bad_json"),
        (b"\xff\xfe", 400, "web.bad_json"),
        (b"[" * 1900, 400, "web.bad_json"),
        (b"[]", 422, "web.not_as_declared"),
        (b"{}", 422, "web.not_as_declared"),
        (b'{"command": "report", "evidence": [], "extra": 1}', 422, "web.not_as_declared"),
        (b'{"command": "dance", "evidence": []}', 422, "web.not_as_declared"),
        (b'{"command": 7, "evidence": []}', 422, "web.not_as_declared"),
        (b'{"command": "report", "evidence": [{"kind": "\\ud800", "ref": "x"}]}', 422, "web.not_as_declared"),
        (b'{"command": "report", "expects": 1e999}', 422, "web.not_as_declared"),
        (scanned(b'"x", "values": {"a": 36893488147419103232}'), 422, "web.not_as_declared"),
        (scanned(b'"x", "values": {"a": NaN}'), 422, "web.not_as_declared"),
        (scanned(b'"x", "values": {"a": -1e999}'), 422, "web.not_as_declared"),
        (scanned(b'"x", "values": {"a": "\\ud800"}'), 422, "web.not_as_declared"),
        (scanned(b'"x", "values": {"a": "\\u001b[2J"}'), 422, "web.not_as_declared"),
        (scanned(b'"x\\u0000"'), 422, "web.not_as_declared"),
        (scanned(b'"left \\u202e right"'), 422, "web.not_as_declared"),
        (b'{"command": "report", "evidence": []}', 422, "model.evidence_missing"),
        (b'{"command": "arrive", "evidence": [{"kind": "signature_in", "ref": "x"}]}', 409, "model.illegal_move"),
        (
            b'{"command": "report", "evidence": [{"kind": "scan", "ref": "x"}], "expects": 9}',
            409,
            "model.case_moved_on",
        ),
        (b" " * 3000, 413, "web.too_large"),
    ],
)
def test_a_wrong_body_gets_a_clean_answer(officer: httpx.Client, body: bytes, status: int, key: str) -> None:
    answer = officer.post("/api/v1/cases/case-0/moves", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["key"]) == (status, key), answer.text


def test_a_body_that_does_not_say_how_large_it_is_is_counted(officer: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 100

    headers = {"content-type": "application/json"}
    assert officer.post("/api/v1/cases/case-0/moves", content=pieces(), headers=headers).status_code == 413


def test_unknown_addresses_and_methods_are_refused_in_the_same_form(officer: httpx.Client) -> None:
    assert officer.get("/api/v1/nothing").json()["key"] == "web.no_page"
    assert officer.get("/api/v2").json()["key"] == "web.no_page"
    answer = officer.put("/api/v1/board")
    assert (answer.status_code, answer.json()["key"]) == (405, "web.no_method")
    assert "GET" in answer.headers["allow"]


def test_a_bug_says_nothing_about_the_inside_and_its_log_holds_no_value(
    desk: FakeDesk, officer: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr(desk, "staff", fail)
    with structlog.testing.capture_logs() as logs:
        answer = officer.get("/api/v1/staff")
    assert (answer.status_code, answer.json()["key"]) == (500, "web.bug")
    assert SECRET not in answer.text + json.dumps(logs)
    assert SECRET not in caplog.text, "the server below writes no trace of it either"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    (bug,) = [line for line in logs if line["event"] == "bug"]
    assert bug["kind"] == "ZeroDivisionError"


def test_a_broken_invariant_is_a_bug_and_a_busy_store_asks_to_come_again(
    desk: FakeDesk, officer: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, status, key in (
        (Bug("stores.no_number"), 500, "web.bug"),
        (Retry("stores.busy", path="rows", seconds=20), 503, "stores.busy"),
    ):

        def fail(error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(desk, "board", fail)
        answer = officer.get("/api/v1/board")
        assert (answer.status_code, answer.json()["key"]) == (status, key)
        assert ("retry-after" in answer.headers) == (status == 503)


def test_no_log_and_no_answer_repeats_a_password_or_a_name(served: Served, officer: httpx.Client) -> None:
    with structlog.testing.capture_logs() as logs:
        wrong = {"user": SECRET, "password": [SECRET]}
        answers = [officer.post("/api/v1/session", json=wrong)]
        answers.append(officer.post("/api/v1/session", json={"user": SECRET, "password": SECRET}))
        answers.append(officer.get(f"/api/v1/cases?train={SECRET}"))
        assert officer.get("/api/v1/me").json()["name"] == "王scene_officer"
    assert "王" not in json.dumps(logs, ensure_ascii=False)
    assert SECRET not in json.dumps(logs) + "".join(answer.text for answer in answers)
    assert {line["event"] for line in logs} == {"request"}
    assert "/api/v1/cases" in [line["route"] for line in logs], "told by its route, not by what was asked"


def test_every_answer_carries_the_headers_that_keep_a_page_to_itself(officer: httpx.Client) -> None:
    for path in ("/api/v1/board", "/api/v1/nothing", "/health", "/", "/metrics"):
        headers = officer.get(path).headers
        policy = headers["content-security-policy"]
        assert "worker-src 'self' blob:" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert officer.get("/api/v1/board").headers["cache-control"] == "no-store"


def test_health_says_what_is_wrong(desk: FakeDesk, served: Served, officer: httpx.Client) -> None:
    assert officer.get("/health").json() == {
        "status": "ok",
        "store": True,
        "timers_lag_s": 0.0,
        "sources_late": [],
        "journal": None,
        "version": "test",
    }
    desk.failing = Retry("stores.busy", path="rows", seconds=20)
    assert officer.get("/health").status_code == 503
    desk.failing = None
    assert officer.get("/health").status_code == 200


def test_the_meters_have_names_with_units_and_no_address_with_values(officer: httpx.Client) -> None:
    officer.get("/api/v1/cases/case-1")
    officer.get("/something/else")
    found = officer.get("/metrics").text
    assert (
        'hubtwin_http_request_duration_seconds_count{method="GET",route="/api/v1/cases/{case_id}",status="200"}'
        in found
    )
    assert "hubtwin_timers_lag_seconds 0.0" in found
    assert "hubtwin_store_up 1.0" in found
    assert 'hubtwin_sign_ins_total{result="done"} 1.0' in found
    assert "case-1" not in found
    assert "scene_officer" not in found


def test_a_long_answer_is_compressed_where_the_reader_asks_for_it(served: Served) -> None:
    with serving(FakeDesk(cases=200)) as many, many.client("scene_officer") as client:
        answer = client.get("/api/v1/cases?limit=200", headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert len(answer.json()["cases"]) == 200


def test_signing_in_answers_who_it_is(served: Served) -> None:
    with served.client() as client:
        found = client.post("/api/v1/session", json={"user": "field_staff", "password": PASSWORD}).json()
        assert (found["team"], found["roles"]) == ("T01", ["field_staff"])
