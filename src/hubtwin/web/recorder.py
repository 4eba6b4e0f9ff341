"""What the live feed tells, made into entries of the journal: the changes of each tick, and key frames between them.

It hears everything, as no page does. Used on the event loop; the feed hands the entries to the journal in a thread.
"""

import time
from collections.abc import Sequence
from typing import TypeVar

import structlog

from hubtwin.stores.journal import PLACE, Entry, Key, Mark
from hubtwin.web.change import Audience, Change
from hubtwin.web.frames import Part
from hubtwin.web.things import Step, Things
from hubtwin.web.wire import encode

KEY_BYTES, KEY_S = 4 << 20, 300.0  # a key frame after so much JSON or so long: it bounds what a jump has to read
QUEUE_BYTES = 64 << 20  # that wait for a slow disk; beyond, what was shown meanwhile is lost, and said to be
PICTURED = frozenset(  # topics that make up a picture; others are told as they happen and forgotten
    {*PLACE, "trains", "train", "position", "board", "case", "task", "standing"}
)
Slot = tuple[Key, int]  # of an alarm with its revision: each is kept; of others the newest is
T = TypeVar("T")
log = structlog.get_logger(__name__)
OVER = {"case": frozenset({"closed"}), "task": frozenset({"done", "cancelled"})}  # states that no list shows


class Recorder:
    """Makes entries. It does nothing before `begin` has told it what is shown."""

    def __init__(self, things: Things) -> None:
        """Take the things as the feed tells of them."""
        self._things = things
        self._state: dict[Key, bytes] = {}
        self._waiting: dict[Slot, bytes] = {}
        self._marks: list[Mark] = []
        self._key_trains: set[str] = set()
        self._since: dict[Slot, Change] | None = {}  # what came while the picture was read
        self._key_due, self._raw, self._key_s = True, 0, 0.0
        self._queue: list[Entry] = []
        self._queued = 0

    @property
    def wants_picture(self) -> bool:
        """Return whether it must be told anew what is shown."""
        return self._since is not None

    def begin(self, picture: Sequence[Change], mark: Mark) -> None:
        """Take what is shown; `mark` says on the timeline why it begins here. It is told as well: who plays on from
        before sees what became meanwhile of what was shown then."""
        self._state.clear()
        self._marks = [mark]
        since, self._since, self._key_due = self._since or {}, None, True
        self._key_trains = {each.key for each in picture if _is_key_train(each)}
        for change in (*picture, *since.values()):
            self._tell(change, _item(change))

    def start_again(self) -> None:
        """Forget everything: something was erased that it may hold, or the disk was too slow."""
        self._since, self._queue, self._queued = {}, [], 0
        self._waiting.clear()
        self._state.clear()
        self._marks.clear()

    def take(self, change: Change, part: Part | None = None) -> None:
        """Hear a change; `part` is its JSON where somebody has it already. Alarms are kept one by one."""
        if self._since is not None:
            _put_last(self._since, change, change)
        else:
            self._tell(change, _item(change, part))

    def _tell(self, change: Change, item: bytes) -> None:
        _put_last(self._waiting, change, item)
        self._hold(change, item)
        if change.alarm:
            severity = str(getattr(change.value, "severity", ""))
            self._marks.append(Mark(0, change.kind, change.topic, change.scene, change.key, severity))
        elif _is_key_train(change) and change.key not in self._key_trains:
            self._key_trains.add(change.key)
            self._marks.append(Mark(0, "KeyTrain", "train", change.scene, change.key))

    def flush(self, at_ms: int, step: Step | None) -> None:
        """Make entries of what came since the last time. Things that changed come with the tick that tells of them."""
        if self._since is not None:
            return
        waiting, self._waiting = self._waiting, {}
        if waiting or (step is not None and (step.told or step.gone)):
            place = [item for (key, _), item in waiting.items() if key[0] in PLACE]
            event = [item for (key, _), item in waiting.items() if key[0] not in PLACE]
            told = step.body(Audience.ALL) if step else b'"things":[],"gone":[]'
            self._put(Entry(at_ms, b'{%s,"items":%s}' % (told, _array(place)), _array(event) if event else b""))
        now_s = time.monotonic()
        if self._key_due or self._raw > KEY_BYTES or (self._raw and now_s - self._key_s > KEY_S):
            place = [item for key, item in self._state.items() if key[0] in PLACE]
            event = [item for key, item in self._state.items() if key[0] not in PLACE]
            body = b'{"things":%s,"gone":[],"items":%s}' % (self._things.all(Audience.ALL), _array(place))
            self._key_due, self._key_s = False, now_s
            self._put(Entry(at_ms, body, _array(event), is_key=True))
            self._raw = 0
        if self._queued > QUEUE_BYTES:
            log.error("journal_behind", lost_entries=len(self._queue), lost_mb=self._queued >> 20)
            self.start_again()

    def drain(self) -> list[Entry]:
        """Return the entries that wait; they are the caller's now."""
        found, self._queue, self._queued = self._queue, [], 0
        return found

    def _put(self, entry: Entry) -> None:
        marks, self._marks = self._marks, []
        size = len(entry.place) + len(entry.event)
        self._queue.append(Entry(entry.at_ms, entry.place, entry.event, entry.is_key, marks))
        self._raw += size
        self._queued += size

    def _hold(self, change: Change, item: bytes) -> None:
        if change.topic not in PICTURED:
            return
        key = (change.topic, change.scene, change.key)
        if change.value is None or str(getattr(change.value, "state", "")) in OVER.get(change.topic, ()):
            self._state.pop(key, None)
        else:
            self._state[key] = item


def _item(change: Change, part: Part | None = None) -> bytes:
    body = encode(change.shown()) if part is None else part.body
    return b"[%s,%s,%s]" % (encode(change.scene), b"true" if change.alarm else b"false", body)


def _put_last(slots: dict[Slot, T], change: Change, value: T) -> None:
    """Put a change where the one before it was, but last: what comes after an alarm is told after it."""
    slot = ((change.topic, change.scene, change.key), change.rev if change.alarm else -1)
    slots.pop(slot, None)
    slots[slot] = value


def _array(items: Sequence[bytes]) -> bytes:
    return b"[%s]" % b",".join(items)


def _is_key_train(change: Change) -> bool:
    return change.topic == "train" and bool(getattr(change.value, "key_train", False))
