"""Co-travellers of a confirmed case: asked of every matcher once, again until it answers, on record, and bounded."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.clock import PacedClock, from_epoch_minute, system_clock
from hubtwin.base.errors import Denied, Malformed
from hubtwin.flow.emergency import Declaration, declare_emergency
from hubtwin.flow.handle import handle_case
from hubtwin.flow.warn import open_cases
from hubtwin.library.ingest import Target, ingest
from hubtwin.library.query import collect
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.case import Case
from hubtwin.model.finding import Flagged
from hubtwin.model.record import Row
from hubtwin.ports import Page
from hubtwin.scenes.epidemic.profiles import PROFILES, get_profile
from hubtwin.settings import load_settings
from hubtwin.sim.people import Kind
from hubtwin.stores.signing import Signer
from hubtwin.stores.vault import Vault
from hubtwin.web.real_cotravel import ask_along, show_cotravel
from hubtwin.wiring import cotravel
from hubtwin.wiring.asking import Peer
from hubtwin.wiring.cotravel import Cotravel
from hubtwin.wiring.risk_tables import HubSide
from hubtwin.wiring.works import Works, open_works
from tests.flow.loop_story import CLOCKS_MIN, SCENE, anyone, case_command
from tests.matcher.conftest import running
from tests.matcher.hubside import HUB_TOML, SYNTHETIC, Hub, Process, start_matcher, wait_until
from tests.matcher.test_processes import pid_of
from tests.matcher.town import DAY, HUB, NIGHT_MIN, RULE, folder_of

__all__ = ["running"]
CONFIRMED = ("report", "take_antigen", "antigen_result", "take_nucleic", "nucleic_positive")
CASE = next(person for person in range(len(DAY.bookings)) if DAY.bookings.kind[person] == Kind.ARRIVES)
TRIP = DAY.world.trips[DAY.bookings.trip[CASE]]
DEAD = Peer("dead", "http://127.0.0.1:9", "09" + "00" * 31)


@dataclass
class Town:
    """A hub with a flagged person, and the matchers it knows."""

    works: Works
    hub: Hub
    asking: Cotravel
    peers: list[Peer]

    @property
    def case(self) -> Case:
        (case,) = self.works.ledger.list_cases()
        return case

    def confirm(self) -> None:
        for name in CONFIRMED:
            handle_case(self.works.ledger, case_command(self.case, name, NIGHT_MIN), CLOCKS_MIN, anyone)

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = collect(self.works.store.tables(("cotravellers",))["cotravellers"]).to_pylist()
        return found

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [dict(row.payload) for row in self.works.access.audit.list_newest(50) if row.kind == kind]


@contextmanager
def town(base: Path) -> Iterator[Town]:
    clock = PacedClock(from_epoch_minute(NIGHT_MIN), 0.0, system_clock)
    (base / "hub.toml").write_text(HUB_TOML, encoding="utf-8")
    settings = replace(load_settings(str(base / "hub.toml"), environ={}), home=base / "home")
    with open_works(settings, clock=clock, real_clock=clock, clocks_min=CLOCKS_MIN) as works:
        vault: Vault = works.access.vault
        hub = Hub(works.store, vault, Signer(works.store.directory))
        stations = DAY.world.hub_stations
        made = (HUB, settings.hub.zone, stations, works.store, vault, hub.signer)
        side = HubSide(*made, rule=lambda _: RULE, in_force=lambda _: True)
        call = {"trip_id": TRIP.trip_id, "seq": 9, "station_id": stations[0], "code": TRIP.code}
        rows = [Row("rail_calls", {**call, "arrive_min": 500, "depart_min": None})]
        ingest(rows, Page("calls", (), "1", SYNTHETIC), Target(works.store, HUB, "timetable"))
        said = Declaration(SCENE, "covid-19", "basis", "boss", NIGHT_MIN, NIGHT_MIN + 1440, SYNTHETIC)
        declare_emergency(works.ledger, said, anyone)
        train = f"{TRIP.code} {DAY.world.hub_date}"
        flagged = [Flagged(pid_of(hub, DAY.documents[CASE]), train, "gate", marks=SYNTHETIC)]
        open_cases(works.ledger, flagged, CLOCKS_MIN, scene=SCENE, now_min=NIGHT_MIN)
        peers: list[Peer] = []
        plan = get_profile(PROFILES, "covid-19-9th", DAY.world.hub_date)
        ledger, audit = works.ledger, works.access.audit
        asking = Cotravel(side, ledger, audit, clock, lambda: peers, lambda case, now: plan)
        try:
            yield Town(works, hub, asking, peers)
        finally:
            asking.close()


def test_only_a_confirmed_case_is_asked_about_with_a_reason_and_where_somebody_can_answer(tmp_path: Path) -> None:
    with town(tmp_path) as here:
        here.peers.append(DEAD)
        with pytest.raises(Denied) as caught:
            here.asking.ask(here.case, "li", "close contacts")
        assert caught.value.key == "wiring.cotravel_not_confirmed"
        here.confirm()
        with pytest.raises(Malformed):
            here.asking.ask(here.case, "li", " ")
        with pytest.raises(Denied) as caught:
            here.asking.ask(replace(here.case, train="G1 2022-10-20"), "li", "why")
        assert caught.value.key == "wiring.cotravel_no_run"
        here.peers.clear()
        with pytest.raises(Denied) as caught:
            here.asking.ask(here.case, "li", "why")
        assert caught.value.key == "wiring.cotravel_no_matcher"
        assert here.told("CotravelAsked") == []
        assert here.asking.list_asked(here.case.case_id) == []


def test_every_matcher_is_asked_once_and_who_is_named_is_kept_once(
    tmp_path: Path, running: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cotravel, "AGAIN_S", 3600.0)
    folder_of(tmp_path / "rail")
    with town(tmp_path) as here:
        here.confirm()
        running.append(start_matcher(tmp_path / "rail", here.hub.signer.public_hex))
        here.peers[:] = [running[0].peer(None, "http"), DEAD]
        monkeypatch.setattr(here.asking, "wake", lambda: None)  # this test steps
        for _ in range(2):
            assert {one.state for one in here.asking.ask(here.case, "li", "close contacts")} == {"waiting"}
        assert here.asking.step() == 1
        dead, rail = here.asking.list_asked(here.case.case_id)
        assert (dead.state, dead.error) == ("waiting", "connectors.common.http_unreachable")
        rows = here.rows()
        assert (rail.state, rail.persons, rail.traced) == ("answered", str(len(rows)), True)
        assert rows
        assert sum(rail.positions.values()) == len(rows)
        people = {pid_of(here.hub, document) for document in DAY.documents}
        assert {row["pid"] for row in rows} <= people - {here.case.pid}
        assert {row["provenance"] for row in rows} == {"synthetic"}
        (asked,) = here.told("CotravelAsked")
        assert (asked["reason"], asked["runs"]) == ("close contacts", [f"{TRIP.trip_id} {DAY.world.hub_date}"])
        (answered,) = here.told("CotravelAnswered")
        assert (answered["matcher"], answered["persons"]) == ("rail", rail.persons)
        here.asking.ask(here.case, "wang", "again")
        here.peers[1] = replace(here.peers[0], name="dead")  # it is back
        assert here.asking.step() == 1
        assert [one.state for one in here.asking.list_asked(here.case.case_id)] == ["answered", "answered"]
        assert len(here.rows()) == len(rows)
        assert len(here.told("CotravelAsked")) == 1
        assert here.asking.step() == 0
        data = sqlite3.connect(here.works.store.directory / "matching.sqlite")
        kept = str(data.execute("SELECT answer FROM questions").fetchall())
        data.close()
        assert not [row for row in rows if row["pid"] in kept]


def test_an_answer_that_names_too_many_is_refused_whole(
    tmp_path: Path, running: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cotravel, "MOST_PERSONS", 1)
    folder_of(tmp_path / "rail")
    with town(tmp_path) as here:
        here.confirm()
        running.append(start_matcher(tmp_path / "rail", here.hub.signer.public_hex))
        here.peers[:] = [running[0].peer(None, "http")]
        monkeypatch.setattr(here.asking, "wake", lambda: None)
        here.asking.ask(here.case, "li", "close contacts")
        assert here.asking.step() == 1
        (one,) = here.asking.list_asked(here.case.case_id)
        assert (one.state, one.error) == ("refused", "wiring.cotravel_too_many")
        assert here.rows() == []


class Slow(Cotravel):
    """Questions whose thread has nothing left to do, and is slow to end."""

    def _run(self) -> None:
        super()._run()
        time.sleep(1)


def test_a_question_that_comes_while_the_last_one_ends_is_not_left_waiting(
    tmp_path: Path, running: list[Process]
) -> None:
    folder_of(tmp_path / "rail")
    with town(tmp_path) as here:
        here.confirm()
        running.append(start_matcher(tmp_path / "rail", here.hub.signer.public_hex))
        side, works, peer = here.asking.hub, here.works, running[0].peer(None, "http")
        here.peers[:] = [peer]
        slow = Slow(side, works.ledger, works.access.audit, works.clock, here.asking.peers, here.asking.plan_of)
        for name in ("rail", "other"):
            here.peers[:] = [replace(peer, name=name)]
            slow.ask(here.case, "li", "close contacts")
            wait_until(lambda: {one.state for one in slow.list_asked(here.case.case_id)} == {"answered"})
        assert len(slow.list_asked(here.case.case_id)) == 2
        slow.close()


def test_a_question_that_waits_is_asked_again_by_itself_after_a_restart_too(
    tmp_path: Path, running: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cotravel, "AGAIN_S", 0.1)
    folder_of(tmp_path / "rail")
    with town(tmp_path) as here:
        here.confirm()
        running.append(start_matcher(tmp_path / "rail", here.hub.signer.public_hex, "--rung", "counts"))
        here.peers[:] = [replace(DEAD, name="rail")]
        here.asking.ask(here.case, "li", "close contacts")
        here.asking.close()
        side, works = here.asking.hub, here.works
        again = Cotravel(side, works.ledger, works.access.audit, works.clock, here.asking.peers, here.asking.plan_of)
        here.peers[:] = [running[0].peer(None, "http")]
        again.wake()
        if (thread := again._thread) is not None:
            thread.join(60)
        (one,) = again.list_asked(here.case.case_id)
        assert (one.state, one.positions) == ("answered", {})
        assert here.rows() == []  # the railway gives counts only
        again.close()


@pytest.mark.parametrize(
    ("role", "kind", "allowed"),
    [
        (Role.DUTY_COMMANDER, AgencyKind.COMMAND, True),
        (Role.SCENE_OFFICER, AgencyKind.HEALTH, True),
        (Role.SCENE_OFFICER, AgencyKind.POLICE, False),
        (Role.FIELD_STAFF, AgencyKind.HEALTH, False),
        (Role.AGENCY_LIAISON, AgencyKind.DISTRICT, False),
    ],
)
def test_only_commanders_and_officers_of_command_and_health_may_ask(
    tmp_path: Path, role: Role, kind: AgencyKind, *, allowed: bool
) -> None:
    who = Person("li", "Li", kind.value, kind, frozenset({role}), frozenset({SCENE}))
    with town(tmp_path) as here:
        here.confirm()
        here.peers.append(DEAD)
        works, case_id = replace(here.works, cotravel=here.asking), here.case.case_id
        found = show_cotravel(works, who, case_id)
        assert (found.may_ask, found.why_not, found.matchers) == (allowed, None, ["dead"])
        assert [(run.trip_id, run.service_date) for run in found.runs] == [
            (TRIP.trip_id, DAY.world.hub_date.isoformat())
        ]
        if not allowed:
            with pytest.raises(Denied):
                ask_along(works, who, case_id, "close contacts")
            assert here.told("CotravelAsked") == []
            return
        (one,) = ask_along(works, who, case_id, "close contacts").asked
        assert (one.asked_by, one.matcher, one.state) == ("li", "dead", "waiting")
        nobody = show_cotravel(here.works, who, case_id)  # a hub that asks nobody
        assert (nobody.may_ask, nobody.why_not is None) == (False, False)
