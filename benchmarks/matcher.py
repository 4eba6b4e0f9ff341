"""A change of the risk areas on its way to a matcher in another process over mutual TLS, and the match after it.

The hub holds `--areas` invented risk areas, the railway the manifests and stays of a simulated day of `--arrivals`
persons. Measured: from the commit of a new area at the hub until the matcher has it in force (asked through its status
every 20 ms), and until it has matched with it; the same for the first table; what the table weighs.
`python -m benchmarks.matcher [--areas 20000] [--arrivals 5000] [--changes 20]`
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from benchmarks.common import machine_header
from hubtwin.base.clock import PacedClock, from_epoch_minute, system_clock
from hubtwin.model.record import Row
from hubtwin.sim.small import small_day
from hubtwin.wiring.asking import Peer, fetch_status
from tests.matcher.hubside import Hub, open_hub, start_matcher
from tests.matcher.town import NIGHT_MIN, area_rows, lay_down, make_authority, timetable

ASKED_S = 2.0
LONGEST = 17  # characters of an invented place text


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, standard in (("areas", 20_000), ("arrivals", 5_000), ("changes", 20)):
        parser.add_argument(f"--{name}", type=int, default=standard)
    told = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    print(machine_header(["cryptography", "uvicorn", "polars"]))
    with tempfile.TemporaryDirectory() as base:
        run(Path(base), told.areas, told.arrivals, told.changes)


def run(base: Path, areas: int, arrivals: int, changes: int) -> None:
    """Measure one hub and one matcher."""
    day = small_day(1, arrivals)
    lay_down(base / "rail" / "manifests", day)
    timetable(base / "rail" / "timetable.zip", day)
    clock = PacedClock(from_epoch_minute(NIGHT_MIN), 1.0, system_clock)
    authority = make_authority(base / "pki")
    with open_hub(base / "hub", clock) as hub:
        hub.add([invent(number) for number in range(areas)])
        running = start_matcher(base / "rail", hub.signer.public_hex, authority=authority)
        peer = running.peer(authority)
        publisher = hub.publisher(peer, clock)
        began = time.perf_counter()
        publisher.start()
        try:
            first = until(lambda: held(peer) >= 1, began), until(lambda: matched(peer) >= 1, began)
            taken = [change(hub, peer, number) for number in range(2, changes + 2)]
        finally:
            publisher.stop()
            running.end()
        size_mb = (base / "hub" / "matching.sqlite").stat().st_size / 1e6
    lines = sum(len(file.read_bytes().splitlines()) for file in (base / "rail" / "manifests").iterdir())
    report(areas, lines, size_mb, first, taken)


def report(
    areas: int, lines: int, size_mb: float, first: tuple[float, float], taken: list[tuple[float, float]]
) -> None:
    """Print what was measured."""
    print(f"{areas:,} areas, table {size_mb:.1f} MB; {lines:,} lines of manifests and stays; {len(taken)} changes")
    print(f"first table: in force after {first[0]:.2f} s, hits after {first[1]:.2f} s")
    for name, place in (("in force", 0), ("hits there", 1)):
        found = sorted(one[place] for one in taken)
        print(f"a change, {name}: median {statistics.median(found):.2f} s, slowest {found[-1]:.2f} s")
    slowest = max(one[0] for one in taken)
    print(f"asked: in force in under {ASKED_S} s: {'held' if slowest < ASKED_S else 'NOT held'}")


def change(hub: Hub, peer: Peer, version: int) -> tuple[float, float]:
    """Publish one more area; return seconds until it is in force and until it is matched, from its commit on."""
    hub.add([invent(1_000_000 + version)])
    began = time.perf_counter()
    return until(lambda: held(peer) >= version, began), until(lambda: matched(peer) >= version, began)


def until(ready: Callable[[], bool], began: float) -> float:
    """Return seconds since `began` at which something was so."""
    while not ready():
        if time.perf_counter() - began > 120:
            raise SystemExit("it did not happen within two minutes")
        time.sleep(0.02)
    return time.perf_counter() - began


def held(peer: Peer) -> int:
    """Return the version that a matcher holds."""
    table = fetch_status(peer)["table"]
    return int(table["version"]) if table else 0


def matched(peer: Peer) -> int:
    """Return the version that it has matched with."""
    match = fetch_status(peer)["match"]
    return int(match["table_version"]) if match else 0


def invent(number: int) -> Row:
    """Return a listed area that nobody was in."""
    text = f"模拟街道模拟社区第{number}号楼、" * 3
    values = {**area_rows()[0].values, "area_key": f"x{number}", "community": text[:LONGEST]}
    return Row("risk_areas", {**values, "area_code": f"98{number % 10_000:04d}", "street_code": None})


if __name__ == "__main__":
    main()
