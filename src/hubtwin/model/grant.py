"""Why somebody may see personal data: grants with a purpose and an end, look-ups, and the word of a second person.

Grants are looked at when the question is asked, never before: an end or a revocation binds at the next question.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from hubtwin.base.errors import Denied, Malformed

VAULT = "vault"  # stands for a dataset: the personal fields that the vault keeps sealed
VAULT_FIELDS = ("name", "id_type", "id_no", "phone", "address", "declared_origin")
LONGEST_GRANT_MIN = 90 * 24 * 60  # sensitive columns: reference governance 1.8(3), at most 90 days
GLASS_MIN = 15  # break-glass and the word of a second person last this long (epidemic reference E2.9)
REVIEW_MIN = 24 * 60  # break-glass is reviewed within a day (E2.9)
ALONE = 20  # more persons than this are unmasked on two people's word only (E2.9)


class Purpose(StrEnum):
    """What personal data may be read for; there is no other purpose (epidemic reference E2.7)."""

    WARN = "warn"
    TRACE = "trace"
    TEST = "test"
    TRANSFER = "transfer"
    REPORT = "report"
    APPEAL = "appeal"
    MAINTAIN = "maintain"


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody may read some columns of a dataset for some purposes, from a minute until before another.

    `grantee` is a user id or `scene:<name>`. `approved_by` is the second person. `glass`: taken by breaking the
    glass, not given; it needs a review.
    """

    grant_id: str
    grantee: str
    dataset: str
    columns: frozenset[str]
    purposes: frozenset[Purpose]
    scene: str
    from_min: int
    until_min: int
    issued_by: str
    approved_by: str
    reason: str
    emergency_id: str = ""
    glass: bool = False
    revoked_min: int | None = None
    revoked_by: str = ""
    reviewed_min: int | None = None
    reviewed_by: str = ""

    def is_live(self, at_min: int) -> bool:
        """Return whether it holds at a minute."""
        return self.revoked_min is None and self.from_min <= at_min < self.until_min

    def review_due_min(self) -> int | None:
        """Return the minute by which somebody else must look at it; None where nobody has to, or has."""
        return self.from_min + REVIEW_MIN if self.glass and self.reviewed_min is None else None


@dataclass(frozen=True, slots=True)
class LookUp:
    """A question to personal data. `about` names the case or the train; `word_id` the word of a second person."""

    by: str
    scene: str
    purpose: Purpose
    dataset: str
    columns: tuple[str, ...]
    about: str
    pids: tuple[str, ...] = ()
    word_id: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """One person asks for something that takes two, another agrees, the first uses it once.

    `digest` says what exactly was asked for, so that nothing else can be done with it.
    """

    word_id: str
    kind: str
    digest: str
    asked_by: str
    asked_min: int
    lasts_min: int
    reason: str
    agreed_by: str = ""
    agreed_min: int | None = None
    used_min: int | None = None


def refuse_bad_grant(grant: Grant) -> None:
    """Raise Malformed for a grant that says too little or lasts too long, Denied where two people are not two."""
    if not (grant.columns and grant.purposes and grant.grantee and grant.scene and grant.dataset):
        raise Malformed("model.grant_empty", grantee=grant.grantee or "-", dataset=grant.dataset or "-")
    if not grant.reason.strip():
        raise Malformed("model.grant_without_reason")
    if not grant.from_min < grant.until_min <= grant.from_min + LONGEST_GRANT_MIN:
        raise Malformed("model.grant_too_long", days=LONGEST_GRANT_MIN // 1440)
    people = {grant.issued_by, grant.approved_by, grant.grantee}
    if not grant.glass and (not grant.issued_by or not grant.approved_by or len(people) < 3):
        raise Denied("model.grant_needs_two", grantee=grant.grantee)


def find_cover(grants: Iterable[Grant], asked: LookUp, at_min: int) -> Grant:
    """Return the first grant that allows a look-up at a minute, those given before those taken.

    Raises Malformed where the look-up does not say what it is about or which columns it wants, Denied otherwise.
    """
    if not asked.about.strip():
        raise Malformed("model.look_up_about")
    if not asked.columns:
        raise Malformed("model.look_up_columns")
    fitting = [grant for grant in grants if _covers(grant, asked)]
    live = [grant for grant in fitting if grant.is_live(at_min)]
    if not live:
        key = "grant_over" if fitting else "no_grant"
        values = {"dataset": asked.dataset, "columns": ", ".join(asked.columns), "purpose": asked.purpose.value}
        raise Denied(f"model.{key}", **values)
    return min(live, key=lambda grant: (grant.glass, grant.grant_id))


def agree(word: Word, by: str, at_min: int) -> Word:
    """Return the word with a second person's agreement. Raises Denied for oneself, too late, or a second time."""
    if by == word.asked_by:
        raise Denied("model.word_of_oneself")
    if word.agreed_min is not None or word.used_min is not None:
        raise Denied("model.word_given")
    if at_min >= word.asked_min + word.lasts_min:
        raise Denied("model.word_expired", minutes=word.lasts_min)
    return replace(word, agreed_by=by, agreed_min=at_min)


def use(word: Word, kind: str, digest: str, by: str, at_min: int) -> Word:
    """Return the word as used up. Raises Denied unless it was asked for by `by`, for exactly this, and is fresh."""
    if word.used_min is not None:
        raise Denied("model.word_used")
    if word.agreed_min is None:
        raise Denied("model.word_missing")
    if (word.kind, word.digest, word.asked_by) != (kind, digest, by):
        raise Denied("model.word_for_other")
    if at_min >= word.asked_min + word.lasts_min:
        raise Denied("model.word_expired", minutes=word.lasts_min)
    return replace(word, used_min=at_min)


def _covers(grant: Grant, asked: LookUp) -> bool:
    return (
        grant.grantee == asked.by
        and grant.dataset == asked.dataset
        and grant.scene == asked.scene
        and asked.purpose in grant.purposes
        and set(asked.columns) <= grant.columns
    )
