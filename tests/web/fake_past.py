"""The past in memory: entries as they were recorded, one picture."""

from collections.abc import Sequence

from hubtwin.base.errors import Absent
from hubtwin.stores.journal import Entry, Mark
from hubtwin.web.change import Change, View
from hubtwin.web.schemas.past import PastChanges, PastMark, PastRange, PastReply
from hubtwin.web.schemas.things import ThingReply
from hubtwin.web.things import view_of
from hubtwin.wiring.panorama import Panorama


class FakePast:
    """`web.desk_past.PastDesk` in memory. Nothing is read back: that is tested with a real journal."""

    def __init__(self, panorama: Panorama) -> None:
        self.panorama = panorama
        self.entries: list[Entry] = []
        self.count = 0
        self.shown: list[Change] = []

    def erased(self) -> int:
        return self.count

    def start(self) -> Mark:
        return Mark(0, "Started", "hub", "", "replay", "Actual")

    def picture(self) -> Sequence[Change]:
        return self.shown

    def pulse(self) -> Sequence[Change]:
        return ()

    def record(self, entries: Sequence[Entry], erased: int) -> bool:
        if erased != self.count:
            return False
        self.entries += entries
        return True

    def range(self, view: View) -> PastRange:
        if not self.entries:
            return PastRange(None, None, [], more=False)
        marks = [PastMark(each.at_ms, m.kind, m.subject, m.severity) for each in self.entries for m in each.marks]
        return PastRange(self.entries[0].at_ms, self.entries[-1].at_ms, marks, more=False)

    def at(self, view: View, at_ms: int) -> PastReply:
        raise Absent("web.past_unknown")

    def changes(self, view: View, from_ms: int, to_ms: int) -> PastChanges:
        return PastChanges(from_ms, to_ms, [], [], more=False)

    def thing(self, view: View, thing_id: str, until_ms: int | None = None) -> ThingReply:
        found = self.panorama.find(thing_id)
        if found is None:
            raise Absent("web.no_thing", thing=thing_id)
        return ThingReply(view_of(found), None, [(found.at_ms, found.values)])
