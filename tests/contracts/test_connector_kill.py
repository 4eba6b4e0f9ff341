"""Every source is sensed over HTTP by a real process that is killed again and again, and nothing is lost or doubled."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hubtwin.connectors.common.serve import WireServer
from hubtwin.stores.embedded import EmbeddedStore
from tests.contracts.connector_kit import Source
from tests.contracts.connector_sources import SOURCES
from tests.contracts.connector_wire import TOKEN
from tests.contracts.ingest_worker import HUB, sense_all

ROOT = Path(__file__).parents[2]
KILL_AT = (2, 5, 8)  # failpoints: a file renamed, a batch committed, one of a later batch
Held = tuple[dict[str, Counter[str]], Counter[str], str | None]


def _held(source: Source, directory: Path) -> Held:
    """Return what a store holds, as counts: rows by dataset, quarantine, and the cursor."""
    store = EmbeddedStore(directory, HUB, clock=lambda: source.context.now, threads=1)
    name = source.connector.manifest.name
    try:
        tables = store.tables(source.connector.manifest.datasets)
        rows = {
            dataset: Counter(repr(sorted(row.items())) for row in frame.collect().rows(named=True))
            for dataset, frame in tables.items()
        }
        return rows, Counter(repr(bad) for bad in store.list_quarantine(name)), store.cursor(name)
    finally:
        store.close()


def _run(source: Source, url: str, directory: Path, place: int) -> int:
    """Run the worker and SIGKILL it where it stops, at its `place`-th failpoint; return its exit code."""
    command = [sys.executable, "-m", "tests.contracts.ingest_worker", source.name, url, str(directory), str(place)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        if worker.stdout.readline():
            worker.send_signal(signal.SIGKILL)
        return worker.wait(timeout=60)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_sensing_that_is_killed_goes_on_where_it_stopped(source: Source, tmp_path: Path) -> None:
    pages = (*source.pages, source.unknown_enum.page, source.added_field.page, source.garbage.page)
    with WireServer(pages, token=TOKEN) as server:
        sense_all(source, server.url, tmp_path / "whole")
        codes = [_run(source, server.url, tmp_path / "killed", place) for place in (*KILL_AT, 0)]
    assert codes == [-signal.SIGKILL] * len(KILL_AT) + [0]
    whole, killed = _held(source, tmp_path / "whole"), _held(source, tmp_path / "killed")
    assert whole[2] == str(len(pages))
    assert any(whole[0].values())
    assert whole[1]
    assert killed == whole
