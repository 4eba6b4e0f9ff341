"""A hub and a province's platform that send each other batches and answers: real books, real signatures, no network."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Retry
from hubtwin.channels.receive import Reception
from hubtwin.channels.send import Line
from hubtwin.channels.webhook import Delivery
from hubtwin.model.message import Peer, Signed
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.batching import RowState
from hubtwin.scenes.epidemic.disclosures import DISCLOSURES
from hubtwin.sim.province import Manners, Province
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.batches import BatchBooks
from hubtwin.stores.vault import Vault
from hubtwin.wiring.batches import Batching, Period, load_templates
from hubtwin.wiring.partners import Partners, make_sender, open_partners
from tests.rules.report_story import AT_MIN, FOLDER

HUB, PROVINCE = "here", "province"
ZONE = ZoneInfo("Asia/Shanghai")
NOW = from_epoch_minute(AT_MIN)
MADE = Marks(provenance=Provenance.SYNTHETIC)
TEMPLATES = load_templates(FOLDER, DISCLOSURES.profiles)


class Wired:
    """A channel that hands over at once. `cut` makes it fail before it hands over, `lost` after."""

    def __init__(self, take: Callable[[Delivery], Signed], me: str) -> None:
        self.take, self.me, self.cut, self.lost = take, me, False, 0

    def put(self, batch: Sequence[Signed], head: Signed) -> Signed:
        if self.cut:
            raise Retry("channels.unreachable", partner="x", problem="cut")
        receipt = self.take(Delivery(self.me, tuple(batch), head))
        if self.lost:
            self.lost -= 1
            raise Retry("channels.unreachable", partner="x", problem="lost")
        return receipt

    def collect(self) -> Iterable[Signed]:
        return ()

    def forget(self, receipt: Signed) -> None: ...


@dataclass
class Town:
    """Both sides. Time stands still but for the minutes that `pass_by` adds: no pause keeps a message back."""

    folder: Path
    hub: Partners
    far: Partners
    vault: Vault
    books: BatchBooks
    batching: Batching
    province: Province
    to_province: Wired
    to_hub: Wired
    now: datetime = NOW

    def make(self, facts: Iterable[dict[str, Any]], version: int = 1) -> str:
        """Make a batch; return its id, empty where nothing was new."""
        template = TEMPLATES.get("persons", version)
        made = self.batching.make(facts, template, Period(AT_MIN - 1440, AT_MIN), self.now, MADE)
        return made.head.batch_id if made.head else ""

    def exchange(self, turns: int = 3) -> None:
        """Send what is staged and let the answers come back."""
        for _ in range(turns):
            self.now = from_epoch_minute(int(self.now.timestamp()) // 60 + 20)
            self.batching.send.pump(self.now)
            self.province.follow()
            self.province.send.pump(self.now)
            self.batching.follow()

    def states(self) -> dict[str, int]:
        """Return how many rows of all batches are in which state, without the states of none."""
        told = dict.fromkeys((state.value for state in RowState), 0)
        for head in self.books.list_heads():
            for state, number in self.books.count(head.batch_id).items():
                told[state.value] += number
        return {name: number for name, number in told.items() if number}

    def reopen(self) -> None:
        """Open the books of the hub anew, as after a crash."""
        self.books.close()
        self.books = BatchBooks(self.folder / "hub", VaultKeys(self.vault), AT_MIN)
        self.batching = Batching(self.books, self.hub.wire, TEMPLATES, PROVINCE, ZONE, self.batching.send)

    def reception(self) -> Reception:
        """Return how the hub receives."""
        return Reception(HUB, {PROVINCE: Peer(PROVINCE, (self.far.signing.public_hex,))}, ZONE)


@contextmanager
def town(folder: Path, manners: Manners | None = None) -> Iterator[Town]:
    """Open both sides in a folder."""
    hub, far = open_partners(folder / "hub", HUB, AT_MIN), open_partners(folder / "far", PROVINCE, AT_MIN)
    peer_hub, peer_far = Peer(HUB, (hub.signing.public_hex,)), Peer(PROVINCE, (far.signing.public_hex,))
    here, there = Reception(HUB, {PROVINCE: peer_far}, ZONE), Reception(PROVINCE, {HUB: peer_hub}, ZONE)
    vault = Vault(folder / "hub", clock=lambda: NOW, record=lambda kind, payload: None)
    books = BatchBooks(folder / "hub", VaultKeys(vault), AT_MIN)
    with closing(hub.wire), closing(far.wire), closing(vault):
        to_province = Wired(lambda told: far.take(told, there, made.now), HUB)
        to_hub = Wired(lambda told: hub.take(told, here, made.now), PROVINCE)
        out = make_sender(hub, {PROVINCE: Line(peer_far, to_province)}, lambda message: ())
        back = make_sender(far, {HUB: Line(peer_hub, to_hub)}, lambda message: ())
        batching = Batching(books, hub.wire, TEMPLATES, PROVINCE, ZONE, out)
        province = Province(far.wire, back, HUB, TEMPLATES.known, manners or Manners())
        made = Town(folder, hub, far, vault, books, batching, province, to_province, to_hub)
        try:
            yield made
        finally:
            made.books.close()
