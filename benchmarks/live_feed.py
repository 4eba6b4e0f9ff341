"""From append to the bytes at 200 pages, with 10,000 open cases; and how long a board takes meanwhile.

Three processes: the hub (ledger, feed, server, and the thread that appends), the pages (200 sockets and a slow one),
and this one, which joins both by event number. Time is counted from the return of the commit to the arrival at the
page's socket, on the machine's monotonic clock. An event has arrived when a delta or alarm of its revision or a later
one has. `python -m benchmarks.live_feed [--seconds 30] [--pages 200] [--per-s 20]`
"""

import argparse
import asyncio
import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import structlog

from benchmarks._feed_parts import PASSWORD, read_line, run_part, sign_in, sign_in_each
from benchmarks.common import SCRATCH, machine_header
from hubtwin.base.clock import epoch_minute, system_clock
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.case import Case
from hubtwin.model.event import EventKind
from hubtwin.model.task import Task, TaskState
from hubtwin.ports import CaseFilter
from hubtwin.settings import load_settings
from hubtwin.web.app import build
from hubtwin.web.real import RealDesk
from hubtwin.web.server import Server, listen, make_server
from hubtwin.web.start import desk_of
from hubtwin.wiring.works import Latest, open_works

CASES, ALARMS_PER_S, WARM_S, AWAKE_S, ASLEEP_S = 10_000, 1, 4, 4, 20
MODULE = "benchmarks.live_feed"
PACKAGES = ("fastapi", "uvicorn", "h11", "orjson")
DELTA_MS, ALARM_MS, BOARD_MS = 500, 200, 200
REV = re.compile(rb'"rev":(\d+)')  # the first one is that of the frame; to parse all at 200 pages would be our delay
ALARM_OF = "task-alarm"


def main() -> None:
    """Run the part that the arguments name; without them all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--per-s", type=int, default=20, help="moves of cases a second")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--listen", nargs=2)
    told = parser.parse_args()
    if told.serve:
        serve(told.seconds, told.per_s)
    elif told.listen:
        print(json.dumps(asyncio.run(hear(int(told.listen[0]), told.listen[1], told.pages, told.seconds))))
    else:
        report(told.seconds, told.pages, told.per_s)


def report(seconds: int, pages: int, per_s: int) -> None:
    """Run hub and pages, join what they saw, print the figures."""
    with run_part(MODULE, "--serve", "--seconds", str(seconds + WARM_S), "--per-s", str(per_s)) as hub:
        port = read_line(hub)["port"]
        cookie = sign_in(port)
        with run_part(
            MODULE, "--listen", str(port), cookie, "--pages", str(pages), "--seconds", str(seconds + WARM_S)
        ) as ears:
            time.sleep(WARM_S)
            boards = measure_boards(port, cookie, seconds)
            heard = read_line(ears)
        appended = read_line(hub)
    at = {int(seq): when for seq, when in appended["at"].items()}
    alarms = {int(seq) for seq in appended["alarms"]}
    warm = heard["ready"]  # every page has had its snapshot
    print(machine_header(PACKAGES))
    print(f"{pages} pages, {CASES:,} open cases, {per_s} moves and {ALARMS_PER_S} alarm a second for {seconds} s")
    _print("append -> page, changes", list(_waits(at, heard["deltas"], set(at) - alarms, warm)), DELTA_MS)
    _print("append -> page, alarms", list(_waits(at, heard["alarms"], alarms, warm)), ALARM_MS)
    for name, found in boards.items():
        _print(f"answer of {name}", found, BOARD_MS)
    slow, quick = heard["slow"], heard["quick"]
    print(
        f"slow page: {slow['alarms']} of {len(alarms)} alarms, {slow['changes']:,} changes in {slow['deltas']} deltas"
    )
    print(f"quick page: {quick['alarms']} alarms, {quick['changes']:,} changes in {quick['deltas']} deltas")
    rss = appended["rss_mb"]
    quarters = ", ".join(f"{found:.0f}" for found in (rss[0], *(rss[len(rss) * n // 4 - 1] for n in (1, 2, 3, 4))))
    print(f"memory of the hub when warm and after each quarter: {quarters} MB")


def _waits(at: dict[int, float], pages: Sequence[Any], wanted: set[int], warm: float) -> Iterator[float]:
    """Yield for each page and wanted event the milliseconds until a frame of its revision or a later one came."""
    for frames in pages:
        revs, times = np.array([rev for rev, _ in frames]), np.array([when for _, when in frames])
        times = np.minimum.accumulate(times[::-1])[::-1]
        for seq in wanted:
            place = int(np.searchsorted(np.maximum.accumulate(revs), seq)) if len(revs) else 0
            if at[seq] > warm and place < len(times):
                yield (times[place] - at[seq]) * 1000


def _print(name: str, found_ms: Sequence[float], most_ms: int) -> None:
    p50, p95, worst = np.percentile(found_ms, (50, 95, 100))
    verdict = "met" if p95 < most_ms else "MISSED"
    head = f"{name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {worst:.0f} ms"
    print(f"{head} of {len(found_ms):,} (p95 wanted under {most_ms} ms: {verdict})")


def measure_boards(port: int, cookie: str, seconds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each answer of each board, four a second in turn."""
    paths = ("board", "cases?limit=200", "cases?overdue=true", "tasks")
    found: dict[str, list[float]] = {path: [] for path in paths}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", headers={"cookie": cookie}) as client:
        end = time.monotonic() + seconds - 1
        while time.monotonic() < end:
            for path in paths:
                began = time.perf_counter()
                client.get(path).raise_for_status()
                found[path].append((time.perf_counter() - began) * 1000)
                time.sleep(0.06)
    return found


class Pace(NamedTuple):
    """For how long, and how many events a second."""

    seconds: int
    per_s: int


@dataclass
class Ear:
    """What one page heard."""

    deltas: list[tuple[int, float]] = field(default_factory=list)
    alarms: list[tuple[int, float]] = field(default_factory=list)
    changes: int = 0
    ready: float = 0.0
    name: bytes = b""

    async def hear(self, port: int, cookie: str, end: float) -> None:
        """Read events until the time is up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=8 << 20)
        writer.write(_request(cookie))
        while (left := end - time.monotonic()) > 0:
            try:
                self.take(await asyncio.wait_for(reader.readline(), left))
            except TimeoutError:
                break
        writer.close()

    def hear_slowly(self, port: int, cookie: str, end: float) -> None:
        """Take nothing for a while before the end, as a page behind a lost network; longer, and it is cut off."""
        with socket.socket() as sock, sock.makefile("rb") as lines:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)  # or the kernel would take it all
            sock.connect(("127.0.0.1", port))
            sock.sendall(_request(cookie))
            while not self.deltas or time.monotonic() < end - AWAKE_S - ASLEEP_S:
                self.take(lines.readline())
            time.sleep(max(0.0, end - AWAKE_S - time.monotonic()))
            while time.monotonic() < end:
                self.take(lines.readline())

    def take(self, line: bytes) -> None:
        """Take a line of the stream."""
        if line.startswith(b"event: "):
            self.name = line[7:].strip()
            self.ready = self.ready or time.monotonic()
        elif line.startswith(b"data: ") and self.name in (b"delta", b"alarm"):
            now, found = time.monotonic(), REV.search(line)
            assert found is not None
            (self.alarms if self.name == b"alarm" else self.deltas).append((int(found[1]), now))
            self.changes += line.count(b'"topic":')


def _request(cookie: str) -> bytes:
    return f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode()


async def hear(port: int, cookie: str, pages: int, seconds: int) -> dict[str, Any]:
    """Hear as many pages and a slow one; return when each heard which revision."""
    end = time.monotonic() + seconds - 1
    ears, slow = [Ear() for _ in range(pages)], Ear()
    behind = asyncio.to_thread(slow.hear_slowly, port, cookie, end)
    cookies = await asyncio.to_thread(sign_in_each, port, len(ears))
    await asyncio.gather(*(ear.hear(port, each, end) for ear, each in zip(ears, cookies, strict=True)), behind)

    def count(ear: Ear) -> dict[str, int]:
        return {"alarms": len(ear.alarms), "changes": ear.changes, "deltas": len(ear.deltas)}

    told: dict[str, Any] = {"deltas": [ear.deltas for ear in ears], "alarms": [ear.alarms for ear in ears]}
    told["ready"] = max(ear.ready for ear in ears)
    return {**told, "slow": count(slow), "quick": count(ears[0])}


def serve(seconds: int, per_s: int) -> None:
    """Be the hub: print the port, append while serving, print what was appended when."""
    SCRATCH.mkdir(exist_ok=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))  # as `hubtwin` does
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        settings = load_settings(home=Path(home))
        opened = open_works(settings, clock=system_clock, real_clock=system_clock, clocks_min={})
        with opened as works:
            found = EmptyList(settings, works.store, system_clock)
            desk = desk_of(replace(works, latest=found))
            cases = fill(desk)
            app, sock = build(desk), listen("127.0.0.1", 0)
            server = make_server(app)
            print(json.dumps({"port": sock.getsockname()[1]}), flush=True)
            out: dict[str, Any] = {}
            thread = threading.Thread(target=append, args=(desk, cases, Pace(seconds, per_s), server, out))
            thread.start()
            server.run([sock])
            thread.join()
            print(json.dumps(out), flush=True)


class EmptyList(Latest):
    """The list of a hub without a timetable: nothing. The benchmark is about the loop."""

    def __call__(self) -> Any:
        """Return a list without trains."""
        return _NOTHING


class _Feed:
    age_min, is_stale, is_silent = 0, False, False


class _Nothing:
    now = system_clock()
    service_date = pattern_date = now.date()
    trains: tuple[()] = ()
    overloads: tuple[()] = ()
    synthetic: tuple[()] = ()
    feed = _Feed()


_NOTHING = _Nothing()


def fill(desk: RealDesk) -> list[Case]:
    """Open the cases, one account, and a task to raise alarms about."""
    accounts, now_min = desk.works.access.accounts, epoch_minute(system_clock())
    accounts.add_agency(Agency("command", AgencyKind.COMMAND, "指挥部", "Command"))
    roles, scenes = frozenset({Role.DUTY_COMMANDER}), frozenset({"epidemic"})
    accounts.create(Person("bench", "bench", "command", AgencyKind.COMMAND, roles, scenes), PASSWORD, by="bench")
    with desk.works.ledger.unit(now_min) as unit:
        for number in range(CASES):
            due = now_min + number % 120 - 20
            train = f"G{number % 300} 2022-10-20"
            unit.save_case(Case(f"case-{number}", "epidemic", "e", f"p{number}", train, now_min, deadline_min=due))
        for number in range(CASES):
            task = Task(f"task-{number}", "epidemic", "meet_train", f"G{number % 300}", "6", "T01", now_min, now_min)
            unit.save_task(replace(task, deadline_min=now_min + number % 60))
        escalated = Task(ALARM_OF, "epidemic", "meet_train", "G1", "6", "T01", now_min, now_min, TaskState.ESCALATED)
        unit.save_task(escalated)
    return desk.works.ledger.list_cases(CaseFilter(limit=CASES))


def append(desk: RealDesk, cases: list[Case], pace: Pace, server: Server, out: dict[str, Any]) -> None:
    """Move cases and raise alarms at the given pace; write down when each commit returned."""
    at, alarms, memory = dict[int, float](), list[int](), list[float]()
    end, number = time.monotonic() + pace.seconds, 0
    while time.monotonic() < end:
        began, now_min = time.monotonic(), epoch_minute(system_clock())
        is_alarm = number % (pace.per_s // ALARMS_PER_S) == 0
        case = cases[number % 97] = replace(cases[number % 97], version=cases[number % 97].version + 1)
        with desk.works.ledger.unit(now_min) as unit:
            if is_alarm:
                seq = unit.append(EventKind.TASK_ESCALATED, ALARM_OF, {"task": ALARM_OF, "by": "system"}, "epidemic")
            else:
                unit.save_case(case)
                seq = unit.append(EventKind.CASE_MOVED, case.case_id, {"case": case.case_id, "by": "x"}, "epidemic")
        at[seq] = time.monotonic()
        if is_alarm:
            alarms.append(seq)
            cases[number % 97] = replace(case, version=case.version - 1)
            memory.append(rss_mb())
        number += 1
        time.sleep(max(0.0, 1 / pace.per_s - (time.monotonic() - began)))
    time.sleep(1)
    out |= {"at": at, "alarms": alarms, "rss_mb": memory[2:]}
    server.stop()


def rss_mb() -> float:
    """Return the resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
