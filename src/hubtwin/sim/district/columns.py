"""Values of a column, from how it is declared: its format, its list of values, its bounds, its type."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hubtwin.datasets.listing import Catalogue, Element, Listing
from hubtwin.datasets.table import Column
from hubtwin.library.districts import Recipe
from hubtwin.sim.district.identifiers import MAKERS, MOST
from hubtwin.sim.recipe import Ints

YEAR_MIN = 365 * 24 * 60
YEARS_BACK = 5  # how far back days lie that nobody bounds
FRESH = 0.9  # a row was confirmed within this share of the promised interval
EMPTY = 0.05  # share of values that are missing where they may be
_STRIDE = 7_919_993  # no common factor with MOST: numbers are spread over all births, and none comes twice
_PROVINCE = 33  # where a catalogue names no area


@dataclass(frozen=True)
class Maker:
    """What values are made with: the catalogue, how its texts are made up, and the minute that is now."""

    catalogue: Catalogue
    recipe: Recipe
    now_min: int

    @property
    def province(self) -> int:
        """Return the province of the district, two digits."""
        return int(self.catalogue.area_code[:2] or _PROVINCE)

    @property
    def streets(self) -> list[str]:
        """Return the codes of the streets; the district itself where it has none."""
        found = sorted({each.street for each in self.catalogue.libraries if each.street})
        return found or [self.catalogue.area_code or f"{_PROVINCE}0000"]

    def format_of(self, listing: Listing, column: Column) -> str:
        """Return the format that values of a column have, empty for none."""
        element = self._elements.get(listing.trait(column.name).element)
        return element.format if element else ""

    @cached_property
    def _elements(self) -> Mapping[str, Element]:
        return {each.name: each for each in self.catalogue.elements}

    def make(self, listing: Listing, column: Column, numbers: Ints, rng: np.random.Generator) -> pa.Array:
        """Return a value for each number. Values of texts without a list or samples differ as their numbers do."""
        count = len(numbers)
        if column.values:
            return pa.array(column.values).take(pa.array(rng.integers(0, len(column.values), count)))
        form = self.format_of(listing, column)
        if form in MAKERS:
            return MAKERS[form](numbers * _STRIDE % MOST, self.province)
        if form == "admin_code" or column.name == listing.street_column:
            return self._codes(listing, column, rng, count)
        if column.type in ("string", "pid"):
            return self._words(listing, column, numbers, rng)
        return self._measure(listing, column, rng, count)

    def _words(self, listing: Listing, column: Column, numbers: Ints, rng: np.random.Generator) -> pa.Array:
        """Return texts of parts, where somebody said of which; else a name for each number."""
        lists = self.recipe.samples.get(listing.trait(column.name).element)
        if lists and column.name not in listing.dataset.key:
            parts = [pa.array(each).take(pa.array(rng.integers(0, len(each), len(numbers)))) for each in lists]
            return pc.binary_join_element_wise(*parts, "")
        if column.type == "pid":
            return pa.array([f"{number:032x}" for number in (numbers * _STRIDE).tolist()], pa.string())
        return pa.array([f"SYN-{column.name[:12].upper()}-{number:08d}" for number in numbers.tolist()], pa.string())

    def _codes(self, listing: Listing, column: Column, rng: np.random.Generator, count: int) -> pa.Array:
        """Return codes of streets for the column that says of which street a row is, of the district elsewhere."""
        street = self.catalogue.library_by_name[listing.library].street
        codes = [street] if street else self.streets
        if column.name != listing.street_column:
            codes = [self.catalogue.area_code or self.streets[0]]
        return pa.array(codes).take(pa.array(rng.integers(0, len(codes), count)))

    def _measure(self, listing: Listing, column: Column, rng: np.random.Generator, count: int) -> pa.Array:
        low = 0 if column.minimum is None else column.minimum
        high = low + 1000 if column.maximum is None else column.maximum
        if column.type == "bool":
            return pa.array(rng.random(count) < 0.5)
        if column.type == "int":
            return pa.array(rng.integers(int(low), int(high) + 1, count))
        if column.type == "float":
            return pa.array(np.round(rng.uniform(low, high, count), 2))
        back = YEARS_BACK * YEAR_MIN
        if column.name == listing.confirmed_column:
            back = int((listing.update_every_min or YEAR_MIN) * FRESH)
        minutes = self.now_min - rng.integers(0, back + 1, count)
        if column.type == "date":
            return pa.array((minutes // 1440).astype(np.int32), pa.int32()).cast(pa.date32())
        return pa.array(minutes * 60) if column.type == "second" else pa.array(minutes.astype(np.int32))
