"""What every step of the loop asks first: is the event declared, may this person, is it a person at all."""

from typing import Protocol

from hubtwin.base.errors import Denied, Malformed
from hubtwin.base.ids import stable_key
from hubtwin.model.emergency import Emergency
from hubtwin.model.record import Marks
from hubtwin.ports import LedgerReader, Unit


class May(Protocol):
    """Raises Denied where the caller may not do `action` ("case.release", "task.accept", "overflow.switch", ...)."""

    def __call__(self, action: str, *, scene: str | None = None, team: str | None = None) -> None: ...


SYSTEM = "system"
_DEVICES = ("device:", "system:")


def is_person(by: str) -> bool:
    """Return whether a name stands for a person and not for a clock or a device."""
    return bool(by.strip()) and by != SYSTEM and not by.startswith(_DEVICES)


def refuse_machine(by: str) -> None:
    """Raise Denied where no person decides."""
    if not is_person(by):
        raise Denied("flow.no_person", by=by)


def refuse_empty(**told: str) -> None:
    """Raise Malformed for the first thing that was left empty."""
    for name, value in told.items():
        if not value.strip():
            raise Malformed("flow.empty", what=name)


def find_emergency(ledger: LedgerReader, scene: str, at_min: int) -> Emergency | None:
    """Return the event that is in force for a scene at a minute."""
    return next((found for found in ledger.list_emergencies(scene) if found.in_force(at_min)), None)


def require_emergency(ledger: LedgerReader, scene: str, at_min: int) -> Emergency:
    """Return the event in force. Raises Denied: without one nothing is collected and nothing is judged."""
    found = find_emergency(ledger, scene, at_min)
    if found is None:
        raise Denied("flow.no_emergency", scene=scene)
    return found


def is_new(unit: Unit, key: str | None, *command: object) -> bool:
    """Return whether a command was not carried out before; without a key every command is new."""
    return key is None or unit.once(key, stable_key(*command))


def shown(marks: Marks) -> dict[str, object]:
    """Return the marks that an event carries."""
    return {"provenance": marks.provenance.value, "replayed": marks.replayed}
