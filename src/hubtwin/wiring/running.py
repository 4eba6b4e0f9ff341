"""A hub that runs: its loop, its sources and its service, made of an open hub."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from hubtwin.base.errors import Denied
from hubtwin.channels.batch_wire import ANSWER, HEADER, ROWS
from hubtwin.channels.receive import Reception
from hubtwin.channels.replies import reply_parcels
from hubtwin.channels.send import Parcel, Sender
from hubtwin.channels.spool import Spool
from hubtwin.flow.dispatch import REPLIES
from hubtwin.model.event import Message
from hubtwin.model.message import Received
from hubtwin.ports import Scene, Transport
from hubtwin.rules.things import Grounds
from hubtwin.wiring.applied import basket_clock_of
from hubtwin.wiring.batch_desk import find_platform
from hubtwin.wiring.batches import TEMPLATES, Batching, load_templates, take_answer
from hubtwin.wiring.collecting import Collecting
from hubtwin.wiring.colouring import ColouringClock, colouring_clock_of
from hubtwin.wiring.feeds import find_gazetteer
from hubtwin.wiring.governing import quality_clock_of
from hubtwin.wiring.keeping import follow, nightly
from hubtwin.wiring.liaison import settle
from hubtwin.wiring.library_incoming import incoming_of
from hubtwin.wiring.library_returns import ReturnClock
from hubtwin.wiring.library_sending import stop_sendings
from hubtwin.wiring.panorama import recall
from hubtwin.wiring.partners import Pumping, hub_reception, lines_of, make_sender
from hubtwin.wiring.plugs import SCENES, load
from hubtwin.wiring.reporting import Reporting
from hubtwin.wiring.service import Beside, Service
from hubtwin.wiring.sharing import Sharing
from hubtwin.wiring.sources import Sources
from hubtwin.wiring.taking import Taking
from hubtwin.wiring.turning import RESULTS, Turning
from hubtwin.wiring.venues import open_venue
from hubtwin.wiring.works import Works

OUTBOX = "outbox"  # folder of a store in which messages are laid down for whoever picks them up


@dataclass(frozen=True)
class Running:
    """`works` as the pages see them (the list of the loop, the state of the sources), what turns, sends and colours."""

    works: Works
    service: Service
    pumping: Pumping
    colouring: ColouringClock | None = None

    def start(self) -> None:
        """Begin: the loop, and the sending of what it tells partners."""
        if self.colouring is not None:
            self.colouring.start()
        self.service.start()
        self.pumping.start()

    def stop(self) -> None:
        """End all of it, each after what it is doing."""
        self.service.stop()
        self.pumping.stop()
        if self.colouring is not None:
            self.colouring.stop()


def make_running(
    works: Works,
    transports: Mapping[str, Transport],
    *,
    rung: str = "auto",
    before: Sequence[Beside] = (),
    after: Sequence[Beside] = (),
) -> Running:
    """Put a hub together; nothing runs before `service.start()` or `service.step(now)`. What sources tell of the hub
    itself goes to its panorama, at the places of its venue."""
    scene: Scene = load(next(iter(SCENES.values())))
    turning = Turning(works, scene, rung)
    sources = Sources(works.settings, works.store, works.access.vault, transports, tell=works.panorama.take)
    sources.grounds = _grounds(works)
    if works.journal is not None:
        recall(works.panorama, works.journal, int(works.clock().timestamp() * 1000), works.store.status)
    seen = replace(works, latest=turning.latest, sources=sources.states)
    sender = sender_of(works)
    partners = partners_beside(seen, scene, sender)
    colouring = colouring_clock_of(seen)
    ends = partial(_stop_sendings, seen)  # after the clock of baskets, which suspends
    clocks = (
        basket_clock_of(seen),
        ends,
        ReturnClock(seen),
        quality_clock_of(seen),
        *([colouring] if colouring else ()),
    )
    beside: tuple[Beside, ...] = (*after, *partners, *clocks, partial(_keep, seen))
    service = Service(works, turning, sources, sender, before=before, after=beside, send_many=sender.take)
    return Running(seen, service, Pumping(sender, works.access.clock), colouring)


def _grounds(works: Works) -> Grounds:
    venue = open_venue(works.settings)
    found: Grounds = {} if venue is None else load("hubtwin.rules.grounds:grounds_of")(venue)
    return found


def sender_of(works: Works) -> Sender:
    """Return what sends for a hub: replies to the partners they are for, everything else of the outbox to the spool."""
    assert works.partners is not None, "open_works opens the books"
    profiles = load(next(iter(SCENES.values()))).disclosures.profiles
    lines = lines_of(works.settings.partners, works.settings.hub.hub_id, profiles=profiles)
    spool = Spool(works.store.directory / OUTBOX)

    def route(message: Message) -> Sequence[Parcel]:
        return reply_parcels(message, works.ledger.find_task) if message.channel == REPLIES else ()

    return make_sender(works.partners, lines, route, spool)


def partners_beside(works: Works, scene: Scene, sender: Sender) -> Sequence[Beside]:
    """Return what is done about partners in each step: what they sent is taken over, then they are told."""
    assert works.partners is not None, "open_works opens the books"
    registry = {name: told.partner for name, told in works.settings.partners.items()}
    if registry:
        find_gazetteer(works.settings)  # once, before a partner waits for its receipt
    rows = incoming_of(works, registry, sender).take
    taking = Taking(
        *(works, works.partners.wire, registry),
        scene=scene.name,
        beside={ANSWER: partial(_take_batch_answer, works), HEADER: rows, ROWS: rows},
    )
    telling: tuple[Beside, ...] = (collecting_of(works), taking, Sharing(works, scene, registry, sender))
    batching = batching_of(works, scene, sender)
    return telling if batching is None else (*telling, Reporting(works, scene, batching))


def batching_of(works: Works, scene: Scene, sender: Sender) -> Batching | None:
    """Return the batches to the platform above, None where hub.toml names none whose agreement holds today."""
    assert works.partners is not None, "open_works opens the books"
    assert works.batches is not None, "open_works opens the books"
    try:
        platform = find_platform(works.settings, works.clock())
    except Denied:
        return None
    templates = load_templates(works.settings.data_dir / TEMPLATES, scene.disclosures.profiles)
    zone, status = works.settings.hub.zone, works.settings.status
    return Batching(works.batches, works.partners.wire, templates, platform, zone, sender, status=status)


def _take_batch_answer(works: Works, number: int, received: Received) -> int:
    """Take an answer of the platform above into the batches; also one that comes after its agreement has ended."""
    assert works.batches is not None, "open_works opens the books"
    moved = take_answer(works.batches, number, received)
    if moved:
        works.batches.sweep()
    return moved


def collecting_of(works: Works) -> Collecting:
    """Return what looks for messages that partners lay down in folders and files."""
    assert works.partners is not None, "open_works opens the books"
    told = {name: one for name, one in works.settings.partners.items() if one.folder is not None}
    hub = works.settings.hub
    idle = Reception(hub.hub_id, {}, hub.zone)  # who lays down nothing needs no counties to be looked up
    return Collecting(works.partners, told, hub_reception(works.settings) if told else idle)


def list_read(scene: Scene) -> tuple[str, ...]:
    """Return the datasets that a scene reads in operation, results of tests included."""
    return (*scene.needs, *scene.watches, RESULTS)


def _stop_sendings(works: Works, now: datetime) -> int:
    del now  # shares end by the real clock
    return stop_sendings(works)


def _keep(works: Works, now: datetime) -> None:
    """Bring the register of what is kept about persons up to date, and do the night's work once a night."""
    follow(works)
    settle(works)
    nightly(works, now)
