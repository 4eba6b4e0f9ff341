"""Rows of `batches.sqlite` as records, and the changes of rows that are one statement each."""

import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hubtwin.base.errors import Malformed
from hubtwin.model.batch import BatchHead, RowAnswer, RowFate
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.rules.batching import Fate, Sorted
from hubtwin.rules.cells import Found
from hubtwin.rules.quality import Problem

HEAD = (
    "batch_id, partner, template, version, made_min, from_min, until_min, revision, corrects, marks, attempt, staged,"
    " reason"
)
INSERT_ROW = (
    "INSERT INTO batch_rows (batch_id, place, key, revision, state, digest, newest, case_id, sealed, problems, reason)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_NONCE = 12  # bytes, NIST SP 800-38D
_STATES: Mapping[Fate, str] = {Fate.GOES: "ready", Fate.HELD: "held", Fate.SAME: "superseded", Fate.OLDER: "superseded"}


def read_head(row: Sequence[Any]) -> BatchHead:
    """Return a head of the columns `HEAD`."""
    batch_id, partner, template, version, made, since, until, revision, corrects, marks, attempt, staged, reason = row
    status, provenance, replayed = json.loads(marks)
    return BatchHead(
        *(batch_id, partner, template, int(version), int(made), int(since), int(until), int(revision), corrects),
        *(Marks(Status(status), Provenance(provenance), replayed), int(attempt), bool(staged), reason),
    )


def marks_text(marks: Marks) -> str:
    """Return marks as they are stored."""
    return json.dumps([marks.status.value, marks.provenance.value, marks.replayed])


def read_problems(text: str) -> list[Found]:
    """Return problems by column as they were stored."""
    return [(column, Problem(key, values)) for column, key, values in json.loads(text)]


def write_problems(problems: Sequence[Found]) -> str:
    """Return problems as they are stored: keys and limits, never a value of a person."""
    return json.dumps([[column, problem.key, dict(problem.values)] for column, problem in problems])


def seal(cipher: AESGCM, batch_id: str, place: int, cells: Sequence[str]) -> bytes:
    """Return cells sealed for their place in a batch."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + cipher.encrypt(nonce, orjson.dumps(list(cells)), f"{batch_id} {place}".encode())


def unseal(cipher: AESGCM | None, batch_id: str, place: int, sealed: Any) -> list[str] | None:
    """Return cells, None where they or their key were destroyed. Raises Malformed where they were altered."""
    if sealed is None or cipher is None:
        return None
    try:
        plain = cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], f"{batch_id} {place}".encode())
    except InvalidTag as error:
        raise Malformed("stores.altered", path="batches.sqlite") from error
    cells: list[str] = orjson.loads(plain)
    return cells


def row_values(batch_id: str, one: Sorted, cipher: AESGCM) -> tuple[object, ...]:
    """Return the values of `INSERT_ROW`; of a row that another one stands for no cells are kept."""
    row, stays = one.row, one.fate in (Fate.GOES, Fate.HELD)
    sealed = seal(cipher, batch_id, row.place, row.cells) if stays else None
    reason = "" if stays else f"{one.fate.value}:{one.instead}"
    problems = write_problems(row.problems) if one.fate is Fate.HELD else "[]"
    told = (batch_id, row.place, row.key, one.revision, _STATES[one.fate], row.digest, row.newest, row.case_id)
    return (*told, sealed, problems, reason)


def supersede(con: sqlite3.Connection, batch_id: str, rows: Iterable[Sorted]) -> None:
    """Let the rows of a new batch stand for earlier ones: by key and, where a row was never taken, by case too."""
    rows = list(rows)
    newer = [(one.row.key, one.revision) for one in rows if one.revision > 1]
    con.executemany(
        "UPDATE batch_rows SET state = 'superseded', sealed = NULL, reason = 'newer'"
        " WHERE key = ? AND revision BETWEEN 1 AND ? - 1 AND state != 'superseded'",
        newer,
    )
    sql = "SELECT number, key, case_id, state FROM batch_rows WHERE state IN ('held', 'refused') AND batch_id != ?"
    wrong = con.execute(sql, (batch_id,)).fetchall()
    if wrong:
        good = {one.row.key for one in rows if one.fate is Fate.GOES}
        cases = {one.row.case_id for one in rows if one.row.case_id}
        _drop(con, [n for n, key, case, state in wrong if case in cases or (key in good and state == "held")], "newer")


def replaced(con: sqlite3.Connection, refs: Iterable[tuple[str, int]]) -> None:
    """Take rows away that were corrected."""
    con.executemany(
        "UPDATE batch_rows SET state = 'superseded', sealed = NULL, reason = 'corrected'"
        " WHERE batch_id = ? AND place = ? AND state IN ('held', 'refused', 'superseded')",
        refs,
    )


def settle_rows(con: sqlite3.Connection, answers: Iterable[RowAnswer]) -> int:
    """Note what the platform says of rows; return how many moved. What is accepted stays so."""
    taken = [(one.key, one.revision) for one in answers if one.fate is not RowFate.REFUSED]
    refused = [(one.reason[:200], one.key, one.revision) for one in answers if one.fate is RowFate.REFUSED]
    before = con.total_changes
    con.executemany(
        "UPDATE batch_rows SET state = 'accepted', sealed = NULL, reason = ''"
        " WHERE key = ? AND revision = ? AND state IN ('ready', 'sent', 'refused')",
        taken,
    )
    con.executemany(
        "UPDATE batch_rows SET state = 'refused', reason = ?"
        " WHERE key = ? AND revision = ? AND state IN ('ready', 'sent')",
        refused,
    )
    return con.total_changes - before


def _drop(con: sqlite3.Connection, numbers: Iterable[int], reason: str) -> None:
    con.executemany(
        "UPDATE batch_rows SET state = 'superseded', sealed = NULL, reason = ? WHERE number = ?",
        [(reason, number) for number in numbers],
    )
