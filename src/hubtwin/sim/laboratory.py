"""The laboratory of a simulated day: it takes specimens while the day goes on and sends each result once."""

from collections.abc import Iterable
from heapq import heappop, heappush

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.connectors.test_results.simulator import ResultLine, bundle
from hubtwin.sim.day import HubDay
from hubtwin.sim.results import Sampled, Tests, list_results


class Laboratory:
    """Takes specimens and gives Bundles of FHIR, one for each minute in which results are there."""

    def __init__(self, day: HubDay, tests: Tests) -> None:
        """Open it without specimens; `tests` says what they will show, and when."""
        self._day, self._tests = day, tests
        self._known: set[tuple[int, str, int]] = set()
        self._waiting: list[tuple[int, str, ResultLine]] = []
        self._sent_min: int | None = None

    def take(self, sampled: Iterable[Sampled]) -> None:
        """Take specimens in; one that was taken before (person, kind, attempt) is the same one."""
        for one in sampled:
            key = (one.person, one.kind, one.attempt)
            if key in self._known:
                continue
            self._known.add(key)
            ((done, line),) = list_results(self._day, self._tests, (one,))
            heappush(self._waiting, (done, line.report_id, line))

    def pages(self, until_min: int) -> list[tuple[str, bytes]]:
        """Return (name, Bundle) of the results that are there at `until_min` and were not given before, by time.

        A minute is asked about once: what came in late is sent with the next one, so that no name comes twice.
        """
        if self._sent_min is not None and until_min <= self._sent_min:
            return []
        slots: dict[int, list[ResultLine]] = {}
        while self._waiting and self._waiting[0][0] <= until_min:
            done, _, line = heappop(self._waiting)
            late = self._sent_min is not None and done <= self._sent_min
            slots.setdefault(until_min if late else done, []).append(line)
        self._sent_min = until_min
        return [(self._name(minute), bundle(lines)) for minute, lines in sorted(slots.items())]

    def _name(self, minute: int) -> str:
        stamp = local(from_epoch_minute(minute), self._day.world.zone).strftime("%Y%m%dT%H%M")
        return f"test_results/{stamp}.json"
