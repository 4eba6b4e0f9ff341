"""`hubtwin venue build`: a description becomes the archive that ships; shipped hubs open, are sound, are walked."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.connectors.imdf import read_zip
from hubtwin.settings import load_settings
from hubtwin.wiring.venues import list_places, open_drawn
from tests.cli.kit import hubtwin

HUBS = Path(__file__).parents[2] / "data" / "hubs"


def test_a_description_becomes_the_archive_that_ships(tmp_path: Path) -> None:
    shipped, target = HUBS / "palo-alto" / "venue.imdf.zip", tmp_path / "out.zip"
    ran = hubtwin("--lang", "en", "venue", "build", shipped.parent / "venue.toml", "-o", target)
    assert (ran.code, ran.err) == (0, "")
    assert "2 levels, 18 units" in " ".join(ran.out.split())
    assert read_zip(target.read_bytes()) == read_zip(shipped.read_bytes())


def test_without_a_target_the_archive_lies_beside_the_description(tmp_path: Path) -> None:
    (tmp_path / "venue.toml").write_text((HUBS / "palo-alto" / "venue.toml").read_text(encoding="utf-8"))
    assert hubtwin("venue", "build", tmp_path / "venue.toml").code == 0
    assert (tmp_path / "venue.imdf.zip").stat().st_size > 1000


@pytest.mark.parametrize(
    ("content", "told"),
    [("[venue", "TOML"), ("[rooms]", "unknown entry rooms"), ("", "origin.lon"), (None, "none.toml")],
)
def test_a_wrong_description_is_named_and_writes_nothing(tmp_path: Path, content: str | None, told: str) -> None:
    file = tmp_path / "none.toml"
    if content is not None:
        file.write_text(content)
    ran = hubtwin("--lang", "en", "venue", "build", file)
    assert ran.code == 1
    assert told in ran.err
    assert not (tmp_path / "venue.imdf.zip").exists()


@pytest.mark.parametrize("hub", ["hangzhou-east", "palo-alto"])
def test_a_shipped_hub_is_sound_and_its_places_are_joined(hub: str) -> None:
    ran = hubtwin("--hub", hub, "venue", "check", "--format", "json")
    assert (ran.code, json.loads(ran.out)["findings"]) == (0, [])
    settings = load_settings(hub)
    drawn = open_drawn(settings)
    assert drawn is not None
    assert drawn.venue is not None
    assert drawn.venue.schematic
    start, *others = (drawn.graph.find_id(p) or drawn.graph.find_id(f"P-{p}") for p in list_places(settings.hub))
    times = drawn.graph.list_times(start, step_free=True)
    assert all(0 < times[drawn.graph.find_id(other)] < 900 for other in others)


def test_a_second_venue_is_walked_without_code() -> None:
    ran = hubtwin("--hub", "palo-alto", "venue", "way", "NB", "West", "--step-free", "--format", "json")
    way = json.loads(ran.out)
    assert [leg["by"] for leg in way["legs"]] == ["walk", "ramp", "walk", "ramp", "walk"]
    assert 200 < way["seconds"] < 260


def test_a_copy_of_a_shipped_hub_finds_the_shipped_venue_and_prefers_its_own(tmp_path: Path) -> None:
    shutil.copy(HUBS / "palo-alto" / "hub.toml", tmp_path)
    shipped = HUBS / "palo-alto" / "venue.imdf.zip"
    venue = load_settings(str(tmp_path), environ={}).venue
    assert venue is not None
    assert venue.archive.samefile(shipped)
    own = tmp_path / "hubs" / "palo-alto" / "venue.imdf.zip"
    own.parent.mkdir(parents=True)
    shutil.copy(shipped, own)
    assert load_settings(str(tmp_path), environ={}).venue == replace(venue, archive=own)
