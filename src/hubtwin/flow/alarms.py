"""Alarms and the people who hear them: acknowledged by a name, or shelved for a time and a reason."""

from collections.abc import Iterable

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.flow.guard import May, refuse_empty, refuse_machine
from hubtwin.model.event import ALARMS, NEVER_SHELVED, EventKind, is_alarm
from hubtwin.ports import Ledger

LONGEST_MIN = 8 * 60  # ours: nothing stays shelved beyond the shift that shelved it


def acknowledge(ledger: Ledger, seqs: Iterable[int], may: May, *, by: str, at_min: int) -> int:
    """Write down that somebody has heard alarms, named by the numbers of their events; return how many were new.

    It says nothing about the alarm's cause, which goes on. `may` is asked about the scene of each, empty for an alarm
    of the whole hub. Raises Denied, Absent (no such alarm): then none is written.
    """
    refuse_machine(by)
    with ledger.unit(at_min) as unit:
        new = 0
        for seq in sorted(set(seqs)):
            found = unit.list_events(seq - 1, limit=1)
            if not found or found[0].seq != seq or not is_alarm(found[0].kind, found[0].payload):
                raise Absent("flow.no_such_alarm", seq=seq)
            may("alarm.acknowledge", scene=found[0].scene)
            if unit.list_events(seq, kinds=(EventKind.ALARM_ACKNOWLEDGED,), subject=str(seq), limit=1):
                continue
            unit.append(EventKind.ALARM_ACKNOWLEDGED, str(seq), {"seq": seq, "kind": found[0].kind, "by": by})
            new += 1
        return new


def shelve(ledger: Ledger, kind: str, may: May, *, by: str, reason: str, minutes: int, at_min: int) -> int:
    """Let alarms of a kind be quiet for some minutes, for a reason that others read; return the minute it ends.

    They are raised and listed all the same. 0 minutes take them from the shelf. Raises Denied (not allowed; a call for
    help is never shelved), Malformed (no such kind, no reason, too long).
    """
    may("alarm.shelve")
    refuse_machine(by)
    if kind not in ALARMS:
        raise Malformed("flow.no_such_alarm_kind", kind=kind)
    if kind in NEVER_SHELVED:
        raise Denied("flow.never_shelved", kind=kind)
    if not 0 <= minutes <= LONGEST_MIN:
        raise Malformed("flow.shelved_too_long", most=LONGEST_MIN)
    if minutes:
        refuse_empty(reason=reason)
    until_min = at_min + minutes
    with ledger.unit(at_min) as unit:
        told = {"kind": kind, "by": by, "reason": reason, "until_min": until_min}
        unit.append(EventKind.ALARM_SHELVED, kind, told)
    return until_min
