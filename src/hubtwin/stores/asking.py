"""Where a grantee's queries run: a DuckDB in memory of the grantee's own, which holds views and no data.

It reads the Parquet files through secure views (DuckDB 2.0), so that no condition, cast or error of a query meets a row
that the view leaves out. External access is off but for the library's folders, nothing can be loaded or set, memory,
time, rows, bytes and questions at once are bounded. A question's views hold only what the audit says that it touches,
and it can name no other. What DuckDB says of a failure may hold values: nobody is told, and no log.
"""

import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Condition, Event, Lock, Thread
from time import monotonic

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import structlog

from hubtwin.base.errors import Denied, Malformed, Retry
from hubtwin.library.asking import Bounds, Refused
from hubtwin.library.sqlgate import Passed, refuse_engine_tree
from hubtwin.library.views import Piece, Source, View
from hubtwin.stores.asking_room import Room
from hubtwin.stores.served import NOTHING, SERVED, copy_of, places_of
from hubtwin.stores.served_layout import Layout, layout_of, reads_copies
from hubtwin.stores.view_sql import literal, view_sql

ROOMS, AT_ONCE = 16, 4  # grantees whose DuckDB stays open; questions of one grantee at a time
# grantees whose questions run at once, each with the memory of a room (idle ones hold footers of files), and how many
# questions of others wait for them, each in a thread that answers nobody meanwhile
BUSY_ROOMS, WAIT_S, WAITING = 4, 10.0, 8
LOOK_S = 0.2  # how often a running question's shares are looked at
KEPT_PLACES = 4_096
_BATCH = 65_536
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31, in days since 1970
LIBRARY, ROWS, COLOURS, COLUMNS = "library", "rows", "colours", "columns"
_LOG = structlog.get_logger()
# of the engine: at once, or from its reader once the first rows are there; and of a text or a tree that is none
_FAILURES = (duckdb.Error, pa.ArrowException, OSError, RecursionError, UnicodeError)
_STOPPED, _MOVED = ("out of memory error", "interrupt error"), "io error"  # how a reader's failures begin


def folders_of(directory: Path) -> list[Path]:
    """Return the folders of a store directory in which files of rows and of colours lie, and nothing else does."""
    library = directory / LIBRARY
    return [library / ROWS, library / SERVED, library / COLOURS, directory / COLUMNS]


@dataclass(frozen=True, slots=True)
class _Barred:
    """The places in a file that nobody may have, None where nothing of it may leave, and where the copy would lie that
    is read in its stead."""

    places: np.ndarray | None
    copy: Path | None = None


class Engine:
    """Runs questions. Several threads may ask at once."""

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        threads: int = 2,
        memory: str = "1GB",
        rooms: int = ROOMS,
        busy_rooms: int = BUSY_ROOMS,
        wait_s: float = WAIT_S,
    ) -> None:
        """Take the folders below which files of rows and colours lie; nothing else can be read."""
        self._folders = [f"{folder.resolve()}/" for folder in folders]
        self._threads, self._memory, self._most = threads, memory, rooms
        self._most_busy, self._wait_s, self._waiting = busy_rooms, wait_s, 0
        self._rooms: OrderedDict[str, Room] = OrderedDict()
        self._lock = Lock()
        self._left = Condition(self._lock)  # told when a room has no question any more
        self._places: OrderedDict[tuple[object, ...], _Barred] = OrderedDict()

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            for room in self._rooms.values():
                room.connection.close()
            self._rooms.clear()

    def run(
        self,
        grantee: str,
        passed: Passed,
        views: Mapping[str, tuple[View, Source]],
        bounds: Bounds,
        *,
        still: Callable[[], bool],
    ) -> pa.Table:
        """Return the answer of a question over its views.

        `still` tells whether its shares hold; where they end meanwhile the question is stopped. Raises Refused with
        what a person is told: Denied for that, Malformed for a question that cannot be run or is too large.
        """
        with self._entered(grantee) as room, closing(room.connection.cursor()) as cursor:
            return self._answer(room, cursor, passed, views, bounds=bounds, still=still)

    def _answer(
        self,
        room: Room,
        cursor: duckdb.DuckDBPyConnection,
        passed: Passed,
        views: Mapping[str, tuple[View, Source]],
        *,
        bounds: Bounds,
        still: Callable[[], bool],
    ) -> pa.Table:
        watch = _Watch(cursor, bounds.seconds, still)
        try:
            with watch, room.views(cursor, self._view_texts(room, cursor, views)) as schemas:
                sql = passed.render(schemas)
                tree = cursor.execute(f"SELECT json_serialize_sql({literal(sql)})").fetchall()[0][0]
                refuse_engine_tree(json.loads(tree), schemas)
                return _read(cursor, sql, bounds)
        except _FAILURES as error:
            raise _told(error, watch, bounds) from None  # its text may hold values: it goes nowhere

    def _view_texts(
        self, room: Room, cursor: duckdb.DuckDBPyConnection, views: Mapping[str, tuple[View, Source]]
    ) -> dict[str, str]:
        """Return the SELECT behind each view. Raises Refused."""
        found = dict[str, str]()
        for name, (view, source) in views.items():
            read, places = self._readable(view, source)
            found[name] = view_sql(view, read, room.bar(cursor, places))
        return found

    def _readable(self, view: View, source: Source) -> tuple[Source, list[np.ndarray]]:
        """Return the files that a question reads, and the places in each that it must leave out itself."""
        pieces, places = list[Piece](), list[np.ndarray]()
        layout, copied = layout_of(view.listing), reads_copies(view)
        for piece in source.pieces:
            barred = self._barred_in(piece, source, layout)
            found = barred.places
            if found is None or 0 < len(found) == piece.rows:
                continue
            if copied and barred.copy is not None and barred.copy.exists():
                piece, found = replace(piece, path=barred.copy), NOTHING  # noqa: PLW2901 - the copy stands for it
            pieces.append(piece)
            places.append(found)
        return _shaped(view, replace(source, pieces=tuple(pieces))), places

    def _barred_in(self, piece: Piece, source: Source, layout: Layout) -> _Barred:
        """Return what nobody may have of a file, looked for once. Raises Refused."""
        key = (str(piece.path), source.coloured, _stamp(piece.colours), source.withheld, layout)
        with self._lock:
            if key in self._places:
                self._places.move_to_end(key)
                return self._places[key]
        try:
            places = places_of(piece, source)
        except (OSError, pa.ArrowInvalid):
            if not all(path.exists() for path in (piece.path, piece.colours) if path):
                # replaced between the list of files and its reading: colours too, where changes are put in
                raise Refused(Retry("library.ask_moved")) from None
            return _Barred(None)
        barred = _Barred(places)
        if places is not None and not source.latest_by:
            barred = _Barred(places, copy_of(piece.path, places, layout))
        with self._lock:
            self._places[key] = barred
            while len(self._places) > KEPT_PLACES:
                self._places.popitem(last=False)
        return barred

    @contextmanager
    def _entered(self, grantee: str) -> Iterator[Room]:
        """Give the room of a grantee; the one that was longest not entered is closed where there are too many.

        Raises Retry where the grantee has too many questions running, or all of them together do for a while.
        """
        with self._left:
            if not self._has_room_for(grantee):
                self._wait_for_room(grantee)
            room = self._rooms.get(grantee)
            if room is None:
                room = self._rooms[grantee] = Room(self._connect())
            self._rooms.move_to_end(grantee)
            if room.running >= AT_ONCE:
                raise Retry("library.ask_busy")
            room.running += 1
            idle = [name for name, each in self._rooms.items() if not each.running]
            while len(self._rooms) > self._most and idle:
                self._rooms.pop(idle.pop(0)).connection.close()
        try:
            yield room
        finally:
            with self._left:
                room.running -= 1
                self._left.notify_all()

    def _wait_for_room(self, grantee: str) -> None:
        """Wait until the grantee may enter. Raises Retry where that takes too long, or too many wait."""
        if self._waiting >= WAITING:
            raise Retry("library.ask_full")
        self._waiting += 1
        try:
            if not self._left.wait_for(lambda: self._has_room_for(grantee), self._wait_s):
                raise Retry("library.ask_full")
        finally:
            self._waiting -= 1

    def _has_room_for(self, grantee: str) -> bool:
        busy = [name for name, room in self._rooms.items() if room.running]
        return grantee in busy or len(busy) < self._most_busy

    def _connect(self) -> duckdb.DuckDBPyConnection:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": self._threads,
            "memory_limit": self._memory,
            "temp_directory": "",  # nothing of anybody's rows is spilled to disk
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
        }
        connection = duckdb.connect(":memory:", config=config)
        folders = ", ".join(literal(folder) for folder in self._folders)
        connection.execute("SET GLOBAL parquet_metadata_cache = true")  # a file's time is looked at all the same
        connection.execute(f"SET allowed_directories = [{folders}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection


class _Watch:
    """Looks at a running question: stops it when its time is over or its shares have ended."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, seconds: float, still: Callable[[], bool]) -> None:
        self._cursor, self._still, self._over = cursor, still, Event()
        self._until = monotonic() + seconds
        self._thread = Thread(target=self._look, name="asked", daemon=True)
        self.ended = self.late = False

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_S):
            self.ended = self.ended or not self._holds()
            self.late = self.late or monotonic() > self._until
            if self.ended or self.late:
                self._cursor.interrupt()  # and again at the next look: between two statements there was nothing to stop

    def _holds(self) -> bool:
        try:
            return self._still()
        except Exception:  # noqa: BLE001 - what cannot be looked up does not hold
            return False


def _read(cursor: duckdb.DuckDBPyConnection, sql: str, bounds: Bounds) -> pa.Table:
    """Return the rows, as far as they are within bounds. Raises Refused."""
    with closing(cursor.sql(sql).to_arrow_reader(_BATCH)) as reader:  # one that is left open keeps the views in place
        for column in reader.schema:
            if isinstance(column.type, pa.BaseExtensionType):  # whole numbers without an end: no file holds them
                raise Refused(Malformed("library.ask_kind", column=column.name[:80]))
        batches, rows, size = list[pa.RecordBatch](), 0, 0
        for batch in reader:
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if rows > bounds.rows or size > bounds.mib << 20:
                raise Refused(Malformed("library.ask_too_many", limit=bounds.rows, mib=bounds.mib))
            batches.append(batch)
        table = pa.Table.from_batches(batches, reader.schema)
    if not all(map(_in_calendar, table.columns)):
        raise Refused(Malformed("library.ask_dates"))
    return table


def _in_calendar(column: pa.ChunkedArray) -> bool:
    """Tell whether all dates and times are of the years 1 to 9999: others no reader of an answer can hold."""
    if pa.types.is_date32(column.type):
        day, number = 1, pa.int32()
    elif pa.types.is_timestamp(column.type):
        day, number = 86_400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit], pa.int64()
    else:
        return True
    told = pc.min_max(column.cast(number)).as_py()
    return told["min"] is None or (_FIRST_DAY * day <= told["min"] and told["max"] < (_LAST_DAY + 1) * day)


def _told(error: BaseException, watch: _Watch, bounds: Bounds) -> Refused:
    """Return what a person is told of a failure: never what the engine said."""
    reference, begins = secrets.token_hex(4), str(error)[:40].lower()
    _LOG.warning("library_question_failed", kind=type(error).__name__, reference=reference)
    if watch.ended:
        return Refused(Denied("library.ask_ended"))
    stopped = isinstance(error, duckdb.OutOfMemoryException | duckdb.InterruptException)
    if watch.late or stopped or begins.startswith(_STOPPED):
        return Refused(Malformed("library.ask_too_long", seconds=bounds.seconds))
    if isinstance(error, duckdb.IOException) or begins.startswith(_MOVED):
        return Refused(Retry("library.ask_moved"))  # a part was replaced between the list of files and its reading
    return Refused(Malformed("library.ask_failed", reference=reference))


def _shaped(view: View, source: Source) -> Source:
    """Return a source with what its pieces lack, or hold as another kind than the dataset says: one of each shape is
    looked into."""
    try:
        stored = [_stored(path) for path in {piece.shape: piece.path for piece in source.pieces}.values()]
    except (OSError, pa.ArrowInvalid):
        return source  # gone or damaged: the engine says so when it reads
    columns = view.listing.dataset.columns
    known = set[str]().union(*stored)
    texts = [column.name for column in columns if pa.types.is_string(column.arrow.type)]
    return replace(
        source,
        lacking=tuple(column.name for column in columns if column.name not in known),
        recast=tuple(name for name in texts if not all(kinds.get(name, True) for kinds in stored)),
    )


@lru_cache(maxsize=KEPT_PLACES)
def _stored(path: Path) -> Mapping[str, bool]:
    """Return the columns of a file and whether each is text: none is ever written over by another."""
    return {field.name: _is_text(field.type) for field in pq.read_schema(path)}


def _is_text(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain))


def _stamp(path: Path | None) -> tuple[int, int]:
    try:
        found = path.stat() if path else None
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size) if found else (0, 0)
