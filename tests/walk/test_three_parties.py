"""Two hubs and a province, each a process with a home of its own, over TLS and a relay that does its worst.

All three are killed again and again. At the end nothing was lost or doubled, each log agrees with that of the other
side, what receivers took over is what an independent witness saw leave, and nobody can say that he said otherwise.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import permutations
from operator import lt, sub
from pathlib import Path

import pytest

from hubtwin.base.clock import system_clock
from hubtwin.base.errors import Denied
from hubtwin.channels.cloudevent import read_event
from hubtwin.channels.jws import verify as verify_signature
from hubtwin.channels.log import compare, verify
from hubtwin.datasets.health import TOLD_AREAS
from hubtwin.flow.dispatch import PARTNER_TASK
from hubtwin.flow.partner import CORRECTION, TRACE
from hubtwin.library.query import collect
from hubtwin.model.case import Outcome
from hubtwin.model.duty import COMMANDER
from hubtwin.model.event import EventKind
from hubtwin.model.message import Direction
from hubtwin.model.partner import Said, Taken
from hubtwin.ports import TaskFilter
from hubtwin.settings import load_settings
from hubtwin.stores.embedded import store_directory
from hubtwin.stores.signing import Signer
from hubtwin.stores.wire import Wire
from hubtwin.web.certificate import ensure_certificate
from hubtwin.wiring.taking import EVENTS
from hubtwin.wiring.told import liaison_of
from tests.walk.relay import Relay, relaying
from tests.walk.three_parties import CASE_STORIES, HUBS, PARTIES, PROVINCE, TOLD, areas_in_force
from tests.wiring.hub_kept import KeptHub, opened_of
from tests.wiring.partner_town import grant_identity

ROOT = Path(__file__).parents[2]
SEEDS = [int(os.environ.get("THREE_PARTIES_SEED", "20221020"))]
KILLS, LONGEST_S, REST_S = 3, 300, 1.5
POINTS = ("wire.taken:3", "taking.used:4", "taking.stored:3", "wire.staged:9", "wire.settled:3", "taking.passed_on:2")
JURISDICTIONS = {PROVINCE: "33", "hub-a": "3301", "hub-b": "3302"}
BLOCK = """
[partners.{name}]
name = {{ zh = "合成 {name}", en = "Synthetic {name}" }}
level = "city"
way = "https"
url = "https://127.0.0.1:{port}/{me}/{name}"
ca_file = "{cert}"
jurisdictions = ["{code}"]
keys = ["{key}"]
"""
AGREED = """[[partners.{name}.agreements]]
id = "A-{profile}"
purpose = "test"
basis = "test"
profile = "{profile}"
takes = [{takes}]
from = 2022-01-01
until = 2022-12-31
"""


@dataclass
class Process:
    """A party that is begun again on the same home whenever it dies."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    deaths: int = 0

    def start(self, failpoint: str = "") -> None:
        (self.folder / "port.json").unlink(missing_ok=True)
        with (self.folder / "errors.txt").open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.walk.three_parties", str(self.folder)],
                cwd=ROOT,
                env={**os.environ, "HUBTWIN_FAILPOINT": failpoint},
                stdout=subprocess.DEVNULL,
                stderr=errors,
                text=True,
            )

    def revive(self) -> None:
        """Begin again if it was killed; a party that ends in another way has failed."""
        assert self.process is not None
        code = self.process.poll()
        if code is not None:
            assert code == -signal.SIGKILL, (self.folder / "errors.txt").read_text()[-3000:]
            self.deaths += 1
            self.start()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait(30)

    @property
    def port(self) -> int:
        try:
            return int((self.folder / "port.json").read_text())
        except FileNotFoundError as error:
            raise ConnectionRefusedError from error

    @property
    def state(self) -> dict[str, object]:
        path = self.folder / "state.json"
        return json.loads(path.read_text()) if path.exists() else {"rest": False}


def _settings_file(me: str, folder: Path, port: int, cert: Path) -> None:
    """Write hub.toml of a party: the shipped hub under another name, with the other two as partners."""
    told = (ROOT / "data" / "hubs" / "hangzhou-east" / "hub.toml").read_text(encoding="utf-8")
    told = told.replace('id = "hangzhou-east"', f'id = "{me}"', 1)
    takes = ", ".join(f'"{kind.value}"' for kind in Taken)
    for name in PARTIES:
        if name != me:
            key = Signer(store_directory(folder.parent / name / "home", name)).public_hex
            told += BLOCK.format(name=name, port=port, me=me, cert=cert, code=JURISDICTIONS[name], key=key)
            for profile in ("health", "police"):
                told += AGREED.format(name=name, profile=profile, takes=takes)
    (folder / "hub.toml").write_text(told, encoding="utf-8")


@contextmanager
def _party(folder: Path) -> Iterator[KeptHub]:
    """Open the home of a party that is not running."""
    with opened_of(load_settings(hub=str(folder / "hub.toml"), home=folder / "home", environ={})) as hub:
        yield hub


def _prepare(me: str, folder: Path) -> list[str]:
    """Declare the event, open the cases and grant what agencies may know; return the cases that will be contested."""
    with _party(folder) as hub:
        hub.declare()
        if me == PROVINCE:
            return []
        cases = hub.open(*(f"{me}-{number:02d}" for number in range(len(CASE_STORIES))))
        grant_identity(hub, *(name for name in PARTIES if name != me))
        ordered = [cases[pid].case_id for pid in sorted(cases)]
        return [case_id for case_id, story in zip(ordered, CASE_STORIES, strict=True) if story == "contested"]


@pytest.mark.parametrize("seed", SEEDS)
def test_two_hubs_and_a_province_agree_whatever_happens_between_them(tmp_path: Path, seed: int) -> None:
    _say(f"seed {seed}")
    cert, key, _ = ensure_certificate(tmp_path / "tls", "127.0.0.1", system_clock())
    parties = {name: Process(tmp_path / name) for name in PARTIES}
    relay = Relay(seed, lambda name: parties[name].port, str(cert), str(key))
    for one in parties.values():
        one.folder.mkdir()
    with ExitStack() as stack:
        port = stack.enter_context(relaying(relay))
        for name, one in parties.items():
            stack.callback(one.kill)
            _settings_file(name, one.folder, port, cert)
        contested = [case for name, one in parties.items() for case in _prepare(name, one.folder)]
        told = {"seed": seed, "origin_ms": int(system_clock().timestamp() * 1000), "contested": contested}
        for name, one in parties.items():
            told |= {"me": name, "cert": str(cert), "key": str(key)}
            (one.folder / "party.json").write_text(json.dumps(told))
        _torment(parties, relay, random.Random(seed))
        deaths = [one.deaths for one in parties.values()]
    _say(f"relay: {dict(relay.done)}; deaths: {deaths}; messages: {sum(map(len, relay.seen.values()))}")
    assert min(deaths) > 0
    _judge(parties, relay)


def _torment(parties: dict[str, Process], relay: Relay, chance: random.Random) -> None:
    """Run the parties, kill them at random moments and at chosen places, and wait until they have come to rest."""
    points = iter(chance.sample(POINTS, len(parties)))
    for one in parties.values():
        one.start(next(points))
    victims = chance.sample(list(parties) * (KILLS // len(parties)), KILLS)
    end_s, next_s = time.monotonic() + LONGEST_S, time.monotonic() + 2
    rested: tuple[float, list[object], list[int]] | None = None
    while time.monotonic() < end_s:
        time.sleep(0.1)
        for one in parties.values():
            one.revive()
        if (
            victims
            and time.monotonic() >= next_s
            and all((one.folder / "port.json").exists() for one in parties.values())
        ):
            parties[victims.pop()].kill()
            if not victims:
                _say(f"the last kill after {time.monotonic() - end_s + LONGEST_S:.0f} s")
            next_s = time.monotonic() + chance.uniform(0.3, 2.5)
        relay.calm = not victims and time.monotonic() > end_s - LONGEST_S / 2
        states = [one.state for one in parties.values()]
        alive = [(state["rest"], state.get("events")) for state in states]
        turns = [int(str(state.get("turns", 0))) for state in states]
        if victims or not all(rest for rest, _ in alive):
            rested = None
        elif rested is None or rested[1] != alive or any(map(lt, turns, rested[2])):  # or one died and began anew
            rested = (time.monotonic(), list(alive), turns)
        elif time.monotonic() - rested[0] > REST_S and min(map(sub, turns, rested[2])) > 2:
            return
    pytest.fail(f"no rest: {[one.state for one in parties.values()]}")


def _judge(parties: dict[str, Process], relay: Relay) -> None:
    with ExitStack() as stack:
        hubs = {name: stack.enter_context(_party(one.folder)) for name, one in parties.items()}
        for pair in permutations(PARTIES, 2):
            _agree(hubs, relay, *pair)
            _counted(hubs, relay, *pair)
            _in_order(hubs, *pair)
        for name in HUBS:
            _changed_as_told(hubs[name], relay, name)
        _altered(hubs, relay)


def _say(told: str) -> None:
    """Tell what one needs to do it again, and what it was like."""
    sys.stdout.write(f"{told}\n")


def _books(hub: KeptHub) -> Wire:
    assert hub.works.partners is not None
    return hub.works.partners.wire


def _key(hub: KeptHub) -> str:
    assert hub.works.partners is not None
    return hub.works.partners.signing.public_hex


def _agree(hubs: dict[str, KeptHub], relay: Relay, me: str, other: str) -> None:
    """Both logs say the same, under heads that the other side signed; all that was sent is there, and was seen."""
    mine, theirs = _books(hubs[me]), _books(hubs[other])
    assert compare(mine.list_entries(other), theirs.list_entries(me)) == []
    assert verify(mine.list_entries(other), me, other, theirs.list_heads(me)) == []
    assert theirs.list_heads(me), "signed heads are with the other side"
    sent = mine.count_outgoing(other)
    assert set(sent) == {"arrived"}
    assert theirs.count_incoming(me) == {"applied": sent["arrived"]}
    out = [entry.digest for entry in mine.list_entries(other) if entry.direction is Direction.OUT]
    assert sorted(out) == sorted(relay.seen[me, other]), "the relay saw what the log says, and nothing else"


def _counted(hubs: dict[str, KeptHub], relay: Relay, me: str, other: str) -> None:
    """What the other side took over, by type, is what was seen on the wire."""
    seen = Counter(read_event(signed.content).type for signed in relay.seen[me, other].values())
    events = [one for one in hubs[other].works.ledger.list_events(kinds=EVENTS) if one.payload["partner"] == me]
    taken = Counter(str(one.payload["type"]) for one in events if one.kind == EventKind.PARTNER_DATA_USED)
    assert [one.payload for one in events if one.kind != EventKind.PARTNER_DATA_USED] == []
    assert taken == seen
    assert len({one.payload["message_id"] for one in events}) == len(events), "each once"


def _in_order(hubs: dict[str, KeptHub], me: str, other: str) -> None:
    orders: dict[str, list[int]] = {}
    sent = {entry.digest for entry in _books(hubs[me]).list_entries(other) if entry.direction is Direction.OUT}
    from_me = [one for _, one in _books(hubs[other]).list_applied(limit=10_000) if one.digest in sent]
    for one in from_me:
        orders.setdefault(one.subject, []).append(one.sequence)
    assert all(order == list(range(1, len(order) + 1)) for order in orders.values()), orders
    assert len(from_me) == len(sent)


def _changed_as_told(hub: KeptHub, relay: Relay, me: str) -> None:
    """Areas are in force, the commander has the task, evidence is filed, flags are taken back, answers are on file."""
    works, ledger = hub.works, hub.works.ledger
    rows = collect(works.store.tables((TOLD_AREAS.name,))[TOLD_AREAS.name]).to_pylist()
    force = {row["street_code"]: row["level"] for row in rows if row["gone_by_min"] is None}
    assert force == areas_in_force()
    assert {row["provenance"] for row in rows} == {"synthetic"}
    (task,) = ledger.list_tasks(TaskFilter(kind=PARTNER_TASK))
    assert (task.team, task.told["what"], task.place) == (COMMANDER, f"meet the train at {me}", "N1")
    told = [read_event(one.content) for line, seen in relay.seen.items() if line[1] == me for one in seen.values()]
    for kind, evidence in ((Taken.TRACE, TRACE), (Taken.CORRECTION, CORRECTION)):
        expected = sorted(f"{one.source} {one.id}" for one in told if one.type == kind.value)
        filed = [one for case in ledger.list_cases() for one in ledger.list_evidence(case.case_id)]
        assert sorted(one.evidence.ref for one in filed if one.evidence.kind == evidence) == expected
        assert expected
    ends = Counter(case.outcome for case in ledger.list_cases())
    assert ends[Outcome.CORRECTED] == CASE_STORIES.count("contested")
    for other in (name for name in PARTIES if name != me):
        facts = [read_event(one.content) for one in relay.seen[me, other].values()]
        assert any(one.type in TOLD for one in facts)
        for fact in (one for one in facts if one.type in TOLD):
            said = [answer.said for answer in liaison_of(works).list_answers(other, fact.id)]
            assert said in ([Said.RECEIVED, Said.ACCEPTED], [Said.RECEIVED, Said.REFUSED])


def _altered(hubs: dict[str, KeptHub], relay: Relay) -> None:
    """What was altered on the way was refused and stands in no log; what was said stands in both, signed."""
    assert relay.altered
    for (me, other), forged in relay.altered.items():
        logs = [_books(hubs[me]).list_entries(other), _books(hubs[other]).list_entries(me)]
        for signed in forged.values():
            with pytest.raises(Denied):
                verify_signature(signed, (_key(hubs[me]),))
            assert all(entry.digest != signed.digest for log in logs for entry in log)
        for signed in relay.seen[me, other].values():
            verify_signature(signed, (_key(hubs[me]),))
            assert all(any(entry.digest == signed.digest for entry in log) for log in logs)
    refused = sum((Counter(_books(hubs[b]).count_refusals(a)) for a, b in permutations(PARTIES, 2)), Counter())
    assert refused["channels.wrong_signature"] > 0
