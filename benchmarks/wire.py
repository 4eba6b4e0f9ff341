"""The wire: how many messages a second two processes sign, store, send, verify, store and acknowledge, on loopback.

Run: python -m benchmarks.wire [seconds [paced seconds]]

Hub and partner are processes of their own, each with its books on the disk (every transaction is forced to it), over
loopback TLS. Counted is what the hub holds a signed receipt for. At the end both logs are verified and compared.
"""

import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from zoneinfo import ZoneInfo

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

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


def certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 with its key, for this run; return the file of both."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "both.pem").write_bytes(secret + made.public_bytes(Encoding.PEM))
    return folder / "both.pem"


def serve(directory: Path, hub_key: str, chain: Path) -> None:
    """Be the partner: receive until the other side closes our input; tell the CPU seconds used when it sends a line."""
    partners = open_partners(directory, PARTNER, AT_MIN)
    reception = Reception(PARTNER, {HUB: Peer(HUB, (hub_key,))}, ZoneInfo("Asia/Shanghai"))

    def take(delivery: Delivery) -> Signed:
        return partners.take(delivery, reception, NOW)

    serving = Partner(take)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(chain)
    sys.stdout.write(f"{serving.serve(tls=tls)}\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        sys.stdout.write(f"{time.process_time()}\n")
        sys.stdout.flush()
    serving.close()


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


class Far:
    """The partner's process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin
        assert process.stdout
        self._say, self._hear = process.stdin, process.stdout

    def line(self) -> str:
        return self._hear.readline().strip()

    def cpu_s(self) -> float:
        """Return the CPU seconds it has used so far."""
        self._say.write("\n")
        self._say.flush()
        return float(self.line())


def flat_out(sender: Sender, counting: Counting, seconds: float) -> int:
    """Print how many messages a second go at most; return how many that were."""
    began = time.perf_counter()
    came, used = measure(lambda: run(sender, counting, 0, seconds, None))
    rate = len(came) / (counting.done_s[-1] - began)
    print(f"flat out: {len(came):,}: {rate:,.0f} a second, {used.cpu_s:.1f} CPU s at the hub")
    return len(came)


def paced(sender: Sender, counting: Counting, far: Far, sent: int, seconds: float) -> int:
    """Print how a steady stream goes: waits, backlog by sixths of the time, CPU of both; return how many it was."""
    far_s = far.cpu_s()
    came, used = measure(lambda: run(sender, counting, sent, seconds, WANTED))
    far_s = far.cpu_s() - far_s
    done, due = np.array(counting.done_s[sent:]), np.array(came)
    waits_ms = (done - due) * 1000
    p50, p95 = np.percentile(waits_ms, [50, 95])
    print(f"{WANTED:,} a second for {seconds:.0f} s: {len(came):,}, the last done {waits_ms[-1]:.0f} ms after it came")
    print(f"  from coming to receipt p50 {p50:.0f} ms, p95 {p95:.0f} ms, slowest {waits_ms.max():.0f} ms")
    moments = due[0] + np.arange(1, 7) * seconds / 6
    backlog = [int((due <= at).sum() - (done <= at).sum()) for at in moments]
    print(f"  not yet acknowledged after each sixth: {', '.join(f'{number:,}' for number in backlog)}")
    hub_ms, far_ms = used.cpu_s / len(came) * 1000, far_s / len(came) * 1000
    print(f"  CPU for a message: hub {hub_ms:.2f} ms, partner {far_ms:.2f} ms; it took {used.wall_s:.0f} s")
    return len(came)


def main(seconds: float, paced_s: float) -> None:
    """Run both sides and print the figures."""
    print(machine_header(["cryptography", "joserfc", "httpx", "orjson"]))
    with tempfile.TemporaryDirectory(dir=ROOT / "benchmarks") as folder:
        theirs, both = Path(folder) / "partner", certificate(Path(folder))
        hub = open_partners(Path(folder) / "hub", HUB, AT_MIN)
        command = [sys.executable, "-m", "benchmarks.wire", "partner", str(theirs), hub.signing.public_hex, str(both)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            far = Far(other)
            line = webhook_line(
                Peer(PARTNER, (Signer(theirs).public_hex,)), far.line(), HUB, ca_file=both.with_name("cert.pem")
            )

            def route(message: Message) -> Sequence[Parcel]:
                return [Parcel(PARTNER, "hubtwin.case", str(message.payload["case"]), "urn:x:1", FACTS, MADE)]

            counting = Counting(line.channel)
            sender = make_sender(hub, {PARTNER: Line(line.peer, counting)}, route)
            number = flat_out(sender, counting, seconds)
            number += paced(sender, counting, far, number, paced_s)
            alone = one_by_one(sender, number)
            print(f"taken from an outbox one by one: {alone:,.0f} a second (a forced transaction each)")
            print(f"the partner used {far.cpu_s():.1f} CPU s for all of it")
            assert other.stdin
            other.stdin.close()
        parts(hub)
        check(hub, theirs, number + ONES)
        print("both logs verify and agree")
        hub.wire.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["partner"]:
        serve(Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
    else:
        main(float((sys.argv[1:2] or ["10"])[0]), float((sys.argv[2:3] or ["60"])[0]))
