"""Batches by hand, where there is no network: the same signed messages as files on a stick, or an Excel sheet.

    to/          our messages, as `channels.filedrop` writes them      back/     the platform's signed receipts
    answers/to/  its own messages to us                                answers/back/  our signed receipts for them
    <batch>.xlsx for a platform that has nothing better: a person there fills in the results

What goes both ways counts once: on either way a row has the same key and revision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hubtwin.base.clock import EPOCH
from hubtwin.base.errors import Absent, Retry
from hubtwin.channels.batch_sheet import (
    Corrected,
    read_batch_sheet,
    read_errors_csv,
    read_errors_sheet,
    write_batch_sheet,
    write_errors_csv,
    write_errors_sheet,
)
from hubtwin.channels.batch_wire import subject_of
from hubtwin.channels.filedrop import FileDrop, pick_up
from hubtwin.channels.receipts import write_head
from hubtwin.channels.receive import Reception, receive
from hubtwin.channels.send import BATCH, Line, Sender
from hubtwin.model.message import Peer, Signed
from hubtwin.rules.quality import Problem
from hubtwin.wiring.batches import Batching, Resent

ANSWERS = "answers"
_ALL = 1_000_000


class _OneWay(FileDrop):
    """A folder from which receipts are taken; nothing is put into it."""

    def put(self, batch: Sequence[Signed], head: Signed) -> None:
        """Raise Retry: what waits goes another way."""
        raise Retry("channels.drop_failed", detail="receipts only")


@dataclass(frozen=True)
class Taken:
    """What was taken from files: messages of the platform, rows that moved, and what is wrong by row of a sheet."""

    messages: int
    moved: int
    problems: Sequence[tuple[int, Problem]] = ()


def export(batching: Batching, batch_id: str, folder: Path, now: datetime) -> tuple[int, Path]:
    """Write a batch into a folder, signed and as a sheet; return how many rows, and the sheet.

    It goes on waiting for the wire too. Raises Absent where nothing of it is left to hand over, Retry.
    """
    batching.stage(batch_id)
    head, rows = batching.books.get(batch_id), batching.books.list_going(batch_id)
    if not rows:
        raise Absent("wiring_nothing_to_export", batch=batch_id)
    sender, at_ms = batching.send, int((now - EPOCH).total_seconds() * 1000)
    waiting = batching.wire.list_waiting(batching.partner, _ALL, at_ms + 1)
    ours = [one for one in waiting if one.subject == subject_of(head)]
    drop, end = FileDrop(folder, batching.wire.owner), write_head(batching.wire.head(batching.partner), sender.signing)
    for first in range(0, len(ours), BATCH):
        drop.put([one.signed for one in ours[first : first + BATCH]], end)
    template = batching.templates.get(head.template, head.version)
    sheet = folder / f"{batch_id}.xlsx"
    place_private(sheet, write_batch_sheet(head, template, rows))
    return len(rows), sheet


def take_folder(batching: Batching, folder: Path, reception: Reception, now: datetime) -> Taken:
    """Take receipts and answers from a folder that came back. Raises Retry, Absent where there is no such folder."""
    if not folder.is_dir():
        raise Absent("wiring_no_exchange", path=folder.name)
    peer = reception.peers.get(batching.partner, Peer(batching.partner, ()))
    line = Line(peer, _OneWay(folder, batching.wire.owner))
    Sender(batching.wire, batching.send.signing, {batching.partner: line}, lambda message: ()).pump(now)

    def take(sender: str, lines: Sequence[Signed], head: Signed | None) -> Signed:
        return receive(batching.wire, lines, sender, reception, signing=batching.send.signing, now=now, head=head)

    picked = pick_up(folder / ANSWERS, take)
    return Taken(sum(one.taken for one in picked), batching.follow())


def take_sheet(batching: Batching, file: Path) -> Taken:
    """Take the answers that a person at the platform wrote into a sheet. Raises Malformed, Absent."""
    answers, problems = read_batch_sheet(file.read_bytes())
    return Taken(0, batching.take_answers(answers), problems)


def errors_of(batching: Batching, batch_id: str, name: str) -> tuple[bytes, int]:
    """Return the error file of a batch as .xlsx or .csv, by its name, and how many rows it has. Raises Absent."""
    head, rows = batching.books.get(batch_id), batching.list_wrong(batch_id)
    template = batching.templates.get(head.template, head.version)
    content = write_errors_sheet(template, rows, head.marks) if _is_excel(name) else write_errors_csv(template, rows)
    return content, len(rows)


def write_errors(batching: Batching, batch_id: str, file: Path) -> int:
    """Write the error file of a batch as .xlsx or .csv, by its name; return how many rows. Raises Absent."""
    content, rows = errors_of(batching, batch_id, file.name)
    place_private(file, content)
    return rows


def resend_file(batching: Batching, batch_id: str, file: Path, now: datetime) -> Resent:
    """Take an error file that came back and make a batch of what was corrected. Raises Malformed, Absent."""
    return resend_content(batching, batch_id, file.name, file.read_bytes(), now)


def resend_content(batching: Batching, batch_id: str, name: str, content: bytes, now: datetime) -> Resent:
    """Take the bytes of an error file that came back under a name. Raises Malformed, Absent."""
    head = batching.books.get(batch_id)
    template, problems = batching.templates.get(head.template, head.version), list[tuple[int, Problem]]()
    rows: list[Corrected]
    if _is_excel(name):
        rows, problems = read_errors_sheet(template, content)
    else:
        rows = read_errors_csv(template, content)
    done = batching.resend(batch_id, rows, now)
    return Resent(done.head, done.batched, done.wrong, [*problems, *done.problems], done.unchanged)


def _is_excel(name: str) -> bool:
    return name.lower().endswith(".xlsx")


def place_private(file: Path, content: bytes) -> None:
    """Write a file with personal fields, readable by its owner only, whole or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(file)
