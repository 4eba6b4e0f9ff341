"""The books of messages in a store directory: `wire.sqlite`, mode 0600, one for everything sent and received.

What a message says is held only as long as somebody has to read it: outgoing content is destroyed when the partner's
receipt says that it has it, incoming content when it was taken over. Entries of the log, receipts and heads stay.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson

from hubtwin.base.errors import Bug, Denied
from hubtwin.model.message import Direction, Entry, Handling, Head, Received, Signed, Waiting
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sqlite import Database
from hubtwin.stores.wire_rows import INCOMING, head_of, received_of, texts_of, waiting_of

WIRE_FILE = "wire.sqlite"


class Wire:
    """`channels.books.Books` in SQLite. Threads share it; processes take turns."""

    def __init__(self, directory: Path, owner: str, at_min: int) -> None:
        """Open the books of a store directory. Raises Denied for those of another owner or a newer version."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = Database(directory / WIRE_FILE, private=True)
        migrate(self._database, "wire", at_min)
        self.owner = owner
        with self._database.transaction() as con:
            con.execute("INSERT INTO owner SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM owner)", (owner,))
            (found,) = con.execute("SELECT source FROM owner").fetchone()
        if found != owner:
            raise Denied("stores.wire_of_other", found=found, owner=owner)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    @contextmanager
    def unit(self) -> Iterator["WireUnit"]:
        """Hold the books for one step; commit at the end, roll back on any error. Raises Retry."""
        with self._database.transaction() as con:
            yield WireUnit(con, self.owner)

    def head(self, partner: str) -> Head:
        """Return the end of the log for a partner; the one of an empty log has number 0 and no hash."""
        rows = self._database.all("SELECT seq, hash FROM entries WHERE partner = ? ORDER BY seq DESC LIMIT 1", partner)
        return head_of(self.owner, partner, rows[0] if rows else None)

    def list_entries(self, partner: str) -> list[Entry]:
        """Return the log for a partner, from its beginning."""
        sql = "SELECT seq, direction, id, digest, at_ms, before, hash FROM entries WHERE partner = ? ORDER BY seq"
        return [
            Entry(int(str(seq)), Direction(str(way)), str(key), str(digest), int(str(at)), str(before), str(mark))
            for seq, way, key, digest, at, before, mark in self._database.all(sql, partner)
        ]

    def list_heads(self, partner: str) -> list[Head]:
        """Return the heads of the partner's log that it has signed for, the oldest first."""
        rows = self._database.all("SELECT seq, hash FROM heads WHERE partner = ? ORDER BY seq", partner)
        return [head_of(partner, self.owner, row) for row in rows]

    def list_waiting(self, partner: str, limit: int, handed_before_ms: int = 0) -> list[Waiting]:
        """Return what waits for a partner, in the order it was written; also what was handed over before that moment
        and has no receipt."""
        sql = (
            "SELECT number, partner, id, subject, sequence, content, signature FROM outgoing"
            " WHERE partner = ? AND state IN ('waiting', 'handed') AND (state = 'waiting' OR at_ms < ?)"
            " ORDER BY number LIMIT ?"
        )
        return [waiting_of(row) for row in self._database.all(sql, partner, handed_before_ms, limit)]

    def list_partners(self) -> list[str]:
        """Return the partners for whom something waits or is handed over."""
        sql = "SELECT DISTINCT partner FROM outgoing WHERE state IN ('waiting', 'handed') ORDER BY 1"
        return texts_of(self._database.all(sql))

    def list_refused(self, partner: str) -> list[tuple[str, str, str]]:
        """Return id, digest and reason of what a partner refused, in the order it was written."""
        sql = "SELECT id, digest, reason FROM outgoing WHERE partner = ? AND state = 'refused' ORDER BY number"
        return [(str(key), str(digest), str(reason)) for key, digest, reason in self._database.all(sql, partner)]

    def mark_handed(self, numbers: Iterable[int], at_ms: int) -> None:
        """Note that messages were handed over and their receipt is still to come."""
        with self._database.transaction() as con:
            sql = "UPDATE outgoing SET state = 'handed', at_ms = ? WHERE number = ? AND state IN ('waiting', 'handed')"
            con.executemany(sql, [(at_ms, number) for number in numbers])

    def list_applied(self, after: int = 0, limit: int = 1000) -> list[tuple[int, Received]]:
        """Return what had its effect, numbered from 1 in the order in which it had it."""
        sql = f"SELECT applied_no, {INCOMING} FROM incoming WHERE applied_no > ? ORDER BY applied_no LIMIT ?"  # noqa: S608
        return [(int(str(row[0])), received_of(row[1:])) for row in self._database.all(sql, after, limit)]

    def take_over(self, up_to: int) -> None:
        """Destroy the content of what had its effect up to a number: whoever needed it has it now."""
        with self._database.transaction() as con:
            sql = "UPDATE incoming SET content = NULL, data = NULL WHERE applied_no <= ? AND content IS NOT NULL"
            con.execute(sql, (up_to,))

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


class WireUnit:
    """`channels.books.BooksUnit`: one transaction."""

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
            self._con.execute(sql, (number, *place))
        self._con.execute("INSERT INTO orders VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = excluded.last", place)
        self._lasts[partner, subject] = place[2]
        return True

    def count_refusal(self, partner: str, reason: str) -> None:
        """Count what could not be kept."""
        sql = "INSERT INTO refusals VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET number = number + 1"
        self._con.execute(sql, (partner, reason))
