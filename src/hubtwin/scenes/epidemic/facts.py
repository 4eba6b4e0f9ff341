"""What is known of a case in the words of `disclosures.toml`; who it is stays in the vault until a profile asks."""

from collections.abc import Mapping
from typing import Any

from hubtwin.model.event import Filed, find_exit
from hubtwin.model.verified import Verified, list_findings
from hubtwin.rules.screening import Origin

TESTS = ("antigen", "nucleic")
RESULT_OF: Mapping[str, str] = {"nucleic_positive": "positive", "nucleic_negative": "negative"}
TASKS: Mapping[str, str] = {  # what the police is asked to do
    "nucleic_positive": "escort",
    "refuse": "escort",
    "overflow": "visit",
}
LEVELS: Mapping[str, str] = {Origin.HIGH_RISK: "high", Origin.MEDIUM_RISK: "medium"}  # of a declared origin
VEHICLES = ("nucleic_positive", "depart")  # moves by which the number of those who wait for a vehicle changes
PROTECTION = "P3"  # vehicle for confirmed persons: sealed cabin; the classes are ours, hub.toml may name others


def facts_of(told: Verified, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a case as `told` has them, the identity left out; times are epoch minutes."""
    case, exit_id = told.case, find_exit(told.filed)
    findings = [one.evidence.values for one in list_findings(told.filed)]
    finding: Mapping[str, Any] = findings[0] if findings else {}
    facts: dict[str, Any] = {
        "case": case.case_id,
        "pathogen": told.disease,
        "place": {
            "train": case.train.partition(" ")[0],  # its number; the service date is in the times
            "now": exit_id,
            "arrived_min": finding.get("at_min", case.opened_min),
        },
        "task": {"kind": TASKS.get(told.command, "none"), "due_min": case.deadline_min},
        "exposure": _exposure(finding),
        "tests": _list_tests(told),
        "outcome": case.outcome.value if case.outcome else None,
        "verified": {"at_min": told.at_min, "by_post": exit_id},
    }
    if told.command in VEHICLES:
        facts["transport"] = {
            "persons": told.waiting,
            "pickup_point": exit_id,
            "pickup_min": case.deadline_min,
            "protection_class": params.get("protection_class", PROTECTION),
        }
    return facts


def _exposure(finding: Mapping[str, Any]) -> dict[str, Any]:
    """Return the exposure: a stay where a listed place is known, else that a code or the temperature was the ground."""
    level = finding.get("level") or LEVELS.get(str(finding.get("origin")))
    return {"level": level, "kind": "stay" if level else "code", "until_min": finding.get("at_min")}


def _list_tests(told: Verified) -> list[dict[str, Any]]:
    tests = []
    for one in told.filed:
        kind, values = one.evidence.kind, one.evidence.values
        if kind in TESTS:
            result = values.get("result") or _result_by_move(told, one)
            if result is None:
                continue  # a sample without a result proves nothing
            sampled = values.get("specimen_min", one.at_min)
            tests.append({"kind": kind, "result": result, "sampled_min": sampled, "reported_min": one.at_min})
    return tests


def _result_by_move(told: Verified, one: Filed) -> str | None:
    """Return a result that the move says and its paper does not: the latest one, by the command that it came with."""
    return RESULT_OF.get(told.command) if one.version == told.case.version else None
