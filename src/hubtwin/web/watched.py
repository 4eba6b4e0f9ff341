"""What pages are shown that no event tells of: positions and lines of trains, sources, areas, repairs, the board.

The feed looks at it again and again. It is told with numbers of its own: the revision of the ledger stands still while
trains move, so it says neither what a page missed nor which of two pictures is newer.
"""

from collections.abc import Mapping

from hubtwin.web.change import Change, View
from hubtwin.web.frames import Part, change_part
from hubtwin.web.page import Key

KEPT = 10_000  # keys, those that are gone among them; whoever missed more is told everything


class Watched:
    """The newest of each key, in the order of their numbers. Used on the event loop alone."""

    def __init__(self, first: int) -> None:
        """Count up from a number that no earlier run has reached."""
        self.number = self._floor = first
        self._held: dict[Key, tuple[Change, Part]] = {}

    def take(self, change: Change) -> Part:
        """Number what was seen; return what pages are told."""
        key = (change.topic, change.scene, change.key)
        self.number += 1
        part = change_part(change, self.number)
        self._held.pop(key, None)
        self._held[key] = (change, part)
        if len(self._held) > KEPT:
            _, oldest = self._held.pop(next(iter(self._held)))
            self._floor = oldest.seen
        return part

    def missed(self, number: int, view: View) -> Mapping[Key, Part] | None:
        """Return what a view hears of what was seen after a number; None where that is not known."""
        if not self._floor <= number <= self.number:
            return None
        found = dict[Key, Part]()
        for key, (change, part) in reversed(self._held.items()):
            if part.seen <= number:
                break
            if view.hears(change):
                found[key] = part
        return dict(reversed(found.items()))
