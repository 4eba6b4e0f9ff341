"""Contracts of the Open Data Contract Standard, read: a bounded file, then the listing that it describes.

A contract of ours says everything. One that others wrote has none of our custom properties: what it does not say stays
as the listing has it. Nothing in a file is trusted: it is bounded, holds no anchors, and what it says is checked as if
it stood in the folder of the district.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, cast

import yaml
from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    Team,
)
from pydantic import ValidationError

from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Listing
from hubtwin.datasets.table import Grade
from hubtwin.library.declared import Entry
from hubtwin.library.district_entries import Told, read_listing
from hubtwin.library.odcs import DRAFT, LOGICAL, OURS, OWN, TRAIT, TYPE_OF, block_of, column_of
from hubtwin.library.odcs_quality import OPTIONS, plain_json, read_rules, split_options

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_BYTES, MOST_DEPTH, MOST_EVENTS = 1 << 20, 30, 100_000
MOST_DIGITS, _SIGNS = 100, "0123456789_:.+-"
_FOREIGN = {"zh": "合约如此分类", "en": "so classified by the contract"}
_DAYS_OF = ("graded_on", "review_on", "on")
_MINUTES = {"min": 1, "m": 1, "minutes": 1, "h": 60, "hours": 60, "d": 1440, "day": 1440, "days": 1440}
_DAYS = {"d": 1, "day": 1, "days": 1, "y": 365, "year": 365, "years": 365}
_PROMISES: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "frequency": ("update_every_min", _MINUTES),
    "retention": ("retain_days", _DAYS),
}


def read_contract(content: bytes) -> OpenDataContractStandard:
    """Return the contract that a file of YAML (or JSON) holds.

    Raises Malformed for a file that is too large, no YAML, full of aliases, or no contract of the standard.
    """
    if len(content) > MOST_BYTES:
        raise Malformed("library.contract_too_large", limit=MOST_BYTES)
    try:
        told = content.decode("utf-8-sig")
        _refuse_bombs(told)
        parsed = yaml.load(told, Loader=LOADER)  # noqa: S506 - a safe one
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Malformed("library.contract_not_yaml", problem=" ".join(str(error).split())[:300]) from error
    if not isinstance(parsed, dict) or parsed.get("kind") != "DataContract":
        raise Malformed("library.contract_no_contract")
    if not str(parsed.get("apiVersion", "")).startswith("v3."):
        raise Malformed("library.contract_version", found=str(parsed.get("apiVersion", "-"))[:40], known="v3")
    try:
        return OpenDataContractStandard(**_with_rules(parsed))
    except (ValidationError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "?"}
        where = ".".join(map(str, first["loc"]))
        raise Malformed("library.contract_wrong", where=where or "-", problem=first["msg"]) from error


def _with_rules(parsed: dict[str, Any]) -> dict[str, Any]:
    """Return a contract whose rules have their arguments where v3.1 has them: the reader knows no other place."""

    def of(block: Any) -> Any:
        if not isinstance(block, dict):
            return block
        found = dict(block)
        if isinstance(found.get("quality"), list):
            found["quality"] = [_with_arguments(each) if isinstance(each, dict) else each for each in found["quality"]]
        for inner in ("schema", "properties"):
            if isinstance(found.get(inner), list):
                found[inner] = [of(each) for each in found[inner]]
        return found

    return cast("dict[str, Any]", of(parsed))


def _with_arguments(item: dict[str, Any]) -> dict[str, Any]:
    loose = {name: value for name, value in item.items() if name not in DataQuality.model_fields}
    given = item.get("arguments")
    kept = {name: value for name, value in item.items() if name not in loose}
    return {**kept, "arguments": {**loose, **(given if isinstance(given, dict) else {})}} if loose else item


def _refuse_bombs(told: str) -> None:
    """Refuse anchors, of which a few lines can stand for more than a machine holds, and what is too deep or much.

    Long numbers too: YAML reads 1:1:1 in base 60, in a time that grows with the square of the digits.
    """
    depth = 0
    for count, event in enumerate(yaml.parse(told, Loader=LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        number = (
            isinstance(event, yaml.ScalarEvent) and len(event.value) > MOST_DIGITS and not event.value.strip(_SIGNS)
        )
        if isinstance(event, yaml.AliasEvent) or depth > MOST_DEPTH or count > MOST_EVENTS or number:
            raise yaml.YAMLError("anchors and aliases, or too deep, or too much")


def listing_of(contract: OpenDataContractStandard, listed: Listing, told: Told) -> tuple[Listing, Entry]:
    """Return the listing that a contract describes, and the entry that errors about it call it by.

    `listed` is what the catalogue says now. A contract of ours says everything; of what another one does not say,
    the listing stays as it is. Raises Malformed.
    """
    objects = contract.schema_ or []
    if len(objects) != 1 or not objects[0].properties:
        raise Malformed("library.contract_objects", found=len(objects))
    found = objects[0]
    if (found.name or contract.name) != listed.name:
        raise Malformed("library.contract_of_another", found=str(found.name or contract.name), dataset=listed.name)
    before, own = block_of(listed), _own(contract.customProperties)
    block = {name: value for name, value in before.items() if not own or name not in OWN}
    block |= {name: own[name] for name in OWN if name in own} | _head_from(contract, before, own)
    columns = {each["name"]: each for each in before["columns"]}
    properties = found.properties or []
    block["columns"] = [_column_from(each, columns.get(each.name or "", {})) for each in properties]
    placed = [(each.primaryKeyPosition or 0, n, each.name) for n, each in enumerate(properties) if each.primaryKey]
    block["key"] = [name for _, _, name in sorted(placed)] or before["key"]
    block["title"] = {
        "zh": found.businessName or before["title"]["zh"],
        "en": found.description or before["title"]["en"],
    }
    _read_quality(found, block, is_ours=bool(own))
    entry = Entry("contract", listed.name, {name: v for name, v in block.items() if v not in (None, "")})
    read = read_listing(entry, told, listed.library)
    return _same_shape(read, listed), entry


def _read_quality(found: SchemaObject, block: dict[str, Any], *, is_ours: bool) -> None:
    """Write into a block what the rules of a contract say: checks of ours, rules of others as far as ours say the same,
    and what is not checked. In a contract that others wrote the checks of the listing stay."""
    checks, rules = [], list[tuple[str, dict[str, Any]]]()
    for column, items in [("", found.quality), *((each.name or "", each.quality) for each in found.properties or [])]:
        for item in items or []:
            if "holds" in _own(item.customProperties):
                checks.append(_check_from(column, item))
            else:
                rules.append((column, item.model_dump(exclude_none=True)))
    kinds = {each["name"]: each.get("type", "") for each in block["columns"]}
    for each in found.properties or []:
        _, rest = split_options(each.logicalTypeOptions or {}, kinds.get(each.name, ""))
        rules += [(each.name or "", option) for option in rest]
    read = read_rules(rules, block["columns"], block["key"], {each["name"] for each in checks})
    block["columns"] = [{**each, **read.columns.get(each["name"], {})} for each in block["columns"]]
    if not is_ours:
        named = {each["name"] for each in (*checks, *read.checks)}
        checks = [*(each for each in block.get("checks", []) if each["name"] not in named), *checks]
    place = {"": -1} | {each["name"]: n for n, each in enumerate(block["columns"])}  # in the order of a file of ours
    checks = sorted([*checks, *read.checks], key=lambda each: place.get(column_of(each.get("metric", "")), -1))
    block["checks"] = checks
    block["unchecked"] = sorted(read.unchecked, key=lambda each: (place[each["column"]], OPTIONS in each["told"]))


def _head_from(contract: OpenDataContractStandard, before: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a block that stand in fields of the standard outside the schema."""
    is_draft = contract.status == "draft" and contract.version == DRAFT
    found: dict[str, Any] = {"contract": "" if is_draft else contract.version or ""}
    about = contract.description.purpose if contract.description else None
    found["about"] = {"zh": own.get("about_zh", before["about"]["zh"]), "en": about or before["about"]["en"]}
    if contract.tags is not None or own:
        found["keywords"] = list(contract.tags or [])
    if own:
        found |= {"steward": None, "update_every_min": None, "retain_days": None}
    for promise in contract.slaProperties or []:
        name, units = _PROMISES.get(promise.property or "", ("", {}))
        if name and isinstance(promise.value, int) and promise.unit in units:
            found[name] = promise.value * units[promise.unit or ""]
    members = contract.team.members if isinstance(contract.team, Team) else contract.team
    for member in members or []:
        if member.role in ("owner", "steward") and member.username:
            found[member.role] = member.username
    return found


def _column_from(told: SchemaProperty, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the block of a column: fields of the standard first, then ours, then what the listing says."""
    own = _own(told.customProperties)
    block = {name: before[name] for name in ("reason", "source", "mask", "same_as", "element") if name in before}
    block = {name: own[name] for name in TRAIT if name in own} if own else block
    kind = own.get("type") or TYPE_OF.get(told.logicalType or "", "")
    if not own and before.get("type") and LOGICAL[before["type"]][0] == told.logicalType:
        kind = before["type"]
    title = before.get("title", {})
    said = {} if own else before
    options, _ = split_options(told.logicalTypeOptions or {}, str(kind))
    target = next((each.to for each in told.relationships or [] if isinstance(each.to, str)), None)
    grade = told.classification or ""
    block |= {
        "name": told.name,
        "type": kind or told.logicalType,
        "title": {
            "zh": told.businessName or title.get("zh") or told.name,
            "en": told.description or title.get("en") or told.name,
        },
        "grade": int(grade[1]) if grade in Grade.__members__ else before.get("grade"),
        "required": bool(told.required or told.primaryKey) if told.required is not None else before.get("required"),
        "unique": told.unique if told.unique is not None else before.get("unique"),
        "refers_to": target or said.get("refers_to"),
        "values": [str(each.value) for each in told.enum] if told.enum else said.get("values"),
        "minimum": options.get("minimum", said.get("minimum")),
        "maximum": options.get("maximum", said.get("maximum")),
    }
    if not own and block["grade"] != before.get("grade"):
        block |= {"reason": _FOREIGN, "graded_by": "person"}
    return {name: value for name, value in block.items() if value is not None}


def _check_from(column: str, told: DataQuality) -> dict[str, Any]:
    own = _own(told.customProperties)
    title = {"zh": own.get("title_zh", told.name), "en": own.get("title_en", told.description or told.name)}
    block = {"name": own.get("name", told.name), "title": title, "colour": own.get("colour", "purple")}
    block["holds"] = own.get("holds", "")
    if told.metric or told.rule:
        item = told.model_dump(exclude_none=True)
        others = [each for each in item["customProperties"] if not str(each["property"]).startswith(OURS)]
        item |= {"column": column, "customProperties": others}
        block["metric"] = plain_json({name: value for name, value in item.items() if value != []})
    return block


def _own(properties: Sequence[CustomProperty] | None) -> dict[str, Any]:
    """Return what stands under `hubtwin.`, days as days."""
    found = {
        str(each.property).removeprefix(OURS): each.value
        for each in properties or []
        if str(each.property).startswith(OURS)
    }
    return {name: _dayed(name, value) for name, value in found.items()}


def _dayed(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {inner: _dayed(inner, each) for inner, each in value.items()}
    if name in _DAYS_OF and isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value  # which is refused as no day
    return value


def _same_shape(read: Listing, listed: Listing) -> Listing:
    """Return the listing with the declared shape where nothing but the nullable mark differs: a contract has none."""
    alike = tuple(replace(each, nullable=True) for each in read.dataset.columns)
    declared = tuple(replace(each, nullable=True) for each in listed.dataset.columns)
    named = [(each.name, each.zh, each.en, each.key) for each in (read.dataset, listed.dataset)]
    return replace(read, dataset=listed.dataset) if alike == declared and named[0] == named[1] else read
