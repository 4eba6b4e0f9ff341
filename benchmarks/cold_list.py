"""From the shell to the printed list: `hubtwin collide` on shipped data, a cold process each time.

`python -m benchmarks.cold_list [--runs 15]`. The library is prepared beforehand (timetable and risk areas,
as the first use does); every run is a process of its own. What the time is made of is measured apart: the imports with
`-X importtime`, the steps by functions that this file wraps in a process of its own, so the product holds no clock.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.common import ROOT, SCRATCH, machine_header, run_child

ASKED = ("collide", "--date", "2022-10-20", "--at", "09:00")
STEPS = (  # step -> what is wrapped; a step inside another is counted for the inner one only
    ("settings", "hubtwin.cli.app", "load_settings"),
    ("store opened", "hubtwin.stores.embedded:EmbeddedStore", "__init__"),
    ("first use looked for", "hubtwin.cli.warn", "first_use"),
    ("tables", "hubtwin.stores.embedded:EmbeddedStore", "tables"),
    ("scene loaded", "hubtwin.wiring.lists", "load"),
    ("judge", "hubtwin.wiring.lists", "judge"),
    ("plan", "hubtwin.scenes.epidemic.meeting", "plan_meetings"),
    ("print", "hubtwin.cli.warn", "print_list"),
    ("list, the rest", "hubtwin.cli.warn", "warn"),
)
TOP = 8


class Run(NamedTuple):
    """One cold process, in seconds."""

    wall_s: float
    cpu_s: float


def command(home: Path) -> list[str]:
    """Return the command of the benchmark."""
    return [str(Path(sys.executable).parent / "hubtwin"), "--home", str(home), "--lang", "en", *ASKED]


def run_cold(home: Path) -> Run:
    """Run the command in a process of its own; its output goes through a pipe as to a pager."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    printed = subprocess.run(command(home), cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    assert len(printed.splitlines()) > 10, "no list was printed"
    return Run(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def import_times(home: Path) -> tuple[float, list[tuple[str, float]]]:
    """Return the seconds of all imports and of the dearest packages, by -X importtime."""
    traced = [sys.executable, "-X", "importtime", *command(home)]
    told = subprocess.run(traced, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    own: Counter[str] = Counter()
    for line in told.splitlines():
        parts = [part.strip() for part in line.removeprefix("import time:").split("|")]
        if line.startswith("import time:") and parts[0].isdigit():
            own[parts[2].split(".")[0]] += int(parts[0])
    return own.total() / 1e6, [(name, spent / 1e6) for name, spent in own.most_common(TOP)]


def trace(home: Path) -> dict[str, float]:
    """Run the command in this process with its steps wrapped; return seconds by step, each without those inside it."""
    began = time.perf_counter()
    app = import_module("hubtwin.cli.app")
    spent = defaultdict(float, imports=time.perf_counter() - began)
    stack: list[float] = []
    for step, owner, name in STEPS:
        module, _, inner = owner.partition(":")
        target = getattr(import_module(module), inner) if inner else import_module(module)
        setattr(target, name, _timed(getattr(target, name), step, spent, stack))
    from_here = time.perf_counter()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        kept, sys.stdout = sys.stdout, nowhere
        code = app.run(command(home)[1:])
        sys.stdout = kept
    assert code == 0
    spent["all but the imports before"] = time.perf_counter() - from_here
    return {step: round(float(seconds), 4) for step, seconds in spent.items()}


def _timed(wrapped: Callable[..., Any], step: str, spent: dict[str, float], stack: list[float]) -> Callable[..., Any]:
    def measured(*args: Any, **kwargs: Any) -> Any:
        stack.append(0.0)
        began = time.perf_counter()
        try:
            return wrapped(*args, **kwargs)
        finally:
            took, inside = time.perf_counter() - began, stack.pop()
            spent[step] += took - inside
            if stack:
                stack[-1] += took

    return measured


def show(name: str, values: Sequence[float]) -> None:
    """Print the spread of a measurement."""
    print(f"{name}: min {min(values):.2f}, median {statistics.median(values):.2f}, max {max(values):.2f} s")


def main() -> None:
    """Measure, print, tidy up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--home", type=Path, default=SCRATCH / "cold-home")
    parser.add_argument("--trace", action="store_true", help="trace the steps of one run, print them as JSON")
    asked = parser.parse_args()
    if asked.trace:
        print(json.dumps(trace(asked.home)))
        return
    print(machine_header(("duckdb", "pyarrow", "numpy", "narwhals")))
    shutil.rmtree(asked.home, ignore_errors=True)
    first = run_cold(asked.home)
    print(f"first use, which imports both feeds: {first.wall_s:.1f} s wall, {first.cpu_s:.1f} s CPU")
    runs = [run_cold(asked.home) for _ in range(asked.runs)]
    show("wall to the printed list", [run.wall_s for run in runs])
    show("CPU", [run.cpu_s for run in runs])
    traced = [run_child("benchmarks.cold_list", ["--trace", "--home", str(asked.home)]) for _ in range(3)]
    for step in sorted(traced[0], key=lambda step: -traced[0][step]):
        print(f"  {step}: {statistics.median(each.get(step, 0.0) for each in traced):.3f} s")
    total_s, dearest = import_times(asked.home)
    print(f"imports by -X importtime: {total_s:.2f} s; " + ", ".join(f"{name} {s:.2f}" for name, s in dearest))
    shutil.rmtree(asked.home)


if __name__ == "__main__":
    os.environ.pop("HUBTWIN_HUB", None)
    main()
