"""What a hub hands to a matcher: the risk table, and the question who travelled along with a case.

Both are signed by the hub as canonical JSON. A table says which areas were listed when, how exactly a stay must match,
and until when it may be used; it names no person. The keys in it are those under which hits are named, wrapped for one
matcher. Times are epoch minutes.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, NoReturn, TypeVar

from hubtwin.base.errors import Malformed
from hubtwin.model.record import Status

T = TypeVar("T")
TABLE_KIND, QUERY_KIND = "hubtwin.risk_table.1", "hubtwin.cotravel_query.1"  # so that one never passes for the other
LEVELS, PRECISIONS = ("high", "medium", "low"), ("county", "street", "community")
LONGEST_LOOKBACK_D, LONGEST_STAY_H = 120, 24 * 14
MOST_AREAS, MOST_KEYS, MOST_CASES = 500_000, 4, 200
HEAD = "hub_id status version made_min valid_until_min stations rule keys"  # entries beside the areas
_MINUTES = (0, 2**31 - 1)
_TEXT = 2_000  # characters; the longest community that was ever published has under 1,000
_PID = re.compile(r"[0-9a-f]{32}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){1,512}")


class ListedArea(NamedTuple):  # a table may have 80,000 of them, which are compared and hashed at each change
    """An area at a level from one minute until before another (None: it stands); columns as in RISK_AREAS."""

    area_key: str
    level: str
    area_code: str
    street_code: str | None
    community: str
    resolution: str
    first_seen_min: int
    gone_by_min: int | None
    synthetic: bool


@dataclass(frozen=True, slots=True)
class MatchRule:
    """What counts as a hit: days of look-back, shortest stay in hours, how exactly a place must match, levels."""

    lookback_d: int
    min_stay_h: float
    precision: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """The key of an epoch, sealed for one matcher (hexadecimal, `stores.wrapping`)."""

    epoch: int
    sealed: str


@dataclass(frozen=True, slots=True)
class RiskTable:
    """The table of one hub in one version. Without areas nothing matches; without areas and keys the matching has
    ended, and what was found is forgotten.
    """

    hub_id: str
    status: Status
    version: int
    made_min: int
    valid_until_min: int
    stations: tuple[str, ...]
    rule: MatchRule
    keys: tuple[WrappedKey, ...]
    areas: tuple[ListedArea, ...]

    def head(self) -> dict[str, object]:
        """Return everything but the areas, as plain JSON."""
        rule = self.rule
        return {
            "hub_id": self.hub_id,
            "status": self.status.value,
            "version": self.version,
            "made_min": self.made_min,
            "valid_until_min": self.valid_until_min,
            "stations": list(self.stations),
            "rule": {
                "lookback_d": rule.lookback_d,
                "min_stay_h": rule.min_stay_h,
                "precision": rule.precision,
                "levels": list(rule.levels),
            },
            "keys": [_key_body(key) for key in self.keys],
        }

    def body(self) -> dict[str, object]:
        """Return what is signed, as plain JSON."""
        return {"kind": TABLE_KIND, **self.head(), "areas": [list(area) for area in self.areas]}


@dataclass(frozen=True, slots=True)
class CotravelQuery:
    """Who travelled along with `cases` on a run, by the plan `pathogen_id` as it stood on the date `on`.

    `decided_by` is the officer who decided on it: some plans trace only on a decision of their own.
    """

    hub_id: str
    status: Status
    query_id: str
    made_min: int
    trip_id: str
    service_date: date
    cases: tuple[str, ...]
    pathogen_id: str
    on: date
    decided_by: str
    key: WrappedKey

    def body(self) -> dict[str, object]:
        """Return what is signed, as plain JSON."""
        return {
            "kind": QUERY_KIND,
            "hub_id": self.hub_id,
            "status": self.status.value,
            "query_id": self.query_id,
            "made_min": self.made_min,
            "trip_id": self.trip_id,
            "service_date": self.service_date.isoformat(),
            "cases": list(self.cases),
            "pathogen_id": self.pathogen_id,
            "on": self.on.isoformat(),
            "decided_by": self.decided_by,
            "key": _key_body(self.key),
        }


def read_table(body: object) -> RiskTable:
    """Return the table that a body says. Raises Malformed naming the entry that is wrong, or one that nobody reads."""
    told = Entry("", body)
    told.only(f"kind {HEAD} areas")
    told.word("kind", (TABLE_KIND,))
    return read_head(told, told.each("areas", MOST_AREAS, read_area))


def read_head(told: "Entry", areas: tuple[ListedArea, ...]) -> RiskTable:
    """Return a table of which the areas are read already. Raises Malformed as `read_table` does."""
    made_min = told.whole("made_min", *_MINUTES)
    rule = told.entry("rule")
    rule.only("lookback_d min_stay_h precision levels")
    return RiskTable(
        hub_id=told.line("hub_id"),
        status=Status(told.word("status", tuple(each.value for each in Status))),
        version=told.whole("version", 1, 2**53 - 1),
        made_min=made_min,
        valid_until_min=told.whole("valid_until_min", made_min, _MINUTES[1]),
        stations=told.each("stations", 1_000, lambda item: item.as_text()),
        rule=MatchRule(
            lookback_d=rule.whole("lookback_d", 1, LONGEST_LOOKBACK_D),
            min_stay_h=rule.amount("min_stay_h", 0, LONGEST_STAY_H),
            precision=rule.word("precision", PRECISIONS),
            levels=rule.each("levels", len(LEVELS), lambda item: item.as_word(LEVELS)),
        ),
        keys=told.each("keys", MOST_KEYS, _read_key),
        areas=areas,
    )


def read_query(body: object) -> CotravelQuery:
    """Return the question that a body says. Raises Malformed as `read_table` does."""
    told = Entry("", body)
    told.only("kind hub_id status query_id made_min trip_id service_date cases pathogen_id on decided_by key")
    told.word("kind", (QUERY_KIND,))
    return CotravelQuery(
        hub_id=told.line("hub_id"),
        status=Status(told.word("status", tuple(each.value for each in Status))),
        query_id=told.line("query_id"),
        made_min=told.whole("made_min", *_MINUTES),
        trip_id=told.line("trip_id"),
        service_date=told.day("service_date"),
        cases=told.each("cases", MOST_CASES, lambda item: item.as_pid()),
        pathogen_id=told.line("pathogen_id"),
        on=told.day("on"),
        decided_by=told.line("decided_by", least=0),
        key=_read_key(told.entry("key")),
    )


def key_label(hub_id: str, epoch: int) -> str:
    """Return the words under which the key of an epoch is wrapped: it opens under the same ones only."""
    return f"{hub_id} epoch {epoch}"


def _key_body(key: WrappedKey) -> dict[str, object]:
    return {"epoch": key.epoch, "sealed": key.sealed}


def _read_key(told: "Entry") -> WrappedKey:
    told.only("epoch sealed")
    sealed = told.line("sealed")
    if not _HEX.fullmatch(sealed):
        told.refuse("sealed")
    return WrappedKey(told.whole("epoch", 0, 100_000), sealed)


def read_area(told: "Entry") -> ListedArea:
    """Return a listed area. Raises Malformed."""
    cells = told.value
    if not isinstance(cells, list) or len(cells) != len(ListedArea._fields):
        told.refuse()
    return ListedArea(*cells) if _is_area(*cells) else _read_odd_area(told, cells)


def _is_area(  # a table has 20,000 of them and must be in force at once: one look at a row that is as it should be
    key: object, level: object, code: object, street: object, *rest: object
) -> bool:
    community, resolution, first_min, gone_min, synthetic = rest
    texts = (key, code, resolution) if street is None else (key, code, resolution, street)
    return (
        all(type(text) is str and 0 < len(text) <= _TEXT and _is_plain(text) for text in texts)
        and type(community) is str
        and len(community) <= _TEXT
        and _is_plain(community)
        and level in LEVELS
        and type(first_min) is int
        and 0 <= first_min <= _MINUTES[1]
        and (gone_min is None or (type(gone_min) is int and first_min <= gone_min <= _MINUTES[1]))
        and type(synthetic) is bool
    )


def _read_odd_area(told: "Entry", cells: list[Any]) -> ListedArea:
    """Read a row cell by cell, to name the one that is wrong."""
    row = Entry(told.path, dict(zip(ListedArea._fields, cells, strict=True)))
    synthetic = row.value["synthetic"]
    if not isinstance(synthetic, bool):
        row.refuse("synthetic")
    first_min = row.whole("first_seen_min", *_MINUTES)
    return ListedArea(
        area_key=row.line("area_key"),
        level=row.word("level", LEVELS),
        area_code=row.line("area_code"),
        street_code=None if row.value["street_code"] is None else row.line("street_code"),
        community=row.line("community", least=0),
        resolution=row.line("resolution"),
        first_seen_min=first_min,
        gone_by_min=None if row.value["gone_by_min"] is None else row.whole("gone_by_min", first_min, _MINUTES[1]),
        synthetic=synthetic,
    )


class Entry:
    """A value of a body and the path that leads to it; reading it wrongly raises Malformed with that path."""

    def __init__(self, path: str, value: Any) -> None:
        self.path, self.value = path, value

    def refuse(self, name: str = "") -> NoReturn:
        raise Malformed("model.table_broken", entry=self._below(name) or "body")

    def only(self, names: str) -> None:
        """Refuse anything but an object with exactly these entries: what nobody reads may be what was meant."""
        if not isinstance(self.value, Mapping):
            self.refuse()
        for name in {*names.split()} ^ {*self.value}:
            self.refuse(name[:40])

    def entry(self, name: str) -> "Entry":
        return Entry(self._below(name), self.value[name])

    def line(self, name: str, least: int = 1) -> str:
        return self.entry(name).as_text(least)

    def word(self, name: str, known: tuple[str, ...]) -> str:
        return self.entry(name).as_word(known)

    def whole(self, name: str, least: int, most: int) -> int:
        found = self.value[name]
        if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
            self.refuse(name)
        return int(found)

    def amount(self, name: str, least: float, most: float) -> float:
        found = self.value[name]
        known = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
        if not known or not least <= found <= most:
            self.refuse(name)
        return float(found)

    def day(self, name: str) -> date:
        try:
            return date.fromisoformat(self.line(name))
        except ValueError:
            raise Malformed("model.table_broken", entry=self._below(name)) from None

    def each(self, name: str, most: int, read: Callable[["Entry"], T]) -> tuple[T, ...]:
        found = self.value[name]
        if not isinstance(found, list) or len(found) > most:
            self.refuse(name)
        path = self._below(name)
        return tuple(read(Entry(f"{path}[{place}]", item)) for place, item in enumerate(found))

    def as_text(self, least: int = 1) -> str:
        if not isinstance(self.value, str) or not least <= len(self.value) <= _TEXT or not _is_plain(self.value):
            self.refuse()
        return str(self.value)

    def as_word(self, known: tuple[str, ...]) -> str:
        if self.value not in known:
            self.refuse()
        return str(self.value)

    def as_pid(self) -> str:
        if not isinstance(self.value, str) or not _PID.fullmatch(self.value):
            self.refuse()
        return str(self.value)

    def _below(self, name: str) -> str:
        return ".".join(part for part in (self.path, name) if part)


def _is_plain(text: str) -> bool:
    """Tell whether a text can be written as UTF-8: JSON may hold half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
