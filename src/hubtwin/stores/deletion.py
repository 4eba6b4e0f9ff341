"""What is kept about persons, and the nightly deletion of what has been kept long enough, with its signed report.

The register names records by id and pseudonym, never by content. Each night what is due goes in batches, children
before their parents: first the rows elsewhere that the caller looks after, then the keys of persons whom no record
needs any more, then the register. A kill between two steps repeats a step the next night and loses none.

Two clocks: how old data are is counted on the clock that dated them, that of the hub; what is signed, and how long
the audit is kept, goes by the real one. They differ only where a day is replayed.
"""

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from hubtwin.base.clock import DAY_MIN, Clock, epoch_minute
from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.listing import Listing
from hubtwin.rules.retention import (
    DELETE,
    PSEUDONYMISE,
    RETENTION,
    Due,
    Kept,
    Retention,
    Times,
    cut_of,
    due_for_deletion,
    rows_cut,
)
from hubtwin.stores import batch_keeping
from hubtwin.stores.access_rows import AccessRows, Session, narrowed
from hubtwin.stores.audit import Audit, Note
from hubtwin.stores.erasure import JOURNAL, Where, erase, erase_old_lines, erase_shelf, erase_shown
from hubtwin.stores.erasures_told import tell_copies
from hubtwin.stores.field_keeping import forget_pieces
from hubtwin.stores.grants import Grants
from hubtwin.stores.shelf_erasure import LOADED
from hubtwin.stores.signing import Signer
from hubtwin.stores.sqlite import query
from hubtwin.stores.vault import VAULT_FILE, Vault
from hubtwin.stores.wire import opened_books

NIGHTLY = "nightly_deletion"  # the kind of its report
MESSAGES, PROOF = ("message_outgoing", "message_incoming"), "message_proof"  # kinds of retention.toml, see wire.py
BATCH_ROW = "batch_row"  # likewise, see batches.py
TASK_CONTENT = "task_content"  # likewise, see field.py
SHOWN = "shown"  # likewise, see journal.py
BATCH = 500  # records that one transaction takes off the register
NO_MARKS: Mapping[str, str] = MappingProxyType({})
_KEPT = "item_id, kind, pid, since_min, emergency_id, parent, done"


def put_marks(con: Session, marks: Mapping[str, str]) -> None:
    """Remember marks inside a transaction of `access.sqlite`."""
    sql = "INSERT INTO kept_marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    con.executemany(sql, marks.items())


def enter(con: Session, items: Iterable[Kept]) -> None:
    """Enter records inside a transaction of `access.sqlite`, with what they tell of."""
    con.executemany(
        f"INSERT INTO kept ({_KEPT}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (item_id) DO UPDATE SET"  # noqa: S608
        " kind = excluded.kind, pid = excluded.pid, since_min = excluded.since_min,"
        " emergency_id = excluded.emergency_id, parent = excluded.parent, done = excluded.done",
        ((i.item_id, i.kind, i.pid, i.since_min, i.emergency_id, i.parent, json.dumps(sorted(i.done))) for i in items),
    )


class Register:
    """The register of what is kept about persons, in `access.sqlite`."""

    def __init__(self, database: AccessRows) -> None:
        """Take the open `access.sqlite`."""
        self.database = database

    def keep(self, items: Iterable[Kept], marks: Mapping[str, str] = NO_MARKS) -> None:
        """Enter records, or enter them anew as something else (a contact that became a case).

        `marks` are remembered with them: both survive a kill, or neither.
        """
        with self.database.transaction() as con:
            put_marks(con, marks)
            enter(con, items)

    def find_mark(self, name: str) -> str | None:
        """Return what was remembered under a name."""
        found = self.database.all("SELECT value FROM kept_marks WHERE name = ?", name)
        return str(found[0][0]) if found else None

    def list_kept(self, emergency_id: str | None = None) -> list[Kept]:
        """Return what is kept, of one emergency or of all."""
        where, values = narrowed({"emergency_id = ?": emergency_id})
        found = self.database.all(f"SELECT {_KEPT} FROM kept WHERE {where} ORDER BY item_id", *values)  # noqa: S608
        return [
            Kept(str(a), str(b), str(c), int(str(d)), str(e), str(f), frozenset(json.loads(str(g))))
            for a, b, c, d, e, f, g in found
        ]


@dataclass(frozen=True)
class Keeping:
    """Everything that deletion needs. `destroy` deletes what belongs to records elsewhere and may be called twice.

    `clock` is the real one; `hub_clock` dates the data, and is the real one unless a day is replayed.
    """

    store_dir: Path
    register: Register
    audit: Audit
    grants: Grants
    signer: Signer
    vault: Vault
    clock: Clock
    times: Times
    table: Retention = RETENTION
    destroy: Callable[[Sequence[Due]], None] = field(default=lambda batch: None)
    hub_clock: Clock | None = None
    listings: Sequence[Listing] = ()  # what the library holds of others

    def now(self) -> datetime:
        """Return the moment of the clock that dates the data."""
        return (self.hub_clock or self.clock)()

    def now_min(self) -> int:
        """Return the minute of that clock."""
        return epoch_minute(self.now())


def delete_nightly(keeping: Keeping, told: Mapping[str, object] = NO_MARKS, marks: Mapping[str, str] = NO_MARKS) -> str:
    """Delete what is due, and return the signed report, which is stored as well.

    `told` goes into the report; `marks` are remembered in the transaction that stores it.

    What a legal hold covers stays, with the records that it belongs to; rows in the columns are of no emergency in
    particular, so they wait while any hold stands, and the report says so.
    """
    kept = keeping.register.list_kept()
    held = _held(kept, {hold.emergency_id for hold in keeping.grants.list_holds()})
    due = due_for_deletion(kept, keeping.now(), keeping.table, keeping.times)
    due = [each for each in due if each.item.item_id not in held]
    still = {i.item_id: i for i in kept}
    persons, left = 0, list[str]()
    for batch in (due[start : start + BATCH] for start in range(0, len(due), BATCH)):
        keeping.destroy(batch)
        failpoint("stores.destroyed_elsewhere")
        for each in batch:
            still.pop(each.item.item_id)
        later = {i.pid for i in still.values() if PSEUDONYMISE not in i.done}
        done, left = forget(keeping.vault, {each.item.pid for each in batch} - later)
        persons += done
        _strike(keeping, batch)
        still.update({each.item.item_id: _gone_through(each) for each in batch if each.action != DELETE})
    suspended = bool(keeping.grants.list_holds())
    oldest_min = epoch_minute(keeping.clock()) - _days(keeping.table, "audit") * DAY_MIN
    body = {
        **told,
        **_counts(due),
        "persons_forgotten": persons,
        "rows": {} if suspended else dict(_erase_rows(keeping)),
        **_expire_listed(keeping, suspended=suspended),
        "rows_wait_for_hold": suspended,
        "messages": {} if suspended else dict(_expire_messages(keeping)),
        "records_on_hold": len(held),
        "audit_rows": keeping.audit.prune(oldest_min),
        "copies_out_of_reach": len(left),
        "backups_told": len(tell_copies(keeping.store_dir)),
    }
    return report(keeping, NIGHTLY, "system", body, marks=marks)


def report(
    keeping: Keeping, kind: str, by: str, body: Mapping[str, object], *, marks: Mapping[str, str] = NO_MARKS
) -> str:
    """Sign a report, store it and write its id into the audit; return it. `marks` are remembered with it."""
    (hub_id,) = query(keeping.store_dir / "rows.sqlite", "SELECT value FROM store WHERE name = 'hub_id'")[0]
    report_id, at = secrets.token_hex(8), keeping.clock()
    head = {"report_id": report_id, "kind": kind, "hub_id": str(hub_id), "at": f"{at:%Y-%m-%dT%H:%MZ}"}
    sealed = keeping.signer.seal({**head, **body})
    with keeping.register.database.transaction() as con:
        put_marks(con, marks)
        con.execute("INSERT INTO reports VALUES (?, ?, ?, ?)", (report_id, kind, epoch_minute(at), sealed))
        keeping.audit.append_in(con, [Note("Reported", by, {"report": report_id, "of": kind})])
    return sealed


def list_reports(database: AccessRows, kind: str | None = None) -> list[str]:
    """Return the signed reports, oldest first."""
    where, values = narrowed({"kind = ?": kind})
    found = database.all(f"SELECT body FROM reports WHERE {where} ORDER BY at_min, rowid", *values)  # noqa: S608
    return [str(body) for (body,) in found]


def find_report(database: AccessRows, report_id: str) -> str | None:
    """Return a signed report by its id."""
    found = database.all("SELECT body FROM reports WHERE report_id = ?", report_id)
    return str(found[0][0]) if found else None


def forget(vault: Vault, pids: Iterable[str]) -> tuple[int, list[str]]:
    """Destroy the keys of many persons at once, here and in the copies within reach.

    Returns how many there were, and the copies that are out of reach. Who is not in the vault is not counted.
    """
    wanted, subjects = set(pids), query(vault.directory / VAULT_FILE, "SELECT pid, key_id FROM subjects")
    keys = [str(key_id) for pid, key_id in subjects if pid in wanted]
    if not keys:
        return 0, []
    vault.apply_forgotten(keys)
    return len(keys), vault.purge_copies()


def _held(kept: Sequence[Kept], emergencies: set[str]) -> set[str]:
    """Return the records on hold, and those above them: a parent does not go while a child stays."""
    by_id = {item.item_id: item for item in kept}
    held: set[str] = set()
    for item in kept:
        above: Kept | None = item if item.emergency_id in emergencies else None
        while above is not None and above.item_id not in held:
            held.add(above.item_id)
            above = by_id.get(above.parent)
    return held


def _strike(keeping: Keeping, batch: Sequence[Due]) -> None:
    with keeping.register.database.transaction() as con:
        gone = [(each.item.item_id,) for each in batch if each.action == DELETE]
        con.executemany("DELETE FROM kept WHERE item_id = ?", gone)
        for each in batch:
            if each.action != DELETE:
                done = json.dumps(sorted(_gone_through(each).done))
                con.execute("UPDATE kept SET done = ? WHERE item_id = ?", (done, each.item.item_id))
        keeping.audit.append_in(con, [Note("RecordsDeleted", "system", _counts(batch))])


def _gone_through(due: Due) -> Kept:
    item = due.item
    done = item.done | {due.action}
    return Kept(item.item_id, item.kind, item.pid, item.since_min, item.emergency_id, item.parent, done)


def _counts(due: Iterable[Due]) -> dict[str, object]:
    counts = Counter((each.action, each.item.kind) for each in due)
    return {
        name: {kind: count for (action, kind), count in sorted(counts.items()) if action == wanted}
        for name, wanted in (("deleted", DELETE), ("pseudonymised", PSEUDONYMISE))
    }


def _erase_rows(keeping: Keeping) -> Iterator[tuple[str, int]]:
    now = keeping.now()
    for rule in keeping.table.rows:
        where = Where(rule.column, until_value=rows_cut(rule, now, keeping.times.zone))
        why = f"retention {rule.days} d"
        yield rule.dataset, erase(keeping.store_dir, rule.dataset, [where], clock=keeping.clock, why=why).rows
    days = _days(keeping.table, SHOWN)
    until = Where("at_ms", until_value=epoch_minute(now) - days * DAY_MIN)
    if shown := erase_shown(keeping.store_dir, until, clock=keeping.clock, why=f"retention {days} d"):
        yield JOURNAL, shown


def _expire_listed(keeping: Keeping, *, suspended: bool) -> Mapping[str, Mapping[str, int]]:
    lines = {} if suspended else dict(_erase_lines(keeping))
    return {"library_rows": {} if suspended else dict(_erase_listed(keeping)), "quarantined_lines": lines}


def _erase_listed(keeping: Keeping) -> Iterator[tuple[str, int]]:
    """Erase what the library has kept for as long as its listing says, counted from when a row was last confirmed, or
    from when it came. The real clock dates it: registers do not grow older because a day is replayed."""
    for listing in keeping.listings:
        if listing.retain_days is None:
            continue
        column = listing.dataset.by_name.get(listing.confirmed_column)
        kind = column.type if column else "minute"
        cut = cut_of(kind, listing.retain_days, keeping.clock(), keeping.times.zone)
        where = [Where(column.name if column else LOADED, until_value=cut)]
        why = f"retention {listing.retain_days} d"
        if count := erase_shelf(keeping.store_dir, listing.name, where, clock=keeping.clock, why=why):
            yield listing.name, count


def _erase_lines(keeping: Keeping) -> Iterator[tuple[str, int]]:
    """Destroy lines that could not be read when rows of their dataset go; a line goes by when it came."""
    for listing in keeping.listings:
        if listing.retain_days is None:
            continue
        cut_min = epoch_minute(keeping.clock()) - listing.retain_days * DAY_MIN
        where, why = Where(LOADED, until_value=cut_min), f"retention {listing.retain_days} d"
        if count := erase_old_lines(keeping.store_dir, listing.name, where, clock=keeping.clock, why=why):
            yield listing.name, count


def _expire_messages(keeping: Keeping) -> Mapping[str, int]:
    """Destroy the content of messages that nobody settled in time. Content ages on the clock that dated it, which is
    that of the hub; receipts go by the real one, as the audit does."""
    data_ms, real_ms = (int(clock().timestamp() * 1000) for clock in (keeping.now, keeping.clock))
    cuts = [
        moment_ms - _days(keeping.table, kind) * DAY_MIN * 60_000
        for kind, moment_ms in (*((kind, data_ms) for kind in MESSAGES), (PROOF, real_ms))
    ]
    made_min = epoch_minute(keeping.now()) - _days(keeping.table, BATCH_ROW) * DAY_MIN
    rows = batch_keeping.forget_before(keeping.store_dir, made_min, keeping.now)
    filed_min = epoch_minute(keeping.now()) - _days(keeping.table, TASK_CONTENT) * DAY_MIN
    pieces = forget_pieces(keeping.store_dir, keeping.now, before_min=filed_min)
    with opened_books(keeping.store_dir, keeping.now_min()) as books:
        settled = {"batch_rows": rows, "task_content": pieces}
        return {**(books.expire(*cuts) if books else {}), **{name: count for name, count in settled.items() if count}}


def _days(table: Retention, kind: str) -> int:
    return max(rule.days for rule in table.records if rule.kind == kind)
