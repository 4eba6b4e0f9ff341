"""What the fake desk knows of the field: it asks the table of permissions, and keeps nothing."""

from dataclasses import replace
from typing import Any

from hubtwin.base.errors import Absent
from hubtwin.model.agency import Person
from hubtwin.rules.permission import may
from hubtwin.rules.photos import clean_photo
from hubtwin.web.schemas.asked import AskHelp, FileTick, FileWords, SendTeam, SharePosition
from hubtwin.web.schemas.hub import Words
from hubtwin.web.schemas.loop import CheckView, NearReply, NearTeam, PhoneReply, PieceView, TaskReply

BOTH = Words("已到", "there")


class FakeField:
    """`web.desk_field.FieldDesk` beside a fake desk."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk

    def _of(self, who: Person, task_id: str) -> TaskReply:
        found: TaskReply = self.desk.task(who, task_id)
        may(who, "task.report", scene=found.task.scene, team=found.task.team)
        check, note = CheckView("arrived", BOTH, None, None), PieceView("piece-1", "note", "w", 1, "calm", stands=True)
        return replace(found, checklist=[check], pieces=[note], may_file=True)

    def file_tick(self, who: Person, task_id: str, asked: FileTick) -> TaskReply:
        return self._of(who, task_id)

    def file_words(self, who: Person, task_id: str, asked: FileWords) -> TaskReply:
        return self._of(who, task_id)

    def file_photo(self, who: Person, task_id: str, content: bytes, key: str, age_s: int) -> TaskReply:
        found = self._of(who, task_id)
        clean_photo(content)
        return found

    def photo(self, who: Person, task_id: str, piece_id: str) -> bytes:
        self.desk.task(who, task_id)
        raise Absent("web.no_photo")

    def ask_help(self, who: Person, asked: AskHelp) -> TaskReply:
        may(who, "help.ask", scene="epidemic")
        found: TaskReply = self.desk.task(who, "task-1")
        return found

    def send_team(self, who: Person, asked: SendTeam) -> TaskReply:
        may(who, "task.assign", scene="epidemic")
        found: TaskReply = self.desk.task(who, "task-1")
        return found

    def near(self, who: Person, place: str) -> NearReply:
        may(who, "task.assign", scene="epidemic")
        return NearReply(place, [NearTeam("T01", 3, 0)])

    def share_position(self, who: Person, asked: SharePosition) -> None:
        may(who, "position.share", scene="epidemic", team="T01")

    def phone(self, who: Person) -> PhoneReply:
        return PhoneReply("c2VjcmV0")
