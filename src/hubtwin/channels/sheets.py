"""Excel sheets as a channel, for partners who have nothing better: a row a message, filled in by hand and read back.

    to/<name>.xlsx       for the partner: what it may know, and the columns `received`, `reason`, `answer` to fill in
    filled/*.xlsx        what came back            back/<name>.receipt, back/<name>.errors.csv    as in a file drop
    desk/                the signed messages of the rows, until their receipt stands in the books

Whoever fills in a sheet signs nothing. The desk that reads it in does: it has books and a key of its own, registered as
this partner's, so a receipt says truly who vouches for it. A row names its message by the digest, and a row that was
changed, doubled or made up names none.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from hubtwin.base.errors import Denied, HubError, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.channels.cloudevent import read_event
from hubtwin.channels.excel import Column, Form, Sheet, read_schema, read_sheet, write_sheet
from hubtwin.channels.filedrop import (
    AWAY,
    BACK,
    TO,
    FileDrop,
    errors_file,
    put_away,
    read_file,
    said,
    write_file,
)
from hubtwin.channels.jws import read_line
from hubtwin.channels.receipts import read_receipt
from hubtwin.channels.views import View, cells_of
from hubtwin.model.message import Peer, Signed

DESK, FILLED = "desk", "filled"
YES, NO = "yes", "no"
REFUSED_BY_HAND = "channels.refused_by_hand"
_KEYS = (
    Column("digest", "消息摘要（勿改）", "digest (do not change)", required=True, names_row=True),
    Column("id", "消息编号", "message"),
    Column("subject", "事件", "case"),
    Column("time", "时间", "time"),
)
_FILL = (
    Column("received", "已收（yes 或 no）", "received (yes or no)", kind="choice", choices=(YES, NO)),
    Column("reason", "未收原因", "reason if not"),
    Column("answer", "反馈", "answer"),
)
_XLSX = re.compile(r"[^.~].*\.xlsx", re.IGNORECASE)
# sender, lines, head, reasons of those that are refused by their digests -> signed receipt
TakeSheet = Callable[[str, Sequence[Signed], Signed | None, Mapping[str, str]], Signed]


@dataclass(frozen=True, slots=True)
class Returned:
    """What became of one sheet: its file, rows taken, rows refused by hand, rows with an error, answers by id."""

    name: str
    taken: int
    refused: int
    broken: int
    answers: Mapping[str, str] = field(default_factory=dict)


class Sheets:
    """A channel to one partner over a folder of sheets. `views` are the tables of its profiles, `me` is the hub, `peer`
    the desk that reads in for the partner."""

    def __init__(self, folder: Path, me: str, peer: Peer, views: Sequence[View] = ()) -> None:
        """Take the folder of one partner; what is missing in it is made."""
        self._folder, self._peer, self._views = folder, peer, {view.schema: view for view in views}
        self._me = me
        self._desk, self._drop = FileDrop(folder / DESK, me), FileDrop(folder, me)

    def put(self, batch: Sequence[Signed], head: Signed) -> None:
        """Write a sheet for each schema in the batch; the receipt comes later. Raises Retry where the disk fails.

        A sheet that lies there already is left as it is: somebody may be writing in it.
        """
        parted: dict[str, list[Signed]] = {}
        for signed in batch:
            parted.setdefault(read_event(signed.content).dataschema, []).append(signed)
        for schema, lines in parted.items():
            self._desk.put(lines, head)
            path = self._folder / TO / f"{_name(lines)}.xlsx"
            with said():
                if not path.exists():
                    write_file(path, _sheet(schema, lines, self._views.get(schema)))

    def collect(self) -> list[Signed]:
        """Return the receipts that lie there, as a file drop does."""
        return self._drop.collect()

    def forget(self, receipt: Signed) -> None:
        """Put a receipt away that stands in the books, and let go of the rows that it is about. One that the desk did
        not sign is about none."""
        with suppress(Denied, Malformed):
            digests = {one.digest for one in read_receipt(receipt, self._peer, self._me).verdicts}
            self._drop_lines(lambda signed: signed.digest in digests)
        self._drop.forget(receipt)

    def withdraw(self, subjects: Collection[str]) -> None:
        """Delete the sheets that hold a message of these subjects; what stood beside it gets a sheet of its own."""
        names = frozenset(subjects)
        self._drop_lines(lambda signed: read_event(signed.content).subject in names)

    def _drop_lines(self, gone: Callable[[Signed], bool]) -> None:
        with said():
            for path, _, lines, head in _desk_files(self._folder):
                left = [signed for signed in lines if not gone(signed)]
                if len(left) < len(lines):
                    if left:
                        self.put(left, head)
                    (self._folder / TO / f"{path.stem}.xlsx").unlink(missing_ok=True)
                    path.with_name(f"{path.name}.done").unlink(missing_ok=True)
                    path.unlink(missing_ok=True)


def read_back(folder: Path, views: Sequence[View], take: TakeSheet) -> list[Returned]:
    """Read in the sheets that lie filled in, in the order of their names, and leave receipts: the desk's half.

    `take` stores messages and returns the signed receipt, as `receive` does. Rows that are not filled in wait; rows
    with an error are named in an error file, the others are taken. Raises Retry: later again.
    """
    with said():
        known = {
            signed.digest: (sender, signed, head) for _, sender, lines, head in _desk_files(folder) for signed in lines
        }
        sheets = sorted(path for path in (folder / FILLED).glob("*") if _XLSX.fullmatch(path.name))
        return [_read(folder, path, {view.schema: view for view in views}, known, take) for path in sheets]


def form_of(schema: str, view: View | None) -> Form:
    """Return the sheet of a schema: what names the message, what the partner may know, what is to be filled in."""
    taken = {column.key for column in (*_KEYS, *_FILL)}
    names = dict.fromkeys(name for name, _ in cells_of(view, {})) if view else {}
    told = (Column(f"told_{name}" if name in taken else name, name, name) for name in names)
    return Form(schema, (*_KEYS, *told, *_FILL))


_Known = Mapping[str, tuple[str, Signed, Signed]]


def _read(folder: Path, path: Path, views: Mapping[str, View], known: _Known, take: TakeSheet) -> Returned:
    content, broken = path.read_bytes(), list[tuple[int, HubError]]()
    stem = sha256(content).hexdigest()[:32]
    lines, refuse, answers = list[Signed](), dict[str, str](), dict[str, str]()
    try:
        schema = read_schema(content)
        sheet = read_sheet(content, form_of(schema, views.get(schema)))
        broken += _wrong_rows(sheet, known)
        for row in sheet.rows.values():
            digest, said_so = str(row["digest"]), row.get("received")
            if digest in known and said_so:
                signed = known[digest][1]
                lines.append(signed)
                if said_so == NO:
                    refuse[digest] = REFUSED_BY_HAND
                elif row.get("answer"):
                    answers[read_event(signed.content).id] = str(row["answer"])
        if lines:
            sender, _, head = known[lines[0].digest]
            receipt = take(sender, lines, head, refuse)
            write_file(folder / BACK / f"{stem}.receipt", receipt.line + b"\n")
    except (Denied, Malformed) as error:
        broken.append((0, error))
    if broken:
        write_file(folder / BACK / f"{stem}.errors.csv", errors_file(broken))
    failpoint("wire.sheet_taken")
    put_away(path, folder / AWAY)
    return Returned(path.name, len(lines) - len(refuse), len(refuse), len(broken), answers)


def _wrong_rows(sheet: Sheet, known: _Known) -> Iterator[tuple[int, HubError]]:
    for number, problem in sheet.problems:
        yield number, Malformed(problem.key, **problem.values)
    for number, row in sheet.rows.items():
        if row.get("received") and str(row["digest"]) not in known:
            yield number, Malformed("channels.row_of_nothing", digest=str(row["digest"])[:16])


def _desk_files(folder: Path) -> list[tuple[Path, str, list[Signed], Signed]]:
    """Return the files of signed messages whose rows are out: path, sender, messages, head of the sender's log."""
    found = []
    for path in sorted((folder / DESK / TO).glob("*.jsonl")):
        try:
            sender, body, head = read_file(path, path.with_name(f"{path.name}.done"))
            found.append((path, sender, [read_line(line) for line in body.split(b"\n")[:-1]], head))
        except (Denied, Malformed):
            continue  # half written before a kill; it is handed over again
    return found


def _name(lines: Sequence[Signed]) -> str:
    """Return the name that the file of these messages has at the desk."""
    return sha256(b"".join(signed.line + b"\n" for signed in lines)).hexdigest()[:32]


def _sheet(schema: str, lines: Sequence[Signed], view: View | None) -> bytes:
    form, rows = form_of(schema, view), list[dict[str, object]]()
    taken = {column.key for column in (*_KEYS, *_FILL)}
    for signed in lines:
        event = read_event(signed.content)
        told = dict(cells_of(view, event.data)) if view else {}
        row: dict[str, object] = {f"told_{name}" if name in taken else name: value for name, value in told.items()}
        row |= {"digest": signed.digest, "id": event.id, "subject": event.subject, "time": event.time}
        rows.append(row)
    return write_sheet(form, rows, read_event(lines[0].content).marks)
