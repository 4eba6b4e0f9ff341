"""Runs, trends and work orders over real shelves; a crash between any two steps leaves the run before."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubtwin.base.errors import Absent, Denied, Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.listing import Catalogue
from hubtwin.library.governing import OrderState
from hubtwin.model.colour import Colour
from hubtwin.rules.documents import citizen_check
from hubtwin.stores.colouring import SPILL_FOLDER
from hubtwin.stores.quality import COLOURS_FOLDER, Quality, Source
from hubtwin.stores.shelf_keeping import copy_shelves
from hubtwin.stores.shelves import Shelves
from tests.rules.quality_oracle import make_catalogue
from tests.stores.shelf_kit import replace_part

NOW_MIN = 28_000_000
MARKS = {"hub_id": "h", "source": "test", "status": "Actual", "provenance": "synthetic", "replayed": False}


class Library:
    """A small library: shelves, and the quality of what lies on them."""

    def __init__(self, directory: Path) -> None:
        self.catalogue: Catalogue = make_catalogue(traits=dict(make_catalogue().get("people").traits))
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.shelves = Shelves(directory, at_min=NOW_MIN)
        self.quality = Quality(directory, at_min=NOW_MIN, audit=lambda kind, told: self.told.append((kind, dict(told))))
        self.unreadable = 0
        self.batch = 0

    def load(self, dataset: str, *rows: dict[str, Any], part: str = "all") -> None:
        listing, self.batch = self.catalogue.get(dataset), self.batch + 1
        names = [field.name for field in listing.schema][:-1]
        told = [dict.fromkeys(names) | MARKS | row for row in rows]
        schema = pa.schema(list(listing.schema)[:-1])
        table = pa.Table.from_pylist(told, schema=schema)
        self.shelves.append(listing, part, [table], key=f"b{self.batch}", at_min=NOW_MIN)

    def govern(self, now_min: int = NOW_MIN) -> Any:
        source = Source(
            self.shelves.files,
            lambda name: [each.row_no for each in self.shelves.withheld(name)],
            lambda name: self.unreadable,
        )
        return self.quality.govern(self.catalogue.get("people"), self.catalogue, source, now_min=now_min, by="steward")

    def colours(self) -> dict[int, int]:
        sql = self.quality.colours_sql("people")
        found = duckdb.connect(config={"threads": 1}).execute(sql).fetchall()
        return {row_no: colour for row_no, colour, _ in found}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path / "library")
    made.load("streets", {"code": "a", "title": "A"})
    yield made
    made.quality.close()
    made.shelves.close()


def _person(number: int, **told: Any) -> dict[str, Any]:
    good = {"person_no": number, "cert_no": None, "street": "a", "street_name": "A", "confirmed_min": NOW_MIN}
    return good | told


CERTS = [(body := f"33010219900101{n:03}") + citizen_check(body) for n in range(30)]


def test_a_run_says_what_is_governed_and_repaired_and_a_trend_shows_successes_beside_failures(library: Library) -> None:
    library.load("people", *(_person(n, cert_no=CERTS[n]) for n in range(8)), _person(8, cert_no="wrong"), _person(9))
    first = library.govern()
    assert (first.rows, first.governed, first.repaired, first.evaluated) == (10, 10, 0, 10)
    assert first.colours.colours == {Colour.RED: 1, Colour.ORANGE: 1, Colour.BLUE: 8}
    assert first.colours.score == 0.8
    file = library.shelves.files("people")[0]
    rows = pq.read_table(file.path).to_pylist()
    told = [row | {"cert_no": CERTS[8]} if row["cert_no"] == "wrong" else row for row in rows]
    table = pa.Table.from_pylist(told, schema=library.catalogue.get("people").schema)
    replace_part(library.shelves, library.catalogue.get("people"), "all", [table], at_min=NOW_MIN)
    second = library.govern()
    assert (second.rows, second.repaired) == (10, 1)
    trend = [(each.passed, each.failed) for each in library.quality.trend("people", 5) if each.rule == "format:cert_no"]
    assert trend == [(9, 1), (10, 0)]
    assert [run.run_id for run in library.quality.runs("people", 9)] == [2, 1]


def test_what_was_not_evaluated_by_all_rules_of_a_published_contract_is_not_governed(library: Library) -> None:
    library.load("people", _person(1, cert_no=CERTS[1]))
    library.catalogue = make_catalogue(contract="")
    assert library.govern().governed == 0
    library.catalogue = make_catalogue()
    assert library.govern().governed == 1


def test_black_are_rows_that_are_withheld_and_those_that_could_not_be_read(library: Library) -> None:
    library.load("people", _person(1, cert_no=CERTS[1]), _person(2, cert_no=CERTS[2]))
    library.unreadable = 3
    library.shelves.withhold("people", [2], "legal hold", "officer", NOW_MIN)
    run = library.govern()
    assert run.colours.colours == {Colour.BLACK: 4, Colour.BLUE: 1}
    assert (run.rows, run.unreadable, run.governed) == (2, 3, 2)
    assert library.colours() == {1: Colour.BLUE, 2: Colour.BLACK}
    library.shelves.release("people", [2], "lifted", "officer", NOW_MIN)
    assert library.govern().repaired == 1


def test_files_of_colours_hold_each_row_once_also_with_changes_beside_them(library: Library) -> None:
    library.load("people", *(_person(n, cert_no=CERTS[0], confirmed_min=NOW_MIN - 5) for n in range(1, 2)))
    library.load("people", *(_person(100 + n, cert_no=None) for n in range(300)), part="b")
    library.govern()
    library.load("people", _person(1, cert_no=CERTS[0]), part="c")
    run = library.govern()
    assert (run.evaluated, run.changed) == (1, 1)
    before = library.colours()
    assert before[1] == Colour.YELLOW
    paths = library.quality.colours_of("people")
    names = ", ".join(f"'{path}'" for path in paths)
    found = duckdb.connect().execute(f"SELECT row_no, colour FROM read_parquet([{names}])").fetchall()
    assert dict(found) == before
    assert len(found) == len(before)
    assert library.colours() == before
    assert library.govern().evaluated == 0


def test_an_order_is_opened_answered_reopened_closed_and_escalated(library: Library) -> None:
    library.load("people", _person(1, cert_no="wrong"))
    library.govern()
    (order,) = library.quality.orders.list_orders()
    assert (order.rule, order.agency, order.role, order.failing) == ("format:cert_no", "owner", "source", 1)
    with pytest.raises(Denied):
        library.quality.orders.answer(order.order_id, OrderState.DISPUTED, " ", by="li", at_min=NOW_MIN)
    library.quality.orders.answer(order.order_id, OrderState.FIXED, "", by="li", at_min=NOW_MIN)
    library.govern()
    assert library.quality.orders.get(order.order_id).reopened == 1
    assert library.quality.orders.escalate(order.due_min - 1) == []
    late = library.quality.orders.escalate(order.due_min + 5)
    assert [each.escalated for each in late] == [1]
    assert library.quality.orders.escalate(order.due_min + 6) == []
    replace_part(library.shelves, library.catalogue.get("people"), "all", [], at_min=NOW_MIN)
    library.govern()
    assert library.quality.orders.get(order.order_id).state is OrderState.CLOSED
    kinds = [kind for kind, _ in library.told if kind.startswith("QualityOrder")]
    assert kinds == [f"QualityOrder{what}" for what in ("Opened", "Answered", "Reopened", "Escalated", "Closed")]
    with pytest.raises(Absent):
        library.quality.orders.get("nothing")


def test_other_rules_colour_anew_and_scale_proposes_a_grade(library: Library, monkeypatch: Any) -> None:
    monkeypatch.setattr("hubtwin.library.governing.SCALE_ROWS", (3,))
    library.load("people", *(_person(n, cert_no=CERTS[n]) for n in range(2)))
    library.govern()
    library.catalogue = make_catalogue(checks=())
    library.load("people", _person(5, cert_no=CERTS[5]))
    assert library.govern().evaluated == 3
    assert [(name, rows, grade) for name, rows, grade, _ in library.quality.proposals()] == [("people", 3, 4)]
    assert "QualityGradeProposed" in [kind for kind, _ in library.told]


@pytest.mark.parametrize("where", ["stores.colour_scanned", "stores.quality_coloured", "stores.quality_before_commit"])
def test_a_run_that_is_cut_off_leaves_the_one_before(library: Library, monkeypatch: Any, where: str) -> None:
    library.load("people", _person(1, cert_no=CERTS[1]))
    library.govern()
    library.load("people", _person(2, cert_no="wrong"), part="b")

    def stop(name: str) -> None:
        if name == where:
            raise KeyboardInterrupt

    for module in ("colouring", "quality"):
        monkeypatch.setattr(f"hubtwin.stores.{module}.failpoint", stop)
    with pytest.raises(KeyboardInterrupt):
        library.govern()
    assert library.colours() == {1: Colour.BLUE}
    for module in ("colouring", "quality"):
        monkeypatch.setattr(f"hubtwin.stores.{module}.failpoint", failpoint)
    assert library.govern().colours.colours == {Colour.RED: 1, Colour.BLUE: 1}
    folder = library.quality.directory / "colours" / "people"
    assert len(list(folder.glob("*.parquet"))) == 2
    assert not list(folder.glob("*.spool"))


def test_one_run_of_a_dataset_at_a_time(library: Library) -> None:
    library.load("people", _person(1, cert_no=CERTS[1]))
    with library.quality._locked("people"), pytest.raises(Retry):
        library.govern()


def test_what_a_run_that_died_left_behind_goes_at_the_next_opening(library: Library) -> None:
    library.load("people", _person(1, cert_no=CERTS[1]))
    library.govern()
    folder = library.quality.directory / COLOURS_FOLDER / "people"
    known = set(folder.iterdir())
    (folder / "p-0000000001.7.parquet").touch()
    (folder / SPILL_FOLDER).mkdir()
    (folder / SPILL_FOLDER / "duckdb_temp_storage-0.tmp").write_bytes(b"rows of somebody")
    Quality(library.quality.directory, at_min=NOW_MIN).close()
    assert set(folder.iterdir()) == known


def test_a_state_survives_a_restart(library: Library) -> None:
    library.load("people", _person(1, cert_no=CERTS[1]))
    library.govern()
    again = Quality(library.quality.directory, at_min=NOW_MIN)
    assert again.states("people") == library.quality.states("people")
    assert replace(again.states("people")[0]).profile.nulls["phone"] == 1
    assert "cert_no" not in again.states("people")[0].profile.ranges  # figures of persons are not kept
    assert again.states("people")[0].profile.ranges["person_no"] == (1, 1)
    again.close()


def test_a_backup_keeps_runs_and_orders_and_colours_are_made_anew(library: Library, tmp_path: Path) -> None:
    library.load("people", _person(1, cert_no="wrong"))
    library.govern()
    restored = tmp_path / "restored"
    restored.mkdir()
    assert copy_shelves(tmp_path, restored)
    again = Quality(restored / "library", at_min=NOW_MIN)
    assert again.last_run("people") == library.quality.last_run("people")
    assert again.orders.list_orders() == library.quality.orders.list_orders()
    assert again.states("people") == []
    assert again.settled("people") == {}
    again.close()
