"""What streets send back, in `access.sqlite`: its state with an audit row in one transaction, its content sealed.

One key a return, in the vault. The content goes some time after the return was settled, and its key with it, in every
backup; that it was sent and what became of it stays.
"""

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.model.returning import Return, ReturnKind, ReturnState, Said, lapse, move, refuse_bad_return
from hubtwin.stores.access_rows import AccessRows, Session, narrowed
from hubtwin.stores.audit import ACCESS_FILE, Audit, Note
from hubtwin.stores.batch_keys import Keys

KEPT_DAYS = 30  # ours: who sent it reads the answer in that time
_NONCE = 12  # bytes, NIST SP 800-38D
_RETURN = (
    "return_id, kind, dataset, agency, street, sent_by, sent_min, due_min, row_no, column_name, state,"
    " answered_by, answered_min, answer"
)
_KINDS: Mapping[ReturnState, str] = {
    ReturnState.ACCEPTED: "ReturnAccepted",
    ReturnState.APPLIED: "ReturnApplied",
    ReturnState.REFUSED: "ReturnRefused",
    ReturnState.WITHDRAWN: "ReturnWithdrawn",
}


class Returns:
    """The returns of one store directory. Its minutes are those of the real clock."""

    def __init__(self, database: AccessRows, audit: Audit, keys: Keys, *, clock: Clock) -> None:
        """Take the open `access.sqlite`, the audit in it, and the keys of the vault."""
        self._database, self._audit, self._keys, self._clock = database, audit, keys, clock

    def send(self, one: Return, said: Said, *, key: str) -> Return:
        """Store what is sent back, once by its key; return it with its id. Raises Malformed, Retry."""
        refuse_bad_return(one, said)
        known = self._database.all("SELECT return_id FROM returns WHERE send_key = ?", key)
        if known:
            return self.get(str(known[0][0]))
        made = replace(one, return_id=secrets.token_hex(8), sent_min=self._now_min(), state=ReturnState.SENT)
        key_id, secret = self._keys.make()
        told = json.dumps({"values": dict(said.values), "reason": said.reason.strip()}, ensure_ascii=False)
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + AESGCM(secret).encrypt(nonce, told.encode(), made.return_id.encode())
        with self._database.transaction() as con:
            known = con.execute("SELECT return_id FROM returns WHERE send_key = ?", (key,)).fetchall()
            if not known:
                values = (*_values(made), None, key, key_id, sealed)
                con.execute(f"INSERT INTO returns VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
                self._note(con, "ReturnSent", made.sent_by, made)
                failpoint("returns.sent")
        if known:  # sent twice at once: the first one stands
            self._keys.destroy([key_id])
            return self.get(str(known[0][0]))
        return made

    def settle(self, return_id: str, to: ReturnState, *, by: str, answer: str = "") -> Return:
        """Move a return on, with its audit row. Raises Denied, Malformed, Absent as `model.returning.move`."""
        with self._database.transaction() as con:
            row = con.execute(f"SELECT {_RETURN} FROM returns WHERE return_id = ?", (return_id,)).fetchone()  # noqa: S608
            if row is None:
                raise Absent("stores.no_return", number=return_id)
            moved = move(_return(row), to, by=by, at_min=self._now_min(), answer=answer)
            con.execute(
                "UPDATE returns SET state = ?, answered_by = ?, answered_min = ?, answer = ? WHERE return_id = ?",
                (moved.state.value, moved.answered_by, moved.answered_min, moved.answer, return_id),
            )
            self._note(con, _KINDS[to], by, moved)
            failpoint("returns.settled")
        return moved

    def get(self, return_id: str) -> Return:
        """Return one. Raises Absent."""
        found = self._database.all(f"SELECT {_RETURN} FROM returns WHERE return_id = ?", return_id)  # noqa: S608
        if not found:
            raise Absent("stores.no_return", number=return_id)
        return _return(found[0])

    def list_returns(
        self, *, agency: str = "", dataset: str = "", state: ReturnState | None = None, limit: int = 500
    ) -> list[Return]:
        """Return the newest; what is not given does not narrow."""
        wanted = {"agency = ?": agency or None, "dataset = ?": dataset or None, "state = ?": state and state.value}
        where, given = narrowed(wanted)
        sql = f"SELECT {_RETURN} FROM returns WHERE {where} ORDER BY sent_min DESC, return_id LIMIT ?"  # noqa: S608
        return [_return(row) for row in self._database.all(sql, *given, limit)]

    def list_seen(self, agency: str, answers: Sequence[str], *, limit: int = 1_000) -> list[Return]:
        """Return the newest that an agency sent, or that are about datasets it answers for; it can see no others."""
        sql = (
            f"SELECT {_RETURN} FROM returns WHERE agency = ? OR dataset IN ({', '.join('?' * len(answers)) or 'NULL'})"  # noqa: S608
            " ORDER BY sent_min DESC, return_id LIMIT ?"
        )
        reader = self._database.seen_by(f"agency:{agency}", *(f"dataset:{name}" for name in answers))
        return [_return(row) for row in reader.all(sql, agency, *answers, limit)]

    def read(self, return_id: str) -> Said | None:
        """Return what was said; None where it was destroyed. Raises Absent, Malformed where it was altered."""
        found = self._database.all("SELECT key_id, sealed FROM returns WHERE return_id = ?", return_id)
        if not found:
            raise Absent("stores.no_return", number=return_id)
        key_id, sealed = found[0]
        secret = self._keys.find(str(key_id)) if isinstance(sealed, bytes) else None
        if secret is None or not isinstance(sealed, bytes):
            return None
        try:
            told = json.loads(AESGCM(secret).decrypt(sealed[:_NONCE], sealed[_NONCE:], return_id.encode()))
        except InvalidTag as error:
            raise Malformed("stores.altered", path=ACCESS_FILE) from error
        return Said(told["values"], told["reason"])

    def escalate(self) -> list[Return]:
        """Write an audit row for each return that nobody answered in time, once; return these."""
        now_min = self._now_min()
        with self._database.transaction() as con:
            sql = (
                f"SELECT {_RETURN} FROM returns WHERE state = 'sent' AND due_min <= ? AND escalated_min IS NULL"  # noqa: S608
                " ORDER BY due_min, return_id"
            )
            late = [_return(row) for row in con.execute(sql, (now_min,)).fetchall()]
            for one in late:
                con.execute("UPDATE returns SET escalated_min = ? WHERE return_id = ?", (now_min, one.return_id))
                self._note(con, "ReturnOverdue", "system", one)
        return late

    def lapse(self, return_id: str, *, by: str) -> Return:
        """Withdraw a return whose row is gone, without the word of who sent it; with its audit row. Raises Denied for
        one that is settled, Absent."""
        with self._database.transaction() as con:
            return self._lapse(con, return_id, by)

    def forget(self, before_min: int) -> int:
        """Destroy what was said in returns settled before a minute; return how many."""
        sql = (
            "SELECT return_id, key_id FROM returns WHERE sealed IS NOT NULL AND"
            " state IN ('applied', 'refused', 'withdrawn') AND coalesce(answered_min, sent_min) < ?"
        )
        found = {str(return_id): str(key_id) for return_id, key_id in self._database.all(sql, before_min)}
        self._destroy(found, "UPDATE returns SET sealed = NULL WHERE return_id = ?")
        return len(found)

    def forget_datasets(self, datasets: Sequence[str], from_min: int, until_min: int, *, by: str) -> int:
        """Destroy what was said about some datasets between two minutes, and the answers; return how many returns said
        something. What is open lapses."""
        found = [row for row in self._saying(datasets) if from_min <= row.sent_min < until_min]
        self._withdraw_and_destroy(found, by)
        return len(found)

    def forget_naming(
        self, datasets: Sequence[str], names: Callable[[Iterable[str]], bool], *, by: str
    ) -> Mapping[str, int]:
        """Destroy what was said about some datasets, and the answers, where `names` tells that a text names somebody;
        return how many returns by dataset. What is open lapses, so that nobody writes it to a shelf any more.

        Raises Malformed where what was said was altered.
        """
        found = [row for row in self._saying(datasets) if names(self._texts(row))]
        self._withdraw_and_destroy(found, by)
        return Counter(row.dataset for row in found)

    def _saying(self, datasets: Sequence[str]) -> list[Return]:
        """Return the returns about some datasets of which any words are left."""
        marks = ", ".join("?" * len(datasets)) or "NULL"
        sql = f"SELECT {_RETURN} FROM returns WHERE dataset IN ({marks}) AND (sealed IS NOT NULL OR answer <> '')"  # noqa: S608
        return [_return(row) for row in self._database.all(sql, *datasets)]

    def _texts(self, one: Return) -> list[str]:
        said = self.read(one.return_id)
        return [one.answer, *((*said.values.values(), said.reason) if said else ())]

    def _withdraw_and_destroy(self, found: Sequence[Return], by: str) -> None:
        """Withdraw what is open first: killed behind that, what is left is found again or goes in its time."""
        with self._database.transaction() as con:
            for one in found:
                with suppress(Denied):  # it has come to its end
                    self._lapse(con, one.return_id, by)
        failpoint("returns.lapsed")
        keys = {one.return_id: self._key_of(one.return_id) for one in found}
        self._destroy(keys, "UPDATE returns SET sealed = NULL, answer = '' WHERE return_id = ?")

    def _key_of(self, return_id: str) -> str:
        return str(self._database.all("SELECT key_id FROM returns WHERE return_id = ?", return_id)[0][0])

    def _destroy(self, keys: Mapping[str, str], sql: str) -> None:
        """Destroy the keys of some returns, then what they sealed; `sql` is done for the id of each."""
        if keys:
            self._keys.destroy([*keys.values()])
            failpoint("returns.keys_gone")
            with self._database.transaction() as con:
                con.executemany(sql, [(return_id,) for return_id in keys])

    def _lapse(self, con: Session, return_id: str, by: str) -> Return:
        row = con.execute(f"SELECT {_RETURN} FROM returns WHERE return_id = ?", (return_id,)).fetchone()  # noqa: S608
        if row is None:
            raise Absent("stores.no_return", number=return_id)
        gone = lapse(_return(row), by=by, at_min=self._now_min())
        con.execute(
            "UPDATE returns SET state = ?, answered_by = ?, answered_min = ? WHERE return_id = ?",
            (gone.state.value, gone.answered_by, gone.answered_min, return_id),
        )
        self._note(con, _KINDS[gone.state], by, gone)
        return gone

    def _note(self, con: Session, kind: str, by: str, one: Return) -> None:
        told = {"return": one.return_id, "kind": one.kind.value, "dataset": one.dataset, "agency": one.agency}
        where = {"row_no": one.row_no, "column": one.column, "due_min": one.due_min}
        self._audit.append_in(con, [Note(kind, by, {**told, **where})])

    def _now_min(self) -> int:
        return epoch_minute(self._clock())


def _values(one: Return) -> tuple[object, ...]:
    return (
        *(one.return_id, one.kind.value, one.dataset, one.agency, one.street, one.sent_by, one.sent_min, one.due_min),
        *(one.row_no, one.column, one.state.value, one.answered_by, one.answered_min, one.answer),
    )


def _return(row: tuple[object, ...]) -> Return:
    told = [str(value) for value in row]
    return Return(
        *(told[0], ReturnKind(told[1]), told[2], told[3], told[4], told[5], int(told[6]), int(told[7])),
        row_no=_number(row[8]),
        column=told[9],
        state=ReturnState(told[10]),
        answered_by=told[11],
        answered_min=_number(row[12]),
        answer=told[13],
    )


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))
