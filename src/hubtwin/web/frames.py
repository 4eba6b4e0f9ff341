"""The bytes of server-sent events (WHATWG HTML, section 9.2). Our JSON has no line feed: one `data:` line does.

The id of an event is "<revision of the ledger>.<revision of the panorama>": what a page has been told of both.
"""

from collections.abc import Iterable
from typing import NamedTuple

from hubtwin.web.change import Change
from hubtwin.web.schemas.live import LiveHeartbeat, LiveSnapshot
from hubtwin.web.things import NOTHING
from hubtwin.web.wire import encode

Part = tuple[int, bytes]  # revision and the JSON of a change
_NO_THINGS = b'"things":[]}'


class Revs(NamedTuple):
    """Up to where a page has been told: the ledger, the panorama."""

    ledger: int
    things: int


def read_revs(told: str) -> Revs | None:
    """Return what a page says that it was told last; None for anything else."""
    parts = told.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= 15 for part in parts):
        return None
    return Revs(int(parts[0]), int(parts[1]))


def change_part(change: Change) -> Part:
    """Return a change as JSON, once for all pages."""
    return change.rev, encode(change.shown())


def named_frame(event: str, data: bytes) -> bytes:
    """Return an event without an id: a page that resumes is not led past what it has not heard."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), data)


def delta_frame(revs: Revs, parts: Iterable[Part], things: bytes = NOTHING) -> bytes:
    """Return the event `delta` of some changes and things; everything up to `revs` has then been told."""
    changes = b",".join(part for _, part in parts)
    data = b'{"rev":%d,"changes":[%s],%s}' % (revs.ledger, changes, things)
    return b"id: %d.%d\n%s" % (*revs, named_frame("delta", data))


def heartbeat_frame(beat: LiveHeartbeat, things_rev: int) -> bytes:
    """Return the event `heartbeat`."""
    return b"id: %d.%d\n%s" % (beat.rev, things_rev, named_frame("heartbeat", encode(beat)))


def snapshot_start(snapshot: LiveSnapshot) -> bytes:
    """Return the data of a snapshot up to its things, which `snapshot_frame` adds."""
    found = encode(snapshot)
    assert found.endswith(_NO_THINGS), "things are the last field of a snapshot"
    return found[: -len(_NO_THINGS)]


def snapshot_frame(revs: Revs, start: bytes, things: bytes) -> bytes:
    """Return the event `snapshot`; `things` is the array of all of them."""
    return b"id: %d.%d\n%s" % (*revs, named_frame("snapshot", b'%s"things":%s}' % (start, things)))
