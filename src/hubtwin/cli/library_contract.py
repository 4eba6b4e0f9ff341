"""Commands that hand the catalogue to others and take contracts in: DCAT, and the Open Data Contract Standard."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from hubtwin.base.errors import Malformed
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.cli.library import HELD, OPEN
from hubtwin.cli.people import BY, PASSWORDS, given_by
from hubtwin.wiring import load

OUT = click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE")
WIDEST = 60  # characters of a value in a table; all of it is in JSON


def _give(desk: Desk, content: str, out: Path | None) -> None:
    """Write to a file, or print."""
    if out is None:
        desk.out.file.write(content)
        return
    out.write_text(content, encoding="utf-8")
    desk.out.print(text("cli.library_written", desk.lang, file=out))


@click.command("dcat")
@click.option("--base", default="http://localhost:8000", metavar="ADDRESS")
@OUT
@click.pass_obj
def dcat(desk: Desk, /, base: str, out: Path | None) -> None:
    """Print the catalogue in DCAT 3 as JSON-LD."""
    catalogue, held = load(OPEN)(desk.settings), load(HELD)(desk.settings, desk.clock)
    told = load("hubtwin.library.dcat:publish")(catalogue, base.rstrip("/"), held, desk.clock())
    _give(desk, json.dumps(told, ensure_ascii=False, indent=1) + "\n", out)


@click.group("contract")
def contract() -> None:
    """Take contracts of datasets out, and publish them."""


@contract.command("export")
@click.argument("name", metavar="DATASET")
@OUT
@click.pass_obj
def export(desk: Desk, /, name: str, out: Path | None) -> None:
    """Print the contract of a dataset as YAML."""
    catalogue = load(OPEN)(desk.settings)
    told = load("hubtwin.library.odcs:write_contract")(catalogue.get(name), catalogue.title.get("en", ""))
    _give(desk, told, out)


@contract.command("check")
@click.argument("name", metavar="DATASET")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@FORMAT
@click.pass_obj
def check(desk: Desk, /, name: str, file: Path, form: str) -> None:
    """Print what a contract would change; nothing is stored."""
    found = load("hubtwin.library.contracts:propose")(_read(file), name, load(OPEN)(desk.settings))
    shown = load("hubtwin.library.odcs_quality:shown")
    unchecked = [
        {"column": each.column, "rule": shown(each.told), "why": text(f"library.unchecked_{each.why}", desk.lang)}
        for each in found.listing.unchecked
    ]
    _show(desk, form, name, found.listing.contract, found.changes, unchecked=unchecked)


@contract.command("import")
@click.argument("name", metavar="DATASET")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@BY
@PASSWORDS
@FORMAT
@click.pass_obj
def import_contract(desk: Desk, /, name: str, file: Path, by: str, *, password_stdin: bool, form: str) -> None:
    """Publish a contract: it stands in the place of the listing from then on."""
    content = _read(file)
    with given_by(desk, by, from_stdin=password_stdin) as given:
        told = given.core.catalogue.propose_contract(given.people[0], name, content, publish=True)
    unchecked = [
        {"column": each.column, "rule": each.rule, "why": getattr(each.why, desk.lang)} for each in told.unchecked
    ]
    _show(desk, form, name, told.version, told.changes, unchecked=unchecked)
    if form == "table":
        key = "cli.library_published" if told.published else "cli.library_unchanged"
        desk.out.print(text(key, desk.lang, dataset=name, version=told.version))


def _read(file: Path) -> bytes:
    """Return what a file holds, no more than a contract may be long. Raises Malformed."""
    most = load("hubtwin.library.odcs_read:MOST_BYTES")
    if file.stat().st_size > most:
        raise Malformed("library.contract_too_large", limit=most)
    return file.read_bytes()


def _show(
    desk: Desk, form: str, name: str, version: str, changes: Any, *, unchecked: Sequence[Mapping[str, str]]
) -> None:
    if form == "json":
        rows = [{"where": each.where, "before": each.before, "after": each.after} for each in changes]
        told = {"dataset": name, "version": version, "changes": rows, "unchecked": list(unchecked)}
        desk.give(told)
        return
    table = make_table(desk, "where", "before", "after")
    for each in changes:
        table.add_row(each.where, _short(each.before), _short(each.after))
    if changes:
        desk.out.print(table)
    if unchecked:
        desk.out.print(text("cli.library_unchecked", desk.lang, count=len(unchecked)), style="bold")
        rules = make_table(desk, "columns", "rule", "reason")
        for each in unchecked:
            rules.add_row(each["column"] or "-", each["rule"], each["why"])
        desk.out.print(rules)
    desk.out.print(text("cli.library_changes", desk.lang, count=len(changes), version=version or "-"), style="dim")


def _short(value: Any) -> str:
    if value is None:
        return "-"
    told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return told if len(told) <= WIDEST else told[: WIDEST - 1] + "…"
