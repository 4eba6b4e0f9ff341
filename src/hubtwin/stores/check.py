"""The check of a store directory: is everything that the manifest promises there, whole, and kept private."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hubtwin.base.clock import Clock, epoch_minute, from_epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.model.record import Status
from hubtwin.rules.quality import Problem
from hubtwin.stores.batches import BATCHES_FILE, BATCHES_KEY_FILE
from hubtwin.stores.columns import sha256
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.field import FIELD_FILE, PHONES_KEY_FILE
from hubtwin.stores.journal import DAMAGED_FILE, JOURNAL_FILE
from hubtwin.stores.migrate import list_migrations
from hubtwin.stores.recording import RECORDING_KEY
from hubtwin.stores.rows import refuse_lost_rows
from hubtwin.stores.shelf_keeping import QUALITY_PATH, SHELVES_PATH, check_contents, check_files, check_lost
from hubtwin.stores.shelves import LIBRARY_FOLDER, Shelves
from hubtwin.stores.sqlite import query
from hubtwin.stores.vault import KEY_FILE, KEYS_FILE, VAULT_FILE, Vault, find_lost
from hubtwin.stores.wire import MATCHING_FILE, WIRE_FILE
from hubtwin.stores.wire_log import log_problems

_KINDS = {
    "rows.sqlite": "rows",
    VAULT_FILE: "vault",
    KEYS_FILE: "keys",
    WIRE_FILE: "wire",
    MATCHING_FILE: "matching",
    BATCHES_FILE: "batches",
    FIELD_FILE: "field",
    JOURNAL_FILE: "journal",
    SHELVES_PATH: "shelves",
    QUALITY_PATH: "quality",
}
_PRIVATE = (
    *(KEY_FILE, KEYS_FILE, VAULT_FILE, RECORDING_KEY),
    *(WIRE_FILE, MATCHING_FILE, BATCHES_FILE, BATCHES_KEY_FILE, FIELD_FILE, PHONES_KEY_FILE),
    *(JOURNAL_FILE, DAMAGED_FILE, SHELVES_PATH, QUALITY_PATH),
)
SMALL_FILES = 8  # more than this is worth merging


@dataclass(frozen=True)
class Checked:
    """What a check found: `problems` need somebody to act, `notices` are good to know."""

    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]


def check(store_dir: Path) -> Checked:
    """Check a store directory without changing it; it may be in use. Never raises for what it finds damaged."""
    try:
        refuse_lost_rows(store_dir)
    except Malformed as error:
        return Checked((Problem(error.key, error.values),), ())
    if not (store_dir / "rows.sqlite").is_file():
        return Checked((Problem("stores.no_store", {"path": store_dir.name}),), ())
    problems = [*_databases(store_dir), *_private(store_dir), *check_lost(store_dir)]
    if problems:  # what a damaged or newer file lists is not worth following
        return Checked(tuple(problems), ())
    problems += [*_files(store_dir), *check_files(store_dir), *_messages(store_dir)]
    notices = [
        *_orphans(store_dir),
        *_contents(store_dir),
        *check_contents(store_dir),
        *_journal(store_dir),
        *_copies(store_dir),
    ]
    return Checked(tuple(problems), tuple(notices))


def mend(store_dir: Path, *, clock: Clock) -> Checked:
    """Sweep orphans, merge small files and follow up forgotten keys; return what a check finds afterwards.

    Raises what opening the store raises.
    """
    refuse_lost_rows(store_dir)
    identity = {str(name): str(value) for name, value in query(store_dir / "rows.sqlite", "SELECT * FROM store")}
    store = EmbeddedStore(store_dir, identity["hub_id"], clock=clock, status=Status(identity["status"]))
    try:
        store.sweep()
        for name, held in store.held().items():
            if held.files > SMALL_FILES:
                store.compact(name)
        if (store_dir / SHELVES_PATH).exists():
            Shelves(store_dir / LIBRARY_FOLDER, at_min=epoch_minute(clock())).close()  # which sweeps
        if (store_dir / VAULT_FILE).exists():
            vault = Vault(store_dir, clock=clock, record=store.append_event)
            vault.purge_copies()
            vault.close()
    finally:
        store.close()
    return check(store_dir)


def _databases(store_dir: Path) -> Iterator[Problem]:
    for name, kind in _KINDS.items():
        path, known = store_dir / name, len(list_migrations(kind))
        if not path.exists():
            continue
        try:
            said = [str(line) for (line,) in query(path, "PRAGMA integrity_check(5)")]
            (found,) = query(path, "SELECT coalesce(max(number), 0) FROM migrations")[0]
        except Malformed as error:
            yield Problem(error.key, error.values)
            continue
        if said != ["ok"]:
            yield Problem("stores.damaged", {"path": name, "detail": "; ".join(said)[:200]})
        if int(str(found)) > known:
            yield Problem("stores.newer_version", {"path": name, "found": found, "known": known})


def _private(store_dir: Path) -> Iterator[Problem]:
    if (store_dir / KEYS_FILE).exists() and not (store_dir / KEY_FILE).exists():
        yield Problem("stores.no_key_file", {"path": KEY_FILE})
    if (lost := find_lost(store_dir)) is not None:
        yield Problem("stores.vault_part_lost", {"path": lost})
    for name in _PRIVATE:
        path = store_dir / name
        if path.exists() and path.stat().st_mode & 0o077:
            yield Problem("stores.open_key_file", {"path": name, "mode": oct(path.stat().st_mode & 0o777)})


def _files(store_dir: Path) -> Iterator[Problem]:
    listed = query(store_dir / "rows.sqlite", "SELECT path, dataset, byte_count, sha256, row_count FROM files")
    for path, dataset, size, digest, rows in listed:
        file = store_dir / str(path)
        if not file.is_file():
            yield Problem("stores.file_missing", {"path": path, "dataset": dataset, "rows": rows})
        elif file.stat().st_size != size or sha256(file) != digest:
            yield Problem("stores.file_altered", {"path": path, "dataset": dataset, "rows": rows})
        elif str(dataset) not in DATASETS:
            yield Problem("stores.file_unknown", {"path": path, "dataset": dataset})
        else:
            yield from _schema(file, str(path), str(dataset))


def _messages(store_dir: Path) -> Iterator[Problem]:
    """Yield what is wrong with the message log, and content whose key is not in the vault."""
    wire, keys = store_dir / WIRE_FILE, store_dir / KEYS_FILE
    if not wire.exists():
        return
    yield from log_problems(wire)
    held = {str(key_id) for (key_id,) in query(keys, "SELECT key_id FROM subjects")} if keys.exists() else set()
    named = "SELECT key_id FROM {} WHERE content IS NOT NULL AND key_id IS NOT NULL"
    for table in ("outgoing", "incoming"):
        lost = sum(str(key_id) not in held for (key_id,) in query(wire, named.format(table)))
        if lost:
            yield Problem("stores.content_without_key", {"path": WIRE_FILE, "count": lost})


def _schema(file: Path, path: str, dataset: str) -> Iterator[Problem]:
    try:
        found = pq.read_schema(file)
    except (pa.ArrowException, OSError):
        yield Problem("stores.file_altered", {"path": path, "dataset": dataset, "rows": "?"})
        return
    declared = DATASETS[dataset].schema
    if [(field.name, field.type) for field in found] != [(field.name, field.type) for field in declared]:
        yield Problem("stores.file_schema", {"path": path, "dataset": dataset})


def _orphans(store_dir: Path) -> Iterator[Problem]:
    known = {
        str(p) for (p,) in query(store_dir / "rows.sqlite", "SELECT path FROM files UNION SELECT path FROM retired")
    }
    placed = (file.relative_to(store_dir).as_posix() for file in (store_dir / "columns").glob("*/*.parquet"))
    if count := sum(path not in known for path in placed):
        yield Problem("stores.orphans", {"count": count})


def _contents(store_dir: Path) -> Iterator[Problem]:
    rows = store_dir / "rows.sqlite"
    small = "SELECT dataset, count(*) FROM files WHERE role = 'current' GROUP BY dataset HAVING count(*) > "
    for dataset, count in query(rows, f"{small}{SMALL_FILES}"):
        yield Problem("stores.small_files", {"dataset": dataset, "count": count})
    for source, reason, count in query(
        rows, "SELECT source, reason, count(*) FROM quarantine GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        yield Problem("stores.in_quarantine", {"source": source, "reason": reason, "count": count})
    for source, cursor, at_min in query(rows, "SELECT source, cursor, at_min FROM cursors ORDER BY source"):
        at = f"{from_epoch_minute(int(str(at_min))):%Y-%m-%d %H:%MZ}"
        yield Problem("stores.cursor_at", {"source": source, "cursor": str(cursor)[:60], "at": at})


def _journal(store_dir: Path) -> Iterator[Problem]:
    """Yield since when the past can be shown and how much room that takes, and a damaged one that was put aside."""
    if (store_dir / DAMAGED_FILE).exists():
        yield Problem("stores.journal_aside", {"path": DAMAGED_FILE})
    if (store_dir / JOURNAL_FILE).exists():
        first, count = query(store_dir / JOURNAL_FILE, "SELECT min(at_ms), count(*) FROM entries")[0]
        if first is not None:
            at = f"{from_epoch_minute(int(str(first)) // 60_000):%Y-%m-%d %H:%MZ}"
            size = f"{(store_dir / JOURNAL_FILE).stat().st_size / 1e6:.1f}"
            yield Problem("stores.journal_holds", {"at": at, "count": count, "mb": size})


def _copies(store_dir: Path) -> Iterator[Problem]:
    if not (store_dir / VAULT_FILE).exists() or not (store_dir / KEYS_FILE).exists():
        return
    (forgotten,) = query(store_dir / VAULT_FILE, "SELECT count(*) FROM forgotten")[0]
    (destroyed,) = query(store_dir / KEYS_FILE, "SELECT count(*) FROM epochs WHERE wrapped IS NULL")[0]
    for path, purged in query(store_dir / VAULT_FILE, "SELECT path, purged FROM copies ORDER BY path"):
        if int(str(purged)) < int(str(forgotten)) + int(str(destroyed)) and not Path(str(path)).is_file():
            yield Problem("stores.copy_out_of_reach", {"path": path})
