"""Jumps into a recorded day: from the question to the full picture as bytes, at random minutes.

10,000 things of which 2,000 move every `--step-s` seconds of the hub for a day, 500 open cases of which one moves at
each step; recorded through the feed's own recorder, so key frames stand where they would. The alternative in the same
run is the journal without key frames but the first of each hour. `python -m benchmarks.past [--step-s 10] [--hours 24]`
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.common import SCRATCH, machine_header
from benchmarks.live_feed import EmptyList
from benchmarks.panorama_feed import Load, make_things, move
from hubtwin.base.clock import system_clock
from hubtwin.model.case import Case
from hubtwin.settings import load_settings
from hubtwin.stores.journal import Journal
from hubtwin.web.change import ANY, TOPICS, Change, View
from hubtwin.web.real import RealDesk
from hubtwin.web.recorder import Recorder
from hubtwin.web.shown import case_row
from hubtwin.web.start import desk_of
from hubtwin.web.things import Things
from hubtwin.web.wire import encode
from hubtwin.wiring.works import open_works

JUMPS, CASES, AT_ONCE, WANTED_MS = 100, 500, 50, 1000
LOAD = Load(seconds=0, pages=0, things=10_000, moves=2_000)
EVERYTHING = View(frozenset((topic, ANY) for topic in TOPICS))


def main() -> None:
    """Record a day, jump, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step-s", type=int, default=10)
    parser.add_argument("--hours", type=int, default=24)
    told = parser.parse_args()
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        settings, now = load_settings(home=Path(home)), system_clock()
        with open_works(settings, clock=lambda: now, real_clock=system_clock, clocks_min={}) as works:
            desk = desk_of(replace(works, latest=EmptyList(settings, works.store, system_clock)))
            assert works.journal is not None
            first_ms = int(now.timestamp() * 1000) - told.hours * 3_600_000
            began = time.monotonic()
            entries = record(desk, works.journal, first_ms, told.hours * 3600, told.step_s)
            print(machine_header(("pyarrow", "orjson")))
            print(f"recorded {told.hours} h, a tick every {told.step_s} s: {entries:,} ticks of {LOAD.moves:,} moves")
            print(f"journal {works.journal.size() / 1e6:.0f} MB, written in {time.monotonic() - began:.0f} s")
            measure(desk, first_ms, told.hours * 60, "ours")
            thin_out(works.journal)
            measure(desk, first_ms, told.hours * 60, "a key frame an hour")


def record(desk: RealDesk, journal: Journal, first_ms: int, seconds: int, step_s: int) -> int:
    """Fill the journal as a day of the feed does; return the number of ticks."""
    chance, erased = Random(3), journal.erased()
    desk.panorama.take(make_things(LOAD, chance, first_ms))
    things = Things(desk.panorama)
    recorder = Recorder(things)
    recorder.begin(desk.past.picture(), desk.past.start())
    now_min = first_ms // 60_000
    cases = [Case(f"case-{n}", "epidemic", "e", f"p{n}", f"G{n % 30}", now_min) for n in range(CASES)]
    for case in cases:
        recorder.take(Change(0, now_min, "CaseOpened", "case", case.case_id, "epidemic", case_row(case)))
    recorder.flush(first_ms, None)
    for number in range(1, seconds // step_s):
        at_ms = first_ms + number * step_s * 1000
        desk.panorama.take(move(LOAD, chance, at_ms))
        case = replace(cases[number % CASES], version=number)
        recorder.take(Change(number, at_ms // 60_000, "CaseMoved", "case", case.case_id, "epidemic", case_row(case)))
        recorder.flush(at_ms, things.step())
        if number % AT_ONCE == 0:
            journal.append(recorder.drain(), erased)
    journal.append(recorder.drain(), erased)
    return seconds // step_s


def measure(desk: RealDesk, first_ms: int, minutes: int, name: str) -> None:
    """Jump to random minutes, and make the bytes of the answer."""
    chance, found_ms, size, cpu_s = Random(4), list[float](), 0, time.process_time()
    for _ in range(JUMPS):
        at_ms = first_ms + chance.randrange(1, minutes) * 60_000
        began = time.perf_counter()
        size = len(encode(desk.past.at(EVERYTHING, at_ms)))
        found_ms.append((time.perf_counter() - began) * 1000)
    p50, p95, worst = np.percentile(found_ms, (50, 95, 100))
    verdict, cpu_ms = "met" if worst < WANTED_MS else "MISSED", (time.process_time() - cpu_s) / JUMPS * 1000
    print(f"{name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {worst:.0f} ms of {JUMPS} jumps, {size / 1e6:.1f} MB each")
    print(f"  (every one wanted under {WANTED_MS} ms: {verdict}; processor time of one {cpu_ms:.0f} ms)")


def thin_out(journal: Journal) -> None:
    """Take the key frames away, but for the first of each hour."""
    with journal._database.transaction() as con:
        con.execute(
            "DELETE FROM entries WHERE is_key = 1 AND seq NOT IN"
            " (SELECT min(seq) FROM entries WHERE is_key = 1 GROUP BY at_ms / 3600000)"
        )


if __name__ == "__main__":
    main()
