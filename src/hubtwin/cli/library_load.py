"""Commands that load files and tables into the library, and look after what could not be read."""

import getpass
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from hubtwin.base.errors import HubError
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.cli.people import shown_moment
from hubtwin.wiring import load as plugged

LOADER = "hubtwin.wiring.loading:opened_loader"
ASKED = "hubtwin.wiring.loading:Asked"
TOLD = "hubtwin.connectors.tables.opened:Told"
SHOWN_ROWS, SHOWN_BAD = 10, 20
_SOURCE: tuple[Callable[[Any], Any], ...] = (
    click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False),
    click.option("--dataset", required=True, metavar="NAME"),
    click.option("--database", default="", metavar="VARIABLE"),
    click.option("--table", default="", metavar="NAME"),
    click.option("--encoding", default="", metavar="NAME"),
    click.option("--delimiter", default="", metavar="C"),
    click.option("--header", type=click.IntRange(0), default=None),
    click.option("--map", "mapping", multiple=True, metavar="NAME=NAME"),
    click.option("--synthetic", is_flag=True),
)


def _source(command: Callable[..., Any]) -> Callable[..., Any]:
    for each in reversed(_SOURCE):
        command = each(command)
    return command


def _asked(desk: Desk, file: Path | None, told: dict[str, Any], **rest: Any) -> Any:
    """Return what is asked for. Raises click.UsageError where it is neither a file nor a table, or both."""
    if (file is None) == (not told["database"]) or (told["database"] and not told["table"]):
        raise click.UsageError(text("cli.load_what", desk.lang))
    for each in told["mapping"]:
        if "=" not in each:
            raise click.BadParameter(text("cli.load_mapping", desk.lang, value=each), param_hint="--map")
    mapping = dict(each.split("=", 1) for each in told["mapping"])
    delimiter = told["delimiter"].replace("\\t", "\t")[:1]
    reading = plugged(TOLD)("", told["encoding"], delimiter, told["header"], told["table"])
    names = {name: told[name] for name in ("dataset", "database", "synthetic")}
    return plugged(ASKED)(**names, by=getpass.getuser(), file=file, told=reading, mapping=mapping, **rest)


@click.command("preview")
@_source
@FORMAT
@click.pass_obj
def preview(desk: Desk, /, file: Path | None, form: str, **told: Any) -> None:
    """Look at a file or table and say what a load would do."""
    asked = _asked(desk, file, told)
    with plugged(LOADER)(desk.settings, desk.clock) as loader:
        found = loader.preview(asked)
    if form == "json":
        desk.give(_plain_preview(desk, found))
        return
    _print_preview(desk, found)


def _plain_preview(desk: Desk, found: Any) -> dict[str, Any]:
    return {
        "dataset": found.listing.name,
        "file": found.file,
        "format": found.format,
        "found": found.found,
        "columns": [
            {"name": one.name, "type": one.type, "empty": one.empty, "notes": one.notes, "target": target}
            for one, target in found.columns
        ],
        "missing": list(found.missing),
        "sampled": found.sampled.rows,
        "problems": found.sampled.counted,
        "bad": [
            {"line": row.line_no, "raw": row.raw, "problems": [each.message(desk.lang) for each in row.problems]}
            for row in found.sampled.bad
        ],
        "load": found.load.load_id if found.load else None,
    }


def _print_preview(desk: Desk, found: Any) -> None:
    lang, sampled = desk.lang, found.sampled
    how = ", ".join(f"{name} {value!r}" for name, value in found.found.items() if value not in {"", None})
    head = {"file": found.file, "dataset": found.listing.name, "format": found.format, "how": how}
    desk.out.print(text("cli.load_preview", lang, **head), style="bold")
    table = make_table(desk, "source_column", "type", "target", "empty", "notes")
    for one, target in found.columns:
        notes = "; ".join(text(note, lang) for note in one.notes)
        table.add_row(one.name, one.type, target or text("cli.load_nowhere", lang), str(one.empty), notes)
    desk.out.print(table)
    if found.missing:
        desk.out.print(text("cli.load_missing", lang, columns=", ".join(found.missing)))
    good = sampled.good.slice(0, SHOWN_ROWS).to_pylist()
    for row in good:
        shown = {name: row[name] for name in found.listing.dataset.by_name if row[name] is not None}
        desk.out.print("  " + ", ".join(f"{name}={value}" for name, value in shown.items()))
    _print_bad(desk, sampled.bad[:SHOWN_BAD])
    counts = {"rows": sampled.rows, "good": sampled.good.num_rows, "bad": len(sampled.bad)}
    desk.out.print(text("cli.load_sampled", lang, **counts))
    if found.load is not None:
        state = "ended" if found.load.ended_min is not None else "open"
        desk.out.print(text(f"cli.load_known_{state}", lang, load=found.load.load_id, rows=f"{found.load.rows:,}"))


def _print_bad(desk: Desk, rows: Iterable[Any]) -> None:
    listed = list(rows)
    if not listed:
        return
    table = make_table(desk, "line", "problems", "raw")
    for row in listed:
        problems = "\n".join(problem.message(desk.lang) for problem in row.problems)
        table.add_row(str(row.line_no), problems, row.raw[:80])
    desk.out.print(table)


@click.command("load")
@_source
@click.option("--part", default="", metavar="NAME")
@click.option("--again", is_flag=True)
@FORMAT
@click.pass_obj
def load(desk: Desk, /, file: Path | None, form: str, *, part: str, again: bool, **told: Any) -> None:
    """Load a file or table, or go on where a load of it was interrupted."""
    asked = _asked(desk, file, told, part=part, again=again)
    with plugged(LOADER)(desk.settings, desk.clock) as loader:
        done = run_load(desk, loader, asked)
    if form == "json":
        desk.give(plain_load(done))


def run_load(desk: Desk, loader: Any, asked: Any) -> Any:
    """Load under a progress bar and say what came of it. An interrupt passes through; the same call goes on."""
    size, state = asked.file.stat().st_size if asked.file and asked.file.exists() else 0, {"began": False}

    def begun(found: Any) -> None:
        state["began"] = True
        if found.batches:
            rows = f"{found.rows:,}"
            desk.say("cli.load_goes_on", load=found.load_id, rows=rows)

    with desk.progress() as begin:
        bar = begin("load", asked.file if size else None)

        def told(now: Any) -> None:
            bar(SimpleNamespace(rows=now.rows, quarantined=now.quarantined, bytes=int(now.share * size)))

        done = loader.load(asked, told, begun=begun)
    key = "cli.load_done" if state["began"] else "cli.load_known_ended"
    counts = {"rows": f"{done.rows:,}", "bad": f"{done.quarantined:,}"}
    desk.say(key, load=done.load_id, file=done.file, dataset=done.dataset, **counts)
    return done


def plain_load(one: Any) -> dict[str, Any]:
    """Return a load as JSON shows it."""
    names = ("load_id", "dataset", "part", "file", "sha256", "rows", "quarantined", "batches", "begun_min", "ended_min")
    return {**{name: getattr(one, name) for name in names}, "synthetic": bool(one.told.get("synthetic"))}


@click.command("load-folder")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--synthetic", is_flag=True)
@click.option("--part", default="", metavar="NAME")
@click.pass_context
def load_folder(ctx: click.Context, /, folder: Path, part: str, *, synthetic: bool) -> None:
    """Load every file of a folder into the dataset it is named after; exit code 1 where one was refused."""
    desk: Desk = ctx.obj
    refused = 0
    with plugged(LOADER)(desk.settings, desk.clock) as loader:
        for file, dataset in loader.match_folder(folder):
            if not dataset:
                desk.say("cli.load_no_dataset", file=file.name)
                continue
            asked = plugged(ASKED)(dataset, getpass.getuser(), file=file, synthetic=synthetic, part=part)
            try:
                run_load(desk, loader, asked)
            except HubError as error:
                desk.say("cli.load_refused", file=file.name, problem=error.message(desk.lang))
                refused += 1
    if refused:
        ctx.exit(1)


@click.command("loads")
@click.option("--dataset", default="", metavar="NAME")
@FORMAT
@click.pass_obj
def loads(desk: Desk, /, dataset: str, form: str) -> None:
    """Print what was loaded, and what is not finished."""
    with plugged(LOADER)(desk.settings, desk.clock) as loader:
        found = loader.shelves.loads.list_loads(dataset)
    if form == "json":
        desk.give([plain_load(one) for one in found])
        return
    table = make_table(desk, "load", "dataset", "file", "rows", "bad", "since", "by", "state")
    for one in found:
        state = text("cli.load_ended" if one.ended_min is not None else "cli.load_open", desk.lang)
        if one.problem is not None:
            state = f"{state}: {one.problem.message(desk.lang)}"
        counts = (f"{one.rows:,}", f"{one.quarantined:,}", shown_moment(desk, one.begun_min))
        table.add_row(one.load_id, one.dataset, one.file, *counts, one.by, state)
    desk.out.print(table if found else text("cli.loads_none", desk.lang))


@click.group("quarantine")
def quarantine() -> None:
    """Look after rows that could not be read."""


@quarantine.command("list")
@click.option("--dataset", default="", metavar="NAME")
@click.option("--load", "load_id", default="", metavar="LOAD")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@FORMAT
@click.pass_obj
def list_bad(desk: Desk, /, dataset: str, load_id: str, limit: int, form: str) -> None:
    """Print rows that could not be read, without what stands in them."""
    with plugged(LOADER)(desk.settings, desk.clock) as loader:
        book = loader.shelves.loads
        found, count = book.list_bad(dataset=dataset, load_id=load_id, limit=limit), sum(book.count_bad().values())
    if form == "json":
        desk.give([_plain_bad(desk, row) for row in found])
        return
    table = make_table(desk, "row", "dataset", "load", "line", "problems")
    for row in found:
        problems = "\n".join(problem.message(desk.lang) for problem in row.problems)
        table.add_row(str(row.seq), row.dataset, row.load_id, str(row.line_no), problems)
    desk.out.print(table if found else text("cli.quarantine_none", desk.lang))
    if count > len(found):
        desk.out.print(text("cli.quarantine_more", desk.lang, count=f"{count:,}"), style="dim")


def _plain_bad(desk: Desk, row: Any) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ("seq", "dataset", "part", "load_id", "line_no")}
    return {**told, "problems": [problem.message(desk.lang) for problem in row.problems]}


@quarantine.command("show")
@click.argument("seq", type=click.IntRange(1), metavar="NUMBER")
@click.pass_obj
def show_bad(desk: Desk, /, seq: int) -> None:
    """Print a row as it came; that somebody looked is written into the audit."""
    with plugged(LOADER)(desk.settings, desk.clock) as loader:
        row = loader.show_bad(seq, getpass.getuser())
    where = {"row": row.seq, "dataset": row.dataset, "load": row.load_id, "line": row.line_no}
    desk.out.print(text("cli.quarantine_row", desk.lang, **where), style="bold")
    desk.out.print(row.raw)
    for name, cell in row.cells.items():
        desk.out.print(f"  {name} = {cell}")
    for problem in row.problems:
        desk.out.print(problem.message(desk.lang))


@quarantine.command("release")
@click.argument("seqs", type=click.IntRange(1), nargs=-1, required=True, metavar="NUMBER")
@click.option("--set", "corrections", multiple=True, metavar="NAME=TEXT")
@click.pass_context
def release(ctx: click.Context, /, seqs: tuple[int, ...], corrections: tuple[str, ...]) -> None:
    """Correct rows and put them onto the shelf; exit code 1 where one still cannot be read."""
    desk: Desk = ctx.obj
    for each in corrections:
        if "=" not in each:
            raise click.BadParameter(text("cli.load_mapping", desk.lang, value=each), param_hint="--set")
    told = dict(each.split("=", 1) for each in corrections)
    with plugged(LOADER)(desk.settings, desk.clock) as loader:
        done, wrong = loader.release(seqs, told, getpass.getuser())
    for seq, problems in wrong.items():
        said = "; ".join(problem.message(desk.lang) for problem in problems)
        desk.say("cli.quarantine_still", row=seq, problems=said or text("cli.quarantine_no_cells", desk.lang))
    desk.out.print(text("cli.quarantine_released", desk.lang, count=len(done)))
    if wrong:
        ctx.exit(1)
