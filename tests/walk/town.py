"""A hub for walks: three stations, one train from a risk area, one exit, two teams, and partners on real wires."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hubtwin.base.clock import PacedClock, epoch_minute, system_clock
from hubtwin.connectors.common.broker import LocalBroker
from hubtwin.connectors.common.http import STATUS_HEADER, HttpTransport
from hubtwin.connectors.common.mqtt import MqttTransport
from hubtwin.connectors.common.serve import WireServer
from hubtwin.connectors.gate_screening.codec import TOPICS
from hubtwin.connectors.gate_screening.simulator import Passage, message
from hubtwin.connectors.test_results.simulator import ResultLine, bundle
from hubtwin.model.agency import Person
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.ports import Transport
from hubtwin.rules.permission import may
from hubtwin.scenes.epidemic.scene import SCENE
from hubtwin.settings import load_settings
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.web.real import RealDesk
from hubtwin.web.start import desk_of, open_desk
from hubtwin.wiring import ImportJob, import_files, open_store
from hubtwin.wiring.replay import pid_maker
from hubtwin.wiring.running import Running, list_read, make_running
from hubtwin.wiring.stage import declare, grant_scene, make_accounts
from hubtwin.wiring.works import Works
from tests.cli.kit import AREAS, FEED, HUB

START = datetime(2022, 10, 20, 0, 40, tzinfo=UTC)  # 08:40 at the hub; the train is due at 09:30
TRAIN, DAY = "T1", "2022-10-20"
PASSWORD = "four words of a demonstration"
DOCUMENT = ("syn", "990000199001010015")
MORE = """
[[platforms]]
ids = ["1"]
[[exits]]
id = "N1"
name = { zh = "北一", en = "North 1" }
lanes = 2
lane_capacity_per_min = 12.0
[[teams]]
prefix = "T"
count = 2
size = 2
posts = ["N1"]
[walking]
base_s = 120
step_s = 10
change_s = 60
low_end = ["N1"]
exit_to_exit_s = 60
"""
RISK = (
    "level,province,city,county,community,first_seen,gone_by,closed,area_code,provenance\n"
    "high,p,c,somewhere,somewhere,2022-10-18T12:00,,0,330102,synthetic\n"
)


@dataclass
class Town:
    """A running hub whose clock the test moves, and what its partners say."""

    works: Works
    running: Running
    clock: PacedClock
    bookings: WireServer
    results: WireServer
    broker: LocalBroker
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def desk(self) -> RealDesk:
        """Return the desk of its pages."""
        return desk_of(self.running.works)

    @property
    def now_min(self) -> int:
        """Return the hub's minute."""
        return epoch_minute(self.clock())

    def at(self, minutes: float) -> datetime:
        """Return a moment so many minutes after the start."""
        return minute_at(minutes)

    def step(self, minutes: float) -> Any:
        """Move the clock and do everything that is due."""
        self.clock.jump(self.at(minutes))
        return self.running.service.step(self.clock())

    def may(self, user: str) -> Any:
        """Return what asks whether a person may do something."""
        person = self.people[user]
        return lambda action, **told: may(person, action, **told)

    def pid(self) -> str:
        """Return the pseudonym of the passenger of the walk."""
        return pid_maker(self.works.access.vault)(DOCUMENT[1], self.now_min)

    def pass_gate(self, **told: Any) -> bytes:
        """Let the passenger pass the gate now; return the bytes of the message."""
        codes = {"health_code": "red", "itinerary_code": "green", "temperature_c": 36.6, **told}
        payload = message(Passage(self.clock(), "N1", "N1-01", 1, *DOCUMENT, document="citizen", **codes))
        self.broker.publish([("hubtwin/tiny/gates/N1-01", payload)])
        return payload

    def tell_result(self, kind: str, result: str, report: str) -> None:
        """Let the laboratory send a result."""
        taken = self.clock()
        line = ResultLine(report, *DOCUMENT, kind, taken, taken + timedelta(minutes=1), result)
        self.results.add(bundle([line]))

    def tell_counts(self, booked: int) -> None:
        """Let the railway say how many are aboard."""
        head = "trip_id,train_code,service_date,boarding_station,booked,boarded,as_of,provenance\n"
        as_of = self.clock().isoformat()
        self.bookings.add(f"{head}T1,T1,{DAY},A1,{booked},{booked},{as_of},synthetic\n".encode())


def minute_at(minutes: float) -> datetime:
    """Return a moment so many minutes after the start."""
    return START + timedelta(minutes=minutes)


@contextmanager
def town(
    folder: Path,
    *,
    fresh: bool = True,
    more: str = "",
    named: Mapping[str, str] | None = None,
    status: Status = Status.ACTUAL,
) -> Iterator[Town]:
    """Give the town, an event declared and its scene granted what it reads; not `fresh`: one that was made before.
    `more` is added to its hub.toml, `named` are other names for its exit N1 and its platform 1. With another `status`
    it is an exercise, as everything that its partners send."""
    hub = _write(folder, more, named or {}) if fresh else folder / "hub.toml"
    settings = replace(load_settings(hub=str(hub), home=folder / "home", lang="en", environ={}), status=status)
    if fresh:
        with open_store(settings, system_clock) as store:
            _import(settings, store)
    with ExitStack() as stack:
        clock = PacedClock(START, 0.0, system_clock)
        core = stack.enter_context(open_desk(settings, clock=clock, real_clock=system_clock, mode="replay"))
        bookings, results, broker = (
            stack.enter_context(each) for each in (_wire(status), _wire(status), LocalBroker())
        )
        assert isinstance(bookings, WireServer)
        assert isinstance(results, WireServer)
        assert isinstance(broker, LocalBroker)
        gates = MqttTransport(
            *(broker.address, (TOPICS,), "walk", broker.user, broker.password),
            listen_s=0.2,
            marks=Marks(status, Provenance.SYNTHETIC),
        )
        for _ in gates.pages(None):
            break
        wires: dict[str, Transport] = {
            "bookings": HttpTransport(bookings.url),
            "results": HttpTransport(results.url),
            "gates": gates,
        }
        made = Town(core.works, make_running(core.works, wires), clock, bookings, results, broker)
        if not fresh:
            yield made
            return
        people = make_accounts(core.works, SCENE.name, password=PASSWORD, lang="en")
        made.people = {person.user_id: person for person in people}
        grant_scene(core.works, SCENE.name, list_read(SCENE), issued_by="zhou", approved_by="wu")
        declare(core.works, SCENE.name, "covid-19", "a drill of the tests", made.people["wang"])
        yield made


def read_lines(works: Works, channel: str) -> list[dict[str, Any]]:
    """Return what was laid down for a channel."""
    files = sorted((works.store.directory / "outbox" / channel).glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def _wire(status: Status) -> WireServer:
    return WireServer([], headers={STATUS_HEADER: status.value})


def _write(folder: Path, more: str, named: Mapping[str, str]) -> Path:
    (folder / "feed").mkdir(parents=True)
    hub = HUB + MORE + more
    for name, other in named.items():
        hub = hub.replace(f'"{name}"', f'"{other}"')
    (folder / "hub.toml").write_text(hub, encoding="utf-8")
    for name, content in FEED.items():
        told = content.replace("{train}", TRAIN).replace("{station}", "A").replace("20220301", "20221020")
        (folder / "feed" / name).write_text(told.replace("20220302", "20221021"), encoding="utf-8")
    (folder / "areas.csv").write_text(AREAS, encoding="utf-8")
    (folder / "risk.csv").write_text(RISK, encoding="utf-8")
    return folder / "hub.toml"


def _import(settings: Any, store: EmbeddedStore) -> None:
    for kind, name in (("gtfs", "gtfs"), ("risk-areas", "risk_areas")):
        areas = settings.feeds["station_areas"][0] if kind == "gtfs" else None
        import_files(settings, store, ImportJob(kind, settings.feeds[name], START, Marks(settings.status), areas=areas))
