"""The command that makes synthetic registers of the district."""

from datetime import datetime
from pathlib import Path

import click

from hubtwin.base.text import text
from hubtwin.cli.desk import Desk, MomentType
from hubtwin.wiring import load

COLOURS = ("red", "orange", "yellow", "brown", "purple", "grey")


@click.command("simulate")
@click.option("--rows", type=click.IntRange(1, 10_000_000), required=True)
@click.option("--out", "-o", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--dataset", "datasets", multiple=True, metavar="NAME")
@click.option("--faults", type=click.IntRange(0), default=0, show_default=True)
@click.option("--file-format", "form", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option("--now", type=MomentType(), default=None, metavar="TIME")
@click.pass_obj
def simulate_registers(
    desk: Desk,
    /,
    rows: int,
    out: Path,
    seed: int,
    *,
    datasets: tuple[str, ...],
    faults: int,
    form: str,
    now: datetime | None,
) -> None:
    """Write synthetic registers, with known faults if asked."""
    planted = dict.fromkeys(COLOURS, faults) if faults else {}
    manifest = load("hubtwin.wiring.library_simulated:simulate_district")(
        desk.settings,
        out,
        rows=rows,
        seed=seed,
        now=desk.moment_or_now(now),
        form=form,
        faults=planted,
        datasets=datasets,
    )
    count = sum(sum(each.values()) for each in manifest["planted"].values())
    told = {"files": len(manifest["files"]), "folder": out / "rows", "faults": count}
    desk.out.print(text("cli.library_simulated", desk.lang, **told))
