"""The part of the desk about field staff: what they file, calls for help, sending teams; see `desk.py`."""

from typing import Protocol

from hubtwin.model.agency import Person
from hubtwin.web.schemas.asked import AskHelp, FileTick, FileWords, SendTeam, SharePosition
from hubtwin.web.schemas.loop import NearReply, PhoneReply, TaskReply


class FieldDesk(Protocol):
    """Field staff and those who send them. Each method asks the table of permissions about the very task."""

    def file_tick(self, who: Person, task_id: str, asked: FileTick) -> TaskReply:
        """Tick a line of a checklist, or take the tick back. Raises Absent."""
        ...

    def file_words(self, who: Person, task_id: str, asked: FileWords) -> TaskReply:
        """File a report or a scanned code. Raises Absent."""
        ...

    def file_photo(self, who: Person, task_id: str, content: bytes, key: str, age_s: int) -> TaskReply:
        """File a photo. Raises Absent, Malformed for anything that is no JPEG."""
        ...

    def photo(self, who: Person, task_id: str, piece_id: str) -> bytes:
        """Return a photo; written to the audit before the answer leaves. Raises Absent."""
        ...

    def ask_help(self, who: Person, asked: AskHelp) -> TaskReply:
        """Call for help."""
        ...

    def send_team(self, who: Person, asked: SendTeam) -> TaskReply:
        """Send a team to a place."""
        ...

    def near(self, who: Person, place: str) -> NearReply:
        """Return the teams that could go to a place."""
        ...

    def share_position(self, who: Person, asked: SharePosition) -> None:
        """Take in where the own team is. Raises Denied for who is in no team, Malformed without a position."""
        ...

    def phone(self, who: Person) -> PhoneReply:
        """Return what the phone of a person locks its queue with."""
        ...
