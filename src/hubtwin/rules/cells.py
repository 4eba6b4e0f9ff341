"""A row of a template: its cells made of facts, and everything that is wrong with them, by column.

Cells are texts, as the platform above gets them. `render` makes them of facts and takes nothing that the profile of
the template does not let out; `judge` looks at texts only, so a row that a person corrected in a file, and the platform
itself, are held to the same. A value that a template has no word for becomes one that no template knows, with a
question mark before it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Bug
from hubtwin.rules.disclosure import MAX_TEXT, is_of_kind
from hubtwin.rules.documents import citizen_fault, is_area, is_other_document, is_phone, tidy_phone
from hubtwin.rules.quality import Problem
from hubtwin.rules.template import HUB_ZONE, Condition, Template, TemplateColumn

Found = tuple[str, Problem]  # the key of a column and what is wrong there
UNKNOWN = "?"
_Take = Callable[[Mapping[str, Any]], Any]
_Check = Callable[[str], Problem | None]
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def render(template: Template, facts: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    """Return the cells of facts, in the order of the columns; nothing is an empty text. `zone` is that of the hub.

    Raises Bug for a template that is tied to no profile.
    """
    if not template.columns[-1].fact_kind:  # `bind` ties all or none
        raise Bug("rules.template_unbound", template=template.name)
    return ["" if (value := take(facts)) is None else write(value) for take, write in _writers(template, zone)]


def judge(template: Template, cells: Sequence[str]) -> list[Found]:
    """Return all that is wrong with some cells, in the order of the columns, conditions after them."""
    checks = _checks(template)
    if len(cells) != len(checks):
        return [(template.columns[0].key, Problem("rules.cell_number", {"count": len(checks)}))]
    found = [(key, problem) for (key, check), cell in zip(checks, cells, strict=True) if (problem := check(cell))]
    documents = [(key, fault) for key, look in _documents(template) if (fault := look(cells))]
    if documents:
        found = sorted([*found, *documents], key=lambda one: template.places[one[0]])
    wrong = {key for key, _ in found}
    for condition, place, other in _conditions(template):
        if cells[place] and condition.column not in wrong and condition.other not in wrong:
            found += _between(template, condition, cells[place], cells[other])
    return found


def tidy(template: Template, cells: Mapping[str, str]) -> list[str]:
    """Return cells that a person typed, in the order of the columns, without blanks around them."""
    return [cells.get(column.key, "").strip() for column in template.columns]


def natural_key(template: Template, cells: Sequence[str]) -> tuple[str, ...] | None:
    """Return the cells that name a person; None where one of them is empty."""
    found = tuple(cells[template.places[name]] for name in template.key)
    return found if all(found) else None


def newest_of(template: Template, cells: Sequence[str]) -> str:
    """Return by what versions of a row order, as sortable text; empty where the cell is no time."""
    column = template.columns[template.places[template.newest_by]]
    at = _moment(cells[template.places[template.newest_by]], column.format)
    return "" if at is None else at.isoformat()


@cache
def _writers(template: Template, zone: ZoneInfo) -> tuple[tuple[_Take, Callable[[Any], str]], ...]:
    """Return for each column how its fact is found, and how that is written."""
    return tuple((_taker(column), _writer(column, zone)) for column in template.columns)


def _taker(column: TemplateColumn) -> _Take:
    """Return what finds the fact of a column, or nothing where it is not what the profile says: as `disclose` does."""
    names = tuple((name.removesuffix("[]"), name.endswith("[]")) for name in column.fact.split("."))
    fits, by = _fitting(column.fact_kind), column.newest_of
    if len(names) == 2 and not (names[0][1] or names[1][1]):  # most of them: written out, it takes half the time
        (first, _), (second, _) = names

        def take_two(facts: Mapping[str, Any]) -> Any:
            record: Any = facts.get(first)
            value = record.get(second) if _is_record(record) else None
            return value if fits(value) else None

        return take_two

    def take(facts: Mapping[str, Any]) -> Any:
        value: Any = facts
        for name, many in names:
            value = value.get(name) if _is_record(value) else None
            if many:
                value = _newest(value, by)
        return value if fits(value) else None

    return take


def _is_record(value: object) -> bool:
    return type(value) is dict or isinstance(value, Mapping)  # the second alone costs ten times as much


@cache
def _fitting(kind: str) -> Callable[[object], bool]:
    """Return `is_of_kind` for one kind, worked out beforehand for the two that most columns are of."""
    if kind == "text":
        return lambda value: isinstance(value, str) and 0 < len(value) <= MAX_TEXT
    if kind.startswith("code:"):
        words = frozenset(kind.removeprefix("code:").split(","))
        return lambda value: isinstance(value, str) and value in words
    return lambda value: is_of_kind(value, kind)


def _newest(entries: object, by: str) -> Mapping[str, Any] | None:
    """Return the entry with the highest time, the first of equal ones; those without a time are left out."""
    told = [each for each in entries if _is_record(each)] if isinstance(entries, list | tuple) else []
    timed = [each for each in told if is_of_kind(each.get(by), "minute")]
    return max(timed, key=lambda each: int(each[by])) if len(timed) > 1 else timed[0] if timed else None


def _writer(column: TemplateColumn, zone: ZoneInfo) -> Callable[[Any], str]:
    if column.kind in ("date", "time"):
        form, where = column.format, zone if column.zone == HUB_ZONE else ZoneInfo(column.zone)
        return lambda minute: _written(minute, form, where)
    if column.kind == "code":
        return lambda word: column.codes.get(word) or f"{UNKNOWN}{word}"
    if column.kind == "area":
        return lambda code: str(code).strip().ljust(column.digits, "0")
    if column.kind == "id_no":
        return lambda number: str(number).strip().upper()
    if column.kind == "phone":
        return lambda number: tidy_phone(str(number))
    return lambda value: str(value).strip()


@lru_cache(maxsize=20_000)
def _written(minute: int, form: str, zone: ZoneInfo) -> str:
    return from_epoch_minute(minute).astimezone(zone).strftime(form)


@lru_cache(maxsize=20_000)
def _moment(text: str, form: str) -> datetime | None:
    """Return what a text says in a format, and None unless it is written exactly so."""
    try:
        at = datetime.strptime(text, form)  # noqa: DTZ007 - times of one zone are compared among themselves
    except ValueError:
        return None
    return at if at.strftime(form) == text else None


@cache
def _checks(template: Template) -> tuple[tuple[str, _Check], ...]:
    return tuple((column.key, _checker(column)) for column in template.columns)


def _checker(column: TemplateColumn) -> _Check:
    """Return what looks at a cell of a column alone. Where few values occur the answers are kept."""

    def look(cell: str) -> Problem | None:
        return _plain(column, cell) or _of_kind(column, cell)

    return look if column.kind in ("text", "phone", "id_no") else lru_cache(maxsize=5_000)(look)


@cache
def _documents(template: Template) -> tuple[tuple[str, Callable[[Sequence[str]], Problem | None]], ...]:
    """Return what looks at document numbers, which are judged by the kind of document beside them."""
    return tuple((column.key, _documenter(template, column)) for column in template.columns if column.kind == "id_no")


def _documenter(template: Template, column: TemplateColumn) -> Callable[[Sequence[str]], Problem | None]:
    place, by = template.places[column.key], template.places[column.type_column]

    def look(cells: Sequence[str]) -> Problem | None:
        cell = cells[place]
        if not cell or _plain(column, cell):
            return None
        return _document(cell, citizen=cells[by] == column.citizen)

    return look


def _plain(column: TemplateColumn, cell: str) -> Problem | None:
    """Return what is wrong whatever the kind is."""
    if not cell:
        return Problem("rules.cell_missing") if column.required else None
    if len(cell) > column.max:
        return Problem("rules.cell_long", {"max": column.max})
    if not cell.isprintable() and _CONTROL.search(cell):
        return Problem("rules.cell_control")
    if column.pattern and not re.fullmatch(column.pattern, cell):
        return Problem("rules.cell_pattern", {"pattern": column.pattern})
    return None


def _of_kind(column: TemplateColumn, cell: str) -> Problem | None:
    fault = _FAULTS.get(column.kind)
    return fault(column, cell) if fault and cell else None


def _code(column: TemplateColumn, cell: str) -> Problem | None:
    told = column.codes.values()
    return None if cell in told else Problem("rules.cell_code", {"listed": ", ".join(told)})


def _time(column: TemplateColumn, cell: str) -> Problem | None:
    known = _moment(cell, column.format) is not None
    return None if known else Problem("rules.cell_time", {"format": _shown(column.format)})


def _area(column: TemplateColumn, cell: str) -> Problem | None:
    return None if is_area(cell, column.digits) else Problem("rules.cell_area", {"digits": column.digits})


def _phone(_: TemplateColumn, cell: str) -> Problem | None:
    return None if is_phone(cell) else Problem("rules.cell_phone")


def _count(_: TemplateColumn, cell: str) -> Problem | None:
    return None if cell.isascii() and cell.isdigit() else Problem("rules.cell_count")


_FAULTS = {"code": _code, "date": _time, "time": _time, "area": _area, "phone": _phone, "count": _count}


def _document(cell: str, *, citizen: bool) -> Problem | None:
    if not citizen:
        return None if is_other_document(cell) else Problem("rules.cell_document")
    fault = citizen_fault(cell)
    return Problem(f"rules.citizen_{fault}") if fault else None


@cache
def _conditions(template: Template) -> tuple[tuple[Condition, int, int], ...]:
    """Return the conditions with the places of their columns."""
    return tuple((each, template.places[each.column], template.places[each.other]) for each in template.conditions)


def _between(template: Template, condition: Condition, cell: str, other: str) -> list[Found]:
    """Return what is wrong between two cells, of which the first is not empty."""
    if condition.rule == "needs":
        if other or (condition.equals and cell != condition.equals):
            return []
        return [(condition.other, _about("rules.cell_needed", template, condition.column))]
    if not other:
        return []
    one, two = (
        _moment(text, template.columns[template.places[name]].format)
        for text, name in ((cell, condition.column), (other, condition.other))
    )
    early = one is not None and two is not None and one < two
    return [(condition.column, _about("rules.cell_before", template, condition.other))] if early else []


def _about(key: str, template: Template, other: str) -> Problem:
    column = template.columns[template.places[other]]
    return Problem(key, {"other_zh": column.zh, "other_en": column.en})


def _shown(form: str) -> str:
    """Return a format as people read it: 2022-10-20 08:05."""
    return datetime(2022, 10, 20, 8, 5).strftime(form)  # noqa: DTZ001 - an example
