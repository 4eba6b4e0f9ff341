"""The receiving half: a message has its effect once, by its key, in the order of its subject, or is refused.

`check` says whether a message is what it claims to be, `place` what happens to it given what the books hold; both are
pure. `receive` does it, in one transaction with the log, and answers with a receipt that is signed after that: nothing
is acknowledged that is not stored.

A refused message keeps its place in the order of its subject, so that one wrong message does not hold up the case. One
whose sender is not proven has no place: it is counted, nothing more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from hubtwin.base.clock import EPOCH
from hubtwin.base.errors import Denied, HubError, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.channels.books import Books, BooksUnit
from hubtwin.channels.cloudevent import read_event
from hubtwin.channels.jws import Signing, verify
from hubtwin.channels.log import entry_after
from hubtwin.channels.receipts import read_head, write_receipt
from hubtwin.channels.repairs import Declared, Known, PositionFields, TrainFields, repair
from hubtwin.model.message import Direction, Gap, Handling, Peer, Receipt, Received, Signed, Verdict
from hubtwin.model.record import Status

_MS = timedelta(milliseconds=1)
_WITHOUT_PLACE = frozenset({"channels.key_reused", "channels.place_taken", "channels.far_ahead"})
MAX_AHEAD = 10_000  # a sequence so far beyond the next one is a mistake, not a gap


@dataclass(frozen=True)
class Reception:
    """How one side receives. `peers` by their source; `times`, `positions`, `trains` and `areas` say, by type, which
    fields of `data` hold what, and `known` what they are compared with.

    `status` is that of the store: an exercise takes nothing real and nothing real takes an exercise.
    """

    me: str
    peers: Mapping[str, Peer]
    zone: ZoneInfo
    status: Status = Status.ACTUAL
    times: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    positions: Mapping[str, tuple[PositionFields, ...]] = field(default_factory=dict)
    trains: Mapping[str, tuple[TrainFields, ...]] = field(default_factory=dict)
    areas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: Known = field(default_factory=Known)

    def declared(self, kind: str) -> Declared:
        """Return what the fields of a type of message hold."""
        return Declared(
            *(self.times.get(kind, ()), self.positions.get(kind, ())),
            *(self.trains.get(kind, ()), self.areas.get(kind, ())),
        )


def check(signed: Signed, sender: str, reception: Reception, now: datetime) -> Received:
    """Return a message as far as it can be judged alone; its handling is REFUSED or, for now, APPLIED.

    Raises Denied where the sender is not proven: unknown, a wrong signature, not for us, somebody else's message.
    Raises Malformed where it has no envelope.
    """
    peer = reception.peers.get(sender)
    if peer is None:
        raise Denied("channels.unknown_sender", sender=sender)
    verify(signed, peer.keys)
    envelope = read_event(signed.content)
    if envelope.source != sender:
        raise Denied("channels.other_source", source=envelope.source, sender=sender)
    if envelope.recipient != reception.me:
        raise Denied("channels.other_recipient", recipient=envelope.recipient)
    found = Received(
        envelope, envelope.id, signed.digest, envelope.subject, envelope.sequence, Handling.APPLIED, signed=signed
    )
    if envelope.marks.status is not reception.status:
        return _refused(found, "channels.other_status")
    try:
        meant = repair(envelope, reception.declared(envelope.type), reception.known, reception.zone, now)
    except Malformed as error:
        return _refused(found, error.key)
    return replace(found, envelope=replace(envelope, data=meant.data), at=meant.at, repairs=meant.repairs)


def place(found: Received, known: Received | None, at_place: Received | None, last: int) -> Received:
    """Return what happens to a message: `known` has its id, `at_place` its place, `last` is where its subject stands.

    The same bytes twice are one message. A key or a place with other bytes is refused and changes nothing.
    """
    if known is not None:
        same = known.digest == found.digest
        return replace(found, handling=Handling.DOUBLED) if same else _refused(found, "channels.key_reused")
    if at_place is not None or found.sequence <= last:
        return _refused(found, "channels.place_taken")
    if found.sequence > last + MAX_AHEAD:
        return _refused(found, "channels.far_ahead")
    if found.handling is Handling.APPLIED and found.sequence > last + 1:
        return replace(found, handling=Handling.HELD)
    return found


def receive(
    books: Books,
    lines: Sequence[Signed],
    sender: str,
    reception: Reception,
    *,
    signing: Signing,
    now: datetime,
    head: Signed | None = None,
    refuse: Mapping[str, str] = MappingProxyType({}),
) -> Signed:
    """Take in messages of one sender and return the signed receipt for them.

    `refuse` are digests of messages that a person does not take, each with the reason. `head` is the signed end of the
    sender's log, kept as its word. Raises Denied for an unknown sender, Retry where the books cannot be written: then
    nothing was taken in and nothing may be answered but "later".
    """
    peer = reception.peers.get(sender)
    if peer is None:
        raise Denied("channels.unknown_sender", sender=sender)
    told = read_head(head, peer, reception.me) if head else None
    at_ms = (now - EPOCH) // _MS
    checked = [_checked(line, sender, reception, now) for line in lines]  # outside the transaction: it costs the most
    checked = [_refused_by_hand(one, refuse) for one in checked] if refuse else checked
    with books.unit() as unit:
        verdicts = tuple(_take(unit, sender, one, at_ms) for one in checked)
        if head and told:
            unit.keep_head(sender, head, told, at_ms)
        gaps = tuple(_gaps(unit, sender, checked))
        end = unit.head(sender)
        failpoint("wire.before_commit")
    failpoint("wire.taken")
    return write_receipt(Receipt(reception.me, sender, at_ms, verdicts, gaps, end), signing)


def _checked(line: Signed, sender: str, reception: Reception, now: datetime) -> Received | tuple[Signed, HubError]:
    try:
        return check(line, sender, reception, now)
    except (Denied, Malformed) as error:
        return line, error


def _take(unit: BooksUnit, sender: str, one: Received | tuple[Signed, HubError], at_ms: int) -> Verdict:
    if not isinstance(one, Received):
        line, error = one
        unit.count_refusal(sender, error.key)
        return Verdict("", line.digest, Handling.REFUSED, error.key)
    subject, last = one.subject, unit.last_in_order(sender, one.subject)
    known = unit.find_incoming(sender, one.id)
    placed = place(one, known, unit.find_place(sender, subject, one.sequence), last)
    if placed.handling is Handling.DOUBLED and known and known.handling is Handling.REFUSED:
        return Verdict(one.id, one.digest, Handling.REFUSED, known.reason)
    if placed.handling is Handling.DOUBLED:
        return Verdict(one.id, one.digest, Handling.DOUBLED)
    if placed.reason in _WITHOUT_PLACE:
        unit.count_refusal(sender, placed.reason)
        return Verdict(one.id, one.digest, Handling.REFUSED, placed.reason)
    unit.add_incoming(sender, placed, at_ms)
    if placed.handling is not Handling.REFUSED:
        unit.append_entry(sender, entry_after(unit.head(sender), Direction.IN, one.id, one.digest, at_ms))
    while unit.move_on(sender, subject):
        pass
    return Verdict(one.id, one.digest, placed.handling, placed.reason)


def _gaps(unit: BooksUnit, sender: str, checked: Sequence[Received | tuple[Signed, HubError]]) -> list[Gap]:
    """Return what is missing before messages of the subjects that just came, one gap a subject."""
    gaps = []
    for subject in dict.fromkeys(one.subject for one in checked if isinstance(one, Received)):
        last = unit.last_in_order(sender, subject)
        beyond = unit.next_place(sender, subject, last)
        if beyond is not None:
            gaps.append(Gap(subject, last + 1, beyond - 1))
    return gaps


def _refused_by_hand(
    one: Received | tuple[Signed, HubError], refuse: Mapping[str, str]
) -> Received | tuple[Signed, HubError]:
    by_hand = isinstance(one, Received) and one.handling is not Handling.REFUSED and one.digest in refuse
    return _refused(one, refuse[one.digest]) if by_hand and isinstance(one, Received) else one


def _refused(found: Received, reason: str) -> Received:
    return replace(found, handling=Handling.REFUSED, reason=reason)
