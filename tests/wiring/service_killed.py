"""A hub's service in a process of its own, stepped minute by minute, to be killed anywhere and begun again.

`python -m tests.wiring.service_killed <folder> <bookings> <gates> <results> <first minute>` polls its partners and
tells each step on standard output once it is done. HUBTWIN_FAILPOINT="<name>:<n>" kills it at the n-th passing.
"""

import os
import sys
from pathlib import Path

from hubtwin.base.clock import PacedClock, system_clock
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.settings import load_settings
from hubtwin.web.start import open_desk
from hubtwin.wiring.running import make_running
from tests.stores.arming import arm_kill
from tests.walk.town import START, minute_at

LAST = 12


def main(folder: str, bookings: str, gates: str, results: str, first: str) -> None:
    """Step through the minutes that are left."""
    settings = load_settings(hub=str(Path(folder) / "hub.toml"), home=Path(folder) / "home", lang="en", environ={})
    clock = PacedClock(START, 0.0, system_clock)
    with open_desk(settings, clock=clock, real_clock=system_clock, mode="replay") as core:
        wires = {"bookings": HttpTransport(bookings), "gates": HttpTransport(gates), "results": HttpTransport(results)}
        running = make_running(core.works, wires)
        running.service.turning.judge_min = 1  # else a start would be a judgement that the other run does not make
        arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
        for minute in range(int(first), LAST + 1):
            clock.jump(minute_at(minute))
            running.service.step(clock())
            sys.stdout.write(f"{minute}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
