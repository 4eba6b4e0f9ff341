"""The larger hub's rows: the same tables, row-level security, an audit that can only grow, a server that goes away."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Bug, Denied, Malformed, Retry
from hubtwin.base.failpoint import arm, disarm
from hubtwin.model.grant import Grant, Purpose
from hubtwin.stores.audit import ACCESS_FILE, Audit, Note, open_access
from hubtwin.stores.grants import Grants
from hubtwin.stores.postgres import BETWEEN, GRANTEE, PostgresDatabase, open_postgres
from hubtwin.stores.postgres_rights import OWNERS, list_problems, prepare
from hubtwin.stores.signing import Signer
from tests.cluster import OTHER_ROLE, ROLE, SCHEMA, Cluster

NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)
NOW_MIN = epoch_minute(NOW)
DESK = f"SET search_path = {SCHEMA}; SET ROLE {ROLE}_desk"


class Hub:
    """Grants and the audit of a hub on PostgreSQL."""

    def __init__(self, directory: Path, cluster: Cluster, name: str) -> None:
        self.cluster, self.name, self.signer = cluster, name, Signer(directory)
        self.database = open_postgres(cluster.address(name), SCHEMA, self.signer.public_hex)
        self.audit = Audit(self.database, self.signer, clock=lambda: NOW)
        self.grants = Grants(self.database, self.audit, clock=lambda: NOW)

    def give(self, grantee: str) -> str:
        told = ("", grantee, "vault", frozenset({"name"}), frozenset({Purpose.TRACE}), "epidemic")
        return self.grants.issue(Grant(*told, NOW_MIN, NOW_MIN + 60, "owner", "security", "tracing", "e1"))

    def ask(self, sql: str, before: str = f"SET search_path = {SCHEMA}", role: str = ROLE) -> list[tuple[object, ...]]:
        """Ask by a connection of one's own, as somebody who has the address of the hub, or another."""
        with psycopg.connect(self.cluster.address(self.name, role)) as con:
            con.execute(before.encode())
            done = con.execute(sql.encode())
            return done.fetchall() if done.description else []

    def as_owner(self, sql: str) -> list[tuple[object, ...]]:
        """Ask as the owner."""
        with psycopg.connect(self.cluster.owner(self.name)) as con:
            done = con.execute(sql.encode())
            return done.fetchall() if done.description else []


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    made = cluster.make()
    yield made
    cluster.give_back(made)


@pytest.fixture
def hub(tmp_path: Path, cluster: Cluster, name: str) -> Iterator[Hub]:
    made = Hub(tmp_path, cluster, name)
    yield made
    made.database.close()


def _as(*grantees: str) -> str:
    return f"SET search_path = {SCHEMA}; SET {GRANTEE} = '{BETWEEN.join(grantees)}'"


def test_both_databases_have_the_same_tables_columns_and_keys(hub: Hub, tmp_path: Path) -> None:
    with closing(open_access(tmp_path / "sqlite", NOW_MIN)) as embedded:
        tables = [str(name) for (name,) in embedded.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
        told = {name: embedded.all(f"PRAGMA table_xinfo({name})") for name in tables if not name.startswith("sqlite_")}
    columns = {name: [(row[1], row[2], bool(row[3]) or bool(row[5])) for row in rows] for name, rows in told.items()}
    keys = {name: sorted(str(row[1]) for row in rows if row[5]) for name, rows in told.items()}
    types = {"text": "TEXT", "bigint": "INTEGER", "bytea": "BLOB"}
    found: dict[str, list[tuple[object, str, bool]]] = {}
    for table, column, kind, empty in hub.as_owner(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
        f" WHERE table_schema = '{SCHEMA}' AND column_name != 'rowid' ORDER BY table_name, ordinal_position"
    ):
        if table not in ("writers", "signed_by"):
            found.setdefault(str(table), []).append((column, types[str(kind)], empty == "NO"))
    assert found == columns
    primary = hub.as_owner(
        "SELECT table_name, column_name FROM information_schema.table_constraints"
        " JOIN information_schema.key_column_usage USING (constraint_schema, constraint_name, table_name)"
        f" WHERE constraint_type = 'PRIMARY KEY' AND constraint_schema = '{SCHEMA}'"
    )
    assert keys == {name: sorted(str(column) for table, column in primary if table == name) for name in keys}


def test_a_grantee_sees_own_rows_and_nobody_else_any_whatever_is_asked(hub: Hub) -> None:
    hub.give("ann")
    hub.give("bob")
    everything = "SELECT grantee FROM grants"
    assert hub.ask(everything) == [], "nobody named"
    assert hub.ask(everything, _as("")) == [], "an empty name"
    assert hub.ask(everything, _as("eve")) == []
    assert hub.ask(everything, _as("a_n")) == hub.ask(everything, _as("*")) == hub.ask(everything, _as("%")) == []
    assert hub.ask(everything, _as("ann")) == [("ann",)]
    assert sorted(hub.ask(everything, _as("ann", "bob"))) == [("ann",), ("bob",)]
    assert hub.ask("SELECT count(*) FROM grants WHERE grantee = 'bob' OR true", _as("ann")) == [(1,)]
    assert hub.database.seen_by("ann").all(everything) == [("ann",)]
    assert hub.database.seen_by().all(everything) == []
    assert hub.database.seen_by("").all(everything) == []
    assert hub.database.seen_by("ann").all("SELECT current_setting(?, true)", GRANTEE) == [("ann",)]
    assert hub.database.seen_by("eve").all(everything) == [], "nothing is left over of who asked before"
    assert [grant.grantee for grant in hub.grants.list_grants("ann")] == ["ann"]
    assert len(hub.grants.list_all()) == 2, "the desk sees all"
    with pytest.raises(Malformed):
        hub.database.seen_by(f"ann{BETWEEN}bob")


def test_applications_and_shares_are_seen_by_whose_they_are(hub: Hub) -> None:
    for number, applicant in enumerate(("ann", "bob")):
        hub.as_owner(
            f"SET search_path = {SCHEMA}; SET ROLE {ROLE}_desk;"
            f" INSERT INTO baskets VALUES ('b{number}', 'k', '{applicant}', 'street', 1, '{{}}');"
            f" INSERT INTO basket_items VALUES ('b{number}', 'shops', 0, 'owner', 'active', NULL, NULL, NULL, '{{}}');"
            f" INSERT INTO library_shares VALUES"
            f" ('s{number}', 'b{number}', 'user:{applicant}', 'shops', 'automatic', 9, NULL, NULL, NULL, '{{}}')"
        )
    asked = {
        "baskets": "SELECT basket_id FROM baskets",
        "basket_items": "SELECT basket_id FROM basket_items",
        "library_shares": "SELECT share_id FROM library_shares",
    }
    for sql in asked.values():
        assert hub.ask(sql) == hub.ask(sql, _as("")) == hub.ask(sql, _as("user:eve")) == []
        assert len(hub.ask(sql, DESK)) == 2
    assert {name: hub.ask(sql, _as("user:bob")) for name, sql in asked.items()} == {
        "baskets": [("b1",)],
        "basket_items": [("b1",)],
        "library_shares": [("s1",)],
    }


def test_what_is_sent_back_is_seen_by_both_sides_and_a_template_by_who_signed_it(hub: Hub) -> None:
    for number, agency, dataset in ((1, "street-1", "shops"), (2, "street-2", "shops"), (3, "street-1", "homes")):
        hub.as_owner(
            f"SET search_path = {SCHEMA}; SET ROLE {ROLE}_desk;"
            " INSERT INTO returns (return_id, kind, dataset, agency, street, sent_by, sent_min, due_min, column_name,"
            f" state, send_key) VALUES ('r{number}', 'dispute', '{dataset}', '{agency}', '1', 'ann', 1, 2, 'a', 'sent',"
            f" 'k{number}'); INSERT INTO library_templates VALUES ('t{number}', '{agency}', '{dataset}', '{{}}')"
        )
    returns, templates = (
        "SELECT return_id FROM returns ORDER BY 1",
        "SELECT template_id FROM library_templates ORDER BY 1",
    )

    def seen(sql: str, *names: str) -> str:
        return "".join(str(name) for (name,) in hub.ask(sql, _as(*names)))

    for sql in (returns, templates):
        assert hub.ask(sql) == []
        for stranger in ("", "street-1", "user:ann", "agency:", "agency:street-3", "agency:shops", "dataset:street-1"):
            assert seen(sql, stranger) == "", stranger
        assert len(hub.ask(sql, DESK)) == 3
    assert seen(returns, "agency:street-1") == "r1r3"
    assert seen(returns, "agency:street-2") == "r2"
    assert seen(returns, "agency:trade", "dataset:shops") == "r1r2", "the owner of a dataset answers"
    assert seen(returns, "agency:street-2", "dataset:homes") == "r2r3"
    assert (
        seen("SELECT return_id FROM returns WHERE agency = 'street-2' OR true ORDER BY 1", "agency:street-1") == "r1r3"
    )
    assert seen(templates, "agency:street-1") == "t1t3"
    assert seen(templates, "dataset:shops") == ""


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO grants (grant_id) VALUES ('g')",
        "UPDATE grants SET grantee = 'ann'",
        "DELETE FROM grants",
        "SELECT * FROM accounts",
        "SELECT * FROM audit",
        "SELECT * FROM sessions",
        "SELECT * FROM words",
        "SELECT * FROM contracts",
        "UPDATE returns SET state = 'applied'",
        "INSERT INTO library_templates VALUES ('t', 'o', 'd', '{}')",
        "SELECT prune_audit(9)",
        "ALTER TABLE grants DISABLE ROW LEVEL SECURITY",
        "DROP POLICY of_grantee ON grants",
        "CREATE TABLE mine (a TEXT)",
    ],
)
def test_the_role_of_the_address_reads_rows_of_grantees_and_does_nothing_else(sql: str, hub: Hub) -> None:
    hub.give("ann")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        hub.ask(sql, _as("ann"))


def test_another_role_of_the_server_is_let_in_nowhere(hub: Hub) -> None:
    hub.give("ann")
    for sql in (f"SELECT * FROM {SCHEMA}.grants", f"SET ROLE {ROLE}_desk", f"SET ROLE {ROLE}"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            hub.ask(sql, f"SET search_path = {SCHEMA}; SET {GRANTEE} = 'ann'", OTHER_ROLE)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET entry = '{}'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "ALTER TABLE audit ADD COLUMN a TEXT",
        "DELETE FROM audit_ends",
        "DELETE FROM grants",
        "UPDATE reports SET body = ''",
        "DELETE FROM migrations",
        "ALTER TABLE grants NO FORCE ROW LEVEL SECURITY",
        "UPDATE signed_by SET public_hex = ''",
    ],
)
def test_the_desk_adds_to_the_audit_and_takes_nothing_from_it(sql: str, hub: Hub) -> None:
    hub.give("ann")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        hub.ask(sql, DESK)


def test_rows_of_the_last_three_years_stay_whoever_prunes(hub: Hub) -> None:
    real = Audit(hub.database, hub.signer, clock=lambda: datetime.now(UTC))
    real.append("LookedUp", "ann", {})
    with pytest.raises(Denied):
        real.prune(epoch_minute(datetime.now(UTC)) + 1)
    assert (real.verify().rows, real.verify().problems) == (1, ())


def test_a_check_finds_rights_that_somebody_widened(hub: Hub) -> None:
    address = hub.cluster.address(hub.name)
    found = [problem.key for problem in list_problems(address, SCHEMA)]
    assert found == []
    hub.as_owner(
        f"ALTER TABLE {SCHEMA}.grants NO FORCE ROW LEVEL SECURITY; GRANT UPDATE ON {SCHEMA}.audit TO {ROLE}_desk"
    )
    found = [problem.key for problem in list_problems(address, SCHEMA)]
    assert found == ["stores.postgres_open_table", "stores.postgres_audit_open"]
    assert prepare(hub.cluster.owner(hub.name), SCHEMA, ROLE, NOW_MIN) == 0
    assert list_problems(address, SCHEMA) == []


def test_every_table_that_says_whose_a_row_is_is_guarded(hub: Hub) -> None:
    found = hub.as_owner(
        "SELECT DISTINCT table_name FROM information_schema.columns"
        f" WHERE table_schema = '{SCHEMA}' AND column_name IN"
        " ('grantee', 'applicant', 'agency', 'owner', 'basket_id') ORDER BY 1"
    )
    assert [str(table) for (table,) in found] == sorted(OWNERS)


def test_what_is_not_prepared_or_lets_too_much_is_not_opened(cluster: Cluster, tmp_path: Path) -> None:
    bare = cluster.make_bare()
    with pytest.raises(Absent) as refused:
        open_postgres(cluster.address(bare), SCHEMA, "00")
    assert refused.value.key == "stores.postgres_not_prepared"
    with pytest.raises(Denied) as loose:
        open_postgres(cluster.owner(bare), SCHEMA, "00")
    assert loose.value.key == "stores.postgres_loose_role"
    for role, key in (("nobody_here", "stores.postgres_no_role"), ("owner", "stores.postgres_loose_role")):
        with pytest.raises((Absent, Denied)) as wrong:
            prepare(cluster.owner(bare), SCHEMA, role, NOW_MIN)
        assert wrong.value.key == key
    with pytest.raises(Denied) as not_owner:
        prepare(cluster.address(bare, OTHER_ROLE), SCHEMA, ROLE, NOW_MIN)
    assert not_owner.value.key == "stores.postgres_owner"
    assert prepare(cluster.owner(bare), SCHEMA, ROLE, NOW_MIN) > 0
    open_postgres(cluster.address(bare), SCHEMA, "00").close()
    with psycopg.connect(cluster.owner(bare)) as con:
        con.execute(f"INSERT INTO {SCHEMA}.migrations VALUES (999, 'later', 0)".encode())
    with pytest.raises(Denied) as later:
        open_postgres(cluster.address(bare), SCHEMA, "00")
    assert later.value.key == "stores.newer_version"


def test_a_home_with_another_key_does_not_break_the_chain(hub: Hub, tmp_path: Path) -> None:
    hub.give("ann")
    (tmp_path / "other").mkdir()
    with pytest.raises(Denied) as refused:
        Hub(tmp_path / "other", hub.cluster, hub.name)
    assert refused.value.key == "stores.postgres_other_key"
    assert hub.audit.verify().problems == ()


@pytest.mark.parametrize("address", ["postgresql://hub:s3cret@/x?nonsense=1", "postgres:s3cret", "dbname=s3cret", ""])
def test_a_wrong_address_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(Malformed) as refused:
        PostgresDatabase(address, SCHEMA)
    assert "s3cret" not in f"{refused.value.message('en')} {refused.value.message('zh')} {refused.value.values}"


def test_a_server_that_is_not_there_is_a_retry_without_the_secret(tmp_path: Path) -> None:
    database = PostgresDatabase(f"postgresql://hub:s3cret@/x?host={tmp_path}", SCHEMA)
    with pytest.raises(Retry) as gone:
        database.all("SELECT 1")
    assert gone.value.key == "stores.postgres_gone"
    assert "s3cret" not in str(gone.value) + str(gone.value.__cause__)
    database.close()


def test_one_writes_and_who_does_not_wait_is_told_so(hub: Hub, tmp_path: Path) -> None:
    second = Hub(tmp_path, hub.cluster, hub.name)
    with hub.database.transaction() as con:
        hub.audit.append_in(con, [Note("A", "ann", {})])
        with pytest.raises(Retry), second.database.transaction(wait=False):
            pass
        with pytest.raises(Bug), hub.database.transaction():
            pass
        assert hub.database.all("SELECT count(*) FROM audit") == [(1,)], "one sees what one writes"
        assert second.database.all("SELECT count(*) FROM audit") == [(0,)], "and nobody else does"
    with second.database.transaction(wait=False):
        pass
    second.database.close()


def test_what_cannot_be_stored_is_malformed_and_leaves_nothing(hub: Hub) -> None:
    def store(mark: str) -> None:
        with hub.database.transaction() as con:
            hub.audit.append_in(con, [Note("A", "ann", {})])
            con.execute("INSERT INTO kept_marks VALUES (?, ?)", ("m", mark))

    for wrong in ("a\0b", "\ud800"):
        with pytest.raises(Malformed):
            store(wrong)
    assert hub.audit.verify().rows == 0
    hub.audit.append("A", "ann", {"mark": "\0"})  # JSON writes it as an escape
    assert hub.audit.list_entries()[0].payload["mark"] == "\0"


def test_two_processes_write_one_chain(hub: Hub, tmp_path: Path) -> None:
    hubs = [hub, *(Hub(tmp_path, hub.cluster, hub.name) for _ in range(2))]

    def fill(one: Hub) -> None:
        for _ in range(20):
            one.audit.append("A", "ann", {})

    threads = [Thread(target=fill, args=(one,)) for one in hubs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (hub.audit.verify().rows, hub.audit.verify().problems) == (60, ())
    for one in hubs[1:]:
        one.database.close()


def test_rows_move_from_sqlite_to_postgresql_and_back_with_their_chain(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "signing.key").write_bytes((tmp_path / "signing.key").read_bytes())
    (tmp_path / "old" / "signing.key").chmod(0o600)
    with closing(open_access(tmp_path / "old", NOW_MIN)) as embedded:
        audit = Audit(embedded, Signer(tmp_path / "old"), clock=lambda: NOW)
        for _ in range(5):
            audit.append("LookedUp", "ann", {"pids": ["p"]})
        with embedded.transaction() as con:
            con.execute("INSERT INTO answers VALUES (7,'k','p','m','s','done',1,'t','b','n',NULL,0)")
        head = audit.head()
    copied = hub.database.take_over(tmp_path / "old" / ACCESS_FILE, NOW_MIN)
    assert (copied["audit"], copied["answers"]) == (5, 1)
    assert hub.audit.verify(head).problems == ()
    hub.give("ann")
    with hub.database.transaction() as con:
        con.execute(
            "INSERT INTO answers (key, partner, message_id, subject, said, at_min, through, by, note)"
            " VALUES ('l','p','m','s','done',1,'t','b','n')"
        )
        assert con.execute("SELECT number FROM answers WHERE key = 'l'").fetchone() == (8,), "numbers go on"
    with pytest.raises(Denied):
        hub.database.take_over(tmp_path / "old" / ACCESS_FILE, NOW_MIN)
    hub.database.copy_to(tmp_path / "back.sqlite")
    assert (tmp_path / "back.sqlite").stat().st_mode & 0o077 == 0
    (tmp_path / "new").mkdir()
    (tmp_path / "back.sqlite").rename(tmp_path / "new" / ACCESS_FILE)
    with closing(open_access(tmp_path / "new", NOW_MIN)) as embedded:
        audit = Audit(embedded, hub.signer, clock=lambda: NOW)
        assert (audit.verify(head).problems, audit.verify().rows) == ((), 6)
        assert [grant.grantee for grant in Grants(embedded, audit, clock=lambda: NOW).list_all()] == ["ann"]
        assert embedded.all("SELECT number FROM answers ORDER BY 1") == [(7,), (8,)]


def test_a_confirmation_that_was_lost_is_found_out(hub: Hub) -> None:
    """The connection is cut when COMMIT was sent: before the server did it, and after."""
    hub.give("ann")

    def cut(passed: str) -> None:
        if passed == "stores.postgres_uncommitted":
            hub.as_owner(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")

    arm(cut)
    try:
        with pytest.raises(Retry) as gone:
            hub.give("bob")
    finally:
        disarm()
    assert gone.value.key == "stores.postgres_gone"
    assert [grant.grantee for grant in hub.grants.list_all()] == ["ann"]
    assert hub.give("carl") in {grant.grant_id for grant in hub.grants.list_grants("carl")}
    assert hub.audit.verify().problems == ()


def test_a_connection_lost_between_two_questions_is_made_anew_without_a_word(hub: Hub) -> None:
    hub.give("ann")
    hub.grants.list_grants("ann")
    hub.as_owner(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")
    assert len(hub.grants.list_grants("ann")) == len(hub.grants.list_all()) == 1
    hub.give("bob")


def test_who_stops_in_the_middle_holds_up_nobody_for_long(hub: Hub) -> None:
    def stop() -> None:
        with hub.database.transaction() as con:
            hub.audit.append_in(con, [Note("A", "ann", {})])
            con.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            time.sleep(0.2)
            con.execute("SELECT 1")

    with pytest.raises(Retry):
        stop()
    hub.give("ann")
    assert hub.audit.verify().rows == 1


def test_a_restart_in_the_middle_is_a_retry_and_then_it_works_again(hub: Hub) -> None:
    hub.give("ann")

    def cut() -> None:
        with hub.database.transaction() as con:
            hub.audit.append_in(con, [Note("A", "ann", {})])
            hub.cluster.stop("immediate")  # as if it was killed
            con.execute("SELECT 1")

    with pytest.raises(Retry):
        cut()
    with pytest.raises(Retry):
        hub.give("bob")
    with pytest.raises(Retry):
        hub.grants.list_all()
    hub.cluster.start()
    hub.give("carl")
    assert sorted(grant.grantee for grant in hub.grants.list_all()) == ["ann", "carl"]
    assert (hub.audit.verify().rows, hub.audit.verify().problems) == (2, ())


@pytest.mark.parametrize(
    ("where", "stored"), [("stores.postgres_uncommitted:2", 1), ("stores.postgres_committed:2", 2), ("", 4)]
)
def test_a_killed_process_leaves_all_of_a_step_or_nothing(where: str, stored: int, hub: Hub, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.stores.postgres_killed", hub.cluster.address(hub.name), str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "HUBTWIN_FAILPOINT": where},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (-signal.SIGKILL if where else 0), done.stderr
    found = [grant.grantee for grant in hub.grants.list_all()]
    assert sorted(found) == [f"user-{number}" for number in range(stored)]
    assert set(done.stdout.split()) <= set(found), "what was acknowledged is there"
    assert [entry.payload["grantee"] for entry in hub.audit.list_entries(kind="GrantIssued")] == sorted(found)
    hub.give("ann")  # the lock of the dead is not in the way
    assert (hub.audit.verify().rows, hub.audit.verify().problems) == (stored + 1, ())


def test_sqlite_is_the_same_afterwards(tmp_path: Path) -> None:
    with closing(open_access(tmp_path, NOW_MIN)) as embedded:
        assert embedded.seen_by("ann") is embedded
    assert sqlite3.sqlite_version_info >= (3, 35), "RETURNING and ON CONFLICT as PostgreSQL has them"
