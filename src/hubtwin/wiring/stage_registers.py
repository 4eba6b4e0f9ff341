"""The registers of a demonstration's district: made up, loaded through the door of operation, and coloured.

It takes a while, so it runs in a thread of its own while the day is already replayed; pages say what is there so far.
What is made up bears the mark of synthetic rows from the file to the last answer.
"""

import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType

import structlog

from hubtwin.base.errors import HubError, Retry
from hubtwin.sim.district.faults import PLANTED
from hubtwin.wiring.governing import governing_of
from hubtwin.wiring.library_simulated import simulate_district
from hubtwin.wiring.library_works import tell_audit
from hubtwin.wiring.loading import Asked, Loader
from hubtwin.wiring.works import Works

ROWS, FAULTS, SEED = 400, 6, 7  # rows of each register, faults of each colour in it; ours: a page has something to show
BY = "demo"
_LOG = structlog.get_logger()


class Filling:
    """Fills the library of a demonstration while the rest goes on; `then` is called once it is full."""

    def __init__(self, works: Works, then: Callable[[], object], rows: int = ROWS) -> None:
        """Nothing runs before the block begins."""
        self._works, self._then, self._rows = works, then, rows
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="registers", daemon=True)

    def __enter__(self) -> "Filling":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop after the dataset that is being filled."""
        self._stopped.set()
        self._thread.join()

    def wait(self) -> None:
        """Wait until the library is full."""
        self._thread.join()

    def _run(self) -> None:
        try:
            filled = fill_registers(self._works, self._rows, self._stopped.is_set)
            if not self._stopped.is_set():
                self._then()
            _LOG.info("registers_filled", datasets=filled)
        except HubError as error:
            _LOG.error("registers_failed", reason=error.key)


def fill_registers(works: Works, rows: int, stopped: Callable[[], bool] = lambda: False) -> int:
    """Make registers of `rows` rows, load each and colour it; return how many. Nothing without a district."""
    library, governing = works.library, governing_of(works)
    if library is None or governing is None or not works.settings.district:
        return 0
    tell = partial(tell_audit, works.access.audit)
    loader = Loader(works.settings, library.shelves, library.catalogue, clock=works.access.clock, tell=tell)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "registers"
        faults = {colour.name.lower(): FAULTS for colour in PLANTED}
        now = works.access.clock()
        simulate_district(works.settings, place, rows=rows, seed=SEED, now=now, form="parquet", faults=faults)
        for file, dataset in loader.match_folder(place / "rows"):
            if stopped():
                return count
            loader.load(Asked(dataset, BY, file=file, synthetic=True))
            count += 1
        for dataset in governing.held():
            if stopped():
                return count
            with suppress(Retry):  # the service colours it at this moment
                governing.govern(dataset, BY)
    return count
