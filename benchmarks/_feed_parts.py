"""The parts of a benchmark of the live feed: each runs as a process of its own, tells a line of JSON, and signs in."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from benchmarks.common import ROOT

PASSWORD = "benchmark of the feed"
PAGES_OF_SESSION = 40


def sign_in(port: int) -> str:
    """Return the cookie of the benchmark's person at a hub on loopback."""
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, headers={"origin": url}, timeout=30) as client:
        client.post("/api/v1/session", json={"user": "bench", "password": PASSWORD}).raise_for_status()
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def sign_in_each(port: int, pages: int) -> list[str]:
    """Return a cookie for each of many pages: a session may open the live feed only so often a minute."""
    made = [sign_in(port) for _ in range(pages // PAGES_OF_SESSION + 1)]
    return [made[number % len(made)] for number in range(pages)]


def read_line(part: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the next record that a part tells. Raises SystemExit where it ended before."""
    assert part.stdout is not None
    for line in part.stdout:
        if line.startswith("{"):
            found: dict[str, Any] = json.loads(line)
            return found
    raise SystemExit("a part of the benchmark ended early")


@contextmanager
def run_part(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a module of the benchmarks until the block ends."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as part:
        try:
            yield part
        finally:
            part.terminate()
