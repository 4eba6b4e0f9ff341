"""The venue of a hub is read once from where hub.toml says, and its walks reach the staff plan."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Malformed
from hubtwin.model.place import Walk
from hubtwin.rules.staffing import find_walk, walk_minutes
from hubtwin.settings import Settings, VenueSettings, load_settings
from hubtwin.web.start import open_desk
from hubtwin.wiring.kept_walks import keep_walks
from hubtwin.wiring.venues import (
    check_places,
    list_places,
    open_drawn,
    open_venue,
    read_archive,
    with_venue,
    write_archive,
)
from tests.venue_kit import station

NOW = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
HUB = """
[hub]
id = "small"
name = { zh = "小站", en = "Small" }
timezone = "Europe/Berlin"
stations = ["S"]
[feeds]
[[platforms]]
ids = ["1"]
[[exits]]
id = "N1"
name = { zh = "北一", en = "North 1" }
lanes = 1
lane_capacity_per_min = 9.0
[[exits]]
id = "N2"
name = { zh = "北二", en = "North 2" }
lanes = 1
lane_capacity_per_min = 9.0
[walking]
base_s = 600
step_s = 0
change_s = 0
exit_to_exit_s = 600
low_end = ["N1", "N2"]
[venue]
archive = "venue.imdf.zip"
"""


def _hub(folder: Path, more: str = "") -> Settings:
    (folder / "hub.toml").write_text(HUB + more, encoding="utf-8")
    (folder / "venue.imdf.zip").write_bytes(station().packed())
    return load_settings(str(folder), folder / "home", "en", {})


def _minutes(settings: Settings) -> int | None:
    return find_walk(walk_minutes(with_venue(settings).hub.walks), "N1", "1")


def test_the_walks_of_a_hub_are_those_of_its_venue(tmp_path: Path) -> None:
    settings = _hub(tmp_path)
    assert find_walk(walk_minutes(settings.hub.walks), "N1", "1") == 10
    assert _minutes(settings) == 2
    assert with_venue(with_venue(settings)) == with_venue(settings)
    assert _minutes(replace(settings, venue=None)) == 10


def test_what_hub_toml_names_as_closed_is_not_walked(tmp_path: Path) -> None:
    closed = _hub(tmp_path, 'closed = ["ESCALATOR", "STAIRS"]\n')
    assert _minutes(closed) == 3
    assert check_places(closed, read_archive(tmp_path / "venue.imdf.zip")) == []


def test_a_venue_that_changes_is_read_again_and_one_that_does_not_is_not(tmp_path: Path) -> None:
    settings = _hub(tmp_path)
    first = open_drawn(settings)
    assert open_drawn(settings) is first
    draft = station()
    draft.features = [each for each in draft.features if each.feature_id != draft.find("SHOP").feature_id]
    (tmp_path / "venue.imdf.zip").write_bytes(draft.packed())
    second = open_drawn(settings)
    assert first is not None
    assert second is not None
    assert second.etag != first.etag
    assert open_venue(settings) == second.venue


def test_an_archive_may_be_a_folder_and_a_link_in_it_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "drawing"
    folder.mkdir()
    for name, content in station().members().items():
        (folder / name).write_bytes(content)
    drawn = read_archive(folder)
    assert drawn.check() == []
    write_archive(drawn.archive, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == station().packed()
    (folder / "unit.geojson").rename(tmp_path / "unit.geojson")
    os.symlink(tmp_path / "unit.geojson", folder / "unit.geojson")
    assert "a_link" in {finding.code for finding in read_archive(folder).findings}


def test_a_missing_venue_and_one_that_is_none_are_told(tmp_path: Path) -> None:
    settings = _hub(tmp_path)
    (tmp_path / "venue.imdf.zip").write_bytes(b"nothing")
    with pytest.raises(Malformed, match=r"venue\.imdf\.zip"):
        open_venue(settings)
    (tmp_path / "venue.imdf.zip").unlink()
    with pytest.raises(Absent, match=r"venue\.imdf\.zip"):
        with_venue(settings)
    with pytest.raises(Absent):
        read_archive(tmp_path / "none.zip")


def test_places_that_the_venue_does_not_know_are_told(tmp_path: Path) -> None:
    settings = _hub(tmp_path, 'closed = ["BRIDGE"]\n')
    draft = station()
    draft.extension["codes"][draft.find("N2").feature_id] = "EXIT-2"
    (tmp_path / "venue.imdf.zip").write_bytes(draft.packed())
    drawn = read_archive(tmp_path / "venue.imdf.zip")
    told = {(finding.code, finding.values["place"]) for finding in check_places(settings, drawn)}
    assert told == {("hub_place", "N2"), ("hub_closed", "BRIDGE")}


@pytest.mark.parametrize(
    "block", ["venue = 7", '[venue]\narchive = ""', "[venue]\nclosed = []", '[venue]\narchive = "v"\nclosed = "x"',
              '[venue]\narchive = "v"\ncolour = "x"'],
)  # fmt: skip
def test_a_block_that_is_wrong_is_refused(tmp_path: Path, block: str) -> None:
    told = HUB.partition("[venue]")[0]
    told = f"{block}\n{told}" if block.startswith("venue") else f"{told}{block}\n"
    (tmp_path / "hub.toml").write_text(told, encoding="utf-8")
    with pytest.raises(Malformed, match=r"hub\.toml"):
        load_settings(str(tmp_path), tmp_path / "home", "en", {})


def test_walks_are_kept_for_the_next_process_and_only_for_the_same_archive(tmp_path: Path) -> None:
    settings = _hub(tmp_path)
    with_venue(settings)
    file = settings.home / "walks" / "small.json"
    kept = file.read_bytes()
    again = keep_walks(file, [tmp_path / "venue.imdf.zip"], _told(settings), _never)
    assert again == with_venue(settings).hub.walks
    for spoilt in (b"", b"[]", b'{"key": 7}', kept.replace(b'"walks":[[', b'"walks":[7,['), kept[:-9]):
        file.write_bytes(spoilt)
        assert keep_walks(file, [tmp_path / "venue.imdf.zip"], _told(settings), lambda: again) == again
    (tmp_path / "venue.imdf.zip").write_bytes(b"another")
    assert keep_walks(file, [tmp_path / "venue.imdf.zip"], _told(settings), tuple) == ()


def test_a_home_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    settings = _hub(tmp_path)
    settings.home.write_text("no folder")
    assert _minutes(replace(settings, venue=VenueSettings(tmp_path / "venue.imdf.zip", ("HELP",)))) == 2


def _told(settings: Settings) -> list[object]:
    assert settings.venue is not None
    walks = [[walk.a, walk.b, walk.seconds, walk.told] for walk in settings.hub.walks]
    return [list_places(settings.hub), walks, settings.venue.closed]


def _never() -> tuple[Walk, ...]:
    raise AssertionError("it was kept")


def test_a_hub_that_opens_orders_its_teams_by_the_ways_of_its_venue(tmp_path: Path) -> None:
    settings = _hub(tmp_path, 'closed = ["ESCALATOR", "STAIRS"]\n')
    with open_desk(settings, clock=lambda: NOW, real_clock=lambda: NOW) as desk:
        roster = desk.works.roster
        assert roster is not None
        assert (find_walk(roster.walks, "N1", "1"), find_walk(roster.walks, "N2", "1")) == (3, 2)
        assert desk.works.settings.hub.walks == with_venue(settings).hub.walks
