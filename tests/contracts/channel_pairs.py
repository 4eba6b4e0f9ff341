"""The channels under contract, each with a simulated partner at its other end."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hubtwin.base.errors import Retry
from hubtwin.channels.filedrop import FileDrop, pick_up
from hubtwin.channels.receive import Reception
from hubtwin.channels.simulator import Faults, Partner
from hubtwin.channels.webhook import Delivery, Webhook
from hubtwin.model.message import Signed
from tests.contracts.channel_suite import HUB, NOW, PARTNER, ZONE, Pair, open_side, sender_of, take_of


def webhook_pair(path: Path, faults: Faults) -> Pair:
    """A partner that answers over HTTP."""
    hub, partner = open_side(path / "hub", HUB), open_side(path / "partner", PARTNER)
    reception = Reception(PARTNER, {HUB: hub.peer}, ZONE)
    serving = Partner(take_of(partner, reception, lambda: pair.now), faults)
    channel = Webhook(serving.serve(), HUB, timeout_s=5)

    def close() -> None:
        channel.close()
        serving.close()
        hub.books.close()
        partner.books.close()

    pair = Pair(hub, partner, sender_of(hub, partner, channel), faults, channel, reception, lambda: None, close, NOW)
    return pair


def filedrop_pair(path: Path, faults: Faults) -> Pair:
    """A partner that looks into a folder."""
    hub, partner = open_side(path / "hub", HUB), open_side(path / "partner", PARTNER)
    reception = Reception(PARTNER, {HUB: hub.peer}, ZONE)
    folder = path / "drop"
    channel = FileDrop(folder, HUB)
    working = Partner(take_of(partner, reception, lambda: pair.now), faults)

    def take(sender: str, lines: Sequence[Signed], head: Signed | None) -> Signed:
        receipt = working.handle(Delivery(sender, tuple(lines), head))
        if receipt is None:
            raise Retry("channels.later", partner="simulator", status=0)
        return receipt

    def work() -> None:
        with suppress(Retry):
            pick_up(folder, take)

    def close() -> None:
        hub.books.close()
        partner.books.close()

    pair = Pair(hub, partner, sender_of(hub, partner, channel), faults, channel, reception, work, close, NOW)
    return pair


PAIRS = {"webhook": webhook_pair, "filedrop": filedrop_pair}
