"""The matcher on a socket: mutual TLS, five addresses, no page, no account. Who shows the hub's certificate may ask."""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubtwin.base.errors import Absent, Denied, HubError, Malformed, Retry
from hubtwin.connectors.common.http import CURSOR_HEADER, STATUS_HEADER
from hubtwin.matcher.engine import Matcher, Rung
from hubtwin.matcher.table import MOST_BYTES
from hubtwin.matcher.wire import write_counts, write_hits

QUERY_BYTES = 1 << 20
GRACE_S = 5
_LOG = structlog.get_logger()
_STATUS = {Denied: 403, Malformed: 400, Absent: 404, Retry: 503}
_OLDER = "matcher.older"  # told apart from other refusals: a hub that was restored from a backup counts on from there
_ANEW = frozenset({_OLDER, "matcher.other_base"})  # what a hub mends by sending another document
Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Tls:
    """The matcher's certificate and key, and the authority (or the very certificate) that a hub must show."""

    cert: Path
    key: Path
    client_ca: Path


def build(matcher: Matcher) -> Starlette:
    """Return the application over a matcher."""
    routes = [
        Route("/table", _guarded(partial(_put_table, matcher)), methods=["PUT"]),
        Route("/table", _guarded(partial(_patch_table, matcher)), methods=["PATCH"]),
        Route("/status", _guarded(partial(_get_status, matcher)), methods=["GET"]),
        Route("/hits", _guarded(partial(_get_hits, matcher)), methods=["GET"]),
        Route("/counts", _guarded(partial(_get_counts, matcher)), methods=["GET"]),
        Route("/cotravel", _guarded(partial(_post_cotravel, matcher)), methods=["POST"]),
    ]
    return Starlette(routes=routes)


def make_server(app: Starlette, tls: Tls | None) -> uvicorn.Server:
    """Return a server that speaks TLS 1.3 to who shows a certificate of the authority, and to nobody else.

    Without `tls` it speaks plain HTTP: `listen` refuses that beyond this machine. Raises OSError, ssl.SSLError.
    """
    context = None if tls is None else make_context(tls)
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,  # the guard writes one line without values
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=None if context is None else lambda _config, _default: context,
    )
    return uvicorn.Server(config)


def make_context(tls: Tls) -> ssl.SSLContext:
    """Return the context that demands a client certificate. Raises OSError or ssl.SSLError for files that are none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(tls.cert, tls.key)
    context.load_verify_locations(tls.client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def listen(host: str, port: int, *, tls: bool) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises Denied for plain HTTP beyond loopback, OSError."""
    if not tls and not _is_loopback(host):
        raise Denied("matcher.plain_beyond_loopback", host=host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on: +40 ms
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(64)
    except OSError:
        sock.close()
        raise
    return sock


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may mean anything tomorrow


async def _put_table(matcher: Matcher, request: Request) -> Response:
    table, new = await run_in_threadpool(matcher.take, await _body(request, MOST_BYTES))
    return JSONResponse({"version": table.version, "new": new})


async def _patch_table(matcher: Matcher, request: Request) -> Response:
    table, new = await run_in_threadpool(matcher.take_change, await _body(request, MOST_BYTES))
    return JSONResponse({"version": table.version, "new": new})


async def _get_status(matcher: Matcher, request: Request) -> Response:
    return JSONResponse(await run_in_threadpool(matcher.status))


async def _get_hits(matcher: Matcher, request: Request) -> Response:
    if matcher.setup.rung is not Rung.HITS:
        raise Denied("matcher.counts_only")
    after = request.query_params.get("after", "0")
    if not after.isdecimal() or len(after) > 15:
        raise Malformed("matcher.bad_cursor")
    page = await run_in_threadpool(matcher.held.find_page, int(after))
    if page is None:
        return Response(status_code=204)
    cursor, hits = page
    headers = {CURSOR_HEADER: str(cursor), STATUS_HEADER: await run_in_threadpool(matcher.find_marks)}
    return Response(write_hits(hits, matcher.setup.folder.zone), headers=headers, media_type="text/csv")


async def _get_counts(matcher: Matcher, request: Request) -> Response:
    counts = await run_in_threadpool(matcher.held.list_counts)
    if not counts:
        return Response(status_code=204)
    headers = {STATUS_HEADER: await run_in_threadpool(matcher.find_marks)}
    return Response(write_counts(counts, matcher.setup.folder.zone), headers=headers, media_type="text/csv")


async def _post_cotravel(matcher: Matcher, request: Request) -> Response:
    return JSONResponse(await run_in_threadpool(matcher.list_traced, await _body(request, QUERY_BYTES)))


async def _body(request: Request, limit: int) -> bytes:
    """Return a body, read no further than it may be long. Raises Malformed."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > limit:
            raise Malformed("matcher.too_large", limit_mb=limit >> 20)
    return bytes(found)


def _guarded(answer: Answer) -> Answer:
    """Return an address whose errors are answers, and whose log line has method, route and status only."""

    async def guarded(request: Request) -> Response:
        began = time.perf_counter()
        try:
            found = await answer(request)
        except HubError as error:
            found = _refusal(error)
        except (asyncio.CancelledError, OSError):  # the asker has gone
            raise
        except Exception as error:  # noqa: BLE001 - its text may hold what a log may not
            _LOG.error("request_failed", route=request.url.path, kind=type(error).__name__)
            found = JSONResponse({"error": "matcher.failed"}, 500)
        found.headers["cache-control"] = "no-store"
        took_ms = round((time.perf_counter() - began) * 1000, 1)
        _LOG.info("request", method=request.method, route=request.url.path, status=found.status_code, ms=took_ms)
        return found

    return guarded


def _refusal(error: HubError) -> Response:
    kinds = (code for kind, code in _STATUS.items() if isinstance(error, kind))
    status = 409 if error.key in _ANEW else next(kinds, 500)
    _LOG.warning("request_refused", reason=error.key)
    told = {"error": error.key, "zh": error.message("zh"), "en": error.message("en")}
    if error.key == _OLDER:
        told |= {"held": str(error.values["held"])}
    return JSONResponse(told, status)
