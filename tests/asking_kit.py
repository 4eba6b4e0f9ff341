"""A small library on disk with shares over it: rows, colours, and what a person may see of them worked out by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hubtwin.datasets.listing import Catalogue, Library, LibraryKind, Listing, Sharing, Trait
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.library.asking import AskDesk, Asked
from hubtwin.library.views import Piece, Source
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.colour import Colour
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from hubtwin.stores.asking import Engine

NOW = 29_000_000
RESIDENTS = Dataset(
    "residents",
    "居民",
    "residents",
    ("id",),
    (
        Column("id", "string", "证号", "id", Grade.L3),
        Column("name", "string", "姓名", "name", Grade.L3, nullable=True),
        Column("street", "string", "街道", "street", nullable=True),
        Column("age", "int", "年龄", "age", Grade.L2, nullable=True),
        Column("born", "date", "出生日期", "born", Grade.L3, nullable=True),
        Column("note", "string", "备注", "note", Grade.L4, nullable=True),
    ),
)
FIRMS = Dataset(
    "firms",
    "企业",
    "firms",
    ("code",),
    (
        Column("code", "string", "代码", "code"),
        Column("owner_id", "string", "负责人", "owner", Grade.L3, nullable=True),
        Column("street", "string", "街道", "street", nullable=True),
    ),
)
LISTINGS = tuple(
    Listing(
        each, "people", "bureau", Sharing.RESTRICTED, {}, street_column="street", traits={"id": Trait("citizen_id")}
    )
    for each in (RESIDENTS, FIRMS)
)
CATALOGUE = Catalogue(
    libraries=(Library("people", LibraryKind.BASE, {"zh": "人口", "en": "people"}),),
    listings=LISTINGS,
    purposes={"care": {"zh": "关怀", "en": "care"}, "census": {"zh": "普查", "en": "census"}},
)
ANN = Person("ann", "Ann", "street-1", AgencyKind.STREET, frozenset({Role.ANALYST}), frozenset())
GRANTEES = ("user:ann", "agency:street-1")
ANY = frozenset(Delivery)


def make_share(dataset: str = "residents", columns: str | frozenset[str] = "id name street age", **given: Any) -> Share:
    """Return a live share of everything; `given` overrides."""
    listing = CATALOGUE.get(dataset)
    start: dict[str, Any] = {
        "share_id": f"s-{dataset}",
        "basket_id": "b",
        "grantee": "user:ann",
        "dataset": dataset,
        "masks": (),
        "columns": frozenset(columns.split() if isinstance(columns, str) else columns),
        "rows": Rows(everything=True),
        "purpose": "care",
        "delivery": ANY,
        "legal_basis": "law",
        "lane": Lane.OWNER,
        "digest": listing.digest,
        "from_min": NOW - 10,
        "until_min": NOW + 10,
        "issued_by": "owner",
        "probed_min": NOW - 10,
    }
    return Share(**{**start, **given})


def of_street(*streets: str) -> Rows:
    """Return the rows of streets."""
    return Rows(column="street", values=frozenset(streets))


@dataclass
class Noted:
    """A trail in memory."""

    rows: list[tuple[str, str, Mapping[str, object]]] = field(default_factory=list)

    def append(self, kind: str, by: str, payload: Mapping[str, object]) -> int:
        """Write one row."""
        self.rows.append((kind, by, payload))
        return len(self.rows)


def salt_of(share_id: str) -> str:
    """Return the salt of a share."""
    return f"salt{share_id.replace('-', '')}"


@dataclass
class Kit:
    """A library whose shares and minute a test may change while questions run."""

    engine: Engine
    sources: dict[str, Source]
    shares: list[Share] = field(default_factory=list)
    trail: Noted = field(default_factory=Noted)
    now_min: int = NOW
    catalogue: Catalogue = CATALOGUE

    @property
    def desk(self) -> AskDesk:
        """Return the desk over it."""
        return AskDesk(
            catalogue=lambda: self.catalogue,
            shares=lambda grantee: [share for share in self.shares if share.grantee == grantee],
            source=lambda dataset: self.sources[dataset],
            engine=self.engine,
            trail=self.trail,
            now_min=lambda: self.now_min,
            salt_of=salt_of,
        )

    def asked(self, sql: str, purpose: str = "care", delivery: Delivery = Delivery.QUERY) -> Asked:
        """Return a question of Ann's."""
        return Asked(ANN, GRANTEES, purpose, sql, delivery)


def write_dataset(
    folder: Path, listing: Listing, rows: Sequence[Mapping[str, Any]], colours: Sequence[Colour], *, split: int = 2
) -> Source:
    """Write rows in files, numbered from 1, with their colours beside them."""
    pieces = list[Piece]()
    size = max(1, -(-len(rows) // split))
    for start in range(0, len(rows), size):
        part, numbers = rows[start : start + size], range(start + 1, start + 1 + len(rows[start : start + size]))
        marks = {"hub_id": "h", "source": "s", "status": "Actual", "provenance": "synthetic", "replayed": False}
        full = [{**marks, **row, "row_no": number} for row, number in zip(part, numbers, strict=True)]
        path = folder / "rows" / listing.name / f"{start}.parquet"
        tints = folder / "colours" / listing.name / f"{start}.parquet"
        for each in (path, tints):
            each.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(full, schema=listing.schema), path)
        given = [int(colour) for colour in colours[start : start + size]]
        columns = {"row_no": pa.array(numbers, pa.int64()), "colour": pa.array(given, pa.uint8())}
        pq.write_table(pa.table({**columns, "failed": pa.array([0] * len(given), pa.uint64())}), tints)
        pieces.append(Piece(path, len(part), tints, synthetic=True))
    return Source(tuple(pieces), coloured=True)


PEOPLE: list[dict[str, Any]] = [
    {"id": "330102199003070013", "name": "张三", "street": "s1", "age": 30, "note": "SECRET-1"},
    {"id": "330102198003070021", "name": "欧阳修", "street": "s1", "age": 44, "note": "SECRET-2"},
    {"id": "330102197003070037", "name": "李四", "street": "s2", "age": 54, "note": "SECRET-3"},
    {"id": "HIDDEN-ID-4", "name": "王五", "street": "s3", "age": 64, "note": "SECRET-4"},
    {"id": "BLACK-ID-5", "name": "赵六", "street": "s1", "age": 74, "note": "SECRET-5"},
    {"id": "330102196003070059", "name": None, "street": None, "age": None, "note": None},
]
TINTS = [Colour.GREEN, Colour.BLUE, Colour.GREY, Colour.GREEN, Colour.BLACK, Colour.ORANGE]
OWNED: list[dict[str, Any]] = [
    {"code": "F1", "owner_id": "330102199003070013", "street": "s1"},
    {"code": "F2", "owner_id": "HIDDEN-ID-4", "street": "s3"},
]


def make_kit(folder: Path, *shares: Share, people: Sequence[Mapping[str, Any]] = PEOPLE, **engine: Any) -> Kit:
    """Return the library on disk."""
    tints = TINTS if people is PEOPLE else [Colour.GREEN] * len(people)
    sources = {
        "residents": write_dataset(folder, LISTINGS[0], people, tints),
        "firms": write_dataset(folder, LISTINGS[1], OWNED, [Colour.GREEN] * 2),
    }
    return Kit(Engine([folder], **engine), sources, list(shares))
