"""The sending half beyond the contract: one partner down, one message that nobody takes, a backlog, nobody to tell."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from hubtwin.base.errors import Denied, Retry
from hubtwin.channels.send import BATCH, LONGEST_S, WAIT_S, Line, Parcel
from hubtwin.channels.simulator import Faults
from hubtwin.model.event import Message
from hubtwin.model.message import Peer, Signed
from tests.contracts.channel_pairs import webhook_pair
from tests.contracts.channel_suite import AT_MIN, MADE, OTHER, PARTNER, Pair


class Down:
    """A channel to a partner that is down; it counts the attempts."""

    def __init__(self) -> None:
        self.attempts = 0

    def put(self, batch: Sequence[Signed], head: Signed) -> Signed:
        self.attempts += 1
        raise Retry("channels.later", partner="x", status=503)

    def collect(self) -> Sequence[Signed]:
        return ()

    def forget(self, receipt: Signed) -> None: ...


class Picky:
    """A channel whose partner does not take one of the messages, or any of them."""

    def __init__(self, pair: Pair, word: bytes, status: int) -> None:
        self._pair, self._word, self._status = pair, word, status

    def put(self, batch: Sequence[Signed], head: Signed) -> Signed | None:
        if any(self._word in signed.content for signed in batch):
            raise Denied("channels.not_taken", partner="x", status=self._status)
        return self._pair.channel.put(batch, head)

    def collect(self) -> Sequence[Signed]:
        return ()

    def forget(self, receipt: Signed) -> None: ...


def test_one_partner_that_is_down_holds_up_no_other(tmp_path: Path) -> None:
    pair = webhook_pair(tmp_path, Faults())
    down, near = Down(), pair.sender.lines[PARTNER]
    pair.sender.lines = {OTHER: Line(Peer(OTHER, ()), down), PARTNER: near}
    pair.sender.route = lambda message: [Parcel(to, "t", "c", "urn:x:1", {}, MADE) for to in (OTHER, PARTNER)]
    pair.sender(Message("m", "partners", {}, AT_MIN))
    pair.sender.pump(pair.now)
    assert pair.applied() == ["m"]
    assert pair.sender.failed == {OTHER: "channels.later"}
    for _ in range(int(3600 / WAIT_S)):
        pair.now += timedelta(seconds=WAIT_S)
        pair.sender.pump(pair.now)
    assert 5 < down.attempts < 20, "seldomer and seldomer"
    assert down.attempts > 3600 / LONGEST_S, "but not never"
    pair.close()


def test_a_message_that_is_not_taken_is_put_aside_and_the_others_go_on(tmp_path: Path) -> None:
    pair = webhook_pair(tmp_path, Faults())
    near = pair.sender.lines[PARTNER]
    pair.sender.lines = {PARTNER: Line(near.peer, Picky(pair, b'"id":"m1"', 422))}
    pair.say(3)
    pair.sender.pump(pair.now)
    assert pair.applied() == ["m0", "m2"]
    assert [(key, reason) for key, _, reason in pair.hub.books.list_refused(PARTNER)] == [("m1", "channels.not_taken")]
    assert pair.hub.books.list_partners() == []
    pair.close()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_where_we_are_not_let_in_everything_waits(tmp_path: Path, status: int) -> None:
    pair = webhook_pair(tmp_path, Faults())
    near = pair.sender.lines[PARTNER]
    pair.sender.lines = {PARTNER: Line(near.peer, Picky(pair, b"", status))}
    pair.say(3)
    pair.sender.pump(pair.now)
    assert pair.hub.books.count_outgoing(PARTNER) == {"waiting": 3}
    assert pair.sender.failed == {PARTNER: "channels.not_taken"}
    pair.sender.lines = {PARTNER: near}
    pair.run()
    assert len(pair.applied()) == 3
    assert pair.sender.failed == {}
    pair.close()


def test_what_nobody_gets_goes_elsewhere_and_a_partner_without_a_line_is_said(tmp_path: Path) -> None:
    pair, others = webhook_pair(tmp_path, Faults()), list[str]()
    pair.sender.otherwise = lambda message: others.append(message.key)
    pair.sender.route = lambda message: []
    pair.sender(Message("m", "orders", {}, AT_MIN))
    assert others == ["m"]
    pair.sender.route = lambda message: [Parcel(OTHER, "t", "c", "urn:x:1", {}, MADE)]
    pair.sender(Message("n", "partners", {}, AT_MIN))
    pair.sender.pump(pair.now)
    assert pair.sender.failed == {OTHER: "channels.no_line"}
    assert pair.hub.books.count_outgoing(OTHER) == {"waiting": 1}
    pair.close()


def test_many_are_taken_at_once_and_sent_in_batches(tmp_path: Path) -> None:
    pair = webhook_pair(tmp_path, Faults())
    many = [Message(f"m{n}", "partners", {"case": f"c{n % 9}", "n": n}, AT_MIN) for n in range(2 * BATCH + 1)]
    pair.sender.take(many)
    pair.run()
    assert len(pair.applied()) == len(set(pair.applied())) == len(many)
    assert len(pair.hub.books.list_heads(PARTNER)) == 3, "a receipt for each batch"
    pair.close()
