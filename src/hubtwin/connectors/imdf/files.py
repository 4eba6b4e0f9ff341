"""The files of an archive: a zip is opened without trusting what it says about itself."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from hubtwin.model.venue import EXTENSION, Severity, VenueFinding

Members = dict[str, bytes]
MANIFEST = "manifest.json"
FEATURES = ".geojson"
CHUNK = 1 << 20
STAMP = (1980, 1, 1, 0, 0, 0)  # the earliest of the zip format: the same features give the same bytes
IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db")  # what desktops add


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold: bytes packed, bytes of one file, bytes of all, and files."""

    packed: int = 64 << 20
    file: int = 64 << 20
    total: int = 192 << 20
    files: int = 200


LIMITS = Limits()
# The two that every reader has. Of others zipfile unpacks a megabyte of packed bytes at once, whatever that becomes.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def error(key: str, where: str = "", **values: object) -> VenueFinding:
    """Return a finding that breaks the standard."""
    return VenueFinding(Severity.ERROR, f"connectors.imdf.{key}", where=where, values=values)


def told(severity: Severity, key: str, where: str = "", **values: object) -> VenueFinding:
    """Return a finding of a severity."""
    return VenueFinding(severity, f"connectors.imdf.{key}", where=where, values=values)


def read_zip(packed: bytes, limits: Limits = LIMITS) -> tuple[Members, list[VenueFinding]]:
    """Return the files of a zip by their names without folders, and what is wrong with it; never raises for its bytes.

    A file that unpacks to more than its limit is dropped unread beyond it; a path that leads out of the archive, a
    second file of a name and an encrypted file are dropped and told.
    """
    if len(packed) > limits.packed:
        return {}, [error("too_large", size=len(packed), most=limits.packed)]
    try:
        archive = zipfile.ZipFile(io.BytesIO(packed))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return {}, [error("no_zip")]
    with archive:
        infos = [info for info in archive.infolist() if not info.is_dir() and not _is_clutter(info.filename)]
        if len(infos) > limits.files:
            return {}, [error("too_many_files", count=len(infos), most=limits.files)]
        return _unpack(archive, infos, limits)


def _unpack(
    archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], limits: Limits
) -> tuple[Members, list[VenueFinding]]:
    members: Members = {}
    findings: list[VenueFinding] = []
    left = limits.total
    for info in infos:
        name = PurePosixPath(info.filename).name
        if not is_inside(info.filename):
            findings.append(error("path_outside", info.filename[:200]))
        elif name in members:
            findings.append(error("file_twice", info.filename[:200]))
        elif (content := _unpack_one(archive, info, min(limits.file, left), findings)) is not None:
            members[name] = content
            left -= len(content)
    folders = {str(PurePosixPath(info.filename).parent) for info in infos} - {"."}
    if folders:
        findings.append(told(Severity.WARNING, "in_folder", folder=", ".join(sorted(folders))[:200]))
    return members, findings


def _unpack_one(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int, findings: list[VenueFinding]
) -> bytes | None:
    content = bytearray()
    if info.compress_type not in METHODS:
        findings.append(error("other_packing", info.filename[:200]))
        return None
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(min(CHUNK, most + 1 - len(content))):
                content += chunk
                if len(content) > most:
                    findings.append(error("file_too_large", info.filename[:200], most=most))
                    return None
    except RuntimeError:  # zipfile says so of an encrypted member
        findings.append(error("encrypted", info.filename[:200]))
        return None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError, EOFError, ValueError):
        findings.append(error("damaged", info.filename[:200]))
        return None
    return bytes(content)


def is_inside(name: str) -> bool:
    """Return whether a name of a file stays inside of the archive that holds it."""
    path = PurePosixPath(name)
    plain = "\\" not in name and ":" not in name and "\0" not in name
    return plain and not path.is_absolute() and ".." not in path.parts and bool(path.name)


def _is_clutter(name: str) -> bool:
    return any(part in name for part in IGNORED)


def write_zip(members: Mapping[str, bytes]) -> bytes:
    """Return a zip of files, the manifest first; the same files give the same bytes on every day and machine."""
    packed = io.BytesIO()
    order = sorted(members, key=lambda name: (name != MANIFEST, name == EXTENSION, name))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in order:
            info = zipfile.ZipInfo(name, STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info.create_system = 3  # as on Unix, wherever it is written
            archive.writestr(info, members[name])
    return packed.getvalue()
