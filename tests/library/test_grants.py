"""Reading personal data: never without a grant and a purpose, never without a row that tells of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied, HubError, Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.people import STAYS
from hubtwin.library.grants import (
    NAMED_MAX,
    UNMASK,
    Desk,
    digest_of,
    is_personal,
    list_anomalies,
    look_up,
    look_up_rows,
)
from hubtwin.model.grant import GLASS_MIN, REVIEW_MIN, VAULT, Grant, LookUp, Purpose
from hubtwin.stores.audit import Audit, Entry
from hubtwin.stores.grants import Grants
from hubtwin.stores.signing import Signer
from tests.databases import Engine

NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)
PEOPLE = tuple(f"{number:032x}" for number in range(50))


class Hub:
    """Grants and an audit in a directory, a vault that is a dictionary, and a clock to turn."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        self.now = NOW
        self.database = engine.open(directory, epoch_minute(NOW))
        self.audit = Audit(self.database, Signer(directory), clock=lambda: self.now)
        self.grants = Grants(self.database, self.audit, clock=lambda: self.now)
        self.desk = Desk(self.grants, self.audit, lambda: epoch_minute(self.now))
        self.opened: list[str] = []

    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def give(self, grantee: str = "ann", dataset: str = VAULT, columns: Sequence[str] = ("name", "phone")) -> str:
        now_min = epoch_minute(self.now)
        return self.grants.issue(
            Grant(
                *("", grantee, dataset, frozenset(columns), frozenset({Purpose.TRACE}), "epidemic"),
                *(now_min, now_min + 600, "owner", "security", "tracing", "e1"),
            )
        )

    def reveal(self, pid: str, purpose: str) -> Mapping[str, str]:
        assert self.last().kind == "Unmasked", "written down before anything is opened"
        if pid == PEOPLE[0]:
            raise Absent("stores.no_subject", pid=pid)
        self.opened.append(pid)
        return {"name": f"name of {pid[-2:]}", "phone": "1", "id_no": "secret"}

    def last(self) -> Entry:
        return self.audit.list_entries()[-1]


@pytest.fixture
def hub(tmp_path: Path, engine: Engine) -> Iterator[Hub]:
    made = Hub(tmp_path, engine)
    yield made
    made.database.close()


def _ask(*pids: str, **more: object) -> LookUp:
    asked = LookUp("ann", "epidemic", Purpose.TRACE, VAULT, ("name",), "case-1", pids)
    return replace(asked, **more)  # type: ignore[arg-type]


def test_a_look_up_gives_the_asked_fields_only_and_says_who_saw_whom_for_what(hub: Hub) -> None:
    grant_id = hub.give()
    assert look_up(hub.desk, _ask(PEOPLE[1], PEOPLE[1]), hub.reveal) == {PEOPLE[1]: {"name": "name of 01"}}
    row = hub.last()
    assert (row.by, row.payload["purpose"], row.payload["about"]) == ("ann", "trace", "case-1")
    assert (row.payload["columns"], row.payload["persons"], row.payload["grant"]) == (["name"], 1, grant_id)
    assert [entry.by for entry in hub.audit.who_looked_at([PEOPLE[1]])] == ["ann"]


def test_who_was_forgotten_is_left_out(hub: Hub) -> None:
    hub.give()
    assert list(look_up(hub.desk, _ask(*PEOPLE[:2]), hub.reveal)) == [PEOPLE[1]]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"by": "bob"}, Denied),
        ({"scene": "fire"}, Denied),
        ({"purpose": Purpose.REPORT}, Denied),
        ({"purpose": "curiosity"}, Denied),
        ({"columns": ("name", "id_no")}, Denied),
        ({"columns": ("name", "no such")}, Denied),
        ({"columns": ()}, Malformed),
        ({"about": ""}, Malformed),
        ({"dataset": "bookings"}, Denied),
    ],
)
def test_what_no_grant_covers_opens_nothing_and_is_written_down(
    more: dict[str, object], error: type[HubError], hub: Hub
) -> None:
    hub.give()
    with pytest.raises(error):
        look_up(hub.desk, _ask(PEOPLE[1], **more), hub.reveal)
    assert hub.opened == []
    assert hub.last().kind == "LookUpDenied"
    assert PEOPLE[1] not in str(hub.last().payload)


def test_an_end_and_a_revocation_bind_at_the_next_question(hub: Hub) -> None:
    grant_id = hub.give()
    look_up(hub.desk, _ask(PEOPLE[1]), hub.reveal)
    hub.grants.revoke(grant_id, by="owner")
    hub.grants.revoke(grant_id, by="owner")
    with pytest.raises(Denied) as refused:
        look_up(hub.desk, _ask(PEOPLE[1]), hub.reveal)
    assert refused.value.key == "model.grant_over"
    hub.give()
    hub.wait(599)
    look_up(hub.desk, _ask(PEOPLE[1]), hub.reveal)
    hub.wait(1)
    with pytest.raises(Denied):
        look_up(hub.desk, _ask(PEOPLE[1]), hub.reveal)
    assert len(hub.opened) == 2
    assert [entry.kind for entry in hub.audit.list_entries(kind="GrantRevoked")] == ["GrantRevoked"]


def test_nothing_is_opened_that_could_not_be_written_down(hub: Hub) -> None:
    hub.give()

    class Broken:
        def append(self, kind: str, by: str, payload: Mapping[str, object]) -> int:
            raise Denied("stores.disk")

        def list_unmasked_alone(self, by: str, from_min: int) -> set[str]:
            return set()

    with pytest.raises(Denied):
        look_up(replace(hub.desk, trail=Broken()), _ask(PEOPLE[1]), hub.reveal)
    assert hub.opened == []


def test_twenty_persons_take_one_and_more_take_two(hub: Hub) -> None:
    hub.give()
    assert len(look_up(hub.desk, _ask(*PEOPLE[1:21]), hub.reveal)) == 20
    many = _ask(*PEOPLE[1:22])
    with pytest.raises(Denied) as refused:
        look_up(hub.desk, many, hub.reveal)
    assert refused.value.key == "library.two_people"
    word = hub.grants.ask_word(UNMASK, digest_of(many), by="ann", reason="train D1 has arrived")
    with pytest.raises(Denied):
        look_up(hub.desk, replace(many, word_id=word), hub.reveal)
    with pytest.raises(Denied):
        hub.grants.give_word(word, by="ann")
    hub.grants.give_word(word, by="bob")
    with pytest.raises(Denied):
        look_up(hub.desk, _ask(*PEOPLE[1:23], word_id=word), hub.reveal)
    assert len(look_up(hub.desk, replace(many, word_id=word), hub.reveal)) == 21
    assert hub.last().payload["second"] == "bob"
    with pytest.raises(Denied):
        look_up(hub.desk, replace(many, word_id=word), hub.reveal)


def test_many_small_questions_are_no_way_around_the_second_person(hub: Hub) -> None:
    hub.give()
    for pid in PEOPLE[1:21]:
        look_up(hub.desk, _ask(pid, about=f"case {pid}"), hub.reveal)
    look_up(hub.desk, _ask(PEOPLE[1]), hub.reveal)
    with pytest.raises(Denied):
        look_up(hub.desk, _ask(PEOPLE[21]), hub.reveal)
    hub.wait(GLASS_MIN)
    look_up(hub.desk, _ask(PEOPLE[21]), hub.reveal)


def test_a_word_is_too_late_after_a_quarter_of_an_hour(hub: Hub) -> None:
    hub.give()
    many = _ask(*PEOPLE[1:30])
    early, late = (hub.grants.ask_word(UNMASK, digest_of(many), by="ann", reason="r") for _ in range(2))
    assert {word.word_id for word in hub.grants.list_words()} == {early, late}
    hub.grants.give_word(early, by="bob")
    hub.wait(GLASS_MIN)
    with pytest.raises(Denied):
        hub.grants.give_word(late, by="bob")
    with pytest.raises(Denied):
        look_up(hub.desk, replace(many, word_id=early), hub.reveal)
    assert hub.grants.list_words() == []
    with pytest.raises(Absent):
        look_up(hub.desk, replace(many, word_id="none"), hub.reveal)


def test_broken_glass_ends_by_itself_and_is_reviewed_by_somebody_else_or_alarms_once(hub: Hub) -> None:
    grant = hub.grants.break_glass("ann", "epidemic", [Purpose.TRACE], reason="owner not reachable")
    assert len(look_up(hub.desk, _ask(*PEOPLE[1:40]), hub.reveal)) == 39
    assert hub.last().payload["glass"] is True
    hub.wait(GLASS_MIN)
    with pytest.raises(Denied):
        look_up(hub.desk, _ask(PEOPLE[1]), hub.reveal)
    with pytest.raises(Denied):
        hub.grants.review(grant.grant_id, by="ann", justified=True, note="fine")
    with pytest.raises(Malformed):
        hub.grants.review(grant.grant_id, by="bob", justified=True, note=" ")
    hub.wait(REVIEW_MIN - GLASS_MIN - 1)
    assert hub.grants.alarm_overdue() == []
    hub.wait(1)
    assert [late.grant_id for late in hub.grants.alarm_overdue()] == [grant.grant_id]
    assert hub.grants.alarm_overdue() == []
    assert len(hub.audit.list_entries(kind="ReviewOverdue")) == 1
    hub.grants.review(grant.grant_id, by="bob", justified=False, note="the owner was on duty")
    assert hub.grants.list_unreviewed() == []
    with pytest.raises(Denied):
        hub.grants.review(grant.grant_id, by="bob", justified=True, note="again")
    with pytest.raises(Malformed):
        hub.grants.break_glass("ann", "epidemic", [Purpose.TRACE], reason=" ")


def test_a_grant_is_given_by_two_to_a_third_and_glass_is_never_given(hub: Hub) -> None:
    hub.give()
    (grant,) = hub.grants.list_grants("ann")
    with pytest.raises(Denied):
        hub.grants.issue(replace(grant, approved_by="owner"))
    with pytest.raises(Denied):
        hub.grants.issue(replace(grant, glass=True))
    with pytest.raises(Absent):
        hub.grants.revoke("none", by="owner")
    assert hub.grants.revoke_emergency("e1", by="owner") == 1
    assert hub.grants.revoke_emergency("e1", by="owner") == 0


def _stays(*pids: str) -> pa.Table:
    common = {"hub_id": "here", "source": "s", "status": "Actual", "provenance": "synthetic", "replayed": False}
    place = {"area_code": "330104", "street_code": None, "community": None, "in_min": 1, "out_min": 2}
    return pa.Table.from_pylist([{"pid": pid, **place, **common} for pid in pids], schema=STAYS.schema)


def test_a_scene_reads_rows_about_persons_under_a_grant_of_its_own(hub: Hub) -> None:
    asked = LookUp("scene:epidemic", "epidemic", Purpose.TRACE, "stays", ("area_code",), "judging")
    given: list[Sequence[str]] = []

    def read(columns: Sequence[str]) -> pa.Table:
        given.append(columns)
        return _stays("a", "a", "b").select(list(columns))

    with pytest.raises(Denied):
        look_up_rows(hub.desk, asked, read)
    assert given == []
    hub.give("scene:epidemic", "stays", ("area_code", "in_min"))
    assert look_up_rows(hub.desk, asked, read).column_names == ["area_code"]
    row = hub.last()
    assert (row.kind, row.payload["rows"], row.payload["persons"]) == ("LookedUp", 3, 2)
    assert [entry.by for entry in hub.audit.who_looked_at(["b"])] == ["scene:epidemic"]
    with pytest.raises(Denied):
        look_up_rows(hub.desk, replace(asked, by="ann"), read)
    with pytest.raises(Denied):
        look_up_rows(hub.desk, replace(asked, columns=("area_code", "out_min")), read)


def test_matching_of_very_many_counts_persons_and_names_none(hub: Hub) -> None:
    hub.give("scene:epidemic", "stays", ("area_code",))
    asked = LookUp("scene:epidemic", "epidemic", Purpose.TRACE, "stays", ("area_code",), "judging")
    look_up_rows(hub.desk, asked, lambda columns: _stays(*map(str, range(NAMED_MAX + 1))).select(list(columns)))
    assert (hub.last().payload["persons"], hub.last().payload["pids"]) == (NAMED_MAX + 1, [])


def test_rows_about_nobody_need_no_grant(hub: Hub) -> None:
    table = pa.table({"station_id": ["A"], "name": ["甲"]})
    asked = LookUp("ann", "epidemic", Purpose.TRACE, "rail_stations", ("name",), "")
    assert look_up_rows(hub.desk, asked, lambda _: table).to_pylist() == [{"name": "甲"}]
    assert hub.audit.list_entries() == []
    with pytest.raises(Absent):
        look_up_rows(hub.desk, replace(asked, dataset="nowhere"), lambda _: table)
    assert not is_personal(DATASETS["risk_areas"])


def test_the_daily_list_shows_who_read_much_without_a_case_or_against_refusals(hub: Hub) -> None:
    rows: list[tuple[str, str, Mapping[str, object]]] = [
        *(("Unmasked", "ann", {"pids": [f"p{n}"], "about": "case-1"}) for n in range(101)),
        ("Unmasked", "bob", {"pids": ["p1"], "about": "closed"}),
        *(("LookUpDenied", "eve", {"why": "x"}) for _ in range(5)),
        ("GlassBroken", "dan", {"grant": "g"}),
        ("SignedIn", "ann", {}),
    ]
    found = list_anomalies(rows, lambda about: about == "case-1")
    assert [(each["kind"], each["by"]) for each in found] == [
        ("bulk", "ann"),
        ("glass", "dan"),
        ("no_open_case", "bob"),
        ("refused", "eve"),
    ]
    assert list_anomalies(rows[1:101], lambda about: True) == []
