"""The two processes of the wire test: a hub with an outbox, and a partner that receives. Both can be killed anywhere.

`python -m tests.channels.wire_worker partner <directory> <hub key> <port>` serves until it is ended; it tells its port.
`python -m tests.channels.wire_worker hub <directory> <partner key> <url> <count>` writes so many messages into the
outbox of a ledger (those that are there are not written again), delivers them and ends when each has its receipt.
HUBTWIN_FAILPOINT="<name>:<n>" kills the process at the n-th passing of that name. The partner doubles every delivery
and turns its order round, as SIM says.
"""

import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hubtwin.base.clock import PacedClock
from hubtwin.channels.receive import Reception
from hubtwin.channels.send import Parcel
from hubtwin.channels.simulator import Faults, Partner
from hubtwin.channels.webhook import Delivery
from hubtwin.flow.feedback import deliver
from hubtwin.model.event import Message
from hubtwin.model.message import Peer, Signed
from hubtwin.model.record import Marks, Provenance
from hubtwin.stores.ledger import SqliteLedger
from hubtwin.wiring.partners import make_sender, open_partners, webhook_line
from tests.stores.arming import arm_kill

HUB, PARTNER = "/hubs/here", "/partners/province"
AT_MIN = 27_770_460
CASES = 7
MADE = Marks(provenance=Provenance.SYNTHETIC)


def real() -> datetime:
    """Return the time of the machine."""
    return datetime.now(UTC)


clock = PacedClock(real(), 50, real)  # pauses between attempts last a fiftieth


def route(message: Message) -> Sequence[Parcel]:
    """Send every message to the one partner."""
    case = str(message.payload["case"])
    return [Parcel(PARTNER, "hubtwin.case", case, "urn:hubtwin:test:1", message.payload, MADE)]


def be_partner(directory: Path, hub_key: str, port: int) -> None:
    """Receive until the process is ended."""
    partners = open_partners(directory, PARTNER, AT_MIN)
    reception = Reception(PARTNER, {HUB: Peer(HUB, (hub_key,))}, ZoneInfo("Asia/Shanghai"))

    def take(delivery: Delivery) -> Signed:
        return partners.take(delivery, reception, clock())

    manners = os.environ.get("SIM", "").split()
    faults = Faults(double="double" in manners, reorder="reorder" in manners, lose_answer=manners.count("lose"))
    url = Partner(take, faults).serve(port)
    arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    while True:
        time.sleep(1)


def be_hub(directory: Path, partner_key: str, url: str, count: int, many: bool) -> None:
    """Write messages, deliver them one by one or many at once, and end when nothing waits."""
    ledger = SqliteLedger(directory, "here", at_min=AT_MIN)
    partners = open_partners(directory, HUB, AT_MIN)
    line = webhook_line(Peer(PARTNER, (partner_key,)), url, HUB)
    sender = make_sender(partners, {PARTNER: line}, route)
    arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
    with ledger.unit(AT_MIN) as unit:
        for number in range(count):
            unit.put_outbox(f"m{number}", "partners", {"case": f"c{number % CASES}", "n": number})
    while deliver(ledger, sender, AT_MIN, limit=50, send_many=sender.take if many else None):
        sender.pump(clock())
    until = time.monotonic() + 60
    while partners.wire.list_partners() and time.monotonic() < until:
        sender.pump(clock())
        time.sleep(0.05)
    sys.stdout.write(f"{len(partners.wire.list_partners())} {len(ledger.list_outbox())}\n")


if __name__ == "__main__":
    kind, place, key, *rest = sys.argv[1:]
    if kind == "partner":
        be_partner(Path(place), key, int(rest[0]))
    else:
        be_hub(Path(place), key, rest[0], int(rest[1]), rest[2:] == ["many"])
