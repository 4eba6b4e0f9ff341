"""The two processes of the batch test: a hub that reports persons, and the platform of a province; each may be killed.

`python -m tests.wiring.batch_worker province <directory> <hub key> <port> <hub port>` serves until it is ended, and
tells how many persons it has when that changes. `... hub <directory> <province key> <port> <province port> <count>`
makes a batch of so many persons with doubles, errors and corrections, sends it, takes the answers, asks again after a
silence, and ends when every row is settled; it tells the states of its rows. HUBTWIN_FAILPOINT="<name>:<n>" kills a
process. MANNERS are the province's: "double", "reorder", "lose", "delay".
"""

import os
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubtwin.base.clock import PacedClock
from hubtwin.channels.receive import Reception
from hubtwin.channels.simulator import Faults, Partner
from hubtwin.model.message import Peer
from hubtwin.rules.batching import RowState
from hubtwin.sim.province import Manners, Province
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.batches import BatchBooks
from hubtwin.stores.vault import Vault
from hubtwin.wiring.batches import Batching, Period
from hubtwin.wiring.partners import make_sender, open_partners, webhook_line
from tests.rules.report_story import AT_MIN, facts
from tests.stores.arming import arm_kill
from tests.wiring.batch_town import HUB, MADE, NOW, PROVINCE, TEMPLATES, ZONE

AGAIN_S = 2.0  # of silence, after which the hub asks for everything again


def real() -> datetime:
    """Return the time of the machine."""
    return datetime.now(UTC)


clock = PacedClock(real(), 50, real)  # pauses between attempts last a fiftieth


def persons(count: int) -> list[dict[str, Any]]:
    """Return persons, each tenth twice, each fifth once more with something newer, each seventh wrong."""
    told = []
    for number in range(count):
        wrong = {"identity__phone": "1"} if number % 7 == 0 else {}
        told.append(facts(number, **wrong))
        if number % 10 == 1:
            told.append(facts(number, **wrong))
        if number % 5 == 2 and not wrong:
            told.append(facts(number, outcome="released", verified__at_min=AT_MIN + 3))
    return told


def valid(count: int) -> int:
    """Return how many distinct persons of `persons` can be reported."""
    return sum(number % 7 != 0 for number in range(count))


def url(port: str) -> str:
    """Return where the other one serves."""
    return f"http://127.0.0.1:{port}/messages"


def be_province(directory: Path, hub_key: str, port: str, hub_port: str) -> None:
    """Take and answer until the process is ended."""
    far = open_partners(directory, PROVINCE, AT_MIN)
    peer, manners = Peer(HUB, (hub_key,)), os.environ.get("MANNERS", "").split()
    back = make_sender(far, {HUB: webhook_line(peer, url(hub_port), PROVINCE)}, lambda message: ())
    province = Province(
        *(far.wire, back, HUB, TEMPLATES.known),
        Manners(
            delay=5 * ("delay" in manners),
            lose=int("lose" in manners),
            double="double" in manners,
            reorder="reorder" in manners,
        ),
    )
    reception = Reception(PROVINCE, {HUB: peer}, ZONE)
    faults = Faults(double="double" in manners, reorder="reorder" in manners, lose_answer=int("lose" in manners))
    Partner(lambda told: far.take(told, reception, clock()), faults).serve(int(port))
    arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
    told = -1
    while True:
        province.follow()
        back.pump(clock())
        if len(province.persons) != told:
            told = len(province.persons)
            sys.stdout.write(f"{told}\n")
            sys.stdout.flush()
        time.sleep(0.05)


def be_hub(directory: Path, far_key: str, ports: tuple[str, str], count: int) -> None:
    """Report persons and end when each row is settled."""
    hub = open_partners(directory, HUB, AT_MIN)
    vault = Vault(directory, clock=lambda: NOW, record=lambda kind, payload: None)
    books, peer = BatchBooks(directory, VaultKeys(vault), AT_MIN), Peer(PROVINCE, (far_key,))
    send = make_sender(hub, {PROVINCE: webhook_line(peer, url(ports[1]), HUB)}, lambda message: ())
    batching = Batching(books, hub.wire, TEMPLATES, PROVINCE, ZONE, send)
    reception = Reception(HUB, {PROVINCE: peer}, ZONE)
    Partner(lambda told: hub.take(told, reception, clock())).serve(int(ports[0]))
    arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
    batching.make(persons(count), TEMPLATES.get("persons", 1), Period(AT_MIN - 1440, AT_MIN), NOW, MADE)
    until = heard_s = time.monotonic()
    while time.monotonic() < until + 60:
        batching.stage_all()
        send.pump(clock())
        if batching.follow():
            heard_s = time.monotonic()
        left = [head.batch_id for head in books.list_heads() if _open_rows(books, head.batch_id)]
        if not left:
            break
        if time.monotonic() > heard_s + AGAIN_S:
            heard_s = time.monotonic()
            for batch_id in left:
                batching.stage(batch_id, again=True)
        time.sleep(0.02)
    states: Counter[str] = Counter()
    for head in books.list_heads():
        states.update({state.value: number for state, number in books.count(head.batch_id).items()})
    sys.stdout.write(" ".join(f"{name}={states[name]}" for name in sorted(states) if states[name]) + "\n")


def _open_rows(books: BatchBooks, batch_id: str) -> int:
    counts = books.count(batch_id)
    return counts[RowState.READY] + counts[RowState.SENT]


if __name__ == "__main__":
    kind, place, key, mine, other, *rest = sys.argv[1:]
    if kind == "province":
        be_province(Path(place), key, mine, other)
    else:
        be_hub(Path(place), key, (mine, other), int(rest[0]))
