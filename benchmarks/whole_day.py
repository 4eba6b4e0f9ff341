"""A simulated day of 120,000 arrivals through the whole loop as fast as possible, on the real wires of this machine.

Simulated partners speak HTTP, MQTT and FHIR; the hub polls, senses, judges, warns, dispatches, flags at the gates;
simulated staff takes orders and leads every flagged person through the steps by the same commands as people do; messages
are handed over to files. At the end the books must agree: entered = released + transferred + open, and nobody missing.
`python -m benchmarks.whole_day [--arrivals 120000] [--from 04:00] [--until 24:00] [--step 1] [--profile]`
"""

import argparse
import cProfile
import logging
import pstats
import resource
import sys
import tempfile
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import structlog

from benchmarks.common import machine_header
from hubtwin.base.clock import epoch_minute
from hubtwin.cli.demo import stage
from hubtwin.cli.desk import Desk
from hubtwin.flow.feedback import balance
from hubtwin.model.event import EventKind
from hubtwin.settings import load_settings

DAY, LIMIT_S = date(2022, 10, 20), 300
HANDLED = (EventKind.CASE_MOVED, EventKind.CASE_CLOSED, EventKind.TASK_ACCEPTED, EventKind.TASK_ON_POST)


def main() -> int:
    """Run the day and print its figures; return 1 where the books do not agree or the limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrivals", type=int, default=120_000)
    parser.add_argument("--from", dest="since", default="04:00")
    parser.add_argument("--minutes", type=int, default=20 * 60)
    parser.add_argument("--after", type=int, default=8 * 60, help="minutes after the day in which cases are closed")
    parser.add_argument("--step", type=int, default=1, help="hub minutes between two steps")
    parser.add_argument("--lines", action="store_true", help="gates and lanes as JSON lines over HTTP, not MQTT")
    parser.add_argument("--profile", action="store_true")
    told = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(machine_header(["polars", "duckdb", "amqtt", "aiomqtt"]))
    with tempfile.TemporaryDirectory() as home:
        desk = Desk(load_settings(home=Path(home), lang="en", environ={}), "en")
        start = desk.local_moment(DAY, told.since)
        options = {"arrivals": told.arrivals, "no_crew": False, "no_event": False, "leave": 0, "mqtt": not told.lines}
        with stage(desk, DAY, start, options) as ready:
            profile = cProfile.Profile()
            if told.profile:
                profile.enable()
            code = run(ready, told, start)
            if told.profile:
                profile.disable()
                pstats.Stats(profile).sort_stats("cumtime").print_stats(45)
    return code


def run(ready, told, start) -> int:  # type: ignore[no-untyped-def]
    """Step through the day, then on until nothing is open."""
    service, works = ready.running.service, ready.running.works
    ready.clock.end = start + timedelta(minutes=told.minutes + told.after)
    began, cpu = time.perf_counter(), time.process_time()
    slowest, now, day_s = 0.0, start, 0.0
    for minute in range(0, told.minutes + told.after, told.step):
        now = start + timedelta(minutes=minute)
        ready.clock.jump(now)
        at = time.perf_counter()
        service.step(now)
        slowest = max(slowest, time.perf_counter() - at)
        if minute == told.minutes - told.step:
            day_s = time.perf_counter() - began
        if minute % 120 == 0:
            print(
                f"  {now:%H:%M}Z {time.perf_counter() - began:6.1f} s, {sum(works.ledger.count_cases().values())} cases",
                flush=True,
            )
        if minute >= told.minutes and balance(works.ledger, emergency_of(works)).open == 0:
            break
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    return report(ready, told, now, (day_s, wall, cpu, slowest))


def emergency_of(works) -> str:  # type: ignore[no-untyped-def]
    """Return the id of the event of the day."""
    return str(works.ledger.list_emergencies()[-1].emergency_id)


def report(ready, told, now, spent) -> int:  # type: ignore[no-untyped-def]
    """Print what was done; return 1 where something is wrong."""
    works, (day_s, wall, cpu, slowest) = ready.running.works, spent
    rows = {name: held.rows for name, held in works.store.held().items()}
    events = Counter(event.kind for event in works.ledger.list_events())
    found = balance(works.ledger, emergency_of(works))
    late = works.ledger.list_timers(epoch_minute(now))
    print(f"arrivals {told.arrivals:,}; rows sensed: " + ", ".join(f"{k} {v:,}" for k, v in sorted(rows.items())))
    print("events: " + ", ".join(f"{k} {v:,}" for k, v in sorted(events.items())))
    print(f"balance: {found}")
    print(
        f"day {day_s:.1f} s wall; with the night until the last case {wall:.1f} s wall, {cpu:.1f} CPU s; "
        f"slowest step {slowest:.2f} s; peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB; limit {LIMIT_S} s"
    )
    wrong = not found.agrees or bool(late) or wall > LIMIT_S
    print("books agree" if found.agrees else "BOOKS DIFFER", f"; open cases {found.open}; clocks that wait {len(late)}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
