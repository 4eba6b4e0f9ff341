"""Ways through the shipped venue: building the graph, one way, every hub place to every other; beside networkx.

    python -m benchmarks.walking [--hub hangzhou-east] [--pairs 200]

The honest alternative is networkx's Dijkstra over the same nodes and edges with the same times, as most Python routing
is written. Both sides must name the same seconds, or the run fails. CPU seconds are of this process; the wall time of a
shared machine says little.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import networkx as nx
import numpy as np

from benchmarks.common import machine_header, measure, peak_rss_gib
from hubtwin.rules.hub_walks import find_place, walks_of
from hubtwin.rules.walking import WalkingGraph
from hubtwin.settings import load_settings
from hubtwin.wiring.venues import list_places, read_archive

SEED = 20221020
TARGET_MS = 5.0  # any pair "in a few milliseconds"


def as_networkx(graph: WalkingGraph) -> "nx.DiGraph[int]":
    """Return the same graph for networkx, the fastest edge of each pair of nodes."""
    made: nx.DiGraph[int] = nx.DiGraph()
    made.add_nodes_from(range(len(graph.nodes)))
    for edge in graph.edges:
        held = made.get_edge_data(edge.start, edge.end)
        if held is None or edge.seconds < held["seconds"]:
            made.add_edge(edge.start, edge.end, seconds=edge.seconds)
    return made


def time_each(pairs: list[tuple[str, str]], ask: Callable[[str, str], float | None]) -> tuple[list[float], list[float]]:
    """Return the answers and the CPU milliseconds of each question."""
    answers, spent = [], []
    for start, end in pairs:
        began = time.process_time()
        answer = ask(start, end)
        spent.append((time.process_time() - began) * 1000)
        answers.append(float("inf") if answer is None else answer)
    return answers, spent


def main() -> None:
    """Print the table."""
    told = argparse.ArgumentParser()
    told.add_argument("--hub", default="hangzhou-east")
    told.add_argument("--pairs", type=int, default=200)
    asked = told.parse_args()
    print(machine_header(["rustworkx", "shapely", "networkx"]))
    settings = load_settings(asked.hub, lang="en")
    file = settings.venue.archive if settings.venue else settings.hub_file.parent / "venue.imdf.zip"
    drawn, read = measure(partial(read_archive, file))
    graph, built = measure(lambda: drawn.graph)
    assert isinstance(graph, WalkingGraph)
    print(f"{file.name}: {len(graph.nodes):,} nodes, {len(graph.edges):,} edges; peak {peak_rss_gib():.2f} GiB")
    print(
        f"read {read.cpu_s:.2f} CPU s, graph built {built.cpu_s:.2f} CPU s "
        f"({read.wall_s:.2f} / {built.wall_s:.2f} wall)"
    )
    other = as_networkx(graph)
    places = [*(unit.code for unit in graph.venue.units), *(each.code for each in graph.venue.openings)]
    places = [place for place in places if find_place(graph, place)]
    drawn_pairs = np.random.default_rng(SEED).choice(places, (asked.pairs, 2))
    pairs = [(str(a), str(b)) for a, b in drawn_pairs if a != b]

    def ours(start: str, end: str) -> float | None:
        way = graph.find_way(start, end)
        return None if way is None else way.seconds

    def theirs(start: str, end: str) -> float | None:
        try:
            return float(
                nx.single_source_dijkstra(other, graph.get_node(start), graph.get_node(end), weight="seconds")[0]
            )
        except nx.NetworkXNoPath:
            return None

    ours(*pairs[0])  # the graph that is searched is made once
    mine, mine_ms = time_each(pairs, ours)
    his, his_ms = time_each(pairs, theirs)
    assert np.allclose(mine, his, rtol=1e-9), "the two sides disagree"
    for name, spent in (("rustworkx, with legs and path", mine_ms), ("networkx, seconds and nodes", his_ms)):
        ranked = sorted(spent)
        print(
            f"{name:30} {len(spent)} ways: median {statistics.median(ranked):6.2f} ms, "
            f"p95 {ranked[int(len(ranked) * 0.95)]:6.2f} ms, max {ranked[-1]:6.2f} ms CPU"
        )
    free = [graph.find_way(a, b, step_free=True) for a, b in pairs]
    print(f"step-free: {sum(way is not None for way in free)} of {len(pairs)} pairs have a way")
    walks, table = measure(partial(walks_of, list_places(settings.hub), settings.hub.walks, graph))
    print(f"staff plan: {len(walks)} walks in {table.cpu_s * 1000:.0f} ms CPU")
    verdict = "reached" if statistics.median(mine_ms) <= TARGET_MS else "MISSED"
    print(f"target: a median way in {TARGET_MS:.0f} ms CPU, {verdict}")


if __name__ == "__main__":
    main()
