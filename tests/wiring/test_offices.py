"""The simulated partners of a demonstration: over real HTTP they are told, answer, tell, and end with their owner."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from hubtwin.channels.log import compare
from hubtwin.datasets.health import TOLD_AREAS
from hubtwin.flow.dispatch import PARTNER_TASK
from hubtwin.flow.handle import handle_case
from hubtwin.library.query import collect
from hubtwin.model.case import Case
from hubtwin.model.duty import COMMANDER
from hubtwin.model.event import EventKind
from hubtwin.model.partner import Answer, Said
from hubtwin.model.record import Provenance
from hubtwin.model.verified import DESTINATION
from hubtwin.ports import TaskFilter
from hubtwin.settings import load_settings
from hubtwin.web.start import desk_of
from hubtwin.wiring.liaison import issue_link, open_link, take_answer
from hubtwin.wiring.offices import BUS, CAST, HEALTH, KNOW_PERSONS, POLICE, PROVINCE, Offices
from hubtwin.wiring.running import Running, make_running
from hubtwin.wiring.stage import grant_partners
from hubtwin.wiring.told import liaison_of, list_messages
from tests.flow.loop_story import CLOCKS_MIN, SCENE, anyone, case_command
from tests.web.served import serving
from tests.wiring.hub_kept import BEGIN, STORIES, KeptHub, opened_of

STEP_MIN, PATIENCE_S = 3, 60


@dataclass
class Day:
    """A hub at work with its simulated partners."""

    hub: KeptHub
    offices: Offices
    running: Running

    def step(self) -> None:
        self.hub.wait(minutes=STEP_MIN)
        self.running.service.step(self.hub.now)

    def until(self, done: object, what: str) -> None:
        """Let the day go on until something holds."""
        assert callable(done)
        end_s = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < end_s, what
            self.step()
            time.sleep(0.2)

    def answers(self, partner: str) -> list[Answer]:
        return liaison_of(self.hub.works).list_answers(partner)

    def scan(self, case: Case, code: str) -> Case:
        command = case_command(case, "report", self.hub.now_min, by="officer")
        pieces = [replace(piece, values={DESTINATION: code}) for piece in command.evidence]
        return handle_case(self.hub.works.ledger, replace(command, evidence=pieces), CLOCKS_MIN, anyone)


@contextmanager
def _day(folder: Path) -> Iterator[Day]:
    clocks: dict[str, datetime] = {"hub": BEGIN, "real": BEGIN}
    settings = load_settings(home=folder / "home", environ={}, lang="en")
    with Offices(folder / "offices", settings, lambda: clocks["hub"]) as offices:
        partners = replace(settings, partners=offices.partners)
        with opened_of(partners, "replay", clocks) as hub, serving(desk_of(hub.works)) as served:
            grant_partners(hub.works, SCENE, KNOW_PERSONS, issued_by="owner", approved_by="guard")
            running = make_running(hub.works, {}, before=(offices.step,))
            running.service.step(hub.now)
            offices.reach(served.url)
            running.pumping.start()
            try:
                yield Day(hub, offices, running)
            finally:
                running.pumping.stop()


def test_each_office_is_told_and_answers_and_the_province_tells(tmp_path: Path) -> None:
    with _day(tmp_path) as day:
        hub, works = day.hub, day.hub.works
        hub.declare()
        for pid, case in hub.open(*(f"p{number}" for number in range(6))).items():
            hub.move(day.scan(case, "330105"), *STORIES["positive" if pid == "p0" else "released"][1:])
        day.until(
            lambda: all(Said.DONE in {one.said for one in day.answers(name)} for name in KNOW_PERSONS),
            "police and health have said that they are done",
        )
        day.until(lambda: works.ledger.list_tasks(TaskFilter(kind=PARTNER_TASK)), "the province has asked")
        (task,) = works.ledger.list_tasks(TaskFilter(kind=PARTNER_TASK))
        assert (task.team, task.told["partner"], task.marks.provenance) == (COMMANDER, PROVINCE, Provenance.SYNTHETIC)
        (area,) = collect(works.store.tables((TOLD_AREAS.name,))[TOLD_AREAS.name]).to_pylist()
        assert (area["partner"], area["provenance"], area["replayed"]) == (PROVINCE, "synthetic", True)
        _are_told_in_their_words(day)
        _is_answered_by_link(day)
        assert not works.ledger.list_events(kinds=(EventKind.PARTNER_DATA_REFUSED,))
        assert not works.ledger.list_events(kinds=(EventKind.DISCLOSURE_HELD,))


def _are_told_in_their_words(day: Day) -> None:
    """What an office has is synthetic, and both logs say the same."""
    assert day.hub.works.partners is not None
    mine, me = day.hub.works.partners.wire, day.hub.works.settings.hub.hub_id
    for name, office in day.offices.offices.items():
        came = [one.envelope for _, one in office.books.list_applied()]
        assert all(one is not None and one.marks.provenance is Provenance.SYNTHETIC for one in came)
        day.until(
            lambda name=name, office=office: not (mine.list_waiting(name, 9) or office.books.list_partners()), "sent"
        )
        assert compare(mine.list_entries(name), office.books.list_entries(me)) == []
    told = [one.envelope.data for _, one in day.offices.offices[POLICE].books.list_applied() if one.envelope]
    assert told[0]["identity"] == {"name": "name of p0"}
    assert day.offices.offices[HEALTH].books.count_incoming(me)["applied"] > len(told)
    assert day.offices.offices[PROVINCE].books.count_incoming(me)["applied"] > 0, "what became of its task"


def _is_answered_by_link(day: Day) -> None:
    """The depot has nothing of its own: whoever opens the link answers for it."""
    works = day.hub.works
    (message,) = list_messages(works, BUS, 10)
    token, _ = issue_link(works, BUS, message.outgoing.id, by="officer")
    assert open_link(works, token).message.about.profile == "bus"
    said = Answer(BUS, message.outgoing.id, "", Said.RECEIVED, day.hub.now_min, "link", by="depot")
    take_answer(works, said)
    assert [one.said for one in day.answers(BUS)] == [Said.RECEIVED]


def test_they_say_that_they_are_simulated_and_take_no_place_of_the_hub(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", environ={})
    with Offices(tmp_path / "offices", settings, lambda: BEGIN) as offices:
        for name, told in offices.partners.items():
            assert name.startswith("sim-")
            assert ("模拟" in told.partner.name["zh"], "simulated" in told.partner.name["en"]) == (True, True)
            assert told.partner.profiles(BEGIN.date()) == ({CAST[name].profile} - {""})
        assert {folder.name for folder in (tmp_path / "offices").iterdir()} == set(offices.offices)
        offices.reach("http://127.0.0.1:9")  # nobody there: they go on trying, and end all the same
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 20


def test_a_hub_that_does_not_say_where_it_stands_has_none(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", environ={})
    nowhere = replace(settings, hub=replace(settings.hub, area_code=""))
    with Offices(tmp_path / "offices", nowhere, lambda: BEGIN) as offices:
        assert (offices.partners, offices.offices) == ({}, {})
        offices.step(BEGIN)
    with pytest.raises(FileNotFoundError):
        next((tmp_path / "offices").iterdir())
