"""A real server on a loopback port, in a thread, and a browser-like client for it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from hubtwin.web.app import build
from hubtwin.web.desk import Desk
from hubtwin.web.edge import Edge, Options
from hubtwin.web.server import listen, make_server
from tests.web.fake_desk import PASSWORD


class Served:
    """A running server."""

    def __init__(self, port: int, edge: Edge) -> None:
        self.port, self.edge = port, edge
        self.url = f"http://127.0.0.1:{port}"

    @contextmanager
    def client(self, user: str | None = None, password: str = PASSWORD) -> Iterator[httpx.Client]:
        """Give a client of our own page, signed in as `user`."""
        with httpx.Client(base_url=self.url, headers={"origin": self.url}, timeout=10) as client:
            if user is not None:
                answer = client.post("/api/v1/session", json={"user": user, "password": password})
                assert answer.status_code == 200, answer.text
            yield client

    def token(self, user: str) -> str:
        """Return the cookie header of a session."""
        with self.client(user) as client:
            return "; ".join(f"{name}={value}" for name, value in client.cookies.items())

    def listen(self, cookie: str, last_id: str | None = None, query: str = "") -> socket.socket:
        """Open the live feed on a bare socket."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        resume = f"Last-Event-ID: {last_id}\r\n" if last_id is not None else ""
        head = f"GET /api/v1/live{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: {cookie}\r\n"
        sock.sendall(f"{head}{resume}\r\n".encode())
        return sock


@contextmanager
def serving(desk: Desk, options: Options | None = None) -> Iterator[Served]:
    """Serve a desk for the time of a block."""
    app = build(desk, options)
    sock = listen("127.0.0.1", 0)
    server = make_server(app)
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
    thread.start()
    try:
        while not (server.started and app.state.edge.feed.is_running):
            assert thread.is_alive(), "the server did not start"
            threading.Event().wait(0.01)
        yield Served(sock.getsockname()[1], app.state.edge)
    finally:
        server.stop()
        thread.join(10)
        sock.close()
        assert not thread.is_alive(), "the server did not stop"
