"""What simulated tests say: drawn once for each person, kind and attempt, so that nobody's result depends on who else
is tested or in which order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.connectors.test_results.simulator import REPORT_SYSTEM, ResultLine, bundle
from hubtwin.sim.day import DOCUMENT, HubDay
from hubtwin.sim.draws import stream
from hubtwin.sim.recipe import Bools, Floats

BUNDLE_MIN = 10  # a laboratory sends what it has every so many minutes


class Sampled(NamedTuple):
    """A specimen taken of a person of the day at an epoch minute; `attempt` counts from 0."""

    person: int
    kind: str
    at_min: int
    attempt: int = 0


@dataclass(frozen=True)
class Tests:
    """Draws results; `infectious` and `symptomatic` are the truth by person, `figures` those of screening.toml."""

    __test__ = False  # for pytest: no class of tests

    seed: int
    day: date
    infectious: Bools
    symptomatic: Bools
    figures: Mapping[str, Any]
    _drawn: dict[tuple[str, int], Floats] = field(default_factory=dict, repr=False, compare=False)

    def result(self, sampled: Sampled) -> str:
        """Return negative, positive or invalid."""
        figures = self.figures[sampled.kind]
        void, draw, _ = self._draws(sampled)
        if void < figures["invalid"]:
            return "invalid"
        if self.infectious[sampled.person]:
            which = "sensitivity_symptomatic" if self.symptomatic[sampled.person] else "sensitivity_other"
            return "positive" if draw < figures[which] else "negative"
        return "negative" if draw < figures["specificity"] else "positive"

    def result_min(self, sampled: Sampled) -> int:
        """Return the epoch minute at which the result is there."""
        low, high = map(int, self.figures[f"{sampled.kind}_min"]["result"])
        return sampled.at_min + low + int(self._draws(sampled)[2] * (high - low + 1))

    def specimen_min(self, person: int, kind: str, gate_min: int) -> int:
        """Return when the first specimen of a person who was at a gate is taken, where nobody decides otherwise."""
        low, high = map(int, self.figures[f"{kind}_min"]["wait"])
        return gate_min + low + int(self._draws(Sampled(person, f"{kind} wait", gate_min))[0] * (high - low + 1))

    def _draws(self, sampled: Sampled) -> Floats:
        key = (sampled.kind, sampled.attempt)
        if key not in self._drawn:
            rng = stream(self.seed, f"tests {self.day.isoformat()} {sampled.kind} {sampled.attempt}")
            self._drawn[key] = rng.random((len(self.infectious), 3))
        drawn: Floats = self._drawn[key][sampled.person]
        return drawn


def list_results(day: HubDay, tests: Tests, sampled: Iterable[Sampled]) -> list[tuple[int, ResultLine]]:
    """Return (epoch minute at which it is there, result) for each specimen, in order of that minute."""
    found = []
    for one in sampled:
        done = tests.result_min(one)
        report = report_id(day, one)
        taken, given = (local(from_epoch_minute(minute), day.world.zone) for minute in (one.at_min, done))
        line = ResultLine(report, DOCUMENT, day.documents[one.person], one.kind, taken, given, tests.result(one))
        found.append((done, line))
    return sorted(found, key=lambda pair: (pair[0], pair[1].report_id))


def report_id(day: HubDay, sampled: Sampled) -> str:
    """Return the number of the report on a specimen; whoever took it knows it from the label."""
    return f"{sampled.kind[0].upper()}{day.world.hub_date:%Y%m%d}-{sampled.person}-{sampled.attempt}"


def filed_id(day: HubDay, sampled: Sampled) -> str:
    """Return the number of that report as TEST_RESULTS holds it: with the system that gave it."""
    return f"{REPORT_SYSTEM}|{report_id(day, sampled)}"


def list_result_pages(
    day: HubDay, tests: Tests, sampled: Iterable[Sampled], until_min: int | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, bytes): a Bundle for each ten minutes in which results are there, until `until_min`."""
    slots: dict[int, list[ResultLine]] = {}
    for done, line in list_results(day, tests, sampled):
        sent = -(-done // BUNDLE_MIN) * BUNDLE_MIN
        if until_min is None or sent <= until_min:
            slots.setdefault(sent, []).append(line)
    for sent, lines in slots.items():
        stamp = local(from_epoch_minute(sent), day.world.zone).strftime("%Y%m%dT%H%M")
        yield f"test_results/{stamp}.json", bundle(lines)


def sample_all(tests: Tests, gates: Mapping[int, int], kind: str) -> list[Sampled]:
    """Return a first specimen of every person of `gates` (person -> epoch minute at the gate)."""
    return [Sampled(person, kind, tests.specimen_min(person, kind, minute)) for person, minute in sorted(gates.items())]
