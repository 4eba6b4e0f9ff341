"""Rows of `wire.sqlite` as records. The envelope of a stored message is read again by `channels`; here it is bytes."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from hubtwin.model.message import Direction, Entry, Envelope, Handling, Head, Received, Refused, Signed, Waiting
from hubtwin.model.record import Marks, Provenance, Status

INCOMING = "partner, id, digest, subject, sequence, state, reason, time_ms, repairs, content, key_id, signature, data"
OUTGOING = "number, partner, id, subject, sequence, digest, content, key_id, signature"
ENTRY = "seq, direction, id, digest, at_ms, before, hash"
REFUSED = "partner, id, subject, sequence, digest, reason, placed, state, at_ms"
Open = Callable[[str, Any, str], bytes]  # key id, sealed bytes, label -> bytes


def label_of(way: str, partner: str, digest: str) -> str:
    """Return what binds sealed bytes to their message: `way` is "in", "out", or "data" for what was repaired."""
    return f"{way} {partner} {digest}"


def head_of(owner: str, partner: str, row: Sequence[Any] | None) -> Head:
    """Return a head of `seq, hash`; None: that of an empty log."""
    return Head(owner, partner, int(row[0]), str(row[1])) if row else Head(owner, partner, 0, "")


def entry_of(row: Sequence[Any]) -> Entry:
    """Return an entry of the log of the columns `ENTRY`."""
    seq, way, key, digest, at_ms, before, mark = row
    return Entry(int(seq), Direction(way), str(key), str(digest), int(at_ms), str(before), str(mark))


def waiting_of(row: Sequence[Any], opened: Open) -> Waiting:
    """Return a message of the columns `OUTGOING`, whose content is there."""
    number, partner, key, subject, sequence, digest, content, key_id, signature = row
    told = opened(key_id, content, label_of("out", partner, digest))
    return Waiting(int(number), partner, key, subject, int(sequence), Signed(told, signature))


def received_of(row: Sequence[Any], opened: Open) -> Received:
    """Return a received message of the columns `INCOMING`; without envelope where its content is gone."""
    partner, key, digest, subject, sequence, state, reason, time_ms, repairs, content, key_id, signature, data = row
    signed = envelope = None
    if content is not None:
        signed = Signed(opened(key_id, content, label_of("in", partner, digest)), signature)
        told = None if data is None else opened(key_id, data, label_of("data", partner, digest))
        envelope = _envelope(signed.content, told)
    return Received(
        *(envelope, key, digest, subject, int(sequence), Handling(state), reason),
        at=None if time_ms is None else datetime.fromtimestamp(time_ms / 1000, UTC),
        repairs=orjson.loads(repairs),
        signed=signed,
    )


def refused_of(row: Sequence[Any]) -> Refused:
    """Return a refused message of the columns `REFUSED`."""
    partner, key, subject, sequence, digest, reason, placed, state, at_ms = row
    told = reason or ("stores.content_expired" if state == "expired" else "")
    return Refused(partner, key, subject, int(sequence), digest, told, bool(placed), int(at_ms))


def texts_of(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return the first column."""
    return [str(row[0]) for row in rows]


def _envelope(content: bytes, repaired: bytes | None) -> Envelope:
    """Return the envelope of bytes that were checked before they were stored, with its data as repaired."""
    told = orjson.loads(content)
    names = ("id", "source", "type", "subject", "time", "recipient", "dataschema")
    marks = Marks(Status(told["status"]), Provenance(told["provenance"]), told["replayed"])
    texts = {name: told[name] for name in names}
    data = told["data"] if repaired is None else orjson.loads(repaired)
    return Envelope(**texts, sequence=int(told["sequence"]), data=data, marks=marks)
