"""Polling over HTTP, beyond what the connector kit shows."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hubtwin.base.errors import Denied, HubError, Malformed, Retry
from hubtwin.connectors.common.http import HttpTransport, public_address
from hubtwin.connectors.common.serve import WireServer
from hubtwin.model.record import UNMARKED, Marks, Provenance, Status

SECRET = "s3cret-9f2c"
Answer = Callable[[BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]]


@contextmanager
def plain_server(answer: Answer) -> Iterator[str]:
    """An ordinary web server that knows nothing of cursors."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 304:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _poll(url: str, cursor: str | None = None) -> list[tuple[bytes, str]]:
    return [(b"".join(page.chunks), page.cursor) for page in HttpTransport(url, timeout_s=2).pages(cursor)]


def _error(url: str, cursor: str | None = None) -> HubError:
    with pytest.raises(HubError) as caught:
        _poll(url, cursor)
    return caught.value


@pytest.mark.parametrize("header", ["ETag", "Last-Modified", None])
def test_an_ordinary_address_is_one_page_and_unchanged_it_is_none(header: str | None) -> None:
    state = {"body": b"one", "tag": '"1"'}

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        asked = request.headers.get("If-None-Match") or request.headers.get("If-Modified-Since")
        if header and asked == state["tag"]:
            return 304, {}, b""
        return 200, {header: str(state["tag"])} if header else {}, bytes(state["body"])  # type: ignore[arg-type]

    with plain_server(answer) as url:
        ((body, cursor),) = _poll(url)
        assert body == b"one"
        assert _poll(url, cursor) == []
        state.update(body=b"two", tag='"2"')
        ((body, changed),) = _poll(url, cursor)
        assert body == b"two"
        assert changed != cursor


def test_what_follows_a_cursor_is_asked_for_and_the_query_of_the_address_stays() -> None:
    seen: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        seen.append(request.path)
        if len(seen) > 2:
            return 204, {}, b""
        return 200, {"hubtwin-cursor": f"n {len(seen)}"}, b"x"

    with plain_server(answer) as url:
        pages = _poll(f"{url}/feed?hub=a")
    assert [cursor for _, cursor in pages] == ["n 1", "n 2"]
    assert seen == ["/feed?hub=a", "/feed?hub=a&after=n+1", "/feed?hub=a&after=n+2"]


def test_a_server_that_repeats_its_cursor_ends_the_poll() -> None:
    with plain_server(lambda _: (200, {"hubtwin-cursor": "same"}, b"x")) as url:
        assert len(_poll(url)) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Denied), (403, Denied), (404, Denied), (429, Retry), (500, Retry), (503, Retry)]
)
def test_an_answer_that_is_no_page_says_what_to_do(status: int, kind: type[HubError]) -> None:
    with plain_server(lambda _: (status, {}, b"")) as url:
        error = _error(url)
    assert type(error) is kind
    assert str(status) in str(error)


def test_no_secret_is_in_an_error_a_name_or_a_representation() -> None:
    address = f"http://user:{SECRET}@127.0.0.1:9/feed?key={SECRET}#{SECRET}"
    error = _error(address)
    assert isinstance(error, Retry)
    shown = f"{error} {error!r} {error.values} {error.__cause__} {HttpTransport('http://h', SECRET, proxy=SECRET)!r}"
    assert SECRET not in shown
    assert public_address(address) == "http://127.0.0.1:9/feed"
    with WireServer([b"x"], token=SECRET) as server:
        (page,) = HttpTransport(f"{server.url}?key={SECRET}", SECRET).pages(None)
        assert SECRET not in page.name


@pytest.mark.parametrize("address", ["ftp://h/x", "no address", "http://[", "http://"])
def test_an_address_that_cannot_work_is_denied_or_retried_and_never_raises_anything_else(address: str) -> None:
    assert isinstance(_error(address), Denied | Retry)


def test_marks_come_from_headers_and_an_unknown_one_refuses_the_page() -> None:
    headers = {"hubtwin-status": "Exercise", "hubtwin-provenance": "synthetic", "hubtwin-replayed": "true"}
    with WireServer([b"x"], headers=headers) as server:
        (page,) = HttpTransport(server.url).pages(None)
        assert page.marks == Marks(Status.EXERCISE, Provenance.SYNTHETIC, replayed=True)
    with plain_server(lambda _: (200, {"ETag": "1"}, b"x")) as url:
        (page,) = HttpTransport(url).pages(None)
        assert page.marks == UNMARKED
    for name in headers:
        with WireServer([b"x"], headers={name: "perhaps"}) as server:
            (page,) = HttpTransport(server.url).pages(None)
            assert page.marks.provenance is Provenance.SYNTHETIC
            with pytest.raises(Malformed, match="refused so that no drill is taken for real"):
                list(page.chunks)


def test_the_server_counts_what_was_asked_for() -> None:
    with WireServer([b"x", b"y"]) as server:
        _poll(server.url)
        assert server.requests == 3
        server.add(b"z")
        assert _poll(server.url, "2") == [(b"z", "3")]


@pytest.mark.parametrize("cursor", [b"Hubtwin-Cursor: 1\r\n", b""])
def test_a_source_that_drips_for_ever_is_left_and_asked_again(cursor: bytes) -> None:
    """No single byte is late, so the patience for one answer never ends it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            with suppress(OSError):
                there, _ = listening.accept()
                with there:
                    there.recv(4096)
                    there.sendall(b"HTTP/1.1 200 OK\r\n" + cursor + b"Content-Length: 9999\r\n\r\n")
                    while True:
                        there.sendall(b"x")
                        time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        transport = HttpTransport(f"http://127.0.0.1:{listening.getsockname()[1]}/", timeout_s=2, body_s=0.3)
        with pytest.raises(Retry) as caught:
            [b"".join(page.chunks) for page in transport.pages(None)]
    assert caught.value.values["problem"] == "TooSlow"
