"""The figures behind a simulated day: `recipe.toml` as one frozen record, and the seat maps of its trains."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hubtwin.base.errors import Malformed

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SHIPPED = Path(__file__).resolve().parent / "recipe.toml"
LETTERS = "ABCDF"  # a seat letter is stored as its place in here


@dataclass(frozen=True)
class SeatMap:
    """The seats of one kind of train, in order: carriage (from 1), row (from the end of car 1), letter index."""

    name: str
    weight: float
    carriage: Ints
    row: Ints
    letter: Ints

    @property
    def seats(self) -> int:
        """Return the number of seats."""
        return len(self.carriage)


@dataclass(frozen=True)
class Recipe:
    """Parameters by block as in `recipe.toml`; read-only by convention, hashed into every simulation's manifest."""

    passengers: Mapping[str, Any]
    delays: Mapping[str, Any]
    persons: Mapping[str, Any]
    infection: Mapping[str, float]
    letters: Mapping[str, str]
    consists: tuple[Mapping[str, Any], ...]

    @cached_property
    def seat_maps(self) -> tuple[SeatMap, ...]:
        """Return the seat maps of the consists."""
        return tuple(_seat_map(consist, self.letters) for consist in self.consists)


def load_recipe(path: Path = SHIPPED, **changes: Mapping[str, Any]) -> Recipe:
    """Read a recipe; `changes` replaces single entries of a block: `load_recipe(persons={"away": 0})`.

    Raises Malformed for a missing block, an entry that no recipe has, or a seat map with an unknown class.
    """
    with path.open("rb") as stream:
        told = tomllib.load(stream)
    for block, entries in changes.items():
        unknown = [name for name in entries if name not in told.get(block, {})]
        if unknown:
            raise Malformed("sim.recipe_unknown", block=block, entry=unknown[0])
        told[block] = {**told[block], **entries}
    try:
        recipe = Recipe(
            told["passengers"],
            told["delays"],
            told["persons"],
            told["infection"],
            told["letters"],
            tuple(told["consists"]),
        )
        assert recipe.seat_maps
    except KeyError as error:
        raise Malformed("sim.recipe_missing", file=path.name, entry=error.args[0]) from error
    return recipe


def _seat_map(consist: Mapping[str, Any], letters: Mapping[str, str]) -> SeatMap:
    seats = []
    for carriage, blocks in enumerate(consist["cars"], start=1):
        row = 0
        for kind, rows in blocks:
            for _ in range(rows):
                row += 1
                seats += [(carriage, row, LETTERS.index(letter)) for letter in letters[kind]]
    table = np.array(seats, dtype=np.int64)
    return SeatMap(str(consist["name"]), float(consist["weight"]), table[:, 0], table[:, 1], table[:, 2])
