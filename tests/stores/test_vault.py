"""The vault: keys by epoch, personal fields under a key a person, forgetting that holds."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from hubtwin.base.clock import epoch_minute, from_epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.model.record import Identity
from hubtwin.rules.privacy import EPOCH_MIN, epoch_of, pseudonymise
from hubtwin.stores.vault import KEY_FILE, KEYS_FILE, VAULT_FILE, Vault

NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)
PERSON = Identity("citizen", "330102199003070017")


class Diary:
    """A vault's clock and its events."""

    def __init__(self) -> None:
        self.now = NOW
        self.events: list[tuple[str, Mapping[str, object]]] = []

    def clock(self) -> datetime:
        return self.now

    def record(self, kind: str, payload: Mapping[str, object]) -> None:
        self.events.append((kind, payload))


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def vault(diary: Diary, tmp_path: Path) -> Iterator[Vault]:
    opened = Vault(tmp_path, clock=diary.clock, record=diary.record)
    yield opened
    opened.close()


def test_what_was_remembered_is_revealed_with_a_purpose_and_an_event(vault: Vault, diary: Diary) -> None:
    vault.remember("p1", {"name": "张三", "phone": "1"})
    vault.remember("p1", {"phone": "2"})
    assert vault.reveal("p1", " call back ") == {"name": "张三", "phone": "2"}
    assert diary.events == [("FieldsRevealed", {"pid": "p1", "purpose": "call back", "found": True})]
    with pytest.raises(Denied):
        vault.reveal("p1", " ")
    with pytest.raises(Absent):
        vault.reveal("p2", "call back")
    assert diary.events[-1][1]["found"] is False


def test_nothing_is_revealed_that_was_not_written_down(diary: Diary, tmp_path: Path) -> None:
    def broken(kind: str, payload: Mapping[str, object]) -> None:
        raise Denied("stores.no_purpose")

    vault = Vault(tmp_path, clock=diary.clock, record=broken)
    vault.remember("p1", {"name": "n"})
    with pytest.raises(Denied):
        vault.reveal("p1", "call back")
    vault.close()


def test_nothing_personal_and_no_key_lies_open_on_disk(vault: Vault, tmp_path: Path) -> None:
    vault.remember("p1", {"name": "张三丰"})
    key = vault.find_epoch_key(1)
    assert key is not None
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name
        assert "张三丰".encode() not in file.read_bytes()
        assert key not in file.read_bytes()


def test_forgetting_destroys_the_key_and_a_later_hit_begins_anew(vault: Vault, diary: Diary) -> None:
    vault.remember("p1", {"name": "old", "phone": "1"})
    vault.remember("p2", {"name": "other"})
    assert vault.forget("p1") == []
    with pytest.raises(Absent):
        vault.reveal("p1", "test")
    with pytest.raises(Absent):
        vault.forget("p1")
    assert ("KeyDestroyed", {"pid": "p1", "copies_out_of_reach": 0}) in diary.events
    vault.remember("p1", {"name": "new"})
    assert vault.reveal("p1", "test") == {"name": "new"}
    assert vault.reveal("p2", "test") == {"name": "other"}


def test_a_sealed_row_cannot_be_moved_to_another_person(vault: Vault) -> None:
    vault.remember("p1", {"name": "one"})
    vault.remember("p2", {"name": "two"})
    with vault._vault.transaction() as con:
        con.execute("UPDATE subjects SET sealed = (SELECT sealed FROM subjects WHERE pid = 'p1') WHERE pid = 'p2'")
    with pytest.raises(Malformed):
        vault.reveal("p2", "test")


@pytest.mark.parametrize(
    ("mode", "content", "key"),
    [(0o644, None, "stores.open_key_file"), (0o600, b"\0" * 32, "stores.wrong_key"), (0o600, b"", "stores.wrong_key")],
)
def test_a_wrong_key_file_is_refused(
    mode: int, content: bytes | None, key: str, vault: Vault, diary: Diary, tmp_path: Path
) -> None:
    vault.remember("p1", {"name": "n"})
    if content is not None:
        (tmp_path / KEY_FILE).write_bytes(content)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(Denied) as refused:
        Vault(tmp_path, clock=diary.clock, record=diary.record).reveal("p1", "test")
    assert refused.value.key == key


def test_a_lost_key_file_is_never_replaced_by_a_new_one(vault: Vault, diary: Diary, tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(Denied):
        Vault(tmp_path, clock=diary.clock, record=diary.record)
    assert not (tmp_path / KEY_FILE).exists()


def test_epoch_keys_stay_and_differ(vault: Vault, diary: Diary, tmp_path: Path) -> None:
    again = Vault(tmp_path, clock=diary.clock, record=diary.record)
    assert vault.find_epoch_key(7) == again.find_epoch_key(7)
    assert vault.find_epoch_key(7) != vault.find_epoch_key(8)
    again.close()


def test_rotation_makes_the_new_key_and_destroys_what_nobody_looks_back_to(vault: Vault, diary: Diary) -> None:
    day, current = 24 * 60, epoch_of(epoch_minute(NOW))
    diary.now = from_epoch_minute(current * EPOCH_MIN + 10 * day)
    for epoch in (current - 2, current - 1):
        vault.find_epoch_key(epoch)
    assert vault.rotate(21 * day) == [current - 2], "the one before ended only 10 days ago"
    assert [epoch.number for epoch in vault.list_epochs() if epoch.alive] == [current - 1, current]
    assert [kind for kind, _ in diary.events] == ["EpochRotated", "KeyDestroyed"]
    assert vault.rotate(21 * day) == []
    diary.now += timedelta(days=28)
    assert vault.rotate(21 * day) == [current - 1]
    assert vault.find_epoch_key(current - 2) is None
    replayed_min = (current - 40) * EPOCH_MIN
    assert vault.rotate(21 * day, replayed_min) == []
    assert vault.list_epochs()[0].number == current - 40, "a replayed day has the epoch of its own time"


def test_a_destroyed_epoch_makes_no_pseudonym_and_is_left_out_of_links(vault: Vault) -> None:
    epoch, window = 500, 14 * 24 * 60
    at_min = epoch * EPOCH_MIN + 10
    make = partial(pseudonymise, key_of=vault.find_epoch_key, window_min=window)
    before = make(PERSON, at_min)
    assert len(before.earlier) == 1
    vault.destroy_epoch(epoch - 1)
    assert make(PERSON, at_min).pid == before.pid
    assert make(PERSON, at_min).earlier == ()
    vault.destroy_epoch(epoch)
    with pytest.raises(Denied):
        make(PERSON, at_min)
    with pytest.raises(Absent):
        vault.destroy_epoch(9)


def test_the_vault_is_three_files(vault: Vault, tmp_path: Path) -> None:
    vault.remember("p1", {"name": "n"})
    assert {file.name for file in tmp_path.iterdir()} >= {KEY_FILE, KEYS_FILE, VAULT_FILE}
