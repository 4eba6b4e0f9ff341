"""A real `hubtwin` process over a home: `python -m tests.wiring.library_served <hub.toml> <home> <command> ...`.

HUBTWIN_FAILPOINT="<name>:<n>" kills it at the n-th passing of that name, "*:<n>" at the n-th passing of any. On SIGUSR1
it is armed anew, with what the file `failpoint` in the home says, which it then takes away. Loads go in small batches,
so that a small file has several.
"""

import os
import signal
import sys
from pathlib import Path

from hubtwin.cli.app import run
from hubtwin.connectors.tables import csv_file
from hubtwin.wiring.loading import Loader
from tests.stores.arming import arm_kill

BLOCK_BYTES, BATCH_ROWS = 8_000, 250
ARMS = "failpoint"

if __name__ == "__main__":
    hub, home, *command = sys.argv[1:]
    told = Path(home, ARMS)

    def rearm(*_: object) -> None:
        """Arm what the file says."""
        arm_kill(told.read_text())
        told.unlink()

    csv_file.BLOCK_BYTES = BLOCK_BYTES
    assert Loader.load.__kwdefaults__ is not None
    Loader.load.__kwdefaults__["batch_rows"] = BATCH_ROWS
    signal.signal(signal.SIGUSR1, rearm)
    arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
    sys.exit(run(["--hub", hub, "--home", home, "--lang", "en", *command]))
