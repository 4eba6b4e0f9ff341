"""Sense: pages become rows, the cursor follows, identities never pass, a broken page does not stop the stream."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import narwhals as nw
import pytest

from hubtwin.base.clock import EPOCH
from hubtwin.base.errors import Bug, Malformed, Retry
from hubtwin.datasets.people import BOOKINGS, STAYS
from hubtwin.flow.sense import Sensing, pseudonyms, sense
from hubtwin.library.query import collect
from hubtwin.library.report import Progress
from hubtwin.model.record import UNMARKED, Identity, Marks, Provenance, Quarantined, Row
from hubtwin.ports import Connector, Manifest, Page, ReadContext, Tables
from hubtwin.rules.privacy import EPOCH_MIN, pseudonymise
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.vault import Vault
from tests.contracts.store_suite import HUB, names

NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)
CONTEXT = ReadContext(ZoneInfo("Asia/Shanghai"), NOW)
HOW = Sensing(HUB, batch_rows=3)
_DAY = 24 * 60


@dataclass
class Shelf:
    """A transport over texts in memory; the cursor is the number of texts read. Fails at `broken` until mended."""

    texts: Sequence[str]
    broken: set[int] = field(default_factory=set)
    marks: Marks = UNMARKED

    def pages(self, cursor: str | None) -> Iterator[Page]:
        for number in range(int(cursor or 0), len(self.texts)):
            yield Page(f"page {number}", self._chunks(number), str(number + 1), self.marks)

    def _chunks(self, number: int) -> Iterator[bytes]:
        text = self.texts[number].encode()
        yield text[: len(text) // 2]
        if number in self.broken:
            raise Retry("connectors.common.file_missing", file="shelf")
        yield text[len(text) // 2 :]


def _lines(page: Page) -> Iterator[tuple[str, str]]:
    rest, numbers = "", count(1)
    for chunk in page.chunks:
        *whole, rest = (rest + chunk.decode()).split(";")
        yield from ((line, f"{page.name}:{next(numbers)}") for line in whole)
    if rest:
        yield rest, f"{page.name}:{next(numbers)}"


def read_stations(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Read "key=name;…"; "?" is a bad line, "!" makes the page refused."""
    for line, locator in _lines(page):
        if line == "!":
            raise Malformed("rules.unknown_column", dataset="rail_stations", column="!")
        if line == "?":
            yield Quarantined(locator, "rules.not_text", {"column": "?"})
            continue
        key, _, name = line.partition("=")
        yield Row("rail_stations", {"station_id": key, "name": name or None, "area_basis": "unknown"}, locator)


def read_people(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Read "B<id>@<day>" bookings and "S<id>@<day>" stays."""
    for line, locator in _lines(page):
        number, _, day = line[1:].partition("@")
        person = Identity("passport", number)
        if line[0] == "B":
            values: dict[str, object] = {
                "trip_id": "T1",
                "service_date": EPOCH.date() + timedelta(days=int(day)),
                "pid": person,
                "order_ref": Identity("order", "O"),
                "board_seq": 0,
                "alight_seq": 3,
                "state": "booked",
                "as_of_min": 27_000_000,
            }
            yield Row(BOOKINGS.name, values, locator)
        else:
            at = int(day) * _DAY
            yield Row(STAYS.name, {"pid": person, "area_code": "1", "in_min": at, "out_min": at + 60}, locator)


def connector(
    read: object = read_stations, datasets: tuple[str, ...] = ("rail_stations",), fold: object = None
) -> Connector:
    manifest = Manifest("shelf", {"zh": "架", "en": "shelf"}, "owner", "contact", 60, datasets, ("text",))
    return Connector(manifest, read, fold)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore.open(tmp_path, HUB, clock=lambda: NOW, threads=1)
    yield opened
    opened.close()


def test_pages_are_sensed_in_order_and_the_cursor_follows_each(store: EmbeddedStore) -> None:
    shelf = Shelf(["A=1;B=1;?;C=1;D", "A=2"])
    report = sense(connector(), shelf, store, CONTEXT, HOW)
    assert (report.pages, report.read, report.kept) == (2, 6, {"rail_stations": 4})
    assert report.quarantined == {"rules.not_text": 1, "rules.missing_value": 1}
    assert report.bytes == sum(map(len, shelf.texts))
    assert names(store) == [("A", "2"), ("B", "1"), ("C", "1")]
    assert store.cursor("shelf") == "2"
    assert sense(connector(), shelf, store, CONTEXT, HOW).pages == 0
    assert sense(connector(), Shelf([*shelf.texts, "E=1"]), store, CONTEXT, HOW).kept == {"rail_stations": 1}


def test_an_empty_page_and_an_empty_source_are_no_news(store: EmbeddedStore) -> None:
    assert sense(connector(), Shelf([]), store, CONTEXT, HOW).pages == 0
    assert store.cursor("shelf") is None
    report = sense(connector(), Shelf([""]), store, CONTEXT, HOW)
    assert (report.pages, report.read, store.cursor("shelf")) == (1, 0, "1")


def test_a_refused_page_is_quarantined_and_the_stream_goes_on(store: EmbeddedStore) -> None:
    report = sense(connector(), Shelf(["A=1", "B=1;!;C=1", "D=1"]), store, CONTEXT, HOW)
    assert names(store) == [("A", "1"), ("D", "1")]
    assert [(page.locator, page.reason) for page in report.rejected] == [("page 1", "rules.unknown_column")]
    assert (report.discarded, store.cursor("shelf")) == (1, "3")
    assert [row.locator for row in store.list_quarantine("shelf")] == ["page 1"]


def test_a_file_import_raises_for_a_refused_page_and_stores_nothing_of_it(store: EmbeddedStore) -> None:
    how = Sensing(HUB, on_malformed="raise")
    with pytest.raises(Malformed):
        sense(connector(), Shelf(["A=1", "B=1;!"]), store, CONTEXT, how)
    assert names(store) == [("A", "1")]
    assert store.cursor("shelf") == "1"
    assert store.list_quarantine() == []


def test_a_source_that_fails_for_now_keeps_what_it_gave_and_goes_on_there(store: EmbeddedStore) -> None:
    texts = ["A=1", "B=1;C=1;D=1;?;E=1;F=1;G=1;H=1;I=1", "J=1"]
    shelf = Shelf(texts, broken={1})
    with pytest.raises(Retry):
        sense(connector(), shelf, store, CONTEXT, HOW)
    assert store.cursor("shelf") == "1"
    assert ("A", "1") in names(store)
    kept = len(names(store))
    assert kept == 4, "the full batches of the broken page stay"
    with pytest.raises(Retry):
        sense(connector(), shelf, store, CONTEXT, HOW)
    assert len(names(store)) == kept
    shelf.broken.clear()
    report = sense(connector(), shelf, store, CONTEXT, HOW)
    assert report.skipped == 1
    assert [key for key, _ in names(store)] == list("ABCDEFGHIJ")
    assert len(store.list_quarantine()) == 1


def test_a_store_of_another_hub_is_no_reason_to_reject_pages(store: EmbeddedStore) -> None:
    with pytest.raises(Bug):
        sense(connector(), Shelf(["A=1"]), store, CONTEXT, Sensing("elsewhere"))
    assert store.cursor("shelf") is None
    assert store.list_quarantine() == []


def test_progress_is_told_in_bytes_and_rows(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubtwin.flow.sense._TELL_ROWS", 2)
    told: list[Progress] = []
    sense(connector(), Shelf(["A=1;B=1;C=1;D=1;?"]), store, CONTEXT, Sensing(HUB, batch_rows=2, progress=told.append))
    assert [progress.rows for progress in told] == sorted(progress.rows for progress in told)
    assert len(told) >= 2
    assert told[-1] == Progress("page 0", bytes=17, rows=5, kept=4, quarantined=1)


def test_a_full_listing_is_folded_into_its_changes(store: EmbeddedStore) -> None:
    def fold(rows: Sequence[Row], tables: Tables) -> Iterable[Row]:
        assert set(tables) == {"rail_stations"}
        known = set(collect(tables["rail_stations"].select(nw.col("station_id"))).column(0).to_pylist())
        return [row for row in rows if row.values["station_id"] not in known]

    source = connector(fold=fold)
    report = sense(source, Shelf(["A=1;B=1;?", "A=2;B=2;C=2;D=2;E=2"]), store, CONTEXT, HOW)
    assert names(store) == [("A", "1"), ("B", "1"), ("C", "2"), ("D", "2"), ("E", "2")]
    assert (report.read, report.kept, report.quarantined) == (8, {"rail_stations": 5}, {"rules.not_text": 1})
    assert (report.batches, report.pages) == (2, 2), "what a listing means is stored in one batch"
    refused = sense(source, Shelf(["", "", "Z=1;!"]), store, CONTEXT, HOW)
    assert (len(refused.rejected), ("Z", "1") in names(store)) == (1, False)


def _people(store: EmbeddedStore, window_days: int = 14) -> tuple[Vault, Sensing]:
    vault = Vault(store.directory, clock=lambda: NOW, record=store.append_event)
    make = partial(pseudonymise, key_of=vault.find_epoch_key, window_min=window_days * _DAY)
    return vault, Sensing(HUB, pseudonymise=make)


PEOPLE = connector(read_people, (BOOKINGS.name, STAYS.name))


def _rows(store: EmbeddedStore, name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = collect(store.tables([name])[name]).to_pylist()
    return found


def test_a_booking_finds_its_stay_across_a_rollover_of_keys(store: EmbeddedStore) -> None:
    vault, how = _people(store)
    turn = 700 * EPOCH_MIN // _DAY  # the first day of an epoch
    report = sense(PEOPLE, Shelf([f"S1@{turn - 3};S2@{turn - 3};S1@{turn + 1};B1@{turn + 2}"]), store, CONTEXT, how)
    assert report.kept == {BOOKINGS.name: 1, STAYS.name: 3}
    (booking,), (link,) = _rows(store, BOOKINGS.name), _rows(store, "pseudonym_links")
    assert report.derived == 1
    assert link["pid"] == booking["pid"]
    mine = {booking["pid"], link["earlier_pid"]}
    assert sorted(str(row["in_min"]) for row in _rows(store, STAYS.name) if row["pid"] in mine) == sorted(
        [str((turn - 3) * _DAY), str((turn + 1) * _DAY)]
    )
    assert link["provenance"] == "real"
    assert link["expires_min"] == turn * _DAY + 14 * _DAY
    vault.close()


def test_importing_again_makes_the_same_pseudonyms(store: EmbeddedStore) -> None:
    vault, how = _people(store)
    text = "B1@19600;S1@19590;B2@19600"
    sense(PEOPLE, Shelf([text]), store, CONTEXT, how)
    before = sorted(str(row["pid"]) for row in _rows(store, BOOKINGS.name))
    sense(PEOPLE, Shelf(["", text]), store, CONTEXT, how)
    assert sorted(str(row["pid"]) for row in _rows(store, BOOKINGS.name)) == before
    assert len(_rows(store, STAYS.name)) == 1
    vault.close()


def test_no_document_is_anywhere_in_the_store(store: EmbeddedStore) -> None:
    vault, how = _people(store)
    number = "E98765432"
    report = sense(PEOPLE, Shelf([f"B{number}@19600;S{number}@19590;S{number}@9999999"]), store, CONTEXT, how)
    assert report.quarantined == {"rules.above_maximum": 1}
    vault.close()
    for file in store.directory.rglob("*"):
        if file.is_file():
            assert number.encode() not in file.read_bytes(), file


def test_records_of_a_destroyed_epoch_are_quarantined(store: EmbeddedStore) -> None:
    vault, how = _people(store)
    sense(PEOPLE, Shelf(["S1@19590"]), store, CONTEXT, how)
    (epoch,) = vault.list_epochs()
    vault.destroy_epoch(epoch.number)
    report = sense(PEOPLE, Shelf(["", "S1@19591;S1@19700"]), store, CONTEXT, how)
    assert report.quarantined == {"rules.epoch_destroyed": 1}
    assert report.kept == {STAYS.name: 1}
    vault.close()


def test_synthetic_marks_reach_rows_and_links(store: EmbeddedStore) -> None:
    vault, how = _people(store, window_days=60)
    report = sense(PEOPLE, Shelf(["B1@19600"], marks=Marks(provenance=Provenance.SYNTHETIC)), store, CONTEXT, how)
    assert {row["provenance"] for row in _rows(store, "pseudonym_links")} == {"synthetic"}
    assert report.synthetic == 1 + report.derived
    vault.close()


def test_a_person_in_a_dataset_without_a_time_is_a_fault() -> None:
    resolve = pseudonyms(lambda identity, at_min: pytest.fail("never asked"))
    with pytest.raises(Bug):
        resolve(STAYS, {"pid": Identity("passport", "1"), "in_min": None, "day": date(2022, 1, 1)})
