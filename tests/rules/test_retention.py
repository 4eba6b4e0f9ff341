"""How long personal data are kept, and what goes first."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.clock import DAY_MIN, epoch_minute, from_epoch_minute
from hubtwin.base.errors import Absent, Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.library.grants import is_personal
from hubtwin.rules.retention import (
    DELETE,
    PSEUDONYMISE,
    RETENTION,
    Due,
    Kept,
    Times,
    due_for_deletion,
    due_min,
    read_retention,
    rows_cut,
)

ZONE = ZoneInfo("Asia/Shanghai")
TIMES = Times(ZONE, incubation_d=14)
NOW = datetime(2022, 12, 20, 1, tzinfo=UTC)
NOW_MIN = epoch_minute(NOW)


def _ago(kind: str, days: int, item_id: str = "i", **more: str) -> Kept:
    return Kept(item_id, kind, "p", NOW_MIN - days * DAY_MIN, **more)  # type: ignore[arg-type]


def _due(*items: Kept) -> list[tuple[str, str]]:
    return [(due.item.item_id, due.action) for due in due_for_deletion(items, NOW, RETENTION, TIMES)]


@pytest.mark.parametrize(
    ("kind", "days", "action"),
    [
        ("manifest_non_hit", 0, DELETE),
        ("manifest_hit_cleared", 14, DELETE),
        ("exposure_evidence", 14, DELETE),
        ("non_case", 0, DELETE),
        ("confirmed_case", 90, PSEUDONYMISE),
        ("confirmed_case", 365, DELETE),
        ("audit", 1095, DELETE),
    ],
)
def test_each_kind_is_due_on_its_day_and_not_a_minute_earlier(kind: str, days: int, action: str) -> None:
    item = _ago(kind, days)
    later = Kept("i", kind, "p", item.since_min + 1)
    assert _due(item) == [("i", action)]
    assert ("i", action) not in _due(later)


def test_every_figure_has_a_source() -> None:
    assert all(rule.source for rule in RETENTION.records)
    assert all(rule.source for rule in RETENTION.rows)


def test_every_dataset_of_rows_about_persons_that_the_core_keeps_has_a_rule() -> None:
    with_pid = {name for name, dataset in DATASETS.items() if any(column.type == "pid" for column in dataset.columns)}
    assert {rule.dataset for rule in RETENTION.rows} >= with_pid
    assert all(is_personal(DATASETS[name]) for name in with_pid)


def test_what_is_sensed_of_the_hub_every_minute_has_a_rule_too() -> None:
    sensed = {name for name, dataset in DATASETS.items() if "at_s" in dataset.key}
    assert {rule.dataset for rule in RETENTION.rows} >= sensed
    cuts = {rule.dataset: rows_cut(rule, NOW, ZONE) for rule in RETENTION.rows if rule.dataset in sensed}
    assert cuts["zone_counts"] == int(NOW.timestamp()) // 60 * 60 - 400 * 86_400


@given(st.integers(0, 20_000), st.integers(1, 40))
def test_a_contact_goes_on_a_working_day_after_two_incubations_or_after_sixty_days(day: int, incubation_d: int) -> None:
    (rule,) = [rule for rule in RETENTION.records if rule.kind == "contact"]
    since = day * DAY_MIN + 7 * 60
    times = Times(ZONE, incubation_d, frozenset({date(2022, 12, 1)}))
    due = due_min(rule, since, times)
    latest = since + 60 * DAY_MIN
    assert due <= latest
    if due < latest:
        on = from_epoch_minute(due).astimezone(ZONE)
        ends = from_epoch_minute(since + 2 * incubation_d * DAY_MIN).astimezone(ZONE)
        assert on.weekday() < 5
        assert on.day <= 4
        assert on.date() not in times.holidays
        assert (on.year, on.month) == ((ends.year, ends.month + 1) if ends.month < 12 else (ends.year + 1, 1))


def test_a_holiday_moves_a_contact_to_the_next_working_day() -> None:
    (rule,) = [rule for rule in RETENTION.records if rule.kind == "contact"]
    since = epoch_minute(datetime(2022, 10, 1, tzinfo=UTC))
    assert from_epoch_minute(due_min(rule, since, TIMES)).astimezone(ZONE).date() == date(2022, 11, 1)
    moved = Times(ZONE, 14, frozenset({date(2022, 11, 1)}))
    assert from_epoch_minute(due_min(rule, since, moved)).astimezone(ZONE).date() == date(2022, 11, 2)


def test_a_pseudonymised_case_is_not_pseudonymised_again_and_an_old_one_is_deleted_at_once() -> None:
    item = Kept("i", "confirmed_case", "p", NOW_MIN - 100 * DAY_MIN, done=frozenset({PSEUDONYMISE}))
    assert _due(item) == []
    assert _due(_ago("confirmed_case", 400)) == [("i", DELETE)]


def test_children_go_before_their_parents_and_with_them() -> None:
    items = [
        _ago("non_case", 1, "case"),
        _ago("confirmed_case", 100, "test", parent="case"),
        _ago("manifest_hit_cleared", 1, "tube", parent="test"),
        _ago("confirmed_case", 1, "alone"),
    ]
    assert _due(*items) == [("tube", DELETE), ("test", DELETE), ("case", DELETE)]


def test_records_that_are_their_own_ancestors_end_nothing() -> None:
    assert len(_due(_ago("non_case", 1, "a", parent="b"), _ago("non_case", 1, "b", parent="a"))) == 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted({rule.kind for rule in RETENTION.records})),
            st.integers(0, 1200),
            st.none() | st.integers(0, 9),
        ),
        max_size=12,
    )
)
def test_no_child_is_left_behind_and_none_comes_after_its_parent(told: list[tuple[str, int, int | None]]) -> None:
    items = [
        _ago(kind, days, str(n), parent="" if above is None or above >= n else str(above))
        for n, (kind, days, above) in enumerate(told)
    ]
    due = due_for_deletion(items, NOW, RETENTION, TIMES)
    place = {each.item.item_id: n for n, each in enumerate(due) if each.action == DELETE}
    for item in items:
        if item.parent in place:
            assert place[item.item_id] < place[item.parent]


def test_a_kind_that_nobody_gave_a_time_is_an_error_not_for_ever() -> None:
    with pytest.raises(Absent):
        _due(_ago("gossip", 1))


def test_rows_are_cut_by_the_hubs_own_day() -> None:
    late = datetime(2022, 12, 20, 17, tzinfo=UTC)  # the 21st in Shanghai
    cuts = {rule.dataset: rows_cut(rule, late, ZONE) for rule in RETENTION.rows}
    assert cuts["bookings"] == date(2022, 12, 7)
    assert cuts["stays"] == epoch_minute(late - timedelta(days=14))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not toml",
        "record = 1\nrows = []",
        '[[record]]\nkind = "x"\naction = "delete"\ndays = -1\nsource = "s"\n[[rows]]',
        '[[record]]\nkind = "x"\naction = "keep"\ndays = 1\nsource = "s"\n[[rows]]',
        '[[record]]\nkind = "x"\naction = "delete"\ndays = 1\n[[rows]]',
        'record = []\n[[rows]]\ndataset = "stays"\ncolumn = "pid"\ndays = 1\nsource = "s"',
        'record = []\n[[rows]]\ndataset = "nowhere"\ncolumn = "pid"\ndays = 1\nsource = "s"',
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused_whole(content: str) -> None:
    with pytest.raises(Malformed):
        read_retention(content)


def test_a_due_record_says_since_when() -> None:
    (due,) = due_for_deletion([_ago("non_case", 3)], NOW, RETENTION, TIMES)
    assert due == Due(_ago("non_case", 3), DELETE, NOW_MIN - 3 * DAY_MIN)
