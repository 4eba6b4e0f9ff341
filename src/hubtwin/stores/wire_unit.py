"""One transaction on the books of messages, `channels.books.BooksUnit`."""

import sqlite3

import orjson

from hubtwin.base.errors import Bug
from hubtwin.model.message import Entry, Handling, Head, Received, Refused, Signed, Waiting
from hubtwin.stores.sealing import Sealing
from hubtwin.stores.wire_rows import INCOMING, REFUSED, head_of, label_of, received_of, refused_of


class WireUnit:
    """One transaction. What is written in it is there after it, or nothing of it is."""

    def __init__(self, con: sqlite3.Connection, owner: str, sealing: Sealing) -> None:
        """Take the connection of an open transaction."""
        self._con, self._owner, self._sealing = con, owner, sealing
        self._heads: dict[str, Head] = {}  # nobody else writes while the unit lasts, so what was read once stands
        self._lasts: dict[tuple[str, str], int] = {}
        self._entries: list[tuple[object, ...]] = []
        self._moved: dict[tuple[str, str], int] = {}

    def flush(self) -> None:
        """Write the log and the orders, which wait for the end of the unit: many rows at once cost half."""
        self._con.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._entries)
        sql = "INSERT INTO orders VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = excluded.last"
        self._con.executemany(sql, [(*place, last) for place, last in self._moved.items()])
        self._entries.clear()
        self._moved.clear()

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
        self._entries.append((partner, *told))
        self._heads[partner] = Head(self._owner, partner, entry.seq, entry.hash)

    def has_outgoing(self, partner: str, message_id: str) -> bool:
        """Tell whether a message was written before."""
        sql = "SELECT 1 FROM outgoing WHERE partner = ? AND id = ?"
        return self._con.execute(sql, (partner, message_id)).fetchone() is not None

    def next_sequence(self, partner: str, subject: str) -> int:
        """Return the number of the next message of a subject to a partner, from 1."""
        sql = (
            "SELECT coalesce(max(sequence), 0) + 1 FROM outgoing"
            " WHERE partner = ? AND subject = ? AND state != 'replaced'"
        )
        return int(self._con.execute(sql, (partner, subject)).fetchone()[0])

    def add_outgoing(self, message: Waiting, at_ms: int) -> None:
        """Add a message that waits; its content is sealed."""
        signed, key_id = message.signed, self._sealing.key_of(self._con, message.subject)
        digest = signed.digest
        sealed = self._sealing.seal(key_id, signed.content, label_of("out", message.partner, digest))
        self._con.execute(
            "INSERT INTO outgoing (partner, id, subject, sequence, digest, content, key_id, signature, state,"
            " written_ms, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?)",
            (
                *(message.partner, message.id, message.subject, message.sequence),
                *(digest, sealed, key_id, signed.signature, at_ms, at_ms),
            ),
        )

    def settle(self, partner: str, digest: str, state: str, reason: str, at_ms: int, *, placed: bool = False) -> bool:
        """Note what a partner did with a message: "arrived" destroys its content, "refused" and "waiting" keep it.

        `placed`: it was refused and has its place in the order of the partner all the same.
        """
        sql = (
            "UPDATE outgoing SET state = ?1, reason = ?2, at_ms = ?3, content = iif(?1 = 'arrived', NULL, content),"
            " placed = ?6 WHERE partner = ?4 AND digest = ?5 AND state NOT IN ('arrived', 'replaced')"
        )
        return self._con.execute(sql, (state, reason, at_ms, partner, digest, placed)).rowcount > 0

    def find_refused(self, partner: str, message_id: str) -> Refused | None:
        """Return a message that a partner refused, or whose content is gone before it arrived."""
        sql = f"SELECT {REFUSED} FROM outgoing WHERE partner = ? AND id = ? AND state IN ('refused', 'expired')"  # noqa: S608
        row = self._con.execute(sql, (partner, message_id)).fetchone()
        return refused_of(row) if row else None

    def replace_refused(self, partner: str, message_id: str, at_ms: int) -> None:
        """Note that another message stands for a refused one from now on; its content is destroyed."""
        sql = (
            "UPDATE outgoing SET state = 'replaced', content = NULL, at_ms = ?"
            " WHERE partner = ? AND id = ? AND state IN ('refused', 'expired')"
        )
        self._con.execute(sql, (at_ms, partner, message_id))

    def ask_again(self, partner: str, subject: str, first: int, last: int) -> int:
        """Let messages wait again whose content is still here; return how many."""
        sql = (
            "UPDATE outgoing SET state = 'waiting', reason = '' WHERE partner = ? AND subject = ?"
            " AND sequence BETWEEN ? AND ? AND content IS NOT NULL AND state != 'replaced'"
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
        return received_of(row, self._sealing.open) if row else None

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
        refused, signed = message.handling is Handling.REFUSED, message.signed
        if signed is None:
            raise Bug("stores.wire_not_next", seq=message.sequence)
        key_id = content = data = None
        if not refused:
            key_id = self._sealing.key_of(self._con, message.subject)
            content = self._sealing.seal(key_id, signed.content, label_of("in", partner, message.digest))
            told = b"" if message.envelope is None else orjson.dumps(dict(message.envelope.data))
            if told not in signed.content:  # repaired, or written with blanks
                data = self._sealing.seal(key_id, told, label_of("data", partner, message.digest))
        self._con.execute(
            "INSERT INTO incoming VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (
                *(partner, message.id, message.subject, message.sequence, message.digest),
                *(content, key_id, signed.signature, data),
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
        self._lasts[partner, subject] = self._moved[partner, subject] = place[2]
        return True

    def count_refusal(self, partner: str, reason: str) -> None:
        """Count what could not be kept."""
        sql = "INSERT INTO refusals VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET number = number + 1"
        self._con.execute(sql, (partner, reason))
