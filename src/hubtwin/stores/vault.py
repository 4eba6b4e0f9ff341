"""The vault: keys of pseudonyms, and the personal fields of the few whom a case needs.

Three files of mode 0600. `vault.key` wraps the keys in `keys.sqlite`: one for each epoch of pseudonyms, one for
each person. `vault.sqlite` holds what those keys sealed (AES-256-GCM). Forgetting a person destroys the key of
that person here and in every copy that a backup made, so no old backup brings the person back; a copy that is
out of reach is remembered and followed up. Who was never a hit leaves no row here.
"""

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.rules.privacy import EPOCH_MIN
from hubtwin.stores.keyfile import read_key
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sqlite import Database

KEY_FILE, KEYS_FILE, VAULT_FILE = "vault.key", "keys.sqlite", "vault.sqlite"
Record = Callable[[str, Mapping[str, object]], object]  # kind, payload: writes an event, `Store.append_event`
_NONCE = 12  # bytes, NIST SP 800-38D
_KEY = 32  # bytes, AES-256


@dataclass(frozen=True, slots=True)
class Epoch:
    """A key epoch: its number, the epoch minutes it spans (end excluded), and whether its key still exists."""

    number: int
    from_min: int
    until_min: int
    alive: bool


class Vault:
    """The vault of one store directory."""

    def __init__(self, directory: Path, *, clock: Clock, record: Record) -> None:
        """Open or create the vault.

        Raises Denied where the key file is missing, wrong or readable by others, and where one of the two files is
        gone that the other needs: new keys would give every person a second pseudonym and miss the first.
        """
        self.directory, self._clock, self._record = directory, clock, record
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (lost := find_lost(directory)) is not None:
            raise Denied("stores.vault_part_lost", path=lost)
        self._master = AESGCM(_master_key(directory))
        self._keys = Database(directory / KEYS_FILE, private=True)
        self._vault = Database(directory / VAULT_FILE, private=True)
        migrate(self._keys, "keys", self._now_min())
        migrate(self._vault, "vault", self._now_min())
        self._epoch_keys: dict[int, bytes] = {}
        self._destroy_forgotten()

    def close(self) -> None:
        """Let go of the files."""
        self._keys.close()
        self._vault.close()

    def find_epoch_key(self, number: int) -> bytes | None:
        """Return the key of an epoch, made at its first use; None once it was destroyed."""
        if number not in self._epoch_keys:
            found = self._keys.all("SELECT wrapped FROM epochs WHERE epoch_no = ?", number)
            if not found:
                with self._keys.transaction() as con:
                    sealed = _seal(self._master, secrets.token_bytes(_KEY), f"epoch {number}")
                    values = (number, sealed, self._now_min())
                    con.execute("INSERT OR IGNORE INTO epochs VALUES (?, ?, ?, NULL)", values)
                found = self._keys.all("SELECT wrapped FROM epochs WHERE epoch_no = ?", number)
            if found[0][0] is None:
                return None
            self._epoch_keys[number] = self._unwrap(found[0][0], f"epoch {number}")
        return self._epoch_keys[number]

    def list_epochs(self) -> list[Epoch]:
        """Return all epochs that ever had a key, oldest first."""
        found = self._keys.all("SELECT epoch_no, wrapped IS NOT NULL FROM epochs ORDER BY epoch_no")
        return [
            Epoch(int(str(no)), int(str(no)) * EPOCH_MIN, (int(str(no)) + 1) * EPOCH_MIN, bool(alive))
            for no, alive in found
        ]

    def rotate(self, keep_min: int, now_min: int | None = None) -> list[int]:
        """Make the key of the current epoch, and destroy those that ended more than `keep_min` ago; return these.

        `keep_min` is at least the look-back window, or matching across the rollover is lost. `now_min` is the minute
        of the clock that dates the rows, whose own times choose their epochs; the vault's unless a day is replayed.
        """
        now_min = self._now_min() if now_min is None else now_min
        current = now_min // EPOCH_MIN
        if current not in {epoch.number for epoch in self.list_epochs()}:
            self.find_epoch_key(current)
            self._record("EpochRotated", {"epoch": current})
        ended = [epoch.number for epoch in self.list_epochs() if epoch.alive and epoch.until_min < now_min - keep_min]
        for number in ended:
            self.destroy_epoch(number)
        return ended

    def destroy_epoch(self, number: int) -> None:
        """Destroy the key of an epoch for good: its pseudonyms can never be made again. Raises Absent."""
        if number not in {epoch.number for epoch in self.list_epochs()}:
            raise Absent("stores.no_epoch", epoch=number)
        with self._keys.transaction() as con:
            values = (self._now_min(), number)
            con.execute("UPDATE epochs SET wrapped = NULL, destroyed_min = ? WHERE epoch_no = ?", values)
        self._epoch_keys.pop(number, None)
        left = self.purge_copies()
        self._record("KeyDestroyed", {"epoch": number, "copies_out_of_reach": len(left)})

    def remember(self, pid: str, fields: Mapping[str, str]) -> None:
        """Seal personal fields of a hit; fields that are there already are kept unless given anew."""
        with self._vault.transaction() as con:
            row = con.execute("SELECT key_id, sealed FROM subjects WHERE pid = ?", (pid,)).fetchone()
            key_id = row[0] if row else secrets.token_hex(16)
            before = self._opened(pid, key_id, row[1]) if row else {}
            if not row:
                key = secrets.token_bytes(_KEY)
                with self._keys.transaction() as keys:
                    keys.execute("INSERT INTO subjects VALUES (?, ?)", (key_id, _seal(self._master, key, key_id)))
                failpoint("stores.subject_key_made")
            text = json.dumps({**before, **fields}, ensure_ascii=False).encode()
            sealed = _seal(AESGCM(self._subject_key(key_id)), text, f"{pid} {key_id}")
            con.execute("INSERT OR REPLACE INTO subjects VALUES (?, ?, ?, ?)", (pid, key_id, sealed, self._now_min()))

    def reveal(self, pid: str, purpose: str) -> dict[str, str]:
        """Return the personal fields of a person, after an event has written down who was revealed for what.

        Raises Denied without a purpose and Absent where nothing is known or the person was forgotten.
        """
        if not purpose.strip():
            raise Denied("stores.no_purpose")
        row = self._vault.all("SELECT key_id, sealed FROM subjects WHERE pid = ?", pid)
        self._record("FieldsRevealed", {"pid": pid, "purpose": purpose.strip(), "found": bool(row)})
        if not row:
            raise Absent("stores.no_subject", pid=pid)
        return self._opened(pid, str(row[0][0]), row[0][1])

    def forget(self, pid: str) -> list[str]:
        """Destroy the key of a person here and in every copy within reach; return the copies that are not.

        Those are purged as soon as a backup, a check or `purge_copies` meets them again. Raises Absent.
        """
        with self._vault.transaction() as con:
            row = con.execute("SELECT key_id FROM subjects WHERE pid = ?", (pid,)).fetchone()
            if row is None:
                raise Absent("stores.no_subject", pid=pid)
            con.execute("INSERT INTO forgotten VALUES (?, ?)", (row[0], self._now_min()))
            con.execute("DELETE FROM subjects WHERE pid = ?", (pid,))
        failpoint("stores.forgetting")
        self._destroy_forgotten()
        left = self.purge_copies()
        self._record("KeyDestroyed", {"pid": pid, "copies_out_of_reach": len(left)})
        return left

    def apply_forgotten(self, key_ids: Iterable[str]) -> int:
        """Forget here what was forgotten elsewhere (a restored backup learns it from a later one); return how many."""
        with self._vault.transaction() as con:
            before = con.total_changes
            for key_id in key_ids:
                con.execute("INSERT OR IGNORE INTO forgotten VALUES (?, ?)", (key_id, self._now_min()))
            new = con.total_changes - before
            con.execute("DELETE FROM subjects WHERE key_id IN (SELECT key_id FROM forgotten)")
        self._destroy_forgotten()
        return new

    def make_keys(self, count: int) -> dict[str, bytes]:
        """Make keys for what is sealed elsewhere; return them by their ids. They are wrapped as those of persons are,
        a backup keeps them apart, and `drop_keys` destroys them everywhere."""
        made = {secrets.token_hex(16): secrets.token_bytes(_KEY) for _ in range(count)}
        with self._keys.transaction() as con:
            wrapped = [(key_id, _seal(self._master, key, key_id)) for key_id, key in made.items()]
            con.executemany("INSERT INTO subjects VALUES (?, ?)", wrapped)
        return made

    def get_key(self, key_id: str) -> bytes:
        """Return a key that `make_keys` made. Raises Absent once it was destroyed."""
        return self._subject_key(key_id)

    def list_keys(self) -> set[str]:
        """Return the ids of the keys that there are, of persons and of what is sealed elsewhere."""
        return {str(key_id) for (key_id,) in self._keys.all("SELECT key_id FROM subjects")}

    def drop_keys(self, key_ids: Iterable[str]) -> list[str]:
        """Destroy keys for good, here and in the copies within reach; return the copies that are not. Doing it twice is
        harmless."""
        self.apply_forgotten(key_ids)
        return self.purge_copies()

    def list_people(self) -> list[str]:
        """Return the pseudonyms of everybody whom the vault knows."""
        return [str(pid) for (pid,) in self._vault.all("SELECT pid FROM subjects ORDER BY pid")]

    def list_forgotten(self) -> list[str]:
        """Return the ids of the keys that must not exist any more."""
        return [str(key_id) for (key_id,) in self._vault.all("SELECT key_id FROM forgotten ORDER BY key_id")]

    def note_copy(self, path: Path) -> None:
        """Remember where a backup put a copy of the keys."""
        forgotten, gone = self._destroyed()
        with self._vault.transaction() as con:
            values = (str(path), self._now_min(), len(forgotten) + len(gone))
            con.execute("INSERT OR REPLACE INTO copies VALUES (?, ?, ?)", values)

    def purge_copies(self) -> list[str]:
        """Destroy in the known copies every key that was destroyed here; return the copies that are out of reach."""
        forgotten, gone = self._destroyed()
        left = []
        for (path,) in self._vault.all("SELECT path FROM copies ORDER BY path"):
            if not Path(str(path)).is_file():
                left.append(str(path))
                continue
            purge(Path(str(path)), forgotten, gone)
            with self._vault.transaction() as con:
                con.execute("UPDATE copies SET purged = ? WHERE path = ?", (len(forgotten) + len(gone), path))
        return left

    def copy_to(self, vault: Path, keys: Path) -> None:
        """Write consistent copies of what is sealed and of the keys, apart from each other."""
        self._vault.copy_to(vault)
        vault.chmod(0o600)
        self._keys.copy_to(keys)
        keys.chmod(0o600)

    def prove(self) -> None:
        """Open every key, to find out now whether `vault.key` fits `keys.sqlite`. Raises Denied."""
        wrapped = self._keys.all("SELECT 'epoch ' || epoch_no, wrapped FROM epochs WHERE wrapped IS NOT NULL")
        for label, sealed in wrapped + self._keys.all("SELECT key_id, wrapped FROM subjects"):
            self._unwrap(sealed, str(label))

    def _destroyed(self) -> tuple[list[str], list[int]]:
        """Return the keys of persons and of epochs that must not exist any more."""
        return self.list_forgotten(), [epoch.number for epoch in self.list_epochs() if not epoch.alive]

    def _destroy_forgotten(self) -> None:
        forgotten = self.list_forgotten()
        if forgotten:
            with self._keys.transaction() as con:
                con.executemany("DELETE FROM subjects WHERE key_id = ?", [(key_id,) for key_id in forgotten])

    def _subject_key(self, key_id: str) -> bytes:
        found = self._keys.all("SELECT wrapped FROM subjects WHERE key_id = ?", key_id)
        if not found:
            raise Absent("stores.no_subject_key")
        return self._unwrap(found[0][0], key_id)

    def _opened(self, pid: str, key_id: str, sealed: object) -> dict[str, str]:
        try:
            text = _open(AESGCM(self._subject_key(key_id)), sealed, f"{pid} {key_id}")
        except InvalidTag as error:
            raise Malformed("stores.altered", path=VAULT_FILE) from error
        fields: dict[str, str] = json.loads(text)
        return fields

    def _unwrap(self, wrapped: object, label: str) -> bytes:
        try:
            return _open(self._master, wrapped, label)
        except InvalidTag as error:
            raise Denied("stores.wrong_key", path=KEY_FILE, keys=KEYS_FILE) from error

    def _now_min(self) -> int:
        return epoch_minute(self._clock())


def find_lost(directory: Path) -> str | None:
    """Return the name of the file of a vault that is gone or empty beside its other one, None where none is.

    They are made one after the other, keys first, so keys without any vault are a loss only once a key was made.
    """
    keys, vault = directory / KEYS_FILE, directory / VAULT_FILE
    has_keys, has_vault = (path.exists() and path.stat().st_size > 0 for path in (keys, vault))
    if has_vault and not has_keys:
        return KEYS_FILE
    if has_keys and not has_vault and _ever_used(keys):
        return VAULT_FILE
    return None


def _ever_used(keys: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{keys.absolute().as_uri()}?mode=ro", uri=True)) as con:
            return any(con.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in ("epochs", "subjects"))  # noqa: S608
    except sqlite3.DatabaseError:  # not a database, or its tables are not made yet: opening it says so
        return False


def purge(keys: Path, forgotten: Iterable[str], epochs: Iterable[int]) -> None:
    """Destroy keys in a copy of `keys.sqlite`."""
    copy = Database(keys, private=True)
    try:
        with copy.transaction() as con:
            con.executemany("DELETE FROM subjects WHERE key_id = ?", [(key_id,) for key_id in forgotten])
            con.executemany("UPDATE epochs SET wrapped = NULL WHERE epoch_no = ?", [(number,) for number in epochs])
    finally:
        copy.close()


def _master_key(directory: Path) -> bytes:
    path = directory / KEY_FILE
    if not path.exists() and (directory / KEYS_FILE).exists():
        raise Denied("stores.no_key_file", path=KEY_FILE)
    key = read_key(path)
    if key is None:
        raise Denied("stores.wrong_key", path=KEY_FILE, keys=KEYS_FILE)
    return key


def _seal(cipher: AESGCM, plain: bytes, label: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + cipher.encrypt(nonce, plain, label.encode())


def _open(cipher: AESGCM, sealed: Any, label: str) -> bytes:
    return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], label.encode())
