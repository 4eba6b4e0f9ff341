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
# a loose scan: one step for each partner, however many messages there are
_PARTNERS = (
    "WITH RECURSIVE each (name) AS (SELECT min(partner) FROM {0} UNION ALL"
    " SELECT (SELECT min(partner) FROM {0} WHERE partner > name) FROM each WHERE name IS NOT NULL)"
    " SELECT name FROM each WHERE name IS NOT NULL"
)
_SENT = "SELECT 1 FROM outgoing WHERE partner = ?1 AND subject = ?2 AND state != 'replaced'"
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
            sent, came = (texts_of(con.execute(_PARTNERS.format(name))) for name in ("outgoing", "incoming"))
            for subject in subjects:
                con.execute("INSERT OR IGNORE INTO dying SELECT key_id FROM seals WHERE subject = ?", (subject,))
                con.execute("DELETE FROM seals WHERE subject = ?", (subject,))
                for partner in sent:  # by the index on partner and subject
                    place = (partner, subject)
                    sql = f"{_OUT_GONE} AND partner = ? AND subject = ? AND state != 'replaced'"
                    count += con.execute(sql, place).rowcount
                    con.execute(f"INSERT OR IGNORE INTO withdrawn SELECT ?1, ?2 WHERE EXISTS ({_SENT})", place)
                for partner in came:
                    sql = f"{_IN_GONE} AND partner = ? AND subject = ?"
                    count += con.execute(sql, (partner, subject)).rowcount
        failpoint("stores.content_destroyed")
        self._bury()
        return count

    def list_withdrawn(self, partner: str) -> list[str]:
        """Return the subjects that were destroyed and may still lie where a channel to a partner put them."""
        return texts_of(self._database.all("SELECT subject FROM withdrawn WHERE partner = ?", partner))

    def mark_withdrawn(self, partner: str, subjects: Iterable[str]) -> None:
        """Note that the channel has let go of some subjects."""
        with self._database.transaction() as con:
            rows = [(partner, subject) for subject in subjects]
            con.executemany("DELETE FROM withdrawn WHERE partner = ? AND subject = ?", rows)

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
