"""Test results as the kit sees them: Bundles of our simulator, and resources in the form of HL7's own examples."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hubtwin.base.clock import epoch_minute
from hubtwin.connectors import test_results
from hubtwin.connectors.common.serve import garble
from hubtwin.connectors.test_results.simulator import ResultLine, bundle
from hubtwin.model.record import UNMARKED, Identity, Marks, Provenance, Row
from hubtwin.ports import ReadContext
from tests.contracts.connector_kit import Bad, Source
from tests.contracts.source_gate_screening import edited

AT = datetime(2022, 10, 20, 7, 40, tzinfo=ZoneInfo("Asia/Shanghai"))
DONE = AT.replace(hour=8, minute=0)
AT_MIN, DONE_MIN = epoch_minute(AT), epoch_minute(DONE)
DAY_MIN = epoch_minute(AT.replace(hour=0, minute=0))
ONE, TWO = "110101190001010015", "E00000001"
PID = "0123456789abcdef0123456789abcdef"
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC)
CONTEXT = ReadContext(zone=ZoneInfo("Asia/Shanghai"), now=datetime(2022, 10, 20, 0, 15, tzinfo=UTC))

MADE = bundle(
    [
        ResultLine("A-1", "CITIZEN", ONE, "antigen", AT, DONE, "negative"),
        ResultLine("A-2", "PASSPORT", TWO, "antigen", AT, DONE, "invalid"),
        ResultLine("N-1", "CITIZEN", ONE, "nucleic", AT, DONE, "positive"),
    ]
)


def concept(system: str, code: str) -> dict[str, Any]:
    """Return a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code, "display": "as published"}]}


LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Ms Example</div>'}
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": "Example", "given": ["Mary"]}],
    "identifier": [
        {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PPN"}]}, "value": TWO}
    ],
}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "text": NARRATIVE,
    "status": "final",
    "category": [concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")],
    "code": {**concept(LOINC, "94558-4"), "text": "antigen"},
    "subject": {"reference": "Patient/p1", "display": "Mary Example"},
    "effectiveDateTime": "2022-10-20",
    "performer": [{"reference": "Organization/lab"}],
    "valueCodeableConcept": concept(SNOMED, "260415000"),
}
REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r1",
    "identifier": [{"system": "http://lab.example/reports", "value": "2022-77"}],
    "status": "final",
    "code": concept(LOINC, "94500-6"),
    "subject": {"identifier": {"system": "urn:hubtwin:pid", "value": PID}},
    "effectiveDateTime": "2022-10-19T23:40:00Z",
    "issued": "2022-10-20T08:00:00.123+08:00",
    "conclusionCode": [concept(SNOMED, "10828004")],
}


def document(root: dict[str, Any]) -> bytes:
    """Return a resource as indented JSON in UTF-8."""
    return json.dumps(root, indent=1, ensure_ascii=False).encode()


BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"fullUrl": "http://lab.example/Patient/p1", "resource": PATIENT},
        {"fullUrl": "urn:uuid:1", "resource": OBSERVATION},
        {"resource": {"resourceType": "Organization", "id": "lab", "name": "Example Laboratory"}},
        {"resource": {**REPORT, "result": [{"reference": "urn:uuid:1"}]}},
        {"resource": {**REPORT, "id": "r2", "identifier": []}},
    ],
}
BUNDLE["entry"][4]["resource"].pop("identifier")  # type: ignore[index] # R4 has no empty lists


def _row(report: str, person: Identity | str, kind: str, minutes: tuple[int, int | None], result: str) -> Row:
    who = {"report_id": report, "pid": person, "kind": kind}
    when = {"specimen_min": minutes[0], "result_min": minutes[1]}
    return Row("test_results", {**who, **when, "result": result}, marks=UNMARKED)


def _made(row: Row) -> Row:
    return Row(row.dataset, row.values, marks=SYNTHETIC)


_ONE, _TWO = Identity("CITIZEN", ONE), Identity("PASSPORT", TWO)
ROWS = (
    tuple(
        _made(_row(f"urn:hubtwin:sim|{number}", person, kind, (AT_MIN, DONE_MIN), result))
        for number, person, kind, result in (
            ("A-1", _ONE, "antigen", "negative"),
            ("A-2", _TWO, "antigen", "invalid"),
            ("N-1", _ONE, "nucleic", "positive"),
        )
    ),
    (
        _row("http://lab.example/reports|2022-77", _TWO, "antigen", (DAY_MIN, DONE_MIN), "negative"),
        _row("r2", PID, "nucleic", (AT_MIN, DONE_MIN), "positive"),
    ),
    (_row("http://lab.example/reports|2022-77", PID, "nucleic", (AT_MIN, DONE_MIN), "positive"),),
)
ONE_REPORT = document(REPORT)

SOURCE = Source(
    name="test_results",
    connector=test_results.CONNECTOR,
    context=CONTEXT,
    pages=(MADE, document(BUNDLE), ONE_REPORT),
    rows=ROWS,
    garbage=Bad(garble(MADE), refused=True, says=("JSON", "kit.page")),
    half_frame=Bad(MADE[:-40], refused=True, says=("JSON",)),
    unknown_enum=Bad(edited(MADE, "260385009", "123456"), kept=2, says=("result code",)),
    added_field=Bad(edited(MADE, '"issued"', '"colour": 1, "issued"'), kept=2, says=("Observation.colour",)),
    removed_field=Bad(edited(MADE, '"status": "final", ', ""), kept=2, says=("Observation.status",)),
    clock_ahead=Bad(edited(MADE, "T08:00", "T16:00", 9), kept=0, quarantined=3, says=("465",)),
    more={
        "a status that R4 has not": Bad(edited(MADE, '"final"', '"done"'), kept=2, says=("done",)),
        "a preliminary result": Bad(edited(MADE, '"final"', '"preliminary"'), kept=2, says=("not final",)),
        "an unknown test": Bad(edited(MADE, "94558-4", "718-7"), kept=2, says=("718-7",)),
        "a code of another system": Bad(edited(MADE, LOINC, "http://loinc.example"), kept=2, says=("94558-4",)),
        "no value": Bad(edited(MADE, '"valueCodeableConcept"', '"bodySite"'), kept=2, says=("no coded result",)),
        "a value in words": Bad(
            edited(MADE, '{"coding": [{"system": "http://snomed.info/sct", "code": "260385009"}]}', '{"text": "neg"}'),
            kept=2,
            says=("no coded result",),
        ),
        "an unknown person": Bad(
            edited(MADE, "urn:hubtwin:id-type:CITIZEN", "urn:x"), kept=2, says=("who was tested",)
        ),
        "a patient elsewhere": Bad(
            document({**OBSERVATION, "effectiveDateTime": "2022-10-20"}), kept=0, says=("who was tested",)
        ),
        "a pseudonym that is none": Bad(edited(ONE_REPORT, PID, "Mary Example"), kept=0, says=("who was tested",)),
        "no time": Bad(edited(MADE, '"effectiveDateTime"', '"_valueString"'), kept=2),
        "a year only": Bad(edited(document(BUNDLE), '"2022-10-20"', '"2022"'), kept=1, says=("effective",)),
        "a result before its specimen": Bad(edited(MADE, "T08:00", "T07:00"), kept=2, says=("earlier",)),
        "no number of the report": Bad(
            edited(edited(MADE, '"id": "A-1", ', ""), '"value": "A-1"', '"assigner": {}'), kept=2, says=("report",)
        ),
        "another kind of resource": Bad(document(PATIENT), refused=True, says=("Patient",)),
        "another kind of entry": Bad(edited(document(BUNDLE), '"Organization"', '"Claim"'), kept=2, says=("Claim",)),
        "an empty bundle": Bad(document({**BUNDLE, "entry": []}), refused=True, says=("no entry",)),
        "a bundle with a field": Bad(document({**BUNDLE, "colour": 1}), refused=True, says=("Bundle.colour",)),
        "no FHIR": Bad(b'{"status": "final"}', refused=True, says=("resourceType",)),
        "an element twice": Bad(edited(MADE, '"id": "A-1"', '"id": "A-1", "id": "A-9"'), refused=True, says=("twice",)),
        "the same result twice": Bad(
            document({**BUNDLE, "entry": [BUNDLE["entry"][4], BUNDLE["entry"][4]]}), kept=1, says=("The same as",)
        ),
        "nothing at all": Bad(b"", refused=True, says=("kit.page",)),
    },
    garbler=garble,
    personal=(ONE, TWO, PID, "Mary", "Example"),
)
