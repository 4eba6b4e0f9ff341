"""The journal: what pages were shown, so that any past minute can be shown again as it was.

`journal.sqlite`, mode 0600. An entry is what one tick of the live feed changed; a key frame is everything that was
shown at its moment. A past moment is the last key frame before it and the entries since. An entry has two parts, each
JSON under Zstandard: `place` (things, sources, risk areas, the hub) and `event` (trains, cases, tasks, alarms,
figures), of which only the second is about an event and its persons, under pseudonyms. It goes with the event's data
and by retention; see `erase` and `trim`. What is appended is on the disk when `append` returns.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
import structlog

from hubtwin.base.errors import Absent, Malformed
from hubtwin.stores.journal_packed import pack, unpack, without_hits, without_people
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sqlite import Database

JOURNAL_FILE, DAMAGED_FILE = "journal.sqlite", "journal-damaged.sqlite"
PLACE = frozenset(
    {"thing", "source", "hub", "emergency", "area"}
)  # topics of the part that stays when an event's data go
MANY = 5_000  # entries that one read of many holds
HOUR_MS, FOREVER_MS = 3_600_000, 1 << 53
LOOKS = 64  # a budget is looked at each time that a sixty-fourth of it was written
_LOG = structlog.get_logger(__name__)
Key = tuple[str, str, str]  # topic, scene, key


@dataclass(frozen=True, slots=True)
class Mark:
    """What the timeline marks: see `marks` in the migration."""

    at_ms: int
    kind: str
    topic: str
    scene: str
    subject: str
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is appended. `place` is {"things": [...], "gone": [...], "items": [...]}, `event` an array of items or
    empty; an item is [scene, whether it was an alarm, a change as the live feed tells it]."""

    at_ms: int
    place: bytes
    event: bytes = b""
    is_key: bool = False
    marks: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A change as it was told, and whose it was."""

    scene: str
    alarm: bool
    change: dict[str, Any]

    @property
    def key(self) -> Key:
        """Return what it is about."""
        return self.change["topic"], self.scene, self.change["key"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What one entry told: things in the form of the live feed, and changes."""

    at_ms: int
    things: list[Any]
    gone: list[str]
    items: list[Item]


@dataclass(slots=True)
class Picture:
    """Everything that was shown at a moment; `at_ms` is when it last changed."""

    at_ms: int = 0
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[Key, Item] = field(default_factory=dict)

    def go_on(self, shown: Shown) -> None:
        """Apply what an entry told, as a page does."""
        self.at_ms = shown.at_ms
        for told in shown.things:
            if isinstance(told, dict):
                self.things[told["id"]] = told
            elif (held := self.things.get(told[0])) is not None:
                _, held["at_ms"], held["lon"], held["lat"], values = told
                if values:
                    held["values"].update(values)
        for name in shown.gone:
            self.things.pop(name, None)
        for item in shown.items:
            if item.change["value"] is None:
                self.items.pop(item.key, None)
            else:
                self.items[item.key] = item


class Journal:
    """The journal of a store directory. Threads share it; one process appends, others may erase."""

    def __init__(self, directory: Path, at_min: int, most_bytes: int = 0) -> None:
        """Open or create it; beyond `most_bytes` the oldest hours go (0: no limit). Raises Denied for a file of a newer
        version, Malformed for a damaged one."""
        self.most_bytes, self._fresh = most_bytes, 0
        self._lock = Lock()
        self._database = Database(directory / JOURNAL_FILE, private=True, wal=True)
        migrate(self._database, "journal", at_min)
        found = self._database.all("SELECT coalesce(max(at_ms), 0) FROM entries")
        self._last_ms = int(str(found[0][0]))

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def begin_run(self) -> int:
        """Return the number of this run of the server: 1, 2, ... None is given out twice."""
        with self._database.transaction() as con:
            con.execute("UPDATE counts SET value = value + 1 WHERE name = 'runs'")
            return int(con.execute("SELECT value FROM counts WHERE name = 'runs'").fetchone()[0])

    def erased(self) -> int:
        """Return how often something was erased: who holds what was shown must read it anew when this changes."""
        return int(str(self._database.all("SELECT value FROM counts WHERE name = 'erased'")[0][0]))

    def append(self, entries: Sequence[Entry], erased: int) -> bool:
        """Append entries, all or none; False where something was erased since, for they may hold it. Raises Retry.

        No two entries have the same moment, and none is before the one before it, whatever the clock does; a key
        frame has that of the entry before it.
        """
        packed = [(entry, pack(entry.place), pack(entry.event) if entry.event else None) for entry in entries]
        with self._lock, self._database.transaction() as con:
            if con.execute("SELECT value FROM counts WHERE name = 'erased'").fetchone()[0] != erased:
                return False
            last_ms = self._last_ms
            for entry, place, event in packed:
                last_ms = max(entry.at_ms, last_ms if entry.is_key else last_ms + 1)
                values = (last_ms, entry.is_key, place, event)
                con.execute("INSERT INTO entries (at_ms, is_key, place, event) VALUES (?, ?, ?, ?)", values)
                con.executemany(
                    "INSERT INTO marks (at_ms, kind, topic, scene, subject, severity) VALUES (?, ?, ?, ?, ?, ?)",
                    [(last_ms, m.kind, m.topic, m.scene, m.subject, m.severity) for m in entry.marks],
                )
        self._last_ms = last_ms
        self._fresh += sum(len(place) + len(event or b"") for _, place, event in packed)
        if self.most_bytes and self._fresh > self.most_bytes // LOOKS:
            self._fresh = 0
            self.shrink(self.most_bytes)
        return True

    def bounds(self) -> tuple[int, int] | None:
        """Return the moments of the first key frame and of the last entry, None where there is nothing."""
        found = self._database.all(
            "SELECT (SELECT min(at_ms) FROM entries WHERE is_key = 1), (SELECT max(at_ms) FROM entries)"
        )
        first, last = found[0]
        return None if first is None else (int(str(first)), int(str(last)))

    def list_marks(self, limit: int) -> list[Mark]:
        """Return the newest marks, oldest first."""
        sql = "SELECT at_ms, kind, topic, scene, subject, severity FROM marks ORDER BY seq DESC LIMIT ?"
        return [Mark(int(str(at)), *map(str, rest)) for at, *rest in reversed(self._database.all(sql, limit))]

    def picture(self, at_ms: int) -> Picture:
        """Return what was shown at a moment. Raises Absent where nothing is known of it, Malformed for damage."""
        key = self._database.all(
            "SELECT seq, at_ms, place, event FROM entries WHERE is_key = 1 AND at_ms <= ?"
            " ORDER BY at_ms DESC, seq DESC LIMIT 1",
            at_ms,
        )
        if not key:
            raise Absent("stores.no_past", at_ms=at_ms)
        seq, *parts = key[0]
        picture, start = Picture(), _shown(*parts)
        picture.go_on(start)
        rest = self._database.all(
            "SELECT at_ms, place, event FROM entries"
            " WHERE at_ms BETWEEN ? AND ? AND seq > ? AND is_key = 0 ORDER BY seq",
            *(start.at_ms, at_ms, seq),
        )
        for row in rest:
            picture.go_on(_shown(*row))
        return picture

    def list_shown(self, from_ms: int, to_ms: int) -> Iterator[Shown]:
        """Yield what was told after a moment and until another, oldest first. Raises Malformed for damage."""
        while True:
            found = self._database.all(
                "SELECT at_ms, place, event FROM entries WHERE at_ms > ? AND at_ms <= ? AND is_key = 0"
                " ORDER BY at_ms, seq LIMIT 200",
                *(from_ms, to_ms),
            )
            for row in found:
                yield _shown(*row)
            if len(found) < 200:
                return
            from_ms = int(str(found[-1][0]))

    def history(self, thing_id: str, limit: int, until_ms: int = FOREVER_MS) -> list[tuple[int, dict[str, Any]]]:
        """Return when a thing was sensed and its values then, oldest first, as the last `limit` entries up to a moment
        and those since the key frame before them tell it. Raises Malformed for damage."""
        last = self._database.all("SELECT max(seq) FROM entries WHERE at_ms <= ?", until_ms)[0][0]
        key = self._database.all(
            "SELECT max(seq) FROM entries WHERE is_key = 1 AND seq <= max("
            " ? - ?, (SELECT min(seq) FROM entries WHERE is_key = 1))",
            *(last, limit),
        )[0][0]
        name, points, values = orjson.dumps(thing_id), list[tuple[int, dict[str, Any]]](), dict[str, Any]()
        for (place,) in self._database.all(
            "SELECT place FROM entries WHERE seq = ?1 OR (seq > ?1 AND seq <= ?2 AND is_key = 0) ORDER BY seq",
            *(key, last),
        ):
            raw = unpack(place)
            for told in orjson.loads(raw)["things"] if name in raw else ():
                is_whole = isinstance(told, dict)
                if (told["id"] if is_whole else told[0]) == thing_id:
                    values = dict(told["values"]) if is_whole else {**values, **told[4]}
                    points.append((told["at_ms"] if is_whole else told[1], values))
        return points

    def erase(self, from_ms: int, until_ms: int, is_hit: Callable[[Iterable[str]], bool] | None = None) -> int:
        """Erase what concerns events and people at work between two moments: all of it, or of what concerns events
        that which holds a text that is a hit. What cannot be read any more goes as well, for it cannot be searched.

        Returns how many entries changed. What was erased lingers neither on free pages nor in the log.
        """
        count = 0
        with self._database.transaction() as con:
            from_ms = max(from_ms, _bare_ms(con) + 1)
            sql = "SELECT seq, event FROM entries WHERE at_ms BETWEEN ? AND ? AND event IS NOT NULL AND seq > ?"
            seq = 0
            while page := con.execute(f"{sql} ORDER BY seq LIMIT {MANY}", (from_ms, until_ms, seq)).fetchall():
                for seq, event in page:
                    kept = None if is_hit is None else without_hits(event, is_hit)
                    if kept != event:
                        count += 1
                        con.execute("UPDATE entries SET event = ? WHERE seq = ?", (kept, seq))
            count += 0 if is_hit else _erase_people(con, from_ms, until_ms)
            sql = "SELECT seq, topic, subject FROM marks WHERE at_ms BETWEEN ? AND ?"
            for seq, topic, subject in con.execute(sql, (from_ms, until_ms)).fetchall():
                if topic not in PLACE and (is_hit is None or is_hit([subject])):
                    con.execute("DELETE FROM marks WHERE seq = ?", (seq,))
            con.execute("UPDATE counts SET value = value + 1 WHERE name = 'erased'")
            if is_hit is None and from_ms <= _bare_ms(con) + 1:
                _note_bare(con, until_ms)
        self._wipe()
        return count

    def trim(self, before_ms: int) -> int:
        """Delete what is older than a moment, as far as no later one rests on it; return how many entries went."""
        with self._database.transaction() as con:
            key = con.execute("SELECT max(seq) FROM entries WHERE is_key = 1 AND at_ms <= ?", (before_ms,)).fetchone()[
                0
            ]
            gone = con.execute("DELETE FROM entries WHERE seq < ?", (key or 0,)).rowcount
            con.execute("DELETE FROM marks WHERE at_ms < ?", (before_ms,))
        if gone:
            self._wipe()
        return gone

    def shrink(self, most_bytes: int) -> int:
        """Delete the oldest hours until what is left fits; return how many entries went. The last key frame and what
        rests on it stay, whatever their size."""
        gone = 0
        while self.size() > most_bytes:
            keys = self._database.all(
                "SELECT at_ms FROM entries WHERE is_key = 1 AND at_ms > ("
                " SELECT min(at_ms) FROM entries WHERE is_key = 1) ORDER BY at_ms LIMIT 1"
            )
            if not keys:
                break
            first_ms, second_ms = (self.bounds() or (0, 0))[0], int(str(keys[0][0]))
            gone += self.trim(max(second_ms, first_ms + HOUR_MS))
        if gone:
            _LOG.warning("journal_shrunk", entries=gone, left_mb=self.size() >> 20)
        return gone

    def size(self) -> int:
        """Return the bytes in use; free pages are used again before the file grows."""
        pages, free, size = (
            int(str(self._database.all(f"PRAGMA {name}")[0][0]))
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def _wipe(self) -> None:
        self._database.all("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def opened_journal(directory: Path, at_min: int) -> Iterator[Journal | None]:
    """Open the journal of a store directory, which others may have open; None where there is none. One that is
    damaged cannot be searched for what is to be erased: it is deleted."""
    (directory / DAMAGED_FILE).unlink(missing_ok=True)
    if not (directory / JOURNAL_FILE).exists():
        yield None
        return
    try:
        journal = Journal(directory, at_min)
    except Malformed:
        _drop(directory)
        yield None
        return
    try:
        yield journal
    finally:
        journal.close()


def open_journal(directory: Path, at_min: int, most_bytes: int = 0) -> tuple[Journal, bool]:
    """Return the journal of a hub at work, and whether the one that was there was damaged: it is put aside then, for
    a hub must not stand still because its past cannot be shown."""
    try:
        return Journal(directory, at_min, most_bytes), False
    except Malformed:
        (directory / JOURNAL_FILE).replace(directory / DAMAGED_FILE)
        _drop(directory)
        return Journal(directory, at_min, most_bytes), True


def _shown(at_ms: object, place: object, event: object) -> Shown:
    told = orjson.loads(unpack(place))
    items = [Item(*each) for each in (*told["items"], *(orjson.loads(unpack(event)) if event is not None else ()))]
    return Shown(int(str(at_ms)), told["things"], told["gone"], items)


def _bare_ms(con: sqlite3.Connection) -> int:
    """Return until when nothing about events and people at work is left, so that no night looks at it again."""
    found = con.execute("SELECT value FROM counts WHERE name = 'bare_ms'").fetchone()
    return -1 if found is None else int(found[0])


def _note_bare(con: sqlite3.Connection, until_ms: int) -> None:
    """Note that all until a moment is erased; a key frame may still come that has the moment of the last entry."""
    last_ms = con.execute("SELECT max(at_ms) FROM entries").fetchone()[0]
    if last_ms is not None:
        value = max(_bare_ms(con), min(until_ms, int(last_ms) - 1))
        con.execute("INSERT OR REPLACE INTO counts VALUES ('bare_ms', ?)", (value,))


def _erase_people(con: sqlite3.Connection, from_ms: int, until_ms: int) -> int:
    """Erase people at work from the entries between two moments; return how many that changed."""
    count, seq, sql = (
        0,
        0,
        "SELECT seq, place FROM entries WHERE at_ms BETWEEN ? AND ? AND seq > ? ORDER BY seq LIMIT 500",
    )
    while page := con.execute(sql, (from_ms, until_ms, seq)).fetchall():
        for seq, place in page:
            kept = without_people(place)
            if kept != place:
                count += 1
                con.execute("UPDATE entries SET place = ? WHERE seq = ?", (kept, seq))
    return count


def _drop(directory: Path) -> None:
    for name in (JOURNAL_FILE, f"{JOURNAL_FILE}-wal", f"{JOURNAL_FILE}-shm"):
        (directory / name).unlink(missing_ok=True)
