"""Who may read what, and what was written down about it: grants, broken glasses, holds, reports, the audit.

The minutes of this file are those of the real clock, not of a replayed day: grants and sessions do not run faster
because a day does. `now` of a reply is that clock, so that a page can count down. No answer here holds a personal
value of a passenger; free text that somebody typed (`reason`, `note`) is shown to those who may read grants.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from hubtwin.model.grant import LONGEST_GRANT_MIN, Purpose
from hubtwin.web.schemas.asked import Asked, Day, PurposeName, Reference, Second, Short
from hubtwin.web.schemas.hub import Words

LONGEST_D = LONGEST_GRANT_MIN // 1440
Reason = Annotated[str, StringConstraints(min_length=2, max_length=500, strip_whitespace=True)]


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A column or a field with its name and its sensitivity, 1 to 4 (DB33/T 2351)."""

    column: str
    name: Words
    grade: int


@dataclass(frozen=True, slots=True)
class LookedAt:
    """One look-up under a grant: about which case or train, which columns, how many persons; never who.

    `about` is null where it names no case and no train that the hub knows.
    """

    seq: int
    at_min: int
    about: str | None
    columns: Sequence[ColumnChoice]
    persons: int


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant. `glass`: taken by breaking the glass; `looked_at` then tells what was done under it.

    `review_due_min` is null where nobody has to review it, or somebody has; `justified` and `note` are null where
    there is no review, or where the audit of that time has been deleted.
    """

    grant_id: str
    grantee: str
    dataset: str
    dataset_name: Words
    columns: Sequence[ColumnChoice]
    purposes: Sequence[Purpose]
    scene: str
    from_min: int
    until_min: int
    live: bool
    issued_by: str
    approved_by: str | None
    reason: str
    emergency_id: str | None
    glass: bool
    revoked_min: int | None
    revoked_by: str | None
    review_due_min: int | None
    reviewed_min: int | None
    reviewed_by: str | None
    justified: bool | None
    note: str | None
    looked_at: Sequence[LookedAt]


@dataclass(frozen=True, slots=True)
class GrantsReply:
    """Grants: the live ones by their end, then the past ones, newest first; `left_out` older ones are not told."""

    now: str
    now_min: int
    grants: Sequence[GrantView]
    left_out: int


@dataclass(frozen=True, slots=True)
class MyGrant:
    """What the one who asks may unmask now: which fields, for what, until when."""

    grant_id: str
    scene: str
    columns: Sequence[str]
    purposes: Sequence[Purpose]
    until_min: int
    glass: bool


@dataclass(frozen=True, slots=True)
class MyGrantsReply:
    """The live grants to the vault of the one who asks, and which fields there are at all."""

    now: str
    now_min: int
    grants: Sequence[MyGrant]
    fields: Sequence[ColumnChoice]


@dataclass(frozen=True, slots=True)
class DatasetChoice:
    """A dataset about persons, or the vault."""

    dataset: str
    name: Words
    columns: Sequence[ColumnChoice]


@dataclass(frozen=True, slots=True)
class PurposeChoice:
    """A purpose in words."""

    purpose: Purpose
    name: Words


@dataclass(frozen=True, slots=True)
class Grantee:
    """An account that a grant may go to. `unmasks`: its post may open the vault under a grant."""

    id: str
    name: str
    unmasks: bool


@dataclass(frozen=True, slots=True)
class SceneChoice:
    """A scene with the accounts that work in it; `grantee` is the scene itself, for its datasets."""

    scene: str
    grantee: str
    people: Sequence[Grantee]


@dataclass(frozen=True, slots=True)
class EmergencyChoice:
    """A declared event. `begins_min` and `ends_min` are minutes of the hub clock."""

    emergency_id: str
    scene: str
    disease: str
    begins_min: int
    ends_min: int
    in_force: bool


@dataclass(frozen=True, slots=True)
class GrantOptions:
    """What can be granted, to whom, for what."""

    datasets: Sequence[DatasetChoice]
    purposes: Sequence[PurposeChoice]
    scenes: Sequence[SceneChoice]
    emergencies: Sequence[EmergencyChoice]
    longest_days: int


@dataclass(frozen=True, slots=True)
class HoldView:
    """A legal hold that stands."""

    hold_id: str
    emergency_id: str
    reason: str
    set_by: str
    set_min: int


@dataclass(frozen=True, slots=True)
class HoldsReply:
    """The holds that stand, and the events that one can be set on, newest first."""

    now: str
    now_min: int
    holds: Sequence[HoldView]
    emergencies: Sequence[EmergencyChoice]


@dataclass(frozen=True, slots=True)
class ReportView:
    """A signed report as it is printed. Where it is not `verified`, `problem` says why and `text` is null.

    `report_id`, `kind` and `at` are then what it claims of itself, null where it cannot be read.
    """

    report_id: str | None
    kind: str | None
    title: Words
    at: str | None
    verified: bool
    problem: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class ReportsReply:
    """The reports, newest first; `left_out` older ones are not told. `public_key` is what they are verified with."""

    reports: Sequence[ReportView]
    left_out: int
    public_key: str


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A row of the audit. `what` holds references, counts and names of columns: no free text and nobody's pseudonym."""

    seq: int
    at_min: int
    kind: str
    title: Words
    by: str
    what: Mapping[str, str | int | bool | Sequence[str]]


@dataclass(frozen=True, slots=True)
class AuditReply:
    """Rows of the audit, newest first. `next` goes into `after` for older ones."""

    now: str
    now_min: int
    entries: Sequence[AuditLine]
    next: int | None


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What a walk along the whole chain found: how many rows, the last one, and everything that is wrong."""

    at_min: int
    whole: bool
    rows: int
    last_seq: int
    problems: Sequence[Words]


class IssueGrant(Asked):
    """Let somebody read columns of a dataset (or fields of the vault) for purposes; the second person agrees here.

    Give either `days` from now, or `until`, the last day included, hub time. `grantee` is an account or
    `scene:<name>`.
    """

    grantee: Short
    scene: Short
    dataset: Short
    columns: list[Short] = Field(min_length=1, max_length=64)
    purposes: list[PurposeName] = Field(min_length=1, max_length=7)
    days: Annotated[int, Field(ge=1, le=LONGEST_D)] | None = None
    until: Day | None = None
    reason: Reason
    emergency_id: Reference | None = None
    second: Second


class ReviewGlass(Asked):
    """What somebody else thinks of a broken glass."""

    justified: bool
    note: Reason


class SetHold(Asked):
    """Let nothing of an event be destroyed until the hold is lifted."""

    emergency_id: Reference
    reason: Reason
