"""Loads a small file and then one fifty times its size; prints by how many MiB the peak of memory grew.

`loading_memory.py <folder>`: a process of its own, so that the peak is that of the loads.
"""

import resource
import sys
from dataclasses import replace
from pathlib import Path

from hubtwin.connectors.tables import csv_file
from hubtwin.connectors.tables.csv_file import CsvFile, CsvTold
from hubtwin.library.loading import Running, run
from hubtwin.stores.shelves import Shelves
from tests.library.test_loading import LOAD, MAPPING, PLAN

PAD = "n" * 400


def load(folder: Path, shelves: Shelves, rows: int) -> int:
    """Load a file of so many rows; return the peak of memory in KiB until now."""
    path = folder / f"{rows}.csv"
    with path.open("w", encoding="utf-8") as out:
        out.write("id,name,born,floor\n")
        out.writelines(f"{number:018d},{PAD}{number % 7},1990-01-02,{number % 30}\n" for number in range(rows))
    source = CsvFile(path, CsvTold(), list(MAPPING))
    head = replace(LOAD, load_id=str(rows))
    done = run(source, PLAN, head, Running(shelves, shelves.loads, 9, batch_rows=20_000))
    assert done.rows == rows
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    csv_file.BLOCK_BYTES = 1 << 20
    place = Path(sys.argv[1])
    shelves = Shelves(place / "library", at_min=1)
    before = load(place, shelves, 4_000)
    sys.stdout.write(str((load(place, shelves, 200_000) - before) // 1024))
