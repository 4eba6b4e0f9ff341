"""Which rows may have the same key: sorted hashes on disk, one run for each file of rows and each key.

A run is an array of 64-bit numbers: the upper 37 bits are those of the hash of the key, the lower 27 the place of the
row in its file. It is sorted, so that the rows of one hash lie together and a part of the hashes is a slice. It takes
eight bytes a row; what is looked at at once is bounded, whatever the number of rows.

Two keys may share 37 bits, so what is found here are candidates; whoever asks compares the keys themselves. No two rows
of the same key are ever missed, and that is what makes the answer exact.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hubtwin.base.errors import Malformed

PLACE_BITS = 27
MOST_ROWS = 1 << PLACE_BITS  # of one file
AT_ONCE = 1 << 25  # hashes in memory at once: 256 MiB
_TABLE_BITS = 24
_HASH_BITS = 64 - PLACE_BITS
_PLACES = np.uint64(MOST_ROWS - 1)
Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


def pack(hashes: Hashes, first_place: int) -> Hashes:
    """Return hashes of rows, which lie one after the other from a place on, as members of a run (not yet sorted)."""
    packed = hashes & ~_PLACES
    packed |= np.arange(first_place, first_place + len(hashes), dtype=np.uint64)
    return packed


def refuse_too_long(rows: int, name: str) -> None:
    """Raise Malformed for a file with more rows than a place can say."""
    if rows > MOST_ROWS:
        raise Malformed("stores.file_too_long", file=name, rows=rows, most=MOST_ROWS)


def read_run(path: Path) -> Hashes:
    """Return a run as it lies on disk; only what is looked at is read."""
    if path.stat().st_size == 0:
        return np.empty(0, np.uint64)
    return np.memmap(path, np.dtype("<u8"), mode="r")


def find_candidates(
    new: Sequence[Hashes], old: Sequence[Hashes], gone: Sequence[Hashes], *, at_once: int = AT_ONCE
) -> tuple[list[Places], list[Places]]:
    """Return the places of rows whose key may stand twice, for each new run and each old one.

    Asked are hashes that stand twice with a row of a new run among them, and those of a gone run that stand in any
    other: only their rows can have changed what they are. Old rows among themselves were asked about before.
    """
    total = sum(len(run) for run in (*new, *gone))
    slices = 1
    while total > at_once * slices and slices < (1 << _TABLE_BITS):
        slices *= 2
    found_new: list[list[Places]] = [[] for _ in new]
    found_old: list[list[Places]] = [[] for _ in old]
    for number in range(slices):
        parts = [[_slice(run, number, slices) for run in runs] for runs in (new, old, gone)]
        asked = _Asked(_doubles(*parts))
        if not len(asked.hashes):
            continue
        for found, runs in ((found_new, parts[0]), (found_old, parts[1])):
            for place, run in enumerate(runs):
                found[place].append((asked.members(run) & _PLACES).astype(np.int64))
    return [_joined(each) for each in found_new], [_joined(each) for each in found_old]


def _joined(parts: list[Places]) -> Places:
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def _slice(run: Hashes, number: int, slices: int) -> Hashes:
    if slices == 1:
        return run
    step = (1 << 64) // slices
    begin = np.searchsorted(run, np.uint64(number * step))
    end = len(run) if number == slices - 1 else np.searchsorted(run, np.uint64((number + 1) * step))
    return run[begin:end]


def _doubles(new: Sequence[Hashes], old: Sequence[Hashes], gone: Sequence[Hashes]) -> Hashes:
    """Return the hashes to ask about, sorted, each once."""
    ours = _sorted_hashes(new)
    twice = ours[1:][ours[1:] == ours[:-1]]
    told = [twice]
    lost = _sorted_hashes(gone)
    if len(lost):
        told.append(np.intersect1d(lost, ours))
    if old:
        asked = _Asked(_once(np.concatenate((ours, lost))))
        told += [asked.members(run) >> np.uint64(PLACE_BITS) for run in old]
    return _once(np.concatenate(told))


def _once(hashes: Hashes) -> Hashes:
    """Return hashes sorted, each once: a vectorised sort, many times faster than `numpy.unique`."""
    hashes.sort()
    return hashes[np.concatenate(([True], hashes[1:] != hashes[:-1]))] if len(hashes) else hashes


def _sorted_hashes(runs: Sequence[Hashes]) -> Hashes:
    if not runs:
        return np.empty(0, np.uint64)
    if len(runs) == 1:
        return runs[0] >> np.uint64(PLACE_BITS)
    found = np.empty(sum(len(run) for run in runs), np.uint64)
    begin = 0
    for run in runs:
        np.right_shift(run, np.uint64(PLACE_BITS), out=found[begin : begin + len(run)])
        begin += len(run)
    found.sort()
    return found


class _Asked:
    """A sorted set of hashes that runs are held against: a table of their first bits lets most rows go by at once."""

    def __init__(self, hashes: Hashes) -> None:
        self.hashes = hashes
        self._table = np.zeros(1 << _TABLE_BITS, np.bool_)
        self._table[hashes >> np.uint64(_HASH_BITS - _TABLE_BITS)] = True

    def members(self, run: Hashes) -> Hashes:
        """Return the members of a run whose hash is in the set."""
        parts = [self._members(run[begin : begin + (1 << 20)]) for begin in range(0, len(run), 1 << 20)]
        return np.concatenate(parts) if parts else np.empty(0, np.uint64)

    def _members(self, run: Hashes) -> Hashes:
        near = run[self._table[run >> np.uint64(64 - _TABLE_BITS)]]
        hashes = near >> np.uint64(PLACE_BITS)
        at = np.searchsorted(self.hashes, hashes)
        at[at == len(self.hashes)] = 0
        found: Hashes = near[self.hashes[at] == hashes] if len(self.hashes) else near[:0]
        return found
