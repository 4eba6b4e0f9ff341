"""Recordings: the raw pages of a source, kept as they came, sealed, for acceptance and for shadow runs.

A recording is a folder of segments. A segment begins with a key of its own, wrapped under `recording.key` of the hub
(AES-256-GCM), and goes on with frames: length, CRC-32, sealed content. Frames are only ever appended, and a page's
frame is forced to disk before the page is handed on. Whoever opens a recording to write begins a new segment, and
cuts what a kill left unfinished at the end of an older one. Files are readable by their owner only, and no backup
takes them.
"""

import json
import os
import re
import secrets
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hubtwin.base.clock import EPOCH, Clock
from hubtwin.base.errors import Absent, Denied, Malformed, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.model.record import UNMARKED, Marks, Provenance, Status
from hubtwin.stores.keyfile import KEY_BYTES, read_key
from hubtwin.stores.locks import locked
from hubtwin.stores.sqlite import fsync

RECORDING_KEY, FOLDER = "recording.key", "recordings"
SEGMENT_BYTES = 16 << 20
SEGMENT_H = 6  # hours: what is deleted by age goes by whole segments
MAX_PAGE_BYTES = 64 << 20  # a page is held and sealed whole
Kind = Literal["page", "asked", "failed", "noted"]
_MAGIC, _HEAD, _NONCE = b"HTREC1\n", struct.Struct(">II"), 12
_WRAPPED = _NONCE + KEY_BYTES + 16
_NAME = re.compile(r"(\d{8})-(\d{10})\.rec\Z")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
_MICRO, _MINUTE = timedelta(microseconds=1), timedelta(minutes=1)


def may_always() -> bool:
    """Say that nothing holds back what the limits delete."""
    return True


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a source is kept at most: bytes and days; the oldest segments go first.

    `may_delete` is asked before; while it says no (a legal hold stands) nothing goes.
    """

    bytes: int = 2 << 30
    days: int = 7
    may_delete: Callable[[], bool] = may_always


@dataclass(frozen=True, slots=True)
class Frame:
    """One entry of a recording, at a moment of the hub's clock.

    `page`: what came, with its exact bytes; `refusal` is the key and the values of the error that ended its reading.
    `asked`: the source was asked and had nothing new. `failed`: it could not be read, for `note["reason"]`. `noted`:
    what happened to the recording itself.
    """

    kind: Kind
    at: datetime
    place: str = ""
    name: str = ""
    cursor: str = ""
    marks: Marks = UNMARKED
    body: bytes = field(default=b"", repr=False)
    sha256: str = ""
    refusal: tuple[str, Mapping[str, object]] | None = None
    note: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of a recording: its number, and the epoch minute in which it began."""

    path: Path
    number: int
    begin_min: int


def folder_of(store_dir: Path, source: str) -> Path:
    """Return the folder of a source's recording. Raises Malformed for a name that is no folder name."""
    if not _SOURCE.match(source):
        raise Malformed("stores.recording_bad_name", source=source)
    return store_dir / FOLDER / source


def list_sources(store_dir: Path) -> list[str]:
    """Return the sources of which there are segments."""
    return sorted({path.parent.name for path in (store_dir / FOLDER).glob("*/*.rec") if _NAME.match(path.name)})


def list_segments(folder: Path) -> list[Segment]:
    """Return the segments of a recording, the oldest first."""
    found = ((path, _NAME.match(path.name)) for path in folder.glob("*.rec"))
    return sorted((Segment(path, int(m[1]), int(m[2])) for path, m in found if m), key=lambda each: each.number)


def delete_segments(store_dir: Path, wanted: Mapping[str, set[int]] | None = None) -> int:
    """Delete segments for good, by source and number (None: all there are); return how many. Their keys go too."""
    gone = 0
    for source in list_sources(store_dir):
        for segment in list_segments(folder_of(store_dir, source)):
            if wanted is None or segment.number in wanted.get(source, set()):
                segment.path.unlink(missing_ok=True)
                gone += 1
    return gone


class Recording:
    """Reads the recording of one source in one store directory."""

    def __init__(self, store_dir: Path, source: str) -> None:
        """Find the recording. Raises Absent where there is none, Denied where its key is missing or wrong."""
        self.source, self.folder = source, folder_of(store_dir, source)
        if not list_segments(self.folder):
            raise Absent("stores.no_recording", source=source)
        if not (store_dir / RECORDING_KEY).exists():
            raise Denied("stores.recording_no_key", path=RECORDING_KEY)
        self._master = _master(store_dir)

    def frames(
        self, after: str = "", *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[Frame]:
        """Yield what was recorded, in order: behind the place `after`, at `since` or later, before `until`.

        A frame that a kill left unfinished ends its segment. Raises Malformed for one that was altered.
        """
        number, _, index = after.partition(".")
        begin = (int(number), int(index)) if after else (0, -1)
        for segment in list_segments(self.folder):
            if segment.number < begin[0] or not _may_hold(segment, since, until):
                continue
            for frame in _read(segment, self._master):
                here, _, there = frame.place.partition(".")
                is_wanted = (since is None or frame.at >= since) and (until is None or frame.at < until)
                if (int(here), int(there)) > begin and is_wanted:
                    yield frame


class Recorder:
    """Appends to the recording of one source; one process at a time."""

    def __init__(self, store_dir: Path, source: str, clock: Clock, limits: Limits = Limits()) -> None:
        """Take the recording, and cut what a kill left unfinished. Raises Retry where another process records it, or
        the disk fails, and Denied for a key that others can read.
        """
        self.source, self.folder = source, folder_of(store_dir, source)
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._clock, self._limits, self._master = clock, limits, _master(store_dir)
        self._taken, self._is_over = ExitStack(), False
        try:
            self._taken.enter_context(locked(self.folder / "lock"))
        except BlockingIOError as error:
            raise Retry("stores.recording_taken", source=source) from error
        self._file: BinaryIO | None = None
        self._seal: AESGCM | None = None
        self._name, self._frames, self._began, self._asked = "", 0, EPOCH, EPOCH
        self._cut_torn()

    def close(self) -> None:
        """Let go of the recording; what was written is on disk."""
        self._end_segment()
        self._is_over = True
        self._taken.close()

    def last_cursor(self) -> str | None:
        """Return the cursor of the last page that was recorded."""
        for segment in reversed(list_segments(self.folder)):
            pages = [frame.cursor for frame in _read(segment, self._master) if frame.kind == "page"]
            if pages:
                return pages[-1]
        return None

    def write(self, frame: Frame) -> None:
        """Append a frame; it is on disk on return. Raises Retry where the disk is full or fails, or after `close`."""
        if self._is_over:  # a source that answered only after the hub had ended
            raise Retry("stores.recording_closed", source=self.source)
        try:
            self._append(frame)
        except OSError as error:
            with suppress(OSError):
                self._end_segment()  # whatever of it is on disk is cut by the reader
            raise Retry("stores.disk", path=self.folder.name, detail=error.strerror or str(error)) from error

    def note_asked(self) -> None:
        """Note that the source had nothing new: once a minute, which says that silence was the source's own."""
        now = self._clock()
        if now - self._asked >= timedelta(minutes=1):
            self._asked = now
            self.write(Frame("asked", now))

    def _append(self, frame: Frame) -> None:
        seal, file = self._segment(frame.at)
        head = json.dumps(_head_of(frame, self.source), ensure_ascii=False, default=str).encode()
        plain = struct.pack(">I", len(head)) + head + frame.body
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + seal.encrypt(nonce, plain, f"{self._name} {self._frames}".encode())
        whole = _HEAD.pack(len(sealed), zlib.crc32(sealed)) + sealed
        file.write(whole[: len(whole) // 2])
        file.flush()
        failpoint("stores.recording_half")
        file.write(whole[len(whole) // 2 :])
        file.flush()
        failpoint("stores.recording_unsynced")
        os.fsync(file.fileno())
        failpoint("stores.recording_synced")
        self._frames += 1

    def _segment(self, now: datetime) -> tuple[AESGCM, BinaryIO]:
        """Return the segment to write to; a new one where there is none yet, or it is full or old."""
        if self._file is not None and (
            self._file.tell() >= SEGMENT_BYTES
            or not timedelta(0) <= now - self._began < timedelta(hours=SEGMENT_H)
            or not (self.folder / self._name).exists()  # deleted, with the data of an event
        ):
            self._end_segment()
        if self._file is None or self._seal is None:
            number = max((each.number for each in list_segments(self.folder)), default=0) + 1
            path = self.folder / f"{number:08d}-{(now - EPOCH) // _MINUTE:010d}.rec"
            key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(_NONCE)
            self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
            self._file.write(_MAGIC + nonce + self._master.encrypt(nonce, key, path.name.encode()))
            self._file.flush()
            fsync(self.folder)
            self._seal, self._name, self._frames, self._began = AESGCM(key), path.name, 0, now
            gone, size = prune(self.folder, self._limits, now, keep=path) if self._limits.may_delete() else (0, 0)
            if gone:
                self._append(Frame("noted", now, note={"what": "deleted_by_limit", "segments": gone, "bytes": size}))
        return self._seal, self._file

    def _end_segment(self) -> None:
        file, self._file, self._seal = self._file, None, None
        if file is not None:
            file.close()

    def _cut_torn(self) -> None:
        """Cut an unfinished frame off the end of every segment; one whose own head is unfinished goes whole."""
        for segment in list_segments(self.folder):
            size, whole = segment.path.stat().st_size, _whole_bytes(segment.path)
            if whole == size:
                continue
            if whole == 0:
                segment.path.unlink()
            else:
                os.truncate(segment.path, whole)
                fsync(segment.path)
            with suppress(Retry):  # a full disk must not keep the hub from beginning
                self.write(Frame("noted", self._clock(), note={"what": "torn_tail_cut", "bytes": size - whole}))


def prune(folder: Path, limits: Limits, now: datetime, keep: Path | None = None) -> tuple[int, int]:
    """Delete the oldest segments until the others fit the limits, `keep` never; return how many, and their bytes."""
    segments = list_segments(folder)
    ends_min = [each.begin_min + SEGMENT_H * 60 for each in segments]  # nothing is written to it later
    sizes = [each.path.stat().st_size for each in segments]
    total, edge_min = sum(sizes), (now - timedelta(days=limits.days) - EPOCH) // _MINUTE
    gone = size_gone = 0
    for segment, size, end_min in zip(segments, sizes, ends_min, strict=True):
        if segment.path == keep or (total <= limits.bytes and end_min >= edge_min):
            break
        segment.path.unlink()
        gone, size_gone, total = gone + 1, size_gone + size, total - size
    return gone, size_gone


def page_frame(at: datetime, name: str, cursor: str, marks: Marks, body: bytes) -> Frame:
    """Return the frame of a page."""
    return Frame("page", at, "", name, cursor, marks, body, sha256(body).hexdigest())


def _master(store_dir: Path) -> AESGCM:
    key = read_key(store_dir / RECORDING_KEY)
    if key is None:
        raise Denied("stores.recording_no_key", path=RECORDING_KEY)
    return AESGCM(key)


def _head_of(frame: Frame, source: str) -> dict[str, object]:
    told: dict[str, object] = {"kind": frame.kind, "at_us": (frame.at - EPOCH) // _MICRO, "source": source}
    if frame.kind == "page":
        marks = (frame.marks.status.value, frame.marks.provenance.value, frame.marks.replayed)
        told |= {"name": frame.name, "cursor": frame.cursor, "marks": marks, "sha256": frame.sha256}
    if frame.refusal is not None:
        told["refusal"] = frame.refusal
    return told | ({"note": dict(frame.note)} if frame.note else {})


def _frame_of(plain: bytes, place: str) -> Frame:
    (size,) = struct.unpack_from(">I", plain)
    told, body = json.loads(plain[4 : 4 + size]), plain[4 + size :]
    at = EPOCH + int(told["at_us"]) * _MICRO
    refusal = (str(told["refusal"][0]), told["refusal"][1]) if "refusal" in told else None
    if told["kind"] != "page":
        return Frame(told["kind"], at, place, note=told.get("note", {}))
    status, provenance, replayed = told["marks"]
    marks = Marks(Status(status), Provenance(provenance), bool(replayed))
    digest = str(told["sha256"])
    return Frame("page", at, place, told["name"], told["cursor"], marks, body, digest, refusal, told.get("note", {}))


def _may_hold(segment: Segment, since: datetime | None, until: datetime | None) -> bool:
    """Tell by the name of a segment whether it can hold something of a time."""
    begins = EPOCH + segment.begin_min * _MINUTE
    is_over = since is not None and begins + timedelta(hours=SEGMENT_H) + _MINUTE <= since
    return not is_over and (until is None or begins < until)


def _read(segment: Segment, master: AESGCM) -> Iterator[Frame]:
    """Yield the frames of a segment that are whole."""
    with suppress(FileNotFoundError), segment.path.open("rb") as file:  # deleted by its limits meanwhile
        head = file.read(len(_MAGIC) + _WRAPPED)
        if len(head) < len(_MAGIC) + _WRAPPED:
            return
        name, wrapped = segment.path.name, head[len(_MAGIC) :]
        try:
            seal = AESGCM(master.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], name.encode()))
        except InvalidTag as error:
            raise Denied("stores.recording_wrong_key", path=RECORDING_KEY, segment=name) from error
        for index, sealed in enumerate(_sealed(file, name)):
            try:
                plain = seal.decrypt(sealed[:_NONCE], sealed[_NONCE:], f"{name} {index}".encode())
            except InvalidTag as error:
                raise Malformed("stores.recording_altered", segment=name, frame=index) from error
            frame = _frame_of(plain, f"{segment.number}.{index}")
            if frame.kind == "page" and sha256(frame.body).hexdigest() != frame.sha256:
                raise Malformed("stores.recording_altered", segment=name, frame=index)
            yield frame


def _sealed(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the sealed frames from here on, up to one that a kill left unfinished, which is the last.

    Raises Malformed for a damaged frame that others follow: it was not cut short, it was altered.
    """
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        size, crc = _HEAD.unpack(head)
        sealed = file.read(size)
        if len(sealed) == size > _NONCE and zlib.crc32(sealed) == crc:
            yield sealed
            continue
        rest = file.read()
        if (len(sealed) == size > 0 and rest) or (size == 0 and any(rest)):
            raise Malformed("stores.recording_altered", segment=name, frame="?")
        return


def _whole_bytes(path: Path) -> int:
    """Return the length of a segment up to its last whole frame; 0 where not even its head is whole."""
    with path.open("rb") as file:
        if len(file.read(len(_MAGIC) + _WRAPPED)) < len(_MAGIC) + _WRAPPED:
            return 0
        whole = file.tell()
        try:
            for sealed in _sealed(file, path.name):
                whole += _HEAD.size + len(sealed)
        except Malformed:  # damaged in the middle: nothing is cut, the reader says where
            return path.stat().st_size
        return whole
