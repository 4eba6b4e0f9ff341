"""Faults seeded into the halves of every channel: the suite must notice each of them, or it is no suite."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.errors import Denied, HubError, Retry
from hubtwin.channels import filedrop, receipts, receive, send, sheets, simulator, views
from hubtwin.channels.cloudevent import read_event
from hubtwin.channels.filedrop import FileDrop
from hubtwin.channels.log import entry_after
from hubtwin.channels.sheets import Sheets
from hubtwin.channels.views import Views
from hubtwin.channels.webhook import Webhook
from hubtwin.model.message import Gap, Handling, Peer, Received, Signed, Verdict, Waiting
from hubtwin.stores.wire import Wire
from hubtwin.stores.wire_unit import WireUnit
from tests.contracts.channel_pairs import PAIRS
from tests.contracts.channel_suite import CHECKS

Seed = Callable[[pytest.MonkeyPatch], None]


def acknowledges_before_it_stored(patch: pytest.MonkeyPatch) -> None:
    whole = Wire.unit

    class _Over(Exception):
        pass

    @contextmanager
    def unit(books: Wire) -> Any:
        try:
            with whole(books) as found:
                yield found
                if books.owner.startswith("/partners"):
                    raise _Over
        except _Over:
            pass

    patch.setattr(Wire, "unit", unit)


def applies_what_came_twice(patch: pytest.MonkeyPatch) -> None:
    whole, counter = receive._take, iter(range(1, 1000))

    def take(unit: WireUnit, sender: str, one: Any, at_ms: int) -> Verdict:
        verdict = whole(unit, sender, one, at_ms)
        if verdict.handling is Handling.DOUBLED:
            again = replace(one, id=f"{one.id}-{next(counter)}", sequence=900 + next(counter))
            unit.add_incoming(sender, again, at_ms)
            unit._con.execute("UPDATE applied SET last = last + 1")
            sql = "UPDATE incoming SET state = 'applied', applied_no = (SELECT last FROM applied) WHERE id = ?"
            unit._con.execute(sql, (again.id,))
        return verdict

    patch.setattr(receive, "_take", take)


def drops_what_the_receipt_does_not_name(patch: pytest.MonkeyPatch) -> None:
    whole = send.Sender._settle

    def settle(sender: send.Sender, peer: Peer, receipt: Signed, sent: Sequence[str], at_ms: int) -> bool:
        whole(sender, peer, receipt, sent, at_ms)
        with sender.books.unit() as unit:
            for digest in sent:
                unit.settle(peer.source, digest, "arrived", "", at_ms)
        return True

    patch.setattr(send.Sender, "_settle", settle)


def applies_in_the_order_of_coming(patch: pytest.MonkeyPatch) -> None:
    def place(found: Received, known: Received | None, at_place: Received | None, last: int) -> Received:
        return replace(found, handling=Handling.DOUBLED) if known else found

    def move_on(unit: WireUnit, partner: str, subject: str) -> bool:
        held = unit._con.execute("SELECT id FROM incoming WHERE state = 'held' LIMIT 1").fetchone()
        if held is None:
            return False
        unit._con.execute("UPDATE applied SET last = last + 1")
        sql = "UPDATE incoming SET state = 'applied', applied_no = (SELECT last FROM applied) WHERE id = ?"
        unit._con.execute(sql, held)
        return True

    patch.setattr(receive, "place", place)
    patch.setattr(WireUnit, "move_on", move_on)


def skips_the_signature_of_messages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(receive, "verify", lambda signed, keys: "")


def skips_the_signature_of_receipts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(receipts, "verify", lambda signed, keys: "")


def takes_what_is_for_somebody_else(patch: pytest.MonkeyPatch) -> None:
    whole = read_event
    patch.setattr(receive, "read_event", lambda content: replace(whole(content), recipient="/partners/district"))


def asks_for_no_gap(patch: pytest.MonkeyPatch) -> None:
    def none(*given: object) -> list[Gap]:
        return []

    patch.setattr(receive, "_gaps", none)


def sends_other_bytes_at_each_attempt(patch: pytest.MonkeyPatch) -> None:
    whole = Wire.list_waiting

    def waiting(books: Wire, partner: str, limit: int, handed_before_ms: int = 0) -> list[Waiting]:
        found = whole(books, partner, limit, handed_before_ms)
        return [replace(one, signed=replace(one.signed, content=one.signed.content + b" ")) for one in found]

    patch.setattr(Wire, "list_waiting", waiting)


def breaks_the_chain(patch: pytest.MonkeyPatch) -> None:
    whole = entry_after
    patch.setattr(receive, "entry_after", lambda head, *told: whole(replace(head, hash="0" * 64), *told))
    patch.setattr(WireUnit, "head", lambda unit, partner: replace(Wire_head(unit, partner), hash=""))


def takes_later_for_done(patch: pytest.MonkeyPatch) -> None:
    whole = send.Sender._hand_over

    def hand_over(sender: send.Sender, line: send.Line, batch: Sequence[Waiting], at_ms: int) -> bool:
        with sender.books.unit() as unit:  # noted before the partner has said anything
            for one in batch:
                unit.settle(line.peer.source, one.signed.digest, "arrived", "", at_ms)
        return whole(sender, line, batch, at_ms) or True

    patch.setattr(send.Sender, "_hand_over", hand_over)


def lets_a_key_be_used_again(patch: pytest.MonkeyPatch) -> None:
    whole = receive.place

    def place(found: Received, known: Received | None, at_place: Received | None, last: int) -> Received:
        return replace(found, handling=Handling.DOUBLED) if known else whole(found, known, at_place, last)

    patch.setattr(receive, "place", place)


def keeps_what_it_said_for_ever(patch: pytest.MonkeyPatch) -> None:
    def settle(
        unit: WireUnit, partner: str, digest: str, state: str, reason: str, at_ms: int, *, placed: bool = False
    ) -> bool:
        sql = "UPDATE outgoing SET state = ?, reason = ? WHERE partner = ? AND digest = ?"
        return unit._con.execute(sql, (state, reason, partner, digest)).rowcount > 0

    patch.setattr(WireUnit, "settle", settle)


def gives_up_at_the_first_refusal(patch: pytest.MonkeyPatch) -> None:
    whole = Webhook.put

    def put(channel: Webhook, batch: Sequence[Signed], head: Signed) -> Signed:
        try:
            return whole(channel, batch, head)
        except Retry as error:
            raise Denied(error.key, status=422, partner="x") from error

    patch.setattr(Webhook, "put", put)


Wire_head = WireUnit.head
MUTANTS: tuple[Seed, ...] = (
    acknowledges_before_it_stored,
    applies_what_came_twice,
    drops_what_the_receipt_does_not_name,
    applies_in_the_order_of_coming,
    skips_the_signature_of_messages,
    skips_the_signature_of_receipts,
    takes_what_is_for_somebody_else,
    asks_for_no_gap,
    sends_other_bytes_at_each_attempt,
    breaks_the_chain,
    takes_later_for_done,
    lets_a_key_be_used_again,
    keeps_what_it_said_for_ever,
    gives_up_at_the_first_refusal,
)


def _loses(kind: type[Any]) -> Seed:
    """A channel that leaves one of the messages behind and says nothing."""

    def loses_a_message(patch: pytest.MonkeyPatch) -> None:
        whole = kind.put

        def put(channel: Any, batch: Sequence[Signed], head: Signed) -> Signed | None:
            left = [signed for signed in batch if b'"n":2' not in signed.content]
            return whole(channel, left, head) if left else None

        patch.setattr(kind, "put", put)

    return loses_a_message


def _hears_nothing(kind: type[Any]) -> Seed:
    """A channel that never brings a receipt."""

    def brings_no_receipt(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(kind, "collect", lambda channel: [])

    return brings_no_receipt


def _keeps(kind: type[Any]) -> Seed:
    """A channel that leaves lying there what was destroyed."""

    def keeps_what_was_withdrawn(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(kind, "withdraw", lambda channel, subjects: None)

    return keeps_what_was_withdrawn


def swallows_a_refusal_of_a_file(patch: pytest.MonkeyPatch) -> None:
    whole = filedrop._pick

    def pick(folder: Path, marker: Path, take: Any) -> Any:
        try:
            return whole(folder, marker, take)
        except Retry:  # "later" is taken for "never"
            for path in (marker.with_suffix(""), marker):
                path.unlink()
            return filedrop.Picked(marker.name, 0, 0)

    patch.setattr(filedrop, "_pick", pick)
    patch.setattr(send, "HANDED_S", 10**9)


def swallows_a_refusal_of_a_view(patch: pytest.MonkeyPatch) -> None:
    whole = views.take_in

    def take_in(path: Path, take: Any) -> int:
        try:
            return whole(path, take)
        except Retry:
            with views.opened(path) as con:
                con.execute("UPDATE messages SET taken = 1")
            return 0

    patch.setattr(simulator, "take_in", take_in)
    patch.setattr(send, "HANDED_S", 10**9)


def swallows_a_refusal_of_a_sheet(patch: pytest.MonkeyPatch) -> None:
    whole = sheets._read

    def read(folder: Path, path: Path, *told: Any) -> Any:
        try:
            return whole(folder, path, *told)
        except Retry:
            path.unlink()
            for out in (folder / "to").glob("*.xlsx"):
                out.unlink()
            return sheets.Returned(path.name, 0, 0, 0)

    patch.setattr(sheets, "_read", read)
    patch.setattr(send, "HANDED_S", 10**9)


def writes_a_view_again_and_again(patch: pytest.MonkeyPatch) -> None:
    """The same message handed over twice is another one, under an id of its own."""
    counter, whole = iter(range(10_000)), views._write

    def write(con: Any, signed: Signed, event: Any, view: Any) -> None:
        if con.execute("SELECT 1 FROM messages WHERE subject = ?", (event.subject,)).fetchone():
            event = replace(event, id=f"{event.id}-{next(counter)}")
            signed = Signed(signed.content + b" ", signed.signature)
        whole(con, signed, event, view)

    patch.setattr(views, "_write", write)


BY_CHANNEL: tuple[tuple[str, Seed], ...] = (
    *((name, _loses(kind)) for name, kind in (("filedrop", FileDrop), ("views", Views), ("sheets", Sheets))),
    *((name, _hears_nothing(kind)) for name, kind in (("filedrop", FileDrop), ("views", Views), ("sheets", Sheets))),
    *((name, _keeps(kind)) for name, kind in (("filedrop", FileDrop), ("views", Views), ("sheets", Sheets))),
    ("filedrop", swallows_a_refusal_of_a_file),
    ("views", swallows_a_refusal_of_a_view),
    ("sheets", swallows_a_refusal_of_a_sheet),
    ("views", writes_a_view_again_and_again),
    *((name, acknowledges_before_it_stored) for name in ("filedrop", "views", "sheets")),
    *((name, applies_what_came_twice) for name in ("filedrop", "views", "sheets")),
    *((name, applies_in_the_order_of_coming) for name in ("filedrop", "views", "sheets")),
)


@pytest.mark.parametrize("seed", MUTANTS, ids=lambda seed: seed.__name__)
def test_a_channel_with_a_fault_fails_the_suite(seed: Seed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(monkeypatch)
    _must_fail("webhook", tmp_path)


@pytest.mark.parametrize(("name", "seed"), BY_CHANNEL, ids=[f"{name}-{seed.__name__}" for name, seed in BY_CHANNEL])
def test_every_channel_with_a_fault_fails_the_suite(
    name: str, seed: Seed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(monkeypatch)
    _must_fail(name, tmp_path)


def _must_fail(name: str, path: Path) -> None:
    for check in CHECKS:
        folder = path / check.__name__
        folder.mkdir()
        try:
            check(PAIRS[name], folder)
        except (AssertionError, HubError):
            return
    pytest.fail("no check of the suite noticed")
