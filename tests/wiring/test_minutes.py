"""What is due once a minute is done once a minute, and again where it failed."""

import pytest

from hubtwin.base.errors import Retry
from hubtwin.wiring.minutes import OnceAMinute


def test_it_is_done_once_in_each_minute_and_again_where_it_failed() -> None:
    now, done, failing = [7], list[int](), [True]

    def do(minute: int) -> None:
        done.append(minute)
        if failing[0]:
            raise Retry("stores.busy", path="x", seconds=0)

    once = OnceAMinute(lambda: now[0], do)
    with pytest.raises(Retry):
        once()
    failing[0] = False
    for _ in range(3):
        once()
    now[0] = 8
    once()
    now[0] = 7  # a clock that was set back
    once()
    assert done == [7, 7, 8, 7]
