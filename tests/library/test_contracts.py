"""Contracts leave as files of the standard and come back as the same listing; what is wrong with one is told."""

import json
from dataclasses import fields, replace
from pathlib import Path
from time import process_time
from typing import Any

import jsonschema_rs
import open_data_contract_standard
import pytest
import yaml

from hubtwin.base.errors import Absent, Malformed
from hubtwin.datasets.listing import Catalogue, LibraryKind, Listing, Trait, Unchecked
from hubtwin.datasets.table import Grade
from hubtwin.library.contracts import apply_contracts, number_of, propose
from hubtwin.library.district_entries import Bound, Told
from hubtwin.library.districts import read_district
from hubtwin.library.hub_listings import hub_catalogue
from hubtwin.library.odcs import TRAIT, block_of, compare, contract_of, write_contract
from hubtwin.library.odcs_read import listing_of, read_contract
from hubtwin.settings import find_data_dir

CATALOGUE = read_district(find_data_dir() / "districts" / "shangcheng", hub_catalogue())
TOLD = Told({each.name: Bound(each, None, {}, "", ()) for each in CATALOGUE.elements})
SCHEMA = json.loads((Path(open_data_contract_standard.__file__).parent / "schema.json").read_text(encoding="utf-8"))
STREET = "street_330102001"
NAMES = [
    each.name
    for each in CATALOGUE.listings
    if CATALOGUE.library_by_name[each.library].kind is not LibraryKind.STREET or each.library == STREET
]


def _changed(name: str, **top: Any) -> dict[str, Any]:
    return {**contract_of(CATALOGUE.get(name)), "version": "1.1.0", **top}


def _yaml(contract: dict[str, Any]) -> bytes:
    return str(yaml.safe_dump(contract, allow_unicode=True)).encode()


@pytest.mark.parametrize("name", NAMES)
def test_a_listing_leaves_as_a_contract_of_the_standard_and_comes_back_whole(name: str) -> None:
    listing = CATALOGUE.get(name)
    told = write_contract(listing, "Shangcheng")
    assert not list(jsonschema_rs.validator_for(SCHEMA).iter_errors(yaml.safe_load(told)))
    found, _ = listing_of(read_contract(told.encode()), listing, TOLD)
    assert found == listing
    assert compare(listing, found) == []


def test_every_field_of_a_listing_is_in_its_block() -> None:
    told: set[str] = set()
    for listing in CATALOGUE.listings:
        told |= block_of(listing).keys()
    told |= block_of(replace(CATALOGUE.listings[0], unchecked=(Unchecked("", "{}", "sql"),))).keys()
    assert {each.name for each in fields(Listing)} - {"dataset", "traits"} <= told
    kept = set(TRAIT) | {"required", "unique"}
    assert {each.name for each in fields(Trait)} == kept, "what is new of a column goes into its contract too"


def test_what_a_contract_changes_is_told_one_by_one() -> None:
    contract = _changed("residents")
    columns = contract["schema"][0]["properties"]
    columns[2]["classification"] = "L3"
    columns.append({"name": "nationality", "logicalType": "string", "classification": "L2", "businessName": "国籍"})
    columns[-1]["customProperties"] = [{"property": "hubtwin.reason", "value": {"zh": "个人信息", "en": "personal"}}]
    contract["slaProperties"][0]["value"] = 1440
    found = propose(_yaml(contract), "residents", CATALOGUE)
    assert {each.where for each in found.changes} == {
        "contract",
        "update_every_min",
        "columns.sex.grade",
        "columns.nationality",
    }
    change = next(each for each in found.changes if each.where == "columns.sex.grade")
    assert (change.before, change.after) == (2, 3)
    assert found.listing.dataset.by_name["nationality"].grade is Grade.L2
    assert found.listing.digest != CATALOGUE.get("residents").digest, "a grant for the old shape is suspended"
    assert found.breaking == ()


def test_a_contract_that_others_wrote_says_what_it_says_and_the_rest_stays() -> None:
    foreign = {
        "apiVersion": "v3.0.2",
        "kind": "DataContract",
        "id": "x",
        "version": "2.0.0",
        "status": "active",
        "schema": [
            {
                "name": "communities",
                "properties": [
                    {"name": "community_code", "logicalType": "string", "primaryKey": True, "required": True},
                    {"name": "name", "logicalType": "string", "classification": "L2"},
                    {"name": "street_code", "logicalType": "string"},
                    {"name": "confirmed_min", "logicalType": "integer"},
                ],
            }
        ],
        "slaProperties": [{"property": "frequency", "value": 2, "unit": "d"}],
    }
    found = propose(_yaml(foreign), "communities", CATALOGUE)
    listed = CATALOGUE.get("communities")
    assert found.listing.update_every_min == 2880
    assert found.listing.sharing is listed.sharing
    assert found.listing.about == listed.about
    assert found.listing.dataset.by_name["name"].grade is Grade.L2
    assert found.listing.trait("name").reason["en"] == "so classified by the contract"
    assert found.listing.dataset.by_name["confirmed_min"].type == "minute", "a name that is known keeps its type"
    assert found.breaking == ("households",)
    with pytest.raises(Malformed, match=r"at least 2\.0\.0"):
        propose(_yaml({**foreign, "version": "1.4.0"}), "communities", CATALOGUE)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"x" * (2 << 20), "contract_too_large"),
        (b"kind: [", "contract_not_yaml"),
        (b"\xff\xfe", "contract_not_yaml"),
        (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\nkind: DataContract", "contract_not_yaml"),
        (b"[" * 5_000, "contract_not_yaml"),
        (b"- " * 200 + b"x", "contract_not_yaml"),
        (b"kind: DataContract\nx: !!python/object/apply:os.system ['true']", "contract_not_yaml"),
        (b"[]", "contract_no_contract"),
        (b"kind: Pod\napiVersion: v3.1.0", "contract_no_contract"),
        (b"kind: DataContract\napiVersion: v2.2.2", "contract_version"),
        (b"kind: DataContract\napiVersion: v3.1.0\nfoo: 1", "contract_wrong"),
        (b"kind: DataContract\napiVersion: v3.1.0\nschema: 5", "contract_wrong"),
        (b"kind: DataContract\napiVersion: v3.1.0", "contract_objects"),
    ],
)
def test_what_is_no_contract_is_refused_with_a_reason(content: bytes, key: str) -> None:
    with pytest.raises(Malformed) as caught:
        propose(content, "residents", CATALOGUE)
    assert caught.value.key == f"library.{key}"


def _drop(contract: dict[str, Any]) -> None:
    contract["schema"][0]["properties"].pop()


def _retype(contract: dict[str, Any]) -> None:
    contract["schema"][0]["properties"][9]["logicalType"] = "integer"


def _ungrade(contract: dict[str, Any]) -> None:
    contract["schema"][0]["properties"].append({"name": "extra", "logicalType": "string"})


def _orphan(contract: dict[str, Any]) -> None:
    contract["schema"][0]["properties"][5]["relationships"][0]["to"] = "addresses.nothing"


def _disown(contract: dict[str, Any]) -> None:
    contract["team"]["members"][0]["username"] = "nobody"


def _inject(contract: dict[str, Any]) -> None:
    contract["schema"][0]["quality"][0]["customProperties"][2]["value"] = "true; DROP TABLE x"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop, "at least 2.0.0"),
        (_retype, "cannot change from string to int"),
        (_ungrade, "has no grade"),
        (_orphan, "addresses.nothing"),
        (_disown, "nobody"),
        (_inject, "birth_matches_id"),
        (lambda contract: contract.update(version="one"), "three numbers"),
        (lambda contract: contract.update(version="0.9.0"), "not above 1.0.0"),
        (lambda contract: contract["schema"][0].update(name="people"), "not of residents"),
    ],
)
def test_a_contract_that_cannot_be_published_is_refused(change: Any, message: str) -> None:
    contract = _changed("residents")
    change(contract)
    if message.startswith("not above"):
        contract["description"]["purpose"] = "another text"
    with pytest.raises(Malformed, match=message):
        propose(_yaml(contract), "residents", CATALOGUE)


def test_a_lower_grade_of_a_derived_dataset_is_refused_in_a_contract_too() -> None:
    contract = _changed(f"{STREET}_residents")
    contract["customProperties"] = [each for each in contract["customProperties"] if "lowered" not in each["property"]]
    with pytest.raises(Malformed, match="below L4 of its parent residents"):
        propose(_yaml(contract), f"{STREET}_residents", CATALOGUE)


def test_the_columns_of_the_hubs_own_datasets_are_not_for_a_contract_to_change() -> None:
    contract = _changed("risk_areas", version="1.0.0")
    contract["description"]["purpose"] = "areas at risk"
    assert propose(_yaml(contract), "risk_areas", CATALOGUE).listing.about["en"] == "areas at risk"
    contract["schema"][0]["properties"][0]["classification"] = "L2"
    with pytest.raises(Malformed, match="the hub's own"):
        propose(_yaml(contract), "risk_areas", CATALOGUE)


def test_a_dataset_that_is_not_listed_has_no_contract() -> None:
    with pytest.raises(Absent):
        propose(b"", "nothing", CATALOGUE)


def test_the_newest_published_contract_stands_in_the_place_of_the_listing() -> None:
    contents = [_yaml(_changed("penalties", version=v, tags=[v])) for v in ("1.9.0", "1.10.0", "1.2.0")]
    found = apply_contracts(CATALOGUE, {"penalties": contents, "gone": [b"whatever"]})
    assert found.get("penalties").keywords == ("1.10.0",)
    assert found.get("penalties").contract == "1.10.0"
    assert found.get("residents") is CATALOGUE.get("residents")
    ahead = _declared_ahead()
    assert apply_contracts(ahead, {"penalties": contents}) is ahead, "the folder has moved on"


def _declared_ahead() -> Catalogue:
    listings = tuple(
        replace(each, contract="3.0.0") if each.name == "penalties" else each for each in CATALOGUE.listings
    )
    return replace(CATALOGUE, listings=listings)


def test_a_version_is_three_numbers() -> None:
    assert number_of("1.10.0") > number_of("1.9.9") > number_of("")
    for wrong in ("1", "1.0", "01.0.0", "1.0.0-beta", "x", "1.0.0 ", "9999999.0.0"):
        with pytest.raises(Malformed):
            number_of(wrong)


def test_a_number_in_base_60_does_not_hold_the_hub() -> None:
    """400,000 characters of it took 17 s of the processor."""
    bomb = b"kind: DataContract\napiVersion: v3.0.2\nx: 1" + b":1" * 200_000
    begun = process_time()
    with pytest.raises(Malformed) as refused:
        read_contract(bomb)
    assert refused.value.key == "library.contract_not_yaml"
    assert process_time() - begun < 2
