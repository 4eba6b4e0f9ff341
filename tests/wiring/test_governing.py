"""Governing at a hub: rows that fail are looked at by who owns them, masked and audited; the clock escalates orders."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Denied, Malformed
from hubtwin.library.governing import OrderState
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.colour import Colour
from hubtwin.stores.quality import Quality
from hubtwin.stores.served import SERVED, make_copies
from hubtwin.stores.shelves import Shelves
from hubtwin.wiring import governing
from hubtwin.wiring.governing import Governing, QualityClock
from tests.rules.quality_oracle import make_catalogue

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MARKS = {"hub_id": "h", "source": "test", "status": "Actual", "provenance": "synthetic", "replayed": False}


class Hub:
    """A hub with people on its shelf, and a clock that is set by hand."""

    def __init__(self, directory: Path) -> None:
        self.now, self.told = NOW, list[tuple[str, dict[str, Any]]]()
        at_min = epoch_minute(NOW)
        self.catalogue = make_catalogue()
        self.shelves = Shelves(directory, at_min=at_min)
        self.quality = Quality(directory, at_min=at_min, audit=self.tell, threads=1)
        self.governing = Governing(
            lambda: self.catalogue, self.shelves, self.quality, clock=lambda: self.now, tell=self.tell
        )
        listing = self.catalogue.get("people")
        names = [field.name for field in listing.schema][:-1]
        rows = [
            dict.fromkeys(names) | MARKS | {"person_no": number, "cert_no": "110105194912310021", "phone": "12"}
            for number in range(1, 6)
        ]
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(listing.schema)[:-1]))
        self.shelves.append(listing, "all", [table], key="b", at_min=at_min)

    def tell(self, kind: str, told: Any) -> None:
        self.told.append((kind, dict(told)))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path / "library")
    yield made
    made.quality.close()
    made.shelves.close()


def _person(agency: str) -> Person:
    return Person("li", "李", agency, AgencyKind.DEPARTMENT, frozenset({Role.DATA_OWNER}), frozenset())


def test_rows_that_fail_are_shown_masked_to_their_owner_only_and_the_audit_knows_first(hub: Hub) -> None:
    hub.governing.govern("people", "li")
    with pytest.raises(Denied):
        hub.governing.look(_person("others"), "people", rule="format:cert_no")
    hub.shelves.withhold("people", [2], "hold", "officer", 1)
    hub.governing.govern("people", "li")
    found = hub.governing.look(_person("owner"), "people", rule="format:cert_no", limit=3)
    assert [row.row_no for row in found] == [1, 3, 4]  # the withheld one is nobody's to look at
    assert found[0].values["cert_no"] not in {None, "110105194912310021"}
    assert str(found[0].values["cert_no"]).endswith("0021")
    assert found[0].values["person_no"] == 1
    assert {"format:cert_no", "format:phone"} <= set(found[0].failed)
    kind, told = hub.told[-1]
    assert (kind, told["rows"], told["by"]) == ("QualityRowsRead", 3, "li")
    assert "0021" not in str(told)
    assert [row.row_no for row in hub.governing.look(_person("owner"), "people", colour=Colour.RED, after=3)] == [4, 5]
    with pytest.raises(Malformed):
        hub.governing.look(_person("owner"), "people", rule="format:nothing")


def test_the_clock_of_the_service_escalates_what_nobody_answered(hub: Hub) -> None:
    hub.governing.govern("people", "li")
    clock = QualityClock(hub.governing)
    clock(NOW)
    assert clock.escalated == 0
    order = next(each for each in hub.governing.orders() if each.rule == "format:cert_no")
    with pytest.raises(Denied):
        hub.governing.answer(_person("others"), order.order_id, OrderState.FIXED, "")
    hub.governing.answer(_person("owner"), order.order_id, OrderState.DISPUTED, "the source says so")
    hub.now = NOW + timedelta(days=40)
    clock(NOW)
    clock(NOW)
    late = [told["order"] for kind, told in hub.told if kind == "QualityOrderEscalated"]
    assert clock.escalated == len(late) == len(set(late)) > 0
    assert order.order_id not in late  # a dispute is answered


def test_the_sum_of_the_library_is_that_of_its_datasets(hub: Hub) -> None:
    assert hub.governing.standings() == []
    assert hub.governing.total([]).colours.score is None
    hub.governing.govern("people", "li")
    (standing,) = hub.governing.standings()
    total = hub.governing.total([standing])
    assert (total.datasets, total.colours.rows, standing.colour) == (1, 5, Colour.RED)
    assert hub.governing.held() == ["people"]


def test_a_run_makes_what_questions_read_and_a_full_disk_does_not_undo_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(governing, "make_copies", partial(make_copies, least=1))
    hub.shelves.withhold("people", [2], "hold", "li", epoch_minute(NOW))
    hub.governing.govern("people", "li")
    (copy,) = hub.shelves.directory.glob(f"{SERVED}/people/*.parquet")
    assert pq.read_table(copy).column("row_no").to_pylist() == [1, 3, 4, 5]

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(governing, "make_copies", full)
    hub.shelves.release("people", [2], "over", "li", epoch_minute(NOW))
    assert hub.governing.govern("people", "li").colours.colours.get(Colour.BLACK, 0) == 0
