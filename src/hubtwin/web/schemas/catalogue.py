"""The catalogue on the wire: what is listed, whose it is, who may have it, how it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hubtwin.web.schemas.hub import Words

Kind = Literal["base", "thematic", "street", "hub"]
SharingName = Literal["unconditional", "restricted", "not_shared"]
GradeName = Literal["L1", "L2", "L3", "L4"]
FreshnessName = Literal["empty", "unpromised", "kept", "late"]
Place = Literal["name", "title", "keyword", "column", "element", "library", "about", "owner"]


@dataclass(frozen=True, slots=True)
class LibraryView:
    """A library with what it holds. `ceiling` is the highest grade that may lie in it."""

    name: str
    kind: Kind
    title: Words
    ceiling: GradeName
    street: str
    datasets: int
    rows: int


@dataclass(frozen=True, slots=True)
class AgencyView:
    """An agency that owns or looks after datasets; `street` is the code of its street, empty for most."""

    agency_id: str
    name: Words
    street: str


@dataclass(frozen=True, slots=True)
class NamedView:
    """A purpose or a legal basis that an application may name."""

    id: str
    title: Words


@dataclass(frozen=True, slots=True)
class LibraryReply:
    """The library of the hub and its district; `title` is empty for a hub on its own. `note` says what is ours.
    `partners` are those to whom a share can leave through their channel."""

    title: Words
    area_code: str
    note: Words
    libraries: Sequence[LibraryView]
    agencies: Sequence[AgencyView]
    purposes: Sequence[NamedView]
    legal_bases: Sequence[NamedView]
    partners: Sequence[NamedView]


@dataclass(frozen=True, slots=True)
class DatasetLine:
    """A dataset in a list. `colours` is how many rows have each colour, by its name, and null where nobody judged
    them yet. `where` are the places in which words of a search stand, the best first."""

    name: str
    title: Words
    library: str
    library_title: Words
    owner: str
    owner_name: Words
    sharing: SharingName
    grade: GradeName
    contract: str
    columns: int
    rows: int
    synthetic_rows: int
    updated_min: int | None
    fresh: FreshnessName
    colours: Mapping[str, int] | None
    where: Sequence[Place]


@dataclass(frozen=True, slots=True)
class DatasetsReply:
    """What was found; `listed` is how many datasets the catalogue has."""

    listed: int
    datasets: Sequence[DatasetLine]


@dataclass(frozen=True, slots=True)
class ElementView:
    """A standard element. `format` names the check of its values, `source` the standard that defines it."""

    name: str
    title: Words
    format: str
    source: str


@dataclass(frozen=True, slots=True)
class DatasetColumn:
    """A column. `leaves_as_rows` is false for what leaves as counts only (L4)."""

    name: str
    type: str
    title: Words
    grade: GradeName
    leaves_as_rows: bool
    reason: Words
    source: str
    graded_by: str
    graded_on: str | None
    review_on: str | None
    element: ElementView | None
    mask: str
    key: bool
    required: bool
    refers_to: str
    same_as: str
    values: Sequence[str]
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A rule across columns; who fails it gets the colour."""

    name: str
    title: Words
    colour: str
    holds: str


@dataclass(frozen=True, slots=True)
class UncheckedView:
    """A rule of the contract that is not checked here: of which column ("" for the whole), in short, and why not."""

    column: str
    title: Words
    rule: str
    why: Words


@dataclass(frozen=True, slots=True)
class LoweredView:
    """Why a person graded a derived dataset below its parents."""

    by: str
    on: str
    reason: Words


@dataclass(frozen=True, slots=True)
class SeenByView:
    """A live share: who may see how many columns of it, for what, until when."""

    grantee: str
    grantee_name: Words
    columns: int
    counts_only: bool
    purpose: Words
    until_min: int


@dataclass(frozen=True, slots=True)
class UsedByView:
    """Who asked for it in the last ninety days: how often, for how many rows, when last."""

    agency: str
    agency_name: Words
    asked: int
    rows: int
    last_min: int


@dataclass(frozen=True, slots=True)
class VersionView:
    """A published contract."""

    version: str
    sha256: str
    by: str
    at_min: int


@dataclass(frozen=True, slots=True)
class DatasetReply:
    """A dataset with all that is said of it. `may_publish`: the reader may publish a contract of it."""

    line: DatasetLine
    about: Words
    steward: str
    steward_name: Words
    update_every_min: int | None
    retain_days: int | None
    confirmed_column: str
    street_column: str
    purposes: Sequence[NamedView]
    keywords: Sequence[str]
    digest: str
    columns: Sequence[DatasetColumn]
    checks: Sequence[RowCheck]
    unchecked: Sequence[UncheckedView]
    lowered: LoweredView | None
    parents: Sequence[str]
    origins: Sequence[str]
    children: Sequence[str]
    referring: Mapping[str, Sequence[str]]
    seen_by: Sequence[SeenByView]
    used_by: Sequence[UsedByView]
    versions: Sequence[VersionView]
    may_publish: bool


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What a contract says otherwise than the listing, each as it stands in a declaration; null where nothing does."""

    where: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class ContractReply:
    """What a contract changes. `breaking` are columns that somebody may have relied on; `unchecked` are its rules that
    are kept and not checked here; `ends` are the live shares that it suspends; `published` is null for a preview."""

    dataset: str
    version: str
    changes: Sequence[ChangeView]
    breaking: Sequence[str]
    unchecked: Sequence[UncheckedView]
    suspends: bool
    ends: Sequence[SeenByView]
    published: VersionView | None
