"""The catalogue that a hub opens: its own datasets, and those of the district that hub.toml names."""

from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from hubtwin.base.errors import Absent
from hubtwin.settings import load_settings
from hubtwin.wiring.library import open_catalogue

SECOND = Path(__file__).parents[1] / "library" / "second_district"


def test_a_hub_opens_the_library_of_its_district_once() -> None:
    settings = load_settings("hangzhou-east", environ={})
    found = open_catalogue(settings)
    assert found.title["en"] == "Shangcheng District"
    assert open_catalogue(settings) is found
    assert set(open_catalogue(replace(settings, district="")).by_name) < set(found.by_name)


def test_what_is_written_into_the_folder_is_seen_at_the_next_opening(tmp_path: Path) -> None:
    folder = copytree(SECOND, tmp_path / "own")
    settings = replace(load_settings("palo-alto", environ={}), district=str(folder))
    assert open_catalogue(settings).get("cars").dataset.en == "cars"
    told = (folder / "all.toml").read_text(encoding="utf-8")
    (folder / "all.toml").write_text(told.replace('en = "cars"', 'en = "motor cars"'), encoding="utf-8")
    assert open_catalogue(settings).get("cars").dataset.en == "motor cars"


def test_a_district_that_is_not_there_is_told() -> None:
    settings = replace(load_settings("palo-alto", environ={}), district="atlantis")
    with pytest.raises(Absent, match="shangcheng"):
        open_catalogue(settings)
