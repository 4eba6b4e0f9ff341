"""From sensing to the bytes at 200 pages: 10,000 things of which 2,000 move once a second, and one alarm a second.

Three processes, as in `live_feed.py`: the hub (panorama, feed, journal, server, and the thread that senses), the pages
(200 sockets and a slow one), and this one, which joins both by revision. Time is counted from the return of
`Panorama.take`, or of the commit of an alarm, to the arrival at the page's socket. `python -m benchmarks.panorama_feed
[--seconds 30 | --minutes 30] [--pages 200] [--things 10000] [--moves 2000]`

The alternatives are measured in the same run, after the pages have gone: JSON made for each page anew instead of once
per audience, and the whole picture every second instead of what changed.
"""

import argparse
import asyncio
import json
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import structlog

from benchmarks._feed_parts import PASSWORD, read_line, run_part, sign_in, sign_in_each
from benchmarks.common import SCRATCH, machine_header
from benchmarks.live_feed import ALARM_OF, EmptyList, rss_mb
from hubtwin.base.clock import epoch_minute, system_clock
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.event import EventKind
from hubtwin.model.task import Task, TaskState
from hubtwin.model.thing import Thing
from hubtwin.settings import load_settings
from hubtwin.web.app import build
from hubtwin.web.change import Audience
from hubtwin.web.server import Server, listen, make_server
from hubtwin.web.start import desk_of
from hubtwin.web.things import Things, view_of
from hubtwin.web.wire import encode
from hubtwin.wiring.panorama import Panorama
from hubtwin.wiring.works import Works, open_works

MODULE = "benchmarks.panorama_feed"
WARM_S, AWAKE_S, ASLEEP_S, BATCHES_PER_S = 10, 4, 15, 10
MOVE_MS, ALARM_MS = 500, 200
PACKAGES = ("fastapi", "uvicorn", "h11", "orjson", "pyarrow")
REV = re.compile(rb'"rev":(\d+)')


@dataclass(frozen=True)
class Load:
    """What is measured."""

    seconds: int
    pages: int
    things: int
    moves: int

    def told(self) -> list[str]:
        """Return it as arguments."""
        return [f"--{name}={getattr(self, name)}" for name in ("seconds", "pages", "things", "moves")]


def main() -> None:
    """Run the part that the arguments name; without them all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual in (("seconds", 30), ("pages", 200), ("things", 10_000), ("moves", 2_000)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--minutes", type=int, default=0)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--listen", nargs=2)
    told = parser.parse_args()
    load = Load(told.minutes * 60 or told.seconds, told.pages, told.things, told.moves)
    if told.serve:
        serve(load)
    elif told.listen:
        print(json.dumps(asyncio.run(hear(int(told.listen[0]), told.listen[1], load))))
    else:
        report(load)


def report(load: Load) -> None:
    """Run hub and pages, join what they saw, print the figures."""
    with run_part(MODULE, "--serve", *load.told()) as hub:
        port = read_line(hub)["port"]
        cookie = sign_in(port)
        with run_part(MODULE, "--listen", str(port), cookie, *load.told()) as ears:
            heard = read_line(ears)
            sensed = read_line(hub)
    print(machine_header(PACKAGES))
    print(f"{load.pages} pages, {load.things:,} things, {load.moves:,} moves and one alarm a second, {load.seconds} s")
    _print("sensed -> page", _waits(sensed["moves"], heard["things"], heard["ready"]), MOVE_MS)
    _print("alarm -> page", _waits(sensed["alarms"], heard["alarms"], heard["ready"]), ALARM_MS)
    first_s = [when - heard["began"] for when in heard["ready"]]
    print(f"first picture, all pages coming at once: half {np.median(first_s):.1f} s, the last {max(first_s):.1f} s")
    slow, quick = heard["slow"], heard["quick"]
    print(f"a quick page: {quick['alarms']} alarms, {quick['things']:,} things in {quick['bytes'] / 1e6:.1f} MB")
    print(f"a slow page: {slow['alarms']} alarms, {slow['things']:,} things in {slow['bytes'] / 1e6:.1f} MB")
    print(f"it holds the newest of each thing: {'yes' if heard['agree'] else 'NO'}; cut off: {heard['cut']}")
    rss = sensed["rss_mb"]
    marks = (rss[0], *(rss[len(rss) * n // 4 - 1] for n in (1, 2, 3, 4)))
    print(f"memory of the hub when warm and after each quarter: {', '.join(f'{mb:.0f}' for mb in marks)} MB")
    print(f"journal: {sensed['journal_mb']:.1f} MB in {load.seconds} s; CPU of the hub {sensed['cpu']:.0%} of one core")
    compare(load)


def compare(load: Load) -> None:
    """Print what a second of the alternatives costs one core."""
    panorama, chance = Panorama(), Random(1)
    panorama.take(make_things(load, chance, 0))
    things = Things(panorama)
    panorama.take(move(load, chance, 1_000))
    began = time.process_time()
    step = things.step()
    assert step is not None
    small = len(step.body(Audience.ALL))
    shared_s = time.process_time() - began
    began = time.process_time()
    for _ in range(5):
        encode(list(step.told.values()))
    each_s = (time.process_time() - began) / 5 * load.pages
    began = time.process_time()
    whole = len(encode([view_of(thing) for thing in panorama.list_things()]))
    whole_s = time.process_time() - began
    print("made for pages each second (CPU, then bytes to each page):")
    print(f"  ours, what changed, once per audience: {shared_s * 1e3:.0f} ms, {small / 1e3:.0f} kB")
    print(f"  what changed, JSON for each page anew: {(shared_s + each_s) * 1e3:.0f} ms, {small / 1e3:.0f} kB")
    print(f"  the whole picture, once for all pages: {whole_s * 1e3:.0f} ms, {whole / 1e3:.0f} kB")


def make_things(load: Load, chance: Random, at_ms: int) -> list[Thing]:
    """Return what there is at first: vehicles, and zones that are counted."""
    return [
        Thing(
            *(f"vehicle:bus:{n}", "vehicle", at_ms, "vehicles"),
            lon=120.2 + chance.uniform(-0.05, 0.05),
            lat=30.29 + chance.uniform(-0.05, 0.05),
            values={"mode": "bus", "line": f"{n % 90}", "bearing": 0, "speed_mps": 8.5, "delay_s": None, "stop": ""},
        )
        if n < load.things * 8 // 10
        else Thing(
            f"zone:Z{n}", "zone", at_ms, "crowd", f"Z{n}", values={"people": 10, "density_per_m2": 0.1, "los": "A"}
        )
        for n in range(load.things)
    ]


def move(load: Load, chance: Random, at_ms: int, part: int = 0, parts: int = 1) -> list[Thing]:
    """Return where a part of those that move are now: each has moved and turned."""
    return [
        Thing(
            *(f"vehicle:bus:{n}", "vehicle", at_ms, "vehicles"),
            lon=120.2 + chance.uniform(-0.05, 0.05),
            lat=30.29 + chance.uniform(-0.05, 0.05),
            values={
                "mode": "bus",
                "line": f"{n % 90}",
                "bearing": chance.randrange(360),
                "speed_mps": 8.5,
                "delay_s": None,
                "stop": "",
            },
        )
        for n in range(part, load.moves, parts)
    ]


@dataclass
class Ear:
    """What one page heard: revisions of the panorama and alarms with the moment of their arrival."""

    things: list[tuple[int, float]] = field(default_factory=list)
    alarms: list[tuple[int, float]] = field(default_factory=list)
    told: int = 0
    size: int = 0
    ready: float = 0.0
    name: bytes = b""
    rev: int = 0
    held: dict[str, int] | None = None  # id -> when it was sensed, of a page that looks at what it hears
    cut: bool = False

    async def hear(self, port: int, cookie: str, end: float) -> None:
        """Read events until the time is up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=32 << 20)
        writer.write(_request(cookie))
        while (left := end - time.monotonic()) > 0:
            try:
                if not (line := await asyncio.wait_for(reader.readline(), left)):
                    self.cut = True
                    break
            except TimeoutError:
                break
            self.take(line)
        writer.close()

    def hear_slowly(self, port: int, cookie: str, end: float) -> None:
        """Take nothing for a while before the end, as a page behind a lost network; longer, and it is cut off."""
        with socket.socket() as sock, sock.makefile("rb") as lines:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)  # or the kernel would take it all
            sock.connect(("127.0.0.1", port))
            sock.sendall(_request(cookie))
            while not self.things or time.monotonic() < end - AWAKE_S - ASLEEP_S:
                self.take(lines.readline())
            time.sleep(max(0.0, end - AWAKE_S - time.monotonic()))
            while time.monotonic() < end:
                line = lines.readline()
                self.cut = self.cut or not line
                self.take(line)

    def take(self, line: bytes) -> None:
        """Take a line of the stream."""
        self.size += len(line)
        if line.startswith(b"id: "):
            self.rev = int(line.split(b".")[1])  # of the panorama
        elif line.startswith(b"event: "):
            self.name = line[7:].strip()
        elif line.startswith(b"data: "):
            now = time.monotonic()
            self.ready = self.ready or now
            if self.name == b"delta":
                self.things.append((self.rev, now))
                self.told += line.count(b'"vehicle:bus:')
            elif self.name == b"alarm" and (found := REV.search(line)):
                self.alarms.append((int(found[1]), now))
            if self.held is not None and self.name in (b"snapshot", b"delta"):
                self._hold(json.loads(line[6:])["things"])

    def _hold(self, things: Sequence[Any]) -> None:
        assert self.held is not None
        for told in things:
            name, at_ms = (told["id"], told["at_ms"]) if isinstance(told, dict) else told[:2]
            self.held[name] = at_ms


def _request(cookie: str) -> bytes:
    # by HTTP/1.0 an answer without length comes as it is, not in chunks
    return f"GET /api/v1/live HTTP/1.0\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode()


async def hear(port: int, cookie: str, load: Load) -> dict[str, Any]:
    """Hear as many pages and a slow one; return when each heard which revision."""
    began = time.monotonic()
    end = began + load.seconds + WARM_S - 1
    ears, slow = [Ear() for _ in range(load.pages)], Ear(held={})
    ears[0].held = {}
    behind = asyncio.to_thread(slow.hear_slowly, port, cookie, end)
    cookies = await asyncio.to_thread(sign_in_each, port, len(ears))
    await asyncio.gather(*(ear.hear(port, each, end) for ear, each in zip(ears, cookies, strict=True)), behind)
    assert slow.held is not None
    assert ears[0].held is not None
    late_ms = [ears[0].held[name] - at_ms for name, at_ms in slow.held.items()]

    def count(ear: Ear) -> dict[str, int]:
        return {"alarms": len(ear.alarms), "things": ear.told, "bytes": ear.size}

    return {
        "things": [ear.things for ear in ears],
        "alarms": [ear.alarms for ear in ears],
        "ready": [ear.ready or end for ear in ears],
        "began": began,
        "slow": count(slow),
        "quick": count(ears[0]),
        "agree": len(slow.held) == load.things and max(late_ms) <= 2_000,  # it may be two batches behind at the end
        "cut": sum(ear.cut for ear in (*ears, slow)),
    }


def serve(load: Load) -> None:
    """Be the hub: print the port, sense while serving, print what was sensed when."""
    SCRATCH.mkdir(exist_ok=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))  # as `hubtwin` does
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        settings = load_settings(home=Path(home))
        opened = open_works(settings, clock=system_clock, real_clock=system_clock, clocks_min={})
        with opened as works:
            desk = desk_of(replace(works, latest=EmptyList(settings, works.store, system_clock)))
            works.panorama.take(make_things(load, Random(1), _now_ms()))
            fill(works)
            app, sock = build(desk), listen("127.0.0.1", 0)
            server = make_server(app)
            print(json.dumps({"port": sock.getsockname()[1]}), flush=True)
            out: dict[str, Any] = {}
            pages = app.state.edge.feed.pages
            thread = threading.Thread(target=sense, args=(works, load, server, lambda: bool(pages), out))
            thread.start()
            server.run([sock])
            thread.join()
            print(json.dumps(out), flush=True)


def fill(works: Works) -> None:
    """Make one account, and a task to raise alarms about."""
    accounts, now_min = works.access.accounts, epoch_minute(system_clock())
    accounts.add_agency(Agency("command", AgencyKind.COMMAND, "指挥部", "Command"))
    roles, scenes = frozenset({Role.DUTY_COMMANDER}), frozenset({"epidemic"})
    accounts.create(Person("bench", "bench", "command", AgencyKind.COMMAND, roles, scenes), PASSWORD, by="bench")
    with works.ledger.unit(now_min) as unit:
        late = Task(ALARM_OF, "epidemic", "meet_train", "G1", "6", "T01", now_min, now_min, TaskState.ESCALATED)
        unit.save_task(late)


def sense(works: Works, load: Load, server: Server, is_heard: Callable[[], bool], out: dict[str, Any]) -> None:
    """Move things and raise alarms at the given pace once somebody hears; write down when each was told."""
    while not is_heard():
        time.sleep(0.05)
    moves, alarms, memory, chance = dict[int, float](), dict[int, float](), list[float](), Random(2)
    started, cpu_s = time.monotonic(), time.process_time()
    number, seconds = 0, load.seconds + WARM_S + 1
    while time.monotonic() < started + seconds:
        works.panorama.take(move(load, chance, _now_ms(), number % BATCHES_PER_S, BATCHES_PER_S))
        moves[works.panorama.rev] = time.monotonic()
        if number % BATCHES_PER_S == 0:
            with works.ledger.unit(epoch_minute(system_clock())) as unit:
                told = {"task": ALARM_OF, "by": "system"}
                seq = unit.append(EventKind.TASK_ESCALATED, ALARM_OF, told, "epidemic")
            alarms[seq] = time.monotonic()
            memory.append(rss_mb())
        number += 1
        time.sleep(max(0.0, started + number / BATCHES_PER_S - time.monotonic()))
    assert works.journal is not None
    cpu = (time.process_time() - cpu_s) / seconds
    time.sleep(1)
    out |= {"moves": moves, "alarms": alarms, "rss_mb": memory[WARM_S:], "cpu": cpu}
    out["journal_mb"] = works.journal.size() / 1e6
    server.stop()


def _now_ms() -> int:
    return int(system_clock().timestamp() * 1000)


def _waits(at: dict[str, float], pages: Sequence[Any], ready: Sequence[float]) -> list[float]:
    """Return for each page that has its picture and each revision the milliseconds until a frame of it or of a later
    one came."""
    found: list[float] = []
    for frames, since in zip(pages, ready, strict=True):
        wanted = sorted((int(rev), when) for rev, when in at.items() if when > since)
        revs, times = np.array([rev for rev, _ in frames]), np.array([when for _, when in frames])
        tops = np.maximum.accumulate(revs) if len(revs) else revs
        for rev, when in wanted:
            place = int(np.searchsorted(tops, rev))
            if place < len(times):
                found.append((times[place] - when) * 1000)
    return found


def _print(name: str, found_ms: Sequence[float], most_ms: int) -> None:
    if not len(found_ms):
        print(f"{name}: nothing arrived after every page had its snapshot")
        return
    p50, p95, worst = np.percentile(found_ms, (50, 95, 100))
    verdict = "met" if p95 < most_ms else "MISSED"
    head = f"{name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {worst:.0f} ms"
    print(f"{head} of {len(found_ms):,} (p95 wanted under {most_ms} ms: {verdict})")


if __name__ == "__main__":
    main()
