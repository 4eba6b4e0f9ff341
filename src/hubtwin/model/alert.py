"""A warning in the words of CAP 1.2 (OASIS, Common Alerting Protocol): one line per thing that is warned of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hubtwin.model.record import UNMARKED, Marks


class MsgType(StrEnum):
    """CAP `msgType`, as far as a hub sends it."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"


class Severity(StrEnum):
    """CAP `severity`: how great the threat to life or property is."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Urgency(StrEnum):
    """CAP `urgency`: when one must act. Immediate; Expected: within the next hour; Future; Past: no longer."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """CAP `certainty`. Likely: p > about 50 %; Possible: not likely."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Grade:
    """The three grades of CAP for one finding."""

    severity: Severity
    urgency: Urgency
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Alert:
    """A warning as it stands. `version` counts its messages, `at_min` is the minute of the last one.

    `alert_id` stays the same through all updates; `finding_key` is the finding that the last message rests on,
    `digest` what of it matters: while the digest is the same nobody is told again. CAP `status` is in `marks`.
    """

    alert_id: str
    scene: str
    emergency_id: str
    kind: str
    subject: str
    finding_key: str
    digest: str
    raised_min: int
    at_min: int
    severity: Severity
    urgency: Urgency
    certainty: Certainty
    msg_type: MsgType = MsgType.ALERT
    evidence: Mapping[str, object] = field(default_factory=dict)
    version: int = 0
    marks: Marks = UNMARKED

    @property
    def is_active(self) -> bool:
        """Return whether it still warns: not taken back, and not over."""
        return self.msg_type is not MsgType.CANCEL and self.urgency is not Urgency.PAST
