"""The hub's side of matching: the risk table on its way to each matcher.

Only the newest table counts, so each matcher has one row and not a queue: what is new replaces what was not sent yet.
The row says which version says what; the table itself is made anew from the library. A table is sent until the matcher
has acknowledged that version; a lost connection or a restart of either side delays it and loses nothing. What goes is
the change since the version that the matcher acknowledged last, and the whole table where it does not stand there.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

import httpx
import structlog

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import HubError, Retry
from hubtwin.model.risk_table import RiskTable
from hubtwin.model.table_change import AreaSet
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sqlite import Database
from hubtwin.stores.wire import MATCHING_FILE
from hubtwin.wiring.asking import Peer, ask, check, reason_of
from hubtwin.wiring.risk_tables import (
    NOTHING,
    VALID_MIN,
    HubSide,
    Listing,
    change_between,
    digest_of,
    make_table,
    ready_for,
    seal,
)

FILE = MATCHING_FILE
BEAT_S = 0.1
AGAIN_S, REFUSED_S = 1.0, 60.0  # after a lost connection; after a refusal, which a person has to mend
_CONFLICT = 409
_LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PeerState:
    """What is known of a matcher: the newest version, the one it has acknowledged and when, and why not the newest."""

    name: str
    version: int
    sent_version: int
    sent_min: int | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A table as a matcher gets it but without its areas, and these."""

    table: RiskTable
    areas: AreaSet


@dataclass
class Publisher:
    """Keeps every matcher at the newest table. One thread calls `step`; `start` makes one that does."""

    hub: HubSide
    peers: Sequence[Peer]
    clock: Clock
    _listing: Listing = NOTHING  # as made last
    _out: dict[str, Outgoing] = field(default_factory=dict)
    _there: dict[str, Outgoing] = field(default_factory=dict)  # what each matcher has acknowledged since this start
    _errors: dict[str, str] = field(default_factory=dict)
    _next_s: dict[str, float] = field(default_factory=dict)
    _seen: object = None
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        """Open what is on its way. Raises Retry, Malformed (damaged), Denied (of a newer version)."""
        self._data = Database(self.hub.store.directory / FILE, private=True)
        migrate(self._data, "matching", epoch_minute(self.clock()))

    def step(self, now: datetime) -> int:
        """Make a new table if something has changed, send what is not acknowledged; return how many were sent.

        Raises Retry of the disk; what a matcher does wrong is in `states`.
        """
        self._refresh(now)
        return sum(self._push(peer, epoch_minute(now)) for peer in self.peers)

    def states(self) -> list[PeerState]:
        """Return how far each matcher is."""
        rows = self._data.all("SELECT peer, version, sent_version, sent_min FROM outgoing")
        found = {str(row[0]): row[1:] for row in rows}
        states = [PeerState(peer.name, *found.get(peer.name, (0, 0, None))) for peer in self.peers]  # type: ignore[arg-type]
        return [replace(state, error=self._errors.get(state.name, "")) for state in states]

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="matching", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after what is under way, and let go of the file."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self._data.close()

    def _run(self) -> None:
        problem = ""
        while not self._over.is_set():
            try:
                self.step(self.clock())
                problem = ""
            except Exception as error:  # noqa: BLE001 - the next beat tries again
                told = error.key if isinstance(error, HubError) else type(error).__name__
                if told != problem:
                    _LOG.error("matching_failed", reason=told)
                problem = told
            self._over.wait(BEAT_S)

    def _refresh(self, now: datetime) -> None:
        """Make a new version for every matcher whose table says something else, is half used up, or was not sent
        before a restart.
        """
        now_min = epoch_minute(now)
        seen = (now_min, self.hub.store.files_of("risk_areas"))
        if seen == self._seen:
            return
        table = self._make(now)
        rows = {str(row[0]): row[1:] for row in self._data.all(_STAND)}
        for peer in self.peers:
            stands = rows.get(peer.name)
            digest = digest_of(table, self._listing, peer.wrapping_key)
            waits = stands is not None and bool(stands[2]) and peer.name not in self._out
            if stands is None or waits or stands[0] != digest or now_min >= int(str(stands[1])):
                self._put(peer, table, digest, 0)
        self._seen = seen

    def _make(self, now: datetime) -> RiskTable:
        """Return the table as of a moment, and note its areas."""
        table, self._listing = make_table(self.hub, now, self._listing)
        return table

    def _put(self, peer: Peer, table: RiskTable, digest: str, held: int) -> None:
        """Begin the next version for a matcher, above any that it is known to hold."""
        with self._data.transaction() as con:
            row = con.execute("SELECT version FROM outgoing WHERE peer = ?", (peer.name,)).fetchone()
            version = max(row[0] if row else 0, held) + 1
            ready = ready_for(self.hub, table, self._listing, peer.wrapping_key, version=version)
            con.execute(_PUT, (peer.name, version, digest, table.made_min, table.made_min + VALID_MIN // 2))
        self._out[peer.name] = Outgoing(ready, self._listing.areas)
        self._next_s.pop(peer.name, None)
        _LOG.info("table_made", matcher=peer.name, version=version, areas=len(self._listing.areas.by_hash))

    def _push(self, peer: Peer, now_min: int) -> bool:
        """Send a table that is not acknowledged; return whether it is now."""
        out, there = self._out.get(peer.name), self._there.get(peer.name)
        if out is None or out is there or time.monotonic() < self._next_s.get(peer.name, 0.0):
            return False
        try:
            answer = self._send(peer, out, there)
            if answer.status_code == _CONFLICT:
                self._overtake(peer, answer)
                return False
            check(peer, answer)
        except HubError as error:
            if self._errors.get(peer.name) != error.key:
                _LOG.warning("table_not_sent", matcher=peer.name, reason=error.key)
            self._errors[peer.name] = error.key
            self._next_s[peer.name] = time.monotonic() + (AGAIN_S if _passes(error) else REFUSED_S)
            return False
        version = out.table.version
        with self._data.transaction() as con:
            con.execute(
                "UPDATE outgoing SET sent_version = ?, sent_min = ? WHERE peer = ?", (version, now_min, peer.name)
            )
        self._there[peer.name] = out
        self._errors.pop(peer.name, None)
        _LOG.info("table_sent", matcher=peer.name, version=version)
        return True

    def _send(self, peer: Peer, out: Outgoing, there: Outgoing | None) -> httpx.Response:
        """Send the change since what a matcher has; the whole table where that is shorter, or does not fit there."""
        base = None if there is None else (there.table.version, there.areas)
        change = None if base is None else change_between(base, out.table, out.areas)
        if change is not None:
            answer = ask(peer, "PATCH", "table", seal(self.hub.signer, change.body()))
            if reason_of(answer) != "matcher.other_base":
                return answer
            _LOG.warning("change_does_not_fit", matcher=peer.name, version=out.table.version)
        whole = replace(out.table, areas=out.areas.areas())
        return ask(peer, "PUT", "table", seal(self.hub.signer, whole.body()))

    def _overtake(self, peer: Peer, answer: httpx.Response) -> None:
        """Count on from the version that a matcher holds: this hub was restored from a backup."""
        held = 0
        with suppress(ValueError, KeyError, TypeError):
            held = min(int(answer.json()["held"]), 2**53 - 2)
        self._there.pop(peer.name, None)
        table = self._make(self.clock())
        self._put(peer, table, digest_of(table, self._listing, peer.wrapping_key), held)


def _passes(error: HubError) -> bool:
    """Tell whether what hinders will pass by itself: a lost connection, or a clock that is a little behind."""
    return isinstance(error, Retry) or error.values.get("reason") == "matcher.from_the_future"


_STAND = "SELECT peer, digest, renew_min, sent_version < version FROM outgoing"
_PUT = (
    "INSERT INTO outgoing (peer, version, digest, made_min, renew_min, sent_version) VALUES (?, ?, ?, ?, ?, 0)"
    " ON CONFLICT (peer) DO UPDATE SET version = excluded.version, digest = excluded.digest,"
    " made_min = excluded.made_min, renew_min = excluded.renew_min"
)
