"""Backup and restore, and that who was forgotten stays forgotten."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Denied, Malformed, Retry
from hubtwin.stores.audit import ACCESS_FILE, Audit, open_access
from hubtwin.stores.backup import MANIFEST, backup, restore
from hubtwin.stores.check import check, mend
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.signing import SIGNING_FILE, Signer
from hubtwin.stores.vault import KEY_FILE, KEYS_FILE, Vault
from tests.contracts.store_suite import HUB, SOURCE, batch, finding, names


def _clock() -> datetime:
    return datetime(2022, 10, 20, 1, tzinfo=UTC)


def _vault(store: EmbeddedStore) -> Vault:
    return Vault(store.directory, clock=_clock, record=store.append_event)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore.open(tmp_path / "home", HUB, clock=_clock, threads=1)
    opened.write(batch("k1", ("A", "1"), ("B", "1"), cursor="1"))
    opened.write(batch("k2", ("A", "2")))
    opened.save_findings([finding("f1")])
    vault = _vault(opened)
    vault.remember("p1", {"name": "one"})
    vault.remember("p2", {"name": "two"})
    vault.find_epoch_key(500)
    vault.close()
    yield opened
    opened.close()


def _restored(path: Path, **how: object) -> EmbeddedStore:
    restore(path.with_name("copy"), path, clock=_clock, **how)  # type: ignore[arg-type]
    return EmbeddedStore(path, HUB, clock=_clock, threads=1)


def test_a_backup_taken_in_use_restores_what_was_there(store: EmbeddedStore, tmp_path: Path) -> None:
    taken = backup(store.directory, tmp_path / "copy", clock=_clock)
    assert taken.files == 4
    store.write(batch("k3", ("C", "later"), cursor="3"))
    store.compact("rail_stations")
    new = _restored(tmp_path / "new")
    assert names(new) == [("A", "2"), ("B", "1")]
    assert new.cursor(SOURCE) == "1"
    assert new.list_findings("epidemic") == [finding("f1")]
    assert new.write(batch("k3", ("C", "later"))) is True
    vault = _vault(new)
    assert vault.reveal("p1", "test") == {"name": "one"}
    vault.close()
    new.close()
    assert check(tmp_path / "new").problems == ()
    assert [event.kind for event in store.list_events("BackupTaken")] == ["BackupTaken"]


def test_nothing_is_overwritten(store: EmbeddedStore, tmp_path: Path) -> None:
    backup(store.directory, tmp_path / "copy", clock=_clock)
    with pytest.raises(Denied):
        backup(store.directory, tmp_path / "copy", clock=_clock)
    with pytest.raises(Denied):
        restore(tmp_path / "copy", store.directory, clock=_clock)
    with pytest.raises(Absent):
        backup(tmp_path, tmp_path / "other", clock=_clock)
    with pytest.raises(Absent):
        restore(tmp_path / "home", tmp_path / "new", clock=_clock)


def test_a_damaged_backup_restores_nothing(store: EmbeddedStore, tmp_path: Path) -> None:
    backup(store.directory, tmp_path / "copy", clock=_clock)
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file() and path.parent.name != "keys"]
    assert len(files) == 5
    for file in files:
        content = file.read_bytes()
        file.unlink()  # Parquet files are links into the store, which must not be harmed
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if file.name != MANIFEST else content[:-9])
        with pytest.raises(Malformed):
            restore(tmp_path / "copy", tmp_path / "new", clock=_clock)
        file.write_bytes(content)
    assert not (tmp_path / "new").exists()
    restore(tmp_path / "copy", tmp_path / "new", clock=_clock)


def test_a_backup_that_names_files_elsewhere_is_refused(store: EmbeddedStore, tmp_path: Path) -> None:
    backup(store.directory, tmp_path / "copy", clock=_clock)
    head = json.loads((tmp_path / "copy" / MANIFEST).read_text(encoding="utf-8"))
    head["files"]["../secret"] = {"bytes": 0, "sha256": "0"}
    (tmp_path / "copy" / MANIFEST).write_text(json.dumps(head), encoding="utf-8")
    with pytest.raises(Malformed):
        restore(tmp_path / "copy", tmp_path / "new", clock=_clock)
    (tmp_path / "copy" / MANIFEST).write_text(json.dumps({**head, "format": 2}), encoding="utf-8")
    with pytest.raises(Denied):
        restore(tmp_path / "copy", tmp_path / "new", clock=_clock)


def test_keys_kept_apart_are_asked_for(store: EmbeddedStore, tmp_path: Path) -> None:
    backup(store.directory, tmp_path / "copy", clock=_clock)
    shutil.move(tmp_path / "copy" / "keys", tmp_path / "safe")
    with pytest.raises(Absent) as asked:
        restore(tmp_path / "copy", tmp_path / "new", clock=_clock)
    assert "--keys" in str(asked.value)
    new = _restored(tmp_path / "new", keys=tmp_path / "safe")
    vault = _vault(new)
    assert vault.reveal("p1", "test") == {"name": "one"}
    vault.close()
    new.close()


def test_a_forgotten_person_stays_forgotten_on_a_restored_backup(store: EmbeddedStore, tmp_path: Path) -> None:
    backup(store.directory, tmp_path / "copy", clock=_clock)
    vault = _vault(store)
    assert vault.forget("p1") == []
    vault.destroy_epoch(500)
    vault.close()
    new = _restored(tmp_path / "new")
    vault = _vault(new)
    with pytest.raises(Absent):
        vault.reveal("p1", "test")
    assert vault.reveal("p2", "test") == {"name": "two"}
    assert vault.find_epoch_key(500) is None
    vault.close()
    new.close()


def test_keys_out_of_reach_are_reported_and_purged_when_they_come_back(store: EmbeddedStore, tmp_path: Path) -> None:
    backup(store.directory, tmp_path / "copy", clock=_clock)
    shutil.move(tmp_path / "copy" / "keys", tmp_path / "safe")
    assert "stores.copy_out_of_reach" not in [notice.key for notice in check(store.directory).notices]
    vault = _vault(store)
    (away,) = vault.forget("p1")
    vault.close()
    assert Path(away) == tmp_path / "copy" / "keys" / KEYS_FILE
    assert "stores.copy_out_of_reach" in [notice.key for notice in check(store.directory).notices]
    shutil.move(tmp_path / "safe", tmp_path / "copy" / "keys")
    mend(store.directory, clock=_clock)
    assert "stores.copy_out_of_reach" not in [notice.key for notice in check(store.directory).notices]
    new = _restored(tmp_path / "new")
    vault = _vault(new)
    with pytest.raises(Absent):
        vault.reveal("p1", "test")
    vault.close()
    new.close()


def test_an_old_backup_learns_from_a_later_one_who_was_forgotten(store: EmbeddedStore, tmp_path: Path) -> None:
    backup(store.directory, tmp_path / "copy", clock=_clock)
    shutil.move(tmp_path / "copy" / "keys", tmp_path / "safe")
    vault = _vault(store)
    vault.forget("p1")
    vault.close()
    backup(store.directory, tmp_path / "later", clock=_clock)
    new = _restored(tmp_path / "new", keys=tmp_path / "safe", forgotten_by=[tmp_path / "later"])
    vault = _vault(new)
    with pytest.raises(Absent):
        vault.reveal("p1", "test")
    assert vault.reveal("p2", "test") == {"name": "two"}
    vault.close()
    new.close()


def test_a_store_without_a_vault_has_a_backup_without_keys(tmp_path: Path) -> None:
    plain = EmbeddedStore.open(tmp_path / "home", HUB, clock=_clock, threads=1)
    plain.write(batch("k1", ("A", "1")))
    assert backup(plain.directory, tmp_path / "copy", clock=_clock).keys is None
    plain.close()
    new = _restored(tmp_path / "new")
    assert names(new) == [("A", "1")]
    assert not (tmp_path / "new" / KEY_FILE).exists()
    new.close()


def test_a_parquet_file_that_vanished_asks_for_another_try(store: EmbeddedStore, tmp_path: Path) -> None:
    next((store.directory / "columns").glob("*/*.parquet")).unlink()
    with pytest.raises(Retry):
        backup(store.directory, tmp_path / "copy", clock=_clock)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_damage_is_not_laundered_into_a_backup_that_verifies(store: EmbeddedStore, tmp_path: Path) -> None:
    damaged = next((store.directory / "columns").rglob("*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    with pytest.raises(Malformed, match=damaged.name):
        backup(store.directory, tmp_path / "copy", clock=_clock)
    assert not (tmp_path / "copy").exists()


def test_keys_that_do_not_fit_restore_nothing(store: EmbeddedStore, tmp_path: Path) -> None:
    backup(store.directory, tmp_path / "copy", clock=_clock)
    (tmp_path / "copy" / "keys" / KEY_FILE).write_bytes(b"1" * 32)
    with pytest.raises(Denied, match=KEY_FILE):
        restore(tmp_path / "copy", tmp_path / "new", clock=_clock)
    assert not (tmp_path / "new").exists()


def test_a_backup_is_restored_for_its_own_hub_only(store: EmbeddedStore, tmp_path: Path) -> None:
    backup(store.directory, tmp_path / "copy", clock=_clock)
    with pytest.raises(Denied, match="other"):
        restore(tmp_path / "copy", tmp_path / "new", clock=_clock, hub_id="other")
    restore(tmp_path / "copy", tmp_path / "new", clock=_clock, hub_id=HUB)


def test_accounts_audit_and_the_signing_key_come_back(store: EmbeddedStore, tmp_path: Path) -> None:
    database = open_access(store.directory, 29_000_000)
    Audit(database, Signer(store.directory), clock=_clock).append("LookedUp", "officer", {"persons": 1})
    database.close()
    taken = backup(store.directory, tmp_path / "backup", clock=_clock)
    assert taken.keys == tmp_path / "backup" / "keys"
    restore(tmp_path / "backup", tmp_path / "again", clock=_clock)
    again = open_access(tmp_path / "again", 29_000_001)
    found = Audit(again, Signer(tmp_path / "again"), clock=_clock).verify()
    again.close()
    assert (found.rows, found.problems) == (1, ())
    assert (tmp_path / "again" / ACCESS_FILE).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "again" / SIGNING_FILE).read_bytes() == (store.directory / SIGNING_FILE).read_bytes()
    (tmp_path / "backup" / "keys" / SIGNING_FILE).unlink()
    with pytest.raises(Absent):
        restore(tmp_path / "backup", tmp_path / "third", clock=_clock)
