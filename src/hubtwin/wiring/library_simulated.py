"""Synthetic registers of the hub's district, written into a folder; loading them is a command of its own."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent
from hubtwin.library.districts import read_recipe
from hubtwin.model.colour import Colour
from hubtwin.settings import Settings
from hubtwin.sim.district.columns import Maker
from hubtwin.sim.district.faults import Planter
from hubtwin.sim.district.folder import write_registers
from hubtwin.sim.district.registers import Registers
from hubtwin.wiring.library import district_folder, open_catalogue


def simulate_district(
    settings: Settings,
    folder: Path,
    *,
    rows: int,
    seed: int,
    now: datetime,
    form: str,
    faults: Mapping[str, int],
    datasets: Iterable[str] = (),
) -> dict[str, Any]:
    """Write synthetic registers of `rows` rows each and return the manifest; the same arguments write the same bytes.

    `faults` are how many rows of each colour are planted, by its name in lower case. Raises Absent where the hub has no
    district or nobody lists a dataset, Malformed for a folder with contents.
    """
    declared = district_folder(settings)
    if declared is None:
        raise Absent("wiring.no_district", file=settings.hub_file.name)
    maker = Maker(open_catalogue(settings), read_recipe(declared), epoch_minute(now))
    counts = {Colour[name.upper()]: count for name, count in faults.items()}
    planter = Planter(maker, counts, seed)
    return write_registers(Registers(maker, seed, rows), planter, folder, form, datasets)
