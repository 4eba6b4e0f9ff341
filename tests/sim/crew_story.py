"""What tests of simulated staff share: a small day that runs minute by minute on a ledger in memory.

Its library knows a result once the Bundle came through the connector.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.ids import stable_key
from hubtwin.connectors.test_results import CONNECTOR
from hubtwin.flow.dispatch import Order, dispatch
from hubtwin.flow.emergency import Declaration, declare_emergency
from hubtwin.flow.timers import Clocks, tick
from hubtwin.flow.warn import open_cases
from hubtwin.model.case import Case
from hubtwin.model.duty import Qualification, Roster, Shift
from hubtwin.model.emergency import Emergency
from hubtwin.model.event import Event
from hubtwin.model.finding import Flagged
from hubtwin.model.place import Exit
from hubtwin.model.record import Identity, Row
from hubtwin.ports import CaseFilter, Ledger, Page, ReadContext
from hubtwin.sim.crew import Crew, CrewDesk, never
from hubtwin.sim.day import HubDay
from hubtwin.sim.laboratory import Laboratory
from hubtwin.sim.results import Sampled
from hubtwin.sim.screening import Figures, Gates, simulate_gates
from hubtwin.sim.small import ZONE, small_day
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import CLOCKS_MIN, SCENE, anyone

EXITS = (Exit("E1", {"zh": "一", "en": "one"}, 3, 12.0), Exit("E2", {"zh": "二", "en": "two"}, 2, 6.0))
TEAMS = tuple(f"T{number}" for number in range(1, 9))
MEET = frozenset({Qualification.MEET})


def pid_of(document: str, at_min: int) -> str:
    """Return a pseudonym under the key of a day: shorter than that of a hub, so that a change of keys is met."""
    return stable_key("key of", at_min // 1440, document)


@dataclass
class Story:
    """A day at work. `flag` says who is flagged: places in the columns of `gates`; `aside` is called each minute
    before the crew acts, `after` when it has."""

    day: HubDay = field(default_factory=lambda: small_day(1, 300))
    figures: Figures | None = None
    seed: int = 1
    leaves: Callable[[Case], bool] = never
    aside: Callable[["Story", int], None] = lambda story, now_min: None
    after: Callable[[], object] = lambda: None
    restart_every_min: int = 0
    gates: Gates = field(init=False)
    ledger: Ledger = field(default_factory=MemoryLedger)
    library: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    arrived_min: dict[str, int] = field(default_factory=dict)
    sampled: list[Sampled] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Declare the emergency and give out orders before the first train."""
        self.gates = simulate_gates(self.day, EXITS)
        self.start_min = int(self.gates.at_s.min()) // 60 - 60
        self.roster = Roster(
            tuple(Shift(team, "P1", self.start_min - 60, self.start_min + 2880, MEET, 4) for team in TEAMS)
        )
        self.emergency = self._declare()
        self.desk = CrewDesk(self.ledger, CLOCKS_MIN, self.roster, SCENE, EXITS, lambda: self.library)
        self.laboratory = Laboratory(self.day, self.gates.tests)
        self.hire()

    def order_trains(self, count: int) -> None:
        """Order teams to trains that come every three minutes."""
        orders = [
            Order("meet_train", f"G{number} 2022-10-20", "P1", TEAMS[number % 8], self.start_min + 20 + 3 * number)
            for number in range(count)
        ]
        dispatch(self.ledger, orders, CLOCKS_MIN, scene=SCENE, now_min=self.start_min)

    def list_flagged(self) -> list[int]:
        """Return the places of all suspects in the columns of the gates, and of every tenth person."""
        suspects = set(self.gates.list_suspects())
        people = enumerate(self.gates.person.tolist())
        return [place for place, person in people if person in suspects or person % 10 == 0]

    def run(self, minutes: int = 2880) -> "Story":
        """Go through the day minute by minute until nothing is open or the minutes are over."""
        flagged = self.list_flagged()
        by_minute: dict[int, list[Flagged]] = {}
        for place in flagged:
            at_min = int(self.gates.at_s[place]) // 60
            found = Flagged(self.pid(place, at_min), "G9001 2022-10-20", f"gate {place}", self.values(place))
            by_minute.setdefault(at_min + 1, []).append(found)
        for now_min in range(self.start_min, self.start_min + minutes):
            if self.restart_every_min and now_min % self.restart_every_min == 0:
                self.hire()
            self.step(now_min, by_minute.pop(now_min, []))
            if not by_minute and not self.is_open():
                return self
        return self

    def step(self, now_min: int, flagged: list[Flagged]) -> None:
        """Let one minute pass: clocks, results, flags, whoever is beside, the crew."""
        tick(self.ledger, now_min, Clocks(CLOCKS_MIN, self.roster))
        for _, page in self.laboratory.pages(now_min):
            self._bring_in(page, now_min)
        if flagged:
            open_cases(self.ledger, flagged, CLOCKS_MIN, scene=SCENE, now_min=now_min)
        self.aside(self, now_min)
        taken = self.crew.act(now_min)
        self.after()
        self.sampled += taken
        self.laboratory.take(taken)

    def is_open(self) -> bool:
        """Return whether anything is still to be done."""
        return bool(self.ledger.list_cases(CaseFilter(open_only=True, limit=1))) or bool(self.ledger.list_overflows())

    def pid(self, place: int, at_min: int) -> str:
        """Return the pseudonym of who is in a column of the gates."""
        return pid_of(self.day.documents[int(self.gates.person[place])], at_min)

    def values(self, place: int) -> dict[str, object]:
        """Return what a finding says of a passage."""
        exit_id = self.gates.exits[int(self.gates.exit[place])].exit_id
        return {"exit_id": exit_id, "desk": bool(self.gates.desk[place]), "synthetic": True}

    def events(self, *kinds: str) -> list[Event]:
        return self.ledger.list_events(kinds=kinds or None)

    def commands(self, case_id: str) -> list[str]:
        """Return what was done to a case, in order."""
        found = self.ledger.list_events(kinds=["CaseMoved", "CaseClosed"], subject=case_id)
        return [str(event.payload["command"]) for event in found]

    def hire(self) -> None:
        """Let a crew begin that knows nothing but the ledger."""
        self.crew = Crew(
            self.desk, self.day, self.gates, pid_of=pid_of, seed=self.seed, leaves=self.leaves, figures=self.figures
        )

    def test_otherwise(self, kind: str, **figures: float) -> None:
        """Change what tests of a kind show."""
        tests = self.gates.tests
        changed = replace(tests, figures={**tests.figures, kind: {**tests.figures[kind], **figures}})
        self.gates = replace(self.gates, tests=changed)
        self.laboratory = Laboratory(self.day, changed)

    def _declare(self) -> Emergency:
        said = Declaration(SCENE, "covid-19", "drill", "zhao", self.start_min, self.start_min + 30 * 1440)
        return declare_emergency(self.ledger, said, anyone)

    def _bring_in(self, page: bytes, now_min: int) -> None:
        context = ReadContext(zone=ZONE, now=from_epoch_minute(now_min))
        for row in CONNECTOR.read(Page("p", (page,), ""), context):
            assert isinstance(row, Row), row
            whose, specimen_min = row.values["pid"], row.values["specimen_min"]
            assert isinstance(whose, Identity)
            assert isinstance(specimen_min, int)
            pid = pid_of(whose.id_no, specimen_min)
            report = str(row.values["report_id"])
            self.library[pid, str(row.values["kind"])] = (report, str(row.values["result"]))
            self.arrived_min[report] = now_min
