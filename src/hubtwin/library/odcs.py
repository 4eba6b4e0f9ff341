"""Contracts of datasets as files of the Open Data Contract Standard (ODCS 3, bitol.io): out of a listing and back.

What the standard has a field for stands there, so that other tools read it; what is ours stands beside it in
`customProperties` under `hubtwin.`, so that nothing is lost on the way. `hubtwin.library.odcs_read` is the way back.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from hubtwin.datasets.listing import Check, Listing, Trait
from hubtwin.datasets.table import Column, ColumnType
from hubtwin.library.odcs_quality import OPTIONS

API_VERSION = "v3.2.0"
OURS, DRAFT = "hubtwin.", "0.0.0"
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
LOGICAL: Mapping[ColumnType, tuple[str, str]] = {  # logical type of the standard, type in the stored Parquet file
    "string": ("string", "VARCHAR"),
    "int": ("integer", "BIGINT"),
    "float": ("number", "DOUBLE"),
    "bool": ("boolean", "BOOLEAN"),
    "date": ("date", "DATE"),
    "minute": ("integer", "INTEGER"),
    "second": ("integer", "BIGINT"),
    "pid": ("string", "VARCHAR"),
}
TYPE_OF: Mapping[str, ColumnType] = {
    "string": "string",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "date": "date",
}
TRAIT = ("element", "reason", "source", "graded_by", "graded_on", "review_on", "mask", "same_as", "refers_to")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a contract says otherwise than the listing. `where` is a field, or `columns.NAME.FIELD`."""

    where: str
    before: Any
    after: Any


def block_of(listing: Listing) -> dict[str, Any]:
    """Return a listing as the block of TOML that declares it, everything written out."""
    block: dict[str, Any] = {
        "name": listing.name,
        "title": {"zh": listing.dataset.zh, "en": listing.dataset.en},
        "key": list(listing.dataset.key),
        "columns": [_column_block(each, listing.trait(each.name)) for each in listing.dataset.columns],
        "checks": [_check_block(each) for each in listing.checks],
        "unchecked": [{"column": each.column, "told": each.told, "why": each.why} for each in listing.unchecked],
        "about": dict(listing.about),
    }
    for name in (
        "library",
        "owner",
        "sharing",
        "steward",
        "contract",
        "confirmed_column",
        "street_column",
        "ends_with",
    ):
        block[name] = str(getattr(listing, name))
    for name in ("purposes", "parents", "keywords"):
        block[name] = list(getattr(listing, name))
    for name in ("update_every_min", "retain_days"):
        block[name] = getattr(listing, name)
    if listing.lowered is not None:
        block["lowered"] = {"by": listing.lowered.by, "on": listing.lowered.on, **listing.lowered.reason}
    return {name: value for name, value in block.items() if value not in (None, "", [])}


def _column_block(column: Column, trait: Trait) -> dict[str, Any]:
    block = {
        "name": column.name,
        "type": column.type,
        "title": {"zh": column.zh, "en": column.en},
        "grade": int(column.grade),
        "values": list(column.values),
        "minimum": column.minimum,
        "maximum": column.maximum,
        "required": trait.required,
        "unique": trait.unique or None,
        **{name: getattr(trait, name) for name in TRAIT},
    }
    return {name: dict(v) if isinstance(v, Mapping) else v for name, v in block.items() if v not in (None, "", [], {})}


def _check_block(check: Check) -> dict[str, Any]:
    block = {"name": check.name, "title": dict(check.title), "colour": check.colour.name.lower(), "holds": check.holds}
    return {**block, "metric": check.metric} if check.metric else block


def write_contract(listing: Listing, tenant: str = "") -> str:
    """Return the contract of a listing as YAML."""
    return str(yaml.dump(contract_of(listing, tenant), Dumper=DUMPER, sort_keys=False, allow_unicode=True, width=120))


def contract_of(listing: Listing, tenant: str = "") -> dict[str, Any]:
    """Return the contract of a listing. `tenant` is the district or hub it belongs to."""
    block = block_of(listing)
    told: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": f"urn:hubtwin:dataset:{listing.name}",
        "name": listing.name,
        "version": listing.contract or DRAFT,
        "status": "active" if listing.contract else "draft",
        "domain": listing.library,
        "tenant": tenant,
        "tags": list(listing.keywords),
        "description": {"purpose": listing.about["en"], "usage": ", ".join(listing.purposes)},
        "schema": [_object_of(listing, block)],
        "team": {"name": listing.owner, "members": _members(listing)},
        "slaProperties": _promises(listing),
        "customProperties": _ours(
            {**{name: block[name] for name in OWN if name in block}, "about_zh": listing.about["zh"]}
        ),
    }
    return {name: value for name, value in told.items() if value not in (None, "", [])}


# what the standard has no field for, and a file of ours says under `hubtwin.`
OWN = ("sharing", "purposes", "confirmed_column", "street_column", "ends_with", "parents", "lowered")


def _ours(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"property": OURS + name, "value": _plain(value)} for name, value in told.items()]


def _plain(value: Any) -> Any:
    """Return a value as JSON and YAML both carry it: days as text."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return value.isoformat() if hasattr(value, "isoformat") else value


def _members(listing: Listing) -> list[dict[str, str]]:
    found = [{"username": listing.owner, "role": "owner"}]
    return [*found, {"username": listing.steward, "role": "steward"}] if listing.steward else found


def _promises(listing: Listing) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if listing.update_every_min is not None:
        element = f"{listing.name}.{listing.confirmed_column}" if listing.confirmed_column else listing.name
        found.append({"property": "frequency", "value": listing.update_every_min, "unit": "min", "element": element})
    if listing.retain_days is not None:
        found.append({"property": "retention", "value": listing.retain_days, "unit": "d", "element": listing.name})
    return found


def _object_of(listing: Listing, block: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": listing.name,
        "logicalType": "object",
        "physicalType": "table",
        "businessName": listing.dataset.zh,
        "description": listing.dataset.en,
        "properties": [
            _property_of(each, listing, told)
            for each, told in zip(listing.dataset.columns, block["columns"], strict=True)
        ],
    }
    if rules := _rules_of(listing, ""):
        found["quality"] = rules
    return found


def _rules_of(listing: Listing, column: str) -> list[dict[str, Any]]:
    """Return the rules that stand at a column, or at the whole dataset (""), ours first, then those nobody checks."""
    found = [_rule_of(listing, check) for check in listing.checks if column_of(check.metric) == column]
    told = [json.loads(each.told) for each in listing.unchecked if each.column == column]
    return found + [each for each in told if OPTIONS not in each]


def column_of(metric: str) -> str:
    """Return the column that a metric of a check stands at, "" for none."""
    return str(json.loads(metric)["column"]) if metric else ""


def _rule_of(listing: Listing, check: Check) -> dict[str, Any]:
    """Return a check as a rule of the standard: the metric that it came as, else a query for other engines."""
    if check.metric:
        told = {name: value for name, value in json.loads(check.metric).items() if name != "column"}
        title = {f"title_{lang}": words for lang, words in check.title.items()}
        own = _ours({"name": check.name, **title, "colour": check.colour.name.lower(), "holds": check.holds})
        return {**told, "customProperties": [*told.get("customProperties", []), *own]}
    return {
        "name": check.name,
        "description": check.title["en"],
        "type": "sql",
        "query": f"SELECT count(*) FROM {listing.name} WHERE NOT ({check.holds})",  # noqa: S608 - for others
        "mustBe": 0,
        "customProperties": _ours(
            {"title_zh": check.title["zh"], "colour": check.colour.name.lower(), "holds": check.holds}
        ),
    }


def _property_of(column: Column, listing: Listing, told: Mapping[str, Any]) -> dict[str, Any]:
    logical, physical = LOGICAL[column.type]
    bounds = {"minimum": column.minimum, "maximum": column.maximum}
    key = listing.dataset.key
    kept = [name for name in TRAIT if name != "refers_to"]
    if TYPE_OF[logical] != column.type:
        kept.insert(0, "type")
    found: dict[str, Any] = {
        "name": column.name,
        "logicalType": logical,
        "physicalType": physical,
        "businessName": column.zh,
        "description": column.en,
        "classification": column.grade.name,
        "required": bool(told.get("required", False)),
        "unique": told.get("unique"),
        "primaryKey": column.name in key,
        "primaryKeyPosition": key.index(column.name) + 1 if column.name in key else None,
        OPTIONS: {name: value for name, value in bounds.items() if value is not None} | _options_of(listing, column),
        "enum": [{"value": value} for value in column.values],
        "relationships": [{"type": "foreignKey", "to": told["refers_to"]}] if "refers_to" in told else None,
        "customProperties": _ours({name: told[name] for name in kept if name in told}),
        "quality": _rules_of(listing, column.name),
    }
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def _options_of(listing: Listing, column: Column) -> dict[str, Any]:
    """Return the options of a type that nobody checks."""
    told = [json.loads(each.told) for each in listing.unchecked if each.column == column.name]
    return {name: value for each in told for name, value in each.get(OPTIONS, {}).items()}


def compare(before: Listing, after: Listing) -> list[Change]:
    """Return what a listing says otherwise than another, field by field and column by column."""
    old, new = block_of(before), block_of(after)
    columns = [{each["name"]: each for each in block.pop("columns")} for block in (old, new)]
    checks = [{each["name"]: each for each in block.pop("checks", [])} for block in (old, new)]
    found = [Change(name, old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)]
    for kind, (was, now) in (("columns", columns), ("checks", checks)):
        for name in {**was, **now}:
            if name not in was or name not in now:
                found.append(Change(f"{kind}.{name}", was.get(name), now.get(name)))
                continue
            fields = {**was[name], **now[name]}
            found += [
                Change(f"{kind}.{name}.{each}", was[name].get(each), now[name].get(each))
                for each in fields
                if was[name].get(each) != now[name].get(each)
            ]
    if list(columns[0]) != list(columns[1]) and set(columns[0]) == set(columns[1]):
        found.append(Change("columns", list(columns[0]), list(columns[1])))
    return found
