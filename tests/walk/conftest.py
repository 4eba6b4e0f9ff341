"""The reference hub on shipped data with a small simulated day, built once for all workers."""

import os
import shutil
from pathlib import Path

import pytest

from hubtwin.settings import find_data_dir
from tests.cli.kit import Hub, build_once

ARRIVALS = 3_000


def _build(folder: Path) -> None:
    hub = (find_data_dir() / "hubs/hangzhou-east/hub.toml").read_text(encoding="utf-8")
    (folder / "hub.toml").write_text(hub.replace("arrivals = 120000", f"arrivals = {ARRIVALS}"), encoding="utf-8")
    ran = Hub(folder / "hub.toml", folder / "home")("collide", "--date", "2022-10-20", "--at", "09:00")
    assert ran.code == 0, ran
    (folder / "first.txt").write_text(ran.err, encoding="utf-8")


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `hub.toml`, the prepared `home` and `first.txt`, what the first use said. Read only."""
    base = tmp_path_factory.getbasetemp()
    return build_once(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base, "shipped", _build)


@pytest.fixture
def reference(shipped: Path, tmp_path: Path) -> Hub:
    """A copy of the reference hub: shipped timetable and risk areas, no bookings yet."""
    shutil.copytree(shipped / "home", tmp_path / "home")
    return Hub(shipped / "hub.toml", tmp_path / "home")
