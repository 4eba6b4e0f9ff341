"""Loads a file in a process of its own that dies at a failpoint: `loading_killed.py <shelves> <file> <failpoint>`."""

import sys
from pathlib import Path

from hubtwin.connectors.tables import csv_file
from hubtwin.connectors.tables.csv_file import CsvFile, CsvTold
from hubtwin.library.loading import Running, run
from hubtwin.stores.shelves import Shelves
from tests.library.test_loading import LOAD, MAPPING, PLAN
from tests.stores.arming import arm_kill

if __name__ == "__main__":
    shelves = Shelves(Path(sys.argv[1]), at_min=1)
    csv_file.BLOCK_BYTES = 5_000
    source = CsvFile(Path(sys.argv[2]), CsvTold(), list(MAPPING))
    arm_kill(sys.argv[3])
    run(source, PLAN, LOAD, Running(shelves, shelves.loads, 9, batch_rows=300))
