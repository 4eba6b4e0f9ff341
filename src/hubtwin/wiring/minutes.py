"""Once a minute: what parts of a step do that is due by the clock and not with every step."""

from collections.abc import Callable


class OnceAMinute:
    """Does something at most once in each minute of a clock; a minute in which it failed is tried again."""

    def __init__(self, now_min: Callable[[], int], do: Callable[[int], None]) -> None:
        """Take the clock, and what is done, which is given the minute."""
        self._now_min, self._do, self._done = now_min, do, -1

    def __call__(self) -> None:
        """Do it if this minute has not seen it yet. Raises what it raises."""
        minute = self._now_min()
        if minute != self._done:
            self._do(minute)
            self._done = minute
