"""What goes between a hub and its partners: envelopes (CloudEvents 1.0), signed bytes, receipts, entries of a log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from hubtwin.model.record import UNMARKED, Marks


class Direction(StrEnum):
    """Which way a message went, seen from the owner of the log."""

    OUT = "out"
    IN = "in"


class Handling(StrEnum):
    """What a receiver did with a message that it understood."""

    APPLIED = "applied"  # in its place; it has its effect, once
    HELD = "held"  # stored; one before it of the same subject has not come yet
    DOUBLED = "doubled"  # the same bytes were here before; nothing happened again
    REFUSED = "refused"  # with a reason; it never has an effect


@dataclass(frozen=True, slots=True)
class Envelope:
    """A CloudEvent. `id` is the key of the outbox, `source` the hub, `subject` the case, `recipient` one partner.

    `sequence` counts from 1 within source, recipient and subject. `time` is the text as it was signed: RFC 3339, if
    the sender keeps to it. `dataschema` names what `data` holds, with its version.
    """

    id: str
    source: str
    type: str
    subject: str
    sequence: int
    time: str
    recipient: str
    dataschema: str
    data: Mapping[str, object]
    marks: Marks = UNMARKED


@dataclass(frozen=True, slots=True)
class Signed:
    """Exact bytes and their detached JWS. As a line of a file or of a request: signature, blank, content."""

    content: bytes
    signature: str

    @property
    def line(self) -> bytes:
        """Return both as one line without its end; the content holds no line end."""
        return self.signature.encode("ascii") + b" " + self.content

    @property
    def digest(self) -> str:
        """Return SHA-256 of the line in hex: what logs and receipts name a message by."""
        return sha256(self.line).hexdigest()


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody who signs: `source` as it stands in messages, public Ed25519 keys in hex, the newest first."""

    source: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a message log. `before` and `hash` chain it to the one before; `at_ms` is the owner's clock, epoch ms.

    `digest` is that of the signed message, so the log proves what was sent without holding a word of it.
    """

    seq: int
    direction: Direction
    id: str
    digest: str
    at_ms: int
    before: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a message log: so many entries, and the hash of the last one."""

    owner: str
    partner: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a receiver says of one message. `reason` is a text key where it was refused, else empty."""

    id: str
    digest: str
    handling: Handling
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of a subject that have not come: from `first` to `last`, both included. They are asked for again."""

    subject: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The word of a receiver on what was handed to it. It stands for what is stored, never for what was only read."""

    by: str
    to: str
    at_ms: int
    verdicts: tuple[Verdict, ...]
    gaps: tuple[Gap, ...]
    head: Head


@dataclass(frozen=True, slots=True)
class Received:
    """A message in the books of a receiver. `at` is its time as repaired, `repairs` say how, by field.

    `signed` is None once what it says was taken over and its content destroyed.
    """

    envelope: Envelope | None
    id: str
    digest: str
    subject: str
    sequence: int
    handling: Handling
    reason: str = ""
    at: datetime | None = None
    repairs: Mapping[str, str] = field(default_factory=dict)
    signed: Signed | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in the books of a sender: signed once, sent until the partner's receipt stands beside it."""

    number: int
    partner: str
    id: str
    subject: str
    sequence: int
    signed: Signed


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that a partner did not take, and that a person has to mend. `reason` is a text key, `at_ms` epoch ms.

    `placed`: it has its place in the order of its subject at the partner all the same. One without place leaves a gap,
    behind which everything of the subject waits until another message takes the place.
    """

    partner: str
    id: str
    subject: str
    sequence: int
    digest: str
    reason: str
    placed: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a list tells of a message in the books of a sender: never what it says.

    `state` is waiting, handed, arrived, refused, replaced or expired, `reason` a text key; `readable`: what it says is
    still here. It was written at `written_ms` and stands so since `at_ms`.
    """

    number: int
    partner: str
    id: str
    subject: str
    digest: str
    state: str
    reason: str
    written_ms: int
    at_ms: int
    readable: bool


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a list tells of a message in the books of a receiver: never what it says."""

    id: str
    subject: str
    handling: Handling
    reason: str
    at_ms: int
