"""What a grantee may read of the library, and what a question is answered with.

Minutes are those of the real clock. Cells are as the shares give them, masked where they say so; whole numbers that a
page could not hold exactly, and decimals, come as text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hubtwin.model.sharing import Lane
from hubtwin.web.schemas.asked import Asked, Short
from hubtwin.web.schemas.hub import Words

Cell = str | int | float | bool | None
Sql = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
FileForm = Literal["csv", "xlsx", "parquet"]


class AskIn(Asked):
    """A question in SQL (one SELECT over what `mine` lists) and what it is for."""

    sql: Sql
    purpose: Short


class AskFileIn(AskIn):
    """A question whose answer is wanted as a file; `bom` marks a CSV as UTF-8 for Excel."""

    format: FileForm = "csv"
    bom: bool = False


class AskArrowIn(AskIn):
    """A question whose answer is wanted as an Arrow stream, for programs; at most `limit` rows."""

    limit: Annotated[int, Field(ge=1, le=100_000)] = 100_000


@dataclass(frozen=True, slots=True)
class MineColumn:
    """A column that may be read; `mask` is "clear" where nothing is left off."""

    name: str
    title: Words
    type: str
    grade: int
    mask: str


@dataclass(frozen=True, slots=True)
class MineRows:
    """Which rows: all, or those whose `column` is one of `values`."""

    everything: bool
    column: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class MineView:
    """One live share: what it lets its grantee read, for what, until when, and how it may be taken.

    `count_floor`: only counts of groups of so many leave, in the column `_count`, in steps of the floor.
    """

    share_id: str
    dataset: str
    title: Words
    library: str
    grantee: str
    columns: Sequence[MineColumn]
    rows: MineRows
    purpose: str
    purpose_title: Words
    until_min: int
    delivery: Sequence[str]
    count_floor: int | None
    lane: Lane


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A dataset that a look-up touched, with its columns."""

    dataset: str
    title: Words
    columns: Sequence[Words]


@dataclass(frozen=True, slots=True)
class LookUpView:
    """A look-up as the audit has it: which row of it, when (the real clock), who asked, for what, how, and of how many
    rows. `why` tells why it was refused, null where it was answered."""

    seq: int
    at_min: int
    by: str
    mine: bool
    purpose: Words
    delivery: str
    datasets: Sequence[LookedAt]
    rows: int
    why: Words | None


@dataclass(frozen=True, slots=True)
class LookUpsReply:
    """Look-ups, the newest first. `next` is `before` of the page after; null: there are no older ones."""

    lookups: Sequence[LookUpView]
    next: int | None


@dataclass(frozen=True, slots=True)
class MineReply:
    """What may be read now, by dataset."""

    now_min: int
    shares: Sequence[MineView]


@dataclass(frozen=True, slots=True)
class AskColumn:
    """A column of an answer and its type in DuckDB's words."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class AskReply:
    """An answer. `datasets` are the columns that the question touched, as in the audit; `narrowed` are datasets of
    which other shares have more rows but not all of the asked columns. `audit_seq` is the row of the audit."""

    columns: Sequence[AskColumn]
    rows: Sequence[Sequence[Cell]]
    synthetic: bool
    datasets: Mapping[str, Sequence[str]]
    shares: Sequence[str]
    narrowed: Sequence[str]
    audit_seq: int


@dataclass(frozen=True, slots=True)
class PageReply:
    """A page of a dataset; `next` is what to give as `after` for the following one, null at the end. `numbers`
    are those of the rows, by which one of them is disputed; none where only counts leave."""

    page: AskReply
    next: str | None
    numbers: Sequence[int]
