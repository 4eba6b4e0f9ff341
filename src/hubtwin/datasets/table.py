"""How a dataset is declared: one frozen record, from which schema, checks, catalogue and documents follow."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Literal

import pyarrow as pa

ColumnType = Literal["string", "int", "float", "bool", "date", "minute", "second", "pid"]

_ARROW: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "minute": pa.int32(),  # whole minutes since 1970-01-01T00:00Z, or after the start of a service date
    "second": pa.int64(),  # whole seconds since 1970-01-01T00:00Z
    "pid": pa.string(),  # pseudonym, 32 hex digits; a connector gives an Identity here
}


class Grade(IntEnum):
    """Sensitivity of a column, DB33/T 2351-2021: L1 none, L2 low, L3 rather sensitive, L4 sensitive."""

    L1 = 1
    L2 = 2
    L3 = 3
    L4 = 4


@dataclass(frozen=True)
class Column:
    """A column. `values` lists an enumeration; `minimum` and `maximum` bound numbers, both inclusive."""

    name: str
    type: ColumnType
    zh: str
    en: str
    grade: Grade = Grade.L1
    nullable: bool = False
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def arrow(self) -> pa.Field:
        """Return the Arrow field of this column."""
        return pa.field(self.name, _ARROW[self.type], nullable=self.nullable)


# Every stored row carries these after its own columns; the store fills them, a connector never does.
SYSTEM_COLUMNS = (
    Column("hub_id", "string", "枢纽", "hub"),
    Column("source", "string", "数据源", "source"),
    Column("status", "string", "状态", "status", values=("Actual", "Exercise", "Test")),
    Column("provenance", "string", "数据来源性质", "provenance", values=("real", "synthetic")),
    Column("replayed", "bool", "重放", "replayed"),
)


@dataclass(frozen=True)
class Dataset:
    """A table of the library. Two rows with the same key are the same thing; the later one stands."""

    name: str
    zh: str
    en: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        """Refuse a declaration whose key names no column or a nullable one."""
        required = {column.name for column in self.columns if not column.nullable}
        if not set(self.key) <= required:
            raise ValueError(f"key of {self.name} must name columns that are never null")

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Return the columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def schema(self) -> pa.Schema:
        """Return the Arrow schema of a stored file: own columns, then the system columns."""
        return pa.schema([column.arrow for column in self.columns + SYSTEM_COLUMNS])

    @property
    def grade(self) -> Grade:
        """Return the sensitivity of the dataset: that of its most sensitive column."""
        return max(column.grade for column in self.columns)
