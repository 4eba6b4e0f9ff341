"""The part of the desk about the rule that the library shares by, and what has gone up; see `desk.py`."""

from typing import Protocol

from hubtwin.model.agency import Person
from hubtwin.web.schemas import notices as n


class NoticesDesk(Protocol):
    """The published rule, and notices: each is for those whom an escalation goes up to."""

    def terms(self, who: Person) -> n.TermsView:
        """Return how far the lanes go and how long people may take."""
        ...

    def notices(self, who: Person) -> n.NoticesReply:
        """Return what has gone up to a person, or is watched over by them; nothing where nothing has."""
        ...
