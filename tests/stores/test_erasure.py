"""Rows that are erased, and stay erased."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.base.failpoint import arm, disarm
from hubtwin.datasets.people import BOOKINGS, STAYS
from hubtwin.datasets.screening import GATE_SCREENINGS, TEST_RESULTS
from hubtwin.library.query import collect
from hubtwin.ports import Batch
from hubtwin.stores.backup import backup, restore
from hubtwin.stores.check import check
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.erasure import (
    Where,
    erase,
    erase_again,
    person_digest,
    restore_forgetting,
)
from hubtwin.stores.erasures_told import list_erasures, tell_copies
from hubtwin.stores.vault import Vault
from tests.contracts.store_suite import HUB

NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)
COMMON = {"hub_id": HUB, "source": "s", "status": "Actual", "provenance": "synthetic", "replayed": False}


def clock() -> datetime:
    return NOW


def stays(*rows: tuple[str, int, int]) -> pa.Table:
    """Return stays of (person, in, out)."""
    place = {"area_code": "330104", "street_code": None, "community": None, **COMMON}
    return pa.Table.from_pylist(
        [{"pid": pid, "in_min": first, "out_min": last, **place} for pid, first, last in rows], schema=STAYS.schema
    )


def bookings(*rows: tuple[str, int, int]) -> pa.Table:
    """Return bookings of (person, day of October 2022, as of)."""
    seat = {"trip_id": "D1", "order_ref": "o", "carriage": None, "seat_row": None, "seat_letter": None}
    more = {"board_seq": 0, "alight_seq": 1, "state": "booked", **seat, **COMMON}
    made = [{"pid": pid, "service_date": date(2022, 10, day), "as_of_min": at, **more} for pid, day, at in rows]
    return pa.Table.from_pylist(made, schema=BOOKINGS.schema)


def screenings(*rows: tuple[str, int]) -> pa.Table:
    """Return passages of gates of (person, minute)."""
    shown = {"health_code": "green", "itinerary_code": "green", "document_kind": "citizen", "desk": False}
    blank = dict.fromkeys(("test_age_h", "temperature_c", "origin_area"))
    place = {"exit_id": "N1", "gate_id": "N1-01", "lane": 1, **shown, **blank, **COMMON}
    made = [{"pid": pid, "at_min": at_min, **place} for pid, at_min in rows]
    return pa.Table.from_pylist(made, schema=GATE_SCREENINGS.schema)


def results(*rows: tuple[str, int]) -> pa.Table:
    """Return results of (person, minute of the specimen)."""
    what = {"kind": "nucleic", "result": "negative", "result_min": None, **COMMON}
    made = [{"pid": pid, "report_id": f"r {pid}", "specimen_min": at_min, **what} for pid, at_min in rows]
    return pa.Table.from_pylist(made, schema=TEST_RESULTS.schema)


def write(store: EmbeddedStore, key: str, **tables: pa.Table) -> None:
    store.write(Batch(key, "s", tables))


def read(store: EmbeddedStore, name: str, *columns: str) -> list[tuple[object, ...]]:
    rows = collect(store.tables([name])[name]).to_pylist()
    return sorted(tuple(row[column] for column in columns) for row in rows)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore.open(tmp_path / "home", HUB, clock=clock, threads=1)
    write(opened, "k1", stays=stays(("a", 1, 5), ("b", 2, 9)), bookings=bookings(("a", 1, 1), ("b", 2, 1)))
    write(opened, "k2", stays=stays(("a", 1, 7), ("c", 3, 4)), bookings=bookings(("a", 1, 9)))
    yield opened
    opened.close()


def test_what_matches_goes_and_the_rest_stays(store: EmbeddedStore) -> None:
    done = erase(store.directory, "stays", [Where("out_min", until_value=5)], clock=clock, why="test")
    assert (done.rows, done.files) == (1, 1)
    assert read(store, "stays", "pid", "out_min") == [("a", 7), ("b", 9)]
    done = erase(store.directory, "bookings", [Where("service_date", date(2022, 10, 2))], clock=clock, why="test")
    assert read(store, "bookings", "pid", "as_of_min") == [("a", 9)]
    assert check(store.directory).problems == ()


def test_an_older_version_of_an_erased_row_does_not_come_back(store: EmbeddedStore) -> None:
    erase(store.directory, "stays", [Where("out_min", 6, 8)], clock=clock, why="test")
    assert read(store, "stays", "pid", "out_min") == [("b", 9), ("c", 4)]
    store.compact("bookings")
    erase(store.directory, "bookings", [Where("as_of_min", 9)], clock=clock, why="test")
    assert read(store, "bookings", "pid") == [("b",)]
    assert store.held()["bookings"].rows == 1


@pytest.mark.parametrize("compacted", [False, True])
def test_nothing_of_an_erased_person_is_left_on_disk(compacted: bool, store: EmbeddedStore) -> None:
    if compacted:
        store.compact("stays")
    where = [Where("pid", only=frozenset({person_digest("a")}))]
    assert erase(store.directory, "stays", where, clock=clock, why="test").rows == 2
    for file in (store.directory / "columns" / "stays").iterdir():
        assert "a" not in pa.parquet.read_table(file).column("pid").to_pylist()
    listed = {file.path for file in store._rows.list_files("stays")}
    assert {f"columns/stays/{path.name}" for path in (store.directory / "columns/stays").iterdir()} == listed
    assert person_digest("a") != "a"
    assert read(store, "stays", "pid") == [("b",), ("c",)]


def test_all_but_some_persons_can_be_erased(store: EmbeddedStore) -> None:
    where = [Where("pid", others_than=frozenset({person_digest("b")})), Where("in_min", until_value=3)]
    erase(store.directory, "stays", where, clock=clock, why="no hits")
    assert read(store, "stays", "pid") == [("b",), ("c",)]
    erase(store.directory, "stays", [Where("pid", others_than=frozenset())], clock=clock, why="all")
    assert read(store, "stays", "pid") == []
    assert not list((store.directory / "columns" / "stays").iterdir())
    write(store, "k3", stays=stays(("d", 1, 2)))
    assert read(store, "stays", "pid") == [("d",)]


def test_the_same_batch_does_not_bring_erased_rows_back(store: EmbeddedStore) -> None:
    erase(store.directory, "stays", [Where("pid", others_than=frozenset())], clock=clock, why="all")
    write(store, "k1", stays=stays(("a", 1, 5)))
    assert read(store, "stays", "pid") == []


def test_an_erasure_says_what_it_erases(store: EmbeddedStore) -> None:
    for where in ([], [Where("in_min")], [Where("in_min", 1), Where("out_min")]):
        with pytest.raises(Malformed):
            erase(store.directory, "stays", where, clock=clock, why="test")
    with pytest.raises(Absent):
        erase(store.directory, "stays", [Where("no_column", 1)], clock=clock, why="test")
    with pytest.raises(Absent):
        erase(store.directory, "no_dataset", [Where("in_min", 1)], clock=clock, why="test")
    with pytest.raises(Absent):
        erase(store.directory / "nowhere", "stays", [Where("in_min", 1)], clock=clock, why="test")
    assert store.list_events("RowsErased") == []


def test_a_store_without_the_rows_still_writes_down_that_they_are_to_be_gone(store: EmbeddedStore) -> None:
    assert erase(store.directory, "risk_hits", [Where("as_of_min", 1)], clock=clock, why="test").rows == 0
    (told,) = list_erasures(store.directory)
    assert (told["dataset"], told["why"]) == ("risk_hits", "test")


class _KilledError(Exception):
    pass


@pytest.mark.parametrize(
    "place",
    [
        *("stores.parquet_written", "stores.parquet_renamed", "stores.parquet_synced"),
        *("stores.before_commit", "stores.after_commit"),
    ],
)
def test_a_stop_between_any_two_steps_leaves_all_rows_or_none(place: str, store: EmbeddedStore) -> None:
    def stop(name: str) -> None:
        if name == place:
            raise _KilledError

    before = read(store, "stays", "pid", "out_min")
    arm(stop)
    try:
        with pytest.raises(_KilledError):
            erase(store.directory, "stays", [Where("out_min", 9)], clock=clock, why="test")
    finally:
        disarm()
    again = EmbeddedStore(store.directory, HUB, clock=clock, threads=1)
    found = read(again, "stays", "pid", "out_min")
    assert found == ([("a", 7), ("c", 4)] if place == "stores.after_commit" else before)
    assert not [notice for notice in check(store.directory).notices if notice.key == "stores.orphans"]
    assert check(store.directory).problems == ()
    erase(store.directory, "stays", [Where("out_min", 9)], clock=clock, why="test")
    assert read(again, "stays", "pid") == [("a",), ("c",)]
    again.close()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(4, 9)), min_size=1, max_size=5),
        min_size=1,
        max_size=4,
    ),
    bounds=st.tuples(st.integers(4, 9), st.integers(4, 10)),
    compacted=st.booleans(),
)
def test_any_erasure_reads_like_a_loop_over_all_versions(
    batches: Sequence[list[tuple[str, int, int]]],
    bounds: tuple[int, int],
    compacted: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = EmbeddedStore.open(tmp_path_factory.mktemp("any"), HUB, clock=clock, threads=1)
    latest: dict[tuple[str, int], int] = {}
    doomed: set[tuple[str, int]] = set()
    for number, rows in enumerate(batches):
        write(store, f"k{number}", stays=stays(*rows))
        for pid, first, last in rows:
            latest[pid, first] = last
            if bounds[0] <= last < bounds[1]:
                doomed.add((pid, first))
    if compacted:
        store.compact("stays")
    erase(store.directory, "stays", [Where("out_min", *bounds)], clock=clock, why="test")
    wanted = sorted((*key, last) for key, last in latest.items() if key not in doomed)
    assert read(store, "stays", "pid", "in_min", "out_min") == wanted
    store.close()


def test_rows_erased_after_a_backup_are_erased_again_when_it_is_restored(store: EmbeddedStore, tmp_path: Path) -> None:
    vault = Vault(store.directory, clock=clock, record=store.append_event)
    vault.remember("a", {"name": "n"})
    backup(store.directory, tmp_path / "copy", clock=clock)
    erase(store.directory, "stays", [Where("pid", only=frozenset({person_digest("a")}))], clock=clock, why="asked")
    erase(store.directory, "bookings", [Where("service_date", date(2022, 10, 2))], clock=clock, why="over")
    assert tell_copies(store.directory) == [tmp_path / "copy"]
    assert tell_copies(store.directory) == [tmp_path / "copy"]
    restore(tmp_path / "copy", tmp_path / "plain", clock=clock)
    taken, rows = restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=clock)
    assert (taken.path, rows) == (tmp_path / "new", 3)
    new = EmbeddedStore(tmp_path / "new", HUB, clock=clock, threads=1)
    assert read(new, "stays", "pid") == [("b",), ("c",)]
    assert read(new, "bookings", "pid") == [("a",)]
    new.close()
    assert erase_again(tmp_path / "new", list_erasures(store.directory), clock=clock) == 0, "once is enough"
    with pytest.raises(Denied):
        restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=clock)
    vault.close()


def test_a_backup_out_of_reach_learns_from_the_store_what_to_erase(store: EmbeddedStore, tmp_path: Path) -> None:
    backup(store.directory, tmp_path / "copy", clock=clock)
    erase(store.directory, "stays", [Where("out_min", 9)], clock=lambda: NOW + timedelta(days=1), why="later")
    assert tell_copies(store.directory) == [], "a store without a vault knows no copies"
    _, rows = restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=clock, forgotten_by=[store.directory])
    assert rows == 1
