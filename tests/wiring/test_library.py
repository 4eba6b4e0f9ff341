"""The catalogue that a hub opens: its own datasets, and those of the district that hub.toml names."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest
import yaml

from hubtwin.base.errors import Absent
from hubtwin.library.odcs import contract_of
from hubtwin.settings import load_settings
from hubtwin.stores.audit import Audit, open_access
from hubtwin.stores.contracts import Contracts
from hubtwin.stores.embedded import store_directory
from hubtwin.stores.signing import Signer
from hubtwin.wiring.library import open_catalogue

NOW = datetime(2026, 11, 1, tzinfo=UTC)
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


def test_a_published_contract_counts_for_whoever_opens_the_catalogue_next(tmp_path: Path) -> None:
    settings = replace(load_settings("palo-alto", home=tmp_path, environ={}), district=str(SECOND))
    declared = open_catalogue(settings)
    directory = store_directory(tmp_path, settings.hub.hub_id)
    database = open_access(directory, 1)
    try:
        assert open_catalogue(settings) == declared, "nothing is published yet"
        contracts = Contracts(database, Audit(database, Signer(directory), clock=lambda: NOW), clock=lambda: NOW)
        told = contract_of(replace(declared.get("cars"), contract="1.0.0", update_every_min=60))
        contracts.publish("cars", "1.0.0", yaml.safe_dump(told, allow_unicode=True), by="steward", changes=1)
        for found in (open_catalogue(settings), open_catalogue(settings, contracts)):
            assert found.get("cars").update_every_min == 60
            assert found.get("cars").digest == declared.get("cars").digest
        assert open_catalogue(settings, contracts) is open_catalogue(settings)
    finally:
        database.close()
