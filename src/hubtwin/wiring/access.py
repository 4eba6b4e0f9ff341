"""Where accounts, grants and the audit stand: in `access.sqlite`, or in PostgreSQL where hub.toml names it.

One of both, never half of each: rows that were left behind in a file, or that stand in PostgreSQL while nobody says
where, stop the hub from beginning a second audit.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hubtwin.base.errors import Absent, Denied, HubError
from hubtwin.base.failpoint import failpoint
from hubtwin.model.record import Status
from hubtwin.rules.quality import Problem
from hubtwin.settings import Settings
from hubtwin.settings.rows import RowsSettings
from hubtwin.stores.access_rows import AccessRows, Reader
from hubtwin.stores.audit import ACCESS_FILE, open_access
from hubtwin.stores.embedded import store_directory
from hubtwin.stores.signing import Signer
from hubtwin.stores.sqlite import Database, fsync, query
from hubtwin.wiring.plugs import directory_of, load

POSTGRES, RIGHTS = "hubtwin.stores.postgres", "hubtwin.stores.postgres_rights"
MARK_FILE = "access.postgres"  # says that the rows of a store stand in PostgreSQL
MOVED_FILE = "access.moved.sqlite"
_HELD = "SELECT 1 FROM holds WHERE lifted_min IS NULL LIMIT 1"


def open_rows(
    rows: RowsSettings | None, directory: Path, signer: Signer, at_min: int, environ: Mapping[str, str] | None = None
) -> AccessRows:
    """Open the rows of a store directory, whose audit the signer signs.

    Raises Denied where they stand elsewhere, where the address is missing, or by a role that rights do not bind; Absent
    where PostgreSQL is not prepared, Retry where it does not answer.
    """
    if rows is None:
        if (directory / MARK_FILE).exists():
            raise Denied("wiring.rows_elsewhere", path=MARK_FILE)
        return open_access(directory, at_min)
    if (directory / ACCESS_FILE).exists():
        raise Denied("wiring.rows_left", path=ACCESS_FILE)
    opened: AccessRows = _postgres(POSTGRES, "open_postgres")(
        address_of(rows, environ), directory.name, signer.public_hex
    )
    _mark(directory)
    return opened


def address_of(rows: RowsSettings, environ: Mapping[str, str] | None = None, *, owner: bool = False) -> str:
    """Return the address of PostgreSQL, that of the owner where it is asked for. Raises Denied where it is not set."""
    variable = rows.owner_env if owner else rows.url_env
    address = (os.environ if environ is None else environ).get(variable, "")
    if not address:
        raise Denied("wiring.no_rows_address", variable=variable)
    return address


@contextmanager
def peeked(store_dir: Path, rows: RowsSettings | None, table: str) -> Iterator[Reader | None]:
    """Give the rows of a store for a question about a table, made or changed by nobody; None where there is none yet.

    Raises as `open_rows`.
    """
    if rows is not None:
        with closing(_postgres(POSTGRES, "PostgresDatabase")(address_of(rows), store_dir.name)) as database:
            database.prove()
            yield database
        return
    if (store_dir / MARK_FILE).exists():
        raise Denied("wiring.rows_elsewhere", path=MARK_FILE)
    if not (store_dir / ACCESS_FILE).exists():
        yield None
        return
    with closing(Database(store_dir / ACCESS_FILE, private=True)) as embedded:
        yield embedded if embedded.all("SELECT 1 FROM sqlite_master WHERE name = ?", table) else None


def is_free(store_dir: Path, rows: RowsSettings | None) -> bool:
    """Tell whether no legal hold stands on a store; where that cannot be found out, one may."""
    try:
        with peeked(store_dir, rows, "holds") as asked:
            return asked is None or not asked.all(_HELD)
    except HubError:
        return False


def prepare_rows(settings: Settings, at_min: int, environ: Mapping[str, str] | None = None) -> int:
    """Make or upgrade what a hub needs in PostgreSQL, as its owner; return how many migrations were applied.

    An exercise and a test have a schema of their own, as they have a directory. Raises as `postgres_rights.prepare`.
    """
    rows = _rows_of(settings)
    role = _postgres(POSTGRES, "role_of")(address_of(rows, environ))
    owner, prepare = address_of(rows, environ, owner=True), _postgres(RIGHTS, "prepare")
    directories = [store_directory(settings.home, settings.hub.hub_id, status) for status in Status]
    return sum(prepare(owner, directory.name, role, at_min) for directory in directories)


def move_rows(settings: Settings, at_min: int, environ: Mapping[str, str] | None = None) -> Mapping[str, int]:
    """Move the rows of `access.sqlite` to PostgreSQL, all or none; return how many by table.

    The file stays beside the others under another name. Nobody may use the hub meanwhile: who had it open goes on in
    the file. A kill on the way is made good by moving again. Raises Absent where there is no such file, Denied where
    PostgreSQL holds other rows already.
    """
    rows, directory = _rows_of(settings), directory_of(settings)
    source = directory / ACCESS_FILE
    if not source.exists():
        raise Absent("wiring.no_rows_file", path=ACCESS_FILE)
    open_postgres = _postgres(POSTGRES, "open_postgres")
    with closing(open_postgres(address_of(rows, environ), directory.name, Signer(directory).public_hex)) as database:
        copied = {} if _is_moved(source, database) else database.take_over(source, at_min)
    failpoint("wiring.rows_copied")
    _mark(directory)
    source.rename(directory / MOVED_FILE)
    fsync(directory)
    return copied


def list_problems(settings: Settings, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """Return what is wrong with where the rows stand. Raises nothing for what it finds."""
    directory = directory_of(settings)
    if settings.rows is None:
        return [Problem("wiring.rows_elsewhere", {"path": MARK_FILE})] if (directory / MARK_FILE).exists() else []
    try:
        address = address_of(settings.rows, environ)
        with closing(_postgres(POSTGRES, "PostgresDatabase")(address, directory.name)) as database:
            database.prove()
        found: list[Problem] = _postgres(RIGHTS, "list_problems")(address, directory.name)
    except HubError as error:
        return [Problem(error.key, error.values)]
    left = [Problem("wiring.rows_left", {"path": ACCESS_FILE})] if (directory / ACCESS_FILE).exists() else []
    return [*left, *found]


@contextmanager
def backed_up(settings: Settings, environ: Mapping[str, str] | None = None) -> Iterator[AccessRows | None]:
    """Give the rows that a backup copies; None where they are a file of the store. Raises as `open_rows`."""
    directory = directory_of(settings)
    if settings.rows is None or not directory.is_dir():
        yield None
        return
    with closing(open_rows(settings.rows, directory, Signer(directory), 0, environ)) as rows:
        yield rows


def _rows_of(settings: Settings) -> RowsSettings:
    if settings.rows is None:
        raise Absent("wiring.no_rows_block", file=settings.hub_file)
    return settings.rows


def _postgres(module: str, name: str) -> Any:
    """Return what needs psycopg. Raises Denied where it is not installed."""
    try:
        return load(f"{module}:{name}")
    except ModuleNotFoundError as error:
        raise Denied("wiring.no_psycopg") from error


def _is_moved(source: Path, database: AccessRows) -> bool:
    """Tell whether the rows of a file stand in PostgreSQL already: the same audit up to the same signed head."""
    sql = "SELECT name, seq, hash FROM audit_ends ORDER BY name"
    here = query(source, sql) if query(source, "SELECT 1 FROM sqlite_master WHERE name = 'audit_ends'") else []
    return bool(here) and here == database.all(sql)


def _mark(directory: Path) -> None:
    if not (directory / MARK_FILE).exists():
        (directory / MARK_FILE).touch(mode=0o600)
        fsync(directory)
