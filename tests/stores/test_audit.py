"""The audit: what was written stays, and whatever was done to the file shows."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Bug, Denied
from hubtwin.stores.audit import ACCESS_FILE, Audit, Note, chain, verify_export
from hubtwin.stores.signing import SIGNING_FILE, Signer
from tests.databases import EmbeddedEngine, Engine

NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)


class Hub:
    """An audit in a directory, with a clock to turn."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        self.directory, self.now, self.engine = directory, NOW, engine
        self.database = engine.open(directory, epoch_minute(NOW))
        self.audit = Audit(self.database, Signer(directory), clock=lambda: self.now)

    def fill(self, count: int = 6) -> None:
        for number in range(count):
            self.audit.append("LookedUp", "ann", {"pids": [f"p{number}"], "columns": ["name"], "about": "case 一"})

    def do(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Do what somebody does who has the database and not the key."""
        return self.engine.do(self.directory, sql, values)

    def keys(self) -> list[str]:
        return [problem.key for problem in self.audit.verify().problems]


@pytest.fixture
def hub(tmp_path: Path, engine: Engine) -> Iterator[Hub]:
    made = Hub(tmp_path, engine)
    yield made
    made.database.close()


def test_an_empty_audit_and_a_filled_one_verify(hub: Hub) -> None:
    assert hub.audit.verify().problems == ()
    hub.fill()
    found = hub.audit.verify()
    assert (found.rows, found.last_seq, found.problems) == (6, 6, ())
    assert [entry.payload["pids"] for entry in hub.audit.list_entries(by="ann")][:2] == [["p0"], ["p1"]]


def test_the_newest_rows_come_in_pages_without_gap_or_double(hub: Hub) -> None:
    hub.fill(7)
    seen: list[int] = []
    while page := hub.audit.list_newest(3, seen[-1] if seen else None):
        seen += [entry.seq for entry in page]
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert hub.audit.list_newest(1)[0].payload["pids"] == ["p6"]
    hub.audit.append("LookedUp", "scene:epidemic", {})
    hub.audit.append("AuditVerified", "system", {})
    assert [entry.seq for entry in hub.audit.list_newest(2)] == [9, 8]
    assert [entry.seq for entry in hub.audit.list_newest(2, people_only=True)] == [7, 6]


def test_the_file_and_the_key_are_for_nobody_else(hub: Hub) -> None:
    hub.fill(1)
    for name in (ACCESS_FILE, SIGNING_FILE) if hub.engine.name == "sqlite" else (SIGNING_FILE,):
        assert (hub.directory / name).stat().st_mode & 0o077 == 0
    (hub.directory / SIGNING_FILE).chmod(0o644)
    with pytest.raises(Denied):
        Signer(hub.directory)


def _swap(hub: Hub) -> None:
    hub.do("UPDATE audit SET seq = -1 WHERE seq = 2")
    hub.do("UPDATE audit SET seq = 2 WHERE seq = 3")
    hub.do("UPDATE audit SET seq = 3 WHERE seq = -1")


def _rewrite_all(hub: Hub) -> None:
    """Change a row and make every later hash fit again: only the signature can tell."""
    last = bytes(32)
    for number, entry in hub.do("SELECT seq, entry FROM audit ORDER BY seq"):
        seq, told = int(str(number)), str(entry).replace("ann", "eve") if number == 2 else str(entry)
        last = chain(last, seq, told)
        hub.do("UPDATE audit SET entry = ?, hash = ? WHERE seq = ?", told, last, seq)
    hub.do("UPDATE audit_ends SET hash = ? WHERE name = 'head'", last)


def _cut_end_and_head(hub: Hub) -> None:
    hub.do("DELETE FROM audit WHERE seq > 4")
    hub.do("UPDATE audit_ends SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)")


def _close_gap(hub: Hub) -> None:
    hub.do("DELETE FROM audit WHERE seq = 3")
    hub.do("UPDATE audit SET seq = seq - 1 WHERE seq > 3")


def _hide_beginning(hub: Hub) -> None:
    hub.do("INSERT INTO audit_ends SELECT 'anchor', seq, hash, ? FROM audit WHERE seq = 2", bytes(64))
    hub.do("DELETE FROM audit WHERE seq <= 2")


TAMPERINGS: dict[str, Callable[[Hub], object]] = {
    "an entry is changed": lambda hub: hub.do("UPDATE audit SET entry = replace(entry, 'ann', 'eve') WHERE seq = 3"),
    "a hash is changed": lambda hub: hub.do("UPDATE audit SET hash = ? WHERE seq = 3", bytes(32)),
    "the first row is gone": lambda hub: hub.do("DELETE FROM audit WHERE seq = 1"),
    "a row in the middle is gone": lambda hub: hub.do("DELETE FROM audit WHERE seq = 3"),
    "the last row is gone": lambda hub: hub.do("DELETE FROM audit WHERE seq = 6"),
    "the end is gone and the head moved": _cut_end_and_head,
    "a row is gone and the others moved up": _close_gap,
    "two rows are swapped": _swap,
    "a row is put in at the end": lambda hub: hub.do(
        "INSERT INTO audit (seq, entry, hash) SELECT 7, entry, hash FROM audit WHERE seq = 6"
    ),
    "the head is gone": lambda hub: hub.do("DELETE FROM audit_ends"),
    "all rows are gone": lambda hub: hub.do("DELETE FROM audit"),
    "everything was hashed anew": _rewrite_all,
    "an anchor hides the beginning": _hide_beginning,
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_whatever_is_done_to_the_file_shows_and_goes_on_showing(what: str, hub: Hub) -> None:
    hub.fill()
    exported = list(hub.audit.export())
    TAMPERINGS[what](hub)
    assert hub.keys() != []
    if what not in ("the head is gone", "a row is put in at the end"):  # an export holds what was signed
        assert verify_export(hub.audit.export(), hub.audit.public_hex).problems
    hub.fill(2)  # going on must not heal it: the new head is signed by the hub itself
    assert hub.keys() != []
    assert verify_export(exported, hub.audit.public_hex).problems == ()


def test_an_older_copy_in_its_place_shows_to_whom_kept_a_later_head(hub: Hub) -> None:
    hub.fill(3)
    (old,) = hub.do("SELECT seq, hash, signature FROM audit_ends")
    hub.fill(3)
    kept = hub.audit.head()
    hub.do("DELETE FROM audit WHERE seq > 3")
    hub.do("UPDATE audit_ends SET seq = ?, hash = ?, signature = ?", *old)
    assert hub.keys() == [], "from inside nothing is to be seen"
    assert [problem.key for problem in hub.audit.verify(kept).problems] == ["stores.audit_other_past"]
    hub.now += timedelta(minutes=1)
    hub.fill(3)
    assert [problem.key for problem in hub.audit.verify(kept).problems] == ["stores.audit_other_past"]


def test_a_kept_head_is_found_again(hub: Hub) -> None:
    hub.fill(3)
    kept = hub.audit.head()
    hub.fill(3)
    assert hub.audit.verify(kept).problems == ()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text("ann甲\n", min_size=1, max_size=6), min_size=1, max_size=5), data=st.data())
def test_any_single_change_of_an_exported_line_shows(
    names: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hub = Hub(tmp_path_factory.mktemp("any"), EmbeddedEngine())  # an export is lines, whatever they came from
    for name in names:
        hub.audit.append("LookedUp", name, {"name": name})
    lines = list(hub.audit.export())
    assert verify_export(lines, hub.audit.public_hex).problems == ()
    hub.database.close()
    number = data.draw(st.integers(1, len(lines) - 2)) if len(lines) > 3 else 1
    told = json.loads(lines[number])
    told["entry"] = told["entry"].replace("LookedUp", "LookedUP")
    altered = [*lines[:number], json.dumps(told), *lines[number + 1 :]]
    for wrong in (altered, [*lines[:number], *lines[number + 1 :]], lines[:-1], [*lines[:-2], lines[-1]]):
        assert verify_export(wrong, hub.audit.public_hex).problems


def test_an_export_signed_by_somebody_else_is_not_the_hubs(hub: Hub, tmp_path: Path) -> None:
    hub.fill()
    other = Hub(tmp_path / "other", hub.engine)
    other.fill()
    assert verify_export(other.audit.export(), hub.audit.public_hex).problems
    assert verify_export(["nonsense", "{}", ""], hub.audit.public_hex).problems
    other.database.close()


def test_the_nightly_verification_writes_down_what_it_found(hub: Hub) -> None:
    hub.fill()
    assert hub.audit.verify_nightly().problems == ()
    hub.do("DELETE FROM audit WHERE seq = 3")
    assert hub.audit.verify_nightly().problems
    (entry,) = hub.audit.list_entries(kind="AuditBroken")
    assert entry.payload["problems"] == [{"key": "stores.audit_gap", "after": 2, "next": 4}]
    assert [entry.kind for entry in hub.audit.list_entries(kind="AuditVerified")] == ["AuditVerified"]


def test_who_looked_at_me_is_answered_under_every_pseudonym(hub: Hub) -> None:
    hub.fill()
    hub.audit.append("Unmasked", "bob", {"pids": ["earlier", "p1"], "about": "case 2"})
    hub.audit.append("GrantIssued", "bob", {"about": "p1"})
    hub.audit.append("LookedUp", "bob", {"pids": ["p11"], "about": "p1"})
    found = [(entry.by, entry.payload["about"]) for entry in hub.audit.who_looked_at(["p1", "earlier"])]
    assert found == [("ann", "case 一"), ("bob", "case 2")]
    assert hub.audit.who_looked_at(["nobody"]) == []


def test_after_three_years_the_beginning_goes_and_the_rest_still_verifies(hub: Hub) -> None:
    hub.fill()
    hub.now += timedelta(days=10)
    hub.fill()
    assert hub.audit.prune(epoch_minute(NOW)) == 0
    assert hub.audit.prune(epoch_minute(NOW) + 1) == 6
    assert hub.keys() == []
    assert verify_export(hub.audit.export(), hub.audit.public_hex).problems == ()
    assert hub.audit.verify().rows == 7, "six that stay, and the row that tells of it"
    hub.now += timedelta(days=10)
    assert hub.audit.prune(epoch_minute(hub.now)) == 7
    hub.fill(2)
    assert hub.keys() == []
    hub.do("DELETE FROM audit WHERE seq = (SELECT min(seq) FROM audit)")
    assert hub.keys() == ["stores.audit_gap"]


def test_many_rows_of_one_transaction_are_one_chain_and_a_failed_one_leaves_none(hub: Hub) -> None:
    with hub.database.transaction() as con:
        hub.audit.append_in(con, [Note("A", "ann", {"n": n}) for n in range(5)])
    with pytest.raises(Bug), hub.database.transaction() as con:
        hub.audit.append_in(con, [Note("A", "ann", {}), Note("A", "ann", {"when": NOW})])
    assert (hub.audit.verify().rows, hub.keys()) == (5, [])


def test_threads_write_one_chain_while_it_is_verified(hub: Hub) -> None:
    threads = [Thread(target=hub.fill, args=(20,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert hub.keys() == []
    for thread in threads:
        thread.join()
    assert (hub.audit.verify().rows, hub.keys()) == (80, [])


def test_another_process_goes_on_with_the_same_chain(hub: Hub) -> None:
    hub.fill(2)
    second = Hub(hub.directory, hub.engine)
    second.fill(2)
    hub.fill(2)
    assert (second.audit.verify().rows, second.keys()) == (6, [])
    assert second.audit.public_hex == hub.audit.public_hex
    second.database.close()
