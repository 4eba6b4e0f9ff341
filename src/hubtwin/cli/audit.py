"""The audit and the signed reports from the command line, for an auditor who brings the own machine."""

import os
from collections.abc import Iterable
from pathlib import Path

import click

from hubtwin.base.errors import Absent, Denied
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.cli.people import BY, PASSWORDS, given_by
from hubtwin.rules.permission import may
from hubtwin.wiring import load

KINDS = ("nightly_deletion", "destruction_certificate")


@click.group("audit")
def audit() -> None:
    """The chain of what was done with personal data."""


@audit.command("verify")
@BY
@PASSWORDS
@click.pass_context
def verify(ctx: click.Context, by: str, password_stdin: bool) -> None:
    """Walk along the whole chain; exit code 1 where it is broken."""
    desk: Desk = ctx.obj
    with given_by(desk, by, from_stdin=password_stdin) as given:
        found = given.core.access.verify_audit(given.people[0])
        key = given.core.works.access.audit.public_hex
    for problem in found.problems:
        desk.out.print(getattr(problem, desk.lang), style="red")
    if not found.whole:
        ctx.exit(1)
    desk.out.print(text("cli.audit_whole", desk.lang, rows=f"{found.rows:,}", last=found.last_seq, public_key=key))


@audit.command("export")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@BY
@PASSWORDS
@click.pass_obj
def export(desk: Desk, /, target: Path, by: str, password_stdin: bool) -> None:
    """Write the audit as JSON lines that can be verified with the public key alone."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        may(given.people[0], "audit.export")
        trail = given.core.works.access.audit
        if target.exists():
            raise Denied("cli.target_exists", path=target)
        last = trail.append("AuditExported", by, {})  # first, so that the export tells of itself
        lines = _write(target, trail.export())
    desk.out.print(text("cli.audit_exported", desk.lang, path=target, rows=f"{lines - 2:,}", last=last))
    desk.out.print(text("cli.audit_key", desk.lang, public_key=trail.public_hex))


@audit.command("check")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", required=True, metavar="KEY")
@click.pass_context
def check(ctx: click.Context, source: Path, key: str) -> None:
    """Verify an exported audit; no hub and no account is needed."""
    desk: Desk = ctx.obj
    with source.open(encoding="utf-8", errors="replace") as lines:
        found = load("hubtwin.stores.audit:verify_export")(lines, key)
    for problem in found.problems:
        desk.out.print(problem.message(desk.lang), style="red")
    if found.problems:
        ctx.exit(1)
    desk.out.print(text("cli.audit_whole", desk.lang, rows=f"{found.rows:,}", last=found.last_seq, public_key=key))


@click.group("report")
def report() -> None:
    """Signed reports of what was deleted and destroyed."""


@report.command("list")
@click.option("--kind", type=click.Choice(KINDS), default=None)
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def list_reports(desk: Desk, /, kind: str | None, form: str, by: str, password_stdin: bool) -> None:
    """Print the signed reports, newest first, each verified anew."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        told = given.core.access.reports(given.people[0], desk.lang)
    found = [each for each in told.reports if kind in (None, each.kind)]
    if form == "json":
        desk.give(found)
        return
    table = make_table(desk, "report", "title", "at", "signature")
    for each in found:
        signed = text("cli.report_signed", desk.lang) if each.verified else each.problem
        table.add_row(each.report_id or "-", getattr(each.title, desk.lang), each.at or "-", signed)
    desk.out.print(table if found else text("cli.reports_none", desk.lang))
    if told.left_out:
        desk.out.print(text("cli.reports_more", desk.lang, count=told.left_out), style="dim")


@report.command("show")
@click.argument("report_id", metavar="REPORT")
@BY
@PASSWORDS
@click.pass_context
def show(ctx: click.Context, report_id: str, by: str, password_stdin: bool) -> None:
    """Print one report as the hub signed it; exit code 1 where the signature does not fit."""
    desk: Desk = ctx.obj
    with given_by(desk, by, from_stdin=password_stdin) as given:
        may(given.people[0], "retention.read")
        access = given.core.works.access
        sealed = load("hubtwin.stores.deletion:find_report")(access.database, report_id)
    if sealed is None:
        raise Absent("cli.no_report", report=report_id)
    found = load("hubtwin.web.shown_access:report")(sealed, access.audit.public_hex, desk.lang)
    if not found.verified:
        desk.out.print(found.problem, style="red")
        ctx.exit(1)
    desk.out.print(found.text)


def _write(target: Path, lines: Iterable[str]) -> int:
    """Write lines to a new file that nobody else on the machine can read; return how many."""
    count = 0
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
        for count, line in enumerate(lines, start=1):  # noqa: B007 - the last number is the answer
            out.write(f"{line}\n")
    return count
