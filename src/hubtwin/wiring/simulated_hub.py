"""The simulated hub on the real path: its counters, lines, vehicles, teams, devices and weather on loopback wires.

Walking everybody takes some seconds: it is done in a thread while the demonstration starts, and until then these
sources have said nothing.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from itertools import chain
from pathlib import Path
from threading import Thread
from types import TracebackType

import structlog

from hubtwin.base.clock import epoch_minute
from hubtwin.connectors.common.broker import LocalBroker
from hubtwin.connectors.common.http import REPLAYED_HEADER, HttpTransport
from hubtwin.connectors.common.mqtt import MqttTransport
from hubtwin.connectors.common.serve import WireServer
from hubtwin.model.record import Marks, Provenance
from hubtwin.model.task import TaskState
from hubtwin.ports import LedgerReader, TaskFilter, Transport
from hubtwin.settings import Settings
from hubtwin.sim.day import HubDay
from hubtwin.sim.flows.faults import Faults
from hubtwin.sim.flows.plan import NO_PLAN, load_plan
from hubtwin.sim.flows.routes import route_finder
from hubtwin.sim.flows.site import Site, bare_site, drawn_site
from hubtwin.sim.flows.tell import COUNTS, SOURCES, Order, Orders, Teller
from hubtwin.sim.flows.walk import simulate_flows
from hubtwin.sim.screening import Gates
from hubtwin.wiring.plugs import load
from hubtwin.wiring.sources import TOPICS
from hubtwin.wiring.venues import open_drawn

PLAN = "flows.toml"  # beside hub.toml; a hub without one has no lines
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC, replayed=True)
LISTEN_S, QUIET_S = 0.02, 0.01
WORKING = (TaskState.ACCEPTED, TaskState.ON_POST)
_LOG = structlog.get_logger()


class SimulatedHub:
    """The sources of the panorama of a simulated day, while used as a context manager. `give` hands over what is due.

    Counters speak MQTT through `broker` (None: JSON lines over HTTP), all others HTTP. `faults` may be switched at any
    time.
    """

    def __init__(
        self,
        settings: Settings,
        day: HubDay,
        gates: Gates,
        broker: LocalBroker | None,
        *,
        faults: Faults,
        orders: Orders,
    ) -> None:
        """Prepare it; nothing is walked yet."""
        self._settings, self._day, self._gates, self._broker = settings, day, gates, broker
        self.faults, self._orders = faults, orders
        names = [name for name in SOURCES if broker is None or name != COUNTS]
        self._wires = {name: WireServer([], headers={REPLAYED_HEADER: "true"}) for name in names}
        self._open = ExitStack()
        self._teller: Teller | None = None
        self._told_min: int | None = None
        self._walking = Thread(target=self._walk, name="flows", daemon=True)

    def __enter__(self) -> "SimulatedHub":
        for wire in self._wires.values():
            self._open.enter_context(wire)
        self._walking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        self._walking.join()

    @property
    def transports(self) -> Mapping[str, Transport]:
        """Return how the hub reaches its sources, by kind."""
        made: dict[str, Transport] = {name: HttpTransport(wire.url) for name, wire in self._wires.items()}
        if self._broker is not None:
            made[COUNTS] = MqttTransport(
                *(self._broker.address, (load(TOPICS[COUNTS]),), f"hubtwin-{COUNTS}"),
                *(self._broker.user, self._broker.password),
                listen_s=LISTEN_S,
                quiet_s=QUIET_S,
                marks=SYNTHETIC,
            )
        return made

    def subscribe(self) -> None:
        """Let the broker know the hub's session, so that it keeps what is published before the first poll."""
        if self._broker is not None:
            for _ in self.transports[COUNTS].pages(None):
                break

    def wait(self) -> None:
        """Wait until everybody has been walked."""
        self._walking.join()

    def give(self, now: datetime) -> None:
        """Hand over what is told until a moment of the hub's clock; nothing while people are still being walked."""
        teller, now_min = self._teller, epoch_minute(now)
        if teller is None:
            return
        since = now_min - 1 if self._told_min is None else self._told_min
        before = teller.begin(since) if self._told_min is None else iter(())
        messages, lines = [], []
        for told in chain(before, teller.tell(since, now_min)):
            if told.topic and self._broker is not None:
                messages.append((told.topic, told.body))
            elif told.topic:
                lines.append(told.body + b"\n")
            else:
                self._wires[told.source].add(told.body)
        if messages and self._broker is not None:
            self._broker.publish(messages)
        if lines:
            self._wires[COUNTS].add(b"".join(lines))
        self._told_min = max(since, now_min)

    def _walk(self) -> None:
        site, plan = self._site(), self._plan_file()
        found = load_plan(plan) if plan.exists() else NO_PLAN
        flows = simulate_flows(self._day, self._gates, site.platforms, found, site.find)
        world, hub = self._day.world, self._settings.hub
        self._teller = Teller(
            *(flows, site, found, hub.hub_id, world.day_start_min, hub.zone, self._day.seed, self.faults, self._orders)
        )
        _LOG.info("people_walked", people=int(flows.came[-1]), zones=len(flows.zones))

    def _plan_file(self) -> Path:
        return self._settings.hub_file.parent / PLAN

    def _site(self) -> Site:
        drawn = open_drawn(self._settings)
        if drawn is None or drawn.venue is None:
            return bare_site(self._settings.hub)
        grounds = load("hubtwin.rules.grounds:grounds_of")(drawn.venue)
        return drawn_site(self._settings.hub, drawn.venue, grounds, route_finder(drawn.venue, drawn.graph))


def orders_of(ledger: LedgerReader) -> Callable[[], Mapping[str, Order]]:
    """Return what gives the orders that the teams of a hub work on now, the newest of each team."""

    def orders() -> Mapping[str, Order]:
        tasks = ledger.list_tasks(TaskFilter(states=WORKING))
        return {
            task.team: Order(task.place, task.since_min, task.state is TaskState.ON_POST)
            for task in sorted(tasks, key=lambda one: one.since_min)
            if task.team
        }

    return orders
