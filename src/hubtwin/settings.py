"""Settings: one frozen record; defaults < hub.toml < environment < flags. Only entry points and wiring read it."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hubtwin.base.errors import Absent, Malformed
from hubtwin.base.text import LANGUAGES
from hubtwin.model.duty import Qualification, ShiftPlan
from hubtwin.model.place import Exit, Hub, Platform, Team, Walk

_PACKAGE = Path(__file__).resolve().parent
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
    "scenes",
    "sources",
    "matchers",
    "shifts",
)
FEEDS = ("timetable", "gtfs", "station_areas", "risk_areas", "risk_counts")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
QUALIFICATIONS = tuple(each.value for each in Qualification)
TLS_FILES = ("ca_file", "cert_file", "key_file")
EARLIEST, LATEST = date(1990, 1, 1), date(2099, 12, 31)
MOST_ARRIVALS, MOST_TEAMS, MOST_THREADS = 1_000_000, 1000, 256


@dataclass(frozen=True)
class SourceSettings:
    """Where a live source is. `secret_env` names the variable of the environment that holds its token or password;
    the three files (PEM) are for a source over HTTPS with an authority of its own, or one that asks who we are.
    """

    url: str
    user: str | None = None
    secret_env: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True)
class MatcherSettings:
    """A matcher of a railway: its address, its receiving key in hexadecimal, and files (PEM) for mutual TLS."""

    url: str
    wrapping_key: str
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


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
    sources: Mapping[str, SourceSettings]
    shifts: tuple[ShiftPlan, ...] = ()
    matchers: Mapping[str, MatcherSettings] = field(default_factory=dict)

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
    except _Wrong as error:
        entry, kind = error.args
        raise Malformed(f"settings_need_{kind}", file=hub_file, entry=entry) from error
    except (TypeError, ValueError, AttributeError) as error:
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
    _known(told, "", BLOCKS)
    timetable, simulation, feeds = _table(told, "timetable"), _table(told, "simulation"), told["feeds"]
    _known(timetable, "timetable.", ("pattern_week", "last_published"))
    _known(simulation, "simulation.", ("seed", "arrivals"))
    _known(feeds, "feeds.", FEEDS)
    hub = _hub(told)
    monday, last = _date(timetable, "pattern_week"), _date(timetable, "last_published")
    if monday is not None and (monday.weekday() != 0 or last is None):
        raise _Wrong("timetable.pattern_week", "monday")
    return Settings(
        hub=hub,
        hub_file=hub_file,
        home=home or Path(env.get("HUBTWIN_HOME", ".hubtwin")),
        data_dir=data_dir,
        lang=lang or find_lang(env),
        threads=_threads(env.get("HUBTWIN_THREADS", "2")),
        feeds={
            name: tuple(_feed_file(file, hub_file, data_dir) for file in _texts(feeds, name, "feeds."))
            for name in feeds
        },
        pattern_week=monday,
        last_published=last,
        sim_seed=_number({"seed": 1, **simulation}, "seed", 0),
        sim_arrivals=_number({"arrivals": 120_000, **simulation}, "arrivals", 1, MOST_ARRIVALS),
        scenes={name: _table(_table(told, "scenes"), name) for name in _table(told, "scenes")},
        sources={name: _source(_table(told, "sources"), name, hub_file) for name in _table(told, "sources")},
        matchers={name: _matcher(_table(told, "matchers"), name, hub_file) for name in _table(told, "matchers")},
        shifts=tuple(_shift(block, hub) for block in _tables(told, "shifts")),
    )


def _shift(block: Mapping[str, Any], hub: Hub) -> ShiftPlan:
    _known(block, "shifts.", ("teams", "from", "until", "days", "qualifications", "post"))
    begin, end = _clock_min(block, "from"), _clock_min(block, "until")
    days = _texts(block, "days", "shifts.") if "days" in block else DAYS
    able = _texts(block, "qualifications", "shifts.") if "qualifications" in block else QUALIFICATIONS
    teams = _texts(block, "teams", "shifts.") if "teams" in block else ()
    post = _text(block, "post") if "post" in block else ""
    places = {*(x.exit_id for x in hub.exits), *(x.platform_id for x in hub.platforms), ""}
    for name, told, known in (
        ("days", days, DAYS),
        ("qualifications", able, QUALIFICATIONS),
        ("teams", teams, {team.team_id for team in hub.teams}),
        ("post", (post,), places),
    ):
        if not set(told) <= set(known):
            raise _Wrong(f"shifts.{name}", "one_of")
    end = end if end > begin else end + 24 * 60
    return ShiftPlan(begin, end, frozenset(map(DAYS.index, days)), frozenset(able), frozenset(teams), post)


def _clock_min(block: Mapping[str, Any], name: str) -> int:
    found = block[name]
    if not isinstance(found, time):
        raise _Wrong(f"shifts.{name}", "clock")
    return found.hour * 60 + found.minute


def _source(block: Mapping[str, Any], name: str, hub_file: Path) -> SourceSettings:
    told = _table(block, name)
    _known(told, f"sources.{name}.", ("url", "user", "secret_env", *TLS_FILES))
    files = _tls_files(told, f"sources.{name}.", hub_file)
    return SourceSettings(_text(told, "url"), told.get("user"), told.get("secret_env"), *files)


def _matcher(block: Mapping[str, Any], name: str, hub_file: Path) -> MatcherSettings:
    told = _table(block, name)
    _known(told, f"matchers.{name}.", ("url", "wrapping_key", *TLS_FILES))
    files = _tls_files(told, f"matchers.{name}.", hub_file)
    return MatcherSettings(_text(told, "url"), _text(told, "wrapping_key"), *files)


def _tls_files(told: Mapping[str, Any], prefix: str, hub_file: Path) -> list[Path | None]:
    """Return the three files of an entry, those that are relative beside hub.toml. Both halves of our own, or none."""
    found = [hub_file.parent / _text(told, name) if name in told else None for name in TLS_FILES]
    if (found[1] is None) != (found[2] is None):
        raise _Wrong(f"{prefix}{TLS_FILES[1]}, {TLS_FILES[2]}", "both")
    return found


def _feed_file(name: str, hub_file: Path, data_dir: Path) -> Path:
    beside = hub_file.parent / name
    return beside if beside.exists() else data_dir / name


def _hub(told: Mapping[str, Any]) -> Hub:
    block = _table(told, "hub") if "hub" in told else told["hub"]
    _known(block, "hub.", ("id", "name", "timezone", "stations"))
    exits = tuple(
        Exit(_text(x, "id"), _names(x), _number(x, "lanes", 1, 1000), _amount(x, "lane_capacity_per_min"))
        for x in _tables(told, "exits")
    )
    platforms = tuple(Platform(name) for group in _tables(told, "platforms") for name in _texts(group, "ids"))
    places = [*(x.exit_id for x in exits), *(p.platform_id for p in platforms)]
    if len(set(places)) < len(places):
        raise _Wrong("exits.id, platforms.ids", "unique")
    return Hub(
        hub_id=_text(block, "id"),
        name=_names(block),
        zone=_zone(block),
        stations=_texts(block, "stations"),
        platforms=platforms,
        exits=exits,
        teams=tuple(team for group in _tables(told, "teams") for team in _teams(group, places)),
        walks=_walks(_table(told, "walking"), platforms, exits),
    )


def _teams(group: Mapping[str, Any], places: Sequence[str]) -> list[Team]:
    posts, prefix, size = _texts(group, "posts"), _text(group, "prefix"), _number(group, "size", 1, MOST_TEAMS)
    if not set(posts) <= set(places):
        raise _Wrong("teams.posts", "places")
    return [
        Team(f"{prefix}{n + 1:02d}", {"zh": f"{n + 1} 组", "en": f"Team {n + 1}"}, posts[n % len(posts)], size)
        for n in range(_number(group, "count", 0, MOST_TEAMS))
    ]


def _walks(told: Mapping[str, Any], platforms: tuple[Platform, ...], exits: tuple[Exit, ...]) -> tuple[Walk, ...]:
    """Derive every walk from the grid that hub.toml describes; explicit `pairs` come on top."""
    explicit = tuple(Walk(a, b, _number({"pairs": s}, "pairs", 0)) for a, b, s in told.get("pairs", []))
    if "base_s" not in told:
        return explicit
    base, step, change, across = (_number(told, name, 0) for name in ("base_s", "step_s", "change_s", "exit_to_exit_s"))
    low_end, last = _texts(told, "low_end"), len(platforms) - 1
    if not set(low_end) <= {x.exit_id for x in exits}:
        raise _Wrong("walking.low_end", "places")
    walks = [
        Walk(e.exit_id, p.platform_id, base + step * (i if e.exit_id in low_end else last - i))
        for e in exits
        for i, p in enumerate(platforms)
    ]
    walks += [
        Walk(a.platform_id, b.platform_id, change + step * (j - i))
        for i, a in enumerate(platforms)
        for j, b in enumerate(platforms)
        if i < j
    ]
    walks += [Walk(a.exit_id, b.exit_id, across) for i, a in enumerate(exits) for b in exits[i + 1 :]]
    return (*walks, *explicit)


class _Wrong(Exception):
    """An entry that is not what it must be: its name, and what is needed (end of a text key)."""


def _known(block: Mapping[str, Any], prefix: str, known: Sequence[str]) -> None:
    """Refuse an entry that nobody reads: it is a slip of the pen, and what it was meant for would be missing."""
    if not isinstance(block, Mapping):
        raise _Wrong(prefix.rstrip("."), "table")
    for name in block:
        if name not in known:
            raise _Wrong(prefix + name, "known")


def _table(block: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = block.get(name, {})
    if not isinstance(found, Mapping):
        raise _Wrong(name, "table")
    return found


def _tables(block: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    found = block.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise _Wrong(name, "tables")
    return found


def _text(block: Mapping[str, Any], name: str) -> str:
    if not isinstance(block[name], str) or not block[name].strip():
        raise _Wrong(name, "text")
    return str(block[name])


def _texts(block: Mapping[str, Any], name: str, prefix: str = "") -> tuple[str, ...]:
    found = block[name]
    if not isinstance(found, list) or not found or not all(isinstance(each, str) and each for each in found):
        raise _Wrong(prefix + name, "texts")
    return tuple(found)


def _names(block: Mapping[str, Any]) -> Mapping[str, str]:
    found = block["name"]
    if not isinstance(found, Mapping) or not all(isinstance(found.get(lang), str) for lang in LANGUAGES):
        raise _Wrong("name", "names")
    return found


def _number(block: Mapping[str, Any], name: str, low: int, high: int = 2**31 - 1) -> int:
    found = block[name]
    if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
        raise _Wrong(name, "number")
    return found


def _amount(block: Mapping[str, Any], name: str) -> float:
    found = block[name]
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 < found < float("inf"):
        raise _Wrong(name, "amount")
    return float(found)


def _date(block: Mapping[str, Any], name: str) -> date | None:
    found = block.get(name)
    if found is not None and (type(found) is not date or not EARLIEST <= found <= LATEST):
        raise _Wrong(name, "date")
    return found


def _zone(block: Mapping[str, Any]) -> ZoneInfo:
    name = _text(block, "timezone")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:  # a path, a folder, an unknown name
        raise _Wrong("hub.timezone", "zone") from error


def _threads(told: str) -> int:
    if not told.isdecimal() or not 1 <= int(told[:9]) <= MOST_THREADS:
        raise _Wrong("HUBTWIN_THREADS", "number")
    return int(told)
