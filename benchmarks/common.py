"""What every benchmark needs: the machine in words, CPU seconds and memory of a process, a child per side."""

import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "benchmarks" / ".scratch"
T = TypeVar("T")


class Usage(NamedTuple):
    """CPU seconds are user + system of all threads of this process: steadier than wall time on a shared machine.

    `user_s` is the part without the system's, which is mostly handing over fresh memory.
    """

    cpu_s: float
    wall_s: float
    user_s: float


def measure(work: Callable[[], T]) -> tuple[T, Usage]:
    """Run `work` and return its result with what it used."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = work()
    after, wall_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
    user_s = after.ru_utime - before.ru_utime
    return result, Usage(user_s + after.ru_stime - before.ru_stime, wall_s, user_s)


def peak_rss_gib() -> float:
    """Return the highest resident memory of this process so far, mapped files included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (2**30 if sys.platform == "darwin" else 2**20)


def run_child(module: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run `python -m module arguments` alone and return the JSON object it prints as its last line."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.decode().strip().splitlines()[-1])
    return answer


def machine_header(packages: Sequence[str]) -> str:
    """Return the machine, its load and the versions, as lines to print above any figure."""
    load = " ".join(f"{part:.1f}" for part in os.getloadavg())
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return (
        f"machine: {_processor()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()}\n"
        f"load: {load}\nversions: Python {platform.python_version()}, {versions}"
    )


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
