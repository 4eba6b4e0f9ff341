"""The audit: append-only, each row's hash covers the row before, its ends are signed by the hub.

    hash(n) = SHA-256( hash(n-1) | n as 8 bytes | entry(n) as UTF-8 ),  hash(0) = 32 zero bytes

The entry is the whole row as JSON, so a changed, lost, added or moved row breaks the chain; the signed head shows
that rows were cut off its end. Only putting back an older copy of the whole file is not seen from inside: whoever
must see that keeps the head of an earlier export and gives it to `verify`. Entries hold pseudonyms and references
only, so forgetting a person changes no row.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Bug
from hubtwin.rules.quality import Problem
from hubtwin.stores.access_rows import AccessRows, Session, narrowed, plain_bytes
from hubtwin.stores.migrate import migrate
from hubtwin.stores.signing import Signer, is_signed
from hubtwin.stores.sqlite import Database

ACCESS_FILE = "access.sqlite"
ZERO, BROKEN = bytes(32), b"\xff" * 32
LAST = 1 << 62  # beyond every number of a row
_PAGE = 50_000  # rows held in memory at once


@dataclass(frozen=True, slots=True)
class End:
    """A place in the chain, signed: the number of a row and its hash."""

    seq: int
    hash: bytes
    signature: bytes

    def shown(self) -> tuple[int, str, str]:
        """Return it as an export carries it."""
        return self.seq, self.hash.hex(), self.signature.hex()


_START = End(0, ZERO, b"")


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit."""

    seq: int
    at_min: int
    kind: str
    by: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found: how many rows, the last one, and everything that is wrong."""

    rows: int
    last_seq: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be written down."""

    kind: str
    by: str
    payload: Mapping[str, object]


def open_access(directory: Path, at_min: int) -> Database:
    """Open or create `access.sqlite` of a store directory, for nobody else on the machine to read."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(directory / ACCESS_FILE, private=True)
    migrate(database, "access", at_min)
    return database


class Audit:
    """The audit of one store directory. `append` returns once the row would survive kill -9."""

    def __init__(self, database: AccessRows, signer: Signer, *, clock: Clock) -> None:
        """Take the open `access.sqlite` and the key that signs its ends."""
        self._database, self._signer, self._clock = database, signer, clock

    @property
    def public_hex(self) -> str:
        """Return the public key that signs the ends."""
        return self._signer.public_hex

    def append(self, kind: str, by: str, payload: Mapping[str, object]) -> int:
        """Write one row; return its number. Raises Bug for a payload that is not plain JSON."""
        with self._database.transaction() as con:
            return self.append_in(con, [Note(kind, by, payload)])

    def append_in(self, con: Session, notes: Iterable[Note]) -> int:
        """Write rows inside a transaction of `access.sqlite`, with what they tell of; return the last number.

        The head is signed once for all of them.
        """
        at_min = epoch_minute(self._clock())
        seq, last = self._resume(con)
        rows = list[tuple[int, str, bytes]]()
        for note in notes:
            seq += 1
            entry = _entry(note, at_min)
            last = chain(last, seq, entry)
            rows.append((seq, entry, last))
        con.executemany("INSERT INTO audit (seq, entry, hash) VALUES (?, ?, ?)", rows)
        _put_end(con, "head", seq, last, self._signer)
        return seq

    def verify(self, expects: End | None = None) -> Verified:
        """Walk the whole chain; `expects` is a head from an earlier export that must still be in it.

        Others may go on writing.
        """
        while True:
            ends = self._ends()
            found = self._walk(ends, expects)
            if self._ends().get("anchor") == ends.get("anchor"):  # nobody pruned meanwhile
                return found

    def verify_nightly(self) -> Verified:
        """Verify, and write down what was found; a broken chain is an alarm row, and is never mended."""
        found = self.verify()
        problems = [{"key": problem.key, **problem.values} for problem in found.problems]
        kind = "AuditBroken" if problems else "AuditVerified"
        self.append(kind, "system", {"rows": found.rows, "last_seq": found.last_seq, "problems": problems})
        return found

    def head(self) -> End | None:
        """Return the signed head, for somebody outside to keep; None before the first row."""
        return self._ends().get("head")

    def export(self) -> Iterator[str]:
        """Yield the audit as JSON lines: its start, each row with its hash, then the signed head.

        `verify_export` needs nothing else but the public key. Rows written meanwhile come in the next export.
        """
        ends = self._ends()
        start, head = ends.get("anchor", _START), ends.get("head", _START)
        yield _line({"anchor": start.shown(), "public_key": self._signer.public_hex})
        asked, last = start.seq, head.seq
        while page := self._database.all(_ROWS, asked, _PAGE):
            for number, entry, found in page:
                if (asked := int(str(number))) > last:
                    break
                yield _line({"seq": asked, "entry": entry, "hash": plain_bytes(found).hex()})
            if asked >= last:
                break
        yield _line({"head": head.shown()})

    def list_entries(
        self,
        *,
        kind: str | None = None,
        by: str | None = None,
        from_min: int = 0,
        until_min: int | None = None,
        naming: str | None = None,
    ) -> list[Entry]:
        """Return rows in order; what is not given does not narrow. `until_min` is excluded; `naming` is a text that
        stands anywhere in the row."""
        where, values = narrowed(
            {
                "kind = ?": kind,
                "by = ?": by,
                "at_min >= ?": from_min or None,
                "at_min < ?": until_min,
                "instr(entry, ?) > 0": naming,
            }
        )
        found = self._database.all(f"SELECT seq, entry FROM audit WHERE {where} ORDER BY seq", *values)  # noqa: S608
        return [_told(row) for row in found]

    def list_newest(self, limit: int, before_seq: int | None = None, *, people_only: bool = False) -> list[Entry]:
        """Return at most `limit` rows, newest first, of those before `before_seq` where that is given.

        `people_only` leaves out what scenes and clocks did, which is most of it.
        """
        source = f"audit INDEXED BY audit_by_people WHERE {_PEOPLE} AND" if people_only else "audit WHERE"
        sql = f"SELECT seq, entry FROM {source} seq < ? ORDER BY seq DESC LIMIT ?"  # noqa: S608
        return [_told(row) for row in self._database.all(sql, LAST if before_seq is None else before_seq, limit)]

    def list_of_kinds(self, kinds: Sequence[str], limit: int, before_seq: int | None = None) -> list[Entry]:
        """Return at most `limit` rows of some kinds, newest first, of those before `before_seq` where that is given."""
        marks = ", ".join("?" * len(kinds))
        sql = f"SELECT seq, entry FROM audit WHERE kind IN ({marks}) AND seq < ? ORDER BY seq DESC LIMIT ?"  # noqa: S608
        last = LAST if before_seq is None else before_seq
        return [_told(row) for row in self._database.all(sql, *kinds, last, limit)]

    def list_unmasked_alone(self, by: str, from_min: int) -> set[str]:
        """Return the persons whom somebody unmasked since a minute on nobody else's word, the glass left whole."""
        entries = self.list_entries(kind="Unmasked", by=by, from_min=from_min)
        alone = (entry.payload for entry in entries if not entry.payload["second"] and not entry.payload["glass"])
        return {str(pid) for payload in alone for pid in payload["pids"]}

    def who_looked_at(self, pids: Sequence[str]) -> list[Entry]:
        """Return every look-up and unmasking that named a person, under any of the person's pseudonyms.

        The rows themselves are searched, not an index beside them that somebody could thin out.
        """
        found: dict[int, Entry] = {}
        named = "kind IN ('LookedUp', 'Unmasked') AND instr(entry, ?) > 0"
        for pid in pids:
            for row in self._database.all(f"SELECT seq, entry FROM audit WHERE {named} ORDER BY seq", f'"{pid}"'):  # noqa: S608
                entry = _told(row)
                if pid in entry.payload.get("pids", ()):
                    found[entry.seq] = entry
        return [found[seq] for seq in sorted(found)]

    def prune(self, before_min: int) -> int:
        """Delete rows older than `before_min` from the start of the chain; return how many.

        The last of them stays as a signed anchor, so what is left still verifies.
        """
        with self._database.transaction() as con:
            (keep,) = con.execute("SELECT min(seq) FROM audit WHERE at_min >= ?", (before_min,)).fetchone()
            sql = "SELECT seq, hash FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT 1"
            last = con.execute(sql, (LAST if keep is None else keep,)).fetchone()
            if last is None:
                return 0
            gone = con.execute("DELETE FROM audit WHERE seq <= ?", (last[0],)).rowcount
            _put_end(con, "anchor", int(last[0]), bytes(last[1]), self._signer)
            payload = {"rows": gone, "up_to": int(last[0])}
            self.append_in(con, [Note("AuditPruned", "system", payload)])
        return gone

    def _ends(self) -> dict[str, End]:
        found = self._database.all("SELECT name, seq, hash, signature FROM audit_ends")
        return {str(name): End(int(str(seq)), plain_bytes(last), plain_bytes(sig)) for name, seq, last, sig in found}

    def _resume(self, con: Session) -> tuple[int, bytes]:
        """Return the number and hash to go on from.

        Behind a head that somebody touched the chain goes on broken, so that signing the new head heals nothing.
        """
        (rows,) = con.execute("SELECT coalesce(max(seq), 0) FROM audit").fetchone()
        row = con.execute("SELECT seq, hash, signature FROM audit_ends WHERE name = 'head'").fetchone()
        if row is None:
            return int(rows), BROKEN if rows else ZERO
        whole = is_signed(_signed("head", row[0], row[1]), row[2], self._signer.public_hex)
        return max(int(rows), int(row[0])), bytes(row[1]) if whole else BROKEN

    def _walk(self, ends: Mapping[str, End], expects: End | None) -> Verified:
        start = ends.get("anchor", _START)
        walk = _Walk(start.seq, start.hash)
        problems: list[Problem] = []
        if start is not _START:
            problems += _bad_end("anchor", start, self._signer.public_hex)
        while True:
            while page := self._database.all(_ROWS, walk.seq, _PAGE):
                walk.step(page, expects)
            head = self._ends().get("head", start)
            if head.seq <= walk.seq or not self._database.all(_ROWS, walk.seq, 1):  # no row came after the last page
                break
        if head is not start:
            problems += _bad_end("head", head, self._signer.public_hex)
        problems += walk.problems
        if not walk.problems and (walk.seq, walk.hash) != (head.seq, head.hash):
            problems.append(Problem("stores.audit_end", {"found": walk.seq, "head": head.seq}))
        if expects is not None and expects.seq > start.seq and not walk.met:
            problems.append(Problem("stores.audit_other_past", {"seq": expects.seq}))
        return Verified(walk.rows, walk.seq, tuple(problems))


def chain(before: bytes, seq: int, entry: str) -> bytes:
    """Return the hash of a row."""
    return hashlib.sha256(before + seq.to_bytes(8, "big") + entry.encode()).digest()


def verify_export(lines: Iterable[str], public_hex: str) -> Verified:
    """Verify exported JSON lines against a public key that is known from elsewhere."""
    walk, head, problems = _Walk(0, ZERO), None, list[Problem]()
    for number, line in enumerate(lines, start=1):
        try:
            told = json.loads(line)
            if "anchor" in told:
                start = _read_end("anchor", told["anchor"], public_hex, problems)
                walk = _Walk(start.seq, start.hash)
            elif "head" in told:
                head = _read_end("head", told["head"], public_hex, problems)
            else:
                walk.step([(int(told["seq"]), str(told["entry"]), bytes.fromhex(told["hash"]))], None)
        except (ValueError, KeyError, TypeError, IndexError):
            problems.append(Problem("stores.audit_line", {"line": number}))
    if head is None or (not walk.problems and (walk.seq, walk.hash) != (head.seq, head.hash)):
        problems.append(Problem("stores.audit_end", {"found": walk.seq, "head": head.seq if head else "-"}))
    return Verified(walk.rows, walk.seq, (*problems, *walk.problems))


_PEOPLE = "by != 'system' AND substr(by, 1, 6) != 'scene:'"  # word for word as the index says it, or it is not used
_ROWS = "SELECT seq, entry, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"


class _Walk:
    """A walk along the chain. After a break it goes on from the row's own hash, so that each break is told once."""

    def __init__(self, seq: int, last: bytes) -> None:
        self.seq, self.hash = seq, last
        self.rows, self.met = 0, False
        self.problems: list[Problem] = []

    def step(self, page: Sequence[Sequence[Any]], expects: End | None) -> None:
        """Walk some rows further."""
        seq, last, sha256 = self.seq, self.hash, hashlib.sha256
        for number, entry, found in page:
            if number != seq + 1:
                self.problems.append(Problem("stores.audit_gap", {"after": seq, "next": number}))
            elif sha256(last + number.to_bytes(8, "big") + entry.encode()).digest() != found:
                self.problems.append(Problem("stores.audit_changed", {"seq": number}))
            seq, last = number, found
            if expects is not None and number == expects.seq:
                self.met = found == expects.hash
        self.seq, self.hash = seq, last
        self.rows += len(page)


def _put_end(con: Session, name: str, seq: int, last: bytes, signer: Signer) -> None:
    values = (name, seq, last, signer.sign(_signed(name, seq, last)))
    con.execute(
        "INSERT INTO audit_ends VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
        " seq = excluded.seq, hash = excluded.hash, signature = excluded.signature",
        values,
    )


def _signed(name: str, seq: int, last: bytes) -> bytes:
    return f"hubtwin audit {name} ".encode() + seq.to_bytes(8, "big") + last


def _bad_end(name: str, end: End, public_hex: str) -> list[Problem]:
    if is_signed(_signed(name, end.seq, end.hash), end.signature, public_hex):
        return []
    return [Problem("stores.audit_signature", {"end": name})]


def _read_end(name: str, told: Sequence[Any], public_hex: str, problems: list[Problem]) -> End:
    end = End(int(told[0]), bytes.fromhex(told[1]), bytes.fromhex(told[2]))
    if end != _START:  # the chain begins at its beginning, or is empty
        problems += _bad_end(name, end, public_hex)
    return end


def _entry(note: Note, at_min: int) -> str:
    try:
        told = {"kind": note.kind, "by": note.by, "at_min": at_min, "payload": dict(note.payload)}
        return _line(told)
    except (TypeError, ValueError) as error:
        raise Bug("stores.not_plain", detail=str(error)) from error


def _line(told: Mapping[str, object]) -> str:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _told(row: Sequence[object]) -> Entry:
    told = json.loads(str(row[1]))
    return Entry(int(str(row[0])), int(told["at_min"]), str(told["kind"]), str(told["by"]), told["payload"])
