"""Walking times between the places of a hub, taken from its venue where the venue knows them."""

from collections.abc import Iterable
from itertools import combinations
from math import ceil

from hubtwin.model.place import Walk
from hubtwin.rules.walking import WalkingGraph

PLATFORM = "P-{}"  # what a venue calls platform 3 of a hub, where it does not call it 3


def find_place(graph: WalkingGraph, place: str) -> str | None:
    """Return the id in the venue of a place of the hub: by its name, or by that of a platform; None where unknown."""
    return graph.find_id(place) or graph.find_id(PLATFORM.format(place))


def walks_of(
    places: Iterable[str], walks: Iterable[Walk], graph: WalkingGraph, closed: Iterable[str] = ()
) -> tuple[Walk, ...]:
    """Return the walks between the places of a hub, those between places that the venue knows from its walking graph.

    A walk counts both ways, so it takes as long as the slower of them; where no way is left there is no walk. What
    somebody measured (`walking.pairs` of hub.toml) stands, and so does the grid for places that the venue lacks.
    """
    shut, given = tuple(closed), tuple(walks)
    known = {place: found for place in places if (found := find_place(graph, place)) is not None}
    told = {frozenset((walk.a, walk.b)) for walk in given if walk.told}
    kept = [walk for walk in given if walk.told or not {walk.a, walk.b} <= known.keys()]
    times = {place: graph.list_times(found, closed=shut) for place, found in known.items()}
    for a, b in combinations(known, 2):
        there, back = times[a].get(known[b]), times[b].get(known[a])
        if there is not None and back is not None and frozenset((a, b)) not in told:
            kept.append(Walk(a, b, ceil(max(there, back))))
    return tuple(kept)


def minutes_to(
    graph: WalkingGraph, starts: Iterable[str], place: str, closed: Iterable[str] = ()
) -> dict[tuple[str, str], int]:
    """Return the whole minutes of walk from places of the hub to one of the venue, rounded up.

    Places that the venue does not know, or from which no way leads there, are left out.
    """
    end, shut = find_place(graph, place), tuple(closed)
    found = dict[tuple[str, str], int]()
    for start in sorted(set(starts)) if end is not None else ():
        here = find_place(graph, start)
        way = graph.find_way(here, end, closed=shut) if here is not None and end is not None else None
        if way is not None:
            found[start, place] = ceil(way.seconds / 60)
    return found
