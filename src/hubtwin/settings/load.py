"""Settings: one frozen record; defaults < hub.toml < environment < flags. Only entry points and wiring read it."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hubtwin.base.errors import Absent, Malformed
from hubtwin.model.duty import ShiftPlan
from hubtwin.model.partner import Contact
from hubtwin.model.place import Hub
from hubtwin.model.record import Status
from hubtwin.rules.lanes import Limits
from hubtwin.settings.hub import VenueSettings, read_hub, read_shift, read_venue
from hubtwin.settings.library import read_district, read_terms
from hubtwin.settings.map import JournalSettings, MapSettings, read_journal, read_map
from hubtwin.settings.partners import PartnerSettings, read_contact, read_partner, refuse_rivals
from hubtwin.settings.reading import (
    Wrong,
    read_date,
    read_number,
    read_table,
    read_tables,
    read_texts,
    refuse_unknown,
)
from hubtwin.settings.rows import RowsSettings, read_rows
from hubtwin.settings.sources import MatcherSettings, SourceSettings, read_each, read_matcher, read_source

_PACKAGE = Path(__file__).resolve().parent.parent
DEFAULT_HUB = "hangzhou-east"
BLOCKS = (
    "hub",
    "timetable",
    "feeds",
    "simulation",
    "platforms",
    "exits",
    "teams",
    "walking",
    "venue",
    "map",
    "journal",
    "scenes",
    "sources",
    "matchers",
    "partners",
    "contact",
    "shifts",
    "library",
    "rows",
)
FEEDS = ("timetable", "gtfs", "station_areas", "risk_areas", "risk_counts")
MOST_ARRIVALS, MOST_THREADS = 1_000_000, 256
EXERCISE_FOLDER = "exercise"  # within that of a partner


@dataclass(frozen=True)
class Settings:
    """All that a run of hubtwin is told.

    `pattern_week` is the Monday of the week whose service days stand for later dates (None: no pattern). `status` says
    whether it happens: an exercise has a store of its own, and everything in it and from it says that it is one.
    """

    hub: Hub
    hub_file: Path
    home: Path
    data_dir: Path
    lang: str
    threads: int
    feeds: Mapping[str, tuple[Path, ...]]
    pattern_week: date | None
    last_published: date | None
    sim_seed: int
    sim_arrivals: int
    scenes: Mapping[str, Mapping[str, Any]]
    sources: Mapping[str, SourceSettings]
    shifts: tuple[ShiftPlan, ...] = ()
    matchers: Mapping[str, MatcherSettings] = field(default_factory=dict)
    partners: Mapping[str, PartnerSettings] = field(default_factory=dict)
    contact: Contact | None = None  # whom partners call
    venue: VenueSettings | None = None
    map: MapSettings = field(default_factory=MapSettings)
    journal: JournalSettings = field(default_factory=JournalSettings)
    rows: RowsSettings | None = None  # the database of accounts, grants and the audit, where it is not a file
    district: str = ""  # folder of the district whose library it is part of
    terms: Limits = field(default_factory=Limits)  # by which the library shares: lanes, clocks of people
    status: Status = Status.ACTUAL

    def pattern_of(self, service_date: date) -> date:
        """Return the date whose service pattern runs on `service_date`: itself while the timetable covers it."""
        if self.pattern_week is None or self.last_published is None or service_date <= self.last_published:
            return service_date
        return self.pattern_week + timedelta(days=service_date.weekday())


def find_data_dir() -> Path:
    """Return the folder of shipped data: inside an installed package, or beside the source tree."""
    for candidate in (_PACKAGE / "_data", _PACKAGE.parent.parent / "data"):
        if candidate.is_dir():
            return candidate
    raise Absent("settings_no_data")


def load_settings(
    hub: str | None = None,
    home: Path | None = None,
    lang: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings of a hub.

    `hub` is a path of a hub.toml or the name of a shipped hub. Raises Absent where there is no such file and
    Malformed, naming the entry, where the file is wrong.
    """
    env = os.environ if environ is None else environ
    data_dir = find_data_dir()
    hub_file = _hub_file(hub or env.get("HUBTWIN_HUB", DEFAULT_HUB), data_dir)
    try:
        told = tomllib.loads(hub_file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed("settings_not_toml", file=hub_file, problem=str(error)) from error
    try:
        settings = _settings(told, hub_file, data_dir, env, home=home, lang=lang)
        refuse_rivals(one.partner for one in settings.partners.values())
        return settings
    except KeyError as error:
        raise Malformed("settings_missing", file=hub_file, entry=error.args[0]) from error
    except Wrong as error:
        entry, kind, *more = error.args
        values = more[0] if more else {}
        raise Malformed(f"settings_need_{kind}", file=hub_file, entry=entry, **values) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise Malformed("settings_wrong", file=hub_file, problem=str(error)) from error


def as_exercise(settings: Settings) -> Settings:
    """Return the settings of the exercise of a hub: no live source and no matcher, whose messages belong to the hub
    itself, and folders of its own for partners that are reached by one."""
    partners = {
        name: replace(one, folder=one.folder / EXERCISE_FOLDER if one.folder else None)
        for name, one in settings.partners.items()
    }
    return replace(settings, status=Status.EXERCISE, sources={}, matchers={}, partners=partners)


def find_lang(environ: Mapping[str, str]) -> str:
    """Return "zh" or "en" from HUBTWIN_LANG, else from the locale of the environment."""
    for name in ("HUBTWIN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def _hub_file(hub: str, data_dir: Path) -> Path:
    shipped = data_dir / "hubs" / hub / "hub.toml"
    for candidate in (Path(hub), Path(hub) / "hub.toml", shipped):
        if candidate.is_file():
            return candidate
    raise Absent("settings_no_hub", hub=hub, shipped=", ".join(sorted(p.parent.name for p in _shipped(data_dir))))


def _shipped(data_dir: Path) -> list[Path]:
    return list((data_dir / "hubs").glob("*/hub.toml"))


def _settings(
    told: Mapping[str, Any],
    hub_file: Path,
    data_dir: Path,
    env: Mapping[str, str],
    *,
    home: Path | None,
    lang: str | None,
) -> Settings:
    refuse_unknown(told, "", BLOCKS)
    simulation, scenes = (read_table(told, name) for name in ("simulation", "scenes"))
    refuse_unknown(simulation, "simulation.", ("seed", "arrivals"))
    hub = read_hub(told)
    monday, last = _pattern(told)
    return Settings(
        hub=hub,
        hub_file=hub_file,
        home=home or Path(env.get("HUBTWIN_HOME", ".hubtwin")),
        data_dir=data_dir,
        lang=lang or find_lang(env),
        threads=_threads(env.get("HUBTWIN_THREADS", "2")),
        feeds=_feeds(told["feeds"], hub_file, data_dir),
        pattern_week=monday,
        last_published=last,
        sim_seed=read_number({"seed": 1, **simulation}, "seed", 0),
        sim_arrivals=read_number({"arrivals": 120_000, **simulation}, "arrivals", 1, MOST_ARRIVALS),
        scenes={name: read_table(scenes, name) for name in scenes},
        sources=read_each(told, "sources", read_source, hub_file),
        matchers=read_each(told, "matchers", read_matcher, hub_file),
        partners=read_each(told, "partners", read_partner, hub_file),
        contact=read_contact(told, ""),
        shifts=tuple(read_shift(block, hub) for block in read_tables(told, "shifts")),
        venue=read_venue(told, hub_file, data_dir),
        map=read_map(told),
        journal=read_journal(told),
        rows=read_rows(told),
        district=read_district(told),
        terms=read_terms(told),
    )


def _pattern(told: Mapping[str, Any]) -> tuple[date | None, date | None]:
    """Return the Monday of the pattern week and the last published day."""
    timetable = read_table(told, "timetable")
    refuse_unknown(timetable, "timetable.", ("pattern_week", "last_published"))
    monday, last = read_date(timetable, "pattern_week"), read_date(timetable, "last_published")
    if monday is not None and (monday.weekday() != 0 or last is None):
        raise Wrong("timetable.pattern_week", "monday")
    return monday, last


def _feeds(feeds: Mapping[str, Any], hub_file: Path, data_dir: Path) -> dict[str, tuple[Path, ...]]:
    refuse_unknown(feeds, "feeds.", FEEDS)
    return {name: _feed_files(feeds, name, hub_file, data_dir) for name in feeds}


def _feed_files(feeds: Mapping[str, Any], name: str, hub_file: Path, data_dir: Path) -> tuple[Path, ...]:
    return tuple(_feed_file(file, hub_file, data_dir) for file in read_texts(feeds, name, "feeds."))


def _feed_file(name: str, hub_file: Path, data_dir: Path) -> Path:
    beside = hub_file.parent / name
    return beside if beside.exists() else data_dir / name


def _threads(told: str) -> int:
    if not told.isdecimal() or not 1 <= int(told[:9]) <= MOST_THREADS:
        raise Wrong("HUBTWIN_THREADS", "number")
    return int(told)
