"""How the records of the loop become lines of their tables and come back: one column a field, in the same order."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from hubtwin.model.alert import Alert
from hubtwin.model.case import Case
from hubtwin.model.emergency import Appeal, Emergency, Overflow
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.model.task import Task
from hubtwin.stores.rows import plain_json

R = TypeVar("R", Emergency, Overflow, Alert, Case, Appeal, Task)
Reader = Callable[[Any], Any]
Value = str | int | float | None


@dataclass(frozen=True)
class Shape(Generic[R]):
    """A record and its table: the first name is the key, `version` counts, three columns of marks come last."""

    make: Callable[..., R]
    table: str
    names: tuple[str, ...]
    readers: tuple[Reader, ...]

    @property
    def key(self) -> str:
        """Return the name of the key."""
        return self.names[0]

    @property
    def columns(self) -> str:
        """Return the columns in the order of a line."""
        return ", ".join((*self.names, "status", "provenance", "replayed"))

    def line(self, record: R) -> list[Value]:
        """Return the values of a record in the order of the columns."""
        marks: Marks = record.marks
        last: tuple[Value, ...] = (marks.status.value, marks.provenance.value, int(marks.replayed))
        return [*(_stored(getattr(record, name)) for name in self.names), *last]

    def read(self, line: Sequence[Any]) -> R:
        """Return the record of a line."""
        values = {name: read(value) for name, read, value in zip(self.names, self.readers, line[:-3], strict=True)}
        marks = Marks(Status(line[-3]), Provenance(line[-2]), bool(line[-1]))
        return self.make(**values, marks=marks)


def _stored(value: object) -> Value:
    if isinstance(value, Mapping):
        return plain_json(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, str | int | float) else None


def _reader(hint: Any) -> Reader:
    """Return what turns a column back into a field of a type."""
    if isinstance(hint, UnionType):
        inner = _reader(next(part for part in get_args(hint) if part is not type(None)))
        return lambda value: None if value is None else inner(value)
    if get_origin(hint) is not None:
        return json.loads
    if hint is bool or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        read: Reader = hint
        return read
    return lambda value: value


def _shape(kind: type[R], table: str) -> Shape[R]:
    names = tuple(field.name for field in fields(kind) if field.name != "marks")
    hints = get_type_hints(kind)
    return Shape(kind, table, names, tuple(_reader(hints[name]) for name in names))


EMERGENCIES = _shape(Emergency, "emergencies")
OVERFLOWS = _shape(Overflow, "overflows")
ALERTS = _shape(Alert, "alerts")
CASES = _shape(Case, "cases")
APPEALS = _shape(Appeal, "appeals")
TASKS = _shape(Task, "tasks")
