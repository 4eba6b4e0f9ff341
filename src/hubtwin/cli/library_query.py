"""Commands of a grantee: what one may read of the library, and one question to it, on the same way as a page asks."""

import sys
from pathlib import Path
from typing import Any

import click

from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.cli.people import BY, PASSWORDS, given_by, shown_moment
from hubtwin.wiring import load

ASKED = "hubtwin.web.schemas.queries"
FORMS = ("csv", "xlsx", "parquet")


@click.command("mine")
@BY
@PASSWORDS
@FORMAT
@click.pass_obj
def mine(desk: Desk, /, by: str, password_stdin: bool, form: str) -> None:
    """Print what somebody may read of the library now."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        told = given.core.queries.mine(given.people[0])
    if form == "json":
        desk.give([_plain(view) for view in told.shares])
        return
    table = make_table(desk, "dataset", "columns", "rows", "purpose", "until")
    for view in told.shares:
        columns = ", ".join(f"{c.name}" if c.mask == "clear" else f"{c.name} ({c.mask})" for c in view.columns)
        table.add_row(
            *(view.dataset, columns, _rows(view, desk.lang)),
            *(getattr(view.purpose_title, desk.lang), shown_moment(desk, view.until_min)),
        )
    if told.shares:
        desk.out.print(table)
    desk.out.print(text("cli.library_mine_counted", desk.lang, count=len(told.shares)), style="dim")


def _rows(view: Any, lang: str) -> str:
    if view.count_floor is not None:
        return text("cli.library_mine_counts", lang, floor=view.count_floor)
    if view.rows.everything:
        return text("cli.library_mine_all", lang)
    return f"{view.rows.column}: {', '.join(view.rows.values)}"


def _plain(view: Any) -> dict[str, Any]:
    named = ("share_id", "dataset", "library", "grantee", "purpose", "until_min", "delivery", "count_floor")
    columns = [{"name": c.name, "type": c.type, "grade": c.grade, "mask": c.mask} for c in view.columns]
    rows = {"everything": view.rows.everything, "column": view.rows.column, "values": list(view.rows.values)}
    return {**{name: getattr(view, name) for name in named}, "columns": columns, "rows": rows}


@click.command("ask")
@click.argument("sql", metavar="SQL", required=False)
@click.option("--purpose", required=True, metavar="PURPOSE")
@BY
@PASSWORDS
@click.option("-o", "--out", type=click.Path(path_type=Path), default=None, metavar="FILE")
@click.option("--bom", is_flag=True)
@FORMAT
@click.pass_obj
def ask(desk: Desk, /, sql: str | None, form: str, *, out: Path | None, **told: Any) -> None:
    """Ask the library one question; the answer goes to the screen or, with -o, into a file by its ending."""
    kind = out.suffix.removeprefix(".").lower() if out is not None else "csv"
    if kind not in FORMS:
        raise click.BadParameter(text("cli.library_ask_form", desk.lang, forms=", ".join(FORMS)))
    with given_by(desk, told["by"], from_stdin=told["password_stdin"]) as given:
        asked = {"sql": sql if sql is not None else sys.stdin.read(), "purpose": told["purpose"]}
        who, queries = given.people[0], given.core.queries
        if out is not None:
            question = load(f"{ASKED}:AskFileIn")(**asked, format=kind, bom=told["bom"])
            file = queries.ask_file(who, question)
            out.write_bytes(file.content)
            key = "cli.library_ask_saved_synthetic" if file.synthetic else "cli.library_ask_saved"
            desk.out.print(text(key, desk.lang, file=out, rows=file.rows))
            return
        _print(desk, queries.ask(who, load(f"{ASKED}:AskIn")(**asked)), form)


def _print(desk: Desk, answer: Any, form: str) -> None:
    names = [column.name for column in answer.columns]
    if form == "json":
        rows = [dict(zip(names, row, strict=True)) for row in answer.rows]
        desk.give({"rows": rows, "synthetic": answer.synthetic, "audit": answer.audit_seq})
        return
    desk.out.file.write("\t".join(names) + "\n")
    for row in answer.rows:
        desk.out.file.write("\t".join("" if cell is None else _line(cell) for cell in row) + "\n")
    key = "cli.library_asked_synthetic" if answer.synthetic else "cli.library_asked"
    desk.err.print(text(key, desk.lang, rows=len(answer.rows), seq=answer.audit_seq), style="dim")
    for dataset in answer.narrowed:
        desk.err.print(text("cli.library_ask_narrowed", desk.lang, dataset=dataset), style="dim")


def _line(cell: object) -> str:
    """Return a cell on one line, without what would move the cursor of a terminal."""
    return "".join(c if c.isprintable() else " " for c in str(cell))
