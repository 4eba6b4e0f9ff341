"""Ingest: everything is counted, nothing valid is lost, running again doubles nothing, memory stays bounded."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Absent, Bug, Malformed, Retry
from hubtwin.library.ingest import Intake, Options, Target, ingest, preview
from hubtwin.library.query import collect, count_rows, marks_of
from hubtwin.library.report import Report
from hubtwin.model.record import Identity, Marks, Provenance, Quarantined, Row, Status
from hubtwin.ports import Page
from hubtwin.stores.embedded import EmbeddedStore
from tests.contracts.store_suite import HUB, names

SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore.open(tmp_path, HUB, clock=lambda: datetime(2022, 10, 20, tzinfo=UTC), threads=1)
    yield opened
    opened.close()


def page(name: str = "f.csv", cursor: str = "1", marks: Marks = SYNTHETIC) -> Page:
    return Page(name, (), cursor, marks)


def station(key: str, name: object = "n", locator: str = "", **more: object) -> Row:
    return Row("rail_stations", {"station_id": key, "name": name, "area_basis": "unknown", **more}, locator)


def target(store: EmbeddedStore) -> Target:
    return Target(store, HUB, "timetable")


def test_every_row_is_kept_quarantined_or_counted_as_repeated(store: EmbeddedStore) -> None:
    rows: list[Row | Quarantined] = [
        station("A", "1"),
        Quarantined("f:2", "connectors.broken", raw="??"),
        station("B", None, "f:3"),
        station("A", "1"),
        station("A", "2"),
        station("C", "3", "f:6", lon=200.0),
        station("D", "4", surplus="x"),
    ]
    report = ingest(rows, page(), target(store), Options(compare=store.compare))
    assert report.read == 7
    assert report.kept == {"rail_stations": 1}
    assert report.quarantined == {
        "connectors.broken": 1,
        "rules.missing_value": 1,
        "rules.above_maximum": 1,
        "rules.unknown_column": 1,
    }
    assert (report.dropped, report.identical, report.replaced, report.synthetic) == (2, 0, 2, 1)
    assert names(store) == [("A", "2")]
    assert store.cursor("timetable") == "1"
    kept = store.list_quarantine("timetable")
    assert kept[0].reason == "connectors.broken"
    assert {row.locator for row in kept} == {"f:2", "f:3", "f:6", ""}
    json.dumps(report.as_json())


def test_duplicates_are_told_apart_from_replacements(store: EmbeddedStore) -> None:
    options = Options(compare=store.compare)
    ingest([station("A", "1"), station("B", "1")], page(), target(store), options)
    report = ingest([station("A", "1"), station("B", "2"), station("C", "1")], page("g"), target(store), options)
    assert (report.identical, report.replaced, report.dropped, report.compared) == (1, 1, 0, True)
    report = ingest([station("A", "1")] * 3, page("h"), target(store), options)
    assert (report.identical, report.replaced, report.dropped) == (3, 0, 2)
    assert ingest([station("A", "1")], page("i"), target(store)).compared is False


def test_marks_of_page_and_row_are_joined(store: EmbeddedStore) -> None:
    made = Row("rail_stations", station("B").values, marks=SYNTHETIC)
    ingest([station("A"), made], page(marks=Marks(replayed=True)), target(store))
    rows = collect(store.tables(["rail_stations"])["rail_stations"].sort("station_id")).to_pylist()
    assert [(row["provenance"], row["replayed"]) for row in rows] == [("real", True), ("synthetic", True)]
    assert {(row["hub_id"], row["source"], row["status"]) for row in rows} == {(HUB, "timetable", "Actual")}
    tables = store.tables(["rail_stations", "rail_calls"])
    assert marks_of(tables, ["rail_stations"]) == Marks(provenance=Provenance.SYNTHETIC, replayed=True)
    assert marks_of(tables, ["rail_calls"]) == Marks()
    assert count_rows(tables["rail_stations"]) == 2


def test_rows_of_an_exercise_are_quarantined_by_an_actual_store(store: EmbeddedStore) -> None:
    drill = Row("rail_stations", station("B").values, "f:2", Marks(status=Status.EXERCISE))
    report = ingest([station("A"), drill], page(), target(store))
    assert report.quarantined == {"library.wrong_status": 1}
    assert names(store) == [("A", "n")]


def test_an_interrupted_import_loses_and_doubles_nothing(store: EmbeddedStore) -> None:
    items = [station(f"S{n}", str(n)) if n % 5 else Quarantined(f"f:{n}", "r") for n in range(23)]

    def broken() -> Iterator[Row | Quarantined]:
        yield from items[:15]
        raise Retry("connectors.common.file_missing", file="f")

    options = Options(batch_rows=4, compare=store.compare)
    with pytest.raises(Retry):
        ingest(broken(), page(), target(store), options)
    assert len(names(store)) == 9
    assert store.cursor("timetable") is None
    report = ingest(items, page(), target(store), options)
    assert (report.read, report.kept, report.quarantined) == (23, {"rail_stations": 18}, {"r": 5})
    assert (report.skipped, report.batches) == (3, 3)
    assert len(names(store)) == 18
    assert len(store.list_quarantine()) == 5
    assert sum(file.rows for file in store._rows.list_files("rail_stations")) == 18, "no row is on disk twice"


def test_an_older_page_that_comes_again_after_a_newer_one_is_news(store: EmbeddedStore) -> None:
    for name in ("1", "2", "1", "2", "1"):
        ingest([station("A", name)], page("f.csv", cursor=name), target(store))
        assert names(store) == [("A", name)]


def test_a_rejected_page_keeps_its_reason_and_moves_the_cursor(store: EmbeddedStore) -> None:
    intake = Intake(page("bad.csv", "9"), target(store))
    intake.take([station("A"), Quarantined("bad.csv:2", "r")])
    report = intake.reject(Malformed("rules.unknown_column", dataset="d", column="c"))
    assert report.rejected == (Quarantined("bad.csv", "rules.unknown_column", {"dataset": "d", "column": "c"}),)
    assert (report.read, report.discarded, report.kept, report.quarantined) == (2, 2, {}, {})
    assert store.list_quarantine() == list(report.rejected)
    assert store.cursor("timetable") == "9"
    assert names(store) == []


def test_an_identity_never_reaches_a_table(store: EmbeddedStore) -> None:
    values = {"pid": Identity("citizen", "330102"), "area_code": "1", "in_min": 1, "out_min": 2}
    with pytest.raises(Bug):
        ingest([Row("stays", values)], page(), target(store))
    report = ingest([Row("stays", {**values, "out_min": None}, "f:1")], page("g"), target(store))
    assert report.quarantined == {"rules.missing_value": 1}
    (bad,) = store.list_quarantine()
    assert "330102" not in repr(bad)
    assert json.loads(bad.raw) == {"dataset": "stays"}, "columns of persons are left out"


def test_an_unknown_dataset_is_an_error_of_the_source(store: EmbeddedStore) -> None:
    with pytest.raises(Absent):
        ingest([Row("no_such", {})], page(), target(store))


def test_a_preview_shows_rows_and_problems_and_writes_nothing(store: EmbeddedStore) -> None:
    def items() -> Iterator[Row | Quarantined]:
        yield station("A")
        yield Row("stays", {"pid": Identity("citizen", "330102"), "in_min": 5}, marks=SYNTHETIC)
        yield Quarantined("f:3", "r")
        yield station("B", None)
        raise AssertionError("a preview reads no more than it shows")

    seen = preview(items(), limit=3)
    assert seen.more is True
    assert [sample.dataset for sample in seen.samples] == ["rail_stations", "stays"]
    assert seen.samples[1].values["pid"] == "***"
    assert seen.samples[1].synthetic is True
    assert {problem.key for problem in seen.samples[1].problems} == {"rules.missing_value"}
    assert len(seen.quarantined) == 1
    assert preview([station("A")]).more is False


def test_memory_is_bounded_by_the_batch_not_by_the_page(store: EmbeddedStore) -> None:
    def many(count: int) -> Iterator[Row]:
        for number in range(count):
            yield station(f"S{number}", "n" * 50)

    peaks = []
    for count in (2_000, 20_000):
        tracemalloc.start()
        ingest(many(count), page(str(count)), target(store), Options(batch_rows=1_000))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_reports_add_up() -> None:
    one = Report("s", pages=1, read=2, kept={"a": 2}, quarantined={"r": 1}, bytes=5)
    two = Report("s", pages=1, read=3, kept={"a": 1, "b": 1}, skipped=1, compared=False)
    both = one.join(two)
    assert (both.pages, both.read, both.kept, both.bytes) == (2, 5, {"a": 3, "b": 1}, 5)
    assert (both.quarantined, both.skipped, both.compared) == ({"r": 1}, 1, False)


_ITEM = st.one_of(
    st.builds(
        station,
        st.sampled_from("ABCD"),
        st.one_of(st.sampled_from("12"), st.none()),
        lon=st.sampled_from([None, 0.0, 181.0]),
    ),
    st.builds(Quarantined, st.just("f"), st.sampled_from(["r1", "r2"])),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(_ITEM, max_size=12), batch_rows=st.integers(1, 6), stop=st.integers(0, 12))
def test_whatever_comes_it_adds_up_and_reads_like_a_dictionary(
    items: list[Row | Quarantined], batch_rows: int, stop: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = EmbeddedStore.open(
        tmp_path_factory.mktemp("any"), HUB, clock=lambda: datetime(2022, 10, 20, tzinfo=UTC), threads=1
    )

    def broken() -> Iterator[Row | Quarantined]:
        yield from items[:stop]
        raise Retry("connectors.common.file_missing", file="f")

    options = Options(batch_rows, compare=store.compare)
    with pytest.raises(Retry):
        ingest(broken(), page(), target(store), options)
    report = ingest(items, page(), target(store), options)
    assert report.read == len(items)
    assert sum(report.kept.values()) + sum(report.quarantined.values()) + report.dropped == len(items)
    good = [row for row in items if isinstance(row, Row) and row.values["name"] and row.values["lon"] != 181.0]
    assert names(store) == sorted({str(row.values["station_id"]): str(row.values["name"]) for row in good}.items())
    assert len(store.list_quarantine()) == sum(report.quarantined.values())
    store.close()
