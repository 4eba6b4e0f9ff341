"""Messages as lines of files, for whoever picks them up: one file a channel and day, each line forced to disk.

A line is JSON: `key`, `channel`, `at_min` (epoch minute in which it was written), `payload`. After a crash a line may
stand twice: the reader knows it again by its key. A line that a crash cut off has no end; the next one begins anew.
"""

import json
import os
from pathlib import Path

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Retry
from hubtwin.model.event import Message


class Spool:
    """Writes below one folder, which belongs to the hub alone."""

    def __init__(self, folder: Path) -> None:
        """Take a folder; it is made when the first message comes."""
        self.folder = folder

    def __call__(self, message: Message) -> None:
        """Write a message down. Raises Retry where the disk does not take it."""
        day = f"{from_epoch_minute(message.at_min):%Y-%m-%d}"
        path = self.folder / message.channel / f"{day}.jsonl"
        told = {"key": message.key, "channel": message.channel, "at_min": message.at_min, "payload": message.payload}
        line = json.dumps(told, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("a+b", buffering=0) as book:
                book.write(_begin(book.fileno()) + line)
                os.fsync(book.fileno())
        except OSError as error:
            raise Retry("channels.spool_failed", path=path.name, detail=error.strerror or str(error)) from error


def _begin(file: int) -> bytes:
    """Return what must stand before the next line: a line end where a crash cut the last one off."""
    size = os.fstat(file).st_size
    return b"\n" if size and os.pread(file, 1, size - 1) != b"\n" else b""
