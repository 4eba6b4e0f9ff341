"""A finding gets the three grades of CAP 1.2; what is unknown is said to be unknown."""

import pytest

from hubtwin.model.alert import Certainty, Severity, Urgency
from hubtwin.model.finding import Finding
from hubtwin.model.record import UNMARKED
from hubtwin.rules.severity import digest, grade, grade_urgency

NOW = 1000


def found(**evidence: object) -> Finding:
    return Finding("k", "epidemic", "train_warning", "G1", NOW, 1.0, evidence, {}, UNMARKED)


@pytest.mark.parametrize(
    ("level", "key_train", "severity"),
    [
        ("high", True, Severity.SEVERE),
        ("high", False, Severity.MODERATE),
        ("medium", True, Severity.MODERATE),
        ("medium", False, Severity.MINOR),
        ("none", True, Severity.MODERATE),
        ("none", False, Severity.MINOR),
        ("?", True, Severity.UNKNOWN),
    ],
)
def test_severity_is_level_and_key_train(level: str, key_train: bool, severity: Severity) -> None:
    assert grade(found(level=level, key_train=key_train), NOW).severity is severity


@pytest.mark.parametrize(
    ("left_min", "urgency"),
    [(-1, "Past"), (0, "Immediate"), (30, "Immediate"), (31, "Expected"), (60, "Expected"), (61, "Future")],
)
def test_urgency_is_the_time_left(left_min: int, urgency: str) -> None:
    assert grade_urgency(NOW + left_min, NOW) is Urgency(urgency)


@pytest.mark.parametrize(
    ("rung", "certainty"),
    [("manifest", "Likely"), ("hits", "Likely"), ("counts", "Possible"), ("none", "Unknown")],
)
def test_certainty_is_how_persons_were_counted(rung: str, certainty: str) -> None:
    assert grade(found(persons={"rung": rung}), NOW).certainty is Certainty(certainty)


def test_what_is_not_there_is_unknown() -> None:
    assert grade(found(), NOW).urgency is Urgency.UNKNOWN
    assert {part.value for part in vars_of(found())} == {"Unknown"}


def vars_of(finding: Finding) -> tuple[Severity, Urgency, Certainty]:
    graded = grade(finding, NOW)
    return graded.severity, graded.urgency, graded.certainty


def test_the_digest_leaves_out_what_changes_every_minute() -> None:
    told = {"level": "high", "expected_min": NOW + 90, "lead_min": 90, "lists": {"stage": "first", "now": {"calls": 3}}}
    later = {**told, "lead_min": 89, "lists": {"stage": "first", "now": {"calls": 4}}}
    graded = grade(found(**told), NOW)
    assert digest(found(**told), graded) == digest(found(**later), graded)
    final = {**later, "lists": {"stage": "final"}}
    assert digest(found(**told), graded) != digest(found(**final), graded)
    assert digest(found(**told), graded) != digest(found(**told), grade(found(**told), NOW + 40))
