"""The part of the fake desk about the catalogue: a small district, nothing held, nobody who used it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubtwin.library.catalogue import Held
from hubtwin.library.contracts import propose
from hubtwin.library.dcat import publish
from hubtwin.library.districts import read_district
from hubtwin.library.hub_listings import hub_catalogue
from hubtwin.library.odcs import write_contract
from hubtwin.library.search import Narrowed, SearchIndex
from hubtwin.model.agency import Person
from hubtwin.web.schemas import catalogue as c
from hubtwin.web.shown_catalogue import CatalogueShower

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NOW_MIN = 29_890_000
SECOND = Path(__file__).parents[1] / "library" / "second_district"


class FakeCatalogue:
    """`web.desk_catalogue.CatalogueDesk` in memory."""

    def __init__(self) -> None:
        self.catalogue = read_district(SECOND, hub_catalogue())
        held = {"cars": Held(10, 10, 1, 100, NOW_MIN - 10)}
        self.shower, self.index = CatalogueShower(self.catalogue, held, NOW_MIN), SearchIndex(self.catalogue)

    def library(self, who: Person) -> c.LibraryReply:
        return self.shower.library()

    def datasets(self, who: Person, asked: str, narrowed: Narrowed) -> c.DatasetsReply:
        hits = self.index.search(asked, narrowed)
        return c.DatasetsReply(
            len(self.catalogue.listings), [self.shower.line(each.listing, each.where) for each in hits]
        )

    def dataset(self, who: Person, name: str) -> c.DatasetReply:
        one, shower = self.catalogue.get(name), self.shower
        return c.DatasetReply(
            line=shower.line(one, ()),
            about=shower.words(one.about),
            steward=one.steward,
            steward_name=shower.agency_name(one.steward),
            update_every_min=one.update_every_min,
            retain_days=one.retain_days,
            confirmed_column=one.confirmed_column,
            street_column=one.street_column,
            purposes=[c.NamedView(each, shower.words(self.catalogue.purposes[each])) for each in one.purposes],
            keywords=one.keywords,
            digest=one.digest,
            columns=[shower.column(each, one) for each in one.dataset.columns],
            checks=[shower.check(each) for each in one.checks],
            unchecked=shower.unchecked(one),
            lowered=shower.lowered(one),
            parents=one.parents,
            origins=one.parents,
            children=(),
            referring={},
            seen_by=[],
            used_by=[],
            versions=[],
            may_publish=False,
        )

    def dcat(self, who: Person, base: str) -> dict[str, Any]:
        return publish(self.catalogue, base, {}, NOW)

    def contract(self, who: Person, name: str, version: str) -> str:
        return write_contract(self.catalogue.get(name))

    def propose_contract(self, who: Person, name: str, content: bytes, *, publish: bool) -> c.ContractReply:
        found = propose(content, name, self.catalogue)
        changes = [c.ChangeView(each.where, str(each.before), str(each.after)) for each in found.changes]
        return c.ContractReply(name, found.listing.contract, changes, found.breaking, (), False, (), None)
