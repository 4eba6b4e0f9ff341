"""What every channel keeps, as plain functions of how to open one. A channel passes all of `CHECKS`.

`Opener(path, faults)` opens a hub and a partner with a channel between them, as `Pair`. Between both stands a simulator
that refuses, denies, delays, doubles, reorders, halves and loses answers. The partner counts with books of its own.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hubtwin.channels.cloudevent import write_event
from hubtwin.channels.jws import Signing
from hubtwin.channels.log import compare, verify
from hubtwin.channels.receipts import read_receipt, write_receipt
from hubtwin.channels.receive import Reception, receive
from hubtwin.channels.send import Channel, Line, Parcel, Sender
from hubtwin.channels.simulator import Faults
from hubtwin.channels.webhook import Delivery
from hubtwin.model.event import Message
from hubtwin.model.message import Envelope, Handling, Head, Peer, Receipt, Signed, Verdict
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.stores.signing import Signer
from hubtwin.stores.wire import Wire

HUB, PARTNER, OTHER = "/hubs/here", "/partners/district", "/partners/other"
AT_MIN = 27_770_460
NOW = datetime(2022, 10, 20, 1, 5, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
SCHEMA = "urn:hubtwin:disclosure:suite:1"
MADE = Marks(Status.ACTUAL, Provenance.SYNTHETIC, True)


@dataclass
class Side:
    """One side: its books and its signature."""

    books: Wire
    signing: Signing
    directory: Path

    @property
    def peer(self) -> Peer:
        return Peer(self.books.owner, (self.signing.public_hex,))


def open_side(directory: Path, source: str) -> Side:
    """Open books and key of one side."""
    signer = Signer(directory)
    return Side(Wire(directory, source, AT_MIN), Signing(signer.sign, signer.public_hex), directory)


@dataclass
class Pair:
    """A hub and a partner. `work` lets the partner do what it does by itself (a folder is looked at)."""

    hub: Side
    partner: Side
    sender: Sender
    faults: Faults
    channel: Channel
    reception: Reception
    work: Callable[[], None]
    close: Callable[[], None]
    now: datetime = NOW

    def say(self, count: int, cases: int = 3, first: int = 0) -> list[str]:
        """Write messages of so many cases; return their keys."""
        keys = [f"m{number}" for number in range(first, first + count)]
        for number, key in enumerate(keys, start=first):
            self.sender(Message(key, "partners", {"case": f"c{number % cases}", "n": number}, AT_MIN))
        return keys

    def run(self, rounds: int = 8) -> None:
        """Let both sides work until nothing waits, or so many rounds of an hour."""
        for _ in range(rounds):
            self.sender.pump(self.now)
            self.work()
            self.sender.pump(self.now)
            if not self.hub.books.list_partners():
                return
            self.now += timedelta(hours=1)

    def applied(self) -> list[str]:
        return [received.id for _, received in self.partner.books.list_applied()]


Opener = Callable[[Path, Faults], Pair]


def take_of(partner: Side, reception: Reception, clock: Callable[[], datetime]) -> Callable[[Delivery], Signed]:
    """Return the receiving half of a partner."""

    def take(delivery: Delivery) -> Signed:
        return receive(
            *(partner.books, delivery.lines, delivery.sender, reception),
            signing=partner.signing,
            now=clock(),
            head=delivery.head,
        )

    return take


def sender_of(hub: Side, partner: Side, channel: Channel) -> Sender:
    """Return the sending half of a hub with one partner."""

    def routed(message: Message) -> Sequence[Parcel]:
        return [Parcel(PARTNER, "hubtwin.case", str(message.payload["case"]), SCHEMA, message.payload, MADE)]

    return Sender(hub.books, hub.signing, {PARTNER: Line(partner.peer, channel)}, routed)


def _in_order(pair: Pair) -> bool:
    came: dict[str, list[int]] = {}
    for _, received in pair.partner.books.list_applied():
        came.setdefault(received.subject, []).append(received.sequence)
    return all(numbers == list(range(1, len(numbers) + 1)) for numbers in came.values())


def _agree(pair: Pair) -> None:
    mine, theirs = pair.hub.books.list_entries(PARTNER), pair.partner.books.list_entries(HUB)
    refused = [digest for _, digest, _ in pair.hub.books.list_refused(PARTNER)]
    assert compare(mine, theirs, refused) == []
    assert verify(mine, HUB, PARTNER, pair.partner.books.list_heads(HUB)) == []
    assert verify(theirs, PARTNER, HUB, pair.hub.books.list_heads(PARTNER)) == []


def _all_there(pair: Pair, keys: Sequence[str]) -> None:
    assert sorted(pair.applied()) == sorted(keys), "each once"
    assert _in_order(pair)
    assert pair.hub.books.count_outgoing(PARTNER) == {"arrived": len(keys)}
    _agree(pair)


def every_message_arrives_once_in_the_order_of_its_case(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults())
    keys = pair.say(7)
    pair.run()
    _all_there(pair, keys)
    first = pair.partner.books.list_applied()[0][1].envelope
    assert first is not None
    assert first.data == {"case": "c0", "n": 0}
    assert first.marks == MADE, "synthetic stays synthetic"
    assert len(pair.hub.books.list_heads(PARTNER)) >= 1, "the receipt is kept"
    assert len(pair.partner.books.list_heads(HUB)) >= 1, "and the head of the sender"
    pair.close()


def what_was_said_twice_is_sent_once(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults())
    keys = pair.say(3)
    pair.say(3)
    pair.run()
    pair.say(3)
    pair.run()
    _all_there(pair, keys)
    pair.close()


def a_partner_that_refuses_for_now_gets_it_later(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults(refuse=3))
    keys = pair.say(5)
    pair.run(1)
    assert pair.applied() == []
    assert pair.hub.books.list_partners() == [PARTNER], "it waits"
    pair.run()
    _all_there(pair, keys)
    pair.close()


def an_answer_that_is_lost_doubles_nothing(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults(lose_answer=2))
    keys = pair.say(5)
    pair.run()
    _all_there(pair, keys)
    pair.close()


def a_delivery_that_comes_twice_is_applied_once(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults(double=True))
    keys = pair.say(6)
    pair.run()
    _all_there(pair, keys)
    pair.close()


def a_delivery_in_the_wrong_order_is_applied_in_the_right_one(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults(reorder=True))
    keys = pair.say(9, cases=2)
    pair.run()
    _all_there(pair, keys)
    pair.close()


def what_the_receipt_does_not_name_is_sent_again(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults(halve=1))
    keys = pair.say(8)
    pair.run()
    _all_there(pair, keys)
    pair.close()


def a_receipt_stands_for_what_another_process_finds(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults())
    keys = pair.say(4)
    pair.run()
    other = Wire(pair.partner.directory, PARTNER, AT_MIN)
    arrived = pair.hub.books.count_outgoing(PARTNER).get("arrived", 0)
    assert arrived == len(keys) == other.count_incoming(HUB).get("applied", 0)
    other.close()
    pair.close()


def a_gap_holds_what_comes_after_it_and_is_asked_for(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults())
    lines = [_line(pair, f"g{number}", number) for number in (1, 3, 4)]
    receipt = _told(pair, lines)
    assert [one.handling for one in receipt.verdicts] == [Handling.APPLIED, Handling.HELD, Handling.HELD]
    assert [(gap.first, gap.last) for gap in receipt.gaps] == [(2, 2)]
    assert pair.applied() == ["g1"]
    receipt = _told(pair, [_line(pair, "g2", 2)])
    assert pair.applied() == ["g1", "g2", "g3", "g4"]
    assert receipt.gaps == ()
    pair.close()


def the_same_key_with_other_content_changes_nothing(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults())
    _told(pair, [_line(pair, "k", 1)])
    other, same, place = _line(pair, "k", 1, n=2), _line(pair, "k", 1), _line(pair, "k2", 1)
    found = list(_told(pair, [other, same, place]).verdicts)
    assert [one.handling for one in found] == [Handling.REFUSED, Handling.DOUBLED, Handling.REFUSED]
    assert [one.reason for one in found] == ["channels.key_reused", "", "channels.place_taken"]
    assert pair.applied() == ["k"]
    pair.close()


def what_is_not_proven_or_not_for_us_is_refused(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults())
    good = _line(pair, "a", 1)
    stranger = open_side(path / "stranger", OTHER).signing
    lines = [
        Signed(good.content.replace(b'"n":1', b'"n":7'), good.signature),
        Signed(good.content, ""),
        stranger(good.content),
        _line(pair, "b", 1, recipient=OTHER),
        _line(pair, "c", 1, source=OTHER),
        pair.hub.signing(b'{"specversion":"1.0"}'),
    ]
    found = _told(pair, lines).verdicts
    assert {one.handling for one in found} == {Handling.REFUSED}
    assert [one.reason.removeprefix("channels.") for one in found] == [
        *("wrong_signature", "wrong_signature", "wrong_signature", "other_recipient", "other_source", "broken_event")
    ]
    assert pair.partner.books.count_incoming(HUB) == {}
    assert pair.partner.books.count_refusals(HUB)["channels.wrong_signature"] == 3
    assert [one.handling for one in _told(pair, [good]).verdicts] == [Handling.APPLIED], "its place is free still"
    pair.close()


def a_refused_message_keeps_its_place_and_holds_up_nobody(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults())
    lines = [
        _line(pair, "t1", 1, time="no time"),
        _line(pair, "t2", 2, marks=replace(MADE, status=Status.EXERCISE)),
        _line(pair, "t3", 3),
    ]
    for _ in range(2):  # asked twice, answered the same
        found = _told(pair, lines)
        assert [one.reason for one in found.verdicts] == ["rules.broken_time", "channels.other_status", ""]
    assert found.gaps == ()
    assert pair.applied() == ["t3"]
    pair.close()


def a_receipt_that_the_partner_did_not_sign_settles_nothing(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults())
    pair.say(1)
    waiting = pair.hub.books.list_waiting(PARTNER, 9)
    head = Head(PARTNER, HUB, 1, "0" * 64)
    verdict = Verdict(waiting[0].id, waiting[0].signed.digest, Handling.APPLIED)
    forged = write_receipt(Receipt(PARTNER, HUB, 0, (verdict,), (), head), pair.hub.signing)

    class Liar:
        def put(self, batch: Sequence[Signed], head: Signed) -> Signed:
            return forged

        def collect(self) -> Sequence[Signed]:
            return [forged]

        def forget(self, receipt: Signed) -> None: ...

    pair.sender.lines = {PARTNER: Line(pair.partner.peer, Liar())}
    pair.sender.pump(pair.now)
    assert pair.sender.failed == {PARTNER: "channels.wrong_signature"}
    assert pair.hub.books.count_outgoing(PARTNER) == {"waiting": 1}
    pair.close()


def content_is_sealed_and_destroyed_once_it_has_arrived_and_the_log_still_verifies(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults())
    pair.sender(Message("s", "partners", {"case": "c", "name": "张三丰一号"}, AT_MIN))
    assert _held(pair.hub) == 1
    assert "张三丰一号".encode() not in _file(pair.hub), "sealed while it waits"
    pair.run()
    assert _held(pair.hub) == 0
    assert _held(pair.partner) == 1
    assert "张三丰一号".encode() not in _file(pair.partner), "and while it waits to be taken over"
    (number, received), *_ = pair.partner.books.list_applied()
    assert received.envelope is not None
    assert received.envelope.data["name"] == "张三丰一号"
    pair.partner.books.take_over(number)
    assert _held(pair.partner) == 0
    _agree(pair)
    pair.close()


def what_an_ended_event_said_is_destroyed_with_its_key_and_the_log_still_verifies(opener: Opener, path: Path) -> None:
    pair = opener(path, Faults(refuse=1))
    pair.say(6, cases=2)
    pair.sender.pump(pair.now)
    assert _held(pair.hub) == 6
    assert pair.sender.destroy(["c0"]) == 3
    assert pair.sender.destroy(["c0"]) == 0, "once"
    pair.run()
    assert pair.applied() == ["m1", "m3", "m5"]
    assert pair.partner.books.destroy(["c1"]) == 3
    assert [received.envelope for _, received in pair.partner.books.list_applied()] == [None] * 3
    assert _held(pair.hub) == _held(pair.partner) == 0
    _agree(pair)
    assert len(pair.hub.books.list_entries(PARTNER)) == 6
    pair.close()


def _file(side: Side) -> bytes:
    return (side.directory / "wire.sqlite").read_bytes()


def _held(side: Side) -> int:
    """Return how many messages stand in the file of a side with what they say."""
    with closing(sqlite3.connect(side.directory / "wire.sqlite")) as con:
        tables = ("outgoing", "incoming")
        return sum(con.execute(f"SELECT count(content) FROM {name}").fetchone()[0] for name in tables)


def _line(
    pair: Pair,
    key: str,
    sequence: int,
    *,
    n: int = 1,
    recipient: str = PARTNER,
    source: str = HUB,
    time: str = "2022-10-20T01:00:00Z",
    marks: Marks = MADE,
) -> Signed:
    event = Envelope(key, source, "hubtwin.case", "case", sequence, time, recipient, "urn:x:1", {"n": n}, marks)
    return pair.hub.signing(write_event(event))


def _told(pair: Pair, lines: Sequence[Signed]) -> Receipt:
    take = take_of(pair.partner, pair.reception, lambda: pair.now)
    return read_receipt(take(Delivery(HUB, tuple(lines), None)), pair.partner.peer, HUB)


CHECKS: tuple[Callable[[Opener, Path], None], ...] = (
    every_message_arrives_once_in_the_order_of_its_case,
    what_was_said_twice_is_sent_once,
    a_partner_that_refuses_for_now_gets_it_later,
    an_answer_that_is_lost_doubles_nothing,
    a_delivery_that_comes_twice_is_applied_once,
    a_delivery_in_the_wrong_order_is_applied_in_the_right_one,
    what_the_receipt_does_not_name_is_sent_again,
    a_receipt_stands_for_what_another_process_finds,
    a_gap_holds_what_comes_after_it_and_is_asked_for,
    the_same_key_with_other_content_changes_nothing,
    what_is_not_proven_or_not_for_us_is_refused,
    a_refused_message_keeps_its_place_and_holds_up_nobody,
    a_receipt_that_the_partner_did_not_sign_settles_nothing,
    content_is_sealed_and_destroyed_once_it_has_arrived_and_the_log_still_verifies,
    what_an_ended_event_said_is_destroyed_with_its_key_and_the_log_still_verifies,
)
