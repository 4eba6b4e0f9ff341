"""A loopback HTTP server that speaks a simulator's bytes over the real wire, with faults to switch on.

It serves the protocol of `connectors.common.http`. The kit, the demo and drills use it; it never listens beyond
this machine.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from hubtwin.connectors.common.http import CURSOR_HEADER, PROVENANCE_HEADER

BURST = 10
_SILENCE_S = 60.0
_SLOW_PIECES = 8
_DROP = 0.01  # seconds a slow piece waits


class Fault(StrEnum):
    """What a source can do wrong on the wire. All but the last three apply to an answer, those to the pages."""

    REFUSE = "refuse"  # nobody listens
    DENY = "deny"  # 401 to every token
    FAIL = "fail"  # 503
    HALF = "half"  # breaks off in the middle of a body
    GARBAGE = "garbage"  # bytes that mean nothing between two frames
    SILENCE = "silence"  # takes the request and never answers
    SLOW = "slow"  # answers in small pieces
    DUPLICATE = "duplicate"  # every page comes twice, under cursors of their own
    BURST = "burst"  # ten times the pages at once
    DISORDER = "disorder"  # the pages come last first


def garble(page: bytes) -> bytes:
    """Put a line of bytes that mean nothing after the first line of a page. A default; frames differ by format."""
    head, end, rest = page.partition(b"\n")
    return head + end + b"\x00\xff\xfe\x81garbage\n" + rest


class WireServer:
    """Serves pages from 127.0.0.1 at a free port while used as a context manager.

    `pages` are bodies in order; page n has the cursor str(n), from 1. `headers` go with every page and mark it
    synthetic unless they say otherwise. `requests` counts what was asked for.
    """

    def __init__(
        self,
        pages: Iterable[bytes],
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        garbler: Callable[[bytes], bytes] = garble,
    ) -> None:
        self.requests = 0
        self._pages = list(pages)
        self._token = token
        self._headers = {PROVENANCE_HEADER: "synthetic", **(headers or {})}
        self._garbler = garbler
        self._fault: Fault | None = None
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the address to poll."""
        return f"http://127.0.0.1:{self._port}/pages"

    def add(self, page: bytes) -> None:
        """Add a page after the others."""
        with self._lock:
            self._pages.append(page)

    def switch(self, fault: Fault | None) -> None:
        """Switch a fault on, or off with None. Takes effect with the next request."""
        if fault is Fault.REFUSE:
            self._stop()
        elif self._server is None:
            self._start()
        self._fault = fault

    def restart(self) -> None:
        """Stop and start again at the same address; what is being answered is broken off."""
        self._stop()
        self._start()

    def __enter__(self) -> "WireServer":
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        wire = self

        class Handler(_Handler):
            owner = wire

        self._released.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        self._released.set()
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def _answer(self, after: str | None, token: str | None) -> tuple[int, str, bytes]:
        """Return status, cursor and body for a request; counts it."""
        with self._lock:
            self.requests += 1
            pages = self._shaped()
        if self._fault is Fault.DENY or (self._token and token != f"Bearer {self._token}"):
            return 401, "", b""
        if self._fault is Fault.FAIL:
            return 503, "", b""
        position = int(after) if after and after.isdecimal() else 0
        if position >= len(pages):
            return 204, "", b""
        body = pages[position]
        return 200, str(position + 1), self._garbler(body) if self._fault is Fault.GARBAGE else body

    def _shaped(self) -> list[bytes]:
        if self._fault is Fault.DUPLICATE:
            return [page for page in self._pages for _ in range(2)]
        if self._fault is Fault.BURST:
            return self._pages * BURST
        if self._fault is Fault.DISORDER:
            return self._pages[::-1]
        return list(self._pages)


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection for the server that `owner` names."""

    owner: WireServer
    protocol_version = "HTTP/1.1"
    timeout = 5.0  # an idle connection must not hold the server's end up

    def do_GET(self) -> None:
        after = parse_qs(urlsplit(self.path).query).get("after", [None])[0]
        status, cursor, body = self.owner._answer(after, self.headers.get("Authorization"))
        fault = self.owner._fault
        self.close_connection = True
        if fault is Fault.SILENCE:
            self.owner._released.wait(_SILENCE_S)
            return
        self.send_response(status)
        if status == 200:
            for name, value in self.owner._headers.items():
                self.send_header(name, value)
            self.send_header(CURSOR_HEADER, cursor)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            self._send(body, fault)
        except (BrokenPipeError, ConnectionResetError):
            return  # the reader went away: its own affair

    def _send(self, body: bytes, fault: Fault | None) -> None:
        if fault is Fault.HALF:
            self.wfile.write(body[: len(body) // 2])
        elif fault is Fault.SLOW:
            size = max(1, len(body) // _SLOW_PIECES)
            for start in range(0, len(body), size):
                self.wfile.write(body[start : start + size])
                self.wfile.flush()
                self.owner._released.wait(_DROP)
        else:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a simulator's console is the demo's."""
