"""The desk of a hub at work over real stores: a story from the declared event to the closed case, and its figures."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from pydantic import TypeAdapter

from hubtwin.base.clock import epoch_minute, system_clock
from hubtwin.base.text import catalogue
from hubtwin.flow.dispatch import Order, dispatch
from hubtwin.flow.timers import Clocks, tick
from hubtwin.flow.warn import case_id_of, open_cases, raise_alerts
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.case import COMMANDS, MOVES
from hubtwin.model.event import LoopTimes
from hubtwin.model.finding import Finding, Flagged
from hubtwin.model.grant import VAULT, VAULT_FIELDS, Grant, Purpose
from hubtwin.model.record import Marks, Provenance
from hubtwin.model.task import TASK_COMMANDS
from hubtwin.scenes.epidemic.feed import Feed
from hubtwin.settings import load_settings
from hubtwin.stores.accounts import Accounts
from hubtwin.web.desk import CaseFilter, Desk
from hubtwin.web.real import RealDesk
from hubtwin.web.real_board import list_steps
from hubtwin.web.schemas import hub as h
from hubtwin.web.schemas import loop as lo
from hubtwin.web.schemas import trains as tr
from hubtwin.web.start import desk_of, find_ui, open_desk, roster_of
from hubtwin.wiring import Warned, WarningList
from hubtwin.wiring.works import Latest, open_works
from tests.web.fake_desk import PASSWORD
from tests.web.served import Served, serving

NOW = datetime(2022, 10, 20, 1, 0, tzinfo=UTC)
NOW_MIN = epoch_minute(NOW)
TRAIN = "G1 2022-10-20"
CLOCKS_MIN = {move.clock: 30 for move in MOVES if move.clock} | {
    "answer": 3,
    "done": 30,
    "escalated": 5,
    "review_min": 30,
    "appeal_min": 120,
}
COVER = {"calls": 1, "of_calls": 2, "completeness": 0.5, "to_board": None}
EVIDENCE: dict[str, Any] = {
    "trip_id": "t1",
    "service_date": "2022-10-20",
    "train": "G1",
    "hub_station": "HGH",
    "platform": None,
    "scheduled_min": NOW_MIN + 40,
    "expected_min": NOW_MIN + 42,
    "lead_min": 42,
    "level": "high",
    "key_train": True,
    "persons": {"rung": "counts", "concerned": 30, "booked": 30, "boarded": None, "to_board": 0, "hits": None},
    "lists": {"stage": "first", "now": COVER, "first": {**COVER, "due_min": NOW_MIN}, "final": COVER},
    "calls": [],
}
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC)
FOUND = Finding("k1", "epidemic", "train_warning", TRAIN, NOW_MIN, 30.0, EVIDENCE, {}, SYNTHETIC)
PEOPLE = {
    "boss": ("command", AgencyKind.COMMAND, Role.DUTY_COMMANDER),
    "officer": ("health", AgencyKind.HEALTH, Role.SCENE_OFFICER),
    "staff": ("health", AgencyKind.HEALTH, Role.FIELD_STAFF),
    "guard": ("data", AgencyKind.DATA, Role.SECURITY_OFFICER),
    "owner": ("data", AgencyKind.DATA, Role.DATA_OWNER),
}


@dataclass
class Hub:
    """A served hub whose clock the test moves."""

    desk: RealDesk
    served: Served
    clock: list[datetime]


def the_list() -> WarningList:
    feed = Feed(NOW_MIN - 900, NOW_MIN, NOW_MIN - 900, 900, {}, None)
    items = [Warned(FOUND, {"team": [], "reason": "too_late"})]
    load = {"exit": "N1", "from_min": NOW_MIN, "until_min": NOW_MIN + 5, "peak_per_min": 130.0, "lead_min": 0}
    load |= {"capacity_per_min": 120.0, "longest_queue": 40}
    return WarningList(NOW, NOW.date(), NOW.date(), items, [load], ["boarding_counts"], feed, 180)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    settings, clock = load_settings(home=tmp_path, environ={}), [NOW]
    with open_works(
        settings,
        clock=lambda: clock[0],
        real_clock=system_clock,
        clocks_min=CLOCKS_MIN,
        roster=roster_of(settings, lambda: NOW),
        mode="replay",
        speed=60.0,
    ) as works:
        access = works.access
        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        accounts = Accounts(access.grants._database, access.audit, clock=system_clock, hasher=weak)
        for name, kind in {(name, kind) for name, kind, _ in PEOPLE.values()}:
            accounts.add_agency(Agency(name, kind, name, name))
        for user, (agency, kind, role) in PEOPLE.items():
            person = Person(user, user.title(), agency, kind, frozenset({role}), frozenset({"epidemic"}), "T01")
            accounts.create(person, PASSWORD, by="setup")
        desk = desk_of(replace(works, access=replace(access, accounts=accounts), latest=the_list))
        with serving(desk) as served:
            yield Hub(desk, served, clock)


def declare(client: httpx.Client) -> str:
    asked = {"disease": "covid-19", "legal_basis": "9th plan", "ends_on": "2022-12-31"}
    found = client.post("/api/v1/emergency", json=asked)
    assert found.status_code == 200, found.text
    return str(found.json()["emergency"]["emergency_id"])


def flag(hub: Hub, *pids: str) -> None:
    flagged = [Flagged(pid, TRAIN, f"hit {pid}", marks=SYNTHETIC) for pid in pids]
    open_cases(hub.desk.works.ledger, flagged, CLOCKS_MIN, scene="epidemic", now_min=epoch_minute(hub.clock[0]))


def test_the_real_desk_is_a_desk(hub: Hub) -> None:
    desk: Desk = hub.desk
    assert desk.now() == NOW


def test_every_answer_of_the_real_desk_is_as_declared(hub: Hub) -> None:
    with hub.served.client("boss") as boss:
        emergency = declare(boss)
        flag(hub, "p1")
        case_id = case_id_of(emergency, "p1", TRAIN)
        kinds: dict[str, Any] = {
            "me": h.Me,
            "hub": h.HubView,
            "emergency": h.EmergencyReply,
            "repairs": h.RepairsReply,
            "trains": tr.TrainsReply,
            "areas": tr.AreasReply,
            "stations": list[tr.StationView],
            "positions": tr.PositionsReply,
            "staff": tr.StaffReply,
            "board": lo.Board,
            "tasks": lo.TasksReply,
            "cases": lo.CasesReply,
            f"cases/{case_id}": lo.CaseReply,
        }
        for path, kind in kinds.items():
            answer = boss.get(f"/api/v1/{path}")
            assert answer.status_code == 200, answer.text
            TypeAdapter(kind).validate_json(answer.content)
        assert boss.get("/api/v1/hub").json()["speed"] == 60.0
        (line,) = boss.get("/api/v1/trains").json()["trains"]
        assert (line["subject"], line["cases"], line["staff"]["reason"]) == (TRAIN, 1, "too_late")
        assert line["persons"]["exposed"] is None
        assert {repair["kind"] for repair in boss.get("/api/v1/repairs").json()["repairs"]} == {"source_late"}
        assert boss.get("/health").json()["sources_late"] == ["risk-areas"]


def test_a_person_is_led_to_a_closed_case_and_the_board_adds_up(hub: Hub) -> None:
    with hub.served.client("boss") as boss, hub.served.client("officer") as officer:
        emergency = declare(boss)
        flag(hub, "p1", "p2")
        case_id = case_id_of(emergency, "p1", TRAIN)
        path = f"/api/v1/cases/{case_id}"
        assert [move["command"] for move in officer.get(path).json()["moves"]] == [
            *("report", "report_at_desk", "correct", "refuse")
        ]
        story = (
            *(("report", "scan"), ("take_antigen", "sample"), ("antigen_result", "antigen")),
            *(("release", "negative", "review"), ("close", "feedback")),
        )
        for version, (command, *kinds) in enumerate(story):
            asked = {"command": command, "expects": version, "key": f"tap {version}"}
            pieces = {"evidence": [{"kind": kind, "ref": f"ref {kind}"} for kind in kinds]}
            for _ in range(2):  # a phone that heard no answer sends it again
                moved = officer.post(f"{path}/moves", json={**asked, **pieces})
                assert moved.status_code == 200, moved.text
        found = officer.get(path).json()
        assert (found["case"]["state"], found["case"]["outcome"], found["moves"]) == ("closed", "released", [])
        assert [piece["kind"] for piece in found["evidence"]][:2] == ["finding", "scan"]
        assert {line["by"] for line in found["timeline"]} == {"system", "officer"}
        board = boss.get("/api/v1/board").json()
        assert (board["open"], board["balance"]["released"], board["balance"]["open"]) == (1, 1, 1)
        hub.clock[0] = NOW + timedelta(minutes=61)
        tick(hub.desk.works.ledger, NOW_MIN + 61, Clocks(CLOCKS_MIN))
        board = boss.get("/api/v1/board").json()
        assert board["balance"]["at_min"] == NOW_MIN + 61
        assert (board["balance"]["difference"], board["overdue"], board["alarm_rate"]["per_10_min"]) == (0, 1, 1)


def test_pages_of_cases_come_by_deadline_without_gap_or_double(hub: Hub) -> None:
    with hub.served.client("boss") as boss:
        declare(boss)
        for minute in range(4):
            hub.clock[0] = NOW + timedelta(minutes=minute)
            flag(hub, *(f"p{minute}-{n}" for n in range(3)))
        seen: list[str] = []
        after: str | None = None
        while True:
            reply = boss.get("/api/v1/cases", params={"limit": 5, **({"after": after} if after else {})}).json()
            assert reply["total"] == 12
            seen += [row["case_id"] for row in reply["cases"]]
            if (after := reply["next"]) is None:
                break
        assert len(seen) == len(set(seen)) == 12
        assert boss.get("/api/v1/cases?after=nonsense").json()["cases"] == []
        assert boss.get("/api/v1/cases?overdue=true").json()["total"] == 0
        assert boss.get("/api/v1/cases?scene=fire").status_code == 403
        assert boss.get(f"/api/v1/cases?train={TRAIN}&state=found").json()["total"] == 12


def test_an_order_is_accepted_by_its_team_and_a_late_one_stands_as_an_alarm(hub: Hub) -> None:
    ledger = hub.desk.works.ledger
    with hub.served.client("boss") as boss, hub.served.client("staff") as staff:
        declare(boss)
        raise_alerts(ledger, [FOUND], CLOCKS_MIN, scene="epidemic", now_min=NOW_MIN)
        orders = [Order("meet_train", TRAIN, "6", "T01", NOW_MIN + 30), Order("meet_train", "G2", "7", "T02", NOW_MIN)]
        dispatch(ledger, orders, CLOCKS_MIN, scene="epidemic", now_min=NOW_MIN)
        (mine,) = staff.get("/api/v1/tasks?mine=true").json()["tasks"]
        path = f"/api/v1/tasks/{mine['task_id']}"
        assert [move["command"] for move in staff.get(path).json()["moves"]] == ["accept", "decline"]
        accepted = staff.post(f"{path}/moves", json={"command": "accept"}).json()
        assert accepted["task"]["state"] == "accepted"
        assert accepted["timeline"][-1]["kind"] == "TaskAccepted"
        hub.clock[0] = NOW + timedelta(minutes=4)
        tick(ledger, NOW_MIN + 4, Clocks(CLOCKS_MIN))
        standing = [(alarm.kind, alarm.topic) for alarm in hub.desk.alarms()]
        assert ("AlertRaised", "alert") in standing
        assert ("TaskEscalated", "task") in standing
        other = next(task for task in boss.get("/api/v1/tasks").json()["tasks"] if task["state"] == "escalated")
        cancel = {"command": "cancel", "reason": "train turned back"}
        assert boss.post(f"/api/v1/tasks/{other['task_id']}/moves", json=cancel).status_code == 200
        assert "TaskEscalated" not in [alarm.kind for alarm in hub.desk.alarms()]
        assert boss.get("/api/v1/board").json()["tasks_open"] == 1


def test_events_of_the_ledger_become_changes_with_the_thing_as_it_stands(hub: Hub) -> None:
    with hub.served.client("boss") as boss:
        emergency = declare(boss)
        flag(hub, "p1")
        changes = hub.desk.events_after(0, 1000)
        shown = {(change.topic, change.key): change for change in changes if change.topic}
        assert shown["case", case_id_of(emergency, "p1", TRAIN)].value.pid == "p1"
        assert shown["emergency", emergency].value.emergency.in_force
        assert changes[-1].rev == hub.desk.rev()
        pulse = {(change.topic, change.key) for change in hub.desk.pulse()} | {("train", TRAIN)}
        assert ("train", TRAIN) in pulse
        again = {(change.topic, change.key) for change in hub.desk.pulse()}
        assert again <= {("train", TRAIN)}  # the feed looks as well


def test_persons_are_unmasked_under_a_grant_on_two_words_or_through_the_glass(hub: Hub) -> None:
    access = hub.desk.works.access
    for number in range(25):
        access.vault.remember(f"p{number}", {"id_no": f"number {number}", "name": "somebody"})
    now_min = epoch_minute(system_clock())
    grant = Grant(
        *("", "officer", VAULT, frozenset(VAULT_FIELDS), frozenset({Purpose.TRACE}), "epidemic", now_min - 1),
        until_min=now_min + 60,
        issued_by="owner",
        approved_by="guard",
        reason="outbreak",
    )
    why = {"scene": "epidemic", "fields": ["id_no"], "purpose": "trace", "about": TRAIN, "reason": "call them"}
    with hub.served.client("boss") as boss:
        declare(boss)
    flag(hub, "unknown", *(f"p{number}" for number in range(25)))
    with hub.served.client("officer") as officer:
        path = "/api/v1/reveal"
        one = {**why, "pids": ["p1", "unknown"]}
        assert officer.post(path, json=one).json()["key"] == "model.no_grant"
        glass = officer.post(path, json={**one, "break_glass": True}).json()
        assert glass["persons"] == [{"pid": "p1", "fields": {"id_no": "number 1"}}]
        assert [each.grantee for each in access.grants.list_unreviewed()] == ["officer"]
        access.grants.revoke(access.grants.list_unreviewed()[0].grant_id, by="owner")
        access.grants.issue(grant)
        assert len(officer.post(path, json=one).json()["persons"]) == 1
        many = {**why, "pids": [f"p{n}" for n in range(25)]}
        assert officer.post(path, json=many).json()["key"] == "library.two_people"
        second = {"user": "guard", "password": PASSWORD}
        assert len(officer.post(path, json={**many, "second": second}).json()["persons"]) == 25
        assert officer.post(path, json={**many, "second": {**second, "user": "staff"}}).status_code == 403
        kinds = [entry.kind for entry in access.audit.list_entries()]
        assert kinds.count("Unmasked") == 3
        assert "LookUpDenied" in kinds


def test_an_event_ends_on_two_peoples_word_only_once(hub: Hub) -> None:
    with hub.served.client("boss") as boss:
        end, second = "/api/v1/emergency/end", {"second": {"user": "guard", "password": PASSWORD}}
        assert boss.post(end, json=second).json()["key"] == "flow.no_emergency"
        declare(boss)
        asked = {"disease": "measles-of-mars", "legal_basis": "none at all", "ends_on": "2022-12-31"}
        assert boss.post("/api/v1/emergency", json=asked).status_code == 404
        assert boss.post("/api/v1/emergency", json={**asked, "ends_on": "2022-13-31"}).status_code == 422
        wrong = {"second": {"user": "staff", "password": PASSWORD}}
        assert boss.post(end, json=wrong).status_code == 403
        reply = boss.post(end, json=second).json()
        ended = reply["emergency"]
        assert (ended["in_force"], ended["ended_min"], ended["data"]) == (False, NOW_MIN, "destroyed")
        assert (reply["kept_because"], reply["standing"]) == (None, [])
        assert "个人信息销毁证明" in reply["certificate"]["zh"]
        assert "Certificate of destruction" in reply["certificate"]["en"]
        assert "EmergencyEnded" in [entry.kind for entry in hub.desk.works.access.audit.list_entries()]


def test_what_a_hold_keeps_is_said_and_destroyed_later_on_two_peoples_word(hub: Hub) -> None:
    path, second = "/api/v1/emergency", {"second": {"user": "guard", "password": PASSWORD}, "reason": "over"}
    grants = hub.desk.works.access.grants
    with hub.served.client("boss") as boss, hub.served.client("officer") as officer:
        first = declare(boss)
        hold = grants.set_hold(first, by="owner", reason="court order 12")
        kept = boss.post(f"{path}/end", json=second).json()
        assert (kept["emergency"]["data"], kept["certificate"]) == ("standing", None)
        assert "court order 12" in kept["kept_because"]["zh"]
        hub.clock[0] = NOW + timedelta(minutes=1)
        declare(boss)
        again = boss.get(path).json()
        assert (again["emergency"]["data"], again["kept_because"]) == ("held", None)
        assert [(each["emergency_id"], each["data"]) for each in again["standing"]] == [(first, "standing")]
        asked = {**second, "emergency_id": first}
        assert boss.post(f"{path}/destroy", json=asked).json()["key"] == "stores.legal_hold"
        grants.lift_hold(hold, by="owner")
        assert officer.post(f"{path}/destroy", json=asked).status_code == 403
        assert boss.post(f"{path}/destroy", json={**asked, "emergency_id": "none"}).status_code == 404
        destroyed = boss.post(f"{path}/destroy", json=asked).json()
        assert (destroyed["emergency"]["data"], destroyed["standing"]) == ("held", [])
        assert (hub.desk.events_after(0, 1000)[-1].topic, hub.desk.events_after(0, 1000)[-1].kind) == (
            *("emergency", "EmergencyDataDestroyed"),
        )


def test_the_steps_of_the_loop_are_measured_from_the_one_before() -> None:
    found = [LoopTimes("a", "s", 0, 2, 3, None, 10), LoopTimes("b", "s", 0, 4, 5, 6, 12)]
    steps = {step.step: step for step in list_steps(found)}
    assert (steps["warned"].count, steps["warned"].p50_min) == (2, 3.0)
    assert steps["accepted"].p50_min == 1.0
    assert steps["on_site"].p50_min == 6.5
    assert steps["closed"].p50_min is None


def test_every_move_has_a_label_in_both_languages() -> None:
    wanted = {f"web.case_{name}" for name in COMMANDS} | {f"web.task_{name}" for name in TASK_COMMANDS}
    assert wanted <= catalogue().keys()


def test_the_list_is_judged_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, clock = [], [NOW]

    def judge(settings: object, store: object, ask: Any) -> Any:
        asked.append(ask.now)
        return the_list()

    monkeypatch.setattr("hubtwin.wiring.works.warn", judge)
    latest = Latest(None, None, lambda: clock[0])  # type: ignore[arg-type]
    latest()
    latest()
    clock[0] = NOW + timedelta(minutes=1)
    latest()
    assert asked == [NOW, NOW + timedelta(minutes=1)]


def test_the_built_page_is_found_beside_the_data(tmp_path: Path) -> None:
    assert find_ui(tmp_path / "data") is None
    (tmp_path / "ui" / "dist").mkdir(parents=True)
    (tmp_path / "ui" / "dist" / "index.html").write_text("x")
    assert find_ui(tmp_path / "data") == tmp_path / "ui" / "dist"


def test_cases_of_scenes_that_are_not_theirs_are_not_counted(hub: Hub) -> None:
    with hub.served.client("boss") as boss:
        declare(boss)
    flag(hub, "p1")
    nobody = replace(hub.desk.vouch("boss", PASSWORD), scenes=frozenset())
    assert hub.desk.cases(nobody, CaseFilter()).total == 0


def test_a_hub_into_which_nothing_was_brought_answers_and_says_what_is_missing(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, environ={})
    with open_desk(settings, clock=lambda: NOW, real_clock=system_clock) as desk:
        access = desk.works.access
        access.accounts.add_agency(Agency("command", AgencyKind.COMMAND, "x", "x"))
        roles, scenes = frozenset({Role.DUTY_COMMANDER}), frozenset({"epidemic"})
        boss = Person("boss", "Boss", "command", AgencyKind.COMMAND, roles, scenes)
        access.accounts.create(boss, PASSWORD, by="setup")
        with serving(desk) as served, served.client("boss") as client:
            assert client.get("/health").json()["sources_late"] == ["timetable"]
            assert client.get("/api/v1/trains").json()["key"] == "wiring_no_station"
            assert client.get("/api/v1/areas").json()["features"] == []
            assert client.get("/api/v1/stations").json() == []
            with served.listen(served.token("boss")) as sock:
                heard = sock.recv(1 << 20)
                while b"event: heartbeat" not in heard:
                    heard += sock.recv(1 << 20)
                assert b"event: snapshot" in heard
