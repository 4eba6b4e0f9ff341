"""The walking graph of a venue in the making: nodes, and what each edge costs and belongs to.

Nodes are openings, the points of units, inner corners, and the ends of links; a lift has a cabin node at each landing,
so that who rides over several storeys waits once. An opening that a directed traversal of IMDF names is passed in its
direction only.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from math import hypot
from typing import Any

import shapely

from hubtwin.model.venue import Link, LinkKind, Opening, Placed, Point, Unit, Venue
from hubtwin.rules.venue_shapes import Plane
from hubtwin.rules.walking_floor import Floor
from hubtwin.rules.walking_speeds import get_figures, is_step_free, link_length_m, link_s, walk_s

TOUCH_M = 0.05  # an opening that is this near to a unit lies on its edge


@dataclass(frozen=True, slots=True)
class Node:
    """A point of the graph. `feature_id` is empty for a corner; `at` is on the plane of the venue, in metres."""

    feature_id: str
    level_id: str
    at: Point


@dataclass(frozen=True, slots=True)
class Edge:
    """A step from node to node. `owner_id` is the unit or link that it belongs to: closed with it."""

    start: int
    end: int
    seconds: float
    length_m: float
    by: LinkKind
    owner_id: str
    step_free: bool


@dataclass
class Plan:
    """A graph in the making. `floors` and `terminals` by unit: its free floor and the nodes on it."""

    venue: Venue
    plane: Plane
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    floors: dict[str, Floor] = field(default_factory=dict)
    terminals: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    corners: dict[str, list[int]] = field(default_factory=dict)
    touching: dict[str, tuple[str, ...]] = field(default_factory=dict)  # opening -> its units
    cabins: dict[str, int] = field(default_factory=dict)  # unit of a lift at a landing -> its cabin there
    boarded: set[tuple[int, int]] = field(default_factory=set)
    one_way: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    @cached_property
    def categories(self) -> dict[str, str]:
        """Return the category of each unit."""
        return {unit.feature_id: unit.category for unit in self.venue.units}

    @cached_property
    def spaces(self) -> dict[str, Any]:
        """Return the area of each unit on the plane, with what stands in it."""
        return {unit.feature_id: _valid(self.plane.draw(unit.shape)) for unit in self.venue.units}

    @cached_property
    def elevations(self) -> dict[str, float]:
        """Return the height of each level."""
        return {level.feature_id: level.elevation_m for level in self.venue.levels}

    def add(self, node: Node, *, place: bool = False) -> int:
        """Add a node, as a named place if asked; return its number."""
        self.nodes.append(node)
        if place:
            self.places[node.feature_id] = len(self.nodes) - 1
        return len(self.nodes) - 1


def is_walkable(unit: Unit) -> bool:
    """Return whether anybody walks in a unit of this category."""
    return unit.category not in get_figures()["units"]["blocked"]


def is_for_walkers(opening: Opening) -> bool:
    """Return whether an opening is for people on foot."""
    return opening.category not in get_figures()["openings"]["blocked"]


def plan_graph(venue: Venue) -> Plan:
    """Return nodes and edges of the walking graph of a venue."""
    plan = Plan(venue, Plane(*venue.point))
    _add_floors(plan)
    _add_openings(plan)
    _add_passages(plan)
    for link in venue.links:
        if not _is_passage(plan, link):
            _add_link(plan, link)
    for unit_id, floor in plan.floors.items():
        _walk_inside(plan, unit_id, floor)
    return plan


def find_inside(floor: Any, point: Point | None) -> Point:
    """Return the point of a unit if it is on its floor, else one that surely is."""
    if point is not None and floor.covers(shapely.Point(point)):
        return point
    sure = floor.representative_point()
    return sure.x, sure.y


def _add_floors(plan: Plan) -> None:
    obstacles: dict[str, list[Any]] = defaultdict(list)
    blocked = [unit for unit in plan.venue.units if not is_walkable(unit)]
    figures = get_figures()["fixtures"]
    standing = [each for each in plan.venue.fixtures if each.category not in figures["overhead"]]
    placed: Iterable[Placed] = (*standing, *plan.venue.kiosks, *blocked)
    for thing in placed:
        drawn = _valid(plan.plane.draw(thing.shape))
        if drawn.area >= figures["smallest_m2"] or isinstance(thing, Unit):
            obstacles[thing.level_id].append(drawn)
    trees = {level: (shapely.STRtree(shapes), shapes) for level, shapes in obstacles.items()}
    for unit in plan.venue.units:
        if not is_walkable(unit):
            continue
        space = plan.spaces[unit.feature_id]
        tree, shapes = trees.get(unit.level_id, (None, []))
        inside = [shapes[i] for i in tree.query(space, predicate="intersects")] if tree is not None else []
        floor = Floor(space.difference(shapely.union_all(inside)) if inside else space)
        if not floor.is_open:
            continue
        plan.floors[unit.feature_id] = floor
        told = plan.plane.to_metres(unit.point) if unit.point else None
        node = plan.add(Node(unit.feature_id, unit.level_id, find_inside(floor.space, told)), place=True)
        plan.terminals[unit.feature_id].append(node)


def _valid(drawn: Any) -> Any:
    return drawn if drawn.is_valid else shapely.make_valid(drawn)


def _add_openings(plan: Plan) -> None:
    """An opening joins the units that it touches: all of which it lies on the edge, else the two nearest in reach."""
    by_level: dict[str, list[str]] = defaultdict(list)
    levels = {unit.feature_id: unit.level_id for unit in plan.venue.units}
    for unit_id in plan.floors:
        by_level[levels[unit_id]].append(unit_id)
    spaces = plan.spaces
    trees = {level: shapely.STRtree([spaces[each] for each in ids]) for level, ids in by_level.items()}
    reach = float(get_figures()["openings"]["reach_m"])
    for opening in plan.venue.openings:
        if not is_for_walkers(opening):
            continue
        middle = plan.plane.draw(opening.shape).interpolate(0.5, normalized=True)
        node = plan.add(Node(opening.feature_id, opening.level_id, (middle.x, middle.y)), place=True)
        ids, tree = by_level.get(opening.level_id, []), trees.get(opening.level_id)
        near = [ids[i] for i in tree.query(middle, predicate="dwithin", distance=reach)] if tree is not None else []
        ranked = sorted((spaces[each].distance(middle), each) for each in near)
        units = tuple(each for place, (away, each) in enumerate(ranked) if away <= TOUCH_M or place < 2)
        plan.touching[opening.feature_id] = units
        for unit_id in units:
            plan.terminals[unit_id].append(node)


def _is_passage(plan: Plan, link: Link) -> bool:
    """Return whether a link only says how openings are passed: a traversal from unit to unit through them."""
    return link.kind is LinkKind.WALK and any(each in plan.touching for each in link.through_ids)


def _add_passages(plan: Plan) -> None:
    free: set[str] = set()
    for link in plan.venue.links:
        if not _is_passage(plan, link):
            continue
        for opening_id in (each for each in link.through_ids if each in plan.touching):
            node = plan.places[opening_id]
            for unit_id in (link.origin_id, link.destination_id):
                if unit_id in plan.floors and node not in plan.terminals[unit_id]:
                    plan.terminals[unit_id].append(node)
                    plan.touching[opening_id] += (unit_id,)
            plan.one_way.setdefault(opening_id, set()).add((link.origin_id, link.destination_id))
            if link.both:
                free.add(opening_id)
    for opening_id in free:
        plan.one_way.pop(opening_id)


def _add_link(plan: Plan, link: Link) -> None:
    """Add a link with both its ends; one whose ends are not both in the graph is left out, and the check tells."""
    start, end = _end(plan, link, 0), _end(plan, link, -1)
    if start is None or end is None:
        return
    rise = plan.elevations[plan.nodes[end].level_id] - plan.elevations[plan.nodes[start].level_id]
    length = link.length_m
    if length is None:
        (ax, ay), (bx, by) = plan.nodes[start].at, plan.nodes[end].at
        length = link_length_m(link.kind, hypot(ax - bx, ay - by), rise)
    bodies = [_enter_body(plan, link, place, node) for place, node in ((0, start), (-1, end))]
    if link.kind is LinkKind.ELEVATOR:
        start, end = _cabin(plan, start, bodies[0]), _cabin(plan, end, bodies[1])
    ways = [(start, end, rise), (end, start, -rise)] if link.both else [(start, end, rise)]
    for a, b, up in ways:
        seconds = abs(up) / get_figures()["elevator"]["speed_m_per_s"]
        if link.kind is not LinkKind.ELEVATOR:
            seconds = link_s(link.kind, length, up)
        plan.edges.append(Edge(a, b, seconds, length, link.kind, link.feature_id, is_step_free(link.kind)))


def _enter_body(plan: Plan, link: Link, place: int, node: int) -> str:
    """Join the end of a link to the unit of its stair or cabin on that level, so that it is a place too.

    Return whose cabin a lift has there: that of a unit of the category elevator, else one of its own.
    """
    end_id = link.origin_id if place == 0 else link.destination_id
    level_id = plan.nodes[node].level_id
    passed = [each for each in link.through_ids if each in plan.floors]
    body = passed[place] if passed and plan.nodes[plan.places[passed[place]]].level_id == level_id else None
    if body is not None and body != end_id:
        inside = plan.places[body]
        (ax, ay), (bx, by) = plan.nodes[node].at, plan.nodes[inside].at
        length = hypot(ax - bx, ay - by)
        for a, b in ((node, inside), (inside, node)):
            step_free = is_step_free(link.kind)
            plan.edges.append(Edge(a, b, walk_s(length), length, LinkKind.WALK, body, step_free))
    cabins = (each for each in (end_id, body) if each and plan.categories.get(each) == "elevator")
    return next(cabins, f"{link.feature_id}@{end_id}")


def _cabin(plan: Plan, landing: int, key: str) -> int:
    """Return the cabin at a landing; who boards waits, who leaves does not."""
    spot = plan.nodes[landing]
    if key not in plan.cabins:
        plan.cabins[key] = plan.add(Node("", spot.level_id, spot.at))
    cabin, figures = plan.cabins[key], get_figures()["elevator"]
    if (landing, cabin) not in plan.boarded:
        plan.boarded.add((landing, cabin))
        wait = float(figures["wait_s"] + figures["doors_s"])
        owner = key.partition("@")[0]
        plan.edges.append(Edge(landing, cabin, wait, 0.0, LinkKind.ELEVATOR, owner, True))
        plan.edges.append(Edge(cabin, landing, 0.0, 0.0, LinkKind.ELEVATOR, owner, True))
    return cabin


def _end(plan: Plan, link: Link, place: int) -> int | None:
    """Return the node at an end of a link: the opening that it names, or a point of the unit that it names.

    The point is where the geometry of the link begins or ends, else the nearest to what it passes, else the unit's.
    """
    feature_id = link.origin_id if place == 0 else link.destination_id
    known = plan.places.get(feature_id)
    floor = plan.floors.get(feature_id)
    if known is None or floor is None:
        return known
    at = _hint(plan, link, place)
    if at is None:
        return known
    node = plan.add(Node("", plan.nodes[known].level_id, floor.place(at)))
    plan.terminals[feature_id].append(node)
    return node


def _hint(plan: Plan, link: Link, place: int) -> Point | None:
    if link.shape is not None and link.shape.kind == "LineString":
        return plan.plane.to_metres(link.shape.coordinates[place])
    passed = [plan.places[each] for each in link.through_ids if each in plan.places]
    return plan.nodes[passed[place]].at if passed else None


def _walk_inside(plan: Plan, unit_id: str, floor: Floor) -> None:
    terminals = plan.terminals[unit_id]
    level_id = plan.nodes[terminals[0]].level_id
    plan.corners[unit_id] = [plan.add(Node("", level_id, at)) for at in floor.corners]
    ends = [*terminals, *plan.corners[unit_id]]
    spots = [floor.place(plan.nodes[each].at) for each in terminals]
    step_free = plan.categories[unit_id] not in get_figures()["units"]["steps"]
    for i, j, length in floor.pairs(spots):
        a, b = ends[i], ends[j]
        for start, end in ((a, b), (b, a)):
            if _may_walk(plan, start, end, unit_id):
                plan.edges.append(Edge(start, end, walk_s(length), length, LinkKind.WALK, unit_id, step_free))


def _may_walk(plan: Plan, start: int, end: int, unit_id: str) -> bool:
    """Return whether one walks in a unit from node to node: out of an opening that lets in, into one that lets out."""
    if not plan.one_way:
        return True
    into = plan.one_way.get(plan.nodes[start].feature_id)
    out = plan.one_way.get(plan.nodes[end].feature_id)
    may_leave = into is None or any(unit == unit_id for _, unit in into)
    return may_leave and (out is None or any(unit == unit_id for unit, _ in out))
