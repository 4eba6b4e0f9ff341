"""Links for partners without an account, and the answers of partners, as rows of `access.sqlite`.

A link is 256 random bits of which only the hash is kept, so that what stands here opens nothing. An answer is stored
with the row of the audit that tells of it; the ledger gets its event after that, and what a kill parted is made good.
"""

import secrets
from collections.abc import Iterable, Sequence
from hashlib import sha256
from hmac import compare_digest

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Malformed
from hubtwin.model.partner import Answer, Link, Said
from hubtwin.rules.answers import LONGEST_LINK_MIN, is_repeated, refuse_answer
from hubtwin.rules.retention import Kept
from hubtwin.stores.access_rows import AccessRows, Session, narrowed, plain_bytes
from hubtwin.stores.audit import Audit, Note
from hubtwin.stores.deletion import enter

TOKEN_BYTES, TOKEN_CHARS = 32, 43
KEPT_KIND = "partner_answer"  # links and answers of one message, in the register of what is kept
_LINK = "link_id, partner, message_id, made_by, made_min, expires_min, revoked_min, revoked_by, opened, opened_min"
_ANSWER = "partner, message_id, subject, said, at_min, through, by, note, expected_min"


class Liaison:
    """The links and answers of one store directory. Links live by its clock, which is the real one."""

    def __init__(self, database: AccessRows, audit: Audit, *, clock: Clock) -> None:
        """Take the open `access.sqlite` and the audit in it."""
        self._database, self._audit, self._clock = database, audit, clock

    def issue(self, partner: str, message_id: str, *, by: str, lasts_min: int, kept: Kept) -> tuple[str, Link]:
        """Make a link to a message; return its token, which nobody can read again, and the link.

        `kept` is how the register holds what is known of the message. Raises Malformed.
        """
        if not 0 < lasts_min <= LONGEST_LINK_MIN:
            raise Malformed("stores.link_too_long", hours=LONGEST_LINK_MIN // 60)
        token, now_min = secrets.token_urlsafe(TOKEN_BYTES), self._now_min()
        link = Link(secrets.token_hex(8), partner, message_id, by, now_min, now_min + lasts_min)
        with self._database.transaction() as con:
            con.execute(
                f"INSERT INTO links (token_hash, {_LINK}) VALUES ({', '.join('?' * 11)})",  # noqa: S608
                (
                    *(_hash(token), link.link_id, partner, message_id, by, now_min, link.expires_min),
                    *(link.revoked_min, link.revoked_by, link.opened, link.opened_min),
                ),
            )
            enter(con, [kept])
            told = {"link": link.link_id, "partner": partner, "message": message_id, "until_min": link.expires_min}
            self._audit.append_in(con, [Note("LinkIssued", by, told)])
        return token, link

    def find(self, token: str) -> Link | None:
        """Return the link that a token opens, or once opened; None for a token of nobody."""
        if len(token) != TOKEN_CHARS or not token.isascii():
            return None
        digest = _hash(token)
        sql = f"SELECT token_hash, {_LINK} FROM links WHERE token_hash = ?"  # noqa: S608
        rows = self._database.all(sql, digest)
        if not rows or not compare_digest(digest, plain_bytes(rows[0][0])):
            return None
        return _link(rows[0][1:])

    def note_opened(self, link: Link) -> None:
        """Count that a link was opened, and write it into the audit."""
        with self._database.transaction() as con:
            sql = "UPDATE links SET opened = opened + 1, opened_min = ? WHERE link_id = ?"
            con.execute(sql, (self._now_min(), link.link_id))
            told = {"link": link.link_id, "partner": link.partner, "message": link.message_id}
            self._audit.append_in(con, [Note("LinkOpened", party(link.partner), told)])

    def revoke(self, link_id: str, *, by: str) -> Link:
        """End a link; ending it twice is harmless. Raises Absent."""
        with self._database.transaction() as con:
            sql = "UPDATE links SET revoked_min = ?, revoked_by = ? WHERE link_id = ? AND revoked_min IS NULL"
            changed = con.execute(sql, (self._now_min(), by, link_id)).rowcount
            row = con.execute(f"SELECT {_LINK} FROM links WHERE link_id = ?", (link_id,)).fetchone()  # noqa: S608
            if row is None:
                raise Absent("stores.no_link", link=link_id)
            link = _link(row)
            if changed:
                told = {"link": link_id, "partner": link.partner, "message": link.message_id}
                self._audit.append_in(con, [Note("LinkRevoked", by, told)])
        return link

    def get_link(self, link_id: str) -> Link:
        """Return a link by its id. Raises Absent."""
        rows = self._database.all(f"SELECT {_LINK} FROM links WHERE link_id = ?", link_id)  # noqa: S608
        if not rows:
            raise Absent("stores.no_link", link=link_id)
        return _link(rows[0])

    def list_links(self, partner: str | None = None, message_id: str | None = None) -> list[Link]:
        """Return links, the oldest first: those of a partner, of a message, or all."""
        where, values = narrowed({"partner = ?": partner, "message_id = ?": message_id})
        sql = f"SELECT {_LINK} FROM links WHERE {where} ORDER BY made_min, rowid"  # noqa: S608
        return [_link(row) for row in self._database.all(sql, *values)]

    def add(self, answer: Answer, key: str, kept: Kept) -> Answer:
        """Store an answer once by its key; return it, or what stands for it.

        One that says what the newest one says already is that one. `kept` is as in `issue`. Raises Denied (not now),
        Malformed as `refuse_answer`.
        """
        with self._database.transaction() as con:
            known = con.execute(f"SELECT {_ANSWER} FROM answers WHERE key = ?", (key,)).fetchone()  # noqa: S608
            if known:
                return _answer(known)
            before = _newest(con, answer.partner, answer.message_id)
            if before is not None and is_repeated(before, answer):
                return before
            refuse_answer(before, answer)
            con.execute(
                f"INSERT INTO answers (key, {_ANSWER}) VALUES ({', '.join('?' * 10)})",  # noqa: S608
                (
                    *(key, answer.partner, answer.message_id, answer.subject, answer.said.value, answer.at_min),
                    *(answer.through, answer.by, answer.note, answer.expected_min),
                ),
            )
            enter(con, [kept])
            told = {"partner": answer.partner, "message": answer.message_id, "said": answer.said.value}
            self._audit.append_in(con, [Note("PartnerAnswered", party(answer.partner), told)])
        return answer

    def list_answers(
        self, partner: str | None = None, message_id: str | None = None, subject: str | None = None
    ) -> list[Answer]:
        """Return answers, the oldest first: those of a partner, to a message, about a case, or all."""
        where, values = narrowed({"partner = ?": partner, "message_id = ?": message_id, "subject = ?": subject})
        sql = f"SELECT {_ANSWER} FROM answers WHERE {where} ORDER BY number"  # noqa: S608
        return [_answer(row) for row in self._database.all(sql, *values)]

    def list_untold(self) -> list[tuple[str, Answer]]:
        """Return key and answer of those whose event the ledger may not have yet, the oldest first."""
        rows = self._database.all(f"SELECT key, {_ANSWER} FROM answers WHERE told = 0 ORDER BY number")  # noqa: S608
        return [(str(row[0]), _answer(row[1:])) for row in rows]

    def mark_told(self, keys: Iterable[str]) -> None:
        """Note that the ledger has the events of some answers."""
        with self._database.transaction() as con:
            con.executemany("UPDATE answers SET told = 1 WHERE key = ?", [(key,) for key in keys])

    def _now_min(self) -> int:
        return epoch_minute(self._clock())


def item_of(partner: str, message_id: str) -> str:
    """Return how the links and answers of a message stand in the register."""
    return f"answer {partner} {message_id}"


def party(partner: str) -> str:
    """Return how a partner stands in the audit, where it is not a person with an account."""
    return f"partner:{partner}"


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _newest(con: Session, partner: str, message_id: str) -> Answer | None:
    sql = f"SELECT {_ANSWER} FROM answers WHERE partner = ? AND message_id = ? ORDER BY number DESC LIMIT 1"  # noqa: S608
    row = con.execute(sql, (partner, message_id)).fetchone()
    return _answer(row) if row else None


def _link(row: Sequence[object]) -> Link:
    link_id, partner, message_id, made_by = map(str, row[:4])
    return Link(
        *(link_id, partner, message_id, made_by, int(str(row[4])), int(str(row[5]))),
        revoked_min=_minute(row[6]),
        revoked_by=str(row[7]),
        opened=int(str(row[8])),
        opened_min=_minute(row[9]),
    )


def _answer(row: Sequence[object]) -> Answer:
    partner, message_id, subject = map(str, row[:3])
    return Answer(
        *(partner, message_id, subject, Said(str(row[3])), int(str(row[4])), str(row[5]), str(row[6]), str(row[7])),
        expected_min=_minute(row[8]),
    )


def _minute(value: object) -> int | None:
    return None if value is None else int(str(value))
