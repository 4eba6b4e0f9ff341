"""The live feed of one process: reads what was appended, serialises it once, hands the same bytes to every page.

Two lanes. A changed thing goes out with the next tick; a page that takes bytes slowly gets the newest state of each
key instead of every step (conflation). Alarms go out at once, one by one, and are never conflated or dropped: a page
that cannot take them is cut off and gets them when it resumes. The ledger is read by sequence number, so that what
another process appends is seen too.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
import structlog

from hubtwin.base.errors import Absent, HubError, Retry
from hubtwin.model.agency import Person
from hubtwin.rules.permission import is_allowed
from hubtwin.web.desk import TOPICS, Change, Desk
from hubtwin.web.frames import Part, change_part, delta_frame, heartbeat_frame, named_frame, snapshot_frame
from hubtwin.web.metrics import Meters
from hubtwin.web.schemas.live import LiveHeartbeat, LiveSnapshot

T = TypeVar("T")
ANY, NONE = "*", ""
Key = tuple[str, str, str]  # topic, scene, key
TICK_S, BEAT_S, BOARD_S, AGAIN_S, FRESH_S = 0.25, 2.0, 1.0, 0.5, 2.0
READ_AT_ONCE = 1_000  # events of one read; a burst is read in several
PENDING, ALARMS, PAGES = 5_000, 1_000, 2_000  # keys and alarms that wait for one page; pages at once
ON_BOARD = ("case", "task", "overflow", "balance")  # topics whose changes change the board
THREADS = 4  # of the feed alone: busy requests must not hold it up
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class View:
    """What a page may hear: (topic, scene) pairs, ANY for every scene. Pages with the same view share their bytes."""

    heard: frozenset[tuple[str, str]]

    def hears(self, change: Change) -> bool:
        """Return whether a change is for this view; what concerns the whole hub is for all who hear its topic."""
        return (change.topic, change.scene or NONE) in self.heard or (change.topic, ANY) in self.heard

    def has(self, topic: str) -> bool:
        """Return whether it hears a topic in any scene."""
        return (topic, NONE) in self.heard or (topic, ANY) in self.heard


def view_of(who: Person) -> View:
    """Return the view of a person, from the table of permissions."""
    heard = {(topic, ANY) for topic, action in TOPICS.items() if is_allowed(who, action)}
    for topic, action in TOPICS.items():
        if scenes := {(topic, scene) for scene in who.scenes if is_allowed(who, action, scene=scene)}:
            heard |= {*scenes, (topic, NONE)}
    return View(frozenset(heard))


@dataclass(frozen=True, slots=True)
class Tick:
    """What one view hears at once: its frame, and its parts for pages that must conflate."""

    rev: int
    frame: bytes
    parts: dict[Key, Part]
    read_s: float


@dataclass(eq=False)
class Page:
    """One open page. Everything here happens on the event loop."""

    view: View
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    alarms: deque[Part] = field(default_factory=deque)
    alarm_s: float = 0.0
    tick: Tick | None = None
    pending: dict[Key, Part] = field(default_factory=dict)
    pending_rev: int = 0
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
        """Add a tick; where the one before has not been taken, keep the newest part of each key."""
        if self.tick is None and not self.pending:
            self.tick = tick
        else:
            for parts in (self.tick.parts, tick.parts) if self.tick else (tick.parts,):
                self.conflated += sum(key in self.pending for key in parts)
                self.pending.update(parts)
            self.tick, self.pending_rev = None, tick.rev
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

    def forget(self, rev: int, *, alarms: bool) -> None:
        """Drop what an opening as of `rev` has told already."""
        if self.tick is not None:
            self.pending, self.pending_rev, self.tick = dict(self.tick.parts), self.tick.rev, None
        self.pending = {key: part for key, part in self.pending.items() if part[0] > rev}
        if alarms:
            self.alarms = deque(part for part in self.alarms if part[0] > rev)

    def take(self) -> tuple[bytes, float, float]:
        """Return the bytes that wait, alarms first, and since when alarms and changes wait (0: none do)."""
        out = [named_frame("alarm", part) for _, part in self.alarms]
        alarm_s, change_s = self.alarm_s, 0.0
        if self.tick is not None:
            out.append(self.tick.frame)
            change_s = self.tick.read_s
        elif self.pending:
            out.append(delta_frame(self.pending_rev, self.pending.values()))
        out.append(self.beat)
        self.alarms.clear()
        self.pending.clear()
        self.alarm_s, self.tick, self.beat = 0.0, None, b""
        return b"".join(out), alarm_s, change_s


class Feed:
    """Reads, serialises and hands out. One task a job; all of them end together."""

    def __init__(self, desk: Desk, meters: Meters, poll_s: float) -> None:
        """Create it; `run` starts it."""
        self._desk, self._meters, self._poll_s = desk, meters, poll_s
        self.pages: dict[View, set[Page]] = {}
        self.rev = self.flushed = 0
        self.is_running = False
        self._waiting: dict[Key, tuple[Change, Part]] = {}
        self._waits_s = 0.0
        self._board_due = False
        self._snapshots: dict[View, tuple[int, bytes, float]] = {}
        self._snapshotting = asyncio.Lock()
        self._scope: anyio.CancelScope | None = None
        self._threads: anyio.CapacityLimiter | None = None

    async def ask(self, work: Callable[..., T], *arguments: object) -> T:
        """Run a method of the desk in a thread of the feed."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(THREADS)
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._threads)

    async def run(self) -> None:
        """Run until `stop`. A thread that is asking the desk ends its question first: then stores may close."""
        try:
            with anyio.CancelScope() as self._scope:
                self.rev = self.flushed = await self._patiently(self._desk.rev)
                self.is_running = True
                async with anyio.create_task_group() as jobs:
                    for job in (self._read, self._tick, self._beat, self._look_at_board):
                        jobs.start_soon(job)
        finally:
            self.is_running = False
            self.close("stopped")

    def stop(self) -> None:
        """End `run`."""
        if self._scope is not None:
            self._scope.cancel()

    def close(self, reason: str) -> None:
        """End every page; it comes back by itself and resumes."""
        for pages in self.pages.values():
            for page in pages:
                page.close(reason)

    def join(self, view: View) -> Page:
        """Return a new page that hears everything from now on. Raises Retry where there are too many."""
        if not self.is_running or sum(map(len, self.pages.values())) >= PAGES:
            raise Retry("web.too_many_pages", limit=PAGES)
        page = Page(view)
        self.pages.setdefault(view, set()).add(page)
        self._meters.live_clients.inc()
        return page

    def leave(self, page: Page) -> None:
        """Forget a page."""
        pages = self.pages[page.view]
        pages.discard(page)
        if not pages:
            del self.pages[page.view]
        self._meters.live_clients.dec()
        self._meters.conflated.inc(page.conflated)

    def hand_in(self, changes: Sequence[Change]) -> None:
        """Take changes in: alarms go out now, the rest with the next tick."""
        now_s = time.monotonic()
        for change in changes:
            self.rev = max(self.rev, change.rev)
            if not change.topic:
                continue
            part = change_part(change)
            self._waiting[change.topic, change.scene, change.key] = (change, part)
            self._waits_s = self._waits_s or now_s
            self._board_due |= change.topic in ON_BOARD
            if change.alarm:
                self._meters.alarms.inc()
                for view, pages in self.pages.items():
                    if view.hears(change):
                        for page in pages:
                            page.alarm(part, now_s)
        self._meters.rev.set(self.rev)

    def flush(self) -> None:
        """Send what waits, once per view."""
        waiting, rev, read_s = self._waiting, self.rev, self._waits_s
        self._waiting, self._waits_s, self.flushed = {}, 0.0, rev
        for view, pages in self.pages.items():
            parts = {key: part for key, (change, part) in waiting.items() if view.hears(change)}
            if parts:
                tick = Tick(rev, delta_frame(rev, parts.values()), parts, read_s)
                for page in pages:
                    page.push(tick)

    async def snapshot(self, view: View) -> tuple[int, bytes]:
        """Return the revision and the frame of a snapshot; pages that come together share one.

        It may be reused while it is not older than the last tick: a page hears every tick after it joined.
        """
        async with self._snapshotting:
            held = self._snapshots.get(view)
            if held is None or held[0] < self.flushed or time.monotonic() - held[2] > FRESH_S:
                taken = await self.ask(take_snapshot, self._desk, view)
                self._snapshots = {v: kept for v, kept in self._snapshots.items() if v in self.pages}
                held = self._snapshots[view] = (taken.rev, snapshot_frame(taken), time.monotonic())
        return held[0], held[1]

    async def _read(self) -> None:
        while True:
            changes = await self._patiently(lambda: self._desk.events_after(self.rev, READ_AT_ONCE))
            self.hand_in(changes)
            if len(changes) < READ_AT_ONCE:
                await asyncio.sleep(self._poll_s)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.flush()

    async def _beat(self) -> None:
        while True:
            hub = await self._patiently(self._desk.hub)
            try:
                self.hand_in(await self.ask(self._desk.pulse))
            except HubError as error:  # a hub without a timetable has no trains, but it has a heart
                self._failed(error)
            self.flush()  # what a heartbeat names as its revision has been sent before it
            frame = heartbeat_frame(LiveHeartbeat(self.flushed, hub.now, hub.now_min, hub.mode, hub.speed))
            for pages in self.pages.values():
                for page in pages:
                    page.heartbeat(frame)
            await asyncio.sleep(BEAT_S)

    async def _look_at_board(self) -> None:
        while True:
            await asyncio.sleep(BOARD_S)
            if self._board_due and any(view.has("board") for view in self.pages):
                self._board_due = False
                board = await self._patiently(self._desk.board)
                self.hand_in([Change(board.rev, board.now_min, "BoardChanged", "board", "board", "", board)])

    async def _patiently(self, work: Callable[[], T]) -> T:
        """Ask the desk until it answers: a page that hears nothing sees that by the missing heartbeat."""
        while True:
            try:
                return await self.ask(work)
            except HubError as error:
                self._failed(error)
                await asyncio.sleep(AGAIN_S)

    def _failed(self, error: HubError) -> None:
        self._meters.feed_errors.inc()
        log.warning("feed_waits", key=error.key)


def take_snapshot(desk: Desk, view: View) -> LiveSnapshot:
    """Return all that a view shows. The revision is read first: what is newer than it comes again as a delta."""
    rev = desk.rev()
    return LiveSnapshot(
        rev=rev,
        hub=desk.hub(),
        emergency=desk.emergency() if view.has("emergency") else None,
        trains=_unless_absent(desk.trains) if view.has("train") else None,
        positions=_unless_absent(desk.positions) if view.has("position") else None,
        board=desk.board() if view.has("board") else None,
        alarms=[change.shown() for change in desk.alarms() if view.hears(change)],
    )


def _unless_absent(read: Callable[[], T]) -> T | None:
    """Return what a new hub may not have yet: a timetable, risk areas."""
    try:
        return read()
    except Absent:
        return None
