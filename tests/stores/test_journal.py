"""The journal gives back what was shown, loses nothing that it took, and keeps nothing that was to be erased."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.stores import journal_packed
from hubtwin.stores.backup import backup
from hubtwin.stores.check import check
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.erasure import Where, erase_shown, person_digest, restore_forgetting
from hubtwin.stores.erasures_told import tell_copies
from hubtwin.stores.journal import DAMAGED_FILE, JOURNAL_FILE, Entry, Journal, Mark, open_journal
from hubtwin.stores.journal_packed import unpack
from hubtwin.stores.vault import Vault
from tests.contracts.store_suite import HUB

ROOT = Path(__file__).parents[2]
MINUTE = 60_000


def clock() -> datetime:
    return datetime(2022, 10, 20, 1, tzinfo=UTC)


def item(topic: str, key: str, value: Any, *, scene: str = "", alarm: bool = False) -> list[Any]:
    change = {"topic": topic, "key": key, "rev": 1, "at_min": 0, "kind": "Shown", "value": value}
    return [scene, alarm, change]


def entry(at_ms: int, *items: list[Any], things: list[Any] | None = None, key: bool = False, **more: Any) -> Entry:
    place = [each for each in items if each[2]["topic"] in ("hub", "source")]
    event = [each for each in items if each not in place]
    body = {"things": things or [], "gone": more.get("gone", []), "items": place}
    return Entry(at_ms, orjson.dumps(body), orjson.dumps(event) if event else b"", key, more.get("marks", ()))


def zone(name: str, at_ms: int, **values: Any) -> dict[str, Any]:
    return {"id": name, "at_ms": at_ms, "lon": None, "lat": None, "values": values}


def shown(journal: Journal, at_ms: int) -> dict[tuple[str, str], Any]:
    return {(key[0], key[2]): each.change["value"] for key, each in journal.picture(at_ms).items.items()}


def everything(directory: Path) -> bytes:
    """Return all that the journal holds, unpacked, and all that lies in its files."""
    found = b"".join(path.read_bytes() for path in directory.glob("journal*"))
    with sqlite3.connect(directory / JOURNAL_FILE) as con:
        for place, event in con.execute("SELECT place, event FROM entries"):
            found += unpack(place) + (b"" if event is None else unpack(event))
        found += repr(con.execute("SELECT * FROM marks").fetchall()).encode()
    con.close()
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, 0)
    yield opened
    opened.close()


def test_a_moment_is_the_key_frame_before_it_and_what_came_since(journal: Journal) -> None:
    hall, bus = zone("zone:hall", 1, people=3, los="A"), {**zone("vehicle:7", 1), "lon": 1.0, "lat": 2.0}
    first = entry(100, item("case", "c1", {"n": 1}), item("hub", "hub", {}), things=[hall, bus], key=True)
    moved = entry(
        200,
        item("case", "c1", {"n": 2}),
        things=[["vehicle:7", 2, 1.5, 2.5, {}], ["zone:hall", 2, None, None, {"people": 4}]],
    )
    gone = entry(300, item("case", "c1", None), gone=["vehicle:7"])
    assert journal.append([first, moved, gone], 0)
    assert journal.bounds() == (100, 300)
    with pytest.raises(Absent):
        journal.picture(99)
    before, then, after = (journal.picture(at_ms) for at_ms in (199, 299, 10_000))
    assert before.things == {"zone:hall": hall, "vehicle:7": bus}
    assert then.things["vehicle:7"] == {**bus, "at_ms": 2, "lon": 1.5, "lat": 2.5}
    assert then.things["zone:hall"]["values"] == {"people": 4, "los": "A"}
    assert (then.at_ms, after.at_ms) == (200, 300)
    assert (shown(journal, 250)["case", "c1"], set(after.things)) == ({"n": 2}, {"zone:hall"})
    assert ("case", "c1") not in shown(journal, 300)
    assert [each.at_ms for each in journal.list_shown(100, 250)] == [200]
    assert journal.history("zone:hall", 10) == [(1, {"people": 3, "los": "A"}), (2, {"people": 4, "los": "A"})]
    assert journal.history("zone:nowhere", 10) == []


def test_moments_go_up_whatever_the_clock_does(journal: Journal) -> None:
    journal.append([entry(100, key=True), entry(100), entry(50), entry(70, key=True)], 0)
    assert [each.at_ms for each in journal.list_shown(0, 10_000)] == [101, 102]
    assert journal.bounds() == (100, 102)


def test_beyond_its_budget_the_oldest_hours_go_and_the_newest_picture_stays(tmp_path: Path) -> None:
    budget, hour = 400_000, 3_600_000
    journal = Journal(tmp_path, 0, budget)
    for number in range(40):
        noise = os.urandom(10_000).hex()
        journal.append([entry(number * hour // 2, item("hub", "hub", number), things=[zone(noise, 1)], key=True)], 0)
    assert journal.size() < budget * 1.2
    bounds = journal.bounds()
    assert bounds is not None
    assert bounds[0] > 5 * hour
    assert bounds[0] % (hour // 2) == 0
    assert shown(journal, 39 * hour // 2) == {("hub", "hub"): 39}
    assert shown(journal, bounds[0]) == {("hub", "hub"): bounds[0] * 2 // hour}
    with pytest.raises(Absent):
        journal.picture(bounds[0] - 1)
    assert journal.shrink(1) > 0
    assert shown(journal, 39 * hour // 2) == {("hub", "hub"): 39}, "the newest picture is never given up"
    journal.close()


def test_what_was_erased_is_not_written_by_who_did_not_notice(journal: Journal) -> None:
    journal.append([entry(1, item("case", "c1", {}), key=True)], 0)
    journal.erase(0, 10)
    assert journal.append([entry(2, item("case", "c1", {}))], 0) is False
    assert journal.append([entry(2)], journal.erased()) is True


def test_a_night_looks_only_at_what_no_night_before_has_erased(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = list[object]()

    def counted(packed: object) -> bytes:
        looked.append(packed)
        return unpack(packed)

    monkeypatch.setattr(journal_packed, "unpack", counted)
    told = item("case", "c1", {}), zone("staff:T01", 1)
    for number in range(1, 9):
        journal.append([entry(number * 100, told[0], things=[told[1]], key=number == 1)], journal.erased())
    assert (journal.erase(0, 450), len(looked)) == (8, 4)  # the event and the people of four entries each
    looked.clear()
    assert (journal.erase(0, 650), len(looked)) == (4, 2)
    looked.clear()
    assert (journal.erase(720, 1 << 50), len(looked)) == (2, 1), "one event's time, far behind: what lies between stays"
    looked.clear()
    assert (journal.erase(0, 1 << 50), len(looked)) == (2, 2)
    assert shown(journal, 900) == {}
    assert journal.picture(900).things == {}
    assert journal.append([entry(800, told[0], things=[told[1]], key=True)], journal.erased())  # of the last moment
    assert journal.erase(0, 1 << 50) == 2
    assert journal.append([entry(900, told[0], things=[told[1]])], journal.erased())
    assert journal.erase(0, 1 << 50) == 2, "what comes later is erased as well"


def test_runs_are_counted_once(tmp_path: Path) -> None:
    runs = []
    for _ in range(3):
        journal = Journal(tmp_path, 0)
        runs.append(journal.begin_run())
        journal.close()
    assert runs == [1, 2, 3]


def test_old_pictures_go_as_far_as_no_later_one_rests_on_them(journal: Journal) -> None:
    marks = [
        Mark(0, "Started", "hub", "", "live", "Actual"),
        Mark(0, "AlertRaised", "alert", "epidemic", "a1", "Severe"),
    ]
    for number in range(10):
        told = item("case", "c1", {"n": number})
        journal.append([entry(number * 100, told, things=[zone("z", number)], key=number % 4 == 0, marks=marks)], 0)
    size = journal.size()
    assert journal.trim(before_ms=650) == 4
    assert journal.bounds() == (400, 900)
    assert journal.picture(700).things["z"]["at_ms"] == 7
    assert shown(journal, 700)["case", "c1"] == {"n": 7}
    assert [(mark.at_ms, mark.topic) for mark in journal.list_marks(99)] == [
        (at_ms, topic) for at_ms in (700, 800, 900) for topic in ("hub", "alert")
    ]
    assert journal.size() <= size


def _filled(directory: Path) -> None:
    journal = Journal(directory, 0)
    mark = Mark(0, "CaseEscalated", "case", "epidemic", "case-secret")
    one = item("case", "case-secret", {"pid": "pid-secret", "n": "x" * 5_000}, scene="epidemic")
    other = item("case", "case-other", {"pid": "pid-other"}, scene="epidemic")
    journal.append([entry(MINUTE, one, other, item("hub", "hub", {"name": "kept"}), key=True, marks=[mark])], 0)
    journal.append([entry(20 * MINUTE, one, other), entry(30 * MINUTE, other)], 0)
    journal.close()


def test_nothing_of_an_event_is_left_on_disk(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "store", HUB, clock=clock, threads=1)
    store.close()
    _filled(store.directory)
    assert b"secret" in everything(store.directory)
    assert erase_shown(store.directory, Where("at_ms", 0, 25), clock=clock, why="emergency e1") == 2
    left = everything(store.directory)
    assert b"secret" not in left
    assert b"kept" in left
    assert left.count(b"pid-other") == 1  # told after the event


def test_where_people_at_work_were_goes_with_what_concerns_events(journal: Journal) -> None:
    team, hall = zone("staff:T01", 1, state="busy"), zone("zone:hall", 1, people=3)
    moves = [["staff:T01", 2, 120.2, 30.3, {}], ["zone:hall", 2, None, None, {}]]
    journal.append(
        [entry(100, things=[team, hall], key=True), entry(200, things=moves), entry(300, gone=["staff:T01"])], 0
    )
    assert set(journal.picture(250).things) == {"staff:T01", "zone:hall"}
    assert journal.erase(0, 300, lambda texts: False) == 0
    assert journal.erase(0, 300) == 3
    assert journal.picture(250).things == {"zone:hall": {**hall, "at_ms": 2}}
    assert journal.history("staff:T01", 10) == []


def test_who_is_named_goes_wherever_it_was_shown_and_others_stay(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "store", HUB, clock=clock, threads=1)
    store.close()
    _filled(store.directory)
    only = frozenset(map(person_digest, ("pid-secret", "case-secret")))
    assert erase_shown(store.directory, Where("at_ms", only=only), clock=clock, why="record deleted") == 2
    left = everything(store.directory)
    assert b"secret" not in left
    assert left.count(b"pid-other") == 3


def test_a_backup_from_before_an_erasure_erases_again_when_it_is_restored(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "store", HUB, clock=clock, threads=1)
    vault = Vault(store.directory, clock=clock, record=store.append_event)
    vault.remember("p", {"name": "n"})
    _filled(store.directory)
    backup(store.directory, tmp_path / "copy", clock=clock)
    assert b"secret" in everything(tmp_path / "copy")
    erase_shown(store.directory, Where("at_ms", 0, 25), clock=clock, why="emergency e1")
    assert tell_copies(store.directory) == [tmp_path / "copy"]
    vault.close()
    store.close()
    restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=clock)
    left = everything(tmp_path / "new")
    assert b"secret" not in left
    assert b"kept" in left
    assert (tmp_path / "new" / JOURNAL_FILE).stat().st_mode & 0o777 == 0o600
    assert not check(tmp_path / "new").problems


def test_a_damaged_journal_is_put_aside_and_the_hub_goes_on(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_FILE).write_bytes(b"this is no database, however long it may be" * 200)
    (tmp_path / JOURNAL_FILE).chmod(0o600)
    journal, was_damaged = open_journal(tmp_path, 0)
    assert was_damaged
    assert journal.append([entry(1, key=True)], 0)
    journal.close()
    assert (tmp_path / DAMAGED_FILE).is_file()
    journal, was_damaged = open_journal(tmp_path, 0)
    assert not was_damaged
    journal.close()


def test_an_entry_that_is_damaged_spoils_only_the_pictures_that_rest_on_it(journal: Journal, tmp_path: Path) -> None:
    journal.append([entry(100, key=True), entry(200), entry(300, key=True), entry(400)], 0)
    with sqlite3.connect(tmp_path / JOURNAL_FILE) as con:
        con.execute("UPDATE entries SET place = x'00000010AABBCC' WHERE at_ms = 200")
    con.close()
    assert journal.picture(199).at_ms == 100
    with pytest.raises(Malformed):
        journal.picture(200)
    assert journal.picture(450).at_ms == 400


def test_a_newer_journal_is_not_touched(tmp_path: Path) -> None:
    Journal(tmp_path, 0).close()
    with sqlite3.connect(tmp_path / JOURNAL_FILE) as con:
        con.execute("INSERT INTO migrations VALUES (99, 'later', 0)")
    con.close()
    with pytest.raises(Denied):
        open_journal(tmp_path, 0)


def test_what_was_acknowledged_survives_a_kill_and_half_a_write_is_no_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.stores.journal_killed", str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env) as child:
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(23)]
        child.kill()
        told += [int(line) for line in child.stdout if line.endswith("\n")]
    log = tmp_path / f"{JOURNAL_FILE}-wal"
    with log.open("ab") as stream:  # what a write that was cut short leaves behind
        stream.write(b"\x00\x01half a frame")
    journal = Journal(tmp_path, 0)
    for number in (1, 4, 5, 6, 7, told[-1]):
        assert shown(journal, number * 10 + 9)["hub", "n"] == number
    assert not check_whole(tmp_path)
    journal.close()


def check_whole(directory: Path) -> list[str]:
    """Return what SQLite itself says is wrong with the journal."""
    con = sqlite3.connect(directory / JOURNAL_FILE)
    said = [line for (line,) in con.execute("PRAGMA integrity_check")]
    con.close()
    return [line for line in said if line != "ok"]
