"""The parts of the desk about the library; see `desk.py`."""

from typing import Protocol

from hubtwin.web.desk_baskets import BasketsDesk
from hubtwin.web.desk_catalogue import CatalogueDesk
from hubtwin.web.desk_loads import LoadsDesk
from hubtwin.web.desk_notices import NoticesDesk
from hubtwin.web.desk_quality import QualityDesk
from hubtwin.web.desk_queries import QueriesDesk
from hubtwin.web.desk_returns import ReturnsDesk
from hubtwin.web.desk_sendings import SendingsDesk


class LibraryDesks(Protocol):
    """Catalogue, loads, applications, quality, notices, questions, returns, sendings; each says what it raises."""

    @property
    def catalogue(self) -> CatalogueDesk:
        """Return the part about the catalogue."""
        ...

    @property
    def baskets(self) -> BasketsDesk:
        """Return the part about applications for the library and what is shared."""
        ...

    @property
    def loads(self) -> LoadsDesk:
        """Return the part about loads into the library."""
        ...

    @property
    def quality(self) -> QualityDesk:
        """Return the part about the quality of the library."""
        ...

    @property
    def notices(self) -> NoticesDesk:
        """Return the part about the rule that the library shares by, and what has gone up."""
        ...

    @property
    def queries(self) -> QueriesDesk:
        """Return the part about asking the library."""
        ...

    @property
    def returns(self) -> ReturnsDesk:
        """Return the way back: what streets send to the source."""
        ...

    @property
    def sendings(self) -> SendingsDesk:
        """Return the part about what leaves through the channels of partners."""
        ...
