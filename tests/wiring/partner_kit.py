"""A partner that sends signed messages to a hub, and the hub's end of the wire, both real."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from hubtwin.channels.cloudevent import write_event
from hubtwin.channels.jws import Signing
from hubtwin.channels.receipts import read_receipt
from hubtwin.channels.receive import Reception, receive
from hubtwin.channels.send import Parcel, Sender
from hubtwin.model.event import Event, EventKind, Message
from hubtwin.model.message import Envelope, Handling, Peer, Verdict
from hubtwin.model.partner import Agreement, Level, Partner, Taken, Way
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.partner_data import TIMES
from hubtwin.stores.signing import Signer
from hubtwin.wiring.partners import Partners, open_partners
from hubtwin.wiring.taking import EVENTS, Taking
from hubtwin.wiring.works import Works
from tests.walk.town import Town, town

HUB, OFFICE = "tiny", "city-health"
MADE = Marks(provenance=Provenance.SYNTHETIC)
AGREED = Agreement("H-1", "test and care", "a law", date(2022, 1, 1), date(2022, 12, 31), "health", frozenset(Taken))


def office(agreement: Agreement = AGREED, name: str = OFFICE) -> Partner:
    """Return a partner."""
    return Partner(name, {"zh": "市疾控", "en": "City health"}, Level.CITY, Way.HTTPS, agreements=(agreement,))


@dataclass
class Line:
    """What a partner says to a hub, and what the hub makes of it."""

    works: Works
    wire: Partners
    signing: Signing
    taking: Taking
    marks: Marks = MADE
    name: str = OFFICE
    _next: dict[str, int] = field(default_factory=dict)

    def say(self, kind: str, subject: str, data: dict[str, Any], key: str = "", sequence: int = 0) -> Verdict:
        """Send a message and have it received; return what its receipt says."""
        number = sequence or self._next.get(subject, 0) + 1
        self._next[subject] = max(number, self._next.get(subject, 0))
        now = self.works.clock()
        event = Envelope(
            *(key or f"{subject}-{number}", self.name, kind, subject, number, now.isoformat(), HUB, "urn:x:1", data),
            self.marks,
        )
        zone = self.works.settings.hub.zone
        peer = Peer(self.name, (self.signing.public_hex,))
        reception = Reception(HUB, {self.name: peer}, zone, status=self.marks.status, times=TIMES)
        lines = [self.signing(write_event(event))]
        signed = receive(self.wire.wire, lines, self.name, reception, signing=self.wire.signing, now=now)
        (verdict,) = read_receipt(signed, Peer(HUB, (self.wire.signing.public_hex,)), self.name).verdicts
        return verdict

    def tell_of(self, subject: str, key: str = "") -> None:
        """Let the hub tell the partner of a case."""
        sender = Sender(self.wire.wire, self.wire.signing, {}, lambda message: ())
        parcel = Parcel(self.name, "hubtwin.disclosure.health", subject, "urn:x:1", {"level": "high"}, self.marks)
        sender.stage([(Message(key or f"about {subject}", "feedback", {}, 27_770_000), parcel)])

    def take(self) -> list[Event]:
        """Take over what came; return the events that tell of it."""
        before = self.works.ledger.last_seq()
        self.taking(self.works.clock())
        return self.works.ledger.list_events(before, EVENTS)

    def sends(self, kind: str, subject: str, data: dict[str, Any], **how: Any) -> Event:
        """Send a message that is received and taken over; return the event that tells of it."""
        assert self.say(kind, subject, data, **how).handling is Handling.APPLIED
        (event,) = self.take()
        return event

    def is_refused(self, kind: str, subject: str, data: dict[str, Any], **how: Any) -> str:
        """Send a message that is refused; return the reason."""
        event = self.sends(kind, subject, data, **how)
        assert event.kind == EventKind.PARTNER_DATA_REFUSED, event
        return str(event.payload["reason"])

    def again(self) -> None:
        """Begin anew, as after a restart."""
        self.taking = Taking(self.works, self.wire.wire, self.taking.registry, self.taking.on_answer)


def open_line(works: Works, folder: Path, partner: Partner | None = None, **told: Any) -> Line:
    """Open a line between a hub and a partner whose key lies in a folder."""
    wire = open_partners(works.store.directory, HUB, 27_770_000)
    signer = Signer(folder)
    known = partner or office()
    signing = Signing(signer.sign, signer.public_hex)
    keyed = replace(known, keys=(signer.public_hex,))
    return Line(
        works, wire, signing, Taking(works, wire.wire, {keyed.partner_id: keyed}, **told), name=keyed.partner_id
    )


@contextmanager
def copied(prepared: Path, folder: Path, minute: int = 0) -> Iterator[Town]:
    """Give a copy of the prepared town at a minute."""
    if not folder.exists():
        shutil.copytree(prepared, folder)
    with town(folder, fresh=False) as here:
        here.people = {person.user_id: person for person in here.works.access.accounts.list_people()}
        here.clock.jump(here.at(minute))
        yield here
