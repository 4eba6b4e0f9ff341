"""From partners, agreements, messages and answers to the replies of the wire. Pure; only a letter holds values."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal
from zoneinfo import ZoneInfo

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.base.text import catalogue, text
from hubtwin.model.event import Event
from hubtwin.model.message import Handling, Incoming
from hubtwin.model.partner import Agreement, Answer, Contact, Link
from hubtwin.rules.answers import late_min
from hubtwin.rules.disclosure import Disclosures
from hubtwin.web import shown
from hubtwin.web.schemas import partners as p
from hubtwin.web.schemas.hub import Words
from hubtwin.wiring.told import MS_MIN, Told

SOON_D = 30  # days before its end from which an agreement is called expiring
SETTLED = ("arrived", "refused", "replaced", "expired")
_TIME, _DAY_TIME = "%H:%M", "%Y-%m-%d %H:%M"


def titled(key: str, bare: str) -> Words:
    """Return a text, or a bare word where nobody has written one."""
    return shown.words(key) if key in catalogue() else Words(bare, bare)


def reason(key: str) -> Words | None:
    """Return a reason by its text key; a sentence that waits for values is shown without them."""
    if not key:
        return None
    told = titled(key, key)
    return titled("web.reason_other", key) if "{" in told.en else told


def profile_name(profile: str, scene: str) -> Words:
    """Return what a profile is called; what is under none is no disclosure, but an answer or a batch."""
    if not profile:
        return Words(text("web.no_disclosure", "zh"), text("web.no_disclosure", "en"))
    return titled(f"scenes.{scene}.profile_{profile}", profile)


def field_names(paths: Iterable[str], known: Disclosures, scene: str) -> list[p.FieldName]:
    """Return fields by path, in the order of the declaration, then any that is not declared."""
    order = {field.path: number for number, field in enumerate(known.facts)}
    personal = {field.path for field in known.facts if field.personal}
    listed = sorted(dict.fromkeys(paths), key=lambda path: (order.get(path, len(order)), path))
    return [p.FieldName(path, _label(path, scene), path in personal or path not in order) for path in listed]


def agreement(one: Agreement, day: date, known: Disclosures, scene: str) -> p.AgreementView:
    """Return an agreement as it stands on a day."""
    profile = known.profiles.get(one.profile)
    return p.AgreementView(
        *(one.agreement_id, one.purpose, one.basis, one.from_day.isoformat(), one.until_day.isoformat()),
        days_left=(one.until_day - day).days,
        state=agreement_state([one], day),
        profile=one.profile or None,
        profile_name=profile_name(one.profile, scene) if one.profile else None,
        fields=field_names((field.path for field in profile.fields), known, scene) if profile else (),
        takes=sorted(kind.value for kind in one.takes),
    )


def agreement_state(agreements: Sequence[Agreement], day: date) -> p.AgreementState:
    """Return how the agreements of a partner stand: the one that ends first counts."""
    live = [one for one in agreements if one.is_in_force(day)]
    if live:
        return "expiring" if min(one.until_day for one in live).toordinal() - day.toordinal() <= SOON_D else "in_force"
    if any(one.from_day > day for one in agreements):
        return "later"
    return "expired" if agreements else "none"


def ends_in_days(agreements: Sequence[Agreement], day: date) -> int | None:
    """Return in how many days the first of the agreements in force ends."""
    return min(((one.until_day - day).days for one in agreements if one.is_in_force(day)), default=None)


def contact(one: Contact | None) -> p.ContactView | None:
    """Return an office."""
    return None if one is None else p.ContactView(one.office, one.phone, one.hours)


def answer(one: Answer) -> p.AnswerView:
    """Return an answer."""
    return p.AnswerView(one.said, one.at_min, one.by, one.note, one.expected_min, one.through)


def link(one: Link, real_min: int) -> p.LinkView:
    """Return a link as it stands at a minute of the real clock."""
    return p.LinkView(
        *(one.link_id, one.message_id, one.made_by, one.made_min, one.expires_min, one.is_live(real_min)),
        *(one.revoked_min, one.opened, one.opened_min),
    )


def message(
    told: Told,
    answers: Sequence[Answer],
    links: Sequence[p.LinkView],
    known: Disclosures,
    *,
    scene: str,
    answer_min: int,
    now_min: int,
) -> p.MessageRow:
    """Return a message without what it says."""
    out, about = told.outgoing, told.about
    late = late_min(told.at_min, answers[0].at_min if answers else None, answer_min, now_min) if about.profile else 0
    return p.MessageRow(
        *(out.id, out.partner, about.case_id or None, about.profile, profile_name(about.profile, scene)),
        fields=field_names(about.fields, known, scene),
        at_min=told.at_min,
        state=out.state,
        settled=out.state in SETTLED,
        reason=reason(out.reason),
        readable=out.readable,
        due_min=told.at_min + answer_min,
        late_min=0 if answers else late,
        answers=[answer(one) for one in answers],
        links=links,
    )


def given(rows: Iterable[p.MessageRow], zone: ZoneInfo) -> list[p.GivenDay]:
    """Return how many messages were told by day of the hub and profile, the newest day first."""
    found: dict[tuple[str, str], list[p.MessageRow]] = {}
    for row in rows:
        day = local(from_epoch_minute(row.at_min), zone).date().isoformat()
        found.setdefault((day, row.profile), []).append(row)
    days = sorted(found.items(), key=lambda item: item[0][1])
    return [
        p.GivenDay(day, profile, told[0].profile_name, len(told), sum(t.settled for t in told), _waiting(told))
        for (day, profile), told in sorted(days, key=lambda item: item[0][0], reverse=True)
    ]


def facts(data: Mapping[str, Any], zone: ZoneInfo, known: Disclosures, scene: str) -> list[p.Fact]:
    """Return what a message says, in words of both languages; minutes as the hub's local time."""
    codes = {field.path for field in known.facts if field.kind.startswith("code:")}
    order = {field.path: place for place, field in enumerate(known.facts)}
    found = [
        p.Fact(path, number, _label(path, scene), _value(path, value, zone, scene if path in codes else ""))
        for path, number, value in _leaves(data)
    ]
    first = {path.split("[]")[0]: place for path, place in reversed(order.items())}  # a list stands where it begins
    last = len(order)
    return sorted(found, key=lambda f: (first.get(f.path.split("[]")[0], last), f.number, order.get(f.path, last)))


def moment(minute: int, zone: ZoneInfo, style: Literal["time", "day"] = "day") -> str:
    """Return a minute as the hub's local time."""
    return local(from_epoch_minute(minute), zone).strftime(_TIME if style == "time" else _DAY_TIME)


def _waiting(rows: Sequence[p.MessageRow]) -> int:
    return sum(not row.settled for row in rows)


def _label(path: str, scene: str) -> Words:
    name = path.replace("[]", "").replace(".", "_")
    return titled(f"scenes.{scene}.fact_{name}", path)


def _value(path: str, value: object, zone: ZoneInfo, scene: str) -> Words:
    if path.endswith("_min") and isinstance(value, int) and not isinstance(value, bool):
        at = f"{moment(value, zone)} {zone.key}"
        return Words(at, at)
    if isinstance(value, bool):
        return shown.words("web.letter_yes" if value else "web.letter_no")
    return titled(f"scenes.{scene}.code_{value}", str(value)) if scene else Words(str(value), str(value))


def _leaves(data: Mapping[str, Any], before: str = "", number: int = 0) -> Iterable[tuple[str, int, object]]:
    for name, value in data.items():
        path = f"{before}{name}"
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}.", number)
        elif isinstance(value, list | tuple):
            for place, part in enumerate(value, 1):
                if isinstance(part, Mapping):
                    yield from _leaves(part, f"{path}[].", place)
                else:
                    yield f"{path}[]", place, part
        else:
            yield path, number, value


def used(event: Event) -> p.UsedRow:
    """Return something that was taken in, of its event."""
    told = event.payload
    return p.UsedRow(
        str(told.get("message_id", "")), str(told.get("type", "")), _count(told.get("changed")), event.at_min
    )


def not_used(event: Event) -> p.RefusedRow:
    """Return something that came and was not used, of its event."""
    told = event.payload
    why = reason(str(told.get("reason", ""))) or shown.words("web.reason_none")
    return p.RefusedRow(True, str(told.get("message_id", "")) or None, why, 1, event.at_min)


def received(came: Iterable[Incoming], taken: Iterable[p.UsedRow]) -> list[p.ReceivedRow]:
    """Return what came from a partner, with what each changed."""
    known = {row.message_id: row for row in taken}
    return [
        p.ReceivedRow(
            *(one.id, known[one.id].kind if one.id in known else None, one.handling.value, reason(one.reason)),
            at_min=one.at_ms // MS_MIN,
            changed=known[one.id].changed if one.id in known else None,
        )
        for one in came
    ]


def refused(
    messages: Iterable[p.MessageRow], came: Iterable[Incoming], refusals: Mapping[str, int]
) -> list[p.RefusedRow]:
    """Return what either side did not take: theirs, ours, and what was only counted: nobody proved to send it."""
    none = shown.words("web.reason_none")
    theirs = [
        p.RefusedRow(False, row.message_id, row.reason or none, 1, row.at_min)
        for row in messages
        if row.state in ("refused", "expired")
    ]
    ours = [
        p.RefusedRow(True, one.id, reason(one.reason) or none, 1, one.at_ms // MS_MIN)
        for one in came
        if one.handling is Handling.REFUSED
    ]
    counted = [p.RefusedRow(True, None, reason(key) or none, number, None) for key, number in refusals.items()]
    return [*theirs, *ours, *counted]


def _count(changed: object) -> int:
    """Return how much was changed, of a number or of what was changed."""
    if isinstance(changed, int):
        return int(changed)
    return len(changed) if isinstance(changed, Sequence | Mapping) else 0
