"""A PostgreSQL cluster for the tests of one process: a folder and a socket of its own, fsync on, gone afterwards.

Each test gets its own databases, copies of one that was prepared once, emptied before another test gets them. Where
no server programs are found the tests fail and say what to do: they never pass by being left out.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path

import psycopg

from hubtwin.stores.postgres_rights import prepare

SCHEMA, ROLE, OTHER_ROLE = "east", "hubtwin_tests", "somebody_else"
_OPTIONS = "-c listen_addresses='' -c max_connections=60 -c log_min_messages=fatal"
_ROOM_BYTES = 1 << 30
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename != 'migrations'"


class Cluster:
    """A running cluster. `owner(name)` is the address of who owns a database, `address(name)` that of the hub."""

    def __init__(self, *, on_disk: bool = False) -> None:
        """Make and start it. Raises RuntimeError where PostgreSQL is not installed."""
        self._bin = _find_bin()
        self.folder = Path(tempfile.mkdtemp(prefix="hubtwin-pg-", dir=None if on_disk else _place()))
        self._numbers, self._free = count(), list[str]()
        if os.getuid() == 0:  # initdb refuses root
            self._user = next(user for user in ("postgres", "nobody") if _exists(user))
            shutil.chown(self.folder, self._user)
        else:
            self._user = ""
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "owner", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()
        with psycopg.connect(self.owner("postgres"), autocommit=True) as con:
            for role in (ROLE, OTHER_ROLE):
                con.execute(f"CREATE ROLE {role} LOGIN".encode())
        self._made = self._new_database()
        prepare(self.owner(self._made), SCHEMA, ROLE, 0)

    def owner(self, database: str) -> str:
        """Return the address of the owner, whom nothing binds."""
        return f"host={self.folder} dbname={database} user=owner"

    def address(self, database: str, role: str = ROLE) -> str:
        """Return the address of the hub."""
        return f"host={self.folder} dbname={database} user={role}"

    def make(self) -> str:
        """Return the name of a database, prepared and empty."""
        return self._free.pop() if self._free else self._new_database(self._made)

    def give_back(self, name: str) -> None:
        """Empty a database that was prepared, for another test."""
        with psycopg.connect(self.owner(name)) as con:
            con.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (ROLE,))
            tables = con.execute(_TABLES, (SCHEMA,)).fetchall()
            con.execute("SET session_replication_role = replica")  # whatever refers to what
            for (table,) in tables:
                con.execute(f"DELETE FROM {SCHEMA}.{table}".encode())
        self._free.append(name)

    def make_bare(self) -> str:
        """Return the name of a new database in which nothing was prepared."""
        return self._new_database()

    def start(self) -> None:
        """Start the server."""
        told = f"{_OPTIONS} -k {self.folder}"
        self._run("pg_ctl", "-D", self._data, "-w", "-o", told, "-l", str(self.folder / "log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; "immediate" is as if it was killed."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def remove(self) -> None:
        """Stop it and delete its folder."""
        self.stop("immediate")
        shutil.rmtree(self.folder)

    @cached_property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _new_database(self, template: str = "template0") -> str:
        name = f"hub_{next(self._numbers)}"
        with psycopg.connect(self.owner("postgres"), autocommit=True) as con:
            con.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return name

    def _run(self, program: str, *told: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *told],
            cwd=self.folder,
            user=self._user or None,
            group=pwd.getpwnam(self._user).pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,  # the server keeps what it is given
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {(done.stdout or b'see its log').decode()[-2000:]}")


@contextmanager
def running_cluster(*, on_disk: bool = False) -> Iterator[Cluster]:
    """Give a cluster for the time of a block."""
    cluster = Cluster(on_disk=on_disk)
    try:
        yield cluster
    finally:
        cluster.remove()


def _place() -> str | None:
    """Return where the folder is made: in memory where there is room, since every process of the tests makes one.

    A kill of the server finds the same there as on a disk; what a power failure does is not tried here.
    """
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM_BYTES else None


def _find_bin() -> Path:
    told, path = os.environ.get("HUBTWIN_PG_BIN"), shutil.which("initdb")
    if told or path:
        return Path(told) if told else Path(str(path)).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: run scripts/postgres.sh, which says how")
    return found[-1].parent


def _exists(user: str) -> bool:
    try:
        return bool(pwd.getpwnam(user))
    except KeyError:
        return False
