"""A party of three: a hub with a home, keys, hub.toml, server, pump and loop of its own, in a process of its own.

`python -m tests.walk.three_parties <folder>` runs the party of a folder until it is killed and goes on where it was.
Two are hubs whose cases a person moves, the province tells areas and asks for something; each answers what it is told,
and traces or contests some of it. Everything is named by what it is about, so that doing it again changes nothing.
"""

import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from hubtwin.base.clock import PacedClock, epoch_minute, system_clock
from hubtwin.base.errors import Retry
from hubtwin.channels.send import Parcel, Sender
from hubtwin.flow.feedback import deliver
from hubtwin.flow.handle import handle_case
from hubtwin.flow.partner import CORRECTION
from hubtwin.model.agency import Person
from hubtwin.model.case import TABLE, Case, CaseState
from hubtwin.model.event import Message
from hubtwin.model.message import Received
from hubtwin.model.partner import Taken
from hubtwin.model.record import Marks, Provenance
from hubtwin.model.verified import DESTINATION
from hubtwin.rules.permission import may
from hubtwin.scenes.epidemic.scene import SCENE as EPIDEMIC
from hubtwin.settings import load_settings
from hubtwin.web.app import build
from hubtwin.web.edge import Options
from hubtwin.web.server import listen, make_server
from hubtwin.web.start import desk_of
from hubtwin.wiring.liaison import settle
from hubtwin.wiring.partners import Pumping
from hubtwin.wiring.running import sender_of
from hubtwin.wiring.sharing import Sharing
from hubtwin.wiring.taking import Taking
from hubtwin.wiring.works import Works, open_works
from tests.flow.loop_story import CLOCKS_MIN, case_command
from tests.stores.arming import arm_kill
from tests.wiring.hub_kept import BEGIN, STORIES

PROVINCE, HUBS = "province", ("hub-a", "hub-b")
PARTIES = (*HUBS, PROVINCE)
TOLD = ("hubtwin.disclosure.health", "hubtwin.disclosure.police")
SPEED = 120.0  # hub seconds a second, so that pauses between attempts are short
MADE = Marks(provenance=Provenance.SYNTHETIC)
CASE_STORIES = (*("released", "transferred", "contested") * 2, "positive_handed_over")
AREA = "330281"
ROUNDS = 4  # of areas that the province tells
COMMANDS: Mapping[str, tuple[str, ...]] = {**STORIES, "contested": ("report", "take_antigen")}


def areas_of(number: int, published: str) -> dict[str, object]:
    """Return what the province tells in a round: a street more, and that of the round before is over."""
    areas = [
        {"area_code": f"{AREA}{number:03d}", "level": "high"},
        {"area_code": f"{AREA}9{number:02d}", "level": "medium"},
    ]
    gone = [{"area_code": f"{AREA}{number - 1:03d}"}] if number > 1 else []
    return {"published_at": published, "areas": areas, "gone": gone}


def areas_in_force() -> dict[str, str]:
    """Return level by street once every round was told."""
    return {f"{AREA}{ROUNDS:03d}": "high"} | {f"{AREA}9{number:02d}": "medium" for number in range(1, ROUNDS + 1)}


@dataclass
class Party:
    """One of the three at work."""

    me: str
    works: Works
    told: Mapping[str, Any]
    send: Sender = field(init=False)

    def __post_init__(self) -> None:
        """Put it together."""
        works, partners = self.works, self.works.settings.partners
        assert works.partners is not None
        self.send = sender_of(works)
        registry = {name: one.partner for name, one in partners.items()}
        self.sharing = Sharing(works, EPIDEMIC, registry, self.send)
        self.taking = Taking(works, works.partners.wire, registry, beside=dict.fromkeys(TOLD, self.read))

    def read(self, number: int, received: Received) -> int:
        """Answer a fact that another hub tells; trace the person, or say that the flag was wrong."""
        envelope = received.envelope
        assert envelope is not None
        to, key, subject, now = envelope.source, envelope.id, envelope.subject, self.works.clock()
        said: list[tuple[str, Taken, dict[str, object]]] = [
            ("received", Taken.ANSWER, {"message_id": key, "said": "received", "by": "Desk 1"})
        ]
        if int(key[:6], 16) % 4 == 0:
            refused: dict[str, object] = {"message_id": key, "said": "refused", "note": "nobody is free"}
            said.append(("refused", Taken.ANSWER, refused))
        else:
            expected = (now + timedelta(hours=24)).isoformat()
            said.append(("accepted", Taken.ANSWER, {"message_id": key, "said": "accepted", "expected": expected}))
        if envelope.sequence == 1 and envelope.type == TOLD[0]:
            trace: dict[str, object] = {
                "case": subject,
                "result": "reached",
                "at": now.isoformat(),
                "ref": f"T-{key[:6]}",
            }
            said.append(("trace", Taken.TRACE, trace))
            if subject in self.told["contested"]:
                said.append(("contest", Taken.CORRECTION, {"case": subject, "ground": "area", "ref": f"C-{key[:6]}"}))
        self.stage(
            (f"{key} {name}", Parcel(to, kind.value, subject, f"urn:{kind.value}:1", data, MADE))
            for name, kind, data in said
        )
        return len(said)

    def stage(self, parcels: Any) -> None:
        at_min = epoch_minute(self.works.clock())
        self.send.stage([(Message(key, "partners", {}, at_min), parcel) for key, parcel in parcels])

    def turn(self) -> int:
        """Do what is due once; return how many messages were taken over."""
        now, ledger = self.works.clock(), self.works.ledger
        self.sharing(now)
        taken = self.taking(now)
        settle(self.works)
        deliver(ledger, self.send, epoch_minute(now), send_many=self.send.take)
        return taken

    def acts(self) -> Iterator[None]:
        """Do the story of this party, an act at a time."""
        chance = random.Random(f"{self.told['seed']} {self.me}")
        return self._province(chance) if self.me == PROVINCE else self._hub(chance)

    def _province(self, chance: random.Random) -> Iterator[None]:
        for number in range(1, ROUNDS + 1):
            for hub in chance.sample(HUBS, 2):
                data = areas_of(number, self.works.clock().isoformat())
                parcel = Parcel(hub, Taken.RISK_AREAS.value, "risk-areas", "urn:hubtwin:risk_areas:1", data, MADE)
                self.stage([(f"areas {number}", parcel)])
                yield
        for hub in HUBS:
            due = (self.works.clock() + timedelta(hours=48)).isoformat()
            data = {"kind": "meet", "what": f"meet the train at {hub}", "due": due, "ref": f"P-{hub}", "place": "N1"}
            self.stage([("task 1", Parcel(hub, Taken.TASK.value, "task 1", "urn:hubtwin:task:1", data, MADE))])
            yield

    def _hub(self, chance: random.Random) -> Iterator[None]:
        cases = sorted(self.works.ledger.list_cases(), key=lambda case: case.pid)
        steps = [iter(COMMANDS[story]) for story in CASE_STORIES]
        open_now = list(range(len(steps)))
        while open_now:
            at = chance.choice(open_now)
            name = next(steps[at], None)
            if name is None:
                open_now.remove(at)
                continue
            self._move(cases[at], name, at)
            yield

    def _move(self, case: Case, name: str, at: int) -> None:
        """Let the officer move a case, once however often it is said."""
        command = case_command(case, name, epoch_minute(self.works.clock()), by="officer")
        if name == "report":
            other = {"hub-a": "330203", "hub-b": "330105"}[self.me]
            code = other if at % 2 == 0 else "330300"
            command = replace(
                command, evidence=[replace(piece, values={DESTINATION: code}) for piece in command.evidence]
            )
        handle_case(self.works.ledger, command, CLOCKS_MIN, self._may, key=f"{case.case_id} {name}")

    def correct(self) -> None:
        """Take back flags that a partner contested, where a person still may."""
        if self.me == PROVINCE:
            return
        for case in self.works.ledger.list_cases():
            if case.case_id not in self.told["contested"] or (case.state, "correct") not in TABLE:
                continue
            filed = [one.evidence for one in self.works.ledger.list_evidence(case.case_id)]
            if any(piece.kind == CORRECTION for piece in filed):
                command = case_command(case, "correct", epoch_minute(self.works.clock()), by="officer")
                handle_case(self.works.ledger, command, CLOCKS_MIN, self._may, key=f"{case.case_id} correct")

    @property
    def _may(self) -> Any:
        officer: Person = next(one for one in self.works.access.accounts.list_people() if one.user_id == "officer")
        return partial(may, officer)

    def state(self, *, acting: bool, taken: int) -> dict[str, object]:
        """Return what says whether this party has come to rest."""
        assert self.works.partners is not None
        books, ledger = self.works.partners.wire, self.works.ledger
        contested = [case for case in ledger.list_cases() if case.case_id in self.told["contested"]]
        rest = not acting and not taken and not books.list_partners() and not ledger.list_outbox()
        rest = rest and all(case.state is CaseState.CLOSED for case in contested)
        return {"rest": rest, "events": ledger.last_seq(), "waiting": books.list_partners()}


def clock_of(origin_ms: int) -> PacedClock:
    """Return the clock that all parties share, and that goes on while one is dead."""
    now = system_clock()
    passed_s = now.timestamp() - origin_ms / 1000
    return PacedClock(BEGIN + timedelta(seconds=passed_s * SPEED), SPEED, system_clock)


def run(folder: Path) -> None:
    """Be a party until killed."""
    told = json.loads((folder / "party.json").read_text())
    clock = clock_of(told["origin_ms"])
    settings = load_settings(hub=str(folder / "hub.toml"), home=folder / "home", environ={})
    with open_works(settings, clock=clock, real_clock=clock, clocks_min=CLOCKS_MIN) as works:
        party = Party(told["me"], works, told)
        party.turn()  # what is told begins before anything is done
        _serve(works, folder, told)
        Pumping(party.send, clock).start()
        arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
        acts, acting, number = party.acts(), True, 0
        while True:
            taken = 1
            with suppress(Retry):
                if acting:
                    acting = next(acts, False) is not False
                else:
                    party.correct()
                taken = party.turn()
            number += 1
            _write(folder / "state.json", {**party.state(acting=acting, taken=taken), "turns": number})
            time.sleep(0.04)


def _serve(works: Works, folder: Path, told: Mapping[str, Any]) -> None:
    sock = listen("127.0.0.1", 0)
    app = build(desk_of(works), Options(tls=True))
    server = make_server(app, cert=Path(told["cert"]), key=Path(told["key"]))
    threading.Thread(target=server.run, args=([sock],), daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    _write(folder / "port.json", sock.getsockname()[1])


def _write(path: Path, what: object) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(what))
    part.replace(path)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
