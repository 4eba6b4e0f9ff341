"""What a link opens, for people without an account: a plain page that needs no script, and the same as JSON.

The token in the address is the right to read one message and to answer it. Guessing is slowed down by address; a form
of another page is refused where the browser says that it is one.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, TypeVar
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied, HubError, Malformed
from hubtwin.base.text import LANGUAGES
from hubtwin.web.auth import EdgeOf
from hubtwin.web.edge import API, Edge, reply
from hubtwin.web.liaison_page import STYLE, Filled, show_end, show_letter
from hubtwin.web.limits import TooMany
from hubtwin.web.problems import find_lang, status_of
from hubtwin.web.schemas import partners as p

LOOKS, WRONG = 60, 10  # a minute from one address: of any links, and of links that open nothing
MAX_FORM = 8 * 1024
GONE = ("wiring.link_expired", "wiring.link_revoked", "wiring.agreement_over")
KEPT = {"cache-control": "no-store", "x-robots-tag": "noindex, nofollow, noarchive"}
_CLOCK = re.compile(r"(\d{1,2})[:\uff1a.](\d{2})", re.ASCII)
_HOUR = timedelta(hours=1)
router = APIRouter()
Token = Annotated[str, Path(min_length=1, max_length=200)]
T = TypeVar("T")


def not_foreign(request: Request) -> None:
    """Raise Denied for a write that the browser says comes from another site.

    Under `no-referrer` a browser names no origin ("null") even for our own form, so that the token stands in no header;
    it says `same-origin` then, and an old one says nothing: without the token no other page can write here at all.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    host = request.headers.get("host", "")
    foreign = origin not in (None, "null", f"http://{host}", f"https://{host}")
    if foreign or site not in (None, "same-origin", "none"):
        raise Denied("web.foreign_origin", origin=(origin or "-")[:100])


@router.get("/liaison.css", response_class=Response, include_in_schema=False)
def style() -> Response:
    """Return the style of the page."""
    return Response(STYLE, 200, {"cache-control": "public, max-age=3600"}, "text/css")


@router.get("/liaison/{token}", response_class=Response, include_in_schema=False)
def page(request: Request, edge: EdgeOf, token: Token, lang: str = "") -> Response:
    """Show the message that a link opens, and the answers that may follow."""
    lang = _lang(request, lang)
    try:
        letter = _limited(request, edge, lambda: edge.desk.partners.open_link(token))
    except HubError as error:
        return _ended(error, lang)
    return _html(show_letter(letter, lang, Filled(key=secrets.token_urlsafe(12), done="done" in request.query_params)))


@router.post("/liaison/{token}", response_class=Response, include_in_schema=False)
async def answer_page(request: Request, edge: EdgeOf, token: Token, lang: str = "") -> Response:
    """Take the answer of the form; what is wrong with it is said above it, and nothing that was typed is lost."""
    lang, told = _lang(request, lang), await _form(request)
    try:
        not_foreign(request)
        return await run_in_threadpool(_answer_form, request, edge, (token, lang), told)
    except HubError as error:
        return _ended(error, lang)


@router.get(f"{API}/liaison/{{token}}", response_model=p.LetterReply, tags=["partners"])
def read(request: Request, edge: EdgeOf, token: Token) -> Response:
    """Return the message that a link opens, with what it says. No session: the token is the right."""
    return reply(_limited(request, edge, lambda: edge.desk.partners.open_link(token)))


@router.post(
    f"{API}/liaison/{{token}}", response_model=p.LetterReply, tags=["partners"], dependencies=[Depends(not_foreign)]
)
def answer(request: Request, edge: EdgeOf, token: Token, asked: p.SayAnswer) -> Response:
    """Answer the message that a link opens. No session: the token is the right."""
    return reply(_limited(request, edge, lambda: edge.desk.partners.answer_link(token, asked, "api")))


def _answer_form(request: Request, edge: Edge, about: tuple[str, str], told: Mapping[str, str]) -> Response:
    token, lang = about
    desk = edge.desk.partners
    try:
        asked = _asked(told, edge.desk.now(), ZoneInfo(edge.desk.hub().zone))
        _limited(request, edge, lambda: desk.answer_link(token, asked, "link"))
    except TooMany:
        raise
    except HubError as error:
        if error.key in GONE or isinstance(error, Absent):
            raise
        letter = _limited(request, edge, lambda: desk.open_link(token))
        filled = Filled(secrets.token_urlsafe(12), told, problem=error.message(lang))
        return _html(show_letter(letter, lang, filled), status_of(error))
    return RedirectResponse(f"/liaison/{token}?lang={lang}&done=1", HTTPStatus.SEE_OTHER, KEPT)


def _asked(told: Mapping[str, str], now: datetime, zone: ZoneInfo) -> p.SayAnswer:
    """Return what a form asks. Raises Malformed."""
    try:
        return p.SayAnswer(
            said=told.get("said", ""),
            by=told.get("by", ""),
            note=told.get("note", ""),
            expected_min=_expected(told.get("expected", ""), now, zone),
            key=told.get("key") or None,
        )
    except ValidationError as error:
        raise Malformed("web.letter_unreadable") from error


def _expected(told: str, now: datetime, zone: ZoneInfo) -> int | None:
    """Return the epoch minute of a time of day, the next one from an hour ago on; None where nothing was filled in."""
    if not told.strip():
        return None
    found = _CLOCK.fullmatch(told.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise Malformed("web.letter_time")
    here = now.astimezone(zone)
    at = here.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    return epoch_minute(at if at >= here - _HOUR else at + timedelta(days=1))


def _limited(request: Request, edge: Edge, act: Callable[[], T]) -> T:
    """Act under the limits of an address; only what opens nothing costs a try of the small one. Raises TooMany."""
    address = request.client.host if request.client else "-"
    edge.limiter.take(f"liaison {address}", LOOKS)
    edge.limiter.take(f"liaison wrong {address}", WRONG)
    try:
        found = act()
    except Absent:
        raise
    except HubError:
        edge.limiter.give_back(f"liaison wrong {address}", WRONG)
        raise
    edge.limiter.give_back(f"liaison wrong {address}", WRONG)
    return found


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form, the first of each; what is not one has none."""
    body = await request.body()
    try:
        told = parse_qs(body[:MAX_FORM].decode("utf-8"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in told.items()}


def _lang(request: Request, chosen: str) -> str:
    return chosen if chosen in LANGUAGES else find_lang(request)


def _ended(error: HubError, lang: str) -> Response:
    status = HTTPStatus.GONE if error.key in GONE else status_of(error)
    return _html(show_end(error, lang), status)


def _html(body: str, status: int = 200) -> Response:
    return Response(body, status, KEPT, "text/html; charset=utf-8")
