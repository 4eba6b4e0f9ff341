"""The whole service is killed (SIGKILL) at every failpoint that a step passes; begun again, its books are the same."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubtwin.connectors.common.serve import WireServer
from hubtwin.connectors.gate_screening.simulator import Passage, message
from hubtwin.library.query import collect
from tests.walk.town import DAY, minute_at, read_lines, town

ROOT = Path(__file__).parents[2]
# One passing of each failpoint, somewhere in the middle of the story.
POINTS = (
    *("stores.parquet_written:2", "stores.parquet_renamed:2", "stores.parquet_synced:3"),
    *("stores.before_commit:2", "stores.after_commit:2"),
    *("ledger.saved:3", "ledger.appended:3", "ledger.before_commit:2", "ledger.after_commit:3"),
    *("flow.timer_taken:1", "flow.sent:2", "wiring.register_read:2", "wiring.register_kept:1"),
)
ROWS = ("boarding_counts", "gate_screenings", "risk_hits")


@dataclass
class Partners:
    """What the partners say, the same to every run."""

    bookings: WireServer
    gates: WireServer
    results: WireServer

    def urls(self) -> tuple[str, str, str]:
        return self.bookings.url, self.gates.url, self.results.url


@pytest.fixture(scope="module")
def partners() -> Iterator[Partners]:
    head = "trip_id,train_code,service_date,boarding_station,booked,boarded,as_of,provenance\n"
    counts = [f"{head}T1,T1,{DAY},A1,{n},{n},{minute_at(n - 30).isoformat()},synthetic\n".encode() for n in (30, 31)]
    people = [("990000199001010015", "red"), ("990000199001010023", "yellow"), ("990000199001010031", "green")]
    passages = [
        message(Passage(minute_at(0), "N1", "N1-01", 1, "syn", number, "citizen", code, "green"))
        for number, code in people
    ]
    with ExitStack() as stack:
        wires = [stack.enter_context(WireServer(pages)) for pages in (counts, [line + b"\n" for line in passages], [])]
        yield Partners(*wires)


def run(folder: Path, partners: Partners, first: int, point: str = "") -> tuple[int, int]:
    """Run the service from a minute; return its exit code and the last minute that it acknowledged."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.wiring.service_killed", str(folder), *partners.urls(), str(first)],
        cwd=ROOT,
        env={**os.environ, "HUBTWIN_FAILPOINT": point},
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stdout.splitlines() if line.isdecimal()]
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-2000:]
    return done.returncode, int(told[-1]) if told else first - 1


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a town with an event declared, before anything was polled."""
    folder = tmp_path_factory.mktemp("prepared") / "town"
    with town(folder) as here:
        here.pid()  # the key of the epoch: made now, every copy gives the same pseudonyms
    return folder


def books(folder: Path) -> dict[str, Any]:
    """Return what a hub knows: rows, findings, cases, tasks, alerts, clocks, events, and which messages were sent."""
    with town(folder, fresh=False) as here:
        ledger, tables = here.works.ledger, here.works.store.tables(ROWS)
        return {
            "rows": {name: sorted(map(str, collect(frame).to_pylist())) for name, frame in tables.items()},
            "findings": sorted(found.key for found in here.works.store.list_findings("epidemic")),
            "cases": ledger.list_cases(),
            "tasks": ledger.list_tasks(),
            "alerts": ledger.list_alerts(),
            "timers": ledger.list_timers(),
            "evidence": [ledger.list_evidence(case.case_id) for case in ledger.list_cases()],
            "events": [(e.at_min, e.kind, e.subject, e.payload) for e in ledger.list_events() if e.scene],
            "waiting": ledger.list_outbox(),
            "messages": {line["key"] for channel in ("cap", "orders") for line in read_lines(here.works, channel)},
        }


@pytest.fixture(scope="module")
def whole(prepared: Path, partners: Partners, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the books of a hub that nobody killed."""
    folder = tmp_path_factory.mktemp("whole") / "town"
    shutil.copytree(prepared, folder)
    assert run(folder, partners, 0) == (0, 12)
    found = books(folder)
    assert len(found["cases"]) == 2, "red and yellow are flagged, green is not"
    return found


@pytest.mark.parametrize("point", POINTS)
def test_a_service_that_was_killed_ends_the_same(
    point: str, prepared: Path, partners: Partners, whole: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "town"
    shutil.copytree(prepared, folder)
    code, last = run(folder, partners, 0, point)
    assert code == -signal.SIGKILL, f"{point} is not passed so often"
    assert run(folder, partners, last + 1) == (0, 12)
    found = books(folder)
    for name, expected in whole.items():
        assert found[name] == expected, name
