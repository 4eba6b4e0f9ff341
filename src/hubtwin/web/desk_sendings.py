"""The part of the desk about what leaves through the channels of partners; see `desk.py`."""

from dataclasses import dataclass
from typing import Protocol

from hubtwin.model.agency import Person
from hubtwin.web.schemas import sendings as s


@dataclass(frozen=True, slots=True)
class ErrorFile:
    """A file of rows to correct: its bytes, media type, name, and how many rows it has."""

    content: bytes
    media_type: str
    name: str
    rows: int


class SendingsDesk(Protocol):
    """Sendings of shares that the own agency has applied for. Methods raise Denied, Malformed, Absent, Retry."""

    def send_share(self, who: Person, share_id: str) -> s.SentShare:
        """Let what a partner was given leave through its channel."""
        ...

    def sendings(self, who: Person, share_id: str) -> s.SendingsReply:
        """Return the sendings of a share, newest first."""
        ...

    def errors(self, who: Person, batch_id: str, form: str) -> ErrorFile:
        """Return the rows of a sending that were not taken, as xlsx or csv; that they were fetched is written down."""
        ...

    def correct(self, who: Person, batch_id: str, file: str, content: bytes) -> s.CorrectedReply:
        """Send what was corrected in a file of errors."""
        ...

    def send_again(self, who: Person, batch_id: str) -> s.SentAgain:
        """Send the rows of a sending once more that the partner has not accepted."""
        ...
