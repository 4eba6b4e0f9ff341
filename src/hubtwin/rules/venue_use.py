"""Whether a venue can be walked and evacuated: all places reached, exits step-free, no dead ends, capacities told.

A venue without a way out, or with halls that nobody reaches, still is a valid archive; these are warnings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hubtwin.model.venue import LinkKind, Severity, Venue, VenueFinding
from hubtwin.rules.walking import WalkingGraph
from hubtwin.rules.walking_build import is_for_walkers, is_walkable
from hubtwin.rules.walking_speeds import get_figures

NOT_OUT = ("service",)  # an opening with nothing behind it of this kind is no exit for the public
START = "platform"  # the category of units from which every exit must be reached step-free


def list_exits(venue: Venue, graph: WalkingGraph) -> list[str]:
    """Return the ids of the openings that lead out: into a unit of an outdoor level, or with one unit only."""
    outdoor = {level.feature_id for level in venue.levels if level.outdoor}
    open_air = {unit.feature_id for unit in venue.units if unit.level_id in outdoor}
    found = []
    for opening in venue.openings:
        units = graph.touching.get(opening.feature_id, ())
        if units and opening.category not in NOT_OUT and (len(units) == 1 or open_air & set(units)):
            found.append(opening.feature_id)
    return found


def check_use(venue: Venue) -> list[VenueFinding]:
    """Return what stands in the way of walking through a venue and of getting everybody out of it."""
    use = _Use(venue, WalkingGraph(venue))
    return [*use.openings(), *use.links(), *use.reach(), *use.step_free(), *use.dead_ends(), *use.capacities()]


@dataclass(frozen=True)
class _Use:
    """A venue with its graph."""

    venue: Venue
    graph: WalkingGraph

    def say(
        self, key: str, feature_id: str, severity: Severity = Severity.WARNING, /, **values: object
    ) -> VenueFinding:
        return VenueFinding(severity, f"rules.venue_{key}", feature_id, "", values)

    def openings(self) -> Iterator[VenueFinding]:
        """An opening for walkers opens something."""
        for opening in filter(is_for_walkers, self.venue.openings):
            if not self.graph.touching.get(opening.feature_id):
                yield self.say("opens_nothing", opening.feature_id, code=opening.code)

    def links(self) -> Iterator[VenueFinding]:
        """A link joins two places where people walk; one between levels goes up or down."""
        units = {unit.feature_id for unit in self.venue.units if is_walkable(unit)}
        known = units | {opening.feature_id for opening in self.venue.openings}
        levels = {each.feature_id: each.level_id for each in (*self.venue.units, *self.venue.openings)}
        for link in self.venue.links:
            if not {link.origin_id, link.destination_id} <= known:
                yield self.say("link_to_nowhere", link.feature_id, code=link.code)
            elif link.kind is not LinkKind.WALK and levels[link.origin_id] == levels[link.destination_id]:
                yield self.say("link_on_one_level", link.feature_id, Severity.NOTE, code=link.code, kind=link.kind)

    def reach(self) -> Iterator[VenueFinding]:
        """Every unit is reached from outside, and left to the outside, also while the lifts stand still."""
        exits = list_exits(self.venue, self.graph)
        if not exits:
            yield self.say("no_exit", self.venue.feature_id)
            return
        reached = {place for each in exits for place in self.graph.list_times(each)}
        blind = self.graph.list_blind(exits)
        lifts = [link.feature_id for link in self.venue.links if link.kind is LinkKind.ELEVATOR]
        stuck = self.graph.list_blind(exits, closed=lifts)
        for unit in filter(is_walkable, self.venue.units):
            if unit.feature_id not in reached:
                yield self.say("unreached", unit.feature_id, code=unit.code)
            elif unit.feature_id in blind:
                yield self.say("no_way_out", unit.feature_id, code=unit.code)
            elif unit.feature_id in stuck and unit.category != "elevator":
                yield self.say("lift_only", unit.feature_id, code=unit.code)

    def step_free(self) -> Iterator[VenueFinding]:
        """Each exit is reached step-free from a platform, and each platform reaches an exit step-free."""
        exits = list_exits(self.venue, self.graph)
        units = [unit for unit in self.venue.units if is_walkable(unit)]
        starts = [unit for unit in units if unit.category == START] or units
        if not exits or not starts:
            return
        codes = {opening.feature_id: opening.code for opening in self.venue.openings}
        for each in exits:
            blind = self.graph.list_blind([each], step_free=True)
            if all(unit.feature_id in blind for unit in starts):
                yield self.say("exit_not_step_free", each, code=codes[each])
        blind = self.graph.list_blind(exits, step_free=True)
        for unit in starts:
            if unit.category == START and unit.feature_id in blind:
                yield self.say("platform_not_step_free", unit.feature_id, code=unit.code)

    def dead_ends(self) -> Iterator[VenueFinding]:
        """Where many may stand there are two ways out."""
        many = int(get_figures()["evacuation"]["two_ways_from_persons"])
        ways = self._ways_out()
        for unit in filter(is_walkable, self.venue.units):
            if (unit.persons or 0) >= many and len(ways.get(unit.feature_id, ())) == 1:
                yield self.say("dead_end", unit.feature_id, code=unit.code, persons=unit.persons, many=many)

    def _ways_out(self) -> dict[str, set[str]]:
        """Return the openings and links by which one leaves each unit; lifts are no way out."""
        ways: dict[str, set[str]] = {}
        for opening_id, units in self.graph.touching.items():
            for unit_id in units:
                ways.setdefault(unit_id, set()).add(opening_id)
        for link in self.venue.links:
            if link.kind is LinkKind.ELEVATOR:
                continue
            for unit_id in (link.origin_id, link.destination_id) if link.both else (link.origin_id,):
                ways.setdefault(unit_id, set()).add(link.feature_id)
        return ways

    def capacities(self) -> Iterator[VenueFinding]:
        """Every opening for walkers and every link between levels has a capacity; units without are counted."""
        for opening in filter(is_for_walkers, self.venue.openings):
            if not opening.persons_per_min:
                yield self.say("no_capacity", opening.feature_id, code=opening.code)
        for link in self.venue.links:
            if link.kind is not LinkKind.WALK and not link.persons_per_min:
                yield self.say("no_capacity", link.feature_id, code=link.code)
        unknown = sum(unit.persons is None for unit in filter(is_walkable, self.venue.units))
        if unknown:
            yield self.say("units_without_capacity", self.venue.feature_id, Severity.NOTE, count=unknown)
