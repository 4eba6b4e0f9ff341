"""Archives are opened only where they cannot do harm: not too many files, not blown up, none inside another.

A limit holds for what an archive says of itself before anything is unpacked; Python's zipfile never unpacks more of a
file than was said.
"""

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hubtwin.base.errors import Malformed, Retry

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NESTED = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz", ".zst", ".xlsx", ".xlsm", ".jar")
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError, OverflowError)
_XML = re.compile(rb"<!(?:DOCTYPE|ENTITY)|<[A-Za-z_]", re.IGNORECASE)
_HEAD = 1 << 20  # bytes of an XML file in which its first element must begin
_SMALL = 1 << 20  # a file of this size may be packed as well as it likes


@dataclass(frozen=True, slots=True)
class Limits:
    """What is unpacked at most: files, times the packed size, bytes of one file, bytes in all."""

    files: int = 2_000
    ratio: int = 200
    file: int = 16 << 30
    total: int = 32 << 30


SHEET_LIMITS = Limits(files=2_000, ratio=200, file=2 << 30, total=4 << 30)


@contextmanager
def opened_zip(path: Path, limits: Limits = Limits()) -> Iterator[zipfile.ZipFile]:
    """Open an archive that was looked over. Raises Malformed for one that is damaged, encrypted, too large or packed
    too well, and for names that lead out of it."""
    try:
        with zipfile.ZipFile(path) as archive:
            _look_over(archive, path.name, limits)
            yield archive
    except _BROKEN as error:
        raise Malformed("connectors.tables.bad_archive", file=path.name) from error


def _look_over(archive: zipfile.ZipFile, file: str, limits: Limits) -> None:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > limits.files:
        raise Malformed("connectors.tables.many_members", file=file, count=len(infos), most=limits.files)
    total = sum(info.file_size for info in infos)
    for info in infos:
        name = info.filename[:120]
        blown = info.file_size > _SMALL and info.file_size > limits.ratio * max(info.compress_size, 1)
        if blown or info.file_size > limits.file or total > limits.total:
            raise Malformed("connectors.tables.bomb", file=file, member=name, size=info.file_size)
        if not _is_inside(info.filename):
            raise Malformed("connectors.tables.path_outside", file=file, member=name)
        if info.flag_bits & 0x1:
            raise Malformed("connectors.tables.encrypted", file=file, member=name)
        if info.compress_type not in _METHODS:
            raise Malformed("connectors.tables.bad_archive", file=file)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    plain = "\\" not in name and ":" not in name and "\0" not in name
    return plain and not path.is_absolute() and ".." not in path.parts and bool(path.name)


def list_members(path: Path) -> list[str]:
    """Return the tables of an archive, none of which may be an archive itself. Raises Malformed."""
    with opened_zip(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    names = [name for name in names if not PurePosixPath(name).name.startswith((".", "__")) and "__MACOSX" not in name]
    nested = next((name for name in names if name.lower().endswith(_NESTED)), None)
    if nested is not None:
        raise Malformed("connectors.tables.nested", file=path.name, member=nested[:120])
    return names


def unpack(path: Path, table: str, folder: Path) -> Path:
    """Write one table of an archive into a folder; return where. `table` is its name with or without ending, empty for
    the only one. Raises Malformed where it is not there or not clear, Retry for a full disk."""
    names = list_members(path)
    found = [name for name in names if table in {"", name, PurePosixPath(name).name, PurePosixPath(name).stem}]
    if len(found) != 1:
        known = ", ".join(sorted(PurePosixPath(name).name for name in names))[:400]
        raise Malformed("connectors.tables.which_table", file=path.name, known=known)
    place = folder / PurePosixPath(found[0]).name
    try:
        with opened_zip(path) as archive, archive.open(found[0]) as packed, place.open("xb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
    except OSError as error:
        raise Retry("connectors.tables.no_room", file=path.name) from error
    return place


def refuse_bad_xml(archive: zipfile.ZipFile, file: str) -> None:
    """Raise Malformed for XML with a document type or entities: a few bytes of it can become gigabytes."""
    for info in archive.infolist():
        if not info.filename.lower().endswith((".xml", ".rels", ".vml")) or not info.file_size:
            continue
        with archive.open(info) as stream:
            found = _XML.search(stream.read(_HEAD))  # UTF-16 has no such bytes and is refused with that
        if found is None or found[0].startswith(b"<!"):
            raise Malformed("connectors.tables.bad_xml", file=file, member=info.filename[:120])
