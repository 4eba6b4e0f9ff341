"""What leaves of the library through the channels of partners: sendings, their receipts, what was not taken."""

from collections.abc import Sequence
from dataclasses import dataclass

from hubtwin.web.schemas.hub import Words


@dataclass(frozen=True, slots=True)
class SentShare:
    """A sending of a share through the channel of its partner: the batch and how many rows it has; no batch where the
    partner has all rows as they are. `held` rows do not fit and wait for somebody."""

    batch_id: str | None
    rows: int
    held: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class SendingView:
    """A sending. Rows by what became of them: `ready` go with the next attempt, `sent` wait for the answer of the
    partner, which has `accepted` them or `refused` them; `held` do not fit; `superseded` are said by other rows.

    `arrived` of `messages` were receipted by the partner. `reason` is why it took none of it, in its own words.
    `corrects` names the sending that this one corrects. `made_min` is of the clock of the hub.
    """

    batch_id: str
    made_min: int
    corrects: str
    attempt: int
    ready: int
    sent: int
    accepted: int
    refused: int
    held: int
    superseded: int
    messages: int
    arrived: int
    reason: str
    synthetic: bool
    may: Sequence[str]


@dataclass(frozen=True, slots=True)
class SendingsReply:
    """The sendings of a share, newest first. `problem` is what went wrong last on the way to the partner, tried again
    at `next_min` of the clock of the hub; null: the way is well."""

    partner: Words
    problem: Words | None
    next_min: int | None
    sendings: Sequence[SendingView]


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line of a file that could not be taken."""

    line: int
    text: Words


@dataclass(frozen=True, slots=True)
class CorrectedReply:
    """What became of a file of corrections: `goes` rows were sent as another batch, `wrong` are still wrong, and
    `unchanged` came back as they were."""

    batch_id: str | None
    goes: int
    wrong: int
    unchanged: int
    problems: Sequence[WrongLine]


@dataclass(frozen=True, slots=True)
class SentAgain:
    """How many rows were sent once more."""

    rows: int
