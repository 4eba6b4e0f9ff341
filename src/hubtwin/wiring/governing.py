"""Governing the library at a hub: runs over the shelves, what the colours say, rows that fail, work orders.

The command line and the page both come through here. Looking at rows is for who owns or looks after the dataset, is
written into the audit before the rows are handed over, and shows each column under the mask of its grade.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import pyarrow as pa
import structlog

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Denied, HubError
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.library.governing import Histogram, Order, OrderState, add_up, dataset_colour, rating
from hubtwin.model.agency import Person
from hubtwin.model.colour import Colour
from hubtwin.rules.masks import NULL, default_mask
from hubtwin.rules.quality_rules import RuleBook, list_rules
from hubtwin.settings import Settings
from hubtwin.stores.audit import Audit
from hubtwin.stores.own_rows import OwnRows
from hubtwin.stores.quality import Quality, Run, Source, Trend
from hubtwin.stores.quality_look import FailingRow, look_at
from hubtwin.stores.served import make_copies
from hubtwin.stores.shelf_files import ShelfFile
from hubtwin.stores.shelves import LIBRARY_FOLDER, Shelves
from hubtwin.stores.signing import Signer
from hubtwin.wiring.access import open_rows
from hubtwin.wiring.library import open_catalogue
from hubtwin.wiring.library_works import GOVERN_THREADS, Tell, tell_audit
from hubtwin.wiring.minutes import OnceAMinute
from hubtwin.wiring.pieces import Pieces
from hubtwin.wiring.plugs import CONNECTORS, directory_of, get_connector, open_store
from hubtwin.wiring.works import Works

TREND_RUNS = 30
_LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a dataset stands after its last run: its colour and its five-level rating are None without records."""

    listing: Listing
    run: Run
    colour: Colour | None
    rating: int | None


@dataclass(frozen=True, slots=True)
class Sum:
    """All datasets together, and each library: what is governed and repaired are records, by definition."""

    colours: Histogram
    governed: int
    repaired: int
    datasets: int
    libraries: Mapping[str, Histogram]


class Governing:
    """What governing needs at a hub."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        shelves: Shelves,
        quality: Quality,
        *,
        clock: Clock,
        tell: Tell,
        own: OwnRows | None = None,
    ) -> None:
        """Take the catalogue of now, the shelves, the store of quality, the real clock, and where the rows of the hub's
        own datasets are; without it these are not governed."""
        self._catalogue, self._shelves, self.quality, self._own = catalogue, shelves, quality, own
        self._clock, self._tell = clock, tell

    def now_min(self) -> int:
        """Return the minute of the real clock."""
        return epoch_minute(self._clock())

    def names(self) -> list[str]:
        """Return the datasets that can be governed."""
        return [each.name for each in self._catalogue().listings if self._own or not is_own(each.name)]

    def held(self) -> list[str]:
        """Return those of them of which rows are held, in the order of the catalogue."""
        held = {file.dataset for file in self._shelves.files()} | set(self._own.held() if self._own else ())
        return [name for name in self.names() if name in held]

    def files_of(self, dataset: str) -> frozenset[str]:
        """Return the names of the files of rows of a dataset that count now."""
        return frozenset(file.path.name for file in self._files(dataset))

    def list_uncoloured(self) -> list[str]:
        """Return the datasets with files of rows that no run has seen yet, or whose colours tell of rows that are
        gone."""
        return [
            name
            for name in self.names()
            if self.files_of(name) != {state.file.path.name for state in self.quality.states(name)}
        ]

    def book(self, dataset: str) -> RuleBook:
        """Return the rules of a dataset. Raises Absent, Malformed."""
        catalogue = self._catalogue()
        return list_rules(catalogue.get(dataset), catalogue)

    def govern(self, dataset: str, by: str) -> Run:
        """Colour a dataset. Raises Absent, Malformed, Retry."""
        catalogue = self._catalogue()
        listing, source = catalogue.get(dataset), Source(self._files, self._withheld, self._unreadable)
        run = self.quality.govern(listing, catalogue, source, now_min=self.now_min(), by=by)
        if not is_own(dataset):
            self._copy(listing)
        return run

    def _copy(self, listing: Listing) -> None:
        """Make what questions read; without it they leave out black rows themselves, so nothing here is an error."""
        dataset = listing.name
        try:
            source = Pieces(self._shelves, self.quality.settled)(dataset)
            make_copies(
                self._shelves.directory, listing, source, lambda: {file.path for file in self._shelves.files(dataset)}
            )
        except (OSError, HubError, pa.ArrowException) as error:
            _LOG.warning("copies_not_made", dataset=dataset, reason=type(error).__name__)

    def _files(self, dataset: str) -> list[ShelfFile]:
        if not is_own(dataset):
            return self._shelves.files(dataset)
        return self._own.files(dataset) if self._own else []

    def _withheld(self, dataset: str) -> list[int]:
        return [] if is_own(dataset) else [each.row_no for each in self._shelves.withheld(dataset)]

    def _unreadable(self, dataset: str) -> int:
        if not is_own(dataset):
            return self._shelves.count_quarantined().get(dataset, 0)
        return self._own.unreadable(dataset) if self._own else 0

    def standing(self, dataset: str) -> Standing | None:
        """Return how a dataset stands, None before its first run. Raises Absent."""
        listing, run = self._catalogue().get(dataset), self.quality.last_run(dataset)
        return None if run is None else _standing(listing, run)

    def standings(self) -> list[Standing]:
        """Return how every dataset stands that was governed and is still listed, in the order of the catalogue."""
        runs = {run.dataset: run for run in self.quality.last_runs()}
        return [_standing(each, runs[each.name]) for each in self._catalogue().listings if each.name in runs]

    def total(self, standings: Sequence[Standing]) -> Sum:
        """Return all of them together."""
        by_library: dict[str, list[Histogram]] = {}
        for each in standings:
            by_library.setdefault(each.listing.library, []).append(each.run.colours)
        libraries = {name: add_up(parts) for name, parts in by_library.items()}
        governed, repaired = (sum(getattr(s.run, name) for s in standings) for name in ("governed", "repaired"))
        return Sum(add_up(list(libraries.values())), governed, repaired, len(standings), libraries)

    def trend(self, dataset: str) -> list[Trend]:
        """Return successes and failures of each rule over the last runs. Raises Absent."""
        return self.quality.trend(self._catalogue().get(dataset).name, TREND_RUNS)

    def look(
        self,
        who: Person,
        dataset: str,
        *,
        rule: str = "",
        colour: Colour | None = None,
        after: int = 0,
        limit: int = 20,
    ) -> list[FailingRow]:
        """Return a few rows that fail, masked. Raises Absent, Malformed, Denied for who neither owns nor looks after
        the dataset. The audit hears of it before the rows are handed over."""
        catalogue = self._catalogue()
        listing = catalogue.get(dataset)
        refuse_stranger(listing, who)
        masks = masks_of(listing, catalogue)
        book = list_rules(listing, catalogue)
        found = look_at(self.quality, book, masks, rule=rule, colour=colour, after=after, limit=limit)
        told = {"dataset": dataset, "rule": rule, "colour": colour.name.lower() if colour else "", "rows": len(found)}
        self._tell("QualityRowsRead", {**told, "columns": sorted(masks), "by": who.user_id})
        return found

    def orders(self, *, dataset: str = "", agency: str = "", closed: bool = False) -> list[Order]:
        """Return work orders, what is due first."""
        return self.quality.orders.list_orders(dataset=dataset, agency=agency, closed=closed)

    def answer(self, who: Person, order_id: str, state: OrderState, reason: str) -> Order:
        """Answer a work order. Raises Absent, and Denied for who is of another agency than it went to."""
        order = self.quality.orders.get(order_id)
        if order.agency != who.agency:
            raise Denied("wiring.order_of_others", order=order_id)
        return self.quality.orders.answer(order_id, state, reason, by=who.user_id, at_min=self.now_min())

    def escalate(self) -> list[Order]:
        """Escalate what is overdue by now; return it."""
        return self.quality.orders.escalate(self.now_min())


class QualityClock:
    """What the clock does to work orders, as a part of each step of the service; once a minute of the real clock."""

    def __init__(self, governing: Governing) -> None:
        """Take what governs."""
        self._governing, self._once = governing, OnceAMinute(governing.now_min, self._escalate)
        self.escalated = 0

    def __call__(self, _: datetime) -> None:
        """Escalate what is overdue. Raises Retry."""
        self._once()

    def _escalate(self, _: int) -> None:
        self.escalated += len(self._governing.escalate())


def is_own(dataset: str) -> bool:
    """Tell whether a dataset is one of the hub's own, whose rows are in its store and not on the shelves."""
    return dataset in DATASETS


def main_dataset(source: str) -> str:
    """Return the dataset that the connector of a source names first, empty for a source that is no connector's: a row
    that could not be read as a row of any dataset counts there."""
    for kind in CONNECTORS:
        manifest = get_connector(kind).manifest
        if manifest.name == source and manifest.datasets:
            return manifest.datasets[0]
    return ""


def refuse_stranger(listing: Listing, who: Person) -> None:
    """Raise Denied for somebody whose agency neither owns nor looks after a dataset, whatever their role."""
    if who.agency not in {listing.owner, listing.steward} - {""}:
        raise Denied("wiring.quality_rows_of_others", dataset=listing.name)


def masks_of(listing: Listing, catalogue: Catalogue) -> dict[str, str]:
    """Return the mask of each column by its grade; columns of which nothing may be shown are left out."""
    formats = {each.name: each.format for each in catalogue.elements}
    masks = {}
    for column in listing.dataset.columns:
        trait = listing.trait(column.name)
        told = default_mask(column, formats.get(trait.element, ""))
        if told != NULL:
            masks[column.name] = told
    return masks


def _standing(listing: Listing, run: Run) -> Standing:
    return Standing(listing, run, dataset_colour(run.colours), rating(run.colours))


def governing_of(works: Works) -> Governing | None:
    """Return what governs at an open hub, None where it has no library."""
    library = works.library
    if library is None:
        return None
    tell = partial(tell_audit, works.access.audit)
    own = OwnRows(library.store, main_dataset)
    return Governing(library.catalogue, library.shelves, library.quality, clock=library.clock, tell=tell, own=own)


def quality_clock_of(works: Works) -> Callable[[datetime], None]:
    """Return what the service does about work orders in each step: what is overdue goes up."""
    governing = governing_of(works)
    return QualityClock(governing) if governing else lambda now: None


@contextmanager
def opened_governing(settings: Settings, clock: Clock) -> Iterator[Governing]:
    """Open what governing needs, beside a hub that may be at work or not. Raises what its stores raise."""
    directory = directory_of(settings)
    with ExitStack() as stack:
        at_min = epoch_minute(clock())
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        signer = Signer(directory)
        database = open_rows(settings.rows, directory, signer, at_min)
        stack.callback(database.close)
        tell = partial(tell_audit, Audit(database, signer, clock=clock))
        shelves = Shelves(directory / LIBRARY_FOLDER, at_min=at_min, audit=tell)
        stack.callback(shelves.close)
        quality = Quality(
            directory / LIBRARY_FOLDER, at_min=at_min, audit=tell, threads=settings.threads or GOVERN_THREADS
        )
        stack.callback(quality.close)
        own = OwnRows(stack.enter_context(open_store(settings, clock)), main_dataset)
        yield Governing(partial(open_catalogue, settings), shelves, quality, clock=clock, tell=tell, own=own)
