"""The panorama: the newest state of each thing that is sensed, and what changed since a revision.

It keeps nothing for ever. A thing leaves when its source says so, or when it is of a kind that drives off without a
word and was not heard for long. Everything else stays however silent its source is: its age tells.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import structlog

from hubtwin.base.errors import HubError
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.model.thing import PASSING, Thing
from hubtwin.stores.journal import Journal

PASSED_MS = 10 * 60_000  # a vehicle that was not heard for so long has left; ours, no source
_LOG = structlog.get_logger()
MOST = 20_000  # things of one source at once, twice all of the largest hub that we measured: one that makes up names
# ends here, and takes nobody else's room
GONE = 20_000  # things whose leaving is remembered for those who come back


@dataclass(frozen=True, slots=True)
class Told:
    """What changed until a revision: things as they stand, and ids of things that have left."""

    rev: int
    things: tuple[Thing, ...]
    gone: tuple[str, ...]


class Panorama:
    """Thread-safe. Revisions count up from `first_rev`, so that a new run never gives out one of an earlier run."""

    def __init__(self, first_rev: int = 0) -> None:
        """Begin empty."""
        self._lock = Lock()
        self._rev = self._floor = first_rev  # nobody can be told what changed before the floor
        self._held: dict[str, tuple[int, Thing]] = {}  # in the order of their revisions
        self._counts = Counter[str]()  # things held, by source
        self._full = set[str]()  # sources of which it was said that they are at MOST
        self._gone: dict[str, tuple[int, int]] = {}  # id -> revision, moment of its leaving; in that order too

    @property
    def rev(self) -> int:
        """Return the revision of the last change."""
        return self._rev

    def take(self, things: Iterable[Thing]) -> int:
        """Take in what was sensed; return how many things changed. What is older than what is held changes nothing."""
        with self._lock:
            return sum(self._take(thing) for thing in things)

    def sweep(self, now_ms: int) -> int:
        """Let go of what has passed by or holds no longer; return how many."""
        with self._lock:
            passed = [thing for _, thing in self._held.values() if _is_over(thing, now_ms)]
            return sum(self._take(replace(thing, gone=True)) for thing in passed)

    def since(self, rev: int) -> Told | None:
        """Return what changed after a revision; None where that is not known: then everything is to be told."""
        with self._lock:
            if not self._floor <= rev <= self._rev:
                return None
            things, gone = list[Thing](), list[str]()
            for held_rev, thing in reversed(self._held.values()):
                if held_rev <= rev:
                    break
                things.append(thing)
            for name, (gone_rev, _) in reversed(self._gone.items()):
                if gone_rev <= rev:
                    break
                gone.append(name)
            return Told(self._rev, tuple(reversed(things)), tuple(reversed(gone)))

    def list_things(self) -> list[Thing]:
        """Return every thing."""
        with self._lock:
            return [thing for _, thing in self._held.values()]

    def find(self, thing_id: str) -> Thing | None:
        """Return a thing."""
        found = self._held.get(thing_id)
        return None if found is None else found[1]

    def _take(self, thing: Thing) -> bool:
        name = thing.thing_id
        held, left = self._held.get(name), self._gone.get(name)
        if held is not None and (thing.at_ms < held[1].at_ms or thing == held[1]):
            return False
        if held is None and (thing.gone or (left is not None and thing.at_ms <= left[1]) or self._has_no_room(thing)):
            return False
        self._rev += 1
        if held is not None:
            del self._held[name]
            self._counts[held[1].source] -= 1
        self._gone.pop(name, None)
        if not thing.gone:
            self._held[name] = (self._rev, thing)
            self._counts[thing.source] += 1
            return True
        self._gone[name] = (self._rev, thing.at_ms)
        if len(self._gone) > GONE:
            oldest = next(iter(self._gone))
            self._floor = max(self._floor, self._gone.pop(oldest)[0])
        return True

    def _has_no_room(self, new: Thing) -> bool:
        """Return whether MOST things of a source are held; it is said once."""
        is_full = self._counts[new.source] >= MOST
        if is_full and new.source not in self._full:
            self._full.add(new.source)
            _LOG.error("panorama_full", most=MOST, kind=new.kind, source=new.source)
        return is_full


def _is_over(thing: Thing, now_ms: int) -> bool:
    """Return whether a thing has driven off, or says itself until when it holds and that is past."""
    if thing.kind in PASSING:
        return now_ms - thing.at_ms > PASSED_MS
    ends_min = thing.values.get("expires_min")
    return isinstance(ends_min, int) and now_ms >= ends_min * 60_000


def recall(panorama: Panorama, journal: Journal, now_ms: int, status: Status) -> int:
    """Take in what was shown before a restart, so that a source that is silent since is shown with its age; return how
    many things. A journal that cannot be read is no reason not to start."""
    try:
        held = journal.picture(now_ms).things if journal.bounds() else {}
    except HubError as error:
        _LOG.warning("panorama_not_recalled", key=error.key)
        return 0
    return panorama.take(_thing(told, status) for told in held.values())


def _thing(told: dict[str, Any], status: Status) -> Thing:
    marks = Marks(status, Provenance.SYNTHETIC if told["synthetic"] else Provenance.REAL)
    return Thing(
        *(told["id"], told["kind"], told["at_ms"], told["source"], told["place"], told["lon"], told["lat"]),
        *(told["level"], told["values"], marks),
    )
