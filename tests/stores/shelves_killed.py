"""Runs a step of the shelves in a process of its own and kills it at a failpoint, as `tests.stores.killed` does."""

import os
import sys
from pathlib import Path

from hubtwin.stores.shelves import Shelves
from tests.stores.arming import arm_kill
from tests.stores.shelf_kit import LISTING, replace_part, rows


def main(directory: str, step: str) -> None:
    """Append two batches, or replace the part of the first."""
    shelves = Shelves(Path(directory), at_min=1)
    arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
    if step == "append":
        for batch in ("a", "b"):
            shelves.append(LISTING, "p", [rows(batch + "1"), rows(batch + "2")], key=batch, at_min=2)
            sys.stdout.write(f"{batch}\n")
            sys.stdout.flush()
    else:
        replace_part(shelves, LISTING, "p", [rows("a2", numbers=[2]), rows("c1")], at_min=3)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
