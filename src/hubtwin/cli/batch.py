"""Batches to the platform of the province from the command line: made, checked, sent, answered, corrected, by hand."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from hubtwin.base.clock import DAY_MIN, epoch_minute, from_epoch_minute, local
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT
from hubtwin.cli.desk import Desk, MomentType, Told
from hubtwin.rules.batching import Batched, Fate, RowState
from hubtwin.wiring import load

_IN = click.Path(path_type=Path, exists=True, dir_okay=False)
_OUT = click.Path(path_type=Path, dir_okay=False)
FACTS = click.argument("facts", type=_IN)
TEMPLATE = click.option("--template", default="persons", show_default=True)
VERSION = click.option("--template-version", "version", type=click.IntRange(1), default=None)
SHOWN_ROWS, EACH = 10, 500


@click.group("batch")
def batch() -> None:
    """Report persons to the platform of the province."""


@batch.command("list")
@FORMAT
@click.pass_obj
def list_batches(desk: Desk, /, form: str) -> None:
    """Print the batches and the states of their rows."""
    with _opened(desk) as batching:
        told = [(head, batching.books.count(head.batch_id)) for head in batching.books.list_heads()]
    if form == "json":
        rows = [_as_json(head) | {state.value: number for state, number in counts.items()} for head, counts in told]
        desk.give(rows)
        return
    if not told:
        desk.say("cli.batch_none")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("batch", "made", "template", "corrects", *(state.value for state in RowState)):
        table.add_column(text(f"cli.batch_column_{name}", desk.lang), overflow="fold")
    for head, counts in told:
        made = local(from_epoch_minute(head.made_min), desk.settings.hub.zone).strftime("%Y-%m-%d %H:%M")
        numbers = [f"{counts[state]:,}" if counts[state] else "" for state in RowState]
        table.add_row(head.batch_id, made, f"{head.template} {head.version}", head.corrects, *numbers)
    desk.out.print(table)


@batch.command("make")
@FACTS
@TEMPLATE
@VERSION
@click.option("--from", "since", type=MomentType(), default=None, metavar="TIME")
@click.option("--until", type=MomentType(), default=None, metavar="TIME")
@click.option("--synthetic", is_flag=True)
@click.pass_obj
def make(desk: Desk, /, facts: Path, **told: Any) -> None:
    """Make a batch of the facts of persons."""
    now = desk.clock()
    until = desk.moment_or_now(told["until"])
    since = desk.moment_or_now(told["since"]) if told["since"] else from_epoch_minute(epoch_minute(until) - DAY_MIN)
    marks = desk.marks(synthetic=told["synthetic"])
    period = load("hubtwin.wiring.batches:Period")(epoch_minute(since), epoch_minute(until))
    with _opened(desk) as batching, _reading(desk, facts) as rows:
        made = batching.make(rows, _template(desk, batching, told, now), period, now, marks)
    _show(desk, made.batched)
    key = "cli.batch_made" if made.head else "cli.batch_nothing_new"
    desk.out.print(text(key, desk.lang, batch=made.head.batch_id if made.head else ""))


@batch.command("check")
@FACTS
@TEMPLATE
@VERSION
@click.pass_context
def check(ctx: click.Context, /, facts: Path, **told: Any) -> None:
    """Check the facts of persons and write nothing; exit code 1 where a row has errors."""
    desk: Desk = ctx.obj
    with _opened(desk) as batching, _reading(desk, facts) as rows:
        template = _template(desk, batching, told, desk.clock())
        batched = batching.check(rows, template)
    _show(desk, batched)
    wrong = [one.row for one in batched.rows if one.row.problems]
    for row in wrong[:SHOWN_ROWS]:
        for key, problem in row.problems:
            title = template.columns[template.places[key]].title(desk.lang)
            said = {"row": row.place, "column": title, "problem": problem.message(desk.lang)}
            desk.out.print(text("cli.batch_problem", desk.lang, **said))
    if len(wrong) > SHOWN_ROWS:
        desk.out.print(text("cli.batch_more_wrong", desk.lang, count=len(wrong) - SHOWN_ROWS))
    if wrong:
        ctx.exit(1)


@batch.command("send")
@click.argument("name", metavar="[BATCH]", required=False)
@click.option("--again", is_flag=True)
@click.pass_context
def send(ctx: click.Context, /, name: str | None, *, again: bool) -> None:
    """Send what waits; exit code 1 where the platform was not reached."""
    desk: Desk = ctx.obj
    if again and name is None:
        raise click.UsageError(text("cli.batch_again_which", desk.lang))
    with _opened(desk) as batching:
        rows = batching.stage(name, again=again) if name else batching.stage_all()
        batching.send.pump(desk.clock())
        moved, problem = batching.follow(), batching.send.failed.get(batching.partner)
        waits = batching.partner in batching.wire.list_partners()
    desk.out.print(text("cli.batch_sent", desk.lang, rows=f"{rows:,}", moved=f"{moved:,}"))
    if problem or waits:
        said = text(problem, desk.lang, partner=batching.partner) if problem else ""
        desk.say("cli.batch_waits", partner=batching.partner, problem=said)
        ctx.exit(1)


@batch.command("receipts")
@click.pass_obj
def receipts(desk: Desk, /) -> None:
    """Take over the answers that came, and print what still waits."""
    with _opened(desk) as batching:
        moved = batching.follow()
        desk.out.print(text("cli.batch_moved", desk.lang, moved=f"{moved:,}"))
        for head in batching.books.list_heads():
            counts = batching.books.count(head.batch_id)
            told = {state.value: f"{counts[state]:,}" for state in (RowState.SENT, RowState.REFUSED, RowState.HELD)}
            if any(counts[state] for state in (RowState.SENT, RowState.REFUSED, RowState.HELD)):
                desk.out.print(text("cli.batch_open", desk.lang, batch=head.batch_id, **told))
            if head.reason:
                desk.out.print(text("cli.batch_refused", desk.lang, batch=head.batch_id, reason=head.reason))


@batch.command("errors")
@click.argument("name", metavar="BATCH")
@click.argument("file", type=_OUT)
@click.pass_obj
def errors(desk: Desk, /, name: str, file: Path) -> None:
    """Write the rows to correct into a file, .xlsx or .csv."""
    with _opened(desk) as batching:
        count = load("hubtwin.wiring.batch_files:write_errors")(batching, name, file)
    desk.out.print(text("cli.batch_errors", desk.lang, rows=f"{count:,}", path=file))


@batch.command("resend")
@click.argument("name", metavar="BATCH")
@click.argument("file", type=_IN)
@click.pass_context
def resend(ctx: click.Context, /, name: str, file: Path) -> None:
    """Make a batch of what was corrected; exit code 1 where rows are still wrong."""
    desk: Desk = ctx.obj
    with _opened(desk) as batching:
        done = load("hubtwin.wiring.batch_files:resend_file")(batching, name, file, desk.clock())
    goes, wrong = done.batched.counts[Fate.GOES], len(done.wrong)
    told = {"goes": f"{goes:,}", "wrong": f"{wrong:,}", "unchanged": f"{done.unchanged:,}"}
    desk.out.print(text("cli.batch_resent", desk.lang, **told))
    if done.head:
        desk.out.print(text("cli.batch_made", desk.lang, batch=done.head.batch_id))
    _show_problems(desk, done.problems)
    if done.wrong or done.problems:
        ctx.exit(1)


@batch.command("export")
@click.argument("name", metavar="BATCH")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR")
@click.pass_obj
def export(desk: Desk, /, name: str, folder: Path) -> None:
    """Write a batch into a folder to be carried by hand."""
    with _opened(desk) as batching:
        count, sheet = load("hubtwin.wiring.batch_files:export")(batching, name, folder, desk.clock())
    desk.out.print(text("cli.batch_exported", desk.lang, rows=f"{count:,}", path=folder, sheet=sheet.name))


@batch.command("take")
@click.argument("place", metavar="FILE", type=click.Path(path_type=Path, exists=True))
@click.pass_context
def take(ctx: click.Context, /, place: Path) -> None:
    """Take what came back by hand: the folder, or a filled-in sheet."""
    desk: Desk = ctx.obj
    files = "hubtwin.wiring.batch_files"
    with _opened(desk) as batching:
        if place.suffix.lower() == ".xlsx":
            taken = load(f"{files}:take_sheet")(batching, place)
        else:
            reception = load("hubtwin.wiring.batch_desk:reception")(desk.settings)
            taken = load(f"{files}:take_folder")(batching, place, reception, desk.clock())
    desk.out.print(text("cli.batch_taken", desk.lang, messages=f"{taken.messages:,}", moved=f"{taken.moved:,}"))
    _show_problems(desk, taken.problems)
    if taken.problems:
        ctx.exit(1)


@dataclass
class _Read:
    """How many rows of a file were read, as `Desk.progress` wants it."""

    rows: int = 0
    quarantined: int = 0
    bytes: int | None = None


@contextmanager
def _opened(desk: Desk) -> Iterator[Any]:
    with load("hubtwin.wiring.batch_desk:open_batching")(desk.settings, desk.clock) as batching:
        yield batching


@contextmanager
def _reading(desk: Desk, file: Path) -> Iterator[Iterator[Mapping[str, Any]]]:
    read: Callable[[Path], Iterator[Mapping[str, Any]]] = load("hubtwin.wiring.batch_desk:read_facts")
    with desk.progress() as begin:
        yield _counted(read(file), begin("batch", None))


def _counted(rows: Iterator[Mapping[str, Any]], told: Told) -> Iterator[Mapping[str, Any]]:
    for number, row in enumerate(rows, start=1):
        if number % EACH == 0:
            told(_Read(number))
        yield row


def _template(desk: Desk, batching: Any, told: Mapping[str, Any], now: datetime) -> Any:
    if told["version"]:
        return batching.templates.get(told["template"], told["version"])
    return batching.templates.in_force(told["template"], local(now, desk.settings.hub.zone).date())


def _show(desk: Desk, batched: Batched) -> None:
    told = {fate.value: f"{number:,}" for fate, number in batched.counts.items()}
    desk.out.print(text("cli.batch_fates", desk.lang, **told))


def _show_problems(desk: Desk, problems: Any) -> None:
    for number, problem in problems[:SHOWN_ROWS]:
        said = problem.message(desk.lang)
        desk.out.print(text("cli.batch_line", desk.lang, line=number, problem=said))
    if len(problems) > SHOWN_ROWS:
        desk.out.print(text("cli.batch_more_wrong", desk.lang, count=len(problems) - SHOWN_ROWS))


def _as_json(head: Any) -> dict[str, object]:
    names = ("batch_id", "partner", "template", "version", "made_min", "from_min", "until_min", "revision", "corrects")
    return {name: getattr(head, name) for name in names} | {"attempt": head.attempt, "reason": head.reason}
