"""What becomes of each row of a batch: by key, digest and time, whatever the order."""

from hypothesis import given
from hypothesis import strategies as st

from hubtwin.rules.batching import Fate, Known, Offered, sort_rows
from hubtwin.rules.quality import Problem

BAD = (("name", Problem("rules.cell_missing")),)


def _row(place: int, key: str = "k", digest: str = "d", newest: str = "1", *, bad: bool = False) -> Offered:
    return Offered(place, key, digest, newest, "", (), BAD if bad else ())


def _fates(rows: list[Offered], known: dict[str, Known] | None = None) -> list[tuple[Fate, int, int]]:
    return [(one.fate, one.revision, one.instead) for one in sort_rows(rows, known or {}).rows]


def test_same_key_and_content_counts_once() -> None:
    assert _fates([_row(1), _row(2), _row(3, "other")]) == [(Fate.GOES, 1, 0), (Fate.SAME, 0, 1), (Fate.GOES, 1, 0)]


def test_the_newest_goes_and_the_others_are_named() -> None:
    rows = [_row(1, digest="a", newest="2"), _row(2, digest="b", newest="3"), _row(3, digest="c", newest="1")]
    assert _fates(rows) == [(Fate.OLDER, 0, 2), (Fate.GOES, 1, 0), (Fate.OLDER, 0, 2)]
    assert _fates([_row(1, digest="a"), _row(2, digest="b")])[1][0] is Fate.GOES, "equally new: the later"


def test_a_newer_one_with_errors_is_held_beside_the_good_one() -> None:
    rows = [_row(1, digest="a", newest="1"), _row(2, digest="b", newest="2", bad=True)]
    assert _fates(rows) == [(Fate.GOES, 1, 0), (Fate.HELD, 0, 0)]
    assert _fates([_row(1, digest="a", bad=True), _row(2, digest="b", newest="2")])[0][0] is Fate.OLDER


def test_what_went_before_goes_again_only_if_it_changed() -> None:
    known = {"k": Known(3, "d", "2", frozenset({"h"}))}
    assert _fates([_row(1)], known) == [(Fate.KNOWN, 0, 0)]
    assert _fates([_row(1, digest="e", newest="3")], known) == [(Fate.GOES, 4, 0)]
    assert _fates([_row(1, digest="e", newest="1")], known) == [(Fate.STALE, 0, 0)]
    assert _fates([_row(1, digest="h", newest="2", bad=True)], known) == [(Fate.KNOWN, 0, 0)], "held already"
    assert _fates([_row(1, digest="h", newest="2")], known) == [(Fate.GOES, 4, 0)], "held before, good now"
    assert _fates([_row(1, digest="e", newest="", bad=True)], known) == [(Fate.HELD, 0, 0)]


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from("12"), st.booleans()), max_size=12
)


@given(ROWS)
def test_every_row_has_one_fate_and_every_key_goes_at_most_once(told: list[tuple[str, str, str, bool]]) -> None:
    bad = {(key, digest): wrong for key, digest, _, wrong in told}  # content decides whether it is good, and its time
    new = {(key, digest): newest for key, digest, newest, _ in told}
    rows = [
        _row(n, key, digest, new[key, digest], bad=bad[key, digest]) for n, (key, digest, _, _) in enumerate(told, 1)
    ]
    sorted_ = sort_rows(rows, {})
    assert [one.row.place for one in sorted_.rows] == list(range(1, len(rows) + 1))
    assert sum(sorted_.counts.values()) == len(rows)
    went = [one.row.key for one in sorted_.rows if one.fate is Fate.GOES]
    assert sorted(went) == sorted({row.key for row in rows if not row.problems}), "each key with a good row, once"
    for one in sorted_.rows:
        if one.fate is Fate.GOES:
            good = [row for row in rows if row.key == one.row.key and not row.problems]
            assert one.row.newest == max(row.newest for row in good)
