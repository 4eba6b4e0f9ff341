"""Runs of hashes: no double is missed, whatever the slices, and old rows among themselves are not asked about."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.stores.key_runs import MOST_ROWS, PLACE_BITS, Hashes, find_candidates, pack, refuse_too_long

_KEYS = st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=4)


def _run(keys: list[int]) -> Hashes:
    spread = np.array([key * 0x9E3779B97F4A7C15 % 2**64 for key in keys], np.uint64)
    return np.sort(pack(spread, 0))


@settings(max_examples=60, deadline=None)
@given(new=_KEYS, old=_KEYS, gone=_KEYS, at_once=st.sampled_from([4, 16, 1 << 20]))
def test_what_is_found_is_what_a_count_of_the_keys_says(
    new: list[list[int]], old: list[list[int]], gone: list[list[int]], at_once: int
) -> None:
    found_new, found_old = find_candidates(*([_run(run) for run in runs] for runs in (new, old, gone)), at_once=at_once)
    held = Counter(key for run in (*new, *old) for key in run)
    fresh = {key for run in new for key in run}
    lost = {key for run in gone for key in run}
    asked = {key for key, count in held.items() if (count > 1 and key in fresh) or key in lost}
    for runs, found in ((new, found_new), (old, found_old)):
        for keys, places in zip(runs, found, strict=True):
            assert places.tolist() == [place for place, key in enumerate(keys) if key in asked]


def test_a_place_survives_the_packing_and_a_file_that_is_too_long_is_refused() -> None:
    packed = pack(np.array([2**64 - 1, 0], np.uint64), MOST_ROWS - 2)
    assert (packed & np.uint64(MOST_ROWS - 1)).tolist() == [MOST_ROWS - 2, MOST_ROWS - 1]
    assert (packed >> np.uint64(PLACE_BITS)).tolist() == [2**37 - 1, 0]
    refuse_too_long(MOST_ROWS, "x")
    with pytest.raises(Malformed):
        refuse_too_long(MOST_ROWS + 1, "x")
