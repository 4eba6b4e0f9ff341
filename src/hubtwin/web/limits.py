"""Limits against guessing and flooding: token buckets by key, in bounded memory; and hashes computed at once."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import BoundedSemaphore, Lock

from hubtwin.base.errors import Denied

REMEMBERED = 10_000  # keys; the ones that were quiet longest are forgotten first
HASHES_AT_ONCE = 2  # a password hash takes tens of megabytes and a core on purpose


class TooMany(Denied):
    """Too many attempts or requests; `values["seconds"]` says how long to wait."""


class Limiter:
    """Buckets of `burst` attempts by key, refilled over `per_s` seconds. Threads share it."""

    def __init__(self, per_s: float = 60.0, tick: Callable[[], float] = time.monotonic) -> None:
        """Create it; `tick` gives seconds that only grow."""
        self._per_s, self._tick, self._lock = per_s, tick, Lock()
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> attempts left, as of
        self.hashing = BoundedSemaphore(HASHES_AT_ONCE)

    def take(self, key: str, burst: int, why: str = "web.too_many") -> None:
        """Take one attempt. Raises TooMany, in the words of `why`."""
        with self._lock:
            left = self._left(key, burst)
            if left < 1:
                raise TooMany(why, seconds=math.ceil((1 - left) * self._per_s / burst))
            self._put(key, left - 1)

    def give_back(self, key: str, burst: int) -> None:
        """Return an attempt that was honest."""
        with self._lock:
            self._put(key, min(burst, self._left(key, burst) + 1))

    def _left(self, key: str, burst: int) -> float:
        left, as_of = self._held.get(key, (float(burst), self._tick()))
        return min(burst, left + (self._tick() - as_of) * burst / self._per_s)

    def _put(self, key: str, left: float) -> None:
        self._held[key] = (left, self._tick())
        self._held.move_to_end(key)
        while len(self._held) > REMEMBERED:
            self._held.popitem(last=False)
