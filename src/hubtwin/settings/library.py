"""The block of hub.toml about the library: whose library the hub is part of, and the rule that it shares by."""

from collections.abc import Mapping
from typing import Any

from hubtwin.base.clock import DAY_MIN, HOUR_MIN
from hubtwin.rules.lanes import Limits
from hubtwin.settings.reading import Wrong, read_table, read_text, refuse_unknown

# entry of [library.terms] -> (field of the limits, minutes of one of it or 1, the least and the most)
TERMS: Mapping[str, tuple[str, int, int, int]] = {
    "automatic_days": ("automatic_min", DAY_MIN, 1, 365),
    "template_days": ("template_min", DAY_MIN, 1, 365),
    "emergency_hours": ("emergency_min", HOUR_MIN, 1, 7 * 24),
    "review_hours": ("review_min", HOUR_MIN, 1, 7 * 24),
    "near_end_days": ("near_end_min", DAY_MIN, 1, 90),
    "count_floor": ("count_floor", 1, 5, 10_000),
    "scale_rows": ("scale_rows", 1, 1_000, 2**31 - 1),
    "authority_days": ("authority_days", 1, 1, 60),
    "owner_days": ("owner_days", 1, 1, 60),
    "unpublished_days": ("unpublished_days", 1, 1, 60),
    "source_days": ("source_days", 1, 1, 60),
}
ORDERED = (("template_days", "automatic_days"), ("owner_days", "unpublished_days"))  # the first is not above the second


def read_district(told: Mapping[str, Any]) -> str:
    """Return the folder of the district: the name of a shipped one or a path; empty for the hub's own. Raises Wrong."""
    block = _block(told)
    return read_text({"library.district": block["district"]}, "library.district") if "district" in block else ""


def read_terms(told: Mapping[str, Any]) -> Limits:
    """Return how far the lanes go and how long people may take: what is shipped, changed by `[library.terms]`.

    Raises Wrong, naming the entry and its bounds.
    """
    prefix, block = "library.terms.", _block(told).get("terms", {})
    refuse_unknown(block, prefix, tuple(TERMS))
    given = {TERMS[name][0]: _whole(block[name], prefix, name) * TERMS[name][1] for name in block}
    limits = Limits(**given)
    for less, more in ORDERED:
        if getattr(limits, TERMS[less][0]) > getattr(limits, TERMS[more][0]):
            raise Wrong(prefix + less, "not_above", {"other": prefix + more})
    return limits


def shown_terms(limits: Limits) -> dict[str, int]:
    """Return limits as `[library.terms]` tells them, by the names of its entries."""
    return {name: getattr(limits, field) // unit for name, (field, unit, _, _) in TERMS.items()}


def _block(told: Mapping[str, Any]) -> Mapping[str, Any]:
    block = read_table(told, "library")
    refuse_unknown(block, "library.", ("district", "terms"))
    return block


def _whole(found: object, prefix: str, name: str) -> int:
    _, _, low, high = TERMS[name]
    if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
        raise Wrong(prefix + name, "between", {"low": low, "high": high})
    return found
