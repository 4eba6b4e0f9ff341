"""The blocks of hub.toml that say what the hub is: places, teams, walks, shifts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

from hubtwin.model.duty import Qualification, ShiftPlan
from hubtwin.model.place import Exit, Hub, Platform, Team, Walk
from hubtwin.settings.reading import (
    Wrong,
    read_amount,
    read_names,
    read_number,
    read_table,
    read_tables,
    read_text,
    read_texts,
    read_zone,
    refuse_unknown,
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
QUALIFICATIONS = tuple(each.value for each in Qualification)
MOST_TEAMS = 1000


@dataclass(frozen=True, slots=True)
class VenueSettings:
    """The archive of the venue (a zip or a folder), and which of its openings, links or units are out of use."""

    archive: Path
    closed: tuple[str, ...] = ()


def read_hub(told: Mapping[str, Any]) -> Hub:
    """Return the hub with its places, teams and walks. Raises Wrong, KeyError for what is missing."""
    block = read_table(told, "hub") if "hub" in told else told["hub"]
    refuse_unknown(block, "hub.", ("id", "name", "timezone", "stations", "area_code"))
    exits = tuple(
        Exit(
            read_text(x, "id"), read_names(x), read_number(x, "lanes", 1, 1000), read_amount(x, "lane_capacity_per_min")
        )
        for x in read_tables(told, "exits")
    )
    platforms = tuple(Platform(name) for group in read_tables(told, "platforms") for name in read_texts(group, "ids"))
    places = [*(x.exit_id for x in exits), *(p.platform_id for p in platforms)]
    if len(set(places)) < len(places):
        raise Wrong("exits.id, platforms.ids", "unique")
    return Hub(
        hub_id=read_text(block, "id"),
        name=read_names(block),
        zone=read_zone(block),
        stations=read_texts(block, "stations"),
        area_code=read_text({"area_code": "-", **block}, "area_code").strip("-"),
        platforms=platforms,
        exits=exits,
        teams=tuple(team for group in read_tables(told, "teams") for team in _teams(group, places)),
        walks=_walks(read_table(told, "walking"), platforms, exits),
    )


def _teams(group: Mapping[str, Any], places: Sequence[str]) -> list[Team]:
    posts, prefix, size = (
        read_texts(group, "posts"),
        read_text(group, "prefix"),
        read_number(group, "size", 1, MOST_TEAMS),
    )
    if not set(posts) <= set(places):
        raise Wrong("teams.posts", "places")
    return [
        Team(f"{prefix}{n + 1:02d}", {"zh": f"{n + 1} 组", "en": f"Team {n + 1}"}, posts[n % len(posts)], size)
        for n in range(read_number(group, "count", 0, MOST_TEAMS))
    ]


def _walks(told: Mapping[str, Any], platforms: tuple[Platform, ...], exits: tuple[Exit, ...]) -> tuple[Walk, ...]:
    """Derive every walk from the grid that hub.toml describes; explicit `pairs` come on top."""
    pairs = told.get("pairs", [])
    explicit = tuple(Walk(a, b, read_number({"pairs": s}, "pairs", 0), told=True) for a, b, s in pairs)
    if "base_s" not in told:
        return explicit
    base, step, change, across = (
        read_number(told, name, 0) for name in ("base_s", "step_s", "change_s", "exit_to_exit_s")
    )
    low_end, last = read_texts(told, "low_end"), len(platforms) - 1
    if not set(low_end) <= {x.exit_id for x in exits}:
        raise Wrong("walking.low_end", "places")
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


def read_venue(told: Mapping[str, Any], hub_file: Path, data_dir: Path) -> VenueSettings | None:
    """Return where the venue is drawn, None where hub.toml names no archive. Raises Wrong, KeyError.

    The archive lies beside hub.toml or in the folder of shipped data, as feeds do: a copy of a shipped hub.toml works.
    """
    if "venue" not in told:
        return None
    block = read_table(told, "venue")
    refuse_unknown(block, "venue.", ("archive", "closed"))
    closed = read_texts(block, "closed", "venue.") if block.get("closed") else ()
    beside, shipped = (folder / read_text(block, "archive") for folder in (hub_file.parent, data_dir))
    return VenueSettings(shipped if shipped.exists() and not beside.exists() else beside, closed)


def read_shift(block: Mapping[str, Any], hub: Hub) -> ShiftPlan:
    """Return a line of the shift plan. Raises Wrong."""
    refuse_unknown(block, "shifts.", ("teams", "from", "until", "days", "qualifications", "post"))
    begin, end = _clock_min(block, "from"), _clock_min(block, "until")
    days = read_texts(block, "days", "shifts.") if "days" in block else DAYS
    able = read_texts(block, "qualifications", "shifts.") if "qualifications" in block else QUALIFICATIONS
    teams = read_texts(block, "teams", "shifts.") if "teams" in block else ()
    post = read_text(block, "post") if "post" in block else ""
    places = {*(x.exit_id for x in hub.exits), *(x.platform_id for x in hub.platforms), ""}
    for name, told, known in (
        ("days", days, DAYS),
        ("qualifications", able, QUALIFICATIONS),
        ("teams", teams, {team.team_id for team in hub.teams}),
        ("post", (post,), places),
    ):
        if not set(told) <= set(known):
            raise Wrong(f"shifts.{name}", "one_of")
    end = end if end > begin else end + 24 * 60
    return ShiftPlan(begin, end, frozenset(map(DAYS.index, days)), frozenset(able), frozenset(teams), post)


def _clock_min(block: Mapping[str, Any], name: str) -> int:
    found = block[name]
    if not isinstance(found, time):
        raise Wrong(f"shifts.{name}", "clock")
    return found.hour * 60 + found.minute
