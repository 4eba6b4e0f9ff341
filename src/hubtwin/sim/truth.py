"""What really happened, computed from the day itself and kept beside it: it never goes over a wire."""

from dataclasses import dataclass

import numpy as np

from hubtwin.sim.places import Places
from hubtwin.sim.recipe import Bools, Ints, Recipe
from hubtwin.sim.stays import Stays


@dataclass(frozen=True)
class Truth:
    """`person` was in a listed community during `interval` (a number in Places) from `from_min` until `until_min`.

    One entry for each (stay, interval) that share time; `infectious` is by person, exposed or not.
    """

    person: Ints
    interval: Ints
    stay: Ints
    from_min: Ints
    until_min: Ints
    infectious: Bools

    @property
    def exposed(self) -> Bools:
        """Return who was in any listed community while it was listed, by person."""
        found = np.zeros(len(self.infectious), dtype=np.bool_)
        found[self.person] = True
        return found


def tell(stays: Stays, places: Places, recipe: Recipe, persons: int, rng: np.random.Generator) -> Truth:
    """Lay every stay in a listed community over the times it was listed, and draw who is infectious."""
    stay = np.flatnonzero(stays.community >= 0)
    place = stays.community[stay]
    count = np.diff(places.first_interval)[place]
    pair = np.repeat(np.arange(len(stay)), count)
    step = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    interval = places.first_interval[place][pair] + step
    stay = stay[pair]
    start = np.maximum(stays.in_min[stay], places.interval_from[interval])
    end = np.minimum(stays.out_min[stay], places.interval_until[interval])
    shared = end > start
    stay, interval, start, end = stay[shared], interval[shared], start[shared], end[shared]
    person = stays.person[stay]
    chance = np.full(persons, recipe.infection["elsewhere"])
    by_level = np.array([recipe.infection[level] for level in places.interval_level], dtype=np.float64)
    np.maximum.at(chance, person, by_level[interval])
    return Truth(person, interval, stay, start, end, rng.random(persons) < chance)
