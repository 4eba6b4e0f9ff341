"""Commands about the venue: check an archive, show what it holds, find a way through it, bring in a building model."""

from pathlib import Path
from typing import Any

import click

from hubtwin.base.errors import Absent
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.wiring import load

VENUES = "hubtwin.wiring.venues"
SHOWN = 200  # lines of a table of findings; all of them are in JSON
_FILE = click.Path(path_type=Path)


@click.group("venue")
def venue() -> None:
    """Look after the drawing of the hub."""


def _archive(desk: Desk, file: Path | None) -> Path:
    """Return the file that was named, else that of the hub. Raises Absent."""
    if file is not None:
        return file
    if desk.settings.venue is None:
        raise Absent("cli.venue_none", file=desk.settings.hub_file)
    return desk.settings.venue.archive


@venue.command("check")
@click.argument("file", type=_FILE, required=False)
@FORMAT
@click.pass_context
def check(ctx: click.Context, /, file: Path | None, form: str) -> None:
    """Check an archive; exit code 1 where it breaks the standard."""
    desk: Desk = ctx.obj
    path = _archive(desk, file)
    drawn = load(f"{VENUES}:read_archive")(path)
    found = drawn.check()
    if desk.settings.venue is not None and path == desk.settings.venue.archive:
        found = [*found, *load(f"{VENUES}:check_places")(desk.settings, drawn)]
    counts = load("hubtwin.rules.venue_check:count_by_severity")(found)
    codes = {each.feature_id: each.code for each in drawn.venue.list_features()} if drawn.venue else {}
    if form == "json":
        rows = [_plain(finding, codes, desk.lang) for finding in found]
        desk.give({"file": str(path), "counts": counts, "findings": rows})
    else:
        _print_findings(desk, found, codes, {"file": path.name, **counts})
    if counts["error"]:
        ctx.exit(1)


def _plain(finding: Any, codes: dict[str, str], lang: str) -> dict[str, Any]:
    return {
        "severity": finding.severity.value,
        "code": finding.code,
        "feature_id": finding.feature_id,
        "feature": codes.get(finding.feature_id, ""),
        "where": finding.where,
        "sentence": text(finding.key, lang, **finding.values),
    }


def _print_findings(desk: Desk, found: list[Any], codes: dict[str, str], head: dict[str, Any]) -> None:
    if found:
        table = make_table(desk, "severity", "what", "where", "sentence")
        for finding in found[:SHOWN]:
            where = codes.get(finding.feature_id) or finding.where or finding.feature_id
            severity = text(f"cli.venue_{finding.severity.value}", desk.lang)
            table.add_row(severity, finding.code, where, text(finding.key, desk.lang, **finding.values))
        desk.out.print(table)
    if len(found) > SHOWN:
        desk.out.print(text("cli.more_rows", desk.lang, count=len(found) - SHOWN), style="dim")
    desk.out.print(text("cli.venue_checked" if found else "cli.venue_sound", desk.lang, **head))


@venue.command("show")
@click.argument("file", type=_FILE, required=False)
@FORMAT
@click.pass_obj
def show(desk: Desk, /, file: Path | None, form: str) -> None:
    """Print what an archive holds."""
    path = _archive(desk, file)
    drawn = load(f"{VENUES}:read_archive")(path)
    if drawn.venue is None:
        raise Absent("wiring_bad_venue", file=path)
    told = load("hubtwin.rules.venue_summary:summarise")(drawn.venue)
    if form == "json":
        desk.give(told)
        return
    lang, named = desk.lang, told["name"]
    desk.out.print(named.get(lang) or next(iter(named.values()), ""), style="bold")
    if drawn.venue.note:
        desk.out.print(drawn.venue.note.get(lang, ""))
    for name, columns in (("levels", LEVEL_COLUMNS), ("units", UNIT_COLUMNS), ("links", LINK_COLUMNS)):
        table = make_table(desk, *(HEADINGS.get(column, column) for column in columns))
        for row in told[name]:
            table.add_row(*(_cell(row[column], lang) for column in columns))
        desk.out.print(table)
    desk.out.print(text("cli.venue_counts", lang, **told["counts"]))
    desk.out.print(text("cli.venue_basis", lang, **told["basis"]))


HEADINGS = {"level": "floor"}  # the heading of a column, where it is not its name
LEVEL_COLUMNS = ("level", "named", "ordinal", "elevation_m", "units", "area_m2", "capacity")
UNIT_COLUMNS = ("category", "units", "area_m2", "capacity")
LINK_COLUMNS = ("kind", "links", "one_way", "per_min")


def _cell(value: Any, lang: str) -> str:
    if value is None:
        return text("cli.venue_unknown", lang)
    if isinstance(value, dict):
        return str(value.get(lang) or next(iter(value.values()), ""))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


@venue.command("way")
@click.argument("start", metavar="START")
@click.argument("end", metavar="END")
@click.option("--step-free", is_flag=True)
@click.option("--file", type=_FILE, default=None, metavar="FILE")
@FORMAT
@click.pass_context
def way(ctx: click.Context, /, start: str, end: str, *, step_free: bool, file: Path | None, form: str) -> None:
    """Find the shortest way by time; exit code 1 where there is none."""
    desk: Desk = ctx.obj
    path = _archive(desk, file)
    drawn = load(f"{VENUES}:read_archive")(path)
    if drawn.venue is None:
        raise Absent("wiring_bad_venue", file=path)
    closed = desk.settings.venue.closed if desk.settings.venue is not None and file is None else ()
    find = load("hubtwin.rules.hub_walks:find_place")
    graph = drawn.graph
    found = graph.find_way(find(graph, start) or start, find(graph, end) or end, step_free=step_free, closed=closed)
    codes = {each.feature_id: each.code for each in drawn.venue.list_features()}
    if form == "json":
        desk.give(found and _plain_way(found, codes))
    elif found is None:
        desk.out.print(text("cli.venue_no_way", desk.lang, start=start, end=end))
    else:
        _print_way(desk, found, codes)
    if found is None:
        ctx.exit(1)


def _plain_way(found: Any, codes: dict[str, str]) -> dict[str, Any]:
    legs = [
        {
            "level": codes.get(leg.level_id, ""),
            "by": leg.by.value,
            "seconds": round(leg.seconds, 1),
            "length_m": round(leg.length_m, 1),
            "to": codes.get(leg.to_id, ""),
            "path": leg.path,
        }
        for leg in found.legs
    ]
    total = {"seconds": round(found.seconds, 1), "length_m": round(found.length_m, 1), "step_free": found.step_free}
    return {**total, "legs": legs}


def _print_way(desk: Desk, found: Any, codes: dict[str, str]) -> None:
    table = make_table(desk, "floor", "means", "to", "seconds", "length_m")
    for leg in found.legs:
        by, to = text(f"cli.venue_by_{leg.by.value}", desk.lang), codes.get(leg.to_id, "")
        table.add_row(codes.get(leg.level_id, ""), by, to, f"{leg.seconds:.0f}", f"{leg.length_m:.0f}")
    desk.out.print(table)
    key = "cli.venue_way_step_free" if found.step_free else "cli.venue_way"
    desk.out.print(text(key, desk.lang, seconds=f"{found.seconds:.0f}", length=f"{found.length_m:.0f}"))


@venue.command("import-ifc")
@click.argument("file", type=_FILE)
@click.option("-o", "--out", type=_FILE, required=True, metavar="FILE")
@click.option("--origin", type=(click.FloatRange(-180, 180), click.FloatRange(-90, 90)), default=None)
@click.pass_obj
def import_ifc(desk: Desk, /, file: Path, out: Path, origin: tuple[float, float] | None) -> None:
    """Make an archive of the storeys, spaces and doors of a building model."""
    archive = load(f"{VENUES}:import_building")(file, desk.clock(), origin)
    load(f"{VENUES}:write_archive")(archive, out)
    kinds = [each.feature_type for each in archive.features]
    counts = {"levels": kinds.count("level"), "units": kinds.count("unit"), "openings": kinds.count("opening")}
    desk.out.print(text("cli.venue_imported", desk.lang, file=out, **counts))
    desk.out.print(archive.extension["note"][desk.lang])
