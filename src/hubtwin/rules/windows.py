"""Maintenance windows of a source: from the venue's clock to spans of time, and what of a silence they explain.

A window means what a clock on the wall shows. Where the wall clock is put back or forward inside a window's edge, the
moment is ambiguous or does not exist: the window is then read as the longer one, because nobody rings an office for
an hour that it may have meant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hubtwin.base.clock import EPOCH
from hubtwin.model.source import Once, Window

_DAY = timedelta(days=1)
_WEEK_D = 7
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `begin_s` until before `end_s`, in seconds since 1970 in UTC."""

    begin_s: int
    end_s: int


def second_of(moment: datetime) -> int:
    """Return the whole seconds since 1970 of an aware moment, rounded down."""
    return (moment - EPOCH) // _SECOND


def list_spans(windows: Iterable[Window], zone: ZoneInfo, since: datetime, until: datetime) -> list[Span]:
    """Return when a source is maintained between two moments, in order, joined where they touch, not cut off."""
    found: list[Span] = []
    for window in windows:
        if isinstance(window, Once):
            found.append(_span(window.begins, window.ends, zone))
            continue
        first = since.astimezone(zone).date() - timedelta(days=1 + window.until_min // (24 * 60))
        for day in range((until.astimezone(zone).date() - first).days + 1):
            date = first + timedelta(days=day)
            if date.weekday() in window.days:
                midnight = datetime(date.year, date.month, date.day)  # noqa: DTZ001 - a clock on the wall
                begin, end = (midnight + timedelta(minutes=m) for m in (window.from_min, window.until_min))
                found.append(_span(begin, end, zone))
    low, high = second_of(since), second_of(until)
    return [span for span in join_spans(found) if span.end_s > low and span.begin_s < high]


def find_span(windows: Iterable[Window], zone: ZoneInfo, now: datetime) -> Span | None:
    """Return the maintenance under way at a moment, with its whole length, None where there is none."""
    told = tuple(windows)
    if not told:
        return None
    at_s = second_of(now)
    near = list_spans(told, zone, now - _WEEK_D * _DAY, now + (_WEEK_D + 1) * _DAY)
    return next((span for span in near if span.begin_s <= at_s < span.end_s), None)


def join_spans(spans: Iterable[Span]) -> list[Span]:
    """Return the same time as spans that neither overlap nor touch, in order; empty ones are left out."""
    joined: list[Span] = []
    for span in sorted(each for each in spans if each.begin_s < each.end_s):
        if joined and span.begin_s <= joined[-1].end_s:
            joined[-1] = Span(joined[-1].begin_s, max(joined[-1].end_s, span.end_s))
        else:
            joined.append(span)
    return joined


def cut_span(whole: Span, holes: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """Return the parts of a span outside of the holes, and those inside; `holes` are as `join_spans` gives them."""
    outside, inside, at_s = list[Span](), list[Span](), whole.begin_s
    for hole in holes:
        begin, end = max(hole.begin_s, whole.begin_s), min(hole.end_s, whole.end_s)
        if begin >= end:
            continue
        if at_s < begin:
            outside.append(Span(at_s, begin))
        inside.append(Span(begin, end))
        at_s = end
    if at_s < whole.end_s:
        outside.append(Span(at_s, whole.end_s))
    return outside, inside


def _span(begins: datetime, ends: datetime, zone: ZoneInfo) -> Span:
    return Span(min(_both(begins, zone)), max(_both(ends, zone)))


def _both(wall: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """Return the seconds that a moment on the wall can mean: twice the same, unless the clock is changed there."""
    first, second = (second_of(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)) for fold in (0, 1))
    return first, second
