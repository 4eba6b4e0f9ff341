"""Commands about live sources before and after they are taken over: record, shadow, accept, calendar, contacts."""

import time
from datetime import timedelta

import click

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.text import text
from hubtwin.cli.data import make_table
from hubtwin.cli.desk import Desk
from hubtwin.stores.embedded import store_directory
from hubtwin.wiring import get_connector, load

EVERY_S = 2.0  # a source is asked at most so often
CALENDAR_D = 14


@click.group("feed")
def feed() -> None:
    """Look after live sources."""


@feed.command("record")
@click.argument("source")
@click.option("--minutes", type=click.IntRange(0, 31 * 24 * 60), default=None)
@click.pass_obj
def record(desk: Desk, /, source: str, minutes: int | None) -> None:
    """Record a source and store nothing else."""
    settings = desk.settings
    transport = load("hubtwin.wiring.sources:make_transport")(settings, source, reader="recorder")
    every_s = max(EVERY_S, float(get_connector(source).manifest.cadence_s))
    until = None if minutes is None else desk.clock() + timedelta(minutes=minutes)

    def wait() -> bool:
        left_s = every_s if until is None else (until - desk.clock()).total_seconds()
        if left_s <= 0:
            return False
        time.sleep(min(every_s, left_s))
        return True

    directory, so_far = store_directory(settings.home, settings.hub.hub_id), None
    alone = load("hubtwin.wiring.recording:record_alone")
    try:
        for so_far in alone(directory, settings, source, transport, desk.clock, wait=wait):
            desk.say("cli.feed_recording", source=source, pages=f"{so_far.pages:,}", kb=f"{so_far.bytes / 1024:,.0f}")
    finally:
        if so_far is not None:
            told = {"pages": f"{so_far.pages:,}", "failures": f"{sum(so_far.failures.values()):,}"}
            desk.out.print(text("cli.feed_recorded", desk.lang, source=source, **told))
            for reason, times in sorted(so_far.failures.items()):
                desk.out.print(f"  {times:,} × {text(reason, desk.lang, source=source)}")


@feed.command("calendar")
@click.option("--days", type=click.IntRange(1, 366), default=CALENDAR_D, show_default=True)
@click.pass_obj
def calendar(desk: Desk, /, days: int) -> None:
    """Print what maintenance is planned."""
    now, zone = desk.clock(), desk.settings.hub.zone
    list_spans = load("hubtwin.rules.windows:list_spans")
    found = sorted(
        (span, source)
        for source, told in desk.settings.sources.items()
        for span in list_spans(told.care.windows, zone, now, now + timedelta(days=days))
    )
    if not found:
        desk.out.print(text("cli.feed_no_maintenance", desk.lang, days=days))
        return
    table = make_table(desk, "source", "begins", "ends", "minutes")
    for span, source in found:
        begin, end = (from_epoch_minute(0) + timedelta(seconds=s) for s in (span.begin_s, span.end_s))
        shown = (f"{each.astimezone(zone):%Y-%m-%d %H:%M %Z}" for each in (begin, end))
        table.add_row(source, *shown, f"{(span.end_s - span.begin_s) // 60:,}")
    desk.out.print(table)


@feed.command("contacts")
@click.pass_obj
def contacts(desk: Desk, /) -> None:
    """Print whom to ring about each source."""
    if not desk.settings.sources:
        desk.out.print(text("cli.feed_no_sources", desk.lang))
        return
    table = make_table(desk, "source", "title", "office", "phone", "hours")
    for source, told in sorted(desk.settings.sources.items()):
        title, contact = get_connector(source).manifest.title[desk.lang], told.care.contact
        if contact is None:
            table.add_row(source, title, text("cli.feed_no_contact", desk.lang), "", "")
        else:
            table.add_row(source, title, contact.office[desk.lang], contact.phone, contact.hours)
    desk.out.print(table)
