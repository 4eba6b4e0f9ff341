"""Hub and partner as processes of their own: cut, killed, doubled, turned round. At the end both logs agree."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hubtwin.channels.log import compare, verify
from hubtwin.stores.signing import Signer
from hubtwin.stores.wire import Wire
from tests.channels.wire_worker import AT_MIN, CASES, HUB, PARTNER

ROOT = Path(__file__).parents[2]
COUNT = 120


class Process:
    """A partner that can be killed and begun again at the same port."""

    def __init__(self, directory: Path, hub_key: str) -> None:
        self.directory, self.hub_key, self.port = directory, hub_key, 0
        self.process: subprocess.Popen[str] | None = None

    def start(self, failpoint: str = "", manners: str = "") -> str:
        self.process = subprocess.Popen(
            [*_COMMAND, "partner", str(self.directory), self.hub_key, str(self.port)],
            cwd=ROOT,
            env={**os.environ, "HUBTWIN_FAILPOINT": failpoint, "SIM": manners},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        url = self.process.stdout.readline().strip()
        self.port = int(url.rpartition(":")[2].partition("/")[0])
        return url

    def wait_killed(self) -> None:
        assert self.process is not None
        assert self.process.wait(30) == -signal.SIGKILL
        self._shut()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self._shut()

    def _shut(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()


_COMMAND = [sys.executable, "-m", "tests.channels.wire_worker"]


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Process]:
    made = Process(tmp_path / "partner", Signer(tmp_path / "hub").public_hex)
    yield made
    made.stop()


def _hub(partner: Process, url: str, failpoint: str = "", *how: str) -> subprocess.Popen[str]:
    key = Signer(partner.directory).public_hex
    return subprocess.Popen(
        [*_COMMAND, "hub", str(partner.directory.parent / "hub"), key, url, str(COUNT), *how],
        cwd=ROOT,
        env={**os.environ, "HUBTWIN_FAILPOINT": failpoint},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(hub: subprocess.Popen[str]) -> None:
    told, errors = hub.communicate(timeout=90)
    assert told.strip() == "0 0", f"nothing waits at either outbox: {told} {errors}"


def _agree(partner: Process) -> None:
    mine, theirs = Wire(partner.directory.parent / "hub", HUB, AT_MIN), Wire(partner.directory, PARTNER, AT_MIN)
    with closing(mine), closing(theirs):
        ours, others = mine.list_entries(PARTNER), theirs.list_entries(HUB)
        assert verify(ours, HUB, PARTNER, theirs.list_heads(HUB)) == []
        assert verify(others, PARTNER, HUB, mine.list_heads(PARTNER)) == []
        assert compare(ours, others) == []
        assert len(ours) == len(others) == COUNT
        assert theirs.count_incoming(HUB) == {"applied": COUNT}
        assert mine.count_outgoing(PARTNER) == {"arrived": COUNT}
        assert theirs.list_heads(HUB), "the hub's signed heads are with the partner"
        assert mine.list_heads(PARTNER), "and the partner's with the hub"
        came = [one for _, one in theirs.list_applied(limit=COUNT + 1)]
        assert sorted(one.id for one in came) == sorted(f"m{number}" for number in range(COUNT)), "each once"
        for case in range(CASES):
            told = [one.envelope.data["n"] for one in came if one.subject == f"c{case}" and one.envelope]
            assert told == list(range(case, COUNT, CASES)), "in the order of the case"


def test_a_partner_that_doubles_turns_round_and_loses_answers(partner: Process) -> None:
    Signer(partner.directory)
    _finish(_hub(partner, partner.start(manners="double reorder lose")))
    _agree(partner)


@pytest.mark.parametrize("point", ["wire.before_commit:2", "wire.taken:2"])
def test_a_partner_that_is_killed_and_comes_back(partner: Process, point: str) -> None:
    Signer(partner.directory)
    hub = _hub(partner, partner.start(failpoint=point))
    partner.wait_killed()
    partner.start(manners="double")
    _finish(hub)
    _agree(partner)


@pytest.mark.parametrize(
    "point", ["wire.before_staged:60", "wire.staged:60", "flow.sent:60", "wire.put:2", "wire.settled:2"]
)
def test_a_hub_that_is_killed_and_comes_back(partner: Process, point: str) -> None:
    Signer(partner.directory)
    url = partner.start(manners="reorder")
    hub = _hub(partner, url, point)
    hub.communicate(timeout=60)
    assert hub.returncode == -signal.SIGKILL
    _finish(_hub(partner, url))
    _agree(partner)


@pytest.mark.parametrize("point", ["wire.before_staged:3", "wire.staged:3", "flow.sent:3"])
def test_a_hub_that_takes_many_at_once_and_is_killed(partner: Process, point: str) -> None:
    Signer(partner.directory)
    url = partner.start(manners="double")
    hub = _hub(partner, url, point, "many")
    hub.communicate(timeout=60)
    assert hub.returncode == -signal.SIGKILL
    _finish(_hub(partner, url, "", "many"))
    _agree(partner)
