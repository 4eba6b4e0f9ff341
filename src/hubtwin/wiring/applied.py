"""Applying at an open hub: the probe on the path of asking, how many rows are held, the clock of the service."""

from hubtwin.library.applying import Applying
from hubtwin.wiring.applying import BasketClock, make_applying, open_baskets
from hubtwin.wiring.asked import Asking
from hubtwin.wiring.library_works import LibraryWorks
from hubtwin.wiring.works import Works


def applying_of(works: Works, asking: Asking | None = None) -> Applying:
    """Return what applying needs at an open hub. Without its library nothing can be probed, so nothing is given."""
    library, probe = works.library, (asking or Asking(works)).probe
    if library is None:
        return make_applying(works.settings, works.access, probe)
    return make_applying(
        *(works.settings, works.access, probe),
        stored_rows=lambda dataset: _stored(library, dataset),
        catalogue=library.catalogue,
    )


def basket_clock_of(works: Works) -> BasketClock:
    """Return what the service does about baskets in each step: escalation, probes, ends, alarms."""
    return BasketClock(applying_of(works), open_baskets(works.access))


def _stored(library: LibraryWorks, dataset: str) -> int | None:
    held = library.held().get(dataset)
    return None if held is None else held.rows
