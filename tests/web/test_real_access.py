"""Who may read what, over real stores: grants on two words, broken glasses, holds, reports, the audit."""

import json
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest
import schemathesis
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings
from pydantic import TypeAdapter
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Denied
from hubtwin.base.text import catalogue
from hubtwin.datasets.all import DATASETS
from hubtwin.flow.warn import case_id_of, open_cases
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.case import MOVES
from hubtwin.model.finding import Flagged
from hubtwin.model.grant import REVIEW_MIN, Purpose
from hubtwin.rules.retention import RETENTION, Times
from hubtwin.settings import load_settings
from hubtwin.stores.accounts import Accounts
from hubtwin.stores.audit import ACCESS_FILE
from hubtwin.stores.deletion import Keeping, Register, delete_nightly, report
from hubtwin.stores.signing import Signer
from hubtwin.web.app import describe
from hubtwin.web.desk import AccessDesk
from hubtwin.web.real import RealDesk
from hubtwin.web.schemas import access as a
from hubtwin.web.schemas.asked import Reveal
from hubtwin.web.shown_access import report_text
from hubtwin.web.start import desk_of
from hubtwin.wiring.works import open_works
from tests.web.fake_desk import PASSWORD
from tests.web.served import Served, serving

NOW = datetime(2022, 10, 20, 1, 0, tzinfo=UTC)
REAL = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)  # the real clock: grants do not live in the replayed day
REAL_MIN = epoch_minute(REAL)
TRAIN = "G1 2022-10-20"
CLOCKS_MIN = {move.clock: 30 for move in MOVES if move.clock} | {"review_min": 30, "appeal_min": 120}
NAME, NUMBER, PHONE = "张小明", "330102199001011234", "13800001111"
C, D, H, P, A = AgencyKind.COMMAND, AgencyKind.DATA, AgencyKind.HEALTH, AgencyKind.POLICE, AgencyKind.AUDIT
PEOPLE: dict[str, tuple[AgencyKind, frozenset[Role]]] = {
    "boss": (C, frozenset({Role.DUTY_COMMANDER})),
    "officer": (H, frozenset({Role.SCENE_OFFICER})),
    "staff": (H, frozenset({Role.FIELD_STAFF})),
    "liaison": (P, frozenset({Role.AGENCY_LIAISON})),
    "steward": (D, frozenset({Role.DATA_STEWARD})),
    "owner": (D, frozenset({Role.DATA_OWNER})),
    "guard": (D, frozenset({Role.SECURITY_OFFICER})),
    "auditor": (A, frozenset({Role.AUDITOR})),
    "analyst": (D, frozenset({Role.ANALYST})),
    "both": (C, frozenset({Role.SCENE_OFFICER, Role.SECURITY_OFFICER})),
}
KEEPERS = {"steward", "owner", "guard", "auditor", "both"}
WHO_MAY: dict[tuple[str, str], set[str]] = {  # by hand, beside the table of permissions
    ("get", "/grants"): KEEPERS,
    ("get", "/grants/mine"): {"boss", "officer", "staff", "both"},
    ("get", "/grants/options"): {"owner"},
    ("post", "/grants"): {"owner"},
    ("post", "/grants/none/revoke"): {"owner", "guard", "both"},
    ("post", "/grants/none/review"): {"guard", "auditor", "both"},
    ("get", "/holds"): KEEPERS,
    ("post", "/holds"): {"owner", "guard", "both"},
    ("post", "/holds/none/lift"): {"owner", "guard", "both"},
    ("get", "/reports"): KEEPERS,
    ("get", "/audit"): {"guard", "auditor", "both"},
    ("post", "/audit/verify"): {"guard", "auditor", "both"},
}
SECOND = {"user": "guard", "password": PASSWORD}
TO = {"scene": "epidemic", "dataset": "vault", "reason": "outbreak on G1", "second": SECOND}
GRANT = {**TO, "grantee": "officer", "columns": ["name", "phone"], "purposes": ["trace"], "days": 7}
REVIEW = {"justified": True, "note": "two persons were called at once"}
ASK = {"scene": "epidemic", "pids": ["p1"], "fields": ["name"], "purpose": "trace", "about": TRAIN, "reason": "call"}
BODIES: dict[str, Any] = {
    "/grants": GRANT,
    "/grants/none/review": REVIEW,
    "/holds": {"emergency_id": "none", "reason": "a court asked"},
}


@dataclass
class Hub:
    """A served hub whose real clock the test moves."""

    desk: RealDesk
    served: Served
    clock: list[datetime]

    def ask(self, user: str, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """Ask in a new session: an old one may be over by now."""
        with self.served.client(user) as client:
            return client.request(method, f"/api/v1{path}", json=body, headers=headers)

    def get(self, user: str, path: str, **headers: str) -> Any:
        answer = self.ask(user, "get", path, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, user: str, path: str, body: object = None) -> Any:
        answer = self.ask(user, "post", path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, user: str, path: str, body: object = None) -> tuple[int, str]:
        answer = self.ask(user, "post", path, body)
        return answer.status_code, answer.json().get("key", "")

    def keeping(self) -> Keeping:
        access, directory = self.desk.works.access, self.desk.works.store.directory
        times = Times(self.desk.works.settings.hub.zone, incubation_d=14)
        parts = (Register(access.database), access.audit, access.grants, Signer(directory), access.vault)
        return Keeping(directory, *parts, access.clock, times)

    def flag(self, *pids: str, train: str = TRAIN) -> None:
        flagged = [Flagged(pid, train, f"hit {pid}") for pid in pids]
        open_cases(self.desk.works.ledger, flagged, CLOCKS_MIN, scene="epidemic", now_min=epoch_minute(NOW))

    def declare(self) -> str:
        asked = {"disease": "covid-19", "legal_basis": "9th plan", "ends_on": "2022-12-31"}
        return str(self.post("boss", "/emergency", asked)["emergency"]["emergency_id"])


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    loaded, clock = load_settings(home=tmp_path, environ={}), [REAL]
    with open_works(
        loaded, clock=lambda: NOW, real_clock=lambda: clock[0], clocks_min=CLOCKS_MIN, mode="replay"
    ) as works:
        access = works.access
        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        accounts = Accounts(access.database, access.audit, clock=access.clock, hasher=weak)
        for kind in {kind for kind, _ in PEOPLE.values()}:
            accounts.add_agency(Agency(kind.value, kind, kind.value, kind.value))
        for user, (kind, roles) in PEOPLE.items():
            person = Person(user, user.title(), kind.value, kind, roles, frozenset({"epidemic"}), "T01")
            accounts.create(person, PASSWORD, by="setup")
        for number in range(25):
            access.vault.remember(f"p{number}", {"name": NAME, "id_no": NUMBER, "phone": PHONE})
        desk = desk_of(replace(works, access=replace(access, accounts=accounts)))
        with serving(desk) as served:
            yield Hub(desk, served, clock)


def test_the_real_part_is_a_part_of_a_desk(hub: Hub) -> None:
    part: AccessDesk = hub.desk.access
    assert part is hub.desk.access


def test_each_route_is_for_those_listed_by_hand_and_for_nobody_else(hub: Hub) -> None:
    for user in PEOPLE:
        with hub.served.client(user) as client:
            for (method, path), allowed in WHO_MAY.items():
                answer = client.request(method, f"/api/v1{path}", json=BODIES.get(path))
                refused = answer.status_code == 403 and answer.json()["key"] == "rules.not_permitted"
                assert refused == (user not in allowed), (user, method, path, answer.text)
                if method == "get" and user in allowed:
                    assert answer.status_code == 200


def test_the_list_by_hand_names_every_route_of_this_part() -> None:
    written = {(m, path.removeprefix("/api/v1")) for path, found in describe()["paths"].items() for m in found}
    listed = {(m, p.replace("holds/none", "holds/{hold_id}").replace("none", "{grant_id}")) for m, p in WHO_MAY}
    assert listed == {(m, path) for m, path in written if re.match(r"/(grants|holds|reports|audit)", path)}


def test_what_is_granted_can_be_asked_and_what_is_over_or_revoked_binds_at_the_next_question(hub: Hub) -> None:
    hub.declare()
    hub.flag("p1")
    assert hub.refused("officer", "/reveal", ASK) == (403, "model.no_grant")
    given = hub.post("owner", "/grants", GRANT)
    assert (given["issued_by"], given["approved_by"], given["live"]) == ("owner", "guard", True)
    assert given["until_min"] == REAL_MIN + 7 * 1440
    assert [column["column"] for column in given["columns"]] == ["name", "phone"]
    (mine,) = hub.get("officer", "/grants/mine")["grants"]
    assert (mine["columns"], mine["purposes"], mine["until_min"]) == (["name", "phone"], ["trace"], given["until_min"])
    assert hub.get("boss", "/grants/mine")["grants"] == []
    assert hub.post("officer", "/reveal", ASK)["persons"] == [{"pid": "p1", "fields": {"name": NAME}}]
    assert hub.refused("officer", "/reveal", {**ASK, "fields": ["id_no"]}) == (403, "model.no_grant")
    assert hub.refused("officer", "/reveal", {**ASK, "purpose": "report"}) == (403, "model.no_grant")
    revoked = hub.post("guard", f"/grants/{given['grant_id']}/revoke", {})
    assert (revoked["live"], revoked["revoked_by"]) == (False, "guard")
    assert hub.refused("officer", "/reveal", ASK) == (403, "model.grant_over")
    hub.post("owner", "/grants", {**GRANT, "days": 1})
    assert hub.post("officer", "/reveal", ASK)["persons"]
    hub.clock[0] = REAL + timedelta(days=1)
    assert hub.refused("officer", "/reveal", ASK) == (403, "model.grant_over")
    assert [grant["live"] for grant in hub.get("auditor", "/grants")["grants"]] == [False, False]


def test_nobody_approves_their_own_grant_or_receives_one_that_they_gave(hub: Hub) -> None:
    own = {"user": "owner", "password": PASSWORD}
    assert hub.refused("owner", "/grants", {**GRANT, "second": own}) == (422, "web.same_person")
    assert hub.refused("owner", "/grants", {**GRANT, "second": {**SECOND, "password": "guess"}})[0] == 403
    assert hub.refused("owner", "/grants", {**GRANT, "second": {**SECOND, "user": "steward"}}) == (
        *(403, "rules.not_permitted"),
    )
    both = {**GRANT, "grantee": "both", "second": {**SECOND, "user": "both"}}
    assert hub.refused("owner", "/grants", both) == (403, "model.grant_needs_two")
    assert hub.post("owner", "/grants", {**both, "second": SECOND})["grantee"] == "both"
    with hub.served.client("owner") as client:
        there = client.get("/api/v1/grants/options").json()["scenes"][0]["people"]
    assert "owner" not in {person["id"] for person in there}


@pytest.mark.parametrize(
    ("change", "status", "key"),
    [
        ({"grantee": "nobody"}, 404, "stores.no_account"),
        ({"grantee": "steward"}, 422, "web.grantee_cannot_unmask"),
        ({"grantee": "scene:epidemic"}, 422, "web.scene_and_vault"),
        ({"scene": "fire"}, 404, "web.no_scene"),
        ({"dataset": "nowhere"}, 404, "library.unknown_dataset"),
        ({"dataset": "rail_calls", "columns": ["trip_id"]}, 422, "web.not_personal"),
        ({"columns": ["password"]}, 422, "library.no_such_field"),
        ({"columns": []}, 422, "web.not_as_declared"),
        ({"purposes": ["gossip"]}, 422, "web.not_as_declared"),
        ({"days": 91}, 422, "web.not_as_declared"),
        ({"days": None}, 422, "web.days_or_until"),
        ({"until": "2024-05-07"}, 422, "web.days_or_until"),
        ({"days": None, "until": "2024-02-30"}, 422, "web.no_such_day"),
        ({"days": None, "until": "2024-05-05"}, 422, "model.grant_too_long"),
        ({"days": None, "until": "2025-05-05"}, 422, "model.grant_too_long"),
        ({"emergency_id": "none"}, 404, "flow.no_such_emergency"),
        ({"reason": " "}, 422, "web.not_as_declared"),
    ],
    ids=str,
)
def test_a_grant_that_means_nothing_is_refused_with_a_reason(
    hub: Hub, change: dict[str, Any], status: int, key: str
) -> None:
    assert hub.refused("owner", "/grants", {**GRANT, **change}) == (status, key)
    assert hub.get("owner", "/grants")["grants"] == []


def test_a_grant_may_name_its_last_day_in_the_zone_of_the_hub(hub: Hub) -> None:
    given = hub.post("owner", "/grants", {**GRANT, "days": None, "until": "2024-05-06"})
    assert given["until_min"] == epoch_minute(datetime(2024, 5, 6, 16, 0, tzinfo=UTC))


def test_a_scene_is_granted_its_tables_for_an_event(hub: Hub) -> None:
    emergency = hub.declare()
    before = len(hub.get("owner", "/grants")["grants"])
    asked = {**GRANT, "grantee": "scene:epidemic", "dataset": "stays", "columns": list(DATASETS["stays"].by_name)}
    given = hub.post("owner", "/grants", {**asked, "purposes": ["warn"], "emergency_id": emergency})
    assert (given["dataset_name"]["zh"], given["emergency_id"]) == (DATASETS["stays"].zh, emergency)
    assert [column["column"] for column in given["columns"]] == list(DATASETS["stays"].by_name)
    assert len(hub.get("owner", "/grants")["grants"]) == before + 1
    options = hub.get("owner", "/grants/options")
    assert {each["dataset"] for each in options["datasets"]} >= {"vault", "stays", "bookings"}
    assert "rail_calls" not in {each["dataset"] for each in options["datasets"]}
    assert [each["purpose"] for each in options["purposes"]] == [each.value for each in Purpose]
    (scene,) = options["scenes"]
    unmasks = {each["id"]: each["unmasks"] for each in scene["people"]}
    assert (unmasks["officer"], unmasks["steward"]) == (True, False)
    assert set(scene["people"][0]) == {"id", "name", "unmasks"}
    assert options["emergencies"][0]["emergency_id"] == emergency


def test_a_grant_opens_the_persons_of_the_case_or_the_train_and_only_the_glass_others(hub: Hub) -> None:
    emergency = hub.declare()
    hub.flag("p1")
    hub.flag("p2", train="G2 2022-10-20")
    hub.post("owner", "/grants", GRANT)
    own = case_id_of(emergency, "p1", TRAIN)
    for about, pids, opened in (
        *((own, ["p1"], True), (own, ["p2"], False), (own, ["p1", "p2"], False)),
        *((TRAIN, ["p1"], True), (TRAIN, ["p2"], False), ("no such thing", ["p1"], False), ("", ["p1"], False)),
    ):
        answer = hub.ask("officer", "post", "/reveal", {**ASK, "about": about or "-", "pids": pids})
        assert (answer.status_code == 200) == opened, (about, pids)
        assert opened or answer.json()["key"] == "library.not_of_the_case"
    assert hub.post("officer", "/reveal", {**ASK, "pids": ["p2"], "break_glass": True})["audit_seq"]
    entries = hub.desk.works.access.audit.list_entries()
    assert [entry.payload["glass"] for entry in entries if entry.kind == "Unmasked"] == [False, False, True]
    assert sum(entry.payload.get("why") == "library.not_of_the_case" for entry in entries) == 5


def test_many_questions_at_once_are_no_way_around_the_second_person(hub: Hub) -> None:
    hub.declare()
    pids = [f"q{number}" for number in range(60)]
    hub.flag(*pids)
    hub.post("owner", "/grants", GRANT)
    officer, desk = hub.desk.works.access.accounts.get_person("officer"), hub.desk
    asked = [Reveal.model_validate({**ASK, "pids": pids[at : at + 10]}) for at in range(0, 60, 10)]
    together = Barrier(len(asked))

    def ask(one: Reveal) -> bool:
        together.wait()
        try:
            desk.reveal(officer, one, None)
        except Denied:
            return False
        return True

    with ThreadPoolExecutor(len(asked)) as pool:
        assert sum(pool.map(ask, asked)) == 2


def test_a_broken_glass_is_reviewed_once_by_somebody_else_who_sees_what_was_done(hub: Hub) -> None:
    emergency = hub.declare()
    marks = [Flagged("p1", TRAIN, "hit p1")]
    open_cases(hub.desk.works.ledger, marks, CLOCKS_MIN, scene="epidemic", now_min=epoch_minute(NOW))
    case_id = case_id_of(emergency, "p1", TRAIN)
    hub.post("both", "/reveal", {**ASK, "break_glass": True, "about": case_id})
    hub.post("both", "/reveal", {**ASK, "break_glass": True, "pids": ["p2", "p3"], "about": f"asked {NAME} {PHONE}"})
    (glass,) = [grant for grant in hub.get("guard", "/grants")["grants"] if grant["glass"]]
    assert (glass["approved_by"], glass["review_due_min"]) == (None, REAL_MIN + REVIEW_MIN)
    looks = [(look["about"], look["persons"], look["columns"][0]["column"]) for look in glass["looked_at"]]
    assert looks == [(case_id, 1, "name"), (None, 2, "name")]
    path = f"/grants/{glass['grant_id']}/review"
    assert hub.refused("both", path, REVIEW) == (403, "stores.review_of_oneself")
    assert hub.refused("auditor", path, {**REVIEW, "note": "  "}) == (422, "web.not_as_declared")
    done = hub.post("auditor", path, REVIEW)
    assert (done["reviewed_by"], done["justified"], done["note"]) == ("auditor", True, REVIEW["note"])
    assert (done["review_due_min"], len(done["looked_at"])) == (None, 2)
    assert hub.refused("guard", path, REVIEW) == (403, "stores.nothing_to_review")
    assert hub.refused("guard", "/grants/none/review", REVIEW) == (404, "stores.no_grant")
    hub.clock[0] = REAL + timedelta(minutes=15)
    assert hub.refused("both", "/reveal", ASK) == (403, "model.grant_over")


def test_a_broken_glass_stands_under_the_repairs_until_somebody_looks_at_it(hub: Hub) -> None:
    beside = desk_of(hub.desk.works)  # the feed pulses the served one each second, and would take what comes here
    beside.pulse()
    hub.post("officer", "/reveal", {**ASK, "break_glass": True})
    told = [change for change in beside.pulse() if change.topic == "repair"]
    assert [change.value for change in told] == [REAL_MIN]
    grant_id = told[0].key.removeprefix("glass ")
    hub.post("guard", f"/grants/{grant_id}/review", REVIEW)
    gone = [change for change in beside.pulse() if change.topic == "repair"]
    assert [(change.key, change.value) for change in gone] == [(told[0].key, None)]


def test_a_hold_stands_until_it_is_lifted_and_needs_an_event(hub: Hub) -> None:
    assert hub.refused("owner", "/holds", {"emergency_id": "none", "reason": "a court asked"}) == (
        *(404, "flow.no_such_emergency"),
    )
    emergency = hub.declare()
    asked = {"emergency_id": emergency, "reason": "a court asked"}
    (hold,) = hub.post("owner", "/holds", asked)["holds"]
    assert (hold["set_by"], hold["reason"], hold["set_min"]) == ("owner", "a court asked", REAL_MIN)
    found = hub.get("steward", "/holds")
    assert [each["emergency_id"] for each in found["emergencies"]] == [emergency]
    assert found["emergencies"][0]["in_force"]
    assert hub.post("guard", f"/holds/{hold['hold_id']}/lift", {})["holds"] == []
    assert hub.refused("guard", f"/holds/{hold['hold_id']}/lift", {}) == (404, "stores.no_hold")


def test_reports_are_printed_in_the_language_of_the_reader_and_only_if_they_are_the_hubs(hub: Hub) -> None:
    keeping = hub.keeping()
    sealed = delete_nightly(keeping)
    report(keeping, "something_new", "system", {"rows": 3})
    body = json.loads(sealed)["body"]
    found = hub.get("auditor", "/reports", **{"accept-language": "zh"})
    other, nightly = found["reports"]
    assert (nightly["verified"], nightly["report_id"], nightly["title"]["en"]) == (
        *(True, body["report_id"], "Nightly deletion"),
    )
    assert "每夜删除报告" in nightly["text"]
    assert found["public_key"] in nightly["text"]
    assert other["title"] == {"zh": "something_new", "en": "something_new"}
    assert "rows: 3" in other["text"]
    english = hub.get("auditor", "/reports", **{"accept-language": "en"})["reports"][1]["text"]
    assert english.startswith("Nightly deletion")
    assert "{" not in english + nightly["text"]
    _tamper(hub, sealed.replace(body["report_id"], "0" * 16))
    _, forged = hub.get("auditor", "/reports", **{"accept-language": "en"})["reports"]
    assert (forged["verified"], forged["text"], forged["report_id"]) == (False, None, "0" * 16)
    assert "altered" in forged["problem"]
    _tamper(hub, "not even JSON")
    _, broken = hub.get("auditor", "/reports")["reports"]
    assert (broken["verified"], broken["kind"]) == (False, None)


def _tamper(hub: Hub, body: str) -> None:
    with sqlite3.connect(hub.desk.works.store.directory / ACCESS_FILE) as con:
        con.execute("UPDATE reports SET body = ? WHERE kind = 'nightly_deletion'", (body,))
    con.close()


def test_a_nightly_report_names_kinds_and_datasets_in_words(hub: Hub) -> None:
    signer = hub.keeping().signer
    counts = {"deleted": {"contact": 3, "new_kind": 1}, "pseudonymised": {}, "persons_forgotten": 2, "at": "x"}
    rest = {"rows": {"stays": 4}, "rows_wait_for_hold": True, "records_on_hold": 1, "audit_rows": 0}
    head = {"report_id": "r", "hub_id": "h", "kind": "nightly_deletion", "copies_out_of_reach": 0, "backups_told": 0}
    printed = report_text(signer.seal({**head, **counts, **rest}), signer.public_hex, "zh")
    assert "接触者记录 3、new_kind 1" in printed
    assert "停留记录 4" in printed
    assert "有留存令" in printed
    night = {"night": "2022-10-20", "hub_at": "x", "reviews_overdue": 2, "epochs_destroyed": [7, 8]}
    whole = {**head, **counts, **rest, **night, "audit_verified": {"rows": 900, "problems": []}}
    printed = report_text(signer.seal(whole), signer.public_hex, "en")
    assert "destroyed: 7, 8" in printed
    assert "900 rows verified, 0 problems" in printed


def test_every_kind_of_the_audit_and_of_what_is_kept_has_a_title() -> None:
    source = Path(a.__file__).parents[2]
    written = re.compile(r"(?:append|Note|_note)\((?:con, )?\"([A-Z]\w+)\"")
    code = "".join(path.read_text(encoding="utf-8") for path in source.rglob("*.py") if "ledger" not in path.name)
    flow = {kind for path in (source / "flow").rglob("*.py") for kind in written.findall(path.read_text("utf-8"))}
    missing = {kind for kind in written.findall(code) if f"web.audit_{kind}" not in catalogue()} - flow
    assert not missing
    assert {f"web.record_{rule.kind}" for rule in RETENTION.records} <= catalogue().keys()


def test_the_audit_is_told_without_anybodys_values_and_verified(hub: Hub) -> None:
    hub.post("owner", "/grants", {**GRANT, "reason": f"because of {NAME}"})
    hub.declare()
    hub.flag("p1")
    typed = {**ASK, "reason": f"call {PHONE}", "about": f"{NAME} on {TRAIN}"}
    hub.post("officer", "/reveal", {**typed, "break_glass": True})
    hub.post("officer", "/reveal", ASK)
    found = hub.get("auditor", "/audit?limit=500")
    first, second = [line for line in found["entries"] if line["kind"] == "Unmasked"]
    assert (first["what"]["about"], first["what"]["persons"], first["what"]["columns"]) == (TRAIN, 1, ["name"])
    assert "about" not in second["what"]
    assert first["title"]["zh"] == "查看个人信息"
    seen: list[int] = []
    after = ""
    while True:
        page = hub.desk.access.audit(hub.desk.vouch("auditor", PASSWORD), int(after or 0) or None, 7, people_only=False)
        seen += [line.seq for line in page.entries if line.seq <= found["entries"][0]["seq"]]
        if page.next is None:
            break
        after = str(page.next)
    assert seen == [line["seq"] for line in found["entries"]]
    checked = hub.post("guard", "/audit/verify", {})
    assert (checked["whole"], checked["problems"]) == (True, [])
    assert checked["rows"] == checked["last_seq"] >= len(seen)
    (line,) = [line for line in hub.get("guard", "/audit")["entries"] if line["kind"] == "AuditVerified"]
    assert line["by"] == "guard"
    with sqlite3.connect(hub.desk.works.store.directory / ACCESS_FILE) as con:
        con.execute("UPDATE audit SET entry = replace(entry, 'owner', 'eve') WHERE kind = 'GrantIssued'")
    con.close()
    broken = hub.post("auditor", "/audit/verify", {})
    assert not broken["whole"]
    assert broken["problems"][0]["zh"] != broken["problems"][0]["en"]
    assert hub.get("auditor", "/audit")["entries"][0]["kind"] != "AuditVerified"


def test_no_answer_but_that_of_reveal_holds_a_personal_value(hub: Hub) -> None:
    hub.declare()
    hub.flag("p1")
    hub.post("owner", "/grants", GRANT)
    revealed = hub.ask("officer", "post", "/reveal", ASK)
    assert NAME in revealed.text
    assert revealed.headers["cache-control"] == "no-store"
    hub.post("officer", "/reveal", {**ASK, "fields": ["id_no"], "break_glass": True})
    delete_nightly(hub.keeping())
    kinds: dict[str, Any] = {
        "/grants": a.GrantsReply,
        "/grants/mine": a.MyGrantsReply,
        "/grants/options": a.GrantOptions,
        "/holds": a.HoldsReply,
        "/reports": a.ReportsReply,
        "/audit": a.AuditReply,
    }
    for path, kind in kinds.items():
        for user in WHO_MAY["get", path]:
            answer = hub.ask(user, "get", path)
            TypeAdapter(kind).validate_json(answer.content)
            assert not any(value in answer.text for value in (NAME, NUMBER, PHONE, '"p1"')), (user, path)


@pytest.fixture
def cookies(hub: Hub) -> list[str]:
    return [hub.served.token(user) for user in ("owner", "guard")]


CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
DOCUMENT = schemathesis.openapi.from_dict(dict(describe()))


@DOCUMENT.include(path_regex="^/api/v1/(grants|holds|reports|audit)").parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_no_request_breaks_a_route(case: schemathesis.Case[Any], hub: Hub, cookies: list[str]) -> None:
    for cookie in cookies:
        headers = {"cookie": cookie, "origin": hub.served.url}
        case.call_and_validate(base_url=hub.served.url, headers=headers, checks=CHECKS)
