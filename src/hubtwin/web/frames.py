"""The bytes of server-sent events (WHATWG HTML, section 9.2). Our JSON has no line feed: one `data:` line does.

The id of an event is "<revision of the ledger>.<that of the panorama>.<number of what was seen>.<number of the view>":
what a page has been told of each, and what it might hear.
"""

from collections.abc import Iterable
from typing import NamedTuple

from hubtwin.web.change import Change
from hubtwin.web.schemas.live import LiveHeartbeat, LiveSnapshot
from hubtwin.web.things import NOTHING
from hubtwin.web.wire import encode

_NO_THINGS = b'"things":[]}'


class Part(NamedTuple):
    """The JSON of a change with its revision; `seen` is its number where it is no event but was looked at (see
    `watched.py`), else 0."""

    rev: int
    body: bytes
    seen: int = 0


class Revs(NamedTuple):
    """Up to where a page has been told: the ledger, the panorama, what is looked at; and with which view."""

    ledger: int
    things: int
    seen: int
    view: int

    def covers(self, part: Part) -> bool:
        """Return whether a change has been told."""
        return part.seen <= self.seen if part.seen else part.rev <= self.ledger


UNTOLD = Revs(0, 0, 0, 0)


def read_revs(told: str) -> Revs | None:
    """Return what a page says that it was told last; None for anything else."""
    parts = told.split(".")
    if len(parts) != len(Revs._fields) or not all(
        part.isascii() and part.isdigit() and len(part) <= 15 for part in parts
    ):
        return None
    return Revs(*map(int, parts))


def change_part(change: Change, seen: int = 0) -> Part:
    """Return a change as JSON, once for all pages."""
    return Part(change.rev, encode(change.shown()), seen)


def named_frame(event: str, data: bytes) -> bytes:
    """Return an event without an id: a page that resumes is not led past what it has not heard."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), data)


def delta_frame(revs: Revs, parts: Iterable[Part], things: bytes = NOTHING) -> bytes:
    """Return the event `delta` of some changes and things; everything up to `revs` has then been told."""
    changes = b",".join(part.body for part in parts)
    data = b'{"rev":%d,"changes":[%s],%s}' % (revs.ledger, changes, things)
    return b"id: %d.%d.%d.%d\n%s" % (*revs, named_frame("delta", data))


def heartbeat_frame(revs: Revs, beat: LiveHeartbeat) -> bytes:
    """Return the event `heartbeat`; everything up to `revs` has been told before it."""
    return b"id: %d.%d.%d.%d\n%s" % (*revs, named_frame("heartbeat", encode(beat)))


def snapshot_start(snapshot: LiveSnapshot) -> bytes:
    """Return the data of a snapshot up to its things, which `snapshot_frame` adds."""
    found = encode(snapshot)
    assert found.endswith(_NO_THINGS), "things are the last field of a snapshot"
    return found[: -len(_NO_THINGS)]


def snapshot_frame(revs: Revs, start: bytes, things: bytes) -> bytes:
    """Return the event `snapshot`; `things` is the array of all of them."""
    return b"id: %d.%d.%d.%d\n%s" % (*revs, named_frame("snapshot", b'%s"things":%s}' % (start, things)))
