"""A share of the library leaves through the channels of partners: signed, answered by row, sent again if it changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from hubtwin.base.errors import Denied, Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.listing import Catalogue, Library, LibraryKind, Listing, Sharing
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.model.batch import RowAnswer, RowFate
from hubtwin.model.partner import Agreement, Level, Partner, Taken, Way
from hubtwin.model.record import Marks, Status
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from hubtwin.rules.batching import RowState
from hubtwin.rules.library_template import name_of, template_of
from hubtwin.stores.shelf_rows import ShelfRows
from hubtwin.stores.shelves import Shelves
from hubtwin.wiring.batches import Batching, Templates
from hubtwin.wiring.library_incoming import Lander, incoming_of
from hubtwin.wiring.library_share import Came, Incoming, made_templates, send_share
from tests.wiring.batch_town import NOW, PROVINCE, TEMPLATES, ZONE, Town, town

SHAPE = Dataset(
    *("shops", "商户", "shops", ("number",)),
    columns=(
        Column("number", "string", "编号", "number"),
        Column("state", "string", "状态", "state", nullable=True),
        Column("since", "minute", "起始", "since", nullable=True),
        Column("owner_id", "string", "业主证件号", "document of the owner", Grade.L3, nullable=True),
    ),
)
LISTING = Listing(SHAPE, "trade", "market-bureau", Sharing.RESTRICTED, {})
CATALOGUE = Catalogue((Library("trade", LibraryKind.THEMATIC, {}),), (LISTING,))
SHARE = Share(
    *("s1", "b1", f"partner:{PROVINCE}", "shops", frozenset({"number", "state", "since"}), ()),
    rows=Rows(everything=True),
    purpose="statistics",
    legal_basis="law",
    delivery=frozenset({Delivery.CHANNEL}),
    lane=Lane.OWNER,
    digest=LISTING.digest,
    from_min=0,
    until_min=1 << 40,
    issued_by="owner",
    probed_min=0,
)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Town]:
    templates = Templates(TEMPLATES.known, made_templates(CATALOGUE, {"s1": SHARE}.get))
    with town(tmp_path) as made:
        made.batching = Batching(made.books, made.hub.wire, templates, PROVINCE, ZONE, made.batching.send)
        made.province.templates = {(name_of(SHARE), 1): template_of(LISTING, SHARE)}
        yield made


def _rows(*told: dict[str, Any]) -> pa.Table:
    plain = {"number": "", "state": None, "since": None, "provenance": "synthetic"}
    return pa.Table.from_pylist([{"record_no": str(n), **plain, **row} for n, row in enumerate(told, start=1)])


def _send(here: Town, table: pa.Table) -> Any:
    return send_share(here.batching, LISTING, SHARE, lambda share: table, here.now)


def test_rows_arrive_once_and_go_again_only_where_they_changed(here: Town) -> None:
    first = _rows({"number": "a", "since": 27_773_280}, {"number": "b", "state": "open"}, {"number": "b"})
    assert _send(here, first).head.marks.provenance.value == "synthetic"
    here.exchange()
    assert here.states() == {RowState.ACCEPTED.value: 3}, "two rows with the same key are two records"
    assert _send(here, first).head is None
    changed = _rows({"number": "a", "since": 27_773_280}, {"number": "b", "state": "closed"}, {"number": "b"})
    assert _send(here, changed).head is not None
    here.exchange()
    taken = sorted(content for _, content in here.province.taken.values())
    assert taken == ["1 1 a  2022-10-22T00:00Z", "1 3 b  ", "2 2 b closed "], "nothing that was not shared"
    assert here.province.refused == 0


def test_a_lost_receipt_and_a_cut_line_change_nothing(here: Town) -> None:
    here.to_province.lost = 1
    _send(here, _rows({"number": "a"}))
    here.exchange(5)
    assert here.states() == {RowState.ACCEPTED.value: 1}
    assert len(here.province.taken) == 1


def test_what_is_not_the_partners_does_not_leave(here: Town) -> None:
    for share in (
        replace(SHARE, grantee="partner:police"),
        replace(SHARE, grantee="agency:health"),
        replace(SHARE, delivery=frozenset({Delivery.QUERY})),
    ):
        with pytest.raises(Denied):
            send_share(here.batching, LISTING, share, lambda share: _rows({"number": "a"}), here.now)
    with pytest.raises(Malformed):
        send_share(here.batching, LISTING, replace(SHARE, count_floor=10), lambda share: _rows(), here.now)
    assert here.states() == {}


def test_a_value_that_does_not_fit_the_channel_is_said_and_nothing_leaves_without_it(here: Town) -> None:
    with pytest.raises(Malformed, match="record 1"):
        _send(here, _rows({"number": "a", "state": "x" * 501}, {"number": "b"}))
    assert here.states() == {}


@dataclass
class FarLibrary:
    """The partner's side: another hub, whose library lists the dataset as one that comes from here."""

    town: Town
    listed: Catalogue
    takes: frozenset[Taken] = frozenset({Taken.ROWS})
    rows: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    _read: int = 0

    def follow(self) -> int:
        agreement = Agreement("a1", "statistics", "law", date.min, date.max, takes=self.takes)
        partner = Partner("here", {"zh": "这里", "en": "here"}, Level.HUB, Way.HTTPS, agreements=(agreement,))
        incoming = Incoming(
            *(lambda: self.listed, {"here": partner}, self.town.province.send, self._land, Status.ACTUAL),
            day=lambda: date(2022, 10, 20),
            now_min=lambda: int(self.town.now.timestamp()) // 60,
        )
        count = 0
        for number, received in self.town.far.wire.list_applied(self._read, 100):
            count += incoming.take(number, received)
            self._read = number
        return count

    def _land(
        self, listing: Listing, partner: str, rows: Sequence[Came], key: str, marks: Marks
    ) -> Sequence[RowAnswer]:
        found = []
        for row in rows:
            fresh = row.revision > self.rows.get(row.key, (0, {}))[0]
            if fresh:
                self.rows[row.key] = (row.revision, dict(row.values))
            found.append(RowAnswer(row.key, row.revision, RowFate.ACCEPTED if fresh else RowFate.DOUBLED))
        return found


def _there(here: Town, **changed: Any) -> FarLibrary:
    far = FarLibrary(here, Catalogue(CATALOGUE.libraries, (replace(LISTING, owner="here", **changed),)))
    here.province.follow = far.follow  # type: ignore[method-assign]
    return far


def test_another_hub_takes_the_rows_into_its_library_and_answers_each(here: Town) -> None:
    far = _there(here)
    _send(here, _rows({"number": "a", "since": 27_773_280}, {"number": "b", "state": "open"}))
    here.exchange()
    assert here.states() == {RowState.ACCEPTED.value: 2}
    told = sorted((values for _, values in far.rows.values()), key=lambda row: row["number"])
    assert told == [{"number": "a", "since": "2022-10-22T00:00Z"}, {"number": "b", "state": "open"}]


def test_rows_that_come_after_a_contract_are_taken_under_it(tmp_path: Path) -> None:
    listed = [CATALOGUE]
    shelves = Shelves(tmp_path, at_min=0)
    rows = ShelfRows(shelves, "far", Status.ACTUAL, clock=lambda: NOW)
    works: Any = SimpleNamespace(
        library=SimpleNamespace(catalogue=lambda: listed[0], rows=rows),
        settings=SimpleNamespace(hub=SimpleNamespace(zone=ZONE)),
        store=SimpleNamespace(status=Status.ACTUAL),
        clock=lambda: NOW,
    )
    sender: Any = None
    incoming = incoming_of(works, {}, sender)
    listed[0] = Catalogue(CATALOGUE.libraries, (replace(LISTING, contract="2.0.0"),))
    assert incoming.catalogue() is listed[0], "not that of when the service was started"
    shelves.close()


@pytest.mark.parametrize("fault", ["not_agreed", "not_the_source", "other_columns", "hubs_own"])
def test_rows_that_may_not_come_are_refused_with_a_reason_and_none_lands(
    here: Town, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: dict[str, Any] = {"owner": "somebody"} if fault == "not_the_source" else {}
    if fault == "other_columns":
        changed = {"dataset": replace(SHAPE, columns=(SHAPE.columns[0],))}
    if fault == "hubs_own":
        monkeypatch.setitem(DATASETS, SHAPE.name, SHAPE)
    far = _there(here)
    far.listed = Catalogue(CATALOGUE.libraries, (replace(LISTING, **{"owner": "here", **changed}),))
    if fault == "not_agreed":
        far.takes = frozenset()
    head = _send(here, _rows({"number": "a"})).head
    here.exchange()
    assert far.rows == {}
    assert here.books.get(head.batch_id).reason
    assert RowState.ACCEPTED.value not in here.states()


def test_a_lander_types_what_it_can_and_answers_each_row(tmp_path: Path) -> None:
    shelves = Shelves(tmp_path, at_min=0)
    rows = ShelfRows(shelves, "far", Status.ACTUAL, clock=lambda: NOW)
    lander = Lander(rows, ZONE)
    came = [Came("k1", 1, {"number": "a", "since": "2022-10-22T00:00Z"}), Came("k2", 1, {"since": "soon"})]
    for fates in (["accepted", "refused"], ["doubled", "refused"]):
        answers = lander(LISTING, "here", came, "m1", Marks())
        assert [answer.fate.value for answer in answers] == fates
    assert answers[1].reason
    found = rows.find_row(LISTING, 1)
    assert found is not None
    assert (found["number"], found["since"]) == ("a", 27_773_280)
    shelves.close()
