"""What a scene found, once per key."""

from collections.abc import Mapping
from dataclasses import dataclass

from hubtwin.model.record import Marks


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
