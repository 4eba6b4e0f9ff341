"""Transports of a recording: one that records what another hands over, and one that hands a recording over again."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

import structlog

from hubtwin.base.clock import Clock
from hubtwin.base.errors import Denied, HubError, Malformed, Retry
from hubtwin.model.record import UNMARKED
from hubtwin.ports import Page, Transport
from hubtwin.stores.recording import MAX_PAGE_BYTES, Frame, Recorder, Recording, page_frame

_LOG = structlog.get_logger()


@dataclass(frozen=True)
class RecordingTransport:
    """Hands over the pages of another transport, each after it was recorded and forced to disk.

    `strict`: recording is all that is wanted, so a disk that fails raises Retry. Otherwise the hub comes first: the
    page is handed on all the same, and the log says that the recording lacks it. So does a page above MAX_PAGE_BYTES.
    """

    inner: Transport
    recorder: Recorder
    clock: Clock
    strict: bool = False

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield what comes after `cursor`. Raises what the other transport raises, also what reading a page raises."""
        count = 0
        try:
            for page in self.inner.pages(cursor):
                count += 1
                yield self._recorded(page)
        except (Retry, Denied) as error:
            self._write(Frame("failed", self.clock(), note={"reason": error.key}))
            raise
        if not count:
            self._do(self.recorder.note_asked)

    def _recorded(self, page: Page) -> Page:
        pieces, size, chunks, refusal = list[bytes](), 0, iter(page.chunks), None
        try:
            for piece in chunks:
                pieces.append(piece)
                size += len(piece)
                if size > MAX_PAGE_BYTES:
                    self._write(Frame("noted", self.clock(), note={"what": "page_too_large", "name": page.name}))
                    return replace(page, chunks=chain(pieces, chunks))
        except Malformed as error:
            refusal = error
        frame = page_frame(self.clock(), page.name, page.cursor, page.marks, b"".join(pieces))
        if refusal is not None:
            frame = replace(frame, refusal=(refusal.key, dict(refusal.values)))
        self._write(frame)
        return replace(page, chunks=_again(pieces, refusal))

    def _write(self, frame: Frame) -> None:
        self._do(lambda: self.recorder.write(frame))

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Retry as error:
            if self.strict:
                raise
            _LOG.error("recording_failed", source=self.recorder.source, reason=error.key)


@dataclass(frozen=True)
class ReplayTransport:
    """Hands over the pages of a recording as they came, marked as replayed. The cursor is a place in the recording.

    `wait(seconds)` is called between two pages with the time that passed between them; None: as fast as they are read.
    """

    recording: Recording
    since: datetime | None = None
    until: datetime | None = None
    wait: Callable[[float], object] | None = None

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield the pages behind a place. Raises Malformed, Denied as reading a recording does."""
        before: datetime | None = None
        for frame in self.recording.frames(cursor or "", since=self.since, until=self.until):
            if frame.kind != "page":
                continue
            if self.wait is not None and before is not None:
                self.wait(max(0.0, (frame.at - before).total_seconds()))
            before = frame.at
            yield page_of(frame)


def page_of(frame: Frame) -> Page:
    """Return a recorded page; reading it ends as it ended then."""
    error = None if frame.refusal is None else Malformed(frame.refusal[0], **frame.refusal[1])
    marks = UNMARKED.join(replace(frame.marks, replayed=True))
    return Page(frame.name, _again([frame.body], error), frame.place, marks)


def _again(pieces: Iterable[bytes], error: HubError | None) -> Iterator[bytes]:
    yield from pieces
    if error is not None:
        raise error
