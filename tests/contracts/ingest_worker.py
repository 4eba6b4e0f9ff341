"""A process that senses one source over HTTP into a store on disk, for the test that kills it.

`python -m tests.contracts.ingest_worker <source> <url> <directory> <place>`; at the `place`-th failpoint it prints its
name and waits to be killed; with 0, or where there are fewer, it ends by itself when nothing is left.
"""

import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from threading import Event

import structlog

from hubtwin.base.failpoint import arm
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.flow.sense import Sensing, sense
from hubtwin.library.report import Report
from hubtwin.model.record import Identity
from hubtwin.rules.privacy import Pseudonym, normalise, pseudonym
from hubtwin.stores.embedded import EmbeddedStore
from tests.contracts.connector_kit import Source
from tests.contracts.connector_sources import SOURCES
from tests.contracts.connector_wire import TOKEN

HUB = "kit"
_KEY = b"k" * 32  # of the test; a hub's keys are in its vault


def sense_all(source: Source, url: str, directory: Path) -> Report:
    """Sense everything that the address has after the cursor of the store in `directory`."""
    store = EmbeddedStore(directory, HUB, clock=lambda: source.context.now, threads=1)
    try:
        how = Sensing(HUB, pseudonymise=_pseudonymise, batch_rows=3)  # small: a kill falls between two batches too
        return sense(source.connector, HttpTransport(url, TOKEN), store, source.context, how)
    finally:
        store.close()


def _pseudonymise(identity: Identity, at_min: int) -> Pseudonym:
    return Pseudonym(pseudonym(_KEY, normalise(identity)))


def _stop_at(wanted: int) -> Callable[[str], None]:
    passed = count(1)

    def stop(place: str) -> None:
        if next(passed) == wanted:
            sys.stdout.write(f"{place}\n")
            sys.stdout.flush()
            Event().wait()

    return stop


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # what it prints is for the test
    _, wanted, address, home, place_no = sys.argv
    arm(_stop_at(int(place_no)))
    sense_all(next(source for source in SOURCES if source.name == wanted), address, Path(home))
