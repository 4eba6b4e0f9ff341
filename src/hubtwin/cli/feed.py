"""Commands about live sources before and after they are taken over: record, shadow, accept, calendar, contacts."""

import json
import time
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk, MomentType
from hubtwin.cli.feed_report import find_sealed, head_of, make_markdown, name_of, print_report, print_shadow
from hubtwin.wiring import get_connector, load
from hubtwin.wiring.plugs import directory_of

EVERY_S = 2.0  # a source is asked at most so often
CALENDAR_D = 14
NOT_MEASURED = 3  # exit code: nothing failed, and not everything that was agreed could be measured
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group("feed")
def feed() -> None:
    """Look after live sources."""


@feed.command("record")
@click.argument("source")
@click.option("--minutes", type=click.IntRange(0, 31 * 24 * 60), default=None)
@click.option("--reason", default="")
@click.pass_obj
def record(desk: Desk, /, source: str, minutes: int | None, reason: str) -> None:
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

    directory, so_far = directory_of(settings), None
    alone = load("hubtwin.wiring.recording:record_alone")
    try:
        for so_far in alone(directory, settings, source, transport, desk.clock, wait=wait, reason=reason):
            failures = f"{sum(so_far.failures.values()):,}"
            shown = {"pages": f"{so_far.pages:,}", "kb": f"{so_far.bytes / 1024:,.0f}", "failures": failures}
            desk.say("cli.feed_recording", source=source, **shown)
    finally:
        if so_far is not None:
            told = {"pages": f"{so_far.pages:,}", "failures": f"{sum(so_far.failures.values()):,}"}
            desk.out.print(text("cli.feed_recorded", desk.lang, source=source, **told))
            for failure, times in sorted(so_far.failures.items()):
                desk.out.print(f"  {times:,} × {name_of(failure, desk.lang)}")


@feed.command("shadow")
@click.argument("source")
@click.option("--recording", type=_FOLDER, default=None, metavar="DIR")
@click.option("--from", "since", type=MomentType(), default=None, metavar="TIME")
@click.option("--to", "until", type=MomentType(), default=None, metavar="TIME")
@click.option("--allow", type=click.FloatRange(0, 1), default=0.0, show_default=True)
@click.option("--edge", type=click.IntRange(0, 1440), default=2, show_default=True)
@FORMAT
@click.pass_context
def shadow(ctx: click.Context, /, source: str, recording: Path | None, allow: float, **told: Any) -> None:
    """Compare what a recording becomes now with what the hub stored."""
    desk: Desk = ctx.obj
    asked = load("hubtwin.wiring.shadow:Told")(
        source, _moment(desk, told["since"]), _moment(desk, told["until"]), told["edge"], recording
    )
    with desk.store() as store:
        found = load("hubtwin.wiring.shadow:shadow")(desk.settings, store, asked, desk.clock())
    if told["form"] == "json":
        desk.give({**asdict(found), "share": found.share, "allowed": allow})
    else:
        print_shadow(desk, found, allow)
    if found.share > allow:
        ctx.exit(1)


@feed.command("accept")
@click.argument("source")
@click.option("--recording", type=_FOLDER, default=None, metavar="DIR")
@click.option("--from", "since", type=MomentType(), default=None, metavar="TIME")
@click.option("--to", "until", type=MomentType(), default=None, metavar="TIME")
@click.option("--format", "form", type=click.Choice(["table", "json", "md"]), default="table", show_default=True)
@click.pass_context
def accept(ctx: click.Context, /, source: str, form: str, **told: Any) -> None:
    """Report on a source against what was agreed."""
    desk: Desk = ctx.obj
    asked = load("hubtwin.wiring.acceptance:Asked")(
        source, _moment(desk, told["since"]), _moment(desk, told["until"]), told["recording"]
    )
    with desk.store() as store:
        sealed = load("hubtwin.wiring.acceptance:accept")(desk.settings, store, asked, desk.clock())
    if form == "json":
        desk.out.file.write(sealed + "\n")
    elif form == "md":
        desk.out.file.write(make_markdown(sealed, desk.lang))
    else:
        print_report(desk, sealed)
    ctx.exit({"passed": 0, "failed": 1}.get(json.loads(sealed)["body"]["verdict"], NOT_MEASURED))


@feed.command("verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", required=True, metavar="KEY")
@click.pass_obj
def verify(desk: Desk, /, file: Path, key: str) -> None:
    """Verify a report that a hub has signed."""
    sealed = find_sealed(file.read_text(encoding="utf-8", errors="replace"))
    body = load("hubtwin.stores.signing:open_sealed")(sealed, key.strip().lower())
    for line in head_of(body, desk.lang):
        desk.out.print(line)
    desk.out.print(text("cli.feed_verified", desk.lang, at=body["made_at"]))


def _moment(desk: Desk, told: datetime | None) -> datetime | None:
    return None if told is None else desk.moment_or_now(told)


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
