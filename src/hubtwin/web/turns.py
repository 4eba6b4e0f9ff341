"""How many requests of one session are answered at once: a page that asks for everything waits, and nobody else does.

The requests of all pages share a bounded pool of threads. Without a bound of its own one session could take them all,
with forty requests that take a second each.
"""

import asyncio
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from hubtwin.web.edge import API
from hubtwin.web.problems import problem

AT_ONCE = 8  # a browser has six connections to one host
WAITING, WAIT_S = 64, 20.0
_AGAIN = {"retry-after": "2"}
LIVE = f"{API}/live"  # lasts for hours and holds no thread; its pages are counted by the feed


@dataclass
class _Line:
    """The requests of a session: those that are answered, and those that wait."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    inside: int = 0


class Turns:
    """ASGI middleware. Requests without a session pass: they are refused before they cost anything."""

    def __init__(self, app: ASGIApp, *, cookie: str) -> None:
        """Wrap `app`; `cookie` is the name of the session cookie."""
        self.app, self.cookie = app, cookie
        self._lines: dict[str, _Line] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when it is its turn; answer 429 where too many wait, or for too long."""
        session = "" if scope["type"] != "http" or scope["path"] == LIVE else self._session(scope)
        if not session:
            await self.app(scope, receive, send)
            return
        line = self._lines.setdefault(session, _Line())
        line.inside += 1
        try:
            if await _comes(line):
                try:
                    await self.app(scope, receive, send)
                finally:
                    line.turns.release()
            else:
                await problem(HTTPConnection(scope), 429, "web.many_at_once", _AGAIN, most=AT_ONCE)(
                    scope, receive, send
                )
        finally:
            line.inside -= 1
            if not line.inside:
                self._lines.pop(session, None)

    def _session(self, scope: Scope) -> str:
        return HTTPConnection(scope).cookies.get(self.cookie, "")


async def _comes(line: _Line) -> bool:
    """Wait for a turn; return whether it came."""
    if line.inside > AT_ONCE + WAITING:
        return False
    try:
        async with asyncio.timeout(WAIT_S):
            return await line.turns.acquire()
    except TimeoutError:
        return False
