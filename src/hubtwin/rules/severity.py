"""From a finding to the grades of CAP 1.2, and to what of it matters enough to tell somebody again."""

from collections.abc import Mapping
from typing import Any

from hubtwin.base.ids import stable_key
from hubtwin.model.alert import Certainty, Grade, Severity, Urgency
from hubtwin.model.finding import Finding

IMMEDIATE_MIN = 30  # the golden half hour: staff must move now
EXPECTED_MIN = 60  # CAP 1.2: "Expected" is within the next hour
_SEVERITY = {
    ("high", True): Severity.SEVERE,
    ("high", False): Severity.MODERATE,
    ("medium", True): Severity.MODERATE,
    ("medium", False): Severity.MINOR,
    ("none", True): Severity.MODERATE,  # no area, but persons were found: the key train of the upper rungs
    ("none", False): Severity.MINOR,
}
_CERTAINTY = {"manifest": Certainty.LIKELY, "hits": Certainty.LIKELY, "counts": Certainty.POSSIBLE}


def grade(found: Finding, now_min: int) -> Grade:
    """Return severity by level and key train, urgency by the time left, certainty by how persons were counted.

    Reads `level`, `key_train`, `expected_min` and `persons.rung` of the evidence; what is not there is Unknown.
    Extreme is never given by the machine, Observed neither: both are a person's word.
    """
    evidence = dict[str, Any](found.evidence)
    persons = evidence.get("persons")
    rung = persons.get("rung", "") if isinstance(persons, Mapping) else ""
    return Grade(
        _SEVERITY.get((evidence.get("level", ""), bool(evidence.get("key_train"))), Severity.UNKNOWN),
        grade_urgency(evidence.get("expected_min"), now_min),
        _CERTAINTY.get(rung, Certainty.UNKNOWN),
    )


def grade_urgency(expected_min: int | None, now_min: int) -> Urgency:
    """Return the urgency of something that happens at a minute."""
    if expected_min is None:
        return Urgency.UNKNOWN
    left = expected_min - now_min
    if left < 0:
        return Urgency.PAST
    return Urgency.IMMEDIATE if left <= IMMEDIATE_MIN else Urgency.EXPECTED if left <= EXPECTED_MIN else Urgency.FUTURE


def digest(found: Finding, graded: Grade) -> str:
    """Return a key of what matters in a finding: it changes when somebody must be told again, and only then.

    The time left and the completeness of a list change every minute and are left out; its stage is in.
    """
    evidence = dict[str, Any](found.evidence)
    lists = evidence.get("lists")
    persons = evidence.get("persons")
    told = (
        *(evidence.get(name) for name in ("level", "key_train", "platform", "expected_min")),
        lists.get("stage") if isinstance(lists, Mapping) else None,
        persons.get("concerned") if isinstance(persons, Mapping) else None,
        *(graded.severity, graded.urgency, graded.certainty),
    )
    return stable_key(found.kind, found.subject, *told)
