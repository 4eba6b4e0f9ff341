"""A hub with a clock, a railway's folder beside it, and the matchers that a test starts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubtwin.base.clock import PacedClock, from_epoch_minute, system_clock
from tests.matcher.hubside import Hub, Process, open_hub
from tests.matcher.town import NIGHT_MIN, folder_of


@pytest.fixture
def clock() -> PacedClock:
    return PacedClock(from_epoch_minute(NIGHT_MIN), 1.0, system_clock)


@pytest.fixture
def hub(tmp_path: Path, clock: PacedClock) -> Iterator[Hub]:
    folder_of(tmp_path / "rail")
    with open_hub(tmp_path / "hub", clock) as made:
        yield made


@pytest.fixture
def running() -> Iterator[list[Process]]:
    """Give a list of processes that are ended after the test."""
    started: list[Process] = []
    yield started
    for one in started:
        one.child.kill()
        one.child.communicate()
