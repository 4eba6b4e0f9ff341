"""The way back of a hub at work: what returns need of its stores, and what is done about them in each step."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from hubtwin.base.clock import DAY_MIN, epoch_minute
from hubtwin.base.errors import Absent, Malformed
from hubtwin.datasets.listing import Listing
from hubtwin.library.returning import ReturnDesk
from hubtwin.model.sharing import Share
from hubtwin.rules.typed import read_cell
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.returns import KEPT_DAYS, Returns
from hubtwin.wiring.applying import calendar_of, open_baskets
from hubtwin.wiring.minutes import OnceAMinute
from hubtwin.wiring.works import Access, Works


def open_returns(access: Access) -> Returns:
    """Return what was sent back at a hub."""
    return Returns(access.database, access.audit, VaultKeys(access.vault), clock=access.clock)


def return_desk(works: Works) -> ReturnDesk:
    """Return what sending back and answering need at a hub. Raises Absent where no library is open."""
    library, zone = works.library, works.settings.hub.zone
    if library is None:
        raise Absent("web.no_library")
    calendar, days = calendar_of(works.settings), works.settings.terms.source_days
    baskets = open_baskets(works.access)

    def shares(grantees: Sequence[str]) -> Sequence[Share]:
        return [share for grantee in grantees for share in baskets.list_shares(grantee)]

    return ReturnDesk(
        *(library.catalogue(), open_returns(works.access), library.rows, shares, partial(parse, zone)),
        now_min=lambda: epoch_minute(works.access.clock()),
        due=lambda minute: calendar.due_min(minute, days, zone),
    )


class ReturnClock:
    """What time brings, as a part of each step of the service, once a minute of the real clock: what was accepted and
    not written is written, what is overdue is told, what was settled long ago is forgotten."""

    def __init__(self, works: Works) -> None:
        """Take an open hub."""
        self._works = works
        self._once = OnceAMinute(lambda: epoch_minute(works.access.clock()), self._look)

    def __call__(self, _: datetime) -> None:
        """Do what is due by now. Raises Retry."""
        self._once()

    def _look(self, minute: int) -> None:
        returns = open_returns(self._works.access)
        return_desk(self._works).apply_accepted()
        returns.escalate()
        returns.forget(minute - KEPT_DAYS * DAY_MIN)


def parse(zone: ZoneInfo, listing: Listing, texts: Mapping[str, str]) -> Mapping[str, object]:
    """Return texts as values of the columns that they are of. Raises Malformed naming the column."""
    values: dict[str, object] = {}
    for name, text in texts.items():
        column = listing.dataset.by_name.get(name)
        if column is None:
            raise Malformed("library.return_no_column", dataset=listing.name, columns=name)
        value, problem = read_cell(column, text, zone)
        if problem is not None:
            raise Malformed(problem.key, **problem.values)
        values[name] = value
    return values
