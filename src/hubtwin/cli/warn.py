"""Commands about what is coming: collide, demo, pathogens."""

from datetime import date, datetime
from typing import Any

import click

from hubtwin.base.clock import local
from hubtwin.base.text import text
from hubtwin.cli.desk import DayType, Desk, first_use
from hubtwin.cli.show import clock_time, show_csv, show_json, show_table
from hubtwin.datasets.all import DATASETS
from hubtwin.model.record import Provenance
from hubtwin.wiring import Ask, WarningList, load, simulate_into, warn

DEFAULT_DATE = date(2022, 10, 20)  # a Thursday with 213 counties at risk in the shipped data
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
@click.pass_obj
def collide(desk: Desk, /, *, day: date, at: str, **asked: Any) -> None:
    """Print the trains arriving next that pass risk areas."""
    now = desk.local_moment(day, at)
    with desk.store() as store:
        first_use(desk, store)
        ask = Ask(now, asked["horizon"], asked["rung"], asked["service_pattern"], save=asked["save"])
        found = warn(desk.settings, store, ask)
    print_list(desk, found, asked["form"], asked["limit"])


@click.command("demo")
@click.option("--date", "day", type=DayType(), default=DEFAULT_DATE)
@click.option("--at", default="09:00", show_default=True, metavar="HH:MM")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True)
@click.pass_obj
def demo(desk: Desk, /, day: date, at: str, limit: int) -> None:
    """Prepare everything that is missing, then print the list."""
    now = desk.local_moment(day, at)
    with desk.store() as store:
        first_use(desk, store)
        with desk.progress() as begin:
            simulate_into(desk.settings, store, day, begin)
        found = warn(desk.settings, store, Ask(now, horizon_min=180, rung="counts"))
    print_list(desk, found, "table", limit)
    desk.say("cli.demo_next", day=day.isoformat())


@click.command("pathogens")
@click.pass_obj
def list_pathogens(desk: Desk, /) -> None:
    """Print the pathogen profiles with the source of each figure."""
    show = load("hubtwin.cli.pathogens:show_pathogens")
    show(desk.out, load("hubtwin.scenes.epidemic.profiles:PATHOGENS"), desk.lang)


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
            "overloads": found.overloads,
            "synthetic": found.synthetic,
        }
        desk.out.file.write(show_json(found.trains, context) + "\n")
        return
    _print_head(desk, found)
    if found.trains:
        show_table(desk.out, found.trains, zone, lang=lang, limit=limit)
    else:
        desk.out.print(text("cli.nothing_found", lang))
    _print_foot(desk, found)


def _print_head(desk: Desk, found: WarningList) -> None:
    hub, lang = desk.settings.hub, desk.lang
    now: datetime = local(found.now, hub.zone)
    keys = sum(bool(w.finding.evidence["key_train"]) for w in found.trains)
    head = text(
        "cli.head", lang, hub=hub.name[lang], now=f"{now:%Y-%m-%d %H:%M}", zone=hub.zone.key, count=len(found.trains),
        keys=keys,
    )  # fmt: skip
    desk.out.print(head, style="bold")
    if found.pattern_date != found.service_date:
        desk.out.print(text("cli.pattern", lang, pattern=found.pattern_date.isoformat()), style="dim")


def _print_foot(desk: Desk, found: WarningList) -> None:
    lang, zone = desk.lang, desk.settings.hub.zone
    for overload in found.overloads:
        span = {k: clock_time(overload[f"{k}_min"], zone) for k in ("from", "until")}
        desk.out.print(
            text("cli.overload", lang, exit=overload["exit"], load=overload["peak_per_min"],
                 capacity=overload["capacity_per_min"], **span),
            style="yellow",
        )  # fmt: skip
    if any(w.finding.marks.provenance is Provenance.SYNTHETIC for w in found.trains):
        names = (getattr(DATASETS[name], lang) for name in found.synthetic)
        desk.out.print(text("cli.synthetic", lang, names=text("cli.and", lang).join(names)), style="dim")
    desk.out.print(text("cli.match_note", lang), style="dim")
    desk.out.print(text("cli.lock_note", lang), style="dim")
