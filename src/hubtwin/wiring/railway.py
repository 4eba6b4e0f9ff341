"""The railway of a simulated day: its manifests in a folder that no hub reads, and a matcher beside them.

The folder lies outside the home of the hub. One process writes the day's files, which are laid down as the hub's clock
passes them; another is the matcher, `hubtwin matcher serve`, with keys and a certificate of its own. It is told the
time of the hub through its standard input, so every pace and pause of a replay is its own too, and it ends with whoever
holds the other end, however that ends. Where it dies it is started anew; the hub goes on and shows it as failed.
"""

import multiprocessing
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from hubtwin.base.clock import Clock, epoch_minute, service_start
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.tls import ClientCert
from hubtwin.connectors.rail_timetable.simulator import Place, Stop, Train, make_csv
from hubtwin.sim.day import HubDay
from hubtwin.sim.timed import list_written
from hubtwin.sim.world import World
from hubtwin.wiring.asking import Peer
from hubtwin.wiring.matching import Publisher
from hubtwin.wiring.risk_tables import HubSide

HOST, NAME = "127.0.0.1", "railway"
BEAT_S, GRACE_S, AGAIN_S = (
    0.2,
    3.0,
    10.0,
)  # between two tellings of the time; to end; before one that died is begun anew
PAGE_MIN = 30  # hub minutes of a file: each new one is a match of everything
_KEY = re.compile(r"\b[0-9a-f]{64}\b")
_LOG = structlog.get_logger()


@dataclass(frozen=True)
class Post:
    """Where a matcher is set up and how: `program` is what calls hubtwin, `ours` the certificate of the hub, `theirs`
    that of the matcher; each side trusts the very certificate of the other.
    """

    folder: Path
    program: Sequence[str]
    hub_key: str
    ours: ClientCert
    theirs: ClientCert
    port: int


@dataclass
class Railway:
    """The railway of a day, while used as a context manager. `serve` hands its matcher the keys and tables of a hub."""

    post: Post
    day: HubDay
    clock: Clock
    publisher: Publisher | None = None
    _child: subprocess.Popen[str] | None = None
    _writer: Any = None
    _key: str = ""  # receiving key of the matcher, as it told it
    _side: HubSide | None = None
    _down_s: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Railway":
        """Begin; files of an earlier day go first."""
        folder = self.post.folder
        shutil.rmtree(folder, ignore_errors=True)
        for each in ("written", "manifests"):
            (folder / each).mkdir(mode=0o700, parents=True)
        (folder / "timetable.zip").write_bytes(make_timetable(self.day.world))
        told = (self.day, folder / "written", os.getpid())
        self._writer = multiprocessing.get_context("spawn").Process(target=write_pages, args=told, daemon=True)
        self._writer.start()
        self._start()
        self._thread = threading.Thread(target=self._run, name="railway", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the matcher and what writes for it."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self.publisher is not None:
            self.publisher.stop()
        if self._writer is not None:
            self._writer.kill()
            self._writer.join()
        self._end()

    @property
    def url(self) -> str:
        """Return the address of the matcher."""
        return f"https://{HOST}:{self.post.port}"

    @property
    def pid(self) -> int | None:
        """Return the process of the matcher; None where it has ended."""
        return None if self._child is None or self._child.poll() is not None else self._child.pid

    def peers(self) -> Sequence[Peer]:
        """Return the matcher as the hub asks it; nobody before it has told its key."""
        return () if self.publisher is None else self.publisher.peers

    def transport(self) -> HttpTransport:
        """Return how the hub reads its hits."""
        return HttpTransport(f"{self.url}/hits", ca_file=self.post.theirs.cert, client=self.post.ours)

    def serve(self, side: HubSide) -> None:
        """Publish the tables of a hub to the matcher, once it is up and the day so far is laid down."""
        self._side = side

    def _run(self) -> None:
        while not self._over.wait(BEAT_S):
            try:
                self._beat()
            except OSError as error:  # of the disk, or of a matcher that has just died
                _LOG.warning("railway_hindered", problem=type(error).__name__)

    def _beat(self) -> None:
        now = self.clock()
        if self.pid is None:
            self._restart()
        else:
            assert self._child is not None
            assert self._child.stdin is not None
            with suppress(BrokenPipeError):
                self._child.stdin.write(f"{now.isoformat()}\n")
                self._child.stdin.flush()
        if self._lay_down(epoch_minute(now)) and self.publisher is None and self._key and self._side is not None:
            peer = Peer(NAME, self.url, self._key, self.post.theirs.cert, self.post.ours)
            self.publisher = Publisher(self._side, (peer,), self.clock)
            self.publisher.start()

    def _lay_down(self, now_min: int) -> bool:
        """Move what is due into the folder of the manifests; return whether everything is there that is due."""
        alive = bool(self._writer.is_alive())
        for file in sorted((self.post.folder / "written").glob("*.csv")):
            stamp, _, name = file.name.partition(" ")
            if int(stamp) > now_min:
                return True
            file.rename(self.post.folder / "manifests" / name)
        return not alive

    def _start(self) -> None:
        post, folder = self.post, self.post.folder
        command = [
            *(*post.program, "matcher", "serve", "--home", folder / "matcher", "--hub-key", post.hub_key),
            *("--manifests", folder / "manifests", "--timetable", folder / "timetable.zip", "--port", post.port),
            *("--tls-cert", post.theirs.cert, "--tls-key", post.theirs.key, "--client-ca", post.ours.cert),
            *("--replay", self.clock().isoformat(), "--follow"),
        ]
        with (folder / "matcher.log").open("a", encoding="utf-8") as log:
            self._child = subprocess.Popen(  # noqa: S603 - our own program, with paths and a key of ours
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for the demonstration, which ends it
            )
        threading.Thread(target=self._listen, args=(self._child,), name="railway-says", daemon=True).start()

    def _listen(self, child: subprocess.Popen[str]) -> None:
        """Read what a matcher says at its start: the key that the hub wraps keys for."""
        assert child.stdout is not None
        with child.stdout:
            for line in child.stdout:
                if found := _KEY.search(line):
                    self._key = found[0]

    def _restart(self) -> None:
        if not self._down_s:
            self._down_s = time.monotonic()
            _let_go(self._child)
            _LOG.warning("matcher_ended", code=None if self._child is None else self._child.returncode)
        elif time.monotonic() - self._down_s >= AGAIN_S:
            self._down_s = 0.0
            self._start()

    def _end(self) -> None:
        child = self._child
        if child is None:
            return
        _let_go(child)
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:  # it is matching, and loses nothing by it
            child.kill()
            child.wait()


def _let_go(child: subprocess.Popen[str] | None) -> None:
    """Close the end that a matcher lives by."""
    if child is not None and child.stdin is not None:
        with suppress(OSError):
            child.stdin.close()


def take_free_port() -> int:
    """Return a port of loopback that is free now."""
    with closing(socket.socket()) as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def write_pages(day: HubDay, folder: Path, parent: int) -> None:
    """Write the manifests and stays of a day, each named by the minute from which the railway has it; stop where the
    process that asked for it is gone.
    """
    for page in list_written(day, ("manifest", "stays"), PAGE_MIN):
        if os.getppid() != parent:
            return
        part = folder / "part"
        part.write_bytes(page.body)
        part.rename(folder / f"{page.at_min:012d} {Path(page.name).name}")


def make_timetable(world: World) -> bytes:
    """Return the timetable of a world as one file of the CSV form."""
    start = epoch_minute(service_start(world.hub_date, world.zone))
    names = sorted({call.station_id for trip in world.trips for call in trip.calls})
    places = [Place(name, name, 120.0, 30.0, world.station_areas.get(name, "")) for name in names]
    trains = [
        Train(
            trip.trip_id,
            trip.code,
            tuple(Stop(call.station_id, call.arrive_min - start, call.depart_min - start) for call in trip.calls),
            (trip.service_date,),
        )
        for trip in world.trips
    ]
    return make_csv(places, trains)
