"""The audit chain: rows written and verified a second, the export checked, and how long one look-up's row takes.

    python -m benchmarks.audit_chain [--rows 1000000]

Target: at least 150,000 rows a second verified on one core. Rows are those of look-ups of one person.
"""

import argparse
import shutil
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from benchmarks.common import SCRATCH, machine_header, measure, peak_rss_gib
from hubtwin.base.clock import epoch_minute
from hubtwin.stores.access_rows import AccessRows
from hubtwin.stores.audit import Audit, Note, open_access, verify_export
from hubtwin.stores.signing import Signer

TARGET_PER_S = 150_000
PIECE = 50_000
NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)


def notes(first: int, count: int) -> Iterator[Note]:
    """Yield look-ups as `library.grants.look_up` writes them down."""
    for number in range(first, first + count):
        payload = {
            "dataset": "vault",
            "columns": ["name", "phone"],
            "purpose": "trace",
            "scene": "epidemic",
            "about": f"case-{number % 9973:06d}",
            "grant": "0123456789abcdef",
            "glass": False,
            "persons": 1,
            "pids": [f"{number:032x}"],
            "second": "",
        }
        yield Note("Unmasked", f"officer-{number % 97:03d}", payload)


def fill(audit: Audit, database: AccessRows, rows: int) -> None:
    """Write rows in pieces, one transaction and one signature each."""
    for first in range(0, rows, PIECE):
        with database.transaction() as con:
            audit.append_in(con, notes(first, min(PIECE, rows - first)))


def single_ms(audit: Audit, count: int) -> list[float]:
    """Return how many milliseconds each of some single rows took, forced to the disk and signed."""
    taken = []
    for note in notes(0, count):
        began = time.perf_counter()
        audit.append(note.kind, note.by, note.payload)
        taken.append((time.perf_counter() - began) * 1000)
    return sorted(taken)


def main() -> None:
    """Write, verify, export, and look for one person; print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    print(machine_header(("cryptography",)))
    folder = SCRATCH / "audit-chain"
    shutil.rmtree(folder, ignore_errors=True)
    database = open_access(folder, epoch_minute(NOW))
    audit = Audit(database, Signer(folder), clock=lambda: NOW)
    _, wrote = measure(lambda: fill(audit, database, rows))
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"written: {rows:,} rows, {rows / wrote.wall_s:,.0f} rows/s, {size / rows:.0f} bytes a row")
    runs = [measure(audit.verify) for _ in range(3)]
    assert all(not found.problems and found.rows == rows for found, _ in runs)
    best, worst = (pick(used.wall_s for _, used in runs) for pick in (min, max))
    print(f"verified: {rows / worst:,.0f} to {rows / best:,.0f} rows/s in three runs, peak {peak_rss_gib():.2f} GiB")
    checked, used = measure(lambda: verify_export(audit.export(), audit.public_hex))
    assert not checked.problems
    print(f"exported and verified from the lines: {rows / used.wall_s:,.0f} rows/s")
    seen, used = measure(lambda: audit.who_looked_at([f"{rows // 2:032x}"]))
    assert len(seen) == 1
    print(f"who looked at one person among all rows: {used.wall_s * 1000:,.0f} ms")
    taken = single_ms(audit, 500)
    print(f"one row, signed and on disk: p50 {statistics.median(taken):.1f} ms, p95 {taken[475]:.1f} ms")
    database.close()
    shutil.rmtree(folder)
    assert rows / worst >= TARGET_PER_S, f"below {TARGET_PER_S:,} rows/s"


if __name__ == "__main__":
    main()
