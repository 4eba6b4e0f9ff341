"""What a running hub is made of, opened together: stores, ledger, accounts, grants, audit, vault, clocks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

import structlog

from hubtwin.base.clock import Clock, PacedClock, epoch_minute
from hubtwin.model.duty import Roster
from hubtwin.model.record import Mode
from hubtwin.ports import Ledger
from hubtwin.settings import Settings
from hubtwin.stores.access_rows import AccessRows
from hubtwin.stores.accounts import Accounts
from hubtwin.stores.audit import Audit
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.batches import BatchBooks
from hubtwin.stores.contracts import Contracts
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.field import FieldBooks
from hubtwin.stores.grants import Grants
from hubtwin.stores.journal import Journal, open_journal
from hubtwin.stores.ledger import SqliteLedger
from hubtwin.stores.signing import Signer
from hubtwin.stores.vault import Vault
from hubtwin.wiring.access import open_rows
from hubtwin.wiring.cotravel import Cotravel
from hubtwin.wiring.library_works import LibraryWorks, open_library, tell_audit
from hubtwin.wiring.lists import Ask, WarningList, warn
from hubtwin.wiring.panorama import Panorama
from hubtwin.wiring.partners import Partners, open_partners
from hubtwin.wiring.plugs import directory_of
from hubtwin.wiring.sources import SourceState

HORIZON_MIN = 180
RUN_BITS = 32  # changes of the panorama in one run; the revision of a run never comes again in a later one
_LOG = structlog.get_logger()


@dataclass(frozen=True)
class Access:
    """Who is who, who may read what, and what was written down about it. Its clock is the real one: sessions and
    grants do not run faster because a day is replayed."""

    accounts: Accounts
    grants: Grants
    audit: Audit
    vault: Vault
    clock: Clock
    database: AccessRows  # the rows of all of these; signed reports stand in it too


@dataclass(frozen=True)
class Works:
    """A hub at work. `latest` is the list as the loop last judged it; `clock` is the clock of the hub."""

    settings: Settings
    store: EmbeddedStore
    ledger: Ledger
    access: Access
    clock: Clock
    clocks_min: Mapping[str, int]
    latest: Callable[[], WarningList]
    roster: Roster | None = None
    mode: Mode = "live"
    speed: float = 1.0
    sources: Callable[[], Sequence[SourceState]] = lambda: ()
    partners: Partners | None = None  # the wire to them, where it is open
    cotravel: Cotravel | None = None  # questions to matchers, where they are asked
    batches: BatchBooks | None = None  # what goes to the platform above
    panorama: Panorama = field(default_factory=Panorama)  # the newest of what is sensed
    filed: FieldBooks | None = None  # what staff file with their tasks, sealed
    journal: Journal | None = None  # what pages were shown
    library: LibraryWorks | None = None  # catalogue, shelves, and who may have what of them

    def pace(self) -> float:
        """Return hub seconds per second, as of now."""
        return self.clock.speed if isinstance(self.clock, PacedClock) else self.speed


class Latest:
    """The list of the present hub minute, judged once a minute however many ask."""

    def __init__(self, settings: Settings, store: EmbeddedStore, clock: Clock, rung: str = "auto") -> None:
        """Create it; nothing is judged before somebody asks."""
        self._settings, self._store, self._clock, self._rung = settings, store, clock, rung
        self._lock = Lock()
        self._held: tuple[int, WarningList] | None = None

    def __call__(self) -> WarningList:
        """Return the list; while it is judged anew, others get the one before. Raises as `wiring.warn` does."""
        held = self._held
        if held is not None and (held[0] == self._now_min() or not self._lock.acquire(blocking=False)):
            return held[1]
        if held is None:
            self._lock.acquire()
        try:
            if self._held is None or self._held[0] != self._now_min():
                now = self._clock()
                self._held = (epoch_minute(now), warn(self._settings, self._store, Ask(now, HORIZON_MIN, self._rung)))
            return self._held[1]
        finally:
            self._lock.release()

    def _now_min(self) -> int:
        return epoch_minute(self._clock())


@contextmanager
def open_works(
    settings: Settings,
    *,
    clock: Clock,
    real_clock: Clock,
    clocks_min: Mapping[str, int],
    roster: Roster | None = None,
    mode: Mode = "live",
    speed: float = 1.0,
) -> Iterator[Works]:
    """Open a hub for the time of a block. Raises what its stores raise: Denied, Malformed, Retry."""
    hub_id, status, directory = settings.hub.hub_id, settings.status, directory_of(settings)
    with ExitStack() as stack:
        store = EmbeddedStore(directory, hub_id, clock=real_clock, status=status, threads=settings.threads)
        stack.callback(store.close)
        ledger = SqliteLedger(directory, hub_id, at_min=epoch_minute(clock()), status=status)
        stack.callback(ledger.close)
        access = _open_access(stack, settings, store, real_clock)
        latest = Latest(settings, store, clock)
        partners = open_partners(directory, hub_id, epoch_minute(clock()))
        stack.callback(partners.wire.close)
        batches = BatchBooks(directory, VaultKeys(access.vault), epoch_minute(clock()))
        stack.callback(batches.close)
        filed = FieldBooks(directory, access.vault, epoch_minute(clock()))
        stack.callback(filed.close)
        journal, was_damaged = open_journal(directory, epoch_minute(clock()), settings.journal.max_gb << 30)
        stack.callback(journal.close)
        if was_damaged:
            _LOG.error("journal_damaged")
        yield Works(
            *(settings, store, ledger, access, clock, clocks_min, latest, roster, mode, speed),
            partners=partners,
            batches=batches,
            filed=filed,
            panorama=Panorama(journal.begin_run() << RUN_BITS),
            journal=journal,
            library=_open_library(stack, settings, store, access),
        )


def _open_library(stack: ExitStack, settings: Settings, store: EmbeddedStore, access: Access) -> LibraryWorks:
    contracts = Contracts(access.database, access.audit, clock=access.clock)
    tell = partial(tell_audit, access.audit)
    return open_library(stack, settings, store, access.clock, tell, contracts=contracts)


def _open_access(stack: ExitStack, settings: Settings, store: EmbeddedStore, clock: Clock) -> Access:
    signer = Signer(store.directory)
    database = open_rows(settings.rows, store.directory, signer, epoch_minute(clock()))
    stack.callback(database.close)
    audit = Audit(database, signer, clock=clock)
    vault = Vault(store.directory, clock=clock, record=store.append_event)
    stack.callback(vault.close)
    accounts, grants = Accounts(database, audit, clock=clock), Grants(database, audit, clock=clock)
    return Access(accounts, grants, audit, vault, clock, database)
