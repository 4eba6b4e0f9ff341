"""Gates, lane counters and test results: their fixtures, their simulators, and what a steward sees of a person."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.connectors import gate_screening, lane_counters, test_results
from hubtwin.connectors.common.files import FileTransport
from hubtwin.connectors.gate_screening.simulator import Passage
from hubtwin.connectors.gate_screening.simulator import page as gate_page
from hubtwin.connectors.lane_counters.simulator import LaneCount
from hubtwin.connectors.lane_counters.simulator import page as lane_page
from hubtwin.connectors.test_results.mapper import CODES
from hubtwin.connectors.test_results.simulator import ResultLine, bundle
from hubtwin.datasets.screening import DOCUMENT_KINDS, HEALTH_CODES, ITINERARY_CODES, TEST_KINDS, TEST_RESULTS_VALUES
from hubtwin.model.record import UNMARKED, Identity, Provenance, Quarantined, Row
from hubtwin.ports import Connector, Page, ReadContext
from tests.contracts.source_gate_screening import FIRST, ONE, TWO
from tests.contracts.source_test_results import MADE, OBSERVATION, PID, REPORT, document

ZONE = ZoneInfo("Asia/Shanghai")
CONTEXT = ReadContext(zone=ZONE, now=datetime(2022, 10, 20, 1, 0, tzinfo=UTC))
SOURCES: Mapping[str, Connector] = {
    "gate_screening": gate_screening.CONNECTOR,
    "lane_counters": lane_counters.CONNECTOR,
    "test_results": test_results.CONNECTOR,
}


def read(source: str, data: bytes, context: ReadContext = CONTEXT) -> list[Row | Quarantined]:
    return list(SOURCES[source].read(Page("p", iter((data,)), "1"), context))


def only_row(source: str, data: bytes, context: ReadContext = CONTEXT) -> Row:
    (found,) = read(source, data, context)
    assert isinstance(found, Row), found
    return found


def only_reason(source: str, data: bytes) -> str:
    (found,) = [item for item in read(source, data) if isinstance(item, Quarantined)]
    return found.reason


@pytest.mark.parametrize(("source", "count"), [("gate_screening", 3), ("lane_counters", 2), ("test_results", 4)])
def test_the_fixtures_are_read_whole(source: str, count: int) -> None:
    module = {"gate_screening": gate_screening, "lane_counters": lane_counters, "test_results": test_results}[source]
    folder = Path(module.__file__ or "").parent / "fixtures"
    pages = FileTransport((folder,), pattern="*.json*").pages(None)
    items = [item for page in pages for item in SOURCES[source].read(page, CONTEXT)]
    assert not [item for item in items if isinstance(item, Quarantined)]
    assert len(items) == count
    assert {item.marks.provenance for item in items if isinstance(item, Row)} == set(Provenance)


def test_a_time_without_offset_is_on_the_clock_of_the_hub() -> None:
    naive = FIRST.replace(b"+08:00", b"")
    assert read("gate_screening", naive) == read("gate_screening", FIRST)


def test_a_real_passage_carries_no_mark() -> None:
    rows = [item for item in read("gate_screening", FIRST.replace(b"synthetic", b"real")) if isinstance(item, Row)]
    assert [row.marks for row in rows] == [UNMARKED] * 3


@pytest.mark.parametrize("field", ["exit", "gate"])
@pytest.mark.parametrize("number", ["330102199001011234", "E12345678", "33010219900101123X", "N1-13800138000"])
def test_a_document_in_the_field_of_a_device_is_refused_and_shown_nowhere(field: str, number: str) -> None:
    message = {**json.loads(FIRST.splitlines()[0]), field: number}
    (found,) = read("gate_screening", json.dumps(message).encode())
    assert isinstance(found, Quarantined)
    assert found.reason == "connectors.common.broken_token"
    assert number[3:] not in f"{found.raw} {found.values}"


@pytest.mark.parametrize("field", ["temperature_c", "test_age_h", "lane"])
def test_a_number_of_hundreds_of_digits_costs_its_message_and_not_the_page(field: str) -> None:
    first, *others = FIRST.splitlines(keepends=True)
    broken = json.dumps({**json.loads(first), field: 10**400}).encode() + b"\n"
    found = read("gate_screening", broken + b"".join(others))
    assert [isinstance(item, Row) for item in found] == [False, *(True for _ in others)]


@given(st.binary(max_size=60), st.integers(0, 900), st.sampled_from((FIRST, MADE)))
@settings(max_examples=200, deadline=None)
def test_no_document_number_is_in_quarantine_whatever_breaks(noise: bytes, place: int, good: bytes) -> None:
    source = "gate_screening" if good is FIRST else "test_results"
    cut = place % (len(good) + 1)
    try:
        items = read(source, good[:cut] + noise + good[cut:])
    except Malformed as refusal:
        shown = f"{refusal} {refusal.values}"
    else:
        shown = " ".join(repr(item) for item in items if isinstance(item, Quarantined))
    assert ONE not in shown
    assert TWO not in shown


def test_the_values_of_an_unknown_field_are_not_shown() -> None:
    told = FIRST.splitlines()[0].replace(b'"lane"', '"姓名": "某人", "lane"'.encode())
    (found,) = read("gate_screening", told)
    assert isinstance(found, Quarantined)
    assert "某人" not in f"{found!r}"


# ------------------------------------------------------------------------------------ simulators say what is heard

MOMENT = st.integers(0, 100_000).map(
    lambda minutes: datetime(2022, 10, 20, 8, 0, tzinfo=ZONE) - timedelta(minutes=minutes)
)
NUMBER = st.integers(0, 9_999_999).map(lambda number: f"990001{number:012d}")
PASSAGE = st.builds(
    Passage,
    at=MOMENT,
    exit_id=st.sampled_from(("E1", "南二")),
    gate_id=st.sampled_from(("E1-01", "E1-02")),
    lane=st.integers(1, 200),
    id_type=st.just("syn"),
    id_no=NUMBER,
    document=st.sampled_from(DOCUMENT_KINDS),
    health_code=st.sampled_from([code.state for code in HEALTH_CODES]),
    itinerary_code=st.sampled_from([code.state for code in ITINERARY_CODES]),
    desk=st.booleans(),
    test_age_h=st.none() | st.integers(0, 720),
    temperature_c=st.none() | st.integers(250, 450).map(lambda tenths: tenths / 10),
    origin_area=st.none() | st.sampled_from(("310115", "AB12")),
)
COUNT = st.builds(
    LaneCount, MOMENT, st.sampled_from(("E1", "E2")), st.integers(1, 20), st.integers(0, 200), st.integers(0, 5000)
)


@given(st.lists(PASSAGE, min_size=1, max_size=20, unique_by=lambda one: (one.at, one.gate_id, one.id_no)))
@settings(max_examples=60, deadline=None)
def test_what_a_simulated_gate_says_is_what_is_heard(said: list[Passage]) -> None:
    for one, row in zip(said, read("gate_screening", gate_page(said)), strict=True):
        assert isinstance(row, Row)
        assert row.marks.provenance is Provenance.SYNTHETIC
        found = row.values
        assert found["pid"] == Identity("syn", one.id_no)
        assert (found["at_min"], found["exit_id"], found["lane"]) == (epoch_minute(one.at), one.exit_id, one.lane)
        assert (found["health_code"], found["itinerary_code"]) == (one.health_code, one.itinerary_code)
        assert (found["test_age_h"], found["temperature_c"]) == (one.test_age_h, one.temperature_c)
        assert (found["origin_area"], found["desk"]) == (one.origin_area, one.desk)
        assert found["document_kind"] == one.document


@given(st.lists(COUNT, min_size=1, max_size=20, unique_by=lambda one: (one.minute, one.exit_id, one.lane)))
@settings(max_examples=60, deadline=None)
def test_what_a_simulated_counter_says_is_what_is_heard(said: list[LaneCount]) -> None:
    heard = [row.values for row in read("lane_counters", lane_page(said)) if isinstance(row, Row)]
    assert [tuple(values.values()) for values in heard] == [
        (one.exit_id, one.lane, epoch_minute(one.minute), one.passed, one.waiting) for one in said
    ]


@given(
    st.lists(
        st.tuples(MOMENT, st.integers(0, 600), st.sampled_from(TEST_KINDS), st.sampled_from(TEST_RESULTS_VALUES)),
        min_size=1,
        max_size=10,
    )
)
@settings(max_examples=40, deadline=None)
def test_what_a_simulated_laboratory_says_is_what_is_heard(said: list[tuple[datetime, int, str, str]]) -> None:
    lines = [
        ResultLine(f"R-{number}", "syn", f"99000119500101{number:04d}", kind, at, at + timedelta(minutes=took), result)
        for number, (at, took, kind, result) in enumerate(said)
    ]
    late = replace(CONTEXT, now=CONTEXT.now + timedelta(days=1))
    for line, row in zip(lines, read("test_results", bundle(lines), late), strict=True):
        assert isinstance(row, Row), row
        assert row.values == {
            "report_id": f"urn:hubtwin:sim|{line.report_id}",
            "pid": Identity("syn", line.id_no),
            "kind": line.kind,
            "specimen_min": epoch_minute(line.specimen_at),
            "result_min": epoch_minute(line.result_at),
            "result": line.result,
        }


# ------------------------------------------------------------------------------------------------ FHIR in detail

BY_PID = {"identifier": {"system": "urn:hubtwin:pid", "value": PID}}
SINGLE = {**OBSERVATION, "subject": BY_PID}


def test_every_code_of_the_list_is_read_as_what_it_says() -> None:
    for (system, code), kind in CODES.tests.items():
        told = {**SINGLE, "code": {"coding": [{"system": system, "code": code}]}}
        assert only_row("test_results", document(told)).values["kind"] == kind
    for (system, code), result in CODES.results.items():
        told = {**SINGLE, "valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}
        assert only_row("test_results", document(told)).values["result"] == result


@pytest.mark.parametrize(
    ("status", "result"), [("final", "negative"), ("amended", "negative"), ("corrected", "negative")]
)
def test_a_final_result_counts(status: str, result: str) -> None:
    assert only_row("test_results", document({**SINGLE, "status": status})).values["result"] == result


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_result_that_is_taken_back_becomes_invalid_under_the_same_key(status: str) -> None:
    before, after = (only_row("test_results", document({**SINGLE, "status": s})) for s in ("final", status))
    assert after.values["result"] == "invalid"
    key = ("report_id", "kind", "specimen_min")
    assert [before.values[name] for name in key] == [after.values[name] for name in key]


@pytest.mark.parametrize("status", ["registered", "preliminary", "unknown"])
def test_a_result_that_is_not_final_waits_in_quarantine(status: str) -> None:
    assert only_reason("test_results", document({**SINGLE, "status": status})).endswith("not_final")


def test_a_date_without_time_counts_as_the_start_of_that_day_at_the_hub() -> None:
    row = only_row("test_results", document({**SINGLE, "effectiveDateTime": "2022-10-20"}))
    assert row.values["specimen_min"] == epoch_minute(datetime(2022, 10, 19, 16, 0, tzinfo=UTC))


def test_a_report_with_its_own_conclusion_is_a_result_and_one_with_entries_is_not() -> None:
    assert only_row("test_results", document(REPORT)).values["result"] == "positive"
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": SINGLE},
        {"resource": {**REPORT, "result": [{"reference": "urn:uuid:1"}]}},
    ]
    told = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    row = only_row("test_results", document(told))
    assert row.values["report_id"] == "http://lab.example/reports|2022-77"


def test_only_a_label_makes_a_result_synthetic() -> None:
    assert only_row("test_results", document(SINGLE)).marks == UNMARKED
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
    marked = {**SINGLE, "meta": {"tag": [label]}}
    assert only_row("test_results", document(marked)).marks.provenance is Provenance.SYNTHETIC


def test_a_deeply_nested_document_is_refused_quickly() -> None:
    with pytest.raises(Malformed, match="JSON"):
        read("test_results", b'{"resourceType": ' + b"[" * 100_000)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=8)
        | st.sampled_from(("Observation", "final", PID)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from((*SINGLE, *REPORT, "entry", "resource", "contained")), inner, max_size=6)
        ),
        max_leaves=20,
    ),
    st.sampled_from(("Observation", "DiagnosticReport", "Bundle", "Patient")),
)
@settings(max_examples=200, deadline=None)
def test_any_json_gives_rows_quarantine_or_a_refusal(told: object, kind: str) -> None:
    root = (
        {**SINGLE, **told, "resourceType": kind} if isinstance(told, dict) else {"resourceType": kind, "entry": [told]}
    )
    try:
        items = read("test_results", json.dumps(root).encode())
    except Malformed:
        return
    assert all(isinstance(item, Row | Quarantined) for item in items)
