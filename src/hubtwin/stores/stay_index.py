"""Stays sorted by (area, t_in) on disk, opened memory-mapped.

    stays/CURRENT                     name of the generation that counts, and the checksum of its manifest
    stays/generation-000007/          one .npy file a column of `rules.linkage.Stays`
    stays/generation-000007/manifest.json    rows, areas, persons; bytes and CRC-32 of every file

A generation is written beside the current one under another name, synced, renamed and then named by CURRENT, which
is itself replaced by a rename. So a kill at any moment leaves the old generation or the new one, never a mixture;
what a kill left over is swept by the next write. The old generation is deleted after the switch: what was purged is
gone. Who has it open keeps reading it. One process writes.
"""

import json
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from hubtwin.base.errors import Absent, Malformed, Retry
from hubtwin.rules.linkage import Stays
from hubtwin.rules.linkage_risk import AREA_LIMIT, PERSON_LIMIT, Ints, Minutes, to_minutes, to_slots

CURRENT = "CURRENT"
_MANIFEST = "manifest.json"
_VERSION = 1
_COLUMNS = tuple(Stays.__dataclass_fields__)
_SMALL = ("offsets", "longest_min")  # always checked by content: every search starts from them
_BLOCK = 1 << 24  # bytes or rows that are handled at once


class StayRows(NamedTuple):
    """Some stays in any order, columns of one length: slot, person number, whole minutes, the caller's number."""

    area: Ints
    person: Ints
    t_in: Minutes
    t_out: Minutes
    stay_id: Ints


Pieces = Callable[[], Iterable[StayRows]]  # called twice, to count and to place: it must give the same rows


def write_stays(root: Path, pieces: Pieces, *, area_count: int = 0, person_count: int = 0) -> Stays:
    """Write all stays as a new generation, make it the current one and open it.

    Memory beside the mapped files stays within a few times the largest piece or the largest area. Raises Malformed
    for rows that cannot be (a stay that does not end after it begins, negative numbers) and then changes nothing.
    """
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    shape = _survey(pieces, area_count, person_count)
    name = _next_name(root)
    partial = root / f"{name}.partial"
    partial.mkdir()
    _fill(partial, pieces, shape)
    _seal(partial, shape)
    partial.rename(root / name)
    _sync(root)
    _point(root, name)
    _sweep(root)
    return open_stays(root)


def append_stays(root: Path, pieces: Pieces, *, drop_before_min: int | None = None) -> Stays:
    """Write the current stays and these as a new generation; without any yet, only these.

    Stays that ended at `drop_before_min` or earlier are left out (the look-back window; their files are deleted).
    Raises Malformed as `write_stays` does.
    """
    now = open_stays(root) if (root / CURRENT).exists() else None

    def both() -> Iterator[StayRows]:
        if now is not None:
            yield from list_rows(now)
        yield from pieces()

    def kept() -> Iterator[StayRows]:
        for rows in both():
            if drop_before_min is None:
                yield rows
                continue
            left = rows.t_out > drop_before_min
            yield StayRows(rows.area[left], rows.person[left], rows.t_in[left], rows.t_out[left], rows.stay_id[left])

    return write_stays(root, kept, area_count=now.area_count if now else 0, person_count=now.person_count if now else 0)


def list_rows(stays: Stays) -> Iterator[StayRows]:
    """Yield the stays of an index, area by area, at most some millions at once."""
    for area in range(stays.area_count):
        part = stays.partition(area)
        for at in range(0, len(part.t_in), _BLOCK):
            cut = slice(at, at + _BLOCK)
            slots = np.full(len(part.t_in[cut]), area, np.uint32)
            yield StayRows(slots, part.person[cut], part.t_in[cut], part.t_out[cut], part.stay_id[cut])


def open_stays(root: Path, *, verify: bool = False) -> Stays:
    """Open the current generation, memory-mapped for reading.

    Sizes, types and the search columns are always checked; `verify` reads every byte against its checksum. Raises
    Absent where nothing was written, Malformed for files that are not what was written, Retry where another
    process replaced the generation meanwhile.
    """
    try:
        name, seal = (root / CURRENT).read_text("ascii").split()
    except FileNotFoundError:
        raise Absent("stores.stays_absent", folder=root) from None
    except ValueError:
        raise Malformed("stores.stays_damaged", file=root / CURRENT) from None
    try:
        return _open_generation(root / name, seal, verify=verify)
    except FileNotFoundError as missing:
        if (root / CURRENT).read_text("ascii").split()[0] != name:
            raise Retry("stores.stays_replaced", folder=root) from missing
        raise Malformed("stores.stays_damaged", file=missing.filename) from missing


def _open_generation(folder: Path, seal: str, *, verify: bool) -> Stays:
    text = (folder / _MANIFEST).read_bytes()
    if f"{zlib.crc32(text):08x}" != seal:
        raise Malformed("stores.stays_damaged", file=folder / _MANIFEST)
    manifest: dict[str, Any] = json.loads(text)
    if manifest["version"] != _VERSION:
        raise Malformed("stores.stays_version", found=manifest["version"], known=_VERSION)
    columns = {}
    for column in _COLUMNS:
        file = folder / f"{column}.npy"
        facts = manifest["files"][column]
        if file.stat().st_size != facts["bytes"]:
            raise Malformed("stores.stays_damaged", file=file)
        if (verify or column in _SMALL) and _checksum(file) != facts["crc32"]:
            raise Malformed("stores.stays_damaged", file=file)
        columns[column] = _map(file)
    return Stays(**columns)


def _map(file: Path) -> NDArray[Any]:
    try:
        found = np.load(file, mmap_mode="r", allow_pickle=False)
    except ValueError as broken:
        raise Malformed("stores.stays_damaged", file=file) from broken
    return np.asarray(found)  # the plain view: slicing a memmap object costs microseconds


class _Shape(NamedTuple):
    per_area: NDArray[np.int64]
    longest_min: NDArray[np.int64]
    per_person: NDArray[np.int64]
    largest_id: int


def _survey(pieces: Pieces, area_count: int, person_count: int) -> _Shape:
    """Count what comes, so that every column has its size before a row is placed; refuse what cannot be."""
    per_area, longest = np.zeros(area_count, np.int64), np.zeros(area_count, np.int64)
    per_person = np.zeros(person_count, np.int64)
    largest_id = 0
    for rows in pieces():
        if not len(rows.area):
            continue
        if wrong := int(np.count_nonzero(rows.t_out <= rows.t_in)):
            raise Malformed("rules.linkage_not_positive", count=wrong)
        slots = to_slots(rows.area, "area", AREA_LIMIT)
        persons = to_slots(rows.person, "person", PERSON_LIMIT)
        to_slots(rows.stay_id, "stay_id")
        per_area = _grown(per_area, np.bincount(slots))
        longest = np.append(longest, np.zeros(len(per_area) - len(longest), np.int64))
        np.maximum.at(longest, slots, rows.t_out.astype(np.int64) - rows.t_in)
        per_person = _grown(per_person, np.bincount(persons))
        largest_id = max(largest_id, int(rows.stay_id.max()))
    return _Shape(per_area, longest, per_person, largest_id)


def _grown(total: NDArray[np.int64], more: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(more) > len(total):
        total = np.append(total, np.zeros(len(more) - len(total), np.int64))
    total[: len(more)] += more
    return total


def _fill(folder: Path, pieces: Pieces, shape: _Shape) -> None:
    rows = int(shape.per_area.sum())
    offsets = np.append(0, np.cumsum(shape.per_area))
    person_offsets = np.append(0, np.cumsum(shape.per_person))
    columns = {
        "stay_id": _create(folder, "stay_id", _fitting(shape.largest_id), rows),
        "person": _create(folder, "person", _fitting(len(shape.per_person)), rows),
        "t_in": _create(folder, "t_in", np.dtype(np.int32), rows),
        "t_out": _create(folder, "t_out", np.dtype(np.int32), rows),
    }
    _place(columns, pieces, offsets)
    for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        _sort({name: column[begin:end] for name, column in columns.items()})
    person_rows = _create(folder, "person_rows", _fitting(rows), rows)
    _index_persons(columns["person"], person_offsets, person_rows)
    for column in (*columns.values(), person_rows):
        column.flush()
    np.save(folder / "offsets.npy", offsets)
    np.save(folder / "longest_min.npy", to_minutes(shape.longest_min, "t_out"))
    np.save(folder / "person_offsets.npy", person_offsets.astype(_fitting(rows)))


def _fitting(largest: int) -> np.dtype[Any]:
    return np.dtype(np.uint32) if largest <= np.iinfo(np.uint32).max else np.dtype(np.int64)


def _create(folder: Path, name: str, dtype: np.dtype[Any], rows: int) -> "np.memmap[Any, Any]":
    return open_memmap(folder / f"{name}.npy", mode="w+", dtype=dtype, shape=(rows,))


def _place(columns: Mapping[str, NDArray[Any]], pieces: Pieces, offsets: NDArray[np.int64]) -> None:
    """Bring every row into the range of its area, as it comes."""
    free = offsets[:-1].copy()
    for rows in pieces():
        order = np.argsort(rows.area, kind="stable")
        slots = rows.area[order]
        areas, first = np.unique(slots, return_index=True)
        bounds = np.append(first, len(slots)).tolist()
        for name, target in columns.items():
            source: NDArray[Any] = getattr(rows, name)[order]
            for at, area in enumerate(areas.tolist()):
                begin, end = bounds[at], bounds[at + 1]
                target[free[area] : free[area] + end - begin] = source[begin:end]
        free[areas] += np.diff(bounds)


def _sort(part: Mapping[str, NDArray[Any]]) -> None:
    """Sort one area by t_in in place, keeping the order of equals."""
    t_in = part["t_in"]
    if len(t_in) < 2 or bool((t_in[1:] >= t_in[:-1]).all()):
        return
    # one 64-bit key of time and position sorts faster than an argsort, and is stable by itself
    key = (t_in.astype(np.int64) << 32) + np.arange(len(t_in))
    key.sort()
    order = key & 0xFFFF_FFFF
    for column in part.values():
        column[:] = column[order]


def _index_persons(person: NDArray[Any], offsets: NDArray[np.int64], target: NDArray[Any]) -> None:
    """Write the rows of each person, one range of persons after the other, so that memory stays bounded."""
    low = 0
    while low < len(offsets) - 1:
        high = max(low + 1, int(np.searchsorted(offsets, offsets[low] + 2 * _BLOCK, "right")) - 1)
        high = min(high, low + (1 << 27))  # person and row share 63 bits
        keys = []
        for at in range(0, len(person), _BLOCK):
            block = person[at : at + _BLOCK]
            here = np.flatnonzero((block >= low) & (block < high))
            keys.append(((block[here].astype(np.int64) - low) << 36) + here + at)
        key = np.concatenate(keys) if keys else np.zeros(0, np.int64)
        key.sort()
        target[offsets[low] : offsets[high]] = key & ((1 << 36) - 1)
        low = high


def _seal(folder: Path, shape: _Shape) -> None:
    """Write the manifest, and return only when every byte of the folder is on the disk."""
    files = {}
    for column in _COLUMNS:
        file = folder / f"{column}.npy"
        _sync(file)
        files[column] = {"bytes": file.stat().st_size, "crc32": _checksum(file)}
    facts = {
        "version": _VERSION,
        "rows": int(shape.per_area.sum()),
        "areas": len(shape.per_area),
        "persons": len(shape.per_person),
        "files": files,
    }
    (folder / _MANIFEST).write_text(json.dumps(facts, indent=1), "ascii")
    _sync(folder / _MANIFEST)
    _sync(folder)


def _checksum(file: Path) -> str:
    crc = 0
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            crc = zlib.crc32(block, crc)
    return f"{crc:08x}"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _next_name(root: Path) -> str:
    current = (root / CURRENT).read_text("ascii").split()[0] if (root / CURRENT).exists() else "generation-000000"
    return f"generation-{int(current.removeprefix('generation-')) + 1:06d}"


def _point(root: Path, name: str) -> None:
    """Make a generation the current one."""
    seal = f"{zlib.crc32((root / name / _MANIFEST).read_bytes()):08x}"
    draft = root / f"{CURRENT}.partial"
    draft.write_text(f"{name} {seal}\n", "ascii")
    _sync(draft)
    draft.replace(root / CURRENT)
    _sync(root)


def _sweep(root: Path) -> None:
    """Delete what a killed write left over, and generations that no longer count."""
    current = (root / CURRENT).read_text("ascii").split()[0] if (root / CURRENT).exists() else ""
    for found in root.glob("generation-*"):
        if found.name != current and re.fullmatch(r"generation-\d{6}(\.partial)?", found.name):
            shutil.rmtree(found)
