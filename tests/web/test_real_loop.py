"""Over real stores: the steps of a case, what the machine proposes, appeals, overflow, and sources that are late."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from hubtwin.base.clock import from_epoch_minute
from hubtwin.flow.emergency import propose_overflow
from hubtwin.flow.timers import Clocks, tick
from hubtwin.flow.warn import case_id_of
from hubtwin.model.case import Evidence
from hubtwin.model.source import Care, Contact, Once
from hubtwin.web import real_board
from hubtwin.web.real_board import RealBoard
from hubtwin.web.real_sources import cadence_min, list_sources, state_of
from hubtwin.web.start import desk_of
from hubtwin.wiring.sources import SourceState
from tests.web.served import serving
from tests.web.test_real import CLOCKS_MIN, NOW, NOW_MIN, TRAIN, Hub, declare, flag, hub

__all__ = ["hub"]
WAY = (
    *(("report", "scan"), ("take_antigen", "sample"), ("antigen_result", "antigen")),
    *(("take_nucleic", "sample", "review"), ("nucleic_positive", "nucleic")),
    *(("depart", "vehicle", "receiving_site", "signature_out"), ("arrive", "signature_in"), ("close", "feedback")),
)
LOAD = {"exit": "N1", "from_min": NOW_MIN + 10, "until_min": NOW_MIN + 25, "longest_queue": 180}


def move(client: httpx.Client, path: str, *told: str) -> dict[str, Any]:
    command, *kinds = told
    pieces = [{"kind": kind, "ref": f"ref {kind}"} for kind in kinds]
    answer = client.post(f"{path}/moves", json={"command": command, "evidence": pieces})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_transfer_shows_vehicle_site_both_signatures_and_the_clock_while_it_is_under_way(hub: Hub) -> None:
    with hub.served.client("boss") as boss, hub.served.client("officer") as officer:
        emergency = declare(boss)
        flag(hub, "p1")
        path = f"/api/v1/cases/{case_id_of(emergency, 'p1', TRAIN)}"
        for number, told in enumerate(WAY[:-2]):
            hub.clock[0] = NOW + timedelta(minutes=number + 1)
            found = move(officer, path, *told)
        under_way = next(step for step in found["steps"] if step["standing"] == "now")
        assert under_way["step"] == "transfer"
        assert under_way["deadline_min"] == found["case"]["deadline_min"] == NOW_MIN + 6 + 30
        assert under_way["transfer"] == {
            "vehicle": "ref vehicle",
            "receiving_site": "ref receiving_site",
            "signature_out": "ref signature_out",
            "signature_in": None,
            "left_min": NOW_MIN + 6,
            "arrived_min": None,
        }
        hub.clock[0] = NOW + timedelta(minutes=20)
        move(officer, path, *WAY[-2])
        found = move(officer, path, *WAY[-1])
        rows = {step["step"]: step for step in found["steps"]}
        assert rows["transfer"]["transfer"]["signature_in"] == "ref signature_in"
        assert rows["transfer"]["transfer"]["arrived_min"] == NOW_MIN + 20
        assert [step["standing"] for step in found["steps"]] == ["done"] * 6
        assert {step["owner"] for step in found["steps"]} == {"officer"}


def test_what_the_machine_proposes_stands_at_its_version_only_and_changes_nothing_by_itself(hub: Hub) -> None:
    ledger = hub.desk.works.ledger
    with hub.served.client("boss") as boss, hub.served.client("officer") as officer:
        emergency = declare(boss)
        flag(hub, "p1")
        case_id = case_id_of(emergency, "p1", TRAIN)
        path = f"/api/v1/cases/{case_id}"
        move(officer, path, "report", "scan")
        move(officer, path, "take_antigen", "sample")
        values = {"command": "antigen_result", "kind": "antigen", "result": "negative"}
        with ledger.unit(NOW_MIN + 3) as unit:
            case = unit.get_case(case_id)
            unit.add_evidence(case, "system", [Evidence("proposal", "report-77", values)])
            unit.add_evidence(case, "officer", [Evidence("proposal", "made up", values)])
            unit.add_evidence(case, "system", [Evidence("proposal", "no move", {**values, "command": "close"})])
            unit.add_evidence(case, "system", [Evidence("proposal", "says nothing", {})])
        found = officer.get(path).json()
        assert found["case"]["state"] == "antigen"
        (idea,) = found["proposals"]
        assert idea == {
            "command": "antigen_result",
            "kind": "antigen",
            "ref": "report-77",
            "values": {"result": "negative"},
            "at_min": NOW_MIN + 3,
        }
        piece = {"kind": idea["kind"], "ref": idea["ref"], "values": idea["values"]}
        moved = officer.post(f"{path}/moves", json={"command": idea["command"], "evidence": [piece]}).json()
        assert moved["proposals"] == []
        assert next(step for step in moved["steps"] if step["step"] == "antigen")["result"] == "negative"


def test_an_appeal_is_decided_by_somebody_else_within_its_clock(hub: Hub) -> None:
    with hub.served.client("boss") as boss, hub.served.client("officer") as officer:
        emergency = declare(boss)
        flag(hub, "p1", "p2")
        path = f"/api/v1/cases/{case_id_of(emergency, 'p1', TRAIN)}"
        assert officer.post(f"{path}/appeals", json={"ground": "  "}).status_code == 422
        (lodged,) = officer.post(f"{path}/appeals", json={"ground": "form 12"}).json()["appeals"]
        assert (lodged["ground"], lodged["lodged_by"], lodged["upheld"]) == ("form 12", "officer", None)
        assert lodged["deadline_min"] == NOW_MIN + 120
        assert len(officer.post(f"{path}/appeals", json={"ground": "form 12"}).json()["appeals"]) == 1
        decide = f"/api/v1/appeals/{lodged['appeal_id']}/decision"
        asked = {"upheld": True, "ref": "decision 3", "note": "wrong seat"}
        assert not lodged["may_decide"]
        assert officer.post(decide, json=asked).json()["key"] == "flow.own_appeal"
        assert boss.get(path).json()["appeals"][0]["may_decide"]
        found = boss.post(decide, json=asked).json()
        (decided,) = found["appeals"]
        assert (decided["upheld"], decided["decided_by"], decided["decided_min"]) == (True, "boss", NOW_MIN)
        assert (decided["ref"], decided["note"], decided["may_decide"]) == ("decision 3", "wrong seat", False)
        assert (found["case"]["state"], found["case"]["outcome"]) == ("closed", "corrected")
        assert [line["kind"] for line in found["timeline"]] == [
            *("CaseOpened", "AppealLodged", "AppealDecided", "CaseClosed"),
        ]
        assert boss.post(decide, json=asked).status_code == 409
        assert boss.post("/api/v1/appeals/none/decision", json=asked).status_code == 404
        assert officer.post("/api/v1/cases/none/appeals", json={"ground": "x"}).status_code == 404


def test_an_appeal_that_was_not_upheld_leaves_the_case_and_a_late_one_stands_as_an_alarm(hub: Hub) -> None:
    with hub.served.client("boss") as boss, hub.served.client("staff") as staff:
        emergency = declare(boss)
        flag(hub, "p1")
        path = f"/api/v1/cases/{case_id_of(emergency, 'p1', TRAIN)}"
        (lodged,) = staff.post(f"{path}/appeals", json={"ground": "form 1"}).json()["appeals"]
        decide = f"/api/v1/appeals/{lodged['appeal_id']}/decision"
        assert staff.post(decide, json={"upheld": False, "ref": "d"}).json()["key"] == "rules.not_permitted"
        for minute in (31, 121):  # the case itself is late as well, before the appeal
            hub.clock[0] = NOW + timedelta(minutes=minute)
            tick(hub.desk.works.ledger, NOW_MIN + minute, Clocks(CLOCKS_MIN))
        late = [alarm for alarm in hub.desk._board.list_alarms() if "appeal" in alarm.payload]
        assert [alarm.payload["appeal"] for alarm in late] == [lodged["appeal_id"]]
        found = boss.post(decide, json={"upheld": False, "ref": "d 1"}).json()
        assert (found["case"]["state"], found["appeals"][0]["upheld"]) == ("found", False)
        stands = [alarm for alarm in hub.desk._board.list_alarms() if alarm.kind == "CaseEscalated"]
        assert [("appeal" in alarm.payload, alarm.at_min) for alarm in stands] == [(False, NOW_MIN + 31)]


def test_alarms_that_stand_are_kept_however_many_they_are(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_board, "REMEMBERED", 2)
    with hub.served.client("boss") as boss:
        declare(boss)
    persons = [f"p{number}" for number in range(6)]
    flag(hub, *persons)
    board = RealBoard(hub.desk.works)
    for minute in (31, 32, 62):
        hub.clock[0] = NOW + timedelta(minutes=minute)
        tick(hub.desk.works.ledger, NOW_MIN + minute, Clocks(CLOCKS_MIN))
        late = [alarm for alarm in board.list_alarms() if alarm.kind == "CaseEscalated"]
        assert len({alarm.subject for alarm in late}) == len(persons)


def test_an_alarm_about_a_case_goes_when_the_case_has_moved_on(hub: Hub) -> None:
    with hub.served.client("boss") as boss, hub.served.client("officer") as officer:
        emergency = declare(boss)
        flag(hub, "p1")
        hub.clock[0] = NOW + timedelta(minutes=31)
        tick(hub.desk.works.ledger, NOW_MIN + 31, Clocks(CLOCKS_MIN))
        assert [alarm.kind for alarm in hub.desk.alarms()] == ["CaseEscalated"]
        move(officer, f"/api/v1/cases/{case_id_of(emergency, 'p1', TRAIN)}", "report", "scan")
        assert hub.desk.alarms() == []


def test_overflow_is_proposed_with_its_figures_begun_and_ended_by_a_person(hub: Hub) -> None:
    ledger = hub.desk.works.ledger
    with hub.served.client("boss") as boss, hub.served.client("staff") as staff:
        begin = {"place": "N1", "reason": "lanes are full"}
        assert boss.post("/api/v1/overflow", json=begin).json()["key"] == "flow.no_emergency"
        declare(boss)
        propose_overflow(ledger, [LOAD], CLOCKS_MIN, scene="epidemic", now_min=NOW_MIN)
        (idea,) = boss.get("/api/v1/board").json()["overflow_proposals"]
        assert (idea["place"], idea["longest_queue"], idea["peak_per_min"]) == ("N1", 180.0, None)
        assert (idea["from_min"], idea["until_min"]) == (NOW_MIN + 10, NOW_MIN + 25)
        assert "OverflowProposed" in [alarm.kind for alarm in hub.desk.alarms()]
        assert staff.post("/api/v1/overflow", json=begin).status_code == 403
        assert boss.post("/api/v1/overflow", json={"place": "moon", "reason": "x"}).json()["key"] == "web.no_exit"
        assert boss.post("/api/v1/overflow", json={"place": "N1", "reason": " "}).status_code == 422
        board = boss.post("/api/v1/overflow", json=begin).json()
        (order,) = board["overflow"]
        assert board["overflow_proposals"] == []
        assert (order["place"], order["since_min"], order["begun_by"]) == ("N1", NOW_MIN, "boss")
        assert order["reason"] == "lanes are full"
        assert hub.desk.alarms() == []
        assert len(boss.post("/api/v1/overflow", json=begin).json()["overflow"]) == 1
        end = f"/api/v1/overflow/{order['overflow_id']}/end"
        assert staff.post(end, json={}).status_code == 403
        assert boss.post(end, json={}).json()["overflow"] == []
        assert boss.post(end, json={}).status_code == 200
        assert boss.post("/api/v1/overflow/none/end", json={}).status_code == 404


def source(
    name: str = "gates",
    *,
    cadence_s: int = 60,
    read_min: int | None = NOW_MIN,
    error: str = "",
    on: bool = True,
) -> SourceState:
    return SourceState(name, {"zh": "闸机", "en": "gates"}, cadence_s, read_min, error, 3, on, news_min=NOW_MIN)


@pytest.mark.parametrize(
    ("told", "minutes", "state"),
    [
        (source(), 2, "live"),
        (source(), 3, "late"),
        (source(cadence_s=1), 2, "live"),
        (source(cadence_s=90), 4, "live"),
        (source(cadence_s=90), 5, "late"),
        (source(read_min=None), 0, "late"),
        (source(error="web.no_page"), 0, "failed"),
        (source(error="web.no_page", on=False), 99, "off"),
    ],
)
def test_a_source_is_late_after_two_cadences(told: SourceState, minutes: int, state: str) -> None:
    assert state_of(told, NOW_MIN + minutes) == state
    assert cadence_min(told) == {1: 1, 60: 1, 90: 2}[told.cadence_s]


def test_a_silence_that_was_announced_is_maintenance_and_late_again_afterwards(hub: Hub) -> None:
    zone = hub.desk.works.settings.hub.zone
    ends = from_epoch_minute(NOW_MIN + 30).astimezone(zone).replace(tzinfo=None)
    office = Contact({"zh": "闸机值班室", "en": "gate control room"}, "0571-0000")
    care = Care(office, (Once(ends - timedelta(hours=2), ends),))
    told = [
        replace(source("gates", read_min=NOW_MIN - 60), care=care),
        replace(source("lanes", error="web.no_page"), care=care),
        replace(source("live"), care=care),
        replace(source("off", on=False), care=care),
    ]
    during = {each.name: each for each in list_sources(told, NOW_MIN, zone).sources}
    assert {name: each.state for name, each in during.items()} == {
        "gates": "maintenance",
        "lanes": "maintenance",
        "live": "live",
        "off": "off",
    }
    assert [during[name].until_min for name in ("gates", "lanes", "live")] == [NOW_MIN + 30, NOW_MIN + 30, None]
    after = {each.name: each.state for each in list_sources(told, NOW_MIN + 30, zone).sources}
    assert after == {"gates": "late", "lanes": "failed", "live": "late", "off": "off"}
    board = RealBoard(replace(hub.desk.works, sources=lambda: told))
    assert "gates" not in dict(board.list_late_sources())
    late = RealBoard(replace(hub.desk.works, sources=lambda: [replace(told[0], care=Care(office))]))
    (repair,) = [each for each in late.repairs().repairs if each.key == "source_late gates"]
    assert repair.detail.en.endswith("Ring gate control room: 0571-0000 (hours -).")
    assert "闸机值班室" in repair.detail.zh


def test_late_and_failing_sources_are_told_by_health_repairs_and_the_feed(hub: Hub) -> None:
    told = [
        source(),
        source("tests", error="connectors.common.http_unreachable"),
        source("lanes", read_min=None),
        source("old", on=False),
    ]
    works = replace(hub.desk.works, sources=lambda: told)
    desk = desk_of(works)
    with serving(desk) as served, served.client("boss") as boss:
        found = boss.get("/api/v1/sources").json()
        assert [(each["name"], each["state"]) for each in found["sources"]] == [
            *(("gates", "live"), ("lanes", "late"), ("old", "off"), ("tests", "failed")),
        ]
        failed = found["sources"][3]
        assert failed["error_key"] == "connectors.common.http_unreachable"
        assert "{" not in failed["error"]["zh"] + failed["error"]["en"]
        health = boss.get("/health").json()
        assert (health["status"], health["sources_late"]) == ("degraded", ["lanes", "tests", "risk-areas"])
        repairs = {each["key"]: each for each in boss.get("/api/v1/repairs").json()["repairs"]}
        assert repairs["source_failed tests"]["detail"]["en"].endswith(failed["error"]["en"])
        assert repairs["source_late lanes"]["since_min"] is None
        assert repairs["source_late lanes"]["detail"]["zh"].startswith("“闸机”至今没有任何数据")
    fresh = desk_of(works)
    assert {change.key for change in fresh.pulse() if change.topic == "source"} == {"gates", "lanes", "old", "tests"}
    told[0] = replace(told[0], read_min=NOW_MIN - 3)
    (changed,) = fresh.pulse()
    assert (changed.topic, changed.key, changed.value.state) == ("source", "gates", "late")
    assert RealBoard(works).list_late_sources()[0] == ("gates", 3)
