"""What a partner gets to know: a profile lists every field by name, and nothing else leaves.

Fields are declared once, with their kind. A value leaves only if its path is listed and it is of the declared kind: a
record in the place of a number, or a name in the place of a count, stays here. There are no wildcards: a field that is
added to the facts later is in no profile until somebody puts it there.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hubtwin.base.errors import Malformed

Kind = str  # one of KINDS, or "code:a,b,c": one of these words
KINDS = ("text", "count", "number", "truth", "minute", "area")
_PATH = re.compile(r"[a-z][a-z0-9_]*(\[\])?(\.[a-z][a-z0-9_]*(\[\])?)*")
_AREA = re.compile(r"\d{2}(\d{2}(\d{2}(\d{3})?)?)?", re.ASCII)
_MOST = 1 << 40
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Field:
    """A fact that exists: its path (`tests[].kind`: in each of a list), its kind, whether it is about one person."""

    path: str
    kind: Kind
    personal: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """What one kind of partner gets: for which purpose, on which basis, and the fields, which are all of them."""

    name: str
    version: int
    purpose: str
    basis: str
    fields: tuple[Field, ...]

    @property
    def schema(self) -> str:
        """Return the `dataschema` of what this profile lets out."""
        return f"urn:hubtwin:disclosure:{self.name}:{self.version}"

    @property
    def personal(self) -> bool:
        """Tell whether anything in it is about one person."""
        return any(each.personal for each in self.fields)

    def below(self, name: str) -> tuple[str, ...]:
        """Return the fields of a part of the facts: `below("identity")` -> ("name", "id_no", ...)."""
        paths = (each.path.partition(".") for each in self.fields)
        return tuple(rest for first, _, rest in paths if first == name and rest)


@dataclass(frozen=True, slots=True)
class Disclosures:
    """All facts that exist, the profiles by name, and the profiles that are told of a move, by its command."""

    facts: tuple[Field, ...]
    profiles: Mapping[str, Profile]
    told: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NOTHING = Disclosures((), {})  # of a scene that tells nobody


def disclose(profile: Profile, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of some facts that a profile lets out. What is missing or of another kind is left out."""
    told: dict[str, Any] = {}
    for each in profile.fields:
        _copy(each.path.split("."), each.kind, facts, told)
    return _without_empty(told)


def paths_of(told: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Yield the path of every value in a record, as profiles write them."""
    for name, value in told.items():
        for path, part in _parts(f"{before}{name}", value):
            if isinstance(part, Mapping):
                yield from paths_of(part, f"{path}.")
            else:
                yield path


def read_disclosures(text: str) -> Disclosures:
    """Return the facts and profiles of a `disclosures.toml`. Raises Malformed naming the entry that is wrong."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Malformed("rules.disclosure_broken", entry="toml") from error
    facts = {path: _field(path, entry) for path, entry in told.get("facts", {}).items()}
    profiles = {name: _profile(name, entry, facts) for name, entry in told.get("profiles", {}).items()}
    if not facts or not profiles:
        raise Malformed("rules.disclosure_broken", entry="facts, profiles")
    moves = {command: tuple(names) for command, names in told.get("told", {}).items()}
    for command, names in moves.items():
        if not names or not set(names) <= set(profiles):
            raise Malformed("rules.disclosure_broken", entry=f"told.{command}")
    return Disclosures(tuple(facts.values()), profiles, moves)


def _field(path: str, entry: Mapping[str, Any]) -> Field:
    kind, personal = entry.get("kind"), entry.get("personal")
    known = isinstance(kind, str) and (kind in KINDS or kind.startswith("code:"))
    if not _PATH.fullmatch(path) or not known or not isinstance(personal, bool) or set(entry) != {"kind", "personal"}:
        raise Malformed("rules.disclosure_broken", entry=f"facts.{path}")
    return Field(path, str(kind), personal)


def _profile(name: str, entry: Mapping[str, Any], facts: Mapping[str, Field]) -> Profile:
    fields, anonymous = entry.get("fields"), entry.get("anonymous", False)
    texts = [entry.get("purpose"), entry.get("basis")]
    whole = isinstance(entry.get("version"), int) and all(isinstance(text, str) and text for text in texts)
    if not whole or not isinstance(fields, list) or not fields:
        raise Malformed("rules.disclosure_broken", entry=f"profiles.{name}")
    for path in fields:
        if path not in facts or (anonymous and facts[path].personal) or fields.count(path) > 1:
            raise Malformed("rules.disclosure_broken", entry=f"profiles.{name}: {path}")
    return Profile(name, entry["version"], entry["purpose"], entry["basis"], tuple(facts[path] for path in fields))


def _copy(path: Sequence[str], kind: Kind, source: Mapping[str, Any], target: dict[str, Any]) -> None:
    name, rest = path[0].removesuffix("[]"), path[1:]
    value = source.get(name)
    if path[0].endswith("[]"):
        if isinstance(value, list | tuple):
            _copy_each(rest, kind, value, target.setdefault(name, [{} for _ in value] if rest else []))
    elif rest:
        if isinstance(value, Mapping):
            _copy(rest, kind, value, target.setdefault(name, {}))
    elif is_of_kind(value, kind):
        target[name] = value


def _copy_each(rest: Sequence[str], kind: Kind, values: Sequence[Any], target: list[Any]) -> None:
    if not rest:
        target += [value for value in values if is_of_kind(value, kind)]
        return
    for value, place in zip(values, target, strict=True):
        if isinstance(value, Mapping):
            _copy(rest, kind, value, place)


@cache
def _words(kind: Kind) -> frozenset[str]:
    """Return the words of a "code:" kind; there are a few dozen kinds."""
    return frozenset(kind.removeprefix("code:").split(","))


def is_of_kind(value: object, kind: Kind) -> bool:
    """Tell whether a value is of a declared kind. Nothing, records and lists are of none."""
    if kind.startswith("code:"):
        return isinstance(value, str) and value in _words(kind)
    if kind == "truth":
        return isinstance(value, bool)
    if kind in ("text", "area"):
        fits = isinstance(value, str) and 0 < len(value) <= MAX_TEXT
        return fits and (kind == "text" or _AREA.fullmatch(str(value)) is not None)
    if isinstance(value, bool) or not isinstance(value, int if kind != "number" else int | float):
        return False
    return abs(value) < _MOST and (kind == "number" or value >= 0)


def _parts(path: str, value: object) -> list[tuple[str, object]]:
    return [(f"{path}[]", part) for part in value] if isinstance(value, list | tuple) else [(path, value)]


def _without_empty(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without parts in which nothing is left."""
    kept = {name: _stripped(value) for name, value in told.items()}
    return {name: value for name, value in kept.items() if value not in ({}, [])}


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return _without_empty(value)
    if isinstance(value, list):
        return [part for part in map(_stripped, value) if part != {}]
    return value
