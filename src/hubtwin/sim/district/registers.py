"""Registers of a whole catalogue that fit together: keys are unique, references hold, what is copied from an
authoritative source is the same, and every rule across columns is met. What is wrong with them is planted afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import LibraryKind, Listing
from hubtwin.datasets.table import Column
from hubtwin.rules.quality_checks import plain_condition
from hubtwin.sim.district.columns import EMPTY, Maker
from hubtwin.sim.draws import stream
from hubtwin.sim.recipe import Bools, Ints

TRIES = 30  # how often values are drawn anew until a rule across columns holds
WIDE = 1 << 40  # a key column without a list or a reference has as many values as anybody needs


@dataclass
class Registers:
    """Makes registers of `rows` rows each, in an order in which what is referred to comes first."""

    maker: Maker
    seed: int
    rows: int
    tables: dict[str, pa.Table] = field(default_factory=dict)

    def order(self, names: Iterable[str] = ()) -> list[Listing]:
        """Return the listings to make, each after those it refers to; all but the hub's own where none is named.

        A reference that leads back to a dataset being made is not followed.
        """
        catalogue = self.maker.catalogue
        asked = list(names) or [
            each.name
            for each in catalogue.listings
            if catalogue.library_by_name[each.library].kind is not LibraryKind.HUB
        ]
        done: dict[str, Listing] = {}
        open_: set[str] = set()

        def visit(name: str) -> None:
            if name in done or name in open_:
                return
            open_.add(name)
            listing = catalogue.get(name)
            for target in sorted(targets_of(listing)):
                visit(target)
            done[name] = listing

        for name in asked:
            visit(name)
        return list(done.values())

    def make(self, names: Iterable[str] = ()) -> Iterator[tuple[Listing, pa.Table]]:
        """Yield each register. Raises Absent, and Malformed where a rule across columns cannot be met."""
        for listing in self.order(names):
            self.tables[listing.name] = self._make(listing)
            yield listing, self.tables[listing.name]

    def _make(self, listing: Listing) -> pa.Table:
        rng = stream(self.seed, listing.name)
        drawn = _Drawn(self, listing, rng)
        drawn.draw_key()
        for column in listing.dataset.columns:
            if column.name not in drawn.made:
                drawn.draw(column)
        names = [each.name for each in listing.dataset.columns]
        table = pa.table({name: drawn.made[name] for name in names})
        table = _derive(table, listing, self.maker)
        table = _thin(table, listing, rng)
        table = _hold(table, listing, self.maker, rng)
        return table.cast(pa.schema([each.arrow.with_nullable(True) for each in listing.dataset.columns]))


def targets_of(listing: Listing) -> set[str]:
    """Return the other datasets whose values a dataset takes."""
    told = (t for trait in listing.traits.values() for t in (trait.refers_to, trait.same_as) if t)
    return {each.partition(".")[0] for each in told} - {listing.name}


@dataclass
class _Drawn:
    """The columns of one register that were drawn so far, and which row of another register each row points to."""

    registers: Registers
    listing: Listing
    rng: np.random.Generator
    made: dict[str, pa.Array] = field(default_factory=dict)
    points: dict[str, Ints] = field(default_factory=dict)
    count: int = 0

    def draw_key(self) -> None:
        """Draw the key: the number of a row, written in mixed radix over what each column can be."""
        columns = [self.listing.dataset.by_name[name] for name in self.listing.dataset.key]
        sizes = {each.name: self._size(each) for each in columns}
        most = 1
        for size in sizes.values():
            most = min(most * size, WIDE)
        self.count = min(self.registers.rows, most)
        left = np.arange(self.count, dtype=np.int64)
        if most < WIDE:  # spread over all combinations, not the first ones only
            left = np.sort(self.rng.choice(most, self.count, replace=False)).astype(np.int64)
        for column in sorted(columns, key=lambda each: sizes[each.name]):
            size = sizes[column.name]
            digit = left if size >= WIDE else left % size
            left = left if size >= WIDE else left // size
            self._place(column, digit)

    def _size(self, column: Column) -> int:
        target = self._target(column)
        if target is not None:
            return int(target[1].num_rows)
        if column.values:
            return len(column.values)
        return WIDE if column.type in ("string", "pid") else 1_500 if column.type == "date" else WIDE

    def _place(self, column: Column, digit: Ints) -> None:
        """Write the values of a key column for the digits of the rows."""
        target = self._target(column)
        if target is not None:
            order = self.rng.permutation(target[1].num_rows).astype(np.int64)
            self._point(column, order[digit])
        elif column.values:
            self.made[column.name] = pa.array(column.values).take(pa.array(digit))
        elif column.type == "date":
            today = self.registers.maker.now_min // 1440
            self.made[column.name] = pa.array((today - digit).astype(np.int32), pa.int32()).cast(pa.date32())
        elif column.type in ("string", "pid"):
            self.made[column.name] = self.registers.maker.make(self.listing, column, digit, self.rng)
        else:
            self.made[column.name] = pa.array(digit + int(column.minimum or 0))

    def draw(self, column: Column) -> None:
        """Draw any other column."""
        name, maker = column.name, self.registers.maker
        trait = self.listing.trait(name)
        source = trait.same_as.partition(".")[0]
        if source in self.points:
            of = self.registers.tables[source].column(trait.same_as.partition(".")[2])
            self.made[name] = of.take(pa.array(self.points[source])).combine_chunks()
        elif self._target(column) is not None:
            self._point(column, self._rows_of(column))
        elif name == self.listing.street_column and (taken := self._street()) is not None:
            self.made[name] = taken
        else:
            numbers = np.arange(self.count, dtype=np.int64)
            self.made[name] = maker.make(self.listing, column, numbers, self.rng)

    def _rows_of(self, column: Column) -> Ints:
        target = self._target(column)
        assert target is not None
        if target[0] in self.points:
            return self.points[target[0]]
        return self.rng.integers(0, target[1].num_rows, self.count)

    def _point(self, column: Column, rows: Ints) -> None:
        """Take the values of what a column refers to, and remember the rows."""
        target = self._target(column)
        assert target is not None
        self.points.setdefault(target[0], rows)
        of = target[1].column(self.listing.trait(column.name).refers_to.partition(".")[2])
        self.made[column.name] = of.take(pa.array(rows)).combine_chunks()

    def _target(self, column: Column) -> tuple[str, pa.Table] | None:
        """Return what a column refers to, None where it refers to nothing that is made already."""
        name = self.listing.trait(column.name).refers_to.partition(".")[0]
        table = self.registers.tables.get(name)
        return (name, table) if table is not None and table.num_rows else None

    def _street(self) -> pa.Array | None:
        """Return the streets of the rows that this register points to: a row lies where its address lies."""
        catalogue = self.registers.maker.catalogue
        if catalogue.library_by_name[self.listing.library].street:
            return None
        for name, rows in self.points.items():
            street = catalogue.get(name).street_column
            if street:
                return self.registers.tables[name].column(street).take(pa.array(rows)).combine_chunks()
        return None


def evaluate(table: pa.Table, expression: str) -> pa.ChunkedArray:
    """Return an SQL expression over the columns of a table, one value a row in the order of the rows."""
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as con:
        con.register("rows", table)
        return con.sql(f"SELECT ({expression}) AS told FROM rows").to_arrow_table().column(0)  # noqa: S608 - declared


def _derive(table: pa.Table, listing: Listing, maker: Maker) -> pa.Table:
    """Replace what follows from other columns of the same row."""
    for place, column in enumerate(listing.dataset.columns):
        told = maker.recipe.derived.get(listing.trait(column.name).element, "")
        if told and not listing.trait(column.name).same_as and column.name not in listing.dataset.key:
            try:
                table = table.set_column(place, column.name, evaluate(table, told))
            except duckdb.BinderException:  # it follows from columns that this dataset does not have
                continue
    return table


def _thin(table: pa.Table, listing: Listing, rng: np.random.Generator) -> pa.Table:
    """Leave out some values that may be missing."""
    told = {listing.confirmed_column, listing.street_column, *listing.dataset.key}
    for place, column in enumerate(listing.dataset.columns):
        missing = rng.random(table.num_rows) < EMPTY
        if not listing.trait(column.name).required and column.name not in told:
            table = table.set_column(place, column.name, blank(table.column(place), missing))
    return table


def blank(values: pa.ChunkedArray, where: Bools) -> pa.Array:
    """Return the values, none where the mask is set."""
    flat = values.combine_chunks()
    return pc.if_else(pa.array(where), pa.scalar(None, flat.type), flat)


def broken(table: pa.Table, conditions: Mapping[str, str]) -> Bools:
    """Return which rows break one of some conditions; what cannot be told, because a value is missing, holds."""
    found = np.zeros(table.num_rows, dtype=bool)
    for condition in conditions.values():
        holds = pc.fill_null(evaluate(table, condition), True)
        found |= ~np.asarray(holds.to_numpy(zero_copy_only=False), dtype=bool)
    return found


def changeable(listing: Listing, names: Iterable[str], maker: Maker) -> list[Column]:
    """Return the columns among some that may be drawn anew: no key, nothing that is taken from elsewhere."""
    found = []
    for name in names:
        trait = listing.trait(name)
        taken = trait.refers_to or trait.same_as or trait.element in maker.recipe.derived
        if not taken and name not in listing.dataset.key and name != listing.street_column:
            found.append(listing.dataset.by_name[name])
    return found


def _hold(table: pa.Table, listing: Listing, maker: Maker, rng: np.random.Generator) -> pa.Table:
    """Draw values anew until every rule across columns holds; what may be missing is left out at last."""
    told = [plain_condition(each.holds, listing.dataset, each.name) for each in listing.checks]
    conditions = {each.name: each.holds for each in listing.checks}
    columns = changeable(listing, dict.fromkeys(name for each in told for name in each.columns), maker)
    for attempt in range(TRIES + 1):
        wrong = broken(table, conditions)
        if not wrong.any():
            return table
        for column in columns:
            place = table.schema.get_field_index(column.name)
            if attempt < TRIES:
                numbers = rng.integers(0, WIDE >> 10, int(wrong.sum()))
                table = _replace(table, place, wrong, maker.make(listing, column, numbers, rng))
            elif not listing.trait(column.name).required:
                table = table.set_column(place, column.name, blank(table.column(place), wrong))
    if broken(table, conditions).any():
        raise Malformed("sim.district_cannot_hold", dataset=listing.name, checks=", ".join(conditions))
    return table


def _replace(table: pa.Table, place: int, where: Bools, values: pa.Array) -> pa.Table:
    """Return the table with a column changed in some rows."""
    old = table.column(place).combine_chunks()
    new = pc.replace_with_mask(old, pa.array(where), values.cast(old.type))
    return table.set_column(place, table.schema.field(place).name, new)
