"""Takes over what a partner sent, in a process of its own, to be killed anywhere and begun again.

`python -m tests.wiring.taking_killed <town>` with HUBTWIN_FAILPOINT="<name>:<n>" dies at the n-th passing of that name.
"""

import os
import sys
from pathlib import Path

from hubtwin.wiring.partners import open_partners
from hubtwin.wiring.taking import Taking
from tests.stores.arming import arm_kill
from tests.walk.town import town
from tests.wiring.partner_kit import HUB, OFFICE, office

MET = 53


def main(folder: str) -> None:
    """Take over everything, as the service would after a start."""
    with town(Path(folder), fresh=False) as here:
        here.clock.jump(here.at(MET + 2))
        wire = open_partners(here.works.store.directory, HUB, here.now_min).wire
        arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
        answered: list[object] = []
        taking = Taking(here.works, wire, {OFFICE: office()}, lambda works, answer, key: answered.append(key))
        sys.stdout.write(f"{taking(here.clock())}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
