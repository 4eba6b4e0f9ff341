"""Commands about what is coming: collide, pathogens."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import click

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.base.text import text
from hubtwin.cli.desk import DayType, Desk, first_use
from hubtwin.cli.show import clock_time, show_csv, show_json, show_table
from hubtwin.datasets.all import DATASETS
from hubtwin.model.record import Provenance
from hubtwin.wiring import Ask, WarningList, load, warn

NO_ANSWER = 3  # exit code: the question was right, but nothing can be said
FORMATS = click.Choice(["table", "json", "csv"])


@click.command("collide")
@click.option("--date", "day", type=DayType(), required=True)
@click.option("--at", required=True, metavar="HH:MM")
@click.option("--horizon", type=click.IntRange(1, 24 * 60), default=120, show_default=True)
@click.option("--rung", type=click.Choice(["auto", "counts", "hits", "manifest"]), default="auto", show_default=True)
@click.option("--service-pattern", type=DayType(), default=None)
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True)
@click.option("--format", "form", type=FORMATS, default="table", show_default=True)
@click.option("--save", is_flag=True)
@click.pass_context
def collide(ctx: click.Context, /, *, day: date, at: str, **asked: Any) -> None:
    """Print the trains arriving next that pass risk areas; exit code 3 where the feed is silent."""
    desk: Desk = ctx.obj
    now = desk.local_moment(day, at)
    with desk.store() as store:
        first_use(desk, store)
        ask = Ask(now, asked["horizon"], asked["rung"], asked["service_pattern"], save=asked["save"])
        found = warn(desk.settings, store, ask)
    print_list(desk, found, asked["form"], asked["limit"])
    if found.feed.is_silent:
        ctx.exit(NO_ANSWER)


@click.command("pathogens")
@click.pass_obj
def list_pathogens(desk: Desk, /) -> None:
    """Print the pathogen profiles with the source of each figure."""
    show = load("hubtwin.cli.pathogens:show_pathogens")
    show(desk.out, load("hubtwin.scenes.epidemic.profiles:PROFILES"), desk.lang)


def print_list(desk: Desk, found: WarningList, form: str, limit: int) -> None:
    """Print a list in the form that was asked for; notes go to standard error for programs."""
    zone, lang = desk.settings.hub.zone, desk.lang
    if form == "csv":
        desk.out.file.write(show_csv(found.trains, zone, lang))
        return
    if form == "json":
        context = {
            "hub": desk.settings.hub.hub_id,
            "now": found.now.isoformat(),
            "service_date": found.service_date.isoformat(),
            "service_pattern": found.pattern_date.isoformat(),
            "horizon_min": found.horizon_min,
            "risk_feed": asdict(found.feed),
            "overloads": found.overloads,
            "synthetic": found.synthetic,
        }
        desk.out.file.write(show_json(found.trains, context) + "\n")
        return
    _print_head(desk, found)
    print_feed(desk, found)
    if found.trains:
        show_table(desk.out, found.trains, zone, lang=lang, limit=limit)
    elif not found.feed.is_silent:
        desk.out.print(text("cli.nothing_found", lang, horizon=found.horizon_min))
    _print_foot(desk, found)


def _print_head(desk: Desk, found: WarningList) -> None:
    hub, lang = desk.settings.hub, desk.lang
    now: datetime = local(found.now, hub.zone)
    keys = sum(bool(w.finding.evidence["key_train"]) for w in found.trains)
    head = text(
        "cli.head", lang, hub=hub.name[lang], now=f"{now:%Y-%m-%d %H:%M}", zone=hub.zone.key, count=len(found.trains),
        keys=keys, horizon=found.horizon_min,
    )  # fmt: skip
    desk.out.print(head, style="bold")
    if found.pattern_date != found.service_date:
        desk.out.print(text("cli.pattern", lang, pattern=found.pattern_date.isoformat()), style="dim")


def print_feed(desk: Desk, found: WarningList) -> None:
    """Say how fresh the risk areas are: nothing found in a silent feed is not nothing there."""
    feed, lang, zone = found.feed, desk.lang, desk.settings.hub.zone
    stamp = {
        name: "" if minute is None else f"{local(from_epoch_minute(minute), zone):%Y-%m-%d %H:%M}"
        for name, minute in (("first", feed.first_min), ("last", feed.last_min), ("updated", feed.updated_min))
    }
    if feed.first_min is None:
        desk.out.print(text("cli.feed_empty", lang), style="bold red")
        return
    if feed.is_silent:
        desk.out.print(text("cli.feed_none", lang, **stamp), style="bold red")
        return
    age = feed.age_min
    shown = text("cli.minutes", lang, count=age) if age < 120 else text("cli.hours", lang, count=age // 60)
    key = "cli.feed_stale" if feed.is_stale else "cli.feed"
    desk.out.print(text(key, lang, age=shown, **stamp), style="yellow" if feed.is_stale else "dim")
    for level, count in dict[str, int](feed.frozen).items():
        at = f"{local(from_epoch_minute(feed.frozen_from_min), zone):%m-%d %H:%M}"
        name = text(f"cli.level_{level}", lang)
        desk.out.print(text("cli.frozen", lang, at=at, count=count, level=name, name=level), style="yellow")


def _print_foot(desk: Desk, found: WarningList) -> None:
    lang, zone = desk.lang, desk.settings.hub.zone
    for overload in map(dict[str, Any], found.overloads):
        span = {k: clock_time(overload[f"{k}_min"], zone) for k in ("from", "until")}
        desk.out.print(
            text("cli.overload", lang, exit=overload["exit"], load=overload["peak_per_min"],
                 capacity=overload["capacity_per_min"], **span),
            style="yellow",
        )  # fmt: skip
    if any(w.finding.marks.provenance is Provenance.SYNTHETIC for w in found.trains):
        names = (getattr(DATASETS[name], lang) for name in found.synthetic)
        desk.out.print(text("cli.synthetic", lang, names=text("cli.and", lang).join(names)), style="dim")
    if found.trains and all(dict[str, Any](w.finding.evidence)["persons"]["rung"] == "none" for w in found.trains):
        desk.out.print(text("cli.no_counts", lang, day=found.service_date.isoformat()), style="dim")
    if any(w.staff and w.staff.get("platform_inferred") for w in found.trains):
        desk.out.print(text("cli.inferred_platforms", lang), style="dim")
    desk.out.print(text("cli.match_note", lang), style="dim")
    desk.out.print(text("cli.lock_note", lang), style="dim")
