"""The service of a hub at work: one thread that takes in what sources give, turns the loop, and hands messages over.

A step may be cut short anywhere and is done again by the next one. A step that fails is written to the log with the
place where it failed and nothing of a person; the next one is tried all the same, and late clocks show meanwhile.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import HubError, Retry
from hubtwin.flow.feedback import deliver
from hubtwin.flow.guard import find_emergency
from hubtwin.flow.loop import Turn
from hubtwin.model.event import Message
from hubtwin.wiring.sources import Sources, place_of
from hubtwin.wiring.turning import Turning
from hubtwin.wiring.works import Works

BEAT_S = 0.25  # how often the clock is looked at
POLL_S = 2.0  # a source is asked at most so often, whatever the hub clock does
PATIENCE_S = 1.0  # a step waits so long for a source; its answer is taken in all the same
MESSAGES = 500  # handed over in one step
_LOG = structlog.get_logger()
Beside = Callable[[datetime], object]


@dataclass
class Service:
    """Runs beside the pages. `before` and `after` are called with the hub's time around each step: the simulated
    partners of a replay give what is due before it, simulated staff acts after it."""

    works: Works
    turning: Turning
    sources: Sources
    send: Callable[[Message], None]
    before: Sequence[Beside] = ()
    after: Sequence[Beside] = ()
    send_many: Callable[[Sequence[Message]], None] | None = None  # takes many in one transaction, `Sender.take`
    failed: str = ""  # kind or key of the failure of the last step, empty where it went well
    _minute: int = -1
    _polled_s: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def step(self, now: datetime) -> Turn:
        """Do everything that is due at a moment of the hub clock. Raises what its parts raise: Retry, Denied, Bug."""
        for each in self.before:
            each(now)
        event = find_emergency(self.works.ledger, self.turning.scene.name, epoch_minute(now))
        if event is None:
            self.sources.rest()
        self.sources.poll(now, None if event is None else event.begins_min, persons=event is not None)
        done = self.turning(now)
        failed = self._do_after(now)
        ledger, now_min, many = self.works.ledger, epoch_minute(now), self.send_many
        while deliver(ledger, self.send, now_min, limit=MESSAGES, send_many=many) == MESSAGES:
            pass
        if failed is not None:
            raise failed
        return done

    def _do_after(self, now: datetime) -> Exception | None:
        """Do what stands beside the loop; return the first failure, which holds up none of the others."""
        failed: Exception | None = None
        for each in self.after:
            try:
                each(now)
            except Exception as error:  # noqa: BLE001 - raised once the others had their turn
                failed = failed or error
        return failed

    def start(self) -> None:
        """Begin, in a thread of its own; from now on a source that keeps silent holds up no clock."""
        self.sources.patience_s = PATIENCE_S
        self._thread = threading.Thread(target=self._run, name="service", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the step under way."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(BEAT_S):
            now, at_s = self.works.clock(), time.monotonic()
            minute = epoch_minute(now)
            if minute == self._minute and at_s - self._polled_s < POLL_S:
                continue
            self._minute, self._polled_s = minute, at_s
            with suppress(OSError):  # a log that nobody reads any more ends no loop
                self._try(now)

    def _try(self, now: datetime) -> None:
        try:
            self.step(now)
        except Retry as error:
            self.failed = error.key
            _LOG.warning("step_put_off", reason=error.key)
        except HubError as error:
            self.failed = error.key
            _LOG.error("step_failed", reason=error.key)
        except Exception as error:  # noqa: BLE001 - the loop must go on; what it was is in the log without its text
            self.failed = type(error).__name__
            _LOG.error("step_failed", kind=self.failed, at=place_of(error))
        else:
            self.failed = ""
