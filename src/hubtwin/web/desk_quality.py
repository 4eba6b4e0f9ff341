"""The part of the desk about the quality of the library; see `desk.py`."""

from typing import Protocol

from hubtwin.model.agency import Person
from hubtwin.web.schemas import quality as q


class QualityDesk(Protocol):
    """Colours, rules, rows that fail, work orders. Each method asks the table of permissions, and raises Denied.

    All raise Absent for a dataset that is not listed.
    """

    def quality(self, who: Person) -> q.QualityReply:
        """Return how every dataset stands that was governed."""
        ...

    def dataset(self, who: Person, dataset: str) -> q.DatasetQuality:
        """Return a dataset with its rules and their trend."""
        ...

    def rows(self, who: Person, dataset: str, *, rule: str, colour: str, after: int, limit: int) -> q.RowsReply:
        """Return a few rows that fail, masked, to who owns or looks after the dataset. Raises Malformed."""
        ...

    def run(self, who: Person, dataset: str) -> q.DatasetQuality:
        """Colour a dataset for its owner, its steward or the data authority. Raises Malformed, Retry."""
        ...

    def orders(self, who: Person, dataset: str, *, mine: bool, closed: bool) -> q.OrdersReply:
        """Return work orders."""
        ...

    def answer(self, who: Person, asked: q.AnswerOrder) -> q.OrderView:
        """Answer a work order of the own agency. Raises Absent."""
        ...
