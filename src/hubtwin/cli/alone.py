"""One process turns the loop of a home: two would send every message twice and take each other's place at a broker."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hubtwin.base.errors import Retry
from hubtwin.settings import Settings
from hubtwin.stores.locks import locked

LOCK = "serving.lock"


def lock_of(settings: Settings) -> Path:
    """Return the lock of whoever turns the loop of a hub; its exercise may be served beside it."""
    return settings.home / settings.status.apart(LOCK)


@contextmanager
def alone(lock: Path, key: str) -> Iterator[None]:
    """Hold a lock file while used; the kernel lets go of it with the process. Raises Retry with `key` where another
    process holds it.
    """
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(lock))
        except BlockingIOError as error:
            raise Retry(key, home=lock.parent) from error
        yield
