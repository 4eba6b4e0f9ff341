"""The list of warned trains at a moment: judged, planned, with the state of its feed."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import narwhals as nw
import structlog

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Malformed
from hubtwin.flow.judge import judge
from hubtwin.library.query import collect
from hubtwin.model.finding import Finding
from hubtwin.ports import Scene, Tables
from hubtwin.rules.service import project_days
from hubtwin.settings import Settings
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.wiring.plugs import SCENES, load
from hubtwin.wiring.venues import with_venue

_LOG = structlog.get_logger()
MEETINGS = "hubtwin.scenes.epidemic.meeting:plan_meetings"


@dataclass(frozen=True)
class Warned:
    """A finding with the team that meets the train, or why none does. `staff` is None where no plan was asked for."""

    finding: Finding
    staff: Mapping[str, Any] | None


@dataclass(frozen=True)
class WarningList:
    """The list at one moment: trains, exits that will be overloaded, which of its datasets hold synthetic rows, and
    how fresh the risk areas are (`scenes.epidemic.feed.Feed`)."""

    now: datetime
    service_date: date
    pattern_date: date
    trains: Sequence[Warned]
    overloads: Sequence[Mapping[str, Any]]
    synthetic: Sequence[str]
    feed: Any
    horizon_min: int


@dataclass(frozen=True)
class Ask:
    """What a list is asked for."""

    now: datetime
    horizon_min: int
    rung: str = "auto"
    pattern: date | None = None
    save: bool = False


def warn(settings: Settings, store: EmbeddedStore, ask: Ask) -> WarningList:
    """Judge the moment of `ask` and plan who meets which train. Raises Absent for a hub that no timetable knows."""
    scene = load(SCENES["epidemic"])
    patterns = patterns_of(settings, ask.now, ask.pattern)
    tables = project(store.tables((*scene.needs, "risk_snapshots")), patterns)
    refuse_unknown_stations(settings, tables)
    params = params_of(settings, scene, ask)
    began = perf_counter()
    judged = judge(scene, tables, params, ask.now, store if ask.save else None)
    done = perf_counter()
    meet = load(MEETINGS)
    plan = meet(with_venue(settings).hub, judged.findings, {**scene.params, **params}, epoch_minute(ask.now))
    spent = {"judge_s": round(done - began, 3), "plan_s": round(perf_counter() - done, 3)}
    counts = {"trains": len(judged.findings), "new": judged.new}
    _LOG.info("list_computed", now=ask.now.isoformat(), rung=ask.rung, **counts, **spent)
    made = [name for name, held in store.held().items() if held.synthetic_rows]
    return list_of(settings, ask, tables, (judged.findings, plan), made=made)


def list_of(
    settings: Settings, ask: Ask, tables: Tables, judged: tuple[Sequence[Finding], Any], *, made: Sequence[str]
) -> WarningList:
    """Return the list of findings and their plan (`judged`); `made` names the datasets that may hold synthetic rows."""
    findings, plan = judged
    patterns, day = patterns_of(settings, ask.now, ask.pattern), ask.now.astimezone(settings.hub.zone).date()
    trains = [Warned(found, plan.staff.get(found.key)) for found in findings]
    synthetic = _list_synthetic(made, tables, load(SCENES["epidemic"]).needs, tuple(patterns))
    feed = load("hubtwin.scenes.epidemic.feed:describe_feed")(tables, epoch_minute(ask.now))
    return WarningList(ask.now, day, patterns[day], trains, plan.overloads, synthetic, feed, ask.horizon_min)


def params_of(settings: Settings, scene: Scene, ask: Ask) -> dict[str, Any]:
    """Return what a scene is told besides its own thresholds: the hub, and what is asked for. Raises Malformed."""
    return {
        **_told(settings, scene.name, scene.params),
        "stations": settings.hub.stations,
        "zone": settings.hub.zone.key,
        "horizon_min": ask.horizon_min,
        "rung": ask.rung,
        "area_names": _area_names(settings.data_dir),
    }


def _told(settings: Settings, scene: str, defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what hub.toml tells a scene. Raises Malformed for what it does not have."""
    told = settings.scenes.get(scene, {})
    for name, value in told.items():
        entry = {"file": settings.hub_file, "entry": f"scenes.{scene}.{name}"}
        if name not in defaults:
            raise Malformed("settings_need_known", **entry)
        like = (int, float) if isinstance(defaults[name], int | float) else type(defaults[name])
        if not isinstance(value, like) or isinstance(value, bool) is not isinstance(defaults[name], bool):
            raise Malformed("settings_need_alike", **entry)
    return told


def patterns_of(settings: Settings, now: datetime, pattern: date | None = None) -> dict[date, date]:
    """Return the dates whose trains may be under way or arrive soon, each with the date whose pattern it runs."""
    day = now.astimezone(settings.hub.zone).date()
    days = [day + timedelta(days=step) for step in (-2, -1, 0, 1)]
    if pattern is None:
        return {each: settings.pattern_of(each) for each in days}
    return {each: pattern + (each - day) for each in days}


def refuse_unknown_stations(settings: Settings, tables: Tables) -> None:
    """Raise Absent for a hub whose stations no timetable knows."""
    wanted = settings.hub.stations
    found = tables["rail_stations"].filter(nw.col("station_id").is_in(list(wanted))).select("station_id")
    missing = set(wanted) - {row["station_id"] for row in collect(found).to_pylist()}
    if missing:
        raise Absent("wiring_no_station", file=settings.hub_file, stations=", ".join(sorted(missing)))


@cache
def _area_names(data_dir: Path) -> dict[str, str]:
    """Return county code -> name, of the shipped administrative table."""
    with (data_dir / "cn-admin" / "areas.csv").open(encoding="utf-8", newline="") as stream:
        return {row["code"]: row["name"] for row in csv.DictReader(stream)}


def _list_synthetic(held: Sequence[str], tables: Tables, names: Sequence[str], dates: Sequence[date]) -> list[str]:
    """Return the datasets that hold synthetic rows; of those with a service date, on the dates concerned."""
    made = []
    for name in held:
        if name not in names:
            continue
        rows = tables[name].filter(nw.col("provenance") == "synthetic")
        if "service_date" in rows.collect_schema().names():
            rows = rows.filter(nw.col("service_date").is_in(list(dates)))
        if len(collect(rows.head(1))):
            made.append(name)
    return made


def project(tables: Tables, patterns: Mapping[date, date]) -> dict[str, nw.LazyFrame[Any]]:
    """Return the tables with the service days of the dates asked for, each on its pattern."""
    return {**tables, "rail_service_days": project_days(tables["rail_service_days"], patterns)}
