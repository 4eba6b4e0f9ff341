"""Files in a folder that both sides reach (an SFTP server, a share, a stick carried by hand).

    to/<name>.jsonl        messages as signed lines        to/<name>.jsonl.done       its SHA-256, lines and signed head
    back/<name>.receipt    the partner's signed receipt    back/<name>.errors.csv     what it could not read, by line

A file is written beside its place, forced to disk and renamed; the marker comes after it, so a file without a marker is
not there yet. The name follows from the content: what is handed over twice has the same name and is one file. Nothing
is deleted before the receipt stands in the books.
"""

import csv
import io
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson

from hubtwin.base.errors import Denied, HubError, Malformed, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.channels.jws import read_line
from hubtwin.channels.sheet import as_text
from hubtwin.model.message import Signed

TO, BACK, AWAY = "to", "back", "archive"
MAX_FILE_BYTES = 32 << 20
_NAME = re.compile(r"[0-9a-f]{32}\.jsonl")
Take = Callable[[str, Sequence[Signed], Signed | None], Signed]  # sender, lines, head -> signed receipt


class FileDrop:
    """A channel to one partner over a folder. `me` is how the hub stands in messages."""

    def __init__(self, folder: Path, me: str) -> None:
        """Take the folder of one partner; what is missing in it is made."""
        self._folder, self._me = folder, me

    def put(self, batch: Sequence[Signed], head: Signed) -> None:
        """Write a file of messages and its marker; the receipt comes later. Raises Retry where the disk fails."""
        body = b"".join(signed.line + b"\n" for signed in batch)
        name = f"{sha256(body).hexdigest()[:32]}.jsonl"
        with said():
            write_file(self._folder / TO / name, body)
            failpoint("wire.file_written")
            write_file(self._folder / TO / f"{name}.done", _marker(self._me, body, len(batch), head))

    def collect(self) -> list[Signed]:
        """Return the receipts that lie there, the oldest name first; what is no receipt is put aside."""
        found = []
        with said():
            for path in sorted((self._folder / BACK).glob("*.receipt")):
                try:
                    found.append(read_line(_read(path).rstrip(b"\n")))
                except (Denied, Malformed):
                    put_away(path, self._folder / AWAY)
        return found

    def forget(self, receipt: Signed) -> None:
        """Put a receipt away that stands in the books. Raises Retry."""
        with said():
            for path in (self._folder / BACK).glob("*.receipt"):
                if _read(path).rstrip(b"\n") == receipt.line:
                    put_away(path, self._folder / AWAY)

    def withdraw(self, subjects: Collection[str]) -> None:
        """Delete every file that nobody has picked up and that holds a message of these subjects. Raises Retry."""
        names = frozenset(subjects)
        with said():
            for path in (self._folder / TO).glob("*.jsonl"):
                if _subjects(path) & names:
                    path.with_name(f"{path.name}.done").unlink(missing_ok=True)  # first: without it, it is not there
                    path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Picked:
    """What became of one file: its name, lines taken in, lines that could not be read."""

    name: str
    taken: int
    broken: int


def pick_up(folder: Path, take: Take) -> list[Picked]:
    """Take in the files that lie complete in a folder, the oldest first: the receiving half of a file drop.

    `take` stores messages and returns the signed receipt, as `receive` does. A file whose marker does not fit, or that
    nobody known sent, stays unread: it is put aside with an error file that says why. Raises Retry: later again.
    """
    with said():
        _clear(folder)
        done = sorted((folder / TO).glob("*.jsonl.done"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        return [_pick(folder, path, take) for path in done if _NAME.fullmatch(path.name.removesuffix(".done"))]


def _pick(folder: Path, marker: Path, take: Take) -> Picked:
    path = marker.with_suffix("")
    lines, broken = list[Signed](), list[tuple[int, HubError]]()
    try:
        sender, body, head = read_file(path, marker)
        for number, line in enumerate(body.split(b"\n")[:-1], start=1):
            try:
                lines.append(read_line(line))
            except Denied as error:
                broken.append((number, error))
        if lines:
            write_file(folder / BACK / f"{path.stem}.receipt", take(sender, lines, head).line + b"\n")
    except (Denied, Malformed) as error:
        broken.append((0, error))
    if broken:
        write_file(folder / BACK / f"{path.stem}.errors.csv", errors_file(broken))
    failpoint("wire.file_taken")
    for each in (path, marker):
        put_away(each, folder / AWAY)
    _clear(folder)
    return Picked(path.name, len(lines), len(broken))


def _clear(folder: Path) -> None:
    """Delete what was taken in whole: it stands in the books and need not lie about; the marker keeps its digest."""
    for path in (folder / AWAY).glob("*.jsonl"):
        if not (folder / BACK / f"{path.stem}.errors.csv").exists():
            path.unlink(missing_ok=True)


def _subjects(path: Path) -> set[str]:
    """Return the subjects of the messages in a file of our own; one that is gone by now has none."""
    try:
        lines = _read(path).split(b"\n")[:-1]
        return {str(orjson.loads(read_line(line).content).get("subject")) for line in lines}
    except (FileNotFoundError, Denied, Malformed, ValueError, AttributeError):
        return set()


def read_file(path: Path, marker: Path) -> tuple[str, bytes, Signed]:
    """Return sender, body and head of a file whose marker fits it. Raises Malformed."""
    try:
        told = orjson.loads(_read(marker))
        body = _read(path)
        sender, count, digest = str(told["sender"]), int(told["lines"]), str(told["sha256"])
        head = read_line(str(told["head"]).encode())
    except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
        raise Malformed("channels.broken_marker", path=marker.name) from error
    if sha256(body).hexdigest() != digest or body.count(b"\n") != count:
        raise Malformed("channels.broken_marker", path=marker.name)
    return sender, body, head


def _marker(me: str, body: bytes, count: int, head: Signed) -> bytes:
    told = {"sender": me, "sha256": sha256(body).hexdigest(), "lines": count, "head": head.line.decode()}
    return orjson.dumps(told)


def errors_file(broken: Sequence[tuple[int, HubError]]) -> bytes:
    """Return the error file: line (0: the whole file), key, sentence in both languages. UTF-8 with a mark for Excel."""
    out = io.StringIO()
    book = csv.writer(out)
    book.writerow(["line", "error", "zh", "en"])
    for number, error in broken:
        book.writerow([number, error.key, as_text(error.message("zh")), as_text(error.message("en"))])
    return out.getvalue().encode("utf-8-sig")


def _read(path: Path) -> bytes:
    """Return a file of the partner. Raises Malformed for one that is too large."""
    with path.open("rb") as stream:
        body = stream.read(MAX_FILE_BYTES + 1)
    if len(body) > MAX_FILE_BYTES:
        raise Malformed("channels.broken_marker", path=path.name)
    return body


def write_file(path: Path, body: bytes) -> None:
    """Write a file whole or not at all: beside its place, forced to disk, renamed, the folder forced to disk."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
            stream.write(body)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def put_away(path: Path, folder: Path) -> None:
    """Move a file into a folder beside, which is made; one that is gone is gone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        path.replace(folder / path.name)


@contextmanager
def said() -> Iterator[None]:
    """Turn what the disk or the share says into what to do next."""
    try:
        yield
    except OSError as error:
        raise Retry("channels.drop_failed", detail=error.strerror or type(error).__name__) from error
