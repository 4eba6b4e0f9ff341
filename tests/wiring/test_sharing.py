"""Verified facts leave by themselves: to the offices of the destination, cut down, and once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hubtwin.base.ids import stable_key
from hubtwin.flow.handle import handle_case
from hubtwin.model.case import Case
from hubtwin.model.event import EventKind
from hubtwin.model.verified import DESTINATION
from hubtwin.rules.disclosure import paths_of
from hubtwin.scenes.epidemic.scene import SCENE as EPIDEMIC
from hubtwin.settings import PartnerSettings
from hubtwin.wiring.ending import end_and_destroy
from hubtwin.wiring.running import sender_of
from hubtwin.wiring.sharing import Sharing
from tests.flow.loop_story import CLOCKS_MIN, anyone, case_command
from tests.wiring.hub_kept import STORIES, KeptHub, opened
from tests.wiring.partner_town import agreement, grant_identity, partner, town, waiting


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[KeptHub]:
    with opened(tmp_path / "home") as kept:
        yield _with(kept, town(tmp_path))


def _with(hub: KeptHub, partners: dict[str, PartnerSettings]) -> KeptHub:
    return replace(hub, works=replace(hub.works, settings=replace(hub.works.settings, partners=partners)))


def _sharing(hub: KeptHub) -> Sharing:
    partners = {name: told.partner for name, told in hub.works.settings.partners.items()}
    sharing = Sharing(hub.works, EPIDEMIC, partners, sender_of(hub.works))
    sharing(hub.now)
    return sharing


def _scan(hub: KeptHub, case: Case, code: str) -> Case:
    command = case_command(case, "report", hub.now_min, by="officer")
    pieces = [replace(piece, values={DESTINATION: code}) for piece in command.evidence]
    return handle_case(hub.works.ledger, replace(command, evidence=pieces), CLOCKS_MIN, anyone)


def _held(hub: KeptHub) -> list[tuple[object, ...]]:
    events = hub.works.ledger.list_events(kinds=(EventKind.DISCLOSURE_HELD,))
    return [tuple(event.payload[name] for name in ("profile", "partner", "why")) for event in events]


def test_a_confirmed_person_is_told_to_each_office_in_its_own_words(hub: KeptHub) -> None:
    grant_identity(hub, "city-police", "city-health")
    sharing = _sharing(hub)
    hub.declare()
    case = hub.move(hub.open("p1")["p1"], *STORIES["positive"])
    sharing(hub.now)
    police, health, bus = (waiting(hub, name) for name in ("city-police", "city-health", "bus"))
    assert [one["data"]["task"]["kind"] for one in police] == ["escort"]
    assert police[0]["data"]["identity"] == {"name": "name of p1"}
    assert not {"tests", "exposure", "pathogen", "outcome"} & police[0]["data"].keys()
    assert [int(one["sequence"]) for one in health] == [1, 2, 3]
    assert health[-1]["data"]["tests"][-1]["result"] == "positive"
    assert bus[0]["data"] == {"transport": {"persons": 1, "pickup_min": case.deadline_min, "protection_class": "P3"}}
    assert case.case_id not in str(bus)
    assert all(one["provenance"] == "synthetic" for one in (*police, *health, *bus))
    assert _held(hub) == []


def test_what_leaves_is_in_the_profile_and_nothing_else(hub: KeptHub) -> None:
    grant_identity(hub, "city-police", "city-health")
    sharing = _sharing(hub)
    hub.declare()
    for number, story in enumerate(STORIES.values()):
        if "overflow" not in story:
            hub.move(hub.open(f"p{number}")[f"p{number}"], *story)
    sharing(hub.now)
    seen = 0
    for name, profile in (("city-police", "police"), ("city-health", "health"), ("bus", "bus")):
        allowed = {field.path for field in EPIDEMIC.disclosures.profiles[profile].fields}
        for one in waiting(hub, name):
            seen += 1
            assert set(paths_of(one["data"])) <= allowed
    assert seen > 10


def test_a_kill_between_two_turns_tells_nothing_twice(hub: KeptHub) -> None:
    grant_identity(hub, "city-police", "city-health")
    sharing = _sharing(hub)
    hub.declare()
    hub.move(hub.open("p1")["p1"], *STORIES["released"])
    sharing(hub.now)
    told = waiting(hub, "city-health")
    assert told
    assert hub.works.partners is not None
    with hub.works.partners.wire.unit() as unit:  # as if the cursor had not been noted
        unit.follow(0)
    sharing(hub.now)
    _sharing(hub)(hub.now)
    assert waiting(hub, "city-health") == told


def test_the_office_of_the_destination_answers_and_where_there_is_none_it_is_said(hub: KeptHub, tmp_path: Path) -> None:
    near = partner("near-health", "health", "330105", tmp_path / "near")
    hub = _with(hub, {**hub.works.settings.partners, "near-health": near})
    grant_identity(hub, "near-health", "city-health")
    sharing = _sharing(hub)
    hub.declare()
    cases = hub.open("p1", "p2", "p3", "p4")
    for pid, code in (("p1", "330105002"), ("p2", "330102"), ("p3", "440300"), ("p4", "nowhere")):
        _scan(hub, cases[pid], code)
    sharing(hub.now)
    assert [one["subject"] for one in waiting(hub, "near-health")] == [cases["p1"].case_id]
    assert [one["subject"] for one in waiting(hub, "city-health")] == [cases["p2"].case_id]
    assert _held(hub) == [("health", "", "channels.no_office"), ("health", "", "rules.no_area_code")]


def test_without_a_live_grant_nobody_is_told_who_it_is(hub: KeptHub) -> None:
    (granted,) = grant_identity(hub, "city-health")
    sharing = _sharing(hub)
    hub.declare()
    case = hub.move(hub.open("p1")["p1"], "report")
    sharing(hub.now)
    assert len(waiting(hub, "city-health")) == 1
    hub.works.access.grants.revoke(granted, by="owner")
    hub.move(case, "take_antigen", "antigen_result", "take_nucleic", "nucleic_positive")
    sharing(hub.now)
    assert len(waiting(hub, "city-health")) == 1  # the revocation has bound at the next fact
    assert {(profile, why) for profile, _, why in _held(hub)} == {
        ("health", "model.grant_over"),
        ("police", "model.no_grant"),
    }
    assert waiting(hub, "bus")  # counts need none


def test_what_was_held_is_told_once_it_may_be(hub: KeptHub) -> None:
    sharing = _sharing(hub)
    hub.declare()
    cases = hub.open("p1", "p2")
    hub.move(cases["p1"], "report", "take_antigen", "antigen_result", "take_nucleic")
    case = hub.move(cases["p2"], "report")
    sharing(hub.now)
    assert waiting(hub, "city-health") == []
    held = _held(hub)
    hub.wait(minutes=1)
    sharing(hub.now)  # nothing has changed: it is not asked again
    assert len(hub.works.access.audit.list_entries(kind="DisclosureDenied")) == len(held) == 3
    grant_identity(hub, "city-health")
    hub.move(case, "take_antigen", "antigen_result", "take_nucleic")  # this one is told in the course of things
    hub.wait(minutes=1)
    sharing(hub.now)
    told = waiting(hub, "city-health")
    by_case = {found.case_id: sum(one["subject"] == found.case_id for one in told) for found in cases.values()}
    assert by_case == {cases["p1"].case_id: 1, cases["p2"].case_id: 2}  # of the one its newest fact, of the other both
    hub.wait(minutes=1)
    sharing(hub.now)
    _sharing(hub)(hub.now)
    assert waiting(hub, "city-health") == told
    assert _held(hub) == held


def _audited(hub: KeptHub) -> list[int]:
    kinds = ("Disclosed", "Unmasked", "DisclosureDenied")
    return [len(hub.works.access.audit.list_entries(kind=kind)) for kind in kinds]


def test_what_was_told_in_the_end_is_looked_up_for_nobody_again(hub: KeptHub) -> None:
    sharing = _sharing(hub)
    hub.declare()
    hub.move(hub.open("p1")["p1"], *STORIES["positive"])
    sharing(hub.now)
    grant_identity(hub, "city-health", "city-police")
    hub.wait(minutes=1)
    sharing(hub.now)
    told = _audited(hub)
    for _ in range(2):  # a restart, and a midnight
        hub.wait(days=1)
        _sharing(hub)(hub.now)
        sharing(hub.now)
    assert _audited(hub) == told


def test_another_reason_to_hold_a_fact_stops_nobody(hub: KeptHub) -> None:
    sharing = _sharing(hub)
    hub.declare()
    hub.move(hub.open("p1")["p1"], "report")
    sharing(hub.now)
    (granted,) = grant_identity(hub, "city-health")
    hub.works.access.grants.revoke(granted, by="owner")
    hub.wait(minutes=1)
    _sharing(hub)(hub.now)
    assert [why for _, _, why in _held(hub)] == ["model.no_grant", "model.grant_over"]


def test_who_answers_for_two_profiles_is_told_under_both(hub: KeptHub, tmp_path: Path) -> None:
    both = partner("both", "health", "3301", tmp_path / "both")
    agreed = (agreement("health"), agreement("police"))
    hub = _with(hub, {"both": replace(both, partner=replace(both.partner, agreements=agreed))})
    grant_identity(hub, "both")
    sharing = _sharing(hub)
    hub.declare()
    hub.move(hub.open("p1")["p1"], *STORIES["positive"])
    sharing(hub.now)
    kinds = [str(one["type"]).rpartition(".")[2] for one in waiting(hub, "both")]
    assert sorted(kinds) == ["health", "health", "health", "police"]
    assert len(hub.works.access.audit.list_entries(kind="Disclosed")) == len(kinds)


def test_what_was_held_is_not_told_once_the_data_of_its_event_were_destroyed(hub: KeptHub) -> None:
    sharing = _sharing(hub)
    emergency = hub.declare()
    hub.move(hub.open("p1")["p1"], *STORIES["released"])
    sharing(hub.now)
    assert _held(hub)
    hub.wait(days=20)
    assert end_and_destroy(hub.works, emergency, by="boss", second="owner", reason="over").certificate
    grant_identity(hub, "city-health", "city-police")
    hub.wait(days=1)
    sharing(hub.now)
    assert waiting(hub, "city-health") == []


def test_a_hub_without_partners_holds_nothing(hub: KeptHub) -> None:
    alone = _with(hub, {})
    sharing = _sharing(alone)
    alone.declare()
    alone.move(alone.open("p1")["p1"], *STORIES["released"])
    sharing(alone.now)
    assert _held(alone) == []


def test_an_agreement_that_is_over_allows_nothing(tmp_path: Path) -> None:
    over = {"city-health": partner("city-health", "health", "3301", tmp_path / "h", until=date(2022, 10, 19))}
    with opened(tmp_path / "home") as kept:
        hub = _with(kept, over)
        grant_identity(hub, "city-health")
        sharing = _sharing(hub)
        hub.declare()
        hub.move(hub.open("p1")["p1"], "report")
        sharing(hub.now)
        assert waiting(hub, "city-health") == []
        assert _held(hub) == [("health", "", "channels.no_office")]


def test_every_disclosure_is_in_the_audit_with_its_fields_and_without_their_values(hub: KeptHub) -> None:
    grant_identity(hub, "city-health")
    sharing = _sharing(hub)
    hub.declare()
    case = hub.move(hub.open("p1")["p1"], "report")
    sharing(hub.now)
    (entry,) = hub.works.access.audit.list_entries(kind="Disclosed")
    assert (entry.by, entry.payload["about"]) == ("partner:city-health", case.case_id)
    assert {"identity.name", "case", "pathogen"} <= set(entry.payload["fields"])
    assert "name of p1" not in str(entry.payload)
    (looked,) = hub.works.access.audit.who_looked_at(["p1"])
    assert looked.by == "partner:city-health"


def test_what_was_before_the_first_partner_is_not_told(hub: KeptHub) -> None:
    grant_identity(hub, "city-health")
    hub.declare()
    case = hub.move(hub.open("p1")["p1"], "report")
    sharing = _sharing(hub)
    sharing(hub.now)
    assert waiting(hub, "city-health") == []
    hub.move(case, "take_antigen", "antigen_result", "release")
    sharing(hub.now)
    assert [one["data"]["outcome"] for one in waiting(hub, "city-health")] == ["released"]


def test_the_bus_hears_how_many_wait_at_an_exit(hub: KeptHub) -> None:
    sharing = _sharing(hub)
    hub.declare()
    cases = hub.open("p1", "p2")
    for case in cases.values():
        hub.move(case, *STORIES["positive"])
        sharing(hub.now)
    persons = [one["data"]["transport"]["persons"] for one in waiting(hub, "bus")]
    assert persons == [1, 2]
    assert len({one["subject"] for one in waiting(hub, "bus")}) == 1  # one place, newer counts replace older ones


def test_who_knows_the_case_cannot_find_the_message_of_the_bus(hub: KeptHub) -> None:
    sharing = _sharing(hub)
    hub.declare()
    case = hub.move(hub.open("p1")["p1"], *STORIES["positive"])
    sharing(hub.now)
    (told,) = waiting(hub, "bus")
    guesses = {stable_key("told", case.case_id, version, "bus") for version in range(20)}
    assert told["id"] not in guesses
