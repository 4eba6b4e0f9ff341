"""The loop is killed at every named failpoint; begun again it ends the same, and a receiver outside counts."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubtwin.base.failpoint import disarm
from tests.flow.loop_killed import count_points, open_ledger, state_of, steps, to_receiver

ROOT = Path(__file__).parents[2]
# One passing of each named failpoint, somewhere in the middle of the day.
POINTS = (
    "ledger.saved:9",
    "ledger.appended:17",
    "ledger.before_commit:6",
    "ledger.after_commit:6",
    "flow.timer_taken:3",
    "flow.sent:4",
)


class Receiver:
    """The receiver process and what it wrote down."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.flow.loop_receiver", str(file)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def keys(self) -> list[str]:
        return [json.loads(line)["key"] for line in self.file.read_text(encoding="utf-8").splitlines()]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path / "received.jsonl")
    yield made
    made.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ledger whose day was not interrupted."""
    directory = tmp_path_factory.mktemp("whole")
    _finish(directory, None)
    return directory


def _finish(directory: Path, port: int | None) -> None:
    ledger = open_ledger(directory)
    for _ in steps(ledger, to_receiver(port) if port else lambda message: None):
        pass
    ledger.close()


def test_every_failpoint_of_the_loop_is_killed_at(tmp_path: Path) -> None:
    passed: dict[str, int] = {}
    count_points(passed)
    _finish(tmp_path, None)
    disarm()
    assert {point.split(":")[0] for point in POINTS} == set(passed)
    assert all(passed[point.split(":")[0]] >= int(point.split(":")[1]) for point in POINTS)


@pytest.mark.parametrize("point", POINTS)
def test_a_loop_that_was_killed_ends_the_same(point: str, whole: Path, receiver: Receiver, tmp_path: Path) -> None:
    directory = tmp_path / "here"
    directory.mkdir()
    died = subprocess.run(
        [sys.executable, "-m", "tests.flow.loop_killed", str(directory), str(receiver.port)],
        cwd=ROOT,
        env={**os.environ, "HUBTWIN_FAILPOINT": point},
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    _finish(directory, receiver.port)
    assert state_of(directory) == state_of(whole)
    sent = [row[1] for row in state_of(directory)["outbox"]]
    received = receiver.keys()
    assert set(received) == set(sent), "every message arrived, and nothing that was rolled back"
    assert len(received) - len(sent) == (1 if point.startswith("flow.sent") else 0), "known again by its key"
