"""Commands that keep the data: backup, restore, check."""

from pathlib import Path

import click

from hubtwin.base.text import text
from hubtwin.cli.desk import Desk
from hubtwin.stores.embedded import store_directory
from hubtwin.wiring import load


def _directory(desk: Desk) -> Path:
    return store_directory(desk.settings.home, desk.settings.hub.hub_id)


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.pass_obj
def backup(desk: Desk, /, target: Path) -> None:
    """Write a consistent copy of everything."""
    taken = load("hubtwin.stores.backup:backup")(_directory(desk), target, clock=desk.clock)
    desk.out.print(text("cli.backed_up", desk.lang, path=taken.path, files=taken.files, mb=f"{taken.bytes / 1e6:.1f}"))
    if taken.keys is not None:
        desk.out.print(text("cli.backup_keys", desk.lang, path=taken.keys))


@click.command("restore")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), default=None, metavar="DIR")
@click.option("--forgotten-by", type=click.Path(path_type=Path), multiple=True, metavar="DIR")
@click.pass_obj
def restore(desk: Desk, /, source: Path, keys: Path | None, forgotten_by: tuple[Path, ...]) -> None:
    """Bring a copy back into an empty home."""
    directory = _directory(desk)
    restored = load("hubtwin.stores.backup:restore")
    taken = restored(source, directory, clock=desk.clock, keys=keys, forgotten_by=forgotten_by)
    desk.out.print(text("cli.restored", desk.lang, path=directory, files=taken.files))


@click.command("check")
@click.option("--repair", is_flag=True)
@click.pass_context
def check(ctx: click.Context, repair: bool) -> None:
    """Look whether the data are whole; exit code 1 where somebody must act."""
    desk: Desk = ctx.obj
    module = "hubtwin.stores.check"
    directory = _directory(desk)
    found = load(f"{module}:mend")(directory, clock=desk.clock) if repair else load(f"{module}:check")(directory)
    for problem in found.problems:
        desk.out.print(text("cli.check_problem", desk.lang, problem=problem.message(desk.lang)), style="red")
    for notice in found.notices:
        desk.out.print(text("cli.check_notice", desk.lang, notice=notice.message(desk.lang)), style="dim")
    if found.problems:
        ctx.exit(1)
    desk.out.print(text("cli.check_whole", desk.lang))
