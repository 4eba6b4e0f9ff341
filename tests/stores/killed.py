"""Runs a step of the embedded store in a process of its own and kills it (SIGKILL) at a failpoint.

`python killed.py <directory> <step>` with HUBTWIN_FAILPOINT="<name>:<n>" dies at the n-th passing of that name.
Every write that was acknowledged is told on standard output before the next begins.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from hubtwin.stores.backup import backup
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.vault import Vault
from tests.contracts.store_suite import HUB
from tests.stores.arming import arm_kill
from tests.stores.batches import BATCHES


def clock() -> datetime:
    """Return the one moment at which all of this happens."""
    return datetime(2022, 10, 20, 1, tzinfo=UTC)


def main(directory: str, step: str) -> None:
    """Do one step: write, compact, remember, forget or backup."""
    store = EmbeddedStore(Path(directory), HUB, clock=clock, threads=1)
    arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
    if step == "write":
        for number, batch in enumerate(BATCHES):
            store.write(batch)
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
    elif step == "compact":
        store.compact("rail_stations")
    elif step == "backup":
        backup(Path(directory), Path(directory).with_name("copy"), clock=clock)
    else:
        vault = Vault(Path(directory), clock=clock, record=store.append_event)
        if step == "remember":
            vault.remember("p", {"name": "n"})
        else:
            vault.forget("p")
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
