"""The wire of a hub at work, as its server sees it."""

from collections.abc import Mapping
from functools import cached_property

from hubtwin.base.errors import Absent
from hubtwin.channels.receive import Reception
from hubtwin.channels.webhook import read_delivery
from hubtwin.model.message import Signed
from hubtwin.wiring.partners import hub_reception
from hubtwin.wiring.works import Works


class RealWire:
    """Takes in what partners hand over."""

    def __init__(self, works: Works) -> None:
        """Take an open hub."""
        self._works = works

    def take_messages(self, headers: Mapping[str, str], body: bytes) -> Signed:
        """Take in a delivery; names of headers are in lower case. Raises Denied, Malformed, Retry; Absent in a hub
        that knows the key of no partner."""
        partners, told = self._works.partners, self._works.settings.partners.values()
        if partners is None or not any(one.partner.keys for one in told):
            raise Absent("web.no_partners")
        return partners.take(read_delivery(headers, body), self._reception, self._works.clock())

    @cached_property
    def _reception(self) -> Reception:
        """How the hub receives; made with the first delivery, because it looks up every county."""
        return hub_reception(self._works.settings)
