"""The check finds what is wrong with a store directory, and says what to do in both languages."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtwin.base.text import LANGUAGES
from hubtwin.model.record import Quarantined
from hubtwin.stores.check import check, mend
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.vault import KEY_FILE, VAULT_FILE, Vault
from tests.contracts.store_suite import HUB, batch, names


def _clock() -> datetime:
    return datetime(2022, 10, 20, 1, tzinfo=UTC)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    store = EmbeddedStore.open(tmp_path, HUB, clock=_clock, threads=1)
    for number in range(10):
        store.write(batch(f"k{number}", ("A", str(number)), cursor=str(number)))
    store.write(batch("q", quarantined=[Quarantined("f:1", "rules.missing_value")] * 3))
    vault = Vault(store.directory, clock=_clock, record=store.append_event)
    vault.remember("p1", {"name": "n"})
    vault.close()
    store.close()
    return store.directory


def _problems(directory: Path) -> list[str]:
    checked = check(directory)
    for problem in (*checked.problems, *checked.notices):
        for lang in LANGUAGES:
            said = problem.message(lang)
            assert "{" not in said, said
            assert not said.startswith("stores."), said
    return [problem.key for problem in checked.problems]


def _notices(directory: Path) -> set[str]:
    return {notice.key for notice in check(directory).notices}


def test_a_whole_store_has_no_problem_and_says_what_it_holds(directory: Path) -> None:
    assert _problems(directory) == []
    assert _notices(directory) == {"stores.small_files", "stores.in_quarantine", "stores.cursor_at"}
    counts = [notice.values["count"] for notice in check(directory).notices if "reason" in notice.values]
    assert counts == [3]


def test_a_missing_an_altered_and_a_truncated_file_are_found(directory: Path) -> None:
    first, second, third, *_ = sorted((directory / "columns").glob("*/*.parquet"))
    first.unlink()
    content = second.read_bytes()
    second.write_bytes(content[:50] + b"x" + content[51:])
    third.write_bytes(content[:100])
    assert _problems(directory) == ["stores.file_missing", "stores.file_altered", "stores.file_altered"]


def test_a_file_of_an_unknown_dataset_or_another_shape_is_found(directory: Path) -> None:
    con = sqlite3.connect(directory / "rows.sqlite")
    con.execute("UPDATE files SET dataset = 'gone' WHERE batch_no = 1")
    con.execute("UPDATE files SET dataset = 'rail_calls' WHERE batch_no = 2")
    con.commit()
    con.close()
    assert _problems(directory) == ["stores.file_unknown", "stores.file_schema"]


@pytest.mark.parametrize("name", [KEY_FILE, VAULT_FILE])
def test_a_private_file_that_others_can_read_is_found(name: str, directory: Path) -> None:
    (directory / name).chmod(0o640)
    assert _problems(directory) == ["stores.open_key_file"]


def test_a_lost_key_file_is_found(directory: Path) -> None:
    (directory / KEY_FILE).unlink()
    assert _problems(directory) == ["stores.no_key_file"]


def test_a_damaged_database_is_found(directory: Path) -> None:
    EmbeddedStore(directory, HUB, clock=_clock).close()
    content = bytearray((directory / "rows.sqlite").read_bytes())
    content[5000:9000] = b"\xff" * 4000
    (directory / "rows.sqlite").write_bytes(bytes(content))
    assert "stores.damaged" in _problems(directory)


def test_no_store_is_a_problem_of_its_own(tmp_path: Path) -> None:
    assert _problems(tmp_path) == ["stores.no_store"]


def test_mending_sweeps_and_merges_and_changes_no_row(directory: Path) -> None:
    (directory / "columns" / "rail_stations" / "9999999999.parquet").write_bytes(b"half")
    assert "stores.orphans" in _notices(directory)
    checked = mend(directory, clock=_clock)
    assert checked.problems == ()
    assert {notice.key for notice in checked.notices} == {"stores.in_quarantine", "stores.cursor_at"}
    store = EmbeddedStore(directory, HUB, clock=_clock, threads=1)
    assert names(store) == [("A", "9")]
    store.close()
