"""The sending half: a message is signed and entered in the log once, then sent until the partner's receipt is here.

`Sender` takes a message of the outbox and returns when it stands in the books, one copy for each partner that gets it;
`pump` sends what waits. One partner that is down holds up no other. The same bytes go out at every attempt.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from hubtwin.base.clock import EPOCH, from_epoch_minute
from hubtwin.base.errors import Absent, Denied, HubError, Malformed, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.base.ids import stable_key
from hubtwin.channels.books import Books, BooksUnit
from hubtwin.channels.cloudevent import write_event
from hubtwin.channels.jws import Signing
from hubtwin.channels.log import entry_after
from hubtwin.channels.receipts import keeps_place, read_receipt, write_head
from hubtwin.model.event import Message
from hubtwin.model.message import Direction, Envelope, Handling, Peer, Signed, Waiting
from hubtwin.model.record import UNMARKED, Marks

BATCH = 400  # messages of one request or file
BATCHES = 25  # to one partner in one pump: a backlog must not keep the others waiting
WAIT_S, LONGEST_S = 5, 900  # before the next attempt at a partner that is down: doubled each time up to the longest
HANDED_S = 1800  # a file without a receipt is handed over again after so long
VOID, VOID_SCHEMA = "hubtwin.void", "urn:hubtwin:void:1"  # takes a place in the order and has no effect
_MS = timedelta(milliseconds=1)
_ONE_MESSAGE = frozenset({400, 413, 415, 422})  # answers that are about what was sent, not about who sent it


class Channel(Protocol):
    """A way to one partner. It promises nothing before the partner's signed receipt is here."""

    def put(self, batch: Sequence[Signed], head: Signed) -> Signed | None:
        """Hand messages over, in order; return the receipt, or None where it comes later.

        Raises Retry (the same later), Denied with `status` (as it is they do not take it).
        """
        ...

    def collect(self) -> Iterable[Signed]:
        """Return receipts that came since; each comes again until `forget`."""
        ...

    def forget(self, receipt: Signed) -> None:
        """Let go of a receipt that stands in the books."""
        ...


@runtime_checkable
class Withdrawing(Protocol):
    """A channel that holds what it handed over until the partner takes it, and can take it back."""

    def withdraw(self, subjects: Collection[str]) -> None:
        """Destroy what lies there of some subjects; what lay beside it is handed over again. Raises Retry."""
        ...


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one partner gets of a message: already cut down to what its profile lets out."""

    partner: str
    type: str
    subject: str
    dataschema: str
    data: Mapping[str, object]
    marks: Marks = UNMARKED


@dataclass(frozen=True)
class Line:
    """A partner and the channel to it."""

    peer: Peer
    channel: Channel


@dataclass
class Sender:
    """Sends for one hub. `route` says who gets what of a message; what nobody gets goes to `otherwise`.

    `failed` is, by partner, the text key of what went wrong last; a partner that is missing is well.
    """

    books: Books
    signing: Signing
    lines: Mapping[str, Line]
    route: Callable[[Message], Sequence[Parcel]]
    otherwise: Callable[[Message], None] | None = None
    failed: dict[str, str] = field(default_factory=dict)
    _pauses: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def __call__(self, message: Message) -> None:
        """Take a message over; it survives kill -9 from here on. Raises Retry, Malformed (no JSON, too long)."""
        self.take([message])

    def take(self, messages: Iterable[Message]) -> None:
        """Take messages over in one transaction, which costs little more than one message. As `__call__`."""
        parcels = list[tuple[Message, Parcel]]()
        for message in messages:
            routed = self.route(message)
            parcels += [(message, parcel) for parcel in routed]
            if not routed and self.otherwise is not None:
                self.otherwise(message)
        if parcels:
            self.stage(parcels)

    def stage(self, parcels: Iterable[tuple[Message, Parcel]], *, up_to: int | None = None) -> None:
        """Sign messages and write them into the books in one transaction; what stands there is not written again.

        `up_to` is the event of the loop that they tell of, noted in the same transaction.
        """
        with self.books.unit() as unit:
            for message, parcel in parcels:
                if not unit.has_outgoing(parcel.partner, message.key):
                    self._write(unit, message, parcel)
            if up_to is not None:
                unit.follow(up_to)
            failpoint("wire.before_staged")
        failpoint("wire.staged")

    def correct(self, message_id: str, message: Message, parcel: Parcel) -> None:
        """Send another message for one that the partner of the parcel refused; the new one needs a key of its own.

        It takes the place of the refused one, or the next of the subject where that one has its place at the partner.
        Sent twice, it is written once. Raises Absent where no such message was refused, Denied for another subject.
        """
        with self.books.unit() as unit:
            if unit.has_outgoing(parcel.partner, message.key):
                return
            refused = unit.find_refused(parcel.partner, message_id)
            if refused is None:
                raise Absent("channels.not_refused", id=message_id)
            if refused.subject != parcel.subject or message.key == message_id:
                raise Denied("channels.other_place", id=message_id)
            unit.replace_refused(parcel.partner, message_id, message.at_min * 60_000)
            self._write(unit, message, parcel, None if refused.placed else refused.sequence)
            failpoint("wire.before_staged")

    def void(self, partner: str, message_id: str, at_min: int, marks: Marks) -> None:
        """Say, signed, that a message which the partner refused will not come, so that the later ones of its subject
        have their effect. Nothing is sent where it has its place there all the same. Raises as `correct`.

        `marks` are those of the refused message: what an exercise voids is of the exercise.
        """
        with self.books.unit() as unit:
            refused = unit.find_refused(partner, message_id)
        if refused is None:
            raise Absent("channels.not_refused", id=message_id)
        if refused.placed:
            with self.books.unit() as unit:
                unit.replace_refused(partner, message_id, at_min * 60_000)
            return
        told = {"voids": message_id, "digest": refused.digest}
        message = Message(stable_key("void", partner, message_id), "partners", told, at_min)
        self.correct(message_id, message, Parcel(partner, VOID, refused.subject, VOID_SCHEMA, told, marks))

    def _write(self, unit: BooksUnit, message: Message, parcel: Parcel, place: int | None = None) -> None:
        sequence = unit.next_sequence(parcel.partner, parcel.subject) if place is None else place
        at = from_epoch_minute(message.at_min)
        envelope = Envelope(
            *(message.key, self.books.owner, parcel.type, parcel.subject, sequence, at.isoformat()),
            *(parcel.partner, parcel.dataschema, parcel.data, parcel.marks),
        )
        signed, at_ms = self.signing(write_event(envelope)), (at - EPOCH) // _MS
        unit.add_outgoing(Waiting(0, parcel.partner, message.key, parcel.subject, sequence, signed), at_ms)
        head = unit.head(parcel.partner)
        unit.append_entry(parcel.partner, entry_after(head, Direction.OUT, message.key, signed.digest, at_ms))

    def destroy(self, subjects: Collection[str]) -> int:
        """Destroy what messages of some subjects say, in the books and where it waits for a partner; return how many
        messages that were. Doing it twice is harmless. Raises Retry.
        """
        count = self.books.destroy(subjects)
        for partner, line in self.lines.items():
            self._withdraw(partner, line)
        return count

    def failing(self, partner: str) -> tuple[str, datetime | None] | None:
        """Return the text key of what went wrong last at a partner and when it is tried again; None: it is well."""
        key, pause = self.failed.get(partner), self._pauses.get(partner)
        return None if key is None else (key, pause[1] if pause else None)

    def _withdraw(self, partner: str, line: Line) -> None:
        """Let the channel let go of what was destroyed, whoever destroyed it; it is asked until it has."""
        gone = self.books.list_withdrawn(partner)
        if gone:
            if isinstance(line.channel, Withdrawing):
                line.channel.withdraw(gone)
            self.books.mark_withdrawn(partner, gone)

    def pump(self, now: datetime) -> None:
        """Send what waits to every partner whose pause is over. Raises Retry only where the books cannot be written."""
        waiting = {*self.books.list_partners()}
        for partner in sorted(waiting | {*self.lines}):
            failures, until = self._pauses.get(partner, (0, now))
            line = self.lines.get(partner)
            if line is None:
                self.failed[partner] = "channels.no_line"
            elif now >= until:
                try:
                    self._withdraw(partner, line)
                    if partner in waiting:
                        self._send(line, now)
                except HubError as error:
                    self.failed[partner] = error.key
                    pause_s = min(WAIT_S * 2**failures, LONGEST_S)
                    self._pauses[partner] = (min(failures + 1, 20), now + timedelta(seconds=pause_s))
                else:
                    self.failed.pop(partner, None)
                    self._pauses.pop(partner, None)

    def _send(self, line: Line, now: datetime) -> None:
        partner, at_ms = line.peer.source, (now - EPOCH) // _MS
        for receipt in list(line.channel.collect()):
            with suppress(Denied, Malformed):  # a file that anybody may have put there settles nothing
                self._settle(line.peer, receipt, (), at_ms)
            line.channel.forget(receipt)
        for _ in range(BATCHES):
            batch = self.books.list_waiting(partner, BATCH, at_ms - HANDED_S * 1000)
            if not batch:
                return
            if not self._hand_over(line, batch, at_ms):
                raise Retry("channels.no_progress", partner=partner)

    def _hand_over(self, line: Line, batch: Sequence[Waiting], at_ms: int) -> bool:
        """Hand a batch over; return whether any of it is settled or on its way."""
        try:
            head = write_head(self.books.head(line.peer.source), self.signing)
            receipt = line.channel.put([one.signed for one in batch], head)
        except Denied as error:
            if error.values.get("status") not in _ONE_MESSAGE:
                raise
            if len(batch) > 1:  # one of them is at fault: which one shows when they go one by one
                return all(self._hand_over(line, [one], at_ms) for one in batch)
            with self.books.unit() as unit:
                return unit.settle(line.peer.source, batch[0].signed.digest, "refused", error.key, at_ms)
        failpoint("wire.put")
        if receipt is None:
            self.books.mark_handed([one.number for one in batch], at_ms)
            return True
        return self._settle(line.peer, receipt, [one.signed.digest for one in batch], at_ms)

    def _settle(self, peer: Peer, receipt: Signed, sent: Sequence[str], at_ms: int) -> bool:
        """Note what a receipt says; return whether it moved anything. Raises Denied, Malformed as `read_receipt`."""
        told, moved = read_receipt(receipt, peer, self.books.owner, sent), False
        with self.books.unit() as unit:
            for one in told.verdicts:
                refused = one.handling is Handling.REFUSED
                state, reason = ("refused", one.reason[:100]) if refused else ("arrived", "")
                placed = refused and keeps_place(one)
                moved |= unit.settle(peer.source, one.digest, state, reason, at_ms, placed=placed)
            for gap in told.gaps:
                unit.ask_again(peer.source, gap.subject, gap.first, gap.last)
            unit.keep_receipt(peer.source, receipt, told.head, at_ms)
        failpoint("wire.settled")
        return moved
