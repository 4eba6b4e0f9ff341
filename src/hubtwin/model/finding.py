"""What a scene found, once per key, and whom it flagged."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubtwin.model.record import UNMARKED, Marks


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of `judge`.

    `key` makes it unique and safe to write twice; `evidence` says in plain values why it was found; `params`
    are the thresholds that were used, so that a later change of a table does not change what was decided.
    """

    key: str
    scene: str
    kind: str
    subject: str
    found_min: int
    score: float
    evidence: Mapping[str, object]
    params: Mapping[str, object]
    marks: Marks


@dataclass(frozen=True, slots=True)
class Flagged:
    """A person who was flagged, by pseudonym; `train` is empty where nobody told which one the person came by.

    `ref` is the finding or the reading that says so, of `at_min`; `values` are what of it may be shown.
    """

    pid: str
    train: str
    ref: str
    values: Mapping[str, object] = field(default_factory=dict)
    marks: Marks = UNMARKED
    at_min: int | None = None
