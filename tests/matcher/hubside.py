"""The hub's side in a test: a store with the day's risk areas, a publisher, and a matcher in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hubtwin.base.clock import from_epoch_minute
from hubtwin.connectors.bookings import MATCHER
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.flow.sense import Sensing, sense
from hubtwin.library.ingest import Target, ingest
from hubtwin.library.query import collect
from hubtwin.library.report import Report
from hubtwin.model.record import Marks, Provenance, Row
from hubtwin.model.risk_table import MatchRule
from hubtwin.ports import Page, ReadContext
from hubtwin.sim.small import ZONE
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.signing import Signer
from hubtwin.stores.vault import Vault
from hubtwin.wiring.asking import Peer, fetch_status
from hubtwin.wiring.matching import Publisher
from hubtwin.wiring.risk_tables import HubSide
from tests.matcher.town import DAY, HUB, NIGHT_MIN, RULE, Authority, area_rows

HUB_TOML = f"""
[hub]
id = "{HUB}"
name = {{ zh = "小站", en = "Tiny" }}
timezone = "Asia/Shanghai"
stations = ["HUB"]
[feeds]
"""
_MAIN = """import os
from hubtwin.cli.app import main
from tests.flow.loop_killed import arm_kill
arm_kill(os.environ["HUBTWIN_FAILPOINT"])
main()
"""
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC)


@dataclass
class Hub:
    """A hub of a test. `in_force` says whether an event is; `rule` what counts as a hit."""

    store: EmbeddedStore
    vault: Vault
    signer: Signer
    in_force: bool = True
    rule: MatchRule = RULE
    pages: int = 0

    def side(self) -> HubSide:
        """Return what tables are made of."""
        stations = DAY.world.hub_stations
        made = (HUB, ZONE, stations, self.store, self.vault, self.signer)
        return HubSide(*made, rule=lambda _: self.rule, in_force=lambda _: self.in_force)

    def add(self, rows: list[Row]) -> None:
        """Store risk areas."""
        self.pages += 1
        ingest(rows, Page(f"areas{self.pages}", (), str(self.pages), SYNTHETIC), Target(self.store, HUB, "risk_areas"))

    def publisher(self, peer: Peer, clock: Callable[[], datetime]) -> Publisher:
        """Return a publisher to one matcher."""
        return Publisher(self.side(), (peer,), clock)

    def poll(self, peer: Peer, what: str = "hits") -> Report:
        """Take in the hits that a matcher has, or its counts."""
        transport = HttpTransport(f"{peer.url}/{what}", ca_file=peer.ca_file, client=peer.client, timeout_s=10)
        calls = {trip.trip_id: tuple((c.seq, c.station_id) for c in trip.calls) for trip in DAY.world.trips}
        context = ReadContext(ZONE, from_epoch_minute(NIGHT_MIN + 120), calls=calls, real_persons=False)
        return sense(MATCHER, transport, self.store, context, Sensing(HUB))

    def hits(self) -> list[dict[str, Any]]:
        """Return the hits in the library, withdrawn ones among them."""
        return self._rows("risk_hits")

    def counts(self) -> list[dict[str, Any]]:
        """Return the counts in the library, withdrawn ones among them."""
        return self._rows("risk_counts")

    def _rows(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = collect(self.store.tables((name,))[name]).to_pylist()
        return rows


@contextmanager
def open_hub(directory: Path, clock: Callable[[], datetime]) -> Iterator[Hub]:
    """Give a hub whose library holds the day's risk areas."""
    store = EmbeddedStore(directory, HUB, clock=clock)
    vault = Vault(directory, clock=clock, record=store.append_event)
    hub = Hub(store, vault, Signer(directory))
    hub.add(area_rows())
    try:
        yield hub
    finally:
        vault.close()
        store.close()


@dataclass
class Process:
    """A matcher that runs."""

    child: subprocess.Popen[str]
    port: int
    key: str
    log: Path

    def peer(self, authority: Authority | None, scheme: str = "https") -> Peer:
        """Return it as the hub sees it."""
        url = f"{scheme}://127.0.0.1:{self.port}"
        if authority is None:
            return Peer("rail", url, self.key)
        return Peer("rail", url, self.key, authority.ca, authority.client)

    def end(self, number: int = signal.SIGTERM) -> str:
        """End it; return its log."""
        self.child.send_signal(number)
        self.child.communicate(timeout=20)
        return self.log.read_text(encoding="utf-8")


def start_matcher(
    base: Path, hub_key: str, *more: str, authority: Authority | None = None, port: int = 0, failpoint: str = ""
) -> Process:
    """Start a matcher over what `town.folder_of(base)` has laid down; it runs in replay from the night of the day."""
    toml = base / "hub.toml"
    toml.write_text(HUB_TOML, encoding="utf-8")
    tls = ["--insecure-loopback"]
    if authority is not None:
        server = authority.server
        tls = ["--tls-cert", server.cert, "--tls-key", server.key, "--client-ca", authority.ca]  # type: ignore[list-item]
    command = [
        *(
            sys.executable,
            "-c",
            _MAIN,
            "--hub",
            toml,
            "--lang",
            "en",
        ),
        *("--log", "info", "matcher", "serve", "--home", base / "matcher", "--hub-key", hub_key),
        *("--manifests", base / "manifests", "--timetable", base / "timetable.zip", "--port", port),
        *("--replay", from_epoch_minute(NIGHT_MIN).isoformat(), *tls, *more),
    ]
    log = base / "log.txt"  # a pipe that nobody reads would fill up and stop it
    with log.open("a", encoding="utf-8") as errors:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "COLUMNS": "200", "HUBTWIN_FAILPOINT": failpoint},
        )
    assert child.stdout is not None
    said = ""
    for line in iter(child.stdout.readline, ""):
        said += line
        if found := re.search(r"https?://127\.0\.0\.1:(\d+)/", line):
            key = re.search(r"[0-9a-f]{64}", said)
            assert key is not None
            return Process(child, int(found[1]), key[0], log)
    raise AssertionError(log.read_text(encoding="utf-8"))


def matched(peer: Peer, version: int) -> bool:
    """Tell whether a matcher has matched with a version, or a later one."""
    found = fetch_status(peer)["match"]
    return found is not None and found["table_version"] >= version


def wait_until(ready: Callable[[], bool], seconds: float = 15) -> float:
    """Wait until something is so; return how many seconds it took."""
    began = time.monotonic()
    while not ready():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - began


def with_key(peer: Peer, key: str) -> Peer:
    """Return a peer with another wrapping key."""
    return replace(peer, wrapping_key=key)
