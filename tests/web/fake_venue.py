"""The part of the fake desk about the venue: a hall, and one way through it."""

from hubtwin.base.errors import Absent, Malformed
from hubtwin.web.schemas import venue as sv
from hubtwin.web.schemas.hub import Words
from hubtwin.web.wire import encode

NAME = Words("大厅", "Hall")
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


class FakeVenue:
    """`web.desk_venue.VenueDesk` in memory."""

    def __init__(self) -> None:
        level = sv.LevelView("l", "L0", 0, NAME, NAME, 0.0, 6.0, outdoor=False)
        hall = sv.VenueFeature("u", "HALL", "unit", "lobby", "l", NAME, SQUARE, 900, None, "inferred", "")
        self.reply = sv.VenueReply("v", NAME, NAME, True, (0.5, 0.5), [level], [hall])

    def venue(self) -> sv.Kept:
        return sv.Kept("edition-1", encode(self.reply))

    def way(self, start: str, end: str, *, step_free: bool) -> sv.WayReply:
        if end == "nowhere":
            raise Malformed("web.no_way", start=start, end=end)
        if (start, end) != ("N1", "P-1"):
            raise Absent("rules.walking_no_place", place=end)
        leg = sv.LegView("l", "walk", 60.0, 80.4, [(0, 0), (1, 1)], "P-1", None)
        return sv.WayReply(60.0, 80.4, step_free, [leg])
