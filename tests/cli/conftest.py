"""Homes that cost time are made once, by whichever worker comes first, and copied for a test that writes."""

import os
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from hubtwin.stores.audit import ACCESS_FILE
from tests.cli.kit import DAY, ROOT, SECOND, Hub, Town, build_once, make_tiny_hub
from tests.cluster import Cluster

SHIPPED = ROOT / "data" / "hubs" / "hangzhou-east" / "hub.toml"
VARIABLE = "HUBTWIN_POSTGRES_COMMANDS"


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


@pytest.fixture(params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Hangzhou East with its district, nothing loaded yet: the same test runs on both databases."""
    home = tmp_path / "home"
    if request.param == "sqlite":
        return Town(SHIPPED, home, partial(_embedded, home / SHIPPED.parent.name / ACCESS_FILE))
    cluster: Cluster = request.getfixturevalue("cluster")
    database = cluster.make_bare()
    monkeypatch.setenv(VARIABLE, cluster.address(database))
    monkeypatch.setenv(f"{VARIABLE}_OWNER", cluster.owner(database))
    hub = tmp_path / "hub.toml"
    hub.write_text(f'{SHIPPED.read_text(encoding="utf-8")}\n[rows]\nurl_env = "{VARIABLE}"\n', encoding="utf-8")
    town = Town(hub, home, partial(_larger, cluster.owner(database), SHIPPED.parent.name))
    assert town.run("rows", "prepare").code == 0
    return town


def _embedded(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as con:
        return [str(row) for row in con.execute("SELECT entry FROM audit ORDER BY seq")]


def _larger(address: str, schema: str) -> list[str]:
    with closing(psycopg.connect(address)) as con:
        asked = sql.SQL("SELECT entry FROM {}.audit ORDER BY seq").format(sql.Identifier(schema))
        return [str(row) for row in con.execute(asked)]


@pytest.fixture
def tiny(tmp_path: Path) -> Hub:
    """The smallest hub, nothing imported yet."""
    return make_tiny_hub(tmp_path / "tiny")
