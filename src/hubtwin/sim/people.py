"""Passengers of a day: who booked what, with whom, in which seat, and who came. One row of arrays a booking."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from hubtwin.base.clock import DAY_MIN
from hubtwin.sim.draws import cut_groups, pick, share_out
from hubtwin.sim.recipe import Bools, Floats, Ints, Recipe
from hubtwin.sim.trains import NEVER, Runs
from hubtwin.sim.world import World


class Kind(IntEnum):
    """What a booking comes to."""

    ARRIVES = 0
    NO_SHOW = 1
    CANCELLED = 2
    THROUGH = 3  # stays aboard at the hub
    EARLIER = 4  # leaves before the hub; the seat is used again


@dataclass(frozen=True)
class Bookings:
    """Bookings by person: a person has one booking. `board` and `alight` are places in the arrays of Runs.

    `booked_min`, `cancelled_min`, `boarded_min` (epoch minutes, NEVER where it does not happen) say when each became
    known. `order` is shared by who travels together, in one carriage.
    """

    trip: Ints
    kind: Ints
    order: Ints
    carriage: Ints
    row: Ints
    letter: Ints
    board: Ints
    alight: Ints
    booked_min: Ints
    cancelled_min: Ints
    boarded_min: Ints

    def __len__(self) -> int:
        return len(self.trip)


@dataclass(frozen=True)
class _Party:
    """Persons before they have seats: trip, kind, group, boarding and alighting call of each."""

    trip: Ints
    kind: Ints
    group: Ints
    board: Ints
    alight: Ints


def book(world: World, runs: Runs, recipe: Recipe, rng: np.random.Generator, arrivals: int) -> Bookings:
    """Draw the bookings of a day: exactly `arrivals` persons alight at the hub, or as many as there are places for."""
    party = _gather(world, runs, recipe, rng, arrivals)
    seat = _seat(party, runs, recipe, rng)
    maps = recipe.seat_maps
    offset = np.concatenate([[0], np.cumsum([found.seats for found in maps])])
    place = offset[runs.consist[party.trip]] + seat
    carriage = np.concatenate([found.carriage for found in maps])[place]
    later = _turn_over(party, runs, recipe, rng)
    order = _orders(party.group, carriage)
    whole = _join([party, later])
    reused = np.concatenate([np.arange(len(party.trip)), later.group])  # `later.group` holds who sits there next
    order = np.concatenate([order, order.max(initial=-1) + 1 + np.arange(len(later.trip))])
    booked, cancelled, boarded = _moments(whole, order, runs, recipe, rng)
    return Bookings(
        trip=whole.trip,
        kind=whole.kind,
        order=order,
        carriage=carriage[reused],
        row=np.concatenate([found.row for found in maps])[place][reused],
        letter=np.concatenate([found.letter for found in maps])[place][reused],
        board=whole.board,
        alight=whole.alight,
        booked_min=booked,
        cancelled_min=cancelled,
        boarded_min=boarded,
    )


def _gather(world: World, runs: Runs, recipe: Recipe, rng: np.random.Generator, arrivals: int) -> _Party:
    """Draw how many of each kind are on each train, in which groups, from where to where."""
    demand = _demand(world, runs)
    open_calls = np.where(runs.skipped, 0.0, demand)
    counts = _counts(runs, open_calls, recipe, rng, arrivals)
    parts, groups = [], 0
    for kind, totals in counts.items():
        group = cut_groups(rng, totals, recipe.passengers["group_sizes"])
        heads = np.flatnonzero(np.diff(group, prepend=-1))
        trip = np.repeat(np.arange(len(totals)), totals)
        weights = demand if kind is Kind.CANCELLED else open_calls
        board = pick(rng, trip[heads], runs.first, weights)[group]
        alight = runs.hub[trip]
        if kind is Kind.THROUGH:
            alight = pick(rng, trip[heads], runs.first, _beyond(runs))[group]
        parts.append(_Party(trip, np.full(len(trip), int(kind)), group + groups, board, alight))
        groups += len(heads)
    return _join(parts)


def _join(parts: list[_Party]) -> _Party:
    return _Party(
        trip=np.concatenate([part.trip for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        group=np.concatenate([part.group for part in parts]),
        board=np.concatenate([part.board for part in parts]),
        alight=np.concatenate([part.alight for part in parts]),
    )


def _demand(world: World, runs: Runs) -> Floats:
    """Return the pull of each call upstream of the hub: busy stations more, the last minutes before the hub less."""
    sizes = np.array(
        [world.station_sizes.get(call.station_id, 1) for trip in world.trips for call in trip.calls], dtype=np.float64
    )
    ride_min = (runs.plan_arrive_s[runs.hub][runs.trip_of_call] - runs.plan_depart_s) / 60
    return np.where(ride_min > 0, sizes**0.7 * np.clip(ride_min / 40, 0.1, 1.0), 0.0) * _upstream(runs)


def _upstream(runs: Runs) -> Bools:
    return np.arange(len(runs.seq)) < runs.hub[runs.trip_of_call]


def _beyond(runs: Runs) -> Floats:
    return (np.arange(len(runs.seq)) > runs.hub[runs.trip_of_call]).astype(np.float64)


def _counts(
    runs: Runs, open_calls: Floats, recipe: Recipe, rng: np.random.Generator, arrivals: int
) -> dict[Kind, Ints]:
    """Return persons of each kind on each train; all of them together never exceed its seats."""
    seats = np.array([found.seats for found in recipe.seat_maps], dtype=np.int64)[runs.consist]
    figures, trains = recipe.passengers, len(seats)
    boardable = np.add.reduceat(open_calls, runs.first[:-1]) > 0
    running = boardable & ~runs.cancelled
    weights = np.where(running, seats * np.exp(0.3 * rng.standard_normal(trains)), 0.0)
    arrive = share_out(arrivals, weights, (seats * figures["fullest"]).astype(np.int64))
    low, high = figures["no_show"]
    missing = rng.uniform(low, high, trains)
    no_show = rng.binomial(np.round(arrive / (1 - missing)).astype(np.int64), missing)
    given_back = rng.binomial(arrive, figures["cancelled"])
    through = np.where(runs.hub + 1 < runs.first[1:], rng.binomial(arrive, figures["through"]), 0)
    wanted = {Kind.ARRIVES: arrive, Kind.NO_SHOW: no_show, Kind.CANCELLED: given_back, Kind.THROUGH: through}
    sold = (seats * figures["cancelled_train"] * boardable).astype(np.int64)
    left, counts = seats.copy(), {}
    for kind, persons in wanted.items():
        of_cancelled = sold if kind is Kind.CANCELLED else 0
        counts[kind] = np.minimum(np.where(runs.cancelled, of_cancelled, persons), left)
        left = left - counts[kind]
    return counts


def _seat(party: _Party, runs: Runs, recipe: Recipe, rng: np.random.Generator) -> Ints:
    """Return the seat of each person in the seat map of the train: groups in a row, empty seats strewn between."""
    seats = np.array([found.seats for found in recipe.seat_maps], dtype=np.int64)[runs.consist]
    groups = int(party.group.max(initial=-1)) + 1
    size = np.bincount(party.group, minlength=groups)
    heads = np.flatnonzero(np.diff(party.group, prepend=-1))
    empty = seats - np.bincount(party.trip, minlength=len(seats))
    token_trip = np.concatenate([party.trip[heads], np.repeat(np.arange(len(seats)), empty)])
    token_size = np.concatenate([size, np.ones(int(empty.sum()), dtype=np.int64)])
    order = np.lexsort((rng.random(len(token_trip)), token_trip))
    start = np.empty(len(order), dtype=np.int64)
    start[order] = np.cumsum(token_size[order]) - token_size[order]
    train_start = np.concatenate([[0], np.cumsum(seats)[:-1]])
    within = np.arange(len(party.group)) - heads[party.group]
    seat: Ints = start[:groups][party.group] - train_start[party.trip] + within
    return seat


def _orders(group: Ints, carriage: Ints) -> Ints:
    """Return the order of each person: the group, parted where it would span two carriages."""
    begins = (np.diff(group, prepend=-1) != 0) | (np.diff(carriage, prepend=0) != 0)
    return np.cumsum(begins) - 1


def _turn_over(party: _Party, runs: Runs, recipe: Recipe, rng: np.random.Generator) -> _Party:
    """Draw who used a seat before: boards earlier and leaves where, or before, the next one boards.

    In `group` of the result stands the person who has the seat next.
    """
    holds = party.kind != Kind.CANCELLED
    room = party.board - runs.first[party.trip]
    following = np.flatnonzero(holds & (room > 0) & (rng.random(len(room)) < recipe.passengers["turnover"]))
    first, last = runs.first[party.trip[following]], party.board[following]
    alight = first + 1 + np.floor(rng.random(len(last)) * (last - first)).astype(np.int64)
    board = first + np.floor(rng.random(len(last)) * (alight - first)).astype(np.int64)
    calls = ~runs.skipped[board] & ~runs.skipped[alight]
    following = following[calls]
    kind = np.full(len(following), int(Kind.EARLIER))
    return _Party(party.trip[following], kind, following, board[calls], alight[calls])


def _moments(
    party: _Party, order: Ints, runs: Runs, recipe: Recipe, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """Return when each booking was made, given back and used; who travels together books together."""
    figures, orders = recipe.passengers, int(order.max(initial=-1)) + 1
    leave_min = runs.plan_depart_s[party.board] // 60
    soon = np.clip(rng.exponential(figures["late_mean_min"], orders) + 5, 5, DAY_MIN)
    ahead = rng.integers(DAY_MIN, figures["earliest_d"] * DAY_MIN, orders)
    lead = np.where(rng.random(orders) < figures["late"], soon.astype(np.int64), ahead)[order]
    booked = leave_min - lead
    gives_back = party.kind == Kind.CANCELLED
    back = booked + np.floor(rng.random(orders)[order] * np.maximum(lead - 5, 0)).astype(np.int64)
    word = runs.cancelled_min[party.trip]
    booked = np.where(booked >= word, word - 1, booked)
    back = np.where(word < NEVER, np.maximum(word, booked), np.maximum(back, booked + 1))
    left = -(-runs.real_depart_s[party.board] // 60) + figures["board_known_min"]
    came = np.isin(party.kind, (Kind.ARRIVES, Kind.THROUGH, Kind.EARLIER))
    return booked, np.where(gives_back, back, NEVER), np.where(came, left, NEVER)
