"""What lies around a venue: roads, water and rails as lines with a width, blocks and greens as areas.

IMDF has no place for it, so it stands in our extension as a GeoJSON collection that other readers pass over.
"""

from collections.abc import Callable, Sequence
from typing import Any

from hubtwin.base.errors import Malformed
from hubtwin.rules.schematic.entry import Entry
from hubtwin.rules.schematic.plane import Plane
from hubtwin.rules.schematic.records import PUBLISHED, Ring, Spot, SurroundingPlan

LINES, AREAS = ("road", "water", "rail"), ("water", "rail", "block", "green")


def read_surrounding(entry: Entry, ring_of_entry: Callable[[Entry], Ring]) -> SurroundingPlan:
    """Return an entry of `[[surroundings]]`. Raises Malformed: a line of one point, an area of a road."""
    is_line = entry.has("path")
    kind = entry.choice("kind", LINES if is_line else AREAS)
    path: tuple[Spot, ...] = tuple((x, y) for x, y in entry.lists("path", 2)) if is_line else ()
    if is_line and len(set(path)) < 2:
        raise Malformed("rules.schematic.wrong", entry=f"{entry.where}.path", need="two points or more")
    return SurroundingPlan(
        code=entry.word("code"),
        kind=kind,
        name=entry.names("name") if entry.has("name") else None,
        path=path,
        width_m=entry.amount("width_m") if is_line else None,
        ring=() if is_line else ring_of_entry(entry),
        basis=entry.basis(),
    )


def draw_surroundings(
    plans: Sequence[SurroundingPlan], plane: Plane, id_of: Callable[[str, str], str]
) -> dict[str, Any]:
    """Return the GeoJSON collection of what lies around; `id_of(kind, code)` gives the id of an element."""
    return {"type": "FeatureCollection", "features": [_feature(plan, plane, id_of) for plan in plans]}


def _feature(plan: SurroundingPlan, plane: Plane, id_of: Callable[[str, str], str]) -> dict[str, Any]:
    told: dict[str, Any] = {"code": plan.code, "kind": plan.kind, "basis": plan.basis.kind}
    if plan.name:
        told["name"] = dict(plan.name)
    if plan.width_m is not None:
        told["width_m"] = plan.width_m
    if plan.basis.kind == PUBLISHED:
        told["source"] = plan.basis.source
    return {
        "type": "Feature",
        "id": id_of("surrounding", plan.code),
        "geometry": plane.line(plan.path) if plan.path else plane.polygon(plan.ring),
        "properties": told,
    }
