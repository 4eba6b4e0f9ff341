"""Transport that polls an HTTP(S) source.

Our own sources speak a small protocol: `GET base?after=<cursor>` answers 200 with one page and its cursor in the
header `hubtwin-cursor`, or 204 when there is nothing after it. Any other address works as a source of one page
(a GTFS file, a GTFS-RT feed): its ETag, its Last-Modified or else the hash of its body is the cursor, and an
unchanged one gives no page.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import httpx

from hubtwin.base.errors import Denied, Malformed, Retry
from hubtwin.connectors.common.tls import ClientCert, trusting
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.ports import Page

CURSOR_HEADER = "hubtwin-cursor"
STATUS_HEADER = "hubtwin-status"
PROVENANCE_HEADER = "hubtwin-provenance"
REPLAYED_HEADER = "hubtwin-replayed"

CHUNK_BYTES = 1 << 20
MAX_HELD_BYTES = 64 << 20  # a body without cursor must be held to be hashed
MAX_PAGES = 1000  # of one poll: a source that never stops must not starve the others
_ETAG, _MODIFIED, _HASH = "etag:", "modified:", "hash:"
_SUSPECT = Marks(Status.TEST, Provenance.SYNTHETIC, replayed=True)
_LATER = frozenset({408, 425, 429})  # besides all of 5xx


@dataclass(frozen=True)
class HttpTransport:
    """Polls one address. `token` is sent as bearer token and is in no error, page name or representation.

    Proxy and authorities come from here only, never from the environment: `ca_file` is a PEM bundle, `client` what
    is shown to a source that asks who we are.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    timeout_s: float = 30.0
    body_s: float = 120.0  # waited for one body in all: a source that drips would hold up everything else
    ca_file: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    client: ClientCert | None = None

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield the pages after `cursor`, at most MAX_PAGES. A page must be read before the next is asked for.

        Raises Retry (refused, timeout, 5xx, broken off; also while a page is read) or Denied (any other answer
        that is no page: credentials, address).
        """
        name = public_address(self.url)
        with self._client() as client:
            for _ in range(MAX_PAGES):
                with _translated(name), self._ask(client, cursor) as answer:
                    page = _page(answer, name, cursor, self.body_s)
                    if page is None:
                        return
                    yield page
                    cursor = page.cursor
                if cursor.startswith((_ETAG, _MODIFIED, _HASH)):
                    return

    def _ask(self, client: httpx.Client, cursor: str | None) -> AbstractContextManager[httpx.Response]:
        if cursor is None or cursor.startswith(_HASH):
            return client.stream("GET", self.url)
        if cursor.startswith(_ETAG):
            return client.stream("GET", self.url, headers={"If-None-Match": cursor.removeprefix(_ETAG)})
        if cursor.startswith(_MODIFIED):
            return client.stream("GET", self.url, headers={"If-Modified-Since": cursor.removeprefix(_MODIFIED)})
        return client.stream("GET", httpx.URL(self.url).copy_merge_params({"after": cursor}))

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.Client(
            headers=headers,
            timeout=self.timeout_s,
            follow_redirects=True,  # httpx drops the token when the origin changes
            trust_env=False,
            proxy=self.proxy,
            verify=trusting(self.ca_file, self.client),
        )


def public_address(url: str) -> str:
    """Return an address without what may be secret: user, password, query, fragment."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "?"
    return str(parsed.copy_with(username=None, password=None, query=None, fragment=None))


def _page(answer: httpx.Response, name: str, before: str | None, body_s: float) -> Page | None:
    """Return the page of an answer; None when there is nothing after the cursor `before`."""
    if answer.status_code in (204, 304):
        return None
    _check_status(answer.status_code, name)
    chunks = _chunks(answer, name, body_s)
    cursor = _header_cursor(answer.headers)
    if cursor is None:
        body = _held(chunks, name)
        chunks = iter((body,))
        cursor = _HASH + blake2b(body, digest_size=16).hexdigest()
    if cursor == before:
        return None
    marks = _marks(answer.headers)
    return Page(name, chunks, cursor, marks) if marks else Page(name, _unknown_marks(name), cursor, _SUSPECT)


def _check_status(status: int, name: str) -> None:
    if status == 200:
        return
    if status >= 500 or status in _LATER:
        raise Retry("connectors.common.http_failed", source=name, status=status)
    denied = "connectors.common.http_denied" if status in (401, 403) else "connectors.common.http_refused"
    raise Denied(denied, source=name, status=status)


def _header_cursor(headers: httpx.Headers) -> str | None:
    if CURSOR_HEADER in headers:
        return headers[CURSOR_HEADER]
    if "etag" in headers:
        return _ETAG + headers["etag"]
    if "last-modified" in headers:
        return _MODIFIED + headers["last-modified"]
    return None


def _marks(headers: httpx.Headers) -> Marks | None:
    """Return the marks that the headers claim; None where they claim one that is not known."""
    try:
        return Marks(
            Status(headers.get(STATUS_HEADER, Status.ACTUAL)),
            Provenance(headers.get(PROVENANCE_HEADER, Provenance.REAL)),
            {"true": True, "false": False}[headers.get(REPLAYED_HEADER, "false")],
        )
    except (ValueError, KeyError):
        return None


def _unknown_marks(name: str) -> Iterator[bytes]:
    """Refuse the page when it is read: a mark that is not known must not be taken for none."""
    raise Malformed("connectors.common.http_unknown_mark", source=name)
    yield b""


def _chunks(answer: httpx.Response, name: str, body_s: float) -> Iterator[bytes]:
    """Yield a body. Only the time that the source takes counts, not that of whoever reads. Raises Retry, Denied."""
    pieces, held, waited_s = answer.iter_bytes(), bytearray(), 0.0
    while True:
        asked_s = time.monotonic()
        with _translated(name):
            piece = next(pieces, None)
        waited_s += time.monotonic() - asked_s
        if waited_s > body_s:
            raise Retry("connectors.common.http_broken_off", source=name, problem="TooSlow")
        held += piece or b""
        if held and (piece is None or len(held) >= CHUNK_BYTES):
            yield bytes(held)
            held.clear()
        if piece is None:
            return


def _held(chunks: Iterator[bytes], name: str) -> bytes:
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) > MAX_HELD_BYTES:
            limit_mb = MAX_HELD_BYTES >> 20
            raise Denied("connectors.common.http_too_large", source=name, limit_mb=limit_mb)
    return bytes(held)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turn what httpx raises into Retry or Denied. Its own sentences may hold the address: only the kind is kept."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as problem:
        raise Denied("connectors.common.http_refused", source=name, status=type(problem).__name__) from None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as problem:
        raise Retry("connectors.common.http_unreachable", source=name, problem=type(problem).__name__) from None
    except (httpx.HTTPError, httpx.StreamError) as problem:
        raise Retry("connectors.common.http_broken_off", source=name, problem=type(problem).__name__) from None
