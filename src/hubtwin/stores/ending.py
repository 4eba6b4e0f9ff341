"""Destroying the personal data of an emergency that has ended, on two people's word, with a certificate.

What goes: the rows of its period, the keys of its persons, the keys of pseudonym epochs that have ended, its
grants, its records in the register. What stays: cases, events and the audit, whose pseudonyms nobody can resolve
any more, and counts. An epoch that still runs keeps its key until it ends, and a person whose case is still open
keeps the own one until it is closed; the certificate names both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Denied, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.base.text import text
from hubtwin.model.emergency import Emergency
from hubtwin.stores import batch_keeping
from hubtwin.stores.access_rows import AccessRows
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.deletion import Keeping, forget, report
from hubtwin.stores.erasure import (
    FOR_EVER_MIN,
    JOURNAL,
    QUARANTINE,
    SHELF,
    Where,
    erase,
    erase_old_lines,
    erase_shelf,
    erase_shown,
    person_digest,
)
from hubtwin.stores.erasures_told import tell_copies
from hubtwin.stores.field_keeping import forget_pieces
from hubtwin.stores.returns import Returns
from hubtwin.stores.shelf_erasure import LOADED
from hubtwin.stores.signing import open_sealed
from hubtwin.stores.sqlite import query
from hubtwin.stores.vault import VAULT_FILE
from hubtwin.stores.wire import opened_books

DESTROY = "destroy_emergency"  # the kind of word that the second person gives; its digest is the emergency's id
CERTIFICATE = "destruction_certificate"  # the kind of the report
DESTROY_WORD_MIN = 60  # two commanders may sit in different houses; ours, no source
RETURNS = "returns"  # stands for a dataset where what streets sent back was destroyed
_ABOUT = "json_extract(body, '$.body.emergency.emergency_id')"  # of a stored certificate
BACKUPS_EXPIRE_D = 30  # epidemic reference E2.6


@dataclass(frozen=True)
class EndOrder:
    """What to destroy. `from_min` is the beginning of the earliest look-back, before which nothing was collected.

    `pids` are the persons of its cases, `open_pids` those of its open ones, who have to be reached; `others` are the
    emergencies whose data shall stay, `subjects` what messages to and from partners are about.
    """

    emergency: Emergency
    from_min: int
    by: str
    word_id: str
    pids: Sequence[str] = ()
    open_pids: Sequence[str] = ()
    others: Sequence[Emergency] = ()
    subjects: Sequence[str] = ()


def destroy_emergency(keeping: Keeping, order: EndOrder) -> str:
    """Destroy, and return the signed certificate, which is stored as well.

    Raises Denied while the emergency lasts, while a legal hold stands, where another emergency needs rows of the
    same time, and without the fresh word of a second person for exactly this. Killed on the way, it is done again
    on a new word.
    """
    until_min = refuse_destruction(keeping, order)
    emergency_id = order.emergency.emergency_id
    second = keeping.grants.use_word(order.word_id, DESTROY, emergency_id, order.by)
    keeping.audit.append("DestructionBegun", order.by, {"emergency": emergency_id, "second": second})
    rows = _erase(keeping, order, until_min)
    failpoint("stores.emergency_rows_erased")
    still_open = set(order.open_pids)
    records = [item for item in keeping.register.list_kept(emergency_id) if item.pid not in still_open]
    gone = _persons(keeping, order, until_min)
    persons, _ = forget(keeping.vault, gone)
    failpoint("stores.emergency_persons_forgotten")
    epochs, running = _destroy_epochs(keeping, order, until_min)
    strays = [item for item in keeping.register.list_kept("") if item.pid in gone]
    with keeping.register.database.transaction() as con:
        con.executemany("DELETE FROM kept WHERE item_id = ?", [(item.item_id,) for item in (*records, *strays)])
    body = {
        **_named(order, until_min, second),
        "rows": rows,
        "messages": _destroy_messages(keeping, order),
        "persons_forgotten": persons,
        "persons_in_open_cases": len(still_open),
        "epochs_destroyed": epochs,
        "epochs_running": running,
        "records": len(records),
        "grants_revoked": keeping.grants.revoke_emergency(emergency_id, by=order.by),
        "backups_told": len(tell_copies(keeping.store_dir)),
        "copies_out_of_reach": len(keeping.vault.purge_copies()),
        "backups_expire_on": f"{keeping.clock().date() + timedelta(days=BACKUPS_EXPIRE_D)}",
    }
    return report(keeping, CERTIFICATE, order.by, body)


def find_certificate(database: AccessRows, emergency_id: str) -> str | None:
    """Return the signed certificate of an emergency whose data were destroyed, the last one where there are several."""
    sql = f"SELECT body FROM reports WHERE kind = ? AND {_ABOUT} = ? ORDER BY rowid DESC LIMIT 1"  # noqa: S608
    found = database.all(sql, CERTIFICATE, emergency_id)
    return str(found[0][0]) if found else None


def list_destroyed(database: AccessRows) -> set[str]:
    """Return the emergencies whose data were destroyed."""
    return {str(name) for (name,) in database.all(f"SELECT {_ABOUT} FROM reports WHERE kind = ?", CERTIFICATE)}  # noqa: S608


def certificate_text(sealed: str, public_hex: str, lang: str) -> str:
    """Return a certificate as it is printed, in "zh" or "en". Raises Malformed where it is not the hub's."""
    body = open_sealed(sealed, public_hex)
    if body.get("kind") != CERTIFICATE:
        raise Malformed("stores.no_certificate")
    shown: dict[str, Any] = {"messages": 0, **body, **body["emergency"]}
    none = text("stores.none", lang)
    shown["rows"] = ", ".join(f"{name} {count}" for name, count in sorted(body["rows"].items())) or none
    shown["epochs"] = ", ".join(map(str, body["epochs_destroyed"])) or none
    shown["running"] = ", ".join(f"{each['epoch']} ({each['ends']})" for each in body["epochs_running"]) or none
    shown["public_key"] = public_hex
    shown["mark"] = text(f"stores.certificate_{body['provenance']}", lang)
    return text("stores.certificate", lang, **shown)


def refuse_destruction(keeping: Keeping, order: EndOrder) -> int:
    """Return the minute of the end of the emergency; raise Denied where nothing may be destroyed, saying why."""
    emergency, now_min = order.emergency, keeping.now_min()
    until_min = min(emergency.ends_min, emergency.ended_min or emergency.ends_min)
    if now_min < until_min:
        raise Denied("stores.emergency_lasts", emergency=emergency.emergency_id)
    if holds := keeping.grants.list_holds(emergency.emergency_id):
        raise Denied("stores.legal_hold", emergency=emergency.emergency_id, reason=holds[0].reason, by=holds[0].set_by)
    for other in order.others:
        if other.begins_min < until_min and _end_min(other) > order.from_min:
            raise Denied("stores.emergency_shares", emergency=emergency.emergency_id, other=other.emergency_id)
    return until_min


def _erase(keeping: Keeping, order: EndOrder, until_min: int) -> dict[str, int]:
    """Erase rows and pictures of the emergency; return how many by name."""
    why = f"emergency {order.emergency.emergency_id}"
    rows = {
        name: erase(keeping.store_dir, name, where, clock=keeping.clock, why=why).rows
        for name, where in _conditions(keeping, order.from_min, until_min).items()
    }
    rows |= _erase_listed(keeping, order, until_min)
    shown = _erase_shown(keeping, order, until_min)
    return {**rows, JOURNAL: shown} if shown else rows


def _erase_listed(keeping: Keeping, order: EndOrder, until_min: int) -> dict[str, int]:
    """Erase the datasets of the library that are kept for the events of this scene, with their lines that could not be
    read and what streets sent back; while another event of the scene needs them, only what came in the time of this
    one."""
    scene, why = order.emergency.scene, f"emergency {order.emergency.emergency_id}"
    shared = any(other.scene == scene for other in order.others)
    since, until = (order.emergency.begins_min, until_min + 1) if shared else (0, FOR_EVER_MIN)
    where = Where(LOADED, since, until)
    bound = [each.name for each in keeping.listings if each.ends_with == scene]
    # first what streets sent: one that is accepted meanwhile would write to a shelf that was emptied before
    returns = Returns(keeping.register.database, keeping.audit, VaultKeys(keeping.vault), clock=keeping.clock)
    erased = {RETURNS: returns.forget_datasets(bound, since, until, by=order.by)}
    erased |= {
        f"{QUARANTINE}{name}": erase_old_lines(
            keeping.store_dir, name, where, clock=keeping.clock, why=why, always=True
        )
        for name in bound
    }
    erased |= {
        f"{SHELF}{name}": erase_shelf(keeping.store_dir, name, [where], clock=keeping.clock, why=why, always=True)
        for name in bound
    }
    return {name: count for name, count in erased.items() if count}


def _erase_shown(keeping: Keeping, order: EndOrder, until_min: int) -> int:
    """Erase what pages were shown of the emergency: all of its own time, and of the time since what names its cases and
    persons, or all of that too where no other emergency has come up."""
    why, emergency = f"emergency {order.emergency.emergency_id}", order.emergency
    whole = Where("at_ms", emergency.begins_min, None if not order.others else until_min + 1)
    count = erase_shown(keeping.store_dir, whole, clock=keeping.clock, why=why)
    names = {*order.pids, *order.subjects, emergency.emergency_id} - {*order.open_pids}
    since = Where("at_ms", until_min, only=frozenset(map(person_digest, names)))
    return count + (erase_shown(keeping.store_dir, since, clock=keeping.clock, why=why) if order.others else 0)


def _conditions(keeping: Keeping, from_min: int, until_min: int) -> Mapping[str, list[Where]]:
    """Return what is erased of each dataset: everything about persons that the period touches."""
    first, last = (from_epoch_minute(m).astimezone(keeping.times.zone).date() for m in (from_min, until_min))
    days = Where("service_date", first, last + timedelta(days=1))
    return {
        "bookings": [days],
        "risk_hits": [days],
        "cotravellers": [days],
        "gate_screenings": [Where("at_min", from_min, until_min + 1)],  # the minute of the end was still screened
        "test_results": [Where("specimen_min", from_min, until_min + 1)],
        "stays": [Where("in_min", until_value=until_min), Where("out_min", from_value=from_min)],
        "pseudonym_links": [Where("expires_min", from_value=from_min)],
    }


def _persons(keeping: Keeping, order: EndOrder, until_min: int) -> set[str]:
    """Return the persons of the emergency: of its cases, of its records, and whom the vault took in meanwhile."""
    kept = keeping.register.list_kept()
    own = {item.pid for item in kept if item.emergency_id == order.emergency.emergency_id}
    elsewhere = {item.pid for item in kept if item.emergency_id not in ("", order.emergency.emergency_id)}
    sql = f"SELECT pid FROM subjects WHERE at_min >= {int(order.from_min)} AND at_min <= {int(until_min)}"  # noqa: S608
    taken_in = {str(pid) for (pid,) in query(keeping.vault.directory / VAULT_FILE, sql)}
    return ({*order.pids} | own | taken_in) - elsewhere - {*order.open_pids}


def _destroy_messages(keeping: Keeping, order: EndOrder) -> int:
    batch_keeping.forget_cases(keeping.store_dir, order.subjects, keeping.now)
    forget_pieces(keeping.store_dir, keeping.now, emergency_id=order.emergency.emergency_id, subjects=order.subjects)
    with opened_books(keeping.store_dir, keeping.now_min()) as books:
        return books.destroy(order.subjects) if books else 0


def _destroy_epochs(keeping: Keeping, order: EndOrder, until_min: int) -> tuple[list[int], list[dict[str, object]]]:
    """Destroy the epochs of the period that have ended and that no other emergency needs; name those that remain."""
    gone: list[int] = []
    running: list[dict[str, object]] = []
    for epoch in keeping.vault.list_epochs():
        if not epoch.alive or epoch.until_min <= order.from_min or epoch.from_min > until_min:
            continue
        needed = any(o.begins_min < epoch.until_min and _end_min(o) > epoch.from_min for o in order.others)
        if epoch.until_min <= keeping.now_min() and not needed:
            keeping.vault.destroy_epoch(epoch.number)
            gone.append(epoch.number)
        else:
            running.append({"epoch": epoch.number, "ends": f"{from_epoch_minute(epoch.until_min):%Y-%m-%dT%H:%MZ}"})
    return gone, running


def _end_min(emergency: Emergency) -> int:
    return emergency.ends_min if emergency.ended_min is None else min(emergency.ends_min, emergency.ended_min)


def _named(order: EndOrder, until_min: int, second: str) -> dict[str, object]:
    emergency = order.emergency
    return {
        "emergency": {
            "emergency_id": emergency.emergency_id,
            "scene": emergency.scene,
            "disease": emergency.disease,
            "legal_basis": emergency.legal_basis,
        },
        "status": emergency.marks.status.value,
        "provenance": emergency.marks.provenance.value,
        "from": f"{from_epoch_minute(order.from_min):%Y-%m-%dT%H:%MZ}",
        "until": f"{from_epoch_minute(until_min):%Y-%m-%dT%H:%MZ}",
        "ordered_by": order.by,
        "second": second,
    }
