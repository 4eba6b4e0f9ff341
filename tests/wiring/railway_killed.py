"""A railway whose owner is killed: `python -m tests.wiring.railway_killed DIRECTORY` writes down whom it started."""

import sys
import time
from pathlib import Path

from hubtwin.base.clock import PacedClock, from_epoch_minute, system_clock
from hubtwin.wiring.railway import Railway
from tests.matcher.hubside import open_hub
from tests.matcher.town import DAY, NIGHT_MIN
from tests.wiring.rail import post


def main(directory: Path) -> None:
    """Set it up, say who runs, and wait to be killed."""
    clock = PacedClock(from_epoch_minute(NIGHT_MIN), 0.0, system_clock)
    with open_hub(directory / "hub", clock) as hub, Railway(post(directory, hub), DAY, clock) as rail:
        rail.serve(hub.side())
        while rail.publisher is None or not rail.publisher.states()[0].sent_version:
            time.sleep(0.05)
        (directory / "part").write_text(str(rail.pid), encoding="utf-8")
        (directory / "part").rename(directory / "pid")
        time.sleep(600)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
