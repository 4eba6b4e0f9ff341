"""Rows of `wire.sqlite` as records. The envelope of a stored message is read again by `channels`; here it is bytes."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from hubtwin.model.message import Envelope, Handling, Head, Received, Signed, Waiting
from hubtwin.model.record import Marks, Provenance, Status

INCOMING = "id, digest, subject, sequence, state, reason, time_ms, repairs, content, signature, data"


def head_of(owner: str, partner: str, row: Sequence[Any] | None) -> Head:
    """Return a head of `seq, hash`; None: that of an empty log."""
    return Head(owner, partner, int(row[0]), str(row[1])) if row else Head(owner, partner, 0, "")


def waiting_of(row: Sequence[Any]) -> Waiting:
    """Return a message of `number, partner, id, subject, sequence, content, signature`."""
    number, partner, key, subject, sequence, content, signature = row
    return Waiting(int(number), partner, key, subject, int(sequence), Signed(bytes(content), signature))


def received_of(row: Sequence[Any]) -> Received:
    """Return a received message of the columns `INCOMING`; without envelope where its content is gone."""
    key, digest, subject, sequence, state, reason, time_ms, repairs, content, signature, data = row
    signed = None if content is None else Signed(bytes(content), signature)
    return Received(
        None if signed is None or data is None else _envelope(signed.content, data),
        *(key, digest, subject, int(sequence), Handling(state), reason),
        at=None if time_ms is None else datetime.fromtimestamp(time_ms / 1000, UTC),
        repairs=orjson.loads(repairs),
        signed=signed,
    )


def texts_of(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return the first column."""
    return [str(row[0]) for row in rows]


def _envelope(content: bytes, data: str) -> Envelope:
    """Return the envelope of bytes that were checked before they were stored, with the data as repaired."""
    told = orjson.loads(content)
    names = ("id", "source", "type", "subject", "time", "recipient", "dataschema")
    marks = Marks(Status(told["status"]), Provenance(told["provenance"]), told["replayed"])
    texts = {name: told[name] for name in names}
    return Envelope(**texts, sequence=int(told["sequence"]), data=orjson.loads(data), marks=marks)
