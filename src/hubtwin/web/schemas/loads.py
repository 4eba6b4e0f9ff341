"""Loads into the library on the wire: uploads, what a load would do, how far it is, rows that could not be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hubtwin.web.schemas.asked import Asked, Short
from hubtwin.web.schemas.hub import Words

State = Literal["running", "interrupted", "ended"]
Name = Annotated[str, StringConstraints(max_length=200)]
Cell = Annotated[str, StringConstraints(max_length=10_000)]


class LoadIn(Asked):
    """A file that was uploaded, and how it is read; what is left out is guessed. `mapping` is column of the file ->
    column of the dataset, nothing to leave it out."""

    upload_id: Short
    dataset: Short
    encoding: Name = ""
    delimiter: Annotated[str, StringConstraints(max_length=1)] = ""
    header: Annotated[int, Field(ge=0, le=20)] | None = None
    table: Name = ""
    mapping: Annotated[dict[Name, Name], Field(max_length=2_000, default_factory=dict)]
    synthetic: bool = False
    part: Annotated[str, StringConstraints(max_length=64)] = ""
    again: bool = False


class ReleaseIn(Asked):
    """Rows of the quarantine, and what they are corrected to: column of the dataset -> text."""

    rows: Annotated[list[Annotated[int, Field(ge=1, le=2**53)]], Field(min_length=1, max_length=1_000)]
    corrections: Annotated[dict[Name, Cell], Field(max_length=2_000, default_factory=dict)]


@dataclass(frozen=True, slots=True)
class UploadView:
    """A file that waits."""

    upload_id: str
    file: str
    bytes: int
    by: str
    at_min: int


@dataclass(frozen=True, slots=True)
class UploadsReply:
    """The files of one's own agency that wait, and how large one may be."""

    uploads: Sequence[UploadView]
    most_bytes: int


@dataclass(frozen=True, slots=True)
class GuessView:
    """A column of the file: what it looks like, how many sampled cells are empty, where it goes ("" for nowhere)."""

    name: str
    type: str
    empty: int
    notes: Sequence[Words]
    target: str


@dataclass(frozen=True, slots=True)
class BadView:
    """A row that could not be read. `row` is its number in the quarantine, 0 before it is there; `raw` is shown only
    where the reader's own file is looked at, or the row was asked for."""

    row: int
    line: int
    problems: Sequence[Words]
    raw: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LoadView:
    """A load. `share` is how much of the file was read, 0 to 1; `may` what the reader can do now."""

    load_id: str
    dataset: str
    title: Words
    file: str
    part: str
    by: str
    begun_min: int
    ended_min: int | None
    state: State
    rows: int
    quarantined: int
    share: float
    synthetic: bool
    problem: Words | None


@dataclass(frozen=True, slots=True)
class PreviewReply:
    """What a load would do; nothing was stored. `good` are the first rows as they would be, as texts."""

    dataset: str
    title: Words
    file: str
    format: str
    encoding: str
    delimiter: str
    header: int
    table: str
    columns: Sequence[GuessView]
    missing: Sequence[str]
    required: Sequence[str]
    sampled: int
    good_rows: int
    good: Sequence[Mapping[str, str]]
    bad: Sequence[BadView]
    bad_rows: int
    load: LoadView | None


@dataclass(frozen=True, slots=True)
class LoadsReply:
    """Loads into datasets of one's own agency, the latest first."""

    now_min: int
    datasets: Sequence[str]
    loads: Sequence[LoadView]


@dataclass(frozen=True, slots=True)
class QuarantineReply:
    """Rows of a load that could not be read and are not released; `next` asks for more, None at the end."""

    load: LoadView
    rows: Sequence[BadView]
    next: int | None


@dataclass(frozen=True, slots=True)
class ReleasedReply:
    """Which rows are on the shelf now, and what is still wrong with the others."""

    released: Sequence[int]
    still: Sequence[BadView]
