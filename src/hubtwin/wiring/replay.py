"""A simulated day on the real path: its partners speak their wire formats on this machine's loopback, against a clock.

Bookings, running information and test results are polled over HTTP, gates and lane counters come over MQTT from a
broker in this process (mosquitto does the same). The hub reads them as it reads anybody, and knows nothing else of the
day.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType

from hubtwin.base.clock import epoch_minute, from_epoch_minute
from hubtwin.base.ids import stable_key
from hubtwin.connectors.common.broker import LocalBroker
from hubtwin.connectors.common.http import REPLAYED_HEADER, HttpTransport
from hubtwin.connectors.common.mqtt import MqttTransport
from hubtwin.connectors.common.serve import WireServer
from hubtwin.library.query import collect
from hubtwin.model.case import Case
from hubtwin.model.record import Identity, Marks, Provenance
from hubtwin.ports import Batch, Ledger, Transport
from hubtwin.rules.privacy import epoch_of, normalise, pseudonym
from hubtwin.settings import Settings
from hubtwin.sim.crew import Crew, CrewDesk
from hubtwin.sim.day import DOCUMENT, HubDay, end_min
from hubtwin.sim.laboratory import Laboratory
from hubtwin.sim.screening import Gates
from hubtwin.sim.timed import BOOKINGS, KINDS, RUNNING, Timed, list_minutes, list_timed
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.vault import Vault
from hubtwin.wiring.plugs import load
from hubtwin.wiring.running import Running
from hubtwin.wiring.sources import TOPICS

FEEDS = (
    *("rail_stations", "rail_trips", "rail_service_days", "rail_calls"),
    *("risk_areas", "risk_snapshots", "risk_freezes"),
)
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC, replayed=True)
LISTEN_S, QUIET_S = 0.02, 0.01  # on loopback a message that was published is there at once
CHUNK_ROWS = 100_000
SPOKEN = ("gates", "lanes")  # sources whose messages come over a broker
LEFT_OPEN = 3  # cases that wait for whoever sits at the page
PidOf = Callable[[str, int], str]


class Partners:
    """The partners of a simulated day, while used as a context manager. `give` hands over what is due."""

    def __init__(
        self,
        settings: Settings,
        day: HubDay,
        gates: Gates,
        pid_of: PidOf,
        from_min: int,
        *,
        mqtt: bool = True,
        hits: bool = True,
    ) -> None:
        """Prepare them; gates and lanes say nothing of what was before `from_min`. Without `mqtt` their messages are
        polled over HTTP as pages of JSON lines, the other form of these sources. Without `hits` a matcher gives them.
        """
        hub_id, self._mqtt = settings.hub.hub_id, mqtt
        kinds = tuple(kind for kind in KINDS if hits or kind != "hits")
        self.laboratory = Laboratory(day, gates.tests)
        self._pages: Iterator[Timed] = list_timed(day, gates, hub_id=hub_id, pid_of=pid_of, kinds=kinds)
        self._minutes = (minute for minute in list_minutes(day, gates, hub_id) if minute[0] >= from_min)
        self._next_page, self._next_minute = next(self._pages, None), next(self._minutes, None)
        headers = {REPLAYED_HEADER: "true"}
        names = (BOOKINGS, RUNNING, "results", *(() if mqtt else SPOKEN))
        self._wires = {name: WireServer([], headers=headers) for name in names}
        self._broker = LocalBroker()
        self._open = ExitStack()

    def __enter__(self) -> "Partners":
        for wire in self._wires.values():
            self._open.enter_context(wire)
        if self._mqtt:
            self._open.enter_context(self._broker)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def transports(self) -> Mapping[str, Transport]:
        """Return how the hub reaches them, by kind of data, in the order in which they are best polled."""
        broker = self._broker
        made: dict[str, Transport] = {name: HttpTransport(wire.url) for name, wire in self._wires.items()}
        for kind in SPOKEN if self._mqtt else ():
            made[kind] = MqttTransport(
                *(broker.address, (load(TOPICS[kind]),), f"hubtwin-{kind}", broker.user, broker.password),
                listen_s=LISTEN_S,
                quiet_s=QUIET_S,
                marks=SYNTHETIC,
            )
        return made

    @property
    def broker(self) -> LocalBroker | None:
        """Return the broker of the day's messages, None where they are polled."""
        return self._broker if self._mqtt else None

    def subscribe(self) -> None:
        """Let the broker know the hub's sessions, so that it keeps what is published before the first poll."""
        for kind in SPOKEN if self._mqtt else ():
            for _ in self.transports[kind].pages(None):
                break

    def give(self, now: datetime) -> None:
        """Hand over everything that a partner has at a moment of the hub's clock."""
        now_min = epoch_minute(now)
        while self._next_page is not None and self._next_page.at_min <= now_min:
            self._wires[self._next_page.source].add(self._next_page.body)
            self._next_page = next(self._pages, None)
        for _, body in self.laboratory.pages(now_min):
            self._wires["results"].add(body)
        said = list(self._said_before(now_min))
        if said and self._mqtt:
            self._broker.publish(said)
        elif said:
            for kind, part in (("gates", "/gates/"), ("lanes", "/lanes/")):
                if body := b"".join(payload + b"\n" for topic, payload in said if part in topic):
                    self._wires[kind].add(body)

    def _said_before(self, now_min: int) -> Iterable[tuple[str, bytes]]:
        while self._next_minute is not None and self._next_minute[0] < now_min:
            yield from self._next_minute[1]
            self._next_minute = next(self._minutes, None)


def pid_maker(vault: Vault) -> PidOf:
    """Return the function from a document of a simulated day and a minute to the hub's pseudonym for it."""

    def pid_of(document: str, at_min: int) -> str:
        key = vault.find_epoch_key(epoch_of(at_min))
        assert key is not None, "the key of an epoch under way exists"
        return pseudonym(key, normalise(Identity(DOCUMENT, document)))

    return pid_of


def copy_feeds(store: EmbeddedStore, target: EmbeddedStore) -> None:
    """Copy timetable and risk areas of one store into an empty one, so that a replay starts from feeds alone."""
    for name, frame in store.tables(FEEDS).items():
        table = collect(frame)
        for number, start in enumerate(range(0, table.num_rows, CHUNK_ROWS)):
            part = table.slice(start, CHUNK_ROWS)
            target.write(Batch(f"copied {name} {number}", "feeds", {name: part}))
        if table.num_rows > CHUNK_ROWS:
            target.compact(name)


class LeftCases:
    """Which cases simulated staff leaves to other people: one in `every`, as long as few of those are open.

    Nobody need sit at the page; then a day of cases that nobody works would bury its alarms.
    """

    def __init__(self, ledger: Ledger, every: int, open_at_most: int = LEFT_OPEN) -> None:
        """Prepare; with `every` 0 none is left."""
        self._ledger, self._every, self._at_most = ledger, every, open_at_most
        self._said: dict[str, bool] = {}
        self._open: set[str] = set()

    def __call__(self, case: Case) -> bool:
        """Return whether a case is left; once said it stays said."""
        if case.case_id not in self._said:
            chosen = self._every > 0 and int(case.case_id[:8], 16) % self._every == 0
            if chosen:
                self._open = {each for each in self._open if self._ledger.get_case(each).is_open}
                chosen = len(self._open) < self._at_most
            if chosen:
                self._open.add(case.case_id)
            self._said[case.case_id] = chosen
        return self._said[case.case_id]


def make_crew(running: Running, day: HubDay, gates: Gates, pid_of: PidOf, *, every: int) -> Crew:
    """Return simulated staff for a hub that runs; it leaves some cases to other people, one in `every` (0: none)."""
    works, turning = running.works, running.service.turning
    assert works.roster is not None, "a hub that is served has a roster"

    def results() -> Mapping[tuple[str, str], tuple[str, str]]:
        return {key: (row["report_id"], row["result"]) for key, row in turning.results.items()}

    def take_in(by: str, case: Case, document: str) -> None:
        """Seal what a scan reads, as the page's does: an invented name that says so, and the simulated document."""
        name = f"合成旅客 {stable_key('name', document)[:6]}"
        fields = {"name": name, "id_type": DOCUMENT, "id_no": document}
        told = {"case": case.case_id, "pid": case.pid, "fields": sorted(fields)}
        works.access.audit.append("PersonScanned", by, told)
        works.access.vault.remember(case.pid, fields)

    hub = works.settings.hub
    desk = CrewDesk(
        *(works.ledger, works.clocks_min, works.roster, turning.scene.name, hub.exits, results),
        take_in=take_in,
        area_code=hub.area_code,
    )
    return Crew(desk, day, gates, pid_of=pid_of, seed=day.seed, leaves=LeftCases(works.ledger, every))


def end_of(day: HubDay) -> datetime:
    """Return the moment at which a simulated day is over."""
    return from_epoch_minute(end_min(day.world))
