"""A batch for the platform above the hub: its head, its rows as they are sent, and what is answered to each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hubtwin.model.record import UNMARKED, Marks


class RowFate(StrEnum):
    """What the platform above did with a row."""

    ACCEPTED = "accepted"  # it has the row now
    DOUBLED = "doubled"  # it had the row, or a newer one, before; nothing happened again
    REFUSED = "refused"  # with a reason


@dataclass(frozen=True, slots=True)
class BatchHead:
    """The head of a batch. `revision` is 0 for the first sending of some persons and counts its corrections, each a
    batch of its own that names the one it `corrects`. `attempt` counts how often it was begun to be sent.

    `reason` is why the platform took none of it, empty where it did.
    """

    batch_id: str
    partner: str
    template: str
    version: int
    made_min: int
    from_min: int
    until_min: int
    revision: int = 0
    corrects: str = ""
    marks: Marks = UNMARKED
    attempt: int = 0
    staged: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SentRow:
    """A row on its way: key and revision are its idempotency key, cells are in the order of the template."""

    key: str
    revision: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """What the platform says of a row."""

    key: str
    revision: int
    fate: RowFate
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """One part of the platform's receipt for a batch. With a `reason` it took none of it; `counts` are of all parts."""

    batch_id: str
    attempt: int
    part: int
    parts: int
    rows: Sequence[RowAnswer]
    counts: dict[str, int] = field(default_factory=dict)
    reason: str = ""
