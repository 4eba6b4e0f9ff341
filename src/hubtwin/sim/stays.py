"""Where each passenger was in the days before boarding: at home, on outings, and a few on planned visits.

Nobody is exposed by where they live as such: a resident of a county is in a listed community as often as there are
listed ones among all its communities. Planted visits go to anybody, whatever the home.
"""

from dataclasses import dataclass, fields

import numpy as np

from hubtwin.base.clock import DAY_MIN
from hubtwin.sim.draws import pick
from hubtwin.sim.people import Bookings
from hubtwin.sim.places import NOWHERE, OTHER, Places
from hubtwin.sim.recipe import Bools, Ints, Recipe
from hubtwin.sim.trains import Runs
from hubtwin.sim.world import World

SLOTS = 3  # outings in a look-back, at most, each in its third of the time
_GATE_MIN = 40  # a stay ends this long before the train leaves
_ROAD_MIN = 90  # on the way between two counties
_WALK_MIN = 10  # on the way to a visit near home
_NEAR = 5  # counties this close in the list of codes are neighbours
_ORDINARY = 30  # ordinary communities of a street
_SHORT_MIN, _LONG_MIN = 30, 240  # a visit near home


@dataclass(frozen=True)
class Stays:
    """Stays in order of person and time: person, county, street (or NOWHERE), community (listed place, NOWHERE or
    OTHER - n), half-open epoch minutes; and how much of it the wire knows."""

    person: Ints
    county: Ints
    street: Ints
    community: Ints
    in_min: Ints
    out_min: Ints
    wire_street: Ints
    wire_community: Ints

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True)
class _Spots:
    """A place for each of many: county, street, community."""

    county: Ints
    street: Ints
    community: Ints

    def take(self, at: Ints) -> "_Spots":
        return _Spots(self.county[at], self.street[at], self.community[at])

    def join(self, other: "_Spots") -> "_Spots":
        return _Spots(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))

    def put(self, at: Ints, other: "_Spots") -> None:
        for field in fields(self):
            getattr(self, field.name)[at] = getattr(other, field.name)


def live(
    world: World, runs: Runs, bookings: Bookings, places: Places, *, recipe: Recipe, rng: np.random.Generator
) -> Stays:
    """Draw the stays of all passengers; none where the world knows no county."""
    if not places.counties or not len(bookings):
        none = np.zeros(0, dtype=np.int64)
        return Stays(none, none, none, none, none, none, none, none)
    until = runs.plan_depart_s[bookings.board] // 60 - _GATE_MIN
    since = until - recipe.persons["lookback_d"] * DAY_MIN
    home = _homes(world, bookings, places, recipe, rng)
    start, end, spots = _outings(home, since, until, places, recipe=recipe, rng=rng)
    _plant(start, end, spots, since, until, places=places, recipe=recipe, rng=rng)
    return _lines(home, since, until, start, end, spots=spots, recipe=recipe, rng=rng)


def _homes(world: World, bookings: Bookings, places: Places, recipe: Recipe, rng: np.random.Generator) -> _Spots:
    """Return the home of each person; who travels together lives together."""
    number = {code: county for county, code in enumerate(places.counties)}
    stations = [call.station_id for trip in world.trips for call in trip.calls]
    of_call = np.array([number.get(world.station_areas.get(station, ""), NOWHERE) for station in stations])
    _, heads, member = np.unique(bookings.order, return_index=True, return_inverse=True)
    county, total = of_call[bookings.board[heads]], len(places.counties)
    chance = rng.random(len(heads))
    figures = recipe.persons
    near = np.clip(county + rng.integers(-_NEAR, _NEAR + 1, len(heads)), 0, total - 1)
    anywhere = rng.integers(0, total, len(heads))
    county = np.where(
        (county == NOWHERE) | (chance >= figures["home_here"] + figures["home_near"]),
        anywhere,
        np.where(chance < figures["home_here"], county, near),
    )
    return _settle(county, places, recipe, rng).take(member)


def _settle(county: Ints, places: Places, recipe: Recipe, rng: np.random.Generator) -> _Spots:
    """Draw a street and a community in each county: a listed one as often as they are among all communities."""
    first, listed = places.listed_first[county], np.diff(places.listed_first)[county]
    whole = np.maximum(recipe.persons["communities"], 2 * listed)
    in_listed = rng.random(len(county)) < recipe.persons["listed_travel"] * listed / whole
    place = first + np.floor(rng.random(len(county)) * listed).astype(np.int64)
    street, community = _ordinary(county, places, rng)
    safe = np.where(in_listed, place, 0)
    if len(places.community):
        street = np.where(in_listed, places.street_of[safe], street)
        community = np.where(in_listed, safe, community)
    return _Spots(county.copy(), street, community)


def _ordinary(county: Ints, places: Places, rng: np.random.Generator) -> tuple[Ints, Ints]:
    first, count = places.street_first[county], np.diff(places.street_first)[county]
    street = np.where(count > 0, first + np.floor(rng.random(len(county)) * count).astype(np.int64), NOWHERE)
    return street, OTHER - rng.integers(0, _ORDINARY, len(county))


def _outings(
    home: _Spots, since: Ints, until: Ints, places: Places, *, recipe: Recipe, rng: np.random.Generator
) -> tuple[Ints, Ints, _Spots]:
    """Return start, end (persons x SLOTS; equal where there is none) and spots (flat) of outings, in order of time."""
    persons, figures = len(since), recipe.persons
    chances = np.array(figures["outings"]) / sum(figures["outings"])
    count = rng.choice(len(chances), size=persons, p=chances)
    rank = np.argsort(rng.random((persons, SLOTS)), axis=1)
    taken = rank < count[:, None]
    away = rng.random((persons, SLOTS)) < figures["away"]
    room = ((until - since) // SLOTS)[:, None] - 2 * _ROAD_MIN
    longest = np.where(away, room, _LONG_MIN)
    shortest = np.where(away, 6 * 60, _SHORT_MIN)
    lasts = shortest + np.floor(rng.random((persons, SLOTS)) ** 2 * (longest - shortest)).astype(np.int64)
    slot = since[:, None] + np.arange(SLOTS) * ((until - since) // SLOTS)[:, None] + _ROAD_MIN
    start = slot + np.floor(rng.random((persons, SLOTS)) * (room - lasts)).astype(np.int64)
    end = np.where(taken, start + lasts, start)
    popular = rng.permutation(1.0 / np.arange(1, len(places.counties) + 1) ** 0.8)  # Zipf 0.8, as the benchmark
    bounds = np.array([0, len(places.counties)])
    goal = pick(rng, np.zeros(persons * SLOTS, dtype=np.int64), bounds, popular)
    county = np.where(away.ravel(), goal, np.repeat(home.county, SLOTS))
    return start, end, _settle(county, places, recipe, rng)


def _plant(
    start: Ints,
    end: Ints,
    spots: _Spots,
    since: Ints,
    until: Ints,
    *,
    places: Places,
    recipe: Recipe,
    rng: np.random.Generator,
) -> None:
    """Replace the outings of a few persons by one visit to a listed community, its street, or its county."""
    figures, persons, intervals = recipe.persons, len(since), len(places.interval_key)
    shares = np.array([figures["planted_listed"], figures["planted_street"], figures["planted_county"]])
    chosen = rng.permutation(persons)[: int(np.ceil(shares * persons).sum())]
    kind = np.repeat(np.arange(3), np.ceil(shares * persons).astype(np.int64))[: len(chosen)]
    if not intervals or not len(chosen):
        return
    interval = rng.integers(0, intervals, len(chosen))
    opens = np.maximum(places.interval_from[interval], since[chosen]) + _ROAD_MIN
    closes = np.minimum(places.interval_until[interval], until[chosen]) - _ROAD_MIN
    fits = closes - opens >= _LONG_MIN
    chosen, kind, interval, opens, closes = (found[fits] for found in (chosen, kind, interval, opens, closes))
    lasts = rng.integers(_SHORT_MIN, _LONG_MIN, len(chosen))
    begins = opens + np.floor(rng.random(len(chosen)) * (closes - opens - lasts)).astype(np.int64)
    start[chosen], end[chosen] = begins[:, None], begins[:, None]
    end[chosen, 0] = begins + lasts
    place = places.interval_place[interval]
    county, street = places.county_of[place], places.street_of[place]
    other, community = _ordinary(county, places, rng)
    first, count = places.street_first[county], np.diff(places.street_first)[county]
    other = np.where((other == street) & (count > 1), first + (other - first + 1) % np.maximum(count, 1), other)
    visit = _Spots(county, np.where(kind == 2, other, street), np.where(kind == 0, place, community))
    spots.put(chosen * SLOTS, visit)


def _lines(
    home: _Spots,
    since: Ints,
    until: Ints,
    start: Ints,
    end: Ints,
    *,
    spots: _Spots,
    recipe: Recipe,
    rng: np.random.Generator,
) -> Stays:
    """Lay homes and outings on one line a person: home fills what outings and the roads to them leave."""
    out = np.flatnonzero(end.ravel() > start.ravel())
    who = out // SLOTS
    road = np.where(spots.county[out] != home.county[who], _ROAD_MIN, _WALK_MIN)
    everybody = np.arange(len(since))
    # a home piece goes from the beginning or a return to the next departure or the end: both sorted, they pair up
    begins, leaves = (
        np.concatenate([since, end.ravel()[out] + road]),
        np.concatenate([start.ravel()[out] - road, until]),
    )
    piece_person = np.concatenate([everybody, who])
    by_begin = np.lexsort((begins, piece_person))
    by_leave = np.lexsort((leaves, np.concatenate([who, everybody])))
    person = np.concatenate([piece_person[by_begin], who])
    in_min = np.concatenate([begins[by_begin], start.ravel()[out]])
    out_min = np.concatenate([leaves[by_leave], end.ravel()[out]])
    order = np.lexsort((in_min, person))
    order = order[out_min[order] > in_min[order]]
    spot = home.take(piece_person[by_begin]).join(spots.take(out)).take(order)
    return Stays(
        person[order],
        spot.county,
        spot.street,
        spot.community,
        in_min[order],
        out_min[order],
        wire_street=np.where(_known(rng, len(order), recipe.persons["street_known"]), spot.street, NOWHERE),
        wire_community=np.where(_known(rng, len(order), recipe.persons["community_known"]), spot.community, NOWHERE),
    )


def _known(rng: np.random.Generator, size: int, share: float) -> Bools:
    return rng.random(size) < share
