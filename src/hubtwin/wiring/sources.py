"""The live sources of a hub: which there are, how each is polled, and what is known of its state.

A source whose datasets are about persons is polled while an emergency is in force, and only then; all others always:
counts, trains, weather are of nobody. One that fails is asked again at its next turn, and is late when its last answer
is older than two of its cadences. One that keeps silent does not hold up the others, nor the clocks of the loop: its
answer is taken in when it comes.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa
import structlog

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied, HubError, Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.flow.sense import Sensing, sense
from hubtwin.library.grants import is_personal
from hubtwin.model.source import NO_CARE, Care
from hubtwin.model.thing import Thing
from hubtwin.ports import Connector, Page, ReadContext, Transport
from hubtwin.rules.privacy import pseudonymise
from hubtwin.rules.things import Grounds, tells_of_things, things_of
from hubtwin.settings import Settings, SourceSettings
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.vault import Vault
from hubtwin.wiring.feeds import find_gazetteer, known_trains, window_min
from hubtwin.wiring.plugs import get_connector, load

TRAINS = ("rail_stations", "rail_calls")  # what bookings and running information are checked against
ABOUT_TRAINS = frozenset({"bookings", "matcher", "running"})
_LOG = structlog.get_logger()


@dataclass(frozen=True)
class SourceState:
    """What is known of a source. `read_min` is when it last answered, `news_min` when it last had something new (hub
    minutes; None: never); `error` is the text key of why it last failed, empty where it did not; `on` whether it is
    polled now; `rows` were kept since the start; `care` says when it is maintained and whom to ring;
    of a `steady` one an answer without news is a silence; `datasets` are what it feeds.
    """

    name: str
    title: Mapping[str, str]
    cadence_s: int
    read_min: int | None
    error: str
    rows: int
    on: bool
    news_min: int | None = None
    care: Care = NO_CARE
    steady: bool = False
    datasets: tuple[str, ...] = ()


@dataclass
class Sources:
    """Polls the sources of one hub; one thread calls `poll`. `transports` is kind of data -> transport; `patience_s`
    is how long a poll waits for one of them, None until it has answered. `tell` hears of the things of the panorama in
    rows that were stored, from several threads; `grounds` are the places of the venue.
    """

    settings: Settings
    store: EmbeddedStore
    vault: Vault
    transports: Mapping[str, Transport]
    patience_s: float | None = None
    tell: Callable[[Sequence[Thing]], object] | None = None
    grounds: Grounds = field(default_factory=dict)
    _personal: frozenset[str] = frozenset()
    _asked: dict[str, threading.Thread] = field(default_factory=dict)
    _resting: bool = False
    _states: dict[str, SourceState] = field(default_factory=dict)
    _trains: tuple[object, Mapping[str, Any]] | None = None
    _resolve: Callable[..., Any] | None = None
    _since_min: int | None = None

    def __post_init__(self) -> None:
        """Nothing was asked yet."""
        manifests = {kind: get_connector(kind).manifest for kind in self.transports}
        self._personal = frozenset(
            kind for kind, found in manifests.items() if any(is_personal(DATASETS[name]) for name in found.datasets)
        )
        for kind, manifest in manifests.items():
            told = self.settings.sources.get(kind)
            care = NO_CARE if told is None else told.care
            self._states[kind] = SourceState(
                *(kind, manifest.title, manifest.cadence_s, None, "", 0),
                on=False,
                care=care,
                steady=manifest.steady,
                datasets=manifest.datasets,
            )

    def states(self) -> list[SourceState]:
        """Return the state of every source, in the order they are polled."""
        return list(self._states.values())

    def rest(self) -> None:
        """Note that no emergency is in force: nothing about persons is polled, and of an answer under way the next page
        is dropped."""
        self._resting = True
        for kind in self._personal:
            self._states[kind] = replace(self._states[kind], on=False)

    def poll(self, now: datetime, since_min: int | None = None, *, persons: bool = True) -> None:
        """Take in what each source has that is due, one after the other. Raises nothing of a source.

        Without `persons` only sources are asked that are about nobody. Persons that were read before `since_min`, the
        beginning of the event, are not kept: a broker kept them for us.
        """
        self._since_min = since_min
        if persons:
            self._resting = False
        for kind, transport in self.transports.items():
            if kind in self._personal and not persons:
                continue
            if self.patience_s is None:
                self._poll(kind, transport, now)
            elif kind not in self._asked or not self._asked[kind].is_alive():
                asked = threading.Thread(target=self._poll, args=(kind, transport, now), name=kind, daemon=True)
                self._asked[kind] = asked
                asked.start()
                asked.join(self.patience_s)

    def _is_wanted(self, kind: str) -> bool:
        return not (self._resting and kind in self._personal)

    def _poll(self, kind: str, transport: Transport, now: datetime) -> None:
        state, now_min = self._states[kind], epoch_minute(now)
        wanted = _Wanted(transport, partial(self._is_wanted, kind))
        try:
            report = sense(get_connector(kind), wanted, self.store, self._context(kind, now), self._sensing(kind))
        except HubError as error:
            if error.key != state.error:
                _LOG.warning("source_failed", source=kind, reason=error.key)
            self._states[kind] = replace(state, error=error.key, on=self._is_wanted(kind))
            return
        except Exception as error:  # noqa: BLE001 - one source must not stop the others, nor the clocks of the loop
            _LOG.error("source_broke", source=kind, kind=type(error).__name__, at=place_of(error))
            self._states[kind] = replace(state, error="wiring_source_broke", on=self._is_wanted(kind))
            return
        kept = sum(report.kept.values())
        self._states[kind] = replace(
            state,
            read_min=now_min,
            news_min=now_min if report.pages else state.news_min,
            rows=state.rows + kept,
            error="",
            on=self._is_wanted(kind),
        )

    def _sensing(self, kind: str) -> Sensing:
        persons = partial(pseudonymise, key_of=self.vault.find_epoch_key, window_min=window_min())
        told = None if self.tell is None else partial(self._tell, kind)
        return Sensing(self.settings.hub.hub_id, self.store.status, pseudonymise=persons, on_stored=told)

    def _tell(self, kind: str, dataset: str, rows: pa.Table) -> None:
        if self.tell is not None and tells_of_things(dataset):
            self.tell(things_of(dataset, rows.to_pylist(), kind, self.grounds))

    def _context(self, kind: str, now: datetime) -> ReadContext:
        context = ReadContext(zone=self.settings.hub.zone, now=now, since_min=self._since_min)
        if kind == "risk-areas":
            if self._resolve is None:
                self._resolve = load("hubtwin.rules.places:resolver")(find_gazetteer(self.settings))
            return replace(context, resolve=self._resolve)
        if kind in ABOUT_TRAINS:
            seal = tuple(self.store.files_of(name) for name in TRAINS)
            if self._trains is None or self._trains[0] != seal:
                self._trains = (seal, known_trains(self.store))
            return replace(context, **self._trains[1], real_persons=False)
        return context


@dataclass(frozen=True)
class _Wanted:
    """A transport that ends once nobody wants its pages any more."""

    transport: Transport
    is_wanted: Callable[[], bool]

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield the pages that are wanted."""
        for page in self.transport.pages(cursor):
            if not self.is_wanted():
                return
            yield page


def make_transports(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, Transport]:
    """Return the transports of the sources that hub.toml names, by kind. Raises Malformed for a kind or an address
    that nobody speaks, Denied where a secret is missing from the environment.
    """
    env = os.environ if environ is None else environ
    return {kind: _transport(settings, kind, told, env) for kind, told in settings.sources.items()}


def make_transport(
    settings: Settings, kind: str, environ: Mapping[str, str] | None = None, *, reader: str = ""
) -> Transport:
    """Return the transport of one source. `reader` sets it apart from the hub at a broker, which keeps the messages
    of each reader until that one has taken them. Raises as `make_transports` does, and Absent for no such source.
    """
    if kind not in settings.sources:
        raise Absent("wiring_no_source", source=kind, sources=", ".join(sorted(settings.sources)) or "-")
    return _transport(settings, kind, settings.sources[kind], os.environ if environ is None else environ, reader)


def _transport(
    settings: Settings, kind: str, told: SourceSettings, env: Mapping[str, str], reader: str = ""
) -> Transport:
    connector: Connector = get_connector(kind)
    secret = env.get(told.secret_env) if told.secret_env else None
    if told.secret_env and not secret:
        raise Denied("wiring_no_secret", source=kind, variable=told.secret_env)
    scheme = told.url.partition("://")[0]
    if scheme in ("http", "https"):
        client = None
        if told.cert_file is not None:
            client = load("hubtwin.connectors.common.tls:ClientCert")(told.cert_file, told.key_file)
        made: Transport = load("hubtwin.connectors.common.http:HttpTransport")(
            told.url, secret, ca_file=told.ca_file, client=client
        )
        return made
    topics = TOPICS.get(kind)
    if scheme in ("mqtt", "mqtts") and topics is not None:
        own = load(topics).replace("+", settings.hub.hub_id, 1)  # a broker may serve several hubs
        client = f"hubtwin-{settings.hub.hub_id}-{connector.manifest.name}{reader and '-'}{reader}"
        mqtt: Transport = load("hubtwin.connectors.common.mqtt:MqttTransport")(
            told.url, (own,), client, user=told.user, password=secret, listen_s=0.2
        )
        return mqtt
    raise Malformed("wiring_no_transport", source=kind, scheme=scheme)


TOPICS = {
    "gates": "hubtwin.connectors.gate_screening.codec:TOPICS",
    "lanes": "hubtwin.connectors.lane_counters:TOPICS",
    "crowd_counters": "hubtwin.connectors.crowd_counters:TOPICS",
    "staff_positions": "hubtwin.connectors.staff_positions:TOPICS",
    "devices": "hubtwin.connectors.devices:TOPICS",
}


def place_of(error: BaseException) -> str:
    """Return file and line of an error without its message, which may hold a value of a person."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('hubtwin')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
