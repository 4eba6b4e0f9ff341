"""Bytes of FHIR R4: one Observation, one DiagnosticReport, or a Bundle of them with the patients they are about.

The structure is checked with the models of `fhir.resources` 4.3.0 (R4B): that package has no R4, and between the two
releases neither resource changed. What is taken is a handful of elements; names, narratives and the rest stay behind.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.observation import Observation
from pydantic import ValidationError

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.values import masked
from hubtwin.ports import Page

PAGE_BYTES = 64 << 20
MODELS: Mapping[str, Any] = {"Observation": Observation, "DiagnosticReport": DiagnosticReport}
OTHERS = frozenset(  # may stand beside results in a Bundle; nothing is taken of them
    {
        *("Device", "Encounter", "Location", "Organization", "Practitioner", "PractitionerRole", "Provenance"),
        *("ServiceRequest", "Specimen", "OperationOutcome", "MessageHeader", "Composition"),
    }
)
_NAME = re.compile(r"[A-Za-z]{1,40}")

Resource = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """A resource and where it stood. `problem`: why it is none, as text key and values."""

    place: str
    resource: Resource
    problem: Malformed | None = None


@dataclass
class Pack:
    """The resources of a page. `by_ref` finds each by the references that other resources use for it."""

    entries: list[Entry] = field(default_factory=list)
    by_ref: dict[str, Resource] = field(default_factory=dict)


def decode(page: Page) -> Pack:
    """Return the resources of a page, those of a Bundle in its order.

    Raises Malformed for a page that must be refused whole: no JSON, too large, no FHIR resource, or one of a kind
    that holds no results. A broken resource within a Bundle is an entry with its problem.
    """
    root = _parsed(page)
    kind = _kind(root)
    if kind != "Bundle":
        if kind not in MODELS:
            raise Malformed("connectors.test_results.wrong_resource", file=page.name, kind=kind)
        problem = _check(root)
        if problem:
            raise Malformed(problem.key, **problem.values)
        return Pack([Entry("", root)])
    _check_bundle(root, page.name)
    pack = Pack()
    for number, entry in enumerate(root["entry"]):
        _add(pack, f"entry[{number}]", entry)
    return pack


def contained(resource: Resource, reference: str) -> Resource | None:
    """Return the contained resource of a `#id` reference."""
    return next((c for c in items(resource.get("contained")) if f"#{c.get('id')}" == reference), None)


def items(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list; nothing where it is none."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (one for one in value if isinstance(one, Mapping))


def part(value: object) -> Mapping[str, Any]:
    """Return an object; an empty one where it is none."""
    return value if isinstance(value, Mapping) else {}


def word(value: object) -> str:
    """Return a text; an empty one where it is none."""
    return value if isinstance(value, str) else ""


def _add(pack: Pack, place: str, entry: object) -> None:
    resource = part(part(entry).get("resource"))
    kind = _kind(resource)
    if not resource or (kind not in MODELS and kind != "Patient" and kind not in OTHERS):
        problem = Malformed("connectors.test_results.wrong_entry", place=place, kind=kind)
        pack.entries.append(Entry(place, resource, problem))
        return
    for reference in (word(part(entry).get("fullUrl")), f"{kind}/{word(resource.get('id'))}"):
        if reference and not reference.endswith("/"):
            pack.by_ref.setdefault(reference, resource)
    if kind in MODELS:
        pack.entries.append(Entry(place, resource, _check(resource)))


def _kind(resource: object) -> str:
    found = word(part(resource).get("resourceType"))
    return found if _NAME.fullmatch(found) else "?"


def _check_bundle(root: Resource, name: str) -> None:
    for element in root:
        if element not in ("resourceType", "id", "meta", "identifier", "type", "timestamp", "total", "link", "entry"):
            raise Malformed("connectors.test_results.unknown_element", path=f"Bundle.{masked(element)}"[:80])
    if not isinstance(root.get("entry"), list) or not root["entry"]:
        raise Malformed("connectors.test_results.empty_bundle", file=name)


def _check(resource: Resource) -> Malformed | None:
    """Return what is wrong with the structure: the first element that the model does not accept. Never its value."""
    kind = _kind(resource)
    try:
        MODELS[kind].model_validate(resource)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join([kind, *(str(step)[:40] for step in first["loc"])])
        key = "unknown_element" if first["type"] == "extra_forbidden" else "broken_element"
        safe = masked(path).encode(errors="replace").decode()
        return Malformed(f"connectors.test_results.{key}", path=safe)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return Malformed("connectors.test_results.broken_element", path=kind)
    return None


def _parsed(page: Page) -> Resource:
    held = _held(page.chunks, page.name)
    try:
        root = json.loads(held.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise Malformed("connectors.test_results.not_json", file=page.name) from problem
    if not isinstance(root, dict) or "resourceType" not in root:
        raise Malformed("connectors.test_results.not_fhir", file=page.name)
    return root


def _held(chunks: Iterable[bytes], name: str) -> bytes:
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) > PAGE_BYTES:
            raise Malformed("connectors.test_results.too_large", file=name, limit_mb=PAGE_BYTES >> 20)
    return bytes(held)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("an element occurs twice")
    return fields


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)  # NaN and Infinity are no JSON
