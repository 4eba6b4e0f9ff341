"""Messages over HTTPS: one CloudEvent in structured mode, or many as signed lines, each with its own detached JWS.

    POST  content-type: application/cloudevents+json            body: the event    hubtwin-signature: its JWS
    POST  content-type: application/vnd.hubtwin.signed-events   body: lines "JWS event"
    both  hubtwin-sender: who sends    hubtwin-head: the signed end of the sender's log, base64url
    200   content-type: application/json    body: the receipt    hubtwin-signature: its JWS

`Webhook` is the sending side; `read_delivery` and `status_of` are what a receiving server needs. Any 2xx without a
receipt that the partner signed counts as not arrived.
"""

import ssl
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BinasciiError
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from hubtwin.base.errors import Denied, HubError, Malformed, Retry
from hubtwin.channels.cloudevent import CONTENT_TYPE
from hubtwin.channels.jws import read_line
from hubtwin.model.message import Signed

LINES_TYPE = "application/vnd.hubtwin.signed-events"
SIGNATURE, SENDER, HEAD = "hubtwin-signature", "hubtwin-sender", "hubtwin-head"
MAX_BODY_BYTES, MAX_LINES = 8 << 20, 500
TIMEOUT_S = 20.0  # of silence; a receipt that drips is left after three times as long
_JSON = "application/json"
_LATER = frozenset({408, 409, 425, 429})  # besides all of 5xx
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Webhook:
    """A channel to one address. The token goes as bearer token and is in no error and no representation."""

    def __init__(
        self, url: str, me: str, *, trust: ssl.SSLContext | bool = True, token: str = "", timeout_s: float = TIMEOUT_S
    ) -> None:
        """Take the address of a partner, and whom to trust. Raises Denied for an address that is not HTTPS.

        Plain HTTP is let through to this machine only: a proxy beside the hub may speak TLS for it.
        """
        self._name, self._me, self._body_s = _checked_address(url), me, 3 * timeout_s
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(
            timeout=timeout_s, verify=trust, follow_redirects=False, trust_env=False, headers={"accept": _JSON}
        )

    def put(self, batch: Sequence[Signed], head: Signed) -> Signed:
        """Send messages and return the receipt. Raises Retry or Denied with `status`."""
        headers, body = write_delivery(batch, self._me, head)
        try:
            request = self._client.build_request("POST", self._url, content=body, headers={**self._headers, **headers})
            answer = self._client.send(request, stream=True)
            try:
                self._check_status(answer)
                return _receipt(answer, self._name, self._body_s)
            finally:
                answer.close()
        except httpx.HTTPError as problem:  # its own sentence may hold the address: only the kind is kept
            raise Retry("channels.unreachable", partner=self._name, problem=type(problem).__name__) from None

    def collect(self) -> Sequence[Signed]:
        """Return nothing: receipts come with the answer."""
        return ()

    def forget(self, receipt: Signed) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _check_status(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if status >= 500 or status in _LATER:
            raise Retry("channels.later", partner=self._name, status=status)
        if not 200 <= status < 300:
            raise Denied("channels.not_taken", partner=self._name, status=status)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request as it came: who says to send it, the messages in order, and the end of the sender's log."""

    sender: str
    lines: tuple[Signed, ...]
    head: Signed | None


def write_delivery(batch: Sequence[Signed], me: str, head: Signed) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a request that hands messages over."""
    headers = {SENDER: me, HEAD: urlsafe_b64encode(head.line).decode()}
    if len(batch) == 1:
        return {**headers, "content-type": CONTENT_TYPE, SIGNATURE: batch[0].signature}, batch[0].content
    return {**headers, "content-type": LINES_TYPE}, b"\n".join(signed.line for signed in batch)


def read_delivery(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Return what a request hands over; names of headers are in lower case. Raises Malformed, Denied (no signature)."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if len(body) > MAX_BODY_BYTES:
        raise Malformed("channels.broken_delivery", what="size")
    if kind == CONTENT_TYPE:
        lines: tuple[Signed, ...] = (Signed(body, headers.get(SIGNATURE, "")),)
    elif kind == LINES_TYPE:
        lines = tuple(read_line(line) for line in body.split(b"\n") if line)
    else:
        raise Malformed("channels.broken_delivery", what="content-type")
    if not 0 < len(lines) <= MAX_LINES:
        raise Malformed("channels.broken_delivery", what="number of messages")
    try:
        head = read_line(urlsafe_b64decode(headers[HEAD])) if HEAD in headers else None
    except (BinasciiError, ValueError) as error:
        raise Malformed("channels.broken_delivery", what=HEAD) from error
    return Delivery(headers.get(SENDER, ""), lines, head)


def status_of(error: HubError) -> int:
    """Return the HTTP status by which a receiver says what to do: later, not at all, or mend it."""
    if isinstance(error, Retry):
        return 503
    return 401 if isinstance(error, Denied) else 400 if isinstance(error, Malformed) else 500


def _receipt(answer: httpx.Response, name: str, body_s: float) -> Signed:
    held, began_s = bytearray(), time.monotonic()
    for chunk in answer.iter_bytes():
        held += chunk
        if len(held) > MAX_BODY_BYTES or time.monotonic() - began_s > body_s:
            raise Retry("channels.later", partner=name, status=answer.status_code)
    return Signed(bytes(held), answer.headers.get(SIGNATURE, ""))


def _checked_address(url: str) -> str:
    """Return an address without what may be secret."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Denied("channels.not_https", partner="?") from error
    name = str(parsed.copy_with(username=None, password=None, query=None, fragment=None))
    if parsed.scheme != "https" and not (parsed.scheme == "http" and parsed.host in _LOOPBACK):
        raise Denied("channels.not_https", partner=name)
    return name
