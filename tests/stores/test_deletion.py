"""The nightly deletion, and the end of an emergency: what goes, what stays, and the proof of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hubtwin.base.clock import DAY_MIN, epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.base.failpoint import arm, disarm
from hubtwin.datasets.all import DATASETS
from hubtwin.library.grants import is_personal
from hubtwin.model.emergency import Emergency
from hubtwin.model.grant import VAULT, Grant, Purpose
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.privacy import EPOCH_MIN
from hubtwin.rules.retention import DELETE, RETENTION, Due, Kept, Times
from hubtwin.stores.audit import Audit, open_access
from hubtwin.stores.backup import backup
from hubtwin.stores.deletion import Keeping, Register, delete_nightly, list_reports
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.ending import (
    DESTROY,
    DESTROY_WORD_MIN,
    EndOrder,
    certificate_text,
    destroy_emergency,
    find_certificate,
    list_destroyed,
)
from hubtwin.stores.erasure import restore_forgetting
from hubtwin.stores.grants import Grants
from hubtwin.stores.journal import Entry, Journal
from hubtwin.stores.journal_packed import unpack
from hubtwin.stores.signing import Signer, open_sealed
from hubtwin.stores.vault import Vault
from tests.contracts.store_suite import HUB
from tests.stores.test_erasure import bookings, read, results, screenings, stays, write

BEGIN = datetime(2022, 10, 1, tzinfo=UTC)
BEGIN_MIN = epoch_minute(BEGIN)
END_MIN = BEGIN_MIN + 40 * DAY_MIN
NO_ROWS = dict.fromkeys((rule.dataset for rule in RETENTION.rows), 0)
NO_PERSONS = {name: 0 for name in NO_ROWS if is_personal(DATASETS[name])}
EMERGENCY = Emergency(
    *("e1", "epidemic", "covid-19", "order 7 of 2022", "dan", BEGIN_MIN, END_MIN),
    marks=Marks(provenance=Provenance.SYNTHETIC),
)


class Hub:
    """A whole store directory with a clock to turn: columns, vault, grants, audit, register."""

    def __init__(self, directory: Path) -> None:
        self.now = BEGIN
        self.destroyed: list[str] = []
        self.store = EmbeddedStore(directory, HUB, clock=self.clock, threads=1)
        self.vault = Vault(directory, clock=self.clock, record=self.store.append_event)
        database, signer = open_access(directory, BEGIN_MIN), Signer(directory)
        audit = Audit(database, signer, clock=self.clock)
        grants = Grants(database, audit, clock=self.clock)
        times = Times(ZoneInfo("Asia/Shanghai"), incubation_d=14)
        self.keeping = Keeping(
            *(directory, Register(database), audit, grants, signer, self.vault, self.clock, times),
            destroy=self.destroy,
        )

    def clock(self) -> datetime:
        return self.now

    def destroy(self, batch: Sequence[Due]) -> None:
        self.destroyed += [due.item.item_id for due in batch if due.action == DELETE]

    def keep(self, item_id: str, kind: str, pid: str, parent: str = "", emergency: str = "e1") -> None:
        self.vault.remember(pid, {"name": f"name of {pid}"})
        self.keeping.register.keep([Kept(item_id, kind, pid, self.keeping.now_min(), emergency, parent)])

    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    def knows(self, pid: str) -> bool:
        try:
            return bool(self.vault.reveal(pid, "test"))
        except Absent:
            return False

    def nightly(self) -> Mapping[str, object]:
        return open_sealed(delete_nightly(self.keeping), self.keeping.signer.public_hex)

    def kept(self) -> list[str]:
        return [item.item_id for item in self.keeping.register.list_kept()]

    def word(self, by: str = "dan", second: str = "eve") -> str:
        word_id = self.keeping.grants.ask_word(DESTROY, "e1", by=by, reason="it is over", lasts_min=DESTROY_WORD_MIN)
        self.keeping.grants.give_word(word_id, by=second)
        return word_id

    def close(self) -> None:
        self.vault.close()
        self.keeping.register.database.close()
        self.store.close()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path / "home")
    yield made
    disarm()
    made.close()


def test_the_night_takes_what_is_due_and_signs_what_it_took(hub: Hub) -> None:
    hub.keep("hit", "manifest_hit_cleared", "p1")
    hub.keep("case", "confirmed_case", "p2")
    hub.wait(14)
    body = hub.nightly()
    assert body["deleted"] == {"manifest_hit_cleared": 1}
    assert (body["persons_forgotten"], body["hub_id"], body["kind"]) == (1, HUB, "nightly_deletion")
    assert (hub.kept(), hub.destroyed) == (["case"], ["hit"])
    assert not hub.knows("p1")
    assert hub.knows("p2")
    assert "p1" not in json.dumps(body)
    assert len(list_reports(hub.keeping.register.database)) == 1
    assert hub.keeping.audit.verify().problems == ()


def test_a_confirmed_case_loses_its_name_after_ninety_days_and_goes_after_a_year(hub: Hub) -> None:
    hub.keep("case", "confirmed_case", "p1")
    hub.wait(90)
    assert hub.nightly()["pseudonymised"] == {"confirmed_case": 1}
    assert not hub.knows("p1")
    assert hub.kept() == ["case"]
    assert hub.nightly()["pseudonymised"] == {}
    hub.wait(275)
    assert hub.nightly()["deleted"] == {"confirmed_case": 1}
    assert hub.kept() == []


def test_a_person_whom_another_record_needs_keeps_the_key(hub: Hub) -> None:
    hub.keep("hit", "manifest_hit_cleared", "p1")
    hub.keep("case", "confirmed_case", "p1")
    hub.wait(14)
    assert hub.nightly()["persons_forgotten"] == 0
    assert hub.knows("p1")
    hub.wait(76)
    assert hub.nightly()["persons_forgotten"] == 1


def test_children_go_before_parents_across_batches(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubtwin.stores.deletion.BATCH", 2)
    hub.keep("case", "non_case", "p1")
    for number in range(5):
        hub.keep(f"test {number}", "confirmed_case", "p1", parent="case")
        hub.keep(f"tube {number}", "confirmed_case", "p1", parent=f"test {number}")
    hub.nightly()
    assert [name.split()[0] for name in hub.destroyed] == ["tube"] * 5 + ["test"] * 5 + ["case"]
    assert hub.kept() == []


@pytest.mark.parametrize("place", ["stores.destroyed_elsewhere", "stores.before_commit"])
def test_a_night_that_was_stopped_is_finished_the_next(place: str, hub: Hub) -> None:
    def stop(name: str) -> None:
        if name == place:
            raise KeyboardInterrupt

    write(hub.store, "k1", stays=stays(("p1", BEGIN_MIN - 40 * DAY_MIN, BEGIN_MIN - 39 * DAY_MIN)))
    hub.keep("hit", "non_case", "p1")
    arm(stop)
    with pytest.raises(KeyboardInterrupt):
        delete_nightly(hub.keeping)
    disarm()
    hub.nightly()
    assert hub.kept() == []
    assert not hub.knows("p1")
    assert read(hub.store, "stays", "pid") == []


def test_old_rows_are_purged_every_night_and_the_counts_are_in_the_report(hub: Hub) -> None:
    day = DAY_MIN
    write(
        hub.store,
        "k1",
        stays=stays(("a", BEGIN_MIN - 30 * day, BEGIN_MIN - 15 * day), ("b", BEGIN_MIN - 20 * day, BEGIN_MIN - day)),
        bookings=bookings(("a", 1, 1), ("b", 20, 1)),
    )
    assert hub.nightly()["rows"] == {**NO_ROWS, "stays": 1}
    assert read(hub.store, "stays", "pid") == [("b",)]
    hub.wait(20)
    assert hub.nightly()["rows"] == {**NO_ROWS, "bookings": 1, "stays": 1}
    assert read(hub.store, "bookings", "pid") == [("b",)]


def test_a_legal_hold_stops_the_night_for_its_emergency_and_for_all_rows(hub: Hub) -> None:
    write(hub.store, "k1", stays=stays(("a", 1, 2)))
    hub.keep("case", "non_case", "p1", emergency="e2")
    hub.keep("test", "non_case", "p2", parent="case")
    hub.keep("other", "non_case", "p3", emergency="e2")
    hold = hub.keeping.grants.set_hold("e1", by="eve", reason="court order 12")
    body = hub.nightly()
    assert (body["deleted"], body["records_on_hold"], body["rows_wait_for_hold"]) == ({"non_case": 1}, 2, True)
    assert hub.kept() == ["case", "test"], "a parent does not go while its child is on hold"
    assert read(hub.store, "stays", "pid") == [("a",)]
    hub.keeping.grants.lift_hold(hold, by="eve")
    with pytest.raises(Absent):
        hub.keeping.grants.lift_hold(hold, by="eve")
    with pytest.raises(Malformed):
        hub.keeping.grants.set_hold("e1", by="eve", reason="")
    hub.nightly()
    assert (hub.kept(), read(hub.store, "stays", "pid")) == ([], [])


def test_the_audit_is_kept_three_years_and_still_verifies(hub: Hub) -> None:
    hub.keeping.audit.append("LookedUp", "ann", {})
    hub.wait(1095)
    assert hub.nightly()["audit_rows"] == 0
    hub.wait(1)
    assert hub.nightly()["audit_rows"] == 1
    assert hub.keeping.audit.verify().problems == ()


def test_data_age_by_the_clock_that_dated_them_and_the_audit_by_the_real_one(hub: Hub) -> None:
    later = replace(hub.keeping, hub_clock=lambda: BEGIN + timedelta(days=4000))
    hub.keep("hit", "manifest_hit_cleared", "p1")
    write(hub.store, "k1", stays=stays(("p1", BEGIN_MIN - 60, BEGIN_MIN)))
    body = open_sealed(delete_nightly(later), hub.keeping.signer.public_hex)
    assert (body["deleted"], body["rows"]["stays"]) == ({"manifest_hit_cleared": 1}, 1)
    assert (body["audit_rows"], body["at"]) == (0, "2022-10-01T00:00Z")


def test_marks_are_remembered_with_what_they_tell_of_or_not_at_all(hub: Hub) -> None:
    register = hub.keeping.register
    register.keep([Kept("a", "contact", "p1", BEGIN_MIN)], {"followed": "7"})
    assert register.find_mark("followed") == "7"

    def stopped() -> Iterator[Kept]:
        yield Kept("b", "contact", "p2", BEGIN_MIN)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        register.keep(stopped(), {"followed": "8"})
    assert (register.find_mark("followed"), hub.kept()) == ("7", ["a"])
    delete_nightly(hub.keeping, {"night": "2022-10-01"}, {"night": "2022-10-01"})
    assert register.find_mark("night") == "2022-10-01"
    assert register.find_mark("other") is None


def _filled(hub: Hub) -> EndOrder:
    """An emergency with rows in and before its period, persons, a grant and a backup."""
    hub.vault.find_epoch_key(BEGIN_MIN // EPOCH_MIN)
    write(
        hub.store,
        "k1",
        stays=stays(("p1", BEGIN_MIN - 60, BEGIN_MIN + 5), ("old", BEGIN_MIN - 99 * DAY_MIN, BEGIN_MIN - 98 * DAY_MIN)),
        bookings=bookings(("p1", 5, 1), ("p2", 6, 1)),
        gate_screenings=screenings(("p1", BEGIN_MIN), ("p2", END_MIN), ("old", BEGIN_MIN - 99 * DAY_MIN)),
        test_results=results(("p1", END_MIN), ("old", END_MIN + 1)),
    )
    hub.keep("hit", "manifest_hit_cleared", "p1")
    hub.keep("other", "confirmed_case", "p9", emergency="e0")
    hub.wait(1)
    hub.vault.remember("p2", {"name": "taken in meanwhile"})
    now_min = hub.keeping.now_min()
    hub.keeping.grants.issue(
        Grant(
            *("", "ann", VAULT, frozenset({"name"}), frozenset({Purpose.TRACE}), "epidemic"),
            *(now_min, now_min + 600, "owner", "security", "tracing", "e1"),
        )
    )
    return EndOrder(EMERGENCY, BEGIN_MIN - 14 * DAY_MIN, "dan", "", pids=("p1",))


def test_the_end_of_an_emergency_destroys_its_data_on_two_peoples_word(hub: Hub, tmp_path: Path) -> None:
    order = _filled(hub)
    backup(hub.store.directory, tmp_path / "copy", clock=hub.clock)
    hub.wait(60)
    sealed = destroy_emergency(hub.keeping, replace(order, word_id=hub.word()))
    body = open_sealed(sealed, hub.keeping.signer.public_hex)
    assert body["rows"] == {**NO_PERSONS, "bookings": 2, "stays": 1, "gate_screenings": 2, "test_results": 1}
    assert (body["persons_forgotten"], body["records"], body["grants_revoked"]) == (2, 1, 1)
    assert body["epochs_destroyed"] == [BEGIN_MIN // EPOCH_MIN]
    assert (body["ordered_by"], body["second"], body["backups_told"]) == ("dan", "eve", 1)
    assert [hub.knows(pid) for pid in ("p1", "p2", "p9")] == [False, False, True]
    assert read(hub.store, "stays", "pid") == [("old",)]
    assert read(hub.store, "bookings", "pid") == []
    assert read(hub.store, "gate_screenings", "pid") == [("old",)]
    assert read(hub.store, "test_results", "pid") == [("old",)]
    assert hub.kept() == ["other"]
    assert hub.vault.find_epoch_key(BEGIN_MIN // EPOCH_MIN) is None
    assert hub.keeping.audit.verify().problems == ()


def test_the_forgotten_are_still_gone_when_a_backup_from_before_is_restored(hub: Hub, tmp_path: Path) -> None:
    order = _filled(hub)
    backup(hub.store.directory, tmp_path / "copy", clock=hub.clock)
    hub.wait(60)
    destroy_emergency(hub.keeping, replace(order, word_id=hub.word()))
    _, erased = restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=hub.clock)
    assert erased == 6
    new = EmbeddedStore(tmp_path / "new", HUB, clock=hub.clock, threads=1)
    assert read(new, "bookings", "pid") == []
    assert read(new, "stays", "pid") == [("old",)]
    vault = Vault(tmp_path / "new", clock=hub.clock, record=new.append_event)
    for pid in ("p1", "p2"):
        with pytest.raises(Absent):
            vault.reveal(pid, "test")
    assert vault.reveal("p9", "test") == {"name": "name of p9"}
    assert vault.find_epoch_key(BEGIN_MIN // EPOCH_MIN) is None
    vault.close()
    new.close()


def _show(hub: Hub, days: int, case: str, pid: str) -> None:
    """Put into the journal that a page was shown a case some days after the beginning."""
    journal = Journal(hub.store.directory, BEGIN_MIN)
    value = {"case_id": case, "pid": pid, "fill": "x" * 5_000}
    change = {"topic": "case", "key": case, "rev": 1, "at_min": 0, "kind": "CaseMoved", "value": value}
    at_ms = (BEGIN_MIN + days * DAY_MIN) * 60_000
    place = b'{"things":[],"gone":[],"items":[]}'
    event = json.dumps([["epidemic", False, change]]).encode()
    assert journal.append([Entry(at_ms, place, event, is_key=True)], journal.erased())
    journal.close()


def _shown(directory: Path) -> str:
    journal = Journal(directory, BEGIN_MIN)
    rows = journal._database.all("SELECT event FROM entries WHERE event IS NOT NULL ORDER BY seq")
    journal.close()
    return "".join(unpack(event).decode() for (event,) in rows)


@pytest.mark.parametrize("other", [False, True])
def test_nothing_that_was_shown_of_an_emergency_outlives_its_data(other: bool, hub: Hub, tmp_path: Path) -> None:
    order = replace(_filled(hub), subjects=("case-1",))
    for days in (5, 42):  # it was still shown after its end
        _show(hub, days, "case-1", "p1")
    _show(hub, 43, "case-9", "p9")
    backup(hub.store.directory, tmp_path / "copy", clock=hub.clock)
    hub.wait(60)
    later = replace(EMERGENCY, emergency_id="e9", begins_min=END_MIN + DAY_MIN, ends_min=END_MIN + 90 * DAY_MIN)
    order = replace(order, word_id=hub.word(), others=(later,) if other else ())
    body = open_sealed(destroy_emergency(hub.keeping, order), hub.keeping.signer.public_hex)
    assert body["rows"]["journal"] == (2 if other else 3)
    restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=hub.clock)
    for directory in (hub.store.directory, tmp_path / "new"):
        left = _shown(directory)
        assert "case-1" not in left
        assert "p1" not in left
        assert ("case-9" in left) is other  # of the other emergency


def test_what_was_shown_of_an_event_is_kept_for_fourteen_days(hub: Hub) -> None:
    _show(hub, 0, "case-1", "p1")
    _show(hub, 10, "case-9", "p9")
    hub.wait(15)
    assert hub.nightly()["rows"]["journal"] == 1  # type: ignore[index]
    assert "case-1" not in _shown(hub.store.directory)
    assert "case-9" in _shown(hub.store.directory)


def test_a_person_whose_case_is_open_stays_known_until_it_is_closed(hub: Hub) -> None:
    order = _filled(hub)
    hub.keep("open", "contact", "p3")
    hub.keep("vault p2", "manifest_hit_cleared", "p2", emergency="")
    hub.wait(60)
    sealed = destroy_emergency(hub.keeping, replace(order, word_id=hub.word(), open_pids=("p3",)))
    body = open_sealed(sealed, hub.keeping.signer.public_hex)
    assert (body["persons_forgotten"], body["records"], body["persons_in_open_cases"]) == (2, 1, 1)
    assert [hub.knows(pid) for pid in ("p1", "p2", "p3")] == [False, False, True]
    assert hub.kept() == ["open", "other"]
    database = hub.keeping.register.database
    assert list_destroyed(database) == {"e1"}
    assert (find_certificate(database, "e1"), find_certificate(database, "e2")) == (sealed, None)


def test_nothing_is_destroyed_on_one_word_during_the_emergency_or_on_hold(hub: Hub) -> None:
    order = _filled(hub)
    during = hub.word()
    with pytest.raises(Denied) as refused:
        destroy_emergency(hub.keeping, replace(order, word_id=during))
    assert refused.value.key == "stores.emergency_lasts"
    hub.wait(60)
    alone = hub.keeping.grants.ask_word(DESTROY, "e1", by="dan", reason="over")
    other = hub.keeping.grants.ask_word(DESTROY, "e2", by="dan", reason="over")
    hub.keeping.grants.give_word(other, by="eve")
    for word_id in (during, alone, other):
        with pytest.raises(Denied):
            destroy_emergency(hub.keeping, replace(order, word_id=word_id))
    hold = hub.keeping.grants.set_hold("e1", by="eve", reason="court order")
    with pytest.raises(Denied) as refused:
        destroy_emergency(hub.keeping, replace(order, word_id=hub.word()))
    assert refused.value.key == "stores.legal_hold"
    hub.keeping.grants.lift_hold(hold, by="eve")
    beside = replace(EMERGENCY, emergency_id="e2", begins_min=BEGIN_MIN + DAY_MIN)
    with pytest.raises(Denied) as refused:
        destroy_emergency(hub.keeping, replace(order, word_id=hub.word(), others=[beside]))
    assert refused.value.key == "stores.emergency_shares"
    assert hub.knows("p1")
    assert len(read(hub.store, "bookings", "pid")) == 2


def test_an_epoch_that_still_runs_is_named_in_the_certificate(hub: Hub) -> None:
    order = _filled(hub)
    hub.wait(1)
    ended = replace(EMERGENCY, ended_min=hub.keeping.now_min(), ended_by="dan")
    sealed = destroy_emergency(hub.keeping, replace(order, emergency=ended, word_id=hub.word()))
    body = open_sealed(sealed, hub.keeping.signer.public_hex)
    assert body["epochs_destroyed"] == []
    assert [each["epoch"] for each in body["epochs_running"]] == [BEGIN_MIN // EPOCH_MIN]


@pytest.mark.parametrize("place", ["stores.emergency_rows_erased", "stores.emergency_persons_forgotten"])
def test_a_destruction_that_was_stopped_is_finished_on_a_new_word(place: str, hub: Hub) -> None:
    def stop(name: str) -> None:
        if name == place:
            raise KeyboardInterrupt

    order = _filled(hub)
    hub.wait(60)
    arm(stop)
    with pytest.raises(KeyboardInterrupt):
        destroy_emergency(hub.keeping, replace(order, word_id=hub.word()))
    disarm()
    destroy_emergency(hub.keeping, replace(order, word_id=hub.word()))
    assert hub.kept() == ["other"]
    assert not hub.knows("p1")
    assert [entry.kind for entry in hub.keeping.audit.list_entries(kind="DestructionBegun")] == ["DestructionBegun"] * 2


def test_the_certificate_is_printed_in_both_languages_and_only_if_it_is_the_hubs(hub: Hub, tmp_path: Path) -> None:
    order = _filled(hub)
    hub.wait(60)
    sealed = destroy_emergency(hub.keeping, replace(order, word_id=hub.word()))
    key = hub.keeping.signer.public_hex
    zh, en = (certificate_text(sealed, key, lang) for lang in ("zh", "en"))
    assert "个人信息销毁证明" in zh
    assert "合成数据" in zh
    assert "SYNTHETIC" in en
    for shown in (zh, en):
        assert "{" not in shown
        assert all(word in shown for word in ("e1", "order 7 of 2022", "dan", "eve", "bookings 2", key))
    with pytest.raises(Malformed):
        certificate_text(sealed.replace("dan", "bob"), key, "en")
    with pytest.raises(Malformed):
        certificate_text(sealed, Signer(tmp_path / "other").public_hex, "en")
    with pytest.raises(Malformed):
        certificate_text(delete_nightly(hub.keeping), key, "en")
