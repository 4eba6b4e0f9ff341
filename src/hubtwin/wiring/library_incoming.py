"""Rows of partners on their way to the shelves of a hub at work."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.channels.send import Sender
from hubtwin.datasets.listing import Listing
from hubtwin.model.batch import RowAnswer, RowFate
from hubtwin.model.partner import Partner
from hubtwin.model.record import Marks
from hubtwin.stores.shelf_rows import Landing, ShelfRows
from hubtwin.wiring.library_returns import parse
from hubtwin.wiring.library_share import Came, Incoming
from hubtwin.wiring.works import Works


def incoming_of(works: Works, registry: Mapping[str, Partner], sender: Sender) -> Incoming:
    """Return what takes rows that partners send. `registry` holds them by name."""
    library, zone = works.library, works.settings.hub.zone
    assert library is not None, "open_works opens the library"
    landing = Lander(library.rows, zone)
    return Incoming(
        *(library.catalogue, registry, sender, landing, works.store.status),
        day=lambda: works.clock().astimezone(zone).date(),
        now_min=lambda: epoch_minute(works.clock()),
    )


class Lander:
    """Writes rows of a partner once by key and revision, and says of each what became of it."""

    def __init__(self, rows: ShelfRows, zone: ZoneInfo) -> None:
        """Take the shelves; texts without an offset are in the zone of the hub."""
        self._rows, self._zone = rows, zone

    def __call__(
        self, listing: Listing, partner: str, rows: Sequence[Came], key: str, marks: Marks
    ) -> Sequence[RowAnswer]:
        """Write what can be typed; a row that cannot is refused with the column that is wrong, and the rest goes on."""
        good: list[Landing] = []
        wrong: dict[int, str] = {}
        for place, row in enumerate(rows):
            try:
                good.append(Landing(row.key, row.revision, parse(self._zone, listing, row.values)))
            except Malformed as error:
                wrong[place] = error.message("zh")[:200]
        moved = iter(self._rows.land(listing, partner, good, key, marks)) if good else iter(())
        answers = []
        for place, row in enumerate(rows):
            if place in wrong:
                answers.append(RowAnswer(row.key, row.revision, RowFate.REFUSED, wrong[place]))
            else:
                answers.append(RowAnswer(row.key, row.revision, RowFate.ACCEPTED if next(moved) else RowFate.DOUBLED))
        return answers
