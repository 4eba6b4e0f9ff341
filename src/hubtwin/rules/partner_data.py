"""What a partner's message must hold: declared shapes with bounds, read into records or refused as a whole.

A field that is not declared refuses the message: what nobody asked for is not looked at, and a name that is written
wrongly is told instead of being passed over. Reasons are text keys with the field, so that the partner can be told.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.model.partner import Said, Taken
from hubtwin.model.partner_data import (
    AnswerTold,
    AreasTold,
    AreaTold,
    Content,
    CorrectionTold,
    Ground,
    TaskAsked,
    TraceResult,
    TraceTold,
    Wish,
)
from hubtwin.model.place import Resolved
from hubtwin.rules.message_times import AHEAD, read_time

MAX_AREAS = 500  # of one message
MAX_REF, MAX_WHAT, MAX_NOTE, MAX_BY, MAX_PLACE, MAX_ID = 100, 200, 500, 80, 200, 512
DATA_AHEAD = timedelta(days=31)  # what a message plans may lie so far ahead
LEVELS = ("high", "medium", "low")
# Which fields of `data` are times, by type: what `channels.receive.Reception` repairs before anybody reads them.
TIMES: Mapping[str, tuple[str, ...]] = {
    Taken.TRACE.value: ("at",),
    Taken.RISK_AREAS.value: ("published_at",),
    Taken.TASK.value: ("due",),
    Taken.ANSWER.value: ("expected",),
}
Resolve = Callable[[str, str, str, str], Resolved]
_AREA = re.compile(r"\d{6}(\d{3})?", re.ASCII)
_ANY_AREA = re.compile(r"\d{2}(\d{2}(\d{2}(\d{3})?)?)?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NAMES = ("province", "city", "county", "community")


@dataclass(frozen=True)
class Reading:
    """What reading needs besides the data: the venue's zone, the minute of the hub, and where names of places lie."""

    zone: ZoneInfo
    now: datetime
    resolve: Resolve


@dataclass(frozen=True, slots=True)
class Slot:
    """A declared field: `kind` is text, word, area, any_area, past, moment or list; `most` bounds its length."""

    name: str
    kind: str
    most: int = MAX_REF
    needed: bool = True
    words: tuple[str, ...] = ()


def _words(name: str, kind: type[StrEnum]) -> Slot:
    return Slot(name, "word", words=tuple(each.value for each in kind))


_PLACE = (
    Slot("area_code", "area", needed=False),
    *(Slot(name, "text", MAX_PLACE, needed=False) for name in _NAMES),
    Slot("place", "text", MAX_PLACE, needed=False),
)
_AT_RISK = (*_PLACE, Slot("level", "word", words=LEVELS), Slot("from", "moment", needed=False))
SHAPES: Mapping[Taken, tuple[Slot, ...]] = {
    Taken.TRACE: (
        *(Slot("case", "text"), _words("result", TraceResult), Slot("at", "past"), Slot("ref", "text")),
        Slot("area_code", "any_area", needed=False),
    ),
    Taken.RISK_AREAS: (
        *(Slot("published_at", "past"), Slot("areas", "list", MAX_AREAS, needed=False)),
        Slot("gone", "list", MAX_AREAS, needed=False),
    ),
    Taken.TASK: (
        *(_words("kind", Wish), Slot("what", "text", MAX_WHAT), Slot("due", "moment"), Slot("ref", "text")),
        Slot("place", "text", MAX_PLACE, needed=False),
    ),
    Taken.CORRECTION: (
        *(Slot("case", "text"), _words("ground", Ground), Slot("ref", "text")),
        Slot("text", "text", MAX_NOTE, needed=False),
    ),
    Taken.ANSWER: (
        *(Slot("message_id", "text", MAX_ID), _words("said", Said), Slot("by", "text", MAX_BY, needed=False)),
        *(Slot("note", "text", MAX_NOTE, needed=False), Slot("expected", "moment", needed=False)),
    ),
}


def read_content(kind: Taken, data: Mapping[str, Any], reading: Reading) -> Content:
    """Return what a message says. Raises Malformed with the field that is missing, wrong, too long or not declared, and
    for a type whose content is read elsewhere: rows of the library."""
    if kind not in SHAPES:
        raise Malformed("rules.partner_field_unknown", field=kind.value)
    return _READERS[kind](_fields(SHAPES[kind], data, reading), reading)


def _fields(slots: Sequence[Slot], data: Mapping[str, Any], reading: Reading, before: str = "") -> dict[str, Any]:
    """Return the fields of a record by name; one that is not there is missing in the answer."""
    known = {slot.name for slot in slots}
    for name in data:
        if name not in known:
            raise Malformed("rules.partner_field_unknown", field=f"{before}{_named(name)}")
    found = {}
    for slot in slots:
        value = data.get(slot.name)
        if value is None:
            if slot.needed:
                raise Malformed("rules.partner_field_missing", field=f"{before}{slot.name}")
            continue
        found[slot.name] = _value(slot, value, reading, f"{before}{slot.name}")
    return found


def _value(slot: Slot, value: object, reading: Reading, field: str) -> Any:
    if slot.kind == "list":
        if not isinstance(value, list) or len(value) > slot.most or not all(isinstance(one, dict) for one in value):
            raise Malformed("rules.partner_list", field=field, most=slot.most)
        return value
    if not isinstance(value, str):
        raise Malformed("rules.partner_field_wrong", field=field)
    told = value.strip()
    if len(told) > slot.most:
        raise Malformed("rules.partner_text_long", field=field, most=slot.most)
    if not told or _CONTROL.search(told):
        raise Malformed("rules.partner_field_wrong", field=field)
    if slot.kind == "word" and told not in slot.words:
        raise Malformed("rules.partner_word", field=field, words=", ".join(slot.words))
    if (slot.kind == "area" and not _AREA.fullmatch(told)) or (
        slot.kind == "any_area" and not _ANY_AREA.fullmatch(told)
    ):
        raise Malformed("rules.partner_area_code", field=field)
    return _minute(slot, told, reading, field) if slot.kind in ("past", "moment") else told


def _minute(slot: Slot, told: str, reading: Reading, field: str) -> int:
    try:
        at = read_time(told, reading.zone, reading.now, ahead=DATA_AHEAD).at
    except Malformed as error:
        raise Malformed("rules.partner_time", field=field) from error
    if slot.kind == "past" and at > reading.now + AHEAD:
        raise Malformed("rules.partner_time_ahead", field=field)
    return epoch_minute(at)


def _named(name: object) -> str:
    """Return the name of a field nobody declared, as far as it looks like one: it came from outside."""
    told = str(name)
    return told if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", told) else "?"


def _trace(told: Mapping[str, Any], reading: Reading) -> TraceTold:
    area = told.get("area_code", "")
    return TraceTold(told["case"], TraceResult(told["result"]), told["at"], told["ref"], area)


def _task(told: Mapping[str, Any], reading: Reading) -> TaskAsked:
    if told["due"] < epoch_minute(reading.now):
        raise Malformed("rules.partner_due_past", field="due")
    return TaskAsked(Wish(told["kind"]), told["what"], told["due"], told["ref"], told.get("place", ""))


def _correction(told: Mapping[str, Any], reading: Reading) -> CorrectionTold:
    return CorrectionTold(told["case"], Ground(told["ground"]), told["ref"], told.get("text", ""))


def _answer(told: Mapping[str, Any], reading: Reading) -> AnswerTold:
    by, note = told.get("by", ""), told.get("note", "")
    return AnswerTold(told["message_id"], Said(told["said"]), by, note, told.get("expected"))


def _areas(told: Mapping[str, Any], reading: Reading) -> AreasTold:
    published = told["published_at"]
    areas = tuple(_area(one, f"areas[{at}].", reading, published) for at, one in enumerate(told.get("areas", ())))
    gone = tuple(_area(one, f"gone[{at}].", reading, None) for at, one in enumerate(told.get("gone", ())))
    if not areas and not gone:
        raise Malformed("rules.partner_field_missing", field="areas")
    levels: dict[tuple[str, str], str] = {}
    for at, area in enumerate(areas):
        place = (area.street_code or area.area_code, area.place)
        if levels.setdefault(place, area.level) != area.level or any(covers(one, area) for one in gone):
            raise Malformed("rules.partner_area_twice", field=f"areas[{at}]")
    return AreasTold(published, areas, gone)


def covers(gone: AreaTold, area: AreaTold) -> bool:
    """Tell whether an area that is gone stands for another one: the same code, and the same place if it names one."""
    same = (gone.street_code or gone.area_code) == (area.street_code or area.area_code)
    return same and gone.place in ("", area.place)


def _area(data: Mapping[str, Any], before: str, reading: Reading, published: int | None) -> AreaTold:
    """Return an area; `published` is None for one that is gone."""
    told = _fields(_PLACE if published is None else _AT_RISK, data, reading, before)
    province, city, county, community = (told.get(name, "") for name in _NAMES)
    place = told.get("place", community)
    if "area_code" in told:
        code = told["area_code"]
        if code[4:6] == "00":
            raise Malformed("rules.partner_area_code", field=f"{before}area_code")
        street = code if len(code) > 6 else None
        resolved = Resolved(code[:6], street, "street" if street else "county")
    elif province or county:
        resolved = reading.resolve(province, city, county, community)
    else:
        raise Malformed("rules.partner_field_missing", field=f"{before}area_code")
    if resolved.area_code is None:
        raise Malformed("rules.partner_area_unknown", field=before.rstrip("."))
    return AreaTold(
        *(resolved.area_code, resolved.street_code, resolved.resolution, (province, city, county), place),
        level=told.get("level", ""),
        from_min=told.get("from", published or 0),
    )


_READERS: Mapping[Taken, Callable[[Mapping[str, Any], Reading], Content]] = {
    Taken.TRACE: _trace,
    Taken.RISK_AREAS: _areas,
    Taken.TASK: _task,
    Taken.CORRECTION: _correction,
    Taken.ANSWER: _answer,
}
