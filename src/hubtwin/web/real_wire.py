"""The wire of a hub at work, as its server sees it."""

from collections.abc import Mapping

from hubtwin.base.errors import Absent
from hubtwin.channels.webhook import read_delivery
from hubtwin.model.message import Signed
from hubtwin.wiring.partners import reception_of
from hubtwin.wiring.works import Works


class RealWire:
    """Takes in what partners hand over."""

    def __init__(self, works: Works) -> None:
        """Take an open hub."""
        self._works = works
        hub = works.settings.hub
        self._reception = reception_of(works.settings.partners, hub.hub_id, hub.zone, works.store.status)

    def take_messages(self, headers: Mapping[str, str], body: bytes) -> Signed:
        """Take in a delivery; names of headers are in lower case. Raises Denied, Malformed, Retry."""
        partners = self._works.partners
        if partners is None or not self._reception.peers:
            raise Absent("web.no_partners")
        return partners.take(read_delivery(headers, body), self._reception, self._works.clock())
