"""The matchers that hub.toml names, tied to a hub at work: what its tables say, and when they say anything."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from hubtwin.base.clock import epoch_minute
from hubtwin.connectors.common.tls import ClientCert
from hubtwin.flow.guard import find_emergency
from hubtwin.model.case import Case
from hubtwin.model.pathogen import Pathogen
from hubtwin.model.risk_table import MatchRule
from hubtwin.ports import Scene
from hubtwin.settings import Settings
from hubtwin.stores.signing import Signer
from hubtwin.wiring.asking import Peer
from hubtwin.wiring.cotravel import Cotravel
from hubtwin.wiring.matching import Publisher
from hubtwin.wiring.plugs import PROFILES, SCENES, load
from hubtwin.wiring.risk_tables import PRECISION, HubSide
from hubtwin.wiring.works import Works

PLAN = "hubtwin.scenes.epidemic.profiles:get_plan_in_force"


def list_peers(settings: Settings) -> list[Peer]:
    """Return the matchers of a hub by name."""
    return [
        Peer(
            name,
            told.url,
            told.wrapping_key,
            told.ca_file,
            ClientCert(told.cert_file, told.key_file) if told.cert_file and told.key_file else None,
        )
        for name, told in settings.matchers.items()
    ]


def hub_side(works: Works) -> HubSide:
    """Return what tables of a hub are made of. Between events they are empty: a matcher forgets its hits then."""
    scene: Scene = load(next(iter(SCENES.values())))
    return HubSide(
        works.settings.hub.hub_id,
        works.settings.hub.zone,
        works.settings.hub.stations,
        works.store,
        works.access.vault,
        Signer(works.store.directory),
        rule=partial(find_rule, works, scene),
        in_force=lambda now_min: find_emergency(works.ledger, scene.name, now_min) is not None,
    )


def find_rule(works: Works, scene: Scene, now: datetime) -> MatchRule:
    """Return what counts as a hit at a moment: look-back and shortest stay of the plan in force, the scene's levels."""
    params: dict[str, Any] = {**scene.params, **works.settings.scenes.get(scene.name, {})}
    event = find_emergency(works.ledger, scene.name, epoch_minute(now))
    disease = params["disease"] if event is None else event.disease
    plan = load(PLAN)(load(PROFILES), disease, now.astimezone(works.settings.hub.zone).date())
    return MatchRule(plan.area_lookback_d.value, float(plan.min_stay_h.value), PRECISION, tuple(params["levels"]))


def plan_of(works: Works, case: Case, now: datetime) -> Pathogen:
    """Return the plan in force for the disease of the event of a case. Raises Absent."""
    event = works.ledger.find_emergency(case.emergency_id)
    scene: Scene = load(next(iter(SCENES.values())))
    disease = scene.params["disease"] if event is None else event.disease
    plan: Pathogen = load(PLAN)(load(PROFILES), disease, now.astimezone(works.settings.hub.zone).date())
    return plan


@contextmanager
def asking(works: Works, peers: Callable[[], Sequence[Peer]] | None = None) -> Iterator[Works]:
    """Give a hub that can ask matchers about a case, those of hub.toml unless told; what waited is asked again."""
    known = peers or partial(list_peers, works.settings)
    told = (works.ledger, works.access.audit, works.clock, known, partial(plan_of, works))
    made = Cotravel(hub_side(works), *told)
    try:
        made.wake()
        yield replace(works, cotravel=made)
    finally:
        made.close()


@contextmanager
def publishing(works: Works) -> Iterator[Publisher | None]:
    """Keep the matchers of hub.toml at the newest table for the time of a block; None where it names none."""
    peers = list_peers(works.settings)
    if not peers:
        yield None
        return
    publisher = Publisher(hub_side(works), peers, works.clock)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()
