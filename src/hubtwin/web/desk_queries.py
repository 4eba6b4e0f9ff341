"""The part of the desk about asking the library; see `desk.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hubtwin.model.agency import Person
from hubtwin.web.schemas import queries as q


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """An answer as a file: its bytes, media type and name. The name of one with synthetic rows says so."""

    content: bytes
    media_type: str
    name: str
    rows: int
    synthetic: bool


class QueriesDesk(Protocol):
    """What a person may read of the library, and questions to it.

    Questions raise Malformed for what is not allowed or cannot be run, Denied where no live share covers them.
    """

    def mine(self, who: Person) -> q.MineReply:
        """Return what a person may read now."""
        ...

    def lookups(self, who: Person, share_id: str | None, before: int | None, limit: int) -> q.LookUpsReply:
        """Return what a person has asked, and what was asked under shares of the own agency; of one share where it is
        named. Raises Absent for a share that is another's, unless it is an emergency's and who asks reviews those."""
        ...

    def ask(self, who: Person, asked: q.AskIn) -> q.AskReply:
        """Answer a question."""
        ...

    def ask_file(self, who: Person, asked: q.AskFileIn) -> AnswerFile:
        """Answer a question with a file."""
        ...

    def ask_arrow(self, who: Person, asked: q.AskArrowIn) -> AnswerFile:
        """Answer a question with an Arrow stream."""
        ...

    def page(
        self, who: Person, dataset: str, purpose: str, columns: Sequence[str], *, limit: int, after: str
    ) -> q.PageReply:
        """Return the next rows of a dataset."""
        ...
