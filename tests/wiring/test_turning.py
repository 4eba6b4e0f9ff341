"""The loop over a hub at work: grants bind at the next turn, what waits is not lost, nothing is read when it is off."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.mqtt import MqttTransport
from hubtwin.connectors.common.serve import WireServer
from hubtwin.connectors.lane_counters.simulator import LaneCount
from hubtwin.connectors.lane_counters.simulator import page as lane_page
from hubtwin.flow.emergency import end_emergency
from hubtwin.library.query import count_rows
from hubtwin.model.event import Message
from hubtwin.model.grant import Grant, Purpose
from hubtwin.ports import Page, Transport
from hubtwin.settings import SourceSettings
from hubtwin.wiring.granted import grantee_of, purpose_of
from hubtwin.wiring.sources import Sources, make_transports
from hubtwin.wiring.stage import declare
from hubtwin.wiring.turning import Turning
from tests.walk.town import Town, read_lines, town


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path) as made:
        yield made


def revoke_all(here: Town, dataset: str) -> None:
    for grant in here.works.access.grants.list_grants(grantee_of("epidemic")):
        if grant.dataset == dataset:
            here.works.access.grants.revoke(grant.grant_id, by="zhou")


def grant_again(here: Town, dataset: str, like: Grant) -> None:
    here.works.access.grants.issue(
        Grant(
            *("", like.grantee, dataset, like.columns, frozenset({purpose_of(dataset)}), like.scene),
            *(like.from_min, like.until_min, "zhou", "wu"),
            reason="again",
        )
    )


def test_without_a_grant_who_passed_waits_and_nobody_is_lost(here: Town) -> None:
    here.step(0)
    grants = here.works.access.grants.list_grants(grantee_of("epidemic"))
    (gates,) = [grant for grant in grants if grant.dataset == "gate_screenings"]
    assert gates.purposes == {Purpose.WARN}
    revoke_all(here, "gate_screenings")
    here.step(52)
    here.pass_gate()
    assert not here.step(53).cases
    assert "gate_screenings" in here.running.service.turning.reader.refused
    assert "LookUpDenied" in [entry.kind for entry in here.works.access.audit.list_entries()]
    grant_again(here, "gate_screenings", gates)
    assert len(here.step(54).cases) == 1
    assert not here.step(55).cases, "nobody is flagged twice for one passage"


def test_a_hub_that_starts_again_finds_the_same_persons_and_opens_nothing_twice(here: Town) -> None:
    here.step(0)
    here.step(52)
    here.pass_gate()
    assert len(here.step(53).cases) == 1
    again = Turning(here.works, here.running.service.turning.scene)
    here.clock.jump(here.at(55))
    assert not again(here.clock()).cases
    assert len(again._flagged[here.works.ledger.list_emergencies()[0].emergency_id]) == 1


def test_a_list_is_judged_when_something_came_and_at_the_latest_after_five_minutes(here: Town) -> None:
    assert here.step(0).findings
    assert not here.step(1).findings, "nothing new: the list stands"
    here.tell_counts(40)
    assert here.step(2).findings
    assert not here.step(3).findings
    assert here.step(7).findings
    assert len(here.running.works.latest().trains) == 1


def test_with_the_event_collection_ends_and_the_list_is_empty(here: Town) -> None:
    here.tell_counts(10)
    here.step(0)
    asked = here.bookings.requests
    event = here.works.ledger.list_emergencies()[0]
    end_emergency(
        *(here.works.ledger, event.emergency_id, here.works.clocks_min, here.may("wang")),
        by="wang",
        at_min=here.now_min,
        second="wu",
    )
    here.tell_counts(11)
    assert here.step(2).off
    assert here.bookings.requests == asked, "a source about persons is not asked while no event is in force"
    assert here.running.works.latest().trains == []
    assert not any(state.on for state in here.running.works.sources())


def test_what_is_about_nobody_is_sensed_without_an_event(here: Town) -> None:
    event = here.works.ledger.list_emergencies()[0]
    end_emergency(
        *(here.works.ledger, event.emergency_id, here.works.clocks_min, here.may("wang")),
        by="wang",
        at_min=here.now_min,
        second="wu",
    )
    here.step(1)
    here.pass_gate()
    with WireServer([lane_page([LaneCount(here.clock(), "N1", 1, 7, 3)])]) as wire:
        transports = {**here.running.service.sources.transports, "lanes": HttpTransport(wire.url)}
        sources = Sources(here.works.settings, here.works.store, here.works.access.vault, transports)
        here.running.service.sources = sources
        here.step(2)
    rows = {
        name: count_rows(found) for name, found in here.works.store.tables(("lane_counts", "gate_screenings")).items()
    }
    assert rows == {"lane_counts": 1, "gate_screenings": 0}
    states = {state.name: state for state in sources.states()}
    assert {name for name, state in states.items() if state.on} == {"lanes"}
    assert (states["lanes"].rows, states["lanes"].error, states["lanes"].read_min) == (1, "", here.now_min)
    assert states["gates"].read_min is None


def test_who_passed_while_no_event_was_in_force_is_not_collected_by_the_next_one(here: Town) -> None:
    here.step(0)
    event = here.works.ledger.list_emergencies()[0]
    end_emergency(
        *(here.works.ledger, event.emergency_id, here.works.clocks_min, here.may("wang")),
        by="wang",
        at_min=here.now_min,
        second="wu",
    )
    here.step(10)
    here.pass_gate()  # the broker keeps the session of the hub, and what is said meanwhile
    here.step(60)
    declare(here.works, "epidemic", "covid-19", "the next event", here.people["wang"])
    here.step(61)
    assert not count_rows(here.works.store.tables(("gate_screenings",))["gate_screenings"])
    here.pass_gate()
    here.step(62)
    assert count_rows(here.works.store.tables(("gate_screenings",))["gate_screenings"]) == 1


def test_a_source_that_fails_is_told_and_the_others_go_on(here: Town) -> None:
    here.step(0)
    here.broker.stop()
    here.tell_counts(12)
    here.step(2)
    states = {state.name: state for state in here.running.works.sources()}
    assert states["gates"].error
    assert states["gates"].read_min == here.now_min - 2
    assert (states["bookings"].error, states["bookings"].read_min, states["bookings"].rows) == ("", here.now_min, 1)
    here.broker.start()
    here.step(3)
    assert {state.name: state.error for state in here.running.works.sources()}["gates"] == ""


class Broken:
    """A transport in which the program itself fails."""

    def pages(self, cursor: str | None) -> Iterator[Page]:
        raise ValueError("4409 a value that nobody may read in a log")


def test_a_source_that_the_program_fails_on_stops_neither_the_others_nor_the_loop(here: Town) -> None:
    here.step(0)
    sources = here.running.service.sources
    sources.transports = {"results": Broken(), **{k: v for k, v in sources.transports.items() if k != "results"}}
    here.tell_counts(12)
    assert here.step(2).findings
    states = {state.name: state for state in here.running.works.sources()}
    assert states["results"].error == "wiring_source_broke"
    assert (states["bookings"].error, states["bookings"].rows) == ("", 1)


def test_a_hub_hears_its_own_gates_and_lanes_at_a_broker_that_serves_several(here: Town) -> None:
    told = {kind: SourceSettings("mqtt://127.0.0.1:1883") for kind in ("gates", "lanes")}
    made = make_transports(replace(here.works.settings, sources=told), {})
    heard = [transport.topics for transport in made.values() if isinstance(transport, MqttTransport)]
    assert heard == [("hubtwin/tiny/gates/+",), ("hubtwin/tiny/lanes/+/+",)]


def test_the_service_goes_on_after_a_step_that_failed(here: Town) -> None:
    service, sent = here.running.service, threading.Event()
    refused = [True]

    def send(message: Message) -> None:
        if refused.pop() if refused else False:
            raise ValueError("4409 a value that nobody may read in a log")
        sent.set()

    service.send, service.send_many = send, None
    service.start()
    try:
        here.clock.jump(here.at(1))
        assert sent.wait(20), service.failed
        for _ in range(100):
            if not service.failed and not here.works.ledger.list_outbox():
                break
            time.sleep(0.1)
        assert service.failed == ""
    finally:
        service.stop()
    assert not here.works.ledger.list_outbox()


def test_what_fails_beside_the_loop_holds_up_none_of_the_others(here: Town) -> None:
    done = list[str]()

    def fail(now: datetime) -> None:
        done.append("fails")
        raise TypeError("a file that somebody laid down")

    here.clock.jump(here.at(1))
    service = replace(here.running.service, after=(fail, lambda now: done.append("goes on")))
    with pytest.raises(TypeError):
        service.step(here.clock())
    assert done == ["fails", "goes on"]
    assert not here.works.ledger.list_outbox()


def test_messages_are_laid_down_once_and_know_their_key(here: Town) -> None:
    here.tell_counts(30)
    here.step(0)
    here.step(1)
    keys = [line["key"] for channel in ("cap", "orders") for line in read_lines(here.works, channel)]
    assert keys
    assert len(keys) == len(set(keys))


class Silent:
    """A transport that answers when it is let; until then it keeps the line open."""

    def __init__(self) -> None:
        self.let, self.asked = threading.Event(), 0

    def pages(self, cursor: str | None) -> Iterator[Page]:
        self.asked += 1
        self.let.wait(30)
        yield from ()


def test_a_source_that_keeps_silent_is_left_while_the_others_and_the_loop_go_on(here: Town) -> None:
    here.step(0)
    sources, silent = here.running.service.sources, Silent()
    sources.transports = {"results": silent, **{k: v for k, v in sources.transports.items() if k != "results"}}
    sources.patience_s = 5.0  # for those that answer; the silent one is waited for once
    here.tell_counts(12)
    assert here.step(2).findings
    here.step(3)
    assert (silent.asked, sources._asked["results"].is_alive()) == (1, True)
    silent.let.set()
    sources._asked["results"].join(5)
    here.step(4)
    assert silent.asked == 2
    assert {state.name: state.error for state in here.running.works.sources()}["results"] == ""


def test_an_answer_that_comes_after_the_event_is_not_taken_in(here: Town) -> None:
    here.step(0)
    sources = here.running.service.sources

    class Late:
        def __init__(self, real: Transport) -> None:
            self.real = real

        def pages(self, cursor: str | None) -> Iterator[Page]:
            for page in self.real.pages(cursor):
                sources.rest()  # the event ended while the page was on its way
                yield page

    rows = {state.name: state.rows for state in sources.states()}
    here.tell_counts(12)
    sources.transports = {kind: Late(each) for kind, each in sources.transports.items()}
    here.step(2)
    assert {state.name: state.rows for state in sources.states()} == rows
