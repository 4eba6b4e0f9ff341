"""What the exit rules in force say of a passage at a gate: pass or flag, with which measures and why, in plain words.

A table of exit rules holds for a station and a period. Each of its cells (class of origin x health code x itinerary
card) belongs to exactly one rule, so that no order of rules decides anything. The machine proposes: a flag opens a
case that a named person decides. Nobody is flagged for having no phone, a foreign document, or a home: a flag needs a
code that says so, a declared stay where an area is listed, a fever, or a hit of the matcher.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import pairwise, product

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Absent
from hubtwin.base.text import text
from hubtwin.datasets.screening import HEALTH_CODES, ITINERARY_CODES

ANY_STATION = "*"
HEALTH = tuple(code.state for code in HEALTH_CODES)
ITINERARY = tuple(code.state for code in ITINERARY_CODES)
LEVELS = ("high", "medium", "low")
MEASURES = (
    "temperature",
    "codes",
    "test_check",
    "antigen",
    "nucleic",
    "wait_for_result",
    "register",
    "handover",
    "advise_return",
    "desk",
)
_NO_CODE = "none"


class Origin(StrEnum):
    """Where a person says to come from, by what is listed there at the time; the first that fits."""

    HIGH_RISK = "high_risk"  # a county with an area listed at high risk
    MEDIUM_RISK = "medium_risk"
    LISTED_CITY = "listed_city"  # another county of a city with a listed area
    HOME = "home"  # the hub's own province
    LISTED_PROVINCE = "listed_province"
    ELSEWHERE = "elsewhere"
    UNKNOWN = "unknown"  # nothing declared


Cell = tuple[str, str, str]  # class of origin, health code, itinerary card
CELLS: tuple[Cell, ...] = tuple(product((origin.value for origin in Origin), HEALTH, ITINERARY))
GROUNDS: tuple[frozenset[str], ...] = (  # what a rule may flag for, by the parts of a cell
    frozenset({Origin.HIGH_RISK.value, Origin.MEDIUM_RISK.value}),
    frozenset({"yellow", "red"}),
    frozenset({"orange", "red"}),
)


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence with its values; `message` renders it."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def message(self, lang: str = "en") -> str:
        """Return the sentence in `lang` ("zh" or "en")."""
        return text(self.key, lang, **self.values)


@dataclass(frozen=True, slots=True)
class ExitRule:
    """Measures for the cells of origins x health x itinerary.

    `max_test_age_h`: a last test that is older, or none, adds the measures `without_test`; None asks for no test.
    """

    rule_id: str
    origins: frozenset[str]
    health: frozenset[str]
    itinerary: frozenset[str]
    flag: bool
    measures: tuple[str, ...]
    max_test_age_h: int | None = None
    without_test: tuple[str, ...] = ()

    def covers(self, cell: Cell) -> bool:
        """Return whether a cell is one of this rule."""
        return cell[0] in self.origins and cell[1] in self.health and cell[2] in self.itinerary


@dataclass(frozen=True)
class ExitTable:
    """The exit rules of a station (`*`: any) from one minute until another (None: until further notice).

    `codes`: whether codes are asked for; `fever_c`: a temperature that flags; `hit_levels`: levels of a hit that flag.
    """

    station: str
    version: str
    valid_from_min: int
    valid_until_min: int | None
    rules: tuple[ExitRule, ...]
    codes: bool
    fever_c: float
    hit_levels: frozenset[str]
    source: str

    @cached_property
    def by_cell(self) -> Mapping[Cell, ExitRule]:
        """Return the rule of every cell."""
        return {cell: rule for rule in self.rules for cell in CELLS if rule.covers(cell)}

    def holds_at(self, minute: int) -> bool:
        """Return whether the table is in force at an epoch minute."""
        return self.valid_from_min <= minute and (self.valid_until_min is None or minute < self.valid_until_min)


@dataclass(frozen=True)
class Risk:
    """What is listed where at one time: county code -> highest level; `home` is the code of the hub's county.

    `city_digits` and `province_digits` are the lengths of the prefixes that counties of a city and of a province share
    (GB/T 2260: 4 and 2).
    """

    listed: Mapping[str, str]
    home: str
    city_digits: int = 4
    province_digits: int = 2

    @cached_property
    def cities(self) -> frozenset[str]:
        """Return the prefixes of cities with a listed area (low is the rest of a county and lists none)."""
        return frozenset(code[: self.city_digits] for code, level in self.listed.items() if level in LEVELS[:2])

    @cached_property
    def provinces(self) -> frozenset[str]:
        """Return the prefixes of provinces with a listed area."""
        return frozenset(city[: self.province_digits] for city in self.cities)


@dataclass(frozen=True, slots=True)
class Passage:
    """What a decision needs of a row of GATE_SCREENINGS; the columns are explained there."""

    at_min: int
    gate_id: str
    pid: str
    health_code: str
    itinerary_code: str
    test_age_h: int | None
    temperature_c: float | None
    origin_area: str | None
    desk: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What is proposed for a passage, by which rule of which version. `reasons`: why a flag; `notes`: why a measure."""

    pid: str
    at_min: int
    gate_id: str
    flag: bool
    reasons: tuple[Words, ...]
    measures: tuple[str, ...]
    notes: tuple[Words, ...]
    origin: str
    rule_id: str
    station: str
    version: str


def classify(area: str | None, risk: Risk) -> Origin:
    """Return the class of a declared origin."""
    if not area:
        return Origin.UNKNOWN
    level = risk.listed.get(area)
    if level == "high":
        return Origin.HIGH_RISK
    if level == "medium":
        return Origin.MEDIUM_RISK
    if area[: risk.city_digits] in risk.cities:
        return Origin.LISTED_CITY
    province = area[: risk.province_digits]
    if province == risk.home[: risk.province_digits]:
        return Origin.HOME
    return Origin.LISTED_PROVINCE if province in risk.provinces else Origin.ELSEWHERE


def decide(passage: Passage, table: ExitTable, risk: Risk, hits: Mapping[str, str]) -> Decision:
    """Return what the table says of a passage. `hits`: pseudonym -> level of the hit."""
    origin = classify(passage.origin_area, risk)
    rule = table.by_cell[origin.value, passage.health_code, passage.itinerary_code]
    reasons = _reasons(passage, table, rule, origin, hits)
    measures, notes = _measures(passage, table, rule)
    return Decision(
        pid=passage.pid,
        at_min=passage.at_min,
        gate_id=passage.gate_id,
        flag=bool(reasons),
        reasons=reasons,
        measures=measures,
        notes=notes,
        origin=origin.value,
        rule_id=rule.rule_id,
        station=table.station,
        version=table.version,
    )


def choose_table(tables: Iterable[ExitTable], station: str, minute: int) -> ExitTable:
    """Return the table in force for a station at an epoch minute: its own, else that of any station. Raises Absent."""
    valid = [table for table in tables if table.holds_at(minute)]
    for wanted in (station, ANY_STATION):
        for table in valid:
            if table.station == wanted:
                return table
    at = from_epoch_minute(minute).isoformat(timespec="minutes")
    raise Absent("rules.screening_no_table", station=station, at=at)


def find_uncovered(rules: Sequence[ExitRule]) -> Cell | None:
    """Return the first cell that no rule covers."""
    return next((cell for cell in CELLS if not any(rule.covers(cell) for rule in rules)), None)


def find_overlap(rules: Sequence[ExitRule]) -> tuple[ExitRule, ExitRule, Cell] | None:
    """Return the first two rules that cover the same cell."""
    for cell in CELLS:
        both = [rule for rule in rules if rule.covers(cell)]
        if len(both) > 1:
            return both[0], both[1], cell
    return None


def find_groundless(rules: Sequence[ExitRule]) -> tuple[ExitRule, Cell] | None:
    """Return the first flagging rule with a cell that gives no ground for a flag."""
    for rule in rules:
        for cell in CELLS:
            grounds = any(part in allowed for part, allowed in zip(cell, GROUNDS, strict=True))
            if rule.flag and rule.covers(cell) and not grounds:
                return rule, cell
    return None


def find_clash(tables: Sequence[ExitTable]) -> tuple[ExitTable, ExitTable] | None:
    """Return the first two tables of a station that are in force at the same time."""
    for earlier, later in _neighbours(tables):
        if earlier.valid_until_min is None or earlier.valid_until_min > later.valid_from_min:
            return earlier, later
    return None


def list_gaps(tables: Sequence[ExitTable]) -> list[tuple[str, int, int]]:
    """Return (station, from, until) in epoch minutes where a station has no table between two of its own."""
    return [
        (earlier.station, earlier.valid_until_min, later.valid_from_min)
        for earlier, later in _neighbours(tables)
        if earlier.valid_until_min is not None and earlier.valid_until_min < later.valid_from_min
    ]


def _neighbours(tables: Sequence[ExitTable]) -> list[tuple[ExitTable, ExitTable]]:
    ordered = sorted(tables, key=lambda table: (table.station, table.valid_from_min))
    return [(one, two) for one, two in pairwise(ordered) if one.station == two.station]


def _reasons(
    passage: Passage, table: ExitTable, rule: ExitRule, origin: Origin, hits: Mapping[str, str]
) -> tuple[Words, ...]:
    found = []
    if rule.flag:
        cell = (origin.value, passage.health_code, passage.itinerary_code)
        names = (f"origin_{cell[0]}", f"health_{cell[1]}", f"itinerary_{cell[2]}")
        found = [
            Words(f"rules.screening_{name}")
            for name, part, grounds in zip(names, cell, GROUNDS, strict=True)
            if part in grounds
        ]
    if passage.temperature_c is not None and passage.temperature_c >= table.fever_c:
        values = {"temperature_c": passage.temperature_c, "fever_c": table.fever_c}
        found.append(Words("rules.screening_fever", values))
    level = hits.get(passage.pid)
    if level is not None and level in table.hit_levels:
        found.append(Words(f"rules.screening_hit_{level}"))
    return tuple(found)


def _measures(passage: Passage, table: ExitTable, rule: ExitRule) -> tuple[tuple[str, ...], tuple[Words, ...]]:
    measures, notes = list(rule.measures), []
    limit, age = rule.max_test_age_h, passage.test_age_h
    if limit is not None and (age is None or age > limit):
        measures += rule.without_test
        old = Words("rules.screening_old_test", {"age_h": age, "limit_h": limit})
        notes.append(Words("rules.screening_no_test", {"limit_h": limit}) if age is None else old)
    if table.codes and _NO_CODE in (passage.health_code, passage.itinerary_code) and not passage.desk:
        measures.append("desk")
        notes.append(Words("rules.screening_to_desk"))
    return _in_order(measures), tuple(notes)


def _in_order(measures: Collection[str]) -> tuple[str, ...]:
    return tuple(measure for measure in MEASURES if measure in measures)
