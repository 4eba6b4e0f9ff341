"""The live feed of one process: reads what was appended, serialises it once, hands the same bytes to every page.

Two lanes. A changed thing goes out with the next tick; a page that takes bytes slowly gets the newest state of each
key instead of every step (conflation). Alarms go out at once, one by one, and are never conflated or dropped: a page
that cannot take them is cut off and gets them when it comes back. A heartbeat says that everything before it was read:
while the ledger, or what is looked at, cannot be, there is none, and pages say that they are not live. The ledger is
read by sequence number, so that what another process appends is seen too. Things of the panorama go out with the
ticks, see `things.py`.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import anyio
import structlog

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, HubError, Retry
from hubtwin.web.change import Change, View
from hubtwin.web.desk import Desk
from hubtwin.web.frames import (
    UNTOLD,
    Part,
    Revs,
    change_part,
    delta_frame,
    heartbeat_frame,
    snapshot_frame,
    snapshot_start,
)
from hubtwin.web.metrics import Meters
from hubtwin.web.page import Key, Page, Tick
from hubtwin.web.recorder import Recorder
from hubtwin.web.schemas.live import LiveHeartbeat, LiveSnapshot
from hubtwin.web.things import NOTHING, Things
from hubtwin.web.watched import Watched

T = TypeVar("T")
TICK_S, BEAT_S, BOARD_S, AGAIN_S, FRESH_S = 0.25, 2.0, 1.0, 0.5, 2.0
UNREAD_S = 4.0  # since the ledger was read: no heartbeat vouches for what may have happened
READ_AT_ONCE = 1_000  # events of one read; a burst is read in several
PAGES, PAGES_OF_ONE = 2_000, 500  # at once, and of one person: nobody takes the feed from the others
ON_BOARD = ("case", "task", "overflow", "balance")  # topics whose changes change the board
THREADS = 4  # of the feed alone: busy requests must not hold it up
log = structlog.get_logger(__name__)


class Feed:
    """Reads, serialises and hands out. One task a job; all of them end together."""

    def __init__(self, desk: Desk, meters: Meters, poll_s: float) -> None:
        """Create it; `run` starts it."""
        self._desk, self._meters, self._poll_s = desk, meters, poll_s
        self.pages: dict[View, set[Page]] = {}
        self.rev = 0  # of the last event that was read: nothing else may move it, or events would be passed over
        self.flushed = UNTOLD
        self._alarmed = 0  # revision of the last alarm: who comes after it hears of it in the snapshot only
        self.is_running = False
        self._waiting: dict[Key, tuple[Change, Part]] = {}
        self._waits_s = 0.0
        self._read_s = time.monotonic()
        self._board_due, self._board_min = False, 0
        self.things = Things(desk.panorama)
        self.watched = Watched(desk.panorama.rev)  # which counts on from run to run
        self.recorder = Recorder(self.things)
        self._snapshots: dict[View, tuple[Revs, bytes, float]] = {}
        self._frames: dict[View, tuple[Revs, bytes]] = {}
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
                self.rev = await self._patiently(self._desk.rev)
                self.flushed, self._board_min = self._revs(), epoch_minute(self._desk.now())
                self.is_running = True
                async with anyio.create_task_group() as jobs:
                    for job in (self._read, self._tick, self._beat, self._look_at_board, self._record):
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

    def join(self, view: View, owner: str = "") -> Page:
        """Return a new page that hears everything from now on. Raises Retry where there are too many."""
        if not self.is_running or sum(map(len, self.pages.values())) >= PAGES:
            raise Retry("web.too_many_pages", limit=PAGES)
        if owner and sum(page.owner == owner for pages in self.pages.values() for page in pages) >= PAGES_OF_ONE:
            raise Retry("web.too_many_pages", limit=PAGES_OF_ONE)
        page = Page(view, self.things, owner)
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
        """Take what the ledger tells after `rev`: alarms go out now, the rest with the next tick."""
        now_s = time.monotonic()
        for change in changes:
            self.rev = max(self.rev, change.rev)
            if not change.topic:
                continue
            part = change_part(change)
            self._put(change, part)
            self._board_due |= change.topic in ON_BOARD
            if change.alarm:
                self._meters.alarms.inc()
                self._alarmed = change.rev
                for view, pages in self.pages.items():
                    if view.hears(change):
                        for page in pages:
                            page.alarm(part, now_s)
        self._meters.rev.set(self.rev)

    def see(self, changes: Sequence[Change]) -> None:
        """Take what was looked at: it goes out with the next tick. Its revisions may be newer than what was read."""
        for change in changes:
            self._put(change, self.watched.take(change))

    def _put(self, change: Change, part: Part) -> None:
        self.recorder.take(change, part)
        self._waiting[change.topic, change.scene, change.key] = (change, part)
        self._waits_s = self._waits_s or time.monotonic()

    def _revs(self) -> Revs:
        return Revs(self.rev, self.things.rev, self.watched.number, 0)

    def flush(self) -> None:
        """Send what waits, once per view."""
        waiting, read_s = self._waiting, self._waits_s or time.monotonic()
        step = self.things.step()
        self._waiting, self._waits_s, self.flushed = {}, 0.0, self._revs()
        self.recorder.flush(self._now_ms(), step)
        for view, pages in self.pages.items():
            parts = {key: part for key, (change, part) in waiting.items() if view.hears(change)}
            ids = step.ids(view.audience) if step else []
            if parts or ids:
                body = step.body(view.audience) if step else NOTHING
                revs = self.flushed._replace(view=view.number)
                tick = Tick(revs, delta_frame(revs, parts.values(), body), parts, read_s, ids)
                for page in pages:
                    page.push(tick)

    async def snapshot(self, view: View) -> tuple[Revs, bytes]:
        """Return the revisions and the frame of a snapshot; pages that come together share one.

        It may be reused while it is not older than the last tick or alarm: a page hears every later one. Its things
        are those of the last tick: whoever joined before it must forget what waits of them.
        """
        async with self._snapshotting:
            held = self._snapshots.get(view)
            if held is None or self._is_older(held[0]) or time.monotonic() - held[2] > FRESH_S:
                seen = self.watched.number  # before it is taken: what is seen meanwhile comes again as a delta
                taken = await self.ask(take_snapshot, self._desk, view)
                self._snapshots = {v: kept for v, kept in self._snapshots.items() if v in self.pages}
                held = self._snapshots[view] = (
                    Revs(taken.rev, 0, seen, view.number),
                    snapshot_start(taken),
                    time.monotonic(),
                )
        told, start, _ = held
        revs, made = told._replace(things=self.things.rev), self._frames.get(view)
        if made is None or made[0] != revs:
            made = (revs, snapshot_frame(revs, start, self.things.all(view.audience)))
            self._frames = {v: kept for v, kept in self._frames.items() if v in self.pages} | {view: made}
        return revs, made[1]

    def _is_older(self, told: Revs) -> bool:
        return told.ledger < max(self.flushed.ledger, self._alarmed) or told.seen < self.flushed.seen

    async def _read(self) -> None:
        while True:
            changes = await self._patiently(lambda: self._desk.events_after(self.rev, READ_AT_ONCE))
            self._read_s = time.monotonic()
            self.hand_in(changes)
            if len(changes) < READ_AT_ONCE:
                await asyncio.sleep(self._poll_s)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.flush()

    async def _beat(self) -> None:
        while True:
            began_s = time.monotonic()
            hub = await self._patiently(self._desk.hub)
            self._desk.panorama.sweep(self._now_ms())
            self.see(await self._patiently(lambda: _unless_absent(self._desk.pulse) or ()))
            if not self.recorder.wants_picture:  # which holds all of it
                for change in await self._patiently(lambda: _unless_absent(self._desk.past.pulse) or ()):
                    self.recorder.take(change)
            self.flush()  # what a heartbeat names as its revision has been sent before it
            if time.monotonic() - self._read_s < UNREAD_S:
                beat = LiveHeartbeat(self.flushed.ledger, hub.now, hub.now_min, hub.mode, hub.speed)
                for view, pages in self.pages.items():
                    frame = heartbeat_frame(self.flushed._replace(view=view.number), beat)
                    for page in pages:
                        page.heartbeat(frame)
            # A look that takes long makes no longer pause: a page waits for 5 s.
            await asyncio.sleep(max(AGAIN_S, BEAT_S - (time.monotonic() - began_s)))

    async def _look_at_board(self) -> None:
        """Look at it after what changes it, and each minute: its rates and lateness change by themselves."""
        while True:
            await asyncio.sleep(BOARD_S)
            now_min = epoch_minute(self._desk.now())
            if self._board_due or now_min != self._board_min:
                self._board_due, self._board_min = False, now_min
                board = await self._patiently(self._desk.board)
                self.see([Change(board.rev, board.now_min, "BoardChanged", "board", "board", "", board)])

    async def _record(self) -> None:
        """Put on the disk what was told. What was erased meanwhile is not written again: then it begins anew."""
        past, recorder, erased = self._desk.past, self.recorder, 0
        while True:
            if recorder.wants_picture:
                erased = await self._patiently(past.erased)
                recorder.begin(await self._patiently(past.picture), past.start())
            entries = recorder.drain()
            if entries and not await self._patiently(partial(past.record, entries, erased)):
                recorder.start_again()
            await asyncio.sleep(TICK_S)

    def _now_ms(self) -> int:
        return int(self._desk.now().timestamp() * 1000)

    async def _patiently(self, work: Callable[[], T]) -> T:
        """Ask the desk until it answers. Meanwhile there is no heartbeat, so that pages see it."""
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
