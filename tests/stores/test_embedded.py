"""What the embedded store does beyond the contract of stores."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Bug, Denied, Malformed, Retry
from hubtwin.library.query import collect
from hubtwin.model.finding import Finding
from hubtwin.model.record import Status
from hubtwin.stores import embedded
from hubtwin.stores.embedded import EmbeddedStore, store_directory
from tests.contracts.store_suite import HUB, batch, finding, names, stations

NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)
Open = Callable[..., EmbeddedStore]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    opened: list[EmbeddedStore] = []

    def open_it(place: str = "home", now: datetime = NOW, status: Status = Status.ACTUAL) -> EmbeddedStore:
        opened.append(EmbeddedStore.open(tmp_path / place, HUB, clock=lambda: now, status=status, threads=1))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


@pytest.mark.parametrize("place", ["a [b] c", "it's", "what?*", "中文", 'quo"te'])
def test_any_directory_name_will_do(place: str, open_store: Open) -> None:
    store = open_store(place)
    store.write(batch("k1", ("A", "1")))
    store.write(batch("k2", ("A", "2")))
    assert names(store) == [("A", "2")]


def test_an_exercise_lives_in_a_directory_of_its_own(open_store: Open, tmp_path: Path) -> None:
    drill = open_store(status=Status.EXERCISE)
    assert drill.directory == tmp_path / "home" / f"{HUB}.exercise"
    with pytest.raises(Malformed):
        drill.write(batch("k1", ("A", "1")))
    with pytest.raises(Malformed):
        drill.save_findings([finding("f1")])
    with pytest.raises(Denied):
        EmbeddedStore(drill.directory, HUB, clock=lambda: NOW)
    with pytest.raises(Denied):
        EmbeddedStore(drill.directory, "another", clock=lambda: NOW, status=Status.EXERCISE)


@pytest.mark.parametrize("hub_id", ["", "..", "a/b", "A", "x" * 65, ".hidden", "a.exercise"])
def test_a_hub_id_that_is_no_safe_folder_name_is_refused(hub_id: str, tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        store_directory(tmp_path, hub_id)


def test_another_process_reads_while_this_one_holds_the_store_and_writes(open_store: Open) -> None:
    store = open_store()
    store.write(batch("k1", ("A", "1")))
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from hubtwin.stores.embedded import EmbeddedStore\n"
        "from tests.contracts.store_suite import batch, names\n"
        "s = EmbeddedStore(Path(sys.argv[1]), 'here', clock=lambda: datetime(2022, 10, 20, tzinfo=UTC))\n"
        "sys.stdout.write(repr(names(s))); s.write(batch('k2', ('B', '2'))); s.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(store.directory)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[('A', '1')]"
    assert names(store) == [("A", "1"), ("B", "2")]


def test_an_open_does_not_sweep_while_another_writes_and_a_write_that_waits_too_long_says_so(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    draft = store.directory / "tmp" / "under-way.parquet"
    draft.write_bytes(b"")
    other = sqlite3.connect(store.directory / "rows.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    open_store()
    assert draft.exists()
    monkeypatch.setattr("hubtwin.stores.sqlite.BUSY_S", 0)
    with pytest.raises(Retry):
        store.write(batch("k1", ("A", "1")))
    other.execute("ROLLBACK")
    other.close()
    open_store()
    assert not draft.exists()
    assert store.write(batch("k1", ("A", "1"))) is True


def test_threads_share_a_store(open_store: Open) -> None:
    store = open_store()
    threads = [
        Thread(target=lambda n=n: [store.write(batch(f"k{n}.{i}", (f"S{n}", str(i)))) for i in range(5)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(store) == [(f"S{n}", "4") for n in range(4)]


def test_a_full_disk_stores_nothing_and_says_so(open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store()

    def full(path: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("hubtwin.stores.columns.os.fsync", full)
        with pytest.raises(Retry, match="No space left"):
            store.write(batch("k1", ("A", "1"), cursor="1"))
    assert names(store) == []
    assert store.cursor("timetable") is None
    assert store.write(batch("k1", ("A", "1"), cursor="1")) is True
    assert list((store.directory / "tmp").iterdir()) == []


def test_events_are_appended_in_order_and_hold_plain_values(open_store: Open) -> None:
    store = open_store()
    store.write(batch("k1", ("A", "1")))
    store.append_event("FreezeReleased", {"area": "区", "by": "duty officer"})
    with pytest.raises(Bug):
        store.append_event("Broken", {"when": NOW})
    assert [event.kind for event in store.list_events()] == ["BatchIngested", "FreezeReleased"]
    (released,) = store.list_events("FreezeReleased")
    assert dict(released.payload) == {"area": "区", "by": "duty officer"}
    assert store.list_events(after_seq=released.seq) == []


def test_evidence_that_is_not_plain_is_a_fault(open_store: Open) -> None:
    with pytest.raises(Bug):
        open_store().save_findings([finding("f1", score=1.0), _with_evidence({"when": NOW})])
    with pytest.raises(Bug):
        open_store().save_findings([_with_evidence({"much": float("nan")})])


def _with_evidence(evidence: dict[str, object]) -> Finding:
    found = finding("f2")
    return Finding(found.key, found.scene, found.kind, found.subject, 1, 1.0, evidence, {}, found.marks)


def test_compare_tells_repeated_and_replacing_rows(open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store()
    assert store.compare("rail_stations", stations(("A", "1"))) == (0, 0)
    store.write(batch("k1", ("A", "1"), ("B", "1")))
    store.write(batch("k2", ("A", "2")))
    assert store.compare("rail_stations", stations(("A", "2"), ("B", "2"), ("C", "1"))) == (1, 1)
    assert store.compare("rail_stations", stations(("A", "1"))) == (0, 1)
    monkeypatch.setattr(embedded, "COMPARE_ROWS", 2)
    assert store.compare("rail_stations", stations(("A", "2"))) is None


def test_a_small_dataset_of_many_files_is_merged_by_itself(open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MANY_FILES", 4)
    store = open_store()
    for number in range(12):
        store.write(batch(f"k{number}", (f"S{number % 3}", str(number))))
    assert store.held()["rail_stations"].files <= 5
    assert names(store) == [("S0", "9"), ("S1", "10"), ("S2", "11")]


def test_merged_files_stay_for_readers_at_work_and_go_after_an_hour(open_store: Open) -> None:
    store = open_store()
    store.write(batch("k1", ("A", "1")))
    store.write(batch("k2", ("A", "2")))
    at_work = store.tables(["rail_stations"])["rail_stations"]
    done = store.compact("rail_stations")
    assert (done.files, done.rows, done.superseded) == (2, 1, 1)
    assert store.sweep() == 0
    assert [row["name"] for row in collect(at_work).to_pylist()] == ["2"]
    assert open_store(now=NOW + timedelta(minutes=61)).sweep() == 0, "opening swept them"
    assert len(list((store.directory / "columns").glob("*/*"))) == 2, "what stands, and what was superseded"
    assert names(store) == [("A", "2")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(0, 9).map(str)), min_size=1, max_size=4),
            st.just("compact"),
        ),
        max_size=6,
    )
)
def test_any_order_of_batches_and_compactions_reads_like_a_dictionary(
    steps: list[list[tuple[str, str]] | str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = EmbeddedStore.open(tmp_path_factory.mktemp("any"), HUB, clock=lambda: NOW, threads=1)
    oracle: dict[str, str] = {}
    for number, step in enumerate(steps):
        if isinstance(step, str):
            store.compact("rail_stations")
        else:
            store.write(batch(f"k{number}", *step))
            oracle.update(step)
    assert names(store) == sorted(oracle.items())
    if oracle:
        assert _read(store.since("rail_stations", 0)) == oracle
    kept = sum(len(step) for step in steps if not isinstance(step, str))
    assert sum(file.rows for file in store._rows.list_files("rail_stations")) == kept, "superseded rows are kept apart"
    store.close()


def test_only_what_came_since_is_read_again_unless_files_were_merged_or_are_many(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    assert store.since("rail_stations", 0) is None
    store.write(batch("k1", ("A", "1"), ("B", "1")))
    known, (_, last) = store.files_of("rail_stations"), _came(store, 0)
    assert store.since("rail_stations", last) is None
    store.write(batch("k2", ("A", "2"), ("C", "2")))
    store.write(batch("k3", ("C", "3")))
    news, before = store.grown("rail_stations", known), store.grown("rail_stations", ())
    assert news is not None
    assert before is not None
    assert _read((news, 0)) == _read(_came(store, last)) == {"A": "2", "C": "3"}
    assert _read((before, 0)) == {"A": "2", "B": "1", "C": "3"}
    monkeypatch.setattr(embedded, "NEWS_ROWS", 2)
    assert store.grown("rail_stations", known) is None
    store.compact("rail_stations")
    assert store.grown("rail_stations", known) is None
    assert _read(_came(store, last)) == {"A": "2", "B": "1", "C": "3"}, "older rows may come again"


def test_a_file_that_is_gone_is_told_and_not_taken_for_nothing(open_store: Open) -> None:
    store = open_store()
    store.write(batch("k1", ("A", "1")))
    (store.directory / store.files_of("rail_stations")[0]).unlink()
    with pytest.raises(Malformed):
        _read(_came(store, 0))


def _came(store: EmbeddedStore, batch_no: int) -> tuple[Callable[[], pa.Table], int]:
    found = store.since("rail_stations", batch_no)
    assert found is not None
    return found


def _read(found: tuple[Callable[[], pa.Table], int] | None) -> dict[str, str]:
    assert found is not None
    rows = found[0]().to_pylist()
    assert len({row["station_id"] for row in rows}) == len(rows)
    return {row["station_id"]: row["name"] for row in rows}
