"""A store of an earlier version is brought up to date; one of a later version is left alone."""

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtwin.base.errors import Denied, Malformed
from hubtwin.stores.check import check
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.migrate import list_migrations, migrate, version_of
from hubtwin.stores.sqlite import Database
from tests.contracts.store_suite import HUB, SOURCE, batch, finding, names

FIXTURE = Path(__file__).parent / "fixtures" / "version_1"


def _clock() -> datetime:
    return datetime(2022, 10, 21, tzinfo=UTC)


def _version_1(directory: Path) -> Path:
    shutil.copytree(FIXTURE / "columns", directory / "columns")
    con = sqlite3.connect(directory / "rows.sqlite")
    con.executescript((FIXTURE / "rows.sql").read_text(encoding="utf-8"))
    con.close()
    return directory


def test_a_store_of_version_1_opens_with_everything_in_it(tmp_path: Path) -> None:
    directory = _version_1(tmp_path / HUB)
    store = EmbeddedStore(directory, HUB, clock=_clock, threads=1)
    assert names(store) == [("S0", "once"), ("S1", "once"), ("always", "v1")]
    assert store.cursor(SOURCE) == "cursor 1"
    assert store.list_findings("epidemic") == [finding("f1")]
    assert [row.locator for row in store.list_quarantine()] == ["f:0", "f:1"]
    assert store.write(batch("batch 1", ("A", "a"))) is False
    assert store.write(batch("batch 2", ("always", "v2"))) is True
    assert store.compact("rail_stations").superseded == 2
    assert names(store) == [("S0", "once"), ("S1", "once"), ("always", "v2")]
    store.close()
    assert check(directory).problems == ()


def test_migrations_are_numbered_without_a_gap() -> None:
    for kind in ("rows", "vault", "keys", "access", "wire", "matching"):
        numbers = [int(path.stem.split("_")[1]) for path in list_migrations(kind)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert numbers


def test_a_store_of_a_later_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    EmbeddedStore(tmp_path, HUB, clock=_clock).close()
    con = sqlite3.connect(tmp_path / "rows.sqlite")
    con.execute("INSERT INTO migrations VALUES (99, 'rows_099_future', 0)")
    con.commit()
    con.close()
    with pytest.raises(Denied) as refused:
        EmbeddedStore(tmp_path, HUB, clock=_clock)
    assert "99" in refused.value.message("en")
    assert "升级" in refused.value.message("zh")
    assert [problem.key for problem in check(tmp_path).problems] == ["stores.newer_version"]


def test_a_migration_that_fails_leaves_the_shape_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = tmp_path / "t_001.sql", tmp_path / "t_002.sql"
    good.write_text("CREATE TABLE a (x TEXT);\n", encoding="utf-8")
    bad.write_text("CREATE TABLE b (x TEXT);\nCREATE TABLE b (x TEXT);\n", encoding="utf-8")
    database = Database(tmp_path / "t.sqlite")
    monkeypatch.setattr("hubtwin.stores.migrate.list_migrations", lambda kind: (good,))
    assert migrate(database, "t", 0) == 1
    monkeypatch.setattr("hubtwin.stores.migrate.list_migrations", lambda kind: (good, bad))
    with pytest.raises(sqlite3.OperationalError):
        migrate(database, "t", 0)
    assert version_of(database) == 1
    assert database.all("SELECT name FROM sqlite_master WHERE name = 'b'") == []
    database.close()


def test_a_file_that_is_no_database_is_told_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "rows.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(Malformed):
        EmbeddedStore(tmp_path, HUB, clock=_clock)
    assert [problem.key for problem in check(tmp_path).problems] == ["stores.damaged"]
