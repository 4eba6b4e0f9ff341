"""The books of messages at rest: sealed, in backups, destroyed with their keys, brought up from the first version."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Malformed
from hubtwin.channels.jws import Signing
from hubtwin.channels.send import Parcel, Sender
from hubtwin.model.event import Message
from hubtwin.model.record import Marks, Provenance
from hubtwin.stores.backup import backup, restore
from hubtwin.stores.check import check
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.erasure import restore_forgetting
from hubtwin.stores.migrate import list_migrations
from hubtwin.stores.signing import Signer
from hubtwin.stores.vault import KEYS_FILE
from hubtwin.stores.wire import WIRE_FILE, Wire
from hubtwin.stores.wire_log import log_problems
from tests.contracts.store_suite import HUB

ME, THEM, AT_MIN = "/hubs/here", "/partners/district", 27_770_460
NAME = "合成旅客一号"
MADE = Marks(provenance=Provenance.SYNTHETIC)


def _clock() -> datetime:
    return datetime(2022, 10, 20, 1, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    store = EmbeddedStore.open(tmp_path / "home", HUB, clock=_clock, threads=1)
    yield store.directory
    store.close()


def _say(wire: Wire, directory: Path, *keys: str) -> None:
    """Write a message for each key; the case is its first letter."""
    signer = Signer(directory)
    sender = Sender(wire, Signing(signer.sign, signer.public_hex), {}, lambda m: [])
    parcels = [
        (Message(key, "p", {}, AT_MIN), Parcel(THEM, "t", key[0], "urn:x:1", {"name": NAME}, MADE)) for key in keys
    ]
    sender.stage(parcels)


def _said(wire: Wire) -> list[str]:
    waiting = wire.list_waiting(THEM, 99)
    assert all(NAME.encode() in one.signed.content for one in waiting)
    return [one.id for one in waiting]


def test_a_backup_holds_the_messages_sealed_and_a_restored_one_sends_them(home: Path, tmp_path: Path) -> None:
    wire = Wire(home, ME, AT_MIN)
    _say(wire, home, "a1", "a2", "b1")
    backup(home, tmp_path / "copy", clock=_clock)
    assert NAME.encode() not in (tmp_path / "copy" / WIRE_FILE).read_bytes()
    assert (tmp_path / "copy" / WIRE_FILE).stat().st_mode & 0o077 == 0
    restore(tmp_path / "copy", tmp_path / "new", clock=_clock)
    assert (tmp_path / "new" / WIRE_FILE).stat().st_mode & 0o077 == 0
    assert check(tmp_path / "new").problems == ()
    new = Wire(tmp_path / "new", ME, AT_MIN)
    assert _said(new) == ["a1", "a2", "b1"]
    assert new.list_entries(THEM) == wire.list_entries(THEM)
    new.close()
    wire.close()


def test_a_backup_without_its_keys_tells_nothing(home: Path, tmp_path: Path) -> None:
    wire = Wire(home, ME, AT_MIN)
    _say(wire, home, "a1")
    wire.close()
    backup(home, tmp_path / "copy", clock=_clock)
    for file in (tmp_path / "copy").glob("*.sqlite"):
        assert NAME.encode() not in file.read_bytes()
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / WIRE_FILE).write_bytes((tmp_path / "copy" / WIRE_FILE).read_bytes())
    other = Wire(tmp_path / "alone", ME, AT_MIN)
    assert other.list_waiting(THEM, 9) == [], "a new vault has not the keys"
    assert len(other.list_entries(THEM)) == 1
    other.close()


def test_what_was_destroyed_is_destroyed_in_a_backup_from_before_and_its_log_verifies(
    home: Path, tmp_path: Path
) -> None:
    wire = Wire(home, ME, AT_MIN)
    _say(wire, home, "a1", "a2", "b1")
    backup(home, tmp_path / "copy", clock=_clock)
    assert wire.destroy(["a"]) == 2
    _, rows = restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=_clock)
    assert rows == 0
    with closing(sqlite3.connect(tmp_path / "new" / WIRE_FILE)) as con:
        held = [str(key) for (key,) in con.execute("SELECT id FROM outgoing WHERE content IS NOT NULL")]
    assert held == ["b1"], "before anybody opened it"
    new = Wire(tmp_path / "new", ME, AT_MIN)
    assert _said(new) == ["b1"]
    assert len(new.list_entries(THEM)) == 3
    assert log_problems(tmp_path / "new" / WIRE_FILE) == []
    assert [one.reason for one in new.list_to_mend()] == ["stores.content_expired"] * 2
    new.close()
    wire.close()


def test_a_copy_of_the_keys_out_of_reach_learns_from_the_store_what_was_destroyed(home: Path, tmp_path: Path) -> None:
    wire = Wire(home, ME, AT_MIN)
    _say(wire, home, "a1", "b1")
    backup(home, tmp_path / "copy", clock=_clock)
    (tmp_path / "copy").rename(tmp_path / "away")
    wire.destroy(["a"])
    wire.close()
    restore(tmp_path / "away", tmp_path / "new", clock=_clock, forgotten_by=[home])
    new = Wire(tmp_path / "new", ME, AT_MIN)
    assert _said(new) == ["b1"]
    new.close()


def test_a_kill_before_the_key_is_destroyed_is_made_good_at_the_next_opening(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire(home, ME, AT_MIN)
    _say(wire, home, "a1")
    before = _keys(home)

    def stop(name: str) -> None:
        raise KeyboardInterrupt(name)

    monkeypatch.setattr("hubtwin.stores.wire.failpoint", stop)
    with pytest.raises(KeyboardInterrupt):
        wire.destroy(["a"])
    wire.close()
    monkeypatch.undo()
    assert _keys(home) == before
    wire = Wire(home, ME, AT_MIN)
    assert len(_keys(home)) == len(before) - 1
    _say(wire, home, "a2")
    assert _said(wire) == ["a2"], "a subject that speaks again has a new key"
    wire.close()


def test_a_damaged_log_becomes_no_backup_and_the_check_names_it(home: Path, tmp_path: Path) -> None:
    wire = Wire(home, ME, AT_MIN)
    _say(wire, home, "a1", "a2")
    wire.close()
    with closing(sqlite3.connect(home / WIRE_FILE)) as con:
        con.execute("UPDATE entries SET digest = 'other' WHERE seq = 1")
        con.commit()
    assert [problem.key for problem in check(home).problems] == ["channels.log_broken"]
    with pytest.raises(Malformed, match=WIRE_FILE):
        backup(home, tmp_path / "copy", clock=_clock)
    assert not (tmp_path / "copy").exists()


def test_the_check_counts_content_whose_key_is_gone(home: Path) -> None:
    wire = Wire(home, ME, AT_MIN)
    _say(wire, home, "a1", "a2")
    wire.close()
    with closing(sqlite3.connect(home / KEYS_FILE)) as con:
        con.execute("DELETE FROM subjects")
        con.commit()
    (problem,) = check(home).problems
    assert (problem.key, problem.values["count"]) == ("stores.content_without_key", 2)


def test_sealed_bytes_open_in_their_own_place_only(home: Path) -> None:
    wire = Wire(home, ME, AT_MIN)
    _say(wire, home, "a1", "a2")
    with closing(sqlite3.connect(home / WIRE_FILE)) as con:
        con.execute("UPDATE outgoing SET content = (SELECT content FROM outgoing WHERE id = 'a1') WHERE id = 'a2'")
        con.commit()
    with pytest.raises(Malformed, match=WIRE_FILE):
        wire.list_waiting(THEM, 9)
    wire.close()


def test_what_nobody_settled_goes_after_its_time_and_the_last_proof_stays(home: Path) -> None:
    wire = Wire(home, ME, AT_MIN)
    _say(wire, home, "a1")
    cut_ms = (AT_MIN + 1) * 60_000
    assert wire.expire(cut_ms - 60_000, cut_ms, cut_ms) == {"outgoing": 0, "incoming": 0, "proofs": 0}
    before = _keys(home)
    assert wire.expire(cut_ms, cut_ms, cut_ms)["outgoing"] == 1
    assert len(_keys(home)) == len(before) - 1, "with its key"
    assert wire.list_waiting(THEM, 9) == []
    assert wire.list_partners() == []
    wire.close()


def test_books_of_the_first_version_are_sealed_when_they_are_opened(tmp_path: Path) -> None:
    home = tmp_path / "old"
    wire = Wire(home, ME, AT_MIN)
    _say(wire, home, "a1")
    (waiting,) = wire.list_waiting(THEM, 9)
    entries = wire.list_entries(THEM)
    wire.close()
    (home / WIRE_FILE).unlink()
    first = list_migrations("wire")[0]
    with closing(sqlite3.connect(home / WIRE_FILE)) as con:
        con.executescript(first.read_text(encoding="utf-8"))
        con.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at_min INTEGER NOT NULL)")
        con.execute("INSERT INTO migrations VALUES (1, ?, 0)", (first.stem,))
        con.execute("INSERT INTO owner VALUES (?)", (ME,))
        told = (waiting.signed.digest, waiting.signed.content, waiting.signed.signature)
        con.execute("INSERT INTO outgoing VALUES (1, ?, 'a1', 'a', 1, ?, ?, ?, 'waiting', '', 0)", (THEM, *told))
        sql = "INSERT INTO incoming VALUES (?, 'i1', 'a', 1, ?, ?, ?, ?, 'applied', '', NULL, '{}', 0, 1)"
        con.execute(sql, (THEM, *told, '{"name": "repaired"}'))
        (entry,) = entries
        con.execute(
            "INSERT INTO entries VALUES (?, 1, 'out', 'a1', ?, ?, ?, ?)",
            (THEM, entry.digest, entry.at_ms, entry.before, entry.hash),
        )
        con.commit()
    assert NAME.encode() in (home / WIRE_FILE).read_bytes()
    (home / WIRE_FILE).chmod(0o600)
    wire = Wire(home, ME, AT_MIN)
    assert NAME.encode() not in (home / WIRE_FILE).read_bytes()
    assert b"repaired" not in (home / WIRE_FILE).read_bytes()
    assert wire.list_waiting(THEM, 9) == [waiting]
    ((_, received),) = wire.list_applied()
    assert received.envelope is not None
    assert received.envelope.data == {"name": "repaired"}
    assert wire.list_entries(THEM) == entries
    wire.close()


def test_a_key_that_is_gone_is_said(tmp_path: Path) -> None:
    wire = Wire(tmp_path, ME, AT_MIN)
    with pytest.raises(Absent):
        wire._sealing.open("nobody", b"0" * 40, "label")
    wire.close()


def _keys(home: Path) -> set[str]:
    with closing(sqlite3.connect(home / KEYS_FILE)) as con:
        return {str(key_id) for (key_id,) in con.execute("SELECT key_id FROM subjects")}
