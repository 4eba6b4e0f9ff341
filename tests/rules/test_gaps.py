"""Gaps against a slow oracle that looks at every second."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.rules.gaps import ASKED_S, Gap, list_gaps, list_unasked
from hubtwin.rules.windows import Span, join_spans

WHOLE = Span(1000, 3000)
MOMENTS = st.lists(st.integers(900, 3100), max_size=12)
WINDOWS = st.lists(st.tuples(st.integers(900, 3100), st.integers(1, 700)), max_size=3)


@settings(deadline=None)
@given(MOMENTS, MOMENTS, st.integers(10, 400), WINDOWS)
def test_gaps_are_what_a_look_at_every_second_finds(
    pages: list[int], asked: list[int], cadence_s: int, windows: list[tuple[int, int]]
) -> None:
    planned = join_spans(Span(at, at + length) for at, length in windows)
    found = list_gaps(pages, asked, WHOLE, cadence_s, planned)
    whys = {second: gap.why for gap in found for second in range(gap.begin_s, gap.end_s)}
    assert len(whys) == sum(gap.length_s for gap in found)  # no second twice
    unasked = {s for span in list_unasked([*asked, *pages], WHOLE, cadence_s) for s in range(span.begin_s, span.end_s)}
    edges = [1000, *sorted(p for p in pages if 1000 <= p < 3000), 3000]
    for begin, end in pairwise(edges):
        seconds, run = range(begin, end), list[int]()
        wanted: dict[int, str] = {}
        for second in seconds if end - begin > 2 * cadence_s else ():
            if any(span.begin_s <= second < span.end_s for span in planned):
                wanted[second] = "maintenance"
            elif second in unasked:
                wanted[second] = "unasked"
            else:
                run = [*run, second] if run and run[-1] == second - 1 else [second]
                if len(run) > 2 * cadence_s:
                    wanted.update(dict.fromkeys(run, "silent"))
        assert {s: why for s, why in whys.items() if begin <= s < end} == wanted


def test_a_source_that_is_asked_and_silent_has_a_gap_from_its_last_page_to_its_next() -> None:
    asked = range(1000, 3000, 60)
    pages = [*range(1000, 1600, 60), *range(2200, 3000, 60)]
    assert list_gaps(pages, asked, WHOLE, 60) == [Gap(1540, 2200, "silent")]
    assert list_gaps(pages, asked, WHOLE, 60, [Span(1500, 2300)]) == [Gap(1540, 2200, "maintenance")]
    after = list_gaps(pages, asked, WHOLE, 60, [Span(1500, 1900)])
    assert after == [Gap(1540, 1900, "maintenance"), Gap(1900, 2200, "silent")]
    rest = list_gaps(pages, asked, WHOLE, 60, [Span(1500, 2100)])  # what is left is shorter than two cadences
    assert rest == [Gap(1540, 2100, "maintenance")]


def test_where_nobody_asked_nothing_is_said_of_the_source() -> None:
    assert list_gaps([1000, 2990], [], WHOLE, 60) == [Gap(1000, 2990, "unasked")]
    assert list_gaps([], [], WHOLE, 60) == [Gap(1000, 3000, "unasked")]
    within = [1000, 1000 + ASKED_S, 1000 + 2 * ASKED_S]
    assert list_unasked(within, Span(1000, 1000 + 3 * ASKED_S), 60) == []
