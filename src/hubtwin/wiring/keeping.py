"""What a hub at work keeps about persons: the register follows the loop, and every night what is due goes.

Two clocks. How old a record or a row is, is counted on the hub clock, which dated it: in live mode that is the real
one, and in a replay days pass for the data as they pass for the cases. What the hub signs, and how long the audit is
kept, goes by the real clock: a replayed year makes no audit row older.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from math import ceil
from threading import Lock

import structlog

from hubtwin.base.clock import epoch_minute, from_epoch_minute, local
from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.all import DATASETS
from hubtwin.library.query import collect
from hubtwin.model.case import Case, Outcome
from hubtwin.model.event import Event, EventKind
from hubtwin.model.pathogen import Pathogen
from hubtwin.ports import Ledger
from hubtwin.rules.retention import DELETE, Due, Kept, Times
from hubtwin.stores.batch_keeping import forget_cases
from hubtwin.stores.deletion import Keeping, Register, delete_nightly
from hubtwin.stores.ending import list_destroyed
from hubtwin.stores.erasure import Where, erase, erase_shown, person_digest
from hubtwin.stores.field_keeping import forget_pieces
from hubtwin.stores.signing import Signer
from hubtwin.stores.wire import opened_books
from hubtwin.wiring.feeds import window_min
from hubtwin.wiring.library import open_catalogue
from hubtwin.wiring.plugs import PROFILES, SCENES, load
from hubtwin.wiring.recording import delete_due, enter_recordings
from hubtwin.wiring.works import Works

NIGHT_H = 2  # a night begins at this hour of the hub: after the last train, before the first; ours, no source
PAGE = 1_000  # events that one transaction follows
FOLLOWED, NIGHT = "followed", "night"  # marks of the register
PIDS = ("pid", "earlier_pid")  # the columns that name a person
_FOR_EVER_MIN = 1 << 40
_KINDS = (EventKind.CASE_OPENED, EventKind.CASE_MOVED, EventKind.CASE_CLOSED, EventKind.APPEAL_DECIDED)
_FOLLOWED = (*_KINDS, EventKind.HELP_ASKED)
_LOG = structlog.get_logger()
_ONE = Lock()  # a hub is one process; in it the register is followed, and a night done, by one thread at a time

OPEN, CONTACT, NON_CASE, CONFIRMED = "open_case", "contact", "non_case", "confirmed_case"
CLEARED, HELP_POSITION = "manifest_hit_cleared", "help_position"
BECAME: Mapping[Outcome, str] = {  # what a case that was closed is of the kinds of retention.toml; see docs/keeping.md
    Outcome.RELEASED: CONTACT,
    Outcome.FOLLOWED_UP: CONTACT,
    Outcome.HANDED_OVER: CONTACT,  # unless the last nucleic test was positive
    Outcome.TRANSFERRED: CONFIRMED,
    Outcome.CORRECTED: NON_CASE,
}


def keeping_of(works: Works) -> Keeping:
    """Return what deletion needs of an open hub."""
    access, register = works.access, Register(works.access.database)
    return Keeping(
        store_dir=works.store.directory,
        register=register,
        audit=access.audit,
        grants=access.grants,
        signer=Signer(works.store.directory),
        vault=access.vault,
        clock=access.clock,
        times=Times(works.settings.hub.zone, _incubation_d(works)),
        destroy=_destroyer(works, register),
        hub_clock=works.clock,
        listings=[each for each in open_catalogue(works.settings).listings if each.name not in DATASETS],
    )


def follow(works: Works) -> int:
    """Bring the register in line with the events of the ledger; return the number of the last one that it knows.

    How far it has come is stored with the records: a kill repeats nothing and loses nothing, and what was deleted
    does not come back. Called every minute it costs one look at the new events. Raises Retry.
    """
    with _ONE:
        return _follow(works)


def nightly(works: Works, now: datetime) -> str | None:
    """Do the night's work once a night of the hub; return its signed report, None where this night is done.

    `now` is the moment of the hub clock. It may be called every minute: after a downtime it catches up at once, and
    one run does what several nights left. The work: the register follows the loop; broken glasses that nobody
    reviewed become alarms; keys of old epochs go, unless a legal hold stands; the audit chain is verified, which
    stops nothing but stands in the report; then what is due is deleted. Stopped on the way, it is done again. Raises
    Retry.
    """
    night = f"{(local(now, works.settings.hub.zone).replace(tzinfo=None) - timedelta(hours=NIGHT_H)).date()}"
    with _ONE:
        if Register(works.access.database).find_mark(NIGHT) == night:
            return None
        keeping = replace(keeping_of(works), hub_clock=lambda: now)
        followed = _follow(works)
        _enter_strays(keeping)
        enter_recordings(keeping, works.settings, now)
        failpoint("wiring.night_followed")
        works.access.accounts.sweep()
        if works.journal is not None:
            works.journal.trim(int((now - timedelta(days=works.settings.journal.days)).timestamp() * 1000))
        keep_min = _FOR_EVER_MIN if keeping.grants.list_holds() else window_min()
        told: dict[str, object] = {
            "night": night,
            "hub_at": f"{now:%Y-%m-%dT%H:%MZ}",
            "followed_to": followed,
            "reviews_overdue": len(keeping.grants.alarm_overdue()),
            "epochs_destroyed": keeping.vault.rotate(keep_min, epoch_minute(now)),
        }
        found = keeping.audit.verify_nightly()
        told["audit_verified"] = {"rows": found.rows, "problems": [problem.key for problem in found.problems]}
        sealed = delete_nightly(keeping, told, {NIGHT: night})
        _LOG.info("night_done", night=night, audit_problems=len(found.problems))
        return sealed


def plan_of(disease: str, on: date) -> Pathogen:
    """Return the plan for a disease that was in force on a date, the first one where none was yet."""
    plans: list[Pathogen] = [each for each in load(PROFILES) if each.disease == disease]
    valid = [each for each in plans if each.valid_from.value <= on]
    if valid:
        return max(valid, key=lambda each: each.valid_from.value)
    return min(plans, key=lambda each: each.valid_from.value)


def _follow(works: Works) -> int:
    register, ledger = Register(works.access.database), works.ledger
    seq = int(register.find_mark(FOLLOWED) or 0)
    while True:
        last = ledger.last_seq()  # asked first: what comes while we read is met the next time
        page = ledger.list_events(seq, _FOLLOWED, limit=PAGE)
        upto = page[-1].seq if len(page) == PAGE else max(last, *(event.seq for event in page), seq)
        if upto == seq:
            return seq
        destroyed = list_destroyed(works.access.database)
        items = {item.item_id: item for event in page for item in _records(ledger, event, destroyed)}
        failpoint("wiring.register_read")
        register.keep(items.values(), {FOLLOWED: str(upto)})
        failpoint("wiring.register_kept")
        seq = upto


def _records(ledger: Ledger, event: Event, destroyed: set[str]) -> Iterator[Kept]:
    """Yield the record of the case that an event is about, as the case stands now: an event that is read late, or
    again, gives no other record. Of a call for help: where the caller stood."""
    if event.kind == EventKind.HELP_ASKED:
        yield Kept(f"{HELP_POSITION} {event.subject}", HELP_POSITION, "", event.at_min)
        return
    case = ledger.find_case(str(event.payload.get("case") or event.subject))
    if case is None:
        return
    if event.kind != EventKind.APPEAL_DECIDED:
        yield _record(ledger, case, destroyed)
    elif event.payload.get("upheld") and not case.is_open and case.outcome is not Outcome.TRANSFERRED:
        yield Kept(case.case_id, NON_CASE, case.pid, event.at_min, case.emergency_id)


def _record(ledger: Ledger, case: Case, destroyed: set[str]) -> Kept:
    """Return what a case is kept as. While it is open its time begins anew with each move."""
    kind, since_min = OPEN, case.since_min
    if case.outcome is not None and not case.is_open:
        kind = BECAME[case.outcome]
        if case.outcome is Outcome.HANDED_OVER and _was_positive(ledger, case.case_id):
            kind = CONFIRMED
        if case.emergency_id in destroyed:
            kind = NON_CASE  # it was only waited for
        if kind == CONTACT:
            since_min = case.opened_min  # exposed before the case was opened: incubation counts from there
    return Kept(case.case_id, kind, case.pid, since_min, case.emergency_id)


def _was_positive(ledger: Ledger, case_id: str) -> bool:
    """Tell whether the last nucleic test of a case that gave an answer was positive."""
    moves = [str(event.payload["command"]) for event in ledger.list_events(kinds=_KINDS[1:2], subject=case_id)]
    tested = [name for name in moves if name in ("nucleic_positive", "nucleic_negative")]
    return tested[-1:] == ["nucleic_positive"]


def _enter_strays(keeping: Keeping) -> None:
    """Enter persons whom the vault knows and no record names as cleared hits, from the first night that meets them."""
    known, now_min = {item.pid for item in keeping.register.list_kept()}, keeping.now_min()
    strays = [pid for pid in keeping.vault.list_people() if pid not in known]
    keeping.register.keep(Kept(f"vault {pid}", CLEARED, pid, now_min) for pid in strays)


def _destroyer(works: Works, register: Register) -> Callable[[Sequence[Due]], None]:
    """Return what destroys the messages of a case that goes, and erases the rows of persons whose last record goes.
    While a legal hold stands rows wait."""

    def destroy(batch: Sequence[Due]) -> None:
        delete_due(works.store.directory, batch)
        _forget_positions(works, batch)
        persons = [due.item for due in batch if due.action == DELETE and due.item.kind != HELP_POSITION]
        going = {item.item_id: item.pid for item in persons}
        with opened_books(works.store.directory, epoch_minute(works.clock())) as books:
            if books:
                books.destroy(going)
        forget_cases(works.store.directory, going, works.clock)
        forget_pieces(works.store.directory, works.clock, subjects=going)
        needed = {item.pid for item in register.list_kept() if item.item_id not in going}
        if names := ({*going, *going.values()} - needed - {""}):
            named = Where("at_ms", only=frozenset(map(person_digest, names)))
            erase_shown(works.store.directory, named, clock=works.access.clock, why="record deleted")
        pids = set(going.values()) - needed - {""}
        if pids and not works.access.grants.list_holds():
            pids = (pids | _other_pids(works, pids)) - needed
            only = frozenset(map(person_digest, pids))
            for dataset in DATASETS.values():
                for column in (name for name in PIDS if name in dataset.by_name):
                    where = [Where(column, only=only)]
                    erase(works.store.directory, dataset.name, where, clock=works.access.clock, why="record deleted")

    return destroy


def _forget_positions(works: Works, batch: Sequence[Due]) -> None:
    """Take from calls for help where the caller stood; the place that was told and the rest of the call stay."""
    now_min = epoch_minute(works.clock())
    for due in batch:
        if due.item.kind != HELP_POSITION:
            continue
        with works.ledger.unit(now_min) as unit:
            call = unit.find_task(due.item.item_id.removeprefix(f"{HELP_POSITION} "))
            if call is not None and call.told.get("lon") is not None:
                told = {**call.told, "lon": None, "lat": None}
                unit.save_task(replace(call, told=told, version=call.version + 1))


def _other_pids(works: Works, pids: set[str]) -> set[str]:
    """Return the pseudonyms of the same persons under the keys of other epochs."""
    links = collect(works.store.tables(("pseudonym_links",))["pseudonym_links"].select(*PIDS)).to_pylist()
    return {pid for link in links if pids & {*link.values()} for pid in link.values()}


def _incubation_d(works: Works) -> int:
    """Return the longest incubation of the diseases whose data stand; a record waits for the slowest of them."""
    destroyed = list_destroyed(works.access.database)
    standing = [each for each in works.ledger.list_emergencies() if each.emergency_id not in destroyed]
    told = {(each.disease, from_epoch_minute(each.begins_min).date()) for each in standing}
    default = (str(load(SCENES["epidemic"]).params["disease"]), works.clock().date())
    return max(ceil(plan_of(disease, on).incubation_days.value[1]) for disease, on in told or {default})
