"""Messages to and from partners, put together: books, signature, channels.

What goes out waits in the books until `Pumping` has handed it over, in a thread of its own: a partner that is slow or
down holds up neither the loop nor another partner.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import structlog

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Denied, HubError
from hubtwin.channels.filedrop import FileDrop
from hubtwin.channels.jws import Signing
from hubtwin.channels.page import OwnPage
from hubtwin.channels.receive import Reception, receive
from hubtwin.channels.repairs import Known
from hubtwin.channels.send import Line, Parcel, Sender
from hubtwin.channels.sheets import Sheets
from hubtwin.channels.views import Views, view_of
from hubtwin.channels.webhook import Delivery, Webhook
from hubtwin.connectors.common.tls import ClientCert, trusting
from hubtwin.model.event import Message
from hubtwin.model.message import Peer, Signed
from hubtwin.model.partner import Taken, Way
from hubtwin.model.record import Status
from hubtwin.rules.disclosure import Profile
from hubtwin.rules.partner_data import TIMES
from hubtwin.settings import PartnerSettings, Settings
from hubtwin.stores.signing import Signer
from hubtwin.stores.wire import Wire
from hubtwin.wiring.feeds import find_gazetteer
from hubtwin.wiring.plugs import directory_of
from hubtwin.wiring.sources import place_of

VIEWS_FILE = "messages.sqlite"  # in the folder of a partner that reads tables
PUMP_S = 0.5  # how often what waits is looked at
_LOG = structlog.get_logger()


@dataclass(frozen=True)
class Partners:
    """The wire of one store directory."""

    wire: Wire
    signing: Signing
    senders: list[Sender] = field(default_factory=list)  # whoever sends; pages ask how each way stands

    def failing(self, partner: str) -> tuple[str, datetime | None] | None:
        """Return the text key of what went wrong last at a partner and when it is tried again; None: it is well."""
        return next((found for sender in self.senders if (found := sender.failing(partner))), None)

    def take(self, delivery: Delivery, reception: Reception, now: datetime) -> Signed:
        """Take a delivery in and return the signed receipt. Raises Denied, Malformed, Retry as `receive`."""
        sender, lines, head = delivery.sender, delivery.lines, delivery.head
        return receive(self.wire, lines, sender, reception, signing=self.signing, now=now, head=head)


def open_partners(directory: Path, source: str, at_min: int) -> Partners:
    """Open the books and the signing key of a store directory; `source` is how the hub stands in messages."""
    signer = Signer(directory)
    return Partners(Wire(directory, source, at_min), Signing(signer.sign, signer.public_hex))


@contextmanager
def opened_wire(settings: Settings, now: datetime) -> Iterator[Wire]:
    """Open the books of a hub for the time of a block."""
    wire = Wire(directory_of(settings), settings.hub.hub_id, epoch_minute(now))
    try:
        yield wire
    finally:
        wire.close()


def partners_of(settings: Settings, wire: Wire) -> Partners:
    """Return open books with the signature of the hub."""
    signer = Signer(directory_of(settings))
    return Partners(wire, Signing(signer.sign, signer.public_hex))


def make_sender(
    partners: Partners,
    lines: Mapping[str, Line],
    route: Callable[[Message], Sequence[Parcel]] = lambda message: (),
    otherwise: Callable[[Message], None] | None = None,
) -> Sender:
    """Return what takes messages of the outbox: `Service.send`. Its `pump` waits for partners, who may be slow, so it
    runs in a thread of its own beside the service; the books are shared.

    `lines` are by the source of the partner; what `route` gives to nobody goes to `otherwise`, such as a spool.
    """
    sender = Sender(partners.wire, partners.signing, lines, route, otherwise)
    partners.senders.append(sender)
    return sender


def webhook_line(
    peer: Peer, url: str, me: str, *, ca_file: Path | None = None, client: ClientCert | None = None, token: str = ""
) -> Line:
    """Return a line to a partner over HTTPS; `client` is shown where the partner asks who calls.

    Raises Denied for an address that is not HTTPS, OSError where a bundle or certificate is missing.
    """
    return Line(peer, Webhook(url, me, trust=trusting(ca_file, client), token=token))


def file_line(peer: Peer, folder: Path, me: str) -> Line:
    """Return a line to a partner over a folder that both reach."""
    return Line(peer, FileDrop(folder, me))


def lines_of(
    partners: Mapping[str, PartnerSettings],
    me: str,
    environ: Mapping[str, str] | None = None,
    profiles: Mapping[str, Profile] = MappingProxyType({}),
) -> dict[str, Line]:
    """Return the lines to the partners of hub.toml. `me` is how the hub stands in messages; `profiles` of the scene say
    which tables and columns a partner with views or sheets gets, those of its agreements.

    Raises Denied where a secret is missing from the environment, or an address is not HTTPS; OSError for a
    certificate that is not there.
    """
    env = os.environ if environ is None else environ
    return {name: _line(told, me, env, profiles) for name, told in partners.items()}


def _line(told: PartnerSettings, me: str, env: Mapping[str, str], profiles: Mapping[str, Profile]) -> Line:
    peer, way = Peer(told.partner.partner_id, told.partner.keys), told.partner.way
    token = env.get(told.secret_env, "") if told.secret_env else ""
    if told.secret_env and not token:
        raise Denied("wiring_no_partner_secret", partner=peer.source, variable=told.secret_env)
    if way is Way.HTTPS and told.url:
        client = ClientCert(told.cert_file, told.key_file) if told.cert_file and told.key_file else None
        return webhook_line(peer, told.url, me, ca_file=told.ca_file, client=client, token=token)
    if way is Way.FILES and told.folder:
        return file_line(peer, told.folder, me)
    agreed = dict.fromkeys(one.profile for one in told.partner.agreements if one.profile in profiles)
    own = [profiles[name] for name in agreed]
    if way is Way.VIEWS and told.folder:
        return views_line(peer, told.folder / VIEWS_FILE, own)
    if way is Way.SHEETS and told.folder:
        return sheets_line(peer, told.folder, me, own)
    return Line(peer, OwnPage())


def reception_of(
    partners: Mapping[str, PartnerSettings],
    me: str,
    zone: ZoneInfo,
    status: Status,
    known: Known | None = None,
) -> Reception:
    """Return how a hub receives: from every partner that has a key. What each may send is looked at when it is used."""
    told = (one.partner for one in partners.values())
    peers = {one.partner_id: Peer(one.partner_id, one.keys) for one in told if one.keys}
    areas = {Taken.TRACE.value: ("area_code",)}
    return Reception(me, peers, zone, status, times=TIMES, areas=areas, known=known or Known())


def hub_reception(settings: Settings) -> Reception:
    """Return how the hub of some settings receives; it knows present counties and what former ones became."""
    gazetteer, hub = find_gazetteer(settings), settings.hub
    known = Known(counties=frozenset(gazetteer.counties.values()), successors=gazetteer.successors)
    return reception_of(settings.partners, hub.hub_id, hub.zone, settings.status, known)


@dataclass
class Pumping:
    """Sends what waits, beside the service. `clock` is the real one: pauses after a failure are in real time."""

    send: Sender
    clock: Clock
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the hand-over under way, which ends by itself, and let go of connections."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        for line in self.send.lines.values():
            if isinstance(line.channel, Webhook):
                line.channel.close()

    def _run(self) -> None:
        while not self._over.wait(PUMP_S):
            with suppress(OSError):  # a log that nobody reads any more ends no wire
                self._try()

    def _try(self) -> None:
        try:
            self.send.pump(self.clock())
        except HubError as error:
            _LOG.warning("pump_put_off", reason=error.key)
        except Exception as error:  # noqa: BLE001 - the wire must go on; the log names the place, never a text
            _LOG.error("pump_failed", kind=type(error).__name__, at=place_of(error))


def views_line(peer: Peer, file: Path, profiles: Sequence[Profile]) -> Line:
    """Return a line to a partner that reads tables of a database, those of its profiles."""
    return Line(peer, Views(file, peer.source, [view_of(profile) for profile in profiles]))


def sheets_line(peer: Peer, folder: Path, me: str, profiles: Sequence[Profile]) -> Line:
    """Return a line to a partner for whom somebody fills in sheets; `peer` is the desk that reads them in."""
    return Line(peer, Sheets(folder, me, peer, [view_of(profile) for profile in profiles]))
