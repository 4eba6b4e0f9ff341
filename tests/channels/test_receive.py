"""The receiving half beyond the contract: times of partners, sequences far ahead, keys that changed, properties."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Denied
from hubtwin.channels.cloudevent import write_event
from hubtwin.channels.log import verify
from hubtwin.channels.receipts import read_receipt, write_head
from hubtwin.channels.receive import MAX_AHEAD, Reception, receive
from hubtwin.model.message import Envelope, Handling, Head, Peer, Receipt, Signed
from hubtwin.stores.wire import Wire
from tests.contracts.channel_suite import HUB, MADE, PARTNER, Side, open_side

NOW = datetime(2022, 10, 20, 1, 5, tzinfo=UTC)
TIMES = {"hubtwin.order": ("pickup", "due")}


class Two:
    """A hub that writes and a partner that takes."""

    def __init__(self, path: Path) -> None:
        self.hub, self.partner = open_side(path / "hub", HUB), open_side(path / "partner", PARTNER)
        self.reception = Reception(PARTNER, {HUB: self.hub.peer}, ZoneInfo("Asia/Shanghai"), times=TIMES)

    def line(self, sequence: int, *, subject: str = "c", time: str = "2022-10-20T01:00:00Z", **data: object) -> Signed:
        key = f"{subject}{sequence}"
        event = Envelope(key, HUB, "hubtwin.order", subject, sequence, time, PARTNER, "urn:x:1", data, MADE)
        return self.hub.signing(write_event(event))

    def tell(self, *lines: Signed, by: Side | None = None, head: Signed | None = None) -> Receipt:
        side = by or self.partner
        signing = side.signing
        signed = receive(side.books, lines, HUB, self.reception, signing=signing, now=NOW, head=head)
        return read_receipt(signed, self.partner.peer, HUB)

    def applied(self) -> list[str]:
        return [one.id for _, one in self.partner.books.list_applied()]

    def close(self) -> None:
        self.hub.books.close()
        self.partner.books.close()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    yield made
    made.close()


def test_times_are_repaired_and_the_repair_is_kept(two: Two) -> None:
    line = two.line(1, time="2022-10-20T09:04:00Z", pickup="25:10", service_date="2022-10-20", due="2022-10-20T10:00Z")
    assert two.tell(line).verdicts[0].handling is Handling.APPLIED
    (found,) = [one for _, one in two.partner.books.list_applied()]
    assert found.at == datetime(2022, 10, 20, 1, 4, tzinfo=UTC), "a local time that was marked as UTC"
    assert found.repairs == {"time": "local_as_utc", "pickup": "hour_over_24 no_zone", "due": "local_as_utc"}
    assert found.envelope is not None
    assert found.envelope.data["pickup"] == "2022-10-20T17:10:00+00:00"
    assert found.envelope.data["due"] == "2022-10-20T02:00:00+00:00"
    assert found.signed == line, "what was signed is as it came"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"pickup": "25:10"}, "rules.broken_time"),  # of which day?
        ({"pickup": "soon"}, "rules.broken_time"),
        ({"pickup": 5}, "rules.broken_time"),
        ({"due": "2023-10-20T10:00Z"}, "rules.future_time"),
    ],
)
def test_a_time_that_cannot_be_repaired_is_refused_with_its_reason(two: Two, data: dict[str, Any], reason: str) -> None:
    assert two.tell(two.line(1, **data)).verdicts[0].reason == reason
    assert two.partner.books.count_incoming(HUB) == {"refused": 1}
    assert b"25:10" not in (two.partner.directory / "wire.sqlite").read_bytes(), "refused content is not kept"


def test_a_sequence_far_ahead_is_no_gap(two: Two) -> None:
    receipt = two.tell(two.line(MAX_AHEAD + 1))
    assert receipt.verdicts[0].reason == "channels.far_ahead"
    assert receipt.gaps == ()
    assert two.tell(two.line(MAX_AHEAD)).gaps[0].last == MAX_AHEAD - 1


def test_an_old_key_still_verifies_until_it_is_taken_off(two: Two, tmp_path: Path) -> None:
    newer = open_side(tmp_path / "newer", HUB)
    both = Peer(HUB, (newer.signing.public_hex, two.hub.signing.public_hex))
    two.reception = replace(two.reception, peers={HUB: both})
    assert two.tell(two.line(1)).verdicts[0].handling is Handling.APPLIED
    two.reception = replace(two.reception, peers={HUB: newer.peer})
    assert two.tell(two.line(2)).verdicts[0].reason == "channels.wrong_signature"
    newer.books.close()


def test_nobody_unknown_gets_a_receipt(two: Two) -> None:
    two.reception = replace(two.reception, peers={})
    with pytest.raises(Denied) as refused:
        two.tell(two.line(1))
    assert refused.value.key == "channels.unknown_sender"


def test_the_head_of_another_log_is_refused_and_nothing_is_taken(two: Two) -> None:
    for head in (Head(HUB, "/partners/other", 1, "aa"), Head(PARTNER, HUB, 1, "aa")):
        with pytest.raises(Denied):
            two.tell(two.line(1), head=write_head(head, two.hub.signing))
    with pytest.raises(Denied):
        two.tell(two.line(1), head=write_head(Head(HUB, PARTNER, 1, "aa"), two.partner.signing))
    assert two.applied() == []


def test_the_books_of_another_owner_are_not_opened(two: Two) -> None:
    with pytest.raises(Denied):
        Wire(two.partner.directory, HUB, 1)
    assert (two.partner.directory / "wire.sqlite").stat().st_mode & 0o077 == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 5)), max_size=6), max_size=8))
def test_whatever_order_and_how_often_each_case_is_applied_in_order_and_once(
    batches: list[list[tuple[str, int]]],
) -> None:
    with TemporaryDirectory() as folder:
        two = Two(Path(folder))
        come = {(subject, number) for batch in batches for subject, number in batch}
        for batch in batches:
            two.tell(*(two.line(number, subject=subject) for subject, number in batch))
        for subject in "ab":
            whole = next(n for n in range(6) if (subject, n + 1) not in come)
            assert [key for key in two.applied() if key[0] == subject] == [f"{subject}{n + 1}" for n in range(whole)]
        log = two.partner.books.list_entries(HUB)
        assert verify(log, PARTNER, HUB) == []
        assert len(log) == len(come)
        two.close()
