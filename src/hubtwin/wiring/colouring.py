"""Rows are coloured without anybody asking: what came onto the shelves within a minute, the hub's own datasets, which
their sources write all the time, once an hour, everything once a night.

A run over a large register takes minutes, so it has a thread of its own; the service only looks whether one is due.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from hubtwin.base.errors import HubError
from hubtwin.wiring.governing import Governing, governing_of, is_own
from hubtwin.wiring.minutes import OnceAMinute
from hubtwin.wiring.works import Works

NIGHT_H = 3  # after the night's deletion has begun, before the offices open; ours, no source
OWN_EVERY_MIN = 60  # a run of each minute would fill the audit; ours, no source
BY = "system"
_LOG = structlog.get_logger()


class ColouringClock:
    """Starts runs, as a part of each step of the service; one thread at most, so datasets wait for each other."""

    def __init__(self, governing: Governing, now: Callable[[], datetime]) -> None:
        """Take what governs, and the real clock in the zone of the hub."""
        self._governing, self._now = governing, now
        self._once = OnceAMinute(governing.now_min, self._start)
        self._minute, self._night = -1, ""
        self._tried: dict[str, int] = {}  # one of the hub's own -> the minute of its last run
        self._failed: dict[str, object] = {}  # dataset -> the files that a run failed on: not tried again as they are
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._stopped.set()

    def __call__(self, _: datetime) -> None:
        """Start what is due, if nothing runs; not before `start`, as nobody would wait for it. Raises Retry."""
        if not self._stopped.is_set() and (self._thread is None or not self._thread.is_alive()):
            self._once()

    def start(self) -> None:
        """Let runs begin, until `stop`."""
        self._stopped.clear()

    def _start(self, minute: int) -> None:
        self._minute = minute
        night = f"{(self._now() - timedelta(hours=NIGHT_H)).date()}"
        due = self._governing.held() if self._night and night != self._night else self._list_uncoloured()
        self._night = night
        if due:
            self._thread = threading.Thread(target=self._run, args=(due,), name="colouring", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop after the dataset that is being coloured."""
        self._stopped.set()
        self.wait()

    def wait(self) -> None:
        """Wait until nothing runs."""
        if self._thread is not None:
            self._thread.join()

    def _list_uncoloured(self) -> list[str]:
        return [
            name
            for name in self._governing.list_uncoloured()
            if self._failed.get(name) != self._governing.files_of(name)
            and self._minute >= self._tried.get(name, 0) + OWN_EVERY_MIN
        ]

    def _run(self, datasets: Sequence[str]) -> None:
        for dataset in datasets:
            if self._stopped.is_set():
                return
            files = self._governing.files_of(dataset)
            if is_own(dataset):
                self._tried[dataset] = self._minute
            try:
                self._governing.govern(dataset, BY)
                self._failed.pop(dataset, None)
            except HubError as error:  # the next night tries again
                self._failed[dataset] = files
                _LOG.warning("colouring_failed", dataset=dataset, reason=error.key)


def colouring_clock_of(works: Works) -> ColouringClock | None:
    """Return what colours at an open hub, None where it has no library."""
    governing, zone = governing_of(works), works.settings.hub.zone
    return None if governing is None else ColouringClock(governing, lambda: works.access.clock().astimezone(zone))
