"""Commands that keep the data: backup, restore, check."""

from pathlib import Path

import click
import structlog

from hubtwin.base.errors import Denied
from hubtwin.base.text import text
from hubtwin.cli.desk import Desk, first_use
from hubtwin.wiring import get_connector, load
from hubtwin.wiring.plugs import directory_of

_LOG = structlog.get_logger()


def _directory(desk: Desk) -> Path:
    return directory_of(desk.settings)


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.pass_obj
def backup(desk: Desk, /, target: Path) -> None:
    """Write a consistent copy of everything."""
    with load("hubtwin.wiring.access:backed_up")(desk.settings) as access:
        taken = load("hubtwin.stores.backup:backup")(_directory(desk), target, clock=desk.clock, access=access)
    _LOG.info("backup_written", path=str(taken.path), files=taken.files, bytes=taken.bytes)
    desk.out.print(text("cli.backed_up", desk.lang, path=taken.path, files=taken.files, mb=f"{taken.bytes / 1e6:.1f}"))
    if taken.keys is not None:
        desk.out.print(text("cli.backup_keys", desk.lang, path=taken.keys))


@click.command("restore")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), default=None, metavar="DIR")
@click.option("--forgotten-by", type=click.Path(path_type=Path), multiple=True, metavar="DIR")
@click.pass_obj
def restore(desk: Desk, /, source: Path, keys: Path | None, forgotten_by: tuple[Path, ...]) -> None:
    """Bring a copy back into an empty home; what was erased since is erased again."""
    directory = _directory(desk)
    restored = load("hubtwin.stores.erasure:restore_forgetting")
    taken, erased = restored(
        source, directory, clock=desk.clock, hub_id=desk.settings.hub.hub_id, keys=keys, forgotten_by=forgotten_by
    )
    _LOG.info("backup_restored", path=str(directory), files=taken.files, erased_again=erased)
    desk.out.print(text("cli.restored", desk.lang, path=directory, files=taken.files))
    desk.out.print(text("cli.restored_erased", desk.lang, rows=f"{erased:,}"))


@click.command("repair")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--max-gap", type=click.IntRange(1, 7 * 24 * 60), default=720, show_default=True)
@click.pass_obj
def repair(desk: Desk, /, target: Path, max_gap: int) -> None:
    """Write the risk-area intervals of the library with short gaps joined."""
    if target.exists():
        raise Denied("cli.target_exists", path=target)
    with desk.store() as store:
        first_use(desk, store)
        lines = load("hubtwin.connectors.risk_areas.repaired:repaired_lines")
        rows, joined = -1, 0  # the header is a line too
        with target.open("w", encoding="utf-8", newline="") as out:
            for line, gaps in lines(store.tables(get_connector("risk-areas").manifest.datasets), max_gap):
                out.write(line)
                rows, joined = rows + 1, joined + gaps
    desk.out.print(text("cli.repaired", desk.lang, path=target, rows=f"{rows:,}", joined=f"{joined:,}"))


@click.command("check")
@click.option("--repair", is_flag=True)
@click.pass_context
def check(ctx: click.Context, repair: bool) -> None:
    """Look whether the data are whole; exit code 1 where somebody must act."""
    desk: Desk = ctx.obj
    module = "hubtwin.stores.check"
    directory = _directory(desk)
    found = load(f"{module}:mend")(directory, clock=desk.clock) if repair else load(f"{module}:check")(directory)
    problems = [*found.problems, *load("hubtwin.wiring.access:list_problems")(desk.settings)]
    for problem in problems:
        desk.out.print(text("cli.check_problem", desk.lang, problem=problem.message(desk.lang)), style="red")
    for notice in found.notices:
        desk.out.print(text("cli.check_notice", desk.lang, notice=notice.message(desk.lang)), style="dim")
    if problems:
        ctx.exit(1)
    desk.out.print(text("cli.check_whole", desk.lang))
