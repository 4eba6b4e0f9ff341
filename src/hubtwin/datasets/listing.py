"""How the library lists a dataset: beside its shape, whose it is, who may have it, and what is promised of it.

Everything here is declared as data (a folder of TOML files for a district), never as code: another district brings
its own folder. Words are those of DCAT and the Open Data Contract Standard.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

import pyarrow as pa

from hubtwin.base.errors import Absent
from hubtwin.datasets.table import SYSTEM_COLUMNS, ColumnType, Dataset, Grade
from hubtwin.model.agency import Agency
from hubtwin.model.colour import Colour

ROW_NO = "row_no"  # last column of a stored row: int64, given once in a dataset
# standard elements of which a value names one person, body or vehicle: records are looked up by them
NAMING = frozenset({"citizen_id", "person_no", "phone", "uscc", "plate"})


class LibraryKind(StrEnum):
    """What a library is for. The hub's own thematic database, which the scenes read, stands apart from the rest."""

    BASE = "base"
    THEMATIC = "thematic"
    STREET = "street"
    HUB = "hub"


class Sharing(StrEnum):
    """The sharing attribute of a dataset."""

    UNCONDITIONAL = "unconditional"
    RESTRICTED = "restricted"
    NOT_SHARED = "not_shared"


@dataclass(frozen=True, slots=True)
class Library:
    """A library. Rows graded above its `ceiling` may not lie in it; `street` is the administrative code of the
    street whose warehouse it is, empty otherwise."""

    name: str
    kind: LibraryKind
    title: Mapping[str, str]
    ceiling: Grade = Grade.L4
    street: str = ""


@dataclass(frozen=True, slots=True)
class Element:
    """A standard element that columns are bound to. `format` names a validator of `rules.identifiers`, or nothing."""

    name: str
    title: Mapping[str, str]
    type: ColumnType
    format: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Trait:
    """What the library knows of a column beyond its type.

    `reason` and `graded_by` ("rule", "detector", "person") say why it has its grade, `source` by which standard,
    `review_on` when to look again.
    `mask` is the mask that an automatic lane puts on it. `refers_to` is "dataset.column" that must hold its value;
    `same_as` is "dataset.column" of the authoritative source, joined by the same key. `unique`: its value may stand in
    one row only, beside the key of the dataset.
    """

    element: str = ""
    reason: Mapping[str, str] = field(default_factory=dict)
    graded_by: str = "rule"
    graded_on: date | None = None
    review_on: date | None = None
    mask: str = ""
    refers_to: str = ""
    same_as: str = ""
    required: bool = False
    source: str = ""
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A rule across the columns of a row: `holds` is an SQL condition over them that every good row meets. `metric` is
    the rule of a contract it came from, as JSON, empty where a district declared it."""

    name: str
    title: Mapping[str, str]
    colour: Colour
    holds: str
    metric: str = ""


# why a rule of a contract is not checked
UNCHECKED = (
    *("sql", "text", "custom", "metric", "tolerance", "rows"),
    *("columns", "values", "pattern", "option", "condition"),
)


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A rule of a contract that nobody checks here: as it came (JSON), of which column ("" for all), and why not, as
    `UNCHECKED` names it."""

    column: str
    told: str
    why: str


@dataclass(frozen=True, slots=True)
class Lowered:
    """A person's word that a derived dataset is less sensitive than what it was made from (GB/T 43697 annex I)."""

    by: str
    on: date
    reason: Mapping[str, str]


@dataclass(frozen=True)
class Listing:
    """A dataset of the library.

    `owner` and `steward` are agencies. `purposes` are those that the owner lets pass without being asked. `contract`
    is the version of its published contract, empty before there is one. `update_every_min` is the promise of freshness;
    `confirmed_column` holds when a row was last confirmed. `street_column` holds the code of the street a row is of.
    The shape's columns may all be empty in a stored row: what is missing is coloured, not lost; `Trait.required` says
    what must be there. `lowered` holds why a person graded a derived dataset below its parents, None where nobody did.
    `ends_with` names the scene for whose event the rows are kept: they are destroyed with it. `unchecked` are rules of
    its contract that ours do not say.
    """

    dataset: Dataset
    library: str
    owner: str
    sharing: Sharing
    about: Mapping[str, str]
    steward: str = ""
    purposes: tuple[str, ...] = ()
    contract: str = ""
    update_every_min: int | None = None
    confirmed_column: str = ""
    street_column: str = ""
    retain_days: int | None = None
    parents: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    traits: Mapping[str, Trait] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    lowered: Lowered | None = None
    ends_with: str = ""
    unchecked: tuple[Unchecked, ...] = ()

    @property
    def name(self) -> str:
        """Return the name of the dataset."""
        return self.dataset.name

    def trait(self, column: str) -> Trait:
        """Return what is known of a column; an empty trait where nothing was said."""
        return self.traits.get(column, Trait())

    @cached_property
    def schema(self) -> pa.Schema:
        """Return the Arrow schema of a stored row: own columns, system columns, `row_no`; only the last is never
        empty."""
        fields = [each.arrow.with_nullable(True) for each in self.dataset.columns + SYSTEM_COLUMNS]
        return pa.schema([*fields, pa.field(ROW_NO, pa.int64(), nullable=False)])

    @cached_property
    def sought(self) -> tuple[str, ...]:
        """Return the columns of text by which single records are looked up: those of the key, those whose values are
        unique, and those that name a person, a body or a vehicle."""
        texts = [each.name for each in self.dataset.columns if pa.types.is_string(each.arrow.type)]
        keys, traits = self.dataset.key, self.trait
        return tuple(name for name in texts if name in keys or traits(name).unique or traits(name).element in NAMING)

    @cached_property
    def digest(self) -> str:
        """Return a digest of names, types and grades of the columns, and of whether it is shared at all: a grant holds
        for exactly this shape, and for none that may not leave its owner."""
        told = ";".join(f"{each.name}:{each.type}:{int(each.grade)}" for each in self.dataset.columns)
        told += ";not_shared" if self.sharing is Sharing.NOT_SHARED else ""
        return sha256(told.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Catalogue:
    """Everything that is listed. `purposes` and `legal_bases` are what an application may name, id -> title.

    `title` is the name of the district, `area_code` its administrative code; both empty for a hub on its own.
    """

    libraries: tuple[Library, ...]
    listings: tuple[Listing, ...]
    elements: tuple[Element, ...] = ()
    agencies: tuple[Agency, ...] = ()
    agency_streets: Mapping[str, str] = field(default_factory=dict)  # agency id -> code of its street
    purposes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    legal_bases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    title: Mapping[str, str] = field(default_factory=dict)
    area_code: str = ""

    @cached_property
    def by_name(self) -> dict[str, Listing]:
        """Return the listings by the name of their dataset."""
        return {each.name: each for each in self.listings}

    @cached_property
    def library_by_name(self) -> dict[str, Library]:
        """Return the libraries by name."""
        return {each.name: each for each in self.libraries}

    def get(self, name: str) -> Listing:
        """Return a listing. Raises Absent."""
        if name not in self.by_name:
            raise Absent("datasets.not_listed", dataset=name)
        return self.by_name[name]

    def street_of(self, agency_id: str) -> str:
        """Return the code of the street an agency is of, empty where it is of none."""
        return self.agency_streets.get(agency_id, "")
