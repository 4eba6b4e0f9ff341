"""What partners lay down for the hub in folders and files, taken in by the one door under its signatures.

files     the folder `in` of the partner, laid out as a file drop towards the hub
views     the table `answers` of the partner's file
sheets    nothing: a desk reads sheets in, with books and a key of its own (`open_desk`), and its receipts come back
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from hubtwin.base.errors import HubError
from hubtwin.channels.filedrop import pick_up
from hubtwin.channels.receive import Reception, receive
from hubtwin.channels.sheets import Returned, read_back
from hubtwin.channels.views import take_answers, view_of
from hubtwin.channels.webhook import Delivery
from hubtwin.model.message import Peer, Signed
from hubtwin.model.partner import Way
from hubtwin.model.record import Status
from hubtwin.rules.disclosure import Profile
from hubtwin.settings import PartnerSettings
from hubtwin.wiring.partners import VIEWS_FILE, Partners, open_partners

IN, DESKS = "in", "desks"
_ALL = 1 << 53
_LOG = structlog.get_logger()


@dataclass(frozen=True)
class Collecting:
    """Looks where partners lay messages down. One that cannot be read holds up no other."""

    books: Partners
    partners: Mapping[str, PartnerSettings]
    reception: Reception

    def __call__(self, now: datetime) -> None:
        """Do `collect` beside a step of the service."""
        self.collect(now)

    def collect(self, now: datetime) -> int:
        """Take in what lies there; return how many messages that were. What fails is tried again the next time."""
        count = 0
        for name, told in self.partners.items():
            try:
                count += self._collect(name, told, now)
            except HubError as error:
                _LOG.warning("collecting_put_off", partner=name, reason=error.key)
        return count

    def _collect(self, name: str, told: PartnerSettings, now: datetime) -> int:
        def take(sender: str, lines: Sequence[Signed], head: Signed | None) -> Signed:
            return self.books.take(Delivery(sender, tuple(lines), head), self.reception, now)

        if told.folder is None or name not in self.reception.peers:
            return 0
        if told.partner.way is Way.FILES and (told.folder / IN).is_dir():
            return sum(picked.taken for picked in pick_up(told.folder / IN, take))
        if told.partner.way is Way.VIEWS:
            return take_answers(told.folder / VIEWS_FILE, name, take)
        return 0


@dataclass(frozen=True)
class SheetDesk:
    """The desk that reads in the sheets of one partner. Its public key is registered as that partner's."""

    partner_id: str
    books: Partners
    hub: Peer
    zone: ZoneInfo
    status: Status

    def read_in(self, folder: Path, profiles: Sequence[Profile], now: datetime) -> list[Returned]:
        """Read in what lies filled in, and leave the receipts for the hub. Raises Retry: later again."""
        reception = Reception(self.partner_id, {self.hub.source: self.hub}, self.zone, self.status)
        wire, signing = self.books.wire, self.books.signing

        def take(sender: str, lines: Sequence[Signed], head: Signed | None, refuse: Mapping[str, str]) -> Signed:
            return receive(wire, lines, sender, reception, signing=signing, now=now, head=head, refuse=refuse)

        found = read_back(folder, [view_of(profile) for profile in profiles], take)
        wire.take_over(_ALL)  # a person has read the sheet; the desk keeps no word of it
        return found


def open_desk(directory: Path, partner_id: str, hub: Peer, zone: ZoneInfo, status: Status, *, at_min: int) -> SheetDesk:
    """Open the desk for a partner below a directory of whoever runs it; its books and key are made at first use. That
    of an exercise has its own, as the hub has."""
    books = open_partners(directory / DESKS / status.apart(partner_id), partner_id, at_min)
    return SheetDesk(partner_id, books, hub, zone, status)
