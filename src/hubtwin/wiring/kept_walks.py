"""Walks that were computed from a venue, kept on disk: a command that starts anew does not build the graph again.

They are derived data: whoever deletes the file loses a second, and what is in it counts only for the very bytes of the
archive, the places, what is closed, and the rules that it was computed by.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import astuple
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import orjson

from hubtwin.model.place import Walk

_RULES = Path(__file__).resolve().parent.parent / "rules"
PARTS = ("walking*", "venue_shapes.py", "hub_walks.py")  # what a walk is computed by


def keep_walks(
    file: Path, archive: Iterable[Path], told: Any, compute: Callable[[], tuple[Walk, ...]]
) -> tuple[Walk, ...]:
    """Return walks from `file` where it holds those of these bytes and `told` (anything JSON), else compute them.

    A file that cannot be read or written costs time and nothing else.
    """
    key = _key(archive, told)
    with suppress(OSError, orjson.JSONDecodeError, TypeError, KeyError, ValueError):
        held = orjson.loads(file.read_bytes())
        if held["key"] == key:
            return tuple(
                Walk(str(a), str(b), int(seconds), bool(measured)) for a, b, seconds, measured in held["walks"]
            )
    walks = compute()
    with suppress(OSError):
        _write(file, orjson.dumps({"key": key, "walks": [astuple(walk) for walk in walks]}))
    return walks


def _key(archive: Iterable[Path], told: Any) -> str:
    found = sha256(orjson.dumps(told))
    rules = (path for part in PARTS for path in _RULES.glob(part))
    for path in (*sorted(archive), *sorted(rules)):
        found.update(path.name.encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def _write(file: Path, content: bytes) -> None:
    """Write a file in one go: another process reads the old one or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    number, name = mkstemp(dir=file.parent)
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
