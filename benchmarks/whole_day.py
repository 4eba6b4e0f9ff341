"""A simulated day of 120,000 arrivals through the whole loop as fast as possible, on the wires of this machine.

Simulated partners speak HTTP, MQTT and FHIR; the hub polls, senses, judges, warns, dispatches, flags at the gates;
simulated staff takes orders and leads every flagged person through the steps by the same commands as people do;
messages are handed over to files. At the end the books must agree: entered = released + transferred + open.
`python -m benchmarks.whole_day [--arrivals 120000] [--from 04:00] [--minutes 1200] [--step 1] [--lines] [--profile]`
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
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import structlog

from benchmarks.common import machine_header
from hubtwin.base.clock import epoch_minute
from hubtwin.cli.demo import Stage, stage
from hubtwin.cli.desk import Desk
from hubtwin.flow.feedback import Balance, balance
from hubtwin.settings import load_settings

DAY, LIMIT_S = date(2022, 10, 20), 300


@dataclass(frozen=True)
class Spent:
    """Seconds of the day, of the day with the night until the last case, of the processor, of the slowest step."""

    day_s: float
    all_s: float
    cpu_s: float
    slowest_s: float
    ended: datetime


def main() -> int:
    """Run the day and print its figures; return 1 where the books do not agree or the limit is missed."""
    told = ask()
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
            spent = run(ready, told, start)
            if told.profile:
                profile.disable()
                pstats.Stats(profile).sort_stats("cumtime").print_stats(45)
            return report(ready, told.arrivals, spent)


def ask() -> argparse.Namespace:
    """Return what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrivals", type=int, default=120_000)
    parser.add_argument("--from", dest="since", default="04:00")
    parser.add_argument("--minutes", type=int, default=20 * 60)
    parser.add_argument("--after", type=int, default=8 * 60, help="minutes after the day in which cases are closed")
    parser.add_argument("--step", type=int, default=1, help="hub minutes between two steps")
    parser.add_argument("--lines", action="store_true", help="gates and lanes as JSON lines over HTTP, not MQTT")
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def run(ready: Stage, told: argparse.Namespace, start: datetime) -> Spent:
    """Step through the day, then on until nothing is open."""
    service, works = ready.running.service, ready.running.works
    ready.clock.end = start + timedelta(minutes=told.minutes + told.after)
    began, cpu_s = time.perf_counter(), time.process_time()
    slowest_s, day_s, now = 0.0, 0.0, start
    for minute in range(0, told.minutes + told.after, told.step):
        now, at_s = start + timedelta(minutes=minute), time.perf_counter()
        ready.clock.jump(now)
        service.step(now)
        slowest_s = max(slowest_s, time.perf_counter() - at_s)
        if minute < told.minutes:
            day_s = time.perf_counter() - began
        elif books_of(ready).open == 0:
            break
        if minute % 120 == 0:
            cases = sum(works.ledger.count_cases().values())
            print(f"  {now:%H:%M}Z {time.perf_counter() - began:6.1f} s, {cases} cases", flush=True)
    return Spent(day_s, time.perf_counter() - began, time.process_time() - cpu_s, slowest_s, now)


def books_of(ready: Stage) -> Balance:
    """Return the balance of the event of the day."""
    ledger = ready.running.works.ledger
    return balance(ledger, ledger.list_emergencies()[-1].emergency_id)


def report(ready: Stage, arrivals: int, spent: Spent) -> int:
    """Print what was done; return 1 where something is wrong."""
    works, found = ready.running.works, books_of(ready)
    rows = {name: held.rows for name, held in works.store.held().items()}
    events = Counter(event.kind for event in works.ledger.list_events())
    late = works.ledger.list_timers(epoch_minute(spent.ended))
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"arrivals {arrivals:,}; rows: " + ", ".join(f"{name} {count:,}" for name, count in sorted(rows.items())))
    print("events: " + ", ".join(f"{kind} {count:,}" for kind, count in sorted(events.items())))
    print(f"{found}; clocks that wait {len(late)}; {'books agree' if found.agrees else 'BOOKS DIFFER'}")
    print(f"day {spent.day_s:.1f} s; with the night until the last case {spent.all_s:.1f} s, {spent.cpu_s:.1f} CPU s")
    print(f"slowest step {spent.slowest_s:.2f} s; peak memory {memory_gb:.2f} GB; limit {LIMIT_S} s")
    return int(not found.agrees or bool(late) or spent.all_s > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
