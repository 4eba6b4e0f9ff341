"""Lock files between processes: the kernel lets go of them with the process that holds them."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE_S = 0.05


@contextmanager
def locked(path: Path, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock file, made where it is missing. Raises BlockingIOError where another process or thread holds it for
    longer than `wait_s`."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        left = wait_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if left <= 0:
                    raise
                time.sleep(_PAUSE_S)
                left -= _PAUSE_S
        yield
    finally:
        os.close(handle)


@contextmanager
def held(place: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold a file or folder that is there; tell whether nobody else does. With `wait`, wait until that is so. Raises
    FileNotFoundError."""
    handle = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = True
        except BlockingIOError:
            is_ours = False
        yield is_ours
    finally:
        os.close(handle)
