"""Simulated days: made on the library's timetable and brought in as their partners would send them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import narwhals as nw
import structlog

from hubtwin.base.clock import from_epoch_minute
from hubtwin.library.query import collect
from hubtwin.model.event import Event
from hubtwin.model.record import Marks, Provenance
from hubtwin.ports import Page
from hubtwin.settings import Settings
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.wiring.feeds import ImportJob, find_gazetteer, sense_pages
from hubtwin.wiring.plugs import load

_LOG = structlog.get_logger()

BROUGHT_IN = "DayBroughtIn"  # event: every page of these kinds of a simulated day is stored
DEMO_KINDS = frozenset({"counts", "running"})
SIMULATED = {  # what a simulated day sends: kind of connector, and how its pages are named
    "counts": ("bookings", "bookings/counts-"),
    "manifest": ("bookings", "bookings/manifest-"),
    "stays": ("bookings", "bookings/stays-"),
    "running": ("running", "running_information/"),
}


def simulate_day(settings: Settings, store: EmbeddedStore, day: date, seed: int, arrivals: int) -> Any:
    """Return a seeded hub day (`sim.day.HubDay`) on the timetable and the risk areas of the library."""
    names = ("rail_calls", "rail_service_days", "rail_stations", "risk_areas")
    tables = {name: collect(frame) for name, frame in store.tables(names).items()}
    world = load("hubtwin.sim.world:build_world")(
        tables,
        hub_stations=settings.hub.stations,
        hub_date=day,
        zone=settings.hub.zone,
        pattern_of=settings.pattern_of,
        streets={
            county: tuple(sorted(set(names.values()))) for county, names in find_gazetteer(settings).streets.items()
        },
    )
    began = perf_counter()
    day_made = load("hubtwin.sim.day:simulate")(world, seed, arrivals)
    spent_s = round(perf_counter() - began, 3)
    _LOG.info("day_simulated", day=day.isoformat(), seed=seed, **day_made.counts(), simulate_s=spent_s)
    return day_made


def bring_in_day(
    settings: Settings, store: EmbeddedStore, day: Any, wanted: Sequence[str], begin: Callable[[str, Path | None], Any]
) -> None:
    """Bring pages of a simulated day in through the connectors of its sources, as their partners would send them.

    `wanted` names what to bring in: keys of SIMULATED.
    """
    pages = list(load("hubtwin.sim.wire:list_pages")(day, kinds=tuple(wanted)))
    end = from_epoch_minute(load("hubtwin.sim.day:end_min")(day.world)) + timedelta(days=1)
    marks = Marks(store.status, Provenance.SYNTHETIC)
    for name in wanted:
        kind, prefix = SIMULATED[name]
        chosen = tuple(page for page in pages if page[0].startswith(prefix))
        sense_pages(settings, store, ImportJob(kind, (), end, marks), _Pages(chosen, marks), begin(name, None))
    for dataset, held in store.held().items():
        if held.files > 1:
            store.compact(dataset)
    store.append_event(BROUGHT_IN, {"service_date": day.world.hub_date.isoformat(), "kinds": sorted(wanted)})


def simulate_into(
    settings: Settings, store: EmbeddedStore, day: date, begin: Callable[[str, Path | None], Any]
) -> None:
    """Make the hub day of hub.toml for a date and bring in its counts and delays, unless there are counts of it.

    Synthetic counts of a day that was not brought in to its end do not count: a killed run is done again.
    """
    if any(set(_kinds_of(event, day)) >= DEMO_KINDS for event in store.list_events(BROUGHT_IN)):
        return
    counts = store.tables(("boarding_counts",))["boarding_counts"]
    told = counts.filter(nw.col("service_date") == nw.lit(day), nw.col("provenance") != "synthetic")
    if len(collect(told.head(1))):
        return
    begin("simulate", None)
    made = simulate_day(settings, store, day, settings.sim_seed, settings.sim_arrivals)
    bring_in_day(settings, store, made, tuple(sorted(DEMO_KINDS)), begin)


def _kinds_of(event: Event, day: date) -> list[str]:
    """Return the kinds that were brought in of a day, none where the event is about another."""
    payload: dict[str, Any] = dict(event.payload)
    return list(payload["kinds"]) if payload["service_date"] == day.isoformat() else []


@dataclass(frozen=True)
class _Pages:
    """A transport over pages in memory, for a simulated day; each page is read once, its cursor is its number."""

    bodies: tuple[tuple[str, bytes], ...]
    marks: Marks

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield every page; a simulated day has keys of its own, so reading it again changes nothing."""
        for name, body in self.bodies:
            yield Page(name, (body,), f"simulated {name}", self.marks)
