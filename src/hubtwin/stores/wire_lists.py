"""What the pages ask of the books of messages: lists without content, and one message to be read."""

from collections.abc import Sequence
from typing import Any

from hubtwin.model.message import Handling, Head, Incoming, Outgoing, Signed
from hubtwin.stores.sealing import Sealing
from hubtwin.stores.sqlite import Database
from hubtwin.stores.wire_rows import OUTGOING, head_of, waiting_of

_SHOWN = "number, partner, id, subject, digest, state, reason, written_ms, at_ms, content IS NOT NULL"


class WireLists:
    """The part of `Wire` that reads for pages."""

    _database: Database
    _sealing: Sealing
    owner: str

    def list_outgoing(self, partner: str, limit: int, before: int | None = None) -> list[Outgoing]:
        """Return what was written for a partner, newest first, of numbers below `before`."""
        sql = (
            f"SELECT {_SHOWN} FROM outgoing WHERE partner = ?1 AND (?2 IS NULL OR number < ?2)"  # noqa: S608
            " ORDER BY number DESC LIMIT ?3"
        )
        return [_outgoing(row) for row in self._database.all(sql, partner, before, limit)]

    def count_subject(self, partner: str, subject: str) -> dict[str, int]:
        """Return how many messages for a partner about a subject are in which state."""
        sql = "SELECT state, count(*) FROM outgoing WHERE partner = ? AND subject = ? GROUP BY state"
        return {str(state): int(str(number)) for state, number in self._database.all(sql, partner, subject)}

    def list_unsettled(self, partner: str) -> list[str]:
        """Return the subjects of which something waits for a partner, or was handed over without a receipt."""
        sql = "SELECT DISTINCT subject FROM outgoing WHERE partner = ? AND state IN ('waiting', 'handed')"
        return [str(subject) for (subject,) in self._database.all(sql, partner)]

    def find_outgoing(self, partner: str, message_id: str) -> Outgoing | None:
        """Return a message for a partner by its id."""
        sql = f"SELECT {_SHOWN} FROM outgoing WHERE partner = ? AND id = ?"  # noqa: S608
        rows = self._database.all(sql, partner, message_id)
        return _outgoing(rows[0]) if rows else None

    def read_outgoing(self, partner: str, message_id: str) -> bytes | None:
        """Return what a message for a partner says; None where there is none, or it was destroyed. Raises Absent where
        its key was destroyed a moment ago, Malformed where it was altered."""
        sql = f"SELECT {OUTGOING} FROM outgoing WHERE partner = ? AND id = ? AND content IS NOT NULL"  # noqa: S608
        rows = self._database.all(sql, partner, message_id)
        return waiting_of(rows[0], self._sealing.open).signed.content if rows else None

    def list_incoming(self, partner: str, limit: int) -> list[Incoming]:
        """Return what came from a partner, newest first."""
        sql = "SELECT id, subject, state, reason, at_ms FROM incoming WHERE partner = ? ORDER BY at_ms DESC LIMIT ?"
        return [_incoming(row) for row in self._database.all(sql, partner, limit)]

    def list_proofs(self, partner: str) -> list[tuple[str, Head, Signed]]:
        """Return what a partner signed about its log, the oldest first: "head" or "receipt", the head, the bytes."""
        sql = "SELECT kind, content, signature, seq, hash FROM heads WHERE partner = ? ORDER BY seq, at_ms"
        return [
            (str(row[0]), head_of(partner, self.owner, row[3:]), Signed(row[1], str(row[2])))  # type: ignore[arg-type]
            for row in self._database.all(sql, partner)
        ]

    def last_arrived_ms(self, partner: str) -> int | None:
        """Return when a message last arrived at a partner."""
        rows = self._database.all("SELECT max(at_ms) FROM outgoing WHERE partner = ? AND state = 'arrived'", partner)
        return None if rows[0][0] is None else int(str(rows[0][0]))


def _outgoing(row: Sequence[Any]) -> Outgoing:
    number, partner, key, subject, digest, state, reason, written_ms, at_ms, readable = row
    told = (int(number), str(partner), str(key), str(subject), str(digest), str(state), str(reason))
    return Outgoing(*told, int(written_ms), int(at_ms), bool(readable))


def _incoming(row: Sequence[Any]) -> Incoming:
    key, subject, state, reason, at_ms = row
    return Incoming(str(key), str(subject), Handling(state), str(reason), int(at_ms))
