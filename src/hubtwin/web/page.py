"""What waits for one open page: alarms one by one, changes by key, things by id."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hubtwin.web.change import View
from hubtwin.web.frames import UNTOLD, Part, Revs, delta_frame, named_frame
from hubtwin.web.things import NOTHING, Things

Key = tuple[str, str, str]  # topic, scene, key
PENDING, ALARMS = 5_000, 1_000  # keys and alarms that wait for one page


@dataclass(frozen=True, slots=True)
class Tick:
    """What one view hears at once: its frame, and its parts and things for pages that must conflate."""

    revs: Revs
    frame: bytes
    parts: dict[Key, Part]
    read_s: float
    things: Sequence[str] = ()


@dataclass(eq=False)
class Page:
    """One open page. Everything here happens on the event loop."""

    view: View
    lane: Things
    owner: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    alarms: deque[Part] = field(default_factory=deque)
    alarm_s: float = 0.0
    tick: Tick | None = None
    pending: dict[Key, Part] = field(default_factory=dict)
    things: dict[str, None] = field(default_factory=dict)  # ids that wait, in the order in which they came
    told: Revs = UNTOLD  # up to where, once what waits is taken
    beat: bytes = b""
    conflated: int = 0
    closed: str = ""  # why, once it is to end
    hurry: Callable[[], None] | None = None  # what ends a write that the page does not take

    def close(self, reason: str) -> None:
        """Let it end."""
        self.closed = self.closed or reason
        self.wake.set()
        if self.hurry is not None:
            self.hurry()

    def push(self, tick: Tick) -> None:
        """Add a tick; where the one before has not been taken, keep the newest part of each key. Things need no limit:
        there are only as many as there are."""
        if self.tick is None and not self.pending and not self.things:
            self.tick = tick
        else:
            for each in (self.tick, tick) if self.tick else (tick,):
                self.conflated += sum(key in self.pending for key in each.parts)
                self.conflated += sum(name in self.things for name in each.things)
                self._wait(each)
            self.tick = None
            if len(self.pending) > PENDING:
                self.close("far_behind")
        self.wake.set()

    def alarm(self, part: Part, read_s: float) -> None:
        """Add an alarm."""
        self.alarms.append(part)
        self.alarm_s = self.alarm_s or read_s
        if len(self.alarms) > ALARMS:
            self.close("far_behind")
        self.wake.set()

    def heartbeat(self, frame: bytes) -> None:
        """Put the newest heartbeat in place of an older one."""
        self.beat = frame
        self.wake.set()

    def forget(self, revs: Revs, *, alarms: bool) -> None:
        """Drop what an opening as of `revs` has told already, and all things: it has told how they stand now."""
        if self.tick is not None:
            self._wait(self.tick)
            self.tick = None
        self.pending = {key: part for key, part in self.pending.items() if not revs.covers(part)}
        self.things.clear()
        if alarms:
            self.alarms = deque(part for part in self.alarms if not revs.covers(part))

    def take(self) -> tuple[bytes, float, float]:
        """Return the bytes that wait, alarms first, and since when alarms and changes wait (0: none do)."""
        out = [named_frame("alarm", part.body) for part in self.alarms]
        alarm_s, change_s = self.alarm_s, 0.0
        if self.tick is not None:
            out.append(self.tick.frame)
            change_s = self.tick.read_s
        elif self.pending or self.things:
            things = self.lane.now(self.things, self.view.audience) if self.things else NOTHING
            out.append(delta_frame(self.told._replace(things=self.lane.rev), self.pending.values(), things))
        out.append(self.beat)
        self.alarms.clear()
        self.pending.clear()
        self.things.clear()
        self.alarm_s, self.tick, self.beat = 0.0, None, b""
        return b"".join(out), alarm_s, change_s

    def _wait(self, tick: Tick) -> None:
        self.pending.update(tick.parts)
        self.things.update(dict.fromkeys(tick.things))
        self.told = tick.revs
