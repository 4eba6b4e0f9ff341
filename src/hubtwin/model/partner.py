"""Who a hub works with outside its own house: partners, the agreements with them, and the words they exchange.

An agreement is for one purpose and ends on a day; what it allows, it allows in both directions: the profile under
which the partner is told, and the types of messages that are taken from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Level(StrEnum):
    """Where a partner stands: beside the hub, or at a level of administration."""

    HUB = "hub"
    STREET = "street"
    DISTRICT = "district"
    CITY = "city"
    PROVINCE = "province"


class Way(StrEnum):
    """How messages reach a partner."""

    HTTPS = "https"
    FILES = "files"
    VIEWS = "views"  # tables that the partner reads
    SHEETS = "sheets"  # Excel, filled in by hand
    PAGE = "page"  # nothing of its own: signed links to the page of liaison


class Taken(StrEnum):
    """The types of messages that a hub takes from partners."""

    ANSWER = "hubtwin.answer"  # to something that the partner was told
    TRACE = "hubtwin.trace"  # what tracing of a case has found
    RISK_AREAS = "hubtwin.risk_areas"  # areas that are at risk, or no longer
    TASK = "hubtwin.task"  # something that the hub is asked to do
    CORRECTION = "hubtwin.correction"  # something that was wrong
    ROWS = "hubtwin.batch.rows"  # rows of a dataset of the library that the partner is the source of


class Said(StrEnum):
    """What a partner may answer."""

    RECEIVED = "received"
    ACCEPTED = "accepted"  # with the minute at which somebody will be there, if told
    REFUSED = "refused"  # with a reason
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was agreed. `profile` is empty where the partner is told nothing; both days are included."""

    agreement_id: str
    purpose: str
    basis: str
    from_day: date
    until_day: date
    profile: str = ""
    takes: frozenset[Taken] = frozenset()

    def is_in_force(self, day: date) -> bool:
        """Tell whether the agreement holds on a day of the hub."""
        return self.from_day <= day <= self.until_day


@dataclass(frozen=True, slots=True)
class Contact:
    """An office that can be reached, never a private person."""

    office: str
    phone: str = ""
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner. `partner_id` is how it stands in messages, `jurisdictions` are administrative codes.

    `keys` are its public Ed25519 keys in hex, the newest first; none: it sends nothing that is signed. An answer is
    late after `answer_min` minutes.
    """

    partner_id: str
    name: Mapping[str, str]
    level: Level
    way: Way
    jurisdictions: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    contact: Contact | None = None
    answer_min: int = 30

    def profiles(self, day: date) -> frozenset[str]:
        """Return the profiles under which the partner may be told on a day."""
        return frozenset(one.profile for one in self.agreements if one.profile and one.is_in_force(day))

    def takes(self, day: date) -> frozenset[Taken]:
        """Return the types of messages that are taken from the partner on a day."""
        return frozenset(kind for one in self.agreements if one.is_in_force(day) for kind in one.takes)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a partner to message `message_id`, about case `subject`. `by` is the name that the partner gave.

    `through` says how it came: "link", "page" or "wire". `expected_min` is an epoch minute.
    """

    partner: str
    message_id: str
    subject: str
    said: Said
    at_min: int
    through: str
    by: str = ""
    note: str = ""
    expected_min: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link to one message of one partner, for whoever holds it; what opens it is known to nobody here any more.

    Its minutes are those of the real clock: a link does not live shorter because a day is replayed.
    """

    link_id: str
    partner: str
    message_id: str
    made_by: str
    made_min: int
    expires_min: int
    revoked_min: int | None = None
    revoked_by: str = ""
    opened: int = 0
    opened_min: int | None = None

    def is_live(self, at_min: int) -> bool:
        """Tell whether the link opens at a minute."""
        return self.revoked_min is None and at_min < self.expires_min
