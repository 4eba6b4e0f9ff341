"""The field: what a team files with its task, a call for help, and sending a team to a place."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from hubtwin.base.errors import Absent, Denied
from hubtwin.base.ids import stable_key
from hubtwin.flow.dispatch import assign, move_task
from hubtwin.flow.guard import May, refuse_empty, refuse_machine, shown
from hubtwin.model.duty import COMMANDER, Busy, Job, Roster, Suggestion
from hubtwin.model.event import EventKind
from hubtwin.model.field import ATTEND, HELP, TICKS, Call, Filing, Piece, PieceKind
from hubtwin.model.task import Task, TaskCommand
from hubtwin.ports import Ledger, LedgerReader, TaskFilter, Unit
from hubtwin.rules.duty import rank_teams

MOST_PIECES = 300  # of one task: a phone that repeats itself must not fill the disk; ours, no source
MOST_CALLS = 20  # open calls for help of one team: more is a phone run wild, and would drown those of others; ours
SUGGESTED = 3  # teams that a call for help names
_MANY = 10_000
_KINDS = {
    PieceKind.TICK: EventKind.TASK_CHECKED,
    PieceKind.UNTICK: EventKind.TASK_CHECKED,
    PieceKind.NOTE: EventKind.TASK_NOTED,
    PieceKind.SCAN: EventKind.TASK_NOTED,
    PieceKind.PHOTO: EventKind.TASK_PHOTOGRAPHED,
}


def piece_id_of(by: str, key: str) -> str:
    """Return the id of a piece: the same sender's name of the same sender is the same piece."""
    return stable_key("piece", by, key)


def file_piece(ledger: Ledger, asked: Filing, may: May, *, items: Collection[str] = ()) -> Piece:
    """File a piece with a task, once by its key; return it as it stands on file.

    A team that had the task files what it saw there, also after the task is done or went to another team. `items` are
    those of the checklist. Raises Denied (not allowed, not a person, key used for something else, too many), Absent (no
    such task or item), Retry.
    """
    with ledger.unit(asked.at_min) as unit:
        task = unit.get_task(asked.task_id)
        known = unit.find_piece(piece_id_of(asked.by, asked.key))
        if known is not None:
            if (known.task_id, known.kind, known.ref) != (asked.task_id, asked.kind, asked.ref):
                raise Denied("stores.key_reused", command_key=asked.key)
            return known
        may("task.report", scene=task.scene, team=asked.team if asked.team in _teams(unit, task) else task.team)
        refuse_machine(asked.by)
        if asked.kind in TICKS and asked.ref not in items:
            raise Absent("flow.no_item", item=asked.ref, kind=task.kind)
        if len(unit.list_pieces(task.task_id)) >= MOST_PIECES:
            raise Denied("flow.many_pieces", most=MOST_PIECES)
        piece = Piece(
            piece_id_of(asked.by, asked.key),
            *(asked.task_id, asked.kind, asked.ref, asked.by, asked.at_min, min(asked.done_min, asked.at_min)),
        )
        unit.add_piece(piece)
        unit.append(_KINDS[piece.kind], task.task_id, {**_named(task), **_told(piece), **shown(task.marks)}, task.scene)
        return piece


def ask_help(
    ledger: Ledger, call: Call, clocks_min: Mapping[str, int], may: May, *, roster: Roster | None = None
) -> Task:
    """Call for help: an alarm, and a task of the duty commander that names the nearest teams. Needs no event in force.

    Who says no place is taken to be where the own team stands on duty. Once by the key. Raises Denied (not allowed,
    MOST_CALLS of the team are open already), Retry.
    """
    with ledger.unit(call.at_min) as unit:
        task_id = stable_key(HELP, call.by, call.key)
        known = unit.find_task(task_id)
        if known is not None:
            return known
        may("help.ask", scene=call.scene)
        refuse_machine(call.by)
        subject = call.team or call.by
        if len(unit.list_tasks(TaskFilter(kind=HELP, subjects=(subject,), open_only=True))) >= MOST_CALLS:
            raise Denied("flow.many_calls", most=MOST_CALLS)
        place = call.place.code or _post(roster, call.team, call.at_min)
        near = near_teams(unit, place, roster, at_min=call.at_min, kind=HELP, not_by=frozenset({call.team}))
        told = {
            "by": call.by,
            "team": call.team,
            "about": call.about,
            "place": place,
            **{name: getattr(call.place, name) for name in ("lon", "lat", "level")},
            "near": [{"team": each.team, "walk_min": each.walk_min} for each in near[:SUGGESTED]],
        }
        task = Task(task_id, call.scene, HELP, subject, place, COMMANDER, call.at_min, call.at_min)
        task = assign(unit, replace(task, marks=call.marks, told=told), clocks_min, call.by)
        said = {name: told[name] for name in ("by", "about", "place", "near")}  # a position stays with the task
        unit.append(EventKind.HELP_ASKED, task_id, {**_named(task), **said, **shown(call.marks)}, call.scene)
        return task


def send_team(
    ledger: Ledger, call: Call, clocks_min: Mapping[str, int], may: May, *, roster: Roster | None = None
) -> Task:
    """Send a team to a place; return its task. Where `about` is an open call for help, that very task goes to the team.

    Without a team the nearest suitable one goes. Once by the key. Raises Denied (not allowed, no such team, none
    near), Malformed (neither a place nor a call), Retry.
    """
    with ledger.unit(call.at_min) as unit:
        task_id = stable_key(ATTEND, call.by, call.key)
        known, called = unit.find_task(task_id), unit.find_task(call.about)
        if known is not None:
            return known
        helps = called is not None and called.kind == HELP and called.is_open
        if called is not None and helps and not unit.once(f"{call.by} {call.key}", stable_key(HELP, call.about)):
            return called
        may("task.assign", scene=call.scene if called is None else called.scene)
        refuse_machine(call.by)
        place = called.place if called is not None and helps else call.place.code
        own = str(called.told.get("team", "")) if called is not None and helps else ""
        team, walk_min = _choose(unit, call, place, roster, own)
        if called is not None and helps:
            order = TaskCommand(called.task_id, "reassign", call.by, call.at_min, team=team)
            return move_task(unit, order, clocks_min, roster)
        refuse_empty(place=place)
        due_min = call.at_min + walk_min
        task = Task(task_id, call.scene, ATTEND, call.about or place, place, team, call.at_min, due_min)
        return assign(unit, replace(task, marks=call.marks), clocks_min, call.by)


def near_teams(
    ledger: LedgerReader,
    place: str,
    roster: Roster | None,
    *,
    at_min: int,
    kind: str = ATTEND,
    not_by: frozenset[str] = frozenset(),
) -> list[Suggestion]:
    """Return the teams on duty that can walk to a place, the best first; nobody for a place that no way leads to."""
    if roster is None or not place:
        return []
    on_duty = tuple({shift.team for shift in roster.on_duty(at_min)})
    others = ledger.list_tasks(TaskFilter(teams=on_duty, open_only=True, limit=_MANY)) if on_duty else ()
    busy = [Busy(task.team, task.place, task.due_min) for task in others]
    return rank_teams(Job(kind, place, at_min, not_by), roster, busy, at_min)


def _choose(unit: Unit, call: Call, place: str, roster: Roster | None, own: str) -> tuple[str, int]:
    """Return the team that goes and its minutes of walk; of a named team whose walk nobody knows, none."""
    near = near_teams(unit, place, roster, at_min=call.at_min, not_by=frozenset({own} - {call.team, ""}))
    if call.team:
        if roster is not None and call.team not in roster.teams():
            raise Denied("flow.no_team", team=call.team)
        return call.team, next((each.walk_min for each in near if each.team == call.team), 0)
    if not near:
        raise Denied("flow.no_team_near", place=place or "-")
    return near[0].team, near[0].walk_min


def _post(roster: Roster | None, team: str, at_min: int) -> str:
    return next((shift.place for shift in roster.on_duty(at_min) if shift.team == team), "") if roster else ""


def _teams(unit: Unit, task: Task) -> set[str]:
    """Return the team of a task and those that had it before."""
    moved = unit.list_events(kinds=[EventKind.TASK_REASSIGNED], subject=task.task_id)
    return {task.team} | {str(event.payload["from_team"]) for event in moved} - {COMMANDER}


def _named(task: Task) -> dict[str, object]:
    return {"task": task.task_id, "kind": task.kind, "team": task.team, "version": task.version}


def _told(piece: Piece) -> dict[str, object]:
    """Return what the event says: who, what kind, when; of a content only what tells it again (`ref_of`)."""
    told = {"piece": piece.piece_id, "filed": piece.kind.value, "ref": piece.ref}
    return {**told, "by": piece.by, "done_min": piece.done_min}
