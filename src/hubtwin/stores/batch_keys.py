"""The keys of batches, made by the vault and destroyed by it: what is sealed under one is gone in every backup too."""

from typing import Protocol

from hubtwin.base.errors import Absent
from hubtwin.stores.vault import Vault


class Keys(Protocol):
    """Where the keys of batches are."""

    def make(self) -> tuple[str, bytes]:
        """Make a key; return its id and the key."""
        ...

    def find(self, key_id: str) -> bytes | None:
        """Return a key, None where it was destroyed."""
        ...

    def destroy(self, key_ids: list[str]) -> None:
        """Destroy keys, in the copies too; doing it twice is harmless."""
        ...


class VaultKeys:
    """The keys of batches in the vault of a store directory."""

    def __init__(self, vault: Vault) -> None:
        """Take the open vault."""
        self._vault = vault

    def make(self) -> tuple[str, bytes]:
        """Make a key; return its id and the key."""
        ((key_id, key),) = self._vault.make_keys(1).items()
        return key_id, key

    def find(self, key_id: str) -> bytes | None:
        """Return a key, None where it was destroyed."""
        try:
            return self._vault.get_key(key_id)
        except Absent:
            return None

    def destroy(self, key_ids: list[str]) -> None:
        """Destroy keys, in the copies too; doing it twice is harmless."""
        self._vault.drop_keys(key_ids)
