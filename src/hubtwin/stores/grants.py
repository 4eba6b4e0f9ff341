"""Grants, words of a second person, the broken glass and legal holds, as rows of `access.sqlite`.

Each change and the audit row that tells of it are one transaction. Who may ask for what is `rules.permission`'s
to say; here stands only what nobody may do: agree with oneself, review oneself, use a word twice.
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.model.grant import (
    GLASS_MIN,
    VAULT,
    VAULT_FIELDS,
    Grant,
    Purpose,
    Word,
    agree,
    refuse_bad_grant,
    use,
)
from hubtwin.stores.access_rows import AccessRows, Session, narrowed
from hubtwin.stores.audit import Audit, Note

_GRANT = (
    "grant_id, grantee, dataset, columns, purposes, scene, from_min, until_min, issued_by, approved_by, reason,"
    " emergency_id, glass, revoked_min, revoked_by, reviewed_min, reviewed_by"
)
_WORD = "word_id, kind, digest, asked_by, asked_min, lasts_min, reason, agreed_by, agreed_min, used_min"


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: nothing of an emergency is destroyed while it stands."""

    hold_id: str
    emergency_id: str
    reason: str
    set_by: str
    set_min: int
    lifted_by: str = ""
    lifted_min: int | None = None


class Grants:
    """The grants of one store directory; it is the `GrantBook` of `library.grants`."""

    def __init__(self, database: AccessRows, audit: Audit, *, clock: Clock) -> None:
        """Take the open `access.sqlite` and the audit in it."""
        self._database, self._audit, self._clock = database, audit, clock

    def issue(self, grant: Grant) -> str:
        """Store a grant that two people gave to a third; return its id, which is made here.

        Raises Malformed for one that says too little or lasts too long, Denied where two people are not two.
        """
        refuse_bad_grant(grant)
        if grant.glass:
            raise Denied("stores.glass_is_broken_not_given")
        given = replace(grant, grant_id=_new_id(), revoked_min=None, revoked_by="", reviewed_min=None, reviewed_by="")
        with self._database.transaction() as con:
            _put_grant(con, given)
            self._note(con, "GrantIssued", given.issued_by, _described(given))
        return given.grant_id

    def revoke(self, grant_id: str, *, by: str) -> None:
        """End a grant; it binds at the next question. Revoking twice is harmless. Raises Absent."""
        with self._database.transaction() as con:
            grant = _get_grant(con, grant_id)
            if grant.revoked_min is None:
                _put_grant(con, replace(grant, revoked_min=self._now_min(), revoked_by=by))
                self._note(con, "GrantRevoked", by, {"grant": grant_id, "grantee": grant.grantee})

    def revoke_emergency(self, emergency_id: str, *, by: str) -> int:
        """End every grant that was given for an emergency; return how many were live."""
        live = [g for g in self.list_all() if g.emergency_id == emergency_id and g.revoked_min is None]
        for grant in live:
            self.revoke(grant.grant_id, by=by)
        return len(live)

    def list_grants(self, grantee: str) -> list[Grant]:
        """Return every grant of somebody, those that are over as well."""
        sql = f"SELECT {_GRANT} FROM grants WHERE grantee = ? ORDER BY from_min, grant_id"  # noqa: S608
        return [_grant(row) for row in self._database.seen_by(grantee).all(sql, grantee)]

    def list_all(self) -> list[Grant]:
        """Return every grant, oldest first."""
        return [_grant(row) for row in self._database.all(f"SELECT {_GRANT} FROM grants ORDER BY from_min, grant_id")]  # noqa: S608

    def break_glass(self, by: str, scene: str, purposes: Iterable[Purpose], *, reason: str) -> Grant:
        """Take all fields of the vault for 15 minutes without anybody's word; it ends by itself.

        Somebody else must review it within 24 hours. Raises Malformed without a reason.
        """
        now_min = self._now_min()
        grant = Grant(
            _new_id(),
            by,
            VAULT,
            frozenset(VAULT_FIELDS),
            frozenset(purposes),
            scene,
            from_min=now_min,
            until_min=now_min + GLASS_MIN,
            issued_by=by,
            approved_by="",
            reason=reason.strip(),
            glass=True,
        )
        refuse_bad_grant(grant)
        with self._database.transaction() as con:
            _put_grant(con, grant)
            self._note(con, "GlassBroken", by, {**_described(grant), "reason": grant.reason})
        return grant

    def review(self, grant_id: str, *, by: str, justified: bool, note: str) -> None:
        """Write down what somebody else thinks of a broken glass. Raises Denied for oneself, Malformed, Absent."""
        if not note.strip():
            raise Malformed("stores.review_without_note")
        with self._database.transaction() as con:
            grant = _get_grant(con, grant_id)
            if not grant.glass or grant.reviewed_min is not None:
                raise Denied("stores.nothing_to_review", grant=grant_id)
            if by == grant.grantee:
                raise Denied("stores.review_of_oneself")
            _put_grant(con, replace(grant, reviewed_min=self._now_min(), reviewed_by=by))
            told = {"grant": grant_id, "grantee": grant.grantee, "justified": justified, "note": note.strip()}
            self._note(con, "GlassReviewed", by, told)

    def list_unreviewed(self) -> list[Grant]:
        """Return broken glasses that nobody has reviewed yet, oldest first."""
        sql = f"SELECT {_GRANT} FROM grants WHERE glass = 1 AND reviewed_min IS NULL ORDER BY from_min, grant_id"  # noqa: S608
        return [_grant(row) for row in self._database.all(sql)]

    def alarm_overdue(self) -> list[Grant]:
        """Write an alarm row for each broken glass that nobody reviewed within a day, once; return these."""
        now_min, alarmed = self._now_min(), []
        with self._database.transaction() as con:
            sql = f"SELECT {_GRANT} FROM grants WHERE glass = 1 AND reviewed_min IS NULL AND alarmed_min IS NULL"  # noqa: S608
            for grant in [_grant(row) for row in con.execute(sql).fetchall()]:
                due_min = grant.review_due_min()
                if due_min is not None and due_min <= now_min:
                    con.execute("UPDATE grants SET alarmed_min = ? WHERE grant_id = ?", (now_min, grant.grant_id))
                    told = {"grant": grant.grant_id, "grantee": grant.grantee, "due_min": due_min}
                    self._note(con, "ReviewOverdue", "system", told)
                    alarmed.append(grant)
        return alarmed

    def ask_word(self, kind: str, digest: str, *, by: str, reason: str, lasts_min: int = GLASS_MIN) -> str:
        """Ask for the word of a second person; return its id. Raises Malformed without a reason."""
        if not reason.strip():
            raise Malformed("model.grant_without_reason")
        word = Word(_new_id(), kind, digest, by, self._now_min(), lasts_min, reason.strip())
        with self._database.transaction() as con:
            _put_word(con, word)
            self._note(con, "WordAsked", by, {"word": word.word_id, "kind": kind, "reason": word.reason})
        return word.word_id

    def give_word(self, word_id: str, *, by: str) -> Word:
        """Agree as the second person. Raises Denied (oneself, too late, twice), Absent."""
        with self._database.transaction() as con:
            word = agree(_get_word(con, word_id), by, self._now_min())
            _put_word(con, word)
            self._note(con, "WordGiven", by, {"word": word_id, "kind": word.kind, "asked_by": word.asked_by})
        return word

    def use_word(self, word_id: str, kind: str, digest: str, by: str) -> str:
        """Use up the word of a second person; return who gave it. Raises Denied, Absent."""
        with self._database.transaction() as con:
            word = use(_get_word(con, word_id), kind, digest, by, self._now_min())
            _put_word(con, word)
        return word.agreed_by

    def list_words(self) -> list[Word]:
        """Return what waits for a second person and is not too late, oldest first."""
        sql = f"SELECT {_WORD} FROM words WHERE agreed_min IS NULL AND asked_min + lasts_min > ? ORDER BY asked_min"  # noqa: S608
        return [_word(row) for row in self._database.all(sql, self._now_min())]

    def set_hold(self, emergency_id: str, *, by: str, reason: str) -> str:
        """Let nothing of an emergency be destroyed until the hold is lifted; return its id. Raises Malformed."""
        if not reason.strip():
            raise Malformed("model.grant_without_reason")
        hold_id = _new_id()
        with self._database.transaction() as con:
            values = (hold_id, emergency_id, reason.strip(), by, self._now_min())
            con.execute("INSERT INTO holds VALUES (?, ?, ?, ?, ?, '', NULL)", values)
            self._note(con, "HoldSet", by, {"hold": hold_id, "emergency": emergency_id, "reason": reason.strip()})
        return hold_id

    def lift_hold(self, hold_id: str, *, by: str) -> None:
        """Lift a hold. Raises Absent where none of that id stands."""
        with self._database.transaction() as con:
            sql = "UPDATE holds SET lifted_by = ?, lifted_min = ? WHERE hold_id = ? AND lifted_min IS NULL"
            if con.execute(sql, (by, self._now_min(), hold_id)).rowcount == 0:
                raise Absent("stores.no_hold", hold=hold_id)
            self._note(con, "HoldLifted", by, {"hold": hold_id})

    def list_holds(self, emergency_id: str | None = None) -> list[Hold]:
        """Return the holds that stand, of one emergency or of all."""
        where, values = narrowed({"emergency_id = ?": emergency_id})
        found = self._database.all(
            "SELECT hold_id, emergency_id, reason, set_by, set_min FROM holds"  # noqa: S608
            f" WHERE lifted_min IS NULL AND {where} ORDER BY set_min, hold_id",
            *values,
        )
        return [Hold(str(a), str(b), str(c), str(d), int(str(e))) for a, b, c, d, e in found]

    def _note(self, con: Session, kind: str, by: str, payload: Mapping[str, object]) -> None:
        self._audit.append_in(con, [Note(kind, by, payload)])

    def _now_min(self) -> int:
        return epoch_minute(self._clock())


def _new_id() -> str:
    return secrets.token_hex(8)


def _described(grant: Grant) -> dict[str, object]:
    return {
        "grant": grant.grant_id,
        "grantee": grant.grantee,
        "dataset": grant.dataset,
        "columns": sorted(grant.columns),
        "purposes": sorted(grant.purposes),
        "until_min": grant.until_min,
        "approved_by": grant.approved_by,
    }


def _get_grant(con: Session, grant_id: str) -> Grant:
    row = con.execute(f"SELECT {_GRANT} FROM grants WHERE grant_id = ?", (grant_id,)).fetchone()  # noqa: S608
    if row is None:
        raise Absent("stores.no_grant", grant=grant_id)
    return _grant(row)


def _put_grant(con: Session, grant: Grant) -> None:
    columns, purposes = json.dumps(sorted(grant.columns)), json.dumps(sorted(grant.purposes))
    con.execute(
        f"INSERT INTO grants ({_GRANT}) VALUES ({', '.join('?' * 17)}) ON CONFLICT (grant_id) DO UPDATE SET"  # noqa: S608
        " revoked_min = excluded.revoked_min, revoked_by = excluded.revoked_by,"
        " reviewed_min = excluded.reviewed_min, reviewed_by = excluded.reviewed_by",
        (
            *(grant.grant_id, grant.grantee, grant.dataset, columns, purposes, grant.scene),
            *(grant.from_min, grant.until_min, grant.issued_by, grant.approved_by, grant.reason),
            *(grant.emergency_id, int(grant.glass), grant.revoked_min, grant.revoked_by),
            *(grant.reviewed_min, grant.reviewed_by),
        ),
    )


def _grant(row: Sequence[object]) -> Grant:
    grant_id, grantee, dataset, columns, purposes, scene = map(str, row[:6])
    issued_by, approved_by, reason, emergency_id = map(str, row[8:12])
    return Grant(
        grant_id,
        grantee,
        dataset,
        frozenset(json.loads(columns)),
        frozenset(map(Purpose, json.loads(purposes))),
        scene,
        from_min=int(str(row[6])),
        until_min=int(str(row[7])),
        issued_by=issued_by,
        approved_by=approved_by,
        reason=reason,
        emergency_id=emergency_id,
        glass=row[12] == 1,
        revoked_min=_minute(row[13]),
        revoked_by=str(row[14]),
        reviewed_min=_minute(row[15]),
        reviewed_by=str(row[16]),
    )


def _get_word(con: Session, word_id: str) -> Word:
    row = con.execute(f"SELECT {_WORD} FROM words WHERE word_id = ?", (word_id,)).fetchone()  # noqa: S608
    if row is None:
        raise Absent("stores.no_word", word=word_id)
    return _word(row)


def _put_word(con: Session, word: Word) -> None:
    con.execute(
        f"INSERT INTO words ({_WORD}) VALUES ({', '.join('?' * 10)}) ON CONFLICT (word_id) DO UPDATE SET"  # noqa: S608
        " agreed_by = excluded.agreed_by, agreed_min = excluded.agreed_min, used_min = excluded.used_min",
        (
            *(word.word_id, word.kind, word.digest, word.asked_by, word.asked_min, word.lasts_min, word.reason),
            *(word.agreed_by, word.agreed_min, word.used_min),
        ),
    )


def _word(row: Sequence[object]) -> Word:
    word_id, kind, digest, asked_by = map(str, row[:4])
    return Word(
        *(word_id, kind, digest, asked_by, int(str(row[4])), int(str(row[5])), str(row[6])),
        *(str(row[7]), _minute(row[8]), _minute(row[9])),
    )


def _minute(value: object) -> int | None:
    return None if value is None else int(str(value))
