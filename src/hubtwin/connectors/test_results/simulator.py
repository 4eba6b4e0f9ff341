"""Speaks FHIR R4 for `sim`, drills and tests: a Bundle of results, each marked HTEST (made for a test)."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from hubtwin.connectors.test_results.mapper import ID_TYPE_SYSTEM

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
_TESTS = {"antigen": "94558-4", "nucleic": "94500-6"}
_RESULTS = {"negative": "260385009", "positive": "10828004", "invalid": "125154007"}
_MADE = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}]}
REPORT_SYSTEM = "urn:hubtwin:sim"


class ResultLine(NamedTuple):
    """One result. Times are aware."""

    report_id: str
    id_type: str
    id_no: str
    kind: str
    specimen_at: datetime
    result_at: datetime
    result: str


def observation(found: ResultLine) -> dict[str, Any]:
    """Return a result as an Observation that names its person by document."""
    return {
        "resourceType": "Observation",
        "id": found.report_id,
        "meta": _MADE,
        "identifier": [{"system": REPORT_SYSTEM, "value": found.report_id}],
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": _TESTS[found.kind]}]},
        "subject": {"identifier": {"system": ID_TYPE_SYSTEM + found.id_type, "value": found.id_no}},
        "effectiveDateTime": found.specimen_at.isoformat(timespec="seconds"),
        "issued": found.result_at.isoformat(timespec="seconds"),
        "valueCodeableConcept": {"coding": [{"system": SNOMED, "code": _RESULTS[found.result]}]},
    }


def bundle(results: Iterable[ResultLine]) -> bytes:
    """Return results as a Bundle of type collection; the same results give the same bytes."""
    entries = [{"fullUrl": f"urn:hubtwin:sim:{found.report_id}", "resource": observation(found)} for found in results]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
