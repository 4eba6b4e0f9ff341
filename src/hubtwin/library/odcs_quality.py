"""Quality rules of a contract that others wrote: which of them our rules say too, and which nobody checks here.

Of the library metrics of the standard (v3.1 on; the names of v3.0 are read as well) those become rules that no row may
fail: no missing value, no double, no invalid value, and the options of a type. Nothing else is dropped: it is kept as
it came, with the reason why it is not checked, and leaves again with the contract.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hubtwin.base.errors import Malformed
from hubtwin.base.text import text
from hubtwin.datasets.listing import UNCHECKED
from hubtwin.datasets.table import Column, Dataset
from hubtwin.library.district_checks import judge_condition
from hubtwin.rules.quality_checks import plain_condition

Block = dict[str, Any]
OPTIONS = "logicalTypeOptions"
OPERATORS = (
    *("mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan"),
    *("mustBeLessOrEqualTo", "mustBeBetween", "mustNotBeBetween"),
)
_NAMES: Mapping[str, str] = {  # rules of v3.0 -> metrics; those of `_MEANT` mean "none" where they compare nothing
    "nullCheck": "nullValues",
    "notNull": "nullValues",
    "uniqueCheck": "duplicateValues",
    "duplicateCount": "duplicateValues",
    "validValues": "invalidValues",
}
_MEANT = frozenset({"nullCheck", "notNull", "uniqueCheck", "validValues"})
_NUMBERS = frozenset({"int", "float", "minute", "second"})
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "minimum": (">=", "from"),
    "maximum": ("<=", "until"),
    "exclusiveMinimum": (">", "above"),
    "exclusiveMaximum": ("<", "below"),
}
_SHORT, MOST_CHECKS = 200, 64  # a dataset has no more rules than that


class _NotSaidError(Exception):
    """Our rules do not say this; the argument is the reason, one of `UNCHECKED`."""


@dataclass
class Found:
    """What rules of a contract come to: of columns by name, checks, and what is not checked."""

    columns: dict[str, Block] = field(default_factory=dict)
    checks: list[Block] = field(default_factory=list)
    unchecked: list[Block] = field(default_factory=list)


def read_rules(
    rules: Sequence[tuple[str, Block]], columns: Sequence[Block], key: Sequence[str], taken: set[str]
) -> Found:
    """Return what rules come to. Each is (column, rule as it came), "" for one of the whole dataset.

    `columns` are the blocks of the contract's columns, with their types and values; `taken` are names of other checks.
    """
    reader = _Reader({each["name"]: each for each in columns}, key, taken)
    for column, told in rules:
        try:
            reader.read(column, told)
        except _NotSaidError as error:
            reader.found.unchecked.append({"column": column, "told": plain_json(told), "why": str(error)})
    return reader.found


def split_options(options: Mapping[str, Any], kind: str) -> tuple[Block, Iterator[Block]]:
    """Return the options of a type that a column of ours has itself, and the others, each as something to be read."""
    own = {name: value for name, value in options.items() if name in ("minimum", "maximum") and kind in _NUMBERS}
    own = {name: value for name, value in own.items() if _is_number(value)}
    rest = {name: value for name, value in options.items() if name not in own and value is not None}
    if rest.get("exclusiveMinimum") is True and "minimum" in own:  # as JSON Schema had it once
        rest["exclusiveMinimum"] = own.pop("minimum")
    if rest.get("exclusiveMaximum") is True and "maximum" in own:
        rest["exclusiveMaximum"] = own.pop("maximum")
    return own, ({OPTIONS: {name: value}} for name, value in rest.items() if value is not False)


def plain_json(told: Block) -> str:
    """Return a rule as JSON, the same rule always as the same text."""
    return json.dumps(told, ensure_ascii=False, sort_keys=True, default=str)


def shown(told: str) -> str:
    """Return a rule that is not checked in one short line."""
    item: Block = json.loads(told)
    item = item.get(OPTIONS, item)
    said = item.get("query") or item.get("implementation") or item.get("description")
    if not said:
        said = ", ".join(f"{name}: {_plain(value)}" for name, value in item.items() if name not in ("id", "type"))
    line = " ".join(_plain(said).split())
    return line if len(line) <= _SHORT else f"{line[: _SHORT - 1]}…"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


class _Reader:
    """Reads rules one after another; what it found so far is `found`."""

    def __init__(self, columns: Mapping[str, Block], key: Sequence[str], taken: set[str]) -> None:
        self._columns, self._key, self._taken, self.found = columns, tuple(key), set(taken), Found()
        shapes = tuple(Column(name, each.get("type", "string"), name, name) for name, each in columns.items())
        self._dataset = Dataset("contract", "", "", (), shapes)
        self._metrics: Mapping[str, Callable[[str, Block], None]] = {
            "nullValues": self._missing,
            "missingValues": self._missing,
            "duplicateValues": self._double,
            "invalidValues": self._invalid,
        }

    def read(self, column: str, told: Block) -> None:
        """Read a rule. Raises _NotSaidError."""
        if OPTIONS in told:
            ((name, value),) = told[OPTIONS].items()
            self._option(column, name, value)
            return
        kind = str(told.get("type") or "library")
        if kind != "library":
            raise _NotSaidError(kind if kind in UNCHECKED else "custom")
        rule = str(told.get("metric") or told.get("rule") or "")
        metric = _NAMES.get(rule, rule)
        if metric == "rowCount":
            raise _NotSaidError("rows")
        if metric not in self._metrics:
            raise _NotSaidError("metric")
        if not _allows_none(told, meant=rule in _MEANT):
            raise _NotSaidError("tolerance")
        self._metrics[metric](column, told)

    def _missing(self, column: str, told: Block) -> None:
        self._refuse_no_column(column)
        values = _list_of(told, "missingValues", [None])
        words = [value for value in values if value is not None and str(value).strip()]
        if any(value is None or not str(value).strip() for value in values):
            self._set(column, "required", True)
        if words:
            self._check(column, "present", f"{_quoted(column)} NOT IN ({self._listed(column, words)})", told, "orange")

    def _double(self, column: str, told: Block) -> None:
        names = [str(name) for name in _list_of(told, "properties", [column])]
        if set(names) == set(self._key):
            return  # the key of a dataset is held to that anyway
        if len(names) != 1:
            raise _NotSaidError("columns")
        self._refuse_no_column(names[0])
        self._set(names[0], "unique", True)

    def _invalid(self, column: str, told: Block) -> None:
        self._refuse_no_column(column)
        values = [value for value in _list_of(told, "validValues", []) if value is not None]
        pattern = (told.get("arguments") or {}).get("pattern")
        if not values and pattern is None:
            raise _NotSaidError("values")
        texts = list(dict.fromkeys(map(str, values)))
        if pattern is None and all(map(str.strip, texts)) and self._may_list(column):
            self._set(column, "values", texts)
            return
        parts = [f"{_quoted(column)} IN ({self._listed(column, values)})"] if values else []
        parts += [self._matches(column, pattern)] if pattern is not None else []
        self._check(column, "valid", " AND ".join(parts), told, "red")

    def _option(self, column: str, name: str, value: Any) -> None:
        """Read an option of a type. Raises _NotSaidError for one that is no rule of ours."""
        quoted, kind = _quoted(column), self._columns[column].get("type")
        told: Block = {"description": f"{name} {value}"}
        if name == "pattern":
            told = {"metric": "invalidValues", "mustBe": 0, "arguments": {"pattern": value}}
            self._check(column, "pattern", self._matches(column, value), told, "red", metric=False)
        elif name in ("minLength", "maxLength") and _is_number(value) and kind == "string":
            sign, end = (">=", "shortest") if name == "minLength" else ("<=", "longest")
            self._check(column, end, f"length({quoted}) {sign} {int(value)}", told, "red", metric=False)
        elif name in _BOUNDS:
            sign, end = _BOUNDS[name]
            bound = self._listed(column, [value])
            self._check(column, end, f"{quoted} {sign} {bound}", told, "red", metric=False)
        elif name == "multipleOf" and isinstance(value, int) and value > 0 and kind == "int":
            self._check(column, "multiple", f"{quoted} % {value} = 0", told, "red", metric=False)
        else:
            raise _NotSaidError("option")

    def _matches(self, column: str, pattern: Any) -> str:
        if not isinstance(pattern, str) or self._columns[column].get("type") != "string":
            raise _NotSaidError("pattern")
        return f"regexp_matches({_quoted(column)}, {_literal(pattern)})"

    def _listed(self, column: str, values: Sequence[Any]) -> str:
        """Return values as SQL of the type of a column."""
        kind = self._columns[column].get("type")
        if kind in _NUMBERS and all(map(_is_number, values)):
            return ", ".join(repr(value) for value in values)
        if kind == "date":
            return ", ".join(f"TRY_CAST({_literal(_day(value))} AS DATE)" for value in values)
        if kind == "string":
            return ", ".join(_literal(str(value)) for value in values)
        raise _NotSaidError("values")

    def _check(self, column: str, end: str, holds: str, told: Block, colour: str, *, metric: bool = True) -> None:
        try:
            plain_condition(holds, self._dataset, column)
        except Malformed as error:
            raise _NotSaidError("pattern" if "regexp" in str(error.values.get("what", "")) else "condition") from error
        if judge_condition(holds, self._dataset.by_name):
            raise _NotSaidError("condition")
        said = str(told.get("description") or told.get("name") or "").strip()[:_SHORT]
        title = {lang: said or text("library.contract_check", lang, column=column) for lang in ("zh", "en")}
        name = f"{column[:50]}_{end}"
        names = (name, *(f"{name}_{n}" for n in range(2, MOST_CHECKS)))
        name = next((each for each in names if each not in self._taken), "")
        if not name:
            raise _NotSaidError("condition")
        self._taken.add(name)
        block: Block = {"name": name, "title": title, "colour": colour, "holds": holds}
        if metric:
            block["metric"] = plain_json({**told, "column": column})
        self.found.checks.append(block)

    def _may_list(self, column: str) -> bool:
        """Return whether a column may name its values itself: one of text for which nothing else does."""
        block = self._columns[column]
        return block.get("type") == "string" and not (
            block.get("values") or "values" in self.found.columns.get(column, {})
        )

    def _set(self, column: str, name: str, value: Any) -> None:
        self.found.columns.setdefault(column, {})[name] = value

    def _refuse_no_column(self, column: str) -> None:
        if column not in self._columns:
            raise _NotSaidError("columns")


def _allows_none(told: Block, *, meant: bool) -> bool:
    """Return whether a rule lets no row fail: ours say of each row whether it does, and have no allowance."""
    given = {name: told[name] for name in OPERATORS if told.get(name) is not None}
    if not given:
        return meant
    if len(given) > 1:
        return False
    ((name, value),) = given.items()
    if name == "mustBeBetween":
        return list(value) == [0, 0]
    if name == "mustBeLessThan":  # fewer than one row; of percents there is always something between
        return _is_number(value) and 0 < value <= 1 and told.get("unit", "rows") == "rows"
    return name in ("mustBe", "mustBeLessOrEqualTo") and _is_number(value) and value == 0


def _list_of(told: Block, name: str, default: list[Any]) -> list[Any]:
    found = (told.get("arguments") or {}).get(name, default)
    if not isinstance(found, list) or any(isinstance(each, list | dict) for each in found):
        raise _NotSaidError("values")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _day(value: Any) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise _NotSaidError("values") from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
