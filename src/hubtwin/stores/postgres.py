"""PostgreSQL as the database of accounts, grants and the audit: `stores.access_rows.AccessRows` over psycopg 3.

Two roles. The role of the address sees rows of grantees only, those whom it names in `hubtwin.grantee`, and writes
nothing; for the work of the hub a connection takes the role of the desk, whom `stores.postgres_rights` lets do what
the hub does and no more: an audit row can be added and never changed.

One writer at a time, as in SQLite: a transaction begins with an advisory lock and sees what all before it committed.
Each leaves a token in `writers`, so that one whose confirmation was lost with the connection can be asked about.

This module needs psycopg (`pip install hubtwin[postgres]`), so it is loaded by name.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock, get_ident
from typing import Any, TypeVar

import psycopg
from psycopg import sql as text
from psycopg.conninfo import conninfo_to_dict

from hubtwin.base.errors import Absent, Bug, Denied, HubError, Malformed, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.stores.access_copy import copy_from_sqlite, copy_to_sqlite
from hubtwin.stores.access_rows import Reader
from hubtwin.stores.dialect import as_asked
from hubtwin.stores.migrate import list_migrations
from hubtwin.stores.sqlite import BUSY_S

_T = TypeVar("_T")
NAME = "PostgreSQL"  # how it stands in messages: the address holds a secret
GRANTEE, BETWEEN = "hubtwin.grantee", "\x1f"  # the setting that row-level security reads, and what parts several
LOCK = 0x68756274  # of the advisory lock of the writers, with the schema; nobody else of this database takes it
CONNECT_S, LONGEST_NAME = 10, 63
STUCK_S = 60  # a process that stopped in a transaction, or that the network cut off, holds up the others no longer
_ASK_TRIES, _ASK_PAUSE_S = 40, 0.25  # how long a lost confirmation is asked about: a restart takes seconds
_LOST = frozenset({"08", "57"})  # classes of SQLSTATE: connection exceptions, operator intervention
_FULL = frozenset({"53", "58"})  # insufficient resources, system errors
_BUSY = frozenset({"55P03", "40001", "40P01", "57014"})
_DAMAGED = frozenset({"XX001", "XX002"})
_REFUSED = frozenset({"28000", "28P01", "3D000", "42501"})
_LOCKED = f"SELECT pg_advisory_lock({LOCK}, hashtext(current_schema()))"
_UNLOCKED = f"SELECT pg_advisory_unlock({LOCK}, hashtext(current_schema()))"
_NOTE = (
    "INSERT INTO writers (name, token) VALUES (%s, %s)"
    " ON CONFLICT (name) DO UPDATE SET token = excluded.token, seen = now()"
)
_READY = "SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = 'migrations'"
_SYNCED = (  # what has returned survives; a stricter level of the server stays
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
_WHO = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user"


class PostgresDatabase:
    """The rows of one store directory in a schema of a PostgreSQL database. Threads share it."""

    def __init__(self, address: str, schema: str) -> None:
        """Take the address, with its secret, and the schema. Nothing is connected before the first question.

        Raises Malformed for an address that is none, without repeating it.
        """
        self._role = role_of(address)
        self.schema = refuse_bad_name(schema)
        self._lock, self._owner = RLock(), 0
        self._me, self._token = secrets.token_hex(8), ""
        self._writing = _Line(address, schema, desk_of(self._role))
        self._reading = _Line(address, schema, desk_of(self._role))
        self._seeing = _Line(address, schema, "")

    def prove(self) -> None:
        """Find out whether one can work with it. Raises Retry where nobody answers, Denied for a role that row-level
        security does not bind and for the rows of a later version, Absent where they are not prepared."""
        known = len(list_migrations("access"))
        ((loose,),) = self._seeing.read(_WHO)
        if loose:
            raise Denied("stores.postgres_loose_role", role=self._role)
        if not self.all(_READY, self.schema):
            raise Absent("stores.postgres_not_prepared", schema=self.schema)
        found = int(str(self.all("SELECT coalesce(max(number), 0) FROM migrations")[0][0]))
        if found > known:
            raise Denied("stores.newer_version", path=NAME, found=found, known=known)
        if found < known:
            raise Absent("stores.postgres_not_prepared", schema=self.schema)

    def bind(self, public_hex: str) -> None:
        """Note at the first opening who signs the audit here. Raises Denied for anybody else: an audit that two keys
        sign is broken from then on."""
        with self.transaction() as con:
            con.execute("INSERT INTO signed_by (one, public_hex) VALUES (1, ?) ON CONFLICT DO NOTHING", (public_hex,))
            found = con.execute("SELECT public_hex FROM signed_by").fetchone()
        if found != (public_hex,):
            raise Denied("stores.postgres_other_key", schema=self.schema)

    @contextmanager
    def transaction(self, *, wait: bool = True) -> Iterator["_Session"]:
        """Hold the right to write; commit at the end, roll back on any error. Raises Retry where another holds it, and
        where the server was lost on the way: then nothing of it was stored."""
        with self._lock:
            if self._owner:
                raise Bug("stores.nested_transaction", path=NAME)
            self._begin(wait)
            self._owner = get_ident()
            try:
                with said():
                    yield _Session(self._writing.get())
                failpoint("stores.postgres_uncommitted")
                self._commit()
                failpoint("stores.postgres_committed")
            except BaseException:
                self._writing.roll_back()
                raise
            finally:
                self._owner = 0

    def all(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Return all rows of a query; within a transaction of the same thread what it has written. Raises Retry."""
        if self._owner == get_ident():
            with said():
                return _Session(self._writing.get()).execute(sql, values).fetchall()
        return self._reading.read(as_asked(sql), _plain(values))

    def seen_by(self, *grantees: str) -> Reader:
        """Return the rows as these grantees may see them; none for nobody. Raises Malformed for a name that is none."""
        if any(BETWEEN in each for each in grantees):
            raise Malformed("stores.postgres_value")
        return _Seen(self._seeing, BETWEEN.join(grantees))

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy as `access.sqlite` is. Raises Retry."""
        line = self._writing.like()  # of its own: others go on reading what is newer
        try:
            with said(), line.get() as con:
                con.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                copy_to_sqlite(_Session(con), target)
        finally:
            line.drop()

    def take_over(self, source: Path, at_min: int) -> dict[str, int]:
        """Write all rows of an `access.sqlite` into the empty tables; return how many by table. Raises Denied where
        they are not empty."""
        with self.transaction() as con:
            shapes, copied = copy_from_sqlite(source, con, at_min)
            for shape in shapes:  # numbers that the database gives go on behind those that came
                sql = f"SELECT setval(pg_get_serial_sequence(?, ?), max({shape.order})) FROM {shape.name}"  # noqa: S608
                con.execute(sql, (shape.name, shape.order))
        return copied

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        with suppress(HubError):
            if self._token:
                with self.transaction() as con:
                    con.execute("DELETE FROM writers WHERE name = ?", (self._me,))
        for line in (self._writing, self._reading, self._seeing):
            line.drop()

    def _begin(self, wait: bool) -> None:
        """Begin, take the lock and leave a token. Nothing is done yet, so a lost connection is made anew once."""
        token = secrets.token_hex(8)
        lock = f"SELECT pg_{'' if wait else 'try_'}advisory_xact_lock({LOCK}, hashtext(current_schema()))"
        try:
            taken = self._writing.twice(lambda con: _first_of(con, f"BEGIN; {lock}"))
            if taken is False:
                raise Retry("stores.busy", path=NAME, seconds=0)
            with said():
                self._writing.get().execute(_NOTE, (self._me, token))
        except BaseException:
            self._writing.roll_back()
            raise
        self._token = token

    def _commit(self) -> None:
        try:
            done = self._writing.get().execute("COMMIT")
        except psycopg.Error as error:
            if not _is_lost(error):
                raise mapped(error) from error
            self._writing.drop()
            if not self._was_committed():
                raise Retry("stores.postgres_gone", detail=_named(error)) from error
            return
        if done.statusmessage != "COMMIT":  # a statement failed and somebody went on
            raise Bug("stores.postgres_rolled_back")

    def _was_committed(self) -> bool:
        """Tell whether the last transaction of this process counts. Raises Retry where nobody can say."""
        for _ in range(_ASK_TRIES):
            with suppress(Retry):
                self._writing.twice(lambda con: con.execute(_LOCKED))  # it is over by then
                found = self._writing.read("SELECT token FROM writers WHERE name = %s", (self._me,))
                self._writing.twice(lambda con: con.execute(_UNLOCKED))
                return bool(found) and found[0][0] == self._token
            time.sleep(_ASK_PAUSE_S)
        raise Retry("stores.postgres_unsure")


class _Session:
    """An open transaction of psycopg that takes statements as they are written for both databases."""

    def __init__(self, con: psycopg.Connection[Any]) -> None:
        self._con = con

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        return self._con.execute(as_asked(sql).encode(), _plain(values))

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> psycopg.Cursor[Any]:
        cursor = self._con.cursor()
        cursor.executemany(as_asked(sql).encode(), [_plain(row) for row in rows])
        return cursor


class _Seen:
    """The rows as some grantees may see them."""

    def __init__(self, line: "_Line", grantees: str) -> None:
        self._line, self._grantees = line, grantees

    def all(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        return self._line.read(as_asked(sql), _plain(values), self._grantees)


class _Line:
    """One connection, made when it is needed and anew when it is lost."""

    def __init__(self, address: str, schema: str, role: str) -> None:
        self._address, self._schema, self._role = address, schema, role
        self._lock = RLock()
        self._con: psycopg.Connection[Any] | None = None

    def like(self) -> "_Line":
        """Return another one to the same place."""
        return _Line(self._address, self._schema, self._role)

    def get(self) -> psycopg.Connection[Any]:
        """Return the connection. Raises Retry, Denied, Absent; never with the address."""
        with self._lock:
            if self._con is None or self._con.closed:
                self._con = self._connect()
            return self._con

    def twice(self, do: Callable[[psycopg.Connection[Any]], _T]) -> _T:
        """Do something that may be done again where the connection is found lost: on the old one, then on a new."""
        with self._lock:
            con = self.get()
            try:
                return do(con)
            except psycopg.Error as error:
                if not _is_lost(error):
                    raise mapped(error) from error.__cause__
                self.drop()
            with said():
                return do(self.get())

    def read(self, asked: str, values: Sequence[Any] = (), grantees: str | None = None) -> list[tuple[object, ...]]:
        """Return the rows of a question, as some grantees may see them where they are named."""

        def ask(con: psycopg.Connection[Any]) -> list[tuple[object, ...]]:
            if grantees is None:
                return con.execute(asked.encode(), values, binary=True).fetchall()
            try:
                with con.pipeline():  # one way there and back
                    con.execute("BEGIN READ ONLY")
                    con.execute("SELECT set_config(%s, %s, true)", (GRANTEE, grantees))
                    found = con.execute(asked.encode(), values, binary=True)
                    con.execute("COMMIT")
                    return found.fetchall()
            except psycopg.Error:
                self.roll_back()
                raise

        return self.twice(ask)

    def roll_back(self) -> None:
        """End what was begun; a connection on which that fails is let go, and the server ends it."""
        with self._lock:
            if self._con is not None:
                try:
                    self._con.execute("ROLLBACK")
                except psycopg.Error:
                    self.drop()

    def drop(self) -> None:
        """Let the connection go."""
        with self._lock:
            con, self._con = self._con, None
            if con is not None:
                con.close()

    def _connect(self) -> psycopg.Connection[Any]:
        try:
            con = psycopg.connect(self._address, autocommit=True, connect_timeout=CONNECT_S, application_name="hubtwin")
        except psycopg.Error as error:
            raise mapped(error) from None  # what it says names the host and the user
        path = text.SQL("SET search_path = {}").format(text.Identifier(self._schema))
        with said():
            con.execute(path)
            con.execute(f"SET lock_timeout = '{BUSY_S}s'")
            con.execute(f"SET idle_in_transaction_session_timeout = '{STUCK_S}s'")
            con.execute(_SYNCED)
            if self._role:
                self._take_role(con)
        return con

    def _take_role(self, con: psycopg.Connection[Any]) -> None:
        try:
            con.execute(text.SQL("SET ROLE {}").format(text.Identifier(self._role)))
        except (psycopg.errors.InvalidParameterValue, psycopg.errors.InsufficientPrivilege):
            con.close()
            raise Absent("stores.postgres_not_prepared", schema=self._schema) from None


def open_postgres(address: str, schema: str, public_hex: str) -> PostgresDatabase:
    """Return the rows of a store, found ready, whose audit the key signs. Raises as `prove` and `bind`."""
    database = PostgresDatabase(address, schema)
    try:
        database.prove()
        database.bind(public_hex)
    except BaseException:
        database.close()
        raise
    return database


def role_of(address: str) -> str:
    """Return the role that an address names. Raises Malformed, without the address, where it names none."""
    try:
        role = conninfo_to_dict(address).get("user")
    except psycopg.Error:
        raise Malformed("stores.postgres_address") from None
    if not role:
        raise Malformed("stores.postgres_address")
    return refuse_bad_name(str(role))


def desk_of(role: str) -> str:
    """Return the role that a connection of the hub takes for its work."""
    return refuse_bad_name(f"{role}_desk")


def refuse_bad_name(name: str) -> str:
    """Return a name of a role or schema. Raises Malformed where PostgreSQL would cut it short."""
    if not 0 < len(name.encode()) <= LONGEST_NAME:
        raise Malformed("stores.postgres_name", name=name, longest=LONGEST_NAME)
    return name


def _first_of(con: psycopg.Connection[Any], statements: str) -> object:
    cursor = con.execute(statements.encode(), prepare=False)
    cursor.nextset()
    row = cursor.fetchone()
    return row[0] if row else None


def _plain(values: Sequence[Any]) -> tuple[Any, ...]:
    """Return values as SQLite would take them: it has no type for yes and no."""
    return tuple(int(value) if isinstance(value, bool) else value for value in values)


def _is_lost(error: psycopg.Error) -> bool:
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return (
        error.sqlstate[:2] in _LOST and error.sqlstate != "57014"
    ) or error.sqlstate == "25P03"  # it waited too long


@contextmanager
def said() -> Iterator[None]:
    """Turn what PostgreSQL says about locks, the server and values into what to do next; anything else is ours."""
    try:
        yield
    except psycopg.Error as error:
        raise mapped(error) from error.__cause__
    except UnicodeEncodeError as error:  # half a character, which a page may send
        raise Malformed("stores.postgres_value") from error


def mapped(error: psycopg.Error) -> Exception:
    """Return the error to raise: never with a value, a row or the address in it."""
    state, found = error.sqlstate or "", _named(error)
    known: tuple[tuple[bool, HubError], ...] = (
        (state in _BUSY, Retry("stores.busy", path=NAME, seconds=BUSY_S)),
        (state in _REFUSED, Denied("stores.postgres_refused", detail=found)),
        (_is_lost(error), Retry("stores.postgres_gone", detail=found)),
        (state[:2] in _FULL, Retry("stores.disk", path=NAME, detail=found)),
        (state in _DAMAGED, Malformed("stores.damaged", path=NAME, detail=found)),
        # a text with a NUL, a number beyond 64 bits
        (isinstance(error, psycopg.DataError), Malformed("stores.postgres_value")),
    )
    return next((said for fits, said in known if fits), error)


def _named(error: psycopg.Error) -> str:
    return f"{type(error).__name__} {error.sqlstate or ''}".strip()
