"""A hub with a district's library, synthetic registers in it, served by a real process that can be killed.

`prepare` makes a home once, for copies. `Served` starts and kills the process and speaks to its routes as a page does.
`list_faults` looks at what is on disk from outside: no store of ours is opened that could mend it first.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import httpx

from hubtwin.base.clock import epoch_minute
from hubtwin.channels.filedrop import pick_up
from hubtwin.channels.jws import Signing
from hubtwin.channels.receive import Reception
from hubtwin.channels.receive import receive as receive_lines
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.message import Envelope, Peer
from hubtwin.settings import Settings, load_settings
from hubtwin.stores.audit import Audit, open_access
from hubtwin.stores.check import check
from hubtwin.stores.embedded import store_directory
from hubtwin.stores.signing import Signer
from hubtwin.stores.sqlite import query
from hubtwin.stores.wire import Wire
from hubtwin.wiring.applying import make_applying
from hubtwin.wiring.governing import governing_of
from hubtwin.wiring.keeping import nightly
from hubtwin.wiring.library_simulated import simulate_district
from hubtwin.wiring.loading import Asked, opened_loader
from hubtwin.wiring.stage_library import make_district_accounts, sign_shipped
from hubtwin.wiring.works import open_works
from tests.wiring.library_served import ARMS

ROOT = Path(__file__).parents[2]
HUB_ID, PARTNER, PASSWORD = "tiny", "city", "correct horse battery"
REGISTERS, ROWS = ("residents", "elderly_persons", "meal_services"), 300
HUB = """
[hub]
id = "tiny"
name = { zh = "小站", en = "Tiny" }
timezone = "Asia/Shanghai"
stations = ["HUB"]
[feeds]
gtfs = ["feed"]
station_areas = ["areas.csv"]
risk_areas = ["risk.csv"]
[library]
district = "shangcheng"
[partners.city]
name = { zh = "市局", en = "City" }
level = "city"
way = "files"
folder = "drop"
keys = ["KEY"]
"""
FRESH = datetime(2026, 11, 20, 1, tzinfo=UTC)


def now() -> datetime:
    """Return the time of the machine."""
    return datetime.now(UTC)


def settings_of(folder: Path) -> Settings:
    """Return the settings of a home that `prepare` made, wherever it was copied."""
    return load_settings(str(folder / "hub.toml"), folder / "home", environ={})


def store_of(folder: Path) -> Path:
    """Return its store directory."""
    return store_directory(folder / "home", HUB_ID)


def prepare(folder: Path) -> None:
    """Make a home with people, a partner, and three registers that are loaded and coloured; its night is done."""
    folder.mkdir()
    partner = Signer(folder / "partner")
    (folder / "hub.toml").write_text(HUB.replace("KEY", partner.public_hex), encoding="utf-8")
    settings = settings_of(folder)
    with open_works(settings, clock=now, real_clock=now, clocks_min={}) as works:
        people = make_district_accounts(works, password=PASSWORD, lang="en")
        sign_shipped(works, make_applying(works.settings, works.access), people)
        works.access.accounts.add_agency(Agency("keepers", AgencyKind.DATA, "数据", "keepers"))
        for user, role in (("zheng", Role.DATA_STEWARD), ("wu", Role.SECURITY_OFFICER)):
            person = Person(user, user, "keepers", AgencyKind.DATA, frozenset({role}), frozenset({"epidemic"}))
            works.access.accounts.create(person, PASSWORD, by="setup")
    simulated = folder / "simulated"
    simulate_district(settings, simulated, rows=ROWS, seed=1, now=now(), form="csv", faults={}, datasets=REGISTERS)
    with opened_loader(settings, now) as loader:
        for name in REGISTERS:
            loader.load(Asked(name, "du", file=simulated / "rows" / f"{name}.csv", synthetic=True))
    with open_works(settings, clock=now, real_clock=now, clocks_min={}) as works:
        governing = governing_of(works)
        assert governing is not None
        for name in REGISTERS:
            governing.govern(name, "du")
        nightly(works, now())


class Killed(Exception):
    """The process died before it answered."""


@dataclass
class Served:
    """The served hub of a folder. `start` again after a death; requests raise `Killed` once it is dead."""

    folder: Path
    url: str = ""
    child: subprocess.Popen[str] | None = None
    sessions: dict[str, httpx.Client] = field(default_factory=dict)

    def start(self, failpoint: str = "") -> None:
        """Serve; return once it says where."""
        command = _command(self.folder, "serve", "--port", "0")
        env = {**os.environ, "HUBTWIN_FAILPOINT": failpoint, "COLUMNS": "200"}
        log = (self.folder / "log.txt").open("a")
        with log:
            self.child = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.child.stdout is not None
        found = next((told for line in self.child.stdout if (told := re.search(r"http://127\S+", line))), None)
        if found is None:
            self._bury()
            raise Killed
        self.url = found[0].rstrip("/")

    def arm(self, failpoint: str) -> None:
        """Let it die at a failpoint from now on."""
        assert self.child is not None
        told = self.folder / "home" / ARMS
        told.write_text(failpoint)
        self.child.send_signal(signal.SIGUSR1)
        for _ in range(600):
            if not told.exists():
                return
            time.sleep(0.05)
        raise AssertionError("it does not hear")

    def strike(self) -> None:
        """Kill it with SIGKILL, from any thread; `kill` afterwards tidies up."""
        if self.child is not None:
            self.child.send_signal(signal.SIGKILL)

    def kill(self) -> None:
        """Kill it with SIGKILL, if it lives."""
        if self.child is not None:
            self.strike()
            self._bury()

    def wait_killed(self) -> None:
        """Wait until it has died at its failpoint."""
        assert self.child is not None
        assert self.child.wait(60) == -signal.SIGKILL, (self.folder / "log.txt").read_text()[-3000:]
        self._bury()

    def __call__(self, user: str, method: str, path: str, **sent: Any) -> Any:
        """Ask a route as somebody; return the answer. Raises Killed, AssertionError for a refusal."""
        answer = self.ask(user, method, path, **sent)
        assert answer.status_code < 300, (path, answer.status_code, answer.text[:500])
        return answer.json() if answer.content else None

    def ask(self, user: str, method: str, path: str, **sent: Any) -> httpx.Response:
        """Return the answer of a route, also a refusal. Raises Killed."""
        try:
            if user not in self.sessions:
                client = httpx.Client(base_url=self.url, headers={"origin": self.url}, timeout=60)
                self.sessions[user] = client
                signed = client.post("/api/v1/session", json={"user": user, "password": PASSWORD})
                assert signed.status_code == 200, signed.text
            return self.sessions[user].request(method, f"/api/v1{path}", **sent)
        except httpx.TransportError as error:
            raise Killed from error

    def _bury(self) -> None:
        assert self.child is not None
        self.child.wait(60)
        if self.child.stdout is not None:
            self.child.stdout.close()
        for client in self.sessions.values():
            client.close()
        self.child, self.sessions = None, {}


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Give a served hub that is not started yet; at the end nothing is left of its process."""
    hub = Served(folder)
    try:
        yield hub
    finally:
        hub.kill()


def command(folder: Path, *words: str, failpoint: str = "", said: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command of its own process; it may die at a failpoint."""
    env = {**os.environ, "HUBTWIN_FAILPOINT": failpoint, "COLUMNS": "200"}
    return subprocess.run(
        _command(folder, *words), cwd=ROOT, env=env, input=said, capture_output=True, text=True, check=False
    )


def _command(folder: Path, *words: str) -> list[str]:
    given = (str(folder / "hub.toml"), str(folder / "home"))
    return [sys.executable, "-m", "tests.wiring.library_served", *given, *words]


def receive(folder: Path) -> Counter[str]:
    """Let the partner pick up what lies in its folder and sign for it; return how often each message lies in its books,
    by its id."""
    own = Signer(store_of(folder)).public_hex
    partner = Signer(folder / "partner")
    signing = Signing(partner.sign, partner.public_hex)
    with closing(Wire(folder / "partner", PARTNER, epoch_minute(now()))) as books:
        reception = Reception(PARTNER, {HUB_ID: Peer(HUB_ID, (own,))}, ZoneInfo("Asia/Shanghai"))
        pick_up(
            folder / "drop",
            lambda sender, lines, head: receive_lines(
                books, lines, sender, reception, signing=signing, now=now(), head=head
            ),
        )
    return Counter(one.id for one in partner_messages(folder))


def partner_messages(folder: Path) -> list[Envelope]:
    """Return the messages that the partner has applied."""
    with closing(Wire(folder / "partner", PARTNER, epoch_minute(now()))) as books:
        return [one.envelope for _, one in books.list_applied(0, 100_000) if one.envelope is not None]


def elderly(first: int, count: int, confirmed: datetime = FRESH) -> str:
    """Return rows of elderly persons as a CSV, one in a hundred of which cannot be typed; the numbers are nobody's."""
    lines = ["citizen_id,person_name,phone,lives_alone,health,street_code,confirmed_min"]
    for number in range(first, first + count):
        alone = "perhaps" if number % 100 == 50 else "yes"
        lines.append(f"9900001949{number:08d},合成{number},,{alone},able,330102001,{confirmed:%Y-%m-%d %H:%M}")
    return "\n".join(lines) + "\n"


def rows_of(folder: Path, dataset: str, column: str) -> list[Any]:
    """Return a column of all rows that count, read from outside."""
    listed = f"SELECT path FROM files WHERE dataset = '{dataset}' ORDER BY path"
    paths = [str(library(folder) / str(path)) for (path,) in query(library(folder) / "shelves.sqlite", listed)]
    if not paths:
        return []
    return [value for (value,) in duckdb.execute(f"SELECT {column} FROM read_parquet(?)", [paths]).fetchall()]


def library(folder: Path) -> Path:
    """Return the folder of the library."""
    return store_of(folder) / "library"


def list_faults(folder: Path) -> list[str]:
    """Return everything that is wrong on the disk of a hub that is down, or whose work is done."""
    return [*_unsound(folder), *_strays(folder), *_uncoloured(folder), *_unproved(folder)]


def _unsound(folder: Path) -> Iterator[str]:
    for problem in check(store_of(folder)).problems:
        yield f"check: {problem.message('en')}"
    with closing(open_access(store_of(folder), epoch_minute(now()))) as database:
        for problem in Audit(database, Signer(store_of(folder)), clock=now).verify().problems:
            yield f"audit: {problem.message('en')}"


def _strays(folder: Path) -> Iterator[str]:
    """Yield files that no row knows, and rows whose file is gone."""
    place = library(folder)
    entered = query(place / "shelves.sqlite", "SELECT path FROM files")
    known = {place / str(path) for (path,) in entered}
    told = query(place / "quality.sqlite", "SELECT dataset, colours, runs FROM parts")
    for dataset, colours, runs in told:
        known |= {place / "colours" / str(dataset) / name for name in (str(colours), *_names(runs))}
    for dataset, changes in query(
        place / "quality.sqlite", "SELECT dataset, changes FROM datasets WHERE changes != ''"
    ):
        known.add(place / "colours" / str(dataset) / str(changes))
    heads = {path.with_suffix("") for path in (place / "uploads").glob("*.json")}
    known |= heads | {path.with_suffix(".json") for path in heads}
    found = {path for path in place.rglob("*") if path.is_file()}
    own = {
        path for path in found if path.suffix == ".lock" or path.name.startswith(("shelves.sqlite", "quality.sqlite"))
    }
    yield from (f"nobody knows {path.relative_to(place)}" for path in sorted(found - own - known))
    yield from (f"gone is {path.relative_to(place)}" for path in sorted(known - found))
    yield from (f"left behind {path.relative_to(place)}" for path in sorted((place / "tmp").glob("scratch-*")))


def _names(runs: object) -> Sequence[str]:
    found: Mapping[str, str] = json.loads(str(runs))
    return list(found.values())


def _uncoloured(folder: Path) -> Iterator[str]:
    """Yield datasets of which a row has no colour, or a colour belongs to no row."""
    place = library(folder)
    for (dataset,) in query(place / "shelves.sqlite", "SELECT DISTINCT dataset FROM files"):
        numbers = Counter(rows_of(folder, str(dataset), "row_no"))
        told = query(place / "quality.sqlite", f"SELECT colours FROM parts WHERE dataset = '{dataset}'")
        paths = [str(place / "colours" / str(dataset) / str(name)) for (name,) in told]
        coloured = (
            Counter(number for (number,) in duckdb.execute("SELECT row_no FROM read_parquet(?)", [paths]).fetchall())
            if paths
            else Counter[int]()
        )
        if numbers != coloured:
            yield f"{dataset}: {sum(numbers.values())} rows, {sum(coloured.values())} colours"


def _unproved(folder: Path) -> Iterator[str]:
    """Yield items that are active without a share that was probed, and live shares without their audit."""
    access = store_of(folder) / "access.sqlite"
    sql = (
        "SELECT i.basket_id, i.dataset, s.share_id, json_extract(s.body, '$.probed_min') FROM basket_items i"
        " LEFT JOIN library_shares s ON s.basket_id = i.basket_id AND s.dataset = i.dataset"
        " WHERE i.state IN ('active', 'expiring', 'suspended', 'expired')"
    )
    for basket, dataset, share, probed in query(access, sql):
        if share is None or probed is None:
            yield f"{dataset} of {basket} is active with share {share}, probed {probed}"
    kinds = query(access, "SELECT json_extract(entry, '$.kind'), entry FROM audit")
    named = " ".join(str(entry) for kind, entry in kinds if "Share" in str(kind) or "Item" in str(kind))
    for (share,) in query(access, "SELECT share_id FROM library_shares"):
        if str(share) not in named:
            yield f"share {share} is in no row of the audit"
