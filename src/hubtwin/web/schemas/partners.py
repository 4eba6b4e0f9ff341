"""What pages and programs read and say about partners: agreements, messages without what they say, answers, links.

Only `LetterReply` holds what a message says: it goes to the partner that the message is for, and to nobody else.
Minutes are those of the hub clock, but those of a link, which lives by the real one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from hubtwin.model.partner import Level, Said, Way
from hubtwin.rules.answers import LINK_MIN, LONGEST_LINK_MIN, MAX_BY, MAX_NOTE
from hubtwin.web.schemas.asked import Asked, Line, Short, Whole
from hubtwin.web.schemas.hub import Words

AgreementState = Literal["in_force", "expiring", "expired", "later", "none"]
ChannelState = Literal["well", "waiting", "failed", "page"]
SaidName = Annotated[str, Field(json_schema_extra={"enum": [said.value for said in Said]}, max_length=20)]


@dataclass(frozen=True, slots=True)
class FieldName:
    """A field that a message may hold, by its path and in words; never its value."""

    path: str
    name: Words
    personal: bool


@dataclass(frozen=True, slots=True)
class ContactView:
    """An office that can be called."""

    office: str
    phone: str
    hours: str


@dataclass(frozen=True, slots=True)
class AgreementView:
    """An agreement: both days are included. `days_left` is 0 on its last day and negative after it."""

    agreement_id: str
    purpose: str
    basis: str
    from_day: str
    until_day: str
    days_left: int
    state: AgreementState
    profile: str | None
    profile_name: Words | None
    fields: Sequence[FieldName]
    takes: Sequence[str]


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer. `by` is the name that the partner gave, `through` says how it came: link, page, api, wire."""

    said: Said
    at_min: int
    by: str
    note: str
    expected_min: int | None
    through: str


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link to a message; what opens it is not in here. Minutes of the real clock."""

    link_id: str
    message_id: str
    made_by: str
    made_min: int
    expires_min: int
    live: bool
    revoked_min: int | None
    opened: int
    opened_min: int | None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message to a partner. `settled`: the partner has it, or has refused it; `late_min`: an answer is due so long.

    `case_id` is null where it is about no case that the hub knows (any more). `fields` are names, never values.
    """

    message_id: str
    partner_id: str
    case_id: str | None
    profile: str
    profile_name: Words
    fields: Sequence[FieldName]
    at_min: int
    state: str
    settled: bool
    reason: Words | None
    readable: bool
    due_min: int
    late_min: int
    answers: Sequence[AnswerView]
    links: Sequence[LinkView]


@dataclass(frozen=True, slots=True)
class GivenDay:
    """How many messages of one profile a partner was told on a day of the hub."""

    day: str
    profile: str
    profile_name: Words
    sent: int
    settled: int
    waiting: int


@dataclass(frozen=True, slots=True)
class ReceivedRow:
    """A message from a partner: applied, held or refused; `changed` things here, null where nobody has used it yet."""

    message_id: str
    kind: str | None
    state: str
    reason: Words | None
    at_min: int
    changed: int | None


@dataclass(frozen=True, slots=True)
class UsedRow:
    """Something that a partner sent and that was taken in: what kind, and how much it changed."""

    message_id: str
    kind: str
    changed: int
    at_min: int


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """Something that one side did not take. `ours`: we refused it; `number` of them, where they were only counted."""

    ours: bool
    message_id: str | None
    reason: Words
    number: int
    at_min: int | None


@dataclass(frozen=True, slots=True)
class ChannelView:
    """The way to a partner: how it stands, when a message last arrived, what failed, when it is tried again."""

    way: Way
    state: ChannelState
    waiting: int
    last_min: int | None
    problem: Words | None
    next_min: int | None


@dataclass(frozen=True, slots=True)
class PartnerRow:
    """A partner at a glance. `ends_in_days` is of the agreement that ends first, null where none is in force."""

    partner_id: str
    name: Words
    level: Level
    given: int
    received: int
    waiting: int
    late: int
    refused: int
    agreement: AgreementState
    ends_in_days: int | None
    channel: ChannelView


@dataclass(frozen=True, slots=True)
class PartnersReply:
    """The partners that the reader may see, those that need somebody first."""

    now_min: int
    partners: Sequence[PartnerRow]


@dataclass(frozen=True, slots=True)
class PartnerReply:
    """A partner in full. Lists are newest first; `left_out` older messages are counted nowhere else."""

    now_min: int
    real_now_min: int
    row: PartnerRow
    contact: ContactView | None
    answer_min: int
    agreements: Sequence[AgreementView]
    given: Sequence[GivenDay]
    messages: Sequence[MessageRow]
    received: Sequence[ReceivedRow]
    used: Sequence[UsedRow]
    refused: Sequence[RefusedRow]
    left_out: bool
    may_link: bool


@dataclass(frozen=True, slots=True)
class LogCheck:
    """What a verification of the message log with a partner found."""

    at_min: int
    whole: bool
    entries: int
    heads: int
    last_head: int
    problems: Sequence[Words]


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link just made. `path` is shown once and stored nowhere: whoever has it may read and answer."""

    path: str
    link: LinkView


@dataclass(frozen=True, slots=True)
class HeldRow:
    """Somebody who should have been told of a case and was not, with why; `partner` is null where nobody is there."""

    partner: Words | None
    profile_name: Words
    reason: Words
    at_min: int


@dataclass(frozen=True, slots=True)
class CaseToldRow:
    """Whom a case was told to."""

    partner: Words
    message: MessageRow


@dataclass(frozen=True, slots=True)
class CaseToldReply:
    """To whom a case was told, the oldest first, and to whom it could not be."""

    told: Sequence[CaseToldRow]
    held: Sequence[HeldRow]
    may_link: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of a message in words. `number` tells apart facts of a list, from 1; 0 where there is no list."""

    path: str
    number: int
    name: Words
    value: Words


@dataclass(frozen=True, slots=True)
class LetterReply:
    """A message as its partner reads it. `facts` is empty and `gone` true once what it said was destroyed.

    `answerable` is what may be said now. `expires_min` is the end of the link by the real clock, null without a link.
    """

    message_id: str
    hub: Words
    hub_contact: ContactView | None
    partner: Words
    profile: str
    profile_name: Words
    purpose: str
    basis: str
    until_day: str
    at_min: int
    at: str
    status: str
    synthetic: bool
    replayed: bool
    gone: bool
    facts: Sequence[Fact]
    answers: Sequence[AnswerView]
    answerable: Sequence[Said]
    expires_min: int | None
    expires: str | None
    zone: str


@dataclass(frozen=True, slots=True)
class LettersReply:
    """The messages of the reader's own agency, newest first."""

    now_min: int
    partner: Words
    answer_min: int
    messages: Sequence[MessageRow]


class IssueLink(Asked):
    """A link that is to be made; it lives so many minutes."""

    lasts_min: Annotated[int, Field(ge=5, le=LONGEST_LINK_MIN)] = LINK_MIN


class SayAnswer(Asked):
    """An answer. `key` is a name that the sender gives it: sent again under the same name it is one answer.

    `expected_min` is an epoch minute, with "accepted" only; `note` is the reason, with "refused" always.
    """

    said: SaidName
    by: Annotated[Line, Field(max_length=MAX_BY)] = ""
    note: Annotated[Line, Field(max_length=MAX_NOTE)] = ""
    expected_min: Whole | None = None
    key: Short | None = None
