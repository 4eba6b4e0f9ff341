"""The template of a platform above the hub, as data: columns, codes, conditions, and where each value comes from.

A template is a TOML file with a name and a version. It names the disclosure profile that it belongs to; a column takes
its value from a fact that this profile lets out, or the template is refused whole. The key columns name a person: the
same person under two versions of a template is the same row, sent again.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from hubtwin.base.errors import Malformed
from hubtwin.rules.disclosure import Profile

KINDS = ("text", "date", "time", "code", "area", "id_no", "phone", "count")
RULES = ("needs", "not_before")
HUB_ZONE = "hub"
RESERVED = frozenset({"row", "state", "errors_zh", "errors_en"})  # columns of the error file
MAX_CELL = 500
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FORMAT = re.compile(r"([^%]|%[YmdHMS])+")
_HEAD = {"name", "version", "valid_from", "profile", "source", "title", "key", "newest_by", "columns", "conditions"}
_COLUMN = {"key", "zh", "en", "fact", "kind", "required", "max", "pattern", "codes", "format", "zone", "digits"}
_OPTIONAL = {"type_column", "citizen", "newest_of"}


@dataclass(frozen=True, slots=True)
class TemplateColumn:
    """A column. `codes` leads from our words to theirs; `format` and `zone` are those of a time or date.

    `zone` is "hub" or an IANA name. `digits` is the length of an administrative code; a shorter one is filled up with
    zeros. A document is a citizen's where the column `type_column` says `citizen`. Of a list of facts the entry with
    the highest `newest_of` is taken. `fact_kind` is what the profile says the fact is; `bind` sets it.
    """

    key: str
    zh: str
    en: str
    fact: str
    kind: str
    required: bool = False
    max: int = MAX_CELL
    pattern: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    format: str = ""
    zone: str = HUB_ZONE
    digits: int = 0
    type_column: str = ""
    citizen: str = ""
    newest_of: str = ""
    fact_kind: str = ""

    def title(self, lang: str) -> str:
        """Return the title in "zh" or "en"."""
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition between columns. "needs": where `column` has a value, and where `equals` is given that one, `other`
    has one too. "not_before": `column` is not before `other`, where both are given."""

    rule: str
    column: str
    other: str
    equals: str = ""


@dataclass(frozen=True, eq=False)  # by identity: what is worked out of a template is kept beside it
class Template:
    """A version of a template. `key` are the columns that name a person; by `newest_by` versions of a row order."""

    name: str
    version: int
    valid_from: date
    profile: str
    source: str
    title: Mapping[str, str]
    key: tuple[str, ...]
    newest_by: str
    columns: tuple[TemplateColumn, ...]
    conditions: tuple[Condition, ...]

    @property
    def schema(self) -> str:
        """Return the `dataschema` of rows of this version."""
        return f"urn:hubtwin:template:{self.name}:{self.version}"

    @cached_property
    def case_place(self) -> int | None:
        """Return the place of the column that names the case, None where none does."""
        return next((place for place, column in enumerate(self.columns) if column.fact == "case"), None)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Return the place of each column."""
        return {column.key: place for place, column in enumerate(self.columns)}


def read_template(text: str) -> Template:
    """Return the template of a TOML text. Raises Malformed naming the entry that is wrong."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Malformed("rules.template_broken", entry="toml") from error
    name = _taken(told, "name", str)
    _require(_NAME.fullmatch(name) is not None, "name")
    _require(set(told) <= _HEAD, ", ".join(sorted(set(told) - _HEAD)))
    title = _taken(told, "title", dict)
    _require(set(title) == {"zh", "en"}, "title")
    columns = tuple(_column(entry) for entry in _taken(told, "columns", list))
    known = {column.key: column for column in columns}
    _require(0 < len(columns) == len(known), "columns: " + ", ".join(column.key for column in columns))
    for column in columns:
        _check_document(column, known)
    key, newest = tuple(_taken(told, "key", list)), _taken(told, "newest_by", str)
    _require(bool(key) and all(name in known for name in key), "key")
    _require(newest in known and known[newest].kind in ("date", "time"), "newest_by")
    conditions = tuple(_condition(entry, known) for entry in told.get("conditions", []))
    version, profile = _taken(told, "version", int), _taken(told, "profile", str)
    _require(version > 0, "version")
    valid, source = _taken(told, "valid_from", date), _taken(told, "source", str)
    return Template(name, version, valid, profile, source, title, key, newest, columns, conditions)


def bind(template: Template, profile: Profile) -> Template:
    """Return the template tied to a profile that lets out all that it asks for; only then it can be filled.

    Raises Malformed naming the fact that stays here: what leaves is decided in the profile, never in a template.
    """
    listed = {each.path: each.kind for each in profile.fields}
    _require(profile.name == template.profile, f"profile: {template.profile}")
    return replace(template, columns=tuple(_bound(template, column, listed) for column in template.columns))


def _bound(template: Template, column: TemplateColumn, listed: Mapping[str, str]) -> TemplateColumn:
    before, many, _ = column.fact.rpartition("[].")
    for fact in (column.fact, *((f"{before}[].{column.newest_of}",) if many else ())):
        if fact not in listed:
            raise Malformed("rules.template_leaks", template=template.name, column=column.key, fact=fact)
    kind = listed[column.fact]
    fits = {"date": "minute", "time": "minute", "area": "area", "count": "count"}.get(column.kind, kind)
    _require(kind == fits, f"columns.{column.key}: kind")
    words = set(kind.removeprefix("code:").split(",")) if kind.startswith("code:") else set(column.codes)
    _require(column.kind != "code" or set(column.codes) == words, f"columns.{column.key}: codes")
    return replace(column, fact_kind=kind)


def _column(entry: Any) -> TemplateColumn:
    """Return a column. Raises Malformed."""
    _require(isinstance(entry, dict), "columns")
    key = entry.get("key", "?")
    where = f"columns.{key}"
    _require(set(entry) <= _COLUMN | _OPTIONAL, where + ": " + ", ".join(sorted(set(entry) - _COLUMN - _OPTIONAL)))
    try:
        column = TemplateColumn(**entry)
        re.compile(column.pattern)
    except (TypeError, re.error) as error:
        raise Malformed("rules.template_broken", entry=where) from error
    texts = (column.key, column.zh, column.en, column.fact)
    _require(all(isinstance(text, str) and text for text in texts), where)
    _require(
        _NAME.fullmatch(column.key) is not None and column.key not in RESERVED and column.kind in KINDS,
        f"{where}: kind",
    )
    _require(isinstance(column.max, int) and 0 < column.max <= MAX_CELL, f"{where}: max")
    timed, coded = column.kind in ("date", "time"), column.kind == "code"
    _require(bool(column.format) == timed and (not timed or bool(_FORMAT.fullmatch(column.format))), f"{where}: format")
    _require(bool(column.codes) == coded, f"{where}: codes")
    _require(all(isinstance(code, str) and code for code in column.codes.values()), f"{where}: codes")
    _require(len(set(column.codes.values())) == len(column.codes), f"{where}: codes")
    _require((column.digits in (6, 9, 12)) == (column.kind == "area"), f"{where}: digits")
    return column


def _check_document(column: TemplateColumn, known: Mapping[str, TemplateColumn]) -> None:
    if column.kind == "id_no":
        by = known.get(column.type_column)
        fits = by is not None and by.kind == "code" and column.citizen in by.codes.values()
        _require(fits, f"columns.{column.key}: type_column, citizen")


def _condition(entry: Any, known: Mapping[str, TemplateColumn]) -> Condition:
    try:
        made = Condition(**entry)
    except TypeError as error:
        raise Malformed("rules.template_broken", entry="conditions") from error
    _require(made.rule in RULES and made.column in known and made.other in known, f"conditions: {made.column}")
    if made.rule == "not_before":
        one, two = known[made.column], known[made.other]
        _require(bool(one.format) and bool(two.format), f"conditions: {made.column}")
    return made


def _taken(told: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    value = told.get(name)
    _require(isinstance(value, kind) and not isinstance(value, bool) and bool(value), name)
    return value


def _require(fits: bool, entry: str) -> None:
    if not fits:
        raise Malformed("rules.template_broken", entry=entry)
