"""What stands between parties: it cuts, delays, doubles, turns round, repeats what is old, loses answers, and alters.

Each request to `/from/to` goes on to the door of the party `to`, over TLS on both sides. What it saw of each message is
kept, so that a test can count what was sent apart from the books of the sender.
"""

import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from hubtwin.channels.webhook import SIGNATURE, read_delivery
from hubtwin.model.message import Signed

DOOR = "/api/v1/wire"
PATIENCE_S = 20.0
OLD = 40  # requests of a line that may come once more
MANNERS = {
    "pass": 9,
    "cut_after": 2,  # the receiver gets half of it
    "lose_answer": 3,
    "double": 3,
    "reorder": 3,
    "repeat_old": 3,
    "delay": 2,
    "alter": 2,
}
CUT = 0.07  # of the requests are read half before the connection ends
REAL = (b'"provenance":"synthetic"', b'"provenance":"real"')  # what is altered: made-up data would pass for real
Line = tuple[str, str]
Headers = Mapping[str, str]
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Relay:
    """A relay with chance of its own. `port_of` says where a party serves now; it raises where it does not."""

    seed: int
    port_of: Callable[[str], int]
    cert: str
    key: str
    seen: dict[Line, dict[str, Signed]] = field(default_factory=dict)  # by digest, as their senders wrote them
    altered: dict[Line, dict[str, Signed]] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    calm: bool = False  # everything passes
    owed: bool = True  # nothing that was altered has reached anybody yet
    _old: dict[Line, list[tuple[Headers, bytes]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        """Draw from the seed."""
        self._chance = random.Random(self.seed)
        self._trust = ssl.create_default_context(cafile=self.cert)

    def handle(self, line: Line, headers: Headers, body: bytes) -> Answer | None:
        """Hand a request on, or do worse; None: whoever sent it gets no answer."""
        manner = self._choose(line, headers, body)
        if manner == "cut_after":
            self._halve(line, headers, body)
            return None
        if manner == "repeat_old":
            with self._lock:
                old = self._chance.choice(self._old[line])
            self._forward(line, *old)
        if manner == "delay":
            time.sleep(0.3)
        if manner == "reorder":
            body = b"\n".join(reversed(body.split(b"\n")))
        if manner == "alter":
            body = body.replace(*REAL, 1)
            self._note(self.altered, line, headers, body, but=self.seen[line])
        if manner == "double":
            self._forward(line, headers, body)
        answer = self._forward(line, headers, body)
        self.owed = self.owed and not (manner == "alter" and answer is not None and answer[0] == 200)
        return None if manner == "lose_answer" else answer

    def cuts(self) -> bool:
        """Tell whether a request is to be read half before the connection ends."""
        with self._lock:
            cut = not self.calm and self._chance.random() < CUT
            self.done["cut_before"] += cut
        return cut

    def _choose(self, line: Line, headers: Headers, body: bytes) -> str:
        self._note(self.seen, line, headers, body)
        with self._lock:
            old = self._old.setdefault(line, [])
            old.append((headers, body))
            del old[:-OLD]
            drawn = self._chance.choices(list(MANNERS), list(MANNERS.values()))[0]
            manner = "alter" if self.owed else "pass" if self.calm else drawn
            if (manner == "reorder" and SIGNATURE in headers) or (manner == "repeat_old" and len(old) < 2):
                manner = "pass"  # one message has no order, a first request nothing before it
            self.done[manner] += 1
        return manner

    def _note(
        self, where: dict[Line, dict[str, Signed]], line: Line, headers: Headers, body: bytes, but: Any = ()
    ) -> None:
        with self._lock:
            known = where.setdefault(line, {})
            for signed in read_delivery(headers, body).lines:
                if signed.digest not in but:
                    known[signed.digest] = signed

    def _connect(self, line: Line) -> HTTPSConnection:
        return HTTPSConnection("127.0.0.1", self.port_of(line[1]), timeout=PATIENCE_S, context=self._trust)

    def _forward(self, line: Line, headers: Headers, body: bytes) -> Answer | None:
        try:
            connection = self._connect(line)
            try:
                connection.request("POST", DOOR, body=body, headers=dict(headers))
                answer = connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            finally:
                connection.close()
        except (OSError, HTTPException):
            return None

    def _halve(self, line: Line, headers: Headers, body: bytes) -> None:
        with suppress(OSError, HTTPException):
            connection = self._connect(line)
            connection.putrequest("POST", DOOR)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders()
            connection.send(body[: len(body) // 2])
            connection.close()


def _handler(relay: Relay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 30

        def do_POST(self) -> None:
            sender, to = self.path.strip("/").split("/")
            size = int(self.headers["content-length"])
            told = {name.lower(): value for name, value in self.headers.items()}
            headers = {name: value for name, value in told.items() if name.startswith(("hubtwin-", "content-type"))}
            cut = relay.cuts()
            body = self.rfile.read(size // 2 if cut else size)
            answer = None if cut else relay.handle((sender, to), headers, body)
            if answer is None:
                self.close_connection = True
                return
            status, back, content = answer
            self.send_response(status)
            for name in ("content-type", SIGNATURE):
                if name in {each.lower() for each in back}:
                    self.send_header(name, next(value for each, value in back.items() if each.lower() == name))
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: parties that are killed in the middle are what this is for."""


@contextmanager
def relaying(relay: Relay) -> Iterator[int]:
    """Serve a relay for the time of a block; give its port."""
    server = _Server(("127.0.0.1", 0), _handler(relay))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(relay.cert, relay.key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
