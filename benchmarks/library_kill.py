"""The served library killed (SIGKILL) at random amid loading, governing, authorising, asking and sending.

Run: python -m benchmarks.library_kill [kills] [seed]

One home, so that what one death leaves behind meets what comes after it. Half of the kills come from outside at a
random moment of the work, half at a random failpoint passed in it. After each restart what was acknowledged must be
there, and what was not is asked for again; every tenth time, and at the end, the disk is looked at from outside.
"""

import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.common import machine_header
from tests.wiring.library_hub import Killed, Served, list_faults, prepare, served
from tests.wiring.library_story import STEPS, Step, colour

KILLS, SEED, LOOK_EVERY = 50, 20261127, 10
LOADED = ("elderly_persons", "meal_services")
MOST_PASSED = 12  # failpoints until death, where it comes from inside


@dataclass
class Trial:
    """Kills one hub again and again, and counts."""

    hub: Served
    draws: np.random.Generator
    steps: list[Step] = field(default_factory=lambda: [each() for each in STEPS])
    took_s: dict[int, float] = field(default_factory=dict)  # how long a step took last, by its place
    done: list[tuple[Step, int]] = field(default_factory=list)
    amid: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    restarts_s: list[float] = field(default_factory=list)

    def turn(self, number: int) -> None:
        """Do something, be killed, begin again, and put right what was cut short."""
        place = int(self.draws.integers(len(self.steps)))
        step = self.steps[place]
        step.before(self.hub, number)
        cut = self._killed(step, place, number)
        (self.amid if cut else self.after)[type(step).__name__] += 1
        began = time.perf_counter()
        self.hub.start()
        self.restarts_s.append(time.perf_counter() - began)
        if cut:
            step.repeat(self.hub, number)
        self.done.append((step, number))
        self.wrong += [f"kill {number}: {each}" for each in step.list_wrong(self.hub, number)]

    def look(self) -> None:
        """Look at the disk from outside, once every row has its colour."""
        for dataset in LOADED:
            colour(self.hub, dataset)
        self.wrong += list_faults(self.hub.folder)

    def end(self) -> None:
        """Look once more at everything that was done."""
        self.hub.kill()
        self.hub.start()
        self.wrong += [each for step, number in self.done for each in step.list_wrong(self.hub, number)]
        self.look()

    def _killed(self, step: Step, place: int, number: int) -> bool:
        """Do a step and be killed; return whether that was before it ended."""
        timer = None
        if self.draws.random() < 0.5:
            timer = threading.Timer(self.draws.random() * self.took_s.get(place, 1.0), self.hub.strike)
            timer.start()
        else:
            self.hub.arm(f"*:{self.draws.integers(1, MOST_PASSED + 1)}")
        began = time.perf_counter()
        try:
            step.act(self.hub, number)
        except Killed:
            return True
        else:
            self.took_s[place] = time.perf_counter() - began
            return False
        finally:
            if timer is not None:
                timer.cancel()
            self.hub.kill()


def main(kills: int = KILLS, seed: int = SEED) -> int:
    """Print the figures; return 1 where anything was lost, doubled or left behind."""
    print(machine_header(["hubtwin"]))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "hub")
        prepare(folder)
        with served(folder) as hub:
            trial = Trial(hub, np.random.default_rng(seed))
            hub.start()
            for number in range(1, kills + 1):
                trial.turn(number)
                if number % LOOK_EVERY == 0:
                    trial.look()
                    print(f"{number} kills, {len(trial.wrong)} wrong", flush=True)
            trial.end()
    print(f"{kills} kills in {time.perf_counter() - began:.0f} s, seed {seed}")
    print(f"amid a step {dict(trial.amid)}; after it was acknowledged {dict(trial.after)}")
    print(f"restart until it serves: median {np.median(trial.restarts_s):.1f} s")
    print(f"lost, doubled or left behind: {len(trial.wrong)} {trial.wrong[:5]}")
    return int(bool(trial.wrong))


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:])))
