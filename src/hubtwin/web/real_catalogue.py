"""The catalogue of a hub at work: what the folder of its district declares under published contracts, what is held of
it, who may see it by live shares, who used it by the audit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.errors import Absent, Denied, HubError
from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.library.contracts import propose
from hubtwin.library.dcat import publish as publish_dcat
from hubtwin.library.lineage import list_children, list_origins, list_referring
from hubtwin.library.odcs import write_contract
from hubtwin.library.search import Narrowed, SearchIndex
from hubtwin.model.agency import Person
from hubtwin.model.colour import Colour
from hubtwin.model.partner import Way
from hubtwin.model.sharing import Share
from hubtwin.rules.permission import is_allowed, may
from hubtwin.stores.audit import Audit, Entry
from hubtwin.stores.contracts import Published
from hubtwin.web.schemas import catalogue as c
from hubtwin.web.shown_catalogue import CatalogueShower, empty_words
from hubtwin.wiring.applying import open_baskets
from hubtwin.wiring.library_works import LibraryWorks
from hubtwin.wiring.works import Works

TAKING = frozenset({Way.HTTPS, Way.FILES})  # ways on which batches reach a partner as they are
LOOKED_BACK_MIN = 90 * DAY_MIN  # ours: how far back the uses of a dataset are counted
Colours = Callable[[str], Mapping[str, int] | None]


@dataclass(frozen=True)
class Beside:
    """What other parts know of a dataset. `shares` are those given of it, also those that are over; `agency_of` says of
    whose agency a user is, empty where nobody knows; `colours` counts its rows by colour; `partners` are the names of
    those to whom shares can leave."""

    shares: Callable[[str], list[Share]]
    agency_of: Callable[[str], str]
    colours: Colours = lambda _: None
    partners: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def open_real_catalogue(works: Works) -> "RealCatalogue":
    """Return the catalogue of an open hub."""
    access, baskets = works.access, open_baskets(works.access)

    def agency_of(user_id: str) -> str:
        try:
            return access.accounts.get_person(user_id).agency
        except HubError:  # an account that is gone, or a scene
            return ""

    def colours(name: str) -> Mapping[str, int] | None:
        quality = works.library.quality if works.library else None
        if quality is None or quality.last_run(name) is None:
            return None
        return {Colour(colour).name.lower(): rows for colour, rows in sorted(quality.counted(name).colours.items())}

    partners = {name: told.partner.name for name, told in works.settings.partners.items() if told.partner.way in TAKING}
    beside = Beside(lambda name: baskets.list_all_shares(dataset=name), agency_of, colours, partners)
    return RealCatalogue(works.library, access.audit, beside)


class RealCatalogue:
    """`web.desk_catalogue.CatalogueDesk` of a hub at work."""

    def __init__(self, library: LibraryWorks | None, audit: Audit, beside: Beside) -> None:
        """Take the open library, the audit, and what other parts know."""
        self._opened, self._audit, self._beside = library, audit, beside
        self._indexing = Lock()
        self._indexed: SearchIndex | None = None

    def library(self, who: Person) -> c.LibraryReply:
        """Return the libraries, and what an application may name."""
        may(who, "catalogue.read")
        return self._shower().library()

    def datasets(self, who: Person, asked: str, narrowed: Narrowed) -> c.DatasetsReply:
        """Return what is found."""
        may(who, "catalogue.read")
        catalogue = self._library.catalogue()
        hits = self._index(catalogue).search(asked, narrowed)
        shower = self._shower()
        return c.DatasetsReply(len(catalogue.listings), [self._line(shower, hit.listing, hit.where) for hit in hits])

    def dataset(self, who: Person, name: str) -> c.DatasetReply:
        """Return a dataset with all that is said of it. Raises Absent."""
        may(who, "catalogue.read")
        catalogue, shower = self._library.catalogue(), self._shower()
        listing = catalogue.get(name)
        steward = shower.agency_name(listing.steward) if listing.steward else empty_words()
        return c.DatasetReply(
            self._line(shower, listing, ()),
            shower.words(listing.about),
            listing.steward,
            steward,
            *(listing.update_every_min, listing.retain_days, listing.confirmed_column, listing.street_column),
            [c.NamedView(each, shower.words(catalogue.purposes[each])) for each in listing.purposes],
            listing.keywords,
            listing.digest,
            [shower.column(each, listing) for each in listing.dataset.columns],
            [shower.check(each) for each in listing.checks],
            shower.unchecked(listing),
            shower.lowered(listing),
            listing.parents,
            list_origins(catalogue, name),
            list_children(catalogue, name),
            list_referring(catalogue, name),
            self._seen_by(listing, shower),
            self._used_by(name, shower),
            [_version(each) for each in self._library.contracts.list_versions(name)],
            _is_writer(who, listing),
        )

    def _line(self, shower: CatalogueShower, listing: Listing, where: Sequence[str]) -> c.DatasetLine:
        return shower.line(listing, where, self._beside.colours(listing.name))

    def dcat(self, who: Person, base: str) -> dict[str, Any]:
        """Return the catalogue in DCAT."""
        may(who, "catalogue.read")
        return publish_dcat(self._library.catalogue(), base, self._library.held(), self._library.clock())

    def contract(self, who: Person, name: str, version: str) -> str:
        """Return the contract in force, or a published version. Raises Absent."""
        may(who, "catalogue.read")
        catalogue = self._library.catalogue()
        listing = catalogue.get(name)
        if version and version != listing.contract:
            return self._library.contracts.get(name, version)
        return write_contract(listing, catalogue.title.get("en", ""))

    def propose_contract(self, who: Person, name: str, content: bytes, *, publish: bool) -> c.ContractReply:
        """Return what a contract changes, and publish it if asked.

        Raises Absent, Malformed for a contract that cannot be published, Denied for whom the dataset is none of theirs.
        """
        may(who, "contract.write")
        catalogue = self._library.catalogue()
        listing = catalogue.get(name)
        if not _is_writer(who, listing):
            raise Denied("web.contract_of_others", dataset=name, owner=listing.owner)
        found = propose(content, name, catalogue)
        suspends, made = found.listing.digest != listing.digest, None
        ends = self._seen_by(listing, self._shower()) if suspends else []  # as they stand before it is published
        if publish and found.changes:
            told = write_contract(found.listing, catalogue.title.get("en", ""))
            count = len(found.changes)
            made = self._library.contracts.publish(name, found.listing.contract, told, by=who.user_id, changes=count)
        return c.ContractReply(
            name,
            found.listing.contract,
            [c.ChangeView(each.where, _plain(each.before), _plain(each.after)) for each in found.changes],
            found.breaking,
            self._shower().unchecked(found.listing),
            *(suspends, ends),
            _version(made) if made else None,
        )

    @property
    def _library(self) -> LibraryWorks:
        if self._opened is None:
            raise Absent("web.no_library")
        return self._opened

    def _shower(self) -> CatalogueShower:
        library = self._library
        return CatalogueShower(library.catalogue(), library.held(), library.now_min(), self._beside.partners)

    def _index(self, catalogue: Catalogue) -> SearchIndex:
        with self._indexing:
            if self._indexed is None or self._indexed.catalogue is not catalogue:
                self._indexed = SearchIndex(catalogue)
            return self._indexed

    def _seen_by(self, listing: Listing, shower: CatalogueShower) -> list[c.SeenByView]:
        now_min = self._library.now_min()
        live = [each for each in self._beside.shares(listing.name) if each.is_live(now_min, listing.digest)]
        return [shower.seen_by(each) for each in sorted(live, key=lambda each: (each.grantee, each.until_min))]

    def _used_by(self, name: str, shower: CatalogueShower) -> list[c.UsedByView]:
        """Count the questions of the last ninety days by the agency of who asked, those who asked most first."""
        since = max(0, self._library.now_min() - LOOKED_BACK_MIN)
        entries = self._audit.list_entries(kind="LibraryAsked", from_min=since, naming=f'"{name}"')
        found: dict[str, list[Entry]] = {}
        for entry in entries:
            if name in entry.payload.get("datasets", ()):
                found.setdefault(self._beside.agency_of(entry.by) or entry.by, []).append(entry)
        used = [
            c.UsedByView(
                agency,
                shower.agency_name(agency),
                len(asked),
                sum(int(each.payload.get("rows", 0)) for each in asked),
                asked[-1].at_min,
            )
            for agency, asked in found.items()
        ]
        return sorted(used, key=lambda each: (-each.asked, each.agency))


def _is_writer(who: Person, listing: Listing) -> bool:
    """Return whether a contract is somebody's to publish: a steward of its owner, or of who looks after it."""
    return is_allowed(who, "contract.write") and who.agency in (listing.owner, listing.steward)


def _version(told: Published) -> c.VersionView:
    return c.VersionView(told.version, told.sha256, told.by, told.at_min)


def _plain(value: Any) -> Any:
    """Return a part of a declaration as JSON carries it."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
