"""Hub and province as processes of their own: killed at named places, doubled, turned round, lost; all count once.

The property below does the same with random histories in one process.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtwin.base.failpoint import arm, disarm
from hubtwin.sim.province import Province
from hubtwin.stores.signing import Signer
from hubtwin.wiring.partners import make_sender, open_partners
from tests.rules.report_story import AT_MIN, citizen, facts
from tests.wiring.batch_town import HUB, PROVINCE, TEMPLATES, Town, town
from tests.wiring.batch_worker import persons, valid

ROOT = Path(__file__).parents[2]
COUNT = 60
_COMMAND = [sys.executable, "-m", "tests.wiring.batch_worker"]


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Pair:
    """Both processes, each of which can be killed and begun again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ports = folder, (str(_free_port()), str(_free_port()))
        self.keys = Signer(folder / "hub").public_hex, Signer(folder / "far").public_hex
        self.far: subprocess.Popen[str] | None = None

    def start_province(self, failpoint: str = "", manners: str = "") -> None:
        command = [*_COMMAND, "province", str(self.folder / "far"), self.keys[0], self.ports[1], self.ports[0]]
        env = {**os.environ, "HUBTWIN_FAILPOINT": failpoint, "MANNERS": manners}
        self.far = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, text=True)

    def stop_province(self) -> None:
        if self.far is not None and self.far.poll() is None:
            self.far.kill()
        if self.far is not None:
            self.far.wait(30)

    def hub(self, failpoint: str = "") -> subprocess.Popen[str]:
        command = [*_COMMAND, "hub", str(self.folder / "hub"), self.keys[1], *self.ports, str(COUNT)]
        env = {**os.environ, "HUBTWIN_FAILPOINT": failpoint}
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.stop_province()


def _agree(pair: Pair, told: str) -> None:
    """What the hub says and what the province has, worked out anew from the province's own book."""
    pair.stop_province()
    states = dict(part.split("=") for part in told.split())
    assert int(states["accepted"]) == valid(COUNT)
    assert set(states) <= {"accepted", "held", "superseded"}
    assert int(states["accepted"]) + int(states["held"]) + int(states["superseded"]) == len(persons(COUNT))
    assert int(states["held"]) == COUNT - valid(COUNT)
    far = open_partners(pair.folder / "far", PROVINCE, AT_MIN)
    with closing(far.wire):
        province = Province(far.wire, make_sender(far, {}, lambda message: ()), HUB, TEMPLATES.known)
        province.follow()
        wanted = {citizen(number) for number in range(COUNT) if number % 7}
        assert {person[1] for person in province.persons} == wanted
        assert len(province.taken) == len(wanted), "each under one key"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("batches.before_made", "batches.made"),
        ("batches.begun", "wire.staged"),
        ("batches.marked", "wire.settled"),
        ("batches.before_settled", "batches.settled"),
        ("batches.key_made", "wire.taken"),
    ],
)
def test_a_hub_that_is_killed_twice_and_comes_back(pair: Pair, first: str, second: str) -> None:
    pair.start_province(manners="double reorder")
    for point in (first, second):
        hub = pair.hub(f"{point}:1")
        hub.communicate(timeout=60)
        assert hub.returncode == -signal.SIGKILL, point
    told, _ = pair.hub().communicate(timeout=90)
    _agree(pair, told)


@pytest.mark.parametrize("point", ["wire.before_commit:1", "wire.before_staged:1"])
def test_a_province_that_is_killed_and_comes_back(pair: Pair, point: str) -> None:
    pair.start_province(point)
    hub = pair.hub()
    assert pair.far is not None
    assert pair.far.wait(60) == -signal.SIGKILL
    pair.start_province(manners="delay")
    told, _ = hub.communicate(timeout=90)
    _agree(pair, told)


def test_answers_that_are_lost_are_asked_for_again(pair: Pair) -> None:
    pair.start_province(manners="lose double reorder")
    told, _ = pair.hub().communicate(timeout=90)
    _agree(pair, told)


class _Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("make"), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=6)),
        st.tuples(st.sampled_from(["stage", "exchange", "again", "lose", "cut", "double", "correct"]), st.just(None)),
        st.tuples(st.just("kill"), st.integers(1, 12)),
    ),
    max_size=12,
)


def _step(here: Town, name: str, told: object, offered: set[int]) -> None:
    if name == "make" and isinstance(told, list):
        rows = [facts(who, outcome=_OUTCOMES[what], verified__at_min=AT_MIN + what) for who, what in told]
        here.make([*rows, facts(99, identity__phone="1")])
        offered.update(who for who, _ in told)
    elif name == "stage":
        here.batching.stage_all()
    elif name == "exchange":
        here.exchange(1)
    elif name == "again":
        for head in here.books.list_heads():
            here.batching.stage(head.batch_id, again=True)
    elif name == "correct":
        here.make([facts(99)])
        offered.add(99)
    else:
        here.province.manners.lose += name == "lose"
        here.province.manners.double ^= name == "double"
        here.to_hub.cut = here.to_province.cut = (not here.to_hub.cut) if name == "cut" else here.to_hub.cut


_OUTCOMES = ("released", "transferred", "followed_up", "handed_over")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(STEPS)
def test_no_history_loses_a_person_or_counts_one_twice(steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder, town(Path(folder)) as here:
        offered, again = set[int](), list[tuple[str, object]]()
        for name, told in steps:
            if name == "kill" and isinstance(told, int):
                _arm(told)
                continue
            try:
                _step(here, name, told, offered)
            except _Killed:
                here.reopen()
                again.append((name, told))  # whoever sees no answer does it again
        disarm()
        here.to_hub.cut = here.to_province.cut = False
        here.province.manners.lose, here.province.manners.double = 0, False
        for name, told in again:
            _step(here, name, told, offered)
        here.to_hub.cut = here.to_province.cut = False
        here.province.manners.lose = 0
        here.batching.stage_all()
        here.exchange()
        for head in here.books.list_heads():
            here.batching.stage(head.batch_id, again=True)
        here.exchange()
        assert {person[1] for person in here.province.persons} == {citizen(who) for who in offered}
        assert len(here.province.taken) == len(offered), "each person under one key"
        assert set(here.states()) <= {"accepted", "held", "superseded"}
        assert here.states().get("accepted", 0) == len(offered)


def _arm(left: int) -> None:
    count = [left]

    def act(name: str) -> None:
        count[0] -= 1
        if count[0] == 0:
            raise _Killed(name)

    arm(act)
