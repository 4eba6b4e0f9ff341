"""The channels under contract, each with a simulated partner at its other end."""

from collections.abc import Callable
from pathlib import Path

from hubtwin.channels.filedrop import FileDrop
from hubtwin.channels.receive import Reception
from hubtwin.channels.send import Channel
from hubtwin.channels.sheets import Sheets
from hubtwin.channels.simulator import Faults, Partner, work_drop, work_sheets, work_views
from hubtwin.channels.views import Views, view_of
from hubtwin.channels.webhook import Webhook
from hubtwin.model.message import Peer
from hubtwin.rules.disclosure import Field, Profile
from tests.contracts.channel_suite import HUB, NOW, PARTNER, ZONE, Pair, open_side, sender_of, take_of

PROFILE = Profile("suite", 1, "test", "test", (Field("case", "text", False), Field("n", "count", False)))
VIEW = view_of(PROFILE)
Work = Callable[[Partner], None]


def _nothing() -> None:
    """Do nothing: the channel needs no closing."""


def _pair(
    path: Path, faults: Faults, channel_of: Callable[[Peer, Partner], tuple[Channel, Work, Callable[[], None]]]
) -> Pair:
    """Open a hub and a partner; `channel_of` gives the channel, what the partner does by itself, and how to close."""
    hub, partner = open_side(path / "hub", HUB), open_side(path / "partner", PARTNER)
    reception = Reception(PARTNER, {HUB: hub.peer}, ZONE)
    working = Partner(take_of(partner, reception, lambda: pair.now), faults)
    channel, work, close_channel = channel_of(partner.peer, working)

    def close() -> None:
        close_channel()
        hub.books.close()
        partner.books.close()

    pair = Pair(
        *(hub, partner, sender_of(hub, partner, channel), faults, channel, reception),
        *(lambda: work(working), close, NOW),
    )
    return pair


def webhook_pair(path: Path, faults: Faults) -> Pair:
    """A partner that answers over HTTP."""

    def channel_of(peer: Peer, serving: Partner) -> tuple[Channel, Work, Callable[[], None]]:
        channel = Webhook(serving.serve(), HUB, timeout_s=5)

        def close() -> None:
            channel.close()
            serving.close()

        return channel, lambda working: None, close

    return _pair(path, faults, channel_of)


def filedrop_pair(path: Path, faults: Faults) -> Pair:
    """A partner that looks into a folder."""
    drop = path / "drop"
    return _pair(
        path, faults, lambda peer, _: (FileDrop(drop, HUB), lambda working: work_drop(drop, working), _nothing)
    )


def views_pair(path: Path, faults: Faults) -> Pair:
    """A partner that reads tables of a database."""
    file = path / "views" / "district.sqlite"
    return _pair(
        *(path, faults),
        lambda peer, _: (Views(file, PARTNER, [VIEW]), lambda working: work_views(file, working), _nothing),
    )


def sheets_pair(path: Path, faults: Faults) -> Pair:
    """A partner for whom somebody fills in sheets."""
    folder = path / "sheets"
    return _pair(
        *(path, faults),
        lambda peer, _: (
            Sheets(folder, HUB, peer, [VIEW]),
            lambda working: work_sheets(folder, [VIEW], working),
            _nothing,
        ),
    )


PAIRS = {"webhook": webhook_pair, "filedrop": filedrop_pair, "views": views_pair, "sheets": sheets_pair}
