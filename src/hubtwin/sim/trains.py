"""Trains of a day: which set runs, how late it gets, and what is known of that at each minute."""

from dataclasses import dataclass

import numpy as np

from hubtwin.sim.recipe import Bools, Ints, Recipe
from hubtwin.sim.world import Trip, World

NEVER = 2**31 - 1  # the last epoch minute that a dataset can hold
_FIRST_WORD_MIN = 60  # a train is first reported this long before it leaves its origin


@dataclass(frozen=True)
class Runs:
    """All calls of all trips in one row of arrays; `first[t]:first[t + 1]` are those of trip t, `hub[t]` its hub call.

    Times in epoch seconds. `real_*` is what happens. `cancelled_min` and `skip_known_min` (epoch minutes, NEVER
    where it does not happen) say when a cancelled trip and a skipped call become known.
    """

    first: Ints
    hub: Ints
    seq: Ints
    plan_arrive_s: Ints
    plan_depart_s: Ints
    real_arrive_s: Ints
    real_depart_s: Ints
    skip_known_min: Ints
    cancelled_min: Ints
    consist: Ints

    @property
    def skipped(self) -> Bools:
        """Return which calls are skipped in the end."""
        return self.skip_known_min < NEVER

    @property
    def cancelled(self) -> Bools:
        """Return which trips are cancelled in the end."""
        return self.cancelled_min < NEVER

    @property
    def trip_of_call(self) -> Ints:
        """Return the trip of each call."""
        return np.repeat(np.arange(len(self.hub)), np.diff(self.first))


@dataclass(frozen=True, slots=True)
class Expected:
    """What an observation says of one call: delays in seconds (None where it does not call)."""

    seq: int
    arrival_delay_s: int | None
    departure_delay_s: int | None


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known at a minute of a trip (its place in World.trips): all its calls, none if it is cancelled."""

    trip: int
    observed_min: int
    cancelled: bool
    calls: tuple[Expected, ...]


def run_trains(world: World, recipe: Recipe, rng: np.random.Generator) -> Runs:
    """Draw sets, delays, cancellations and skipped calls. The hub's call is never skipped."""
    trips, figures = world.trips, recipe.delays
    sizes = np.array([len(trip.calls) for trip in trips], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(sizes)])
    hub = first[:-1] + np.array([trip.hub_at for trip in trips], dtype=np.int64)
    calls = [call for trip in trips for call in trip.calls]
    weights = np.array([seat_map.weight for seat_map in recipe.seat_maps])
    consist = rng.choice(len(weights), size=len(trips), p=weights / weights.sum())
    plan_arrive = np.array([call.arrive_min for call in calls], dtype=np.int64) * 60
    plan_depart = np.array([call.depart_min for call in calls], dtype=np.int64) * 60
    real = [_drive(trip, recipe, rng) for trip in trips]
    upstream = np.arange(len(calls)) < np.repeat(hub, sizes)
    skipped = upstream & (rng.random(len(calls)) < figures["skipped"])
    told_min = plan_arrive // 60 - rng.integers(60, 180, size=len(calls))
    cancelled = rng.random(len(trips)) < figures["cancelled"]
    word_min = plan_depart[first[:-1]] // 60 - rng.integers(30, 180, size=len(trips))
    return Runs(
        first=first,
        hub=hub,
        seq=np.array([call.seq for call in calls], dtype=np.int64),
        plan_arrive_s=plan_arrive,
        plan_depart_s=plan_depart,
        real_arrive_s=plan_arrive + np.array([late for run in real for late, _ in run], dtype=np.int64),
        real_depart_s=plan_depart + np.array([late for run in real for _, late in run], dtype=np.int64),
        skip_known_min=np.where(skipped, told_min, NEVER),
        cancelled_min=np.where(cancelled, word_min, NEVER),
        consist=consist.astype(np.int64),
    )


def _drive(trip: Trip, recipe: Recipe, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return (arrival delay, departure delay) in seconds at each call: a delay is carried on, made up, and added to.

    A train never leaves before its time and stops for a moment at least; it may arrive a minute early.
    """
    figures = recipe.delays
    noise = rng.normal(0.0, figures["leg_noise_s"], size=len(trip.calls))
    incidents = rng.random(len(trip.calls)) < figures["incident"]
    sizes = figures["incident_s"][0] * np.exp(figures["incident_s"][1] * rng.standard_normal(len(trip.calls)))
    late = 0.0
    if rng.random() >= figures["on_time"]:
        late = figures["origin_s"][0] * float(np.exp(figures["origin_s"][1] * rng.standard_normal()))
    delays = [(int(late), int(late))]
    for i in range(1, len(trip.calls)):
        late = late * (1 - figures["recovery"]) + float(noise[i]) + (float(sizes[i]) if incidents[i] else 0.0)
        arrive = int(max(late, -60.0))
        stop_s = (trip.calls[i].depart_min - trip.calls[i].arrive_min) * 60
        depart = max(0, arrive + min(stop_s, figures["dwell_s"]) - stop_s)
        delays.append((arrive, depart))
        late = float(depart)
    return delays


def observe(world: World, runs: Runs, recipe: Recipe) -> list[Observation]:
    """Return what becomes known, in order of time, until the arrival at the hub: at each departure, when a skipped
    call or a cancellation is announced. Calls ahead carry the delay of now less what is usually made up.
    """
    found = []
    for trip in range(len(world.trips)):
        calls = slice(int(runs.first[trip]), int(runs.first[trip + 1]))
        end_min = int(runs.cancelled_min[trip])
        moments = _moments(runs, calls, int(runs.hub[trip]))
        found += [
            Observation(trip, minute, False, _expect(runs, calls, minute, recipe))
            for minute in moments
            if minute < end_min
        ]
        if end_min < NEVER:
            found.append(Observation(trip, end_min, True, ()))
    return sorted(found, key=lambda seen: (seen.observed_min, seen.trip))


def _moments(runs: Runs, calls: slice, hub: int) -> list[int]:
    runs_there = ~runs.skipped[calls]
    left = -(-runs.real_depart_s[calls][runs_there] // 60)  # a departure inside a minute is known when it is over
    told = runs.skip_known_min[calls][~runs_there]
    first = runs.plan_depart_s[calls.start] // 60 - _FIRST_WORD_MIN
    arrived = -(-runs.real_arrive_s[hub] // 60)
    found = {int(minute) for minute in (first, arrived, *left, *told)}
    return sorted(minute for minute in found if minute <= arrived)


def _expect(runs: Runs, calls: slice, minute: int, recipe: Recipe) -> tuple[Expected, ...]:
    """Return delays as known at `minute`: real ones for what has happened, carried on for the rest."""
    keep = 1 - float(recipe.delays["recovery"])
    late, expected = 0.0, []
    for call in range(calls.start, calls.stop):
        if runs.skip_known_min[call] <= minute:
            expected.append(Expected(int(runs.seq[call]), None, None))
            continue
        arrive, depart = int(late), max(0, int(late))
        if runs.real_arrive_s[call] <= minute * 60:
            arrive = int(runs.real_arrive_s[call] - runs.plan_arrive_s[call])
            depart = max(0, arrive)
        if runs.real_depart_s[call] <= minute * 60:
            depart = int(runs.real_depart_s[call] - runs.plan_depart_s[call])
        expected.append(Expected(int(runs.seq[call]), arrive, depart))
        late = depart * keep
    return tuple(expected)
