"""What messages say, sealed at rest: one key for each subject, made by the vault and destroyed by it.

Which key belongs to a subject stands beside the messages (`seals`), so it changes in the transaction that changes them.
Keys are made some at a time, before anybody needs them: a new subject costs no write of its own.
"""

import sqlite3
from collections import OrderedDict
from secrets import token_bytes
from threading import Lock
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hubtwin.base.errors import Malformed
from hubtwin.stores.vault import Vault

SPARE = 64  # keys made at once
_HELD = 4_096  # ciphers that stay in memory
_NONCE = 12  # bytes, NIST SP 800-38D


class Sealing:
    """Seals and opens for one file of messages."""

    def __init__(self, vault: Vault, name: str) -> None:
        """Take the vault that holds the keys, and the name of the file as errors say it."""
        self._vault, self._name, self._lock = vault, name, Lock()
        self._spare = dict[str, bytes]()
        self._held = OrderedDict[str, AESGCM]()

    def key_of(self, con: sqlite3.Connection, subject: str) -> str:
        """Return the id of the key of a subject; one that has none gets one in this transaction. Raises Retry."""
        row = con.execute("SELECT key_id FROM seals WHERE subject = ?", (subject,)).fetchone()
        if row is not None:
            return str(row[0])
        with self._lock:
            if not self._spare:
                self._spare = self._vault.make_keys(SPARE)
            key_id, key = self._spare.popitem()
            self._hold(key_id, AESGCM(key))
        con.execute("INSERT INTO seals VALUES (?, ?)", (subject, key_id))
        return key_id

    def seal(self, key_id: str, content: bytes, label: str) -> bytes:
        """Return some bytes sealed; they open under the same label only."""
        nonce = token_bytes(_NONCE)
        return nonce + self._cipher(key_id).encrypt(nonce, content, label.encode())

    def open(self, key_id: str, sealed: Any, label: str) -> bytes:
        """Return what was sealed. Raises Absent where the key was destroyed, Malformed where it was altered."""
        try:
            return self._cipher(key_id).decrypt(sealed[:_NONCE], sealed[_NONCE:], label.encode())
        except InvalidTag as error:
            raise Malformed("stores.altered", path=self._name) from error

    def _cipher(self, key_id: str) -> AESGCM:
        with self._lock:
            found = self._held.get(key_id)
            return self._hold(key_id, AESGCM(self._vault.get_key(key_id))) if found is None else found

    def _hold(self, key_id: str, cipher: AESGCM) -> AESGCM:
        self._held[key_id] = cipher
        if len(self._held) > _HELD:
            self._held.popitem(last=False)
        return cipher
