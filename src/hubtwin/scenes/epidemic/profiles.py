"""The pathogen profiles of `pathogens.toml` as records, checked entry by entry.

A profile that cannot be trusted is refused whole, with the path of the entry that is wrong: a silent default in a
rule about persons is worse than no rule.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from hubtwin.base.errors import Absent, Malformed
from hubtwin.model.pathogen import (
    Anchor,
    Cotravel,
    Evidence,
    Figure,
    Pathogen,
    Scope,
    Source,
    Tier,
    Weights,
)

T = TypeVar("T")
LANGUAGES = ("zh", "en")
VULNERABLE = ("infant", "pregnant", "immunosuppressed", "elderly", "chronic_disease", "eczema")
_REACHING = (Scope.ADJACENT, Scope.AROUND, Scope.ROWS, Scope.BAY)
_FIGURE = {"value", "source", "evidence", "note"}


def read_profiles(text: str) -> tuple[Pathogen, ...]:
    """Return the profiles of a `pathogens.toml`, in its order. Raises Malformed naming the entry that is wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise Malformed("scenes.epidemic.profiles_not_toml", problem=str(problem)) from problem
    root = _Entry("", document, {})
    root.allow("source", "weights", "pathogen")
    sources = {name: _source(root.table("source").table(name), name) for name in root.table("source").data}
    root = _Entry("", document, sources)
    tables = {name: _weights(root.table("weights").table(name), name) for name in root.table("weights").data}
    profiles = tuple(_pathogen(entry, tables) for entry in root.list_tables("pathogen"))
    seen: set[tuple[str, date]] = set()
    for profile in profiles:
        version = (profile.pathogen_id, profile.valid_from.value)
        if version in seen:
            raise Malformed("scenes.epidemic.profile_twice", pathogen=version[0], valid_from=version[1].isoformat())
        seen.add(version)
    return profiles


def get_profile(profiles: Iterable[Pathogen], pathogen_id: str, on: date) -> Pathogen:
    """Return the version of a plan that is valid on a date. Raises Absent for an unknown plan or too early a date."""
    known = list(profiles)
    plan = [profile for profile in known if profile.pathogen_id == pathogen_id]
    if not plan:
        names = ", ".join(sorted({profile.pathogen_id for profile in known}))
        raise Absent("scenes.epidemic.profile_unknown", pathogen=pathogen_id, known=names)
    return _latest(plan, pathogen_id, on)


def get_plan_in_force(profiles: Iterable[Pathogen], disease: str, on: date) -> Pathogen:
    """Return the profile of a disease that is valid on a date, whatever its plan. Raises Absent as `get_profile`."""
    known = list(profiles)
    plans = [profile for profile in known if profile.disease == disease]
    if not plans:
        names = ", ".join(sorted({profile.disease for profile in known}))
        raise Absent("scenes.epidemic.profile_unknown", pathogen=disease, known=names)
    return _latest(plans, disease, on)


def list_figures(profile: Pathogen) -> list[tuple[str, Figure[Any]]]:
    """Return every figure of a profile with its path, those of its co-travel rule and its weights included."""
    return list(_figures(profile, ""))


def _figures(record: object, path: str) -> Iterable[tuple[str, Figure[Any]]]:
    if isinstance(record, Figure):
        yield path, record
    elif isinstance(record, tuple):
        for number, part in enumerate(record, 1):
            yield from _figures(part, f"{path}[{number}]")
    elif isinstance(record, Pathogen | Cotravel | Tier | Weights):
        for name in record.__dataclass_fields__:
            yield from _figures(getattr(record, name), f"{path}.{name}" if path else name)


def _latest(plans: Sequence[Pathogen], name: str, on: date) -> Pathogen:
    valid = [profile for profile in plans if profile.valid_from.value <= on]
    if not valid:
        first = min(profile.valid_from.value for profile in plans)
        raise Absent("scenes.epidemic.profile_not_yet", pathogen=name, on=on.isoformat(), first=first.isoformat())
    return max(valid, key=lambda profile: profile.valid_from.value)


class _Entry:
    """A table of the file, its path for messages, and the sources that its figures may name."""

    def __init__(self, path: str, data: Any, sources: Mapping[str, Source]) -> None:
        self.path, self.data, self.sources = path, data, sources
        if not isinstance(data, dict):
            self.refuse("scenes.epidemic.profile_not_table")

    def refuse(self, key: str, **values: object) -> NoReturn:
        raise Malformed(key, entry=self.path or "pathogens.toml", **values)

    def below(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def allow(self, *names: str) -> None:
        for name in self.data:
            if name not in names:
                self.refuse("scenes.epidemic.profile_unknown_entry", name=name, allowed=", ".join(names))

    def get(self, name: str) -> Any:
        if name not in self.data:
            self.refuse("scenes.epidemic.profile_lacks", name=name)
        return self.data[name]

    def table(self, name: str) -> "_Entry":
        return _Entry(self.below(name), self.get(name), self.sources)

    def list_tables(self, name: str) -> list["_Entry"]:
        entries = self.get(name)
        if not isinstance(entries, list) or not entries:
            self.refuse("scenes.epidemic.profile_not_tables", name=name)
        return [_Entry(f"{self.below(name)}[{n}]", entry, self.sources) for n, entry in enumerate(entries, 1)]

    def word(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str) or not value.strip():
            self.refuse("scenes.epidemic.profile_not_text", name=name)
        return value

    def both_languages(self, name: str) -> Mapping[str, str]:
        names = self.table(name)
        names.allow(*LANGUAGES)
        return {lang: names.word(lang) for lang in LANGUAGES}

    def figure(self, name: str, check: Callable[["_Entry", Any], T]) -> Figure[T]:
        """Return a figure whose value passed `check`. A source without an address cannot have been seen."""
        entry = self.table(name)
        entry.allow(*_FIGURE)
        source_id, mark = entry.word("source"), entry.word("evidence")
        if source_id not in self.sources:
            entry.refuse("scenes.epidemic.profile_no_source", source=source_id)
        source, evidence = self.sources[source_id], Evidence(_one_of(entry, mark, tuple(Evidence)))
        if evidence is Evidence.SEEN and not source.url:
            entry.refuse("scenes.epidemic.profile_seen_without_url", source=source_id)
        note = entry.both_languages("note") if "note" in entry.data else None
        return Figure(check(entry, entry.data.get("value")), source, evidence, note)


def _source(entry: _Entry, name: str) -> Source:
    entry.allow("title", "url")
    url = entry.word("url") if "url" in entry.data else ""
    if url and not url.startswith(("http://", "https://")):
        entry.refuse("scenes.epidemic.profile_bad_url", url=url)
    return Source(name, entry.word("title"), url)


def _weights(entry: _Entry, name: str) -> Weights:
    figures = [field for field in Weights.__dataclass_fields__ if field != "table_id"]
    entry.allow(*figures)
    rates = {field: entry.figure(field, _number) for field in figures if field != "other_rows_reach"}
    return Weights(name, other_rows_reach=entry.figure("other_rows_reach", _whole), **rates)


def _pathogen(entry: _Entry, tables: Mapping[str, Weights]) -> Pathogen:
    fields = [name for name in Pathogen.__dataclass_fields__ if name != "pathogen_id"]
    entry.allow("id", *fields)
    return Pathogen(
        pathogen_id=entry.word("id"),
        disease=entry.word("disease"),
        name=entry.both_languages("name"),
        valid_from=entry.figure("valid_from", _day),
        incubation_days=entry.figure("incubation_days", _span),
        infectious_before_d=entry.figure("infectious_before_d", _number),
        infectious_after_d=entry.figure("infectious_after_d", _maybe(_number)),
        anchor=entry.figure("anchor", lambda where, value: Anchor(_one_of(where, value, tuple(Anchor)))),
        residual_air_min=entry.figure("residual_air_min", _whole),
        cotravel=_cotravel(entry.table("cotravel"), tables),
        area_lookback_d=entry.figure("area_lookback_d", _whole),
        min_stay_h=entry.figure("min_stay_h", _number),
        followup_d=entry.figure("followup_d", _whole),
        vulnerable=entry.figure("vulnerable", lambda where, value: _words(where, value, VULNERABLE)),
        pep_deadline_h=entry.figure("pep_deadline_h", _maybe(_whole)),
        steps=entry.figure("steps", lambda where, value: _words(where, value, ())),
        report_deadline_min=entry.figure("report_deadline_min", _whole),
    )


def _cotravel(entry: _Entry, tables: Mapping[str, Weights]) -> Cotravel:
    entry.allow("weights", "by_decision", "tier")
    tiers = tuple(_tier(tier) for tier in entry.list_tables("tier"))
    if len(tiers) > 1 and any(tier.scope.value is Scope.NONE for tier in tiers):
        entry.refuse("scenes.epidemic.profile_none_alone")
    weights = entry.word("weights") if "weights" in entry.data else None
    if weights is not None and weights not in tables:
        entry.refuse("scenes.epidemic.profile_no_weights", weights=weights)
    return Cotravel(tiers, entry.figure("by_decision", _truth), tables[weights] if weights else None)


def _tier(entry: _Entry) -> Tier:
    entry.allow("scope", "min_shared_min", "reach", "across_aisle")
    scope = entry.figure("scope", lambda where, value: Scope(_one_of(where, value, tuple(Scope))))
    reach = _whole(entry, entry.data.get("reach", 0))
    if scope.value in (Scope.ADJACENT, Scope.AROUND) and reach == 0:
        entry.refuse("scenes.epidemic.profile_reach_missing", scope=scope.value.value)
    if reach and scope.value not in _REACHING:
        entry.refuse("scenes.epidemic.profile_reach_useless", scope=scope.value.value)
    across_aisle = _truth(entry, entry.data.get("across_aisle", False))
    return Tier(scope, entry.figure("min_shared_min", _whole), reach, across_aisle)


def _number(where: _Entry, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        where.refuse("scenes.epidemic.profile_not_number", value=value)
    return float(value)


def _whole(where: _Entry, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        where.refuse("scenes.epidemic.profile_not_whole", value=value)
    return value


def _truth(where: _Entry, value: Any) -> bool:
    if not isinstance(value, bool):
        where.refuse("scenes.epidemic.profile_not_truth", value=value)
    return value


def _day(where: _Entry, value: Any) -> date:
    if type(value) is not date:
        where.refuse("scenes.epidemic.profile_not_date", value=value)
    return value


def _span(where: _Entry, value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        where.refuse("scenes.epidemic.profile_not_span", value=value)
    low, high = _number(where, value[0]), _number(where, value[1])
    if low > high:
        where.refuse("scenes.epidemic.profile_span_reversed", low=low, high=high)
    return low, high


def _one_of(where: _Entry, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        where.refuse("scenes.epidemic.profile_not_one_of", value=value, allowed=", ".join(allowed))
    return str(value)


def _words(where: _Entry, value: Any, allowed: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
        where.refuse("scenes.epidemic.profile_not_words", value=value)
    return tuple(_one_of(where, word, allowed) if allowed else word for word in value)


def _maybe(check: Callable[[_Entry, Any], T]) -> Callable[[_Entry, Any], T | None]:
    return lambda where, value: None if value is None else check(where, value)


PROFILES = read_profiles(Path(__file__).with_name("pathogens.toml").read_text(encoding="utf-8"))
