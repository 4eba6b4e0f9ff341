"""No channel at all: partners who have nothing of their own read and answer on the hub's page of liaison.

What is for them counts as handed over; it is settled when they have answered there, not before.
"""

from collections.abc import Iterable, Sequence

from hubtwin.model.message import Signed


class OwnPage:
    """A channel to a partner that comes to us."""

    def put(self, batch: Sequence[Signed], head: Signed) -> None:
        """Leave messages where they are: the page shows them out of the books."""

    def collect(self) -> Iterable[Signed]:
        """Return nothing: an answer on the page is no signed receipt."""
        return ()

    def forget(self, receipt: Signed) -> None:
        """Keep nothing."""
