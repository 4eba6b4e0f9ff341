"""The sending half beyond the contract: one partner down, one message that nobody takes, a backlog, nobody to tell."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Denied, Retry
from hubtwin.channels.log import compare, verify
from hubtwin.channels.send import BATCH, LONGEST_S, VOID, WAIT_S, Line, Parcel
from hubtwin.channels.simulator import Faults
from hubtwin.model.event import Message
from hubtwin.model.message import Peer, Signed
from hubtwin.model.record import Status
from tests.contracts.channel_pairs import webhook_pair
from tests.contracts.channel_suite import AT_MIN, HUB, MADE, OTHER, PARTNER, Pair


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


def _refusing(pair: Pair, word: bytes) -> None:
    near = pair.sender.lines[PARTNER]
    pair.sender.lines = {PARTNER: Line(near.peer, Picky(pair, word, 422))}


def _parcel(**data: object) -> Parcel:
    return Parcel(PARTNER, "hubtwin.case", "c0", "urn:x:1", data, MADE)


def test_a_corrected_message_takes_the_place_of_the_one_that_nobody_took(tmp_path: Path) -> None:
    pair = webhook_pair(tmp_path, Faults())
    _refusing(pair, b'"id":"m1"')
    pair.say(4, cases=1)
    pair.sender.pump(pair.now)
    assert pair.applied() == ["m0"], "the others wait behind the gap"
    (refused,) = pair.hub.books.list_to_mend()
    assert (refused.id, refused.subject, refused.sequence, refused.placed) == ("m1", "c0", 2, False)
    for _ in range(2):
        pair.sender.correct("m1", Message("m1b", "partners", {}, AT_MIN), _parcel(case="c0", n=11))
    pair.run()
    assert pair.applied() == ["m0", "m1b", "m2", "m3"]
    assert pair.hub.books.list_to_mend() == []
    assert pair.hub.books.count_outgoing(PARTNER) == {"arrived": 4, "replaced": 1}
    _books_agree(pair)
    pair.close()


def test_a_void_lets_the_order_of_the_case_move_on(tmp_path: Path) -> None:
    pair = webhook_pair(tmp_path, Faults())
    _refusing(pair, b'"id":"m0"')
    pair.say(3, cases=1)
    pair.sender.pump(pair.now)
    assert pair.applied() == []
    pair.sender.void(PARTNER, "m0", AT_MIN, MADE)
    pair.run()
    void, *others = [received for _, received in pair.partner.books.list_applied()]
    assert void.envelope is not None
    assert (void.envelope.type, void.envelope.data["voids"], void.sequence) == (VOID, "m0", 1)
    assert [one.id for one in others] == ["m1", "m2"]
    with pytest.raises(Absent):
        pair.sender.void(PARTNER, "m0", AT_MIN, MADE)
    _books_agree(pair)
    pair.close()


def test_what_has_its_place_at_the_partner_is_corrected_by_a_later_one(tmp_path: Path) -> None:
    pair = webhook_pair(tmp_path, Faults())
    exercise = replace(MADE, status=Status.EXERCISE)
    told = [("r0", exercise), ("r1", MADE), ("r2", exercise)]
    for key, marks in told:
        pair.sender.stage([(Message(key, "partners", {}, AT_MIN), replace(_parcel(n=1), marks=marks))])
    pair.run()
    assert pair.applied() == ["r1"], "a refused one keeps its place"
    assert [(one.id, one.reason, one.placed) for one in pair.hub.books.list_to_mend()] == [
        ("r0", "channels.other_status", True),
        ("r2", "channels.other_status", True),
    ]
    pair.sender.correct("r0", Message("r0b", "partners", {}, AT_MIN), _parcel(n=2))
    pair.sender.void(PARTNER, "r2", AT_MIN, exercise)
    pair.run()
    assert pair.applied() == ["r1", "r0b"]
    assert pair.hub.books.list_to_mend() == []
    _books_agree(pair)
    pair.close()


def test_only_what_was_refused_is_corrected_in_its_own_case_and_under_a_new_key(tmp_path: Path) -> None:
    pair = webhook_pair(tmp_path, Faults())
    _refusing(pair, b'"id":"m0"')
    pair.say(2, cases=1)
    pair.sender.pump(pair.now)
    with pytest.raises(Absent):
        pair.sender.correct("m9", Message("x", "partners", {}, AT_MIN), _parcel(n=1))
    with pytest.raises(Denied):
        pair.sender.correct("m0", Message("x", "partners", {}, AT_MIN), replace(_parcel(n=1), subject="c1"))
    assert [one.id for one in pair.hub.books.list_to_mend()] == ["m0"]
    pair.close()


def _books_agree(pair: Pair) -> None:
    mine, theirs = pair.hub.books.list_entries(PARTNER), pair.partner.books.list_entries(HUB)
    refused = [digest for _, digest, _ in pair.hub.books.list_refused(PARTNER)]
    assert compare(mine, theirs, refused) == []
    assert verify(mine, HUB, PARTNER, pair.partner.books.list_heads(HUB)) == []
