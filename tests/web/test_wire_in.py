"""The door for partners, on a real server: signed messages in, a signed receipt out, and nothing for anybody else."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from hubtwin.channels.jws import verify
from hubtwin.channels.log import compare
from hubtwin.channels.log import verify as verify_log
from hubtwin.channels.send import Line, Parcel, Sender
from hubtwin.channels.webhook import SIGNATURE, Webhook
from hubtwin.model.event import Message
from hubtwin.model.message import Peer, Signed
from hubtwin.model.record import Marks, Provenance
from hubtwin.stores.wire import Wire
from hubtwin.web.start import desk_of
from hubtwin.web.wire_in import BAD_TRIES, WIRE
from tests.web.served import Served, serving
from tests.wiring.hub_kept import KeptHub, opened
from tests.wiring.partner_town import partner, signing_of

MADE = Marks(provenance=Provenance.SYNTHETIC)
ME, HEALTH = "hangzhou-east", "city-health"


@dataclass
class Office:
    """A partner that sends to the hub."""

    hub: KeptHub
    served: Served
    wire: Wire
    sender: Sender

    def say(self, *keys: str, size: int = 10) -> None:
        for key in keys:
            self.sender(Message(key, "partners", {"text": "x" * size}, self.hub.now_min))
        self.sender.pump(self.hub.now)

    def waiting(self) -> int:
        return len(self.wire.list_waiting(ME, 1000))


def _parcel(message: Message) -> list[Parcel]:
    return [Parcel(ME, "hubtwin.trace", "case-1", "urn:hubtwin:trace:1", message.payload, MADE)]


@contextmanager
def _office(path: Path, name: str = HEALTH, key_of: str = HEALTH) -> Iterator[Office]:
    with opened(path / "home") as kept:
        known = {HEALTH: partner(HEALTH, "health", "3301", path / key_of)}
        works = replace(kept.works, settings=replace(kept.works.settings, partners=known))
        assert works.partners is not None
        with serving(desk_of(works)) as served:
            wire = Wire(path / "office", name, kept.now_min)
            signing = signing_of(path / HEALTH)
            channel = Webhook(f"{served.url}{WIRE}", name, timeout_s=60)
            line = Line(Peer(ME, (works.partners.signing.public_hex,)), channel)
            yield Office(replace(kept, works=works), served, wire, Sender(wire, signing, {ME: line}, _parcel))
            channel.close()
            wire.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with _office(tmp_path) as made:
        yield made


def test_messages_are_stored_once_and_both_logs_agree(office: Office) -> None:
    office.say("m1", "m2", "m3")
    assert office.sender.failed == {}
    assert office.waiting() == 0
    assert office.hub.works.partners is not None
    books = office.hub.works.partners.wire
    assert [found.id for _, found in books.list_applied()] == ["m1", "m2", "m3"]
    ours, theirs = books.list_entries(HEALTH), office.wire.list_entries(ME)
    assert verify_log(ours, ME, HEALTH) == []
    assert compare(ours, theirs) == []


def test_a_large_batch_goes_through_the_door_of_partners_only(office: Office) -> None:
    office.say("m1", "m2", "m3", size=200_000)
    assert (office.waiting(), office.sender.failed) == (0, {})
    with office.served.client() as client:
        assert client.post("/api/v1/session", content=b"x" * 600_000).status_code == 413
        assert client.post(WIRE, content=b"x" * (9 << 20)).status_code == 413


@pytest.mark.parametrize(("name", "key_of"), [("somebody", HEALTH), (HEALTH, "other-key")])
def test_who_is_not_proven_is_turned_away_and_nothing_is_stored(tmp_path: Path, name: str, key_of: str) -> None:
    with _office(tmp_path, name, key_of) as office:
        office.say("m1")
        assert office.waiting() == 1
        assert office.hub.works.partners is not None
        assert office.hub.works.partners.wire.list_applied() == []


def test_the_receipt_is_signed_by_the_hub(office: Office) -> None:
    office.say("m1")
    assert office.hub.works.partners is not None
    office.say("m2")
    headers = {"content-type": "application/cloudevents+json", "hubtwin-sender": HEALTH, SIGNATURE: "a..b"}
    answer = httpx.post(f"{office.served.url}{WIRE}", headers=headers, content=b"{}", timeout=60)
    assert answer.status_code == 200  # the delivery was understood; the message in it is refused by name
    receipt = Signed(answer.content, answer.headers[SIGNATURE])
    verify(receipt, (office.hub.works.partners.signing.public_hex,))
    assert '"refused"' in answer.text


@pytest.mark.parametrize(("headers", "status"), [({}, 422), ({"content-type": "application/cloudevents+json"}, 403)])
def test_garbage_is_refused_in_words_and_slowed_down(office: Office, headers: dict[str, str], status: int) -> None:
    with httpx.Client(base_url=office.served.url, headers=headers, timeout=60) as client:
        seen = [client.post(WIRE, content=b"garbage") for _ in range(4 * BAD_TRIES)]  # tries come back with time
    assert seen[0].status_code == status
    assert seen[0].json()["message"]
    assert 429 in {one.status_code for one in seen}
    assert office.hub.works.partners is not None
    assert office.hub.works.partners.wire.list_applied() == []


def test_a_hub_without_partners_has_no_such_door(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as kept, serving(desk_of(kept.works)) as served:
        answer = httpx.post(f"{served.url}{WIRE}", headers={"accept-language": "en"}, content=b"x")
        assert (answer.status_code, "[partners]" in answer.text) == (404, True)


def test_a_partner_that_hangs_up_in_the_middle_is_no_fault_of_the_hub(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", office.served.port), timeout=10) as sock:
        sock.sendall(b"POST /api/v1/wire HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    office.say("m1")  # it goes on
    assert office.waiting() == 0
    told = capsys.readouterr()
    assert "bug" not in told.out + told.err
    assert "ClientDisconnect" not in told.out + told.err
