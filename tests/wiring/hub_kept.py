"""A hub at work whose two clocks a test turns, with people who may end an event, and cases that it opens."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from argon2 import PasswordHasher

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent
from hubtwin.flow.emergency import Declaration, declare_emergency
from hubtwin.flow.handle import handle_case
from hubtwin.flow.warn import open_cases
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.case import Case, Evidence
from hubtwin.model.emergency import Emergency
from hubtwin.model.finding import Flagged
from hubtwin.model.record import Marks, Mode, Provenance
from hubtwin.ports import Batch
from hubtwin.settings import Settings, load_settings
from hubtwin.stores.accounts import Accounts
from hubtwin.stores.deletion import Register
from hubtwin.wiring.works import Works, open_works
from tests.flow.loop_story import CLOCKS_MIN, SCENE, anyone, case_command

BEGIN = datetime(2022, 10, 20, 1, tzinfo=UTC)
PASSWORD = "correct horse battery"
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC)
PEOPLE = {
    "boss": (AgencyKind.COMMAND, Role.DUTY_COMMANDER),
    "owner": (AgencyKind.DATA, Role.DATA_OWNER),
    "guard": (AgencyKind.DATA, Role.SECURITY_OFFICER),
    "auditor": (AgencyKind.AUDIT, Role.AUDITOR),
    "officer": (AgencyKind.HEALTH, Role.SCENE_OFFICER),
}
STORIES = {
    "released": ("report", "take_antigen", "antigen_result", "release", "close"),
    "positive": ("report", "take_antigen", "antigen_result", "take_nucleic", "nucleic_positive"),
    "corrected": ("correct",),
    "followed_up": ("overflow", "follow_up_clear", "close"),
    "handed_over": ("refuse", "hand_over", "close"),
}
STORIES["transferred"] = (*STORIES["positive"], "depart", "arrive", "close")
STORIES["positive_handed_over"] = (*STORIES["positive"], *STORIES["handed_over"])


def add_people(accounts: Accounts) -> None:
    """Make the accounts."""
    for kind in {kind for kind, _ in PEOPLE.values()}:
        accounts.add_agency(Agency(kind.value, kind, kind.value, kind.value))
    for user, (kind, role) in PEOPLE.items():
        person = Person(user, user.title(), kind.value, kind, frozenset({role}), frozenset({SCENE}))
        accounts.create(person, PASSWORD, by="setup")


@dataclass
class KeptHub:
    """An open hub. `hub_now` and `real_now` are its clocks; they run together unless a test parts them."""

    works: Works
    clocks: dict[str, datetime]

    @property
    def now(self) -> datetime:
        return self.clocks["hub"]

    @property
    def now_min(self) -> int:
        return epoch_minute(self.now)

    def wait(self, **time: float) -> None:
        self.clocks.update({name: at + timedelta(**time) for name, at in self.clocks.items()})

    def keep_rows(self, key: str, **tables: pa.Table) -> None:
        """Store rows, as of this hub."""
        own = {name: of_hub(table, self.works.store.hub_id) for name, table in tables.items()}
        self.works.store.write(Batch(key, "s", own))

    def declare(self, days: int = 60) -> Emergency:
        said = Declaration(SCENE, "covid-19", "9th plan", "boss", self.now_min, self.now_min + days * 1440, SYNTHETIC)
        return declare_emergency(self.works.ledger, said, anyone)

    def open(self, *pids: str, train: str = "G1 2022-10-20") -> dict[str, Case]:
        """Open a case for each person, whom the vault knows; return them by person."""
        for pid in pids:
            self.works.access.vault.remember(pid, {"name": f"name of {pid}"})
        flagged = [Flagged(pid, train, f"hit {pid}", marks=SYNTHETIC) for pid in pids]
        cases = open_cases(self.works.ledger, flagged, CLOCKS_MIN, scene=SCENE, now_min=self.now_min)
        return {case.pid: case for case in cases}

    def move(self, case: Case, *commands: str) -> Case:
        """Carry out commands with the evidence that each needs."""
        for name in commands:
            command = case_command(case, name, self.now_min, by="officer")
            if name == "overflow":
                (order,) = self.works.ledger.list_overflows(SCENE, on_only=True)
                command = replace(command, evidence=[Evidence("overflow_order", order.overflow_id)])
            case = handle_case(self.works.ledger, command, CLOCKS_MIN, anyone)
        return case

    def kept(self) -> dict[str, tuple[str, int]]:
        """Return kind and since by person."""
        return {item.pid: (item.kind, item.since_min) for item in Register(self.works.access.database).list_kept()}

    def knows(self, pid: str) -> bool:
        try:
            return bool(self.works.access.vault.reveal(pid, "test"))
        except Absent:
            return False


def of_hub(table: pa.Table, hub_id: str) -> pa.Table:
    """Return rows as rows of a hub."""
    place = table.schema.get_field_index("hub_id")
    return table.set_column(place, table.schema.field(place), pa.array([hub_id] * table.num_rows))


@contextmanager
def opened(home: Path, mode: Mode = "live", clocks: dict[str, datetime] | None = None) -> Iterator[KeptHub]:
    """Open the hub of a home; a second time it finds what the first left."""
    with opened_of(load_settings(home=home, environ={}), mode, clocks) as kept:
        yield kept


@contextmanager
def opened_of(settings: Settings, mode: Mode = "live", clocks: dict[str, datetime] | None = None) -> Iterator[KeptHub]:
    """Open the hub of some settings, as `opened`."""
    turned = {"hub": BEGIN, "real": BEGIN} if clocks is None else clocks
    with open_works(
        settings,
        clock=lambda: turned["hub"],
        real_clock=lambda: turned["real"],
        clocks_min=CLOCKS_MIN,
        mode=mode,
    ) as works:
        access = works.access
        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        accounts = Accounts(access.database, access.audit, clock=access.clock, hasher=weak)
        if not accounts.list_people():
            add_people(accounts)
        yield KeptHub(replace(works, access=replace(access, accounts=accounts)), turned)


def stop_at(place: str) -> Any:
    """Return what stops the process at a failpoint."""

    def stop(name: str) -> None:
        if name == place:
            raise KeyboardInterrupt

    return stop
