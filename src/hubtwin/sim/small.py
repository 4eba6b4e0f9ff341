"""A world that fits on a page: two trains, three counties, a handful of listed places. For tests and examples.

Every name in it is made up; codes begin with 99, which no administrative division does.
"""

from datetime import date
from zoneinfo import ZoneInfo

from hubtwin.base.clock import DAY_MIN, epoch_minute, service_start
from hubtwin.sim.day import HubDay, simulate
from hubtwin.sim.recipe import load_recipe
from hubtwin.sim.world import Call, Listed, Trip, World

PERSONS = 40
HUB_DATE = date(2022, 10, 20)
ZONE = ZoneInfo("Asia/Shanghai")


def small_world() -> World:
    """Return a world of two trains, of 4 and 6 calls, one of which goes on beyond the hub."""
    start_min = epoch_minute(service_start(HUB_DATE, ZONE))
    return World(
        hub_stations=("HUB",),
        hub_date=HUB_DATE,
        zone=ZONE,
        trips=(
            _trip("T1", "G9001", start_min, {"AAA": 420, "BBB": 455, "CCC": 490, "HUB": 520}),
            _trip("T2", "G9002", start_min, {"DDD": 400, "AAA": 470, "BBB": 505, "CCC": 540, "HUB": 575, "EEE": 620}),
        ),
        station_areas={"AAA": "990101", "BBB": "990102", "CCC": "990102", "DDD": "990201", "HUB": "990301"},
        station_sizes={"AAA": 2, "BBB": 2, "CCC": 2, "DDD": 1, "EEE": 1, "HUB": 2},
        listed=(
            _listed("a1", "high", "990101001", "模拟苑一期", start_min - 3 * DAY_MIN),
            _listed("a2", "medium", "990101", "模拟苑二期", start_min - 9 * DAY_MIN, days=4),
            _listed("b1", "high", "990102002", "模拟新村", start_min - 20 * DAY_MIN, days=15),
            _listed("d1", "medium", "990201001", "模拟花园", start_min - 2 * DAY_MIN),
        ),
        streets={
            county: tuple(f"{county}{street:03d}" for street in (1, 2, 3))
            for county in ("990101", "990102", "990201", "990301")
        },
    )


def small_day(seed: int = 1, persons: int = PERSONS) -> HubDay:
    """Simulate the small world with `persons` arriving and a recipe in which every kind of passenger occurs."""
    recipe = load_recipe(
        passengers={"no_show": [0.08, 0.1], "cancelled": 0.1, "through": 0.1, "turnover": 0.2},
        persons={"communities": 20, "planted_listed": 0.1, "planted_street": 0.1, "planted_county": 0.1},
        delays={"cancelled": 0.0, "skipped": 0.0},
    )
    return simulate(small_world(), seed, persons, recipe)


def _trip(trip_id: str, code: str, start_min: int, departures: dict[str, int]) -> Trip:
    calls = tuple(
        Call(seq, station, start_min + minute - (2 if seq > 1 else 0), start_min + minute)
        for seq, (station, minute) in enumerate(departures.items(), start=1)
    )
    return Trip(trip_id, code, HUB_DATE, calls, list(departures).index("HUB"))


def _listed(key: str, level: str, code: str, community: str, first_min: int, *, days: int | None = None) -> Listed:
    """`code` is that of a street, or of a county where no street is published."""
    street = code if len(code) > 6 else None
    gone_min = None if days is None else first_min + days * DAY_MIN
    return Listed(key, level, code[:6], street, community, first_min, gone_min)
