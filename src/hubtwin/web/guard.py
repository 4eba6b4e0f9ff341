"""The outermost rung of an answer: security headers, the size of a request, one log line and one meter each."""

import re
import time
from collections.abc import Mapping, Sequence

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubtwin.web.metrics import Meters

# MapLibre runs its workers from blobs; charts set style attributes; nothing else leaves this host
CSP = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "worker-src 'self' blob:",
        "child-src 'self' blob:",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def csp_of(map_origin: str) -> str:
    """Return the policy of pages whose base map comes from an origin of its own; empty: from nowhere else."""
    if not map_origin:
        return CSP
    wider = {rule: f"{rule} {map_origin}" for rule in ("img-src 'self' data: blob:", "connect-src 'self' blob: data:")}
    return "; ".join(wider.get(rule, rule) for rule in CSP.split("; "))


HEADERS: Mapping[str, str] = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(self), payment=(), usb=()",  # codes, help
}
Larger = Sequence[tuple[re.Pattern[str], int]]  # paths whose bodies may be larger
HSTS = "max-age=31536000"
log = structlog.get_logger(__name__)


class Guard:
    """ASGI middleware. It logs method, route and status: never an address with its values, never a body."""

    def __init__(
        self, app: ASGIApp, *, meters: Meters, body_bytes: int, tls: bool, larger: Larger = (), map_origin: str = ""
    ) -> None:
        """Wrap `app`; a request body above `body_bytes` is answered by 413, at the paths of `larger` above theirs."""
        self.app, self.meters, self.body_bytes, self.tls = app, meters, body_bytes, tls
        self.larger = larger
        self.headers = {**HEADERS, "content-security-policy": csp_of(map_origin)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        limit = next((most for path, most in self.larger if path.fullmatch(scope["path"])), self.body_bytes)

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                if self.tls:
                    headers["strict-transport-security"] = HSTS
            await send(message)

        try:
            await self.app(scope, _counted(scope, receive, limit), send_guarded)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, took_s: float) -> None:
        route = getattr(scope.get("route"), "path", "other")  # the pattern: ids would make a series each
        method = scope["method"] if scope["method"] in _METHODS else "other"
        if route != "/api/v1/live":  # an answer that lasts for hours says nothing about time
            self.meters.requests.labels(method, route, str(status)).observe(took_s)
        log.info("request", method=method, route=route, status=status, ms=round(took_s * 1000, 1))


_METHODS = {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"}


def _counted(scope: Scope, receive: Receive, limit: int) -> Receive:
    """Return `receive` that stops reading where a body is larger than it may be."""
    told, read = Headers(scope=scope).get("content-length", ""), 0

    async def receive_counted() -> Message:
        nonlocal read
        if told.isdigit() and int(told) > limit:
            raise HTTPException(413)
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise HTTPException(413)
        return message

    return receive_counted
