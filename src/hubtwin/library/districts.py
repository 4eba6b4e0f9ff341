"""Reads the library of a district from a folder of TOML files. Nothing of a district stands in code.

Any block may stand in any file of the folder. A dataset of `[[street_datasets]]` is declared once and listed once for
each street of `[[streets]]`: `{code}`, `{zh}`, `{en}` and `{agency}` in its texts are those of the street.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubtwin.base.errors import Absent, Malformed
from hubtwin.datasets.listing import Catalogue, Library, LibraryKind, Listing
from hubtwin.library.declared import Entry
from hubtwin.library.district_checks import check_catalogue
from hubtwin.library.district_entries import (
    AGENCY,
    Bound,
    Grading,
    Told,
    read_agency,
    read_element,
    read_grade,
    read_id,
    read_library,
    read_listing,
)
from hubtwin.model.agency import Agency, AgencyKind

MOST_FILES, MOST_BYTES = 500, 4 << 20
BLOCKS = (
    "district",
    "agencies",
    "purposes",
    "legal_bases",
    "elements",
    "libraries",
    "library",
    "datasets",
    "streets",
    "street_library",
    "street_datasets",
    "samples",
    "derived",
)


@dataclass
class _Found:
    """What was read so far, and the entry of each name, which errors call it by."""

    title: Mapping[str, str] = field(default_factory=dict)
    area_code: str = ""
    grading: Grading = field(default_factory=Grading)
    agencies: dict[str, Agency] = field(default_factory=dict)
    agency_streets: dict[str, str] = field(default_factory=dict)
    purposes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    legal_bases: dict[str, Mapping[str, str]] = field(default_factory=dict)
    elements: dict[str, Bound] = field(default_factory=dict)
    libraries: dict[str, Library] = field(default_factory=dict)
    listings: dict[str, Listing] = field(default_factory=dict)
    samples: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    derived: dict[str, str] = field(default_factory=dict)
    places: dict[tuple[str, str], Entry] = field(default_factory=dict)

    def enter(self, entry: Entry, kind: str, name: str, field_name: str = "name") -> None:
        """Note where a name was declared. Raises Malformed where it was declared before."""
        before = self.places.get((kind, name))
        if before is not None:
            raise entry.wrong(field_name, "twice", other=f"{before.file}: {before.where}")
        self.places[kind, name] = entry


def find_folder(district: str, beside: Path, shipped: Path) -> Path:
    """Return the folder of a district: one beside a hub.toml or by its path, else one of the `shipped` ones by name.

    Raises Absent.
    """
    for candidate in (beside / district, shipped / district):
        if candidate.is_dir():
            return candidate
    names = sorted(each.name for each in shipped.glob("*") if each.is_dir())
    raise Absent("library.district_none", district=district, shipped=", ".join(names))


def read_files(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Return the parsed files of a folder and of the folders in it, by path below it. Raises Absent, Malformed."""
    files = sorted(folder.rglob("*.toml"))
    if not files:
        raise Absent("library.district_empty", folder=folder)
    parsed: dict[str, Mapping[str, Any]] = {}
    for place, file in enumerate(files):
        name = file.relative_to(folder).as_posix()
        if place >= MOST_FILES or file.stat().st_size > MOST_BYTES:
            raise Malformed("library.district_too_large", file=name, limit=MOST_BYTES)
        try:
            parsed[name] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed("library.district_not_toml", file=name, problem=str(error)) from error
    return parsed


def read_district(folder: Path, hub: Catalogue) -> Catalogue:
    """Return the catalogue of a folder, with the hub's own datasets beside those of the district.

    Raises Absent where there is no file, and Malformed, naming file and entry, for the first mistake.
    """
    return merge(read_files(folder), hub)


def merge(files: Mapping[str, Mapping[str, Any]], hub: Catalogue) -> Catalogue:
    """Return the catalogue that parsed files declare, checked as a whole. Raises Malformed."""
    found = _read(files)
    for library in found.libraries.values():
        if library.name in hub.library_by_name:
            raise found.places["library", library.name].wrong("name", "hub_library")
    for listing in found.listings.values():
        entry = found.places["dataset", listing.name]
        for name, taken in (("name", listing.name in hub.by_name), ("library", listing.library in hub.library_by_name)):
            if taken:
                raise entry.wrong(name, "hub_library")
    agencies = {each.agency_id: each for each in hub.agencies} | found.agencies
    catalogue = Catalogue(
        libraries=(*found.libraries.values(), *hub.libraries),
        listings=(*found.listings.values(), *hub.listings),
        elements=tuple(each.element for each in found.elements.values()),
        agencies=tuple(agencies.values()),
        agency_streets=found.agency_streets,
        purposes={**hub.purposes, **found.purposes},
        legal_bases={**hub.legal_bases, **found.legal_bases},
        title=found.title,
        area_code=found.area_code,
    )
    check_catalogue(catalogue, found.places)
    return catalogue


@dataclass(frozen=True)
class Recipe:
    """How a simulator makes up elements: texts of parts, one from each list; or, `derived`, an SQL expression over the
    other columns of a row."""

    samples: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)


def read_recipe(folder: Path) -> Recipe:
    """Return how a simulator makes up elements of a district. Raises Absent, Malformed."""
    found = _read(read_files(folder))
    return Recipe(found.samples, found.derived)


def _read(files: Mapping[str, Mapping[str, Any]]) -> _Found:
    """Read every block, what others rest on first: a listing needs elements, a street dataset its streets."""
    found = _Found()
    tops = [Entry(name, "", block) for name, block in files.items()]
    for top in tops:
        top.know(*BLOCKS)
        if top.has("district"):
            _read_head(found, top.table("district"))
    for top in tops:
        _read_words(found, top)
        for entry in top.tables("agencies", "id"):
            agency = read_agency(entry)
            found.enter(entry, "agency", agency.agency_id, "id")
            found.agencies[agency.agency_id] = agency
        for entry in top.tables("elements"):
            bound = read_element(entry)
            found.enter(entry, "element", bound.element.name)
            found.elements[bound.element.name] = bound
        for entry in top.tables("libraries"):
            library = read_library(entry)
            found.enter(entry, "library", library.name)
            found.libraries[library.name] = library
    streets = _read_streets(found, tops)
    told = Told(found.elements, found.grading)
    for top in tops:
        for entry in top.tables("datasets"):
            _enter_listing(found, entry, read_listing(entry, told, top.line("library", "")))
        for entry in top.tables("street_datasets"):
            for words in streets:
                filled = _fill(entry, words)
                _enter_listing(found, filled, read_listing(filled, told, f"street_{words['code']}"))
    return found


def _read_head(found: _Found, entry: Entry) -> None:
    entry.know("name", "area_code", "grading", "graded_on", "review_on", "note")
    found.enter(entry, "district", "", "name")
    found.title, found.area_code = entry.names("name"), entry.line("area_code")
    found.grading = Grading(entry.line("grading", ""), entry.day("graded_on"), entry.day("review_on"))
    entry.names("note", {})


def _read_words(found: _Found, top: Entry) -> None:
    """Read what are tables by id: purposes, legal bases, and what a simulator takes."""
    for block, kept in (("purposes", found.purposes), ("legal_bases", found.legal_bases)):
        entry = top.table(block)
        for name in entry.block:
            found.enter(entry, block, name, name)
            if not AGENCY.fullmatch(name):
                raise entry.wrong(name, "id")
            kept[name] = entry.names(name)
    samples = top.table("samples")
    for name, parts in samples.block.items():
        if not isinstance(parts, list) or not all(isinstance(each, list) for each in parts):
            raise samples.wrong(name, "texts")
        rows = [Entry(top.file, samples.where, {name: each}).texts(name, needed=True) for each in parts]
        found.samples[name] = tuple(rows)
    derived = top.table("derived")
    for name in derived.block:
        found.derived[name] = derived.line(name)


def _read_streets(found: _Found, tops: Sequence[Entry]) -> list[dict[str, str]]:
    """Return the words of each street, and enter its office and its warehouse."""
    library = next((top.table("street_library") for top in tops if top.has("street_library")), None)
    streets = []
    for top in tops:
        for entry in top.tables("streets", "code"):
            entry.know("code", "name", "agency")
            code, name = entry.line("code"), entry.names("name")
            if not (code.isascii() and code.isdecimal() and len(code) == 9 and code.startswith(found.area_code)):
                raise entry.wrong("code", "street_code", area=found.area_code)
            found.enter(entry, "street", code, "code")
            agency = read_id(entry, "agency", AGENCY) if entry.has("agency") else f"street-{code}"
            if agency not in found.agencies:
                found.enter(entry, "agency", agency, "agency")
                found.agencies[agency] = Agency(agency, AgencyKind.STREET, name["zh"], name["en"])
            found.agency_streets[agency] = code
            streets.append({"code": code, **name, "agency": agency})
            if library is not None:
                _enter_warehouse(found, _fill(library, streets[-1]), code)
    return streets


def _enter_warehouse(found: _Found, entry: Entry, code: str) -> None:
    entry.know("title", "ceiling")
    name = f"street_{code}"
    found.enter(entry, "library", name)
    ceiling = read_grade(entry, "ceiling")
    made = Library(name, LibraryKind.STREET, entry.names("title"), street=code)
    found.libraries[name] = made if ceiling is None else Library(name, made.kind, made.title, ceiling, code)


def _enter_listing(found: _Found, entry: Entry, listing: Listing) -> None:
    found.enter(entry, "dataset", listing.name)
    found.listings[listing.name] = listing


def _fill(entry: Entry, words: Mapping[str, str]) -> Entry:
    """Return an entry with the words of a street in all its texts."""
    return Entry(entry.file, _filled(entry.where, words), _filled(entry.block, words))


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace("{" + name + "}", word)
        return value
    if isinstance(value, Mapping):
        return {name: _filled(each, words) for name, each in value.items()}
    return [_filled(each, words) for each in value] if isinstance(value, Iterable) else value
