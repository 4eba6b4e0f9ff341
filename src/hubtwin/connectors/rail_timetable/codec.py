"""Bytes of a timetable page to its files, and files to CSV records; sizes are bounded before and while unpacking.

A timetable is several files that mean something only together, so one page is one bundle: a zip of them. `bundle`
makes such a page from single files; a page that is no zip is a bundle of one file.
"""

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.csvio import CsvProblem, Form, Sheet, read_csv
from hubtwin.connectors.common.lines import shown
from hubtwin.connectors.rail_timetable.records import Timetable
from hubtwin.ports import Page

MAX_PAGE_BYTES = 512 << 20  # the page as it comes, held in memory because a zip is read from its end
MAX_FEED_BYTES = 1 << 30  # all files of it together, unpacked; the largest national rail feeds are a tenth
MAX_FILES = 1_000
_BLOCK = 1 << 18
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP_MAGIC = b"\x1f\x8b"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold: equal files make equal bytes
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,  # an unknown compression
    RuntimeError,  # an encrypted file
    ValueError,
    OSError,  # a damaged bzip2 file
)


@dataclass(frozen=True)
class Archive:
    """The files of a page by base name, each with a function that opens its bytes."""

    name: str
    files: Mapping[str, Callable[[], Iterator[bytes]]]

    def sheet(self, file: str, forms: Sequence[Form]) -> Sheet:
        """Return one file as CSV. Raises Malformed for a header that matches no form."""
        return read_csv(self.files[file](), file, forms)


def bundle(files: Mapping[str, Iterable[bytes]]) -> bytes:
    """Return one page, a zip, from files by name (plain or gzip); the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(files):
            with archive.open(zipfile.ZipInfo(name, _EPOCH), "w", force_zip64=True) as stream:
                for chunk in files[name]:
                    stream.write(chunk)
    return out.getvalue()


def open_archive(page: Page) -> Archive:
    """Return the files of a page. Raises Malformed for a damaged or oversized archive, before unpacking it."""
    data = _gather(page)
    budget = _Budget(page.name)
    if not data.startswith(_ZIP_MAGIC):
        return Archive(
            page.name, {_plain_name(page.name): partial(_unpacked, lambda: iter((data,)), page.name, budget)}
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = [info for info in archive.infolist() if _counts(info.filename)]
    except _BROKEN as error:
        raise _broken(page.name, error) from error
    if len(infos) > MAX_FILES or sum(info.file_size for info in infos) > MAX_FEED_BYTES:
        raise _too_large(page.name)
    files: dict[str, Callable[[], Iterator[bytes]]] = {}
    for info in infos:
        name = _plain_name(info.filename)
        if not info.file_size:
            continue  # a file without a byte says as little as a missing one
        if name in files:
            raise Malformed("connectors.rail_timetable.repeated_file", page=page.name, file=shown(name))
        files[name] = partial(_unpacked, partial(_member, archive, info, page.name), page.name, budget)
    return Archive(page.name, files)


def records(sheet: Sheet, file: str, timetable: Timetable) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (locator, stripped values by column) of each good line; a bad one goes to the timetable's problems."""
    for line in sheet.lines:
        if isinstance(line, CsvProblem):
            timetable.refuse(f"{file}:{line.line_no}", line.reason, line.raw, **line.values)
        else:
            yield f"{file}:{line[0]}", {name: value.strip() for name, value in line[1].items()}


def raw_of(values: Mapping[str, str]) -> str:
    """Return a line for a steward's eyes from its values."""
    return shown(",".join(values.values()))


class _Budget:
    """Counts what was really unpacked: a declared size may lie."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = MAX_FEED_BYTES

    def take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise _too_large(self._name)


def _gather(page: Page) -> bytes:
    parts: list[bytes] = []
    size = 0
    for chunk in page.chunks:
        size += len(chunk)
        if size > MAX_PAGE_BYTES:
            raise _too_large(page.name)
        parts.append(chunk)
    return b"".join(parts)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, page: str) -> Iterator[bytes]:
    try:
        with archive.open(info) as stream:
            while block := stream.read(_BLOCK):
                yield block
    except _BROKEN as error:
        raise _broken(page, error) from error


def _unpacked(opened: Callable[[], Iterator[bytes]], page: str, budget: _Budget) -> Iterator[bytes]:
    """Yield the plain bytes of a file, unzipping gzip, a bounded piece at a time."""
    chunks = opened()
    first = next(chunks, b"")
    blocks = _chain(first, chunks)
    if first.startswith(_GZIP_MAGIC):
        blocks = _gunzipped(blocks, page)
    for block in blocks:
        budget.take(len(block))
        yield block


def _gunzipped(blocks: Iterator[bytes], page: str) -> Iterator[bytes]:
    unzip = zlib.decompressobj(wbits=31)
    try:
        for block in blocks:
            pending = block
            while pending:
                piece = unzip.decompress(pending, _BLOCK)
                if piece:
                    yield piece
                pending = unzip.unconsumed_tail
                if unzip.eof and unzip.unused_data:  # gzip files may follow one another
                    pending, unzip = unzip.unused_data, zlib.decompressobj(wbits=31)
                elif unzip.eof or (not piece and not pending):
                    break
    except zlib.error as error:
        raise _broken(page, error) from error
    if not unzip.eof:
        raise Malformed("connectors.rail_timetable.archive_broken", page=page, problem="ends early")


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _counts(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.endswith("/") and parts[0] != "__MACOSX" and not parts[-1].startswith(".")


def _plain_name(path: str) -> str:
    return PurePosixPath(path).name.removesuffix(".gz") or path


def _broken(page: str, error: Exception) -> Malformed:
    return Malformed("connectors.rail_timetable.archive_broken", page=page, problem=type(error).__name__)


def _too_large(page: str) -> Malformed:
    return Malformed("connectors.rail_timetable.archive_too_large", page=page, limit_mb=MAX_FEED_BYTES >> 20)
