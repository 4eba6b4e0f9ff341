"""Key files: 32 random bytes, made whole or not at all, readable by their owner only."""

import os
import secrets
from pathlib import Path

from hubtwin.base.errors import Denied
from hubtwin.stores.sqlite import fsync

KEY_BYTES = 32


def read_key(path: Path) -> bytes | None:
    """Return the key of a file, made at first use; None where the file holds none. Raises Denied for one that others
    can read.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path)
    if path.stat().st_mode & 0o077:
        raise Denied("stores.open_key_file", path=path.name, mode=oct(path.stat().st_mode & 0o777))
    key = path.read_bytes()
    return key if len(key) == KEY_BYTES else None


def _create(path: Path) -> None:
    """Write the key beside its place and link it there: a crash leaves a whole key or none."""
    draft = path.with_suffix(f".{secrets.token_hex(4)}.draft")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(secrets.token_bytes(KEY_BYTES))
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(draft, path)  # unlike a rename it never replaces the key that another process made meanwhile
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    fsync(path.parent)
