"""The contract of the way back: what streets send to the source."""

from typing import Protocol

from hubtwin.model.agency import Person
from hubtwin.web.schemas import returns as r


class ReturnsDesk(Protocol):
    """Additions, disputes and their answers. Methods raise Denied, Malformed, Absent, Retry."""

    def returns(self, who: Person) -> r.ReturnsReply:
        """Return what the own agency sent, and what is about the datasets that it owns."""
        ...

    def content(self, who: Person, return_id: str) -> r.ReturnContent:
        """Return what was said, to both sides; that it was looked at is written down."""
        ...

    def add(self, who: Person, asked: r.SendAddition) -> r.ReturnView:
        """Send a row that the source does not have."""
        ...

    def dispute(self, who: Person, asked: r.SendDispute) -> r.ReturnView:
        """Say that a value is wrong."""
        ...

    def answer(self, who: Person, return_id: str, asked: r.AnswerReturn) -> r.ReturnView:
        """Answer for the source."""
        ...

    def withdraw(self, who: Person, return_id: str) -> r.ReturnView:
        """Take back what one sent."""
        ...
