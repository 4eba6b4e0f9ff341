"""Homes that cost time are made once, by whichever worker comes first, and copied for a test that writes."""

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.kit import DAY, SECOND, Hub, build_once, make_tiny_hub


def _build(folder: Path) -> None:
    hub = Hub(SECOND, folder / "home")
    hub.done("simulate", "--date", DAY, "--arrivals", 400, "--out", folder / "day")
    for form in ("counts", "manifest", "stays"):
        pages = sorted((folder / "day/wire/bookings").glob(f"{form}-*"))
        hub.done("import", "bookings", "--now", "2017-07-25T12:00", *pages)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """The second hub with timetable, risk areas and a small simulated day; for tests that only read."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = tmp_path_factory.mktemp("second") / "home"
    shutil.copytree(build_once(shared, "second-hub", _build) / "home", home)
    return Hub(SECOND, home)


@pytest.fixture
def second(prepared: Hub, tmp_path: Path) -> Hub:
    """A copy of the prepared hub, for tests that write."""
    shutil.copytree(prepared.home, tmp_path / "home")
    return Hub(SECOND, tmp_path / "home")


@pytest.fixture
def tiny(tmp_path: Path) -> Hub:
    """The smallest hub, nothing imported yet."""
    return make_tiny_hub(tmp_path / "tiny")
