"""Transport over local files: one file is one page, read in pieces, gzip opened on the way."""

import gzip
import os
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from hubtwin.base.errors import Denied, Malformed, Retry
from hubtwin.model.record import UNMARKED, Marks
from hubtwin.ports import Page

CHUNK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_SEAL_BYTES = 6  # 8 characters of cursor a file; two of 10,000 files share a seal once in 5 million folders


@dataclass(frozen=True)
class FileTransport:
    """Pages from files and folders, in the order given; a folder stands for its files that match, by name.

    The cursor is the list of seals of the files read so far that still exist. A seal depends on the file's path,
    size and times of change: a file that nobody touched is not read again, a changed one is, and whatever is
    written while a file is being read makes it be read again.
    """

    paths: tuple[Path, ...]
    pattern: str = "*"
    marks: Marks = UNMARKED

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield the files that are new or changed since `cursor`. Raises Retry (absent, unreadable), Denied.

        Reading a page raises Retry when the disk fails and Malformed when gzip content is damaged.
        """
        read = set((cursor or "").split())
        files = [(file, _seal(file)) for file in self._list_files()]
        done = [seal for _, seal in files if seal in read]
        for file, seal in files:
            if seal in read:
                continue
            done.append(seal)
            yield Page(_name(file), _chunks(file), " ".join(done), self.marks)

    def _list_files(self) -> list[Path]:
        found: list[Path] = []
        for path in self.paths:
            if not path.exists():
                raise Retry("connectors.common.file_missing", file=path.name)
            if not path.is_file() and not path.is_dir():  # a pipe or a device has no size, no end, no second reading
                raise Denied("connectors.common.not_a_file", file=path.name)
            found += sorted(file for file in path.glob(self.pattern) if file.is_file()) if path.is_dir() else [path]
        return list(dict.fromkeys(found))


def _name(file: Path) -> str:
    """Return the name of a file as text that can be stored, whatever bytes it is made of."""
    return file.name.encode("utf-8", "backslashreplace").decode()


def _seal(file: Path) -> str:
    try:
        state = file.stat()
    except OSError as problem:
        raise _translated(problem, file) from problem
    named = (str(file.resolve()), state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return urlsafe_b64encode(
        blake2b(repr(named).encode("utf-8", "backslashreplace"), digest_size=_SEAL_BYTES).digest()
    ).decode()


def _chunks(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as raw:
            zipped = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0, os.SEEK_SET)
            if zipped:
                with gzip.GzipFile(fileobj=raw) as opened:
                    yield from _pieces(opened)
            else:
                yield from _pieces(raw)
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise Malformed("connectors.common.gzip_broken", file=file.name) from problem
    except OSError as problem:
        raise _translated(problem, file) from problem


def _pieces(stream: BinaryIO | gzip.GzipFile) -> Iterable[bytes]:
    return iter(lambda: stream.read(CHUNK_BYTES), b"")


def _translated(problem: OSError, file: Path) -> Retry | Denied:
    if isinstance(problem, PermissionError):
        return Denied("connectors.common.file_denied", file=file.name)
    if isinstance(problem, FileNotFoundError):
        return Retry("connectors.common.file_missing", file=file.name)
    return Retry("connectors.common.file_unreadable", file=file.name, problem=os.strerror(problem.errno or 0))
