"""A simulated partner: it receives on the real path of any channel, and can be made to misbehave.

Over loopback HTTP it serves; a folder, a file of tables and sheets it works through when it is told to (`work_...`).

Faults are switches that count down: refuse (503), deny (422), lose the answer after storing, forget half of a delivery;
and manners that stay: delay, double, reorder. What it answers is what its books hold.
"""

import io
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from openpyxl import load_workbook

from hubtwin.base.errors import Denied, HubError, Retry
from hubtwin.channels.excel import FIRST_ROW
from hubtwin.channels.filedrop import TO, pick_up
from hubtwin.channels.sheets import FILLED, YES, read_back
from hubtwin.channels.views import View, take_in
from hubtwin.channels.webhook import MAX_BODY_BYTES, SIGNATURE, Delivery, read_delivery, status_of
from hubtwin.model.message import Signed

Take = Callable[[Delivery], Signed]


def work_drop(folder: Path, partner: "Partner") -> None:
    """Let a partner pick up the files in a folder, as far as its faults let it."""
    with suppress(Retry):
        pick_up(folder, partner.take)


def work_views(path: Path, partner: "Partner") -> None:
    """Let a partner take in what stands in its tables, as far as its faults let it."""
    with suppress(Retry):
        while take_in(path, partner.take):
            pass


def work_sheets(folder: Path, views: Sequence[View], partner: "Partner") -> None:
    """Let somebody fill in every sheet, and the desk read it in, as far as the faults let it.

    With `double` a sheet comes back twice, with `reorder` its rows stand upside down.
    """
    for path in sorted((folder / TO).glob("*.xlsx")):
        content = fill_in(path.read_bytes(), turned=partner.faults.reorder)
        for name in (path.name, f"again {path.name}")[: 1 + partner.faults.double]:
            (folder / FILLED).mkdir(parents=True, exist_ok=True)
            (folder / FILLED / name).write_bytes(content)

    def take(sender: str, lines: Sequence[Signed], head: Signed | None, refuse: Mapping[str, str]) -> Signed:
        return partner.take(sender, [signed for signed in lines if signed.digest not in refuse], head)

    with suppress(Retry):
        read_back(folder, views, take)


def fill_in(content: bytes, said: str = YES, *, turned: bool = False) -> bytes:
    """Return a sheet as somebody fills it in: `said` in each row, the rows upside down where `turned`."""
    book = load_workbook(io.BytesIO(content))
    sheet: Any = book.worksheets[0]
    keys = [cell.value for cell in sheet[2]]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=FIRST_ROW)]
    for number, row in enumerate(rows[::-1] if turned else rows, start=FIRST_ROW):
        row[keys.index("received")] = said
        for place, value in enumerate(row, start=1):
            sheet.cell(number, place).value = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: that the other side went away is what a test of it wants."""


@dataclass
class Faults:
    """What the partner does wrong. Numbers count deliveries and go down to 0."""

    refuse: int = 0
    deny: int = 0
    lose_answer: int = 0
    halve: int = 0  # only the first half of a delivery is looked at
    delay_s: float = 0.0
    double: bool = False
    reorder: bool = False
    _lock: Lock = field(default_factory=Lock, repr=False)

    def due(self, name: str) -> bool:
        """Tell whether a fault is due now, and count it."""
        with self._lock:
            left = int(getattr(self, name))
            setattr(self, name, max(0, left - 1))
            return left > 0


class Partner:
    """A partner with books of its own. `take` stores a delivery and returns the signed receipt, as `receive` does."""

    def __init__(self, take: Take, faults: Faults | None = None) -> None:
        """Take what stores a delivery; the partner serves nothing before `serve`."""
        self._store, self.faults = take, faults or Faults()
        self._server: ThreadingHTTPServer | None = None

    def handle(self, delivery: Delivery) -> Signed | None:
        """Receive under the faults that are due; None: stored, but the answer is lost. Raises what `take` raises."""
        time.sleep(self.faults.delay_s)
        if self.faults.due("refuse"):
            raise Retry("channels.later", partner="simulator", status=503)
        if self.faults.due("deny"):
            raise Denied("channels.not_taken", partner="simulator", status=422)
        lines: Sequence[Signed] = delivery.lines
        if len(lines) > 1 and self.faults.due("halve"):
            lines = lines[: len(lines) // 2]
        if self.faults.reorder:
            lines = lines[::-1]
        seen = Delivery(delivery.sender, tuple(lines), delivery.head)
        receipt = self._store(seen)
        if self.faults.double:
            receipt = self._store(seen)
        return None if self.faults.due("lose_answer") else receipt

    def take(self, sender: str, lines: Sequence[Signed], head: Signed | None) -> Signed:
        """Receive what lies somewhere, as `handle`; an answer that is lost is "later"."""
        receipt = self.handle(Delivery(sender, tuple(lines), head))
        if receipt is None:
            raise Retry("channels.later", partner="simulator", status=0)
        return receipt

    def serve(self, port: int = 0, tls: ssl.SSLContext | None = None) -> str:
        """Begin to serve on 127.0.0.1, over TLS where a context is given; return the address."""
        handle = self.handle

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = 30

            def do_POST(self) -> None:
                answer = _answer(handle, self.headers.items(), self._body())
                if answer is None:
                    self.close_connection = True
                    return
                status, body, signature = answer
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.send_header(SIGNATURE, signature)
                self.end_headers()
                self.wfile.write(body)

            def _body(self) -> bytes:
                length = int(self.headers.get("content-length") or 0)
                return self.rfile.read(min(length, MAX_BODY_BYTES + 1))

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: a line of a log may hold a value of a person."""

        self._server = _Server(("127.0.0.1", port), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}/messages"

    def close(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _answer(handle: Callable[[Delivery], Signed | None], headers: Any, body: bytes) -> tuple[int, bytes, str] | None:
    """Return status, body and signature; None where the answer is lost."""
    try:
        receipt = handle(read_delivery({name.lower(): value for name, value in headers}, body))
    except HubError as error:
        status = error.values.get("status")
        return status if isinstance(status, int) else status_of(error), b"{}", ""
    return None if receipt is None else (200, receipt.content, receipt.signature)
