"""Copies of files of rows that questions read: without the rows that nobody may have, and laid out to be looked up in.

An anti join costs 10 ns for each row that meets a condition, twice what reading it takes; a copy is read like any file.
A copy lies in `served/DATASET/` under the name of its file, of the places that were left out and of its layout, so one
that no longer fits is not found and the question leaves the rows out itself. Copies are made after the colours; they go
with their file, at once, as what was erased must be gone; a backup has none of them.
"""

import json
import os
import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.listing import ROW_NO, Listing
from hubtwin.library.views import Piece, Source
from hubtwin.model.colour import Colour
from hubtwin.stores.columns import ROW_GROUP
from hubtwin.stores.locks import locked
from hubtwin.stores.served_layout import Layout, filters_of, is_gained, layout_of, parts_of
from hubtwin.stores.sqlite import fsync

SERVED, LOCK_FILE = "served", "copies.lock"
WORTH_ROWS = 100_000  # of a smaller file the anti join takes less than a millisecond
_DRAFT = ".draft"
_MOST = (1 << 62) - 1
NOTHING = np.array([], np.int64)
_FORM = 3  # of what `served_layout` writes: copies of another form are not found, and made anew


def places_of(piece: Piece, source: Source) -> np.ndarray | None:
    """Return the places in a file, rising, of the rows that nobody may have: black ones and withheld ones.

    None: nothing of the file may leave, because not every row has a colour. Raises OSError, pa.ArrowInvalid.
    """
    if not source.coloured and not source.withheld:
        return NOTHING
    barred = np.array(sorted(source.withheld), np.int64)
    if source.coloured:
        if piece.colours is None or pq.read_metadata(piece.colours).num_rows != piece.rows:
            return None
        barred = np.union1d(barred, _black(piece.colours))
    if not len(barred):
        return NOTHING
    found, start = [NOTHING], 0
    with pq.ParquetFile(piece.path) as stream:
        for group in range(stream.num_row_groups):
            low, high = _range(stream, group, ROW_NO)
            wanted = barred[slice(*np.searchsorted(barred, (low, high + 1)))]
            if len(wanted):
                numbers = stream.read_row_group(group, columns=[ROW_NO]).column(0).to_numpy()
                at = np.searchsorted(numbers, wanted)  # numbers of a file rise
                found.append(start + at[numbers[at] == wanted])
            start += stream.metadata.row_group(group).num_rows
    return np.concatenate(found)


def copy_of(file: Path, places: np.ndarray, layout: Layout) -> Path:
    """Return where the copy of a file of rows without the rows at these places lies, if it was made."""
    known = sha256(json.dumps([_FORM, layout.street, layout.sought]).encode())
    known.update(places.astype("<i8").tobytes())
    return _folder(file) / f"{file.stem}.{known.hexdigest()[:16]}{file.suffix}"


def drop_copies(file: Path) -> None:
    """Delete the copies of a file of rows that counts no more."""
    for path in _copies(file):
        path.unlink(missing_ok=True)


def sweep_copies(directory: Path, dataset: str, known: Collection[Path]) -> int:
    """Delete copies of files that count no more, and drafts that a crash left behind; return how many.

    `directory` is that of the library. A draft that somebody writes at this moment is left to who writes it.
    """
    folder, stems, count = directory / SERVED / dataset, {path.stem for path in known}, 0
    if not folder.is_dir():
        return 0
    gone = [path for path in folder.glob("*.parquet") if path.stem.rpartition(".")[0] not in stems]
    with suppress(BlockingIOError), locked(folder / LOCK_FILE):
        gone += folder.glob(f"*{_DRAFT}")
    for path in gone:
        path.unlink(missing_ok=True)
        count += 1
    return count


def make_copies(
    directory: Path,
    listing: Listing,
    source: Source,
    counts_now: Callable[[], Collection[Path]],
    *,
    least: int = WORTH_ROWS,
) -> int:
    """Make the copies of a dataset that are missing, and delete those that no longer fit; return how many were made.

    `counts_now()` are the files of rows that count: a file that was replaced meanwhile leaves no copy. Somebody else
    who makes them is left to it. Raises OSError for a full disk; then the rest is left out by the questions themselves.
    """
    dataset, layout = listing.name, layout_of(listing)
    folder, wanted = directory / SERVED / dataset, dict[Path, tuple[Path, np.ndarray]]()
    made, pieces = 0, [piece for piece in source.pieces if piece.rows >= least]
    if not pieces and not folder.is_dir():
        return 0
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # not found: a file of rows was replaced
    with suppress(BlockingIOError, FileNotFoundError), locked(folder / LOCK_FILE):
        for piece in pieces:
            places = places_of(piece, source)
            if places is None or len(places) == piece.rows:
                continue
            target = copy_of(piece.path, places, layout)
            if target.exists() or len(places) or is_gained(piece.path, layout):
                wanted[target] = (piece.path, places)
        # first, so that what no longer fits makes room for what does
        for path in {*folder.glob("*.parquet"), *folder.glob(f"*{_DRAFT}")} - set(wanted):
            path.unlink(missing_ok=True)
        for target, (file, places) in wanted.items():
            if not target.exists():
                _write(file, target, places, layout)
                made += 1
    # after the renaming: who replaces a file enters that first and deletes the copies then, so one of both sees it
    sweep_copies(directory, dataset, counts_now())
    return made


def _write(file: Path, target: Path, places: np.ndarray, layout: Layout) -> None:
    draft = target.with_name(f"{secrets.token_hex(8)}{_DRAFT}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
            with pq.ParquetFile(file) as rows:
                filters, schema = filters_of(rows, layout), rows.schema_arrow
                told = [name for name in schema.names if name not in filters]
                with pq.ParquetWriter(
                    *(stream, schema),
                    compression="zstd",
                    write_statistics=told,
                    bloom_filter_options=filters or None,
                ) as writer:
                    for table in parts_of(rows, places, layout):
                        writer.write_table(table, row_group_size=ROW_GROUP)
            stream.flush()
            os.fsync(stream.fileno())
        failpoint("stores.served_written")
        draft.replace(target)
        fsync(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def _black(colours: Path) -> np.ndarray:
    found = [NOTHING]
    with pq.ParquetFile(colours) as stream:
        for group in range(stream.num_row_groups):
            low, high = _range(stream, group, "colour")
            if low <= Colour.BLACK.value <= high:
                rows = stream.read_row_group(group, columns=[ROW_NO, "colour"])
                black = pc.equal(rows.column("colour"), Colour.BLACK.value)
                found.append(rows.column(ROW_NO).filter(black).to_numpy())
    return np.concatenate(found)


def _range(stream: pq.ParquetFile, group: int, column: str) -> tuple[int, int]:
    """Return the least and the greatest value of a column in a row group; all there are where the file does not say."""
    told = stream.metadata.row_group(group).column(stream.schema_arrow.get_field_index(column)).statistics
    return (told.min, told.max) if told is not None and told.has_min_max else (0, _MOST)


def _folder(file: Path) -> Path:
    return file.parents[2] / SERVED / file.parent.name


def _copies(file: Path) -> list[Path]:
    return [path for path in _folder(file).glob("*.parquet") if path.stem.rpartition(".")[0] == file.stem]
