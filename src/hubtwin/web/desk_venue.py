"""The part of the desk about the venue."""

from typing import Protocol

from hubtwin.web.schemas.venue import Kept, WayReply


class VenueDesk(Protocol):
    """The part of the desk about the venue."""

    def venue(self) -> Kept:
        """Return a `VenueReply` as it goes over the wire. Raises Absent where the hub has no venue."""
        ...

    def way(self, start: str, end: str, *, step_free: bool) -> WayReply:
        """Return the shortest way between two places. Raises Absent, and Malformed where no way leads there."""
        ...
