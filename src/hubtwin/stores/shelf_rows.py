"""Single rows on the shelves: looked up, added, corrected, taken from partners; each once by its key.

A correction rewrites the part that the row lies in and keeps its number. Telling which rows of a partner are new and
noting them is one transaction with the file that holds them.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Retry
from hubtwin.datasets.listing import ROW_NO, Listing
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.stores.shelf_files import ShelfFile, widened
from hubtwin.stores.shelves import Shelves

RETURNED = "returned"  # the part of rows that streets added
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Landing:
    """A row of a partner on its way to the shelf: its key and revision there, and its typed values."""

    key: str
    revision: int
    values: Mapping[str, object]


class ShelfRows:
    """Single rows of one store directory."""

    def __init__(self, shelves: Shelves, hub_id: str, status: Status, *, clock: Clock) -> None:
        """Take the open shelves; `hub_id` and `status` are those of the store."""
        self._shelves, self._hub_id, self._status, self._clock = shelves, hub_id, status, clock

    def find_row(self, listing: Listing, row_no: int) -> Mapping[str, object] | None:
        """Return a row with all its columns, None where there is none of this number, or it is withheld.

        Raises Retry where its part was replaced each time that it was looked for.
        """
        for _ in range(_LOOKS):
            with suppress(FileNotFoundError):  # replaced since the files were listed: the next look sees what is now
                return self._look_for(listing, row_no)
        raise Retry("stores.shelf_busy", dataset=listing.name)

    def _look_for(self, listing: Listing, row_no: int) -> Mapping[str, object] | None:
        if any(one.row_no == row_no for one in self._shelves.withheld(listing.name)):
            return None
        for file in self._files_of(listing, row_no):
            table = pq.read_table(file.path, filters=[(ROW_NO, "==", row_no)])
            if table.num_rows:
                table = widened(listing.schema, table)
                row: Mapping[str, object] = table.to_pylist()[0]
                return row
        return None

    def add_row(self, listing: Listing, values: Mapping[str, object], *, key: str, source: str) -> None:
        """Write a row, once by its key. It is synthetic where any row of the dataset is."""
        synthetic = any(file.synthetic_rows for file in self._shelves.files(listing.name))
        marks = Marks(self._status, Provenance.SYNTHETIC if synthetic else Provenance.REAL)
        table = self._table(listing, [values], source, marks)
        self._shelves.append(listing, RETURNED, [table], key=f"return:{key}", at_min=self._now_min())

    def correct(self, listing: Listing, row_no: int, column: str, value: object, *, key: str) -> None:
        """Write a value over that of a row; doing it twice is harmless. Raises Absent, Retry."""
        del key  # the same value written again is the same row
        if not self._rewrite(listing, {row_no: {column: value}}):
            raise Absent("stores.no_row", row=row_no, dataset=listing.name)

    def land(self, listing: Listing, partner: str, rows: Sequence[Landing], key: str, marks: Marks) -> Sequence[bool]:
        """Write rows of a partner; return of each whether it was new or newer. `key` is that of the message.

        What is older than what stands, or the same, changes nothing. Of several rows with one key the newest counts.
        """
        known = self._received(listing, partner, [row.key for row in rows])
        newest: dict[str, Landing] = {}
        for row in rows:
            if row.revision > newest.get(row.key, row).revision or row.key not in newest:
                newest[row.key] = row
        fresh = [row for row in newest.values() if row.key not in known]
        newer = [row for row in newest.values() if row.key in known and row.revision > known[row.key][0]]
        if fresh:
            table = self._table(listing, [row.values for row in fresh], f"partner:{partner}", marks)

            def note(con: sqlite3.Connection) -> None:
                sql = "SELECT next_row_no FROM numbering WHERE dataset = ?"
                first = int(con.execute(sql, (listing.name,)).fetchone()[0]) - len(fresh)
                told = [(partner, listing.name, row.key, row.revision, first + n) for n, row in enumerate(fresh)]
                con.executemany("INSERT INTO received VALUES (?, ?, ?, ?, ?)", told)

            self._shelves.append(
                *(listing, f"from-{_plain(partner)}", [table]), key=f"rows:{key}", at_min=self._now_min(), beside=note
            )
        if newer:
            self._rewrite(listing, {known[row.key][1]: row.values for row in newer}, whole=True)
            with self._shelves.database.transaction() as con:
                sql = "UPDATE received SET revision = ? WHERE partner = ? AND dataset = ? AND key = ?"
                con.executemany(sql, [(row.revision, partner, listing.name, row.key) for row in newer])
        moved = {id(row) for row in (*fresh, *newer)}
        return [id(row) in moved for row in rows]

    def _received(self, listing: Listing, partner: str, keys: Sequence[str]) -> dict[str, tuple[int, int]]:
        sql = "SELECT key, revision, row_no FROM received WHERE partner = ? AND dataset = ?"
        wanted = set(keys)
        found = self._shelves.database.all(sql, partner, listing.name)
        return {str(key): (int(str(rev)), int(str(no))) for key, rev, no in found if key in wanted}

    def _rewrite(self, listing: Listing, changes: Mapping[int, Mapping[str, object]], *, whole: bool = False) -> int:
        """Write values over those of rows, part by part; `whole`: columns that are not told become empty. Return how
        many rows there were. A part is held from its reading on: what another writes meanwhile is not undone."""
        parts = {file.part for row_no in changes for file in self._files_of(listing, row_no)}
        count = 0
        for part in sorted(parts):
            with self._shelves.held_part(listing.name, part, at_min=self._now_min()) as held:
                touched = sum(_count(file, changes) for file in held.files)
                if touched:
                    tables = [widened(listing.schema, pq.read_table(file.path)) for file in held.files]
                    held.replace(listing, [_changed(listing, table, changes, whole=whole) for table in tables])
                count += touched
        return count

    def _files_of(self, listing: Listing, row_no: int) -> list[ShelfFile]:
        return [file for file in self._shelves.files(listing.name) if file.first_row_no <= row_no]

    def _table(self, listing: Listing, rows: Sequence[Mapping[str, object]], source: str, marks: Marks) -> pa.Table:
        schema = pa.schema([field for field in listing.schema if field.name != ROW_NO])
        system = {
            "hub_id": self._hub_id,
            "source": source,
            "status": marks.status.value,
            "provenance": marks.provenance.value,
            "replayed": marks.replayed,
        }
        return pa.Table.from_pylist([{**row, **system} for row in rows], schema=schema)

    def _now_min(self) -> int:
        return epoch_minute(self._clock())


def _count(file: ShelfFile, changes: Mapping[int, object]) -> int:
    """Return how many of some rows a file holds."""
    return int(pq.read_table(file.path, columns=[ROW_NO], filters=[(ROW_NO, "in", list(changes))]).num_rows)


def _changed(
    listing: Listing, table: pa.Table, changes: Mapping[int, Mapping[str, object]], *, whole: bool
) -> pa.Table:
    """Return a table with some values written over; every other cell keeps its bytes."""
    places = {int(no): place for place, no in enumerate(table.column(ROW_NO).to_pylist()) if no in changes}
    own = [each.name for each in listing.dataset.columns]
    for name in own:
        told = {place: changes[no].get(name) for no, place in places.items() if whole or name in changes[no]}
        if not told:
            continue
        column = table.column(name).combine_chunks()
        mask = pa.array([place in told for place in range(len(column))])
        values = pa.array([told[place] for place in sorted(told)], column.type)
        fresh = pc.replace_with_mask(column, mask, values)
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), fresh)
    return table


def _plain(partner: str) -> str:
    """Return a name that a part may have."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in partner.lower())[:40]
