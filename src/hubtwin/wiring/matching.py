"""The hub's side of matching: the risk table on its way to each matcher, and questions about co-travellers.

Only the newest table counts, so each matcher has one row and not a queue: what is new replaces what was not sent yet.
The row is on the disk before anything is sent, and a table is sent until the matcher has acknowledged that version; a
lost connection or a restart of either side delays it and loses nothing.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import narwhals as nw
import orjson
import structlog

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Denied, HubError, Malformed, Retry
from hubtwin.base.ids import stable_key
from hubtwin.connectors.common.http import public_address
from hubtwin.connectors.common.tls import ClientCert, trusting
from hubtwin.datasets.health import RISK_HITS
from hubtwin.library.query import collect
from hubtwin.model.pathogen import Pathogen
from hubtwin.model.risk_table import CotravelQuery, ListedArea, MatchRule, RiskTable, WrappedKey, key_label
from hubtwin.rules.privacy import epoch_of, moment_min
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.migrate import migrate
from hubtwin.stores.signing import Signer, canonical
from hubtwin.stores.sqlite import Database
from hubtwin.stores.vault import Vault
from hubtwin.stores.wire import MATCHING_FILE
from hubtwin.stores.wrapping import wrap

FILE = MATCHING_FILE
VALID_MIN = 24 * 60  # a matcher that hears nothing for a day stops
BEAT_S = 0.1
AGAIN_S, REFUSED_S = 1.0, 60.0  # after a lost connection; after a refusal, which a person has to mend
TIMEOUT_S = 20.0
DAYS_BACK, DAYS_AHEAD = 2, 1  # service dates whose trains may arrive while a table is in force
PRECISION = "community"  # a hit names a person, so it takes the sharpest match; what is coarser is counted, not named
_MINUTES_PER_DAY = 1440
_AREA = tuple(name for name in ListedArea.__slots__ if name != "synthetic")
_LOG = structlog.get_logger()


@dataclass(frozen=True)
class Peer:
    """A matcher: its address, the key that the hub's keys are wrapped for, and how both sides know each other."""

    name: str
    url: str
    wrapping_key: str
    ca_file: Path | None = None
    client: ClientCert | None = None


@dataclass(frozen=True)
class HubSide:
    """What tables are made of. `rule` says for a moment what counts as a hit, `in_force` whether anything may."""

    hub_id: str
    zone: ZoneInfo
    stations: tuple[str, ...]
    store: EmbeddedStore
    vault: Vault
    signer: Signer
    rule: Callable[[datetime], MatchRule]
    in_force: Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class PeerState:
    """What is known of a matcher: the newest version, the one it has acknowledged and when, and why not the newest."""

    name: str
    version: int
    sent_version: int
    sent_min: int | None
    error: str = ""


@dataclass
class Publisher:
    """Keeps every matcher at the newest table. One thread calls `step`; `start` makes one that does."""

    hub: HubSide
    peers: Sequence[Peer]
    clock: Clock
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
        """Put a new table into the row of every matcher whose table says something else, or is half used up."""
        now_min = epoch_minute(now)
        seen = (now_min, self.hub.store.files_of("risk_areas"))
        if seen == self._seen:
            return
        table = make_table(self.hub, now)
        rows = {str(row[0]): row[1:] for row in self._data.all("SELECT peer, digest, renew_min FROM outgoing")}
        for peer in self.peers:
            digest = _digest(table, peer)
            stands = rows.get(peer.name)
            if stands is None or stands[0] != digest or now_min >= int(str(stands[1])):
                self._put(peer, table, digest, 0)
        self._seen = seen

    def _put(self, peer: Peer, table: RiskTable, digest: str, held: int) -> None:
        """Write the next version for a matcher, above any that it is known to hold."""
        with self._data.transaction() as con:
            row = con.execute("SELECT version FROM outgoing WHERE peer = ?", (peer.name,)).fetchone()
            version = max(row[0] if row else 0, held) + 1
            sealed = seal_for(self.hub, table, peer, version)
            renew_min = table.made_min + VALID_MIN // 2
            values = (peer.name, version, digest, sealed, table.made_min, renew_min)
            con.execute(_PUT, values)
        self._next_s.pop(peer.name, None)
        _LOG.info("table_made", matcher=peer.name, version=version, areas=len(table.areas), bytes=len(sealed))

    def _push(self, peer: Peer, now_min: int) -> bool:
        """Send a table that is not acknowledged; return whether it is now."""
        if time.monotonic() < self._next_s.get(peer.name, 0.0):
            return False
        rows = self._data.all(
            "SELECT version, sealed FROM outgoing WHERE peer = ? AND sent_version < version", peer.name
        )
        if not rows:
            return False
        version = int(str(rows[0][0]))
        try:
            answer = _ask(peer, "PUT", "table", rows[0][1])
            if answer.status_code == 409:
                self._overtake(peer, answer)
                return False
            _check(peer, answer)
        except HubError as error:
            if self._errors.get(peer.name) != error.key:
                _LOG.warning("table_not_sent", matcher=peer.name, reason=error.key)
            self._errors[peer.name] = error.key
            self._next_s[peer.name] = time.monotonic() + (AGAIN_S if isinstance(error, Retry) else REFUSED_S)
            return False
        with self._data.transaction() as con:
            con.execute(
                "UPDATE outgoing SET sent_version = ?, sent_min = ? WHERE peer = ?", (version, now_min, peer.name)
            )
        self._errors.pop(peer.name, None)
        _LOG.info("table_sent", matcher=peer.name, version=version)
        return True

    def _overtake(self, peer: Peer, answer: httpx.Response) -> None:
        """Count on from the version that a matcher holds: this hub was restored from a backup."""
        held = 0
        with suppress(ValueError, KeyError, TypeError):
            held = min(int(answer.json()["held"]), 2**53 - 2)
        table = make_table(self.hub, self.clock())
        self._put(peer, table, _digest(table, peer), held)


def make_table(hub: HubSide, now: datetime) -> RiskTable:
    """Return the table as of a moment, of version 1 and without keys; empty where no event is in force.

    It holds the areas of the rule's levels that were listed at any time within the look-back, as they are known now.
    """
    now_min, rule = epoch_minute(now), hub.rule(now)
    areas = _list_areas(hub, rule, now_min) if hub.in_force(now_min) else ()
    span = (now_min, now_min + VALID_MIN)
    return RiskTable(hub.hub_id, hub.store.status, 1, *span, hub.stations, rule, (), areas)


def seal_for(hub: HubSide, table: RiskTable, peer: Peer, version: int) -> bytes:
    """Return a table as one matcher gets it: in a version, with its keys, signed. Raises Malformed (wrapping key)."""
    keys = wrap_keys(hub, peer, table.made_min) if table.areas else ()
    return _seal(hub.signer, replace(table, version=version, keys=keys).body())


def wrap_keys(hub: HubSide, peer: Peer, now_min: int) -> tuple[WrappedKey, ...]:
    """Return the keys of the service dates under way, wrapped for a matcher: one, or two around a change of epoch.

    Never an earlier one: a matcher compares documents, so no look-back over pseudonyms is needed.
    """
    days = (now_min + step * _MINUTES_PER_DAY for step in range(-DAYS_BACK, DAYS_AHEAD + 1))
    keys = [(epoch, hub.vault.find_epoch_key(epoch)) for epoch in sorted({epoch_of(minute) for minute in days})]
    return tuple(_wrapped(hub, peer, epoch, key) for epoch, key in keys if key is not None)


@dataclass(frozen=True, slots=True)
class Trace:
    """What is asked about a run: the cases aboard by pseudonym, the plan, and the officer who decided on it."""

    trip_id: str
    service_date: date
    cases: tuple[str, ...]
    plan: Pathogen
    decided_by: str = ""


def ask_cotravel(hub: HubSide, peer: Peer, asked: Trace, now: datetime) -> Mapping[str, Any]:
    """Ask a matcher who travelled along with confirmed cases; return its answer (`matcher.engine.list_traced`).

    Nothing is sent where the plan says not to trace: that is the answer then. Raises Retry (not reached), Denied
    (refused, or the key of the epoch was destroyed).
    """
    now_min = epoch_minute(now)
    if not asked.plan.traces_cotravellers:
        return {"pathogen_id": asked.plan.pathogen_id, "traced": False}
    decides = moment_min(RISK_HITS, {"trip_id": asked.trip_id, "service_date": asked.service_date})
    assert decides is not None, "a hit has its service date in its key"
    epoch = epoch_of(decides)
    key = hub.vault.find_epoch_key(epoch)
    if key is None:
        raise Denied("rules.epoch_destroyed", epoch=epoch)
    query = CotravelQuery(
        hub_id=hub.hub_id,
        status=hub.store.status,
        query_id=stable_key(hub.hub_id, asked.trip_id, asked.service_date, *sorted(asked.cases), now_min),
        made_min=now_min,
        trip_id=asked.trip_id,
        service_date=asked.service_date,
        cases=tuple(sorted(asked.cases)),
        pathogen_id=asked.plan.pathogen_id,
        on=now.astimezone(hub.zone).date(),
        decided_by=asked.decided_by,
        key=_wrapped(hub, peer, epoch, key),
    )
    answer = _ask(peer, "POST", "cotravel", _seal(hub.signer, query.body()))
    _check(peer, answer)
    return _told(peer, answer)


def fetch_status(peer: Peer) -> Mapping[str, Any]:
    """Return what a matcher says of itself. Raises Retry, Denied, Malformed."""
    answer = _ask(peer, "GET", "status")
    _check(peer, answer)
    return _told(peer, answer)


def fetch_counts(peer: Peer) -> Mapping[str, Any]:
    """Return the counts of the last match: {"match", "counts"}, small cells as "<5". Raises as `fetch_status`."""
    answer = _ask(peer, "GET", "counts")
    _check(peer, answer)
    return _told(peer, answer)


def _list_areas(hub: HubSide, rule: MatchRule, now_min: int) -> tuple[ListedArea, ...]:
    since_min = now_min - rule.lookback_d * _MINUTES_PER_DAY
    gone = nw.col("gone_by_min")
    rows = hub.store.tables(("risk_areas",))["risk_areas"].filter(
        nw.col("level").is_in(list(rule.levels)),
        ~nw.col("area_code").is_null(),
        nw.col("first_seen_min") <= now_min,
        gone.is_null() | (gone > since_min),
    )
    found = collect(rows.select(*_AREA, "provenance"))
    columns = {name: found.column(name).to_pylist() for name in (*_AREA, "provenance")}
    # a replayed history knows when an area will be withdrawn; the hub of that minute does not
    columns["gone_by_min"] = [at if at is not None and at <= now_min else None for at in columns["gone_by_min"]]
    columns["synthetic"] = [made == "synthetic" for made in columns.pop("provenance")]
    areas = [ListedArea(*row) for row in zip(*(columns[name] for name in ListedArea.__slots__), strict=True)]
    return tuple(sorted(areas, key=lambda area: (area.area_key, area.first_seen_min)))


def _digest(table: RiskTable, peer: Peer) -> str:
    """Return a hash of what a table says, whenever it was made, and of the key it is wrapped for."""
    said = replace(table, made_min=0, valid_until_min=0).body()
    epochs = (epoch_of(table.made_min - DAYS_BACK * _MINUTES_PER_DAY), epoch_of(table.made_min + _MINUTES_PER_DAY))
    told = orjson.dumps([said, peer.wrapping_key, epochs], option=orjson.OPT_SORT_KEYS)
    return blake2b(told, digest_size=16).hexdigest()


def _wrapped(hub: HubSide, peer: Peer, epoch: int, key: bytes) -> WrappedKey:
    return WrappedKey(epoch, wrap(key, peer.wrapping_key, key_label(hub.hub_id, epoch)))


def _seal(signer: Signer, body: Mapping[str, object]) -> bytes:
    content = canonical(body)
    head = f'{{"public_key":"{signer.public_hex}","signature":"{signer.sign(content).hex()}","body":'
    return head.encode() + content + b"}"


def _ask(peer: Peer, method: str, path: str, content: Any = None) -> httpx.Response:
    """Return the answer of a matcher. Raises Retry where it cannot be reached, Denied for an address that is none."""
    name = public_address(peer.url)
    try:
        verify = trusting(peer.ca_file, peer.client)
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False, verify=verify) as client:
            return client.request(method, f"{peer.url.rstrip('/')}/{path}", content=content)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as problem:
        raise Denied("connectors.common.http_refused", source=name, status=type(problem).__name__) from None
    except httpx.HTTPError as problem:
        raise Retry("connectors.common.http_unreachable", source=name, problem=type(problem).__name__) from None
    except OSError as problem:  # of our own certificate files; what a connection does wrong is an httpx error
        raise Denied("wiring_matcher_certificate", source=name, problem=type(problem).__name__) from None


def _check(peer: Peer, answer: httpx.Response) -> None:
    if answer.status_code == 200:
        return
    name = public_address(peer.url)
    if answer.status_code >= 500:
        raise Retry("connectors.common.http_failed", source=name, status=answer.status_code)
    reason = ""
    with suppress(ValueError, KeyError, TypeError):
        reason = str(answer.json()["error"])[:100]
    raise Denied("wiring_matcher_refused", source=name, status=answer.status_code, reason=reason)


def _told(peer: Peer, answer: httpx.Response) -> Mapping[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Malformed("wiring_matcher_unreadable", source=public_address(peer.url))
    return told


_PUT = (
    "INSERT INTO outgoing (peer, version, digest, sealed, made_min, renew_min, sent_version)"
    " VALUES (?, ?, ?, ?, ?, ?, 0)"
    " ON CONFLICT (peer) DO UPDATE SET version = excluded.version, digest = excluded.digest, sealed = excluded.sealed,"
    " made_min = excluded.made_min, renew_min = excluded.renew_min"
)
