"""A batch on the wire: a header, rows in chunks, and the platform's answers, each a signed message of its own.

    hubtwin.batch.header   batch, attempt, template, version, count, chunks, digest, from_min, until_min, revision,
                           corrects
    hubtwin.batch.rows     batch, attempt, chunk, columns, rows: [key, revision, [cells]]
    hubtwin.batch.answer   batch, attempt, part, parts, counts, reason, rows: [key, revision, fate, reason]

All messages of an attempt have one subject, so they come in their order. The digest is SHA-256 over the rows in their
order, each as JSON `[key,revision,[cells]]` in UTF-8 without blanks and a line end. A row that comes again, in another
attempt or another way, has the same key and revision.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from hubtwin.base.errors import Malformed
from hubtwin.channels.send import Parcel
from hubtwin.model.batch import BatchAnswer, BatchHead, RowAnswer, RowFate, SentRow
from hubtwin.model.event import Message
from hubtwin.model.message import Envelope
from hubtwin.model.record import Marks
from hubtwin.rules.template import Template

HEADER, ROWS, ANSWER = "hubtwin.batch.header", "hubtwin.batch.rows", "hubtwin.batch.answer"
ANSWER_SCHEMA = "urn:hubtwin:batch-answer:1"
CHUNK_BYTES = 160 << 10  # of rows in a message, which may have 256 KiB
PART_ROWS = 1_500  # answers in a message
CHANNEL = "batches"
_COUNT = 1 << 20


def subject_of(head: BatchHead) -> str:
    """Return the subject of the messages of an attempt."""
    return f"{head.batch_id}.{head.attempt}"


def parcels_of_batch(head: BatchHead, template: Template, rows: Sequence[SentRow]) -> list[tuple[Message, Parcel]]:
    """Return the messages of an attempt: the header, then the rows. The same attempt gives the same keys of messages.

    `Parcel` is for one partner and already cut down: cells hold nothing that the profile of the template keeps.
    """
    digest, chunks, size = sha256(), list[list[list[Any]]]([[]]), 0
    for row in rows:
        told = [row.key, row.revision, list(row.cells)]
        line = orjson.dumps(told)
        digest.update(line + b"\n")
        size += len(line) + 1
        if size > CHUNK_BYTES and chunks[-1]:
            chunks.append([])
            size = len(line) + 1
        chunks[-1].append(told)
    common = {"batch": head.batch_id, "attempt": head.attempt}
    header = {
        **common,
        "template": head.template,
        "version": head.version,
        "count": len(rows),
        "chunks": len(chunks),
        "digest": digest.hexdigest(),
        "from_min": head.from_min,
        "until_min": head.until_min,
        "revision": head.revision,
        "corrects": head.corrects,
    }
    columns = [column.key for column in template.columns]
    bodies = [{**common, "chunk": n, "columns": columns, "rows": chunk} for n, chunk in enumerate(chunks, start=1)]
    kinds = [(HEADER, header), *((ROWS, body) for body in bodies)]
    return [_message(head, template.schema, n, kind, body) for n, (kind, body) in enumerate(kinds)]


def parcels_of_answer(
    answer: BatchAnswer, hub: str, marks: Marks, at_min: int, *, again: int = 0
) -> list[tuple[Message, Parcel]]:
    """Return the platform's receipt for an attempt as messages to the hub; `again` makes other messages of it."""
    parts = [answer.rows[n : n + PART_ROWS] for n in range(0, len(answer.rows), PART_ROWS)] or [()]
    made = []
    for number, part in enumerate(parts, start=1):
        key = f"{answer.batch_id}.{answer.attempt}.answer.{number}" + (f".{again}" if again else "")
        told = {
            "batch": answer.batch_id,
            "attempt": answer.attempt,
            "part": number,
            "parts": len(parts),
            "counts": dict(answer.counts),
            "reason": answer.reason,
            "rows": [[one.key, one.revision, one.fate.value, one.reason] for one in part],
        }
        parcel = Parcel(hub, ANSWER, f"{answer.batch_id}.{answer.attempt}", ANSWER_SCHEMA, told, marks)
        made.append((Message(key, CHANNEL, {}, at_min), parcel))
    return made


def read_answer(envelope: Envelope) -> BatchAnswer:
    """Return an answer of the platform. Raises Malformed."""
    told = envelope.data
    try:
        rows = tuple(
            RowAnswer(_text(key, 64), _whole(revision), RowFate(fate), _text(reason, 500))
            for key, revision, fate, reason in _list(told["rows"])
        )
        counts = told["counts"]
        if not isinstance(counts, Mapping):
            raise TypeError
        return BatchAnswer(
            *(_text(told["batch"], 100), _whole(told["attempt"]), _whole(told["part"]), _whole(told["parts"]), rows),
            {_text(name, 40): _whole(number) for name, number in counts.items()},
            _text(told["reason"], 500),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("channels.broken_batch_answer", message=envelope.id[:80]) from error


def read_rows(envelope: Envelope) -> Iterator[SentRow]:
    """Yield the rows of a chunk. Raises Malformed."""
    try:
        for key, revision, cells in _list(envelope.data["rows"]):
            yield SentRow(_text(key, 64), _whole(revision), tuple(_text(cell, 500) for cell in _list(cells)))
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("channels.broken_batch_answer", message=envelope.id[:80]) from error


def count_fates(rows: Iterable[RowAnswer]) -> dict[str, int]:
    """Return how many rows have which fate."""
    counts = {fate.value: 0 for fate in RowFate}
    for one in rows:
        counts[one.fate.value] += 1
    return counts


def _message(head: BatchHead, schema: str, number: int, kind: str, body: Mapping[str, Any]) -> tuple[Message, Parcel]:
    message = Message(f"{subject_of(head)}.{number}", CHANNEL, {}, head.made_min)
    return message, Parcel(head.partner, kind, subject_of(head), schema, body, head.marks)


def _list(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise ValueError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _COUNT:
        raise ValueError
    return value
