"""The bytes of server-sent events (WHATWG HTML, section 9.2). Our JSON has no line feed: one `data:` line does."""

from collections.abc import Iterable

from hubtwin.web.desk import Change
from hubtwin.web.schemas.live import LiveHeartbeat, LiveSnapshot
from hubtwin.web.wire import encode

Part = tuple[int, bytes]  # revision and the JSON of a change


def change_part(change: Change) -> Part:
    """Return a change as JSON, once for all pages."""
    return change.rev, encode(change.shown())


def named_frame(event: str, data: bytes) -> bytes:
    """Return an event without an id: a page that resumes is not led past what it has not heard."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), data)


def delta_frame(rev: int, parts: Iterable[Part]) -> bytes:
    """Return the event `delta` of some changes; everything up to `rev` has then been told."""
    return b'id: %d\nevent: delta\ndata: {"rev":%d,"changes":[%s]}\n\n' % (rev, rev, b",".join(p for _, p in parts))


def heartbeat_frame(beat: LiveHeartbeat) -> bytes:
    """Return the event `heartbeat`."""
    return b"id: %d\n%s" % (beat.rev, named_frame("heartbeat", encode(beat)))


def snapshot_frame(snapshot: LiveSnapshot) -> bytes:
    """Return the event `snapshot`."""
    return b"id: %d\n%s" % (snapshot.rev, named_frame("snapshot", encode(snapshot)))
