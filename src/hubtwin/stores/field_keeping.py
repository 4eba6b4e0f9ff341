"""What deletion does with the contents of tasks in a store directory."""

from collections.abc import Collection
from pathlib import Path

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.stores.field import FIELD_FILE, FieldBooks
from hubtwin.stores.vault import Vault


def forget_pieces(
    directory: Path,
    clock: Clock,
    *,
    emergency_id: str | None = None,
    subjects: Collection[str] = (),
    before_min: int | None = None,
) -> int:
    """Destroy contents as `FieldBooks.forget`; return how many, 0 where nothing was ever filed. Raises Retry."""
    if not (directory / FIELD_FILE).exists():
        return 0
    vault = Vault(directory, clock=clock, record=lambda *told: None)
    try:
        books = FieldBooks(directory, vault, epoch_minute(clock()))
        try:
            return books.forget(emergency_id=emergency_id, subjects=subjects, before_min=before_min)
        finally:
            books.close()
    finally:
        vault.close()
