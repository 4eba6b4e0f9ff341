"""Where persons can stay: counties, their streets, listed communities with the times they were listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hubtwin.base.clock import DAY_MIN
from hubtwin.sim.recipe import Ints, Recipe
from hubtwin.sim.world import Listed, World

NOWHERE = -1  # no street, no community
OTHER = -2  # ordinary community n of a street is stored as OTHER - n
STILL = 2**31 - 1  # end of an interval that stands


@dataclass(frozen=True)
class Places:
    """Counties, streets and listed communities by number, each sorted by county.

    `street_first[c]:street_first[c + 1]` are the streets of county c, `listed_first` likewise its listed
    communities. Listed community p has the text `community[p]` as published, is in county `county_of[p]` and street
    `street_of[p]`: the street that was published, else one drawn once. Its intervals are
    `first_interval[p]:first_interval[p + 1]` of `interval_key`, `_level`, `_from`, `_until` (epoch minutes).
    """

    counties: tuple[str, ...]
    streets: tuple[str, ...]
    street_first: Ints
    community: tuple[str, ...]
    county_of: Ints
    street_of: Ints
    listed_first: Ints
    interval_key: tuple[str, ...]
    interval_level: tuple[str, ...]
    interval_place: Ints
    interval_from: Ints
    interval_until: Ints
    first_interval: Ints


def lay_out(world: World, recipe: Recipe, rng: np.random.Generator) -> Places:
    """Number the places of a world. Listed are the levels of the recipe, as far as its look-back can reach them."""
    listed = _reachable(world, recipe)
    counties = tuple(sorted({*world.station_areas.values(), *world.streets, *(area.area_code for area in listed)}))
    number = {code: county for county, code in enumerate(counties)}
    named: dict[str, set[str]] = {code: set(world.streets.get(code, ())) for code in counties}
    for area in listed:
        if area.street_code:
            named[area.area_code].add(area.street_code)
    streets = [(number[code], street) for code in counties for street in sorted(named[code])]
    street_first = np.searchsorted([county for county, _ in streets], np.arange(len(counties) + 1))
    texts = sorted({(number[area.area_code], area.community) for area in listed})
    place = {text: at for at, text in enumerate(texts)}
    spans = sorted(
        ((place[number[area.area_code], area.community], area.first_seen_min, area) for area in listed),
        key=lambda span: (span[0], span[1], span[2].area_key),
    )
    interval_place = np.array([at for at, _, _ in spans], dtype=np.int64)
    given = {at: area.street_code for at, _, area in spans if area.street_code}
    return Places(
        counties=counties,
        streets=tuple(street for _, street in streets),
        street_first=street_first,
        community=tuple(text for _, text in texts),
        county_of=np.array([county for county, _ in texts], dtype=np.int64),
        street_of=_streets_of(texts, given, streets, street_first, rng),
        listed_first=np.searchsorted([county for county, _ in texts], np.arange(len(counties) + 1)),
        interval_key=tuple(area.area_key for _, _, area in spans),
        interval_level=tuple(area.level for _, _, area in spans),
        interval_place=interval_place,
        interval_from=np.array([area.first_seen_min for _, _, area in spans], dtype=np.int64),
        interval_until=np.array([area.gone_by_min or STILL for _, _, area in spans], dtype=np.int64),
        first_interval=np.searchsorted(interval_place, np.arange(len(texts) + 1)),
    )


def _reachable(world: World, recipe: Recipe) -> list[Listed]:
    """Return the listed intervals that somebody who comes on the day can have been in."""
    since_min = world.day_start_min - (recipe.persons["lookback_d"] + 2) * DAY_MIN
    levels = set(recipe.persons["levels"])
    until_min = world.day_start_min + DAY_MIN
    return [
        area
        for area in world.listed
        if area.level in levels
        and area.first_seen_min < until_min
        and (area.gone_by_min is None or area.gone_by_min > since_min)
    ]


def _streets_of(
    texts: Sequence[tuple[int, str]],
    given: Mapping[int, str],
    streets: Sequence[tuple[int, str]],
    street_first: Ints,
    rng: np.random.Generator,
) -> Ints:
    """Return the street of each listed community: as published, else any of its county, else NOWHERE."""
    number = {street: at for at, (_, street) in enumerate(streets)}
    county = np.array([at for at, _ in texts], dtype=np.int64)
    first, count = street_first[county], street_first[county + 1] - street_first[county]
    drawn = np.where(count > 0, first + np.floor(rng.random(len(texts)) * count).astype(np.int64), NOWHERE)
    for place, street in given.items():
        drawn[place] = number[street]
    return drawn
