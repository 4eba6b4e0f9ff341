"""`hubtwin venue build`: a schematic venue from a readable description."""

from collections import Counter
from pathlib import Path

import click

from hubtwin.base.text import text
from hubtwin.cli.desk import Desk
from hubtwin.wiring import load

ARCHIVE = "venue.imdf.zip"  # the name beside a description


@click.command("build")
@click.argument("description", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE")
@click.pass_obj
def build_venue(desk: Desk, /, description: Path, output: Path | None) -> None:
    """Draw an archive from a description; the same description gives the same archive."""
    archive = load("hubtwin.wiring.drawing:draw_venue")(description)
    target = output or description.parent / ARCHIVE
    load("hubtwin.wiring.venues:write_archive")(archive, target)
    counts = Counter(feature.feature_type for feature in archive.features)
    told = {name: counts[name] for name in ("level", "unit", "opening", "relationship", "fixture")}
    desk.out.print(text("cli.venue_built", desk.lang, file=target, **told))
