"""Quality rules of contracts of others: those that ours say are checked, the others are told and leave again."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import jsonschema_rs
import open_data_contract_standard
import pytest
import yaml

from hubtwin.base.text import text
from hubtwin.datasets.listing import UNCHECKED, Listing
from hubtwin.library.contracts import propose
from hubtwin.library.district_entries import Bound, Told
from hubtwin.library.districts import read_district
from hubtwin.library.hub_listings import hub_catalogue
from hubtwin.library.odcs import compare, write_contract
from hubtwin.library.odcs_quality import OPTIONS, shown
from hubtwin.library.odcs_read import listing_of, read_contract
from hubtwin.rules.quality_rules import list_rules
from hubtwin.rules.quality_sql import Against, scan_sql
from hubtwin.settings import find_data_dir

CATALOGUE = read_district(find_data_dir() / "districts" / "shangcheng", hub_catalogue())
TOLD = Told({each.name: Bound(each, None, {}, "", ()) for each in CATALOGUE.elements})
SCHEMA = json.loads((Path(open_data_contract_standard.__file__).parent / "schema.json").read_text(encoding="utf-8"))
NAME = "communities"
COLUMNS = {"community_code": "string", "name": "string", "street_code": "string", "households": "integer"}
COLUMNS |= {"confirmed_min": "integer"}
NONE = {"mustBe": 0}


def _contract(
    rules: dict[str, list[dict[str, Any]]], options: dict[str, Any] | None = None, version: str = "2.0.0"
) -> bytes:
    """Return a contract of others: rules by column, "" for those of the dataset; options of `name`."""
    properties = []
    for name, kind in COLUMNS.items():
        block: dict[str, Any] = {"name": name, "logicalType": kind, "primaryKey": name == "community_code"}
        if name in rules:
            block["quality"] = rules[name]
        if options and name in options:
            block[OPTIONS] = options[name]
        properties.append(block)
    schema = {"name": NAME, "properties": properties, "quality": rules.get("", [])}
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "x", "version": version, "status": "active"}
    return str(yaml.safe_dump({**head, "schema": [schema]}, allow_unicode=True)).encode()


def _listing(
    rules: dict[str, list[dict[str, Any]]], options: dict[str, Any] | None = None, version: str = "2.0.0"
) -> Listing:
    return propose(_contract(rules, options, version), NAME, CATALOGUE).listing


@pytest.mark.parametrize(
    "rule",
    [
        {"metric": "nullValues", **NONE},
        {"type": "library", "metric": "nullValues", "mustBeLessOrEqualTo": 0, "unit": "percent"},
        {"metric": "missingValues", "arguments": {"missingValues": [None, "", " "]}, "mustBeLessThan": 1},
        {"metric": "nullValues", "mustBeBetween": [0, 0]},
        {"rule": "nullCheck", "type": "library"},
    ],
)
def test_what_must_not_be_missing_becomes_required(rule: dict[str, Any]) -> None:
    assert not CATALOGUE.get(NAME).trait("confirmed_min").required
    found = _listing({"confirmed_min": [rule]})
    assert found.trait("confirmed_min").required
    assert (found.unchecked, found.checks) == ((), ())


@pytest.mark.parametrize(
    "rules",
    [
        {"name": [{"metric": "duplicateValues", **NONE}]},
        {"name": [{"rule": "uniqueCheck"}]},
        {"": [{"metric": "duplicateValues", **NONE, "arguments": {"properties": ["name"]}}]},
        {"": [{"rule": "duplicateCount", **NONE, "properties": ["name"]}]},
    ],
)
def test_what_must_not_stand_twice_becomes_unique(rules: dict[str, Any]) -> None:
    found = _listing(rules)
    assert found.trait("name").unique
    assert found.unchecked == ()


def test_the_key_is_held_to_be_unique_anyway() -> None:
    rule = {"metric": "duplicateValues", **NONE, "arguments": {"properties": ["community_code"]}}
    found = _listing({"": [rule], "community_code": [{"metric": "duplicateValues", **NONE}]})
    assert not found.trait("community_code").unique
    assert (found.unchecked, found.checks) == ((), ())


def test_values_that_are_listed_are_those_of_the_column() -> None:
    wanted = {"metric": "invalidValues", **NONE, "arguments": {"validValues": ["a", "b", None]}}
    assert _listing({"name": [wanted]}).dataset.by_name["name"].values == ("a", "b")
    assert _listing({"name": [{"rule": "validValues", "validValues": ["a"]}]}).dataset.by_name["name"].values == ("a",)


ROWS: list[tuple[Any, ...]] = [
    ("c1", "AB12", "330102001", 10, None),
    ("c2", "n/a", "330102001", 7, None),
    ("c3", None, None, None, None),
    ("c4", "ab1", "x", 3, None),
    ("c5", "ZZ99", "330102002", 500, None),
]


def _failing(listing: Listing) -> dict[str, list[str]]:
    """Return the keys of the rows that fail each check, asked of the engine."""
    catalogue = CATALOGUE
    book = list_rules(listing, catalogue)
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE t (row_no BIGINT, community_code VARCHAR, name VARCHAR, street_code VARCHAR, households BIGINT,"
        " confirmed_min INTEGER)"
    )
    con.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", [(n, *row) for n, row in enumerate(ROWS)])
    stored = {name: kind for name, kind, *_ in con.execute("DESCRIBE t").fetchall()}
    failed = dict(con.execute(scan_sql(book, "t", Against(0, stored), catalogue, hashed=False)).fetchall())
    con.close()
    return {
        rule.name.removeprefix("check:"): [ROWS[n][0] for n, mask in sorted(failed.items()) if mask & rule.mask]
        for rule in book.rules
        if rule.name.startswith("check:")
    }


def test_checks_that_were_taken_over_find_the_rows_that_fail() -> None:
    pattern = {"metric": "invalidValues", **NONE, "arguments": {"pattern": r"^[A-Z]{2}\d{2}$"}}
    missing = {"metric": "missingValues", **NONE, "arguments": {"missingValues": ["n/a"]}}
    listed = {"metric": "invalidValues", **NONE, "arguments": {"validValues": [3, 7, 10]}}
    both = {"metric": "invalidValues", **NONE, "arguments": {"validValues": ["x", "330102001"], "pattern": "^3"}}
    found = _listing({"name": [pattern, missing], "households": [listed], "street_code": [both]})
    assert found.unchecked == ()
    assert _failing(found) == {
        "name_valid": ["c2", "c4"],
        "name_present": ["c2"],
        "households_valid": ["c5"],
        "street_code_valid": ["c4", "c5"],
    }
    assert {check.colour.name for check in found.checks} == {"RED", "ORANGE"}


def test_options_of_a_type_are_checked_too() -> None:
    options = {
        "name": {"minLength": 4, "maxLength": 4, "pattern": "^[A-Z]", "format": "uuid"},
        "households": {"exclusiveMinimum": 3, "exclusiveMaximum": 500, "multipleOf": 5, "minimum": 0},
    }
    found = _listing({}, options)
    assert found.dataset.by_name["households"].minimum == 0
    assert _failing(found) == {
        "name_shortest": ["c2", "c4"],
        "name_longest": [],
        "name_pattern": ["c2", "c4"],
        "households_above": ["c4"],
        "households_below": ["c5"],
        "households_multiple": ["c2", "c4"],
    }
    assert [(each.column, each.why) for each in found.unchecked] == [("name", "option")]
    once = _listing({}, {"households": {"minimum": 3, "exclusiveMinimum": True}})
    assert (once.dataset.by_name["households"].minimum, _failing(once)) == (0.0, {"households_above": ["c4"]})


UNSAID: list[tuple[str, dict[str, Any], str]] = [
    ("name", {"type": "sql", "query": "SELECT count(*) FROM {object}", **NONE}, "sql"),
    ("name", {"type": "text", "description": "verified by the source"}, "text"),
    ("", {"type": "custom", "engine": "soda", "implementation": "type: duplicate_percent"}, "custom"),
    ("", {"metric": "rowCount", "mustBeBetween": [100, 120]}, "rows"),
    ("name", {"metric": "nullValues", "mustBeLessThan": 1, "unit": "percent"}, "tolerance"),
    ("name", {"metric": "nullValues", "mustBeLessThan": 5}, "tolerance"),
    ("name", {"metric": "nullValues", "mustBeGreaterThan": 0}, "tolerance"),
    ("name", {"rule": "duplicateCount"}, "tolerance"),
    ("name", {"metric": "freshness", **NONE}, "metric"),
    ("", {"metric": "nullValues", **NONE}, "columns"),
    ("", {"metric": "duplicateValues", **NONE, "arguments": {"properties": ["name", "street_code"]}}, "columns"),
    ("", {"metric": "duplicateValues", **NONE, "arguments": {"properties": ["nothing"]}}, "columns"),
    ("name", {"metric": "invalidValues", **NONE, "arguments": {"pattern": "(?=x)"}}, "pattern"),
    ("name", {"metric": "invalidValues", **NONE, "arguments": {"pattern": "(" * 40}}, "pattern"),
    ("name", {"metric": "invalidValues", **NONE, "arguments": {"pattern": "x" * 501}}, "pattern"),
    ("households", {"metric": "invalidValues", **NONE, "arguments": {"pattern": "1"}}, "pattern"),
    ("households", {"metric": "invalidValues", **NONE, "arguments": {"validValues": ["many"]}}, "values"),
    ("households", {"metric": "invalidValues", **NONE, "arguments": {"validValues": list(range(300))}}, "condition"),
    ("name", {"metric": "invalidValues", **NONE}, "values"),
    ("name", {"metric": "invalidValues", **NONE, "arguments": {"pattern": "a;b"}}, "condition"),
]


@pytest.mark.parametrize(("column", "rule", "why"), UNSAID)
def test_what_ours_do_not_say_is_kept_with_the_reason_and_never_run(
    column: str, rule: dict[str, Any], why: str
) -> None:
    found = _listing({column: [rule]})
    (one,) = found.unchecked
    assert (one.column, one.why, found.checks) == (column, why, ())
    assert json.loads(one.told) == rule
    assert len(shown(one.told)) <= 200
    assert text(f"library.unchecked_{why}", "zh") != text(f"library.unchecked_{why}", "en")
    changes = propose(_contract({column: [rule]}), NAME, CATALOGUE).changes
    assert "unchecked" in [change.where for change in changes]


def test_every_reason_has_its_words_and_comes_up() -> None:
    assert {why for *_, why in UNSAID} | {"option"} == set(UNCHECKED)


def test_a_contract_with_rules_of_others_leaves_and_comes_back_whole() -> None:
    """Out of others' file, into ours, and again: nothing of a rule is lost, and our file is one of the standard."""
    rules: dict[str, list[dict[str, Any]]] = {}
    for column, rule, _ in UNSAID:
        rules.setdefault(column, []).append(rule)
    rules["name"] += [
        {"metric": "invalidValues", **NONE, "arguments": {"pattern": "^[^']+'?$"}, "description": "a name", "id": "q1"},
        {"metric": "missingValues", **NONE, "arguments": {"missingValues": ["n/a", None]}, "severity": "error"},
        {"metric": "invalidValues", **NONE, "arguments": {"validValues": ["a"]}},
        {"metric": "invalidValues", **NONE, "arguments": {"pattern": "b"}, "name": "second"},
    ]
    rules["name"][-1]["customProperties"] = [{"property": "ours.not", "value": 1}]
    options = {"name": {"maxLength": 9, "format": "uuid"}, "households": {"multipleOf": 5}}
    first = _listing(rules, options)
    told = write_contract(first, "Shangcheng")
    parsed = yaml.safe_load(told)
    again, _ = listing_of(read_contract(told.encode()), CATALOGUE.get(NAME), TOLD)
    assert again == first
    assert compare(first, again) == []
    assert len(first.unchecked) == len(UNSAID) + 1
    by_name = {each["name"]: each for each in parsed["schema"][0]["properties"]}
    assert by_name["name"][OPTIONS] == {"format": "uuid"}
    left = by_name["name"]["quality"]
    for column, rule, _ in UNSAID:
        assert rule in (by_name[column]["quality"] if column else parsed["schema"][0]["quality"]), rule
    taken = next(each for each in left if each.get("id") == "q1")
    assert (taken["metric"], taken["arguments"], taken["mustBe"]) == ("invalidValues", {"pattern": "^[^']+'?$"}, 0)
    assert not [
        problem
        for problem in jsonschema_rs.validator_for(SCHEMA).iter_errors(parsed)
        if "quality" not in [str(part) for part in problem.instance_path]
    ]


def test_a_later_contract_of_others_replaces_its_own_rules_and_leaves_those_of_the_listing() -> None:
    pattern = {"metric": "invalidValues", **NONE, "arguments": {"pattern": "^a"}}
    content = _contract({"name": [pattern, {"type": "text", "description": "x"}]})
    first = propose(content, NAME, CATALOGUE)
    listings = tuple(first.listing if each.name == NAME else each for each in CATALOGUE.listings)
    catalogue = replace(CATALOGUE, listings=listings)
    pattern["arguments"] = {"pattern": "^b"}
    later = propose(_contract({"name": [pattern]}, version="3.0.0"), NAME, catalogue).listing
    assert [(each.name, "'^b'" in each.holds) for each in later.checks] == [("name_valid", True)]
    assert later.unchecked == ()
    residents = CATALOGUE.get("residents")
    ours = yaml.safe_load(write_contract(residents))
    ours["version"] = "1.1.0"
    ours["schema"][0]["quality"].append({"metric": "rowCount", "mustBeGreaterThan": 1})
    found = propose(yaml.safe_dump(ours, allow_unicode=True).encode(), "residents", CATALOGUE).listing
    assert found.checks == residents.checks
    assert [each.why for each in found.unchecked] == ["rows"]
