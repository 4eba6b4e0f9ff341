"""The simulated platform of a province: it takes batches on the real wire, checks them itself, and answers each row.

It holds a batch to the same template data, but counts and hashes on its own. It knows a row by key and revision, and a
person by the key columns of the template, so it can tell at any time whom it has: what it has is worked out of its
incoming book and of nothing else, so a kill changes nothing. Faults of the transport (lost answers, deliveries doubled
or turned round) are those of `channels.simulator`; its own are in `Manners`.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hubtwin.base.clock import epoch_minute
from hubtwin.channels.batch_wire import HEADER, ROWS, count_fates, parcels_of_answer, read_rows
from hubtwin.channels.send import Sender
from hubtwin.model.batch import BatchAnswer, RowAnswer, RowFate, SentRow
from hubtwin.model.message import Envelope
from hubtwin.rules.cells import judge, natural_key
from hubtwin.rules.template import Template
from hubtwin.stores.wire import Wire

PAGE = 500
Person = tuple[str, ...]


@dataclass
class Manners:
    """What the platform does wrong, or late. `refuse` returns why it does not take a row, or nothing.

    `delay`: an answer waits for so many calls of `follow`; `lose`: so many answers are never given; `double`: every
    answer comes twice; `reorder`: answers go out in the opposite order.
    """

    refuse: Callable[[SentRow], str] = lambda row: ""
    delay: int = 0
    lose: int = 0
    double: bool = False
    reorder: bool = False


@dataclass
class _Attempt:
    """An attempt as far as it has come."""

    header: Mapping[str, object]
    rows: list[SentRow] = field(default_factory=list)
    chunks: int = 0


@dataclass
class Province:
    """The platform. `wire` is its own incoming book, `send` has the line back to the hub."""

    wire: Wire
    send: Sender
    hub: str
    templates: Mapping[tuple[str, int], Template]
    manners: Manners = field(default_factory=Manners)
    persons: dict[Person, tuple[str, int]] = field(default_factory=dict)  # whom it has: key and revision of the row
    taken: dict[str, tuple[int, str]] = field(default_factory=dict)  # by key: revision and content that it has
    refused: int = 0  # rows, each time
    doubled: int = 0
    _read: int = 0
    _open: dict[tuple[str, int], _Attempt] = field(default_factory=dict)
    _waiting: list[tuple[int, BatchAnswer, Envelope]] = field(default_factory=list)
    _turn: int = 0

    def follow(self) -> int:
        """Look at what came since and answer what is due; return how many answers went into the books."""
        self._turn += 1
        while page := self.wire.list_applied(self._read, PAGE):
            for number, received in page:
                if received.envelope is not None and received.envelope.source == self.hub:
                    self._take(received.envelope)
                self._read = number
        due = [one for one in self._waiting if one[0] <= self._turn]
        self._waiting = [one for one in self._waiting if one[0] > self._turn]
        for _, answer, envelope in reversed(due) if self.manners.reorder else due:
            self._answer(answer, envelope)
        return len(due)

    def _take(self, envelope: Envelope) -> None:
        told = envelope.data
        name = (str(told.get("batch")), int(str(told.get("attempt", 0))))
        if envelope.type == HEADER:
            self._open[name] = _Attempt(dict(told))
        elif envelope.type == ROWS and name in self._open:
            attempt = self._open[name]
            attempt.rows += read_rows(envelope)
            attempt.chunks += 1
            if attempt.chunks == attempt.header["chunks"]:
                answer = self._judge(name, self._open.pop(name))
                if self.manners.lose > 0:
                    self.manners.lose -= 1
                else:
                    self._waiting.append((self._turn + self.manners.delay, answer, envelope))

    def _judge(self, name: tuple[str, int], attempt: _Attempt) -> BatchAnswer:
        header = attempt.header
        template = self.templates.get((str(header["template"]), int(str(header["version"]))))
        reason = "" if template else f"unknown template {header['template']} {header['version']}"
        if header["count"] != len(attempt.rows):
            reason = f"count {len(attempt.rows)}, told {header['count']}"
        elif header["digest"] != _digest(attempt.rows):
            reason = "digest differs"
        if reason or template is None:
            return BatchAnswer(*name, 1, 1, (), {}, reason)
        rows = [self._enter(template, row) for row in attempt.rows]
        return BatchAnswer(*name, 1, 1, rows, count_fates(rows))

    def _enter(self, template: Template, row: SentRow) -> RowAnswer:
        """Take a row, or say why not; a row that is here already changes nothing."""
        content = " ".join([str(row.revision), *row.cells])
        revision, had = self.taken.get(row.key, (0, ""))
        if row.revision < revision or (row.revision == revision and content == had):
            self.doubled += 1
            return RowAnswer(row.key, row.revision, RowFate.DOUBLED)
        problems, person = judge(template, row.cells), natural_key(template, row.cells)
        reason = "; ".join(f"{column}: {problem.message('zh')}" for column, problem in problems)
        if not reason and row.revision == revision:
            reason = "the same revision said something else"
        if not reason and person and self.persons.get(person, (row.key, 0))[0] != row.key:
            reason = "the person is known under another key"
        reason = reason or self.manners.refuse(row)
        if reason or person is None:
            self.refused += 1
            return RowAnswer(row.key, row.revision, RowFate.REFUSED, reason[:200])
        self.taken[row.key] = (row.revision, content)
        self.persons[person] = (row.key, row.revision)
        return RowAnswer(row.key, row.revision, RowFate.ACCEPTED)

    def _answer(self, answer: BatchAnswer, envelope: Envelope) -> None:
        for again in (0, 1) if self.manners.double else (0,):
            at_min = epoch_minute(datetime.fromisoformat(envelope.time))
            self.send.stage(parcels_of_answer(answer, self.hub, envelope.marks, at_min, again=again))


def _digest(rows: Sequence[SentRow]) -> str:
    """Return the digest of rows, reckoned from the words of `channels.batch_wire` and not from its code."""
    told = hashlib.sha256()
    for row in rows:
        line = json.dumps([row.key, row.revision, list(row.cells)], ensure_ascii=False, separators=(",", ":"))
        told.update(line.encode("utf-8"))
        told.update(b"\n")
    return told.hexdigest()
