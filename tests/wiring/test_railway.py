"""The railway of a replay: hits from a process of its own, which follows the hub's clock and ends with its owner."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hubtwin.base.clock import PacedClock, from_epoch_minute, system_clock
from hubtwin.base.errors import Retry
from hubtwin.connectors.bookings import MATCHER
from hubtwin.flow.sense import Sensing, sense
from hubtwin.ports import ReadContext
from hubtwin.sim.small import ZONE
from hubtwin.wiring import railway
from hubtwin.wiring.asking import Peer, fetch_status
from hubtwin.wiring.railway import Railway
from tests.matcher.hubside import Hub, matched, open_hub, wait_until
from tests.matcher.test_match import truth
from tests.matcher.test_processes import pid_of
from tests.matcher.town import DAY, HUB, NIGHT_MIN
from tests.wiring.rail import post

ROOT = Path(__file__).parents[2]
PEOPLE = {*DAY.documents}


def poll(hub: Hub, rail: Railway) -> int:
    """Take in the hits that the matcher has; return how many."""
    context = ReadContext(ZONE, rail.clock(), real_persons=False)
    return sum(sense(MATCHER, rail.transport(), hub.store, context, Sensing(HUB)).kept.values())


def peer_of(rail: Railway) -> Peer:
    assert rail.publisher is not None
    return rail.publisher.peers[0]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_hits_come_from_a_process_beside_the_manifests_and_whoever_did_not_hit_is_in_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(railway, "AGAIN_S", 0.5)
    clock = PacedClock(from_epoch_minute(DAY.snapshot_min), 0.0, system_clock)
    with open_hub(tmp_path / "hub", clock) as hub:
        with Railway(post(tmp_path, hub), DAY, clock) as rail:
            rail.serve(hub.side())
            wait_until(lambda: rail.publisher is not None and matched(peer_of(rail), 1), 60)
            assert fetch_status(peer_of(rail))["now_min"] == DAY.snapshot_min
            early = len(list((tmp_path / "railway" / "manifests").iterdir()))
            clock.jump(from_epoch_minute(NIGHT_MIN))
            wait_until(lambda: fetch_status(peer_of(rail))["now_min"] == NIGHT_MIN, 30)
            wait_until(lambda: not list((tmp_path / "railway" / "written").iterdir()), 30)
            assert len(list((tmp_path / "railway" / "manifests").iterdir())) > early
            wait_until(lambda: fetch_status(peer_of(rail))["hits_kept"] == len(truth()), 30)
            wait_until(lambda: poll(hub, rail) >= 0 and len(hub.hits()) >= len(truth()), 30)
            found = {(row["trip_id"], row["pid"]) for row in hub.hits()}
            assert found == {(trip, pid_of(hub, document)) for trip, document, _, _ in truth()}

            killed = rail.pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: rail.pid != killed, 10)
            with pytest.raises(Retry):
                poll(hub, rail)
            wait_until(lambda: rail.pid not in (None, killed), 10)
            again = rail.pid
            wait_until(lambda: _answers(rail), 30)
            assert poll(hub, rail) == 0
        assert again is not None
        assert not is_alive(again)
        _nobody_but({document for _, document, _, _ in truth()}, tmp_path, hub)


def _answers(rail: Railway) -> bool:
    try:
        return bool(fetch_status(peer_of(rail))["table"])
    except Retry:
        return False


def _nobody_but(hits: set[str], base: Path, hub: Hub) -> None:
    """Count persons in everything that the hub and the matcher have written: the manifests are the railway's own."""
    written = b""
    for place in (base / "hub", base / "railway" / "matcher", base / "railway" / "matcher.log"):
        files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        assert files
        written += b"".join(path.read_bytes() for path in files)
    assert not [document for document in PEOPLE if document.encode() in written]
    assert not [document for document in PEOPLE - hits if pid_of(hub, document).encode() in written]
    assert len(hub.hits()) == len(hits)
    assert hub.store.held().keys() == {"risk_areas", "risk_hits"}


def test_when_its_owner_is_killed_the_matcher_ends_by_itself(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-m", "tests.wiring.railway_killed", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )
    try:
        wait_until((tmp_path / "pid").is_file, 60)
        child = int((tmp_path / "pid").read_text(encoding="utf-8"))
        assert is_alive(child)
    finally:
        owner.kill()
        owner.wait()
    wait_until(lambda: not is_alive(child), 30)
