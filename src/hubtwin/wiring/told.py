"""What partners were told, as the hub can show it: message, case, profile and names of fields, never a value.

Which case a message was about, and which fields it told, is written in the audit before it leaves (`Disclosed`); the
books of messages know where it is, and what it says as long as it has not arrived.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.base.errors import Absent, Malformed, Retry
from hubtwin.channels.cloudevent import read_event
from hubtwin.model.message import Envelope, Outgoing
from hubtwin.model.partner import Agreement, Partner
from hubtwin.rules.disclosure import paths_of
from hubtwin.stores.audit import Entry
from hubtwin.stores.liaison import Liaison, party
from hubtwin.stores.wire import Wire
from hubtwin.wiring.works import Works

DISCLOSED = "Disclosed"  # the kind of audit row that says what a partner is told
_SCHEMA = "urn:hubtwin:disclosure:"
MS_MIN = 60_000


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What is on file of a message: about which case (empty: unknown), under which profile, the paths of its fields."""

    case_id: str = ""
    profile: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A message to a partner, with what is on file of it. `at_min` is a minute of the hub clock."""

    outgoing: Outgoing
    about: Disclosure

    @property
    def at_min(self) -> int:
        """Return when it was written."""
        return self.outgoing.written_ms // MS_MIN


def liaison_of(works: Works) -> Liaison:
    """Return the links and answers of an open hub."""
    access = works.access
    return Liaison(access.database, access.audit, clock=access.clock)


def wire_of(works: Works) -> Wire:
    """Return the books of messages. Raises Retry where this process has not opened them."""
    if works.partners is None:
        raise Retry("wiring.no_wire")
    return works.partners.wire


def get_partner(works: Works, partner_id: str) -> Partner:
    """Return a partner of hub.toml. Raises Absent."""
    found = works.settings.partners.get(partner_id)
    if found is None:
        raise Absent("wiring.no_partner", partner=partner_id)
    return found.partner


def day_of(works: Works, at_min: int) -> date:
    """Return the day of the hub in which a minute lies: agreements end with one."""
    return local(from_epoch_minute(at_min), works.settings.hub.zone).date()


def find_agreement(partner: Partner, profile: str, day: date) -> Agreement | None:
    """Return the agreement under which a partner is told, or answers, on a day; with no profile, any."""
    live = [one for one in partner.agreements if one.is_in_force(day) and one.profile]
    return next((one for one in live if not profile or one.profile == profile), None)


def get_message(works: Works, partner_id: str, message_id: str) -> Told:
    """Return a message to a partner. Raises Absent."""
    found = wire_of(works).find_outgoing(partner_id, message_id)
    if found is None:
        raise Absent("wiring.no_message", message=message_id, partner=partner_id)
    told = disclosures(works, partner_id, message_id)
    return _known(works, found, told.get((partner_id, message_id)))


def list_messages(works: Works, partner_id: str, limit: int, before: int | None = None) -> list[Told]:
    """Return what was written for a partner, newest first."""
    found, told = wire_of(works).list_outgoing(partner_id, limit, before), disclosures(works, partner_id)
    return [_known(works, one, told.get((partner_id, one.id))) for one in found]


def list_about(works: Works, case_id: str) -> list[Told]:
    """Return what partners were told of a case, the oldest first."""
    told = disclosures(works, naming=case_id)
    found = []
    for (partner_id, message_id), about in told.items():
        message = wire_of(works).find_outgoing(partner_id, message_id) if about.case_id == case_id else None
        if message is not None:
            found.append(Told(message, about))
    return sorted(found, key=lambda one: one.outgoing.number)


def disclosures(
    works: Works, partner_id: str | None = None, naming: str | None = None
) -> dict[tuple[str, str], Disclosure]:
    """Return what is on file of messages, by partner and message id."""
    by = party(partner_id) if partner_id else None
    return dict(map(_disclosed, works.access.audit.list_entries(kind=DISCLOSED, by=by, naming=naming)))


def read_message(works: Works, message: Told) -> Envelope | None:
    """Return what a message says; None where it was destroyed."""
    content = wire_of(works).read_outgoing(message.outgoing.partner, message.outgoing.id)
    return None if content is None else read_event(content)


def _disclosed(entry: Entry) -> tuple[tuple[str, str], Disclosure]:
    told: Mapping[str, object] = entry.payload
    fields: object = told.get("fields")
    names = tuple(map(str, fields)) if isinstance(fields, Sequence) else ()
    partner = entry.by.partition(":")[2]
    return (partner, str(told.get("message", ""))), Disclosure(
        str(told.get("about", "")), profile_of(str(told.get("schema", ""))), names
    )


def profile_of(schema: str) -> str:
    """Return the disclosure profile that a `dataschema` names; empty where it names none."""
    return schema.removeprefix(_SCHEMA).split(":")[0] if schema.startswith(_SCHEMA) else ""


def _known(works: Works, message: Outgoing, about: Disclosure | None) -> Told:
    """Return a message with what is on file of it, or with what it says of itself as long as it can be read."""
    if about is None:
        case = works.ledger.find_case(message.subject)
        about = Disclosure(case.case_id if case else "")
        envelope = _envelope(works, message)
        if envelope is not None:
            about = Disclosure(
                about.case_id, profile_of(envelope.dataschema), tuple(sorted(set(paths_of(envelope.data))))
            )
    return Told(message, about)


def _envelope(works: Works, message: Outgoing) -> Envelope | None:
    try:
        return read_message(works, Told(message, Disclosure()))
    except (Absent, Malformed):  # its key was destroyed a moment ago
        return None
