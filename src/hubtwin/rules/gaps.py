"""Gaps of a source: where no page came for longer than two cadences, and what explains it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from hubtwin.rules.windows import Span, cut_span, join_spans

CADENCES = 2  # as the pages call a source late
ASKED_S = 300  # whoever did not ask for so long cannot say that a source was silent

Why = Literal["silent", "maintenance", "unasked"]


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A stretch without a page. `silent`: the source was asked and said nothing; `maintenance`: it was announced;
    `unasked`: nobody asked, so nothing is known.
    """

    begin_s: int
    end_s: int
    why: Why

    @property
    def length_s(self) -> int:
        """Return how long it lasts."""
        return self.end_s - self.begin_s


def list_gaps(
    pages_s: Iterable[int], asked_s: Iterable[int], whole: Span, cadence_s: int, planned: Sequence[Span] = ()
) -> list[Gap]:
    """Return the gaps between the pages of a time, and towards its begin and end, in order.

    `asked_s` are the moments at which the source answered in any way, or failed to; pages count as such. A stretch
    without a page that is longer than two cadences is parted: what lies in a `planned` window, what lies where nobody
    asked, and the silent rest, which counts only where a piece of it is itself longer than two cadences.
    """
    limit_s, pages = CADENCES * cadence_s, sorted(each for each in pages_s if whole.begin_s <= each < whole.end_s)
    unasked, windows = list_unasked([*asked_s, *pages], whole, cadence_s), join_spans(planned)
    found: list[Gap] = []
    for begin, end in pairwise([whole.begin_s, *pages, whole.end_s]):
        if end - begin <= limit_s:
            continue
        open_pieces, closed = cut_span(Span(begin, end), windows)
        found += [Gap(piece.begin_s, piece.end_s, "maintenance") for piece in closed]
        for piece in open_pieces:
            silent, off = cut_span(piece, unasked)
            found += [Gap(each.begin_s, each.end_s, "unasked") for each in off]
            found += [Gap(each.begin_s, each.end_s, "silent") for each in silent if each.end_s - each.begin_s > limit_s]
    return sorted(found)


def list_unasked(asked_s: Iterable[int], whole: Span, cadence_s: int) -> list[Span]:
    """Return where nobody asked: for longer than two cadences, and than five minutes."""
    moments = sorted(each for each in asked_s if whole.begin_s <= each < whole.end_s)
    patience_s = max(ASKED_S, CADENCES * cadence_s)
    pairs = pairwise([whole.begin_s, *moments, whole.end_s])
    return [Span(begin, end) for begin, end in pairs if end - begin > patience_s]
