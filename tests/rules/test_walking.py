"""Ways through a venue: as short as can be, as a plain search says, step-free where asked, around what is closed."""

import heapq
from itertools import combinations, pairwise
from math import dist, inf

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Absent
from hubtwin.model.venue import LinkKind
from hubtwin.model.walking import Way
from hubtwin.rules.venue_shapes import Plane
from hubtwin.rules.walking import WalkingGraph
from hubtwin.rules.walking_speeds import get_figures, link_length_m, link_s, walk_s
from tests.venue_kit import Draft, at, box, id_of, line, polygon, station

STATION = station()
GRAPH = WalkingGraph(STATION.venue())
PLACES = ("N1", "N2", "GATE", "HALL", "SHOP", "P-1", "LIFT1", "D-STAIR1", "HELP", "SQUARE")
SPEED = 1.34


def _kinds(way: Way | None) -> list[str]:
    assert way is not None
    return [leg.by.value for leg in way.legs]


def _seconds(way: Way | None) -> float:
    return inf if way is None else way.seconds


def test_a_way_up_takes_the_escalator_and_a_way_down_the_stairs() -> None:
    assert _kinds(GRAPH.find_way("N1", "P-1")) == ["walk", "escalator", "walk"]
    assert _kinds(GRAPH.find_way("P-1", "N1")) == ["walk", "stairs", "walk"]
    assert _kinds(GRAPH.find_way("N1", "P-1", step_free=True)) == ["walk", "elevator", "walk"]


def test_times_and_lengths_of_the_legs_are_those_of_the_figures() -> None:
    way = GRAPH.find_way("N1", "P-1")
    assert way is not None
    hall, ride, platform = way.legs
    assert ride.seconds == pytest.approx(12 / 0.5 + 2.0)
    assert hall.length_m == pytest.approx(dist((12, 0), (35, 30)) + dist((35, 30), (35, 35)), abs=0.1)
    assert hall.seconds == pytest.approx(hall.length_m / SPEED)
    assert way.seconds == pytest.approx(hall.seconds + ride.seconds + platform.seconds)
    lift = GRAPH.find_way("LIFT0", "LIFT1")
    assert lift is not None
    assert lift.seconds == pytest.approx(40 + 10 + 6)


def test_a_path_runs_on_from_leg_to_leg_and_lies_on_the_levels() -> None:
    way = GRAPH.find_way("GATE", "P-1")
    assert way is not None
    assert [leg.level_id for leg in way.legs] == [id_of(code) for code in ("G", "L0", "L0", "L1")]
    for one, other in pairwise(way.legs):
        assert dist(one.path[-1], other.path[0]) * 111_000 < 0.2
    assert all(len(leg.path) >= 2 for leg in way.legs)


def test_a_way_bends_around_the_wall_and_not_through_it() -> None:
    draft = station()
    draft.at_point("amenity", "WEST", 45, 25, category="information", unit_ids=[id_of("HALL")], name=None)
    draft.at_point("amenity", "EAST", 55, 25, category="information", unit_ids=[id_of("HALL")], name=None)
    way = WalkingGraph(draft.venue()).find_way("WEST", "EAST")
    assert way is not None
    around = dist((45, 25), (49, 10)) + 2 + dist((51, 10), (55, 25))
    assert way.length_m == pytest.approx(around, abs=0.05)
    assert len(way.legs[0].path) == 4


def test_two_things_in_one_hall_are_joined_in_a_straight_line() -> None:
    draft = station()
    draft.at_point("amenity", "A", 60, 5, category="information", unit_ids=[id_of("HALL")], name=None)
    draft.at_point("amenity", "B", 70, 25, category="information", unit_ids=[id_of("HALL")], name=None)
    graph = WalkingGraph(draft.venue())
    assert graph.find_way("A", "B") == graph.find_way("A", "B")
    assert _seconds(graph.find_way("A", "B")) == pytest.approx(walk_s(dist((60, 5), (70, 25))), abs=0.01)
    assert _seconds(graph.find_way("A", "A")) == 0.0


def test_what_is_closed_is_walked_around() -> None:
    open_s = _seconds(GRAPH.find_way("N1", "P-1"))
    without = GRAPH.find_way("N1", "P-1", closed=["ESCALATOR"])
    assert _kinds(without) == ["walk", "stairs", "walk"]
    assert _seconds(without) > open_s
    assert _kinds(GRAPH.find_way("N1", "P-1", closed=["ESCALATOR", "STAIRS"])) == ["walk", "elevator", "walk"]
    assert GRAPH.find_way("N1", "P-1", closed=["ESCALATOR", "STAIRS", "LIFT0"]) is None
    assert GRAPH.find_way("N1", "P-1", closed=["HALL"]) is None
    assert GRAPH.find_way("HELP", "N1", closed=["HALL"]) is None
    assert _seconds(GRAPH.find_way("N1", "P-1")) == open_s


def test_a_place_that_does_not_exist_is_absent() -> None:
    for start, end in (("N1", "P-9"), ("P-9", "N1")):
        with pytest.raises(Absent, match="P-9"):
            GRAPH.find_way(start, end)
    assert GRAPH.find_id("WALL") is None
    assert _seconds(GRAPH.find_way("N1", "HELP")) < inf  # what was attached for a question is gone again


def test_an_opening_of_a_directed_traversal_is_passed_in_its_direction_only() -> None:
    draft = station()
    draft.link("INTO", "traversal", ("HALL", "SHOP"), both=False)
    draft.change("INTO", intermediary=[{"id": id_of("D-SHOP"), "feature_type": "opening"}])
    graph = WalkingGraph(draft.venue())
    assert graph.find_way("N1", "SHOP") is not None
    assert graph.find_way("SHOP", "N1") is None
    draft.link("OUTOF", "traversal", ("SHOP", "HALL"), both=False)
    draft.change("OUTOF", intermediary=[{"id": id_of("D-SHOP"), "feature_type": "opening"}])
    assert WalkingGraph(draft.venue()).find_way("SHOP", "N1") is not None


def _tower(storeys: int) -> Draft:
    """Return a lift with a lobby at each storey, joined storey by storey."""
    draft = station()
    draft.features = [each for each in draft.features if each.feature_type in ("venue", "address")]
    for storey in range(storeys):
        draft.level(f"S{storey}", storey, (0, 0, 20, 20))
        draft.unit(f"LOBBY{storey}", f"S{storey}", "lobby", box(0, 0, 10, 10))
        draft.unit(f"CABIN{storey}", f"S{storey}", "elevator", box(10, 0, 12, 2))
        draft.opening(f"DOOR{storey}", f"S{storey}", line((10, 0.5), (10, 1.5)))
        if storey:
            draft.link(f"RIDE{storey}", "elevator", (f"CABIN{storey - 1}", f"CABIN{storey}"))
    return draft


def test_who_rides_over_several_storeys_waits_once() -> None:
    graph = WalkingGraph(_tower(4).venue())
    one, three = (graph.find_way("LOBBY0", f"LOBBY{storey}") for storey in (1, 3))
    assert _kinds(three) == ["walk", "elevator", "walk"]
    assert _seconds(three) - _seconds(one) == pytest.approx(2 * 6 / 1.0)


def test_a_link_begins_where_its_geometry_says_else_at_its_body() -> None:
    draft = station()
    draft.link("LADDER", "stairs", ("HALL", "P-1"), length=10.0)
    draft.put("LADDER", geometry=line((90, 20), (95, 99)))  # the end lies off the floor: the nearest point counts
    way = WalkingGraph(draft.venue()).find_way("N2", "P-1", closed=["ESCALATOR", "LIFT", "STAIRS"])
    assert way is not None
    assert way.legs[0].length_m == pytest.approx(dist((82, 0), (90, 20)), abs=0.1)
    draft.unit("BODY", "L0", "stairs", box(95, 33, 99, 36))
    draft.put("LADDER", geometry=None)
    draft.change("LADDER", intermediary=[{"id": id_of("BODY"), "feature_type": "unit"}])
    graph = WalkingGraph(draft.venue())
    assert graph.find_way("N2", "BODY") is not None
    assert graph.find_way("N2", "BODY", step_free=True) is None


def test_a_length_that_nobody_told_comes_from_the_ends() -> None:
    assert link_length_m(LinkKind.STAIRS, 0.0, 6.0) == pytest.approx(12.0)
    assert link_length_m(LinkKind.ESCALATOR, 30.0, 6.0) == pytest.approx((900 + 36) ** 0.5)
    assert link_length_m(LinkKind.ELEVATOR, 3.0, -6.0) == 6.0
    assert link_length_m(LinkKind.RAMP, 1.0, 0.8) == pytest.approx(10.0)
    assert link_s(LinkKind.STAIRS, 10.0, 6.0) == pytest.approx(20.0)
    assert link_s(LinkKind.STAIRS, 10.0, -6.0) == pytest.approx(10 / 0.65)


def test_every_figure_names_its_source() -> None:
    assert all(block.get("source") for block in get_figures().values())


def _oracle(graph: WalkingGraph, start: str, *, step_free: bool) -> dict[int, float]:
    """Return the seconds from a node to all others, by the plainest search there is."""
    ends: dict[int, list[tuple[int, float]]] = {}
    for edge in graph.edges:
        if edge.step_free or not step_free:
            ends.setdefault(edge.start, []).append((edge.end, edge.seconds))
    best, queue = {}, [(0.0, graph.get_node(start))]
    while queue:
        seconds, node = heapq.heappop(queue)
        if node not in best:
            best[node] = seconds
            for end, more in ends.get(node, ()):
                heapq.heappush(queue, (seconds + more, end))
    return best


@pytest.mark.parametrize("step_free", [False, True])
def test_times_are_those_of_a_plain_search(*, step_free: bool) -> None:
    for start in (place for place in PLACES if place != "HELP"):
        slow = _oracle(GRAPH, start, step_free=step_free)
        fast = GRAPH.list_times(start, step_free=step_free)
        for feature_id, seconds in fast.items():
            assert seconds == pytest.approx(slow[GRAPH.get_node(feature_id)])
        units = [each.feature_id for each in GRAPH.venue.units if GRAPH.find_id(each.feature_id)]
        assert {each for each in units if GRAPH.get_node(each) in slow} <= fast.keys()


@st.composite
def halls(draw: st.DrawFn) -> Draft:
    """Return a row of rooms on two storeys, some joined by doors, some by links, with columns in the way."""
    draft = station()
    draft.features = [each for each in draft.features if each.feature_type in ("venue", "address")]
    rooms = draw(st.integers(2, 4))
    for storey in (0, 1):
        draft.level(f"S{storey}", storey, (0, 0, 10 * rooms, 10))
        for room in range(rooms):
            west = 10 * room
            draft.unit(f"R{storey}{room}", f"S{storey}", "room", box(west, 0, west + 10, 10))
            if draw(st.booleans()):
                x, y = draw(st.integers(2, 6)), draw(st.integers(1, 6))
                column = box(west + x, y, west + x + 2, y + draw(st.integers(1, 3)))
                draft.unit(f"C{storey}{room}", f"S{storey}", "column", column)
            if room and draw(st.integers(0, 3)):
                y = draw(st.integers(1, 8))
                draft.opening(f"D{storey}{room}", f"S{storey}", line((west, y), (west, y + 1)))
    for room in range(rooms):
        kind = draw(st.sampled_from(["", "stairs", "escalator", "elevator", "ramp"]))
        if kind:
            draft.link(f"L{room}", kind, (f"R0{room}", f"R1{room}"), both=draw(st.booleans()))
    return draft


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(halls())
def test_ways_are_short_one_way_only_where_links_are_and_never_over_steps_if_asked(draft: Draft) -> None:
    venue = draft.venue()
    graph = WalkingGraph(venue)
    places = [unit.code for unit in venue.units if unit.category == "room"]
    both_ways = all(link.both and link.kind is not LinkKind.STAIRS for link in venue.links)
    times = {place: graph.list_times(place) for place in places}
    ids = {place: id_of(place) for place in places}
    for a in places:
        for b in places:
            there = times[a].get(ids[b], inf)
            assert _seconds(graph.find_way(a, b)) == pytest.approx(there, rel=1e-9)
            if both_ways:
                assert times[b].get(ids[a], inf) == pytest.approx(there)
            for c in places:
                assert there <= times[a].get(ids[c], inf) + times[c].get(ids[b], inf) + 1e-6
            free = graph.find_way(a, b, step_free=True)
            assert _seconds(free) >= there - 1e-6
            assert free is None or not {leg.by.value for leg in free.legs} & {"stairs", "escalator"}


def test_a_hall_with_a_court_is_walked_around_the_court() -> None:
    draft = station()
    draft.features = [each for each in draft.features if each.feature_type in ("venue", "address")]
    draft.level("S0", 0, (0, 0, 100, 100))
    ring = polygon([(0, 0), (30, 0), (30, 30), (0, 30)])
    ring["coordinates"].append([at(10, 10), at(10, 20), at(20, 20), at(20, 10), at(10, 10)])
    draft.unit("RING", "S0", "walkway", ring)
    draft.opening("WEST", "S0", line((0, 14), (0, 16)))
    draft.opening("EAST", "S0", line((30, 14), (30, 16)))
    way = WalkingGraph(draft.venue()).find_way("WEST", "EAST")
    assert way is not None
    assert way.length_m == pytest.approx(2 * dist((0, 15), (10, 20)) + 10, abs=0.05)
    assert Plane(10.0, 50.0).to_metres(way.legs[0].path[0]) == pytest.approx((0, 15), abs=0.05)


Rect = tuple[int, int, int, int]
WIDTH, DEPTH = 12, 8


@st.composite
def rooms(draw: st.DrawFn) -> tuple[list[Rect], tuple[int, int], tuple[int, int]]:
    """Return things that stand in a room of 12 by 8 metres, and two points of its floor."""
    things = []
    for _ in range(draw(st.integers(1, 4))):
        x, y = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, DEPTH - 1))
        things.append((x, y, min(WIDTH, x + draw(st.integers(1, 5))), min(DEPTH, y + draw(st.integers(1, 5)))))
    assume(not any(_touch_at_corner(one, other) for one, other in combinations(things, 2)))  # a gap of no width
    spots = [(x, y) for x in range(WIDTH + 1) for y in range(DEPTH + 1) if not _inside((x, y), things, edge=True)]
    assume(len(spots) > 1)
    return things, draw(st.sampled_from(spots)), draw(st.sampled_from(spots))


def _touch_at_corner(one: Rect, other: Rect) -> bool:
    sides = [one[k] == other[k + 2] or other[k] == one[k + 2] for k in (0, 1)]
    return all(sides)


def _inside(point: tuple[float, float], things: list[Rect], *, edge: bool = False) -> bool:
    x, y = point
    slack = 1e-6 if edge else -1e-6
    return any(w - slack < x < e + slack and s - slack < y < n + slack for w, s, e, n in things)


def _on_floor(point: tuple[float, float], things: list[Rect]) -> bool:
    return 0 <= point[0] <= WIDTH and 0 <= point[1] <= DEPTH and not _inside(point, things)


def _grid_m(things: list[Rect], start: tuple[int, int], end: tuple[int, int]) -> float:
    """Return how long a way is that runs in eight directions over a grid of half a metre, by the plainest search."""
    best, queue = dict[tuple[float, float], float](), [(0.0, (float(start[0]), float(start[1])))]
    steps = [(dx / 2, dy / 2) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]
    while queue:
        length, (x, y) = heapq.heappop(queue)
        if (x, y) in best:
            continue
        best[x, y] = length
        for dx, dy in steps:
            beside = [(x + dx / 2 + side * dy / 9, y + dy / 2 - side * dx / 9) for side in (1, -1)]
            if any(_on_floor(each, things) for each in beside):  # along a wall there is floor on one side
                heapq.heappush(queue, (length + dist((0, 0), (dx, dy)), (x + dx, y + dy)))
    return best.get((float(end[0]), float(end[1])), inf)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rooms())
def test_a_way_around_things_is_no_longer_than_over_a_grid_and_not_much_shorter(
    room: tuple[list[Rect], tuple[int, int], tuple[int, int]],
) -> None:
    things, start, end = room
    draft = station()
    draft.features = [each for each in draft.features if each.feature_type in ("venue", "address")]
    draft.level("S0", 0, (0, 0, WIDTH, DEPTH))
    draft.unit("ROOM", "S0", "room", box(0, 0, WIDTH, DEPTH))
    for number, (west, south, east, north) in enumerate(things):
        draft.unit(f"THING{number}", "S0", "column", box(west, south, east, north))
    for code, (x, y) in (("A", start), ("B", end)):
        draft.at_point("amenity", code, x, y, category="information", unit_ids=[id_of("ROOM")], name=None)
    way = WalkingGraph(draft.venue()).find_way("A", "B")
    over_grid = _grid_m(things, start, end)
    if over_grid == inf:  # a gap between two things that only touch is none
        assert way is None or way.length_m >= dist(start, end) - 0.1
        return
    assert way is not None
    assert way.length_m <= over_grid + 0.1
    assert way.length_m >= max(dist(start, end), over_grid / 1.0824) - 0.1  # eight directions cost 8.24 % at most
