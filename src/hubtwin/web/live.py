"""The route of the live feed: a snapshot or what was missed, then deltas, alarms and heartbeats until the page goes."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hubtwin.base.errors import Denied, HubError
from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, find_token, paced
from hubtwin.web.change import Change, View, view_of
from hubtwin.web.edge import API, Edge
from hubtwin.web.frames import Part, Revs, change_part, delta_frame, named_frame, read_revs
from hubtwin.web.page import Key, Page
from hubtwin.web.schemas.live import LiveChange, LiveDelta, LiveHeartbeat, LiveSnapshot

RESUME = 5_000  # changes that a page may have missed; beyond, a snapshot is shorter
STALL_S = 30.0  # a page that takes no byte for so long has gone
HURRY_S = 0.5  # once it is to end anyway
CHUNK = 256 * 1024  # a large picture is handed on in pieces: each page holds one of them, not a copy of all
RECHECK_S = 30.0  # a session may have ended, a role may have been taken away
RETRY_MS = 2_000
OPENINGS = 60  # a minute and session: each is told the whole picture; a page alone comes back every 2 s at most
router = APIRouter(prefix=API, tags=["live"])


@router.get("/live", response_model=LiveSnapshot | LiveDelta | LiveChange | LiveHeartbeat)
async def live(
    request: Request, edge: EdgeOf, who: Annotated[Person, Depends(paced("hub.read", "live", OPENINGS))]
) -> Response:
    """Hear what happens: events `snapshot`, `delta`, `alarm` (a change at once), `heartbeat` every 2 s.

    `id` says up to where a page was told; a page that comes back with it, as Last-Event-ID or as the parameter
    `last_event_id`, gets what it missed. An alarm is told again in the next delta, and may come twice after a break:
    its `key` and `rev` say that it is the same.
    """
    return Live(edge, edge.feed.join(view_of(who), who.user_id), find_token(request), _last_id(request))


class Live(Response):
    """The answer that does not end by itself."""

    def __init__(self, edge: Edge, page: Page, token: str, last_id: Revs | None) -> None:
        """Take a page that has joined; `last_id` is what it heard last."""
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-store"})
        self.edge, self.page, self.token, self.last_id = edge, page, token, last_id
        del self.headers["content-length"]
        self.headers["x-accel-buffering"] = "no"  # a proxy in between must not hold it back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the page goes, the session ends or the server stops."""
        listening = asyncio.create_task(self._listen(receive))
        try:
            opening = await self._opening()  # before the first byte: what fails here is still an answer
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._send(send, b"retry: %d\n\n" % RETRY_MS + opening)
            await self._write(send)
            if self.page.closed != "gone":
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            listening.cancel()
            self.edge.feed.leave(self.page)

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.page.close("gone")

    async def _write(self, send: Send) -> None:
        page, meters, checked_s = self.page, self.edge.meters, time.monotonic()
        while not page.closed:
            await page.wake.wait()
            page.wake.clear()
            body, alarm_s, change_s = page.take()
            if body:
                await self._send(send, body)
            now_s = time.monotonic()
            for lane, since_s in (("alarm", alarm_s), ("delta", change_s)):
                if since_s:
                    meters.live_wait.labels(lane).observe(now_s - since_s)
            if now_s - checked_s > RECHECK_S:
                checked_s = now_s
                await self._recheck()

    async def _send(self, send: Send, body: bytes) -> None:
        """Hand bytes to the socket; this waits while the page takes none, and what comes meanwhile is conflated."""
        page, loop = self.page, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(STALL_S) as limit:
                # One that has run out cannot be moved; the page is let go then in any case.
                page.hurry = lambda: None if limit.expired() else limit.reschedule(loop.time() + HURRY_S)
                for start in range(0, len(body), CHUNK):
                    piece = body[start : start + CHUNK]
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    if start:  # it takes bytes, so it has not gone
                        limit.reschedule(loop.time() + (HURRY_S if page.closed else STALL_S))
        except TimeoutError:
            self.edge.meters.dropped.labels("stalled").inc()
            page.close("gone")
        finally:
            page.hurry = None
        self.edge.meters.live_bytes.inc(len(body))
        if self.page.closed == "far_behind":
            self.edge.meters.dropped.labels("far_behind").inc()

    async def _recheck(self) -> None:
        try:
            view = await self.edge.feed.ask(self._view_now)
        except Denied:
            self.page.close("signed_out")
        except HubError:
            return  # the store is busy: ask again next time
        else:
            if view != self.page.view:
                self.page.close("changed")

    def _view_now(self) -> View:
        return view_of(self.edge.desk.session(self.token))

    async def _opening(self) -> bytes:
        """Return what a page needs first: what it missed, or everything."""
        feed, desk, last = self.edge.feed, self.edge.desk, self.last_id
        view, alarms = self.page.view, b""
        if last is not None and last.ledger <= feed.rev:
            missed = await feed.ask(desk.events_after, last.ledger, RESUME)
            things, seen = feed.things.missed(last.things, view.audience), feed.watched.missed(last.seen, view)
            if len(missed) < RESUME and things is not None and seen is not None and last.view == view.number:
                return self._resumed(last.ledger, missed, things, seen)
            # The picture has the alarms that stand; one that came and is over would never have been heard.
            alarms = b"".join(named_frame("alarm", change_part(each).body) for each in self._alarms(missed))
        revs, frame = await feed.snapshot(view)
        self.page.forget(revs, alarms=False)
        return alarms + frame

    def _alarms(self, changes: Iterable[Change]) -> Iterator[Change]:
        return (each for each in changes if each.alarm and self.page.view.hears(each))

    def _resumed(self, rev: int, missed: Sequence[Change], things: Sequence[str], seen: Mapping[Key, Part]) -> bytes:
        parts, page = dict(seen), self.page
        for change in missed:
            rev = max(rev, change.rev)
            if page.view.hears(change):
                parts[change.topic, change.scene, change.key] = change_part(change)
        alarms = [named_frame("alarm", change_part(each).body) for each in self._alarms(missed)]
        revs = Revs(rev, page.lane.rev, self.edge.feed.watched.number, page.view.number)
        page.forget(revs, alarms=True)
        body = page.lane.now(things, page.view.audience)
        return b"".join([*alarms, delta_frame(revs, parts.values(), body)])


def _last_id(request: Request) -> Revs | None:
    told = request.headers.get("last-event-id") or request.query_params.get("last_event_id", "")
    return read_revs(told)
