"""A manifest of several GB through `hubtwin import bookings`: rows a second, peak memory, wall and CPU time.

`python -m benchmarks.large_file [--gb 3]`. The passengers are synthetic; trains, stations and dates are those of the
shipped timetable. The file is made by a stream into benchmarks/.scratch and imported by a process of its own, whose
peak memory the system tells.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.common import ROOT, SCRATCH, machine_header
from hubtwin.connectors.bookings.codec import MANIFEST
from hubtwin.settings import load_settings
from hubtwin.wiring import known_trains, open_store

SEED = 20221020
PERSONS = 900_000_000  # numbers to draw from: two bookings of one person on one train hardly ever happen
FIRST_DAY = date(2016, 3, 1)
BOOKED_PER_TRAIN = 1_000
SEATS = tuple(f"{row:02d}{letter}" for row in range(1, 20) for letter in "ABCDF")
WRITE_BYTES = 1 << 23


class Outcome(NamedTuple):
    """What an import took; memory is the peak of the process as the system counts it."""

    rows: int
    wall_s: float
    cpu_s: float
    peak_gib: float
    resident_gib: tuple[float, ...]  # after each tenth of the time but the last


def run_hubtwin(home: Path, *arguments: str) -> str:
    """Run the command in a process of its own and return what it printed; raises where it fails."""
    return subprocess.run([*_command(home), *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def _command(home: Path) -> list[str]:
    return [str(Path(sys.executable).parent / "hubtwin"), "--home", str(home), "--lang", "en"]


def make_lines(calls: dict[str, tuple[tuple[int, str], ...]]) -> Iterator[str]:
    """Yield the lines of one train of one day after the other, without end; the same lines every time."""
    rng = np.random.default_rng(SEED)
    trips = sorted(trip for trip, stops in calls.items() if len(stops) > 1)
    day = FIRST_DAY
    while True:
        for trip in trips:
            yield _of_train(rng, trip, [station for _, station in calls[trip]], day)
        day += timedelta(days=1)


def _of_train(rng: np.random.Generator, trip: str, stations: list[str], day: date) -> str:
    n = BOOKED_PER_TRAIN
    board = rng.integers(0, len(stations) - 1, n)
    alight = rng.integers(board + 1, len(stations))
    persons, seats = rng.integers(0, PERSONS, n), rng.integers(0, len(SEATS), n)
    head, as_of = (
        f"{trip},{trip.partition('-')[0]},{day.isoformat()},O{day:%m%d}{trip}",
        f"{day.isoformat()}T06:00+08:00",
    )
    columns = zip(board.tolist(), alight.tolist(), persons.tolist(), seats.tolist(), strict=True)
    return "".join(
        f"{head}-{i // 2},passport,SYN{person:09d},{i % 16 + 1},{SEATS[seat]},{stations[b]},{stations[a]},booked,"
        f"{as_of},synthetic\n"
        for i, (b, a, person, seat) in enumerate(columns)
    )


def make_file(path: Path, home: Path, size: int) -> int:
    """Write a manifest of at least `size` bytes; return its number of data lines."""
    with open_store(load_settings(home=home), lambda: datetime(2016, 3, 30, tzinfo=UTC)) as store:
        calls = known_trains(store)["calls"]
    lines = 0
    with path.open("wb", buffering=WRITE_BYTES) as out:
        out.write((",".join(MANIFEST.required) + "\n").encode())
        for block in make_lines(calls):
            out.write(block.encode())
            lines += BOOKED_PER_TRAIN
            if out.tell() >= size:
                return lines
    return lines


def measure_import(path: Path, home: Path) -> Outcome:
    """Import the file in a process of its own, and look at its resident memory every second."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [*_command(home), "import", "bookings", str(path)]
    resident: list[float] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        while child.poll() is None:
            resident.append(_resident_gib(child.pid))
            time.sleep(1)
        printed = child.stdout.read() if child.stdout else ""
    after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    found = re.search(r"([\d,]+) rows read: ([\d,]+) kept, ([\d,]+) quarantined", printed)
    assert child.returncode == 0, printed
    assert found, printed
    print(printed.splitlines()[0])
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    tenths = tuple(resident[len(resident) * tenth // 10] for tenth in range(1, 10))
    return Outcome(int(found[1].replace(",", "")), wall_s, cpu_s, after.ru_maxrss / 2**20, tenths)


def _resident_gib(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError):  # no such file system, or the process has just ended
        return 0.0
    return float(pages * os.sysconf("SC_PAGE_SIZE") / 2**30)


def main() -> None:
    """Make the file, import it, print what it took, and tidy up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=3.0)
    parser.add_argument("--keep", action="store_true", help="keep the file and the home")
    asked = parser.parse_args()
    print(machine_header(("duckdb", "pyarrow", "numpy")))
    folder = SCRATCH / f"large-{asked.gb:g}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    home, path = folder / "home", folder / "manifest.csv"
    run_hubtwin(home, "import", "timetable", *map(str, sorted((ROOT / "data/cn-rail-timetable-2016").glob("*.csv*"))))
    began = time.perf_counter()
    lines = make_file(path, home, int(asked.gb * 1e9))
    print(
        f"made {lines:,} lines, {path.stat().st_size / 1e9:.2f} GB, in {time.perf_counter() - began:.0f} s", flush=True
    )
    made = measure_import(path, home)
    assert made.rows == lines, f"{lines:,} lines were written and {made.rows:,} read"
    stored = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
    print(
        f"{asked.gb:g} GB: {made.rows:,} rows in {made.wall_s:.0f} s wall, {made.cpu_s:.0f} s CPU, "
        f"{made.rows / made.wall_s:,.0f} rows/s, peak {made.peak_gib:.2f} GiB, {stored / 1e9:.2f} GB stored"
    )
    print("resident GiB over time:", " ".join(f"{gib:.2f}" for gib in made.resident_gib))
    if not asked.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    os.environ.pop("HUBTWIN_HUB", None)
    main()
