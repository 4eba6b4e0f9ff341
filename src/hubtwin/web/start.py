"""Where a served hub comes from: its desk over open stores, its diseases, its built page."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.model.duty import Qualification, Roster
from hubtwin.model.record import Mode
from hubtwin.rules.duty import make_roster, plan_roster
from hubtwin.settings import Settings
from hubtwin.web import shown
from hubtwin.web.real import RealDesk
from hubtwin.web.schemas.hub import Disease
from hubtwin.wiring import SCENES, load
from hubtwin.wiring.venues import with_venue
from hubtwin.wiring.works import Works, open_works

SCENE = next(iter(SCENES))  # an event is declared for the first scene; there is one
CLOCKS = "clocks_min"  # the entry of a scene's params that gives minutes by clock name
PATHOGENS = "hubtwin.scenes.epidemic.profiles:PROFILES"
YEAR_MIN, ROSTER_D = 366 * 24 * 60, 366


@contextmanager
def open_desk(
    settings: Settings, *, clock: Clock, real_clock: Clock, mode: Mode = "live", speed: float = 1.0
) -> Iterator[RealDesk]:
    """Open a hub and give its desk for the time of a block. `clock` is the hub's, `real_clock` the wall's."""
    settings = with_venue(settings)
    params = {**load(SCENES[SCENE]).params, **settings.scenes.get(SCENE, {})}
    clocks_min: Mapping[str, int] = params.get(CLOCKS, {})
    roster = roster_of(settings, clock)
    with open_works(
        settings,
        clock=clock,
        real_clock=real_clock,
        clocks_min=clocks_min,
        roster=roster,
        mode=mode,
        speed=speed,
    ) as works:
        yield desk_of(works)


def desk_of(works: Works) -> RealDesk:
    """Return the desk of an open hub."""
    return RealDesk(works, list_diseases(), SCENE)


def list_diseases() -> list[Disease]:
    """Return the diseases that have a profile, each once, with the name of its latest plan."""
    found = {each.disease: Disease(each.disease, shown.named(each.name)) for each in load(PATHOGENS)}
    return list(found.values())


def roster_of(settings: Settings, clock: Clock) -> Roster:
    """Return the roster of the next year; in a hub that gives teams but no shifts everybody is on duty and may do
    everything.
    """
    hub, now_min = settings.hub, epoch_minute(clock())
    if settings.shifts:
        today = clock().astimezone(hub.zone).date()
        days = [today + timedelta(days=step) for step in range(-1, ROSTER_D)]
        return plan_roster(settings.shifts, hub.teams, hub.walks, zone=hub.zone, days=days)
    able = frozenset(each.value for each in Qualification)
    return make_roster(hub.teams, hub.walks, now_min - YEAR_MIN, now_min + YEAR_MIN, able)


def find_ui(data_dir: Path) -> Path | None:
    """Return the folder of the built page: inside an installed package, or beside the source tree."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_ui", data_dir.parent / "ui" / "dist"):
        if (folder / "index.html").is_file():
            return folder
    return None
