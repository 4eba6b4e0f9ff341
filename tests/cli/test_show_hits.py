"""How many a matcher found, as the table and the CSV of trains say it."""

import pytest

from hubtwin.cli.show import _hits, _persons

TOLD = {"rung": "hits", "booked": 30, "boarded": None, "hits": 4, "exposed": None}


@pytest.mark.parametrize("least", [1, None])
def test_a_range_is_shown_by_its_two_ends(least: int | None) -> None:
    told = TOLD if least is None else {**TOLD, "hits_least": least}
    assert _hits(told) == (4 if least is None else "1–4")
    assert _persons(told, "en").endswith("→ 4" if least is None else "→ 1–4")
