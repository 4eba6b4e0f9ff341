"""Files of colours: one for each file of rows, with `row_no`, `colour` (uint8; 0: no record, since a later row of its
key is) and `failed` (uint64, a bit a rule).

Between the scan and what is known of the keys, masks lie on disk as places in a short list of the different masks:
there are few of those, and counts and colours follow from counting the places.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hubtwin.model.colour import Colour
from hubtwin.rules.quality_rules import NO_RECORD, QualityRule, code_of
from hubtwin.stores.key_runs import Places
from hubtwin.stores.sqlite import fsync

SCHEMA = pa.schema([("row_no", pa.int64()), ("colour", pa.uint8()), ("failed", pa.uint64())])
ROW_GROUP = 1 << 20
_ENCODING = {"use_dictionary": ["colour", "failed"], "column_encoding": {"row_no": "DELTA_BINARY_PACKED"}}
CLEAN_FROM = int(Colour.BLUE)  # colours from here on are clean
Masks = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Counted:
    """What the colours of a file say in sum: records by colour (Colour -> rows), records by the rule they fail, by bit.

    A row is no record where a later one of its key is: it is not counted."""

    rows: int
    colours: dict[int, int]
    failed: dict[int, int]

    @staticmethod
    def of(rules: Sequence[QualityRule], masks: Masks, counts: npt.NDArray[np.int64]) -> "Counted":
        """Count from the different masks and how many rows have each."""
        colours: dict[int, int] = {}
        failed: dict[int, int] = {}
        rows = 0
        for mask, count in zip(masks.tolist(), counts.tolist(), strict=True):
            colour = code_of(rules, mask)
            if count and colour != NO_RECORD:
                rows += count
                colours[colour] = colours.get(colour, 0) + count
                for rule in rules:
                    if mask & rule.mask:
                        failed[rule.bit] = failed.get(rule.bit, 0) + count
        return Counted(rows, colours, failed)

    def moved(self, rules: Sequence[QualityRule], before: Masks, after: Masks) -> "Counted":
        """Return the counts after some rows have changed their masks."""
        rows, colours, failed = self.rows, dict(self.colours), dict(self.failed)
        for masks, sign in ((before, -1), (after, 1)):
            some = Counted.of(rules, *np.unique(masks, return_counts=True))
            rows += sign * some.rows
            for told, change in ((colours, some.colours), (failed, some.failed)):
                for key, count in change.items():
                    told[key] = told.get(key, 0) + sign * count
        return Counted(rows, {k: n for k, n in colours.items() if n}, {k: n for k, n in failed.items() if n})


def add_up(parts: Iterable[Counted]) -> Counted:
    """Return the counts of several files as one."""
    rows, colours, failed = 0, dict[int, int](), dict[int, int]()
    for part in parts:
        rows += part.rows
        for told, more in ((colours, part.colours), (failed, part.failed)):
            for key, count in more.items():
                told[key] = told.get(key, 0) + count
    return Counted(rows, colours, failed)


class MaskSpool:
    """The masks of one file as they come from the scan, in the order of the rows."""

    def __init__(self, path: Path) -> None:
        """Begin a file, to be filled and read once."""
        self._path = path
        self._codes: dict[int, int] = {}
        self._row_nos: list[tuple[int, int] | npt.NDArray[np.int64]] = []
        self.rows = 0
        path.unlink(missing_ok=True)

    def append(self, row_nos: npt.NDArray[np.int64], masks: Masks) -> None:
        """Take the next rows."""
        told = pa.array(masks).dictionary_encode()
        table = np.array(
            [self._codes.setdefault(mask, len(self._codes)) for mask in told.dictionary.to_pylist()], "<u4"
        )
        with self._path.open("ab") as stream:
            table[told.indices.to_numpy(zero_copy_only=False)].tofile(stream)
        dense = len(row_nos) and int(row_nos[-1]) - int(row_nos[0]) + 1 == len(row_nos)
        self._row_nos.append((int(row_nos[0]), len(row_nos)) if dense else row_nos)
        self.rows += len(row_nos)

    def row_nos(self) -> npt.NDArray[np.int64]:
        """Return the numbers of the rows."""
        parts = [np.arange(p[0], p[0] + p[1]) if isinstance(p, tuple) else p for p in self._row_nos]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def finish(self, marks: Sequence[tuple[Places, int]]) -> tuple[npt.NDArray[np.uint32], Masks]:
        """Return a place in the list of masks for each row, and that list, with more bits set at some places.

        The file is gone afterwards.
        """
        codes = np.fromfile(self._path, "<u4") if self.rows else np.empty(0, "<u4")
        self._path.unlink(missing_ok=True)
        for places, bit in marks:
            masks = np.fromiter(self._codes, np.uint64, len(self._codes))
            changed, of = np.unique(codes[places], return_inverse=True)
            table = [self._codes.setdefault(int(masks[code]) | bit, len(self._codes)) for code in changed.tolist()]
            codes[places] = np.array(table, "<u4")[of] if len(places) else codes[places]
        return codes, np.fromiter(self._codes, np.uint64, len(self._codes))


def write_colours(
    path: Path,
    rules: Sequence[QualityRule],
    row_nos: npt.NDArray[np.int64],
    codes: npt.NDArray[np.uint32],
    masks: Masks,
) -> Counted:
    """Write the colours of a file so that they survive a crash from here on; return what they say in sum."""
    colours = np.array([code_of(rules, mask) for mask in masks.tolist()], np.uint8)
    counts = np.zeros(len(masks), np.int64)
    with _writer(path) as writer:
        for begin in range(0, len(codes), ROW_GROUP):
            part = codes[begin : begin + ROW_GROUP]
            counts += np.bincount(part, minlength=len(masks))
            _put(writer, row_nos[begin : begin + ROW_GROUP], colours[part], masks[part])
    return Counted.of(rules, masks, counts)


def write_table(path: Path, row_nos: npt.NDArray[np.int64], colours: npt.NDArray[np.uint8], failed: Masks) -> None:
    """Write colours that are known already, so that they survive a crash from here on."""
    with _writer(path) as writer:
        for begin in range(0, len(row_nos), ROW_GROUP):
            end = begin + ROW_GROUP
            _put(writer, row_nos[begin:end], colours[begin:end], failed[begin:end])


@contextmanager
def _writer(path: Path) -> Iterator[pq.ParquetWriter]:
    draft = path.with_suffix(".draft")
    with pq.ParquetWriter(draft, SCHEMA, compression="zstd", **_ENCODING) as writer:
        yield writer
    fsync(draft)
    draft.replace(path)


def _put(writer: pq.ParquetWriter, *columns: npt.NDArray[Any]) -> None:
    writer.write_table(pa.Table.from_arrays([pa.array(each) for each in columns], schema=SCHEMA))


def write_changes(path: Path, rules: Sequence[QualityRule], row_nos: npt.NDArray[np.int64], failed: Masks) -> None:
    """Write the colours of some rows whose files keep theirs: what is read beside those and goes before them."""
    order = np.argsort(row_nos)
    masks, codes = np.unique(failed[order], return_inverse=True)
    write_colours(path, rules, row_nos[order], codes.astype(np.uint32), masks)


def write_run(path: Path, run: npt.NDArray[np.uint64]) -> None:
    """Sort hashes and write them as a run that survives a crash from here on."""
    run.sort()
    draft = path.with_suffix(".draft")
    run.astype("<u8", copy=False).tofile(draft)
    fsync(draft)
    os.replace(draft, path)


def count_repaired(rules: Sequence[QualityRule], before: Masks, after: Masks) -> int:
    """Return how many rows were not clean, and are."""
    pairs, counts = np.unique(np.stack((before, after)), axis=1, return_counts=True)
    told = zip(*pairs.tolist(), counts.tolist(), strict=True)
    return sum(n for old, new, n in told if NO_RECORD < code_of(rules, old) < CLEAN_FROM <= code_of(rules, new))
