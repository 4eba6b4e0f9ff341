"""What every Store keeps, as plain functions of how to open one. A store passes all of `CHECKS`.

`Opener(path)` opens the store of hub "here" with status Actual at `path`. A check opens the same path twice
without closing the first: what a store has acknowledged must be there for a second one, as after kill -9.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from hubtwin.base.errors import Absent, HubError, Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.transport import RAIL_CALLS, RAIL_STATIONS
from hubtwin.library.query import collect
from hubtwin.model.finding import Finding
from hubtwin.model.record import UNMARKED, Marks, Provenance, Quarantined, Status
from hubtwin.ports import Batch, Store

Opener = Callable[[Path], Store]
HUB, SOURCE = "here", "timetable"


def stations(*rows: tuple[str, str], status: str = "Actual", hub_id: str = HUB) -> pa.Table:
    """Return a table of stations by (station id, name)."""
    common = {
        "lon": None,
        "lat": None,
        "area_code": None,
        "area_basis": "unknown",
        "hub_id": hub_id,
        "source": SOURCE,
        "status": status,
        "provenance": "synthetic",
        "replayed": False,
    }
    return pa.Table.from_pylist(
        [{"station_id": key, "name": name, **common} for key, name in rows], schema=RAIL_STATIONS.schema
    )


def batch(
    key: str,
    *rows: tuple[str, str],
    cursor: str | None = None,
    source: str = SOURCE,
    quarantined: Sequence[Quarantined] = (),
) -> Batch:
    """Return a batch of stations."""
    return Batch(key, source, {"rail_stations": stations(*rows)} if rows else {}, quarantined, cursor)


def names(store: Store) -> list[tuple[str, str]]:
    """Return the stored (station id, name), sorted, with repetitions."""
    rows = collect(store.tables(["rail_stations"])["rail_stations"]).to_pylist()
    return sorted((row["station_id"], row["name"]) for row in rows)


def finding(key: str, scene: str = "epidemic", score: float = 1.5, marks: Marks = UNMARKED) -> Finding:
    """Return a finding with evidence."""
    return Finding(key, scene, "train", "D1", 29_000_000, score, {"calls": ["一", 2, None]}, {"days": 14}, marks)


def what_was_written_is_read(opener: Opener, path: Path) -> None:
    store = opener(path)
    assert store.write(batch("k1", ("A", "甲"), ("B", "b"))) is True
    assert names(store) == [("A", "甲"), ("B", "b")]
    rows = collect(store.tables(["rail_stations"])["rail_stations"]).to_pylist()
    assert {row["provenance"] for row in rows} == {"synthetic"}
    assert {row["hub_id"] for row in rows} == {HUB}


def what_was_acknowledged_is_there_for_another_process(opener: Opener, path: Path) -> None:
    store = opener(path)
    store.write(batch("k1", ("A", "a"), cursor="1", quarantined=[Quarantined("f:1", "r")]))
    store.save_findings([finding("f1")])
    other = opener(path)
    assert names(other) == [("A", "a")]
    assert other.cursor(SOURCE) == "1"
    assert len(other.list_quarantine()) == 1
    assert len(other.list_findings("epidemic")) == 1


def the_same_batch_twice_is_applied_once(opener: Opener, path: Path) -> None:
    store = opener(path)
    bad = [Quarantined("f:1", "r")]
    assert store.write(batch("k1", ("A", "a"), quarantined=bad, cursor="1")) is True
    assert store.write(batch("k2", ("A", "newer"), cursor="2")) is True
    assert store.write(batch("k1", ("A", "a"), quarantined=bad, cursor="1")) is False
    assert opener(path).write(batch("k1", ("A", "a"), quarantined=bad, cursor="1")) is False
    assert names(store) == [("A", "newer")]
    assert store.cursor(SOURCE) == "2"
    assert len(store.list_quarantine()) == 1


def the_later_row_of_a_key_stands(opener: Opener, path: Path) -> None:
    store = opener(path)
    store.write(batch("k1", ("A", "1"), ("B", "1")))
    store.write(batch("k2", ("A", "2"), ("A", "3")))
    store.write(batch("k3", ("C", "4")))
    assert names(store) == [("A", "3"), ("B", "1"), ("C", "4")]
    store.write(batch("k4", ("A", "1")))
    assert names(store) == [("A", "1"), ("B", "1"), ("C", "4")]


def a_repeated_key_in_one_batch_stands_once(opener: Opener, path: Path) -> None:
    store = opener(path)
    store.write(batch("k1", ("A", "1"), ("B", "1"), ("A", "2")))
    assert names(store) == [("A", "2"), ("B", "1")]


def the_cursor_is_that_of_the_last_batch_of_its_source(opener: Opener, path: Path) -> None:
    store = opener(path)
    assert store.cursor(SOURCE) is None
    assert store.count_cursors(SOURCE) == 0
    store.write(batch("k1", ("A", "1"), cursor="one"))
    store.write(batch("k2", ("A", "2")))  # a batch amid a page moves no cursor
    store.write(batch("k3", source="other", cursor="x"))
    assert store.cursor(SOURCE) == "one"
    assert store.count_cursors(SOURCE) == 1
    store.write(batch("k4", cursor="one"))
    assert store.count_cursors(SOURCE) == 2
    assert opener(path).cursor("other") == "x"


def quarantine_is_kept_in_order_with_its_reasons(opener: Opener, path: Path) -> None:
    store = opener(path)
    first, second = Quarantined("f:1", "rules.missing_value", {"column": "名"}, "a,b"), Quarantined("f:2", "r")
    store.write(batch("k1", quarantined=[first, second]))
    store.write(batch("k2", quarantined=[Quarantined("g:1", "r")], source="other"))
    assert store.list_quarantine(SOURCE) == [first, second]
    assert [row.locator for row in store.list_quarantine()] == ["f:1", "f:2", "g:1"]
    assert store.list_quarantine("nobody") == []


def rows_of_another_status_or_hub_are_refused_whole(opener: Opener, path: Path) -> None:
    store = opener(path)
    for wrong in (stations(("A", "a"), status="Exercise"), stations(("A", "a"), hub_id="elsewhere")):
        mixed = pa.concat_tables([stations(("B", "b")), wrong])
        with pytest.raises(Malformed):
            store.write(Batch("k1", SOURCE, {"rail_stations": mixed}, [Quarantined("f:1", "r")], "1"))
    assert names(store) == []
    assert store.cursor(SOURCE) is None
    assert store.list_quarantine() == []
    assert store.write(batch("k1", ("A", "a"))) is True


def a_table_that_is_not_as_declared_is_refused(opener: Opener, path: Path) -> None:
    store = opener(path)
    good = stations(("A", "a"))
    bad = [
        good.drop_columns(["name"]),
        good.append_column("extra", pa.array(["x"])),
        good.set_column(1, "name", pa.array([1])),
        good.set_column(1, "name", pa.array([None], pa.string())),
    ]
    for table in bad:
        with pytest.raises(HubError):
            store.write(Batch("k1", SOURCE, {"rail_stations": table}))
    with pytest.raises(Absent):
        store.write(Batch("k1", SOURCE, {"no_such_table": good}))
    with pytest.raises(Absent):
        store.tables(["no_such_table"])
    assert names(store) == []


def empty_datasets_have_their_schema_and_join(opener: Opener, path: Path) -> None:
    store = opener(path)
    store.write(batch("k1", ("A", "a")))
    tables = store.tables(DATASETS)
    assert set(tables) == set(DATASETS)
    for name, dataset in DATASETS.items():
        found = collect(tables[name]).schema
        assert [(f.name, f.type) for f in found] == [(f.name, f.type) for f in dataset.schema], name
    calls = tables[RAIL_CALLS.name].select("station_id", "trip_id")
    assert collect(calls.join(tables["rail_stations"].select("station_id", "name"), on="station_id")).num_rows == 0


def a_finding_is_saved_once_by_key(opener: Opener, path: Path) -> None:
    store = opener(path)
    marked = finding("f2", marks=Marks(provenance=Provenance.SYNTHETIC, replayed=True))
    assert store.save_findings([finding("f1"), marked]) == 2
    assert store.save_findings([finding("f0"), finding("f1", score=9)]) == 1
    assert store.save_findings([]) == 0
    store.save_findings([finding("g1", scene="fire")])
    assert store.list_findings("epidemic") == [finding("f1"), marked, finding("f0")]
    assert [found.key for found in opener(path).list_findings("fire")] == ["g1"]


def a_finding_of_another_status_is_refused(opener: Opener, path: Path) -> None:
    store = opener(path)
    with pytest.raises(Malformed):
        store.save_findings([finding("f1"), finding("f2", marks=Marks(status=Status.EXERCISE))])
    assert store.list_findings("epidemic") == []


CHECKS: tuple[Callable[[Opener, Path], None], ...] = (
    what_was_written_is_read,
    what_was_acknowledged_is_there_for_another_process,
    the_same_batch_twice_is_applied_once,
    the_later_row_of_a_key_stands,
    a_repeated_key_in_one_batch_stands_once,
    the_cursor_is_that_of_the_last_batch_of_its_source,
    quarantine_is_kept_in_order_with_its_reasons,
    rows_of_another_status_or_hub_are_refused_whole,
    a_table_that_is_not_as_declared_is_refused,
    empty_datasets_have_their_schema_and_join,
    a_finding_is_saved_once_by_key,
    a_finding_of_another_status_is_refused,
)
