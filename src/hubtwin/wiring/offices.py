"""The partners of a demonstration: three offices and the province, simulated, with books and keys outside its home.

Police, health and the province take and send signed messages over HTTP on this machine; the depot of the bus company
has nothing of its own and is answered for by whoever opens a link. Their names say that they are simulated. Partners
that hub.toml names are left out of a demonstration: it tells nothing to anybody real.
"""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType

from hubtwin.base.clock import Clock, epoch_minute, local
from hubtwin.channels.simulator import Partner as Receiver
from hubtwin.model.message import Peer
from hubtwin.model.partner import Agreement, Contact, Level, Partner, Taken, Way
from hubtwin.settings import PartnerSettings, Settings
from hubtwin.sim.partners import Manners, Office, load_partner_figures
from hubtwin.stores.signing import Signer
from hubtwin.wiring.partners import Pumping
from hubtwin.wiring.plugs import SCENES, directory_of, load

DOOR = "/api/v1/wire"
AGREED_D = 30  # before and after the replayed day
POLICE, HEALTH, BUS, PROVINCE = "sim-police", "sim-health", "sim-bus", "sim-province"
KNOW_PERSONS = (POLICE, HEALTH)  # who is granted to know who somebody is


@dataclass(frozen=True)
class Part:
    """An office of the cast. `digits` of the hub's area code are its jurisdiction."""

    zh: str
    en: str
    level: Level
    way: Way
    profile: str
    digits: int
    takes: frozenset[Taken]


CAST: Mapping[str, Part] = {
    POLICE: Part(
        *("市公安（模拟）", "City police (simulated)", Level.CITY, Way.HTTPS, "police", 4),
        frozenset({Taken.ANSWER, Taken.TRACE, Taken.CORRECTION}),
    ),
    HEALTH: Part(
        *("市疾控（模拟）", "City health (simulated)", Level.CITY, Way.HTTPS, "health", 4),
        frozenset({Taken.ANSWER, Taken.TRACE, Taken.CORRECTION}),
    ),
    BUS: Part(
        "公交集团（模拟）", "Bus company (simulated)", Level.PROVINCE, Way.PAGE, "bus", 2, frozenset({Taken.ANSWER})
    ),
    PROVINCE: Part(
        *("省级平台（模拟）", "Province (simulated)", Level.PROVINCE, Way.HTTPS, "", 2),
        frozenset({Taken.RISK_AREAS, Taken.TASK}),
    ),
}


@dataclass
class Offices:
    """The offices of a replay, while used as a context manager. `step` lets them act at a moment of the hub's clock.

    A hub whose hub.toml gives no `area_code` has none: nobody answers for a place that is not told.
    """

    folder: Path
    settings: Settings  # of the replay; its home may hold nothing yet
    clock: Clock
    offices: dict[str, Office] = field(default_factory=dict)
    partners: dict[str, PartnerSettings] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Offices":
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.settings.hub.area_code:
            try:
                self._set_up()
            except BaseException:
                self._open.close()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def step(self, now: datetime) -> None:
        """Let every office read what came and say what is due."""
        for office in self.offices.values():
            office.step(now)

    def reach(self, hub_url: str) -> None:
        """Begin to send to the hub, each office in a thread of its own, until the block ends."""
        for office in self.offices.values():
            office.reach(hub_url + DOOR)
            pumping = Pumping(office.sender, self.clock)
            pumping.start()
            self._open.callback(pumping.stop)

    def _set_up(self) -> None:
        hub, settings = self.settings.hub, self.settings
        key = Signer(directory_of(settings)).public_hex
        manners = Manners(settings.sim_seed, load_partner_figures(), settings.lang)
        day = local(self.clock(), hub.zone).date()
        for name, part in CAST.items():
            told = PartnerSettings(_partner(name, part, hub.area_code, day))
            if part.way is Way.HTTPS:
                peer = Peer(hub.hub_id, (key,))
                office = Office(name, self.folder / name, peer, hub.zone, self.clock, manners)
                self._open.callback(office.close)
                receiver = Receiver(office.take)
                url = receiver.serve()
                self._open.callback(receiver.close)
                self.offices[name] = office
                told = PartnerSettings(replace(told.partner, keys=(office.signing.public_hex,)), url=url)
            self.partners[name] = told
        exits = [each.exit_id for each in hub.exits]
        start_min = epoch_minute(self.clock())
        self.offices[PROVINCE].intend(manners.tell(start_min, hub.area_code[:2], exits[0] if exits else ""))


def _partner(name: str, part: Part, area_code: str, day: date) -> Partner:
    names = {"zh": part.zh, "en": part.en}
    first, last = day - timedelta(days=AGREED_D), day + timedelta(days=AGREED_D)
    agreement = Agreement(*(f"{name}-1", _purpose(part), "demonstration 演示", first, last, part.profile, part.takes))
    return Partner(
        *(name, names, part.level, part.way, (area_code[: part.digits],)),
        agreements=(agreement,),
        contact=Contact(f"{part.zh} {part.en}"),
    )


def _purpose(part: Part) -> str:
    """Return what an agreement of the demonstration is for: the purpose of the profile, or what the partner sends."""
    profiles = load(next(iter(SCENES.values()))).disclosures.profiles
    return profiles[part.profile].purpose if part.profile else "risk areas and tasks 风险区与任务"
