"""The part of the desk about what was shown: it is recorded as the feed tells it, and told again from there."""

from collections.abc import Sequence
from typing import Protocol

from hubtwin.stores.journal import Entry, Mark
from hubtwin.web.change import Change, View
from hubtwin.web.schemas.past import PastChanges, PastRange, PastReply
from hubtwin.web.schemas.things import ThingReply


class PastDesk(Protocol):
    """What was shown. `view` is that of the one who asks."""

    def erased(self) -> int:
        """Return how often something was erased from what was recorded."""
        ...

    def start(self) -> Mark:
        """Return how the timeline marks that a recording begins."""
        ...

    def picture(self) -> Sequence[Change]:
        """Return everything that is shown now, whoever may see it."""
        ...

    def pulse(self) -> Sequence[Change]:
        """Return what only the recording hears, as far as it changed; called every two seconds."""
        ...

    def record(self, entries: Sequence[Entry], erased: int) -> bool:
        """Put on the disk what was shown; False where something was erased since `erased` was read."""
        ...

    def range(self, view: View) -> PastRange:
        """Return from when until when the past is known."""
        ...

    def at(self, view: View, at_ms: int) -> PastReply:
        """Return what was shown at a moment. Raises Absent before the first, Malformed in the future."""
        ...

    def changes(self, view: View, from_ms: int, to_ms: int) -> PastChanges:
        """Return what was told after a moment and until another. Raises as `at` does."""
        ...

    def thing(self, view: View, thing_id: str, until_ms: int | None = None) -> ThingReply:
        """Return a thing with its newest states, or with those up to a past moment. Raises Absent, and Denied for
        people at work."""
        ...
