"""Grants and the audit in SQLite and in PostgreSQL, in one run and in turns: what a hub pays for the larger one.

    python -m benchmarks.row_stores [--rounds 8] [--rows 200000]

A grant is one transaction: its row, the row of the audit, the signed head; on the disk before it returns. PostgreSQL
runs on the same machine behind a Unix socket, fsync on, so there is no network in the figures.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread

from benchmarks.audit_chain import NOW, fill
from benchmarks.common import machine_header, measure
from hubtwin.base.clock import epoch_minute
from hubtwin.model.grant import VAULT, Grant, Purpose
from hubtwin.stores.access_rows import AccessRows
from hubtwin.stores.audit import Audit
from hubtwin.stores.grants import Grants
from hubtwin.stores.signing import Signer
from tests.cluster import running_cluster
from tests.databases import EmbeddedEngine, Engine, PostgresEngine

PIECE, THREADS, GRANTEES = 50, 4, 500


@dataclass
class Side:
    """One of the two, with what was measured of it."""

    engine: Engine
    folder: Path
    rates: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open it."""
        self.rows, self.audit, self.grants = self.open()

    def open(self) -> tuple[AccessRows, Audit, Grants]:
        """Open it once more, as another process would."""
        rows = self.engine.open(self.folder, epoch_minute(NOW))
        audit = Audit(rows, Signer(self.folder), clock=lambda: NOW)
        return rows, audit, Grants(rows, audit, clock=lambda: NOW)

    def one_round(self) -> None:
        """Do a little of each."""
        self.rate("grant and audit row, commits/s", PIECE, partial(give, self.grants, PIECE))
        self.rate(f"the same from {THREADS} connections", PIECE * THREADS, partial(give_at_once, self))
        self.rate("grants of a grantee asked for, /s", PIECE * 4, partial(ask, self.grants, PIECE * 4))

    def rate(self, what: str, count: int, work: Callable[[], object]) -> None:
        """Note how many a second some work did."""
        began = time.perf_counter()
        work()
        self.rates.setdefault(what, []).append(count / (time.perf_counter() - began))


def give(grants: Grants, count: int) -> None:
    """Give grants to one after the other of the grantees."""
    now_min = epoch_minute(NOW)
    for number in range(count):
        told = ("", f"user-{number % GRANTEES}", VAULT, frozenset({"name"}), frozenset({Purpose.TRACE}), "epidemic")
        grants.issue(Grant(*told, now_min, now_min + 60, "owner", "security", "tracing", "e1"))


def give_at_once(side: Side) -> None:
    """Give grants from several connections at once."""
    opened = [side.open() for _ in range(THREADS)]
    threads = [Thread(target=give, args=(grants, PIECE)) for _, _, grants in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for rows, _, _ in opened:
        rows.close()


def ask(grants: Grants, count: int) -> None:
    """Ask for the grants of one after the other: under row-level security where there is one."""
    for number in range(count):
        assert grants.list_grants(f"user-{number % PIECE}")


def main() -> None:
    """Measure both in turns and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--rows", type=int, default=200_000)
    told = parser.parse_args()
    print(machine_header(("cryptography", "psycopg")))
    with running_cluster(on_disk=True) as cluster, tempfile.TemporaryDirectory() as folder:
        sides = [Side(EmbeddedEngine(), Path(folder) / "a"), Side(PostgresEngine(cluster), Path(folder) / "b")]
        for _ in range(told.rounds):
            for side in sides:
                side.one_round()
        for side in sides:
            side.rate("audit rows written in pieces, /s", told.rows, partial(fill, side.audit, side.rows, told.rows))
            for _ in range(3):
                found, used = measure(side.audit.verify)
                assert not found.problems
                side.rates.setdefault("audit rows verified, /s", []).append(found.rows / used.wall_s)
            side.rows.close()
        for what in sides[0].rates:
            figures = (f"{side.engine.name} {statistics.median(side.rates[what]):,.0f}" for side in sides)
            spread = (f"{min(side.rates[what]):,.0f} to {max(side.rates[what]):,.0f}" for side in sides)
            print(f"{what}: {', '.join(figures)} (runs: {'; '.join(spread)})")


if __name__ == "__main__":
    main()
