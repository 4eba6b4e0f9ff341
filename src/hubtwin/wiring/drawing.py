"""From the file of a readable description to the archive of a schematic venue."""

import tomllib
from pathlib import Path

from hubtwin.base.errors import Absent, Malformed
from hubtwin.model.venue import Archive
from hubtwin.wiring.plugs import load

SCHEMATIC = "hubtwin.rules.schematic"


def draw_venue(description: Path) -> Archive:
    """Return the archive of a description. Raises Absent for no such file, Malformed for what it cannot mean."""
    if not description.is_file():
        raise Absent("wiring_no_description", file=description)
    try:
        told = tomllib.loads(description.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed("settings_not_toml", file=description, problem=str(error)) from error
    archive: Archive = load(f"{SCHEMATIC}:draw")(load(f"{SCHEMATIC}:read_plan")(told))
    return archive
