"""The walks of a hub come from its venue, and the team that walks least is sent."""

from hubtwin.model.place import Exit, Team, Walk
from hubtwin.model.staff import Arrival, StaffRules
from hubtwin.rules.hub_walks import find_place, walks_of
from hubtwin.rules.staffing import plan_staff
from hubtwin.rules.walking import WalkingGraph
from tests.venue_kit import box, id_of, station

NAME = {"zh": "一", "en": "One"}
GRAPH = WalkingGraph(station().venue())
GRID = (Walk("N1", "1", 600), Walk("N2", "1", 60), Walk("N1", "N2", 900), Walk("N1", "X", 120))
PLACES = ("N1", "N2", "1", "X")
EXITS = (Exit("N1", NAME, 1, 9.0), Exit("N2", NAME, 1, 9.0))
TEAMS = (Team("T1", NAME, "N1", 2), Team("T2", NAME, "N2", 2))
RULES = StaffRules(on_post_min=0, service_min=10, persons_per_member=1000, stream_min=5)


def _seconds(walks: tuple[Walk, ...]) -> dict[tuple[str, str], int]:
    return {(walk.a, walk.b): walk.seconds for walk in walks}


def test_a_place_of_the_hub_is_found_by_its_name_or_as_a_platform() -> None:
    assert find_place(GRAPH, "N1") == GRAPH.find_id("N1")
    assert find_place(GRAPH, "1") == GRAPH.find_id("P-1")
    assert find_place(GRAPH, "7") is None


def test_walks_come_from_the_venue_as_long_as_the_slower_direction_and_else_from_the_grid() -> None:
    walks = _seconds(walks_of(PLACES, GRID, GRAPH))
    up, down = GRAPH.find_way("N1", "P-1"), GRAPH.find_way("P-1", "N1")
    assert up is not None
    assert down is not None
    assert walks["N1", "1"] == round(max(up.seconds, down.seconds) + 0.5)
    assert walks["N1", "X"] == 120
    assert walks.keys() == {("N1", "N2"), ("N1", "1"), ("N2", "1"), ("N1", "X")}


def test_what_somebody_measured_stands() -> None:
    told = (*GRID, Walk("N1", "1", 77, told=True))
    assert _seconds(walks_of(PLACES, told, GRAPH))["N1", "1"] == 77


def test_where_no_way_is_left_there_is_no_walk() -> None:
    walks = _seconds(walks_of(PLACES, GRID, GRAPH, closed=["ESCALATOR", "STAIRS", "LIFT"]))
    assert walks.keys() == {("N1", "N2"), ("N1", "X")}


def _sent(walks: tuple[Walk, ...]) -> str:
    arrival = Arrival("G1", 100, 10, platform="1", is_key=True)
    plan = plan_staff([arrival], TEAMS, walks, EXITS, rules=RULES, now_min=90)
    return plan.assignments[0].team_id if plan.assignments else ""


def test_the_nearest_team_on_foot_is_sent_also_around_an_obstacle() -> None:
    assert _sent(GRID) == "T2"
    assert _sent(walks_of(PLACES, GRID, GRAPH)) == "T1"  # its exit is nearer to the stairs
    draft = station()
    draft.unit("FENCE", "L0", "structure", box(16, 0, 17, 30))
    fenced = WalkingGraph(draft.venue())
    around = fenced.find_way("N1", "P-1")
    assert around is not None
    assert [leg.level_id for leg in around.legs][1] == id_of("G")  # out to the square and in again by N2
    assert _sent(walks_of(PLACES, GRID, fenced)) == "T2"


def test_the_nearest_team_is_another_one_while_stairs_are_closed() -> None:
    closed = ("STAIRS", "ESCALATOR")  # the lift is at the other end of the hall
    assert _sent(walks_of(PLACES, GRID, GRAPH, closed=closed)) == "T2"
