"""What the routes share: the desk, the options of this server, its meters, its live feed; and how an answer is made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response

from hubtwin.web.desk import Desk
from hubtwin.web.feed import Feed
from hubtwin.web.limits import Limiter
from hubtwin.web.metrics import Meters
from hubtwin.web.wire import encode

API = "/api/v1"
COOKIE = "hubtwin_session"


@dataclass(frozen=True)
class Options:
    """How this server is set up. `ui` is the built page, `origins` are pages elsewhere that may write; `map_origin` is
    where pages fetch a base map of the deployment's own."""

    tls: bool = False
    ui: Path | None = None
    origins: tuple[str, ...] = ()
    body_bytes: int = 256 * 1024
    upload_bytes: int = 4 << 30  # of a file to load into the library
    poll_s: float = 0.05
    map_origin: str = ""

    @property
    def cookie(self) -> str:
        """Return the name of the session cookie; the prefix makes browsers insist on TLS, this host and path /."""
        return f"__Host-{COOKIE}" if self.tls else COOKIE


@dataclass(frozen=True)
class Edge:
    """What every route is given."""

    desk: Desk
    options: Options
    meters: Meters
    limiter: Limiter  # of guesses
    pace: Limiter  # of what sessions ask for; apart, so that asking makes nobody forget a guess
    feed: Feed


def get_edge(request: HTTPConnection) -> Edge:
    """Return what the application was built with."""
    edge: Edge = request.app.state.edge
    return edge


def reply(value: Any, status: int = 200) -> Response:
    """Return an answer that no cache keeps."""
    return Response(encode(value), status, {"cache-control": "no-store"}, "application/json")
