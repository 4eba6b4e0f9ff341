"""Loads a register of many rows into a library, and the same file with DuckDB alone; prints rows a second and memory.

`python -m benchmarks.library_load [--rows 10000000] [--limit-mb 1500]`. The file is made up (synthetic), with one row
in a thousand that cannot be typed. Each step is a process of its own, so that its peak of memory is its own. With
`--limit-mb` the load runs under that limit of its address space, as the bound of memory that it must keep. With
`--interrupt` a second load of the same file is killed (SIGKILL) behind its middle and gone on with by another process,
and both are counted: every row once, none lost.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np

from hubtwin.base.errors import HubError
from hubtwin.connectors.tables.csv_file import CsvFile, CsvTold
from hubtwin.datasets.listing import Listing, Sharing
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.library.loading import Plan, Running, run
from hubtwin.library.loads import Load
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.guess import known_names, match_columns
from hubtwin.stores.columns import sha256
from hubtwin.stores.shelves import LIBRARY_FOLDER, SHELVES_FILE, Shelves
from hubtwin.stores.sqlite import query

BLOCK = 200_000
BAD_EVERY = 1_000
COLUMNS = (
    Column("person_no", "string", "人员编号", "number", Grade.L3),
    Column("name", "string", "姓名", "name", Grade.L3, nullable=True),
    Column("born", "date", "出生日期", "date of birth", Grade.L3, nullable=True),
    Column("street_code", "string", "街道代码", "street", nullable=True),
    Column("floor", "int", "楼层", "floor", nullable=True),
    Column("area_m2", "float", "面积", "area", nullable=True),
    Column("is_renter", "bool", "是否租住", "rents", nullable=True),
    Column("confirmed", "minute", "核实时间", "confirmed", nullable=True),
)
DATASET = Dataset("register", "登记", "register", ("person_no",), COLUMNS)
LISTING = Listing(DATASET, "people", "civil", Sharing.RESTRICTED, {"zh": "登记", "en": "register"})
TYPES = "VARCHAR VARCHAR DATE VARCHAR BIGINT DOUBLE VARCHAR TIMESTAMP".split()  # noqa: SIM905


def make(path: Path, rows: int) -> None:
    """Write the file."""
    draws = np.random.Generator(np.random.PCG64(7))
    with path.open("w", encoding="utf-8") as out:
        out.write(",".join(column.name for column in COLUMNS) + "\n")
        for first in range(0, rows, BLOCK):
            count = min(BLOCK, rows - first)
            days = draws.integers(0, 30_000, count).astype("datetime64[D]").astype(str)
            numbers = draws.integers(0, 10_000, (3, count))
            minutes = (draws.integers(0, 400_000, count) + 27_000_000).astype("datetime64[m]").astype(str)
            out.writelines(
                f"P{first + n:012d},居民{numbers[0][n]},{'不详' if (first + n) % BAD_EVERY == 7 else days[n]},"
                f"3301020{numbers[1][n] % 14 + 1:02d},{numbers[2][n] % 33},{numbers[0][n] / 100},"
                f"{'是' if n % 3 else '否'},{minutes[n].replace('T', ' ')}\n"
                for n in range(count)
            )


def load(path: Path, home: Path, limit_mb: int) -> dict[str, float]:
    """Load the file as the product does: look at it, hash it, load it."""
    if limit_mb:
        resource.setrlimit(resource.RLIMIT_DATA, (limit_mb << 20, limit_mb << 20))
    begun, cpu = time.perf_counter(), time.process_time()
    source = CsvFile(path, CsvTold(), known_names(LISTING, {}))
    mapping = match_columns(source.columns, LISTING, {}, {})
    marks = Marks(provenance=Provenance.SYNTHETIC)
    plan = Plan(LISTING, mapping, ZoneInfo("Asia/Shanghai"), "bench", path.name, marks)
    shelves = Shelves(home / LIBRARY_FOLDER, at_min=1)
    head = Load("bench", "register", "p", path.name, sha256(path), {}, "bench", 1)
    done = run(source, plan, head, Running(shelves, shelves.loads, 1))
    shelves.close()
    return {**_used(begun, cpu), "rows": done.rows, "quarantined": done.quarantined}


def alone(path: Path, home: Path) -> dict[str, float]:
    """Turn the same file into one Parquet file with DuckDB alone, of the same types; bad lines are left out by it."""
    begun, cpu = time.perf_counter(), time.process_time()
    names = ", ".join(f"'{column.name}': '{kind}'" for column, kind in zip(COLUMNS, TYPES, strict=True))
    con = duckdb.connect(config={"threads": 2, "autoinstall_known_extensions": "false"})
    con.execute(
        f"COPY (SELECT * FROM read_csv('{path}', header = true, columns = {{{names}}}, ignore_errors = true))"
        f" TO '{home / 'alone.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
    )
    found = con.execute(f"SELECT count(*) FROM '{home / 'alone.parquet'}'").fetchone()
    return {**_used(begun, cpu), "rows": float(found[0]) if found else 0.0}


def _used(begun: float, cpu: float) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": time.perf_counter() - begun, "cpu_s": time.process_time() - cpu, "peak_mb": peak}


def _told(step: str, path: Path, home: Path, limit_mb: int) -> list[str]:
    told = [sys.executable, "-m", "benchmarks.library_load", "--step", step, "--file", str(path), "--home", str(home)]
    return [*told, "--limit-mb", str(limit_mb)]


def _apart(step: str, path: Path, home: Path, limit_mb: int) -> dict[str, float]:
    done = subprocess.run(_told(step, path, home, limit_mb), capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def interrupt(path: Path, home: Path, half: int) -> tuple[int, dict[str, float]]:
    """Kill a load of the file behind `half` of its rows and go on; return where it died, and what the rest took."""
    with subprocess.Popen(_told("load", path, home, 0), stdout=subprocess.DEVNULL) as child:
        while _stored(home) < half:
            assert child.poll() is None, "the load was over before it could be killed"
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
    return _stored(home), _apart("load", path, home, 0)


def count(home: Path, rows: int) -> None:
    """Refuse a library in which a row of the file is missing, or stands twice, or a file lies that nothing knows."""
    numbers = range(7, rows, BAD_EVERY)
    wanted = (rows - len(numbers), sum(range(rows)) - sum(numbers), rows - len(numbers))
    sql = "SELECT count(*), sum(CAST(substr(person_no, 2) AS BIGINT)), max(row_no) FROM read_parquet(?)"
    found = duckdb.execute(sql, [f"{home}/{LIBRARY_FOLDER}/rows/*/*.parquet"]).fetchone()
    assert found == wanted, f"{found} instead of {wanted}"
    (bad,) = query(home / LIBRARY_FOLDER / SHELVES_FILE, "SELECT count(*), count(DISTINCT line_no) FROM quarantine")
    assert bad == (len(numbers), len(numbers)), f"{bad} in quarantine instead of {len(numbers)}"
    shelves = Shelves(home / LIBRARY_FOLDER, at_min=1)
    known = {file.path for file in shelves.files()}
    shelves.close()
    assert known == set((home / LIBRARY_FOLDER / "rows").glob("*/*.parquet"))


def _stored(home: Path) -> int:
    try:
        ((stored,),) = query(home / LIBRARY_FOLDER / SHELVES_FILE, "SELECT coalesce(sum(row_count), 0) FROM files")
    except HubError:  # the manifest is about to be made
        return 0
    return int(str(stored))


def main() -> None:
    """Make the file, load it in both ways, print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--limit-mb", type=int, default=0)
    parser.add_argument("--interrupt", action="store_true")
    parser.add_argument("--step", choices=["load", "alone"])
    parser.add_argument("--file", type=Path)
    parser.add_argument("--home", type=Path)
    asked = parser.parse_args()
    if asked.step:
        found = load(asked.file, asked.home, asked.limit_mb) if asked.step == "load" else alone(asked.file, asked.home)
        sys.stdout.write(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), asked.rows, asked.limit_mb, asked.interrupt)


def measure(folder: Path, rows: int, limit_mb: int, interrupted: bool) -> None:
    """Make the file and print what each way of loading it took."""
    path = folder / "register.csv"
    make(path, rows)
    size = path.stat().st_size / 1e6
    _say(f"{datetime.now(UTC):%Y-%m-%d}  {rows:,} rows, {size:,.0f} MB, {len(COLUMNS)} columns, load {_busy()}")
    for step in ("load", "alone"):
        used = _apart(step, path, folder, limit_mb if step == "load" else 0)
        told = {name: round(value, 1) for name, value in used.items()}
        _say(f"{step:6} {rows / used['seconds']:12,.0f} rows/s  {told}, load {_busy()}")
    count(folder, rows)
    stored = sum(file.stat().st_size for file in (folder / LIBRARY_FOLDER).rglob("*") if file.is_file())
    _say(f"counted: every row once; {stored / 1e6:,.0f} MB stored")
    if interrupted:
        second = folder / "second"
        died, used = interrupt(path, second, rows // 2)
        count(second, rows)
        told = {name: round(value, 1) for name, value in used.items()}
        _say(f"killed behind {died:,} rows, gone on with: {told}, load {_busy()}; counted: every row once")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _busy() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
