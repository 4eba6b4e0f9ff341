"""The collision beside DuckDB: the same output, made by both in the same run, each in a process of its own.

    python -m benchmarks.collision                      140 million stays; needs 9 GB of disk, 5 GB of memory
    python -m benchmarks.collision --stays 5000000      a minute, to see that it works

The stays are synthetic, the risk intervals are real. CPU seconds (user + system, all threads) are compared, not wall
time. DuckDB gets every reasonable way to ask (`_collision_tasks.WAYS`), with 1 and 2 threads, into a table of its
own and into Arrow; the cheapest single run of all of these is its figure. Ours is the cheapest of as many runs.
"""

import argparse
import sys
from typing import Any

from benchmarks._collision_data import Scale, prepare
from benchmarks._collision_tasks import WAYS
from benchmarks.common import machine_header, run_child

# question -> what it gives, the share of DuckDB's CPU seconds that it may cost
TARGETS = {
    "exposed": ("exposed persons with the ids of their exposed stays", 1 / 6),
    "pairs": ("all (stay, interval) pairs", 1 / 3),
    "persons": ("highest level and first minute of every exposed person", 1 / 4),
}
TARGET_STAYS = 140_000_000
LIMITS_MS = {"every area": 0.3, "largest area": 150.0}
LARGEST_ZIPF = 1.0  # gives the largest county 16 million of 140 million stays
_TASKS = "benchmarks._collision_tasks"


def say(line: str) -> None:
    """Print a line at once: a run takes minutes."""
    print(line, flush=True)


def compare(scale: Scale, question: str, runs: int) -> bool:
    """Run both sides of one question and print them; return whether all answers are equal."""
    of_scale = ["--stays", str(scale.stays), "--zipf", str(scale.zipf), "--runs", str(runs)]
    title, target = TARGETS[question]
    say(f"\n## {title}")
    ours = run_child(_TASKS, ["kernel", question, *of_scale])
    say(f"{ours['rows']:,} rows, {ours['bytes'] / 2**20:,.0f} MiB")
    _show("hubtwin", ours)
    sides = []
    for way in WAYS[question]:
        for threads in ("1", "2"):
            for sink in ("table", "arrow"):
                options = ["--way", way, "--threads", threads, "--sink", sink]
                theirs = run_child(_TASKS, ["duckdb", question, *of_scale, *options])
                sides.append(theirs)
                _show(f"DuckDB, {way}, {threads} thread(s), {sink}", theirs)
    same = all(theirs["rows"] == ours["rows"] for theirs in sides)
    same &= all(theirs.get("checksum", ours["checksum"]) == ours["checksum"] for theirs in sides)
    best = min(min(theirs["cpu_s"]) for theirs in sides)
    first = min(theirs["cpu_s"][0] for theirs in sides)
    share, share_first = min(ours["cpu_s"]) / best, ours["cpu_s"][0] / first
    verdict = f"target 1/{1 / target:.0f}: {'met' if share <= target else 'MISSED'}"
    if scale.stays < TARGET_STAYS:
        verdict = f"the target is for {TARGET_STAYS:,} stays; fewer measure overhead"
    say(f"answers {'equal' if same else 'DIFFER'} (rows and checksum of every row)")
    say(f"share of DuckDB's CPU: 1/{1 / share:.1f}; {verdict}")
    say(f"first run of a fresh process, which pays for fresh memory: 1/{1 / share_first:.1f}")
    return same


def _show(side: str, used: dict[str, Any]) -> None:
    cpu, wall = used["cpu_s"], used["wall_s"]
    say(
        f"{side:<48} CPU s best {min(cpu):6.3f}  median {sorted(cpu)[len(cpu) // 2]:6.3f}  first {cpu[0]:6.3f}"
        f" (user {used['user_s'][0]:5.3f})   wall s best {min(wall):6.3f}   peak {used['peak_gib']:.2f} GiB"
    )


def single_questions(scale: Scale) -> bool:
    """Print how long single questions take; return whether increments gave the same as everything at once."""
    found = run_child("benchmarks._collision_latency", ["--stays", str(scale.stays), "--zipf", str(scale.zipf)])
    say(f"\n## single questions, wall ms, zipf {scale.zipf:g}; peak {found['peak_gib']:.2f} GiB")
    for length in ("12 h", "7 days"):
        areas = found[length]
        size = f"{areas['largest stays']:,} stays -> {areas['largest persons']:,} persons"
        for which, limit in LIMITS_MS.items():
            name = f"published area of {length}, {which}" + (f" ({size})" if which == "largest area" else "")
            _show_ms(name, areas[which], limit)
            if "duckdb" in areas:
                _show_ms(f"  the same in DuckDB, 2 threads, {which}", areas["duckdb"][which], None)
    person, stay, steps = found["person"], found["stay"], found["increments"]
    for when in ("first asked", "asked again"):
        _show_ms(f"all evidence of one person, {when}", person[when], 5.0)
    say(f"  {person['evidence rows p50']:.0f} rows of evidence at the median, at most {person['max']}")
    say(
        f"one new stay against the risk set: {stay['us']:.2f} us, limit 2"
        f" ({stay['exposed']:,} of {stay['asked']:,} exposed)"
    )
    say(f"increments: {steps['steps']} steps on {steps['stays']:,} stays: {'equal' if steps['equal'] else 'DIFFER'}")
    return bool(steps["equal"])


def _show_ms(name: str, spread: dict[str, float], limit: float | None) -> None:
    verdict = "" if limit is None else f"   p50 limit {limit:g}: {'met' if spread['p50'] <= limit else 'MISSED'}"
    say(
        f"{name:<90} p50 {spread['p50']:8.3f}  p95 {spread['p95']:8.3f}  max {spread['max']:8.3f}"
        f"  of {spread['asked']:.0f}{verdict}"
    )


def main() -> int:
    """Make the data once, run everything, and return 1 where two answers differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stays", type=int, default=TARGET_STAYS)
    parser.add_argument("--runs", type=int, default=5, help="runs in each process (default 5)")
    parser.add_argument("--only", choices=(*TARGETS, "single", "largest"), help="one part instead of all")
    given = parser.parse_args()
    parts = [given.only] if given.only else [*TARGETS, "single", "largest"]
    say(machine_header(("numpy", "duckdb", "pyarrow")))
    same = True
    scale, largest = Scale(given.stays), Scale(given.stays, LARGEST_ZIPF)
    if parts != ["largest"]:
        prepare(scale, tables=True, say=say)
    for part in parts:
        if part in TARGETS:
            same &= compare(scale, part, given.runs)
        elif part == "single":
            same &= single_questions(scale)
        else:
            prepare(largest, tables=False, say=say)
            same &= single_questions(largest)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
