"""What a recorder holds stays bounded while the journal cannot be read or written."""

from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from hubtwin.stores.journal import Mark
from hubtwin.web import recorder
from hubtwin.web.change import Change
from hubtwin.web.recorder import Recorder
from hubtwin.web.things import Things
from hubtwin.wiring.panorama import Panorama

START = Mark(0, "Started", "hub", "", "live")


def told(key: str, rev: int) -> Change:
    return Change(rev, 1, "Shown", "board", key, "", {"rev": rev})


def test_while_nothing_can_be_read_the_newest_of_each_is_kept_and_no_more() -> None:
    made = Recorder(Things(Panorama()))
    for rev in range(1, 2_001):
        made.take(told("ab"[rev % 2], rev))
    assert len(made._since or ()) == 2
    made.begin([told("a", 0), told("c", 0)], START)
    made.flush(1_000, None)
    whole, frame = made.drain()
    assert (whole.is_key, frame.is_key) == (False, True)
    assert sorted(map(parts, orjson.loads(whole.event))) == sorted(
        map(parts, orjson.loads(frame.event))
    )  # for who plays on from before
    assert dict(map(parts, orjson.loads(frame.event))) == {"a": 2_000, "b": 1_999, "c": 0}


def parts(item: list[Any]) -> tuple[str, int]:
    """Return what an item is about, and which of its values is held."""
    return item[2]["key"], item[2]["value"]["rev"]


def test_what_a_slow_disk_could_not_take_is_given_up_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "QUEUE_BYTES", 500)
    made = Recorder(Things(Panorama()))
    made.begin([], START)
    with capture_logs() as logs:
        for rev in range(1, 20):
            made.take(told("a", rev))
            made.flush(rev, None)
    assert [each["event"] for each in logs] == ["journal_behind"]
    assert (made.wants_picture, made.drain()) == (True, [])


def test_what_comes_after_an_alarm_in_one_tick_is_recorded_after_it() -> None:
    made = Recorder(Things(Panorama()))
    made.begin([], START)
    for rev, alarm in ((1, False), (2, True), (3, False)):
        made.take(Change(rev, 0, "CaseMoved", "case", "c1", "", {"rev": rev}, alarm))
    made.flush(1, None)
    entry, *_ = made.drain()
    assert [parts(item) for item in orjson.loads(entry.event)] == [("c1", 2), ("c1", 3)]
