"""Messages to and from partners, put together: books, signature, channels. The service calls `send` and `pump`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hubtwin.channels.filedrop import FileDrop
from hubtwin.channels.jws import Signing
from hubtwin.channels.receive import Reception, receive
from hubtwin.channels.send import Line, Parcel, Sender
from hubtwin.channels.webhook import Delivery, Webhook
from hubtwin.connectors.common.tls import ClientCert, trusting
from hubtwin.model.event import Message
from hubtwin.model.message import Peer, Signed
from hubtwin.stores.signing import Signer
from hubtwin.stores.wire import Wire


@dataclass(frozen=True)
class Partners:
    """The wire of one store directory."""

    wire: Wire
    signing: Signing

    def take(self, delivery: Delivery, reception: Reception, now: datetime) -> Signed:
        """Take a delivery in and return the signed receipt. Raises Denied, Malformed, Retry as `receive`."""
        sender, lines, head = delivery.sender, delivery.lines, delivery.head
        return receive(self.wire, lines, sender, reception, signing=self.signing, now=now, head=head)


def open_partners(directory: Path, source: str, at_min: int) -> Partners:
    """Open the books and the signing key of a store directory; `source` is how the hub stands in messages."""
    signer = Signer(directory)
    return Partners(Wire(directory, source, at_min), Signing(signer.sign, signer.public_hex))


def make_sender(
    partners: Partners,
    lines: Mapping[str, Line],
    route: Callable[[Message], Sequence[Parcel]],
    otherwise: Callable[[Message], None] | None = None,
) -> Sender:
    """Return what takes messages of the outbox: `Service.send`. Its `pump` waits for partners, who may be slow, so it
    runs in a thread of its own beside the service; the books are shared.

    `lines` are by the source of the partner; what `route` gives to nobody goes to `otherwise`, such as a spool.
    """
    return Sender(partners.wire, partners.signing, lines, route, otherwise)


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
