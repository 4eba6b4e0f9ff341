"""Tasks and the field at a hub at work: moves, what is filed with a task, calls for help, teams that are sent."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Bug, Denied, Malformed
from hubtwin.flow.field import ask_help, file_piece, near_teams, send_team
from hubtwin.flow.guard import find_emergency
from hubtwin.flow.handle import handle_task
from hubtwin.model.agency import Person
from hubtwin.model.duty import Roster
from hubtwin.model.field import Call, CheckItem, Filing, Piece, PieceKind, Place, ref_of, ticked
from hubtwin.model.record import Marks, Provenance
from hubtwin.model.task import Task, TaskCommand, TaskState
from hubtwin.model.thing import Thing, Value
from hubtwin.ports import TaskFilter
from hubtwin.rules.permission import is_allowed, may
from hubtwin.rules.photos import clean_photo
from hubtwin.stores.field import FieldBooks, Owner
from hubtwin.web import shown
from hubtwin.web.schemas import loop as lo
from hubtwin.web.schemas.asked import AskHelp, FileTick, FileWords, MoveTask, PlaceIn, SendTeam, SharePosition
from hubtwin.web.schemas.hub import Words
from hubtwin.wiring.near import roster_for
from hubtwin.wiring.plugs import SCENES, load
from hubtwin.wiring.works import Works

PHONES = "phones"  # the source of a position that a phone of the team tells
_KINDS: Mapping[PieceKind, lo.PieceName] = {
    PieceKind.NOTE: "note",
    PieceKind.SCAN: "scan",
    PieceKind.PHOTO: "photo",
}


class RealField:
    """`web.desk_field.FieldDesk` of a hub at work, with the moves of tasks."""

    def __init__(self, works: Works, scene: str) -> None:
        """Take an open hub; `scene` is what a call belongs to when who calls has none of their own."""
        self.works, self._scene = works, scene

    def task(self, who: Person, task_id: str) -> lo.TaskReply:
        """Return a task with its history, its checklist, what was filed with it, and the moves of a person."""
        ledger = self.works.ledger
        task = ledger.get_task(task_id)
        may(who, "task.read", scene=task.scene)
        allowed = partial(is_allowed, who, scene=task.scene, team=task.team)
        pieces = ledger.list_pieces(task_id)
        stands, items = ticked(pieces), self._checklist(task)
        return lo.TaskReply(
            shown.task_row(task),
            [shown.happened(event) for event in ledger.list_events(subject=task_id)],
            shown.task_moves(task, allowed),
            [_check(item, stands.get(item.item_id)) for item in items],
            [self._piece(piece, kind) for piece in pieces if (kind := _KINDS.get(piece.kind)) is not None],
            allowed("task.report"),
        )

    def move_task(self, who: Person, task_id: str, asked: MoveTask) -> lo.TaskReply:
        """Move a task on."""
        command = TaskCommand(
            *(task_id, asked.command, who.user_id, self._now_min(), asked.reason, asked.team), expects=asked.expects
        )
        handle_task(
            *(self.works.ledger, command, self.works.clocks_min, partial(may, who)),
            roster=self.works.roster,
            key=None if asked.key is None else f"{who.user_id} {asked.key}",  # two senders may use the same name
        )
        return self.task(who, task_id)

    def file_tick(self, who: Person, task_id: str, asked: FileTick) -> lo.TaskReply:
        """Tick a line of a checklist, or take the tick back."""
        kind = PieceKind.TICK if asked.done else PieceKind.UNTICK
        task = self.works.ledger.get_task(task_id)
        items = {item.item_id for item in self._checklist(task)}
        filing = self._filing(who, task_id, kind, asked.item, key=asked.key, age_s=asked.age_s)
        file_piece(self.works.ledger, filing, partial(may, who), items=items)
        return self.task(who, task_id)

    def file_words(self, who: Person, task_id: str, asked: FileWords) -> lo.TaskReply:
        """File a report or a scanned code."""
        content = asked.text.encode()
        self._file_content(who, task_id, PieceKind(asked.kind), content, key=asked.key, age_s=asked.age_s)
        return self.task(who, task_id)

    def file_photo(self, who: Person, task_id: str, content: bytes, key: str, age_s: int) -> lo.TaskReply:
        """File a photo; what is kept is its picture and nothing else."""
        self._file_content(who, task_id, PieceKind.PHOTO, clean_photo(content), key=key, age_s=age_s)
        return self.task(who, task_id)

    def photo(self, who: Person, task_id: str, piece_id: str) -> bytes:
        """Return a photo; that it was asked for is in the audit before the answer leaves."""
        task = self.works.ledger.get_task(task_id)
        may(who, "task.read", scene=task.scene)
        piece = self.works.ledger.find_piece(piece_id)
        if piece is None or piece.task_id != task_id or piece.kind is not PieceKind.PHOTO:
            raise Absent("web.no_photo")
        content = self._books().find(piece_id)
        if content is None:
            raise Absent("web.photo_gone")
        self.works.access.audit.append("TaskPhotoShown", who.user_id, {"task": task_id, "piece": piece_id})
        return content

    def ask_help(self, who: Person, asked: AskHelp) -> lo.TaskReply:
        """Call for help."""
        task = ask_help(
            *(
                self.works.ledger,
                self._call(who, "help.ask", asked.place, key=asked.key, team=who.team, about=asked.task),
            ),
            *(self.works.clocks_min, partial(may, who)),
            roster=self._roster(asked.place.code),
        )
        return self.task(who, task.task_id)

    def send_team(self, who: Person, asked: SendTeam) -> lo.TaskReply:
        """Send a team to a place."""
        call = self._call(
            *(who, "task.assign", PlaceIn(code=asked.place)), key=asked.key, team=asked.team, about=asked.about
        )
        called = self.works.ledger.find_task(asked.about)
        roster = self._roster(asked.place or (called.place if called else ""))
        task = send_team(*(self.works.ledger, call, self.works.clocks_min, partial(may, who)), roster=roster)
        return self.task(who, task.task_id)

    def near(self, who: Person, place: str) -> lo.NearReply:
        """Return the teams that could go to a place."""
        may(who, "task.assign", scene=self._scene_of(who, "task.assign"))
        found = near_teams(self.works.ledger, place, self._roster(place), at_min=self._now_min())
        return lo.NearReply(place, [lo.NearTeam(each.team, each.walk_min, each.load) for each in found])

    def share_position(self, who: Person, asked: SharePosition) -> None:
        """Take in where the own team is. The newest is held; what pages were shown of it stays in the journal as long
        as what they were shown of events."""
        scene = self._scene_of(who, "position.share")
        if not who.team:
            raise Denied("web.no_own_team")
        may(who, "position.share", scene=scene, team=who.team)
        if asked.on and (asked.lon is None or asked.lat is None):
            raise Malformed("web.no_position")
        now = self.works.clock()
        made = Provenance.REAL if self.works.mode == "live" else Provenance.SYNTHETIC
        told: dict[str, Value] = {"team": who.team, "state": self._state_of(who.team)}
        thing = Thing(f"staff:{who.team}", "staff", int(now.timestamp() * 1000), PHONES, values=told)
        marks = Marks(self.works.store.status, made)
        self.works.panorama.take([replace(thing, lon=asked.lon, lat=asked.lat, marks=marks, gone=not asked.on)])

    def phone(self, who: Person) -> lo.PhoneReply:
        """Return what the phone of a person locks its queue with."""
        return lo.PhoneReply(base64.b64encode(self._books().phone_secret(who.user_id)).decode())

    def _file_content(
        self, who: Person, task_id: str, kind: PieceKind, content: bytes, *, key: str, age_s: int
    ) -> None:
        """File a content: the piece first, which asks whether this person may, then what it says. A kill between both
        leaves a piece without content; the phone that heard no answer sends it again, and the content follows."""
        task = self.works.ledger.get_task(task_id)
        filing = self._filing(who, task_id, kind, ref_of(content, key), key=key, age_s=age_s)
        piece = file_piece(self.works.ledger, filing, partial(may, who))
        event = find_emergency(self.works.ledger, task.scene, piece.at_min)
        owner = Owner(task_id, task.subject, event.emergency_id if event else "")
        self._books().put(piece.piece_id, owner, content, piece.at_min)

    def _filing(self, who: Person, task_id: str, kind: PieceKind, ref: str, *, key: str, age_s: int) -> Filing:
        now_min = self._now_min()
        done_min = now_min - int(age_s * self.works.pace() // 60)  # hub minutes: a replay may run faster
        return Filing(task_id, kind, ref, who.user_id, who.team, key, now_min, done_min)

    def _call(self, who: Person, action: str, place: PlaceIn, *, key: str, team: str, about: str) -> Call:
        made = Provenance.REAL if self.works.mode == "live" else Provenance.SYNTHETIC
        return Call(
            *(who.user_id, self._scene_of(who, action), key, self._now_min()),
            Place(place.code, place.lon, place.lat, place.level),
            team=team,
            about=about,
            marks=Marks(self.works.store.status, made),
        )

    def _scene_of(self, who: Person, action: str) -> str:
        """Return a scene of a person in which an action is allowed, that of the hub first."""
        scenes = sorted(who.scenes, key=lambda scene: (scene != self._scene, scene))
        return next((scene for scene in scenes if is_allowed(who, action, scene=scene)), self._scene)

    def _checklist(self, task: Task) -> Sequence[CheckItem]:
        scene = SCENES.get(task.scene)
        return load(scene).checklists.get(task.kind, ()) if scene else ()

    def _piece(self, piece: Piece, kind: lo.PieceName) -> lo.PieceView:
        """Return a piece as it is shown; photos are not opened for it."""
        content = None if piece.kind is PieceKind.PHOTO else self._books().find(piece.piece_id)
        return lo.PieceView(
            *(piece.piece_id, kind, piece.by, piece.done_min),
            content.decode() if content is not None else None,
            self._books().stands(piece.piece_id) if piece.kind is PieceKind.PHOTO else content is not None,
        )

    def _roster(self, place: str) -> Roster | None:
        """Return the roster with the walks to a place, which may be any of the venue."""
        works = self.works
        return roster_for(works.settings, works.ledger, works.roster, place=place, at_min=self._now_min())

    def _state_of(self, team: str) -> str:
        """Return what a team does, by its tasks, in the words of the sources that tell of teams."""
        states = {task.state for task in self.works.ledger.list_tasks(TaskFilter(teams=(team,), open_only=True))}
        if TaskState.ON_POST in states:
            return "at_work"
        return "on_way" if TaskState.ACCEPTED in states else "post"

    def _books(self) -> FieldBooks:
        if self.works.filed is None:
            raise Bug("web.no_field_books")
        return self.works.filed

    def _now_min(self) -> int:
        return epoch_minute(self.works.clock())


def _check(item: CheckItem, tick: Piece | None) -> lo.CheckView:
    label = Words(item.zh, item.en)
    return lo.CheckView(item.item_id, label, tick.by if tick else None, tick.done_min if tick else None)
