"""Accounts, sessions and identities: who is at the page.

Passwords are argon2id hashes that carry their own parameters; a sign-in under older parameters is hashed anew.
A session is a random token of 256 bits of which only the SHA-256 is stored. Failed tries are counted by the name
that was typed, whether anybody has it or not, so that neither answers nor waits tell which names exist.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.model.agency import ROLE_AGENCIES, SYSTEM_ID, Agency, AgencyKind, Person, Role, conflicting
from hubtwin.stores.access_rows import AccessRows, Outcome, Session
from hubtwin.stores.audit import Audit, Note

PARAMETERS = RFC_9106_LOW_MEMORY  # RFC 9106 section 4, second recommended option: 3 passes, 64 MiB, 4 lanes
# Of a password that was thrown away: a name that nobody has is checked against it, and takes as long as one that
# somebody has. Making one anew would cost every command that opens the accounts a tenth of a second.
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$5czNrszvpa8+v9LVNfb4Rg$JX3NrAzhB/JYSkoq6YZgM9P5xRaycjU7FJcLQ7kWZxs"
FREE_TRIES = 5  # NIST SP 800-63B 5.2.2 allows up to 100; each further one doubles the wait
LONGEST_LOCK_MIN = 60
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256  # more than anybody types; argon2 would hash megabytes
TOKEN_BYTES = 32
_FORGET_TRIES_MIN = 24 * 60
_PERSON = "a.user_id, a.name, a.agency_id, g.kind, a.roles, a.scenes, a.team, a.lang"
_FROM = "FROM accounts a JOIN agencies g USING (agency_id)"


@dataclass(frozen=True, slots=True)
class SessionRules:
    """Minutes: a session ends after `idle_min` without a request, and `longest_min` after its start (a shift)."""

    idle_min: int = 30
    longest_min: int = 12 * 60


class Accounts:
    """The accounts of one store directory."""

    def __init__(
        self,
        database: AccessRows,
        audit: Audit,
        *,
        clock: Clock,
        hasher: PasswordHasher | None = None,
        rules: SessionRules = SessionRules(),
    ) -> None:
        """Take the open `access.sqlite` and the audit in it. `hasher` has its own parameters for tests only."""
        self._database, self._audit, self._clock, self._rules = database, audit, clock, rules
        self._hasher = hasher or PasswordHasher.from_parameters(PARAMETERS)
        self._nobody = NOBODY if hasher is None else hasher.hash(secrets.token_urlsafe(TOKEN_BYTES))

    def add_agency(self, agency: Agency) -> None:
        """Add or rename an agency."""
        with self._database.transaction() as con:
            values = (agency.agency_id, agency.kind.value, agency.zh, agency.en)
            con.execute(
                "INSERT INTO agencies VALUES (?, ?, ?, ?) ON CONFLICT (agency_id) DO UPDATE SET"
                " kind = excluded.kind, zh = excluded.zh, en = excluded.en",
                values,
            )

    def list_agencies(self) -> list[Agency]:
        """Return all agencies by id."""
        found = self._database.all("SELECT agency_id, kind, zh, en FROM agencies ORDER BY agency_id")
        return [Agency(str(id_), AgencyKind(str(kind)), str(zh), str(en)) for id_, kind, zh, en in found]

    def create(self, person: Person, password: str | None, *, by: str) -> None:
        """Make an account; without a password its person can only come through an identity.

        Raises Denied where the id is taken or roles conflict, Malformed for a role that the agency cannot hold.
        """
        self._refuse(person)
        hashed = None if password is None else self._hash(password)
        with self._database.transaction() as con:
            if con.execute("SELECT 1 FROM accounts WHERE user_id = ?", (person.user_id,)).fetchone():
                raise Denied("stores.account_taken", user=person.user_id)
            now_min = self._now_min()
            values = (*_columns(person), hashed, now_min, now_min if hashed else None)
            con.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)", values)
            self._note(con, "AccountCreated", by, _described(person))

    def change(self, person: Person, *, by: str) -> None:
        """Change what a person is and may; it binds at the next request of running sessions. Raises as `create`."""
        self._refuse(person)
        with self._database.transaction() as con:
            user_id, *values = _columns(person)
            sql = "UPDATE accounts SET name = ?, agency_id = ?, roles = ?, scenes = ?, team = ?, lang = ?"
            _expect(con.execute(f"{sql} WHERE user_id = ?", (*values, user_id)), person.user_id)
            self._note(con, "AccountChanged", by, _described(person))

    def disable(self, user_id: str, *, by: str) -> None:
        """End all sessions of an account and let it begin no other. Raises Absent."""
        with self._database.transaction() as con:
            done = con.execute("UPDATE accounts SET disabled_min = ? WHERE user_id = ?", (self._now_min(), user_id))
            _expect(done, user_id)
            con.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,))
            self._note(con, "AccountDisabled", by, {"user": user_id})

    def set_password(self, user_id: str, password: str, *, by: str) -> None:
        """Set a password, which ends all sessions of the account and any lock. Raises Absent, Malformed (weak)."""
        hashed = self._hash(password)
        with self._database.transaction() as con:
            sql = "UPDATE accounts SET password = ?, password_min = ? WHERE user_id = ?"
            _expect(con.execute(sql, (hashed, self._now_min(), user_id)), user_id)
            con.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,))
            con.execute("DELETE FROM tries WHERE name_hash = ?", (_hash(user_id),))
            self._note(con, "PasswordSet", by, {"user": user_id})

    def sign_in(self, user_id: str, password: str) -> tuple[str, Person]:
        """Begin a session; return its token, which is stored nowhere, and its person.

        Raises Denied: the same words for a wrong name, a wrong password and a disabled account, and a waiting time
        after too many tries.
        """
        self._count_try(user_id)
        found = self._database.all("SELECT password FROM accounts WHERE user_id = ? AND disabled_min IS NULL", user_id)
        stored = str(found[0][0]) if found and found[0][0] is not None else None
        if not self._is_right(stored or self._nobody, password) or stored is None:
            raise Denied("stores.sign_in_failed")
        again = self._hasher.hash(password) if self._hasher.check_needs_rehash(stored) else stored
        with self._database.transaction() as con:
            if again != stored:
                sql = "UPDATE accounts SET password = ? WHERE user_id = ? AND password = ?"
                con.execute(sql, (again, user_id, stored))
            con.execute("DELETE FROM tries WHERE name_hash = ?", (_hash(user_id),))
            return self._begin(con, user_id, None)

    def link(self, user_id: str, issuer: str, subject: str, *, by: str) -> None:
        """Let a person come through an OIDC issuer as well. Raises Denied where the subject is somebody else's."""
        with self._database.transaction() as con:
            sql = "SELECT user_id FROM identities WHERE issuer = ? AND subject = ?"
            row = con.execute(sql, (issuer, subject)).fetchone()
            if row is not None and row[0] != user_id:
                raise Denied("stores.identity_taken", issuer=issuer)
            if not con.execute("SELECT 1 FROM accounts WHERE user_id = ?", (user_id,)).fetchone():
                raise Absent("stores.no_account", user=user_id)
            if row is None:
                values = (issuer, subject, user_id, self._now_min())
                con.execute("INSERT INTO identities VALUES (?, ?, ?, ?)", values)
                self._note(con, "IdentityLinked", by, {"user": user_id, "issuer": issuer})

    def unlink(self, issuer: str, subject: str, *, by: str) -> None:
        """Take an identity away, with the sessions that began through it. Raises Absent."""
        with self._database.transaction() as con:
            sql = "DELETE FROM identities WHERE issuer = ? AND subject = ? RETURNING user_id"
            row = con.execute(sql, (issuer, subject)).fetchone()
            if row is None:
                raise Absent("stores.no_identity", issuer=issuer)
            con.execute("DELETE FROM sessions WHERE user_id = ? AND subject = ?", (row[0], subject))
            self._note(con, "IdentityUnlinked", by, {"user": row[0], "issuer": issuer})

    def sign_in_as(self, issuer: str, subject: str) -> tuple[str, Person]:
        """Begin a session for an identity whose token the caller has verified. Raises Denied where it is nobody's."""
        with self._database.transaction() as con:
            row = con.execute(
                "SELECT user_id FROM identities JOIN accounts USING (user_id)"
                " WHERE issuer = ? AND subject = ? AND disabled_min IS NULL",
                (issuer, subject),
            ).fetchone()
            if row is None:
                raise Denied("stores.identity_unknown", issuer=issuer)
            return self._begin(con, str(row[0]), subject)

    def find_session(self, token: str) -> Person | None:
        """Return the person of a session as the person is now, and keep it alive; None once it is over."""
        now_min, digest = self._now_min(), _hash(token)
        found = self._database.all(
            f"SELECT {_PERSON}, s.subject, s.seen_min {_FROM} JOIN sessions s USING (user_id)"
            " WHERE s.token_hash = ? AND a.disabled_min IS NULL AND s.expires_min > ? AND s.seen_min > ?",
            *(digest, now_min, now_min - self._rules.idle_min),
        )
        if not found:
            return None
        *columns, subject, seen_min = found[0]
        if seen_min != now_min:  # one write a minute, however many requests
            with self._database.transaction() as con:
                con.execute("UPDATE sessions SET seen_min = ? WHERE token_hash = ?", (now_min, digest))
        return replace(_person(columns), subject=None if subject is None else str(subject))

    def get_session(self, token: str) -> Person:
        """Return the person of a live session. Raises Denied."""
        if (person := self.find_session(token)) is None:
            raise Denied("stores.session_over")
        return person

    def sign_out(self, token: str) -> None:
        """End a session; ending it twice is harmless."""
        with self._database.transaction() as con:
            row = con.execute("DELETE FROM sessions WHERE token_hash = ? RETURNING user_id", (_hash(token),)).fetchone()
            if row is not None:
                self._note(con, "SignedOut", str(row[0]), {})

    def revoke_sessions(self, user_id: str, *, by: str) -> int:
        """End all sessions of a person; return how many."""
        with self._database.transaction() as con:
            count = con.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,)).rowcount
            self._note(con, "SessionsRevoked", by, {"user": user_id, "sessions": count})
            return int(count)

    def sweep(self) -> int:
        """Delete sessions that are over and tries of yesterday; return how many."""
        now_min = self._now_min()
        with self._database.transaction() as con:
            values = (now_min, now_min - self._rules.idle_min)
            over = con.execute("DELETE FROM sessions WHERE expires_min <= ? OR seen_min <= ?", values).rowcount
            tries = con.execute("DELETE FROM tries WHERE last_min < ?", (now_min - _FORGET_TRIES_MIN,)).rowcount
            return over + tries

    def get_person(self, user_id: str) -> Person:
        """Return a person whose account is not disabled. Raises Absent."""
        sql = f"SELECT {_PERSON} {_FROM} WHERE a.user_id = ? AND a.disabled_min IS NULL"
        if not (found := self._database.all(sql, user_id)):
            raise Absent("stores.no_account", user=user_id)
        return _person(found[0])

    def list_people(self) -> list[Person]:
        """Return everybody whose account is not disabled, by id."""
        sql = f"SELECT {_PERSON} {_FROM} WHERE a.disabled_min IS NULL ORDER BY a.user_id"
        return [_person(row) for row in self._database.all(sql)]

    def _begin(self, con: Session, user_id: str, subject: str | None) -> tuple[str, Person]:
        token, now_min = secrets.token_urlsafe(TOKEN_BYTES), self._now_min()
        values = (_hash(token), user_id, subject, now_min, now_min, now_min + self._rules.longest_min)
        con.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", values)
        self._note(con, "SignedIn", user_id, {"by": "password" if subject is None else "identity"})
        row = con.execute(f"SELECT {_PERSON} {_FROM} WHERE a.user_id = ?", (user_id,)).fetchone()
        return token, replace(_person(row), subject=subject)

    def _count_try(self, user_id: str) -> None:
        """Count a try before the password is looked at: many at once count as many. A right one clears the count."""
        now_min, digest = self._now_min(), _hash(user_id)
        with self._database.transaction() as con:
            sql = "SELECT failed, last_min, locked_until_min FROM tries WHERE name_hash = ?"
            failed, last_min, until_min = con.execute(sql, (digest,)).fetchone() or (0, now_min, 0)
            if now_min < until_min:
                raise Denied("stores.locked_out", minutes=until_min - now_min)
            failed = 1 if last_min < now_min - _FORGET_TRIES_MIN else failed + 1
            until_min = now_min + lock_min(failed)
            values = (digest, failed, now_min, until_min)
            con.execute(
                "INSERT INTO tries VALUES (?, ?, ?, ?) ON CONFLICT (name_hash) DO UPDATE SET failed = excluded.failed,"
                " last_min = excluded.last_min, locked_until_min = excluded.locked_until_min",
                values,
            )
            known = con.execute("SELECT 1 FROM accounts WHERE user_id = ?", (user_id,)).fetchone()
            if until_min > now_min and known:  # what was typed may be a password: an unknown name is not written down
                self._note(con, "LockedOut", "system", {"user": user_id, "failed": failed})

    def _is_right(self, hashed: str, password: str) -> bool:
        try:
            return len(password) <= LONGEST_PASSWORD and self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    def _hash(self, password: str) -> str:
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise Malformed("stores.weak_password", shortest=SHORTEST_PASSWORD, longest=LONGEST_PASSWORD)
        return self._hasher.hash(password)

    def _refuse(self, person: Person) -> None:
        if not person.user_id.strip() or person.user_id == SYSTEM_ID or ":" in person.user_id:
            raise Malformed("stores.bad_user_id", user=person.user_id or "-")
        if conflicting(person.roles):
            raise Denied("stores.roles_conflict", roles=", ".join(sorted(person.roles)))
        kinds = {agency.agency_id: agency.kind for agency in self.list_agencies()}
        if kinds.get(person.agency) is not person.agency_kind:
            raise Absent("stores.no_agency", agency=person.agency)
        wrong = sorted(role for role in person.roles if person.agency_kind not in ROLE_AGENCIES[role])
        if wrong:
            raise Malformed("stores.role_not_here", roles=", ".join(wrong), agency=person.agency)

    def _note(self, con: Session, kind: str, by: str, payload: Mapping[str, object]) -> None:
        self._audit.append_in(con, [Note(kind, by, payload)])

    def _now_min(self) -> int:
        return epoch_minute(self._clock())


def lock_min(failed: int) -> int:
    """Return how many minutes an account is locked after so many tries in a row: 0 for five, then 1, 2, 4 ... 60."""
    return 0 if failed <= FREE_TRIES else min(2 ** min(failed - FREE_TRIES - 1, 16), LONGEST_LOCK_MIN)


def _hash(content: str) -> bytes:
    return hashlib.sha256(content.encode()).digest()


def _expect(done: Outcome, user_id: str) -> None:
    if done.rowcount == 0:
        raise Absent("stores.no_account", user=user_id)


def _columns(person: Person) -> tuple[str, ...]:
    roles, scenes = (json.dumps(sorted(values)) for values in (person.roles, person.scenes))
    return person.user_id, person.name, person.agency, roles, scenes, person.team, person.lang


def _described(person: Person) -> Mapping[str, object]:
    what = {"user": person.user_id, "agency": person.agency, "team": person.team}
    return {**what, "roles": sorted(person.roles), "scenes": sorted(person.scenes)}


def _person(row: tuple[object, ...] | list[object]) -> Person:
    user_id, name, agency, kind, roles, scenes, team, lang = map(str, row)
    held, seen = frozenset(map(Role, json.loads(roles))), frozenset(json.loads(scenes))
    return Person(user_id, name, agency, AgencyKind(kind), held, seen, team, lang)
