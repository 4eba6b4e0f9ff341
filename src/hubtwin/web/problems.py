"""Every error as {key, message} in the reader's language, with a status by what to do next; nothing of ours leaks."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from hubtwin.base.errors import Absent, Denied, HubError, Malformed, Retry
from hubtwin.base.text import LANGUAGES, text
from hubtwin.web.guard import HEADERS
from hubtwin.web.limits import TooMany
from hubtwin.web.schemas.hub import Problem
from hubtwin.web.wire import encode

STATUS: tuple[tuple[type[HubError], int], ...] = (
    (TooMany, 429),
    (Denied, 403),
    (Malformed, 422),
    (Absent, 404),
    (Retry, 503),
)
# somebody else was faster: read again, then decide
CONFLICTS = (
    *("model.illegal_move", "model.case_moved_on", "flow.no_open_appeal"),
    *("rules.answer_after_done", "rules.answer_done_first", "rules.answer_given"),
    "web.no_way",  # nobody was faster, but the state of the venue does not allow it
)
KEYS = {400: "web.bad_json", 404: "web.no_page", 405: "web.no_method", 413: "web.too_large"}
RETRY_S = 2
log = structlog.get_logger(__name__)


class NoSession(Denied):
    """Nobody is signed in, or not any more."""


def find_lang(request: HTTPConnection) -> str:
    """Return the language of the reader: the cookie `lang`, else the first one of Accept-Language that we speak."""
    if (chosen := request.cookies.get("lang")) in LANGUAGES:
        return str(chosen)
    for part in request.headers.get("accept-language", "").split(","):
        if (lang := part.strip()[:2].lower()) in LANGUAGES:
            return lang
    return "en"


def status_of(error: HubError) -> int:
    """Return the HTTP status of an error of ours."""
    if isinstance(error, NoSession):
        return HTTPStatus.UNAUTHORIZED
    if error.key in CONFLICTS:
        return HTTPStatus.CONFLICT
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def add_handlers(app: FastAPI) -> None:
    """Let every error of the application answer as a Problem."""
    app.add_exception_handler(HubError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_the_request)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unforeseen)


async def _of_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError)
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("answer_failed", key=error.key, status=status)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:  # a bug of ours says nothing about the inside
        return problem(request, status, "web.bug")
    headers = {}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["retry-after"] = str(error.values.get("seconds", RETRY_S))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = str(RETRY_S)
    return problem(request, status, error.key, headers, **error.values)


async def _of_the_request(request: Request, error: Exception) -> Response:
    """Say where a request is not as declared, and never repeat its values: one may be a password."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return problem(request, 400, "web.bad_json")
    where = ".".join(str(part)[:80] for part in first["loc"])
    return problem(request, 422, "web.not_as_declared", where=where, what=first["type"])


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    key = KEYS.get(error.status_code, "web.refused")
    return problem(request, error.status_code, key, dict(error.headers or {}))


async def _gone(request: Request, error: Exception) -> Response:
    """Answer a request that was never finished: nobody reads it, and it is no fault of ours."""
    return Response(status_code=400)


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("bug", kind=type(error).__name__, at=_place(error))
    response = problem(request, 500, "web.bug")
    response.headers.update(HEADERS)  # this answer is made outside of the guard
    return response


def _place(error: BaseException) -> str:
    """Return file and line of an error without its message, which may hold a value of a person."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('hubtwin')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def problem(
    request: HTTPConnection, status: int, key: str, headers: dict[str, str] | None = None, /, **values: Any
) -> Response:
    """Return an error as it is answered, in the language of the reader."""
    body = encode(Problem(key, text(key, find_lang(request), **values)))
    kept = {"cache-control": "no-store", "vary": "Accept-Language, Cookie", **(headers or {})}
    return Response(body, status, kept, "application/json")
