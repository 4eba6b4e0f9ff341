"""What a matcher keeps, in one file of mode 0600: the table in force, hits that the hub may read, and who asked what.

Whoever did not hit is in none of it. A hit is kept for two days after its service date: by then the hub has read it, or
the train is long gone. One that a newer match does not find again is kept as long, as withdrawn: the hub hears of that
as it hears of hits. When the hub ends the matching, all are forgotten without a word.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Generic, TypeVar

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Absent, Denied
from hubtwin.base.failpoint import failpoint
from hubtwin.matcher.match import Count, Hit
from hubtwin.model.risk_table import CotravelQuery
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sqlite import Database

FILE = "matcher.sqlite"
KEPT_D = 2
PAGE_HITS = 20_000
T = TypeVar("T", Hit, Count)
_HIT = "trip_id, train_code, service_date, pid, board_station, level, synthetic, as_of_min, gone_min"
_COUNT = "trip_id, service_date, board_station, level, persons, synthetic, as_of_min, gone_min"
IsJudged = Callable[[str, date], bool]  # trip id, service date -> whether a match could name hits of that run


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a match found, and of which runs it could say so: what stands of these and was not found is withdrawn.

    Without `judged` everything that stands is forgotten without a word: the hub has ended the matching.
    """

    found: Sequence[T]
    judged: IsJudged | None


class Held:
    """The file of one matcher. Threads may share it."""

    def __init__(self, home: Path, now_min: int) -> None:
        """Open or create it. Raises Retry, Malformed (damaged), Denied (of a newer version)."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._data = Database(home / FILE, private=True)
        migrate(self._data, "matcher", now_min)

    def close(self) -> None:
        """Let go of the file."""
        self._data.close()

    def find_version(self) -> int | None:
        """Return the version of the table in force; a version stands for one content only."""
        rows = self._data.all(_NEWEST)
        return None if rows[0][0] is None else int(str(rows[0][0]))

    def get_table(self) -> tuple[bytes, int]:
        """Return the last whole table as it came, and the minute at which it did. Raises Absent."""
        rows = self._data.all("SELECT sealed, received_min FROM held")
        if not rows:
            raise Absent("matcher.no_table")
        sealed, received_min = rows[0]
        assert isinstance(sealed, bytes), "the column is a blob"
        return sealed, int(str(received_min))

    def list_changes(self) -> list[tuple[bytes, int]]:
        """Return the changes that follow the last whole table, as they came, each with its minute; the oldest first."""
        rows = self._data.all("SELECT sealed, received_min FROM changes ORDER BY version")
        return [(sealed, int(str(received_min))) for sealed, received_min in rows if isinstance(sealed, bytes)]

    def take_table(self, version: int, sealed: bytes, now_min: int) -> bool:
        """Put a whole table in force; return False where it already is. Raises Denied for any other that is not newer.

        The changes that led to the one before go with it.
        """
        with self._data.transaction() as con:
            if _is_held(con, version, sealed):
                return False
            con.execute("INSERT OR REPLACE INTO held VALUES (1, ?, ?, ?)", (version, sealed, now_min))
            con.execute("DELETE FROM changes")
        return True

    def take_change(self, version: int, sealed: bytes, now_min: int) -> bool:
        """Put the next table in force by what has changed; as `take_table`. Whoever calls has seen that it fits."""
        with self._data.transaction() as con:
            if _is_held(con, version, sealed):
                return False
            con.execute("INSERT INTO changes VALUES (?, ?, ?)", (version, sealed, now_min))
            failpoint("matcher.before_commit")
        failpoint("matcher.after_commit")
        return True

    def save_match(
        self, version: int, told: Mapping[str, object], now_min: int, *, hits: Outcome[Hit], counts: Outcome[Count]
    ) -> int:
        """Keep what a match found and withdraw what it did not find again; return how many hits are new or changed.

        A hit that nobody has read is not withdrawn but forgotten.
        """
        since = from_epoch_minute(now_min).date() - timedelta(days=KEPT_D)
        with self._data.transaction() as con:
            for table, outcome in (("hits", hits), ("counted", counts)):
                every = outcome.judged is None
                con.execute(f"DELETE FROM {table} WHERE ? OR service_date < ?", (every, since.isoformat()))  # noqa: S608
            new, gone = _changes([_hit(row) for row in con.execute(f"SELECT {_HIT} FROM hits")], hits, now_min)  # noqa: S608
            told_of = set(con.execute(f"SELECT {_KEY} FROM hits WHERE told"))  # noqa: S608
            said = [hit for hit in new + gone if hit.gone_min is None or _key_cells(hit) in told_of]
            con.executemany(_FORGET, [_key_cells(hit) for hit in gone if _key_cells(hit) not in told_of])
            (last,) = con.execute("SELECT last FROM pages").fetchone()
            for place, hit in enumerate(said):
                more = {"page": last + 1 + place // PAGE_HITS, "told": _key_cells(hit) in told_of}
                con.execute(_PUT, {**_cells(hit), **more})
            con.execute("UPDATE pages SET last = ?", (last + -(-len(said) // PAGE_HITS),))
            told_before = _counts(con.execute(f"SELECT {_COUNT} FROM counted"))  # noqa: S608
            for counted in _changes(told_before, counts, now_min):
                con.executemany(_PUT_COUNT, map(_cells, counted))
            con.execute("INSERT OR REPLACE INTO matches VALUES (1, ?, ?, ?)", (now_min, version, json.dumps(told)))
            failpoint("matcher.match_before_commit")
        failpoint("matcher.match_after_commit")
        return len(new)

    def find_page(self, after: int) -> tuple[int, list[Hit]] | None:
        """Return the first page of hits after a cursor, with its own; that they were told is on the disk before."""
        with self._data.transaction() as con:
            (cursor,) = con.execute("SELECT min(page) FROM hits WHERE page > ?", (after,)).fetchone()
            if cursor is None:
                return None
            con.execute("UPDATE hits SET told = 1 WHERE page = ?", (cursor,))
            found = con.execute(f"SELECT {_HIT} FROM hits WHERE page = ? ORDER BY 1, 3, 4", (cursor,)).fetchall()  # noqa: S608
        return int(cursor), [_hit(row) for row in found]

    def list_counts(self) -> list[Count]:
        """Return the counts of the last match, and those that it withdrew."""
        return _counts(self._data.all(f"SELECT {_COUNT} FROM counted ORDER BY 1, 2, 3, 4"))  # noqa: S608

    def count_kept(self) -> int:
        """Return how many hits stand."""
        return int(str(self._data.all("SELECT count(*) FROM hits WHERE gone_min IS NULL")[0][0]))

    def find_match(self) -> dict[str, Any] | None:
        """Return when the last match was, with which table, and what it told in numbers."""
        rows = self._data.all("SELECT at_min, table_version, told FROM matches")
        if not rows:
            return None
        return {"at_min": rows[0][0], "table_version": rows[0][1], **json.loads(str(rows[0][2]))}

    def note_query(self, query: CotravelQuery, answer: Mapping[str, object], now_min: int) -> None:
        """Write down that somebody asked: about which run, by which plan, on whose decision, with how many contacts."""
        values = (query.query_id, now_min, query.trip_id, query.service_date.isoformat(), query.pathogen_id)
        more = (query.decided_by, len(query.cases), json.dumps(answer))
        with self._data.transaction() as con:
            con.execute("INSERT OR REPLACE INTO queries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values + more)


def _is_held(con: Connection, version: int, sealed: bytes) -> bool:
    """Return whether this very document is in force. Raises Denied for another one that is not newer."""
    (newest,) = con.execute(_NEWEST).fetchone()
    if newest is None or newest < version:
        return False
    known = [con.execute(f"SELECT sealed FROM {table} WHERE version = ?", (version,)) for table in ("changes", "held")]  # noqa: S608
    if newest == version and (sealed,) in [row for rows in known for row in rows]:
        return True
    raise Denied("matcher.older", found=version, held=newest)


_NEWEST = "SELECT max(version) FROM (SELECT version FROM held UNION SELECT version FROM changes)"
_PUT = (
    f"INSERT OR REPLACE INTO hits ({_HIT}, page, told) VALUES"  # noqa: S608
    " (:trip_id, :train_code, :service_date, :pid, :board_station, :level, :synthetic, :as_of_min, :gone_min, :page,"
    " :told)"
)
_KEY = "trip_id, service_date, pid"
_FORGET = "DELETE FROM hits WHERE trip_id = ? AND service_date = ? AND pid = ?"
_PUT_COUNT = (
    f"INSERT OR REPLACE INTO counted ({_COUNT}) VALUES"  # noqa: S608
    " (:trip_id, :service_date, :board_station, :level, :persons, :synthetic, :as_of_min, :gone_min)"
)


def _changes(stand: Sequence[T], outcome: Outcome[T], now_min: int) -> tuple[list[T], list[T]]:
    """Return what was found and stood not, or otherwise, and what stands no more, withdrawn now."""
    before, judged = {_key(one): one for one in stand}, outcome.judged or (lambda _trip, _day: False)
    found = {_key(one): one for one in outcome.found}
    new = [one for key, one in found.items() if key not in before or not _says_same(one, before[key])]
    gone = [one for key, one in before.items() if key not in found and one.gone_min is None]
    return new, [replace(one, gone_min=now_min) for one in gone if judged(one.trip_id, one.service_date)]


def _key(one: Hit | Count) -> tuple[object, ...]:
    run = (one.trip_id, one.service_date)
    return (*run, one.pid) if isinstance(one, Hit) else (*run, one.board_station, one.level)


def _key_cells(hit: Hit) -> tuple[object, ...]:
    return hit.trip_id, hit.service_date.isoformat(), hit.pid


def _says_same(one: T, before: T) -> bool:
    """Tell whether a row says what the one before says, whenever it was matched."""
    return replace(one, as_of_min=before.as_of_min) == before


def _hit(row: tuple[object, ...]) -> Hit:
    trip, code, day, pid, station, level, made, as_of, gone = row
    ride = (str(trip), str(code), date.fromisoformat(str(day)))
    return Hit(*ride, str(pid), str(station), str(level), bool(made), int(str(as_of)), _minute(gone))


def _counts(rows: Iterable[tuple[object, ...]]) -> list[Count]:
    return [
        Count(str(t), date.fromisoformat(str(d)), str(s), str(v), str(p), bool(m), int(str(a)), _minute(g))
        for t, d, s, v, p, m, a, g in rows
    ]


def _minute(value: object) -> int | None:
    return None if value is None else int(str(value))


def _cells(one: Hit | Count) -> dict[str, object]:
    return {**asdict(one), "service_date": one.service_date.isoformat(), "synthetic": int(one.synthetic)}
