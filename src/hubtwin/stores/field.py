"""What staff file with their tasks, in `field.sqlite`, mode 0600: reports, scanned codes, photos, sealed.

One key a task, in the vault: it dies with its case, with its event or when its time is over, and with it every copy in
every backup. What was filed when and by whom stands in the ledger; this file alone tells nothing.
"""

import hmac
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import orjson

from hubtwin.base.errors import Absent, Denied
from hubtwin.base.failpoint import failpoint
from hubtwin.stores.keyfile import read_key
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sealing import Sealing
from hubtwin.stores.sqlite import Database
from hubtwin.stores.vault import Vault

_KNOWN = "SELECT 1 FROM contents WHERE piece_id = ?1 UNION SELECT 1 FROM gone WHERE piece_id = ?1"
FIELD_FILE, PHONES_KEY_FILE = "field.sqlite", "phones.key"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose task a content belongs to: the task, what it is about (a case, a train), and the event in force then."""

    task_id: str
    subject: str
    emergency_id: str


class FieldBooks:
    """The contents of one store directory. Threads share them; processes take turns."""

    def __init__(self, directory: Path, vault: Vault, at_min: int) -> None:
        """Open or make the file. Raises Denied for a key file that others can read."""
        self._database = Database(directory / FIELD_FILE, private=True)
        migrate(self._database, "field", at_min)
        self._directory, self._vault = directory, vault
        self._sealing = Sealing(vault, FIELD_FILE)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def put(self, piece_id: str, owner: Owner, content: bytes, at_min: int) -> None:
        """Seal a content under the key of its task; one that is there, or was destroyed, stays so. Raises Retry."""
        with self._database.transaction() as con:
            if con.execute(_KNOWN, (piece_id,)).fetchone():
                return
            key_id = self._sealing.key_of(con, owner.task_id)
            sealed = self._sealing.seal(key_id, content, piece_id)
            values = (piece_id, owner.task_id, owner.subject, owner.emergency_id, key_id, at_min, sealed)
            con.execute("INSERT INTO contents VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            failpoint("field.before_put")
        failpoint("field.put")

    def find(self, piece_id: str) -> bytes | None:
        """Return a content; None where there is none, or none any more. Raises Malformed where it was altered."""
        found = self._database.all("SELECT key_id, sealed FROM contents WHERE piece_id = ?", piece_id)
        if not found:
            return None
        try:
            return self._sealing.open(str(found[0][0]), found[0][1], piece_id)
        except Absent:  # an older copy of this file was restored: the key is gone for good
            return None

    def stands(self, piece_id: str) -> bool:
        """Tell whether a content is still there."""
        return bool(self._database.all("SELECT 1 FROM contents WHERE piece_id = ?", piece_id))

    def forget(
        self, *, emergency_id: str | None = None, subjects: Collection[str] = (), before_min: int | None = None
    ) -> int:
        """Destroy contents and the keys of their tasks: of an event, about some subjects, or old.

        `before_min`: tasks with nothing filed since. Any of the three suffices; of a task everything goes. Returns how
        many contents. Doing it twice is harmless. Raises Retry.
        """
        wanted = orjson.dumps(sorted(subjects)).decode()
        about = (
            "SELECT task_id FROM contents WHERE (emergency_id = ?1 AND emergency_id != '')"
            " OR subject IN (SELECT value FROM json_each(?2))"
            " OR task_id IN (SELECT value FROM json_each(?2))"
            " GROUP BY task_id UNION SELECT task_id FROM contents GROUP BY task_id HAVING max(at_min) < ?3"
        )
        with self._database.transaction() as con:
            gone = [str(row[0]) for row in con.execute(about, (emergency_id, wanted, before_min)).fetchall()]
            count = sum(_drop(con, task_id) for task_id in gone)
        failpoint("field.forgotten")
        self.bury()
        return count

    def bury(self) -> None:
        """Destroy the keys that are to go; a kill leaves them on the list."""
        dying = [str(row[0]) for row in self._database.all("SELECT key_id FROM dying")]
        if dying:
            self._vault.drop_keys(dying)
            with self._database.transaction() as con:
                con.executemany("DELETE FROM dying WHERE key_id = ?", [(key_id,) for key_id in dying])

    def phone_secret(self, user_id: str) -> bytes:
        """Return the 32 bytes under which the phone of a person locks what waits to be sent. The same for as long as
        `phones.key` stands. Raises Denied where that file is damaged or open."""
        key = read_key(self._directory / PHONES_KEY_FILE)
        if key is None:
            raise Denied("stores.key_file_damaged", path=PHONES_KEY_FILE)
        return hmac.digest(key, f"phone\x1f{user_id}".encode(), "sha256")


def _drop(con: sqlite3.Connection, task_id: str) -> int:
    con.execute("INSERT OR IGNORE INTO dying SELECT DISTINCT key_id FROM contents WHERE task_id = ?", (task_id,))
    con.execute("INSERT OR IGNORE INTO gone SELECT piece_id FROM contents WHERE task_id = ?", (task_id,))
    con.execute("DELETE FROM seals WHERE subject = ?", (task_id,))
    return con.execute("DELETE FROM contents WHERE task_id = ?", (task_id,)).rowcount
