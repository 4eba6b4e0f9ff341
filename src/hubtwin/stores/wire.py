"""The books of messages in a store directory: `wire.sqlite`, mode 0600, one for everything sent and received.

What a message says is held only as long as somebody has to read it, and sealed under a key of its subject: outgoing
content is destroyed when the partner's receipt says that it has it, incoming content when it was taken over, and with
its key where the event ends, here and in every backup. Entries of the log, receipts and heads stay.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Denied
from hubtwin.base.failpoint import failpoint
from hubtwin.model.message import Entry, Head, Received, Refused, Waiting
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sealing import Sealing
from hubtwin.stores.sqlite import Database
from hubtwin.stores.vault import Vault
from hubtwin.stores.wire_lists import WireLists
from hubtwin.stores.wire_rows import (
    ENTRY,
    INCOMING,
    OUTGOING,
    REFUSED,
    entry_of,
    head_of,
    label_of,
    received_of,
    refused_of,
    texts_of,
    waiting_of,
)
from hubtwin.stores.wire_unit import WireUnit

WIRE_FILE = "wire.sqlite"
MATCHING_FILE = "matching.sqlite"  # tables on their way to matchers, see wiring/matching.py
_OUT_GONE = (
    "UPDATE outgoing SET content = NULL, state = iif(state IN ('waiting', 'handed'), 'expired', state)"
    " WHERE content IS NOT NULL"
)
_IN_GONE = "UPDATE incoming SET content = NULL, data = NULL WHERE content IS NOT NULL"


class Wire(WireLists):
    """`channels.books.Books` in SQLite. Threads share it; processes take turns."""

    def __init__(self, directory: Path, owner: str, at_min: int) -> None:
        """Open the books of a store directory, and its vault, which holds their keys; what is missing is made.

        Raises Denied for books of another owner or a newer version, and what opening the vault raises.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._vault = Vault(directory, clock=lambda: from_epoch_minute(at_min), record=lambda *told: None)
        self._sealing = Sealing(self._vault, WIRE_FILE)
        self._database = Database(directory / WIRE_FILE, private=True)
        migrate(self._database, "wire", at_min)
        self.owner = owner
        with self._database.transaction() as con:
            con.execute("INSERT INTO owner SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM owner)", (owner,))
            (found,) = con.execute("SELECT source FROM owner").fetchone()
        if found != owner:
            raise Denied("stores.wire_of_other", found=found, owner=owner)
        self._seal_plain()
        self._drop_dead()

    def close(self) -> None:
        """Let go of the files."""
        self._database.close()
        self._vault.close()

    @contextmanager
    def unit(self) -> Iterator[WireUnit]:
        """Hold the books for one step; commit at the end, roll back on any error. Raises Retry."""
        with self._database.transaction() as con:
            unit = WireUnit(con, self.owner, self._sealing)
            yield unit
            unit.flush()

    def head(self, partner: str) -> Head:
        """Return the end of the log for a partner; the one of an empty log has number 0 and no hash."""
        rows = self._database.all("SELECT seq, hash FROM entries WHERE partner = ? ORDER BY seq DESC LIMIT 1", partner)
        return head_of(self.owner, partner, rows[0] if rows else None)

    def list_entries(self, partner: str) -> list[Entry]:
        """Return the log for a partner, from its beginning."""
        sql = f"SELECT {ENTRY} FROM entries WHERE partner = ? ORDER BY seq"  # noqa: S608
        return [entry_of(row) for row in self._database.all(sql, partner)]

    def list_heads(self, partner: str) -> list[Head]:
        """Return the heads of the partner's log that it has signed for, the oldest first."""
        rows = self._database.all("SELECT seq, hash FROM heads WHERE partner = ? ORDER BY seq", partner)
        return [head_of(partner, self.owner, row) for row in rows]

    def list_waiting(self, partner: str, limit: int, handed_before_ms: int = 0) -> list[Waiting]:
        """Return what waits for a partner, in the order it was written; also what was handed over before that moment
        and has no receipt."""
        sql = (
            f"SELECT {OUTGOING} FROM outgoing"  # noqa: S608
            " WHERE partner = ? AND state IN ('waiting', 'handed') AND (state = 'waiting' OR at_ms < ?)"
            " ORDER BY number LIMIT ?"
        )
        opened = self._sealing.open
        return [waiting_of(row, opened) for row in self._database.all(sql, partner, handed_before_ms, limit)]

    def list_partners(self) -> list[str]:
        """Return the partners for whom something waits or is handed over."""
        sql = "SELECT DISTINCT partner FROM outgoing WHERE state IN ('waiting', 'handed') ORDER BY 1"
        return texts_of(self._database.all(sql))

    def list_refused(self, partner: str) -> list[tuple[str, str, str]]:
        """Return id, digest and reason of what a partner did not take, in the order it was written, dealt with since or
        not: what its log does not hold."""
        sql = (
            "SELECT id, digest, reason FROM outgoing WHERE partner = ? AND state IN ('refused', 'replaced', 'expired')"
            " ORDER BY number"
        )
        return [(str(key), str(digest), str(reason)) for key, digest, reason in self._database.all(sql, partner)]

    def list_to_mend(self) -> list[Refused]:
        """Return what partners refused, or what was destroyed before it arrived, and nobody has dealt with, the oldest
        first."""
        sql = f"SELECT {REFUSED} FROM outgoing WHERE state IN ('refused', 'expired') ORDER BY number"  # noqa: S608
        return [refused_of(row) for row in self._database.all(sql)]

    def mark_handed(self, numbers: Iterable[int], at_ms: int) -> None:
        """Note that messages were handed over and their receipt is still to come."""
        with self._database.transaction() as con:
            sql = "UPDATE outgoing SET state = 'handed', at_ms = ? WHERE number = ? AND state IN ('waiting', 'handed')"
            con.executemany(sql, [(at_ms, number) for number in numbers])

    def list_applied(self, after: int = 0, limit: int = 1000) -> list[tuple[int, Received]]:
        """Return what had its effect, numbered from 1 in the order in which it had it."""
        sql = f"SELECT applied_no, {INCOMING} FROM incoming WHERE applied_no > ? ORDER BY applied_no LIMIT ?"  # noqa: S608
        rows, opened = self._database.all(sql, after, limit), self._sealing.open
        return [(int(str(row[0])), received_of(row[1:], opened)) for row in rows]

    def followed(self) -> int | None:
        """Return the number of the last event of the loop that was told onward; None before the first."""
        rows = self._database.all("SELECT seq FROM followed")
        return int(str(rows[0][0])) if rows else None

    def take_over(self, up_to: int) -> None:
        """Destroy the content of what had its effect up to a number: whoever needed it has it now."""
        with self._database.transaction() as con:
            sql = "UPDATE incoming SET content = NULL, data = NULL WHERE applied_no <= ? AND content IS NOT NULL"
            con.execute(sql, (up_to,))

    def was_told(self, partner: str, subject: str) -> bool:
        """Tell whether anything about a subject was ever written for a partner."""
        sql = "SELECT 1 FROM outgoing WHERE partner = ? AND subject = ? LIMIT 1"
        return bool(self._database.all(sql, partner, subject))

    def count_incoming(self, partner: str) -> Mapping[str, int]:
        """Return how many messages of a partner are applied, held, refused."""
        sql = "SELECT state, count(*) FROM incoming WHERE partner = ? GROUP BY state"
        return {str(state): int(str(number)) for state, number in self._database.all(sql, partner)}

    def count_outgoing(self, partner: str) -> Mapping[str, int]:
        """Return how many messages to a partner are waiting, handed, arrived, refused."""
        sql = "SELECT state, count(*) FROM outgoing WHERE partner = ? GROUP BY state"
        return {str(state): int(str(number)) for state, number in self._database.all(sql, partner)}

    def count_refusals(self, partner: str) -> Mapping[str, int]:
        """Return how often what a partner sent could not be kept, by reason."""
        sql = "SELECT reason, number FROM refusals WHERE partner = ? ORDER BY reason"
        return {str(reason): int(str(number)) for reason, number in self._database.all(sql, partner)}

    def destroy(self, subjects: Iterable[str]) -> int:
        """Destroy what the messages of some subjects say, and the keys it was sealed under, here and in every backup;
        return how many messages that were. Doing it twice is harmless. Raises Retry.

        Log, digests and receipts stay. What was on its way is not sent any more.
        """
        count = 0
        with self._database.transaction() as con:
            for subject in subjects:
                con.execute("INSERT OR IGNORE INTO dying SELECT key_id FROM seals WHERE subject = ?", (subject,))
                con.execute("DELETE FROM seals WHERE subject = ?", (subject,))
                count += con.execute(f"{_OUT_GONE} AND subject = ?", (subject,)).rowcount
                count += con.execute(f"{_IN_GONE} AND subject = ?", (subject,)).rowcount
        failpoint("stores.content_destroyed")
        self._bury()
        return count

    def expire(self, outgoing_before_ms: int, incoming_before_ms: int, proofs_before_ms: int) -> Mapping[str, int]:
        """Destroy content that was written or came before a moment, and receipts and heads from before one, except the
        last of a partner; return how many of each."""
        last = "SELECT max(seq) FROM heads AS later WHERE later.partner = heads.partner"
        with self._database.transaction() as con:
            told = {
                "outgoing": con.execute(f"{_OUT_GONE} AND written_ms < ?", (outgoing_before_ms,)).rowcount,
                "incoming": con.execute(f"{_IN_GONE} AND at_ms < ?", (incoming_before_ms,)).rowcount,
                "proofs": con.execute(
                    f"DELETE FROM heads WHERE at_ms < ? AND seq < ({last})",  # noqa: S608
                    (proofs_before_ms,),
                ).rowcount,
            }
            empty = (
                "SELECT key_id FROM seals WHERE subject NOT IN (SELECT subject FROM outgoing WHERE content IS NOT NULL)"
                " AND subject NOT IN (SELECT subject FROM incoming WHERE content IS NOT NULL)"

    def __init__(self, con: sqlite3.Connection, owner: str) -> None:
        self._con, self._owner = con, owner
        self._heads: dict[str, Head] = {}  # nobody else writes while the unit lasts, so what was read once stands
        self._lasts: dict[tuple[str, str], int] = {}

    def head(self, partner: str) -> Head:
        """Return the end of the log for a partner."""
        if partner not in self._heads:
            sql = "SELECT seq, hash FROM entries WHERE partner = ? ORDER BY seq DESC LIMIT 1"
            row = self._con.execute(sql, (partner,)).fetchone()
            self._heads[partner] = head_of(self._owner, partner, row)
        return self._heads[partner]

    def append_entry(self, partner: str, entry: Entry) -> None:
        """Add an entry. Raises Bug where it is not the next one."""
        head = self.head(partner)
        if entry.seq != head.seq + 1 or (head.hash and entry.before != head.hash):
            raise Bug("stores.wire_not_next", seq=entry.seq)
        told = (entry.seq, entry.direction.value, entry.id, entry.digest, entry.at_ms, entry.before, entry.hash)
        self._con.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (partner, *told))
        self._heads[partner] = Head(self._owner, partner, entry.seq, entry.hash)

    def has_outgoing(self, partner: str, message_id: str) -> bool:
        """Tell whether a message was written before."""
        sql = "SELECT 1 FROM outgoing WHERE partner = ? AND id = ?"
        return self._con.execute(sql, (partner, message_id)).fetchone() is not None

    def next_sequence(self, partner: str, subject: str) -> int:
        """Return the number of the next message of a subject to a partner, from 1."""
        sql = "SELECT coalesce(max(sequence), 0) + 1 FROM outgoing WHERE partner = ? AND subject = ?"
        return int(self._con.execute(sql, (partner, subject)).fetchone()[0])

    def add_outgoing(self, message: Waiting, at_ms: int) -> None:
        """Add a message that waits."""
        signed = message.signed
        self._con.execute(
            "INSERT INTO outgoing (partner, id, subject, sequence, digest, content, signature, state, at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?)",
            (
                *(message.partner, message.id, message.subject, message.sequence),
                *(signed.digest, signed.content, signed.signature, at_ms),
            ),
        )

    def settle(self, partner: str, digest: str, state: str, reason: str, at_ms: int) -> bool:
        """Note what a partner did with a message: "arrived" destroys its content, "refused" and "waiting" keep it."""
        sql = (
            "UPDATE outgoing SET state = ?1, reason = ?2, at_ms = ?3, content = iif(?1 = 'arrived', NULL, content)"
            " WHERE partner = ?4 AND digest = ?5 AND state != 'arrived'"
        )
        return self._con.execute(sql, (state, reason, at_ms, partner, digest)).rowcount > 0

    def ask_again(self, partner: str, subject: str, first: int, last: int) -> int:
        """Let messages wait again whose content is still here; return how many."""
        sql = (
            "UPDATE outgoing SET state = 'waiting', reason = '' WHERE partner = ? AND subject = ?"
            " AND sequence BETWEEN ? AND ? AND content IS NOT NULL"
        )
        return self._con.execute(sql, (partner, subject, first, last)).rowcount

    def follow(self, seq: int) -> None:
        """Note the last event of the loop that was told onward."""
        self._con.execute("INSERT OR REPLACE INTO followed VALUES (1, ?)", (seq,))

    def keep_receipt(self, partner: str, receipt: Signed, head: Head, at_ms: int) -> None:
        """Keep a partner's receipt and the head of its log that it tells; the same one twice is kept once."""
        self._keep(partner, receipt, head, "receipt", at_ms)

    def keep_head(self, partner: str, told: Signed, head: Head, at_ms: int) -> None:
        """Keep a head that a partner signed; the same one twice is kept once."""
        self._keep(partner, told, head, "head", at_ms)

    def _keep(self, partner: str, told: Signed, head: Head, kind: str, at_ms: int) -> None:
        self._con.execute(
            "INSERT INTO heads VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (partner, head.seq, head.hash, kind, told.digest, told.content, told.signature, at_ms),
        )

    def find_incoming(self, partner: str, message_id: str) -> Received | None:
        """Return a message of a partner by its id."""
        return self._find("partner = ? AND id = ?", partner, message_id)

    def find_place(self, partner: str, subject: str, sequence: int) -> Received | None:
        """Return a message of a partner by its place in the order of its subject."""
        return self._find("partner = ? AND subject = ? AND sequence = ?", partner, subject, sequence)

    def _find(self, where: str, *values: object) -> Received | None:
        row = self._con.execute(f"SELECT {INCOMING} FROM incoming WHERE {where}", values).fetchone()  # noqa: S608
        return received_of(row) if row else None

    def last_in_order(self, partner: str, subject: str) -> int:
        """Return the sequence up to which everything of a subject has been applied or refused; 0 at first."""
        place = (partner, subject)
        if place not in self._lasts:
            row = self._con.execute("SELECT last FROM orders WHERE partner = ? AND subject = ?", place).fetchone()
            self._lasts[place] = int(row[0]) if row else 0
        return self._lasts[place]

    def next_place(self, partner: str, subject: str, after: int) -> int | None:
        """Return the lowest sequence beyond `after` that is here, None where there is none."""
        sql = "SELECT min(sequence) FROM incoming WHERE partner = ? AND subject = ? AND sequence > ?"
        (found,) = self._con.execute(sql, (partner, subject, after)).fetchone()
        return None if found is None else int(found)

    def add_incoming(self, partner: str, message: Received, at_ms: int) -> None:
        """Add a message: as refused, else as held until `move_on` comes to it. Content that is refused is not kept."""
        refused, signed, envelope = message.handling is Handling.REFUSED, message.signed, message.envelope
        if signed is None:
            raise Bug("stores.wire_not_next", seq=message.sequence)
        self._con.execute(
            "INSERT INTO incoming VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (
                *(partner, message.id, message.subject, message.sequence, message.digest),
                *(None if refused else signed.content, signed.signature),
                None if refused or envelope is None else orjson.dumps(dict(envelope.data)).decode(),
                *("refused" if refused else "held", message.reason),
                round(message.at.timestamp() * 1000) if message.at else None,
                *(orjson.dumps(dict(message.repairs)).decode(), at_ms),
            ),
        )

    def move_on(self, partner: str, subject: str) -> bool:
        """Let the next message of a subject have its effect, or step over it where it is refused."""
        place = (partner, subject, self.last_in_order(partner, subject) + 1)
        sql = "SELECT state FROM incoming WHERE partner = ? AND subject = ? AND sequence = ?"
        found = self._con.execute(sql, place).fetchone()
        if found is None:
            return False
        if found[0] == "held":
            (number,) = self._con.execute("UPDATE applied SET last = last + 1 RETURNING last").fetchone()
            sql = (
                "UPDATE incoming SET state = 'applied', applied_no = ?"
                " WHERE partner = ? AND subject = ? AND sequence = ?"
            )
            con.execute(f"INSERT OR IGNORE INTO dying {empty}")  # a subject that speaks again gets a new key
            con.execute("DELETE FROM seals WHERE key_id IN (SELECT key_id FROM dying)")
        self._bury()
        return told

    def _bury(self) -> None:
        """Have the vault destroy the keys of what is gone here; a kill on the way is made good at the next opening."""
        dying = texts_of(self._database.all("SELECT key_id FROM dying"))
        if dying:
            self._vault.drop_keys(dying)
            with self._database.transaction() as con:
                con.executemany("DELETE FROM dying WHERE key_id = ?", [(key_id,) for key_id in dying])

    def _drop_dead(self) -> None:
        """Let go of content whose key was destroyed, here before a kill or in a copy that is restored now."""
        sealed = [(str(subject), str(key_id)) for subject, key_id in self._database.all("SELECT * FROM seals")]
        there = self._vault.list_keys() if sealed else set()
        self.destroy([subject for subject, key_id in sealed if key_id not in there])

    def _seal_plain(self) -> None:
        """Seal what books of the first version hold in the clear; free pages are written over."""
        with self._database.transaction() as con:
            for table, way in (("outgoing", "out"), ("incoming", "in")):
                data = "data" if table == "incoming" else "NULL"
                sql = f"SELECT partner, id, subject, digest, content, {data} FROM {table}"  # noqa: S608
                for partner, key, subject, digest, content, told in con.execute(
                    f"{sql} WHERE content IS NOT NULL AND key_id IS NULL"
                ).fetchall():
                    key_id = self._sealing.key_of(con, subject)
                    sealed = self._sealing.seal(key_id, content, label_of(way, partner, digest))
                    con.execute(
                        f"UPDATE {table} SET content = ?, key_id = ? WHERE partner = ? AND id = ?",  # noqa: S608
                        (sealed, key_id, partner, key),
                    )
                    if told is not None:
                        sealed = self._sealing.seal(key_id, told, label_of("data", partner, digest))
                        con.execute("UPDATE incoming SET data = ? WHERE partner = ? AND id = ?", (sealed, partner, key))


def settle_restored(directory: Path, at_min: int) -> None:
    """Bring the books of a restored store in line with its keys: what has none any more is destroyed there as well."""
    with opened_books(directory, at_min):
        pass  # opening does it


@contextmanager
def opened_books(directory: Path, at_min: int) -> Iterator[Wire | None]:
    """Open the books of a store directory, which others may have open, whosever they are; None where there are none."""
    if not (directory / WIRE_FILE).exists():
        yield None
        return
    database = Database(directory / WIRE_FILE, private=True)
    try:
        owners = texts_of(database.all("SELECT source FROM owner"))
    finally:
        database.close()
    if not owners:
        yield None
        return
    wire = Wire(directory, owners[0], at_min)
    try:
        yield wire
    finally:
        wire.close()
