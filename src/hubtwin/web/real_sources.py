"""How the sources of a hub stand: live, late by two cadences, failed, off. Late is shown as late, never as zero."""

import re
from collections.abc import Sequence
from typing import Literal

from hubtwin.base.text import text
from hubtwin.web import shown
from hubtwin.web.schemas import hub as h
from hubtwin.wiring.sources import SourceState

CADENCES = 2  # nothing for so many cadences is late (design of the pages, principle 3)
State = Literal["live", "late", "failed", "off"]
_UNTOLD = re.compile(r"\{\w+\}")  # a value of an error that a source does not keep: it may hold what came from outside


def state_of(source: SourceState, now_min: int) -> State:
    """Return how a source stands at a hub minute. A cadence counts as one minute at least: the clock has no less."""
    if not source.on:
        return "off"
    if source.error:
        return "failed"
    if source.read_min is None or now_min - source.read_min > CADENCES * cadence_min(source):
        return "late"
    return "live"


def cadence_min(source: SourceState) -> int:
    """Return the cadence in whole hub minutes, rounded up, at least one."""
    return max(1, -(-source.cadence_s // 60))


def list_sources(sources: Sequence[SourceState], now_min: int) -> h.SourcesReply:
    """Return the sources of a hub by name."""
    ordered = sorted(sources, key=lambda source: source.name)
    return h.SourcesReply(now_min, [_show(source, now_min) for source in ordered])


def _show(source: SourceState, now_min: int) -> h.SourceView:
    title = shown.named(source.title)
    return h.SourceView(
        *(source.name, title, source.cadence_s, source.read_min, source.news_min, source.rows),
        state=state_of(source, now_min),
        error_key=source.error or None,
        error=h.Words(_why(source, "zh", title.zh), _why(source, "en", title.en)) if source.error else None,
    )


def _why(source: SourceState, lang: str, title: str) -> str:
    return _UNTOLD.sub("…", text(source.error, lang, source=title))
