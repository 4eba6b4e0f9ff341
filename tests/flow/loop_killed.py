"""A short day of the loop on the ledger of the embedded store, to be killed anywhere and begun again.

`python -m tests.flow.loop_killed <directory> <port>` with HUBTWIN_FAILPOINT="<name>:<n>" dies at the n-th passing of
that name ("any" counts every failpoint). Every step may run twice; each is told on standard output once it is
acknowledged. Messages go to the receiver at `port` of this machine (`tests.flow.loop_receiver`).
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from hubtwin.base.errors import Retry
from hubtwin.base.failpoint import arm
from hubtwin.flow.dispatch import Order, dispatch
from hubtwin.flow.feedback import deliver
from hubtwin.flow.guard import find_emergency
from hubtwin.flow.handle import handle_case, handle_task
from hubtwin.flow.timers import tick
from hubtwin.flow.warn import case_id_of, open_cases, raise_alerts
from hubtwin.model.event import Message
from hubtwin.model.finding import Flagged
from hubtwin.ports import Ledger, TaskFilter
from hubtwin.stores.ledger import SqliteLedger
from tests.flow.loop_story import CLOCKS, CLOCKS_MIN, NOW, SCENE, anyone, case_command, declared, finding, task_command
from tests.stores.arming import arm_kill

TABLES = (
    *("emergencies", "overflows", "alerts", "cases", "evidence", "appeals"),
    *("tasks", "timers", "commands", "loop_times", "events"),
)
TRAIN = "G1 2022-10-20"
PIDS = tuple(f"p{number}" for number in range(4))
RELEASE = ("report", "take_antigen", "antigen_result", "release", "close")


def open_ledger(directory: Path) -> SqliteLedger:
    """Open the ledger of the story."""
    return SqliteLedger(directory, "here", at_min=NOW)


def steps(ledger: Ledger, send: Callable[[Message], None]) -> Iterator[str]:
    """Do the day step by step; yield the name of each once it is acknowledged."""
    if find_emergency(ledger, SCENE, NOW) is None:
        declared(ledger)
    yield "declared"
    raise_alerts(ledger, [finding(TRAIN), finding("G2 2022-10-20")], CLOCKS_MIN, scene=SCENE, now_min=NOW)
    yield "warned"
    open_cases(ledger, [Flagged(pid, TRAIN, f"hit {pid}") for pid in PIDS], CLOCKS_MIN, scene=SCENE, now_min=NOW)
    yield "opened"
    orders = [Order("meet_train", train, "P4", "TA", NOW + 30) for train in (TRAIN, "G2 2022-10-20")]
    dispatch(ledger, orders, CLOCKS_MIN, scene=SCENE, now_min=NOW)
    yield "dispatched"
    yield from _work(ledger)
    deliver(ledger, send, NOW + 6)
    yield "delivered"
    tick(ledger, NOW + 25, CLOCKS)
    yield "ticked"
    tick(ledger, NOW + 60, CLOCKS)
    yield "ticked again"
    while deliver(ledger, send, NOW + 61):
        pass
    yield "delivered again"


def _work(ledger: Ledger) -> Iterator[str]:
    first = ledger.list_tasks(TaskFilter(subjects=(TRAIN,), kind="meet_train"))[0]
    for minute, name in ((1, "accept"), (2, "arrive")):
        handle_task(ledger, task_command(first, name, NOW + minute), CLOCKS_MIN, anyone, key=f"task {name}")
        yield name
    case = ledger.get_case(case_id_of(ledger.list_emergencies()[0].emergency_id, "p0", TRAIN))
    for minute, name in enumerate(RELEASE, start=1):
        handle_case(ledger, case_command(case, name, NOW + minute), CLOCKS_MIN, anyone, key=f"case {name}")
        yield name


def to_receiver(port: int) -> Callable[[Message], None]:
    """Return what sends a message to the receiver and waits for its word. Raises Retry."""

    def send(message: Message) -> None:
        try:
            with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as line:
                line.sendall(json.dumps({"key": message.key, "channel": message.channel}).encode() + b"\n")
                if line.recv(16) != b"ok\n":
                    raise Retry("stores.busy", path="receiver", seconds=10)
        except OSError as error:
            raise Retry("stores.busy", path="receiver", seconds=10) from error

    return send


def count_points(counts: dict[str, int]) -> None:
    """Count the passings of every failpoint from now on."""

    def act(name: str) -> None:
        counts[name] = counts.get(name, 0) + 1

    arm(act)


def state_of(directory: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return everything that the ledger of a directory holds, table by table, but not when a message was sent."""
    ledger = open_ledger(directory)
    found = {name: ledger._reading.all(f"SELECT * FROM {name} ORDER BY 1, 2") for name in TABLES}
    outbox = "SELECT seq, key, channel, payload, at_min, sent_min IS NOT NULL FROM outbox ORDER BY seq"
    found["outbox"] = ledger._reading.all(outbox)
    ledger.close()
    return found


def main(directory: str, port: str) -> None:
    """Run the day."""
    ledger = open_ledger(Path(directory))
    arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
    for name in steps(ledger, to_receiver(int(port))):
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
