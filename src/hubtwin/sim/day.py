"""A seeded hub day: from a world, a recipe and a seed to trains, bookings, stays and the truth. Pure; no clock."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hubtwin.base.clock import DAY_MIN
from hubtwin.sim.draws import stream
from hubtwin.sim.people import Bookings, Kind, book
from hubtwin.sim.places import Places, lay_out
from hubtwin.sim.recipe import Ints, Recipe, load_recipe
from hubtwin.sim.stays import Stays, live
from hubtwin.sim.trains import Observation, Runs, observe, run_trains
from hubtwin.sim.truth import Truth, tell
from hubtwin.sim.world import World

ARRIVALS = 120_000  # persons who alight at the reference hub in a day
DOCUMENT = "syn"  # the type of a document that nobody was ever given
_NUMBERS = 10_000_000  # documents per date of birth
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])  # GB 11643: ISO 7064 MOD 11-2
_CHECKS = "10X98765432"


@dataclass(frozen=True)
class HubDay:
    """Everything of one simulated day. Persons are numbered as in `bookings`; `documents` are their numbers.

    `snapshot_min` is the moment of the first snapshot of a partner, the evening before; `truth` stays here.
    """

    world: World
    recipe: Recipe
    seed: int
    arrivals_asked: int
    snapshot_min: int
    runs: Runs
    observations: tuple[Observation, ...]
    bookings: Bookings
    documents: tuple[str, ...]
    places: Places
    stays: Stays
    truth: Truth

    def counts(self) -> Mapping[str, int]:
        """Return how much there is of what; `arrivals` under `arrivals_asked` means the trains were full."""
        kind = self.bookings.kind
        return {
            "trains": len(self.world.trips),
            "trains_cancelled": int(self.runs.cancelled.sum()),
            "calls_skipped": int(self.runs.skipped.sum()),
            "observations": len(self.observations),
            "arrivals_asked": self.arrivals_asked,
            "arrivals": int((kind == Kind.ARRIVES).sum()),
            "no_shows": int((kind == Kind.NO_SHOW).sum()),
            "cancelled": int((kind == Kind.CANCELLED).sum()),
            "through": int((kind == Kind.THROUGH).sum()),
            "earlier": int((kind == Kind.EARLIER).sum()),
            "orders": int(self.bookings.order.max(initial=-1)) + 1,
            "stays": len(self.stays),
            "listed_communities": len(self.places.community),
            "exposed": int(self.truth.exposed.sum()),
            "infectious": int(self.truth.infectious.sum()),
        }


def simulate(world: World, seed: int, arrivals: int = ARRIVALS, recipe: Recipe | None = None) -> HubDay:
    """Simulate a day. The same world, seed, arrivals and recipe give the same day, bit for bit.

    `arrivals` persons alight at the hub, or as many as the trains have room for (`HubDay.counts` shows both).
    """
    recipe = recipe or load_recipe()
    day = world.hub_date.isoformat()
    runs = run_trains(world, recipe, stream(seed, f"trains {day}"))
    bookings = book(world, runs, recipe, stream(seed, f"bookings {day}"), arrivals)
    places = lay_out(world, recipe, stream(seed, f"places {day}"))
    stays = live(world, runs, bookings, places, recipe=recipe, rng=stream(seed, f"stays {day}"))
    evening_min = world.day_start_min - 4 * 60
    first_min = int(runs.plan_depart_s.min()) // 60 - 60
    return HubDay(
        world=world,
        recipe=recipe,
        seed=seed,
        arrivals_asked=arrivals,
        snapshot_min=min(evening_min, first_min),
        runs=runs,
        observations=tuple(observe(world, runs, recipe)),
        bookings=bookings,
        documents=_documents(len(bookings), world, stream(seed, f"documents {day}")),
        places=places,
        stays=stays,
        truth=tell(stays, places, recipe, len(bookings), stream(seed, f"truth {day}")),
    )


def _documents(count: int, world: World, rng: np.random.Generator) -> tuple[str, ...]:
    """Return `count` different numbers in the form of GB 11643 with a right check digit and an area that cannot be.

    99xxxx is no administrative division, so none of them is a person's. A number says nothing about its bearer:
    area, birth and sequence are drawn without regard to anything else.
    """
    if not count:
        return ()
    serial = (int(rng.integers(_NUMBERS)) + np.arange(count)) % _NUMBERS
    born = np.datetime64("1940-01-01") + rng.integers(0, 75 * 365, size=count)
    birth = np.char.replace(np.datetime_as_string(born, unit="D"), "-", "")
    area = np.char.zfill((serial // 1000).astype(str), 4)
    body = np.char.add(np.char.add(np.char.add("99", area), birth), np.char.zfill((serial % 1000).astype(str), 3))
    return tuple(np.char.add(body, _check_digits(body)).tolist())


def _check_digits(body: np.typing.NDArray[np.str_]) -> np.typing.NDArray[np.str_]:
    digits: Ints = np.array([list(text) for text in body.tolist()], dtype=np.int64)
    found: np.typing.NDArray[np.str_] = np.array(list(_CHECKS))[(digits @ _WEIGHTS) % 11]
    return found


def end_min(world: World) -> int:
    """Return the epoch minute at which the hub's day is over."""
    return world.day_start_min + DAY_MIN
