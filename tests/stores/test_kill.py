"""A process is killed between each pair of steps; afterwards nothing acknowledged is lost and nothing is doubled."""

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent
from hubtwin.library.query import collect
from hubtwin.stores.backup import backup, restore
from hubtwin.stores.check import check
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.vault import Vault
from tests.contracts.store_suite import HUB, SOURCE, names
from tests.stores.batches import BATCHES

ROOT = Path(__file__).parents[2]


def _clock() -> datetime:
    return datetime(2022, 10, 20, 1, tzinfo=UTC)


def _run(directory: Path, step: str, failpoint: str = "") -> list[str]:
    """Run a step in another process; return what it acknowledged. It must die exactly where it shall."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.stores.killed", str(directory), step],
        cwd=ROOT,
        env={**os.environ, "HUBTWIN_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (-signal.SIGKILL if failpoint else 0), done.stderr
    return done.stdout.split()


def _state(directory: Path) -> dict[str, object]:
    store = EmbeddedStore(directory, HUB, clock=_clock, threads=1)
    days = collect(store.tables(["rail_service_days"])["rail_service_days"]).to_pylist()
    state = {
        "stations": names(store),
        "days": sorted((row["trip_id"], row["service_date"]) for row in days),
        "quarantine": [row.locator for row in store.list_quarantine()],
        "cursor": store.cursor(SOURCE),
        "turns": store.count_cursors(SOURCE),
        "batches": [event.payload["batch"] for event in store.list_events("BatchIngested")],
    }
    store.close()
    return state


def _write_again(directory: Path) -> None:
    store = EmbeddedStore(directory, HUB, clock=_clock, threads=1)
    for batch in BATCHES:
        store.write(batch)
    store.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store that was written without interruption; tests copy it."""
    directory = tmp_path_factory.mktemp("whole") / HUB
    assert _run(directory, "write")[-1] == "done"
    return directory


# Two Parquet files a batch: passing 3 of a file step is the first file of the second batch, 4 its second file.
@pytest.mark.parametrize(
    "step",
    [
        "stores.parquet_written:3",
        "stores.parquet_renamed:4",
        "stores.parquet_synced:3",
        "stores.parquet_synced:4",
        "stores.before_commit:2",
        "stores.after_commit:2",
    ],
)
def test_a_write_killed_anywhere_ends_the_same_after_a_retry(step: str, written: Path, tmp_path: Path) -> None:
    directory = tmp_path / HUB
    acknowledged = _run(directory, "write", step)
    between = _state(directory)
    batches = between["batches"]
    assert isinstance(batches, list)
    assert batches[: len(acknowledged)] == [BATCHES[int(number)].key for number in acknowledged]
    assert len(batches) in (len(acknowledged), len(acknowledged) + 1), "at most the unacknowledged one besides"
    assert between["cursor"] == (f"cursor {len(batches) - 1}" if batches else None)
    assert between["quarantine"] == [f"f:{number}" for number in range(len(batches))]
    _write_again(directory)
    assert _state(directory) == _state(written)
    assert check(directory).problems == ()


# The first file of a compaction holds what stands, the second what was superseded.
@pytest.mark.parametrize(
    "step",
    [
        "stores.parquet_written:1",
        "stores.parquet_renamed:1",
        "stores.parquet_synced:2",
        "stores.before_commit:1",
        "stores.after_commit:1",
    ],
)
def test_a_compaction_killed_anywhere_changes_no_answer(step: str, written: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(written, tmp_path / HUB)
    _run(directory, "compact", step)
    assert _state(directory) == _state(written)
    store = EmbeddedStore(directory, HUB, clock=_clock, threads=1)
    store.compact("rail_stations")
    assert (store.held()["rail_stations"].files, store.held()["rail_stations"].rows) == (1, 5)
    store.close()
    assert _state(directory) == _state(written)
    assert check(directory).problems == ()


def test_a_backup_killed_before_its_end_is_no_backup_and_can_be_taken_again(written: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(written, tmp_path / HUB)
    _run(directory, "backup", "stores.backup_written:1")
    with pytest.raises(Absent):
        restore(tmp_path / "copy", tmp_path / "new", clock=_clock)
    backup(directory, tmp_path / "copy", clock=_clock)
    restore(tmp_path / "copy", tmp_path / "new", clock=_clock)
    assert _state(tmp_path / "new") == _state(directory)


def _vault(directory: Path) -> Vault:
    return Vault(directory, clock=_clock, record=lambda kind, payload: None)


def test_remembering_killed_amid_can_be_done_again(tmp_path: Path) -> None:
    directory = tmp_path / HUB
    _run(directory, "remember", "stores.subject_key_made:1")
    vault = _vault(directory)
    vault.remember("p", {"name": "n"})
    assert vault.reveal("p", "test") == {"name": "n"}
    vault.close()


def test_forgetting_killed_amid_is_finished_at_the_next_open(tmp_path: Path) -> None:
    directory = tmp_path / HUB
    vault = _vault(directory)
    vault.remember("p", {"name": "n"})
    vault.close()
    _run(directory, "forget", "stores.forgetting:1")
    vault = _vault(directory)
    with pytest.raises(Absent):
        vault.reveal("p", "test")
    assert vault._keys.all("SELECT count(*) FROM subjects") == [(0,)]
    vault.close()
