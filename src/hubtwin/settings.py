"""Settings: one frozen record; defaults < hub.toml < environment < flags. Only entry points and wiring read it."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hubtwin.base.errors import Absent, Malformed
from hubtwin.model.place import Exit, Hub, Platform, Team, Walk

_PACKAGE = Path(__file__).resolve().parent
DEFAULT_HUB = "hangzhou-east"


@dataclass(frozen=True)
class Settings:
    """All that a run of hubtwin is told.

    `pattern_week` is the Monday of the week whose service days stand for later dates (None: no pattern).
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
        return _settings(told, hub_file, data_dir, env, home=home, lang=lang)
    except KeyError as error:
        raise Malformed("settings_missing", file=hub_file, entry=error.args[0]) from error
    except (TypeError, ValueError, AttributeError, ZoneInfoNotFoundError) as error:
        raise Malformed("settings_wrong", file=hub_file, problem=str(error)) from error


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
    timetable, simulation = told.get("timetable", {}), told.get("simulation", {})
    return Settings(
        hub=_hub(told),
        hub_file=hub_file,
        home=home or Path(env.get("HUBTWIN_HOME", ".hubtwin")),
        data_dir=data_dir,
        lang=lang or find_lang(env),
        threads=int(env.get("HUBTWIN_THREADS", "2")),
        feeds={name: tuple(_feed_file(f, hub_file, data_dir) for f in files) for name, files in told["feeds"].items()},
        pattern_week=timetable.get("pattern_week"),
        last_published=timetable.get("last_published"),
        sim_seed=int(simulation.get("seed", 1)),
        sim_arrivals=int(simulation.get("arrivals", 120_000)),
        scenes=told.get("scenes", {}),
    )


def _feed_file(name: str, hub_file: Path, data_dir: Path) -> Path:
    beside = hub_file.parent / name
    return beside if beside.exists() else data_dir / name


def _hub(told: Mapping[str, Any]) -> Hub:
    block = told["hub"]
    exits = tuple(
        Exit(x["id"], x["name"], int(x["lanes"]), float(x["lane_capacity_per_min"])) for x in told.get("exits", [])
    )
    platforms = tuple(Platform(name) for group in told.get("platforms", []) for name in group["ids"])
    return Hub(
        hub_id=block["id"],
        name=block["name"],
        zone=ZoneInfo(block["timezone"]),
        stations=tuple(block["stations"]),
        platforms=platforms,
        exits=exits,
        teams=tuple(team for group in told.get("teams", []) for team in _teams(group)),
        walks=_walks(told.get("walking", {}), platforms, exits),
    )


def _teams(group: Mapping[str, Any]) -> list[Team]:
    posts = group["posts"]
    return [
        Team(f"{group['prefix']}{n + 1:02d}", {"zh": f"{n + 1} 组", "en": f"Team {n + 1}"}, posts[n % len(posts)], size)
        for n in range(int(group["count"]))
        for size in [int(group["size"])]
    ]


def _walks(told: Mapping[str, Any], platforms: tuple[Platform, ...], exits: tuple[Exit, ...]) -> tuple[Walk, ...]:
    """Derive every walk from the grid that hub.toml describes; explicit `pairs` come on top."""
    explicit = tuple(Walk(a, b, int(s)) for a, b, s in told.get("pairs", []))
    if "base_s" not in told:
        return explicit
    base, step, change = int(told["base_s"]), int(told["step_s"]), int(told["change_s"])
    last = len(platforms) - 1
    walks = [
        Walk(e.exit_id, p.platform_id, base + step * (i if e.exit_id in told["low_end"] else last - i))
        for e in exits
        for i, p in enumerate(platforms)
    ]
    walks += [
        Walk(a.platform_id, b.platform_id, change + step * (j - i))
        for i, a in enumerate(platforms)
        for j, b in enumerate(platforms)
        if i < j
    ]
    walks += [
        Walk(a.exit_id, b.exit_id, int(told["exit_to_exit_s"])) for i, a in enumerate(exits) for b in exits[i + 1 :]
    ]
    return (*walks, *explicit)
