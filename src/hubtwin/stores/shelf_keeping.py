"""What backup and check do with the shelves of a store directory."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hubtwin.base.errors import HubError
from hubtwin.datasets.listing import ROW_NO
from hubtwin.rules.quality import Problem
from hubtwin.stores.columns import sha256
from hubtwin.stores.quality import QUALITY_FILE
from hubtwin.stores.shelf_files import ShelfFiles
from hubtwin.stores.shelves import LIBRARY_FOLDER, SHELVES_FILE, refuse_lost_shelves
from hubtwin.stores.sqlite import Database, query

SHELVES_PATH = f"{LIBRARY_FOLDER}/{SHELVES_FILE}"
QUALITY_PATH = f"{LIBRARY_FOLDER}/{QUALITY_FILE}"  # runs and orders; colours are made again from the rows


def copy_shelves(store_dir: Path, draft: Path) -> bool:
    """Write a consistent copy of the manifest; return whether there is one. The files are the caller's to copy."""
    if not (store_dir / SHELVES_PATH).exists():
        return False
    (draft / LIBRARY_FOLDER).mkdir(mode=0o700)
    for path in (SHELVES_PATH, QUALITY_PATH):
        if (store_dir / path).exists():
            database = Database(store_dir / path, private=True, wal=True)
            try:
                database.copy_to(draft / path)
            finally:
                database.close()
            (draft / path).chmod(0o600)
    return True


def list_files(directory: Path) -> dict[str, str]:
    """Return the files that the manifest promises, below the store directory, each with its checksum."""
    if not (directory / SHELVES_PATH).exists():
        return {}
    found = query(directory / SHELVES_PATH, "SELECT path, sha256 FROM files ORDER BY path")
    return {f"{LIBRARY_FOLDER}/{path}": str(digest) for path, digest in found}


def check_lost(store_dir: Path) -> Iterator[Problem]:
    """Yield that the manifest is gone though files are there."""
    try:
        refuse_lost_shelves(store_dir / LIBRARY_FOLDER)
    except HubError as error:
        yield Problem(error.key, error.values)


def check_files(store_dir: Path) -> Iterator[Problem]:
    """Yield files that are missing, altered, or not numbered as promised."""
    if not (store_dir / SHELVES_PATH).exists():
        return
    listed = "SELECT path, dataset, byte_count, sha256, row_count, first_row_no FROM files ORDER BY path"
    for path, dataset, size, digest, rows, first in query(store_dir / SHELVES_PATH, listed):
        file, told = store_dir / LIBRARY_FOLDER / str(path), {"path": f"{LIBRARY_FOLDER}/{path}", "dataset": dataset}
        if not file.is_file():
            yield Problem("stores.file_missing", {**told, "rows": rows})
        elif file.stat().st_size != size or sha256(file) != digest or not _is_numbered(file, rows, first):
            yield Problem("stores.file_altered", {**told, "rows": rows})


def check_contents(store_dir: Path) -> Iterator[Problem]:
    """Yield what is good to know: orphans, rows in quarantine, loads that were not finished."""
    path = store_dir / SHELVES_PATH
    if not path.exists():
        return
    files, known = ShelfFiles(store_dir / LIBRARY_FOLDER), set(list_files(store_dir))
    placed = [file for dataset in files.list_datasets() for file in files.list_placed(dataset)]
    if count := sum(file.relative_to(store_dir).as_posix() not in known for file in placed):
        yield Problem("stores.orphans", {"count": count})
    bad = "SELECT dataset, count(*) FROM quarantine WHERE released_min IS NULL GROUP BY dataset ORDER BY dataset"
    for dataset, rows in query(path, bad):
        yield Problem("stores.shelf_quarantine", {"dataset": dataset, "count": rows})
    for load_id, file in query(path, "SELECT load_id, file FROM loads WHERE ended_min IS NULL ORDER BY begun_min"):
        yield Problem("stores.load_open", {"load": load_id, "file": file})


def _is_numbered(file: Path, rows: object, first: object) -> bool:
    try:
        found = pq.ParquetFile(file)
    except (pa.ArrowException, OSError):
        return False
    if found.schema_arrow.names[-1:] != [ROW_NO] or found.metadata.num_rows != rows:
        return False
    numbers = found.metadata.row_group(0).column(found.metadata.num_columns - 1).statistics
    return numbers is not None and numbers.min == first
