"""Files that people uploaded and have not loaded yet: streamed to disk, for their agency only, gone after a week.

They lie below the library, so that nobody else on the machine reads them; a load that was interrupted finds its file
there. They are no part of a backup. A file counts once its head stands beside it. Who receives one holds a lock on it
that the kernel lets go of with the process, so a sweep can tell what a crash left behind from what is on its way.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from hubtwin.base.errors import Absent, Denied, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.stores.locks import held
from hubtwin.stores.sqlite import fsync

UPLOADS_FOLDER = "uploads"
KEPT_MIN = 7 * 24 * 60
MOST_OF_AGENCY = 20  # files that wait at once
_HEAD, _DRAFT = ".json", ".draft"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that waits. `file` is what it was called, `bytes` its size."""

    upload_id: str
    file: str
    by: str
    agency: str
    at_min: int
    bytes: int = 0


class Receiving:
    """An upload on its way."""

    def __init__(self, place: Path, head: Upload) -> None:
        """Create the file, readable by nobody else; the folder must be locked until it is locked itself."""
        self._place, self._head, self._bytes = place, head, 0
        self._stream: BinaryIO = os.fdopen(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
        fcntl.flock(self._stream, fcntl.LOCK_EX)

    def write(self, content: bytes) -> None:
        """Take a piece. Raises Retry for a full disk."""
        try:
            self._stream.write(content)
        except OSError as error:
            raise Retry("stores.disk", path=self._head.file, detail=error.strerror or str(error)) from error
        self._bytes += len(content)

    def finish(self) -> Upload:
        """Force the file to the disk; from here on it is there. Raises Retry."""
        done = Upload(**{**asdict(self._head), "bytes": self._bytes})
        try:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            failpoint("uploads.received")
            draft = self._place.with_suffix(_DRAFT)
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
                json.dump(asdict(done), out, ensure_ascii=False)
            fsync(draft)
            draft.replace(self._place.with_suffix(_HEAD))
            fsync(self._place.parent)
            failpoint("uploads.headed")
            self._stream.close()
        except OSError as error:
            raise Retry("stores.disk", path=self._head.file, detail=error.strerror or str(error)) from error
        return done

    def abort(self) -> None:
        """Take nothing of it."""
        for path in (self._place.with_suffix(_HEAD), self._place.with_suffix(_DRAFT), self._place):
            path.unlink(missing_ok=True)
        self._stream.close()


class Uploads:
    """The uploads of one library."""

    def __init__(self, directory: Path) -> None:
        """Take `<store>/library`; the folder is made when somebody uploads."""
        self._folder = directory / UPLOADS_FOLDER

    def begin(self, file: str, by: str, agency: str, at_min: int) -> Receiving:
        """Begin an upload; what has waited for a week goes. Raises Denied where too many wait."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self.sweep(at_min)
        if len(self.list_of(agency)) >= MOST_OF_AGENCY:
            raise Denied("stores.many_uploads", most=MOST_OF_AGENCY)
        upload_id = secrets.token_hex(16)
        with held(self._folder, wait=True):
            return Receiving(self._folder / upload_id, Upload(upload_id, file, by, agency, at_min))

    def list_of(self, agency: str) -> list[Upload]:
        """Return what waits of an agency, oldest first."""
        found = [self._read(path) for path in self._folder.glob(f"*{_HEAD}")]
        return sorted(
            (one for one in found if one and one.agency == agency), key=lambda one: (one.at_min, one.upload_id)
        )

    def count(self) -> int:
        """Return how many files wait, of all agencies."""
        return len(list(self._folder.glob(f"*{_HEAD}")))

    def get(self, upload_id: str, agency: str) -> tuple[Upload, Path]:
        """Return an upload of an agency and its file. Raises Absent, also for one of somebody else."""
        found = next((one for one in self.list_of(agency) if one.upload_id == upload_id), None)
        if found is None or not (self._folder / found.upload_id).is_file():
            raise Absent("stores.no_upload", upload=upload_id[:40])
        return found, self._folder / found.upload_id

    def drop(self, upload_id: str) -> None:
        """Delete a file and what is known of it; doing it twice is harmless."""
        for path in (self._folder / f"{upload_id}{_HEAD}", self._folder / upload_id):
            path.unlink(missing_ok=True)

    def sweep(self, at_min: int) -> int:
        """Delete what has waited for a week and what a crash left behind; return how many files went."""
        if not self._folder.is_dir():
            return 0
        count = 0
        with held(self._folder, wait=True):
            for name in sorted({path.name.partition(".")[0] for path in self._folder.iterdir()}):
                head = self._read(self._folder / f"{name}{_HEAD}")
                waits = head is not None and head.at_min >= at_min - KEPT_MIN and (self._folder / name).is_file()
                if not waits and not _is_held(self._folder / name):
                    for path in sorted(self._folder.glob(f"{name}*"), reverse=True):  # the head before the file
                        path.unlink(missing_ok=True)
                        count += 1
        return count

    @staticmethod
    def _read(path: Path) -> Upload | None:
        try:
            head: Mapping[str, object] = json.loads(path.read_text(encoding="utf-8"))
            return Upload(**head)  # type: ignore[arg-type]
        except (OSError, ValueError, TypeError):
            return None


def _is_held(place: Path) -> bool:
    """Tell whether somebody alive is receiving a file."""
    try:
        with held(place) as is_free:
            return not is_free
    except FileNotFoundError:
        return False
