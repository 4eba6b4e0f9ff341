"""Commands about the database of accounts, grants and the audit: prepare PostgreSQL, move there."""

import click

from hubtwin.base.clock import epoch_minute
from hubtwin.cli.desk import Desk
from hubtwin.wiring import load

ACCESS = "hubtwin.wiring.access"


@click.group("rows")
def rows() -> None:
    """Look after the database of accounts, grants and the audit."""


@rows.command("prepare")
@click.pass_obj
def prepare(desk: Desk, /) -> None:
    """Make tables, roles, rights and row-level security in PostgreSQL, as its owner; again after an upgrade."""
    count = load(f"{ACCESS}:prepare_rows")(desk.settings, epoch_minute(desk.clock()))
    desk.say("cli.rows_prepared", count=count)


@rows.command("move")
@click.pass_obj
def move(desk: Desk, /) -> None:
    """Move the rows of access.sqlite to PostgreSQL while the hub is stopped."""
    copied = load(f"{ACCESS}:move_rows")(desk.settings, epoch_minute(desk.clock()))
    told = f"{sum(copied.values()):,}"
    desk.say("cli.rows_moved", rows=told, audit=f"{copied.get('audit', 0):,}", path=load(f"{ACCESS}:MOVED_FILE"))
