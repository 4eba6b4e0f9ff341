"""Asking a hub at work: district datasets from its shelves with their colours, its own from its store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import HubError, Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.library.asking import AskDesk, Asked, ask, probe, read_page
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from hubtwin.ports import Batch
from hubtwin.rules.masks import is_mask
from hubtwin.settings import load_settings
from hubtwin.stores.quality import Source as Held
from hubtwin.wiring.asked import make_asking, read_share
from hubtwin.wiring.works import Works, open_works

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
NOW_MIN = epoch_minute(NOW)
WHO = Person("lin", "lin", "street-1", AgencyKind.STREET, frozenset({Role.ANALYST}), frozenset())


@contextmanager
def opened(home: Path) -> Iterator[Works]:
    settings = replace(load_settings("hangzhou-east", home), district="shangcheng")
    with open_works(settings, clock=lambda: NOW, real_clock=lambda: NOW, clocks_min={}) as works:
        yield works


def share_of(works: Works, dataset: str, columns: str, **given: object) -> Share:
    assert works.library is not None
    catalogue = works.library.catalogue()
    start: dict[str, object] = {
        "share_id": f"s-{dataset}",
        "basket_id": "b",
        "grantee": "user:lin",
        "dataset": dataset,
        "columns": frozenset(columns.split()),
        "masks": (),
        "rows": Rows(everything=True),
        "purpose": next(iter(catalogue.purposes)),
        "legal_basis": "law",
        "delivery": frozenset(Delivery),
        "lane": Lane.OWNER,
        "digest": catalogue.get(dataset).digest,
        "from_min": NOW_MIN - 1,
        "until_min": NOW_MIN + 9,
        "issued_by": "owner",
        "probed_min": NOW_MIN - 1,
    }
    return Share(**{**start, **given})  # type: ignore[arg-type]


def desk_of(works: Works, *shares: Share) -> AskDesk:
    return make_asking(works, lambda grantee: [share for share in shares if share.grantee == grantee])


def asked(share: Share, sql: str) -> Asked:
    return Asked(WHO, ("user:lin", "agency:street-1"), share.purpose, sql)


def govern(works: Works) -> None:
    """Let the quality rules run over the residents."""
    library = works.library
    assert library is not None
    held = Held(library.shelves.files, lambda name: [row.row_no for row in library.shelves.withheld(name)], lambda _: 0)
    catalogue = library.catalogue()
    library.quality.govern(catalogue.get("residents"), catalogue, held, now_min=NOW_MIN, by="zheng")


def test_a_dataset_of_the_district_leaves_with_colours_and_its_black_rows_stay(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        assert works.library is not None
        listing = works.library.catalogue().get("residents")
        for number in ("A", "B", "C"):
            works.library.rows.add_row(listing, {"citizen_id": number, "sex": "male"}, key=number, source="test")
        share = share_of(works, "residents", "citizen_id sex", masks=(("citizen_id", "hash"),))
        desk = desk_of(works, share)
        question = asked(share, "SELECT citizen_id, _colour FROM residents")
        assert ask(desk, question).table.num_rows == 0  # no file has colours yet: nothing leaves
        shelves = works.library.shelves
        shelves.withhold("residents", [2], "hold", "wu", NOW_MIN)
        govern(works)
        shelves.release("residents", [2], "over", "wu", NOW_MIN)  # black until the rules have run again
        found = ask(desk, question).table.to_pylist()
        assert [row["_colour"] for row in found] == ["red", "red"]
        assert all(len(row["citizen_id"]) == 32 for row in found)
        shelves.withhold("residents", [1], "court", "wu", NOW_MIN)
        assert ask(desk, question).table.num_rows == 1  # at the next question, whatever its colour was
        assert probe(desk, replace(share, probed_min=None)).ok
        sent = read_share(desk, WHO, share)
        assert sent.column("record_no").to_pylist() == ["3"]
        assert set(sent.column_names) == {"citizen_id", "sex", "record_no", "provenance"}
        kinds = [entry.kind for entry in works.access.audit.list_entries(by="lin")]
        assert kinds == ["LibraryAsked"] * 4
        told = works.access.audit.list_entries(by="lin")[-1].payload
        assert told["delivery"] == "channel"
        assert told["shares"] == ["s-residents"]


def test_the_hubs_own_datasets_are_asked_like_all_others(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        dataset = DATASETS["weather_warnings"] if "weather_warnings" in DATASETS else next(iter(DATASETS.values()))
        wide = " ".join(dataset.by_name)
        share = share_of(works, dataset.name, wide)
        desk = desk_of(works, share)
        assert ask(desk, asked(share, f"SELECT * FROM {dataset.name}")).table.num_rows == 0
        row = {column.name: _value(column.type, column.values, column.minimum) for column in dataset.columns}
        marks = {
            "hub_id": works.store.hub_id,
            "source": "s",
            "status": "Actual",
            "provenance": "real",
            "replayed": False,
        }
        for number in range(2):  # the later row of a key stands
            table = pa.Table.from_pylist([{**row, **marks}], schema=dataset.schema)
            works.store.write(Batch(key=f"k{number}", source="s", tables={dataset.name: table}))
        answer = ask(desk, asked(share, f"SELECT * FROM {dataset.name}"))
        assert answer.table.num_rows == 1
        assert not answer.synthetic
        first = read_page(desk, replace(asked(share, ""), delivery=Delivery.API), dataset.name, limit=1)
        assert first.after is None
        with pytest.raises(Malformed):  # rows were numbered anew since
            read_page(desk, replace(asked(share, ""), delivery=Delivery.API), dataset.name, limit=1, after="old.1")
        with pytest.raises(HubError):
            ask(desk, asked(share, "SELECT source FROM " + dataset.name + " x, " + dataset.name))


def _value(kind: str, values: tuple[str, ...], minimum: float | None) -> object:
    if kind == "date":
        return NOW.date()
    plain = {"string": "x", "pid": "0" * 32, "bool": True, "float": 1.0}
    return values[0] if values else plain.get(kind, int(minimum or 1))


def test_every_mask_that_is_shipped_is_one_and_fits_its_column(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        assert works.library is not None
        wrong = [
            (listing.name, column.name, mask)
            for listing in works.library.catalogue().listings
            for column in listing.dataset.columns
            if (mask := listing.trait(column.name).mask) and not is_mask(mask, column.type)
        ]
        assert wrong == []
