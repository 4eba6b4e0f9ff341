"""What a FHIR result means: a row of TEST_RESULTS, or the reason why it is none.

One row for each Observation of a test that `codes.toml` knows, under the report that names it where one does; one for
a DiagnosticReport that says its result by itself (conclusionCode). A date without a time counts as the start of that
day on the hub's clock: the oldest that the specimen can be.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.repeats import Repeats
from hubtwin.connectors.common.values import check_not_ahead, masked, read_minute
from hubtwin.connectors.test_results.codec import Entry, Pack, Resource, contained, decode, items, part, word
from hubtwin.datasets.screening import TEST_RESULTS
from hubtwin.model.record import UNMARKED, Identity, Marks, Provenance, Quarantined, Row
from hubtwin.ports import Page, ReadContext

PSEUDONYM_SYSTEM = "urn:hubtwin:pid"  # of a partner that keys persons as this hub does
ID_TYPE_SYSTEM = "urn:hubtwin:id-type:"  # + type of document
FINAL = frozenset({"final", "amended", "corrected"})
TAKEN_BACK = frozenset({"entered-in-error", "cancelled"})  # the test says nothing: test again
AWAITED = frozenset({"registered", "preliminary", "partial", "appended", "unknown"})
_ID_TYPES = {"NNCHN": "CITIZEN", "PPN": "PASSPORT"}  # HL7 table v2-0203
_TEST_DATA = "HTEST"  # v3-ActReason: made for a test
_PID = re.compile(r"[0-9a-f]{32}")
_ID_TYPE = re.compile(r"[^\W_][\w -]{0,31}")
_ID_NO = re.compile(r"[\w ()./-]{4,40}")
_TOKEN = re.compile(r"[\w.:/-]{1,128}")
_LOINC = re.compile(r"[0-9]{1,7}-[0-9]")  # no document looks like this: it may be shown


@dataclass(frozen=True)
class Codes:
    """(system, code) -> kind of test; (system, code) -> result."""

    tests: Mapping[tuple[str, str], str]
    results: Mapping[tuple[str, str], str]


def load_codes(text: str) -> Codes:
    """Return the codes of a `codes.toml`."""
    told = tomllib.loads(text)
    systems = told["systems"]

    def table(block: str) -> dict[tuple[str, str], str]:
        return {
            (systems[system], code): meaning
            for meaning, by_system in told[block].items()
            for system, codes in by_system.items()
            for code in codes
        }

    return Codes(table("tests"), table("results"))


CODES = load_codes((Path(__file__).parent / "codes.toml").read_text(encoding="utf-8"))


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield a row for each result of a page, or why there is none, in order. Raises Malformed as `codec.decode`."""
    pack = decode(page)
    reports = _reports(pack)
    repeats = Repeats()
    for entry in pack.entries:
        locator = f"{page.name}:{entry.place}" if entry.place else f"{page.name}:1"
        try:
            if entry.problem:
                raise Malformed(entry.problem.key, **entry.problem.values)
            found = [_result(one, pack, reports, context) for one in _results_of(entry, pack)]
        except Malformed as problem:
            yield Quarantined(locator, problem.key, problem.values, _shown(entry.resource))
            continue
        for number, (values, marks) in enumerate(found):
            key = (values["report_id"], values["kind"], values["specimen_min"])
            reason = repeats.find_reason(key, (*values.values(), marks.provenance))
            where = locator if len(found) == 1 else f"{locator}#{number}"
            raw = _shown(entry.resource)
            yield Quarantined(where, reason, {}, raw) if reason else Row(TEST_RESULTS.name, values, where, marks)


def _reports(pack: Pack) -> dict[int, Resource]:
    """Return the report that names an Observation as its result, by the identity of the Observation."""
    found: dict[int, Resource] = {}
    for entry in pack.entries:
        if entry.resource.get("resourceType") == "DiagnosticReport" and not entry.problem:
            for observation in _named(entry.resource, pack):
                found.setdefault(id(observation), entry.resource)
    return found


def _named(report: Resource, pack: Pack) -> Iterator[Resource]:
    for named in items(report.get("result")):
        reference = word(named.get("reference"))
        target = contained(report, reference) if reference.startswith("#") else pack.by_ref.get(reference)
        if target is not None and target.get("resourceType") == "Observation":
            yield target


def _results_of(entry: Entry, pack: Pack) -> list[tuple[Resource, Resource]]:
    """Return what says a result here, with the resource that says whose it is: an Observation itself, the Observations
    contained in a report, or the report where it has none; nothing for a report whose Observations have entries.
    """
    resource = entry.resource
    if resource.get("resourceType") == "Observation":
        return [(resource, resource)]
    named = list(_named(resource, pack))
    inside = {id(one) for one in items(resource.get("contained"))}
    if named:
        return [(one, resource) for one in named if id(one) in inside]
    return [(resource, resource)]


def _result(
    found: tuple[Resource, Resource], pack: Pack, reports: Mapping[int, Resource], context: ReadContext
) -> tuple[dict[str, object], Marks]:
    resource, holder = found
    report = reports.get(id(resource), holder)
    status = word(resource.get("status"))
    if status in AWAITED:
        raise Malformed("connectors.test_results.not_final", status=status)
    if status not in FINAL | TAKEN_BACK:
        raise Malformed("connectors.test_results.unknown_status", status=masked(status))
    specimen = _specimen_min(resource, holder, context)
    issued = word(resource.get("issued")) or word(report.get("issued"))
    result_min = _minute(issued, "issued", context) if issued else None
    if result_min is not None and result_min < specimen:
        raise Malformed("connectors.test_results.result_before_specimen")
    values: dict[str, object] = {
        "report_id": _report_id(report),
        "pid": _person(resource, holder, pack),
        "kind": _kind(resource),
        "specimen_min": specimen,
        "result_min": result_min,
        "result": "invalid" if status in TAKEN_BACK else _said(resource),
    }
    made = _is_made(resource) or _is_made(holder) or _is_made(report)
    return values, Marks(provenance=Provenance.SYNTHETIC) if made else UNMARKED


def _kind(resource: Resource) -> str:
    codings = list(items(part(resource.get("code")).get("coding")))
    for coding in codings:
        known = CODES.tests.get((word(coding.get("system")), word(coding.get("code"))))
        if known:
            return known
    code = next((word(coding.get("code")) for coding in codings), "")
    raise Malformed("connectors.test_results.unknown_test", code=_safe(code))


def _said(resource: Resource) -> str:
    """Return the result: the coded value, else the interpretation, else the coded conclusion of a report."""
    concepts = [part(resource.get("valueCodeableConcept"))]
    concepts += [*items(resource.get("interpretation")), *items(resource.get("conclusionCode"))]
    code = ""
    for concept in concepts:
        for coding in items(concept.get("coding")):
            code = code or word(coding.get("code"))
            known = CODES.results.get((word(coding.get("system")), word(coding.get("code"))))
            if known:
                return known
    if not code and resource.get("dataAbsentReason"):
        return "invalid"
    if not code:
        raise Malformed("connectors.test_results.no_result")
    raise Malformed("connectors.test_results.unknown_result", code=_safe(code))


def _specimen_min(resource: Resource, holder: Resource, context: ReadContext) -> int:
    for one in (resource, holder):
        period = word(part(one.get("effectivePeriod")).get("start"))
        told = word(one.get("effectiveDateTime")) or word(one.get("effectiveInstant")) or period
        if told:
            return _minute(told, "effective", context)
    raise Malformed("connectors.test_results.no_specimen_time")


def _minute(text: str, name: str, context: ReadContext) -> int:
    whole = text + "T00:00" if len(text) == len("YYYY-MM-DD") else text
    minute = read_minute(whole, context.zone, name)
    check_not_ahead(minute, context.now, name)
    return minute


def _report_id(report: Resource) -> str:
    """Return the business identifier of a report, with its system, else the id of the resource."""
    for identifier in items(report.get("identifier")):
        value, system = word(identifier.get("value")), word(identifier.get("system"))
        if _TOKEN.fullmatch(value) and (not system or _TOKEN.fullmatch(system)):
            return f"{system}|{value}" if system else value
    found = word(report.get("id"))
    if not _TOKEN.fullmatch(found):
        raise Malformed("connectors.test_results.no_report_id")
    return found


def _person(resource: Resource, holder: Resource, pack: Pack) -> Identity | str:
    """Return the document or the pseudonym of the subject. Its number may be in the values of no error."""
    subject = part(resource.get("subject")) or part(holder.get("subject"))
    reference = word(subject.get("reference"))
    patient: Mapping[str, Any] | None = None
    if reference:
        inside = contained(holder, reference) or contained(resource, reference)
        patient = inside if reference.startswith("#") else pack.by_ref.get(reference)
    listed = [subject.get("identifier"), *items(part(patient).get("identifier"))]
    for identifier in map(part, listed):
        number, system = word(identifier.get("value")).strip(), word(identifier.get("system"))
        if system == PSEUDONYM_SYSTEM and _PID.fullmatch(number):
            return number
        kind = _document_kind(identifier, system)
        if kind and _ID_NO.fullmatch(number) and sum(map(str.isalnum, number)) >= 4:
            return Identity(kind, number)
    raise Malformed("connectors.test_results.no_person")


def _document_kind(identifier: Mapping[str, Any], system: str) -> str | None:
    if system.startswith(ID_TYPE_SYSTEM):
        kind = system.removeprefix(ID_TYPE_SYSTEM)
        return kind if _ID_TYPE.fullmatch(kind) else None
    codes = (word(coding.get("code")) for coding in items(part(identifier.get("type")).get("coding")))
    return next((_ID_TYPES[code] for code in codes if code in _ID_TYPES), None)


def _is_made(resource: Resource) -> bool:
    meta = part(resource.get("meta"))
    labels = (*items(meta.get("security")), *items(meta.get("tag")))
    return any(word(label.get("code")) == _TEST_DATA for label in labels)


def _safe(code: str) -> str:
    if _LOINC.fullmatch(code):
        return code
    return masked(code).encode(errors="replace").decode()


def _shown(resource: Resource) -> str:
    """Return what a steward needs to find a resource: its kind, status and the codes of its test."""
    codes = [word(coding.get("code"))[:20] for coding in items(part(resource.get("code")).get("coding"))]
    shown = f"{_safe(word(resource.get('resourceType')))} status={_safe(word(resource.get('status')))}"
    return f"{shown} code={','.join(map(_safe, codes))}"[:200]
