"""The measures of acceptance against slow oracles, and the verdicts line by line."""

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.model.source import Agreed
from hubtwin.rules.acceptance import Delivered, Line, Watched, judge, list_full_hours, measure_delays, overall
from hubtwin.rules.gaps import Gap, list_gaps
from hubtwin.rules.windows import Span

DAY = Span(0, 86_400)
PAGES = st.lists(
    st.builds(
        lambda at, said: Delivered(at, sum(said.values()), said_min=said),
        st.integers(0, 86_399),
        st.dictionaries(st.integers(-100, 2000), st.integers(1, 9), max_size=4),
    ),
    max_size=10,
)


def _watched(*pages: Delivered, cadence_s: int = 60, planned: tuple[Span, ...] = (), whole: Span = DAY) -> Watched:
    asked = list(range(whole.begin_s, whole.end_s, 60))
    gaps = list_gaps([page.at_s for page in pages], asked, whole, cadence_s, planned)
    return Watched(whole, pages, asked, planned, gaps, cadence_s)


def _by_name(watched: Watched, agreed: Agreed) -> dict[str, Line]:
    return {line.name: line for line in judge(watched, agreed)}


@settings(deadline=None)
@given(PAGES)
def test_delays_are_those_of_every_row_written_out(pages: list[Delivered]) -> None:
    every = sorted(
        page.at_s // 60 - minute for page in pages for minute, rows in page.said_min.items() for _ in range(rows)
    )
    found = measure_delays(pages)
    if not every:
        assert found is None
        return
    assert found is not None
    assert (found.rows, found.max_min, found.least_min) == (len(every), every[-1], every[0])
    assert found.p50_min == every[ceil(0.5 * len(every)) - 1]
    assert found.p95_min == every[ceil(0.95 * len(every)) - 1]
    assert found.ahead == sum(delay < 0 for delay in every)


def test_what_was_agreed_is_kept() -> None:
    pages = [Delivered(at, 10, said_min={at // 60 - 1: 10}) for at in range(0, 86_400, 60)]
    agreed = Agreed(60, 600, 1, 0.01, 0.01, 0)
    lines = judge(_watched(*pages), agreed)
    assert {line.verdict for line in lines} == {"passed"}
    assert {line.name: line.measured for line in lines} == {
        "cadence_s": 60,
        "gaps": 0,
        "rows_per_hour": 600,
        "delay_p95_min": 1,
        "refused_share": 0,
        "duplicate_share": 0,
    }
    assert overall(lines) == "passed"
    assert overall(judge(_watched(*pages), Agreed())) == "not_measured"


@pytest.mark.parametrize(
    ("agreed", "name"),
    [
        (Agreed(cadence_s=30), "cadence_s"),
        (Agreed(gaps=0), "gaps"),
        (Agreed(rows_per_hour=601), "rows_per_hour"),
        (Agreed(delay_p95_min=2), "delay_p95_min"),
        (Agreed(refused_share=0.001), "refused_share"),
        (Agreed(duplicate_share=0.001), "duplicate_share"),
    ],
)
def test_each_line_can_fail_alone(agreed: Agreed, name: str) -> None:
    pages = [
        Delivered(at, 9, {"reason": 1}, {at // 60 - 3: 9}, duplicates=1)
        for at in range(0, 86_400, 60)
        if not 4000 < at < 5000
    ]
    lines = judge(_watched(*pages), agreed)
    assert [line.name for line in lines if line.verdict == "failed"] == [name]
    assert overall(lines) == "failed"


def test_what_cannot_be_measured_does_not_pass() -> None:
    lines = _by_name(_watched(), Agreed(60, 600, 1, 0.01, 0.01))
    assert {name: line.verdict for name, line in lines.items()} == {
        "cadence_s": "not_measured",
        "gaps": "not_measured",
        "rows_per_hour": "failed",  # it was asked all day and brought none
        "delay_p95_min": "not_measured",
        "refused_share": "not_measured",
        "duplicate_share": "not_measured",
    }
    nobody_asked = Watched(DAY, (), (), (), [Gap(0, 86_400, "unasked")], 60)
    assert overall(judge(nobody_asked, Agreed(60, 600, 1, 0.01, 0.01, 0))) == "not_measured"
    listing = _watched(Delivered(100, 3, duplicates=None))
    assert _by_name(listing, Agreed(duplicate_share=0.1))["duplicate_share"].verdict == "not_measured"


def test_maintenance_counts_neither_as_a_gap_nor_as_a_poor_hour() -> None:
    window = Span(3600, 3 * 3600)
    pages = [Delivered(at, 10) for at in range(0, 86_400, 60) if not window.begin_s <= at < window.end_s]
    agreed = Agreed(cadence_s=60, rows_per_hour=600, gaps=0)
    assert overall(judge(_watched(*pages, planned=(window,)), agreed)) == "passed"
    assert overall(judge(_watched(*pages), agreed)) == "failed"
    assert len(list_full_hours(_watched(*pages, planned=(window,)))) == 22
    assert list_full_hours(_watched(whole=Span(1, 7200))) == [Span(3600, 7200)]
