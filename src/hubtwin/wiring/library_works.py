"""What the library of a hub at work is made of, opened together with the hub. Its minutes are those of the real clock:
registers, shares and returns do not run faster because a day is replayed."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.datasets.listing import Catalogue
from hubtwin.library.catalogue import Held
from hubtwin.model.agency import SYSTEM_ID
from hubtwin.settings import Settings
from hubtwin.stores.asking import Engine, folders_of
from hubtwin.stores.audit import Audit
from hubtwin.stores.contracts import Contracts
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.quality import Quality
from hubtwin.stores.shelf_rows import ShelfRows
from hubtwin.stores.shelves import LIBRARY_FOLDER, Shelves
from hubtwin.stores.uploads import Uploads
from hubtwin.wiring.library import open_catalogue

GOVERN_THREADS = 2  # unless hub.toml says how many threads the hub may use
Tell = Callable[[str, Mapping[str, object]], None]  # kind of the audit, what is told


def tell_audit(audit: Audit, kind: str, told: Mapping[str, object]) -> None:
    """Write down what was done, by whom; by the system where nobody is named."""
    audit.append(kind, str(told.get("by", SYSTEM_ID)), told)


@dataclass(frozen=True)
class LibraryWorks:
    """The library of an open hub. `catalogue()` is that of now: a contract that is published changes it."""

    catalogue: Callable[[], Catalogue]
    store: EmbeddedStore
    shelves: Shelves
    rows: ShelfRows
    clock: Clock
    contracts: Contracts
    engine: Engine  # where grantees' questions run
    quality: Quality

    def held(self) -> Mapping[str, Held]:
        """Return what is held of each dataset, of the hub's own and of the district's."""
        return {**self.store.held(), **self.shelves.held()}

    def now_min(self) -> int:
        """Return the minute of the real clock."""
        return epoch_minute(self.clock())


def open_library(
    stack: ExitStack, settings: Settings, store: EmbeddedStore, clock: Clock, tell: Tell, *, contracts: Contracts
) -> LibraryWorks:
    """Open the library beside an open store. `tell` writes into the audit. Raises Absent, Malformed, Retry."""
    shelves = Shelves(store.directory / LIBRARY_FOLDER, at_min=epoch_minute(clock()), audit=tell)
    stack.callback(shelves.close)
    Uploads(shelves.directory).sweep(epoch_minute(clock()))
    rows = ShelfRows(shelves, settings.hub.hub_id, store.status, clock=clock)
    engine = Engine(folders_of(store.directory), threads=settings.threads or 2)
    stack.callback(engine.close)
    threads = settings.threads or GOVERN_THREADS
    quality = Quality(shelves.directory, at_min=epoch_minute(clock()), audit=tell, threads=threads)
    stack.callback(quality.close)
    catalogue = partial(open_catalogue, settings, contracts)
    return LibraryWorks(catalogue, store, shelves, rows, clock, contracts, engine, quality)
