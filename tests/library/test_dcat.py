"""The catalogue in DCAT: every node that is referred to is there, what DCAT demands is told, and no row leaks."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hubtwin.datasets.listing import Sharing
from hubtwin.library.catalogue import Held
from hubtwin.library.dcat import CONTEXT, frequency_of, publish
from hubtwin.library.districts import read_district
from hubtwin.library.hub_listings import hub_catalogue
from hubtwin.settings import find_data_dir

NOW = datetime(2026, 11, 1, tzinfo=UTC)
BASE = "https://hub.example"
CATALOGUE = read_district(find_data_dir() / "districts" / "shangcheng", hub_catalogue())
HELD = {"residents": Held(10, 10, 1, 100, 29_800_000)}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return publish(CATALOGUE, BASE, HELD, NOW)


@pytest.fixture(scope="module")
def nodes(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["@id"]: node for node in told["@graph"]}


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _walk(each)
    elif isinstance(value, list):
        for each in value:
            yield from _walk(each)


def test_what_is_referred_to_below_the_hub_is_a_node(told: dict[str, Any], nodes: dict[str, Any]) -> None:
    free = {f"{BASE}/api/v1/openapi.json"}
    for part in _walk(told["@graph"]):
        target = part.get("@id", "")
        if (
            target.startswith(BASE)
            and "/contract" not in target
            and not target.startswith(f"{BASE}/api/v1/library/data/")
        ):
            assert target in nodes or target in free, target
    assert len(nodes) == len(told["@graph"]), "no node is told twice"


def test_every_word_belongs_to_a_vocabulary_of_the_context(told: dict[str, Any]) -> None:
    for part in _walk(told["@graph"]):
        for word in part:
            assert word.startswith("@") or word.partition(":")[0] in CONTEXT, word


def test_a_catalog_names_its_datasets_and_a_dataset_all_that_dcat_asks_for(nodes: dict[str, Any]) -> None:
    catalog = nodes[f"{BASE}/api/v1/library"]
    assert catalog["@type"] == "dcat:Catalog"
    assert len(catalog["dcat:dataset"]) == len(CATALOGUE.listings)
    assert len(catalog["dcat:catalog"]) == len(CATALOGUE.libraries)
    for listing in CATALOGUE.listings:
        node = nodes[f"{BASE}/api/v1/library/datasets/{listing.name}"]
        assert {each["@language"] for each in node["dct:title"]} == {"zh", "en"}
        assert nodes[node["dct:publisher"]["@id"]]["@type"] == "foaf:Organization"
        assert ("dcat:distribution" in node) == (listing.sharing is not Sharing.NOT_SHARED)
        assert len(node["csvw:tableSchema"]["csvw:column"]) == len(listing.dataset.columns)


def test_a_dataset_tells_rights_rhythm_version_lineage_and_place(nodes: dict[str, Any]) -> None:
    node = nodes[f"{BASE}/api/v1/library/datasets/street_330102014_residents"]
    assert node["dct:accessRights"]["@id"].endswith("/access-right/RESTRICTED")
    assert node["dct:accrualPeriodicity"]["@id"].endswith("/frequency/MONTHLY")
    assert node["dcat:version"] == "1.0.0"
    assert node["dct:conformsTo"]["@id"].endswith("/street_330102014_residents/contract")
    assert node["prov:wasDerivedFrom"] == [{"@id": f"{BASE}/api/v1/library/datasets/residents"}]
    assert node["dct:spatial"]["dct:identifier"] == "330102014"
    assert "dct:modified" not in node
    held = nodes[f"{BASE}/api/v1/library/datasets/residents"]
    assert held["dct:modified"]["@type"] == "xsd:dateTime"
    assert held["hubtwin:synthetic"] is True
    assert nodes[f"{BASE}/api/v1/library/datasets/bookings"]["dct:accessRights"]["@id"].endswith("NON_PUBLIC")


@pytest.mark.parametrize(
    ("every_min", "word"),
    [(1, "UPDATE_CONT"), (5, "HOURLY"), (1440, "DAILY"), (10080, "WEEKLY"), (525600, "ANNUAL"), (10**6, "OTHER")],
)
def test_an_interval_has_the_word_that_promises_no_more(every_min: int, word: str) -> None:
    assert frequency_of(every_min) == word
