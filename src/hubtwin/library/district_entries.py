"""What one entry of a district's files becomes: an agency, an element, a library, a listing.

Only what stands in the entry itself is judged here; whether it names things that exist is asked of the whole catalogue
in `hubtwin.library.district_checks`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import get_args

from hubtwin.datasets.listing import (
    UNCHECKED,
    Check,
    Element,
    Library,
    LibraryKind,
    Listing,
    Lowered,
    Sharing,
    Trait,
    Unchecked,
)
from hubtwin.datasets.table import Column, ColumnType, Dataset, Grade
from hubtwin.library.declared import Entry
from hubtwin.model.agency import Agency, AgencyKind
from hubtwin.model.colour import Colour
from hubtwin.rules.identifiers import FORMATS
from hubtwin.rules.masks import is_mask

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
AGENCY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
TYPES: tuple[ColumnType, ...] = get_args(ColumnType)
RULE_COLOURS = (Colour.RED, Colour.ORANGE, Colour.PURPLE)
GRADERS = ("rule", "detector", "person")
_LISTING = (
    *("name", "library", "title", "about", "owner", "steward", "sharing", "purposes", "contract", "update_every_min"),
    *("confirmed_column", "street_column", "retain_days", "parents", "keywords", "key", "columns", "checks", "lowered"),
    *("ends_with", "unchecked"),
)
_COLUMN = (
    *("name", "element", "type", "title", "grade", "reason", "source", "graded_by", "graded_on", "review_on", "mask"),
    *("refers_to", "same_as", "required", "unique", "values", "minimum", "maximum"),
)


@dataclass(frozen=True, slots=True)
class Bound:
    """A standard element with what a column that is bound to it takes over unless it says otherwise."""

    element: Element
    grade: Grade | None
    reason: Mapping[str, str]
    mask: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grading:
    """By which standard a district graded, when, and when it looks again: what a column takes that says nothing."""

    source: str = ""
    on: date | None = None
    review_on: date | None = None


@dataclass(frozen=True)
class Told:
    """What listings are read with: the elements, and how the district graded."""

    elements: Mapping[str, Bound] = field(default_factory=dict)
    grading: Grading = Grading()


def read_id(entry: Entry, name: str, form: re.Pattern[str] = NAME) -> str:
    """Return an id of the form. Raises Malformed."""
    found = entry.line(name)
    if not form.fullmatch(found):
        raise entry.wrong(name, "id")
    return found


def read_grade(entry: Entry, name: str = "grade") -> Grade | None:
    """Return a grade written as 1 to 4, None where none was written. Raises Malformed."""
    found = entry.number(name, Grade.L1, Grade.L4)
    return None if found is None else Grade(found)


def read_agency(entry: Entry) -> Agency:
    """Return an agency. Raises Malformed."""
    entry.know("id", "kind", "name")
    name = entry.names("name")
    return Agency(read_id(entry, "id", AGENCY), entry.choice("kind", AgencyKind), name["zh"], name["en"])


def read_element(entry: Entry) -> Bound:
    """Return a standard element with its defaults. Raises Malformed."""
    entry.know("name", "title", "type", "format", "source", "grade", "reason", "mask", "values")
    element = Element(
        read_id(entry, "name"),
        entry.names("title"),
        _read_type(entry),
        entry.line("format", ""),
        entry.line("source", ""),
    )
    if element.format and (element.format not in FORMATS or element.type != "string"):
        raise entry.wrong("format", "choice", choices=", ".join(FORMATS))
    grade, reason = read_grade(entry), entry.names("reason", {})
    if grade is not None and not reason:
        raise entry.wrong("", "grade_reason")
    return Bound(element, grade, reason, _read_mask(entry, element.type, ""), entry.texts("values"))


def read_library(entry: Entry) -> Library:
    """Return a library. Raises Malformed."""
    entry.know("name", "kind", "title", "ceiling", "street")
    kind, street = entry.choice("kind", LibraryKind), entry.line("street", "")
    if (kind is LibraryKind.STREET) != bool(street):
        raise entry.wrong("street", "library_street")
    if kind is LibraryKind.HUB:
        raise entry.wrong("kind", "hub_library")
    return Library(read_id(entry, "name"), kind, entry.names("title"), read_grade(entry, "ceiling") or Grade.L4, street)


def read_listing(entry: Entry, told: Told, library: str = "") -> Listing:
    """Return a dataset of the library with all that is said of it. `library` is where it lies unless it says.

    Raises Malformed.
    """
    entry.know(*_LISTING)
    name, title = read_id(entry, "name"), entry.names("title")
    columns = entry.tables("columns")
    names = [read_id(each, "name") for each in columns]
    key = entry.texts("key", needed=True)
    if not columns or not set(key) <= set(names):
        raise entry.wrong("key", "key")
    for place, each in enumerate(columns):
        if names.index(names[place]) < place:
            raise each.wrong("name", "twice", other=each.where)
    found = [_read_column(each, told, key) for each in columns]
    shape = Dataset(name, title["zh"], title["en"], key, tuple(column for column, _ in found))
    return Listing(
        shape,
        entry.line("library", library),
        entry.line("owner"),
        entry.choice("sharing", Sharing),
        entry.names("about"),
        steward=entry.line("steward", ""),
        purposes=entry.texts("purposes"),
        contract=entry.line("contract", ""),
        update_every_min=entry.number("update_every_min", 1),
        confirmed_column=entry.line("confirmed_column", ""),
        street_column=entry.line("street_column", ""),
        retain_days=entry.number("retain_days", 1, 36_525),
        parents=entry.texts("parents"),
        keywords=entry.texts("keywords"),
        traits={column.name: trait for column, trait in found},
        checks=tuple(_read_check(each) for each in entry.tables("checks")),
        lowered=_read_lowered(entry.table("lowered")) if entry.has("lowered") else None,
        ends_with=entry.line("ends_with", ""),
        unchecked=tuple(_read_unchecked(each) for each in entry.tables("unchecked", "column")),
    )


def _read_column(entry: Entry, told: Told, key: tuple[str, ...]) -> tuple[Column, Trait]:
    entry.know(*_COLUMN)
    name, bound = entry.line("name"), None
    if entry.has("element"):
        bound = told.elements.get(entry.line("element"))
        if bound is None:
            raise entry.wrong("element", "unknown", what=entry.line("element"))
    title = entry.names("title", bound.element.title if bound else None)
    grade = _read_column_grade(entry, bound)
    column = Column(
        name,
        _read_type(entry, bound.element.type if bound else None),
        title["zh"],
        title["en"],
        grade,
        nullable=name not in key,
        values=entry.texts("values") or (bound.values if bound else ()),
        minimum=entry.amount("minimum"),
        maximum=entry.amount("maximum"),
    )
    return column, _read_trait(
        entry, told, bound, _read_mask(entry, column.type, bound.mask if bound else ""), name in key
    )


def _read_mask(entry: Entry, kind: ColumnType, default: str) -> str:
    found = entry.line("mask", default)
    if found and not is_mask(found, kind):
        raise entry.wrong("mask", "mask", type=kind)
    return found


def _read_trait(entry: Entry, told: Told, bound: Bound | None, mask: str, is_key: bool) -> Trait:
    by = entry.line("graded_by", "person" if entry.has("grade") else "rule")
    if by not in GRADERS:
        raise entry.wrong("graded_by", "choice", choices=", ".join(GRADERS))
    return Trait(
        element=bound.element.name if bound else "",
        reason=entry.names("reason", bound.reason if bound else {}),
        graded_by=by,
        graded_on=entry.day("graded_on") or told.grading.on,
        review_on=entry.day("review_on") or told.grading.review_on,
        mask=mask,
        refers_to=entry.line("refers_to", ""),
        same_as=entry.line("same_as", ""),
        required=entry.flag("required", is_key),
        source=entry.line("source", told.grading.source),
        unique=entry.flag("unique", False),
    )


def _read_column_grade(entry: Entry, bound: Bound | None) -> Grade:
    """Return the grade of a column: what it says itself with a reason of its own, else that of its element."""
    own = read_grade(entry)
    if own is not None and not entry.has("reason"):
        raise entry.wrong("", "grade_reason")
    found = own if own is not None else bound.grade if bound else None
    if found is None:
        raise entry.wrong("", "ungraded")
    return found


def _read_type(entry: Entry, default: ColumnType | None = None) -> ColumnType:
    written = entry.line("type", default)
    for each in TYPES:
        if each == written and default in (None, each):
            return each
    raise entry.wrong("type", "choice", choices=", ".join(TYPES if default is None else (default,)))


def _read_check(entry: Entry) -> Check:
    entry.know("name", "title", "colour", "holds", "metric")
    named = {each.name.lower(): each for each in RULE_COLOURS}
    colour = named.get(entry.line("colour", "purple"))
    if colour is None:
        raise entry.wrong("colour", "colour")
    metric = _read_json(entry, "metric") if entry.has("metric") else ""
    return Check(read_id(entry, "name"), entry.names("title"), colour, entry.line("holds"), metric)


def _read_unchecked(entry: Entry) -> Unchecked:
    entry.know("column", "told", "why")
    column, why = entry.line("column") if entry.block.get("column") else "", entry.line("why")
    if why not in UNCHECKED:
        raise entry.wrong("why", "choice", choices=", ".join(UNCHECKED))
    return Unchecked(column, _read_json(entry, "told"), why)


def _read_json(entry: Entry, name: str) -> str:
    """Return a rule of a contract as it came. Raises Malformed."""
    found = entry.block.get(name)
    try:
        if isinstance(found, str) and isinstance(json.loads(found), dict):
            return found
    except ValueError:
        pass
    raise entry.wrong(name, "text")


def _read_lowered(entry: Entry) -> Lowered:
    entry.know("by", "on", "zh", "en")
    on = entry.day("on")
    if on is None:
        raise entry.wrong("on", "day")
    return Lowered(entry.line("by"), on, {lang: entry.line(lang) for lang in ("zh", "en")})
