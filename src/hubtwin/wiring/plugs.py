"""The names of the plug-ins; each is loaded on first use, so that a command pays for what it uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from hubtwin.base.clock import Clock
from hubtwin.base.errors import Absent
from hubtwin.ports import Connector
from hubtwin.settings import Settings
from hubtwin.stores.columns import reading
from hubtwin.stores.embedded import EmbeddedStore, store_directory

CONNECTORS = {
    "risk-areas": "hubtwin.connectors.risk_areas:CONNECTOR",
    "timetable": "hubtwin.connectors.rail_timetable:CONNECTOR",
    "gtfs": "hubtwin.connectors.rail_timetable:CONNECTOR",
    "running": "hubtwin.connectors.running_information:CONNECTOR",
    "bookings": "hubtwin.connectors.bookings:CONNECTOR",
    "matcher": "hubtwin.connectors.bookings:MATCHER",
    "gates": "hubtwin.connectors.gate_screening:CONNECTOR",
    "lanes": "hubtwin.connectors.lane_counters:CONNECTOR",
    "crowd_counters": "hubtwin.connectors.crowd_counters:CONNECTOR",
    "onward": "hubtwin.connectors.onward:CONNECTOR",
    "vehicle_positions": "hubtwin.connectors.vehicle_positions:CONNECTOR",
    "staff_positions": "hubtwin.connectors.staff_positions:CONNECTOR",
    "devices": "hubtwin.connectors.devices:CONNECTOR",
    "weather": "hubtwin.connectors.weather:CONNECTOR",
    "results": "hubtwin.connectors.test_results:CONNECTOR",
}
SCENES = {"epidemic": "hubtwin.scenes.epidemic.scene:SCENE"}
DISCLOSURES = "hubtwin.scenes.epidemic.disclosures:DISCLOSURES"
PROFILES = "hubtwin.scenes.epidemic.profiles:PROFILES"


def load(target: str) -> Any:
    """Return the object that "module:name" stands for."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def get_connector(kind: str) -> Connector:
    """Return the connector of a kind of data. Raises Absent."""
    if kind not in CONNECTORS:
        raise Absent("wiring_no_kind", kind=kind, kinds=", ".join(CONNECTORS))
    connector: Connector = load(CONNECTORS[kind])
    return connector


def directory_of(settings: Settings) -> Path:
    """Return where everything of a run is kept: of the hub itself, or of its exercise. Raises Malformed."""
    return store_directory(settings.home, settings.hub.hub_id, settings.status)


@contextmanager
def open_store(settings: Settings, clock: Clock) -> Iterator[EmbeddedStore]:
    """Open the store of the hub for the time of a block."""
    hub_id, status = settings.hub.hub_id, settings.status
    store = EmbeddedStore(directory_of(settings), hub_id, clock=clock, status=status, threads=settings.threads)
    try:
        with reading():
            yield store
    finally:
        store.close()
