"""The webhook: what each answer means, what a request may hold, and no word of an address or token in an error."""

import ssl
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest

from hubtwin.base.clock import system_clock
from hubtwin.base.errors import Bug, Denied, HubError, Malformed, Retry
from hubtwin.channels.jws import Signing
from hubtwin.channels.simulator import Faults, Partner
from hubtwin.channels.webhook import (
    MAX_LINES,
    Delivery,
    Webhook,
    read_delivery,
    status_of,
    write_delivery,
)
from hubtwin.model.message import Peer, Signed
from hubtwin.stores.signing import Signer
from hubtwin.web.certificate import ensure_certificate
from hubtwin.wiring.partners import webhook_line


@pytest.fixture
def signing(tmp_path: Path) -> Signing:
    signer = Signer(tmp_path)
    return Signing(signer.sign, signer.public_hex)


class Answering:
    """A partner that answers every delivery with a given error, or with a receipt."""

    def __init__(self, signing: Signing) -> None:
        self.error: HubError | None = None
        self.seen: list[Delivery] = []
        self._signing = signing
        self.partner = Partner(self._take)

    def _take(self, delivery: Delivery) -> Signed:
        self.seen.append(delivery)
        if self.error is not None:
            raise self.error
        return self._signing(b'{"receipt":1}')


@pytest.fixture
def answering(signing: Signing) -> Iterator[Answering]:
    made = Answering(signing)
    yield made
    made.partner.close()


def test_what_is_sent_is_what_comes(answering: Answering, signing: Signing) -> None:
    head, lines = signing(b'{"seq":1}'), [signing(f'{{"n":{n},"zh":"接站"}}'.encode()) for n in range(3)]
    with closing(Webhook(answering.partner.serve(), "/hubs/here")) as hook:
        for batch in (lines, lines[:1]):
            assert hook.put(batch, head).content == b'{"receipt":1}'
            assert answering.seen[-1] == Delivery("/hubs/here", tuple(batch), head)
        assert list(hook.collect()) == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Retry) for status in (500, 503, 408, 409, 425, 429)),
        *((status, Denied) for status in (301, 400, 401, 403, 404, 410, 413, 415, 422)),
    ],
)
def test_an_answer_says_what_to_do_next(
    answering: Answering, signing: Signing, status: int, kind: type[HubError]
) -> None:
    answering.error = Retry("channels.later", partner="x", status=status)
    with closing(Webhook(answering.partner.serve(), "/hubs/here")) as hook, pytest.raises(kind) as said:
        hook.put([signing(b"{}")], signing(b"{}"))
    assert said.value.values["status"] == status
    assert type(said.value) is kind


def test_silence_and_a_lost_answer_are_tried_again(answering: Answering, signing: Signing) -> None:
    url = answering.partner.serve()
    answering.partner.faults = Faults(lose_answer=1)
    with closing(Webhook(url, "/hubs/here")) as hook, pytest.raises(Retry):
        hook.put([signing(b"{}")], signing(b"{}"))
    answering.partner.faults = Faults(delay_s=0.6)
    with closing(Webhook(url, "/hubs/here", timeout_s=0.1)) as hook, pytest.raises(Retry):
        hook.put([signing(b"{}")], signing(b"{}"))
    with closing(create_server(("127.0.0.1", 0))) as nobody:
        port = nobody.getsockname()[1]
    secret = f"http://user:pass@127.0.0.1:{port}/x?key=hidden"
    with closing(Webhook(secret, "/hubs/here", token="tok", timeout_s=1)) as hook, pytest.raises(Retry) as said:
        hook.put([signing(b"{}")], signing(b"{}"))
    for hidden in ("pass", "hidden", "tok"):
        assert hidden not in said.value.message("en") + said.value.message("zh") + repr(hook)


class _Drips(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            for _ in range(100):
                self.wfile.write(b"{")
                self.wfile.flush()
                time.sleep(0.05)

    def log_message(self, format: str, *args: object) -> None: ...


def test_a_receipt_that_drips_for_ever_is_left(signing: Signing) -> None:
    with HTTPServer(("127.0.0.1", 0), _Drips) as server:
        Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        began_s = time.monotonic()
        with closing(Webhook(url, "/hubs/here", timeout_s=0.2)) as hook, pytest.raises(Retry):
            hook.put([signing(b"{}")], signing(b"{}"))
        assert time.monotonic() - began_s < 4.5  # it drips for five


@pytest.mark.parametrize("url", ["http://partner.example/x", "ftp://127.0.0.1/x", "partner", "http://[::", ""])
def test_nothing_goes_in_the_clear(url: str) -> None:
    with pytest.raises(Denied) as refused:
        Webhook(url, "/hubs/here")
    assert refused.value.key == "channels.not_https"


def test_only_a_trusted_certificate_gets_anything(answering: Answering, signing: Signing, tmp_path: Path) -> None:
    cert, key, _ = ensure_certificate(tmp_path / "tls", "127.0.0.1", system_clock())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    url = answering.partner.serve(tls=context)
    assert url.startswith("https://")
    peer = Peer("/partners/p", (signing.public_hex,))
    for ca_file, trusted in ((None, False), (cert, True)):
        hook = webhook_line(peer, url, "/hubs/here", ca_file=ca_file).channel
        assert isinstance(hook, Webhook)
        with closing(hook):
            if trusted:
                assert hook.put([signing(b"{}")], signing(b"{}")).content == b'{"receipt":1}'
            else:
                with pytest.raises(Retry):
                    hook.put([signing(b"{}")], signing(b"{}"))
                assert answering.seen == []


def test_a_request_that_is_wrong_is_named(signing: Signing) -> None:
    good, body = write_delivery([signing(b"{}"), signing(b"[]")], "/hubs/here", signing(b"{}"))
    assert len(read_delivery(good, body).lines) == 2
    for headers, content in (
        ({**good, "content-type": "text/plain"}, body),
        ({}, body),
        (good, b""),
        (good, b"a b\n" * (MAX_LINES + 1)),
        (good, b"x" * (9 << 20)),
        ({**good, "hubtwin-head": "!"}, body),
    ):
        with pytest.raises((Malformed, Denied)):
            read_delivery(headers, content)


def test_a_receiver_says_by_its_status_what_to_do() -> None:
    told = [status_of(kind("channels.later")) for kind in (Retry, Denied, Malformed, Bug)]
    assert told == [503, 401, 400, 500]
