"""Feedback: does the loop add up, and how long did it take. Entered = released + transferred + open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hubtwin.base.errors import HubError, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.flow.guard import shown
from hubtwin.model.case import Outcome
from hubtwin.model.event import EventKind, LoopTimes, Message
from hubtwin.model.record import UNMARKED, Marks
from hubtwin.ports import Ledger, LedgerReader, Unit

RELEASED = (Outcome.RELEASED, Outcome.FOLLOWED_UP, Outcome.CORRECTED)
TRANSFERRED = (Outcome.TRANSFERRED, Outcome.HANDED_OVER)


@dataclass(frozen=True, slots=True)
class Balance:
    """The loop of an emergency in persons. `entered`, `released` and `transferred` are counted from the events,
    `open` and `closed_rows` from the cases: two books that must agree.

    `difference` is entered - released - transferred - open; `unfiled` closed by the events but not by the cases;
    `missing` flagged by the sources but without a case, None where nobody told how many were flagged.
    """

    entered: int
    released: int
    transferred: int
    open: int
    closed_rows: int
    difference: int
    unfiled: int
    missing: int | None = None

    @property
    def agrees(self) -> bool:
        """Return whether nobody is lost and nobody is counted twice."""
        return not (self.difference or self.unfiled or self.missing)


def balance(ledger: LedgerReader, emergency_id: str, flagged: int | None = None) -> Balance:
    """Return the balance of an emergency as it stands; `flagged` is the number of persons that the sources flagged."""
    tally = ledger.tally(emergency_id)
    released = sum(tally.closed.get(outcome, 0) for outcome in RELEASED)
    transferred = sum(tally.closed.get(outcome, 0) for outcome in TRANSFERRED)
    return Balance(
        tally.entered,
        released,
        transferred,
        tally.open_rows,
        tally.closed_rows,
        difference=tally.entered - released - transferred - tally.open_rows,
        unfiled=sum(tally.closed.values()) - tally.closed_rows,
        missing=None if flagged is None else flagged - tally.entered,
    )


def reconcile(ledger: Ledger, emergency_id: str, now_min: int, flagged: int | None = None) -> Balance:
    """Write down whether the loop adds up: `LoopReconciled`, or `LoopDiffers`, which is an alarm."""
    with ledger.unit(now_min) as unit:
        return reconcile_in(unit, emergency_id, flagged)


def reconcile_in(unit: Unit, emergency_id: str, flagged: int | None = None) -> Balance:
    """Reconcile inside a unit."""
    found = balance(unit, emergency_id, flagged)
    emergency = unit.find_emergency(emergency_id)
    marks: Marks = emergency.marks if emergency else UNMARKED
    payload: dict[str, object] = {
        "emergency": emergency_id,
        "entered": found.entered,
        "released": found.released,
        "open": found.open,
        "transferred": found.transferred,
        "difference": found.difference,
        "unfiled": found.unfiled,
        "missing": found.missing,
        **shown(marks),
    }
    kind = EventKind.LOOP_RECONCILED if found.agrees else EventKind.LOOP_DIFFERS
    unit.append(kind, emergency_id, payload, emergency.scene if emergency else "")
    return found


def loop_times(ledger: LedgerReader, subject: str) -> LoopTimes | None:
    """Return when the loop reached each step for a subject (a train), None where nothing was measured."""
    found = ledger.list_times(subject=subject)
    return found[0] if found else None


def deliver(
    ledger: Ledger,
    send: Callable[[Message], None],
    now_min: int,
    *,
    limit: int = 100,
    send_many: Callable[[Sequence[Message]], None] | None = None,
) -> int:
    """Send the messages that wait, in order; return how many were acknowledged.

    `send` returns once the receiver has acknowledged; Retry of it ends the round, and the message waits. `send_many`
    takes all of them at once, in one transaction, or none: what it does not take, `send` gets one by one, so that one
    wrong message is found. A crash between sending and marking repeats messages, never loses one: receivers know them
    again by their keys.
    """
    waiting: Sequence[Message] = ledger.list_outbox(limit)
    if send_many is not None and len(waiting) > 1 and _took_all(send_many, waiting):
        failpoint("flow.sent")
        with ledger.unit(now_min) as unit:
            for message in waiting:
                unit.mark_sent(message.key)
        return len(waiting)
    for number, message in enumerate(waiting):
        try:
            send(message)
        except Retry:
            return number
        failpoint("flow.sent")
        with ledger.unit(now_min) as unit:
            unit.mark_sent(message.key)
    return len(waiting)


def _took_all(send_many: Callable[[Sequence[Message]], None], waiting: Sequence[Message]) -> bool:
    try:
        send_many(waiting)
    except HubError:
        return False
    return True
