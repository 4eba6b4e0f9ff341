"""The loop killed (SIGKILL) at random failpoints: the same end every time, and a receiver outside counts.

Run: python -m benchmarks.loop_kill [kills] [seed]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.common import ROOT, machine_header
from hubtwin.base.failpoint import disarm
from tests.flow.loop_killed import count_points, open_ledger, state_of, steps, to_receiver

KILLS, SEED = 200, 20221202


def finish(directory: Path, port: int | None) -> None:
    """Run the day to its end in this process."""
    ledger = open_ledger(directory)
    for _ in steps(ledger, to_receiver(port) if port else lambda message: None):
        pass
    ledger.close()


def run_killed(directory: Path, port: int, point: str) -> list[str]:
    """Run the day in a process that dies at a failpoint; return what it acknowledged."""
    died = subprocess.run(
        [sys.executable, "-m", "tests.flow.loop_killed", str(directory), str(port)],
        cwd=ROOT,
        env={**os.environ, "HUBTWIN_FAILPOINT": point},
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode < 0, died.stderr
    return died.stdout.split("\n")[:-1]


def kill_once(folder: Path, port: int, point: str, whole: dict[str, list[tuple[object, ...]]]) -> bool:
    """Return whether a day that was killed at a point ends as one that was not, with each message delivered."""
    folder.mkdir()
    run_killed(folder, port, point)
    finish(folder, port)
    return state_of(folder) == whole


def main(kills: int = KILLS, seed: int = SEED) -> int:
    """Print the figures; return 1 where a day ended otherwise or a message was lost."""
    print(machine_header(["hubtwin"]))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        whole_folder, book = Path(scratch, "whole"), Path(scratch, "received.jsonl")
        whole_folder.mkdir()
        passed: dict[str, int] = {}
        count_points(passed)
        finish(whole_folder, None)
        disarm()
        whole = state_of(whole_folder)
        receiver = subprocess.Popen(
            [sys.executable, "-m", "tests.flow.loop_receiver", str(book)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert receiver.stdout is not None
        port = int(receiver.stdout.readline())
        chosen = [f"{name}:{number}" for name, count in sorted(passed.items()) for number in range(1, count + 1)]
        points = [chosen[int(i)] for i in np.random.default_rng(seed).integers(0, len(chosen), kills)]
        same = [kill_once(Path(scratch, str(n)), port, point, whole) for n, point in enumerate(points)]
        receiver.terminate()
        receiver.wait()
        received = Counter(json.loads(line)["key"] for line in book.read_text(encoding="utf-8").splitlines())
    wrong = [point for point, ok in zip(points, same, strict=True) if not ok]
    repeats = sum(received.values()) - kills * len(received)
    print(f"{kills} kills over {len(chosen)} passings of {len(passed)} failpoints, {time.perf_counter() - began:.0f} s")
    print(f"days that ended otherwise: {len(wrong)} {wrong[:5]}")
    lost = {str(row[1]) for row in whole["outbox"]} ^ set(received)
    print(f"messages lost or from nowhere: {len(lost)}; sent twice and known again by key: {repeats}")
    return int(bool(wrong or lost) or not 0 <= repeats <= kills)


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:])))
