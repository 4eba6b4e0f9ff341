"""Shortest walking times through a venue, between any two of its places, step-free if asked, around what is closed."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import fsum
from threading import Lock

import rustworkx as rx
import shapely

from hubtwin.base.errors import Absent
from hubtwin.model.venue import LinkKind, Placed, Point, Venue
from hubtwin.model.walking import Leg, Way
from hubtwin.rules.walking_build import Edge, Node, plan_graph
from hubtwin.rules.walking_floor import Floor
from hubtwin.rules.walking_speeds import get_figures, walk_s

KEPT = 16  # graphs of what was closed lately
Closed = frozenset[str]


@dataclass(frozen=True)
class _Net:
    """A graph to search in, with the edge of least time for each pair of nodes."""

    graph: rx.PyDiGraph[Node, float]
    edges: dict[tuple[int, int], Edge]
    step_free: bool
    shut: Closed
    guests: dict[int, tuple[str, list[tuple[int, int]]]] = field(default_factory=dict)  # node -> its unit, its edges


class WalkingGraph:
    """The walking graph of a venue. Places are called by code or id: units, openings, amenities, kiosks, fixtures."""

    def __init__(self, venue: Venue) -> None:
        """Build it; a unit without a way in or out is a place that no way leads to."""
        plan = plan_graph(venue)
        self.venue, self._plane, self._floors = venue, plan.plane, plan.floors
        self.nodes: Sequence[Node] = tuple(plan.nodes)
        self.edges: Sequence[Edge] = tuple(plan.edges)
        self.touching = plan.touching
        self._terminals, self._corners = plan.terminals, plan.corners
        steps = get_figures()["units"]["steps"]
        self._step_free = {unit_id: category not in steps for unit_id, category in plan.categories.items()}
        self._levels = {unit.feature_id: unit.level_id for unit in venue.units}
        self._ids = {feature.code: feature.feature_id for feature in venue.list_features()}
        self._nodes = plan.places
        self._spots = {
            each.feature_id: each for group in (venue.amenities, venue.kiosks, venue.fixtures) for each in group
        }
        self._lock = Lock()
        self._nets = OrderedDict[tuple[bool, Closed], _Net]()

    def find_id(self, place: str) -> str | None:
        """Return the id of a place by its code or id, None where no way could begin or end there."""
        feature_id = self._ids.get(place, place)
        return feature_id if feature_id in self._nodes or feature_id in self._spots else None

    def get_node(self, place: str) -> int:
        """Return the number of the node of a unit or opening. Raises Absent."""
        node = self._nodes.get(self._ids.get(place, place))
        if node is None:
            raise Absent("rules.walking_no_place", place=place)
        return node

    def find_way(self, start: str, end: str, *, step_free: bool = False, closed: Iterable[str] = ()) -> Way | None:
        """Return the shortest way by time, None where there is none. Raises Absent for a place that is not known.

        `closed` are codes or ids of units, openings and links that nobody passes now.
        """
        net = self._net(step_free=step_free, closed=closed)
        with self._lock:
            try:
                a, b = (self._attach(net, place) for place in (start, end))
                if a == b:
                    return Way(0.0, 0.0, step_free, ())
                path = rx.digraph_dijkstra_shortest_paths(net.graph, a, b, weight_fn=float)
                if b not in path:
                    return None
                nodes = list(path[b])
                steps = [net.edges[pair] for pair in pairwise(nodes)]
                points = {node: net.graph[node] for node in nodes}
            finally:
                self._detach(net)
        return self._way(steps, points, step_free=step_free)

    def list_times(self, start: str, *, step_free: bool = False, closed: Iterable[str] = ()) -> dict[str, float]:
        """Return the seconds from a unit or opening to each unit and opening that can be reached, by feature id."""
        net = self._net(step_free=step_free, closed=closed)
        node = self.get_node(start)
        found = rx.digraph_dijkstra_shortest_path_lengths(net.graph, node, float)
        return {
            feature_id: 0.0 if number == node else float(found[number])
            for feature_id, number in self._nodes.items()
            if number == node or number in found
        }

    def list_blind(self, ends: Iterable[str], *, step_free: bool = False, closed: Iterable[str] = ()) -> set[str]:
        """Return the ids of the units and openings from which no way leads to any of `ends`."""
        net = self._net(step_free=step_free, closed=closed)
        reverse = net.graph.copy()
        reverse.reverse()
        reached: set[int] = set()
        for end in ends:
            node = self.get_node(end)
            if node not in reached:
                reached |= {node, *rx.descendants(reverse, node)}
        return {feature_id for feature_id, number in self._nodes.items() if number not in reached}

    def _net(self, *, step_free: bool, closed: Iterable[str]) -> _Net:
        shut = frozenset(self._ids.get(place, place) for place in closed)
        key = (step_free, shut)
        with self._lock:
            if key not in self._nets:
                self._nets[key] = self._build(step_free, shut)
                while len(self._nets) > KEPT:
                    self._nets.popitem(last=False)
            self._nets.move_to_end(key)
            return self._nets[key]

    def _build(self, step_free: bool, shut: Closed) -> _Net:
        graph: rx.PyDiGraph[Node, float] = rx.PyDiGraph(multigraph=False)
        graph.add_nodes_from(list(self.nodes))
        best: dict[tuple[int, int], Edge] = {}
        for edge in self._open_edges(step_free, shut):
            pair = (edge.start, edge.end)
            if pair not in best or edge.seconds < best[pair].seconds:
                best[pair] = edge
        graph.add_edges_from([(*pair, edge.seconds) for pair, edge in best.items()])
        return _Net(graph, best, step_free, shut)

    def _open_edges(self, step_free: bool, shut: Closed) -> Iterator[Edge]:
        barred = {number for number, node in enumerate(self.nodes) if node.feature_id in shut}
        for edge in self.edges:
            if step_free and not edge.step_free:
                continue
            if edge.owner_id not in shut and edge.start not in barred and edge.end not in barred:
                yield edge

    def _attach(self, net: _Net, place: str) -> int:
        """Return the node of a place; an amenity, kiosk or fixture gets one for the time of the question."""
        feature_id = self._ids.get(place, place)
        spot = self._spots.get(feature_id)
        if spot is None:
            return self.get_node(place)
        at = self._plane.draw(spot.shape).centroid
        unit_id, floor = self._under(spot, (at.x, at.y), place)
        stand = floor.place((at.x, at.y))
        node = net.graph.add_node(Node(feature_id, spot.level_id, stand))
        pairs = list[tuple[int, int]]()
        net.guests[node] = unit_id, pairs
        if unit_id in net.shut or (net.step_free and not self._step_free[unit_id]):
            return node
        beside = [guest for guest, (unit, _) in net.guests.items() if unit == unit_id and guest != node]
        others = [each for each in self._terminals[unit_id] if self.nodes[each].feature_id not in net.shut] + beside
        around = [stand, *(floor.place(net.graph[each].at) for each in others)]
        ends = [node, *others, *self._corners[unit_id]]
        for _, other, length in floor.pairs(around, among=1):
            for pair in ((node, ends[other]), (ends[other], node)):
                net.edges[pair] = Edge(*pair, walk_s(length), length, LinkKind.WALK, unit_id, step_free=True)
                net.graph.add_edge(*pair, net.edges[pair].seconds)
                pairs.append(pair)
        return node

    def _under(self, spot: Placed, at: Point, place: str) -> tuple[str, Floor]:
        """Return the unit on whose floor, or nearest to whose floor, something stands. Raises Absent."""
        dot = shapely.Point(at)
        floors = ((unit_id, floor) for unit_id, floor in self._floors.items())
        near = [(floor.space.distance(dot), each) for each, floor in floors if self._levels[each] == spot.level_id]
        if not near:
            raise Absent("rules.walking_no_place", place=place)
        unit_id = min(near)[1]
        return unit_id, self._floors[unit_id]

    def _detach(self, net: _Net) -> None:
        for node, (_, pairs) in net.guests.items():
            net.graph.remove_node(node)
            for pair in pairs:
                del net.edges[pair]
        net.guests.clear()

    def _way(self, steps: Sequence[Edge], points: dict[int, Node], *, step_free: bool) -> Way:
        legs: list[Leg] = []
        run: list[Edge] = []
        for step in steps:
            if run and not _runs_on(run, step, points):
                legs.append(self._leg(run, points))
                run = []
            run.append(step)
        if run:
            legs.append(self._leg(run, points))
        kept = tuple(leg for leg in legs if leg.seconds > 0 or leg.length_m > 0)
        return Way(fsum(leg.seconds for leg in kept), fsum(leg.length_m for leg in kept), step_free, kept)

    def _leg(self, run: Sequence[Edge], points: dict[int, Node]) -> Leg:
        nodes = [points[run[0].start], *(points[step.end] for step in run)]
        named = [node.feature_id for node in nodes if node.feature_id]
        to_id = run[-1].owner_id if run[-1].by is not LinkKind.WALK else named[-1] if named else run[-1].owner_id
        path = [self._plane.to_degrees(node.at) for node in nodes]
        kept = [point for place, point in enumerate(path) if place == 0 or point != path[place - 1]]
        return Leg(
            level_id=nodes[0].level_id,
            by=run[0].by,
            seconds=fsum(step.seconds for step in run),
            length_m=fsum(step.length_m for step in run),
            path=tuple(kept if len(kept) > 1 else kept * 2),  # straight up is a line too
            to_id=to_id,
        )


def _runs_on(run: Sequence[Edge], step: Edge, points: dict[int, Node]) -> bool:
    """Return whether a step lengthens the leg before it: on foot on one level, or in a lift, which is boarded once."""
    if step.by is not run[-1].by or step.by not in (LinkKind.WALK, LinkKind.ELEVATOR):
        return False
    return step.by is LinkKind.ELEVATOR or points[step.start].level_id == points[run[0].start].level_id
