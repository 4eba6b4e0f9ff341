"""Loads a register of many rows into a library, and the same file with DuckDB alone; prints rows a second and memory.

`python -m benchmarks.library_load [--rows 10000000] [--limit-mb 1500]`. The file is made up (synthetic), with one row
in a thousand that cannot be typed. Each step is a process of its own, so that its peak of memory is its own. With
`--limit-mb` the load runs under that limit of its address space, as the bound of memory that it must keep.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np

from hubtwin.connectors.tables.csv_file import CsvFile, CsvTold
from hubtwin.datasets.listing import Listing, Sharing
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.library.loading import Plan, Running, run
from hubtwin.library.loads import Load
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.guess import known_names, match_columns
from hubtwin.stores.columns import sha256
from hubtwin.stores.shelves import Shelves

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
    shelves = Shelves(home / "library", at_min=1)
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


def _apart(step: str, path: Path, home: Path, limit_mb: int) -> dict[str, float]:
    told = [sys.executable, "-m", "benchmarks.library_load", "--step", step, "--file", str(path), "--home", str(home)]
    done = subprocess.run([*told, "--limit-mb", str(limit_mb)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Make the file, load it in both ways, print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--limit-mb", type=int, default=0)
    parser.add_argument("--step", choices=["load", "alone"])
    parser.add_argument("--file", type=Path)
    parser.add_argument("--home", type=Path)
    asked = parser.parse_args()
    if asked.step:
        found = load(asked.file, asked.home, asked.limit_mb) if asked.step == "load" else alone(asked.file, asked.home)
        sys.stdout.write(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "register.csv"
        make(path, asked.rows)
        size = path.stat().st_size / 1e6
        sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%d}  {asked.rows:,} rows, {size:,.0f} MB, {len(COLUMNS)} columns\n")
        for step in ("load", "alone"):
            used = _apart(step, path, Path(folder), asked.limit_mb if step == "load" else 0)
            speed = asked.rows / used["seconds"]
            told = {name: round(value, 1) for name, value in used.items()}
            sys.stdout.write(f"{step:6} {speed:12,.0f} rows/s  {told}\n")


if __name__ == "__main__":
    main()
