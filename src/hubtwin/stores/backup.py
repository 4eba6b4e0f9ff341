"""Backup and restore of a store directory; `stores.check` looks after it.

A backup is a directory: copies of the SQLite files, the Parquet files of the manifest, and `MANIFEST.json` with
size and SHA-256 of each. The keys of the vault are apart in `keys/`, which may be moved elsewhere: without it
nothing personal can be read. Destroyed keys are destroyed in these copies too, so they have no checksum; AES-GCM
shows whether they were altered.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.stores import batch_keeping, shelf_keeping
from hubtwin.stores.access_rows import AccessRows
from hubtwin.stores.audit import ACCESS_FILE
from hubtwin.stores.batches import BATCHES_FILE, BATCHES_KEY_FILE
from hubtwin.stores.columns import sha256
from hubtwin.stores.field import FIELD_FILE
from hubtwin.stores.journal import JOURNAL_FILE
from hubtwin.stores.rows import Rows, refuse_lost_rows
from hubtwin.stores.shelves import LIBRARY_FOLDER, refuse_lost_shelves
from hubtwin.stores.signing import SIGNING_FILE
from hubtwin.stores.sqlite import Database, fsync, query
from hubtwin.stores.vault import KEY_FILE, KEYS_FILE, VAULT_FILE, Vault, find_lost
from hubtwin.stores.wire import MATCHING_FILE, WIRE_FILE, settle_restored
from hubtwin.stores.wire_log import log_problems

MANIFEST, KEYS_FOLDER, FORMAT = "MANIFEST.json", "keys", 1
_ROWS_FILE = "rows.sqlite"
_PRIVATE = frozenset({VAULT_FILE, ACCESS_FILE, WIRE_FILE, MATCHING_FILE, BATCHES_FILE, FIELD_FILE, JOURNAL_FILE})


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was taken or restored: where, how many files and bytes, and whether it has keys."""

    path: Path
    files: int
    bytes: int
    keys: Path | None


def backup(store_dir: Path, target: Path, *, clock: Clock, access: AccessRows | None = None) -> Taken:
    """Write a consistent backup of a store, which may be in use. Raises Denied where `target` exists.

    `access` are accounts, grants and the audit where they stand in another database; the backup holds them as the file
    that they are elsewhere.

    Raises Absent where there is no store, Retry where the disk is full; a backup is there whole or not at all.
    """
    _refuse_lost(store_dir)
    with _opened(store_dir, clock) as (rows, vault), _draft_of(target) as draft:
        _copy_access(
            store_dir, draft, access
        )  # before the rows: how far it has followed the events is then behind them
        _copy_rows(rows, store_dir, draft)
        shelf_keeping.copy_shelves(store_dir, draft)
        promised = _listed(draft)
        for path in promised:
            _link(store_dir / path, draft / path)
        if vault:
            (draft / KEYS_FOLDER).mkdir(mode=0o700, exist_ok=True)
            vault.note_copy((target / KEYS_FOLDER / KEYS_FILE).absolute())
            vault.copy_to(draft / VAULT_FILE, draft / KEYS_FOLDER / KEYS_FILE)
            _copy(store_dir / KEY_FILE, draft / KEYS_FOLDER / KEY_FILE, mode=0o600)
        files = _sums(draft)
        for path, digest in promised.items():  # a damaged file must not become a backup that verifies
            if files[path][1] != digest:
                raise Malformed("stores.backup_of_damaged", path=path)
        head = {"format": FORMAT, **rows.identity(), "taken_min": epoch_minute(clock()), "keys": vault is not None}
        named = {path: {"bytes": size, "sha256": digest} for path, (size, digest) in files.items()}
        _write_json(draft / MANIFEST, {**head, "files": named})
        failpoint("stores.backup_written")
        _place(draft, target)
        if vault:  # somebody may have been forgotten while the copy was made
            vault.purge_copies()
        taken = Taken(target, len(files), _total(files), target / KEYS_FOLDER if vault else None)
        payload = {"path": str(target), "files": taken.files, "bytes": taken.bytes}
        with rows.transaction() as con:
            rows.add_event(con, epoch_minute(clock()), "BackupTaken", payload)
    return taken


def _refuse_lost(store_dir: Path) -> None:
    refuse_lost_rows(store_dir)
    refuse_lost_shelves(store_dir / LIBRARY_FOLDER)
    if not (store_dir / _ROWS_FILE).exists():
        raise Absent("stores.no_store", path=store_dir.name)


def restore(
    source: Path,
    new_dir: Path,
    *,
    clock: Clock,
    hub_id: str | None = None,
    keys: Path | None = None,
    forgotten_by: Iterable[Path] = (),
) -> Taken:
    """Make a new store directory from a backup, after verifying every checksum.

    `keys` is where the keys are if they were kept apart. `forgotten_by` are later backups or stores whose
    forgotten persons shall be forgotten here too. Raises Denied where `new_dir` exists, Malformed for a backup
    that is damaged, Absent where it or its keys are missing, Denied for keys that do not fit or, where `hub_id`
    is given, a backup of another hub.
    """
    head = verify(source)
    if hub_id is not None and head.get("hub_id") != hub_id:
        raise Denied("stores.backup_of_other", found=head.get("hub_id"), hub_id=hub_id)
    key_folder, files = keys or source / KEYS_FOLDER, _entries(head)
    needed = [*((KEY_FILE, KEYS_FILE) if head["keys"] else ())]
    needed += [key for file, key in ((ACCESS_FILE, SIGNING_FILE), (BATCHES_FILE, BATCHES_KEY_FILE)) if file in files]
    if not all((key_folder / name).is_file() for name in needed):
        raise Absent("stores.no_keys", path=str(key_folder))
    with _draft_of(new_dir) as draft:
        for path in files:
            _copy(source / path, draft / path, mode=_mode_of(path))
        for name in needed:
            _copy(key_folder / name, draft / name, mode=0o600)
        with _opened(draft, clock) as (rows, vault):  # what happened after the backup, before anybody can open it
            if missing := sorted(set(_listed(draft)) - set(files)):
                raise Malformed("stores.backup_damaged", path=missing[0])
            count = _forget_again(vault, forgotten_by) if vault else 0
            settle_restored(draft, epoch_minute(clock()))
            batch_keeping.settle_restored(draft, clock)
            payload = {"path": str(source), "forgotten": count}
            with rows.transaction() as con:
                rows.add_event(con, epoch_minute(clock()), "BackupRestored", payload)
        _place(draft, new_dir)
    return Taken(new_dir, len(files), _total(files), key_folder if head["keys"] else None)


def _mode_of(path: str) -> int:
    return 0o600 if path in _PRIVATE or path.startswith(f"{LIBRARY_FOLDER}/") else 0o644


def _forget_again(vault: Vault, forgotten_by: Iterable[Path]) -> int:
    """Forget what later backups or stores have forgotten; return how many keys. Raises Denied where keys do not fit."""
    vault.prove()
    return vault.apply_forgotten([key_id for place in forgotten_by for key_id in list_forgotten(place)])


def verify(source: Path) -> Mapping[str, object]:
    """Return the head of a backup whose files all have their size and checksum. Raises Absent, Malformed."""
    if not (source / MANIFEST).is_file():
        raise Absent("stores.no_backup", path=source.name)
    try:
        head = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
        files, form, _ = _entries(head), head["format"], head["keys"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed("stores.backup_damaged", path=MANIFEST) from error
    if _ROWS_FILE not in files:
        raise Malformed("stores.backup_damaged", path=_ROWS_FILE)
    if form != FORMAT:
        raise Denied("stores.backup_format", found=form, known=FORMAT)
    for path, (size, digest) in files.items():
        file = source / path
        if ".." in Path(path).parts or Path(path).is_absolute():
            raise Malformed("stores.backup_damaged", path=path)
        if not file.is_file() or file.stat().st_size != size or sha256(file) != digest:
            raise Malformed("stores.backup_damaged", path=path)
    found: Mapping[str, object] = head
    return found


def list_forgotten(directory: Path) -> list[str]:
    """Return the ids of destroyed keys that a store or a backup knows of; none where it has no vault."""
    if not (directory / VAULT_FILE).is_file():
        return []
    return [str(key_id) for (key_id,) in query(directory / VAULT_FILE, "SELECT key_id FROM forgotten")]


@contextmanager
def _opened(directory: Path, clock: Clock) -> Iterator[tuple[Rows, Vault | None]]:
    """Open the row half and the vault, if there is one, for as long as it takes."""
    with ExitStack() as stack:
        rows = Rows(directory / _ROWS_FILE, epoch_minute(clock()))
        stack.callback(rows.database.close)

        def record(kind: str, payload: Mapping[str, object]) -> None:
            with rows.transaction() as con:
                rows.add_event(con, epoch_minute(clock()), kind, payload)

        has_vault = (directory / VAULT_FILE).exists() or find_lost(directory) is not None
        vault = Vault(directory, clock=clock, record=record) if has_vault else None
        if vault:
            stack.callback(vault.close)
        yield rows, vault


@contextmanager
def _draft_of(target: Path) -> Iterator[Path]:
    """Give a directory beside `target` to fill; it is gone afterwards, placed or not. Raises Denied, Retry."""
    if target.exists():
        raise Denied("stores.target_exists", path=target.name)
    draft = target.with_name(target.name + ".partial")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(mode=0o700, parents=True)
        yield draft
    except OSError as error:
        raise Retry("stores.disk", path=target.name, detail=error.strerror or str(error)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _place(draft: Path, target: Path) -> None:
    for folder in (draft, *(path for path in draft.rglob("*") if path.is_dir())):
        fsync(folder)
    draft.rename(target)
    fsync(target.absolute().parent)


def _listed(directory: Path) -> dict[str, str]:
    """Return the Parquet files that the row half and the shelves promise, each with its checksum."""
    found = query(directory / _ROWS_FILE, "SELECT path, sha256 FROM files ORDER BY path")
    return {str(path): str(digest) for path, digest in found} | shelf_keeping.list_files(directory)


def _entries(head: Mapping[str, object]) -> dict[str, tuple[int, str]]:
    files = head["files"]
    if not isinstance(files, dict):
        raise TypeError("files")
    return {str(path): (int(entry["bytes"]), str(entry["sha256"])) for path, entry in files.items()}


def _total(files: Mapping[str, tuple[int, str]]) -> int:
    return sum(size for size, _ in files.values())


def _sums(draft: Path) -> dict[str, tuple[int, str]]:
    return {
        file.relative_to(draft).as_posix(): (file.stat().st_size, sha256(file))
        for file in sorted(draft.rglob("*"))
        if file.is_file() and file.relative_to(draft).parts[0] != KEYS_FOLDER
    }


def _copy_access(store_dir: Path, draft: Path, access: AccessRows | None) -> None:
    """Copy accounts, grants and the audit, and beside the other keys the one that signs; nothing where none is."""
    if access is not None:
        access.copy_to(draft / ACCESS_FILE)
    elif (store_dir / ACCESS_FILE).exists():
        with closing(Database(store_dir / ACCESS_FILE, private=True)) as database:
            database.copy_to(draft / ACCESS_FILE)
    else:
        return
    (draft / KEYS_FOLDER).mkdir(mode=0o700, exist_ok=True)
    _copy(store_dir / SIGNING_FILE, draft / KEYS_FOLDER / SIGNING_FILE, mode=0o600)


@contextmanager
def _frozen(file: Path) -> Iterator[None]:
    """Let nobody write a file of messages for the time of a block; one that is not there cannot change."""
    if not file.exists():
        yield
        return
    database = Database(file, private=True)
    try:
        with database.transaction():
            yield
    finally:
        database.close()


def _copy_rows(rows: Rows, store_dir: Path, draft: Path) -> None:
    """Copy the rows and, of the same moment, the books of messages: what was handed over between both is in both.

    Raises Malformed where the message log does not verify: it must not become a backup that does.
    """
    if batch_keeping.copy_batches(store_dir, draft):  # first: what it takes for sent is then in the books of messages
        (draft / KEYS_FOLDER).mkdir(mode=0o700, exist_ok=True)
        _copy(store_dir / BATCHES_KEY_FILE, draft / KEYS_FOLDER / BATCHES_KEY_FILE, mode=0o600)
    with _frozen(store_dir / WIRE_FILE):
        rows.database.copy_to(draft / _ROWS_FILE)
        _copy_books(store_dir, draft, (WIRE_FILE, MATCHING_FILE, FIELD_FILE))
    if (draft / WIRE_FILE).exists() and log_problems(draft / WIRE_FILE):
        raise Malformed("stores.backup_of_damaged", path=WIRE_FILE)
    _copy_books(store_dir, draft, (JOURNAL_FILE,))


def _copy_books(store_dir: Path, draft: Path, names: Iterable[str]) -> None:
    for name in names:
        if (store_dir / name).exists():
            database = Database(store_dir / name, private=True, wal=name == JOURNAL_FILE)
            try:
                database.copy_to(draft / name)
            finally:
                database.close()
            (draft / name).chmod(0o600)


def _link(source: Path, target: Path) -> None:
    """Link a Parquet file, which never changes; copy it where the backup is on another disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError as error:
        raise Retry("stores.backup_moved", path=source.name) from error
    except OSError:
        _copy(source, target, mode=0o644)


def _copy(source: Path, target: Path, *, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as old, os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as new:
        shutil.copyfileobj(old, new)
        new.flush()
        os.fsync(new.fileno())


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fsync(path)
