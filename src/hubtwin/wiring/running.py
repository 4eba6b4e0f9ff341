"""A hub that runs: its loop, its sources and its service, made of an open hub."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from hubtwin.channels.spool import Spool
from hubtwin.ports import Scene, Transport
from hubtwin.wiring.keeping import follow, nightly
from hubtwin.wiring.plugs import SCENES, load
from hubtwin.wiring.service import Beside, Service
from hubtwin.wiring.sources import Sources
from hubtwin.wiring.turning import RESULTS, Turning
from hubtwin.wiring.works import Works

OUTBOX = "outbox"  # folder of a store in which messages are laid down for whoever picks them up


@dataclass(frozen=True)
class Running:
    """`works` as the pages see them (the list of the loop, the state of the sources), and the service that runs."""

    works: Works
    service: Service


def make_running(
    works: Works,
    transports: Mapping[str, Transport],
    *,
    rung: str = "auto",
    before: Sequence[Beside] = (),
    after: Sequence[Beside] = (),
) -> Running:
    """Put a hub together; nothing runs before `service.start()` or `service.step(now)`."""
    scene: Scene = load(next(iter(SCENES.values())))
    turning = Turning(works, scene, rung)
    sources = Sources(works.settings, works.store, works.access.vault, transports)
    seen = replace(works, latest=turning.latest, sources=sources.states)
    keeping: tuple[Beside, ...] = (*after, partial(_keep, seen))
    spool = Spool(works.store.directory / OUTBOX)
    return Running(seen, Service(works, turning, sources, spool, before=before, after=keeping))


def list_read(scene: Scene) -> tuple[str, ...]:
    """Return the datasets that a scene reads in operation, results of tests included."""
    return (*scene.needs, *scene.watches, RESULTS)


def _keep(works: Works, now: datetime) -> None:
    """Bring the register of what is kept about persons up to date, and do the night's work once a night."""
    follow(works)
    nightly(works, now)
