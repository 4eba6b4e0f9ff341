"""A hub with three partners and what they were told, written into the books directly."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hubtwin.base.clock import epoch_minute, from_epoch_minute
from hubtwin.channels.send import Parcel, Sender
from hubtwin.flow.emergency import Declaration, declare_emergency
from hubtwin.flow.warn import case_id_of, open_cases
from hubtwin.model.event import Message
from hubtwin.model.finding import Flagged
from hubtwin.model.partner import Agreement, Answer, Contact, Level, Partner, Said, Taken, Way
from hubtwin.model.record import Marks, Provenance
from hubtwin.scenes.epidemic.disclosures import DISCLOSURES
from hubtwin.settings import load_settings
from hubtwin.settings.partners import PartnerSettings
from hubtwin.wiring.partners import make_sender
from hubtwin.wiring.works import Works, open_works

NOW = datetime(2022, 10, 20, 1, 0, tzinfo=UTC)
NOW_MIN = epoch_minute(NOW)
REAL = datetime(2030, 1, 1, 8, 0, tzinfo=UTC)  # links live by another clock than the hub of a replay
CLOCKS_MIN = {"review_min": 30, "appeal_min": 120, "answer": 3, "done": 30, "escalated": 5}
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC, replayed=True)
POLICE, BUS, HEALTH = "police", "depot", "health"
TOLD: dict[str, dict[str, Any]] = {
    "police": {
        "case": "",
        "identity": {"name": "合成旅客甲", "id_no": "synthetic-1", "phone": "synthetic-2"},
        "place": {"destination": "清波街道", "destination_code": "330102001", "now": "N1"},
        "task": {"kind": "escort", "due_min": NOW_MIN + 30},
    },
    "bus": {
        "transport": {"persons": 3, "pickup_point": "B2", "pickup_min": NOW_MIN + 20, "protection_class": "P2"},
    },
    "health": {"case": "", "tests": [{"kind": "antigen", "result": "positive"}], "exposure": {"level": "high"}},
}


def partner(name: str, profile: str, way: Way = Way.PAGE, until: date = date(2022, 12, 31)) -> Partner:
    """Return a partner with one agreement."""
    agreement = Agreement(
        *(f"A-{name}", f"purpose of {name}", f"basis of {name}", date(2022, 1, 1), until, profile),
        frozenset({Taken.ANSWER}),
    )
    return Partner(
        *(name, {"zh": f"伙伴 {name}", "en": f"Partner {name}"}, Level.DISTRICT, way, ("3301",), ()),
        agreements=(agreement,),
        contact=Contact("Duty desk", "0571-0000", "24 h"),
        answer_min=20,
    )


PARTNERS = (partner(POLICE, "police"), partner(BUS, "bus"), partner(HEALTH, "health", Way.HTTPS))


@dataclass
class Clocks:
    """The clock of the hub and the real one; a test moves both."""

    hub: datetime = NOW
    real: datetime = REAL


@dataclass
class Hub:
    """A hub with partners and one open case."""

    works: Works
    clocks: Clocks
    case_id: str
    sender: Sender

    def tell(self, to: str, profile: str, key: str = "m1", **more: Any) -> str:
        """Write a message to a partner into the books, with its row of the audit; return its id."""
        assert self.works.partners is not None
        data = {**TOLD[profile], **more}
        if "case" in data:
            data["case"] = self.case_id
        schema = f"urn:hubtwin:disclosure:{profile}:1"
        subject = self.case_id if profile != "bus" else "0" * 32
        self.works.access.audit.append(
            "Disclosed",
            f"partner:{to}",
            {"about": self.case_id, "schema": schema, "fields": list(_paths(profile)), "message": key},
        )
        parcel = Parcel(to, f"hubtwin.disclosure.{profile}", subject, schema, data, SYNTHETIC)
        self.sender.stage([(Message(key, "partners", {}, epoch_minute(self.clocks.hub)), parcel)])
        return key

    def answer(self, said: Said, to: str = POLICE, message: str = "m1", **more: Any) -> Answer:
        """Return an answer of now."""
        at_min = epoch_minute(self.clocks.hub)
        told: dict[str, Any] = {"through": "link", "by": "Desk 3", **more}
        return Answer(to, message, self.case_id, said, at_min, **told)


def _paths(profile: str) -> list[str]:
    return [field.path for field in DISCLOSURES.profiles[profile].fields]


def open_case(works: Works) -> str:
    """Declare an event and open a case; return its id."""
    said = Declaration("epidemic", "covid-19", "9th plan", "boss", NOW_MIN - 60, NOW_MIN + 9000, SYNTHETIC)
    emergency = declare_emergency(works.ledger, said, lambda action, **told: None)
    open_cases(
        works.ledger, [Flagged("p1", "G1", "hit", marks=SYNTHETIC)], CLOCKS_MIN, scene="epidemic", now_min=NOW_MIN
    )
    return case_id_of(emergency.emergency_id, "p1", "G1")


@contextmanager
def hub(folder: Path, partners: tuple[Partner, ...] = PARTNERS) -> Iterator[Hub]:
    """Open a hub for the time of a block."""
    clocks = Clocks()
    settings = replace(
        load_settings(home=folder, environ={}), partners={one.partner_id: PartnerSettings(one) for one in partners}
    )
    with open_works(
        settings, clock=lambda: clocks.hub, real_clock=lambda: clocks.real, clocks_min=CLOCKS_MIN, mode="replay"
    ) as works:
        assert works.partners is not None
        yield Hub(works, clocks, open_case(works), make_sender(works.partners, {}))


def minute(at_min: int) -> datetime:
    """Return the moment of an epoch minute."""
    return from_epoch_minute(at_min)
