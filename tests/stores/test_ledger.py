"""The ledger beside the embedded store: one file, one order of events, stores of version 1 brought up to date."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from hubtwin.base.errors import Denied, Retry
from hubtwin.model.event import EventKind
from hubtwin.model.record import Status
from hubtwin.ports import Unit
from hubtwin.stores.check import check
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.ledger import SqliteLedger
from tests.contracts.ledger_suite import NOW, case, task

FIXTURE = Path(__file__).parent / "fixtures" / "version_1"


def _clock() -> datetime:
    return datetime(2022, 10, 21, tzinfo=UTC)


def test_a_store_of_version_1_gets_a_ledger_and_keeps_its_events(tmp_path: Path) -> None:
    con = sqlite3.connect(tmp_path / "rows.sqlite")
    con.executescript((FIXTURE / "rows.sql").read_text(encoding="utf-8"))
    con.close()
    ledger = SqliteLedger(tmp_path, "here", at_min=NOW)
    old = ledger.list_events()
    assert [(event.kind, event.subject, event.scene) for event in old] == [("BatchIngested", "", "")] * 2
    assert ledger.list_events(subject="") == []
    with ledger.unit(NOW) as unit:
        assert unit.append(EventKind.CASE_OPENED, "c1", {}) == old[-1].seq + 1
    ledger.close()


def test_the_store_and_its_ledger_share_one_order_of_events(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, "here", clock=_clock, threads=1)
    ledger = SqliteLedger(tmp_path, "here", at_min=NOW)
    first = store.append_event("BackupTaken", {})
    with ledger.unit(NOW) as unit:
        unit.save_case(case("c1"))
        second = unit.append(EventKind.CASE_OPENED, "c1", {}, "epidemic")
    third = store.append_event("BackupTaken", {})
    assert [first, second, third] == [event.seq for event in ledger.list_events()] == [1, 2, 3]
    (told,) = store.list_events("CaseOpened")
    assert (told.seq, told.kind) == (2, "CaseOpened")
    store.close()
    ledger.close()
    assert check(tmp_path).problems == ()


def test_a_ledger_belongs_to_its_hub_and_its_status(tmp_path: Path) -> None:
    SqliteLedger(tmp_path, "here", at_min=NOW).close()
    for hub_id, status in (("there", Status.ACTUAL), ("here", Status.EXERCISE)):
        with pytest.raises(Denied):
            SqliteLedger(tmp_path, hub_id, at_min=NOW, status=status)


def test_readers_do_not_wait_for_a_unit_and_see_nothing_of_it(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path, "here", at_min=NOW)
    seen: list[object] = []
    with ledger.unit(NOW) as unit:
        unit.save_task(task("t1"))
        reader = Thread(target=lambda: seen.append(ledger.find_task("t1")))
        reader.start()
        reader.join(5)
    assert (seen, ledger.get_task("t1").task_id) == ([None], "t1")
    ledger.close()


def test_units_of_several_threads_take_turns_and_lose_nothing(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path, "here", at_min=NOW)

    def work(name: str) -> None:
        for number in range(10):
            with ledger.unit(NOW) as unit:
                unit.save_case(case(f"{name}{number}"))
                unit.append(EventKind.CASE_OPENED, f"{name}{number}", {})

    threads = [Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.list_cases()) == 40
    assert [event.seq for event in ledger.list_events()] == list(range(1, 41))
    ledger.close()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path, "here", at_min=NOW)
    ledger._writing.all("PRAGMA max_page_count=60")

    def fill(unit: Unit) -> None:
        for number in range(5000):
            unit.save_case(case(f"c{number}"))

    with pytest.raises(Retry), ledger.unit(NOW) as unit:
        fill(unit)
    assert ledger.list_cases() == []
    ledger.close()
