"""The venues that ship with the project: sound, walked between all places of their hub, and left without a step."""

from functools import cache
from pathlib import Path

import pytest

from hubtwin.rules.hub_walks import find_place
from hubtwin.settings import Settings, find_data_dir, load_settings
from hubtwin.wiring.venues import Drawn, check_places, list_places, read_archive

HUBS = sorted(file.parent.name for file in (find_data_dir() / "hubs").glob("*/venue.imdf.zip"))


@cache
def _open(hub: str) -> tuple[Settings, Drawn]:
    settings = load_settings(hub, Path("none"), "en", {})
    assert settings.venue is not None
    return settings, read_archive(settings.venue.archive)


def test_a_second_venue_ships() -> None:
    assert len(HUBS) >= 2


@pytest.mark.parametrize("hub", HUBS)
def test_the_check_finds_nothing(hub: str) -> None:
    settings, drawn = _open(hub)
    assert [*drawn.check(), *check_places(settings, drawn)] == []


@pytest.mark.parametrize("hub", HUBS)
def test_every_place_of_the_hub_is_reached_from_every_other_also_step_free(hub: str) -> None:
    settings, drawn = _open(hub)
    places = [find_place(drawn.graph, place) for place in list_places(settings.hub)]
    assert len(places) > 1
    for start in places:
        plain, free = (drawn.graph.list_times(start, step_free=step_free) for step_free in (False, True))
        assert set(places) <= plain.keys() & free.keys()
        assert all(plain[place] <= free[place] + 1e-6 for place in places)


@pytest.mark.parametrize("hub", HUBS)
def test_the_whole_is_marked_as_schematic_and_says_what_it_rests_on(hub: str) -> None:
    _, drawn = _open(hub)
    assert drawn.venue is not None
    assert drawn.venue.schematic
    assert drawn.venue.note is not None
    assert all(feature.basis for feature in drawn.venue.list_features() if feature.code != drawn.venue.code)
