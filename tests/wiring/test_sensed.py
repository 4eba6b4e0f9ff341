"""What sources tell of the hub reaches the panorama as things: once stored, with marks, and late where it is late."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.mqtt import MqttTransport
from hubtwin.connectors.common.serve import Fault, WireServer
from hubtwin.connectors.crowd_counters.simulator import ZoneCount, page
from hubtwin.library.query import count_rows
from hubtwin.model.thing import Thing
from hubtwin.rules.things import Ground
from hubtwin.settings import load_settings
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.vault import Vault
from hubtwin.web.real_sources import state_of
from hubtwin.wiring.sources import Sources, make_transports
from tests.cli.kit import HUB

NOW = datetime(2022, 10, 20, 0, 40, tzinfo=UTC)


@dataclass
class Hub:
    """A store, its sources, and what the panorama was told."""

    sources: Sources
    store: EmbeddedStore
    told: list[Thing] = field(default_factory=list)

    def poll(self, minutes: int = 0) -> None:
        """Poll what is polled without an event."""
        self.sources.poll(NOW + timedelta(minutes=minutes), persons=False)

    def state(self, name: str, minutes: int) -> str:
        """Return how a source stands so many minutes after the start."""
        (found,) = (each for each in self.sources.states() if each.name == name)
        return state_of(found, int(NOW.timestamp()) // 60 + minutes)


@pytest.fixture
def wire() -> Iterator[WireServer]:
    with WireServer([]) as made:
        yield made


@pytest.fixture
def hub(tmp_path: Path, wire: WireServer) -> Iterator[Hub]:
    (tmp_path / "hub.toml").write_text(HUB, encoding="utf-8")
    settings = load_settings(hub=str(tmp_path / "hub.toml"), home=tmp_path / "home", lang="en", environ={})

    def record(kind: str, payload: Any) -> None:
        raise AssertionError(kind)

    with (
        closing(EmbeddedStore.open(settings.home, settings.hub.hub_id, clock=lambda: NOW)) as store,
        closing(Vault(store.directory, clock=lambda: NOW, record=record)) as vault,
    ):
        told: list[Thing] = []
        grounds = {"hall": Ground(120.2, 30.3, "F1", 500.0, "queue")}
        transports = {"crowd_counters": HttpTransport(wire.url, timeout_s=2)}
        sources = Sources(settings, store, vault, transports, tell=told.extend, grounds=grounds)
        yield Hub(sources, store, told)


def test_what_a_counter_tells_is_a_row_and_a_thing(hub: Hub, wire: WireServer) -> None:
    wire.add(page([ZoneCount(NOW, "hall", 600), ZoneCount(NOW, "elsewhere", 3)]))
    hub.poll()
    hall, elsewhere = hub.told
    assert (hall.thing_id, hall.source, hall.level, hall.at_ms) == ("zone:hall", "crowd_counters", "F1", 1666226400000)
    assert hall.values == {"people": 600, "density_per_m2": 1.2, "los": "C"}
    assert elsewhere.values["los"] is None
    assert hall.marks.provenance.value == "synthetic"
    assert count_rows(hub.store.tables(("zone_counts",))["zone_counts"]) == 2
    hub.poll(1)
    assert len(hub.told) == 2, "nothing new is told of nothing new"


def test_a_broken_message_costs_itself_and_is_no_thing(hub: Hub, wire: WireServer) -> None:
    wire.add(b"garbage\n" + page([ZoneCount(NOW, "hall", 1)]) + page([ZoneCount(NOW + timedelta(hours=8), "hall", 2)]))
    hub.poll()
    assert [thing.values["people"] for thing in hub.told] == [1]
    assert len(hub.store.list_quarantine("crowd_counters")) == 2


def test_a_source_that_fails_is_failed_then_late_never_empty(hub: Hub, wire: WireServer) -> None:
    wire.add(page([ZoneCount(NOW, "hall", 5)]))
    hub.poll()
    assert hub.state("crowd_counters", 2) == "live"
    assert hub.state("crowd_counters", 3) == "late"
    for minute in (1, 2, 3):
        hub.poll(minute)  # it answers, and has nothing to say
    assert hub.state("crowd_counters", 3) == "late"
    wire.switch(Fault.FAIL)
    hub.poll(3)
    assert hub.state("crowd_counters", 3) == "failed"
    assert [thing.values["people"] for thing in hub.told] == [5]
    wire.switch(None)
    wire.add(page([ZoneCount(NOW + timedelta(minutes=4), "hall", 6)]))
    hub.poll(4)
    assert (hub.state("crowd_counters", 4), [thing.values["people"] for thing in hub.told]) == ("live", [5, 6])


def test_the_sources_of_the_panorama_are_named_in_hub_toml(tmp_path: Path) -> None:
    mqtt = ("crowd_counters", "staff_positions", "devices")
    http = ("onward", "vehicle_positions", "weather")
    blocks = [f'[sources.{kind}]\nurl = "mqtts://broker.example"\n' for kind in mqtt]
    blocks += [f'[sources.{kind}]\nurl = "https://feeds.example/{kind}"\n' for kind in http]
    (tmp_path / "hub.toml").write_text("\n".join([HUB, *blocks]), encoding="utf-8")
    settings = load_settings(hub=str(tmp_path / "hub.toml"), home=tmp_path, lang="en", environ={})
    made = make_transports(settings, {})
    assert set(made) == {*mqtt, *http}
    topics = {kind: found.topics for kind, found in made.items() if isinstance(found, MqttTransport)}
    assert topics == {
        "crowd_counters": ("hubtwin/tiny/zones/+",),
        "staff_positions": ("hubtwin/tiny/staff/+",),
        "devices": ("hubtwin/tiny/devices/+",),
    }
