"""The register follows the loop, and every night what is due goes, once, whatever stops it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import structlog

from hubtwin.base.failpoint import arm, disarm
from hubtwin.datasets.people import PSEUDONYM_LINKS
from hubtwin.flow.emergency import begin_overflow
from hubtwin.flow.field import ask_help
from hubtwin.flow.handle import decide_appeal, lodge_appeal
from hubtwin.model.case import Evidence, Outcome
from hubtwin.model.event import EventKind
from hubtwin.model.field import Call, Place
from hubtwin.model.grant import Purpose
from hubtwin.model.record import Marks
from hubtwin.rules.privacy import EPOCH_MIN
from hubtwin.rules.retention import RETENTION
from hubtwin.stores.deletion import NIGHTLY, Register, list_reports
from hubtwin.stores.recording import Limits, Recorder, folder_of, list_segments, page_frame
from hubtwin.stores.signing import open_sealed
from hubtwin.wiring import keeping
from hubtwin.wiring.keeping import BECAME, follow, nightly, plan_of
from tests.flow.loop_story import CLOCKS_MIN, SCENE, anyone
from tests.stores.test_erasure import COMMON, bookings, read, screenings, stays
from tests.wiring.hub_kept import BEGIN, STORIES, KeptHub, opened, stop_at

DAY = 1440


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[KeptHub]:
    with opened(tmp_path) as found:
        yield found
    disarm()


def _body(hub: KeptHub, sealed: str | None) -> dict[str, object]:
    assert sealed is not None
    return dict(open_sealed(sealed, hub.works.access.audit.public_hex))


def _reports(hub: KeptHub) -> list[str]:
    return list_reports(hub.works.access.database, NIGHTLY)


def test_every_outcome_is_kept_as_a_kind_of_the_table() -> None:
    assert set(BECAME) == set(Outcome)
    assert set(BECAME.values()) <= {rule.kind for rule in RETENTION.records}


def test_where_a_caller_stood_goes_after_its_days_and_the_call_stays(hub: KeptHub) -> None:
    where = Place("N1", 120.2, 30.3, "L1")
    call = Call("qian", SCENE, "h1", hub.now_min, where, team="T01")
    task = ask_help(hub.works.ledger, call, CLOCKS_MIN, anyone)
    nightly(hub.works, hub.now)
    assert hub.works.ledger.get_task(task.task_id).told["lon"] == 120.2
    hub.wait(days=13)
    nightly(hub.works, hub.now)
    assert hub.works.ledger.get_task(task.task_id).told["lon"] == 120.2
    hub.wait(days=2)
    body = _body(hub, nightly(hub.works, hub.now))
    then = hub.works.ledger.get_task(task.task_id)
    assert (then.told["lon"], then.told["lat"], then.told["by"], then.place) == (None, None, "qian", "N1")
    assert "help_position" in json.dumps(body)
    assert nightly(hub.works, hub.now) is None


def test_every_opened_case_has_its_record_and_each_end_makes_it_what_it_became(hub: KeptHub) -> None:
    hub.declare()
    begin_overflow(
        hub.works.ledger, "N1", CLOCKS_MIN, anyone, scene=SCENE, by="boss", reason="full", at_min=hub.now_min
    )
    cases = hub.open(*STORIES, "open")
    opened_min = hub.now_min
    assert follow(hub.works) == hub.works.ledger.last_seq()
    assert hub.kept() == dict.fromkeys((*STORIES, "open"), ("open_case", opened_min))
    hub.wait(minutes=50)
    for name, story in STORIES.items():
        hub.move(cases[name], *story)
    follow(hub.works)
    assert hub.kept() == {
        "released": ("contact", opened_min),
        "followed_up": ("contact", opened_min),
        "handed_over": ("contact", opened_min),
        "corrected": ("non_case", hub.now_min),
        "transferred": ("confirmed_case", hub.now_min),
        "positive_handed_over": ("confirmed_case", hub.now_min),
        "positive": ("open_case", hub.now_min),
        "open": ("open_case", opened_min),
    }
    opened_cases = {event.subject for event in hub.works.ledger.list_events(kinds=[EventKind.CASE_OPENED])}
    assert {item.item_id for item in Register(hub.works.access.database).list_kept()} == opened_cases


def test_a_closed_case_whose_appeal_is_upheld_is_no_case(hub: KeptHub) -> None:
    hub.declare()
    ledger = hub.works.ledger
    for name, kind in (("released", "non_case"), ("transferred", "confirmed_case")):
        case = hub.move(hub.open(name)[name], *STORIES[name])
        appeal = lodge_appeal(ledger, case.case_id, CLOCKS_MIN, anyone, by="officer", ground="f 1", at_min=hub.now_min)
        how = {"by": "boss", "upheld": True, "evidence": Evidence("decision", "d 1"), "at_min": hub.now_min}
        decide_appeal(ledger, appeal.appeal_id, CLOCKS_MIN, anyone, **how)  # type: ignore[arg-type]
        follow(hub.works)
        assert hub.kept()[name][0] == kind


@pytest.mark.parametrize("place", ["wiring.register_read", "wiring.register_kept"])
def test_a_kill_while_the_register_follows_loses_and_repeats_nothing(
    place: str, hub: KeptHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PAGE", 2)
    hub.declare()
    hub.open("p1", "p2", "p3", "p4", "p5")
    for _ in range(2):
        arm(stop_at(place))
        with pytest.raises(KeyboardInterrupt):
            follow(hub.works)
    disarm()
    assert follow(hub.works) == hub.works.ledger.last_seq()
    assert sorted(hub.kept()) == ["p1", "p2", "p3", "p4", "p5"]


def test_what_was_deleted_does_not_come_back_when_the_loop_goes_on(hub: KeptHub) -> None:
    hub.declare()
    hub.move(hub.open("p1")["p1"], "correct")
    body = _body(hub, nightly(hub.works, hub.now))
    assert (body["deleted"], body["persons_forgotten"]) == ({"non_case": 1}, 1)
    assert not hub.knows("p1")
    hub.open("p2")
    follow(hub.works)
    assert list(hub.kept()) == ["p2"]


def test_a_night_is_done_once_and_caught_up_after_a_downtime(hub: KeptHub) -> None:
    assert _body(hub, nightly(hub.works, hub.now))["night"] == "2022-10-20"
    seen = [nightly(hub.works, hub.now + timedelta(minutes=minute)) for minute in range(0, 2 * DAY, 30)]
    nights = [_body(hub, each)["night"] for each in seen if each is not None]
    assert nights == ["2022-10-21", "2022-10-22"], "a night begins at two o'clock of the hub"
    hub.wait(days=9)
    assert _body(hub, nightly(hub.works, hub.now))["night"] == "2022-10-29"
    assert nightly(hub.works, hub.now) is None
    assert len(_reports(hub)) == 4


@pytest.mark.parametrize("place", ["wiring.night_followed", "stores.destroyed_elsewhere", "stores.before_commit"])
def test_a_night_that_was_killed_is_done_again_also_by_the_next_process(place: str, tmp_path: Path) -> None:
    clocks = {"hub": BEGIN, "real": BEGIN}
    with opened(tmp_path, clocks=clocks) as hub:
        hub.declare()
        hub.move(hub.open("p1")["p1"], "correct")
        hub.keep_rows("k1", gate_screenings=screenings(("p1", hub.now_min), ("p2", hub.now_min)))
        arm(stop_at(place))
        with pytest.raises(KeyboardInterrupt):
            nightly(hub.works, hub.now)
        disarm()
        assert _reports(hub) == []
    with opened(tmp_path, clocks=clocks) as hub:
        assert _body(hub, nightly(hub.works, hub.now))["deleted"] == {"non_case": 1}
        assert nightly(hub.works, hub.now) is None
        assert hub.kept() == {}
        assert not hub.knows("p1")
        assert read(hub.works.store, "gate_screenings", "pid") == [("p2",)]
        assert len(_reports(hub)) == 1


def test_the_rows_of_a_person_who_was_no_case_go_under_every_pseudonym_unless_somebody_needs_them(hub: KeptHub) -> None:
    hub.declare()
    cases = hub.open("p1", "p2")
    hub.move(cases["p1"], "correct")
    hub.move(cases["p2"], "correct")
    link = {"pid": "p1", "earlier_pid": "p1 before", "expires_min": hub.now_min + DAY, **COMMON}
    hub.keep_rows(
        "k1",
        stays=stays(("p1 before", hub.now_min - DAY, hub.now_min - 60), ("p3", hub.now_min - DAY, hub.now_min - 60)),
        bookings=bookings(("p1", 20, hub.now_min), ("p2", 20, hub.now_min), ("p3", 20, hub.now_min)),
        pseudonym_links=pa.Table.from_pylist([link], schema=PSEUDONYM_LINKS.schema),
    )
    hub.wait(minutes=5)
    second = hub.open("p2", train="G2 2022-10-20")["p2"]
    nightly(hub.works, hub.now)
    assert read(hub.works.store, "stays", "pid") == [("p3",)]
    assert read(hub.works.store, "bookings", "pid") == [("p2",), ("p3",)]
    assert read(hub.works.store, "pseudonym_links", "pid") == []
    assert hub.kept() == {"p2": ("open_case", second.opened_min)}


def test_an_open_case_is_kept_while_it_is_moved_and_sixty_days_after(hub: KeptHub) -> None:
    hub.declare(days=300)
    case = hub.open("p1")["p1"]
    hub.wait(days=59)
    nightly(hub.works, hub.now)
    hub.move(case, "report")
    hub.wait(days=59)
    nightly(hub.works, hub.now)
    assert hub.knows("p1")
    hub.wait(days=1)
    assert _body(hub, nightly(hub.works, hub.now))["deleted"] == {"open_case": 1}
    assert not hub.knows("p1")


def test_a_legal_hold_stops_the_night_and_keeps_old_keys(hub: KeptHub) -> None:
    event = hub.declare()
    hub.move(hub.open("p1")["p1"], "correct")
    old = hub.now_min // EPOCH_MIN - 9
    hub.works.access.vault.find_epoch_key(old)
    hub.keep_rows("k1", stays=stays(("p1", 1, 2)), gate_screenings=screenings(("p1", hub.now_min)))
    hold = hub.works.access.grants.set_hold(event.emergency_id, by="guard", reason="court order 12")
    body = _body(hub, nightly(hub.works, hub.now))
    assert (body["records_on_hold"], body["rows_wait_for_hold"], body["epochs_destroyed"]) == (1, True, [])
    assert hub.knows("p1")
    assert read(hub.works.store, "gate_screenings", "pid") == [("p1",)]
    hub.works.access.grants.lift_hold(hold, by="guard")
    hub.wait(days=1)
    body = _body(hub, nightly(hub.works, hub.now))
    assert (body["records_on_hold"], body["epochs_destroyed"], body["deleted"]) == (0, [old], {"non_case": 1})
    assert not hub.knows("p1")
    assert read(hub.works.store, "gate_screenings", "pid") == []
    assert read(hub.works.store, "stays", "pid") == []


def test_a_person_in_the_vault_whom_no_case_needs_goes_after_a_fortnight(hub: KeptHub) -> None:
    hub.works.access.vault.remember("stray", {"name": "a hit that was cleared"})
    nightly(hub.works, hub.now)
    assert hub.kept()["stray"][0] == "manifest_hit_cleared"
    hub.wait(days=13)
    nightly(hub.works, hub.now)
    assert hub.knows("stray")
    hub.wait(days=1)
    nightly(hub.works, hub.now)
    assert not hub.knows("stray")
    assert hub.kept() == {}


def test_in_a_replay_data_age_by_the_hub_clock_and_the_audit_by_the_real_one(tmp_path: Path) -> None:
    clocks = {"hub": BEGIN, "real": BEGIN + timedelta(days=1500)}
    with opened(tmp_path, "replay", clocks) as hub:
        hub.declare()
        hub.open("p1")
        hub.works.access.vault.find_epoch_key(hub.now_min // EPOCH_MIN)
        hub.keep_rows("k1", gate_screenings=screenings(("p1", hub.now_min)))
        body = _body(hub, nightly(hub.works, hub.now))
        assert (body["deleted"], body["epochs_destroyed"]) == ({}, [])
        assert body["at"] == f"{clocks['real']:%Y-%m-%dT%H:%MZ}"
        assert body["hub_at"] == "2022-10-20T01:00Z"
        assert hub.knows("p1")
        assert read(hub.works.store, "gate_screenings", "pid") == [("p1",)]
        clocks["hub"] += timedelta(days=5000)
        body = _body(hub, nightly(hub.works, hub.now))
        assert (body["deleted"], body["audit_rows"]) == ({"open_case": 1}, 0)
        assert read(hub.works.store, "gate_screenings", "pid") == []


def test_the_night_verifies_the_audit_and_alarms_about_a_glass_that_nobody_reviewed(hub: KeptHub) -> None:
    access = hub.works.access
    access.grants.break_glass("officer", SCENE, [Purpose.TRACE], reason="somebody fainted")
    hub.wait(days=2)
    body = _body(hub, nightly(hub.works, hub.now))
    assert body["reviews_overdue"] == 1
    assert body["audit_verified"]["problems"] == []  # type: ignore[index]
    with access.database.transaction() as con:
        con.execute("UPDATE audit SET entry = replace(entry, 'fainted', 'slept') WHERE kind = 'GlassBroken'")
    hub.wait(days=1)
    told = _body(hub, nightly(hub.works, hub.now))["audit_verified"]
    assert told["problems"] == ["stores.audit_changed"]  # type: ignore[index]
    assert [entry.kind for entry in access.audit.list_entries(kind="AuditBroken")] == ["AuditBroken"]


def test_nothing_personal_is_logged_or_reported(hub: KeptHub) -> None:
    hub.declare()
    hub.move(hub.open("pseudonym-one")["pseudonym-one"], "correct")
    with structlog.testing.capture_logs() as logs:
        sealed = nightly(hub.works, hub.now)
    told = json.dumps(logs) + str(sealed)
    assert "night_done" in told
    assert "pseudonym-one" not in told
    assert "name of" not in told


def test_the_plan_of_a_disease_is_that_of_the_day_or_the_first_there_was() -> None:
    assert plan_of("covid-19", BEGIN.date()).incubation_days.value == (2, 4)
    assert plan_of("covid-19", BEGIN.date().replace(year=2001)).incubation_days.value == (1, 14)


def _segments(hub: KeptHub) -> list[int]:
    return [each.number for each in list_segments(folder_of(hub.works.store.directory, "gates"))]


def _record(hub: KeptHub) -> None:
    recorder = Recorder(hub.works.store.directory, "gates", lambda: hub.now, Limits(days=30))
    recorder.write(page_frame(hub.now, "page", "1", Marks(), b"who passed"))
    recorder.close()


def test_recordings_stand_in_the_register_and_go_after_a_fortnight(hub: KeptHub) -> None:
    _record(hub)
    hub.wait(minutes=13 * DAY)
    _record(hub)
    body = _body(hub, nightly(hub.works, hub.now))
    assert body["deleted"] == {}
    kept = {item.item_id: item.kind for item in Register(hub.works.access.database).list_kept()}
    assert kept == {"recording gates 1": "recording", "recording gates 2": "recording"}
    hub.wait(minutes=DAY + 60)
    body = _body(hub, nightly(hub.works, hub.now))
    assert body["deleted"] == {"recording": 1}
    assert _segments(hub) == [2]


def test_a_recording_under_a_legal_hold_stays_until_the_hold_is_lifted(hub: KeptHub) -> None:
    event = hub.declare()
    _record(hub)
    hold = hub.works.access.grants.set_hold(event.emergency_id, by="guard", reason="court order 12")
    hub.wait(minutes=15 * DAY)
    nightly(hub.works, hub.now)
    assert _segments(hub) == [1]
    hub.works.access.grants.lift_hold(hold, by="guard")
    hub.wait(minutes=DAY)
    nightly(hub.works, hub.now)
    assert _segments(hub) == []
