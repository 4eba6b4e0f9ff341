"""Speaks CAP, bulletins and observations for `sim`, drills and tests.

CAP and bulletins have no field that says synthetic: whoever serves them marks the page (`Page.marks`). An observation
says it itself.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from xml.sax.saxutils import escape

from hubtwin.model.record import Provenance

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"


class Observed(NamedTuple):
    """What a station measures at an aware moment; None: not measured."""

    at: datetime
    station: str
    temperature_c: float | None = None
    wind_mps: float | None = None
    gust_mps: float | None = None
    rain_1h_mm: float | None = None
    visibility_m: float | None = None
    text: str | None = None
    lon: float | None = None
    lat: float | None = None


class Info(NamedTuple):
    """One block of a warning, in one language. Times are aware."""

    language: str
    event: str
    headline: str
    description: str
    severity: str = "Severe"
    urgency: str = "Expected"
    certainty: str = "Likely"
    expires: datetime | None = None
    instruction: str = ""
    area: str = ""
    colour: str = ""


class Warned(NamedTuple):
    """A CAP message; `earlier` are the (identifier, sent) that it refers to."""

    identifier: str
    sender: str
    sent: datetime
    infos: tuple[Info, ...] = ()
    msg_type: str = "Alert"
    status: str = "Actual"
    earlier: tuple[tuple[str, datetime], ...] = ()


def cap(told: Warned) -> bytes:
    """Return a CAP 1.2 document; the same input gives the same bytes."""
    parts = [
        *("<?xml version='1.0' encoding='UTF-8'?>", f"<alert xmlns='{NAMESPACE}'>"),
        *(_tag("identifier", told.identifier), _tag("sender", told.sender), _tag("sent", _time(told.sent))),
        *(_tag("status", told.status), _tag("msgType", told.msg_type), _tag("scope", "Public")),
    ]
    if told.earlier:
        parts.append(_tag("references", " ".join(f"{told.sender},{name},{_time(at)}" for name, at in told.earlier)))
    parts += [_info(info) for info in told.infos]
    return "\n".join([*parts, "</alert>"]).encode()


def observations(told: Iterable[Observed]) -> bytes:
    """Return observations as a page of JSON lines."""
    lines = []
    for one in told:
        fields = {**one._asdict(), "at": one.at.isoformat(timespec="seconds"), "provenance": Provenance.SYNTHETIC.value}
        lines.append(json.dumps({name: value for name, value in fields.items() if value is not None}).encode() + b"\n")
    return b"".join(lines)


def _info(info: Info) -> str:
    parts = [_tag("language", info.language), _tag("category", "Met"), _tag("event", info.event)]
    parts += [_tag("urgency", info.urgency), _tag("severity", info.severity), _tag("certainty", info.certainty)]
    if info.expires is not None:
        parts.append(_tag("expires", _time(info.expires)))
    parts += [_tag("headline", info.headline), _tag("description", info.description)]
    if info.instruction:
        parts.append(_tag("instruction", info.instruction))
    if info.colour:
        parts.append(f"<parameter>{_tag('valueName', 'colour')}{_tag('value', info.colour)}</parameter>")
    if info.area:
        parts.append(f"<area>{_tag('areaDesc', info.area)}</area>")
    return f"<info>{''.join(parts)}</info>"


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
