"""States of files as rows of `quality.sqlite`."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from hubtwin.stores.colour_files import Counted
from hubtwin.stores.colour_scan import Profile
from hubtwin.stores.colouring import PartState
from hubtwin.stores.shelf_files import ShelfFile


def part_row(directory: Path, state: PartState) -> tuple[object, ...]:
    """Return a state as a row; paths stand as seen from the directory of the library."""
    file = {name: value for name, value in asdict(state.file).items() if name != "path"}
    path = Path(os.path.relpath(state.file.path, directory)).as_posix()
    counted, profile = asdict(state.counted), asdict(state.profile)
    told = (json.dumps(file), path, state.known_by, state.colours, json.dumps(dict(state.runs)))
    rest = (json.dumps(counted), json.dumps(profile), state.next_stale_min, int(state.dense))
    return (state.file.dataset, state.file.path.name, *told, *rest)


def part_of(directory: Path, row: tuple[object, ...]) -> PartState:
    """Return the state that a row holds."""
    _, _, told, path, known_by, colours, runs, counted, profile, due, dense = row
    file = ShelfFile(path=Path(os.path.normpath(directory / str(path))), **json.loads(str(told)))
    sums, shown = json.loads(str(counted)), json.loads(str(profile))
    by_colour = {int(key): count for key, count in sums["colours"].items()}
    failed = {int(key): count for key, count in sums["failed"].items()}
    ranges = {name: (low, high) for name, (low, high) in shown["ranges"].items()}
    return PartState(
        *(file, str(known_by), str(colours), json.loads(str(runs))),
        Counted(sums["rows"], by_colour, failed),
        Profile(shown["nulls"], ranges),
        None if due is None else int(str(due)),
        bool(dense),
    )
