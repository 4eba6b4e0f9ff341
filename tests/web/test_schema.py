"""Whatever the OpenAPI document allows to be sent, and much that it does not, is answered as it declares."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hubtwin.channels.webhook import LINES_TYPE
from hubtwin.web.app import describe
from tests.web.fake_desk import FakeDesk
from tests.web.served import Served, serving

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
Case = schemathesis.Case[Any]
ENDLESS, ENDS_THE_SESSION = "/api/v1/live", "/api/v1/session"
document = schemathesis.openapi.from_dict(dict(describe()))
schema = document.exclude(path=ENDLESS).exclude(path=ENDS_THE_SESSION)


@schemathesis.serializer(LINES_TYPE)
def _as_lines(context: object, value: object) -> bytes:
    """Return what is sent to the door of partners: anything at all."""
    return value if isinstance(value, bytes) else repr(value).encode()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(FakeDesk()) as running:
        yield running


@pytest.fixture(scope="module")
def cookies(served: Served) -> dict[str, str]:
    return {user: served.token(user) for user in ("duty_commander", "scene_officer", "field_staff")}


@schema.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_no_request_breaks_a_route(case: Case, served: Served, cookies: dict[str, str]) -> None:
    for cookie in cookies.values():
        headers = {"cookie": cookie, "origin": served.url}
        case.call_and_validate(base_url=served.url, headers=headers, checks=CHECKS)


@document.include(path=ENDS_THE_SESSION).parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_no_request_breaks_signing_in_and_out(case: Case, served: Served) -> None:
    case.call_and_validate(base_url=served.url, headers={"origin": served.url}, checks=CHECKS)


def test_the_document_is_served_and_is_the_one_that_programs_build_on(served: Served) -> None:
    assert httpx.get(f"{served.url}/api/v1/openapi.json", timeout=60).json() == dict(describe())


def test_every_field_of_a_reply_is_always_there() -> None:
    schemas = describe()["components"]["schemas"]
    assert set(schemas["Times"]["required"]) == set(schemas["Times"]["properties"])
    assert set(schemas["MoveTask"]["required"]) == {"command"}
