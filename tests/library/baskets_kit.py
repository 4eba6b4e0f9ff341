"""A small district: two departments, two streets, datasets of every kind, an access store, and a probe that reads."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Denied
from hubtwin.datasets.listing import Catalogue, Library, LibraryKind, Listing, Sharing, Trait
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.library.applying import Applying
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.basket import Ask, BasketKind, Form, Template
from hubtwin.model.sharing import Probe, ProbeResult, Rows, Share
from hubtwin.rules.lanes import Limits
from hubtwin.rules.working_days import WorkingDays
from hubtwin.stores.audit import Audit
from hubtwin.stores.baskets import Baskets
from hubtwin.stores.signing import Signer
from tests.databases import EmbeddedEngine, Engine

LIMITS = Limits()
START = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)  # Wednesday, 10:00 in Shanghai
NOW_MIN = epoch_minute(START)
DAY = 1440
FIRST, SECOND = "330102001", "330102003"
K, R = AgencyKind, Role


def person(user: str, agency: str, kind: AgencyKind, *roles: Role, scenes: Iterable[str] = ()) -> Person:
    return Person(user, user.title(), agency, kind, frozenset(roles), frozenset(scenes))


LIAISON = person("lin", "street-1", K.STREET, R.AGENCY_LIAISON)
OTHER_STREET = person("tang", "street-2", K.STREET, R.AGENCY_LIAISON)
ANALYST = person("chen", "civil-affairs", K.DEPARTMENT, R.ANALYST)
STEWARD = person("zheng", "civil-affairs", K.DEPARTMENT, R.DATA_STEWARD)
OWNER = person("xu", "public-security", K.DEPARTMENT, R.DATA_OWNER)
OTHER_OWNER = person("he", "civil-affairs", K.DEPARTMENT, R.DATA_OWNER)
AUTHORITY = person("shen", "data", K.DATA, R.DATA_AUTHORITY)
GUARD = person("wu", "data", K.DATA, R.SECURITY_OFFICER)
AUDITOR = person("feng", "audit", K.AUDIT, R.AUDITOR)
OFFICER = person("li", "health", K.HEALTH, R.SCENE_OFFICER, scenes=("epidemic",))
COMMANDER = person("wang", "command", K.COMMAND, R.DUTY_COMMANDER, scenes=("epidemic",))
PEOPLE = {
    each.user_id: each
    for each in (
        LIAISON,
        OTHER_STREET,
        ANALYST,
        STEWARD,
        OWNER,
        OTHER_OWNER,
        AUTHORITY,
        GUARD,
        AUDITOR,
        OFFICER,
        COMMANDER,
    )
}


def listing(name: str, owner: str, sharing: Sharing, **more: object) -> Listing:
    shape = Dataset(
        *(name, name, name, ("no",)),
        (
            Column("no", "string", "编号", "number"),
            Column("street", "string", "街道", "street", nullable=True),
            Column("kind", "string", "类别", "kind", Grade.L2, nullable=True),
            Column("phone", "string", "电话", "phone", Grade.L3, nullable=True),
            Column("health", "string", "健康", "health", Grade.L4, nullable=True),
        ),
    )
    given: dict[str, object] = {
        "purposes": ("care", "statistics"),
        "contract": "1.0.0",
        "street_column": "street",
        "traits": {"phone": Trait(mask="keep_ends_3_4")},
        **more,
    }
    return Listing(shape, "people", owner, sharing, {"zh": name, "en": name}, **given)  # type: ignore[arg-type]


CATALOGUE = Catalogue(
    (Library("people", LibraryKind.BASE, {"zh": "人口", "en": "people"}),),
    (
        listing("shops", "civil-affairs", Sharing.UNCONDITIONAL),
        listing("benches", "public-security", Sharing.UNCONDITIONAL, street_column=""),
        listing("residents", "public-security", Sharing.RESTRICTED),
        listing("meals", "civil-affairs", Sharing.RESTRICTED, contract=""),
        listing("secrets", "public-security", Sharing.NOT_SHARED),
    ),
    agencies=tuple(Agency(each.agency, each.agency_kind, each.agency, each.agency) for each in PEOPLE.values()),
    agency_streets={"street-1": FIRST, "street-2": SECOND},
    purposes={"care": {"zh": "服务", "en": "care"}, "statistics": {"zh": "统计", "en": "statistics"}},
    legal_bases={"law": {"zh": "条例", "en": "law"}},
)
TEMPLATE = Template(
    *(
        "",
        "",
        "residents",
        frozenset({"no", "street", "kind", "phone"}),
        (("phone", "keep_ends_3_4"),),
        frozenset({"care"}),
    ),
    *(frozenset(), frozenset({K.STREET}), 60, NOW_MIN + 300 * DAY),
)


def ask(dataset: str, *columns: str, rows: Rows | None = None, counts_only: bool = False) -> Ask:
    return Ask(dataset, frozenset(columns or ("no", "street")), rows, counts_only)


def form(*asks: Ask, key: str = "k", grantee: str = "agency:street-1", days: int = 30, **more: object) -> Form:
    values: dict[str, object] = {"purpose": "care", "legal_basis": "law", **more}
    now_min = int(str(values.pop("now_min", NOW_MIN)))
    purpose, basis = str(values.pop("purpose")), str(values.pop("legal_basis"))
    return Form(key, grantee, purpose, basis, now_min, now_min + days * DAY, asks, **values)  # type: ignore[arg-type]


def urgent(*asks: Ask, key: str = "e", minutes: int = DAY) -> Form:
    made = form(*asks, key=key, grantee="agency:command", kind=BasketKind.EMERGENCY, reason="flood at the gates")
    return replace(made, until_min=made.from_min + minutes)


Cell = tuple[str, str, str]  # dataset, row, column
DATA: Mapping[str, Mapping[str, str]] = {"1": {"street": FIRST}, "2": {"street": FIRST}, "3": {"street": SECOND}}


def covered(share: Share, dataset: str, column: str, row: Mapping[str, str]) -> bool:
    """Return whether a share covers a cell, read straight from the record."""
    fits = share.rows.everything or (bool(share.rows.values) and row.get(share.rows.column, "") in share.rows.values)
    return share.dataset == dataset and column in share.columns and fits and share.count_floor is None


@dataclass
class Reader:
    """Reads cells as a grantee would: under a live share, with columns by name. It is what the probe tries."""

    town: "Town"

    def read(self, share: Share, columns: Iterable[str]) -> list[Cell]:
        digest = self.town.catalogue.get(share.dataset).digest
        live = replace(share, probed_min=0)  # the trial before it counts
        if not live.is_live(self.town.now_min, digest) or not set(columns) <= share.columns or share.rows.nothing:
            raise Denied("library.lane_closed", dataset=share.dataset, lane=share.lane.value)
        return [
            (share.dataset, number, column)
            for number, row in DATA.items()
            for column in columns
            if covered(replace(share, count_floor=None), share.dataset, column, row)
        ]

    def probe(self, share: Share) -> ProbeResult:
        self.town.probes += 1
        try:
            self.read(share, sorted(share.columns))
        except Denied as error:
            return ProbeResult(False, False, True, error.key)
        try:
            self.read(share, ["health" if "health" not in share.columns else "nowhere"])
        except Denied:
            return ProbeResult(True, True, True)
        return ProbeResult(False, True, False, "forbidden_answered")


@dataclass
class Town:
    """A district at work, whose clock the test moves."""

    directory: Path
    catalogue: Catalogue = CATALOGUE
    now: datetime = START
    probes: int = 0
    stored: int | None = 3
    engine: Engine = field(default_factory=EmbeddedEngine)

    def __post_init__(self) -> None:
        self.database = self.engine.open(self.directory, NOW_MIN)
        self.audit = Audit(self.database, Signer(self.directory), clock=self.clock)
        self.book = Baskets(self.database, self.audit, clock=self.clock)
        self.applying = self.with_probe(Reader(self).probe)

    def with_probe(self, probe: Probe | None, limits: Limits = LIMITS) -> Applying:
        return Applying(
            *(self.book, lambda: self.catalogue, self.clock, ZoneInfo("Asia/Shanghai"), probe),
            stored_rows=lambda _: self.stored,
            limits=limits,
            calendar=WorkingDays(),
        )

    def clock(self) -> datetime:
        return self.now

    @property
    def now_min(self) -> int:
        return epoch_minute(self.now)

    def wait(self, **by: float) -> None:
        self.now += timedelta(**by)

    def change_shape(self, name: str, change: Callable[[Listing], Listing]) -> None:
        listings = tuple(change(each) if each.name == name else each for each in self.catalogue.listings)
        self.catalogue = replace(self.catalogue, listings=listings)

    def live(self, grantee: str) -> list[Share]:
        return [
            share
            for share in self.book.list_shares(grantee)
            if share.is_live(self.now_min, self.catalogue.get(share.dataset).digest)
        ]

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.audit.list_entries()]


@contextmanager
def town_at(directory: Path, engine: Engine | None = None) -> Iterator[Town]:
    town = Town(directory, engine=engine or EmbeddedEngine())
    try:
        yield town
    finally:
        town.database.close()


def with_column(one: Listing) -> Listing:
    """Return a listing whose shape has one column more."""
    more = Column("extra", "string", "附加", "extra", nullable=True)
    return replace(one, dataset=replace(one.dataset, columns=(*one.dataset.columns, more)))
