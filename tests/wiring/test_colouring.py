"""Rows are coloured without anybody asking: new ones at once, all of them each night, and a run that fails is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hubtwin.base.errors import Retry
from hubtwin.settings import load_settings
from hubtwin.stores.erasure import Where, erase_shelf
from hubtwin.stores.quality import Run
from hubtwin.stores.shelf_erasure import LOADED
from hubtwin.wiring.colouring import ColouringClock
from hubtwin.wiring.governing import Governing, governing_of
from hubtwin.wiring.works import Works, open_works

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
NAME = "communities"


class Hub:
    """An open hub whose real clock a test turns; the runs are those of the product."""

    def __init__(self, works: Works, times: dict[str, datetime]) -> None:
        self.works, self.times = works, times
        governing = governing_of(works)
        assert governing is not None
        self.governing: Governing = governing
        self.clock = ColouringClock(governing, lambda: times["now"].astimezone(ZONE))
        self.clock.start()

    def turn(self, **later: float) -> None:
        self.times["now"] += timedelta(**later)
        self.clock(self.times["now"])
        self.clock.wait()

    def add(self, number: str) -> None:
        assert self.works.library is not None
        listing = self.works.library.catalogue().get(NAME)
        self.works.library.rows.add_row(listing, {listing.dataset.key[0]: number}, key=number, source="test")

    def runs(self) -> int:
        return len(self.governing.quality.runs(NAME, 100))


@pytest.fixture
def times() -> dict[str, datetime]:
    return {"now": NOW}


def test_new_rows_are_coloured_within_a_minute_and_all_of_them_each_night(
    tmp_path: Path, times: dict[str, datetime]
) -> None:
    settings = load_settings("hangzhou-east", tmp_path)
    with open_works(settings, clock=lambda: NOW, real_clock=lambda: times["now"], clocks_min={}) as works:
        hub = Hub(works, times)
        hub.turn()
        assert hub.runs() == 0
        hub.add("a")
        assert hub.governing.list_uncoloured() == [NAME]
        hub.turn(minutes=1)
        assert (hub.runs(), hub.governing.list_uncoloured()) == (1, [])
        hub.turn(minutes=1)
        assert hub.runs() == 1, "nothing is new"
        hub.turn(days=1)
        assert hub.runs() == 2, "what grew stale is seen"
        hub.turn(minutes=1)
        assert hub.runs() == 2


def test_colours_of_rows_that_were_erased_go_within_a_minute(tmp_path: Path, times: dict[str, datetime]) -> None:
    settings = load_settings("hangzhou-east", tmp_path)
    with open_works(settings, clock=lambda: NOW, real_clock=lambda: times["now"], clocks_min={}) as works:
        hub = Hub(works, times)
        hub.add("a")
        hub.turn(minutes=1)
        folder = works.store.directory / "library" / "colours" / NAME
        assert {path.suffix for path in folder.iterdir()} > {".lock"}
        erase_shelf(works.store.directory, NAME, [Where(LOADED, until_value=1 << 40)], clock=lambda: NOW, why="test")
        hub.turn(minutes=1)
        assert hub.governing.quality.states(NAME) == []
        assert {path.suffix for path in folder.iterdir()} == {".lock"}, "also the hashes of the keys"


def test_a_run_that_fails_is_not_tried_again_before_something_changes(
    tmp_path: Path, times: dict[str, datetime]
) -> None:
    settings = load_settings("hangzhou-east", tmp_path)
    with open_works(settings, clock=lambda: NOW, real_clock=lambda: times["now"], clocks_min={}) as works:
        hub = Hub(works, times)
        tries: list[str] = []

        class Failing(Governing):
            def govern(self, dataset: str, by: str) -> Run:
                tries.append(dataset)
                raise Retry("stores.busy", path="x", seconds=1)

        library = works.library
        assert library is not None
        parts = (library.catalogue, library.shelves, library.quality)
        failing = Failing(*parts, clock=library.clock, tell=lambda kind, told: None)
        hub.clock = ColouringClock(failing, lambda: times["now"].astimezone(ZONE))
        hub.clock.start()
        hub.add("a")
        for _ in range(3):
            hub.turn(minutes=1)
        assert tries == [NAME]
        hub.add("b")
        hub.turn(minutes=1)
        assert tries == [NAME, NAME]


def test_without_a_district_nothing_is_due(tmp_path: Path, times: dict[str, datetime]) -> None:
    settings = replace(load_settings("hangzhou-east", tmp_path), district="")
    with open_works(settings, clock=lambda: NOW, real_clock=lambda: times["now"], clocks_min={}) as works:
        hub = Hub(works, times)
        hub.turn(days=2)
        assert hub.runs() == 0
