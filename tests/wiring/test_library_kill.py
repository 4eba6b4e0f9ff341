"""The served library is killed (SIGKILL) amid loading, governing, authorising, asking, sending and erasing.

What was acknowledged is there after the restart; what was not is asked for again and has its effect once; and nothing
is left on the disk that no row knows. `benchmarks/library_kill.py` does the same at random.
"""

import shutil
import signal
import sqlite3
import time
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from hubtwin.stores.signing import Signer, open_sealed
from hubtwin.stores.sqlite import query
from tests.wiring.library_hub import (
    FRESH,
    PASSWORD,
    Killed,
    Served,
    command,
    elderly,
    list_faults,
    prepare,
    rows_of,
    served,
    store_of,
)
from tests.wiring.library_story import STEPS, LoadFile, Step, colour, load

OLD = FRESH - timedelta(days=1_500)  # kept for 1,095 days
WHO = "990000194900000001"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a hub with a library, to be copied."""
    folder = tmp_path_factory.mktemp("prepared") / "hub"
    prepare(folder)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    return shutil.copytree(prepared, tmp_path / "hub")


@pytest.mark.parametrize("step", [pytest.param(each, id=each.__name__) for each in STEPS])
def test_what_was_cut_short_is_done_once(step: type[Step], folder: Path) -> None:
    doing = step()
    with served(folder) as hub:
        hub.start()
        for number, point in enumerate(doing.points, start=1):
            doing.before(hub, number)
            hub.arm(point)
            with suppress(Killed):  # what it dies of may come after the answer
                doing.act(hub, number)
            hub.wait_killed()
            hub.start()
            doing.repeat(hub, number)
            assert doing.list_wrong(hub, number) == [], point
            colour(hub, "elderly_persons")
            assert _settled(folder) == [], point
        wrong = [doing.list_wrong(hub, number) for number in range(1, len(doing.points) + 1)]
        assert wrong == [[] for _ in wrong], "what was done stays done"


@pytest.mark.parametrize("point", ["stores.shelf_before_commit:1", "stores.shelf_erased:1"])
def test_a_night_that_was_cut_short_is_done_again(point: str, folder: Path) -> None:
    kept = len(rows_of(folder, "elderly_persons", "row_no"))
    with served(folder) as hub:
        hub.start()
        load(hub, "elderly_persons", "old.csv", elderly(0, 300, OLD))
        colour(hub, "elderly_persons")
        hub.kill()
        _forget_night(folder)
        _die_at_start(hub, point)
        hub.start()
        _wait_for_night(folder)
        colour(hub, "elderly_persons")
    assert len(rows_of(folder, "elderly_persons", "row_no")) == kept
    assert list_faults(folder) == []


def test_an_order_to_destroy_that_was_cut_short_is_given_again(folder: Path) -> None:
    said = f"{PASSWORD}\n{PASSWORD}\n{WHO}\n"
    forget = ("library", "forget", "--by", "zheng", "--second", "wu", "--reason", "asked", "--password-stdin")
    with served(folder) as hub:
        hub.start()
        LoadFile().act(hub, 0)
        for point in ("stores.shelf_renamed:1", "stores.shelf_after_commit:1"):
            died = command(folder, *forget, failpoint=point, said=said)
            assert died.returncode == -signal.SIGKILL, died.stderr
            hub.kill()
            hub.start()
        done = command(folder, *forget, said=said)
        assert done.returncode == 0, done.stderr
        colour(hub, "elderly_persons")
    sealed = done.stdout[: done.stdout.rindex("}") + 1]
    assert open_sealed(sealed, Signer(store_of(folder)).public_hex)["reason"] == "asked"
    assert WHO not in rows_of(folder, "elderly_persons", "citizen_id")
    assert list_faults(folder) == []


def _settled(folder: Path) -> list[str]:
    """Return the faults that stay: the served hub colours by itself as well, and may be in the middle of it."""
    for _ in range(3):
        if not (found := list_faults(folder)):
            break
        time.sleep(1)
    return found


def _forget_night(folder: Path) -> None:
    with closing(sqlite3.connect(store_of(folder) / "access.sqlite")) as con, con:
        con.execute("DELETE FROM kept_marks WHERE name = 'night'")


def _die_at_start(hub: Served, point: str) -> None:
    with suppress(Killed):  # before it said where it serves
        hub.start(point)
        hub.wait_killed()


def _wait_for_night(folder: Path) -> None:
    sql = "SELECT count(*) FROM kept_marks WHERE name = 'night'"
    for _ in range(600):
        if query(store_of(folder) / "access.sqlite", sql) == [(1,)]:
            return
        time.sleep(0.1)
    raise AssertionError("the night is not done")
