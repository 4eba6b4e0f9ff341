"""Accounts, grants and the audit of a hub on PostgreSQL: prepared, moved there, backed up, never split in two."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
import yaml

from hubtwin.base.errors import Absent, Denied, Malformed, Retry
from hubtwin.base.failpoint import arm, disarm
from hubtwin.library.odcs import contract_of
from hubtwin.model.grant import Purpose
from hubtwin.settings import Settings, load_settings
from hubtwin.settings.rows import RowsSettings
from hubtwin.stores.audit import ACCESS_FILE, Audit, open_access
from hubtwin.stores.backup import backup, restore
from hubtwin.stores.contracts import Contracts
from hubtwin.stores.deletion import delete_nightly, list_reports
from hubtwin.stores.signing import Signer
from hubtwin.wiring import access
from hubtwin.wiring.access import MARK_FILE, MOVED_FILE, backed_up, is_free, list_problems, move_rows, prepare_rows
from hubtwin.wiring.keeping import keeping_of, nightly
from hubtwin.wiring.library import open_catalogue
from tests.cli.kit import hubtwin
from tests.cluster import ROLE, Cluster
from tests.test_settings import load_with
from tests.wiring.hub_kept import BEGIN, PASSWORD, KeptHub, opened_of

VARIABLE = "HUBTWIN_POSTGRES_TESTS"


@dataclass
class Home:
    """The home of a hub whose hub.toml names PostgreSQL."""

    settings: Settings
    database: str

    @property
    def directory(self) -> Path:
        return self.settings.home / self.settings.hub.hub_id

    @property
    def embedded(self) -> Settings:
        return replace(self.settings, rows=None)


def _home(home: Path, cluster: Cluster, patch: pytest.MonkeyPatch) -> Home:
    database = cluster.make_bare()
    patch.setenv(VARIABLE, cluster.address(database))
    patch.setenv(f"{VARIABLE}_OWNER", cluster.owner(database))
    return Home(replace(load_settings(home=home, environ={}), rows=RowsSettings(VARIABLE)), database)


@pytest.fixture
def home(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Home:
    return _home(tmp_path / "home", cluster, monkeypatch)


@pytest.fixture
def ready(home: Home) -> Home:
    assert prepare_rows(home.settings, 0) > 0
    assert prepare_rows(home.settings, 0) == 0
    return home


def _live(hub: KeptHub) -> None:
    """Do a little of everything."""
    hub.works.access.accounts.sign_in("boss", PASSWORD)
    hub.declare()
    hub.open("p1", "p2")
    hub.works.access.grants.break_glass("boss", "epidemic", [Purpose.TRACE], reason="owner not reachable")


def test_a_hub_lives_on_postgresql_through_a_night_and_a_restart(ready: Home) -> None:
    with opened_of(ready.settings) as hub:
        _live(hub)
        delete_nightly(keeping_of(hub.works))
        assert is_free(ready.directory, ready.settings.rows)
        hold = hub.works.access.grants.set_hold("e1", by="guard", reason="court order")
        assert not is_free(ready.directory, ready.settings.rows)
    with opened_of(ready.settings) as hub:
        hub.works.access.grants.lift_hold(hold, by="guard")
        assert len(list_reports(hub.works.access.database)) == 1
        assert hub.works.access.audit.verify_nightly().problems == ()
        assert {person.user_id for person in hub.works.access.accounts.list_people()} >= {"boss", "guard"}
    assert not (ready.directory / ACCESS_FILE).exists()
    assert list_problems(ready.settings) == []


def test_a_hub_whose_server_goes_away_says_try_again_closes_and_finds_everything(ready: Home, cluster: Cluster) -> None:
    with opened_of(ready.settings) as hub:
        _live(hub)
        cluster.stop("immediate")
        try:
            with pytest.raises(Retry):
                hub.works.access.accounts.sign_in("boss", PASSWORD)
            with pytest.raises(Retry):
                nightly(hub.works, hub.now)
            assert not is_free(ready.directory, ready.settings.rows)
            assert [problem.key for problem in list_problems(ready.settings)] == ["stores.postgres_gone"]
        finally:
            cluster.start()
        assert hub.works.access.accounts.sign_in("boss", PASSWORD)
        cluster.stop()
    cluster.start()
    with opened_of(ready.settings) as hub:
        assert hub.works.access.audit.verify().problems == ()


def test_a_contract_published_on_postgresql_counts_for_whoever_opens_the_catalogue(ready: Home) -> None:
    declared = open_catalogue(ready.settings)
    with opened_of(ready.settings) as hub:
        store = hub.works.access
        contracts = Contracts(store.database, store.audit, clock=lambda: BEGIN)
        told = contract_of(replace(declared.get("legal_entities"), contract="9.0.0", update_every_min=61))
        contracts.publish("legal_entities", "9.0.0", yaml.safe_dump(told, allow_unicode=True), by="owner", changes=1)
    assert open_catalogue(ready.settings).get("legal_entities").update_every_min == 61
    with pytest.raises(Denied):
        open_catalogue(ready.embedded)


def test_an_exercise_has_rows_of_its_own(ready: Home, cluster: Cluster) -> None:
    with psycopg.connect(cluster.owner(ready.database)) as con:
        found = con.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'audit' ORDER BY 1").fetchall()
    assert [name for (name,) in found] == ["hangzhou-east", "hangzhou-east.exercise", "hangzhou-east.test"]


def test_what_is_not_ready_or_not_told_is_said_and_nothing_begins(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Absent), opened_of(home.settings):
        pass
    assert [problem.key for problem in list_problems(home.settings)] == ["stores.postgres_not_prepared"]
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(Denied) as unset, opened_of(home.settings):
        pass
    assert (unset.value.key, unset.value.values) == ("wiring.no_rows_address", {"variable": VARIABLE})
    assert not is_free(home.directory, home.settings.rows), "what cannot be found out may be held"
    with pytest.raises(Absent):
        prepare_rows(home.embedded, 0)
    assert not (home.directory / ACCESS_FILE).exists()


def test_without_psycopg_the_hub_says_what_to_install(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(target: str) -> object:
        raise ModuleNotFoundError(target)

    monkeypatch.setattr(access, "load", missing)
    with pytest.raises(Denied) as refused:
        prepare_rows(home.settings, 0)
    assert "hubtwin[postgres]" in str(refused.value)


def test_rows_stand_in_one_place_only(ready: Home) -> None:
    with opened_of(ready.embedded) as hub:
        _live(hub)
    with pytest.raises(Denied) as left, opened_of(ready.settings):
        pass
    assert left.value.key == "wiring.rows_left"
    assert [problem.key for problem in list_problems(ready.settings)] == ["wiring.rows_left"]
    moved = move_rows(ready.settings, 0)
    assert moved["accounts"] >= 5
    with opened_of(ready.settings) as hub:
        assert hub.works.access.audit.verify().problems == ()
        assert len(hub.works.access.audit.list_entries()) == moved["audit"]
        assert hub.works.access.accounts.sign_in("boss", PASSWORD)[1].user_id == "boss"
    with pytest.raises(Denied) as elsewhere, opened_of(ready.embedded):
        pass
    assert elsewhere.value.key == "wiring.rows_elsewhere"
    assert not is_free(ready.directory, None)
    assert [problem.key for problem in list_problems(ready.embedded)] == ["wiring.rows_elsewhere"]
    assert {MARK_FILE, MOVED_FILE} <= {file.name for file in ready.directory.iterdir()}
    with pytest.raises(Absent):
        move_rows(ready.settings, 0)


@pytest.mark.parametrize("gone_on", [False, True])
def test_a_move_that_was_cut_is_finished_by_moving_again_and_mixes_nothing(gone_on: bool, ready: Home) -> None:
    with opened_of(ready.embedded) as hub:
        _live(hub)

    def cut(passed: str) -> None:
        if passed == "wiring.rows_copied":
            raise KeyboardInterrupt

    arm(cut)
    try:
        with pytest.raises(KeyboardInterrupt):
            move_rows(ready.settings, 0)
    finally:
        disarm()
    with pytest.raises(Denied), opened_of(ready.settings):
        pass
    if gone_on:  # somebody worked on in the file
        with closing(open_access(ready.directory, 0)) as database:
            Audit(database, Signer(ready.directory), clock=lambda: BEGIN).append("A", "ann", {})
        with pytest.raises(Denied) as other:
            move_rows(ready.settings, 0)
        assert other.value.key == "stores.postgres_not_empty"
        return
    assert move_rows(ready.settings, 0) == {}
    with opened_of(ready.settings) as hub:
        assert hub.works.access.audit.verify().problems == ()


def test_a_backup_holds_the_rows_as_a_file_and_moves_to_another_server(
    ready: Home, tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_of(ready.settings) as hub:
        _live(hub)
        with backed_up(ready.settings) as rows:
            backup(ready.directory, tmp_path / "copy", clock=lambda: BEGIN, access=rows)
        head = hub.works.access.audit.head()
    other = _home(tmp_path / "other", cluster, monkeypatch)
    other.directory.parent.mkdir()
    restore(tmp_path / "copy", other.directory, clock=lambda: BEGIN)
    with pytest.raises(Denied), opened_of(other.settings):
        pass
    prepare_rows(other.settings, 0)
    move_rows(other.settings, 0)
    with opened_of(other.settings) as hub:
        assert hub.works.access.audit.verify(head).problems == ()
        assert hub.works.access.accounts.sign_in("boss", PASSWORD)


def test_the_commands_prepare_check_and_back_up(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = _home(tmp_path / "home", cluster, monkeypatch)
    file = tmp_path / "hub.toml"
    load_with(tmp_path, f'[rows]\nurl_env = "{VARIABLE}"')
    told = ("--hub", file, "--home", home.settings.home, "--lang", "en")
    assert hubtwin(*told, "rows", "prepare").code == 0
    with opened_of(home.settings) as hub:
        _live(hub)
    assert hubtwin(*told, "check").code == 0
    done = hubtwin(*told, "backup", tmp_path / "copy")
    assert (done.code, (tmp_path / "copy" / ACCESS_FILE).is_file()) == (0, True)
    with psycopg.connect(cluster.owner(home.database)) as con:
        con.execute(f'GRANT DELETE ON "hangzhou-east".audit TO {ROLE}_desk'.encode())
    wrong = hubtwin(*told, "check")
    assert (wrong.code, "DELETE the audit" in wrong.out) == (1, True)
    monkeypatch.setenv(VARIABLE, "postgresql://hub:s3cret@127.0.0.1:1/none")
    gone = hubtwin(*told, "check")
    assert (gone.code, "PostgreSQL is not there" in gone.out, "s3cret" in gone.out + gone.err) == (1, True, False)
    assert hubtwin(*told, "rows", "move").code != 0


@pytest.mark.parametrize(
    "wrong",
    [
        '[rows]\nurl_env = "postgresql://hub:secret@host/hub"',
        '[rows]\nurl = "postgresql://host/hub"',
        '[rows]\nurl_env = ""',
        "[rows]",
    ],
)
def test_the_address_itself_has_no_place_in_hub_toml(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(Malformed) as refused:
        load_with(tmp_path, wrong)
    assert "rows.url" in refused.value.message("en")
    assert "secret@" not in refused.value.message("en")
