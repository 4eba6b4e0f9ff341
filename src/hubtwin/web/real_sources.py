"""How the sources of a hub stand: live, late by two cadences, failed, off, in maintenance that was announced.

Late is shown as late, never as zero. Maintenance explains a silence while it lasts; after it the source is late again.
"""

import re
from collections.abc import Sequence
from typing import Literal
from zoneinfo import ZoneInfo

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.text import text
from hubtwin.rules.decisions import list_decisions
from hubtwin.rules.windows import find_span
from hubtwin.web import shown
from hubtwin.web.schemas import hub as h
from hubtwin.wiring.sources import SourceState

CADENCES = 2  # nothing for so many cadences is late (design of the pages, principle 3)
State = Literal["live", "late", "failed", "off", "maintenance"]
_UNTOLD = re.compile(r"\{\w+\}")  # a value of an error that a source does not keep: it may hold what came from outside


def state_of(source: SourceState, now_min: int) -> State:
    """Return how a source stands at a hub minute. A cadence counts as one minute at least: the clock has no less."""
    if not source.on:
        return "off"
    if source.error:
        return "failed"
    heard_min = source.news_min if source.steady else source.read_min
    if heard_min is None or now_min - heard_min > CADENCES * cadence_min(source):
        return "late"
    return "live"


def cadence_min(source: SourceState) -> int:
    """Return the cadence in whole hub minutes, rounded up, at least one."""
    return max(1, -(-source.cadence_s // 60))


def maintained_until(source: SourceState, zone: ZoneInfo, now_min: int) -> int | None:
    """Return the hub minute at which the maintenance of a source ends that is under way; None where none is."""
    span = find_span(source.care.windows, zone, from_epoch_minute(now_min))
    return None if span is None else -(-span.end_s // 60)


def list_sources(sources: Sequence[SourceState], now_min: int, zone: ZoneInfo) -> h.SourcesReply:
    """Return the sources of a hub by name."""
    ordered = sorted(sources, key=lambda source: source.name)
    return h.SourcesReply(now_min, [_show(source, now_min, zone) for source in ordered])


def _show(source: SourceState, now_min: int, zone: ZoneInfo) -> h.SourceView:
    title, contact = shown.named(source.title), source.care.contact
    state, until_min = state_of(source, now_min), None
    if state in ("late", "failed") and (until_min := maintained_until(source, zone, now_min)) is not None:
        state = "maintenance"
    return h.SourceView(
        *(source.name, title, source.cadence_s, source.read_min, source.news_min, source.rows),
        state=state,
        error_key=source.error or None,
        error=h.Words(_why(source, "zh", title.zh), _why(source, "en", title.en)) if source.error else None,
        until_min=until_min,
        contact=None if contact is None else h.OfficeView(shown.named(contact.office), contact.phone, contact.hours),
        datasets=source.datasets,
        decisions=list_decisions(source.datasets),
    )


def with_office(told: h.Words, office: h.OfficeView | None) -> h.Words:
    """Return a sentence about a source, followed by whom to ring where that is known."""
    if office is None:
        return told
    values = {"phone": office.phone, "hours": office.hours or "-"}
    zh = text("web.ring_office", "zh", told=told.zh, office=office.office.zh, **values)
    return h.Words(zh, text("web.ring_office", "en", told=told.en, office=office.office.en, **values))


def _why(source: SourceState, lang: str, title: str) -> str:
    return _UNTOLD.sub("…", text(source.error, lang, source=title))
