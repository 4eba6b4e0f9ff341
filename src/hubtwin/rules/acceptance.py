"""Acceptance of a source: what was delivered in a time, measured, against what was agreed, line by line.

Moments are seconds since 1970 in UTC, times that rows claim are epoch minutes. Delays are whole minutes of arrival
minus whole minutes of the row: a row that says 08:10 and arrives at 08:11:59 is one minute late.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Literal

from hubtwin.model.source import Agreed
from hubtwin.rules.gaps import Gap, list_unasked
from hubtwin.rules.windows import Span, cut_span, join_spans

HOUR_S, MINUTE_S = 3600, 60
TOLERANCE_S, TOLERANCE = 2, 1.1  # how far the usual distance of pages may be above the cadence: how often a hub asks

Verdict = Literal["passed", "failed", "not_measured"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """One page as it was read. `refused` counts rows by reason, `said_min` good rows by the minute that they claim.

    `duplicates` are rows that were delivered before, `repaired` rows that correct an earlier one of the same key,
    `disordered` rows older than what an earlier page brought; None where the source cannot be measured so.
    """

    at_s: int
    kept: int
    refused: Mapping[str, int] = field(default_factory=dict)
    said_min: Mapping[int, int] = field(default_factory=dict)
    duplicates: int | None = 0
    repaired: int | None = 0
    disordered: int | None = 0
    is_repeat: bool = False
    bytes: int = 0

    @property
    def rows(self) -> int:
        """Return how many rows came, good and refused."""
        return self.kept + sum(self.refused.values())


@dataclass(frozen=True, slots=True)
class Delays:
    """How many minutes after their own time rows came; `ahead` came before it: the clock of the source is ahead."""

    rows: int
    p50_min: int
    p95_min: int
    max_min: int
    least_min: int
    ahead: int


@dataclass(frozen=True, slots=True)
class Line:
    """What was agreed, what was measured, and the verdict; None: nothing was agreed, nothing could be measured."""

    name: str
    agreed: float | None
    measured: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Watched:
    """The time that is judged: what was delivered in it, when the source was asked, what was planned, the gaps.

    `cadence_s` is the agreed cadence, or that of the source's kind where none was agreed.
    """

    whole: Span
    pages: Sequence[Delivered]
    asked_s: Sequence[int]
    planned: Sequence[Span]
    gaps: Sequence[Gap]
    cadence_s: int


def measure_delays(pages: Iterable[Delivered]) -> Delays | None:
    """Return the delays of all good rows that claim a time, None where none does. Percentiles are nearest ranks."""
    counts: Counter[int] = Counter()
    for page in pages:
        for minute, rows in page.said_min.items():
            counts[page.at_s // MINUTE_S - minute] += rows
    total = counts.total()
    if not total:
        return None
    low, high = min(counts), max(counts)
    ahead = sum(rows for delay, rows in counts.items() if delay < 0)
    return Delays(total, _rank(counts, total, 0.5), _rank(counts, total, 0.95), high, low, ahead)


def list_full_hours(watched: Watched) -> list[Span]:
    """Return the hours since the beginning of the time that are whole, without maintenance, and in which was asked."""
    off = join_spans([*watched.planned, *list_unasked(_moments(watched), watched.whole, watched.cadence_s)])
    first = -(-watched.whole.begin_s // HOUR_S) * HOUR_S
    hours = (Span(at, at + HOUR_S) for at in range(first, watched.whole.end_s - HOUR_S + 1, HOUR_S))
    return [hour for hour in hours if not cut_span(hour, off)[1]]


def judge(watched: Watched, agreed: Agreed) -> list[Line]:
    """Return a line for everything that can be agreed, in a fixed order."""
    pages, delays, usual_s = watched.pages, measure_delays(watched.pages), _usual_distance(watched)
    rows, refused = sum(page.rows for page in pages), sum(sum(page.refused.values()) for page in pages)
    told = [page.duplicates for page in pages if page.duplicates is not None]
    by_hour = Counter[int]()
    for page in pages:
        by_hour[page.at_s // HOUR_S] += page.rows
    brought = [by_hour[hour.begin_s // HOUR_S] for hour in list_full_hours(watched)]
    silent = sum(gap.why == "silent" for gap in watched.gaps)
    most_s = None if agreed.cadence_s is None else max(agreed.cadence_s * TOLERANCE, agreed.cadence_s + TOLERANCE_S)
    return [
        _line("cadence_s", agreed.cadence_s, usual_s, most=most_s),
        _line("gaps", agreed.gaps, silent if _moments(watched) else None, most=agreed.gaps),
        _line("rows_per_hour", agreed.rows_per_hour, min(brought) if brought else None, least=agreed.rows_per_hour),
        _line(
            "delay_p95_min", agreed.delay_p95_min, None if delays is None else delays.p95_min, most=agreed.delay_p95_min
        ),
        _line("refused_share", agreed.refused_share, refused / rows if rows else None, most=agreed.refused_share),
        _line(
            "duplicate_share",
            agreed.duplicate_share,
            sum(told) / rows if told and rows else None,
            most=agreed.duplicate_share,
        ),
    ]


def overall(lines: Sequence[Line]) -> Verdict:
    """Return the verdict of all: failed where one is, passed where everything that was agreed is, and something was."""
    verdicts = [line.verdict for line in lines if line.agreed is not None]
    if "failed" in verdicts:
        return "failed"
    return "passed" if verdicts and "not_measured" not in verdicts else "not_measured"


def _line(
    name: str, agreed: float | None, measured: float | None, *, most: float | None = None, least: float | None = None
) -> Line:
    if agreed is None or measured is None:
        return Line(name, agreed, measured, "not_measured")
    is_kept = (most is None or measured <= most) and (least is None or measured >= least)
    return Line(name, agreed, measured, "passed" if is_kept else "failed")


def _usual_distance(watched: Watched) -> int | None:
    """Return the median of the seconds between two pages, where it was asked and nothing was planned."""
    off = join_spans([*watched.planned, *list_unasked(_moments(watched), watched.whole, watched.cadence_s)])
    moments = sorted(page.at_s for page in watched.pages)
    apart = sorted(end - begin for begin, end in pairwise(moments) if not cut_span(Span(begin, end), off)[1])
    return apart[(len(apart) - 1) // 2] if apart else None


def _moments(watched: Watched) -> list[int]:
    return [*watched.asked_s, *(page.at_s for page in watched.pages)]


def _rank(counts: Counter[int], total: int, share: float) -> int:
    wanted, passed = ceil(share * total), 0
    for delay in sorted(counts):
        passed += counts[delay]
        if passed >= wanted:
            return delay
    return max(counts)
