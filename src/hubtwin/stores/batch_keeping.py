"""What backup, check and deletion do with the books of batches of a store directory."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.batches import BATCHES_FILE, BatchBooks
from hubtwin.stores.sqlite import Database
from hubtwin.stores.vault import Vault
from hubtwin.stores.wire import opened_books


@contextmanager
def opened_batches(directory: Path, clock: Clock) -> Iterator[BatchBooks | None]:
    """Open the books of batches of a store directory, which others may have open; None where there are none."""
    if not (directory / BATCHES_FILE).exists():
        yield None
        return
    vault = Vault(directory, clock=clock, record=lambda *told: None)
    try:
        books = BatchBooks(directory, VaultKeys(vault), epoch_minute(clock()))
        try:
            yield books
        finally:
            books.close()
    finally:
        vault.close()


def copy_batches(directory: Path, target: Path) -> bool:
    """Write a consistent copy of the books; return whether there are any."""
    if not (directory / BATCHES_FILE).exists():
        return False
    database = Database(directory / BATCHES_FILE, private=True)
    try:
        database.copy_to(target / BATCHES_FILE)
    finally:
        database.close()
    (target / BATCHES_FILE).chmod(0o600)
    return True


def forget_cases(directory: Path, case_ids: Iterable[str], clock: Clock) -> int:
    """Destroy what batches say of some cases, in the books, on the wire and in backups; return how many rows.

    A message holds many rows, so the whole sending goes; the rows of others in it are sent anew. Doing it twice is
    harmless. Raises Retry.
    """
    cases = sorted(set(case_ids))
    with opened_batches(directory, clock) as books:
        if books is None:
            return 0
        count, touched = books.forget_cases(cases), books.list_of_cases(cases)
        with opened_books(directory, epoch_minute(clock())) as wire:
            for head in touched if wire else ():
                subjects = [f"{head.batch_id}.{attempt}" for attempt in range(1, head.attempt + 1)]
                if wire and wire.destroy(subjects):
                    books.begin(head.batch_id, again=True)
    return count


def forget_before(directory: Path, made_min: int, clock: Clock) -> int:
    """Destroy what rows say of batches that were made before a minute; return how many rows. Raises Retry."""
    with opened_batches(directory, clock) as books:
        return books.forget_before(made_min) if books else 0


def settle_restored(directory: Path, clock: Clock) -> None:
    """Bring the books of a restored store in line with its keys: what has none any more goes there as well."""
    with opened_batches(directory, clock) as books:
        if books:
            books.drop_dead()
