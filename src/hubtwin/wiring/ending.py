"""The end of an event: its scene stops, and its personal data are destroyed on two people's word, or it is said why
not.

Ending and destroying are two steps that a kill may part. What stands is therefore never remembered but derived: an
event that is over has its data destroyed once its certificate stands among the reports, and not before.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from hubtwin.base.clock import DAY_MIN, epoch_minute, from_epoch_minute
from hubtwin.base.errors import Absent, Denied
from hubtwin.base.failpoint import failpoint
from hubtwin.flow.emergency import end_emergency
from hubtwin.flow.guard import refuse_machine, shown
from hubtwin.model.agency import Person
from hubtwin.model.emergency import Emergency
from hubtwin.model.event import EventKind
from hubtwin.ports import CaseFilter
from hubtwin.rules.permission import may
from hubtwin.rules.quality import Problem
from hubtwin.stores.ending import (
    DESTROY,
    DESTROY_WORD_MIN,
    EndOrder,
    destroy_emergency,
    find_certificate,
    list_destroyed,
    refuse_destruction,
)
from hubtwin.wiring.keeping import follow, keeping_of, plan_of
from hubtwin.wiring.recording import forget_recordings
from hubtwin.wiring.works import Works

Data = Literal["held", "standing", "destroyed"]
KEPT = ("stores.legal_hold", "stores.emergency_shares")  # what keeps the data of an event that is over
NO_REASON = "-"
_ALL = 1 << 53


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the data of an event that is over: the signed certificate, or why they were kept."""

    certificate: str | None = None
    kept_because: Problem | None = None


def end_and_destroy(works: Works, emergency: Emergency, *, by: str, second: str, reason: str) -> Ended:
    """End an event and destroy its data, on the word of two people who have proved who they are.

    `by` and `second` are user ids. A legal hold, or another event that needs rows of the same time, keeps the data:
    the event ends all the same. Raises Denied (not allowed, the same person twice), Absent, Retry; after Retry the
    event may have ended, and `destroy_standing` goes on.
    """
    who, other = _two(works, emergency, by, second)
    end_emergency(
        *(works.ledger, emergency.emergency_id, works.clocks_min, partial(may, who)),
        by=who.user_id,
        at_min=epoch_minute(works.clock()),
        second=other.user_id,
    )
    told = {"emergency": emergency.emergency_id, "second": other.user_id, "reason": reason}
    works.access.audit.append("EmergencyEnded", who.user_id, told)
    failpoint("wiring.emergency_ended")
    return _destroy(works, emergency.emergency_id, who, other, reason)


def destroy_standing(works: Works, emergency_id: str, *, by: str, second: str, reason: str) -> Ended:
    """Destroy the data of an event that is over and whose data still stand; destroyed ones give their certificate.

    Raises Denied (not allowed, the same person twice, the event lasts), Absent, Retry.
    """
    emergency = _get(works, emergency_id)
    who, other = _two(works, emergency, by, second)
    return _destroy(works, emergency_id, who, other, reason)


def data_of(works: Works, emergency: Emergency) -> Data:
    """Return what became of the data of an event."""
    if not _is_over(works, emergency):
        return "held"
    return "standing" if find_certificate(works.access.database, emergency.emergency_id) is None else "destroyed"


def why_kept(works: Works, emergency: Emergency) -> Problem | None:
    """Return what keeps the data of an event that is over, None where nothing does."""
    try:
        refuse_destruction(keeping_of(works), _order(works, emergency, ""))
    except Denied as error:
        if error.key not in KEPT:
            return None  # it lasts: its data are held, not kept
        return Problem(error.key, error.values)
    return None


def list_standing(works: Works) -> list[Emergency]:
    """Return the events that are over and whose data stand, the oldest first."""
    return [each for each in works.ledger.list_emergencies() if data_of(works, each) == "standing"]


def _destroy(works: Works, emergency_id: str, who: Person, other: Person, reason: str) -> Ended:
    emergency = _get(works, emergency_id)
    known = find_certificate(works.access.database, emergency_id)
    if known is not None:
        forget_recordings(works, emergency_id)
        return Ended(known)
    if (kept := why_kept(works, emergency)) is not None:
        return Ended(kept_because=kept)
    follow(works)
    grants, why = works.access.grants, reason.strip() or NO_REASON
    word_id = grants.ask_word(DESTROY, emergency_id, by=who.user_id, reason=why, lasts_min=DESTROY_WORD_MIN)
    grants.give_word(word_id, by=other.user_id)
    try:
        sealed = destroy_emergency(keeping_of(works), _order(works, emergency, who.user_id, word_id))
    except Denied as error:
        if error.key not in KEPT:
            raise
        return Ended(kept_because=Problem(error.key, error.values))  # a hold was set a moment ago
    forget_recordings(works, emergency_id)
    with works.ledger.unit(epoch_minute(works.clock())) as unit:  # for the pages; what counts is the certificate
        told = {"emergency": emergency_id, "by": who.user_id, "second": other.user_id, **shown(emergency.marks)}
        unit.append(EventKind.EMERGENCY_DATA_DESTROYED, emergency_id, told, emergency.scene)
    return Ended(sealed)


def _order(works: Works, emergency: Emergency, by: str, word_id: str = "") -> EndOrder:
    """Return what is destroyed. In a replay the vault dates persons by another clock than the event, so everybody in
    it goes whom no other event needs."""
    cases = works.ledger.list_cases(CaseFilter(emergency_id=emergency.emergency_id, limit=_ALL))
    begins = from_epoch_minute(emergency.begins_min).date()
    lookback_d = plan_of(emergency.disease, begins).area_lookback_d.value
    return EndOrder(
        emergency,
        emergency.begins_min - lookback_d * DAY_MIN,
        by,
        word_id,
        pids=[*(case.pid for case in cases), *(works.access.vault.list_people() if works.mode != "live" else ())],
        open_pids=sorted({case.pid for case in cases if case.is_open}),
        others=_list_needing(works, emergency),
        subjects=[case.case_id for case in cases if not case.is_open],
    )


def _list_needing(works: Works, emergency: Emergency) -> list[Emergency]:
    """Return the other events whose data have to stay: those that last, and those on hold. One that is over and free
    waits for the same order itself; two of them must not keep each other for ever."""
    destroyed, held = list_destroyed(works.access.database), works.access.grants.list_holds()
    on_hold = {hold.emergency_id for hold in held}
    return [
        other
        for other in works.ledger.list_emergencies()
        if other.emergency_id not in destroyed | {emergency.emergency_id}
        and (not _is_over(works, other) or other.emergency_id in on_hold)
    ]


def _is_over(works: Works, emergency: Emergency) -> bool:
    now_min = epoch_minute(works.clock())
    return emergency.ended_min is not None or now_min >= emergency.ends_min


def _get(works: Works, emergency_id: str) -> Emergency:
    found = works.ledger.find_emergency(emergency_id)
    if found is None:
        raise Absent("flow.no_such_emergency", emergency_id=emergency_id)
    return found


def _two(works: Works, emergency: Emergency, by: str, second: str) -> tuple[Person, Person]:
    """Return the two people, each of whom may. Raises Denied, Absent."""
    refuse_machine(by)
    if second == by:
        raise Denied("flow.same_person", by=by)
    who, other = works.access.accounts.get_person(by), works.access.accounts.get_person(second)
    may(who, "emergency.end", scene=emergency.scene)
    may(other, "emergency.end_second", scene=emergency.scene)
    return who, other
