"""Commands about data: import, simulate, datasets, quarantine, release."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from hubtwin.base.text import text
from hubtwin.cli.desk import DayType, Desk, MomentType, first_use
from hubtwin.wiring import (
    SIMULATED,
    ImportJob,
    bring_in_day,
    import_files,
    load,
    preview_files,
    release_freeze,
    simulate_day,
)

FORMAT = click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
SHOWN_REASONS = 3


@click.group("import")
def import_group() -> None:
    """Bring data in."""


def _import(desk: Desk, kind: str, files: tuple[Path, ...], told: dict[str, Any]) -> None:
    marks = desk.marks(synthetic=told["synthetic"])
    job = ImportJob(kind, files, desk.moment_or_now(told["now"]), marks, told.get("station_areas"))
    with desk.store() as store:
        if told["preview"]:
            _show_preview(desk, preview_files(desk.settings, store, job))
            return
        with desk.progress() as begin:
            report = import_files(desk.settings, store, job, begin(kind, _measured(files)))
        bad = store.list_quarantine(report.source)[-sum(report.quarantined.values()) :] if report.quarantined else []
    if told["form"] == "json":
        desk.give(report.as_json())
        return
    _show_report(desk, files, report, bad)


def _measured(files: tuple[Path, ...]) -> Path | None:
    return files[0] if len(files) == 1 and files[0].exists() else None


def _make_import(kind: str) -> click.Command:
    @click.pass_obj
    def run(desk: Desk, /, files: tuple[Path, ...], **told: Any) -> None:
        _import(desk, kind, files, told)

    command = click.command(kind)(run)
    command.params.append(click.Argument(["files"], nargs=-1, required=True, type=click.Path(path_type=Path)))
    command.params.append(click.Option(["--preview"], is_flag=True))
    command.params.append(click.Option(["--synthetic"], is_flag=True))
    command.params.append(click.Option(["--now"], type=MomentType(), metavar="TIME"))
    command.params.append(
        click.Option(["--format", "form"], type=click.Choice(["table", "json"]), default="table", show_default=True)
    )
    if kind == "gtfs":
        command.params.append(click.Option(["--station-areas"], type=click.Path(path_type=Path, exists=True)))
    return command


for _kind in ("risk-areas", "timetable", "gtfs", "running", "bookings", "gates", "lanes", "results"):
    import_group.add_command(_make_import(_kind))


@click.command("simulate")
@click.option("--date", "day", type=DayType(), required=True)
@click.option("--seed", type=click.IntRange(0), default=None)
@click.option("--arrivals", type=click.IntRange(1, 1_000_000), default=None)
@click.option("--out", type=click.Path(path_type=Path), default=None, metavar="DIR")
@click.option("--load", "load_it", is_flag=True)
@click.pass_obj
def simulate(desk: Desk, /, day: date, seed: int | None, arrivals: int | None, **told: Any) -> None:
    """Make a synthetic hub day, write it and, if asked, bring it in."""
    if told["out"] is None and not told["load_it"]:
        raise click.UsageError(text("cli.simulate_nothing", desk.lang))
    settings = desk.settings
    with desk.store() as store:
        first_use(desk, store)
        desk.say("cli.step_simulate")
        made = simulate_day(
            settings, store, day, settings.sim_seed if seed is None else seed, arrivals or settings.sim_arrivals
        )
        if told["out"] is not None:
            load("hubtwin.sim.folder:write_day")(made, told["out"])
        if told["load_it"]:
            with desk.progress() as begin:
                bring_in_day(settings, store, made, tuple(SIMULATED), begin)
    counts = made.counts()
    desk.out.print(text("cli.simulated", desk.lang, day=day.isoformat(), **counts))
    if counts["arrivals"] < counts["arrivals_asked"]:
        desk.out.print(text("cli.simulated_full", desk.lang, **counts))


@click.command("datasets")
@FORMAT
@click.pass_obj
def list_datasets(desk: Desk, /, form: str) -> None:
    """Print the catalogue."""
    with desk.store() as store:
        entries = load("hubtwin.library.catalogue:list_entries")(store.held())
    if form == "json":
        rows = [_plain_entry(entry) for entry in entries]
        desk.give(rows)
        return
    table = make_table(desk, "dataset", "title", "rows", "grade", "synthetic", "updated")
    for e in entries:
        share = "" if e.synthetic_share is None else f"{e.synthetic_share:.0%}"
        updated = e.updated.astimezone(desk.settings.hub.zone).strftime("%Y-%m-%d %H:%M") if e.updated else ""
        table.add_row(e.name, e.title[desk.lang], f"{e.rows:,}", e.grade.name, share, updated)
    desk.out.print(table)


@click.command("quarantine")
@click.option("--source", default=None)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.pass_obj
def list_quarantine(desk: Desk, /, source: str | None, limit: int) -> None:
    """Print what is in quarantine and why."""
    with desk.store() as store:
        rows = store.list_quarantine(source)
    if not rows:
        desk.out.print(text("cli.quarantine_empty", desk.lang))
        return
    table = make_table(desk, "where", "why", "raw")
    for row in rows[:limit]:
        table.add_row(row.locator, text(row.reason, desk.lang, **row.values), row.raw[:80])
    desk.out.print(table)
    if len(rows) > limit:
        desk.out.print(text("cli.more_rows", desk.lang, count=len(rows) - limit), style="dim")


@click.command("release")
@click.argument("level", type=click.Choice(["high", "medium", "low"]))
@click.option("--by", required=True)
@click.option("--reason", required=True)
@click.option("--now", type=MomentType(), default=None, metavar="TIME")
@click.pass_obj
def release(desk: Desk, /, level: str, by: str, reason: str, now: datetime | None) -> None:
    """End the freeze of a level on a person's word."""
    if not by.strip() or not reason.strip():
        raise click.UsageError(text("cli.blank", desk.lang))
    with desk.store() as store:
        count = release_freeze(desk.settings, store, level, by=by, reason=reason, now=desk.moment_or_now(now))
    desk.out.print(text("cli.released" if count else "cli.released_none", desk.lang, count=count))


def _plain_entry(entry: Any) -> dict[str, Any]:
    plain = {name: getattr(entry, name) for name in ("name", "rows", "files", "bytes", "synthetic_share")}
    return {**plain, "grade": entry.grade.name, "updated": entry.updated and entry.updated.isoformat()}


def make_table(desk: Desk, *columns: str) -> Table:
    """Return an empty table with headings in the language of the run."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(text(f"cli.column_{name}", desk.lang), justify="right" if name == "rows" else "left")
    return table


def _show_preview(desk: Desk, found: list[tuple[str, Any]]) -> None:
    for name, preview in found:
        desk.out.print(text("cli.preview_of", desk.lang, file=name), style="bold")
        table = make_table(desk, "where", "dataset", "row", "problems")
        for sample in preview.samples:
            shown = ", ".join(f"{k}={v}" for k, v in sample.values.items() if v is not None)
            problems = "; ".join(p.message(desk.lang) for p in sample.problems)
            table.add_row(sample.locator, sample.dataset, shown[:100], problems)
        for row in preview.quarantined:
            table.add_row(row.locator, "", row.raw[:100], text(row.reason, desk.lang, **row.values))
        desk.out.print(table)
    desk.out.print(text("cli.preview_note", desk.lang), style="dim")


def _show_report(desk: Desk, files: tuple[Path, ...], report: Any, bad: list[Any]) -> None:
    lang = desk.lang
    if report.pages == 0 and not any(file.is_file() for path in files for file in (path, *path.glob("*"))):
        desk.out.print(text("cli.report_no_files", lang, path=", ".join(map(str, files))))
        return
    if report.pages == 0:
        desk.out.print(text("cli.report_nothing_new", lang))
        return
    kept, quarantined = sum(report.kept.values()), sum(report.quarantined.values())
    desk.out.print(text("cli.report", lang, read=f"{report.read:,}", kept=f"{kept:,}", quarantined=f"{quarantined:,}",
                        identical=f"{report.identical + report.dropped:,}", replaced=f"{report.replaced:,}",
                        synthetic=f"{report.synthetic:,}"))  # fmt: skip
    for dataset, rows in report.kept.items():
        desk.out.print(f"  {dataset}: {rows:,}")
    for reason, rows in report.quarantined.items():
        examples = [row for row in bad if row.reason == reason][:SHOWN_REASONS]
        desk.out.print(text("cli.report_reason", lang, count=f"{rows:,}"), style="yellow")
        for row in examples:
            desk.out.print(f"    {row.locator}: {text(row.reason, lang, **row.values)}")
    if quarantined:
        desk.out.print(text("cli.report_quarantine", lang, source=report.source), style="dim")
