"""The demonstration as a process of its own, with its faults switched on, for a browser to look at."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

RUN = "from hubtwin.cli import main; main()"
READY_S, END_S = 120, 90
_READY = re.compile(r"password (?P<password>[\w-]+) ?:.*Serving at (?P<url>http://[\d.:]+)/", re.S)


@dataclass(frozen=True)
class Demonstration:
    """Where it is served, and the password of its invented people."""

    url: str
    password: str


@contextmanager
def demonstration(folder: Path, hub: str, *options: str) -> Iterator[Demonstration]:
    """Run it until the block ends. Fails with what it printed where it does not begin in time."""
    command = [sys.executable, "-c", RUN, "--hub", hub, "--home", str(folder / "home"), "--lang", "en", "demo"]
    log = folder / "log.txt"
    with log.open("w") as out:
        child = subprocess.Popen(
            [*command, "--port", "0", *options],
            stdout=out,
            stderr=out,
            env={**os.environ, "COLUMNS": "200"},
            start_new_session=True,
        )
    try:
        end_s = time.monotonic() + READY_S
        while (found := _READY.search(log.read_text("utf-8"))) is None:
            assert child.poll() is None, log.read_text("utf-8")[-2000:]
            assert time.monotonic() < end_s, log.read_text("utf-8")[-2000:]
            time.sleep(0.2)
        yield Demonstration(found["url"], found["password"])
        child.send_signal(signal.SIGINT)
        child.wait(END_S)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(END_S)
