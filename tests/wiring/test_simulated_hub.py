"""The simulated hub over its wires: a hub without a venue still has people, and what it tells arrives as things."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.clock import from_epoch_minute
from hubtwin.connectors.common.broker import LocalBroker
from hubtwin.model.thing import Thing
from hubtwin.settings import load_settings
from hubtwin.sim.flows.faults import Faults
from hubtwin.sim.screening import simulate_gates
from hubtwin.sim.small import small_day
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.vault import Vault
from hubtwin.wiring.simulated_hub import SimulatedHub
from hubtwin.wiring.sources import Sources
from tests.cli.kit import HUB
from tests.walk.town import MORE

PLAN = """
[share]
metro = { value = 1.0, source = "s" }
[lead_min]
value = [30.0, 0.5]
[waiting]
places = ["hall"]
[weather]
station = "W1"
sender = "somebody"
area = "here"
[[line]]
mode = "metro"
line = "1"
places = ["metro"]
headway_s = 300
capacity = 60
source = "s"
"""
DAY = small_day(1, 200)
START_MIN = DAY.world.day_start_min + 540


@dataclass
class Seen:
    """The hub that reads, and the things it was told."""

    sources: Sources
    hub: SimulatedHub
    told: dict[str, Thing] = field(default_factory=dict)

    def step(self, minute: int) -> None:
        """Let the simulated hub give what is due, and read it."""
        now: datetime = from_epoch_minute(START_MIN + minute)
        self.hub.give(now)
        self.sources.poll(now, persons=False)


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Seen]:
    (tmp_path / "hub.toml").write_text(HUB + MORE, encoding="utf-8")
    (tmp_path / "flows.toml").write_text(PLAN, encoding="utf-8")
    settings = load_settings(hub=str(tmp_path / "hub.toml"), home=tmp_path / "home", lang="en", environ={})

    def record(kind: str, payload: Any) -> None:
        raise AssertionError(kind)

    now = from_epoch_minute(START_MIN)
    gates = simulate_gates(DAY, settings.hub.exits)
    with (
        LocalBroker() as broker,
        SimulatedHub(settings, DAY, gates, broker, faults=Faults(), orders=dict) as hub,
        closing(EmbeddedStore.open(settings.home, settings.hub.hub_id, clock=lambda: now)) as store,
        closing(Vault(store.directory, clock=lambda: now, record=record)) as vault,
    ):
        hub.subscribe()
        hub.wait()
        made = Seen(Sources(settings, store, vault, hub.transports), hub)
        made.sources.tell = lambda things: made.told.update((thing.thing_id, thing) for thing in things)
        yield made


def test_counts_over_a_broker_and_all_the_rest_over_http_arrive_as_things(seen: Seen) -> None:
    for minute in range(3):
        seen.step(minute)
    kinds = {thing.kind for thing in seen.told.values()}
    assert kinds == {"zone", "queue", "supply", "staff", "weather", "warning"}
    assert {thing.thing_id for thing in seen.told.values() if thing.kind == "zone"} == {"zone:1", "zone:N1"}
    zone = seen.told["zone:N1"]
    assert zone.at_ms == (START_MIN + 2) * 60_000
    assert all(thing.marks.provenance.value == "synthetic" and thing.marks.replayed for thing in seen.told.values())
    assert not seen.sources.store.list_quarantine()
    states = {state.name: state for state in seen.sources.states()}
    assert {name for name, state in states.items() if state.error} == set()
    assert states["crowd_counters"].news_min == START_MIN + 2


def test_faults_are_switched_while_it_runs(seen: Seen) -> None:
    seen.step(0)
    seen.hub.faults.crowd("N1", 777)
    seen.hub.faults.silence("onward")
    seen.step(1)
    seen.step(2)
    assert seen.told["zone:N1"].values["people"] == 777
    assert seen.told["supply:metro:1"].at_ms == START_MIN * 60_000
    states = {state.name: state for state in seen.sources.states()}
    assert (states["onward"].news_min, states["onward"].read_min) == (START_MIN, START_MIN + 2)
