"""JSON messages of devices: one flat object a message, one message a line of a page.

A page is what `connectors.common.mqtt` has gathered from a broker, or a file of JSON lines; a reader cannot tell.
What fields a message has is agreed: an unknown one costs the message, by name, and is not dropped silently.
"""

import json
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.lines import shown
from hubtwin.connectors.common.repeats import Repeats
from hubtwin.connectors.common.values import masked, read_choice, read_count, read_minute, read_provenance, read_second
from hubtwin.datasets.table import Column
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext

MESSAGE_BYTES = 16 << 10  # a message of a device has a few hundred
_TOKEN = re.compile(r"[\w.:/-]{1,64}")
_HIDDEN = re.compile(r"\d|[^\x20-\x7e]")  # of a line whose fields cannot be told apart: any may be of a person
_NUMBER = int | float
KIND = "kind"  # the field that tells several forms of one source apart
T = TypeVar("T")


@dataclass(frozen=True)
class Shape:
    """The fields of a message. `personal` ones are never shown; `optional` ones may be absent or null."""

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    personal: frozenset[str] = frozenset()


class Message:
    """A message with the fields of its shape; every reader raises Malformed for a value that is none."""

    def __init__(self, fields: Mapping[str, Any], zone: ZoneInfo) -> None:
        """Take the fields as they came; `zone` is that of times without an offset."""
        self._fields, self._zone = fields, zone

    def has(self, field: str) -> bool:
        """Return whether an optional field says anything."""
        return self._fields.get(field) is not None

    def word(self, field: str) -> str:
        """Return a text without surrounding blanks that is not empty."""
        value = self._fields[field]
        if not isinstance(value, str):
            raise Malformed("connectors.common.wrong_kind", field=field, kind="text")
        if not value.strip():
            raise Malformed("connectors.common.missing_value", field=field)
        return value.strip()

    def token(self, field: str, pattern: re.Pattern[str] = _TOKEN) -> str:
        """Return an identifier: letters, digits and `_ . : / -`, at most 64."""
        value = self.word(field)
        if not pattern.fullmatch(value):
            raise Malformed("connectors.common.broken_token", field=field, value=masked(value))
        return value

    def choice(self, field: str, column: Column) -> str:
        """Return a text that the column lists."""
        return read_choice(self.word(field), field, column.values)

    def count(self, field: str, column: Column) -> int:
        """Return a whole number within the bounds of a column."""
        value = self._fields[field]
        if not isinstance(value, int) or isinstance(value, bool):
            raise Malformed("connectors.common.broken_count", field=field, value=masked(str(value)[:80]))
        return read_count(str(value)[:80], field, int(column.minimum or 0), int(column.maximum or 0))

    def number(self, field: str, column: Column) -> float:
        """Return a number within the bounds of a column."""
        value = self._fields[field]
        if not isinstance(value, _NUMBER) or isinstance(value, bool) or not _is_float(value):
            raise Malformed("connectors.common.wrong_kind", field=field, kind="number")
        low, high = column.minimum or 0.0, column.maximum or 0.0
        if not low <= value <= high:
            raise Malformed("connectors.common.count_out_of_range", field=field, value=value, low=low, high=high)
        return float(value)

    def flag(self, field: str) -> bool:
        """Return true or false."""
        value = self._fields[field]
        if not isinstance(value, bool):
            raise Malformed("connectors.common.wrong_kind", field=field, kind="true/false")
        return value

    def minute(self, field: str) -> int:
        """Return the epoch minute of an ISO 8601 time."""
        return read_minute(self.word(field), self._zone, field)

    def second(self, field: str) -> int:
        """Return the epoch second of an ISO 8601 time."""
        return read_second(self.word(field), self._zone, field)


@dataclass(frozen=True, slots=True)
class Said:
    """What a message means: the values of a row, and the key under which a page may say something once."""

    values: Mapping[str, object]
    key: Hashable


@dataclass(frozen=True)
class Form:
    """A form of message: its fields, the dataset that it fills, and what it means."""

    shape: Shape
    dataset: str
    to_row: Callable[[Message, ReadContext], Said]


def maybe(message: Message, field: str, read: Callable[[str], T]) -> T | None:
    """Return what an optional field says, None where it says nothing."""
    return read(field) if message.has(field) else None


def read_rows(
    page: Page, context: ReadContext, shape: Shape, dataset: str, to_row: Callable[[Message, ReadContext], Said]
) -> Iterator[Row | Quarantined]:
    """Yield a row for each message of a page, or why there is none, in their order.

    An identical repeat is left out and counted (`repeated_row`): a device sends again what was not acknowledged.
    Raises Malformed for a page without any message.
    """
    form = Form(shape, dataset, to_row)
    return _read(page, context, lambda fields: form)


def read_forms(page: Page, context: ReadContext, forms: Mapping[str, Form]) -> Iterator[Row | Quarantined]:
    """Yield the rows of a page of messages of several forms, told apart by their field `kind`, as `read_rows` does."""
    plain = Form(Shape("message", required=(KIND,)), "", next(iter(forms.values())).to_row)

    def find(fields: Mapping[str, Any]) -> Form:
        if not isinstance(fields.get(KIND), str):
            raise Malformed("connectors.common.missing_field", field=KIND, form=plain.shape.name)
        return forms[read_choice(fields[KIND], KIND, tuple(forms))]

    return _read(page, context, find, plain.shape)


def _read(
    page: Page, context: ReadContext, find: Callable[[Mapping[str, Any]], Form], shape: Shape | None = None
) -> Iterator[Row | Quarantined]:
    repeats = Repeats()
    empty = True
    for number, line in enumerate(_lines(page.chunks), start=1):
        empty = False
        locator = f"{page.name}:{number}"
        try:
            fields = _parsed(line)
        except Malformed as problem:
            yield Quarantined(locator, problem.key, problem.values, _HIDDEN.sub("#", shown(line)))
            continue
        known = shape or Shape("message", ())
        try:
            form = find(fields)
            known = form.shape
            _check_fields(fields, known)
            said = form.to_row(Message(fields, context.zone), context)
            marks = read_provenance(Message(fields, context.zone).word("provenance"))
        except Malformed as problem:
            yield Quarantined(locator, problem.key, problem.values, redacted(fields, known))
            continue
        reason = repeats.find_reason((form.dataset, said.key), (*said.values.values(), marks.provenance))
        if reason:
            yield Quarantined(locator, reason, {}, redacted(fields, known))
        else:
            yield Row(form.dataset, said.values, locator, marks)
    if empty:
        raise Malformed("connectors.common.no_message", file=page.name)


def redacted(fields: Mapping[str, Any], shape: Shape) -> str:
    """Return a message for quarantine: `field=value` pairs; personal and unknown ones, and what is like a document, as
    ***.
    """
    plain = {*shape.required, *shape.optional} - shape.personal
    pairs = (
        f"{masked(name)}={masked(value if isinstance(value, str) else str(value)[:80]) if name in plain else '***'}"
        for name, value in fields.items()
    )
    return shown(", ".join(pairs).encode(errors="replace"))


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a page without their ends, in bounded memory: an endless one is cut off and shown as it is."""
    held = bytearray()
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            held += line[: MESSAGE_BYTES + 1 - len(held)]
            yield bytes(held)
            held.clear()
        held += rest[: MESSAGE_BYTES + 1 - len(held)]
    if held:
        yield bytes(held)


def _parsed(line: bytes) -> dict[str, Any]:
    if len(line) > MESSAGE_BYTES:
        raise Malformed("connectors.common.message_too_long", limit_kb=MESSAGE_BYTES >> 10)
    try:
        found = json.loads(line.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise Malformed("connectors.common.not_message") from problem
    if not isinstance(found, dict):
        raise Malformed("connectors.common.not_message")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for name in fields if sum(name == other for other, _ in pairs) > 1)
        raise Malformed("connectors.common.repeated_field", field=masked(twice))
    return fields


def _is_float(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)  # NaN and Infinity are no JSON


def _check_fields(fields: Mapping[str, Any], shape: Shape) -> None:
    for name in fields:
        if name not in shape.required and name not in shape.optional:
            safe = masked(name).encode(errors="replace").decode()
            raise Malformed("connectors.common.unknown_field", field=safe, form=shape.name)
    for name in shape.required:
        if fields.get(name) is None:
            raise Malformed("connectors.common.missing_field", field=name, form=shape.name)
