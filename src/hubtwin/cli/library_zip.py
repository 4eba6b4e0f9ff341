"""The command that loads all tables of an archive into the library, one after the other."""

import getpass
from pathlib import Path
from typing import Any

import click

from hubtwin.base.errors import HubError
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.cli.library_load import ASKED, LOADER, plain_load, run_load
from hubtwin.wiring import load as plugged

LIST = "hubtwin.wiring.load_tables:list_tables"


@click.command("load-zip")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--as", "into", multiple=True, metavar="TABLE=DATASET")
@click.option("--map", "mapping", multiple=True, metavar="TABLE.NAME=NAME")
@click.option("--synthetic", is_flag=True)
@click.option("--part", default="", metavar="NAME")
@click.option("--again", is_flag=True)
@click.option("--look", is_flag=True)
@FORMAT
@click.pass_context
def load_zip(ctx: click.Context, /, file: Path, form: str, *, look: bool, **told: Any) -> None:
    """Load all tables of an archive for which there is a dataset, or say what would become of each."""
    desk: Desk = ctx.obj
    into, mapping = _into(desk, told["into"]), _mapping(desk, told["mapping"])
    asked = plugged(ASKED)(
        *("", getpass.getuser()), file=file, synthetic=told["synthetic"], part=told["part"], again=told["again"]
    )
    with plugged(LOADER)(desk.settings, desk.clock) as loader:
        tables = plugged(LIST)(loader, file, into, mapping)
        done = [_look(desk, loader, each, asked) if look else _load(desk, loader, each, asked, into) for each in tables]
    if form == "json":
        desk.give(done)
    elif look:
        _print(desk, done)
    else:
        _sum_up(desk, done)
    if any("problem" in each for each in done) or not any("dataset" in each for each in done):
        ctx.exit(1)


def _pairs(desk: Desk, told: tuple[str, ...], option: str) -> dict[str, str]:
    for each in told:
        if "=" not in each:
            raise click.BadParameter(text("cli.load_mapping", desk.lang, value=each), param_hint=option)
    return dict(each.split("=", 1) for each in told)


def _into(desk: Desk, told: tuple[str, ...]) -> dict[str, str]:
    return _pairs(desk, told, "--as")


def _mapping(desk: Desk, told: tuple[str, ...]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, target in _pairs(desk, told, "--map").items():
        table, dot, column = name.partition(".")
        if not dot:
            raise click.BadParameter(text("cli.load_mapping", desk.lang, value=name), param_hint="--map")
        found.setdefault(table, {})[column] = target
    return found


def _load(desk: Desk, loader: Any, table: Any, asked: Any, into: dict[str, str]) -> dict[str, Any]:
    """Load a table, or say why it is left; return it as JSON shows it. What is refused holds up no other."""
    if not table.dataset:
        _say_left(desk, table, into)
        return _left(table)
    desk.say("cli.load_zip_table", table=table.member, dataset=table.dataset)
    try:
        return {"table": table.member, **plain_load(run_load(desk, loader, table.asked(asked)))}
    except HubError as error:
        problem = error.message(desk.lang)
        desk.say("cli.load_refused", file=table.member, problem=problem)
        return {"table": table.member, "dataset": table.dataset, "problem": problem}


def _left(table: Any) -> dict[str, Any]:
    return {"table": table.member, "offers": [name for name, _ in table.offers]}


def _say_left(desk: Desk, table: Any, into: dict[str, str]) -> None:
    if table.name in into:
        desk.say("cli.load_zip_left", table=table.member)
    elif not table.offers:
        desk.say("cli.load_zip_none", table=table.member)
    else:
        offers = (text("cli.load_zip_offered", desk.lang, dataset=name, columns=count) for name, count in table.offers)
        named = {"table": table.member, "name": table.name, "first": table.offers[0][0]}
        desk.say("cli.load_zip_offer", offers=", ".join(offers), **named)


def _look(desk: Desk, loader: Any, table: Any, asked: Any) -> dict[str, Any]:
    if not table.dataset:
        return _left(table)
    try:
        found = loader.preview(table.asked(asked))
    except HubError as error:
        return {"table": table.member, "dataset": table.dataset, "problem": error.message(desk.lang)}
    mapped = sum(1 for _, target in found.columns if target)
    sampled = {"rows": found.sampled.rows, "bad": len(found.sampled.bad), "problems": found.sampled.counted}
    told = {"table": table.member, "dataset": table.dataset, "mapped": mapped, "columns": len(found.columns)}
    return {**told, "missing": list(found.missing), **sampled}


def _print(desk: Desk, done: list[dict[str, Any]]) -> None:
    table = make_table(desk, "table", "dataset", "state_of_load")
    for each in done:
        if "problem" in each:
            state = each["problem"]
        elif "mapped" in each:
            state = text("cli.load_zip_would", desk.lang, **{n: each[n] for n in ("mapped", "columns", "rows", "bad")})
        else:
            state = ", ".join(f"--as {Path(each['table']).stem}={name}" for name in each["offers"]) or "-"
        table.add_row(each["table"], each.get("dataset") or text("cli.load_nowhere", desk.lang), state)
    desk.out.print(table)


def _sum_up(desk: Desk, done: list[dict[str, Any]]) -> None:
    loaded = [each for each in done if "rows" in each]
    refused = sum("problem" in each for each in done)
    rows, bad = (f"{sum(each[name] for each in loaded):,}" for name in ("rows", "quarantined"))
    counts = {"count": len(loaded), "refused": refused, "skipped": len(done) - len(loaded) - refused}
    desk.out.print(text("cli.load_zip_said", desk.lang, rows=rows, bad=bad, **counts))
