"""Routes of the field: what staff file with a task, calls for help, sending a team from the map."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hubtwin.model.agency import Person
from hubtwin.rules.photos import MOST_BYTES, PHOTO_TYPE
from hubtwin.web.auth import EdgeOf, allowed, same_origin
from hubtwin.web.edge import API, reply
from hubtwin.web.read import Id
from hubtwin.web.schemas.asked import AskHelp, FileTick, FileWords, SendTeam, SharePosition
from hubtwin.web.schemas.loop import NearReply, PhoneReply, TaskReply

router = APIRouter(prefix=API, tags=["field"])
WRITES = [Depends(same_origin)]
LARGER: Sequence[tuple[re.Pattern[str], int]] = ((re.compile(rf"{API}/tasks/[^/]{{1,200}}/photos"), MOST_BYTES),)
Files = Annotated[Person, Depends(allowed("task.report"))]
Sends = Annotated[Person, Depends(allowed("task.assign"))]
Key = Annotated[str, Query(min_length=1, max_length=200)]
Age = Annotated[int, Query(ge=0, le=7 * 86_400)]
_BODY = {"content": {PHOTO_TYPE: {"schema": {"type": "string", "format": "binary"}}}, "required": True}
_PHOTO: dict[int | str, dict[str, Any]] = {
    200: {"content": {PHOTO_TYPE: {"schema": {"type": "string", "format": "binary"}}}, "description": "A photo"}
}


@router.post("/tasks", response_model=TaskReply, dependencies=WRITES)
def send_team(edge: EdgeOf, who: Sends, asked: SendTeam) -> Response:
    """Send a team to a place, the nearest one unless one is named; an open call for help goes to that team."""
    return reply(edge.desk.field.send_team(who, asked))


@router.get("/teams/near", response_model=NearReply)
def near(edge: EdgeOf, who: Sends, place: Annotated[str, Query(min_length=1, max_length=80)]) -> Response:
    """Return the teams on duty that can walk to a place, the best first."""
    return reply(edge.desk.field.near(who, place))


@router.post("/help", response_model=TaskReply, dependencies=WRITES)
def ask_help(edge: EdgeOf, who: Annotated[Person, Depends(allowed("help.ask"))], asked: AskHelp) -> Response:
    """Call for help: an alarm, and a task of the duty commander with the nearest teams."""
    return reply(edge.desk.field.ask_help(who, asked))


@router.post("/tasks/{task_id}/checks", response_model=TaskReply, dependencies=WRITES)
def file_tick(edge: EdgeOf, who: Files, task_id: Id, asked: FileTick) -> Response:
    """Tick a line of the checklist, or take the tick back; the same key twice is one."""
    return reply(edge.desk.field.file_tick(who, task_id, asked))


@router.post("/tasks/{task_id}/notes", response_model=TaskReply, dependencies=WRITES)
def file_words(edge: EdgeOf, who: Files, task_id: Id, asked: FileWords) -> Response:
    """File a report or a scanned code; the same key twice is one."""
    return reply(edge.desk.field.file_words(who, task_id, asked))


@router.post(
    "/tasks/{task_id}/photos",
    response_model=TaskReply,
    dependencies=WRITES,
    openapi_extra={"requestBody": _BODY},
)
async def file_photo(request: Request, edge: EdgeOf, who: Files, task_id: Id, *, key: Key, age_s: Age = 0) -> Response:
    """File a photo: the body is the JPEG. Whatever it says of itself, it is looked at; what is no picture is refused,
    and of a picture only the picture is kept."""
    content = await request.body()
    return reply(await run_in_threadpool(edge.desk.field.file_photo, who, task_id, content, key, age_s))


@router.get("/tasks/{task_id}/photos/{piece_id}", response_class=Response, responses=_PHOTO)
def photo(edge: EdgeOf, who: Annotated[Person, Depends(allowed("task.read"))], task_id: Id, piece_id: Id) -> Response:
    """Return a photo; it is written to the audit that this person looked at it."""
    content = edge.desk.field.photo(who, task_id, piece_id)
    return Response(content, 200, {"cache-control": "no-store", "content-disposition": "inline"}, PHOTO_TYPE)


@router.post("/position", status_code=204, response_model=None, dependencies=WRITES)
def share_position(
    edge: EdgeOf, who: Annotated[Person, Depends(allowed("position.share"))], asked: SharePosition
) -> Response:
    """Take in where the team of this person is: a thing of the panorama, that of the team and never of a person."""
    edge.desk.field.share_position(who, asked)
    return Response(status_code=204, headers={"cache-control": "no-store"})


@router.get("/phone", response_model=PhoneReply)
def phone(edge: EdgeOf, who: Files) -> Response:
    """Return the secret under which the phone of this person locks what waits to be sent."""
    return reply(edge.desk.field.phone(who))
