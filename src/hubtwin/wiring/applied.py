"""Applying at an open hub: the probe on the path of asking, how many rows are held, the clock of the service."""

from dataclasses import replace

from hubtwin.base.errors import HubError
from hubtwin.datasets.listing import Catalogue
from hubtwin.library.applying import Applying
from hubtwin.library.asking import probe
from hubtwin.model.sharing import ProbeResult, Share
from hubtwin.wiring.applying import BasketClock, make_applying, open_baskets
from hubtwin.wiring.asked import Asking
from hubtwin.wiring.library_works import LibraryWorks
from hubtwin.wiring.works import Works


class Prober:
    """Tries shares on the path of asking. The shares of a basket are tried on one reading of the catalogue, because
    reading it costs a fifth of a trial; what changes meanwhile is found by the next question."""

    def __init__(self, asking: Asking) -> None:
        """Nothing is opened yet."""
        self._asking = asking
        self._read: tuple[tuple[str, int], Catalogue] | None = None

    def __call__(self, share: Share) -> ProbeResult:
        """Try a share; what cannot be tried has not passed."""
        try:
            desk = self._asking.desk
            key, held = (share.basket_id, desk.now_min()), self._read
            found = held[1] if held is not None and held[0] == key else desk.catalogue()
            self._read = key, found
            return probe(replace(desk, catalogue=lambda: found), share)
        except HubError as error:
            return ProbeResult(False, False, False, error.key)


def applying_of(works: Works, asking: Asking | None = None) -> Applying:
    """Return what applying needs at an open hub. Without its library nothing can be probed, so nothing is given."""
    library, prober = works.library, Prober(asking or Asking(works))
    if library is None:
        return make_applying(works.settings, works.access, prober)
    return make_applying(
        *(works.settings, works.access, prober),
        stored_rows=lambda dataset: _stored(library, dataset),
        catalogue=library.catalogue,
    )


def basket_clock_of(works: Works) -> BasketClock:
    """Return what the service does about baskets in each step: escalation, probes, ends, alarms."""
    return BasketClock(applying_of(works), open_baskets(works.access))


def _stored(library: LibraryWorks, dataset: str) -> int | None:
    held = library.held().get(dataset)
    return None if held is None else held.rows
