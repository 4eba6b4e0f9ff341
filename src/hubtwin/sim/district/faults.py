"""Known faults: so many rows of each colour, each row with one fault, and the truth about them for a test.

What other registers refer to is left alone: a fault shows in the row it was planted in and in no other one. A colour
that a dataset has no rule for cannot be planted; the truth says how many were.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.datasets.table import Column
from hubtwin.model.colour import Colour
from hubtwin.rules.quality_checks import plain_condition
from hubtwin.sim.district.columns import Maker
from hubtwin.sim.district.identifiers import MAKERS
from hubtwin.sim.district.registers import broken
from hubtwin.sim.draws import stream
from hubtwin.sim.recipe import Ints

PLANTED = (Colour.RED, Colour.ORANGE, Colour.YELLOW, Colour.BROWN, Colour.PURPLE, Colour.GREY)
UNUSED = 30_000_000  # numbers from here on stand in no register
POOL = 8  # rows looked at for each that shall break a rule across columns
SHIFTS = (-4000, 4000, -400, 400, -1, 1)


@dataclass(frozen=True)
class Truth:
    """What is wrong with a register. `rows` counts all of its rows, `planted` those of each colour; `places` are their
    places in the file, from 0. A row that is in none of them is clean."""

    dataset: str
    rows: int
    planted: Mapping[Colour, int]
    places: Mapping[Colour, tuple[int, ...]]


@dataclass
class Planter:
    """Plants faults into registers: as many rows of each colour as `counts` says, where a dataset has a rule for it."""

    maker: Maker
    counts: Mapping[Colour, int]
    seed: int
    referred: frozenset[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        """Find out what must be left alone."""
        self.referred = frozenset(list_referred(self.maker.catalogue))

    def plant(self, listing: Listing, table: pa.Table) -> tuple[pa.Table, Truth]:
        """Return a register with faults, and the truth about it."""
        rng = stream(self.seed, f"faults {listing.name}")
        free = rng.permutation(table.num_rows).astype(np.int64)
        places: dict[Colour, Ints] = {}
        copies = np.zeros(0, dtype=np.int64)
        for colour in PLANTED:
            want = min(self.counts.get(colour, 0), len(free) // 2)
            if not want:
                continue
            if colour is Colour.YELLOW:
                copies, free = free[:want], free[want:]  # what is copied stays clean
                continue
            found = self._plant(colour, listing, table, free, want)
            if found is not None:
                table, places[colour] = found
                free = free[~np.isin(free, places[colour])]
        if len(copies):
            places[Colour.YELLOW] = np.arange(table.num_rows, table.num_rows + len(copies))
            table = pa.concat_tables([table, table.take(pa.array(copies))]).combine_chunks()
        told = {colour: tuple(sorted(rows.tolist())) for colour, rows in places.items() if len(rows)}
        return table, Truth(listing.name, table.num_rows, {colour: len(rows) for colour, rows in told.items()}, told)

    def _plant(
        self, colour: Colour, listing: Listing, table: pa.Table, free: Ints, want: int
    ) -> tuple[pa.Table, Ints] | None:
        """Return the table with so many rows of a colour, None where the dataset has no rule for it."""
        rows = free[:want]
        if colour is Colour.PURPLE:
            return self._contradict(listing, table, free, want)
        if colour is Colour.GREY:
            return self._age(listing, table, rows)
        for column in self._columns(listing):
            values = self._wrong(colour, listing, column, len(rows))
            if values is not None:
                return _write(table, column.name, rows, values), rows
        return None

    def _columns(self, listing: Listing) -> Iterator[Column]:
        """Yield the columns that may be spoilt: nothing of the key, nothing that others refer to."""
        for column in listing.dataset.columns:
            is_kept = column.name in listing.dataset.key or (listing.name, column.name) in self.referred
            if not is_kept and column.name != listing.street_column:
                yield column

    def _wrong(self, colour: Colour, listing: Listing, column: Column, count: int) -> pa.Array | None:
        """Return values of a column that give a row the colour, None where they cannot."""
        trait, form = listing.trait(column.name), self.maker.format_of(listing, column)
        if colour is Colour.ORANGE:
            return pa.nulls(count, column.arrow.type) if trait.required else None
        if colour is Colour.BROWN:
            return self._nowhere(form, count) if trait.refers_to else None
        if column.type == "string" and (form or column.values):
            return pa.array([f"SYN-WRONG-{number}" for number in range(count)])
        for bound, step in ((column.maximum, 1), (column.minimum, -1)):
            if column.type in ("int", "float") and bound is not None:
                return pa.array(np.full(count, bound + step)).cast(column.arrow.type)
        return None

    def _nowhere(self, form: str, count: int) -> pa.Array:
        """Return values that are good by themselves and stand in no register."""
        numbers = np.arange(UNUSED, UNUSED + count, dtype=np.int64)
        if form in MAKERS:
            return MAKERS[form](numbers, self.maker.province)
        return pa.array([f"SYN-NOWHERE-{number}" for number in numbers.tolist()])

    def _age(self, listing: Listing, table: pa.Table, rows: Ints) -> tuple[pa.Table, Ints] | None:
        if not listing.confirmed_column or listing.update_every_min is None:
            return None
        minute = self.maker.now_min - 2 * listing.update_every_min - 1
        kind = table.schema.field(listing.confirmed_column).type
        return _write(table, listing.confirmed_column, rows, pa.array(np.full(len(rows), minute)).cast(kind)), rows

    def _contradict(self, listing: Listing, table: pa.Table, free: Ints, want: int) -> tuple[pa.Table, Ints] | None:
        """Let rows differ from the authoritative source, or break a rule across columns."""
        spoilable = {each.name: each for each in self._columns(listing)}
        for name, column in spoilable.items():
            if listing.trait(name).same_as and column.type == "string" and not column.values:
                there = free[table.column(name).take(pa.array(free)).is_valid().to_numpy(zero_copy_only=False)][:want]
                old = table.column(name).take(pa.array(there)).combine_chunks()
                return _write(table, name, there, pc.binary_join_element_wise(old, "（误）", "")), there
        for check in listing.checks:
            if check.colour is not Colour.PURPLE:
                continue
            names = plain_condition(check.holds, listing.dataset, check.name).columns
            for name in names:
                found = self._break(table, check.holds, spoilable.get(name), free[: want * POOL], want)
                if found is not None:
                    return found
        return None

    def _break(
        self, table: pa.Table, holds: str, column: Column | None, pool: Ints, want: int
    ) -> tuple[pa.Table, Ints] | None:
        """Change a column of rows until enough of them break a condition and nothing else."""
        if column is None or not len(pool):
            return None
        for values in _others(column, table.column(column.name).take(pa.array(pool)).combine_chunks()):
            tried = _write(table, column.name, pool, values)
            rows = pool[broken(tried.take(pa.array(pool)), {"": holds})][:want]
            if len(rows) == want:
                picked = pc.index_in(pa.array(rows), pa.array(pool))
                return _write(table, column.name, rows, values.take(picked)), rows
        return None


def list_referred(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield dataset and column of everything that another dataset takes values from, or is found by."""
    for listing in catalogue.listings:
        for trait in listing.traits.values():
            for told in (trait.refers_to, trait.same_as):
                name, _, column = told.partition(".")
                if name in catalogue.by_name:
                    yield name, column
                    yield from ((name, each) for each in catalogue.get(name).dataset.key)


def _others(column: Column, old: pa.Array) -> Iterator[pa.Array]:
    """Yield other values of a column that are as good as the old ones by themselves."""
    if column.values:
        for value in column.values:
            yield pa.array([value] * len(old))
    elif column.type == "date":
        for days in SHIFTS:
            yield pc.add(old.cast(pa.int32()), pa.scalar(days, pa.int32())).cast(pa.date32())
    elif column.type in ("minute", "second"):
        for days in SHIFTS:
            yield pc.add(old, pa.scalar(days * (1440 if column.type == "minute" else 86_400), old.type))
    elif column.type in ("int", "float"):
        for bound in (column.maximum, column.minimum, 1e12, -1e12):
            is_inside = bound is not None and column.minimum in (None, min(bound, column.minimum or bound))
            if bound is not None and is_inside and bound <= (column.maximum if column.maximum is not None else bound):
                yield pa.array(np.full(len(old), bound)).cast(old.type)


def _write(table: pa.Table, name: str, rows: Ints, values: pa.Array) -> pa.Table:
    """Return the table with other values of a column in some rows."""
    place = table.schema.get_field_index(name)
    old = table.column(place).combine_chunks()
    where = np.zeros(table.num_rows, dtype=bool)
    where[rows] = True
    order = np.argsort(rows, kind="stable")
    new = pc.replace_with_mask(old, pa.array(where), values.cast(old.type).take(pa.array(order)))
    return table.set_column(place, table.schema.field(place), new)
