"""The wire: how many messages a second two processes sign, store, send, verify, store and acknowledge, on loopback.

Run: python -m benchmarks.wire [seconds [paced seconds]]

Hub and partner are processes of their own, each with its books on the disk (every transaction is forced to it), over
loopback TLS. Counted is what the hub holds a signed receipt for. At the end both logs are verified and compared.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.common import ROOT, machine_header, measure
from hubtwin.channels.cloudevent import read_event, write_event
from hubtwin.channels.jws import verify as verify_signature
from hubtwin.channels.log import compare, verify
from hubtwin.channels.receive import Reception
from hubtwin.channels.send import BATCH, Channel, Line, Parcel, Sender
from hubtwin.channels.simulator import Partner
from hubtwin.channels.webhook import Delivery
from hubtwin.model.event import Message
from hubtwin.model.message import Envelope, Peer, Signed
from hubtwin.model.record import Marks, Provenance
from hubtwin.stores.signing import Signer
from hubtwin.wiring.partners import Partners, make_sender, open_partners, webhook_line

HUB, PARTNER, AT_MIN = "/hubs/bench", "/partners/bench", 27_770_460
NOW = datetime(2022, 10, 20, 2, tzinfo=UTC)
MADE = Marks(provenance=Provenance.SYNTHETIC)
CASES, WANTED, ONES, AHEAD = 500, 1_000, 300, 2_000
FACTS = {
    "case": "c-0123456789abcdef",
    "identity": {"name": "合成旅客", "id_type": "resident_id", "id_no": "synthetic-000000000000"},
    "exposure": {"area_code": "330102", "level": "high", "from_min": AT_MIN - 600, "until_min": AT_MIN - 60},
    "tests": [{"kind": "antigen", "result": "negative", "sampled_min": AT_MIN - 20, "reported_min": AT_MIN - 5}],
}


def serve(directory: Path, hub_key: str) -> None:
    """Be the partner: receive until the other side closes our input, then tell the CPU seconds used."""
    partners = open_partners(directory, PARTNER, AT_MIN)
    reception = Reception(PARTNER, {HUB: Peer(HUB, (hub_key,))}, ZoneInfo("Asia/Shanghai"))

    def take(delivery: Delivery) -> Signed:
        return partners.take(delivery, reception, NOW)

    serving = Partner(take)
    sys.stdout.write(f"{serving.serve()}\n")
    sys.stdout.flush()
    sys.stdin.read()
    serving.close()
    sys.stdout.write(f"{time.process_time()}\n")


def parcels(first: int, count: int) -> list[tuple[Message, Parcel]]:
    """Return messages with about the facts of a person, for so many cases in turn."""
    return [
        (
            Message(f"m{number}", "partners", {}, AT_MIN),
            Parcel(PARTNER, "hubtwin.case", f"c{number % CASES}", "urn:hubtwin:disclosure:health:1", FACTS, MADE),
        )
        for number in range(first, first + count)
    ]


class Counting:
    """The channel, with when each message got its receipt."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self.done_s = channel, list[float]()

    def put(self, batch: Sequence[Signed], head: Signed) -> Signed | None:
        receipt = self._channel.put(batch, head)
        self.done_s += [time.perf_counter()] * len(batch)
        return receipt

    def collect(self) -> Iterable[Signed]:
        return self._channel.collect()

    def forget(self, receipt: Signed) -> None:
        self._channel.forget(receipt)


def run(sender: Sender, counting: Counting, first: int, seconds: float, pace: float | None) -> list[float]:
    """Stage messages for so long, as many a second as `pace` says or as fast as they go, while a second thread sends.

    Return when each was to be staged, as `Counting` has when it was settled.
    """
    came, began, over = list[float](), time.perf_counter(), Event()

    def send() -> None:
        while not over.is_set() or len(counting.done_s) < first + len(came):
            sender.pump(NOW)
            time.sleep(0.002)

    sending = Thread(target=send)
    sending.start()
    while (passed := time.perf_counter() - began) < seconds or (pace and len(came) < pace * seconds):
        due = BATCH if pace is None else int(min(passed, seconds) * pace) - len(came)
        ahead = first + len(came) - len(counting.done_s)
        few = 10 if passed < seconds else 1
        if due < few or ahead > AHEAD:
            time.sleep(0.002)
            continue
        number = min(due, BATCH)
        sender.stage(parcels(first + len(came), number))
        now = time.perf_counter()
        came += [now if pace is None else began + (len(came) + n) / pace for n in range(number)]
    over.set()
    sending.join()
    return came


def one_by_one(sender: Sender, first: int) -> float:
    """Return messages a second that `Sender` takes from an outbox, each in a transaction of its own."""
    began = time.perf_counter()
    for message, parcel in parcels(first, ONES):
        sender(Message(message.key, "partners", {"case": parcel.subject}, AT_MIN))
    took = time.perf_counter() - began
    sender.pump(NOW)
    return ONES / took


def parts(hub: Partners) -> None:
    """Print what the steps of one message cost in this process, in microseconds."""
    envelope = Envelope("k", HUB, "t", "c", 1, "2022-10-20T01:00:00Z", PARTNER, "urn:x:1", FACTS, MADE)
    content = write_event(envelope)
    signed = hub.signing(content)
    keys = [hub.signing.public_hex]
    for name, step in (
        ("write the event", lambda: write_event(envelope)),
        ("sign it", lambda: hub.signing(content)),
        ("verify it", lambda: verify_signature(signed, keys)),
        ("read the event", lambda: read_event(content)),
    ):
        began = time.perf_counter()
        for _ in range(1000):
            step()
        print(f"  {name}: {(time.perf_counter() - began) * 1000:.0f} us")
    print(f"  an event has {len(content)} bytes, with its signature {len(signed.line)}")


def check(hub: Partners, directory: Path, count: int) -> None:
    """Verify and compare both logs; raise where anything is missing."""
    partner = open_partners(directory, PARTNER, AT_MIN)
    with closing(partner.wire):
        mine, theirs = hub.wire.list_entries(PARTNER), partner.wire.list_entries(HUB)
        problems = [*verify(mine, HUB, PARTNER, partner.wire.list_heads(HUB)), *compare(mine, theirs)]
        problems += verify(theirs, PARTNER, HUB, hub.wire.list_heads(PARTNER))
        assert problems == [], problems[:3]
        assert partner.wire.count_incoming(HUB) == {"applied": count}
        assert hub.wire.count_outgoing(PARTNER) == {"arrived": count}


def main(seconds: float) -> None:
    """Run both sides and print the figures."""
    print(machine_header(["cryptography", "joserfc", "httpx", "orjson"]))
    with tempfile.TemporaryDirectory(dir=ROOT / "benchmarks") as folder:
        far = Path(folder) / "partner"
        hub = open_partners(Path(folder) / "hub", HUB, AT_MIN)
        command = [sys.executable, "-m", "benchmarks.wire", "partner", str(far), hub.signing.public_hex]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdin
            assert other.stdout
            line = webhook_line(Peer(PARTNER, (Signer(far).public_hex,)), other.stdout.readline().strip(), HUB)

            def route(message: Message) -> Sequence[Parcel]:
                return [Parcel(PARTNER, "hubtwin.case", str(message.payload["case"]), "urn:x:1", FACTS, MADE)]

            counting = Counting(line.channel)
            sender = make_sender(hub, {PARTNER: Line(line.peer, counting)}, route)
            began = time.perf_counter()
            came, used = measure(lambda: run(sender, counting, 0, seconds, None))
            rate = len(came) / (counting.done_s[-1] - began)
            print(f"flat out: {len(came):,}: {rate:,.0f} a second, {used.cpu_s:.1f} CPU s at the hub")
            sent = len(came)
            came, used = measure(lambda: run(sender, counting, sent, seconds, WANTED))
            waits = np.array(counting.done_s[sent:]) - np.array(came)
            p50, p95 = np.percentile(waits * 1000, [50, 95])
            late_ms = waits[-1] * 1000
            print(
                f"{WANTED:,} a second for {seconds:.0f} s: {len(came):,}, the last done {late_ms:.0f} ms after it came"
            )
            print(f"  from coming to receipt p50 {p50:.0f} ms, p95 {p95:.0f} ms; {used.cpu_s:.1f} CPU s at the hub")
            number = len(came)
            alone = one_by_one(sender, sent + number)
            print(f"taken from an outbox one by one: {alone:,.0f} a second (a forced transaction each)")
            other.stdin.close()
            print(f"the partner used {float(other.stdout.readline()):.1f} CPU s for all of it")
        parts(hub)
        check(hub, far, sent + number + ONES)
        print("both logs verify and agree")
        hub.wire.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["partner"]:
        serve(Path(sys.argv[2]), sys.argv[3])
    else:
        main(float(sys.argv[1]) if sys.argv[1:] else 10.0)
