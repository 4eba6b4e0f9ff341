"""What a matcher keeps, in one file of mode 0600: the table in force, hits that the hub may read, and who asked what.

Whoever did not hit is in none of it. A hit is kept for two days after its service date: by then the hub has read it, or
the train is long gone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from sqlite3 import Connection
from typing import Any

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
_HIT = "trip_id, train_code, service_date, pid, board_station, level, synthetic, as_of_min"


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
        self, version: int, hits: Sequence[Hit], counts: Sequence[Count], told: Mapping[str, object], now_min: int
    ) -> int:
        """Keep what a match found; return how many hits are new or changed. What hits no more is dropped."""
        with self._data.transaction() as con:
            found = {(hit.trip_id, hit.service_date.isoformat(), hit.pid): hit for hit in hits}
            stand = {row[:3]: row[3:] for row in con.execute(_STAND)}
            today = from_epoch_minute(now_min).date()
            for key in stand:
                if key not in found or date.fromisoformat(key[1]) < today - timedelta(days=KEPT_D):
                    con.execute("DELETE FROM hits WHERE trip_id = ? AND service_date = ? AND pid = ?", key)
            (last,) = con.execute("SELECT last FROM pages").fetchone()
            new = [hit for key, hit in found.items() if stand.get(key) != (hit.board_station, hit.level)]
            for place, hit in enumerate(new):
                page = last + 1 + place // PAGE_HITS
                values = {**asdict(hit), "service_date": hit.service_date.isoformat(), "page": page}
                con.execute(_PUT, {**values, "synthetic": int(hit.synthetic)})
            con.execute("UPDATE pages SET last = ?", (last + -(-len(new) // PAGE_HITS),))
            con.execute("DELETE FROM counted")
            con.executemany("INSERT INTO counted VALUES (?, ?, ?, ?, ?, ?)", [_cells(count) for count in counts])
            con.execute("INSERT OR REPLACE INTO matches VALUES (1, ?, ?, ?)", (now_min, version, json.dumps(told)))
        return len(new)

    def find_page(self, after: int) -> tuple[int, list[Hit]] | None:
        """Return the first page of hits after a cursor, with its own."""
        rows = self._data.all("SELECT min(page) FROM hits WHERE page > ?", after)
        if rows[0][0] is None:
            return None
        cursor = int(str(rows[0][0]))
        found = self._data.all(f"SELECT {_HIT} FROM hits WHERE page = ? ORDER BY 1, 3, 4", cursor)  # noqa: S608
        return cursor, [_hit(row) for row in found]

    def list_counts(self) -> list[Count]:
        """Return the counts of the last match."""
        rows = self._data.all("SELECT * FROM counted ORDER BY 1, 2, 3, 4")
        return [Count(str(t), date.fromisoformat(str(d)), str(s), str(v), str(p), bool(m)) for t, d, s, v, p, m in rows]

    def count_kept(self) -> int:
        """Return how many hits are kept."""
        return int(str(self._data.all("SELECT count(*) FROM hits")[0][0]))

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
_STAND = "SELECT trip_id, service_date, pid, board_station, level FROM hits"
_PUT = (
    "INSERT OR REPLACE INTO hits (trip_id, service_date, pid, train_code, board_station, level, synthetic, as_of_min,"
    " page) VALUES (:trip_id, :service_date, :pid, :train_code, :board_station, :level, :synthetic, :as_of_min, :page)"
)


def _hit(row: tuple[object, ...]) -> Hit:
    trip, code, day, pid, station, level, made, as_of = row
    ride = (str(trip), str(code), date.fromisoformat(str(day)))
    return Hit(*ride, str(pid), str(station), str(level), bool(made), int(str(as_of)))


def _cells(count: Count) -> tuple[object, ...]:
    day = count.service_date.isoformat()
    return count.trip_id, day, count.board_station, count.level, count.persons, int(count.synthetic)
